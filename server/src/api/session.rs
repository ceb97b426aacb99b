//! Sessions and who one is.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use domain::view::{MeView, Problem};

use super::problem::AppError;
use crate::{caller::Who, state::AppState};

/// Starts a guest's session where there is none: sets the cookie.
#[utoipa::path(post, path = "/session", tag = "session", responses((status = 204)))]
pub async fn start(State(app): State<AppState>, Who(caller): Who, headers: HeaderMap) -> Response {
    // The router's session layer sets a cookie on every answer to a caller without one; here there is nothing to add.
    let _ = (app, caller, headers);
    StatusCode::NO_CONTENT.into_response()
}

/// Ends the session.
#[utoipa::path(post, path = "/sign-out", tag = "session", responses((status = 204)))]
pub async fn end(State(app): State<AppState>, Who(caller): Who) -> Result<Response, AppError> {
    app.backend.identities.sign_out(&caller).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Who is calling.
#[utoipa::path(get, path = "/me", tag = "session",
    responses((status = 200, body = MeView), (status = 401, body = Problem, content_type = "application/problem+json")))]
pub async fn me(State(app): State<AppState>, Who(caller): Who) -> Result<Json<MeView>, AppError> {
    app.backend.identities.me(&caller).await?.map(Json).ok_or_else(AppError::session_required)
}
