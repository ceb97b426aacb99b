//! Quotes, checkouts, and placing an order.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use domain::{
    CheckoutId,
    view::{CheckoutRequest, CheckoutView, OrderView, PlaceRequest, Problem, QuoteRequest, QuoteView},
};

use super::{
    extract::{Keyed, Lang, Whole, judge},
    problem::AppError,
    query::{Path, id},
};
use crate::{
    caller::{Whence, Who},
    state::AppState,
};

/// What a cart costs now. Holds nothing.
#[utoipa::path(post, path = "/quotes", tag = "shop", request_body = QuoteRequest,
    responses((status = 200, body = QuoteView), (status = 422, body = Problem, content_type = "application/problem+json")))]
pub async fn quote(
    State(app): State<AppState>,
    lang: Lang,
    Whole { body, misshapen }: Whole<QuoteRequest>,
) -> Result<Json<QuoteView>, AppError> {
    let (checkouts, naming) = (app.backend.checkouts.clone(), lang.naming());
    let quote = app.backend.db.snapshot(move |tx| Box::pin(async move { checkouts.quote_in(tx, &body, naming).await })).await;
    judge(misshapen, quote.map_err(AppError::from)).map(Json)
}

/// Begins a checkout: its stock is held until `expires_at`.
#[utoipa::path(post, path = "/checkouts", tag = "shop", request_body = CheckoutRequest,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = CheckoutView), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn begin(State(app): State<AppState>, Whence(client): Whence, keyed: Keyed<CheckoutRequest, true>) -> Result<Response, AppError> {
    let (backend, naming) = (app.backend.clone(), keyed.lang.naming());
    let from = backend.identities.network_of(&client);
    if let Err(refused) = backend.checkouts.may_begin(&backend.db, &keyed.caller, &keyed.body().store).await {
        // What was answered before is answered again.
        return keyed.replay(&app).await?.ok_or_else(|| refused.into());
    }
    keyed
        .run(&app, move |tx, caller, request| {
            Box::pin(async move {
                let checkout = backend.checkouts.begin_in(tx, &caller, Some(&from), &request, naming).await?;
                Ok((StatusCode::CREATED, checkout))
            })
        })
        .await
}

/// Gives a checkout up: its stock is free again.
#[utoipa::path(delete, path = "/checkouts/{id}", tag = "shop", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json")))]
pub async fn give_up(State(app): State<AppState>, Who(caller): Who, Path(checkout): Path<String>) -> Result<StatusCode, AppError> {
    if caller.key().is_none() {
        return Err(AppError::session_required());
    }
    let checkout: CheckoutId = id(&checkout, "checkout")?;
    let backend = app.backend.clone();
    app.backend.db.transaction(move |tx| Box::pin(async move { backend.checkouts.cancel_in(tx, &caller, checkout).await })).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Places the order. It is acknowledged in `created`; the card is charged after the answer.
#[utoipa::path(post, path = "/checkouts/{id}/place", tag = "shop", request_body = PlaceRequest,
    params(("id" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 201, body = OrderView), (status = 402, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json")))]
pub async fn place(State(app): State<AppState>, Path(checkout): Path<String>, keyed: Keyed<PlaceRequest>) -> Result<Response, AppError> {
    let checkout: CheckoutId = id(&checkout, "checkout")?;
    let (backend, naming) = (app.backend.clone(), keyed.lang.naming());
    keyed
        .run(&app, move |tx, caller, request| {
            Box::pin(async move {
                let order = backend.orders.place_and_view_in(tx, &caller, checkout, &request, naming).await?;
                Ok((StatusCode::CREATED, order))
            })
        })
        .await
}
