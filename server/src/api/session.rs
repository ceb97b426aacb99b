//! Sessions, signing in, and who one is.

use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use backend::{
    identity::{AccountEdit, Caller, IdentityError, IssuedSession, Phone},
    payment::Forfeit,
};
use domain::{
    Fault, Locale, SessionId,
    view::{MeView, Page, Problem, SessionView},
};
use serde::{Deserialize, Deserializer};

use super::{
    extract::{Body, Lang, Maybe, Whole},
    problem::AppError,
    query::{Params, Part, Path, id},
};
use crate::{
    caller::{Whence, Who},
    state::AppState,
};

/// Starts a guest's session where there is none: sets the cookie.
#[utoipa::path(post, path = "/session", tag = "session", responses((status = 204)))]
pub async fn start(State(app): State<AppState>, Who(caller): Who) -> Response {
    if !caller.is_nobody() {
        return StatusCode::NO_CONTENT.into_response();
    }
    let (_, issued) = app.backend.identities.new_guest();
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, app.backend.identities.set_cookie(&issued))]).into_response()
}

/// Whose phone.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeRequest {
    /// E.164, such as `+15550100001`.
    pub phone: String,
}

/// Sends a sign-in code to a phone, whether it is known or not.
#[utoipa::path(post, path = "/sign-in/code", tag = "session", request_body = CodeRequest,
    responses((status = 204), (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json")))]
pub async fn send_code(
    State(app): State<AppState>,
    Whence(client): Whence,
    lang: Lang,
    Body(request): Body<CodeRequest>,
) -> Result<StatusCode, AppError> {
    let phone = phone(&request.phone).map_err(|fault| AppError::invalid(vec![fault]))?;
    app.backend.identities.send_code(&phone, &client, lang.0).await.map_err(limited)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A phone and the code that was sent to it.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInRequest {
    /// E.164.
    pub phone: String,
    /// Six digits.
    pub code: String,
}

/// Signs in: sets the cookie of a new session. What the guest of the old one has is the account's from now on.
#[utoipa::path(post, path = "/sign-in", tag = "session", request_body = SignInRequest,
    responses((status = 200, body = MeView), (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json")))]
pub async fn sign_in(
    State(app): State<AppState>,
    Who(caller): Who,
    Whence(client): Whence,
    Body(request): Body<SignInRequest>,
) -> Result<Response, AppError> {
    let mut faults = Vec::new();
    let phone = phone(&request.phone).map_err(|fault| faults.push(fault)).ok();
    if request.code.len() != 6 || !request.code.bytes().all(|b| b.is_ascii_digit()) {
        faults.push(Fault::new("/code", "invalid_code", "The code has six digits."));
    }
    let Some(phone) = phone.filter(|_| faults.is_empty()) else { return Err(AppError::invalid(faults)) };
    let issued = app.backend.identities.sign_in(&caller, &phone, &request.code, &client).await.map_err(limited)?;
    let IssuedSession { cookie, .. } = &issued;
    let caller = app.backend.identities.caller_by_cookie(cookie.expose()).await?;
    let me = app.backend.me(&caller).await?;
    Ok(([(header::SET_COOKIE, app.backend.identities.set_cookie(&issued))], Json(me)).into_response())
}

fn phone(text: &str) -> Result<Phone, Fault> {
    text.parse().map_err(|error: backend::identity::phone::InvalidPhone| error.fault())
}

/// 429 with the headers of a limit, where the refusal is one.
pub(super) fn limited(error: IdentityError) -> AppError {
    let limit = match &error {
        IdentityError::RateLimited { limit, seconds } | IdentityError::PasswordsLimited { limit, seconds } => Some((*limit, *seconds)),
        _ => None,
    };
    let refused = AppError::from(error);
    match limit {
        None => refused,
        Some((limit, seconds)) => refused
            .with_header(HeaderName::from_static("ratelimit-limit"), limit.to_string())
            .with_header(HeaderName::from_static("ratelimit-remaining"), "0")
            .with_header(HeaderName::from_static("ratelimit-reset"), seconds.to_string()),
    }
}

/// Ends the session.
#[utoipa::path(post, path = "/sign-out", tag = "session", responses((status = 204)))]
pub async fn end(State(app): State<AppState>, Who(caller): Who) -> Result<Response, AppError> {
    app.backend.identities.sign_out(&caller).await?;
    Ok(signed_out(&app))
}

fn signed_out(app: &AppState) -> Response {
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, app.backend.identities.clear_cookie())]).into_response()
}

/// Who is calling.
#[utoipa::path(get, path = "/me", tag = "session",
    responses((status = 200, body = MeView), (status = 401, body = Problem, content_type = "application/problem+json")))]
