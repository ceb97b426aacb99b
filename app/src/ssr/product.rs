//! A product with its options.

use backend::db::DbError;
use domain::{StoreId, prep::FulfilmentKind, pricing::MAX_QUANTITY, view::ProductView};
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
    pieces::{icon, notice},
    wire::Chosen,
    words as w,
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
    let there = if error.as_deref() == Some("quantity_out_of_range") { there(&visit, &row.id, &chosen).await? } else { None };
    let notice_of_form = match there {
        Some(there) => Some(notice("stop", w::problem::title(locale).to_owned(), Some(w::cart_takes(there, locale)))),
        None => problem(error.as_deref(), locale),
    };
    let let_in = admitted(&visit, status.clone()).await?;
    let main = view! {
        {head}
        <Html {..} data-bars="product"/>
        <main class="page" id="main">
            <a class="back" href=paths::store(&row.id)>{icon("back")}{name}</a>
            {notice_of_form}
            <article class="product">
                <div class="product__media">{picture(shown.image.as_ref(), "product__picture", true, true)}</div>
                <div class="product__form">
                    <div class="product__head">
                        <h1>{shown.name.clone()}</h1>
                        <p class="lead">{shown.description.clone()}</p>
                        <StoreStatus store=status.clone() ships locale/>
                        {let_in}
                        <div class="live-quiet"><LiveLine clock=Some(clock(&row.time_zone, visit.now)) locale/></div>
                    </div>
                    <ProductForm menu=only status now=visit.now chosen sent locale/>
                </div>
            </article>
        </main>
    };
    Ok(frame(&visit, main.into_any()))
}

/// How many are in the cart of what was chosen, where those that were to be added are not too many by themselves.
async fn there(visit: &Visit, store: &StoreId, chosen: &Chosen) -> Result<Option<i64>, DbError> {
    let mut options = chosen.options.clone().unwrap_or_default();
    options.retain(|id| !id.is_empty());
    options.sort();
    let lines = visit.cart(store).await?;
    let same = lines.iter().find(|line| chosen.sku.as_ref() == Some(&line.request.sku) && line.request.options == options);
    let wanted = chosen.quantity.unwrap_or_default();
    Ok(same.map(|same| same.request.quantity).filter(|there| there.saturating_add(wanted) > MAX_QUANTITY))
}
