//! Scans, the code that a kiosk shows, and the tickets that it reads.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    KioskId,
    live::KioskCodeView,
    view::{AdmissionView, CollectRequest, OrderView, Problem, ScanRequest},
};

use super::{
    extract::{Keyed, held},
    orders::as_it_is,
    problem::AppError,
    query::{Path, id},
    session::limited,
};
use crate::{
    caller::{Whence, Who},
    state::AppState,
};

/// Spends a scan of the code that a kiosk shows on an admission: the right to one order, good until `expires_at`. The same
/// caller gets the same admission for the same code.
#[utoipa::path(post, path = "/scans", tag = "shop", request_body = ScanRequest, params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = AdmissionView), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
pub async fn scan(State(app): State<AppState>, Whence(client): Whence, keyed: Keyed<ScanRequest>) -> Result<Response, AppError> {
    if let Some(replayed) = keyed.replay(&app).await? {
        return Ok(replayed.into_response());
    }
    let backend = app.backend.clone();
    // Somebody who is not signed in learns nothing about a code, so their tries are no guesses.
    if keyed.caller.user().is_some() {
        backend.may_try_code(&keyed.caller, &client, &keyed.body().code).await.map_err(limited)?;
    }
    keyed
        .run(&app, move |tx, caller, request| {
            Box::pin(async move { Ok((StatusCode::CREATED, backend.kiosks.scan_in(tx, &caller, &request.code).await?)) })
        })
        .await
}

/// The code that a kiosk shows now, for the kiosk itself and the store's managers.
#[utoipa::path(get, path = "/kiosks/{kiosk}/code", tag = "kiosk", params(("kiosk" = String, Path)),
    responses((status = 200, body = KioskCodeView), (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn code(State(app): State<AppState>, Who(caller): Who, Path(kiosk): Path<String>) -> Result<Json<KioskCodeView>, AppError> {
    let kiosk: KioskId = id(&kiosk, "kiosk")?;
    let kiosks = &app.backend.kiosks;
    let mut reader = app.backend.db.reader();
    kiosks.store_for(&mut reader, &caller, &kiosk).await?;
    if let Some(shown) = kiosks.shown(&mut reader, &kiosk).await? {
        return Ok(Json(shown));
    }
    let (kiosks, asking) = (kiosks.clone(), caller.clone());
    held(&app, caller, move |tx| Box::pin(async move { kiosks.code_in(tx, &asking, &kiosk).await })).await.map(Json)
}

/// Hands over the order of a pick-up ticket that a kiosk's scanner has read: once, when it is ready, at a kiosk of its store.
#[utoipa::path(post, path = "/kiosks/{kiosk}/collect", tag = "kiosk", request_body = CollectRequest,
    params(("kiosk" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = OrderView), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json")))]
pub async fn collect(State(app): State<AppState>, Path(kiosk): Path<String>, keyed: Keyed<CollectRequest>) -> Result<Response, AppError> {
    // What cannot be a kiosk's name is none of the caller's.
    let kiosk: KioskId = kiosk.parse().map_err(|_| AppError::forbidden())?;
    let (backend, naming) = (app.backend.clone(), keyed.lang.naming());
    keyed
        .run(&app, move |tx, caller, request| {
            Box::pin(async move {
                let order = backend.queue.collect_by_ticket_in(tx, &backend.tickets, &caller, &kiosk, &request.ticket).await?;
                as_it_is(&backend.orders, tx, order, naming).await
            })
        })
        .await
}