pub async fn me(State(app): State<AppState>, Who(caller): Who) -> Result<Json<MeView>, AppError> {
    if caller.is_nobody() { Err(AppError::session_required()) } else { Ok(Json(app.backend.me(&caller).await?)) }
}

/// What is to change of an account; what is not named stays.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeEdit {
    /// At most 60 characters; empty takes it away.
    #[serde(default)]
    pub name: Option<String>,
    /// `en` or `zh-CN`; null takes the choice back: as the browser asks.
    #[serde(default)]
    #[schema(value_type = Option<Locale>)]
    pub language: Language,
}

/// What is said of the language, if anything: null is something.
#[derive(Clone, Copy, Default)]
pub enum Language {
    #[default]
    Unsaid,
    Said(Option<Locale>),
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Said)
    }
}

impl From<Language> for Option<Option<Locale>> {
    fn from(language: Language) -> Self {
        match language {
            Language::Unsaid => None,
            Language::Said(choice) => Some(choice),
        }
    }
}

/// Changes name and language.
#[utoipa::path(patch, path = "/me", tag = "session", request_body = MeEdit,
    responses((status = 200, body = MeView), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json")))]
pub async fn edit_me(State(app): State<AppState>, Who(caller): Who, whole: Whole<MeEdit>) -> Result<Json<MeView>, AppError> {
    let of = |edit: &MeEdit| AccountEdit { name: edit.name.clone(), language: edit.language.into() };
    let edit = whole.checked(|edit| of(edit).kept_name().err().map(|invalid| invalid.fault("/name")).into_iter().collect())?;
    let edit = of(&edit);
    app.backend.identities.edit_account(&caller, edit).await?;
    let now = app.backend.identities.recheck(std::slice::from_ref(&caller)).await?.into_iter().next().flatten();
    Ok(Json(app.backend.me(&now.unwrap_or(Caller::Nobody)).await?))
}

/// What somebody lets go with their account.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Farewell {
    /// The money that is left in the wallet is lost, however much it is. Without it a wallet with money in it is refused.
    #[serde(default)]
    pub forfeit_wallet: bool,
}

/// Takes everything personal out of the account and signs out. Orders stay, as bookkeeping of nobody. The body may be left out;
/// 409 `wallet_not_empty` says that there is money in the wallet which it has not let go.
#[utoipa::path(delete, path = "/me", tag = "session", request_body = Option<Farewell>,
    responses((status = 204), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json")))]
pub async fn delete_me(
    State(app): State<AppState>,
    Who(caller): Who,
    Maybe(Farewell { forfeit_wallet }): Maybe<Farewell>,
) -> Result<Response, AppError> {
    let forfeit = if forfeit_wallet { Forfeit::All } else { Forfeit::Nothing };
    app.backend.identities.delete_account(&caller, forfeit).await?;
    Ok(signed_out(&app))
}

/// The browsers in which the account is signed in, the newest first.
#[utoipa::path(get, path = "/me/sessions", tag = "session", params(Part),
    responses((status = 200, body = Page<SessionView>), (status = 403, body = Problem, content_type = "application/problem+json")))]
pub async fn sessions(
    State(app): State<AppState>,
    Who(caller): Who,
    Params(part): Params<Part>,
) -> Result<Json<Page<SessionView>>, AppError> {
    part.of(app.backend.identities.sessions(&caller).await?, |_, session| session.id.to_string()).map(Json)
}

/// Signs out in all of them.
#[utoipa::path(delete, path = "/me/sessions", tag = "session",
    responses((status = 204), (status = 403, body = Problem, content_type = "application/problem+json")))]
pub async fn end_sessions(State(app): State<AppState>, Who(caller): Who) -> Result<Response, AppError> {
    app.backend.identities.sign_out_everywhere(&caller).await?;
    Ok(signed_out(&app))
}

/// Signs out in one of them.
#[utoipa::path(delete, path = "/me/sessions/{id}", tag = "session", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn end_session(State(app): State<AppState>, Who(caller): Who, Path(session): Path<String>) -> Result<Response, AppError> {
    let session: SessionId = id(&session, "session")?;
    app.backend.identities.end_session(&caller, session).await?;
    let own = caller.session() == Some(session);
    Ok(if own { signed_out(&app) } else { StatusCode::NO_CONTENT.into_response() })
}
