//! What keeps one subscriber going: lease, cursor, batch, commit, and again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;

use super::Subscriber;
use super::batch::{BATCH, handle_batch, resume_stream};
use crate::args;
use crate::db::{DbError, Sql as _, Wake};
use crate::lease::{self, Lease, Lost};
use crate::log::{self, Recorded};
use crate::runner::{Context, Wait};

/// How far the cursor may stand behind when nothing came that the subscriber wants.
const UNWANTED: i64 = 1_000;

/// One subscriber's place in the log.
pub(crate) struct Follower {
    context: Context,
    subscriber: Arc<dyn Subscriber>,
    /// From this cursor position, nothing wanted was found up to that one.
    scanned: (i64, i64),
    /// An event that broke the whole transaction: next time it is parked without being run.
    suspect: Option<(i64, String)>,
    /// Something went wrong in a batch: it is done again with a savepoint for each event.
    careful: bool,
    /// The epoch of the lease with which the subscriber heard that it was taken over.
    taken: i64,
}

/// The cursor's row and what belongs to it, read at once.
struct Place {
    position: i64,
    epoch: i64,
    head: i64,
    wishes: i64,
}

/// Why a batch changed nothing.
pub(super) enum Failed {
    Lost(Lost),
    /// Something that a handler needs is away.
    Later(String),
    /// This event's handler broke the transaction.
    Poisoned(i64, String),
    /// An event failed, and the batch has to be done again to leave it out.
    Careless,
}

impl From<DbError> for Failed {
    fn from(error: DbError) -> Self {
        Self::Lost(Lost::Database(error))
    }
}

impl Follower {
    pub(crate) fn new(context: Context, subscriber: Arc<dyn Subscriber>) -> Self {
        Self { context, subscriber, scanned: (0, 0), suspect: None, careful: false, taken: 0 }
    }

    /// Follows the log until the runner stops.
    pub(crate) async fn run(mut self) {
        let name = self.subscriber.name();
        let types = self.subscriber.types();
        let lease_name = format!("subscriber/{name}");
        let mine = lease_name.clone();
        let woken = self.context.db.wakes().listen(move |wake| match wake {
            Wake::Event(event) => types.contains(&event.as_str()),
            Wake::Lease(lease) => *lease == mine,
            _ => false,
        });
        let mut wait = Wait::default();
        let mut new = true;
        let mut able = self.subscriber.able();
        loop {
            tokio::select! {
                () = self.context.stop.cancelled() => return,
                () = able.becomes(true) => {}
            }
            let Some(lease) = self.context.hold(&lease_name, &woken, &mut new).await else { return };
            loop {
                // It may have been long until the lease was free.
                if !able.is_now() {
                    tracing::warn!(subscriber = name, "it cannot do its work here now, and is left to another process");
                    self.give_up(&lease, &mut wait).await;
                    break;
                }
                let busy = self.context.activity.busy();
                let round = self.round(&lease).await;
                drop(busy);
                let more = match round {
                    Ok(more) => {
                        wait.reset();
                        more
                    }
                    Err(Failed::Lost(Lost::Lease)) => {
                        tracing::info!(subscriber = name, "another process has taken over, or a replay has begun");
                        break;
                    }
                    Err(Failed::Lost(Lost::Database(error))) => {
                        wait.after(&self.context, name, &error.to_string()).await;
                        true
                    }
                    Err(Failed::Later(reason)) => {
                        wait.after(&self.context, name, &reason).await;
                        true
                    }
                    Err(Failed::Careless) => {
                        self.careful = true;
                        true
                    }
                    Err(Failed::Poisoned(position, error)) => {
                        self.suspect = Some((position, error));
                        true
                    }
                };
                if self.context.stop.is_cancelled() {
                    return;
                }
                if !more {
                    tokio::select! {
                        () = self.context.idle(&woken, None) => {}
                        () = able.becomes(false) => {}
                    }
                }
            }
        }
    }

    /// Gives the lease back, so that another process need not wait until it ends. It is tried until it is done: it would be renewed.
    async fn give_up(&self, lease: &Lease, wait: &mut Wait) {
        while let Err(error) = lease::give_up(&self.context.db, lease.clone()).await {
            wait.after(&self.context, self.subscriber.name(), &error.to_string()).await;
            // At the end all leases are given back.
            if self.context.stop.is_cancelled() {
                return;
            }
        }
        wait.reset();
    }

