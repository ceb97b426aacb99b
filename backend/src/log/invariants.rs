//! What must be true of the log and of those who follow it, and the log as the check walks it.

use std::collections::HashMap;

use domain::Timestamp;
use serde_json::Value;

use crate::args;
use crate::check::{Breach, MOST};
use crate::db::{DbError, Row, Sql, ids};

/// A fact as it was written, whether or not it has a position yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fact {
    /// Grows in the order of writing, which for the things of one store is that of what happened.
    pub entry: i64,
    pub type_name: String,
    pub data: Value,
}

/// That something happened, and where in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub type_name: String,
    /// `None` until the sequencer has come by.
    pub position: Option<i64>,
}

/// What is not as it must be with the log itself. Events that were written before `waiting_since` have had time to get
/// a position.
pub(crate) async fn breaches(sql: &mut impl Sql, waiting_since: Timestamp) -> Result<Vec<Breach>, DbError> {
    let mut found = Vec::new();
    let text = "select count(position) as positions, coalesce(min(position), 1) as least, coalesce(max(position), 0) as head from event";
    let row = sql.fetch_one(text, args![]).await?;
    let (positions, least, head): (i64, i64, i64) = (row.get("positions")?, row.get("least")?, row.get("head")?);
    if positions != head || least != 1 {
        found.push(Breach::new("log.positions", "the log", format!("{positions} events have positions from {least} to {head}")));
    }
    let text = "select id, at from event where position is null and at < $1 order by at limit $2";
    for row in sql.fetch_all(text, args![waiting_since, MOST]).await? {
        let why = format!("has waited for its position since {}", row.get::<Timestamp>("at")?);
        found.push(Breach::new("log.positions", format!("event {}", row.get::<String>("id")?), why));
    }
    for row in sql.fetch_all("select subscriber, position from cursor where position > $1 or position < 0", args![head]).await? {
        let why = format!("stands at {}, and the log ends at {head}", row.get::<i64>("position")?);
        found.push(Breach::new("log.cursors", row.get::<String>("subscriber")?, why));
    }
    let text = "select parked.subscriber, parked.position from parked \
                left join event on event.position = parked.position left join cursor on cursor.subscriber = parked.subscriber \
                where event.position is null or cursor.position is null or parked.position > cursor.position limit $1";
    for row in sql.fetch_all(text, args![MOST]).await? {
        let why = format!("has parked {}, which it has not come to, or which is not there", row.get::<i64>("position")?);
        found.push(Breach::new("log.cursors", row.get::<String>("subscriber")?, why));
    }
    Ok(found)
}

/// When the last thing happened.
pub(crate) async fn last_at(sql: &mut impl Sql) -> Result<Timestamp, DbError> {
    sql.fetch_one("select coalesce(max(at), 0) as at from event", args![]).await?.get("at")
}

/// Facts after this entry, in the order of writing.
pub(crate) async fn facts_after(sql: &mut impl Sql, entry: i64, limit: i64) -> Result<Vec<Fact>, DbError> {
    let text = sql.either(
        "select position as entry, type, data from event where position > $1 order by position limit $2",
        "select entry, type, data from event where entry > $1 order by entry limit $2",
    );
    let read = |row: &Row| Ok(Fact { entry: row.get("entry")?, type_name: row.get("type")?, data: row.json("data")? });
    sql.fetch_all(text, args![entry, limit]).await?.iter().map(read).collect()
}

/// What happened in these streams, in the order of writing.
pub(crate) async fn marks_of<S: ToString>(sql: &mut impl Sql, streams: &[S]) -> Result<HashMap<String, Vec<Mark>>, DbError> {
    let text = sql.either(
        "select stream, type, position from event where stream in (select value from json_each($1)) order by position",
        "select stream, type, position from event where stream in (select jsonb_array_elements_text($1::jsonb)) order by entry",
    );
    let mut marks = HashMap::<_, Vec<_>>::new();
    for row in sql.fetch_all(text, args![ids(streams)]).await? {
        marks.entry(row.get("stream")?).or_default().push(Mark { type_name: row.get("type")?, position: row.get("position")? });
    }
    Ok(marks)
}
