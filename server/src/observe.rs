//! What every request gets, whoever answers it: an id, a span in the log, a count, and an answer even to a panic.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::api::problem::{AppError, RequestId};
use crate::state::AppState;

/// The outermost layer. The route's pattern is logged, never the path or the query: they may carry what is secret.
pub async fn request(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = Uuid::now_v7().to_string();
    let method = request.method().clone();
    // Whatever is no route is a file, or nothing.
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "*".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("request", %id, %method, %route);
    request.extensions_mut().insert(RequestId(id.clone()));
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone());
    let mut response = answer.await.unwrap_or_else(|panic| {
        let reason = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        span.in_scope(|| tracing::error!(reason = reason.unwrap_or("unknown"), "a request panicked"));
        AppError::said(StatusCode::INTERNAL_SERVER_ERROR, "internal").into_response()
    });
    let (status, time) = (response.status(), started.elapsed());
    span.in_scope(|| {
        let ms = time.as_secs_f64() * 1000.0;
        if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!(status = status.as_u16(), ms, "answered");
        } else if method.is_safe() {
            tracing::debug!(status = status.as_u16(), ms, "answered");
        } else {
            tracing::info!(status = status.as_u16(), ms, "answered");
        }
    });
    app.metrics.answered(&method, &route, status, time);
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}