    /// Handles what there is, at most one batch; whether there may be more.
    async fn round(&mut self, lease: &Lease) -> Result<bool, Failed> {
        let place = self.place(lease).await?;
        if self.taken != lease.epoch {
            // From here on nobody else moves the cursor.
            self.subscriber.taken_over(place.position).await?;
            self.taken = lease.epoch;
        }
        if place.wishes > 0 {
            self.resume(lease).await?;
            return Ok(true);
        }
        let after = if self.scanned.0 == place.position { self.scanned.1.max(place.position) } else { place.position };
        let events = log::read(&mut self.context.db.reader(), after, self.subscriber.types(), BATCH).await?;
        let more = events.len() as i64 == BATCH;
        // The head was read before the events, so nothing wanted stands between the last of them and it.
        let reached = match events.last() {
            Some(last) if more => last.position,
            last => last.map_or(0, |last| last.position).max(place.head),
        };
        if events.is_empty() {
            if reached - place.position > UNWANTED {
                self.commit(lease, place.position, reached, Vec::new()).await?;
            }
            self.scanned = (place.position, reached);
            return Ok(false);
        }
        self.commit(lease, place.position, reached, events).await?;
        self.scanned = (reached, reached);
        Ok(more)
    }

    /// Reads the cursor, and takes it over where this lease is new.
    async fn place(&self, lease: &Lease) -> Result<Place, Failed> {
        let name = self.subscriber.name();
        for _ in 0..2 {
            let row = self
                .context
                .db
                .reader()
                .fetch_optional(
                    "select position, epoch, (select coalesce(max(position), 0) from event) as head, \
                     (select count(*) from parked where parked.subscriber = cursor.subscriber and wish is not null) as wishes \
                     from cursor where subscriber = $1",
                    args![name],
                )
                .await?;
            if let Some(row) = row {
                let place =
                    Place { position: row.get("position")?, epoch: row.get("epoch")?, head: row.get("head")?, wishes: row.get("wishes")? };
                match place.epoch.cmp(&lease.epoch) {
                    std::cmp::Ordering::Equal => return Ok(place),
                    std::cmp::Ordering::Greater => break,
                    std::cmp::Ordering::Less => {}
                }
            }
            let (epoch, types) = (lease.epoch, serde_json::Value::from(self.subscriber.types()));
            self.context
                .db
                .transaction(move |tx| {
                    Box::pin(async move {
                        tx.execute(
                            "insert into cursor (subscriber, position, epoch, types) values ($1, 0, $2, $3) \
                             on conflict (subscriber) do update set epoch = excluded.epoch, types = excluded.types \
                             where cursor.epoch < excluded.epoch",
                            args![name, epoch, types],
                        )
                        .await
                    })
                })
                .await
                .map_err(|error: DbError| Failed::from(error))?;
        }
        Err(Failed::Lost(Lost::Lease))
    }

    /// Handles a batch and moves the cursor, in one transaction.
    async fn commit(&mut self, lease: &Lease, old: i64, new: i64, events: Vec<Recorded>) -> Result<(), Failed> {
        let (subscriber, suspect, epoch) = (self.subscriber.clone(), self.suspect.take(), lease.epoch);
        let careful = std::mem::take(&mut self.careful) || suspect.is_some();
        let handled = self
            .context
            .db
            .transaction(move |tx| {
                Box::pin(async move {
                    let handled = handle_batch(tx, &*subscriber, events, careful, suspect).await?;
                    let moved = tx
                        .execute(
                            "update cursor set position = $1 where subscriber = $2 and position = $3 and epoch = $4",
                            args![new, subscriber.name(), old, epoch],
                        )
                        .await?;
                    // The position also differs after a replay was begun: then the next round reads it.
                    if moved == 1 { Ok(handled) } else { Err(Failed::Lost(Lost::Lease)) }
                })
            })
            .await?;
        self.told(&handled).await;
        Ok(())
    }

    /// Does what a person wished for a parked stream: tries it again in order, with or without its first event.
    async fn resume(&mut self, lease: &Lease) -> Result<(), Failed> {
        let (subscriber, suspect, epoch) = (self.subscriber.clone(), self.suspect.take(), lease.epoch);
        let handled = self
            .context
            .db
            .transaction(move |tx| {
                Box::pin(async move {
                    let handled = resume_stream(tx, &*subscriber, suspect).await?;
                    let mine = tx
                        .execute("update cursor set epoch = epoch where subscriber = $1 and epoch = $2", args![subscriber.name(), epoch])
                        .await?;
                    if mine == 1 { Ok(handled) } else { Err(Failed::Lost(Lost::Lease)) }
                })
            })
            .await?;
        self.told(&handled).await;
        Ok(())
    }

    async fn told(&self, handled: &[Recorded]) {
        if handled.is_empty() {
            return;
        }
        if AssertUnwindSafe(self.subscriber.after_commit(handled)).catch_unwind().await.is_err() {
            tracing::error!(subscriber = self.subscriber.name(), "panicked after the commit");
        }
    }
}
