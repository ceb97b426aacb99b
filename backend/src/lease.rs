//! Leases: who does alone what must not be done twice at once.
//!
//! A lease has an epoch that grows with every change of hands. Time only decides when another may take over; what
//! makes it safe is the fence: each transaction of a holder ends by checking its epoch in the same transaction, so a
//! process that was paused past its lease changes nothing when it comes back.

use std::time::Duration;

use domain::Timestamp;
use uuid::Uuid;

use crate::args;
use crate::db::{Db, DbError, Sql, Tx, Wake};

/// How long a holder that is not heard of keeps a lease. PostgreSQL's processes take over from each other. SQLite has one
/// server, which takes everything at its start; there nobody waits for a lease to end, and the disk is left in peace.
pub fn time(postgres: bool) -> Duration {
    if postgres { Duration::from_secs(5) } else { Duration::from_mins(1) }
}

/// A lease that is held, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub(crate) name: String,
    pub(crate) holder: Uuid,
    pub(crate) epoch: i64,
}

/// Why a holder's transaction changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// Another one holds the lease now.
    #[error("the lease is lost")]
    Lease,
    /// The database did not take it.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Takes a lease that nobody holds, or whose holder has not renewed it in time; `None` while another one holds it.
/// Taking one's own again starts a new epoch.
/// With `by_force` it is taken in any case.
pub async fn acquire(db: &Db, name: String, holder: Uuid, by_force: bool) -> Result<Option<Lease>, DbError> {
    // Its time counts from when it is wanted: who has died since, or was paused, has it no longer for that.
    let now = db.clock().now();
    db.transaction(move |tx| {
        Box::pin(async move {
            let row = tx
                .fetch_optional(
                    "insert into lease (name, holder, epoch, expires_at) values ($1, $2, 1, $3) \
                     on conflict (name) do update \
                     set holder = excluded.holder, epoch = lease.epoch + 1, expires_at = excluded.expires_at \
                     where lease.expires_at <= $4 or lease.holder = excluded.holder or $5 returning epoch",
                    args![&name, holder, end(tx, now), now, by_force],
                )
                .await?;
            row.map(|row| Ok(Lease { epoch: row.get("epoch")?, name, holder })).transpose()
        })
    })
    .await
}

/// Whether somebody has a lease whose name begins so. Those of the kind that are over are forgotten, so that a holder who was
/// paused learns at the next renewal that it has none any more.
pub async fn is_held(db: &Db, prefix: &'static str) -> Result<bool, DbError> {
    let now = db.clock().now();
    db.transaction(move |tx| {
        Box::pin(async move {
            let named = format!("{prefix}%");
            tx.execute("delete from lease where name like $1 and expires_at <= $2", args![&named, now]).await?;
            Ok(tx.fetch_optional("select name from lease where name like $1 limit 1", args![named]).await?.is_some())
        })
    })
    .await
}

/// Renews every lease that `holder` still has.
pub async fn renew(db: &Db, holder: Uuid) -> Result<u64, DbError> {
    let now = db.clock().now();
    db.transaction(move |tx| {
        Box::pin(async move { tx.execute("update lease set expires_at = $1 where holder = $2", args![end(tx, now), holder]).await })
    })
    .await
}

/// Gives back every lease that `holder` still has, so that others need not wait.
pub async fn release(db: &Db, holder: Uuid) -> Result<(), DbError> {
    db.transaction(move |tx| {
        Box::pin(async move {
            let sql = "update lease set expires_at = 0, holder = '' where holder = $1 returning name";
            for row in tx.fetch_all(sql, args![holder]).await? {
                tx.wake(Wake::Lease(row.get("name")?));
            }
            Ok(())
        })
    })
    .await
}

/// Gives back this lease alone, where it still is this one.
pub(crate) async fn give_up(db: &Db, lease: Lease) -> Result<(), DbError> {
    db.transaction(move |tx| {
        Box::pin(async move {
            let sql = "update lease set expires_at = 0, holder = '' where name = $1 and holder = $2 and epoch = $3";
            if tx.execute(sql, args![&lease.name, lease.holder, lease.epoch]).await? > 0 {
                tx.wake(Wake::Lease(lease.name));
            }
            Ok(())
        })
    })
    .await
}

/// Whether anybody holds a lease: a server runs, or has died this minute.
pub(crate) async fn any(sql: &mut impl Sql) -> Result<bool, DbError> {
    let now = sql.now();
    Ok(sql.fetch_one("select count(*) as n from lease where expires_at > $1", args![now]).await?.get::<i64>("n")? > 0)
}

/// Writes what nobody reads: whether the database takes anything at all. It is one row, of a lease that nobody holds, for as long as
/// the database is there.
pub async fn try_write(db: &Db) -> Result<(), DbError> {
    db.transaction(|tx| {
        Box::pin(async move {
            // SQLite leaves a page alone whose bytes stay the same.
            let sql = "insert into lease (name, holder, epoch, expires_at) values ('ready', '', 1, 0) \
                       on conflict (name) do update set epoch = lease.epoch + 1";
            tx.execute(sql, args![]).await.map(drop)
        })
    })
    .await
}

/// Ends a holder's transaction: it is kept only if the lease is still this one. From here to the commit nobody can
/// take the lease, because its row is locked.
pub async fn fence_in(tx: &mut Tx, lease: &Lease) -> Result<(), Lost> {
    let sql = "update lease set epoch = epoch where name = $1 and holder = $2 and epoch = $3";
    match tx.execute(sql, args![&lease.name, lease.holder, lease.epoch]).await? {
        0 => Err(Lost::Lease),
        _ => Ok(()),
    }
}

/// When a lease ends that is taken or renewed at `now`.
fn end(tx: &Tx, now: Timestamp) -> Timestamp {
    now.plus_millis(time(tx.is_postgres()).as_millis() as i64)
}
