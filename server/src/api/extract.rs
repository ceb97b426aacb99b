//! What a call is made of: body, language, key.

use axum::{
    Extension,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use backend::{
    db::Tx,
    idempotency::{self, Answer, KeyError, Outcome, RequestKey},
    identity::{Caller, ensure_session_in},
    refused::Refused,
};
use domain::{
    Fault, Locale, Terms,
    view::{Naming, Problem},
};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use super::problem::{AppError, RequestId};
use super::shape::{self, Misshapen};
use crate::{caller::Who, state::AppState};

/// The language of `Accept-Language`. The API does not look at the page's language cookie: it has one way to be told.
#[derive(Debug, Clone, Copy)]
pub struct Lang(pub Locale);

impl Lang {
    pub fn of(headers: &HeaderMap) -> Self {
        Self(headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).map_or(Locale::En, Locale::negotiate))
    }

    pub const fn naming(self) -> Naming {
        Naming::In(self.0)
    }
}

impl<S: Sync> FromRequestParts<S> for Lang {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers))
    }
}

/// A JSON body. Other content types are 415, text that is not JSON 400 `malformed_json`, JSON of another shape 422.
pub struct Body<T>(pub T);

/// A JSON body whose values are looked at though the shape of some of it is wrong: all that is wrong is told at once.
pub struct Whole<T> {
    pub body: T,
    pub misshapen: Option<Misshapen>,
}

impl<T> Whole<T> {
    fn in_shape(self) -> Result<T, AppError> {
        self.checked(|_| Vec::new())
    }

    /// The body where its shape is right; else all that is wrong with it, with what `check` has against the values of the rest. For
    /// calls that cannot do what they are asked in order to know it.
    pub fn checked(self, check: impl FnOnce(&T) -> Vec<Fault>) -> Result<T, AppError> {
        match self.misshapen {
            None => Ok(self.body),
            Some(misshapen) => Err(AppError::invalid(misshapen.and(check(&self.body)))),
        }
    }
}

/// How what a call made of its body ends where the shape of some of it is wrong: with that, and with what is wrong besides.
pub fn judge<A>(misshapen: Option<Misshapen>, done: Result<A, AppError>) -> Result<A, AppError> {
    let Some(misshapen) = misshapen else { return done };
    let values = done.err().filter(|error| error.code == "invalid_request").map(|error| error.faults);
    Err(AppError::invalid(misshapen.and(values.unwrap_or_default())))
}

impl<T: DeserializeOwned + ToSchema + 'static> FromRequest<AppState> for Whole<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, AppError> {
        let (headers, bytes) = read(request, state).await?;
        parse(&headers, &bytes)
    }
}

impl<T: DeserializeOwned + ToSchema + 'static> FromRequest<AppState> for Body<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, AppError> {
        let (headers, bytes) = read(request, state).await?;
        parse(&headers, &bytes)?.in_shape().map(Self)
    }
}

/// The same where the body may be left out.
pub struct Maybe<T>(pub T);

impl<T: DeserializeOwned + Default + ToSchema + 'static> FromRequest<AppState> for Maybe<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, AppError> {
        let (headers, bytes) = read(request, state).await?;
        // The document says of a body that may be left out that it may be null, too.
        let nothing = bytes.is_empty() || (is_json(&headers) && bytes.trim_ascii() == b"null");
        if nothing { Ok(Self(T::default())) } else { parse(&headers, &bytes)?.in_shape().map(Self) }
    }
}

async fn read(request: Request, state: &AppState) -> Result<(HeaderMap, Bytes), AppError> {
    let headers = request.headers().clone();
    let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => AppError::said(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
        _ => AppError::said(StatusCode::BAD_REQUEST, "incomplete_body"),
    })?;
    Ok((headers, bytes))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json" || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

