//! Calling an order off.

use backend::{identity::ensure_session_in, ordering::OrderingError};
use domain::OrderId;
use leptos::prelude::*;

use super::{super::visit::Visit, Done, refusal, to};
use crate::{paths, wire::Refusal};

#[server(name = CancelOrder, prefix = "/do", endpoint = "order/cancel")]
pub async fn cancel_order(#[server(default)] order: String) -> Done<()> {
    let Ok(id) = order.parse::<OrderId>() else { return to(paths::ORDERS, ()) };
    match cancel(id).await {
        Ok(()) => to(&paths::order(id), ()),
        Err(refusal) => to(&format!("{}?error={}", paths::order(id), refusal.code), ()),
    }
}

async fn cancel(order: OrderId) -> Result<(), Refusal> {
    let visit = Visit::here();
    let (backend, caller) = (visit.backend.clone(), visit.caller.clone());
    let cancelled = visit.backend.db.transaction(move |tx| {
        Box::pin(async move {
            ensure_session_in(tx, &caller).await?;
            backend.orders.cancel_in(tx, &caller, order, None).await
        })
    });
    cancelled.await.map(drop).map_err(|error: OrderingError| refusal(&error))
}
