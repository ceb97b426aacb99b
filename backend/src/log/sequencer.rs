//! The sequencer of PostgreSQL: it alone gives committed events their positions.
//!
//! It sees only what is committed, so an event that commits late gets a later position, and nobody who reads by
//! position has passed it. The unique constraint and the fence at the end keep a second sequencer from changing anything.

use std::collections::BTreeSet;

use crate::args;
use crate::db::{Db, DbError, Sql as _, Wake};
use crate::lease::{self, Lease, Lost};

/// How many events one transaction gives positions to.
pub(crate) const BATCH: i64 = 1024;

/// Gives up to [`BATCH`] events their positions; how many it were.
pub(crate) async fn sequence(db: &Db, lease: Lease) -> Result<usize, Lost> {
    db.transaction(move |tx| {
        Box::pin(async move {
            let rows = tx
                .fetch_all(
                    "with head as (select coalesce(max(position), 0) as head from event), \
                     batch as (select entry, row_number() over (order by entry) as nth from \
                       (select entry from event where position is null order by entry limit $1) as waiting) \
                     update event set position = head.head + batch.nth from head, batch \
                     where event.entry = batch.entry and event.position is null \
                     returning event.type",
                    args![BATCH],
                )
                .await
                .map_err(|error| match error {
                    // Another sequencer was quicker, which the fence would have said in the end.
                    DbError::Constraint { .. } => Lost::Lease,
                    error => Lost::Database(error),
                })?;
            let types = rows.iter().map(|row| row.get("type")).collect::<Result<BTreeSet<String>, _>>()?;
            if !types.is_empty() {
                lease::fence_in(tx, &lease).await?;
                for name in types {
                    tx.wake(Wake::Event(name));
                }
            }
            Ok(rows.len())
        })
    })
    .await
}