fn parse<T: DeserializeOwned + ToSchema + 'static>(headers: &HeaderMap, bytes: &[u8]) -> Result<Whole<T>, AppError> {
    if !is_json(headers) {
        return Err(AppError::said(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let body: T = match serde_path_to_error::deserialize(&mut deserializer) {
        Ok(body) => body,
        // It may be of another shape and, further on, no JSON at all: then that is what is wrong with it.
        Err(error) => match serde_json::from_slice::<serde_json::Value>(bytes) {
            Ok(body) => {
                let misshapen = shape::misshapen::<T>(&body);
                if misshapen.faults.is_empty() {
                    return Err(fault(&pointer(error.path()), error.inner()));
                }
                return match serde_json::from_value(misshapen.mended(body)) {
                    Ok(body) => Ok(Whole { body, misshapen: Some(misshapen) }),
                    Err(_) => Err(AppError::invalid(misshapen.faults)),
                };
            }
            Err(error) => return Err(fault("", &error)),
        },
    };
    deserializer.end().map_err(|error| fault("", &error))?;
    // serde reads a struct from an array, too, by the order of its fields: nobody has promised that order.
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) {
        let mut misshapen = shape::misshapen::<T>(&value);
        misshapen.faults.retain(|fault| value.pointer(&fault.pointer).is_some_and(serde_json::Value::is_array));
        if !misshapen.faults.is_empty() {
            return Err(AppError::invalid(misshapen.faults));
        }
    }
    Ok(Whole { body, misshapen: None })
}

fn fault(pointer: &str, error: &serde_json::Error) -> AppError {
    if error.is_data() {
        // serde's words, without the names of our types and where in the text it was.
        let text = error.to_string();
        let text = text.split(" at line ").next().unwrap_or_default();
        if let Some(field) = text.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
            return AppError::invalid(vec![Fault::new(format!("{pointer}/{field}"), "required", "This has to be given.")]);
        }
        // Its shape is that of an integer, and it is none that there is room for.
        let fault = match text.split(", expected struct").next().unwrap_or_default() {
            text if text.starts_with("invalid value: integer") => Fault::new(pointer, "invalid_value", "This number is too large."),
            text => Fault::new(pointer, "invalid_value", format!("This cannot be: {text}.")).with(Terms::reason(text)),
        };
        AppError::invalid(vec![fault])
    } else {
        AppError::new(StatusCode::BAD_REQUEST, "malformed_json", format!("The body is not JSON: {error}.")).with_terms(Terms::reason(error))
    }
}

/// RFC 6901.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use std::fmt::Write as _;
    let mut pointer = String::new();
    for segment in path {
        use serde_path_to_error::Segment;
        // Writing to a String cannot fail.
        let _ = match segment {
            Segment::Seq { index } => write!(pointer, "/{index}"),
            Segment::Map { key } => write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { .. } | Segment::Unknown => Ok(()),
        };
    }
    pointer
}

/// A call that has nothing to say beyond its path: no body, or `{}`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A mutation with an idempotency key: who, the key, and the body. With `ALL` the command is tried, and undone, though the
/// shape of some of the body is wrong, and tells what else is.
pub struct Keyed<T, const ALL: bool = false> {
    pub caller: Caller,
    pub lang: Lang,
    body: T,
    misshapen: Option<Misshapen>,
    key: RequestKey,
    fingerprint: String,
    request_id: String,
}

impl<T: DeserializeOwned + ToSchema + 'static, const ALL: bool> FromRequest<AppState> for Keyed<T, ALL> {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, AppError> {
        let (mut parts, body) = request.into_parts();
        let Who(caller) = Who::from_request_parts(&mut parts, state).await?;
        let Some(owner) = caller.key() else { return Err(AppError::session_required()) };
        let key = RequestKey {
            caller: owner,
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            key: idempotency_key(&parts.headers)?,
        };
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        let lang = Lang::of(&parts.headers);
        let (headers, bytes) = read(Request::from_parts(parts, body), state).await?;
        // A body that may be left out is `{}` then.
        let Whole { body, misshapen } = if bytes.is_empty() {
            let body = serde_json::from_str("{}").map_err(|_| missing_body(&headers))?;
            Whole { body, misshapen: None }
        } else {
            let whole = parse(&headers, &bytes)?;
            if ALL { whole } else { Whole { body: whole.in_shape()?, misshapen: None } }
        };
        let fingerprint = idempotency::fingerprint(&bytes);
        Ok(Self { caller, lang, body, misshapen, key, fingerprint, request_id })
    }
}

