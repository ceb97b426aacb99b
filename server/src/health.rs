//! Whether the process lives, and whether it can serve.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use backend::subscriber;
use serde::Serialize;
use serde_json::{Value, json};

use crate::state::AppState;

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

/// `GET /readyz`: the database answers and the broker is there; 503 otherwise. How far each subscriber lags is told, but
/// does not make a process unready: another one may be the one to catch up.
pub async fn ready(State(app): State<AppState>) -> (StatusCode, Json<Value>) {
    let flows = subscriber::progress(&mut app.backend.db.reader()).await;
    let (database, flows) = match flows {
        Ok(flows) => (true, flows),
        Err(error) => {
            tracing::warn!(%error, "not ready: the database does not answer");
            (false, Vec::new())
        }
    };
    let flows: Vec<_> = flows.into_iter().map(|p| Flow { subscriber: p.subscriber, lag: p.lag, parked: p.parked }).collect();
    let word = |fine| if fine { "ok" } else { "away" };
    let broker = app.gateway.ready();
    let ready = database && broker;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "status": word(ready), "database": word(database), "broker": word(broker), "lag": flows })))
}
