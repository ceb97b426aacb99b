//! The SQL of request keys.

use domain::Timestamp;

use super::{Answer, RequestKey};
use crate::{
    args,
    db::{DbError, Row, Sql, Tx},
};

pub(super) struct Kept {
    pub fingerprint: String,
    pub answer: Answer,
}

/// What there is under a key when its command wants to begin.
pub(super) enum Begun {
    /// Nothing: it may.
    Free,
    /// Another transaction runs under it. Only PostgreSQL can tell.
    Busy,
    Kept(Kept),
}

/// Takes the key until the end of the transaction, and reads what is kept under it, at once. An answer that was committed in
/// between is not seen here; [`keep_in`] meets it.
pub(super) async fn begin_in(tx: &mut Tx, key: &RequestKey, now: Timestamp) -> Result<Begun, DbError> {
    if !tx.is_postgres() {
        return Ok(find(tx, key, now).await?.map_or(Begun::Free, Begun::Kept));
    }
    let name = format!("{}\n{}\n{}\n{}", key.caller, key.method, key.path, key.key);
    let row = tx
        .fetch_one(
            "select pg_try_advisory_xact_lock(hashtextextended($6, 0)) as locked, fingerprint, status, body \
             from (select 1) as asked left join request_key \
             on caller = $1 and method = $2 and path = $3 and key = $4 and expires_at > $5",
            args![&key.caller, &key.method, &key.path, &key.key, now, name],
        )
        .await?;
    if row.get::<Option<i64>>("status")?.is_some() {
        return Ok(Begun::Kept(kept_of(&row)?));
    }
    Ok(if row.get("locked")? { Begun::Free } else { Begun::Busy })
}

fn kept_of(row: &Row) -> Result<Kept, DbError> {
    let status = row.get::<i64>("status")?;
    let status = u16::try_from(status).map_err(|e| DbError::Decode { column: "status".to_owned(), reason: e.to_string() })?;
    Ok(Kept { fingerprint: row.get("fingerprint")?, answer: Answer { status, body: row.get("body")? } })
}

pub(super) async fn find(sql: &mut impl Sql, key: &RequestKey, now: Timestamp) -> Result<Option<Kept>, DbError> {
    let row = sql
        .fetch_optional(
            "select fingerprint, status, body from request_key \
             where caller = $1 and method = $2 and path = $3 and key = $4 and expires_at > $5",
            args![&key.caller, &key.method, &key.path, &key.key, now],
        )
        .await?;
    row.as_ref().map(kept_of).transpose()
}

/// Stores an answer, in place of an old one whose time is over; false where there is one whose time is not.
pub(super) async fn keep_in(
    tx: &mut Tx,
    key: &RequestKey,
    fingerprint: &str,
    answer: &Answer,
    now: Timestamp,
    expires: Timestamp,
) -> Result<bool, DbError> {
    let kept = tx
        .execute(
            "insert into request_key (caller, method, path, key, fingerprint, status, body, created_at, expires_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             on conflict (caller, method, path, key) do update set fingerprint = excluded.fingerprint, status = excluded.status, \
             body = excluded.body, created_at = excluded.created_at, expires_at = excluded.expires_at \
             where request_key.expires_at <= excluded.created_at",
            args![&key.caller, &key.method, &key.path, &key.key, fingerprint, i64::from(answer.status), &answer.body, now, expires],
        )
        .await?;
    Ok(kept == 1)
}

pub(super) async fn purge_in(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    tx.execute("delete from request_key where expires_at <= $1", args![now]).await
}

pub(super) async fn adopt_in(tx: &mut Tx, from: &str, to: &str) -> Result<(), DbError> {
    let text = "insert into request_key (caller, method, path, key, fingerprint, status, body, created_at, expires_at) \
                select $2, method, path, key, fingerprint, status, body, created_at, expires_at from request_key where caller = $1 \
                on conflict (caller, method, path, key) do nothing";
    tx.execute(text, args![from, to]).await?;
    forget_in(tx, from).await
}

pub(super) async fn forget_in(tx: &mut Tx, caller: &str) -> Result<(), DbError> {
    tx.execute("delete from request_key where caller = $1", args![caller]).await.map(drop)
}
