//! The barista's queue.

use axum::{Json, extract::State, response::Response};
use domain::{
    OrderId, StoreId,
    view::{OrderView, Problem, QueueView},
};

use super::{
    extract::{Keyed, Lang, Nothing},
    orders::{CancelRequest, as_it_is},
    problem::AppError,
    query::{Path, id},
};
use crate::{caller::Who, state::AppState};

/// The lanes of a store.
#[utoipa::path(get, path = "/staff/stores/{store}/queue", tag = "staff", params(("store" = String, Path)),
    responses((status = 200, body = QueueView), (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json")))]
pub async fn queue(
    State(app): State<AppState>,
    Who(caller): Who,
    lang: Lang,
    Path(store): Path<String>,
) -> Result<Json<QueueView>, AppError> {
    let store: StoreId = id(&store, "store")?;
    caller.require(backend::identity::Right::Queue, &store)?;
    let naming = lang.naming();
    let queue = app.backend.queue;
    let view = app.backend.db.snapshot(move |tx| Box::pin(async move { queue.view(tx, &store, naming).await })).await?;
    Ok(Json(view))
}

/// Declares the calls that move one ticket.
macro_rules! moves {
    ($($(#[$doc:meta])* $name:ident $path:literal $method:ident;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "staff", params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
            responses((status = 200, body = OrderView), (status = 403, body = Problem, content_type = "application/problem+json"),
                (status = 404, body = Problem, content_type = "application/problem+json"),
                (status = 409, body = Problem, content_type = "application/problem+json")))]
        pub async fn $name(State(app): State<AppState>, Path(order): Path<String>, keyed: Keyed<Nothing>) -> Result<Response, AppError> {
            let order: OrderId = id(&order, "order")?;
            let (backend, naming) = (app.backend.clone(), keyed.lang.naming());
            keyed
                .run(&app, move |tx, caller, _| {
                    Box::pin(async move {
                        backend.queue.$method(tx, &caller, order).await?;
                        as_it_is(&backend.orders, tx, order, naming).await
                    })
                })
                .await
        }
    )*};
}

moves! {
    /// Takes a ticket. Exclusive: who comes second gets 409 `already_claimed` with the holder. The holder gets it again.
    claim "/staff/orders/{id}/claim" claim_in;
    /// Gives a ticket back to the queue.
    release "/staff/orders/{id}/release" release_in;
    /// The drink stands at the counter.
    ready "/staff/orders/{id}/ready" ready_in;
    /// The shopper has it.
    collect "/staff/orders/{id}/collect" collect_in;
    /// Back from the counter: something is missing.
    recall "/staff/orders/{id}/recall" recall_in;
}

/// Calls an order off on behalf of the store, until it is handed over. What was paid is refunded.
#[utoipa::path(post, path = "/staff/orders/{id}/cancel", tag = "staff", request_body = CancelRequest,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = OrderView), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json")))]
pub async fn cancel(State(app): State<AppState>, Path(order): Path<String>, keyed: Keyed<CancelRequest>) -> Result<Response, AppError> {
    let order: OrderId = id(&order, "order")?;
    let (backend, naming) = (app.backend.clone(), keyed.lang.naming());
    keyed
        .run(&app, move |tx, caller, request| {
            Box::pin(async move {
                backend.orders.cancel_as_staff_in(tx, &caller, order, request.reason).await?;
                as_it_is(&backend.orders, tx, order, naming).await
            })
        })
        .await
}
