//! Where a form is sent to is no page.

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::caller::{FORMS, page_before};
use crate::state::AppState;

/// Whoever opens a form's address as if it were a page, by a tab that is restored or Enter in the address bar, is led back to
/// where they came from, or home.
pub async fn lead_back(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let looks = [Method::GET, Method::HEAD].contains(request.method());
    if !looks || !request.uri().path().starts_with(FORMS) {
        return next.run(request).await;
    }
    let before = page_before(request.headers(), &app.public_url).filter(|page| !page.starts_with(FORMS));
    let page = before.unwrap_or_else(|| "/".to_owned());
    (StatusCode::SEE_OTHER, [(header::LOCATION, page), (header::CACHE_CONTROL, "no-store".to_owned())]).into_response()
}
