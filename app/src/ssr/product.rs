//! A product with its options.

use domain::{prep::FulfilmentKind, view::ProductView};
use leptos::prelude::*;
use leptos_meta::Html;

use super::{
    failure::Failure,
    frame::{frame, problem},
    scan::admitted,
    seo::{self, Head, head},
    storefront::picture,
    visit::{Visit, clock, page, param, query},
};
use crate::{
    islands::{LiveLine, ProductForm, StoreStatus},
    paths,
    pieces::icon,
    wire::Chosen,
};

/// `/s/{store}/p/{product}`
#[component]
pub fn ProductPage() -> impl IntoView {
    let visit = Visit::here();
    let (store, product, error) = (param("store"), param("product"), query("error"));
    let chosen = Chosen {
        sku: query("sku"),
        // A form that came back with none chosen had none.
        options: query("options")
            .map(|options| options.split(',').map(ToOwned::to_owned).collect())
            .or_else(|| error.is_some().then(Vec::new)),
        quantity: query("quantity").and_then(|quantity| quantity.parse().ok()),
    };
    page(async move { body(visit, store, product, chosen, error).await })
}

async fn body(visit: Visit, store: String, product: String, chosen: Chosen, error: Option<String>) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let row = visit.store(&store).await?;
    let status = visit.backend.stores.view(&mut visit.backend.db.reader(), &row.id, visit.naming()).await?.ok_or(Failure::NotFound)?;
    let ships = row.fulfilment == FulfilmentKind::Ship;
    let menu = visit.menu(&row.id).await?;
    let shown = ProductView::of(menu.product(&product).ok_or(Failure::NotFound)?, locale, visit.now);
    let only = menu.only(|other| other.id == shown.id);
    let name = row.name.in_locale(locale).to_owned();
    let path = paths::product(&row.id, &shown.id);
    let head = head(
        &visit,
        Head {
            title: format!("{} · {name}", shown.name),
            description: shown.description.clone(),
            picture: shown.image.as_ref().map(|image| image.url.clone()),
            data: Some(seo::product(&shown, &path)),
            canonical: Some(path),
            indexed: true,
        },
    );
    let sent = error.is_some();
    let notice = admitted(&visit, status.clone()).await?;
    let main = view! {
        {head}
        <Html {..} data-bars="product"/>
        <main class="page" id="main">
            <a class="back" href=paths::store(&row.id)>{icon("back")}{name}</a>
            {problem(error.as_deref(), locale)}
            <article class="product">
                <div class="product__media">{picture(shown.image.as_ref(), "product__picture", true, true)}</div>
                <div class="product__form">
                    <div class="product__head">
                        <h1>{shown.name.clone()}</h1>
                        <p class="lead">{shown.description.clone()}</p>
                        <StoreStatus store=status.clone() ships locale/>
                        {notice}
                        <div class="live-quiet"><LiveLine clock=Some(clock(&row.time_zone, visit.now)) locale/></div>
                    </div>
                    <ProductForm menu=only status now=visit.now chosen sent locale/>
                </div>
            </article>
        </main>
    };
    Ok(frame(&visit, main.into_any()))
}