fn missing_body(headers: &HeaderMap) -> AppError {
    if is_json(headers) {
        AppError::new(StatusCode::BAD_REQUEST, "malformed_json", "The body is empty; this call needs JSON.")
    } else {
        AppError::said(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<String, AppError> {
    let key = headers.get("idempotency-key").map(HeaderValue::as_bytes).unwrap_or_default();
    if (1..=255).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic) {
        Ok(String::from_utf8_lossy(key).into_owned())
    } else {
        Err(AppError::said(StatusCode::BAD_REQUEST, "idempotency_key_required"))
    }
}

impl<T, const ALL: bool> Keyed<T, ALL> {
    pub const fn body(&self) -> &T {
        &self.body
    }

    pub const fn key(&self) -> &RequestKey {
        &self.key
    }

    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The answer that the same request had before, if it had one. For commands that take more than one transaction: the
    /// last of them goes through [`Keyed::run`] or [`Keyed::tell`].
    pub async fn replay(&self, app: &AppState) -> Result<Option<Response>, AppError> {
        let kept = app.backend.keys.kept(&app.backend.db, &self.key, &self.fingerprint).await?;
        Ok(kept.map(replayed))
    }
}

impl<T: Send + 'static, const ALL: bool> Keyed<T, ALL> {
    /// Runs the command once under its key, in one transaction with its answer.
    pub async fn run<A, F>(self, app: &AppState, command: F) -> Result<Response, AppError>
    where
        A: Serialize,
        F: for<'t> FnOnce(&'t mut Tx, Caller, T) -> BoxFuture<'t, Result<(StatusCode, A), AppError>> + Send + 'static,
    {
        self.end(app, true, command).await
    }

    /// As [`Keyed::run`], for what only tells how that ended which is done already: it is told whoever the caller is by now.
    pub async fn tell<A, F>(self, app: &AppState, command: F) -> Result<Response, AppError>
    where
        A: Serialize,
        F: for<'t> FnOnce(&'t mut Tx, Caller, T) -> BoxFuture<'t, Result<(StatusCode, A), AppError>> + Send + 'static,
    {
        self.end(app, false, command).await
    }

    async fn end<A, F>(self, app: &AppState, hold: bool, command: F) -> Result<Response, AppError>
    where
        A: Serialize,
        F: for<'t> FnOnce(&'t mut Tx, Caller, T) -> BoxFuture<'t, Result<(StatusCode, A), AppError>> + Send + 'static,
    {
        let Self { caller, body, misshapen, key, fingerprint, request_id, .. } = self;
        let outcome = app
            .backend
            .keys
            .once(&app.backend.db, key, fingerprint, move |tx| {
                Box::pin(async move {
                    let done = async {
                        if hold {
                            ensure_session_in(tx, &caller).await?;
                        }
                        judge(misshapen, command(tx, caller, body).await)
                    };
                    match done.await {
                        Ok((status, answer)) => match serde_json::to_string(&answer) {
                            Ok(body) => Ok(Answer { status: status.as_u16(), body }),
                            Err(error) => {
                                tracing::error!(%error, "an answer could not be written");
                                Err(internal().into_command_error(&request_id))
                            }
                        },
                        Err(error) => Err(error.into_command_error(&request_id)),
                    }
                })
            })
            .await;
        match outcome {
            Ok(Outcome::Fresh(answer)) => Ok(respond(answer, None)),
            Err(KeyError::Forgotten(answer, retry_after)) => Ok(respond(answer, retry_after)),
            Ok(Outcome::Replayed(answer)) => Ok(replayed(answer)),
            Err(error) => Err(error.into()),
        }
    }
}

/// Runs a command without a key in one transaction, until whose end the caller is what they were when they were looked at.
pub async fn held<T, E, F>(app: &AppState, caller: Caller, command: F) -> Result<T, AppError>
where
    T: Send + 'static,
    E: Refused + Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
{
    let done = app.backend.db.transaction(move |tx| {
        Box::pin(async move {
            ensure_session_in(tx, &caller).await?;
            command(tx).await.map_err(AppError::from)
        })
    });
    done.await
}

fn replayed(answer: Answer) -> Response {
    let mut response = respond(answer, None);
    response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}

fn internal() -> AppError {
    AppError::said(StatusCode::INTERNAL_SERVER_ERROR, "internal")
}

fn respond(answer: Answer, retry_after: Option<i64>) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let problem = status.is_client_error() || status.is_server_error();
    let mut response = match serde_json::from_str::<Problem>(&answer.body) {
        // [`super::problem::render`] writes it, in the language of who asks now.
        Ok(told) if problem => (status, Extension(told)).into_response(),
        _ => (status, [(header::CONTENT_TYPE, "application/json")], answer.body).into_response(),
    };
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
