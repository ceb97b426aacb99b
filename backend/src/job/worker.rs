//! What keeps one kind of jobs going: claims, attempts, ends.
//!
//! A claim is a random id in the job's row and ends 10 s after its last sign of life. Only the claim's holder writes the
//! end, so however often a job runs, it ends once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use futures::FutureExt as _;
use serde_json::Value;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Job, JobHandler, JobOutcome};
use crate::args;
use crate::db::{DbError, Sql as _, Tx, Wake};
use crate::runner::{Context, Wait};
use crate::subscriber::HandlerError;

const CLAIM_SECONDS: i64 = 10;
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);
/// How long free hands wait for others to come free.
const GATHER: Duration = Duration::from_millis(3);
/// The longest wait between two attempts.
const LONGEST: Duration = Duration::from_mins(5);
/// How long a stopping process lets its attempts go on.
const DRAIN: Duration = Duration::from_secs(5);
const KEEP_SECONDS: i64 = 7 * 24 * 3600;
const SWEEP_SECONDS: i64 = 3600;

pub(crate) struct Worker {
    context: Context,
    handler: Arc<dyn JobHandler>,
    running: JoinSet<()>,
    swept: Option<Timestamp>,
}

impl Worker {
    pub(crate) fn new(context: Context, handler: Arc<dyn JobHandler>) -> Self {
        Self { context, handler, running: JoinSet::new(), swept: None }
    }

