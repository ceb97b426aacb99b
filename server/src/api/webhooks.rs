//! What others tell us.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use backend::payment::provider::RawNotice;
use domain::view::Problem;

use super::{problem::AppError, query::Path};
use crate::state::AppState;

/// What a notice may weigh, in bytes.
const MAX_NOTICE: usize = 64 * 1024;

/// A payment provider tells that something has happened. Signed by it; the same event may come any number of times.
#[utoipa::path(post, path = "/webhooks/payments/{provider}", tag = "webhooks", params(("provider" = String, Path)),
    responses((status = 204), (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json")))]
pub async fn payment(
    State(app): State<AppState>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, AppError> {
    if body.len() > MAX_NOTICE {
        return Err(AppError::said(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"));
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let raw = RawNotice { header: &header, body: &body, now: app.backend.clock.now() };
    app.backend.payments.hear(&app.backend.db, &provider, &raw).await?;
    Ok(StatusCode::NO_CONTENT)
}
