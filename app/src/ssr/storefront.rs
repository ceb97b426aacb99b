//! A store's menu.

use domain::{
    StoreId,
    prep::FulfilmentKind,
    view::{CategoryView, ImageView, MenuView, ProductView},
};
use leptos::prelude::*;
use leptos_meta::Html;

use super::{
    failure::Failure,
    frame::{empty, frame, problem},
    scan::admitted,
    seo::{self, Head, head},
    visit::{Visit, clock, page, param, query, summary},
};
use crate::{
    islands::{CardVariant, CartBar, LiveLine, ProductCard, StoreStatus},
    paths, words as w,
};

/// How many pictures are above the fold on a phone.
const EAGER: usize = 4;

/// `/s/{store}`
#[component]
pub fn Storefront() -> impl IntoView {
    let visit = Visit::here();
    let (store, error) = (param("store"), query("error"));
    page(async move { body(visit, store, error).await })
}

async fn body(visit: Visit, store: String, error: Option<String>) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let row = visit.store(&store).await?;
    let status = visit.backend.stores.view(&mut visit.backend.db.reader(), &row.id, visit.naming()).await?.ok_or(Failure::NotFound)?;
    let menu = visit.menu(&row.id).await?;
    let cart = summary(&menu, &visit.cart(&row.id).await?, visit.now);
    let view = MenuView::of(&menu, locale, visit.now);
    let (name, tagline) = (row.name.in_locale(locale).to_owned(), row.tagline.in_locale(locale).to_owned());
    let path = paths::store(&row.id);
    let head = head(
        &visit,
        Head {
            title: name.clone(),
            description: w::store::description(locale, &tagline),
            picture: None,
            data: Some(seo::menu(&name, &view, &path)),
            canonical: Some(path),
            indexed: true,
        },
    );
    let ships = row.fulfilment == FulfilmentKind::Ship;
    let nav = view
        .categories
        .iter()
        .map(|category| view! { <li><a href=format!("#{}", category.id)>{category.name.clone()}</a></li> })
        .collect_view();
    let mut shown = 0;
    let sections = view
        .categories
        .iter()
        .map(|category| {
            let before = shown;
            shown += category.products.len();
            section(category, before, &row.id, view.version, &visit)
        })
        .collect_view();
    let menu = if view.categories.iter().all(|category| category.products.is_empty()) {
        empty(w::menu::empty_title(locale), w::menu::empty_text(locale), Some((paths::HOME.to_owned(), w::lost::all_places(locale))))
            .into_any()
    } else {
        view! { <nav class="menu-nav" aria-label=w::menu::nav(locale)><ul>{nav}</ul></nav>{sections} }.into_any()
    };
    let notice = admitted(&visit, status.clone()).await?;
    let main = view! {
        {head}
        <Html {..} data-bars="menu"/>
        // Before the menu, so that it is not behind everything that is on it.
        <CartBar store=row.id.clone() cart locale/>
        <main class="page" id="main">
            {problem(error.as_deref(), locale)}
            <div class="store-head">
                <img class="store-head__picture" src=format!("/img/stores/{}.svg", row.id) width="800" height="450" alt="" fetchpriority="high"/>
                <div class="store-head__text">
                    <h1>{name}</h1>
                    <p class="lead">{tagline}</p>
                    <StoreStatus store=status.clone() ships locale/>
                    {notice}
                    <LiveLine clock=Some(clock(&row.time_zone, visit.now)) locale/>
                </div>
            </div>
            {menu}
        </main>
    };
    Ok(frame(&visit, main.into_any()))
}

fn section(category: &CategoryView, before: usize, store: &StoreId, version: i64, visit: &Visit) -> AnyView {
    let title = format!("{}-title", category.id);
    let cards = category
        .products
        .iter()
        .enumerate()
        .map(|(at, product)| view! { <li>{card(product, before + at < EAGER, store, version, visit)}</li> })
        .collect_view();
    view! {
        <section class="menu-section" id=category.id.to_string() aria-labelledby=title.clone()>
            <h2 id=title.clone()>{category.name.clone()}</h2>
            <ul class="product-grid">{cards}</ul>
        </section>
    }
    .into_any()
}

fn card(product: &ProductView, eager: bool, store: &StoreId, version: i64, visit: &Visit) -> AnyView {
    let variants = product
        .variants
        .iter()
        .map(|variant| CardVariant {
            sku: variant.sku.clone(),
            price: variant.price,
            list_price: variant.list_price,
            available: variant.available,
        })
        .collect();
    let ready = product.modifiers.iter().all(|group| group.min == 0);
    let href = paths::product(store, &product.id);
    let picture = picture(product.image.as_ref(), "product-card__picture", eager, false);
    let (name, text) = (product.name.clone(), product.description.clone());
    view! {
        <ProductCard store=store.clone() product=product.id.clone() name=product.name.clone() variants menu=version ready locale=visit.locale>
            {picture}
            <h3><a href=href>{name}</a></h3>
            <p class="product-card__text">{text}</p>
        </ProductCard>
    }
    .into_any()
}

/// A product's picture in the best format the browser knows; the space it takes is known before it comes.
pub fn picture(image: Option<&ImageView>, class: &'static str, eager: bool, first: bool) -> AnyView {
    let Some(image) = image else {
        return view! { <img class=class src="/img/empty.svg" width="400" height="300" alt="" loading="lazy"/> }.into_any();
    };
    let mut types: Vec<&str> = image.sources.iter().map(|source| source.media_type.as_str()).collect();
    types.dedup();
    let sources = types
        .into_iter()
        .map(|media_type| {
            let of_type = image.sources.iter().filter(|source| source.media_type == media_type);
            let set = of_type.map(|source| format!("{} {}w", source.url, source.width)).collect::<Vec<_>>().join(", ");
            view! { <source type=media_type.to_owned() srcset=set sizes="(min-width: 48rem) 20rem, 50vw"/> }
        })
        .collect_view();
    let picture = view! {
        <img class=class src=image.url.clone() width=image.width height=image.height alt=image.alt.clone()
            loading=(!eager).then_some("lazy") fetchpriority=first.then_some("high")/>
    };
    if image.sources.is_empty() { picture.into_any() } else { view! { <picture>{sources}{picture}</picture> }.into_any() }
}
