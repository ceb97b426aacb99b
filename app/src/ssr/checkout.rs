//! Cart and checkout.

use domain::prep::FulfilmentKind;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use uuid::Uuid;

use super::{
    actions::draft::Draft,
    failure::Failure,
    frame::{empty, frame, problem},
    seo::{Head, head},
    visit::{Visit, page, param, query},
};
use crate::{
    islands::Checkout,
    paths,
    pieces::icon,
    wire::{self, Refusal},
    words as w,
};

/// `/s/{store}/checkout`
#[component]
pub fn CheckoutPage() -> impl IntoView {
    let visit = Visit::here();
    let (store, error) = (param("store"), query("error"));
    let draft = Draft::take(use_context::<ResponseOptions>().as_ref());
    page(async move { body(visit, store, error, draft).await })
}

async fn body(visit: Visit, store: String, error: Option<String>, draft: Option<Draft>) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let row = visit.store(&store).await?;
    let lines = visit.cart(&row.id).await?;
    let head = head(&visit, Head { title: format!("{} · {}", w::checkout::title(locale), row.name.in_locale(locale)), ..Head::default() });
    if lines.is_empty() {
        let menu = (paths::store(&row.id), w::cart::see_menu(locale));
        let main = view! {
            {head}
            <main class="page page--narrow" id="main">
                {problem(error.as_deref().filter(|error| *error != "no_lines"), locale)}
                {empty(w::cart::empty_title(locale), w::cart::empty_text(locale), Some(menu))}
            </main>
        };
        return Ok(frame(&visit, main.into_any()));
    }
    let status = visit.backend.stores.view(&mut visit.backend.db.reader(), &row.id, visit.naming()).await?.ok_or(Failure::NotFound)?;
    let menu = visit.menu(&row.id).await?;
    let wanted = |sku: &str| lines.iter().any(|line| line.request.sku == sku);
    let draft = draft.unwrap_or_default();
    let data = wire::CheckoutPage {
        store: row.id.clone(),
        store_name: row.name.in_locale(locale).to_owned(),
        menu: menu.only(|product| product.variants.iter().any(|variant| wanted(variant.sku.as_str()))),
        lines: lines.clone(),
        ships: row.fulfilment == FulfilmentKind::Ship,
        wait_seconds: status.estimated_wait_seconds,
        key: Uuid::now_v7().to_string(),
        address: draft.address,
        wallet: visit.wallet().await?,
        refusal: error.map(|code| Refusal { code, faults: draft.faults }),
    };
    let main = view! {
        {head}
        <main class="page" id="main">
            <a class="back" href=paths::store(&row.id)>{icon("back")}{row.name.in_locale(locale).to_owned()}</a>
            <div class="stack">
                <h1>{w::checkout::title(locale)}</h1>
                <Checkout page=data now=visit.now locale/>
            </div>
        </main>
    };
    Ok(frame(&visit, main.into_any()))
}
