//! What a subscriber does with a batch of events: each is handled, or parked, in the transaction that moves the cursor.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;

use super::follower::Failed;
use super::{HandlerError, Subscriber, parked};
use crate::args;
use crate::db::{DbError, Savepoint, Sql as _, Tx};
use crate::log::{self, Recorded};

/// Events of one transaction.
pub(super) const BATCH: i64 = 256;

/// Handles or parks each event; those that were handled.
pub(super) async fn handle_batch(
    tx: &mut Tx,
    subscriber: &dyn Subscriber,
    events: Vec<Recorded>,
    careful: bool,
    suspect: Option<(i64, String)>,
) -> Result<Vec<Recorded>, Failed> {
    let name = subscriber.name();
    subscriber.lock_in(tx, &events.iter().collect::<Vec<_>>()).await?;
    let rows = tx.fetch_all("select distinct stream from parked where subscriber = $1", args![name]).await?;
    let mut standing = rows.iter().map(|row| row.get("stream")).collect::<Result<HashSet<String>, _>>()?;
    let mut handled = Vec::with_capacity(events.len());
    for event in events {
        if standing.contains(&event.stream) {
            parked::park_in(tx, name, &event, None).await?;
        } else if !careful {
            handle_plainly(tx, subscriber, &event).await?;
            handled.push(event);
        } else if let Some(error) = handle_one(tx, subscriber, &event, suspect.as_ref()).await? {
            parked::park_in(tx, name, &event, Some(&error)).await?;
            standing.insert(event.stream);
        } else {
            handled.push(event);
        }
    }
    Ok(handled)
}

/// Tries a parked stream that somebody wished to go on; the events that were handled.
pub(super) async fn resume_stream(
    tx: &mut Tx,
    subscriber: &dyn Subscriber,
    suspect: Option<(i64, String)>,
) -> Result<Vec<Recorded>, Failed> {
    let name = subscriber.name();
    let rows = tx
        .fetch_all(
            "select position, stream, wish from parked where subscriber = $1 and stream = \
             (select stream from parked where subscriber = $1 and wish is not null order by position limit 1) \
             order by position limit $2",
            args![name, BATCH],
        )
        .await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        let dropped = row.get::<Option<String>>("wish")?.as_deref() == Some("drop");
        events.push((log::read_one(tx, row.get("position")?).await?, dropped));
    }
    subscriber.lock_in(tx, &events.iter().filter(|(_, dropped)| !dropped).map(|(event, _)| event).collect::<Vec<_>>()).await?;
    let mut handled = Vec::new();
    for (event, dropped) in events {
        let position = event.position;
        if dropped {
            tracing::warn!(subscriber = name, position, stream = event.stream, "a parked event was dropped");
        } else if let Some(error) = handle_one(tx, subscriber, &event, suspect.as_ref()).await? {
            tx.execute(
                "update parked set error = $1, attempts = attempts + 1, wish = null where subscriber = $2 and position = $3",
                args![error, name, position],
            )
            .await?;
            return Ok(handled);
        }
        tx.execute("delete from parked where subscriber = $1 and position = $2", args![name, position]).await?;
        if !dropped {
            handled.push(event);
        }
    }
    // A stream longer than a batch goes on in the next round.
    if let Some(row) = rows.first().filter(|_| rows.len() as i64 == BATCH) {
        tx.execute(
            "update parked set wish = 'retry' where subscriber = $1 and position = \
             (select min(position) from parked where subscriber = $1 and stream = $2)",
            args![name, row.get::<String>("stream")?],
        )
        .await?;
    }
    Ok(handled)
}

/// Runs the handler without a savepoint, which most events do not need. What it has done cannot be taken out of the batch.
async fn handle_plainly(tx: &mut Tx, subscriber: &dyn Subscriber, event: &Recorded) -> Result<(), Failed> {
    let result = AssertUnwindSafe(subscriber.handle_in(tx, event)).catch_unwind().await;
    match (result, tx.failure()) {
        (_, Some(failure)) if failure.is_transient() => Err(failure.clone().into()),
        (Ok(Err(error)), None) if error.later => Err(Failed::Later(error.reason)),
        (Ok(Ok(())), None) => Ok(()),
        _ => Err(Failed::Careless),
    }
}

/// Runs the handler behind a savepoint. `Some` is the event's own error, and nothing of it is left.
async fn handle_one(
    tx: &mut Tx,
    subscriber: &dyn Subscriber,
    event: &Recorded,
    suspect: Option<&(i64, String)>,
) -> Result<Option<String>, Failed> {
    if let Some((_, error)) = suspect.filter(|(position, _)| *position == event.position) {
        return Ok(Some(error.clone()));
    }
    let savepoint = tx.savepoint().await?;
    let result = AssertUnwindSafe(subscriber.handle_in(tx, event)).catch_unwind().await;
    let result = result.unwrap_or_else(|_| Err(HandlerError::new("the handler panicked")));
    settle(tx, savepoint, result).await.map_err(|unsettled| match unsettled {
        Unsettled::Database(error) => error.into(),
        Unsettled::Later(reason) => Failed::Later(reason),
        Unsettled::Broken(error) => Failed::Poisoned(event.position, error),
    })
}

/// Why a handler's savepoint could be neither kept nor undone.
pub(crate) enum Unsettled {
    /// The database is away.
    Database(DbError),
    /// Something else is.
    Later(String),
    /// The handler's own statement broke the whole transaction.
    Broken(String),
}

impl From<DbError> for Unsettled {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

/// Keeps what a handler did, or undoes it and says why.
pub(crate) async fn settle(tx: &mut Tx, savepoint: Savepoint, result: Result<(), HandlerError>) -> Result<Option<String>, Unsettled> {
    // A handler may swallow an error of the database; the transaction does not.
    let error = match (result, tx.failure()) {
        (_, Some(failure)) if failure.is_transient() => return Err(failure.clone().into()),
        (Err(error), None) if error.later => return Err(Unsettled::Later(error.reason)),
        (Err(error), _) => error.reason,
        (Ok(()), Some(failure)) => failure.to_string(),
        (Ok(()), None) => {
            tx.keep(savepoint).await?;
            return Ok(None);
        }
    };
    if tx.is_broken() {
        return Err(Unsettled::Broken(error));
    }
    tx.undo(savepoint).await?;
    Ok(Some(error))
}
