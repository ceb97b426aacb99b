//! The shopper's wallet.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use backend::{
    identity::Caller,
    payment::{Looked, TopUpEnd},
};
use domain::{
    Money, Terms, TopUpId, UserId,
    view::{Problem, TopUpStatus, TopUpView, WalletView},
};
use serde::Deserialize;

use super::{
    extract::Keyed,
    problem::AppError,
    query::{Paging, Params, Path, cursor, id},
};
use crate::{caller::Who, state::AppState};

/// Entries in the answer of a top-up.
const ENTRIES: i64 = 50;

/// Whose wallet it is: that of who is signed in.
fn owner(caller: &Caller) -> Result<UserId, AppError> {
    if caller.is_nobody() {
        return Err(AppError::session_required());
    }
    caller.user().ok_or_else(|| {
        if caller.is_guest() {
            AppError::new(StatusCode::FORBIDDEN, "sign_in_required", "Please sign in for this: a wallet belongs to an account.")
        } else {
            AppError::forbidden()
        }
    })
}

/// My balance, and what moved it, the newest first.
#[utoipa::path(get, path = "/wallet", tag = "wallet", params(Paging),
    responses((status = 200, body = WalletView), (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json")))]
pub async fn wallet(State(app): State<AppState>, Who(caller): Who, Params(paging): Params<Paging>) -> Result<Json<WalletView>, AppError> {
    let user = owner(&caller)?;
    let limit = paging.limit()?;
    let before = paging.cursor.as_deref().map(cursor::<i64>).transpose()?;
    let wallets = app.backend.wallets;
    let view = app.backend.db.snapshot(move |tx| Box::pin(async move { wallets.page(tx, user, before, limit).await })).await?;
    Ok(Json(view))
}

/// What a card pays in.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TopUpRequest {
    /// 1 to 1,000,000 minor units, in the wallet's currency.
    pub amount: Money,
    /// The card, as the provider's form named it.
    pub token: Token,
}

/// A card token: a secret, which prints as `***`.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Pays into my wallet with a card, and answers the wallet. The card is charged once for a key, whatever happens: 409
/// `request_in_progress` means that the provider has not decided yet, and 409 `action_required` that the shopper has to
/// confirm at `action_url` first (3-D Secure, within five minutes); the same request will tell how it ended.
#[utoipa::path(post, path = "/wallet/top-ups", tag = "wallet", request_body = TopUpRequest, params(("Idempotency-Key" = String, Header)),
    responses((status = 200, body = WalletView), (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 402, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json")))]
pub async fn top_up(State(app): State<AppState>, keyed: Keyed<TopUpRequest>) -> Result<Response, AppError> {
    let user = owner(&keyed.caller)?;
    if let Some(replayed) = keyed.replay(&app).await? {
        return Ok(replayed.into_response());
    }
    let TopUpRequest { amount, token: Token(token) } = keyed.body().clone();
    let end = app.backend.top_ups.pay_in(keyed.key(), keyed.fingerprint(), user, amount, &token).await?;
    let wallets = app.backend.wallets;
    // The card has been charged, or refused: whoever has signed out meanwhile is told so all the same.
    keyed
        .tell(&app, move |tx, _, _| {
            Box::pin(async move {
                match end {
                    TopUpEnd::Captured => Ok((StatusCode::OK, wallets.page(tx, user, None, ENTRIES).await?)),
                    TopUpEnd::Refused(reason) => Err(refused(&reason)),
                }
            })
        })
        .await
}

/// How a top-up of mine stands. What the provider has not decided is asked for anew, and waited for a moment.
#[utoipa::path(get, path = "/wallet/top-ups/{id}", tag = "wallet", params(("id" = String, Path)),
    responses((status = 200, body = TopUpView), (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn top_up_state(State(app): State<AppState>, Who(caller): Who, Path(top_up): Path<String>) -> Result<Json<TopUpView>, AppError> {
    let user = owner(&caller)?;
    let top_up: TopUpId = id(&top_up, "top-up")?;
    let Looked { amount, end, confirm } = app.backend.top_ups.returned(user, top_up).await?.ok_or_else(|| AppError::not_found("top-up"))?;
    let (status, reason) = match end {
        None if confirm => (TopUpStatus::ActionRequired, None),
        None => (TopUpStatus::Pending, None),
        Some(TopUpEnd::Captured) => (TopUpStatus::Captured, None),
        Some(TopUpEnd::Refused(reason)) => (TopUpStatus::Refused, Some(reason)),
    };
    Ok(Json(TopUpView { id: top_up, amount, status, reason }))
}

fn refused(reason: &str) -> AppError {
    match reason {
        "payment_timeout" => {
            AppError::new(StatusCode::PAYMENT_REQUIRED, "payment_timeout", "The card provider did not answer. Nothing was charged.")
        }
        "payment_unsure" => {
            let detail = "The card provider did not answer. If your card was charged, the money goes back to it.";
            // A word that the sentence is found by in other languages.
            AppError::new(StatusCode::PAYMENT_REQUIRED, "payment_timeout", detail).with_terms(Terms::words(["unsure"]))
        }
        _ => AppError::new(StatusCode::PAYMENT_REQUIRED, "payment_declined", "The card was declined. Nothing was charged."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_nothing_was_charged_is_said_where_it_is_sure() {
        for (reason, code, nothing) in [
            ("payment_timeout", "payment_timeout", true),
            ("payment_declined", "payment_declined", true),
            ("payment_unsure", "payment_timeout", false),
        ] {
            let problem = refused(reason).problem("");
            assert_eq!((problem.code.as_str(), problem.detail.contains("Nothing was charged")), (code, nothing), "{}", problem.detail);
        }
    }
}
