//! A page for when there is no page: something went wrong before, or while, one was made.

use std::sync::Arc;

use app::ssr::{Plain, plain};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use domain::view::Problem;

use crate::caller::page_language;

/// Turns a problem into a page for whoever wants a page. Programs get the problem as it is.
pub async fn friendly(State(style_sheet): State<Arc<str>>, request: Request, next: Next) -> Response {
    let wants_page = !request.uri().path().starts_with("/api/v1/")
        && request.headers().get(header::ACCEPT).is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")));
    if !wants_page {
        return next.run(request).await;
    }
    let locale = page_language(request.uri(), request.headers(), None);
    let looks = request.method().is_safe();
    let again = if looks { page(request.uri()) } else { form(request.headers()) };
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let status = response.status();
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    parts.headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(locale.tag()));
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    parts.headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; \
             frame-ancestors 'none'",
        ),
    );
    let waits = looks && status == StatusCode::SERVICE_UNAVAILABLE;
    let page = plain(Plain { status, code: &problem.code, locale, again: again.as_deref(), waits, style_sheet: &style_sheet });
    Response::from_parts(parts, Body::from(page))
}

/// Path and query.
fn page(address: &Uri) -> Option<String> {
    address.path_and_query().map(ToString::to_string)
}

/// The page whose form was sent: what was sent is not sent again by itself.
fn form(headers: &HeaderMap) -> Option<String> {
    page(&headers.get(header::REFERER)?.to_str().ok()?.parse().ok()?)
}
