//! The log of facts: what happened, written in the transaction of what happened.
//!
//! Positions are dense and in the order of commits; whoever follows the log reads by position alone. On SQLite the one writer
//! gives them at the insert. On PostgreSQL a transaction's events have none until the [`sequencer`] has seen its commit.

pub(crate) mod invariants;
pub(crate) mod sequencer;

use std::time::Duration;

use domain::event::{Actor, CloudEvent, Event, UnreadableEvent};
use domain::{EventId, StoreId, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use crate::args;
use crate::db::{Db, DbError, Row, Sql, Tx, Wake};
use crate::subscriber::Subscriber;

/// A fact to be written down.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// What happened.
    pub event: Event,
    /// The store where it happened; `None` where there is no store.
    pub source: Option<StoreId>,
    /// The id of the thing that it is about.
    pub subject: String,
    /// What its order is kept by: the order's id where there is an order, else the subject.
    pub stream: String,
    /// Who did it.
    pub actor: Actor,
    /// The event that led to it.
    pub causation: Option<EventId>,
}

impl NewEvent {
    /// A fact about `subject`, which is also its stream, done by the shop itself.
    pub fn new(event: impl Into<Event>, subject: impl ToString) -> Self {
        let subject = subject.to_string();
        Self { event: event.into(), source: None, stream: subject.clone(), subject, actor: Actor::System, causation: None }
    }

    /// Where it happened.
    pub fn at_store(self, store: &StoreId) -> Self {
        Self { source: Some(store.clone()), ..self }
    }

    /// What its order is kept by, where that is not the subject.
    pub fn in_stream(self, stream: impl ToString) -> Self {
        Self { stream: stream.to_string(), ..self }
    }

    /// Who did it.
    pub fn by(self, actor: Actor) -> Self {
        Self { actor, ..self }
    }

    /// Which event led to it.
    pub fn because_of(self, cause: &Recorded) -> Self {
        Self { causation: Some(cause.id), ..self }
    }
}

/// A fact of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its place in the log, from 1, without gaps; 0 from [`read_stream`] alone, while it has none.
    pub position: i64,
    /// Its id.
    pub id: EventId,
    /// Its type, such as `order.created.v1`.
    pub type_name: String,
    /// The store where it happened.
    pub source: Option<StoreId>,
    /// The id of the thing that it is about.
    pub subject: String,
    /// What its order is kept by.
    pub stream: String,
    /// Who did it.
    pub actor: Actor,
    /// The event that led to it.
    pub causation: Option<EventId>,
    /// When its transaction began.
    pub at: Timestamp,
    /// Its data as it was written.
    pub data: Value,
}

impl Recorded {
    /// What happened, typed. An event of a newer release may be unreadable.
    pub fn event(&self) -> Result<Event, UnreadableEvent> {
        Event::read(&self.type_name, self.data.clone())
    }

    /// The event as the outside sees it.
    pub fn cloud_event(&self) -> CloudEvent<Value> {
        CloudEvent {
            actor: Some(self.actor),
            causationid: self.causation,
            ..CloudEvent::new(
                self.id,
                self.source.as_ref(),
                &self.type_name,
                self.subject.clone(),
                self.at,
                self.position,
                self.data.clone(),
            )
        }
    }

    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            position: row.get("position")?,
            id: row.get("id")?,
            type_name: row.get("type")?,
            source: row.get("source")?,
            subject: row.get("subject")?,
            stream: row.get("stream")?,
            actor: row.parse("actor")?,
            causation: row.get("causation")?,
            at: row.get("at")?,
            data: row.json("data")?,
        })
    }
}

/// Writes a fact in the transaction of what happened. Do so last, after the rows it depends on are changed and so
/// locked: the order of two events of one thing is the order in which they come here. On PostgreSQL they are written together
/// at the end, so a transaction does not find its own.
pub async fn append_in(tx: &mut Tx, new: NewEvent) -> Result<EventId, DbError> {
    let id = EventId(Uuid::now_v7());
    let type_name = new.event.type_name();
    let data = new.event.data().map_err(|error| DbError::Defect(format!("{type_name}: {error}")))?;
    let at = tx.now();
    tx.later(
        "insert into event (id, type, source, subject, stream, actor, causation, at, data) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        args![id, type_name, new.source, new.subject, new.stream, new.actor.to_string(), new.causation, at, data],
    )
    .await?;
    tx.wake(if tx.is_postgres() { Wake::Append } else { Wake::Event(type_name.to_owned()) });
    Ok(id)
}

/// Events after a position, in order, at most `limit`; only of these types, where any are named.
pub async fn read(sql: &mut impl Sql, after: i64, types: &[&str], limit: i64) -> Result<Vec<Recorded>, DbError> {
    let rows = if types.is_empty() {
        sql.fetch_all("select * from event where position > $1 order by position limit $2", args![after, limit]).await?
    } else {
        let text = sql.either(
            "select * from event where position > $1 and type in (select value from json_each($2)) order by position limit $3",
            "select * from event where position > $1 and type in (select jsonb_array_elements_text($2::jsonb)) order by position limit $3",
        );
        sql.fetch_all(text, args![after, Value::from(types), limit]).await?
    };
    rows.iter().map(Recorded::from_row).collect()
}

