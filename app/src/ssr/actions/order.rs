//! Calling an order off, and ordering the same again.

use backend::{
    identity::ensure_session_in,
    ordering::{OrderingError, owner_of},
};
use domain::{OrderId, StoreId, pricing::LineRequest, view::LineView};
use leptos::prelude::*;
use uuid::Uuid;

use super::{
    super::visit::Visit,
    Done,
    once::{form_key, once},
    refusal, to,
};
use crate::{paths, wire::Refusal};

/// Calls an order off. `key` was made with the page: pressed twice, it is called off once, and that is what both are told.
#[server(name = CancelOrder, prefix = "/do", endpoint = "order/cancel")]
pub async fn cancel_order(#[server(default)] order: String, #[server(default)] key: String) -> Done<()> {
    let Ok(id) = order.parse::<OrderId>() else { return to(paths::ORDERS, ()) };
    match cancel(id, key).await {
        Ok(()) => to(&paths::order(id), ()),
        Err(refusal) => to(&format!("{}?error={}", paths::order(id), refusal.code), ()),
    }
}

async fn cancel(order: OrderId, key: String) -> Result<(), Refusal> {
    let visit = Visit::here();
    // A page of an older release sends none: then it is a wish of its own.
    let key = if key.is_empty() { Uuid::now_v7().to_string() } else { key };
    let key = form_key(&visit.caller, format!("{}?order={order}", paths::form::ORDER_CANCEL), &key)?;
    let (backend, caller) = (visit.backend.clone(), visit.caller.clone());
    let cancelled = once(&visit, key, String::new(), move |tx| {
        Box::pin(async move {
            ensure_session_in(tx, &caller).await?;
            backend.orders.cancel_in(tx, &caller, order, None).await.map(|order| order.to_string())
        })
    });
    cancelled.await.map(drop)
}

/// Puts what was ordered back into its shopper's cart. The checkout says what is not offered any more.
#[server(name = OrderAgain, prefix = "/do", endpoint = "order/again")]
pub async fn order_again(#[server(default)] order: String) -> Done<()> {
    let Ok(id) = order.parse::<OrderId>() else { return to(paths::ORDERS, ()) };
    match again(id).await {
        Ok(store) => to(&paths::checkout_again(store, id), ()),
        Err(refusal) => to(&format!("{}?error={}", paths::order(id), refusal.code), ()),
    }
}

async fn again(id: OrderId) -> Result<StoreId, Refusal> {
    let visit = Visit::here();
    let owner = owner_of(&visit.caller).map_err(|error| refusal(&error))?;
    let mut sql = visit.backend.db.reader();
    let order = visit.backend.orders.view_for(&mut sql, &visit.caller, id, visit.naming()).await.map_err(|error| refusal(&error))?;
    drop(sql);
    let lines = order.lines.iter().map(as_ordered).collect();
    let (carts, caller, store) = (visit.backend.carts, visit.caller.clone(), order.store.clone());
    let filled = visit.backend.db.transaction(move |tx| {
        Box::pin(async move {
            ensure_session_in(tx, &caller).await?;
            carts.refill_in(tx, &owner, &store, id, lines).await
        })
    });
    filled.await.map_err(|error: OrderingError| refusal(&error))?;
    Ok(order.store)
}

/// A line of an order as it was asked for.
pub fn as_ordered(line: &LineView) -> LineRequest {
    let options = line.options.iter().map(|option| option.id.to_string()).collect();
    LineRequest { sku: line.sku.to_string(), quantity: line.quantity, options }
}
