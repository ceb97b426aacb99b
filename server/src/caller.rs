//! Who calls: the bearer token first, else the cookie; and what every call that changes something must show.

mod address;
mod origin;

use app::paths::form;
use app::ssr::Unremembered;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use backend::identity::{Caller, Client, IssuedSession, Seen, browser, cookie};
use domain::Locale;
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;

pub use self::address::client_address;
pub use self::origin::{is_ours, page_before};
use crate::api::{self, problem::AppError};
use crate::state::AppState;

/// The caller that [`of_api`] or [`of_pages`] found out.
#[derive(Debug, Clone)]
pub struct Who(pub Caller);

impl<S: Sync> FromRequestParts<S> for Who {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AppError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| outside(parts))
    }
}

fn outside(parts: &Parts) -> AppError {
    tracing::error!(path = parts.uri.path(), "a route asks who calls, but stands outside the layer that finds out");
    AppError::said(StatusCode::INTERNAL_SERVER_ERROR, "internal")
}

/// From where a request comes, as [`of_api`] or [`of_pages`] found out.
pub struct Whence(pub Client);

impl<S: Sync> FromRequestParts<S> for Whence {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AppError> {
        parts.extensions.get::<Client>().cloned().map(Self).ok_or_else(|| outside(parts))
    }
}

/// The calls that change nothing in anybody's name: they give a session to who has none, or only do sums.
const NEEDS_NO_SESSION: [&str; 6] =
    ["/api/v1/session", "/api/v1/quotes", "/api/v1/sign-in", "/api/v1/sign-in/code", "/api/v1/staff/sign-in", "/api/v1/kiosks/pair"];
/// Who calls here shows a signature of its own.
const WEBHOOKS: &str = "/api/v1/webhooks/";

/// Where the pages of kiosks' codes are.
const CODES: &str = "/scan/";

/// Where forms and server functions are; elsewhere a page changes nothing, whatever the method.
pub const FORMS: &str = "/do/";

/// The doors: whoever comes in by one brings nothing along but what they type.
const DOORS: [&str; 4] = [form::SEND_CODE, form::SIGN_IN, form::STAFF_SIGN_IN, form::PAIR];

fn needs_no_session(path: &str) -> bool {
    NEEDS_NO_SESSION.contains(&path) || path.starts_with(WEBHOOKS)
}

/// The layer of the API: limits, who calls, and no change without knowing.
pub async fn of_api(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let locale = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).map_or(Locale::En, Locale::negotiate);
    let mut renewed = None;
    let mut response = match of_api_caller(&app, &parts).await {
        Ok(seen) => {
            renewed = seen.renewed;
            parts.extensions.insert(client(&app, &parts));
            parts.extensions.insert(Who(seen.caller));
            next.run(Request::from_parts(parts, body)).await
        }
        Err(error) => error.into_response(),
    };
    set_session(&app, &mut response, renewed.as_ref());
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_LANGUAGE).or_insert(HeaderValue::from_static(locale.tag()));
    headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    // What one caller is told is not for another; what may be kept says so itself.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
    response
}

async fn of_api_caller(app: &AppState, parts: &Parts) -> Result<Seen, AppError> {
    let seen = find_out(app, parts).await?;
    if seen.caller.is_nobody() && !parts.method.is_safe() && !needs_no_session(parts.uri.path()) {
        // A session would be of no use where the call takes no such method.
        let path = parts.extensions.get::<MatchedPath>();
        let other = path.and_then(|path| api::other_methods(path.as_str(), &parts.method));
        return Err(other.unwrap_or_else(AppError::session_required));
    }
    Ok(seen)
}

/// Gives the browser its session, unless what was asked for has given or taken one itself.
fn set_session(app: &AppState, response: &mut Response, issued: Option<&IssuedSession>) {
    let Some(value) = issued.and_then(|issued| HeaderValue::try_from(app.backend.identities.set_cookie(issued)).ok()) else { return };
    let headers = response.headers_mut();
    let own = headers.get_all(header::SET_COOKIE).iter().any(|value| value.as_bytes().starts_with(cookie::NAME.as_bytes()));
    if !own {
        headers.append(header::SET_COOKIE, value);
    }
}

