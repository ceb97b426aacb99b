//! Fulfilments that were made: read by the index of when that was.

use domain::{StoreId, Timestamp};

use super::super::made::{Made, Taken};
use crate::args;
use crate::db::{DbError, Row, Sql};

/// What was made from `from` on and before `until`, and not called off, in the order of being made.
pub(in super::super) async fn made(sql: &mut impl Sql, store: &StoreId, from: Timestamp, until: Timestamp) -> Result<Vec<Made>, DbError> {
    let text = "select placed_at, started_at, made_at from fulfilment where store = $1 and made_at >= $2 and made_at < $3 \
                and started_at is not null and status in ('ready', 'collected') order by made_at";
    let made = |row: &Row| Ok(Made { placed: row.get("placed_at")?, claimed: row.get("started_at")?, ready: row.get("made_at")? });
    sql.fetch_all(text, args![store, from, until]).await?.iter().map(made).collect()
}

/// What was made last, the newest first, at most so many.
pub(in super::super) async fn taken(sql: &mut impl Sql, store: &StoreId, most: i64) -> Result<Vec<Taken>, DbError> {
    let text = "select lines, made_at - started_at as millis from fulfilment where store = $1 and made_at is not null \
                and started_at is not null and status in ('ready', 'collected') order by made_at desc limit $2";
    let rows = sql.fetch_all(text, args![store, most]).await?;
    rows.iter().map(|row| Ok(Taken { millis: row.get("millis")?, lines: row.json("lines")? })).collect()
}
