//! Into the cart, and out of it.

use std::collections::BTreeMap;

use backend::{
    db::DbError,
    idempotency,
    identity::ensure_session_in,
    ordering::{OrderingError, owner_of},
};
use domain::{LineId, OptionId, Sku, StoreId, pricing::LineRequest};
use leptos::prelude::*;
use uuid::Uuid;

use super::{
    super::visit::{Visit, summary},
    Done, number,
    once::{form_key, once},
    refusal, to,
};
use crate::{
    paths,
    wire::{CartAnswer, Line, Refusal, SwapAnswer},
};

/// Puts a line into the cart. `key` is a script's: sent twice, for the first answer was lost, it is added once.
#[server(name = AddToCart, prefix = "/do", endpoint = "cart/add")]
pub async fn add_to_cart(
    #[server(default)] store: String,
    #[server(default)] key: String,
    #[server(default)] product: String,
    #[server(default)] sku: String,
    #[server(default)] quantity: String,
    #[server(default)] options: BTreeMap<String, Vec<String>>,
) -> Done<CartAnswer> {
    let line = LineRequest { sku, quantity: number(&quantity), options: options.into_values().flatten().collect() };
    let visit = Visit::here();
    match add(&visit, &store, key, line.clone()).await {
        Ok(at) => {
            // It is done, though the cart may not be read now: the form is not shown again to be sent again.
            let now = answer(&visit, &at).await.unwrap_or_else(|refusal| CartAnswer::Refused(refusal.said(visit.locale)));
            to(&paths::store(&store), now)
        }
        Err(refusal) => {
            let page = format!("{}?error={}{}", paths::product(&store, &product), told(&refusal), typed(&line));
            to(&page, CartAnswer::Refused(refusal.said(visit.locale)))
        }
    }
}

async fn add(visit: &Visit, store: &str, key: String, line: LineRequest) -> Result<StoreId, Refusal> {
    let store: StoreId = store.parse().map_err(|_| refusal(&OrderingError::UnknownStore))?;
    let owner = owner_of(&visit.caller).map_err(|error| refusal(&error))?;
    // Without scripts a form has none: who goes back to it and presses again wants more, so that each is a wish of its own.
    let key = if key.is_empty() { Uuid::now_v7().to_string() } else { key };
    let key = form_key(&visit.caller, format!("{}?store={store}", paths::form::CART_ADD), &key)?;
    let fingerprint = idempotency::fingerprint(format!("{line:?}").as_bytes());
    let (backend, caller, at) = (visit.backend.clone(), visit.caller.clone(), store.clone());
    let added = once(visit, key, fingerprint, move |tx| {
        Box::pin(async move {
            ensure_session_in(tx, &caller).await?;
            backend.carts.add_in(tx, &owner, &at, line).await.map(|line| line.to_string())
        })
    });
    added.await?;
    Ok(store)
}

/// The cart as it is now.
async fn answer(visit: &Visit, store: &StoreId) -> Result<CartAnswer, Refusal> {
    let read = async {
        let owner = visit.owner().ok_or(DbError::NotFound)?;
        let lines = visit.backend.carts.get(&mut visit.backend.db.reader(), &owner, store).await?;
        let lines: Vec<_> = lines.into_iter().map(|line| crate::wire::Line { id: line.id.to_string(), request: line.request }).collect();
        let menu = visit.backend.catalog.menu(store).await?.ok_or(DbError::NotFound)?;
        Ok(CartAnswer::Done(summary(&menu, &lines, visit.now)))
    };
    read.await.map_err(|error: DbError| refusal(&error))
}

/// What the next page says of a refusal.
fn told(refusal: &Refusal) -> String {
    refusal.clone().of_cart().code
}

/// What was chosen, for the form to show again. What is not even an id is left out.
fn typed(line: &LineRequest) -> String {
    let sku = line.sku.parse::<Sku>().map(|sku| format!("&sku={sku}")).unwrap_or_default();
    let options: Vec<_> = line.options.iter().filter(|id| id.parse::<OptionId>().is_ok()).map(String::as_str).collect();
    format!("{sku}&options={}&quantity={}", options.join(","), line.quantity.clamp(1, 99))
}

#[server(name = SetQuantity, prefix = "/do", endpoint = "cart/set")]
pub async fn set_quantity(
    #[server(default)] store: String,
    #[server(default)] line: String,
    #[server(default)] quantity: String,
) -> Done<CartAnswer> {
    match set(&store, &line, number(&quantity)).await {
        Ok(answer) => to(&paths::checkout(&store), answer),
        Err(refusal) => {
            to(&format!("{}?error={}", paths::checkout(&store), told(&refusal)), CartAnswer::Refused(refusal.said(Visit::here().locale)))
        }
    }
}

async fn set(store: &str, line: &str, quantity: i64) -> Result<CartAnswer, Refusal> {
    let visit = Visit::here();
    let store: StoreId = store.parse().map_err(|_| refusal(&OrderingError::UnknownStore))?;
    let line: LineId = line.parse().map_err(|_| refusal(&OrderingError::NotFound))?;
    let owner = owner_of(&visit.caller).map_err(|error| refusal(&error))?;
    let (backend, caller, at) = (visit.backend.clone(), visit.caller.clone(), store.clone());
    let changed = visit.backend.db.transaction(move |tx| {
        Box::pin(async move {
            ensure_session_in(tx, &caller).await?;
            backend.carts.set_quantity_in(tx, &owner, &at, line, quantity).await
        })
    });
    changed.await.map_err(|error: OrderingError| refusal(&error))?;
    answer(&visit, &store).await
}

/// Puts something else into the place of a line: what was offered for what is sold out.
#[server(name = SwapLine, prefix = "/do", endpoint = "cart/swap")]
pub async fn swap_line(
    #[server(default)] store: String,
    #[server(default)] line: String,
    #[server(default)] sku: String,
    #[server(default)] options: Vec<String>,
) -> Done<SwapAnswer> {
    let page = paths::checkout(&store);
    match swap(&store, &line, LineRequest { sku, quantity: 1, options }).await {
        Ok((line, lines)) => to(&format!("{page}#line-{line}"), SwapAnswer::Done(lines)),
        Err(refusal) => to(&format!("{page}?error={}", told(&refusal)), SwapAnswer::Refused(refusal.said(Visit::here().locale))),
    }
}

async fn swap(store: &str, line: &str, with: LineRequest) -> Result<(LineId, Vec<Line>), Refusal> {
    let visit = Visit::here();
    let store: StoreId = store.parse().map_err(|_| refusal(&OrderingError::UnknownStore))?;
    let line: LineId = line.parse().map_err(|_| refusal(&OrderingError::NotFound))?;
    let owner = owner_of(&visit.caller).map_err(|error| refusal(&error))?;
    let (backend, caller, at) = (visit.backend.clone(), visit.caller.clone(), store.clone());
    let swapped = visit.backend.db.transaction(move |tx| {
        Box::pin(async move {
            ensure_session_in(tx, &caller).await?;
            backend.carts.swap_in(tx, &owner, &at, line, with).await
        })
    });
    swapped.await.map_err(|error: OrderingError| refusal(&error))?;
    Ok((line, visit.cart(&store).await.map_err(|error| refusal(&error))?))
}
