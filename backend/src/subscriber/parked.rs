//! Events that wait for a person: what failed, and what stands behind it in the same stream.

use domain::Timestamp;

use crate::args;
use crate::db::{Db, DbError, Sql, Tx, Wake};
use crate::log::Recorded;

/// One event that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Who could not handle it.
    pub subscriber: String,
    /// Which event.
    pub position: i64,
    /// Its stream, which stands still for this subscriber.
    pub stream: String,
    /// Why, or `None` for an event that only waits behind another one.
    pub error: Option<String>,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was parked.
    pub parked_at: Timestamp,
}

/// All that is parked, by subscriber and position.
pub async fn list(sql: &mut (impl Sql + ?Sized)) -> Result<Vec<Parked>, DbError> {
    let rows = sql.fetch_all("select * from parked order by subscriber, position", args![]).await?;
    rows.iter()
        .map(|row| {
            Ok(Parked {
                subscriber: row.get("subscriber")?,
                position: row.get("position")?,
                stream: row.get("stream")?,
                error: row.get("error")?,
                attempts: row.get("attempts")?,
                parked_at: row.get("parked_at")?,
            })
        })
        .collect()
}

/// Lets the subscriber try the stream again from its first parked event, in order, wherever it runs. False where
/// nothing of the stream is parked.
pub async fn retry(db: &Db, subscriber: &str, stream: &str) -> Result<bool, DbError> {
    wish(db, subscriber, stream, "retry").await
}

/// Gives up the stream's first parked event, for good, and goes on with those behind it. False where nothing of the
/// stream is parked.
pub async fn drop_first(db: &Db, subscriber: &str, stream: &str) -> Result<bool, DbError> {
    wish(db, subscriber, stream, "drop").await
}

/// The subscriber's own process does it: only the holder of its lease may move the stream.
async fn wish(db: &Db, subscriber: &str, stream: &str, wish: &'static str) -> Result<bool, DbError> {
    let (subscriber, stream) = (subscriber.to_owned(), stream.to_owned());
    db.transaction(move |tx| {
        Box::pin(async move {
            let changed = tx
                .execute(
                    "update parked set wish = $1 where subscriber = $2 and position = \
                     (select min(position) from parked where subscriber = $2 and stream = $3)",
                    args![wish, subscriber, stream],
                )
                .await?;
            tx.wake(Wake::All);
            Ok(changed > 0)
        })
    })
    .await
}

/// Lets every subscriber that stands still at this stream try it again, in the caller's transaction; how many do.
pub(crate) async fn retry_stream_in(tx: &mut Tx, stream: &str) -> Result<u64, DbError> {
    let text = "update parked set wish = 'retry' where stream = $1 and position = \
                (select min(other.position) from parked as other where other.subscriber = parked.subscriber and other.stream = $1)";
    let changed = tx.execute(text, args![stream]).await?;
    if changed > 0 {
        tx.wake(Wake::All);
    }
    Ok(changed)
}

/// Parks an event: the one that failed, with its error, or one behind it.
pub(super) async fn park_in(tx: &mut Tx, subscriber: &str, event: &Recorded, error: Option<&str>) -> Result<(), DbError> {
    if let Some(error) = error {
        tracing::error!(
            subscriber,
            position = event.position,
            stream = event.stream,
            r#type = event.type_name,
            error,
            "an event was parked"
        );
    }
    let now = tx.now();
    tx.execute(
        "insert into parked (subscriber, position, stream, error, attempts, parked_at) values ($1, $2, $3, $4, $5, $6)",
        args![subscriber, event.position, &event.stream, error, i64::from(error.is_some()), now],
    )
    .await
    .map(drop)
}
