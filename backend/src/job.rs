//! Jobs: everything that leaves the process (card, SMS, webhook). A job is written in the transaction that wants it and
//! run outside any transaction, at least once, with a key that stays the same, so that the other side can recognise a
//! repetition. Its end is written once. A job that cannot be done is dead: it stays, visible, with its last error.

pub(crate) mod worker;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use domain::Timestamp;
use serde_json::Value;

use crate::args;
use crate::db::{DbError, Row, Sql, Tx, Wake, ids};
use crate::subscriber::HandlerError;

/// A job to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its kind.
    pub kind: String,
    /// Its key, the same in every attempt.
    pub key: String,
    /// What it needs to know.
    pub payload: Value,
    /// Which attempt this is, from 1.
    pub attempt: i64,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum JobOutcome {
    /// It is done; the output goes to [`JobHandler::done_in`].
    Done(Value),
    /// It may work later: after this long, or after a wait that doubles with each attempt (1 s to 5 min).
    Retry {
        /// Why.
        error: String,
        /// When, instead of the growing wait.
        after: Option<Duration>,
    },
    /// Nothing is wrong: what it waits for has not happened yet. It is looked at again after this long.
    Wait {
        /// What it waits for.
        why: String,
        /// Until the next look.
        after: Duration,
    },
    /// It will never work.
    Dead(String),
}

impl JobOutcome {
    /// It may work later, after the growing wait.
    pub fn retry(error: impl ToString) -> Self {
        Self::Retry { error: error.to_string(), after: None }
    }
}

/// What does one kind of jobs.
#[async_trait]
pub trait JobHandler: Send + Sync + 'static {
    /// The kind for ever. What stands before the first dot is the service that it belongs to, such as `payment.charge`.
    fn kind(&self) -> &'static str;

    /// How many run at once in this process.
    fn parallel(&self) -> usize {
        4
    }

    /// After how many attempts a job is dead.
    fn max_attempts(&self) -> i64 {
        10
    }

    /// How long one attempt may take.
    fn time_limit(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// One attempt, outside any transaction.
    async fn run(&self, job: &Job) -> JobOutcome;

    /// Takes the locks that [`done_in`](Self::done_in) and [`dead_in`](Self::dead_in) need. They come before the job's own row, which
    /// whoever has them may be about to write.
    async fn lock_in(&self, _tx: &mut Tx, _job: &Job) -> Result<(), HandlerError> {
        Ok(())
    }

    /// Writes down what came of it, in the transaction that ends the job. If it fails the job is tried again.
    async fn done_in(&self, _tx: &mut Tx, _job: &Job, _output: Value) -> Result<(), HandlerError> {
        Ok(())
    }

    /// Reacts to a job that will never be done, in the transaction that buries it.
    async fn dead_in(&self, _tx: &mut Tx, _job: &Job, _error: &str) -> Result<(), HandlerError> {
        Ok(())
    }
}

const ENQUEUE: &str = "insert into job (kind, key, payload, status, attempts, next_at, created_at) \
                       values ($1, $2, $3, 'ready', 0, $4, $4) on conflict (kind, key) do nothing";

/// Wants a job done. False where one of this kind and key was wanted before: then this changes nothing. Done jobs are
/// remembered for a week.
pub async fn enqueue_in(tx: &mut Tx, kind: &'static str, key: &str, payload: Value) -> Result<bool, DbError> {
    let now = tx.now();
    let added = tx.execute(ENQUEUE, args![kind, key, payload, now]).await?;
    tx.wake(Wake::Job(kind.to_owned()));
    Ok(added > 0)
}

/// As [`enqueue_in`], but not before the end of the transaction ([`Tx::later`]).
pub(crate) async fn enqueue_later_in(tx: &mut Tx, kind: &'static str, key: &str, payload: Value) -> Result<(), DbError> {
    let now = tx.now();
    tx.later(ENQUEUE, args![kind, key, payload, now]).await?;
    tx.wake(Wake::Job(kind.to_owned()));
    Ok(())
}

/// Takes a job back that is not done. False where there is none. An attempt that is under way goes on outside, but its
/// end is not written down.
pub async fn cancel_in(tx: &mut Tx, kind: &'static str, key: &str) -> Result<bool, DbError> {
    Ok(tx.execute("delete from job where kind = $1 and key = $2 and status <> 'done'", args![kind, key]).await? > 0)
}

/// Which of these jobs of a kind are still to be done.
pub(crate) async fn ready_of<K: ToString>(sql: &mut impl Sql, kind: &str, keys: &[K]) -> Result<HashSet<String>, DbError> {
    let text = sql.either(
        "select key from job where kind = $1 and status = 'ready' and key in (select value from json_each($2))",
        "select key from job where kind = $1 and status = 'ready' and key in (select jsonb_array_elements_text($2::jsonb))",
    );
    sql.fetch_all(text, args![kind, ids(keys)]).await?.iter().map(|row| row.get("key")).collect()
}

