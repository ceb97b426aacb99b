//! Everything that HTTP answers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get};
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use backend::db::DbError;

use crate::api::problem::{self, AppError};
use crate::state::AppState;
use crate::{api, caller, health, metrics, mqtt, observe, security, site};

/// The largest body, in bytes. Calls that take more say so themselves.
const MAX_BODY: usize = 1024 * 1024;

/// A body of which nothing comes for so long is given up.
const BODY_SILENCE: Duration = Duration::from_secs(10);

/// A request that is not answered by then is given up: a body that drips, or something that hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the pages of the card provider inside are.
pub const PAY_SIM: &str = "/pay-sim";

/// All routes, and what every request goes through.
pub fn router(state: AppState) -> Router {
    let style_sheet: Arc<str> = site::style_sheet(&state.leptos).into();
    // What is nested does not have its own address with a slash behind it.
    let api = Router::new().nest(api::BASE, api::router()).route(&format!("{}/", api::BASE), any(api::no_such_call));
    let api = api.layer(from_fn_with_state(state.clone(), caller::of_api));
    let mut router = Router::new();
    if let Some(sim) = &state.pay_sim {
        // Shoppers confirm payments there, so it has to be where they are.
        router = router.nest_service(PAY_SIM, sim.pages());
    }
    router
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::answer))
        .route("/mqtt", get(mqtt::upgrade))
        .route("/robots.txt", get(site::robots))
        .route("/sitemap.xml", get(site::sitemap))
        .merge(api)
        .merge(site::routes(&state))
        .method_not_allowed_fallback(async || {
            AppError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This address does not take this method.")
        })
        .layer(from_fn_with_state(state.clone(), site::lead_back))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(RequestBodyTimeoutLayer::new(BODY_SILENCE))
        .layer(from_fn(in_time))
        .layer(from_fn(refuse_large))
        .layer(CompressionLayer::new())
        .layer(from_fn(observe::caught))
        .layer(from_fn_with_state(style_sheet, site::friendly))
        .layer(from_fn(problem::render))
        .layer(from_fn_with_state(state.clone(), security::headers))
        .layer(from_fn_with_state(state.clone(), observe::request))
        .with_state(state)
}

/// Whoever waited for too long hears so in the words of the shop.
async fn in_time(request: Request, next: Next) -> Result<Response, AppError> {
    let answer = tokio::time::timeout(PATIENCE, next.run(request)).await;
    answer.map_err(|_| AppError::from(DbError::Unavailable(format!("a request had no answer within {} s", PATIENCE.as_secs()))))
}

/// A body that says it is too large is refused before any of it is read; one that does not say so is cut off while it is.
async fn refuse_large(request: Request, next: Next) -> Result<Response, AppError> {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(AppError::said(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"));
    }
    Ok(next.run(request).await)
}