    pub(crate) async fn run(mut self) {
        let kind = self.handler.kind();
        let woken = self.context.db.wakes().listen(move |wake| matches!(wake, Wake::Job(job) if job == kind));
        let mut wait = Wait::default();
        while !self.context.stop.is_cancelled() {
            let busy = self.context.activity.busy();
            let next = self.round().await;
            drop(busy);
            match next {
                Ok(next) => {
                    wait.reset();
                    let full = self.running.len() >= self.handler.parallel();
                    tokio::select! {
                        // All hands are full: only an end can let another one begin.
                        () = self.context.idle(&woken, next), if !full => {}
                        () = self.context.stop.cancelled() => {}
                        Some(_) = self.running.join_next(), if !self.running.is_empty() => self.gather().await,
                    }
                }
                Err(error) => wait.after(&self.context, kind, &error.to_string()).await,
            }
        }
        let drained = tokio::time::timeout(DRAIN, async { while self.running.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!(kind, left = self.running.len(), "stopping while jobs are running; they will be run again");
        }
    }

    /// Hands that come free shortly after each other (their ends share a commit) take their next jobs with one claim.
    async fn gather(&mut self) {
        let half = self.handler.parallel() / 2;
        let ends = async { while self.running.len() > half && self.running.join_next().await.is_some() {} };
        // When it is over, whoever is free begins.
        let _ = tokio::time::timeout(GATHER, ends).await;
    }

    /// Starts as many jobs as there are free hands; when to look again.
    async fn round(&mut self) -> Result<Option<Timestamp>, DbError> {
        let kind = self.handler.kind();
        let now = self.context.db.clock().now();
        if self.swept.is_none_or(|swept| now.seconds_since(swept) >= SWEEP_SECONDS) {
            self.sweep(now).await?;
            self.swept = Some(now);
        }
        let free = self.handler.parallel().saturating_sub(self.running.len()) as i64;
        let sql = "select min(next_at) as next from job where kind = $1 and status = 'ready'";
        let next: Option<Timestamp> = self.context.db.reader().fetch_one(sql, args![kind]).await?.get("next")?;
        if next.is_some_and(|next| next > now.plus_millis(LONGEST.as_millis() as i64)) {
            self.bring_forward(now).await?;
            return Ok(Some(now));
        }
        if free == 0 || next.is_none_or(|next| next > now) {
            return Ok(next);
        }
        for (claim, job) in self.claim(free).await? {
            let (context, handler) = (self.context.clone(), self.handler.clone());
            // Counted from here, so that nobody takes the shop for quiet in between.
            let busy = self.context.activity.busy();
            self.running.spawn(async move {
                attempt(context, handler, claim, job).await;
                drop(busy);
            });
        }
        Ok(Some(now))
    }

    async fn claim(&self, free: i64) -> Result<Vec<(Uuid, Job)>, DbError> {
        let kind = self.handler.kind();
        self.context
            .db
            .transaction(move |tx| {
                Box::pin(async move {
                    let claim = Uuid::now_v7();
                    let now = tx.now();
                    let rows = tx
                        .fetch_all(
                            "update job set claim = $1, next_at = $2, attempts = attempts + 1 \
                             where kind = $3 and status = 'ready' and next_at <= $4 and key in \
                               (select key from job where kind = $3 and status = 'ready' and next_at <= $4 order by next_at, key limit $5) \
                             returning key, payload, attempts",
                            args![claim, now.plus_seconds(CLAIM_SECONDS), kind, now, free],
                        )
                        .await?;
                    rows.iter()
                        .map(|row| {
                            let job = Job {
                                kind: kind.to_owned(),
                                key: row.get("key")?,
                                payload: row.json("payload")?,
                                attempt: row.get("attempts")?,
                            };
                            Ok((claim, job))
                        })
                        .collect()
                })
            })
            .await
    }

    /// No wait is so long: the clock has been put back since these jobs were put off. They are tried now.
    async fn bring_forward(&self, now: Timestamp) -> Result<(), DbError> {
        let kind = self.handler.kind();
        tracing::warn!(kind, "the clock was put back; jobs that waited for their time are run now");
        let latest = now.plus_millis(LONGEST.as_millis() as i64);
        self.context
            .db
            .transaction(move |tx| {
                Box::pin(async move {
                    let text = "update job set next_at = $1 where kind = $2 and status = 'ready' and next_at > $3";
                    tx.execute(text, args![now, kind, latest]).await.map(drop)
                })
            })
            .await
    }

    /// Forgets jobs that were done long ago.
    async fn sweep(&self, now: Timestamp) -> Result<(), DbError> {
        let kind = self.handler.kind();
        self.context
            .db
            .transaction(move |tx| {
                Box::pin(async move {
                    tx.execute(
                        "delete from job where kind = $1 and status = 'done' and ended_at < $2",
                        args![kind, now.plus_seconds(-KEEP_SECONDS)],
                    )
                    .await
                    .map(drop)
                })
            })
            .await
    }
}

/// Runs a claimed job and writes its end. While the database is away it is tried again: what was done outside should not
/// be done twice only because we could not say so.
async fn attempt(context: Context, handler: Arc<dyn JobHandler>, claim: Uuid, job: Job) {
    let outcome = alive(&context, claim, &job, run(&*handler, &job)).await;
    let last = job.attempt >= handler.max_attempts();
    let mut ending = match outcome {
        JobOutcome::Done(output) => Ending::Done(output),
        JobOutcome::Retry { error, after } if !last => {
            tracing::warn!(kind = job.kind, key = job.key, attempt = job.attempt, error, "a job is put off");
            Ending::PutOff(error, after)
        }
        JobOutcome::Wait { why, after } if !last => Ending::PutOff(why, Some(after)),
        JobOutcome::Retry { error, .. } | JobOutcome::Wait { why: error, .. } | JobOutcome::Dead(error) => Ending::Dead(error),
    };
    let mut wait = Wait::default();
    loop {
        let error = match end(&context, &handler, claim, &job, ending.clone()).await {
            Ok(()) => return,
            Err(End::Database(error)) => error.to_string(),
            Err(End::Refused(reason)) => {
                tracing::warn!(kind = job.kind, key = job.key, attempt = job.attempt, reason, "the end of a job was refused");
                ending = match ending {
                    Ending::Done(_) if last => Ending::Dead(reason.clone()),
                    Ending::Done(_) => Ending::PutOff(reason.clone(), None),
                    // Even its burial fails: it stays, and comes up again.
                    Ending::PutOff(..) | Ending::Dead(_) => Ending::PutOff(reason.clone(), Some(LONGEST)),
                };
                reason
            }
        };
        wait.after(&context, &job.kind, &error).await;
        if context.stop.is_cancelled() {
            return;
        }
    }
}

/// What is written down about an attempt.
#[derive(Clone)]
enum Ending {
    Done(Value),
    PutOff(String, Option<Duration>),
    Dead(String),
}

async fn run(handler: &dyn JobHandler, job: &Job) -> JobOutcome {
    let attempt = AssertUnwindSafe(tokio::time::timeout(handler.time_limit(), handler.run(job)));
    match attempt.catch_unwind().await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => JobOutcome::retry(format!("no answer within {} s", handler.time_limit().as_secs())),
        Err(_) => JobOutcome::retry("the handler panicked"),
    }
}