/// From where they ask.
fn client(app: &AppState, parts: &Parts) -> Client {
    let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Client {
        address: client_address(parts, &app.settings.trusted_proxies),
        device: agent.and_then(Client::device_of),
        browser: cookie_value(&parts.headers, browser::NAME).and_then(|value| app.backend.identities.browser(value)),
    }
}

/// The layer of pages, forms and server functions: as the API's, and a visitor without a session gets a guest's. Who has just left
/// theirs gets none yet, and sees what a guest without anything would: an answer that comes after the one that has signed them in would
/// sign them out. Should that one have been lost, a door lets them in meanwhile.
pub async fn of_pages(State(app): State<AppState>, request: Request, next: Next) -> Result<Response, AppError> {
    let (mut parts, body) = request.into_parts();
    let Seen { mut caller, just_left, renewed: mut issued } = find_out(&app, &parts).await?;
    if caller.is_nobody() {
        let path = parts.uri.path();
        let at_door = just_left && DOORS.contains(&path);
        if !parts.method.is_safe() && path.starts_with(FORMS) && !at_door {
            // The cookie was sent: it is the one of before.
            let left = AppError::said(StatusCode::UNAUTHORIZED, "session_left");
            return Err(if just_left { left } else { AppError::session_required() });
        }
        let (guest, new) = app.backend.identities.new_guest();
        (caller, issued) = (guest, (!just_left).then_some(new));
    }
    // Whoever opens a code's page is remembered, so a stranger writes something without changing anything. Where too many of them
    // come, nobody is refused: the page says less. So it does where no browser will ever show what was written down.
    if parts.uri.path().starts_with(CODES) && (just_left || !is_remembered_at_code(&app, &parts, &caller)) {
        parts.extensions.insert(Unremembered);
    }
    let of_account = if let Caller::User { language, .. } = &caller { *language } else { None };
    let locale = page_language(&parts.uri, &parts.headers, of_account);
    // A guest's browser keeps what it has, for when there is no network. Of somebody who is signed in it keeps nothing: whoever goes
    // back at this device after they have signed out would see what was theirs. The doors, where it was typed, are a guest's pages and
    // say so themselves, and who has just left may be one who has signed in. A guest's orders may be an account's later: their pages
    // are asked for again once they hear that (`live`).
    let kept = if caller.is_guest() && !just_left { "private, no-cache" } else { "private, no-store" };
    parts.extensions.insert(client(&app, &parts));
    parts.extensions.insert(Who(caller));
    parts.extensions.insert(locale);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    // What no form of ours sends. The framework answers it in serde's words, or leads back without any.
    if response.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        return Err(AppError::said(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request"));
    }
    set_session(&app, &mut response, issued.as_ref());
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_LANGUAGE).or_insert(HeaderValue::from_static(locale.tag()));
    headers.append(header::VARY, HeaderValue::from_static("accept-language, cookie"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static(kept));
    Ok(response)
}

/// Limits are for what does something: the API, server functions and forms. Whoever opens a page or loads a file is not
/// counted.
fn is_limited(parts: &Parts) -> bool {
    parts.uri.path().starts_with("/api/") || !parts.method.is_safe()
}

async fn find_out(app: &AppState, parts: &Parts) -> Result<Seen, AppError> {
    let headers = &parts.headers;
    let limited = app.settings.limits && is_limited(parts);
    if limited {
        // Before anything is looked up: guessing tokens costs as much as anything else.
        app.limits.address(client_address(parts, &app.settings.trusted_proxies))?;
    }
    let seen = match bearer(headers) {
        Some(token) => {
            let caller = app.backend.identities.caller_by_token(token).await?;
            if caller.is_nobody() {
                return Err(AppError::said(StatusCode::UNAUTHORIZED, "invalid_token").with_header(header::WWW_AUTHENTICATE, "Bearer"));
            }
            Seen { caller, just_left: false, renewed: None }
        }
        None => by_cookie(app, &parts.method, headers).await?,
    };
    if let (true, Some(session)) = (limited, seen.caller.session()) {
        app.limits.session(session)?;
        if !parts.method.is_safe() && !needs_no_session(parts.uri.path()) {
            count_stranger(app, parts, &seen.caller)?;
        }
    }
    Ok(seen)
}

/// Counts a guest whom we do not know yet, or answers 429.
fn count_stranger(app: &AppState, parts: &Parts, caller: &Caller) -> Result<(), AppError> {
    let Caller::Guest { session, fresh: true, .. } = caller else { return Ok(()) };
    if !app.settings.limits {
        return Ok(());
    }
    let taken = app.limits.newcomer(*session, client_address(parts, &app.settings.trusted_proxies));
    if taken.is_err() {
        app.metrics.newcomers_refused.inc();
    }
    taken
}

/// Whether the page of a code may write down that this guest has opened it.
fn is_remembered_at_code(app: &AppState, parts: &Parts, caller: &Caller) -> bool {
    let is_new = matches!(caller, Caller::Guest { fresh: true, .. });
    !app.settings.limits || !is_new || app.limits.remembers_at_code(client_address(parts, &app.settings.trusted_proxies))
}

/// A cookie is sent by the browser whether its user wants it or not, so a change must come from a page of ours.
async fn by_cookie(app: &AppState, method: &Method, headers: &HeaderMap) -> Result<Seen, AppError> {
    let seen = match session_cookie(headers) {
        Some(value) => app.backend.identities.seen(value).await?,
        None => Seen { caller: Caller::Nobody, just_left: false, renewed: None },
    };
    let foreign = || AppError::said(StatusCode::FORBIDDEN, "foreign_origin");
    if method.is_safe() {
        return Ok(seen);
    }
    match origin::said(headers, &app.public_url) {
        origin::Said::Ours => Ok(seen),
        // Who has no cookie to abuse may also be no browser.
        origin::Said::Nothing if seen.caller.is_nobody() => Ok(seen),
        origin::Said::Nothing | origin::Said::Foreign => Err(foreign()),
    }
}

/// RFC 6750, 2.1: the scheme's name in any case.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The value of a cookie.
pub fn cookie_value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The value of the session's cookie.
pub fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    cookie_value(headers, cookie::NAME)
}

