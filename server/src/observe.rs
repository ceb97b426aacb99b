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

/// A panic in what answers is an answer, too: inside of what gives problems and pages their words, and headers to both.
pub async fn caught(request: Request, next: Next) -> Response {
    answer_to(request, next).await
}

async fn answer_to(request: Request, next: Next) -> Response {
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|panic| {
        let reason = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        tracing::error!(reason = reason.unwrap_or("unknown"), "a request panicked");
        AppError::said(StatusCode::INTERNAL_SERVER_ERROR, "internal").into_response()
    })
}

/// The outermost layer. The route's pattern is logged, never the path or the query: they may carry what is secret.
pub async fn request(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = Uuid::now_v7().to_string();
    let method = request.method().clone();
    // Whatever is no route is a file, or nothing.
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "*".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("request", %id, %method, %route);
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = answer_to(request, next).instrument(span.clone()).await;
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

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::to_bytes;
    use axum::http::header;
    use axum::middleware::{from_fn, from_fn_with_state};
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;
    use crate::{api::problem, site};

    async fn broken() -> &'static str {
        panic!("the milk is out")
    }

    #[tokio::test]
    async fn a_panic_is_told_in_the_shops_words() {
        let style_sheet: std::sync::Arc<str> = "/pkg/orderly.css".into();
        let router = Router::new()
            .route("/", get(broken))
            .layer(from_fn(caught))
            .layer(from_fn_with_state(style_sheet, site::friendly))
            .layer(from_fn(problem::render));
        for (accept, kind, words) in
            [("application/json", "application/problem+json", "\"code\":\"internal\""), ("text/html", "text/html", "<h1")]
        {
            let request = Request::builder().uri("/").header(header::ACCEPT, accept).body(axum::body::Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            let found = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
            let body = String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap();
            assert!(found.starts_with(kind) && body.contains(words) && !body.contains("milk"), "{found}: {body}");
        }
    }
}