/// A job that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// Of its last attempt.
    pub error: Option<String>,
    /// When it is tried again; `None` where it never is.
    pub next_at: Option<Timestamp>,
}

impl Left {
    /// It is dead: nobody tries it again by himself.
    pub fn is_given_up(&self) -> bool {
        self.next_at.is_none()
    }

    fn keyed(row: &Row) -> Result<(String, Self), DbError> {
        let waits = row.get::<String>("status")? == "ready";
        Ok((row.get("key")?, Self { error: row.get("error")?, next_at: if waits { Some(row.get("next_at")?) } else { None } }))
    }
}

/// Which of these jobs of a kind are not done, by key.
pub(crate) async fn left_of<K: ToString>(sql: &mut impl Sql, kind: &str, keys: &[K]) -> Result<HashMap<String, Left>, DbError> {
    let text = sql.either(
        "select key, status, error, next_at from job where kind = $1 and status <> 'done' and key in (select value from json_each($2))",
        "select key, status, error, next_at from job where kind = $1 and status <> 'done' \
         and key in (select jsonb_array_elements_text($2::jsonb))",
    );
    sql.fetch_all(text, args![kind, ids(keys)]).await?.iter().map(Left::keyed).collect()
}

/// All jobs of a kind that are not done, by key.
pub(crate) async fn left(sql: &mut impl Sql, kind: &str) -> Result<HashMap<String, Left>, DbError> {
    let text = "select key, status, error, next_at from job where kind = $1 and status <> 'done'";
    sql.fetch_all(text, args![kind]).await?.iter().map(Left::keyed).collect()
}

/// Whether a job of this kind and key still waits or runs.
pub(crate) async fn is_wanted(sql: &mut impl Sql, kind: &'static str, key: &str) -> Result<bool, DbError> {
    let text = "select 1 as n from job where kind = $1 and key = $2 and status <> 'done'";
    Ok(sql.fetch_optional(text, args![kind, key]).await?.is_some())
}

/// Brings a job forward that waits for its time; one that runs, or has ended, is left alone. False where none was moved.
pub(crate) async fn hurry_in(tx: &mut Tx, kind: &'static str, key: &str) -> Result<bool, DbError> {
    let now = tx.now();
    let text = "update job set next_at = $1 where kind = $2 and key = $3 and status = 'ready' and claim is null and next_at > $1";
    let moved = tx.execute(text, args![now, kind, key]).await?;
    tx.wake(Wake::Job(kind.to_owned()));
    Ok(moved > 0)
}

/// How often a job has been begun that is still to be done, and whether it runs now; `None` where it has ended.
pub(crate) async fn attempts(sql: &mut impl Sql, kind: &'static str, key: &str) -> Result<Option<(i64, bool)>, DbError> {
    let text = "select attempts, claim from job where kind = $1 and key = $2 and status = 'ready'";
    let row = sql.fetch_optional(text, args![kind, key]).await?;
    row.map(|row| Ok((row.get("attempts")?, row.get::<Option<String>>("claim")?.is_some()))).transpose()
}

/// Tries a job again now, a dead one from its first attempt. False where there is none that waits or is dead.
pub async fn retry_in(tx: &mut Tx, kind: &'static str, key: &str) -> Result<bool, DbError> {
    let now = tx.now();
    let text = "update job set attempts = case when status = 'dead' then 0 else attempts end, status = 'ready', next_at = $1, ended_at = null \
                where kind = $2 and key = $3 and claim is null and status in ('ready', 'dead')";
    let moved = tx.execute(text, args![now, kind, key]).await?;
    tx.wake(Wake::Job(kind.to_owned()));
    Ok(moved > 0)
}

/// A job that could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadJob {
    /// Its kind.
    pub kind: String,
    /// Its key.
    pub key: String,
    /// Its last error.
    pub error: String,
    /// How often it was tried.
    pub attempts: i64,
}

/// All dead jobs.
pub async fn dead(sql: &mut (impl Sql + ?Sized)) -> Result<Vec<DeadJob>, DbError> {
    let text = "select kind, key, coalesce(error, '') as error, attempts from job where status = 'dead' order by kind, key";
    let rows = sql.fetch_all(text, args![]).await?;
    rows.iter()
        .map(|row| Ok(DeadJob { kind: row.get("kind")?, key: row.get("key")?, error: row.get("error")?, attempts: row.get("attempts")? }))
        .collect()
}
