//! The people of a store, its screens and `tokens`, and what all of them did. Answers that tell a secret tell it once: they
//! are kept nowhere, so these calls take no idempotency key.

pub mod tokens;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use backend::{
    identity::{Invited, IssuedSession, Pairing, Right, member_name},
    refused::Refused as _,
};
use domain::{
    EventId, Fault, KioskId, StoreId, UserId,
    view::{AuditEntry, KioskView, MeView, MemberView, NewMemberView, Page, PairingView, Problem, Role},
};
use serde::{Deserialize, Serialize};

use super::{
    extract::{Body, Whole},
    problem::AppError,
    query::{Paging, Params, Part, Path, cursor, id},
    roles,
    session::limited,
};
use crate::{
    caller::{Whence, Who},
    state::AppState,
};

/// Tells a secret, for nobody to keep.
fn told<T: Serialize>(status: StatusCode, secret: T) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(secret)).into_response()
}

/// Either a one-time code, or store, name and password.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffSignIn {
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub store: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub password: Option<String>,
}

/// Signs somebody of the staff in, for 12 hours: sets the cookie of a new session.
#[utoipa::path(post, path = "/staff/sign-in", tag = "staff", request_body = StaffSignIn,
    responses((status = 200, body = MeView), (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json")))]
pub async fn sign_in(
    State(app): State<AppState>,
    Who(caller): Who,
    Whence(client): Whence,
    Body(request): Body<StaffSignIn>,
) -> Result<Response, AppError> {
    let identities = &app.backend.identities;
    let issued = match (request.code, request.store, request.name, request.password) {
        (Some(code), None, None, None) => identities.staff_sign_in(&caller, &code, &client).await,
        (None, Some(store), Some(name), Some(password)) => match store.parse::<StoreId>() {
            Ok(store) => identities.staff_sign_in_by_password(&caller, &store, &name, &password, &client).await,
            Err(_) => return Err(AppError::invalid(vec![Fault::new("/store", "unknown_store", "There is no such store.")])),
        },
        (None, store, name, password) => {
            let given = [("/store", store.is_some()), ("/name", name.is_some()), ("/password", password.is_some())];
            let missing = given.into_iter().filter(|(_, given)| !given);
            let faults = missing.map(|(pointer, _)| Fault::new(pointer, "required", "This has to be given, or a code alone.")).collect();
            return Err(AppError::invalid(faults));
        }
        (Some(_), ..) => {
            return Err(AppError::invalid(vec![Fault::new("/code", "not_both", "Give a code alone, or store, name and password.")]));
        }
    };
    let issued = issued.map_err(limited)?;
    let IssuedSession { cookie, .. } = &issued;
    let me = app.backend.me(&identities.caller_by_cookie(cookie.expose()).await?).await?;
    let cookies = [Some(identities.set_cookie(&issued)), identities.set_browser(&issued)];
    Ok((AppendHeaders(cookies.into_iter().flatten().map(|cookie| (header::SET_COOKIE, cookie))), Json(me)).into_response())
}

/// A password, and the one before where there is one.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// Needed but for who has just come in by a one-time code.
    #[serde(default)]
    pub current: Option<String>,
    /// 8 to 200 characters.
    pub password: String,
}

/// Chooses one's own password. All other sessions of that person end.
#[utoipa::path(put, path = "/staff/password", tag = "staff", request_body = NewPassword,
    responses((status = 204), (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json")))]
pub async fn set_password(State(app): State<AppState>, Who(caller): Who, Body(request): Body<NewPassword>) -> Result<StatusCode, AppError> {
    app.backend.identities.set_password(&caller, request.current, request.password).await.map_err(limited)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Everybody who works at a store.
#[utoipa::path(get, path = "/staff/stores/{store}/members", tag = "staff", params(("store" = String, Path), Part),
    responses((status = 200, body = Page<MemberView>), (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json")))]
pub async fn members(
    State(app): State<AppState>,
    Who(caller): Who,
    Path(store): Path<String>,
    Params(part): Params<Part>,
) -> Result<Json<Page<MemberView>>, AppError> {
    let store: StoreId = id(&store, "store")?;
    part.of(app.backend.identities.members(&caller, &store).await?, |_, member| member.id.to_string()).map(Json)
}

/// Who is to work at a store.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// What the others call them: 1 to 60 characters.
    pub name: String,
    /// `barista`, `warehouse` or `manager`.
    #[schema(schema_with = roles::of_staff)]
    pub role: Role,
}

fn invited(invited: Invited) -> NewMemberView {
    let Invited { person, roles, code, expires_at } = invited;
    NewMemberView { id: person.id, name: person.name, roles, code: code.expose().to_owned(), expires_at }
}

/// Adds somebody to a store's staff and answers their one-time code. A name that somebody there has already, in whatever capitals, is
/// refused: 422 `name_taken`.
#[utoipa::path(post, path = "/staff/stores/{store}/members", tag = "staff", request_body = NewMember, params(("store" = String, Path)),
    responses((status = 201, body = NewMemberView), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json")))]
pub async fn add_member(
    State(app): State<AppState>,
    Who(caller): Who,
    Path(store): Path<String>,
    whole: Whole<NewMember>,
) -> Result<Response, AppError> {
    let new = whole.checked(|new| member_name(&new.name, new.role).err().map(|error| error.faults()).unwrap_or_default())?;
    let store: StoreId = id(&store, "store")?;
    let added = app.backend.identities.add_member(&caller, store, new.name, new.role).await?;
    Ok(told(StatusCode::CREATED, invited(added)))
}

/// Gives somebody a new one-time code; those before are worth nothing.
#[utoipa::path(post, path = "/staff/stores/{store}/members/{id}/code", tag = "staff", params(("store" = String, Path), ("id" = String, Path)),
    responses((status = 201, body = NewMemberView), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn invite_again(
    State(app): State<AppState>,
    Who(caller): Who,
    Path((store, user)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let store: StoreId = id(&store, "store")?;
    caller.require(Right::Staff, &store)?;
    let user: UserId = id(&user, "member")?;
    Ok(told(StatusCode::CREATED, invited(app.backend.identities.invite_again(&caller, &store, user).await?)))
}

/// What somebody is at a store.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// One at least of `barista`, `warehouse` and `manager`.
    pub roles: Vec<Role>,
}

/// Changes what somebody is at a store, from now on.
#[utoipa::path(put, path = "/staff/stores/{store}/members/{id}/roles", tag = "staff", request_body = Roles,
    params(("store" = String, Path), ("id" = String, Path)),
    responses((status = 204), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json")))]
pub async fn set_roles(
    State(app): State<AppState>,
    Who(caller): Who,
    Path((store, user)): Path<(String, String)>,
    Body(Roles { roles }): Body<Roles>,
) -> Result<StatusCode, AppError> {
    let store: StoreId = id(&store, "store")?;
    caller.require(Right::Staff, &store)?;
    let user: UserId = id(&user, "member")?;
    if roles.is_empty() {
        return Err(AppError::invalid(vec![Fault::new("/roles", "required", "One role at least; DELETE takes all of them away.")]));
    }
    app.backend.identities.set_roles(&caller, &store, user, roles).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes somebody off a store's staff: what they have open ends within seconds.
#[utoipa::path(delete, path = "/staff/stores/{store}/members/{id}", tag = "staff", params(("store" = String, Path), ("id" = String, Path)),
    responses((status = 204), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json")))]
pub async fn remove_member(
    State(app): State<AppState>,
    Who(caller): Who,
    Path((store, user)): Path<(String, String)>,
) -> Result<StatusCode, AppError> {
    let store: StoreId = id(&store, "store")?;
    caller.require(Right::Staff, &store)?;
    let user: UserId = id(&user, "member")?;
    app.backend.identities.set_roles(&caller, &store, user, Vec::new()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The kiosks of a store and the screens that are paired with them.
#[utoipa::path(get, path = "/staff/stores/{store}/kiosks", tag = "staff", params(("store" = String, Path), Part),
    responses((status = 200, body = Page<KioskView>), (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json")))]
pub async fn kiosks(
    State(app): State<AppState>,
    Who(caller): Who,
    Path(store): Path<String>,
    Params(part): Params<Part>,
) -> Result<Json<Page<KioskView>>, AppError> {
    let store: StoreId = id(&store, "store")?;
    part.of(app.backend.identities.kiosks(&caller, &store).await?, |_, kiosk| kiosk.id.to_string()).map(Json)
}

/// A kiosk to be.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKiosk {
    /// A slug that no other kiosk has, such as `window-1`.
    pub id: String,
}

fn pairing(pairing: Pairing) -> PairingView {
    PairingView { kiosk: pairing.kiosk, code: pairing.code.expose().to_owned(), expires_at: pairing.expires_at }
}

/// Adds a kiosk to a store, or puts one back into service, and answers the code that pairs a screen with it.
#[utoipa::path(post, path = "/staff/stores/{store}/kiosks", tag = "staff", request_body = NewKiosk, params(("store" = String, Path)),
    responses((status = 201, body = PairingView), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json")))]
pub async fn add_kiosk(
    State(app): State<AppState>,
    Who(caller): Who,
    Path(store): Path<String>,
    Body(new): Body<NewKiosk>,
) -> Result<Response, AppError> {
    let store: StoreId = id(&store, "store")?;
    Ok(told(StatusCode::CREATED, pairing(app.backend.identities.add_kiosk(&caller, &store, &new.id).await?)))
}

/// Makes a new pairing code for a kiosk; the one before is worth nothing.
#[utoipa::path(post, path = "/staff/stores/{store}/kiosks/{kiosk}/pairing", tag = "staff",
    params(("store" = String, Path), ("kiosk" = String, Path)),
    responses((status = 201, body = PairingView), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn pairing_code(
    State(app): State<AppState>,
    Who(caller): Who,
    Path((store, kiosk)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let store: StoreId = id(&store, "store")?;
    caller.require(Right::Staff, &store)?;
    let kiosk: KioskId = id(&kiosk, "kiosk")?;
    Ok(told(StatusCode::CREATED, pairing(app.backend.identities.pairing_code(&caller, &store, kiosk).await?)))
}

/// Takes a kiosk out of service: its screens see nothing any more, its codes let nobody in.
#[utoipa::path(delete, path = "/staff/stores/{store}/kiosks/{kiosk}", tag = "staff", params(("store" = String, Path), ("kiosk" = String, Path)),
    responses((status = 204), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn revoke_kiosk(
    State(app): State<AppState>,
    Who(caller): Who,
    Path((store, kiosk)): Path<(String, String)>,
) -> Result<StatusCode, AppError> {
    let store: StoreId = id(&store, "store")?;
    caller.require(Right::Staff, &store)?;
    let kiosk: KioskId = id(&kiosk, "kiosk")?;
    app.backend.identities.revoke_kiosk(&caller, &store, kiosk).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a manager's settings page shows to be typed into a screen.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PairRequest {
    pub code: String,
}

/// Which kiosk a screen is now.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Paired {
    pub kiosk: KioskId,
}

/// Makes the browser that sends this the kiosk that the code is for: sets its cookie.
#[utoipa::path(post, path = "/kiosks/pair", tag = "kiosk", request_body = PairRequest,
    responses((status = 200, body = Paired), (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json")))]
pub async fn pair(State(app): State<AppState>, Whence(client): Whence, Body(request): Body<PairRequest>) -> Result<Response, AppError> {
    let (kiosk, cookie) = app.backend.identities.pair(&request.code, &client).await.map_err(limited)?;
    Ok(([(header::SET_COOKIE, cookie)], Json(Paired { kiosk })).into_response())
}

/// What staff, devices and the command line did at a store, the newest first.
#[utoipa::path(get, path = "/staff/stores/{store}/audit", tag = "staff", params(("store" = String, Path), Paging),
    responses((status = 200, body = Page<AuditEntry>), (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json")))]
pub async fn audit(
    State(app): State<AppState>,
    Who(caller): Who,
    Path(store): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<AuditEntry>>, AppError> {
    let store: StoreId = id(&store, "store")?;
    let limit = paging.limit()?;
    let before: Option<EventId> = paging.cursor.as_deref().map(cursor).transpose()?;
    let backend = &app.backend;
    let page = backend.audit.page(&mut backend.db.reader(), &backend.identities, &caller, &store, before, limit).await?;
    Ok(Json(page))
}