/// The language of a page: the one that its address names (`?lang=`, for links that search engines keep), the one chosen
/// with the switch, the account's, the browser's.
pub fn page_language(address: &Uri, headers: &HeaderMap, of_account: Option<Locale>) -> Locale {
    let pairs = address.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let named = pairs.filter(|(name, _)| *name == "lang").find_map(|(_, tag)| tag.parse().ok());
    let chosen = || cookie_value(headers, "orderly_lang").and_then(|tag| tag.parse().ok());
    named
        .or_else(chosen)
        .or(of_account)
        .unwrap_or_else(|| headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).map_or(Locale::En, Locale::negotiate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let both = headers(&[(header::COOKIE, "a=1; xorderly_session=no; orderly_session=yes; orderly_lang=zh-CN")]);
        assert_eq!(session_cookie(&both), Some("yes"));
        let page = |address: &str| page_language(&address.parse().unwrap(), &both, None);
        assert_eq!((page("/s/harbor"), page("/s/harbor?a=1&lang=en"), page("/?lang=xx")), (Locale::ZhCn, Locale::En, Locale::ZhCn));
        assert_eq!(session_cookie(&headers(&[(header::COOKIE, "orderly_sessions=1")])), None);
    }

    #[test]
    fn the_bearer_token_is_read_in_any_case() {
        assert_eq!(bearer(&headers(&[(header::AUTHORIZATION, "bearer ord_x")])), Some("ord_x"));
        assert_eq!(bearer(&headers(&[(header::AUTHORIZATION, "Basic eDp5")])), None);
    }
}
