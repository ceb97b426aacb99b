//! Subscribers: who reacts to what happened.
//!
//! A subscriber reads the log from a cursor of its own. Its effects and the cursor are one transaction, so an event
//! takes effect exactly once. An event that fails for its own reason parks its stream: that event and the later ones of
//! the same stream wait in order until a person retries or drops it, and the other streams go on. When the database or
//! something outside is away the subscriber waits, and parks nothing.

mod able;
pub(crate) mod batch;
pub(crate) mod follower;
pub mod parked;

use async_trait::async_trait;

pub use self::able::Able;
use crate::args;
use crate::db::{DbError, Sql, Tx};
use crate::log::Recorded;

/// One who reacts to events.
#[async_trait]
pub trait Subscriber: Send + Sync + 'static {
    /// Its name for ever: its cursor is kept under it. What stands before the first dot is the service that it belongs
    /// to, such as `ordering.saga`.
    fn name(&self) -> &'static str;

    /// The event types it wants.
    fn types(&self) -> &'static [&'static str];

    /// Whether what it builds can be dropped and rebuilt from the log, see [`crate::log::replay`].
    fn projection(&self) -> bool {
        false
    }

    /// Whether it can do its work in this process. While it cannot, it holds no lease, so that its cursor moves only where somebody
    /// can, which may be another process.
    fn able(&self) -> Able {
        Able::always()
    }

    /// Told once whenever this process has taken the subscriber over, at its start, too, before any event: whoever had it came to this
    /// position, and may have left undone what is not in the transactions of the cursor. Where this fails it is told again.
    async fn taken_over(&self, _position: i64) -> Result<(), DbError> {
        Ok(())
    }

    /// Takes the locks that these events need, before any of them is handled: one by one they would be taken in the order of
    /// the events, and not in that of everybody else.
    async fn lock_in(&self, _tx: &mut Tx, _events: &[&Recorded]) -> Result<(), DbError> {
        Ok(())
    }

    /// Reacts to one event, inside the transaction that moves the cursor. No call to anything outside the database: for
    /// that it enqueues a job. Where one of a batch fails, all of them are handled again, each behind a savepoint.
    async fn handle_in(&self, tx: &mut Tx, event: &Recorded) -> Result<(), HandlerError>;

    /// Told after the commit which events were handled. Not told again when the process dies in between.
    async fn after_commit(&self, _events: &[Recorded]) {}

    /// Drops what a projection has built.
    async fn reset_in(&self, _tx: &mut Tx) -> Result<(), DbError> {
        Ok(())
    }
}

/// Why a handler of an event, a timer or a job's end did not succeed. Made from any error by `?`.
#[derive(Debug)]
pub struct HandlerError {
    /// What a person reads who looks why it is stuck.
    pub reason: String,
    /// Nothing is wrong with the event: the same will work later.
    pub later: bool,
}

impl HandlerError {
    /// The event itself is the trouble.
    pub fn new(reason: impl ToString) -> Self {
        Self { reason: reason.to_string(), later: false }
    }

    /// Something that it needs is away; the subscriber waits.
    pub fn later(reason: impl ToString) -> Self {
        Self { reason: reason.to_string(), later: true }
    }
}

impl<E: std::error::Error + 'static> From<E> for HandlerError {
    /// A database that is away or busy, anywhere in the chain of causes, means "later".
    fn from(error: E) -> Self {
        let mut reason = error.to_string();
        let mut later = false;
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(error) = cause {
            later |= error.downcast_ref::<DbError>().is_some_and(DbError::is_transient);
            let text = error.to_string();
            if !reason.contains(&text) {
                reason = format!("{reason}: {text}");
            }
            cause = error.source();
        }
        Self { reason, later }
    }
}

/// How far a subscriber is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Its name.
    pub subscriber: String,
    /// The last position it has dealt with.
    pub position: i64,
    /// Events after that which it wants.
    pub lag: i64,
    /// Events that wait for a person.
    pub parked: i64,
    /// How often it has changed hands between processes.
    pub epoch: i64,
}

/// How far every subscriber is that has ever run here. A cursor may stand behind the head of the log and lack nothing: what
/// counts is what it wants, which its row says.
pub async fn progress(sql: &mut impl Sql) -> Result<Vec<Progress>, DbError> {
    let text = sql.either(
        "select subscriber, position, epoch, (select count(*) from parked where parked.subscriber = cursor.subscriber) as parked, \
         (select count(*) from event where event.position > cursor.position and event.type in (select value from json_each(cursor.types))) \
         as lag from cursor order by subscriber",
        "select subscriber, position, epoch, (select count(*) from parked where parked.subscriber = cursor.subscriber) as parked, \
         (select count(*) from event where event.position > cursor.position \
         and event.type in (select jsonb_array_elements_text(cursor.types::jsonb))) as lag from cursor order by subscriber",
    );
    let rows = sql.fetch_all(text, args![]).await?;
    rows.iter()
        .map(|row| {
            Ok(Progress {
                subscriber: row.get("subscriber")?,
                position: row.get("position")?,
                lag: row.get("lag")?,
                parked: row.get("parked")?,
                epoch: row.get("epoch")?,
            })
        })
        .collect()
}

/// The last position that this subscriber has dealt with; 0 where it has never run.
pub(crate) async fn position(sql: &mut impl Sql, subscriber: &str) -> Result<i64, DbError> {
    let text = "select coalesce(max(position), 0) as position from cursor where subscriber = $1";
    sql.fetch_one(text, args![subscriber]).await?.get("position")
}

/// Where this subscriber stands while something of these types, which it wants, waits behind that, or for its position, which comes
/// behind it; `None` where nothing does. One that has never run stands at the start of the log.
pub(crate) async fn waits_at(sql: &mut impl Sql, subscriber: &str, types: &[&str]) -> Result<Option<i64>, DbError> {
    let text = sql.either(
        "select place.position from (select coalesce(max(position), 0) as position from cursor where subscriber = $1) as place \
         where exists (select 1 from event where event.position > place.position and event.type in (select value from json_each($2)))",
        "select place.position from (select coalesce(max(position), 0) as position from cursor where subscriber = $1) as place \
         where exists (select 1 from event where event.position > place.position \
         and event.type in (select jsonb_array_elements_text($2::jsonb))) \
         or exists (select 1 from event where event.position is null and event.type in (select jsonb_array_elements_text($2::jsonb)))",
    );
    let row = sql.fetch_optional(text, args![subscriber, serde_json::Value::from(types)]).await?;
    row.map(|row| row.get("position")).transpose()
}
