//! What the numbers start from under which the outside is told how things are.
//!
//! Whoever listens keeps the greatest `sequence` of each topic, and what the shop counts by (positions of its log, versions of its rows)
//! is less again when it is restored from a backup. So a shop has a base, which is greater after every restore, and what it tells carries
//! both: see [`Sql::sequence`].

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::{DbError, Sql, Tx};
use crate::args;

/// A base more, in numbers: a shop may count so many for each second that it has been there before they meet those of a restored one.
/// Seconds and numbers together stay below 2^53 until the year 2255, so that JSON's numbers are exact.
pub(super) const STEP: i64 = 1_000_000;

/// The base of an open database, in unix seconds; 0 while it has no schema. It stays as it is while anybody has the database open: it
/// moves only in one that is not a shop's yet. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Base(Arc<AtomicI64>);

impl Base {
    pub(super) fn get(&self) -> i64 {
        self.0.load(Ordering::Acquire)
    }

    /// Takes it over from the database, where there is one.
    pub(super) async fn read(&self, sql: &mut impl Sql) -> Result<(), DbError> {
        if has_table(sql, "numbering").await? {
            let base = sql.fetch_one("select base from numbering", args![]).await?.get("base")?;
            self.0.store(base, Ordering::Release);
        }
        Ok(())
    }
}

/// Moves the base of a shop that is just being restored: what it tells is newer than all that was told before the copy was made, and
/// after. The first of its numbers; `None` for a copy from before there was a base, whose migration begins one.
pub(crate) async fn renumber_in(tx: &mut Tx) -> Result<Option<i64>, DbError> {
    if !has_table(tx, "numbering").await? {
        return Ok(None);
    }
    let now = tx.now().as_millis() / 1000;
    // However the clock was set meanwhile.
    let text = "update numbering set base = case when base < $1 then $1 else base + 1 end returning base";
    let base: i64 = tx.fetch_one(text, args![now]).await?.get("base")?;
    Ok(Some(base * STEP))
}

/// Whether there is a table of this name.
pub(super) async fn has_table(sql: &mut impl Sql, name: &str) -> Result<bool, DbError> {
    let text = sql.either(
        "select count(*) as n from sqlite_master where type = 'table' and name = $1",
        "select count(*) as n from pg_tables where cast(tablename as text) = $1 and schemaname = any (current_schemas(false))",
    );
    Ok(sql.fetch_one(text, args![name]).await?.get::<i64>("n")? > 0)
}
