//! Where would you like to order from?

use domain::{prep::FulfilmentKind, view::StoreView};
use leptos::prelude::*;

use super::{
    failure::Failure,
    frame::{empty, frame},
    seo::{Head, head},
    visit::{Visit, page},
};
use crate::{islands::store_facts, paths, words as w};

/// `/`
#[component]
pub fn Home() -> impl IntoView {
    let visit = Visit::here();
    page(async move { body(visit).await })
}

async fn body(visit: Visit) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let mut sql = visit.backend.db.reader();
    let rows = visit.backend.stores.list(&mut sql).await?;
    let views = visit.backend.stores.views(&mut sql, visit.naming()).await?;
    drop(sql);
    let head = head(
        &visit,
        Head {
            title: w::home::title(locale).to_owned(),
            description: w::home::description(locale).to_owned(),
            picture: None,
            canonical: Some(paths::HOME.to_owned()),
            indexed: true,
            data: None,
        },
    );
    let cards = rows
        .iter()
        .zip(&views)
        .enumerate()
        .map(|(at, (row, view))| {
            let ships = row.fulfilment == FulfilmentKind::Ship;
            card(view, row.tagline.in_locale(locale).to_owned(), ships, at == 0, &visit)
        })
        .collect_view();
    let main = if rows.is_empty() {
        view! { {head}<main class="page page--narrow" id="main">{empty(w::home::none_title(locale), w::home::none_text(locale), None)}</main> }.into_any()
    } else {
        view! {
            {head}
            <main class="page" id="main">
                <div class="welcome"><h1>{w::home::heading(locale)}</h1><p class="lead">{w::home::lead(locale)}</p></div>
                <ul class="store-list">{cards}</ul>
            </main>
        }
        .into_any()
    };
    Ok(frame(&visit, main))
}

fn card(store: &StoreView, tagline: String, ships: bool, first: bool, visit: &Visit) -> AnyView {
    let id = store.id.to_string();
    view! {
        <li>
            <article class="store-card" data-testid=format!("store-{id}")>
                <img class="store-card__picture" src=format!("/img/stores/{id}.svg") width="800" height="450" alt=""
                    loading=(!first).then_some("lazy") fetchpriority=first.then_some("high")/>
                <div class="store-card__body">
                    <h2><a href=paths::store(&id)>{store.name.clone()}</a></h2>
                    <p>{tagline}</p>
                    <div class="facts">{store_facts(store, ships, visit.locale)}</div>
                </div>
            </article>
        </li>
    }
    .into_any()
}
