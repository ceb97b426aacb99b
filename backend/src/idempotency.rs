//! The same request key gives the same answer, once.
//!
//! A key belongs to a caller, a method and a path. The answer is stored in the transaction of the command itself, so there
//! is no moment at which one exists without the other; a refusal, which has changed nothing, right after it. Kept for 24 hours.

mod store;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use domain::Timestamp;
use futures::future::BoxFuture;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use self::store::Begun;
use crate::{
    db::{Db, DbError, Tx},
    identity::secret::hex,
    refused::{Extra, Refused},
    subscriber::HandlerError,
    timer::{self, TimerHandler},
};

/// How long an answer is kept.
const KEPT_SECONDS: i64 = 24 * 3600;
/// How often old answers are thrown away.
const PURGE_SECONDS: i64 = 3600;
const PURGE: &str = "idempotency.purge";
/// How long [`Keys::first`] waits for an answer, and how often it looks.
const FIRST: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);

/// What identifies a request: `key` is the caller's, the rest keeps callers and calls apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// Who asks: an owner or a token.
    pub caller: String,
    pub method: String,
    pub path: String,
    pub key: String,
}

/// Tells one body under a key from another, in every release alike and without keeping it.
pub fn fingerprint(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

/// An answer as it was given: HTTP status and JSON body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// What a command under a key ends in, other than its answer.
#[derive(Debug)]
pub enum CommandError {
    /// The shop's own refusal: nothing is changed, and the same key will get it again.
    Kept(Answer),
    /// A refusal that a later try may change, in so many seconds where that is known: nothing is changed or remembered.
    Forgotten(Answer, Option<i64>),
    /// The database failed.
    Database(DbError),
}

impl From<DbError> for CommandError {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

/// What a request under a key got.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Fresh(Answer),
    /// The first answer again; nothing was done.
    Replayed(Answer),
}

/// Why a request under a key got no answer of a command.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// 422: the key was used with another body.
    #[error("This idempotency key was used for another request. Take a new one.")]
    Reused,
    /// 409: the first request with this key still runs.
    #[error("The first request with this idempotency key is still running. Ask again in a moment with the same key.")]
    InProgress,
    /// The command's refusal, which is not remembered.
    #[error("refused with {}", .0.status)]
    Forgotten(Answer, Option<i64>),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl Refused for KeyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Reused => "idempotency_key_reused",
            Self::InProgress => "request_in_progress",
            Self::Forgotten(..) => "refused",
            Self::Database(error) => error.code(),
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::Reused => 422,
            Self::InProgress => 409,
            Self::Forgotten(answer, _) => answer.status,
            Self::Database(error) => error.status(),
        }
    }

    fn extra(&self) -> Extra {
        if let Self::Database(error) = self { error.extra() } else { Extra::default() }
    }
}

/// The request keys.
#[derive(Clone, Default)]
pub struct Keys {
    /// What this process runs now. Another process on PostgreSQL is told apart by an advisory lock.
    running: Arc<Mutex<HashSet<RequestKey>>>,
}

