//! The SQL of who is there.

use domain::{Timestamp, UserId};
use serde_json::{Value, json};

use super::super::presence::{Away, Note};
use super::pairing::{note_left, note_seen};
use crate::args;
use crate::db::{DbError, Sql, Tx};

/// Who has been away for longer than that is not asked about any more: the clock that counts it may rest.
const MEMORY_MILLIS: i64 = 600_000;

/// Writes down who was there. The clock of those who look goes on for as long as somebody is there or has just gone; two
/// processes that look at the same time move it once.
pub(in super::super) async fn note_in(tx: &mut Tx, note: &Note) -> Result<(), DbError> {
    if !note.screens.is_empty() {
        note_seen(tx, &note.screens, note.until).await?;
    }
    if !note.left.is_empty() {
        note_left(tx, &note.left).await?;
    }
    tx.execute(
        "update presence_watch set watched = watched + case when $1 <= at or $1 <= $2 then 0 when at > $2 then $1 - at else $1 - $2 end, at = $1 \
         where $3 > 0 or exists (select 1 from presence p where p.watched > presence_watch.watched - $4)",
        args![note.at, note.since, note.people.len() as i64, MEMORY_MILLIS],
    )
    .await?;
    if note.people.is_empty() {
        return Ok(());
    }
    let people: Value = note.people.iter().map(|(user, seen_at)| json!([user, seen_at.as_millis()])).collect();
    let text = tx.either(
        "insert into presence (person, seen_at, watched) \
         select value ->> 0, value ->> 1, (select watched from presence_watch) - ($2 - (value ->> 1)) from json_each($1) where true \
         on conflict (person) do update set seen_at = excluded.seen_at, watched = excluded.watched where excluded.watched >= presence.watched",
        "insert into presence (person, seen_at, watched) \
         select value ->> 0, (value ->> 1)::bigint, (select watched from presence_watch) - ($2 - (value ->> 1)::bigint) \
         from jsonb_array_elements($1::jsonb) \
         on conflict (person) do update set seen_at = excluded.seen_at, watched = excluded.watched where excluded.watched >= presence.watched",
    );
    tx.execute(text, args![people, note.at]).await.map(drop)
}

/// For how long somebody has not been connected, as of the last note.
pub(in super::super) async fn away(sql: &mut impl Sql, person: UserId) -> Result<Option<Away>, DbError> {
    let text = "select p.seen_at, w.watched - p.watched as millis from presence p cross join presence_watch w where p.person = $1";
    let row = sql.fetch_optional(text, args![person]).await?;
    row.map(|row| Ok(Away { seen_at: row.get("seen_at")?, millis: row.get("millis")? })).transpose()
}

/// Forgets who was not there since then.
pub(super) async fn purge_in(tx: &mut Tx, before: Timestamp) -> Result<(), DbError> {
    tx.execute("delete from presence where seen_at < $1", args![before]).await.map(drop)
}
