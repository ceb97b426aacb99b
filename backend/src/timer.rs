//! Timers: what is to happen at a time, written in the transaction of what it guards. They survive a restart; each fires
//! once, in one transaction with its effect. A timer whose effect fails is tried again, at most a minute later, for ever.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use domain::Timestamp;
use futures::FutureExt as _;
use serde_json::Value;

use crate::args;
use crate::db::{DbError, Sql, Tx, Wake, ids};
use crate::lease::{self, Lease, Lost};
use crate::runner::{Context, Wait};
use crate::subscriber::HandlerError;
use crate::subscriber::batch::{Unsettled, settle};

/// Timers of one transaction of SQLite, which has one writer. PostgreSQL takes one at a time: the locks of two timers would be
/// taken in the order of their times, and not in that of everybody else.
const BATCH: i64 = 64;

const SET: &str = "insert into timer (kind, key, due, payload, next_at, attempts) values ($1, $2, $3, $4, $3, 0) \
                   on conflict (kind, key) do update \
                   set due = excluded.due, payload = excluded.payload, next_at = excluded.next_at, attempts = 0, error = null";
const CANCEL: &str = "delete from timer where kind = $1 and key = $2";

/// What happens when a kind of timer is due.
#[async_trait]
pub trait TimerHandler: Send + Sync + 'static {
    /// The kind for ever. What stands before the first dot is the service that it belongs to, such as
    /// `ordering.checkout_expiry`.
    fn kind(&self) -> &'static str;

    /// Takes the locks that [`TimerHandler::fire_in`] needs, before the timer itself is taken: whoever cancels a timer holds
    /// them already, and two that wait for each other would both have to begin again.
    async fn lock_in(&self, _tx: &mut Tx, _key: &str, _payload: &Value) -> Result<(), HandlerError> {
        Ok(())
    }

    /// Does it, inside the transaction that removes the timer. It may set the same timer again.
    async fn fire_in(&self, tx: &mut Tx, key: &str, payload: &Value, due: Timestamp) -> Result<(), HandlerError>;
}

/// Sets a timer, or sets it anew where there is one of this kind and key.
pub async fn set_in(tx: &mut Tx, kind: &'static str, key: &str, due: Timestamp, payload: Value) -> Result<(), DbError> {
    tx.execute(SET, args![kind, key, due, payload]).await?;
    tx.wake(Wake::Timer(kind.to_owned(), due));
    Ok(())
}