/// Takes a key out of the running ones when its request is over, however it ends.
struct Running {
    key: RequestKey,
    running: Arc<Mutex<HashSet<RequestKey>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Keys {
    /// The answer that is kept under `key`, if there is one; [`KeyError::Reused`] where it is of another body.
    pub async fn kept(&self, db: &Db, key: &RequestKey, fingerprint: &str) -> Result<Option<Answer>, KeyError> {
        match store::find(&mut db.reader(), key, db.clock().now()).await? {
            Some(kept) if kept.fingerprint == fingerprint => Ok(Some(kept.answer)),
            Some(_) => Err(KeyError::Reused),
            None => Ok(None),
        }
    }

    /// The answer that the first request under `key` gets, which still runs; [`KeyError::InProgress`] where it takes too long, or gets
    /// none that is kept.
    pub async fn first(&self, db: &Db, key: &RequestKey, fingerprint: &str) -> Result<Outcome, KeyError> {
        let until = Instant::now() + FIRST;
        loop {
            if let Some(answer) = self.kept(db, key, fingerprint).await? {
                return Ok(Outcome::Replayed(answer));
            }
            if Instant::now() >= until {
                return Err(KeyError::InProgress);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Runs `command` once under `key`, or gives the answer it had. `fingerprint` tells one body from another.
    pub async fn once<F>(&self, db: &Db, key: RequestKey, fingerprint: String, command: F) -> Result<Outcome, KeyError>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<Answer, CommandError>> + Send + 'static,
    {
        if !self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone()) {
            return Err(KeyError::InProgress);
        }
        // Moved into the transactions: they run to their end even when the caller leaves, and so does the key.
        let running = Arc::new(Running { key: key.clone(), running: self.running.clone() });
        let (own, print, guard) = (key.clone(), fingerprint.clone(), running.clone());
        let done = db
            .transaction(move |tx| {
                Box::pin(async move {
                    let _guard = guard;
                    run_in(tx, &own, &print, command).await
                })
            })
            .await;
        match done {
            Ok(outcome) => Ok(outcome),
            Err(Stopped::Unanswered(error)) => Err(error),
            // Nothing was changed. What is remembered of it is a transaction of its own, so that what succeeds needs no savepoint.
            Err(Stopped::Refused(answer)) => {
                db.transaction(move |tx| {
                    Box::pin(async move {
                        let _running = running;
                        refuse_in(tx, &key, &fingerprint, answer).await
                    })
                })
                .await
            }
        }
    }
}

/// Why a command's transaction keeps nothing.
enum Stopped {
    /// The shop's own refusal, to be kept.
    Refused(Answer),
    Unanswered(KeyError),
}

impl From<DbError> for Stopped {
    fn from(error: DbError) -> Self {
        Self::Unanswered(error.into())
    }
}

impl From<KeyError> for Stopped {
    fn from(error: KeyError) -> Self {
        Self::Unanswered(error)
    }
}

async fn run_in<F>(tx: &mut Tx, key: &RequestKey, fingerprint: &str, command: F) -> Result<Outcome, Stopped>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<Answer, CommandError>> + Send + 'static,
{
    let now = tx.now();
    match store::begin_in(tx, key, now).await? {
        Begun::Free => {}
        Begun::Busy => return Err(KeyError::InProgress.into()),
        Begun::Kept(kept) => return Ok(again(kept, fingerprint)?),
    }
    match command(tx).await {
        // Somebody else's answer was committed just before we began.
        Ok(answer) if !keep_in(tx, key, fingerprint, &answer).await? => Err(KeyError::InProgress.into()),
        Ok(answer) => Ok(Outcome::Fresh(answer)),
        Err(CommandError::Kept(answer)) => Err(Stopped::Refused(answer)),
        Err(CommandError::Forgotten(answer, retry_after)) => Err(KeyError::Forgotten(answer, retry_after).into()),
        Err(CommandError::Database(error)) => Err(error.into()),
    }
}

/// Remembers a refusal, unless another process was quicker and has an answer.
async fn refuse_in(tx: &mut Tx, key: &RequestKey, fingerprint: &str, answer: Answer) -> Result<Outcome, KeyError> {
    let now = tx.now();
    if keep_in(tx, key, fingerprint, &answer).await? {
        return Ok(Outcome::Fresh(answer));
    }
    match store::find(tx, key, now).await? {
        Some(kept) => again(kept, fingerprint),
        None => Err(KeyError::InProgress),
    }
}

async fn keep_in(tx: &mut Tx, key: &RequestKey, fingerprint: &str, answer: &Answer) -> Result<bool, DbError> {
    let now = tx.now();
    store::keep_in(tx, key, fingerprint, answer, now, now.plus_seconds(KEPT_SECONDS)).await
}

/// The first answer, for the same body.
fn again(kept: store::Kept, fingerprint: &str) -> Result<Outcome, KeyError> {
    if kept.fingerprint == fingerprint { Ok(Outcome::Replayed(kept.answer)) } else { Err(KeyError::Reused) }
}

/// The answers that one caller has had are another's from now on, who is the same person: a guest who signs in. Where
/// both used the same key for the same call, the second's own answer stays.
pub async fn adopt_in(tx: &mut Tx, from: &str, to: &str) -> Result<(), DbError> {
    store::adopt_in(tx, from, to).await
}

/// Throws away the answers that a caller has had, who is leaving.
pub async fn forget_in(tx: &mut Tx, caller: &str) -> Result<(), DbError> {
    store::forget_in(tx, caller).await
}

/// Throws old answers away, every hour. Its timer is set by the migration that makes the table, and then by itself.
pub struct Purge;

#[async_trait::async_trait]
impl TimerHandler for Purge {
    fn kind(&self) -> &'static str {
        PURGE
    }

    async fn fire_in(&self, tx: &mut Tx, key: &str, payload: &Value, _due: Timestamp) -> Result<(), HandlerError> {
        let now = tx.now();
        store::purge_in(tx, now).await?;
        timer::set_in(tx, PURGE, key, now.plus_seconds(PURGE_SECONDS), payload.clone()).await?;
        Ok(())
    }
}
