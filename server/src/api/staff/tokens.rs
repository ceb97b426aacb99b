//! The tokens of a store: of screens, and of programs.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use backend::identity::{NewToken, Right};
use domain::{
    Fault, InvalidId, KioskId, StoreId, TokenId, name,
    view::{NewTokenView, Page, Problem, Role, TokenView},
};
use serde::Deserialize;

use super::{
    super::{
        extract::Whole,
        problem::AppError,
        query::{Params, Part, Path, id},
        roles,
    },
    told,
};
use crate::{caller::Who, state::AppState};

/// The tokens of a store that are good, without the tokens.
#[utoipa::path(get, path = "/staff/stores/{store}/tokens", tag = "staff", params(("store" = String, Path), Part),
    responses((status = 200, body = Page<TokenView>), (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json")))]
pub async fn tokens(
    State(app): State<AppState>,
    Who(caller): Who,
    Path(store): Path<String>,
    Params(part): Params<Part>,
) -> Result<Json<Page<TokenView>>, AppError> {
    let store: StoreId = id(&store, "store")?;
    part.of(app.backend.identities.store_tokens(&caller, &store).await?, |_, token| token.id.to_string()).map(Json)
}

/// What a token is to be.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// `barista`, `warehouse`, `manager` or `kiosk`.
    #[schema(schema_with = roles::of_tokens)]
    pub role: Role,
    /// 1 to 60 characters; of a staff token the name that others see.
    pub name: String,
    /// Which kiosk it is, for role `kiosk`.
    #[serde(default)]
    pub kiosk: Option<String>,
}

impl TokenRequest {
    fn kiosk(&self) -> Result<Option<KioskId>, InvalidId> {
        self.kiosk.as_deref().map(str::parse).transpose()
    }

    /// What is wrong with it by itself.
    fn faults(&self) -> Vec<Fault> {
        let name = name::clean(&self.name).err().map(|invalid| invalid.fault("/name"));
        let kiosk = self.kiosk().err().map(|_| Fault::new("/kiosk", "unknown_kiosk", "There is no such kiosk at this store."));
        name.into_iter().chain(kiosk).collect()
    }
}

/// Makes a token for a store and answers it, this once.
#[utoipa::path(post, path = "/staff/stores/{store}/tokens", tag = "staff", request_body = TokenRequest, params(("store" = String, Path)),
    responses((status = 201, body = NewTokenView), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json")))]
pub async fn issue_token(
    State(app): State<AppState>,
    Who(caller): Who,
    Path(store): Path<String>,
    whole: Whole<TokenRequest>,
) -> Result<Response, AppError> {
    let request = whole.checked(TokenRequest::faults)?;
    let store: StoreId = id(&store, "store")?;
    caller.require(Right::Staff, &store)?;
    let kiosk = request.kiosk().map_err(|_| AppError::invalid(request.faults()))?;
    let new = NewToken { role: request.role, store: Some(store), merchant: None, kiosk, name: request.name };
    let (id, token) = app.backend.identities.issue_store_token(&caller, new).await?;
    Ok(told(StatusCode::CREATED, NewTokenView { id, token: token.expose().to_owned() }))
}

/// Makes a token worthless: what is connected by it is cut off within seconds.
#[utoipa::path(delete, path = "/staff/stores/{store}/tokens/{id}", tag = "staff", params(("store" = String, Path), ("id" = String, Path)),
    responses((status = 204), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn revoke_token(
    State(app): State<AppState>,
    Who(caller): Who,
    Path((store, token)): Path<(String, String)>,
) -> Result<StatusCode, AppError> {
    let store: StoreId = id(&store, "store")?;
    caller.require(Right::Staff, &store)?;
    let token: TokenId = id(&token, "token")?;
    app.backend.identities.revoke_store_token(&caller, &store, token).await?;
    Ok(StatusCode::NO_CONTENT)
}
