//! Orders and what happened to them.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use backend::{db::Tx, identity::Caller, ordering::Orders};
use domain::{
    OrderId,
    view::{JourneyEntry, Naming, OrderView, Page, PickupTicketView, Problem},
};
use serde::Deserialize;

use super::{
    extract::{Keyed, Lang},
    problem::AppError,
    query::{Paging, Params, Part, Path, cursor, id},
};
use crate::{caller::Who, state::AppState};

/// My orders, newest first.
#[utoipa::path(get, path = "/orders", tag = "orders", params(Paging),
    responses((status = 200, body = Page<OrderView>), (status = 401, body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(app): State<AppState>,
    Who(caller): Who,
    lang: Lang,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<OrderView>>, AppError> {
    let limit = paging.limit()?;
    let owner = backend::ordering::owner_of(&caller)?;
    let after = paging.cursor.as_deref().map(cursor).transpose()?;
    let page = app.backend.orders.list(&mut app.backend.db.reader(), &owner, after, limit, lang.naming()).await?;
    Ok(Json(page))
}

/// Nobody has no orders: 401, before anything is looked up.
fn known(caller: &Caller) -> Result<(), AppError> {
    if caller.is_nobody() { Err(AppError::session_required()) } else { Ok(()) }
}

/// One order, for its owner and the store's staff.
#[utoipa::path(get, path = "/orders/{id}", tag = "orders", params(("id" = String, Path)),
    responses((status = 200, body = OrderView), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn order(
    State(app): State<AppState>,
    Who(caller): Who,
    lang: Lang,
    Path(order): Path<String>,
) -> Result<Json<OrderView>, AppError> {
    known(&caller)?;
    let order: OrderId = id(&order, "order")?;
    let view = app.backend.orders.view_for(&mut app.backend.db.reader(), &caller, order, lang.naming()).await?;
    Ok(Json(view))
}

/// Everything that happened to an order, in time order, with who did it and why.
#[utoipa::path(get, path = "/orders/{id}/journey", tag = "orders", params(("id" = String, Path), Part),
    responses((status = 200, body = Page<JourneyEntry>), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn journey(
    State(app): State<AppState>,
    Who(caller): Who,
    Path(order): Path<String>,
    Params(part): Params<Part>,
) -> Result<Json<Page<JourneyEntry>>, AppError> {
    known(&caller)?;
    let order: OrderId = id(&order, "order")?;
    let journey = app.backend.orders.journey(&mut app.backend.db.reader(), &caller, order).await?;
    // Nothing of it ever changes its place.
    part.of(journey, |at, _| at.to_string()).map(Json)
}

/// What an order's shopper shows to a kiosk's scanner to have it handed over: for its owner alone, until it is.
#[utoipa::path(get, path = "/orders/{id}/ticket", tag = "orders", params(("id" = String, Path)),
    responses((status = 200, body = PickupTicketView), (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json")))]
pub async fn ticket(State(app): State<AppState>, Who(caller): Who, Path(order): Path<String>) -> Result<Response, AppError> {
    known(&caller)?;
    let order: OrderId = id(&order, "order")?;
    let ticket = app.backend.tickets.of(&mut app.backend.db.reader(), &caller, order).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(ticket)).into_response())
}

/// Why an order is called off.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// At most 200 characters.
    #[serde(default)]
    pub reason: Option<String>,
}

/// The order as it is now: the answer of what has changed it.
pub async fn as_it_is(orders: &Orders, tx: &mut Tx, order: OrderId, naming: Naming) -> Result<(StatusCode, OrderView), AppError> {
    let view = orders.view(tx, order, naming).await?.ok_or_else(|| AppError::not_found("order"))?;
    Ok((StatusCode::OK, view))
}

/// Calls an order off: its owner until work on it starts, staff until it is handed over.
#[utoipa::path(post, path = "/orders/{id}/cancel", tag = "orders", request_body = CancelRequest,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = OrderView), (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json")))]
pub async fn cancel(State(app): State<AppState>, Path(order): Path<String>, keyed: Keyed<CancelRequest>) -> Result<Response, AppError> {
    let order: OrderId = id(&order, "order")?;
    let (backend, naming) = (app.backend.clone(), keyed.lang.naming());
    keyed
        .run(&app, move |tx, caller, request| {
            Box::pin(async move {
                backend.orders.cancel_in(tx, &caller, order, request.reason).await?;
                as_it_is(&backend.orders, tx, order, naming).await
            })
        })
        .await
}
