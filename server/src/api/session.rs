//! Sessions and who one is.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::view::{MeView, Problem};

use super::problem::AppError;
use crate::{caller::Who, state::AppState};

/// Starts a guest's session where there is none: sets the cookie.
#[utoipa::path(post, path = "/session", tag = "session", responses((status = 204)))]
pub async fn start(State(app): State<AppState>, Who(caller): Who) -> Response {
    if !caller.is_nobody() {
        return StatusCode::NO_CONTENT.into_response();
    }
    let (_, issued) = app.backend.identities.new_guest();
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, app.backend.identities.set_cookie(&issued))]).into_response()
}

/// Ends the session.
#[utoipa::path(post, path = "/sign-out", tag = "session", responses((status = 204)))]
pub async fn end(State(app): State<AppState>, Who(caller): Who) -> Result<Response, AppError> {
    app.backend.identities.sign_out(&caller).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, app.backend.identities.clear_cookie())]).into_response())
}

/// Who is calling.
#[utoipa::path(get, path = "/me", tag = "session",
    responses((status = 200, body = MeView), (status = 401, body = Problem, content_type = "application/problem+json")))]
pub async fn me(Who(caller): Who) -> Result<Json<MeView>, AppError> {
    if caller.is_nobody() { Err(AppError::session_required()) } else { Ok(Json(caller.me())) }
}
