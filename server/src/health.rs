//! Whether the process lives, and whether it can serve.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use backend::subscriber;
use serde::Serialize;
use serde_json::{Value, json};

use crate::state::AppState;

/// Who asks whether we are ready does not wait for long.
const PATIENCE: Duration = Duration::from_millis(900);

/// `GET /healthz`: the process answers.
pub async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

#[derive(Debug, Serialize)]
struct Flow {
    subscriber: String,
    lag: i64,
    parked: i64,
}

/// `GET /readyz`: the database answers, the broker is there, and what happens is published to it; 503 otherwise. How far each
/// subscriber lags is told, but does not make a process unready: another one may be the one to catch up. Only where `live` waits
/// for longer than that takes, nobody does, and what this process tells its visitors is no longer live.
pub async fn ready(State(app): State<AppState>) -> (StatusCode, Json<Value>) {
    let mut reader = app.backend.db.reader();
    let (database, flows) = match tokio::time::timeout(PATIENCE, subscriber::progress(&mut reader)).await {
        Ok(Ok(flows)) => (true, flows),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: the database does not answer");
            (false, Vec::new())
        }
        Err(_) => {
            tracing::warn!("not ready: the database does not answer in time");
            (false, Vec::new())
        }
    };
    let flows: Vec<_> = flows.into_iter().map(|p| Flow { subscriber: p.subscriber, lag: p.lag, parked: p.parked }).collect();
    let word = |fine| if fine { "ok" } else { "away" };
    let broker = app.gateway.ready();
    // Its logs have said so when it began.
    let live = app.gateway.is_published();
    let ready = database && broker && live;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "status": word(ready), "database": word(database), "broker": word(broker), "live": word(live), "lag": flows })))
}
