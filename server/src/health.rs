//! Whether the process lives, and whether it can serve.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use backend::db::{Db, DbError};
use backend::{lease, subscriber};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant as Deadline;

use crate::state::AppState;

/// Who asks whether we are ready does not wait for long.
const PATIENCE: Duration = Duration::from_millis(900);
/// How long a try to write counts, for whoever asks: a write waits for the disk.
const TRIED: Duration = Duration::from_secs(2);

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

/// Whether the database takes what is written, as a full disk does not, which answers as before.
#[derive(Debug, Default)]
pub struct Writing(Mutex<Option<Tried>>);

#[derive(Debug, Clone, Copy)]
struct Tried {
    at: Instant,
    taken: bool,
}

impl Writing {
    /// Tries it, unless somebody has just done so. Only an answer counts: a write that waits for its turn does so in a rush, too.
    async fn is_taken(&self, db: &Db, until: Deadline) -> bool {
        let mut last = self.0.lock().await;
        if let Some(tried) = last.filter(|tried| tried.at.elapsed() < TRIED) {
            return tried.taken;
        }
        let before = last.is_none_or(|tried| tried.taken);
        // Already now: who asks may leave meanwhile, and the next one must not queue another.
        let at = Instant::now();
        *last = Some(Tried { at, taken: before });
        let written = async {
            match lease::try_write(db).await {
                Ok(()) => Ok(()),
                // Something else in the same commit may have broken it.
                Err(_) => lease::try_write(db).await,
            }
        };
        let taken = match tokio::time::timeout_at(until, written).await {
            Ok(Ok(())) => true,
            Ok(Err(DbError::Busy(_))) | Err(_) => before,
            Ok(Err(error)) => {
                // Once for each time that it begins.
                if before {
                    tracing::warn!(%error, "not ready: the database takes nothing that is written");
                }
                false
            }
        };
        *last = Some(Tried { at, taken });
        taken
    }
}

/// `GET /readyz`: the database answers and takes what is written, the broker is there, and what happens is published to it; 503
/// otherwise. How far each subscriber lags is told, but does not make a process unready: another one may be the one to catch up. Only
/// where `live` waits for longer than that takes, nobody does, and what this process tells its visitors is no longer live.
pub async fn ready(State(app): State<AppState>) -> (StatusCode, Json<Value>) {
    let mut reader = app.backend.db.reader();
    let until = Deadline::now() + PATIENCE;
    let (answers, flows) = match tokio::time::timeout_at(until, subscriber::progress(&mut reader)).await {
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
    let database = answers && app.writing.is_taken(&app.backend.db, until).await;
    let flows: Vec<_> = flows.into_iter().map(|p| Flow { subscriber: p.subscriber, lag: p.lag, parked: p.parked }).collect();
    let word = |fine| if fine { "ok" } else { "away" };
    let broker = app.gateway.ready();
    // Its logs have said so when it began.
    let live = app.gateway.is_published();
    let ready = database && broker && live;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "status": word(ready), "database": word(database), "broker": word(broker), "live": word(live), "lag": flows })))
}