/// As [`set_in`] and [`cancel_in`], but not before the end of the transaction ([`Tx::later`]): one of `kind` is set, one of `instead_of`
/// is taken back.
pub(crate) async fn swap_later_in(
    tx: &mut Tx,
    instead_of: (&'static str, &str),
    set: Option<(&'static str, &str, Timestamp)>,
) -> Result<(), DbError> {
    tx.later(CANCEL, args![instead_of.0, instead_of.1]).await?;
    if let Some((kind, key, due)) = set {
        tx.later(SET, args![kind, key, due, Value::Object(serde_json::Map::new())]).await?;
        tx.wake(Wake::Timer(kind.to_owned(), due));
    }
    Ok(())
}

/// Lets a timer fire so much later. False where there is none (any more).
pub async fn put_off_in(tx: &mut Tx, kind: &'static str, key: &str, seconds: i64) -> Result<bool, DbError> {
    let text = "update timer set due = due + $1, next_at = next_at + $1 where kind = $2 and key = $3";
    Ok(tx.execute(text, args![seconds * 1000, kind, key]).await? > 0)
}

/// Takes a timer back. False where there is none (any more).
pub async fn cancel_in(tx: &mut Tx, kind: &'static str, key: &str) -> Result<bool, DbError> {
    Ok(tx.execute(CANCEL, args![kind, key]).await? > 0)
}

/// When these timers of a kind are due, those of them that are set.
pub(crate) async fn due_of<K: ToString>(sql: &mut impl Sql, kind: &str, keys: &[K]) -> Result<HashMap<String, Timestamp>, DbError> {
    let text = sql.either(
        "select key, due from timer where kind = $1 and key in (select value from json_each($2))",
        "select key, due from timer where kind = $1 and key in (select jsonb_array_elements_text($2::jsonb))",
    );
    let rows = sql.fetch_all(text, args![kind, ids(keys)]).await?;
    rows.iter().map(|row| Ok((row.get("key")?, row.get("due")?))).collect()
}

/// A timer that should have fired before some time, with the error of its last try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Overdue {
    pub kind: String,
    pub key: String,
    pub due: Timestamp,
    pub error: Option<String>,
}

/// Timers that were due before `before`, the oldest first.
pub(crate) async fn overdue(sql: &mut impl Sql, before: Timestamp, limit: i64) -> Result<Vec<Overdue>, DbError> {
    let text = "select kind, key, due, error from timer where due < $1 order by due, kind, key limit $2";
    let rows = sql.fetch_all(text, args![before, limit]).await?;
    rows.iter()
        .map(|row| Ok(Overdue { kind: row.get("kind")?, key: row.get("key")?, due: row.get("due")?, error: row.get("error")? }))
        .collect()
}

/// One due timer.
struct Due {
    key: String,
    payload: Value,
    at: Timestamp,
    attempts: i64,
}

/// Why a round changed nothing.
enum Failed {
    Lost(Lost),
    Later(String),
    Poisoned(String, String),
}

impl From<DbError> for Failed {
    fn from(error: DbError) -> Self {
        Self::Lost(Lost::Database(error))
    }
}

impl From<Lost> for Failed {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

/// What keeps one kind of timers going.
pub(crate) struct Ticker {
    context: Context,
    handler: Arc<dyn TimerHandler>,
    /// A timer that broke the whole transaction: next time it is put off without being run.
    suspect: Option<(String, String)>,
}

impl Ticker {
    pub(crate) fn new(context: Context, handler: Arc<dyn TimerHandler>) -> Self {
        Self { context, handler, suspect: None }
    }

    pub(crate) async fn run(mut self) {
        let kind = self.handler.kind();
        let lease_name = format!("timer/{kind}");
        let mine = lease_name.clone();
        // When the next one is due, as far as this has looked. Who is woken looks again; for one that is due later there is nothing new.
        let until = Arc::new(AtomicI64::new(i64::MAX));
        let next_due = until.clone();
        let woken = self.context.db.wakes().listen(move |wake| match wake {
            Wake::Timer(timer, due) => timer == kind && due.as_millis() < next_due.load(Ordering::SeqCst),
            Wake::Lease(lease) => *lease == mine,
            _ => false,
        });
        let mut wait = Wait::default();
        let mut new = true;
        while let Some(lease) = self.context.hold(&lease_name, &woken, &mut new).await {
            loop {
                // What is set from here on may not be seen by the look that follows.
                until.store(i64::MAX, Ordering::SeqCst);
                let busy = self.context.activity.busy();
                let round = self.round(&lease).await;
                drop(busy);
                if self.context.stop.is_cancelled() {
                    return;
                }
                match round {
                    Ok(None) => wait.reset(),
                    Ok(Some(next)) => {
                        wait.reset();
                        until.store(next.map_or(i64::MAX, Timestamp::as_millis), Ordering::SeqCst);
                        self.context.idle(&woken, next).await;
                    }
                    Err(Failed::Lost(Lost::Lease)) => {
                        tracing::info!(timer = kind, "another process has taken over");
                        break;
                    }
                    Err(Failed::Lost(Lost::Database(error))) => wait.after(&self.context, kind, &error.to_string()).await,
                    Err(Failed::Later(reason)) => wait.after(&self.context, kind, &reason).await,
                    Err(Failed::Poisoned(key, error)) => self.suspect = Some((key, error)),
                }
            }
        }
    }

    /// Fires what is due. `None`: there may be more; `Some`: when the next one is due, if there is one.
    async fn round(&mut self, lease: &Lease) -> Result<Option<Option<Timestamp>>, Failed> {
        let kind = self.handler.kind();
        let row = self.context.db.reader().fetch_one("select min(next_at) as next from timer where kind = $1", args![kind]).await?;
        let next: Option<Timestamp> = row.get("next")?;
        if next.is_none_or(|next| next > self.context.db.clock().now()) {
            return Ok(Some(next));
        }
        let (handler, lease, suspect) = (self.handler.clone(), lease.clone(), self.suspect.take());
        self.context
            .db
            .transaction(move |tx| {
                Box::pin(async move {
                    for due in due_in(tx, handler.kind()).await? {
                        fire_one(tx, &*handler, &due, suspect.as_ref()).await?;
                    }
                    lease::fence_in(tx, &lease).await?;
                    Ok::<_, Failed>(())
                })
            })
            .await?;
        Ok(None)
    }
}

async fn due_in(tx: &mut Tx, kind: &str) -> Result<Vec<Due>, DbError> {
    let now = tx.now();
    let rows = tx
        .fetch_all(
            "select key, payload, due, attempts from timer where kind = $1 and next_at <= $2 order by next_at, key limit $3",
            args![kind, now, if tx.is_postgres() { 1 } else { BATCH }],
        )
        .await?;
    rows.iter()
        .map(|row| Ok(Due { key: row.get("key")?, payload: row.json("payload")?, at: row.get("due")?, attempts: row.get("attempts")? }))
        .collect()
}

/// Removes a timer and does what it is for; where that fails, puts it off.
async fn fire_one(tx: &mut Tx, handler: &dyn TimerHandler, timer: &Due, suspect: Option<&(String, String)>) -> Result<(), Failed> {
    let kind = handler.kind();
    let suspected = suspect.filter(|(key, _)| *key == timer.key);
    let error = if let Some((_, error)) = suspected {
        Some(error.clone())
    } else {
        let savepoint = tx.savepoint().await?;
        // Cancelled or set anew in the meantime: whoever removes the row fires.
        let sql = "delete from timer where kind = $1 and key = $2 and due = $3";
        let fired = async {
            handler.lock_in(tx, &timer.key, &timer.payload).await?;
            match tx.execute(sql, args![kind, &timer.key, timer.at]).await? {
                0 => Ok(()),
                _ => handler.fire_in(tx, &timer.key, &timer.payload, timer.at).await,
            }
        };
        let result = AssertUnwindSafe(fired).catch_unwind().await.unwrap_or_else(|_| Err(HandlerError::new("the handler panicked")));
        settle(tx, savepoint, result).await.map_err(|unsettled| match unsettled {
            Unsettled::Database(error) => error.into(),
            Unsettled::Later(reason) => Failed::Later(reason),
            Unsettled::Broken(error) => Failed::Poisoned(timer.key.clone(), error),
        })?
    };
    if let Some(error) = error {
        tracing::error!(kind, key = timer.key, error, "a timer failed and is put off");
        let next = tx.now().plus_seconds(1 << timer.attempts.clamp(0, 6)).min(tx.now().plus_seconds(60));
        tx.execute(
            "update timer set next_at = $1, attempts = attempts + 1, error = $2 where kind = $3 and key = $4",
            args![next, error, kind, &timer.key],
        )
        .await?;
    }
    Ok(())
}
