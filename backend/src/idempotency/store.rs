//! The SQL of request keys.

use domain::Timestamp;

use super::{Answer, RequestKey};
use crate::{
    args,
    db::{DbError, Sql, Tx},
};

pub(super) struct Kept {
    pub fingerprint: String,
    pub answer: Answer,
}

/// PostgreSQL: false while another transaction runs under this key. Ends with the transaction.
pub(super) async fn lock_in(tx: &mut Tx, key: &RequestKey) -> Result<bool, DbError> {
    let name = format!("{}\n{}\n{}\n{}", key.caller, key.method, key.path, key.key);
    let row = tx.fetch_one("select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as locked", args![name]).await?;
    row.get("locked")
}

pub(super) async fn find(sql: &mut impl Sql, key: &RequestKey, now: Timestamp) -> Result<Option<Kept>, DbError> {
    let row = sql
        .fetch_optional(
            "select fingerprint, status, body from request_key \
             where caller = $1 and method = $2 and path = $3 and key = $4 and expires_at > $5",
            args![&key.caller, &key.method, &key.path, &key.key, now],
        )
        .await?;
    row.map(|row| {
        let status = row.get::<i64>("status")?;
        let status = u16::try_from(status).map_err(|e| DbError::Decode { column: "status".to_owned(), reason: e.to_string() })?;
        Ok(Kept { fingerprint: row.get("fingerprint")?, answer: Answer { status, body: row.get("body")? } })
    })
    .transpose()
}

/// Stores an answer, in place of an old one whose time is over.
pub(super) async fn keep_in(
    tx: &mut Tx,
    key: &RequestKey,
    fingerprint: &str,
    answer: &Answer,
    now: Timestamp,
    expires: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "insert into request_key (caller, method, path, key, fingerprint, status, body, created_at, expires_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         on conflict (caller, method, path, key) do update set fingerprint = excluded.fingerprint, status = excluded.status, \
         body = excluded.body, created_at = excluded.created_at, expires_at = excluded.expires_at",
        args![&key.caller, &key.method, &key.path, &key.key, fingerprint, i64::from(answer.status), &answer.body, now, expires],
    )
    .await
    .map(drop)
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