/// The position after which the newest events up to `until` begin: at least so many, and all of so long a time before the last of
/// them.
pub async fn before_newest(sql: &mut impl Sql, until: i64, count: i64, time: Duration) -> Result<i64, DbError> {
    let last = "select at from event where position <= $1 order by position desc limit 1";
    let Some(last) = sql.fetch_optional(last, args![until]).await? else { return Ok(0) };
    let since = last.get::<Timestamp>("at")?.plus_millis(-(time.as_millis() as i64));
    // From the newest on, so that no more is looked at than is wanted.
    let older = "select position from event where position <= $1 and at < $2 order by position desc limit 1";
    let older = sql.fetch_optional(older, args![until, since]).await?;
    let older = older.map(|row| row.get::<i64>("position")).transpose()?.unwrap_or(0);
    Ok(older.min(until - count).max(0))
}

/// The whole journey of one stream, in order, for people: what is committed and has no position yet is at its end, in the order in
/// which the [`sequencer`] will take it, so that nobody misses what they have just been told was done.
pub async fn read_stream(sql: &mut impl Sql, stream: &str) -> Result<Vec<Recorded>, DbError> {
    let text = sql.either(
        "select * from event where stream = $1 order by position",
        "select coalesce(position, 0) as position, id, type, source, subject, stream, actor, causation, at, data from event \
         where stream = $1 order by event.position nulls last, event.entry",
    );
    sql.fetch_all(text, args![stream]).await?.iter().map(Recorded::from_row).collect()
}

/// What staff, devices and the command line did at a store before this event, and who was slowed down there; the newest first, at
/// most `limit`.
pub(crate) async fn for_managers(sql: &mut impl Sql, at: &StoreId, before: Option<EventId>, limit: i64) -> Result<Vec<Recorded>, DbError> {
    // Ids are hexadecimal, so all of them come before a g.
    // A product's texts are no one store's: their change names the stores that list it. Each half comes out of an index of its own.
    macro_rules! told {
        ($its_stores:literal) => {
            concat!(
                "select * from (select * from event where source = $1 and (substr(actor, 1, 6) in ('staff:', 'token:') \
                 or type in ('shopper.slowed.v1', 'prep.released.v1', 'checkout.crowded.v1', \
                 'staff.added.v1', 'staff.code_made.v1', 'token.issued.v1', 'token.revoked.v1')) \
                 and id < coalesce($2, 'g') and position is not null order by id desc limit $3) as here \
                 union all select * from (select * from event where type = 'product.changed.v1' \
                 and substr(actor, 1, 6) in ('staff:', 'token:') and $1 in (",
                $its_stores,
                ") and id < coalesce($2, 'g') and position is not null order by id desc limit $3) as products \
                 order by id desc limit $3"
            )
        };
    }
    let text = sql
        .either(told!("select value from json_each(data, '$.stores')"), told!("select jsonb_array_elements_text(data::jsonb -> 'stores')"));
    sql.fetch_all(text, args![at, before, limit]).await?.iter().map(Recorded::from_row).collect()
}

/// Whether there has been an event of this type in a stream since then.
pub(crate) async fn has_since(sql: &mut impl Sql, stream: &str, type_name: &str, since: Timestamp) -> Result<bool, DbError> {
    let text = "select 1 as one from event where stream = $1 and type = $2 and at > $3 limit 1";
    Ok(sql.fetch_optional(text, args![stream, type_name, since]).await?.is_some())
}

/// The event at this position.
pub async fn read_one(sql: &mut impl Sql, position: i64) -> Result<Recorded, DbError> {
    let row = sql.fetch_one("select * from event where position = $1", args![position]).await?;
    Recorded::from_row(&row)
}

/// The newest position, 0 in an empty log.
pub async fn head(sql: &mut impl Sql) -> Result<i64, DbError> {
    sql.fetch_one("select coalesce(max(position), 0) as head from event", args![]).await?.get("head")
}

/// Empties what a projection has built and lets it read the log again from the start; wherever it runs, it notices.
/// A subscriber that is not a projection is refused: it would do things in the world twice.
pub async fn replay(db: &Db, subscriber: std::sync::Arc<dyn Subscriber>) -> Result<(), DbError> {
    if !subscriber.projection() {
        return Err(DbError::Unusable(format!("{} is not a projection: it is never replayed", subscriber.name())));
    }
    db.transaction(|tx| {
        Box::pin(async move {
            let name = subscriber.name();
            tx.execute("update cursor set position = 0 where subscriber = $1", args![name]).await?;
            tx.execute("delete from parked where subscriber = $1", args![name]).await?;
            subscriber.reset_in(tx).await?;
            tx.wake(Wake::All);
            Ok(())
        })
    })
    .await
}
