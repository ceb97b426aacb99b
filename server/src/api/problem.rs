//! Errors at the edge: RFC 9457 `application/problem+json`.

mod wording;

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use backend::{
    idempotency::{Answer, CommandError},
    refused::{Extra, Refused},
};
use domain::{Fault, Locale, Terms, view::Problem};

use self::wording::{said_in, words};
use super::extract::Lang;

/// Anything that ends a request without what was asked for. Internals are logged here, once, and never answered.
#[derive(Debug)]
pub struct AppError {
    pub status: StatusCode,
    pub code: &'static str,
    pub detail: String,
    pub faults: Vec<Fault>,
    /// Boxed: most errors have none, and every answer would carry its size.
    pub extra: Box<Extra>,
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// Statuses whose answer the same idempotency key gets again: the shop's own refusals.
const KEPT: [StatusCode; 5] =
    [StatusCode::PAYMENT_REQUIRED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND, StatusCode::CONFLICT, StatusCode::GONE];

impl AppError {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), faults: Vec::new(), extra: Box::default(), headers: Vec::new() }
    }

    /// A refusal that always says the same, in the words that the message files have for its code.
    pub fn said(status: StatusCode, code: &'static str) -> Self {
        Self::new(status, code, words(code, Locale::En).unwrap_or(code))
    }

    /// 404 of a thing that is not there, or not the caller's: the two look the same.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("There is no such {what}.")).with_terms(Terms::words([what]))
    }

    /// 422 with every fault.
    pub fn invalid(faults: Vec<Fault>) -> Self {
        let detail = match faults.as_slice() {
            [only] => only.detail.clone(),
            many => format!("{} things in the request are wrong.", many.len()),
        };
        Self { faults, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", detail) }
    }

    /// 401: nobody is signed in and no session is there to act for.
    pub fn session_required() -> Self {
        Self::said(StatusCode::UNAUTHORIZED, "session_required")
    }

    /// 403: known, but without the right.
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "You do not have the right to do this here.")
    }

    pub fn with_header(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        if let Ok(value) = value.try_into() {
            self.headers.push((name, value));
        }
        self
    }

    /// The same with what its detail names.
    pub fn with_terms(mut self, terms: Terms) -> Self {
        self.extra.terms = terms;
        self
    }

    /// The body of the answer.
    pub fn problem(&self, request_id: &str) -> Problem {
        Problem {
            type_uri: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            code: self.code.to_owned(),
            errors: self.faults.clone(),
            request_id: request_id.to_owned(),
            terms: self.extra.terms.clone(),
            claimed_by: self.extra.claimed_by.clone(),
            quote: self.extra.quote.clone(),
            attempts_left: self.extra.attempts_left,
            action_url: self.extra.action_url.clone(),
        }
    }

    /// As the answer of a keyed command: the shop's own refusals are kept, what may change is not.
    pub fn into_command_error(self, request_id: &str) -> CommandError {
        let kept = KEPT.contains(&self.status);
        let body = serde_json::to_string(&self.problem(request_id)).unwrap_or_default();
        let answer = Answer { status: self.status.as_u16(), body };
        if kept { CommandError::Kept(answer) } else { CommandError::Forgotten(answer, self.extra.retry_after) }
    }
}

impl<E: Refused> From<E> for AppError {
    fn from(error: E) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (faults, extra) = (error.faults(), Box::new(error.extra()));
        let detail = if !faults.is_empty() && status == StatusCode::UNPROCESSABLE_ENTITY {
            Self::invalid(faults.clone()).detail
        } else if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!(error = %Chain(&error), "a request failed");
            "Something went wrong on our side.".to_owned()
        } else if error.code() == "unavailable" {
            tracing::warn!(error = %Chain(&error), "the database is away");
            "The shop cannot be reached right now. Please try again in a moment, with the same key where there is one.".to_owned()
        } else {
            error.to_string()
        };
        Self { faults, extra, ..Self::new(status, error.code(), detail) }
    }
}

/// An error with its causes, for the log.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// The id of a request, put into its extensions and into `X-Request-Id` by the router.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

impl IntoResponse for AppError {
    /// The body is completed by [`render`], which knows the request's id.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        for (name, value) in &self.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        if let Some(seconds) = self.extra.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self.problem(""));
        response
    }
}

/// Writes the body of every problem, with the request's id.
pub async fn render(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let Lang(locale) = Lang::of(request.headers());
    let mut response = next.run(request).await;
    let Some(mut problem) = response.extensions_mut().remove::<Problem>() else { return response };
    // One that was kept for its idempotency key has the id of the request that it ended.
    if problem.request_id.is_empty() {
        problem.request_id = id;
    }
    let wait = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let locale = said_in(locale, &mut problem, wait);
    // They were for the sentences.
    problem.terms = Terms::default();
    for fault in &mut problem.errors {
        *fault.terms = Terms::default();
    }
    let (mut parts, _) = response.into_parts();
    if parts.status == StatusCode::UNAUTHORIZED {
        // RFC 9110, 15.5.2: who is refused for want of a credential is told which kind is taken.
        parts.headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    parts.headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(locale.tag()));
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    Response::from_parts(parts, body.into())
}