/// Keeps the claim while the attempt runs.
async fn alive(context: &Context, claim: Uuid, job: &Job, attempt: impl Future<Output = JobOutcome>) -> JobOutcome {
    tokio::pin!(attempt);
    loop {
        tokio::select! {
            outcome = &mut attempt => return outcome,
            () = tokio::time::sleep(SIGN_OF_LIFE) => {}
        }
        let (kind, key) = (job.kind.clone(), job.key.clone());
        let kept = context.db.transaction(move |tx| {
            Box::pin(async move {
                let until = tx.now().plus_seconds(CLAIM_SECONDS);
                let sql = "update job set next_at = $1 where kind = $2 and key = $3 and claim = $4 and status = 'ready'";
                tx.execute(sql, args![until, kind, key, claim]).await
            })
        });
        // The attempt goes on while the claim is renewed.
        let kept: Result<u64, DbError> = tokio::select! {
            outcome = &mut attempt => return outcome,
            kept = kept => kept,
        };
        if let Err(error) = kept {
            tracing::warn!(kind = job.kind, key = job.key, %error, "the claim was not renewed");
        }
    }
}

/// Why an end was not written.
enum End {
    Database(DbError),
    /// `done_in` or `dead_in` refused.
    Refused(String),
}

impl From<DbError> for End {
    fn from(error: DbError) -> Self {
        if error.is_transient() { Self::Database(error) } else { Self::Refused(error.to_string()) }
    }
}

impl From<HandlerError> for End {
    fn from(error: HandlerError) -> Self {
        if error.later { Self::Database(DbError::Unavailable(error.reason)) } else { Self::Refused(error.reason) }
    }
}

async fn end(context: &Context, handler: &Arc<dyn JobHandler>, claim: Uuid, job: &Job, ending: Ending) -> Result<(), End> {
    let (handler, job) = (handler.clone(), job.clone());
    context
        .db
        .transaction(move |tx| {
            Box::pin(async move {
                match ending {
                    Ending::Done(output) => {
                        handler.lock_in(tx, &job).await?;
                        if close(tx, claim, &job, "done", None).await? {
                            handler.done_in(tx, &job, output).await?;
                        }
                    }
                    Ending::PutOff(error, after) => put_off(tx, claim, &job, &error, after).await?,
                    Ending::Dead(error) => {
                        tracing::error!(kind = job.kind, key = job.key, error, "a job is dead");
                        handler.lock_in(tx, &job).await?;
                        if close(tx, claim, &job, "dead", Some(&error)).await? {
                            handler.dead_in(tx, &job, &error).await?;
                        }
                    }
                }
                Ok(())
            })
        })
        .await
}

/// Ends the job if the claim still holds; otherwise somebody else does.
async fn close(tx: &mut Tx, claim: Uuid, job: &Job, status: &'static str, error: Option<&str>) -> Result<bool, DbError> {
    let now = tx.now();
    let sql = "update job set status = $1, error = $2, claim = null, ended_at = $3 \
               where kind = $4 and key = $5 and claim = $6 and status = 'ready'";
    Ok(tx.execute(sql, args![status, error, now, &job.kind, &job.key, claim]).await? == 1)
}

async fn put_off(tx: &mut Tx, claim: Uuid, job: &Job, error: &str, after: Option<Duration>) -> Result<(), DbError> {
    let after = after.unwrap_or_else(|| Duration::from_secs(1 << (job.attempt - 1).clamp(0, 9))).min(LONGEST);
    let next = tx.now().plus_millis(after.as_millis() as i64);
    let sql = "update job set next_at = $1, error = $2, claim = null where kind = $3 and key = $4 and claim = $5 and status = 'ready'";
    tx.execute(sql, args![next, error, &job.kind, &job.key, claim]).await?;
    tx.wake(Wake::Job(job.kind.clone()));
    Ok(())
}

/// On SQLite the server is alone: whatever is claimed at its start was claimed by a process that is gone.
pub(crate) async fn forget_claims(context: &Context, kind: &'static str) -> Result<(), DbError> {
    context
        .db
        .transaction(move |tx| {
            Box::pin(async move {
                let now = tx.now();
                let sql = "update job set claim = null, next_at = $1 where kind = $2 and status = 'ready' and claim is not null";
                tx.execute(sql, args![now, kind]).await.map(drop)
            })
        })
        .await
}
