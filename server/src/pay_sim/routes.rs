//! What the shop asks, over HTTP.

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use backend::payment::http_card::{WireAmount, WireError, WirePayment, WireState, WireStatus};
use uuid::Uuid;

use super::book::{Entry, Refund};
use super::{Card, PaySim, SLOW, now, until};

const MAX_BODY: usize = 64 * 1024;

pub(super) fn router(sim: PaySim) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/v1/totals", get(totals))
        .route("/v1/payments", post(authorize))
        .route("/v1/payments/{key}", get(show))
        .route("/v1/payments/{key}/capture", post(capture))
        .route("/v1/payments/{key}/void", post(void))
        .route("/v1/payments/{key}/refunds", post(refund))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(sim)
}

/// A refusal, or a failure of the provider itself.
pub(super) struct Refusal(StatusCode, &'static str);

const NOT_FOUND: Refusal = Refusal(StatusCode::NOT_FOUND, "not_found");
const REUSED: Refusal = Refusal(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused");

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(WireError { code: self.1.to_owned() })).into_response()
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "the card provider's file");
        Self(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    }
}

type Answer = Result<Response, Refusal>;

fn status(sim: &PaySim, entry: Entry) -> Result<Json<WireStatus>, Refusal> {
    // A card that has said nothing yet is undecided for whoever looks.
    let state = if entry.state == "asked" { "pending" } else { &entry.state };
    let state: WireState = serde_json::from_value(state.into()).map_err(|error| {
        tracing::error!(%error, "the card provider's file has an unknown state");
        Refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal")
    })?;
    Ok(Json(WireStatus {
        action_url: (state == WireState::ActionRequired).then(|| format!("{}/confirm/{}", sim.public, entry.id)),
        reason: (state == WireState::Declined).then(|| "card_declined".to_owned()),
        id: entry.id,
        status: state,
    }))
}

fn key_of(headers: &HeaderMap) -> Result<String, Refusal> {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok()).filter(|key| (1..=255).contains(&key.len()));
    key.map(str::to_owned).ok_or(Refusal(StatusCode::BAD_REQUEST, "idempotency_key_required"))
}

async fn authorize(State(sim): State<PaySim>, headers: HeaderMap, Json(wanted): Json<WirePayment>) -> Answer {
    let key = key_of(&headers)?;
    if wanted.amount <= 0 || wanted.currency.len() != 3 {
        return Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, "invalid_amount"));
    }
    let card = Card::of(&wanted.token);
    let state = match card {
        Card::Good | Card::Cut | Card::CaptureLater => "authorized",
        Card::Declined => "declined",
        Card::Slow | Card::Silent => "asked",
        Card::Later => "pending",
        Card::Confirm => "action_required",
    };
    let fresh = Entry {
        key,
        id: format!("pay_{}", Uuid::new_v4().simple()),
        token: wanted.token,
        amount: wanted.amount,
        currency: wanted.currency,
        state: state.to_owned(),
        asks: 1,
        captured: 0,
        asked_at: now(),
        return_url: wanted.return_url,
        notify: wanted.notify.map(|notify| (notify.url, notify.secret)),
    };
    let mut entry = sim.book.ask(&fresh).await?;
    // A payment that was voided before it was asked for has no token.
    let same = (&entry.token, entry.amount, &entry.currency) == (&fresh.token, fresh.amount, &fresh.currency);
    if !same && !entry.token.is_empty() {
        return Err(REUSED);
    }
    match (card, entry.asks) {
        (Card::Slow, _) if entry.state == "asked" => entry = slowly(&sim, entry).await?,
        (Card::Silent, _) if entry.state == "asked" => std::future::pending().await,
        // At every question: whoever asked first may have gone away before that, and it is decided once.
        (Card::Later, _) if entry.state == "pending" => sim.decide_later(entry.clone()),
        (Card::Cut, 1) => return Ok(cut()),
        _ => {}
    }
    Ok(status(&sim, entry)?.into_response())
}

/// Thinks, decides, tells by webhook, and answers after that.
async fn slowly(sim: &PaySim, entry: Entry) -> Result<Entry, Refusal> {
    tokio::time::sleep(until(entry.asked_at, SLOW)).await;
    match sim.book.decide(&entry.key, "asked", "authorized").await? {
        Some(decided) => {
            sim.notices.send(&decided, &decided.state, None).await;
            Ok(decided)
        }
        None => sim.book.find(&entry.key).await?.ok_or(NOT_FOUND),
    }
}

/// An answer that breaks off: the connection is closed before its body has come.
fn cut() -> Response {
    let broken = futures::stream::once(async { Err::<bytes::Bytes, _>(std::io::Error::other("cut off, as this card wants it")) });
    Body::from_stream(broken).into_response()
}

async fn show(State(sim): State<PaySim>, Path(key): Path<String>) -> Answer {
    let entry = sim.book.find(&key).await?.ok_or(NOT_FOUND)?;
    Ok(status(&sim, entry)?.into_response())
}

async fn capture(State(sim): State<PaySim>, Path(key): Path<String>, Json(WireAmount { amount }): Json<WireAmount>) -> Answer {
    let entry = match sim.book.capture(&key, amount).await? {
        Some(entry) => entry,
        None => match sim.book.find(&key).await?.ok_or(NOT_FOUND)? {
            again if matches!(&*again.state, "capturing" | "captured") && again.captured == amount => again,
            _ => return Err(Refusal(StatusCode::CONFLICT, "not_authorized")),
        },
    };
    if entry.state == "capturing" {
        sim.decide_later(entry.clone());
    }
    Ok(status(&sim, entry)?.into_response())
}

async fn void(State(sim): State<PaySim>, Path(key): Path<String>) -> Answer {
    let id = format!("pay_{}", Uuid::new_v4().simple());
    let entry = match sim.book.void(&key, &id).await? {
        Some(entry) => entry,
        None => sim.book.find(&key).await?.ok_or(NOT_FOUND)?,
    };
    Ok(status(&sim, entry)?.into_response())
}

async fn refund(
    State(sim): State<PaySim>,
    Path(key): Path<String>,
    headers: HeaderMap,
    Json(WireAmount { amount }): Json<WireAmount>,
) -> Answer {
    match sim.book.refund(&key_of(&headers)?, &key, amount).await? {
        Refund::Done => show(State(sim), Path(key)).await,
        Refund::Unknown => Err(NOT_FOUND),
        Refund::TooMuch => Err(Refusal(StatusCode::CONFLICT, "nothing_to_refund")),
        Refund::Reused => Err(REUSED),
    }
}

async fn totals(State(sim): State<PaySim>) -> Answer {
    Ok(Json(sim.book.totals().await?).into_response())
}
