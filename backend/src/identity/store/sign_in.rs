//! Phones, the codes sent to them, and how often.

use domain::{Locale, Timestamp, UserId};
use uuid::Uuid;

use crate::args;
use crate::db::{DbError, Sql, Tx};
use crate::identity::browser::KNOWN_SECONDS;
use crate::identity::phone::Phone;
use crate::identity::presence::KEPT_SECONDS;

/// The account of the phone with this hash.
pub(in super::super) async fn account_of_phone(sql: &mut impl Sql, hash: &str) -> Result<Option<UserId>, DbError> {
    sql.fetch_optional("select account from phone where hash = $1", args![hash]).await?.map(|row| row.get("account")).transpose()
}

/// Gives the phone its account; where somebody was faster, theirs stays and is answered.
pub(in super::super) async fn insert_phone(tx: &mut Tx, hash: &str, fresh: UserId, ending: &str) -> Result<UserId, DbError> {
    let text = "insert into phone (hash, account, ending, added_at) values ($1, $2, $3, $4) \
                on conflict (hash) do update set ending = excluded.ending returning account";
    let kept: UserId = tx.fetch_one(text, args![hash, fresh, ending, tx.now()]).await?.get("account")?;
    if kept != fresh {
        tx.execute("delete from account where id = $1", args![fresh]).await?;
    }
    Ok(kept)
}

/// Writes a new code down, in place of the phone's last one.
pub(in super::super) async fn insert_sign_in_code(
    tx: &mut Tx,
    hash: &str,
    id: Uuid,
    phone: &Phone,
    locale: Locale,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    let text = "insert into sign_in_code (phone, id, number, language, tries, expires_at) values ($1, $2, $3, $4, 0, $5) \
                on conflict (phone) do update set id = excluded.id, number = excluded.number, language = excluded.language, tries = 0, \
                expires_at = excluded.expires_at, ended_at = null";
    tx.execute(text, args![hash, id, phone.expose(), locale.tag(), expires_at]).await.map(drop)
}

/// Spends one try of the phone's code: its id, and how many have been spent. `None` where there is no code, or all its
/// tries, its time or itself are spent.
pub(in super::super) async fn try_sign_in_code(tx: &mut Tx, hash: &str, tries: i64) -> Result<Option<(Uuid, i64)>, DbError> {
    let text = "update sign_in_code set tries = tries + 1 \
                where phone = $1 and ended_at is null and expires_at > $2 and tries < $3 returning id, tries";
    let row = tx.fetch_optional(text, args![hash, tx.now(), tries]).await?;
    row.map(|row| Ok((row.get("id")?, row.get("tries")?))).transpose()
}

pub(in super::super) async fn end_sign_in_code(tx: &mut Tx, id: Uuid) -> Result<(), DbError> {
    tx.execute("update sign_in_code set ended_at = $2, number = null where id = $1", args![id, tx.now()]).await.map(drop)
}

/// Whom the message of a code is for, while it is of use.
pub(in super::super) async fn to_be_sent(sql: &mut impl Sql, id: Uuid, now: Timestamp) -> Result<Option<(String, Locale)>, DbError> {
    let text = "select number, language from sign_in_code where id = $1 and number is not null and ended_at is null and expires_at > $2";
    let row = sql.fetch_optional(text, args![id, now]).await?;
    row.map(|row| Ok((row.get("number")?, row.parse("language")?))).transpose()
}

/// The message has left, or never will: nobody needs the number any more.
pub(in super::super) async fn forget_number(tx: &mut Tx, id: &str) -> Result<(), DbError> {
    tx.execute("update sign_in_code set number = null where id = $1", args![id]).await.map(drop)
}

/// Takes one out of a bucket that fills up by one `every` so many milliseconds and is never more than `burst` behind.
pub(in super::super) async fn throttle_in(tx: &mut Tx, key: &str, every: i64, burst: i64) -> Result<bool, DbError> {
    let text = "insert into throttle (key, free_at) values ($1, $2 + $3) \
                on conflict (key) do update set free_at = $3 + case when throttle.free_at < $2 then $2 else throttle.free_at end \
                where throttle.free_at <= $2 + $4";
    Ok(tx.execute(text, args![key, tx.now().as_millis(), every, burst]).await? > 0)
}

/// Makes whoever else counts under this key wait until the end of the transaction.
pub(in super::super) async fn lock_requests_in(tx: &mut Tx, key: &str, until: Timestamp) -> Result<(), DbError> {
    let text = "insert into throttle (key, free_at) values ($1, $2) on conflict (key) do update set free_at = excluded.free_at";
    tx.execute(text, args![key, until]).await.map(drop)
}

/// When the `n`th newest request under this key was counted; `None` where there are not so many.
pub(in super::super) async fn nth_newest_request(sql: &mut impl Sql, key: &str, n: i64) -> Result<Option<Timestamp>, DbError> {
    let text = "select at from code_request where key = $1 order by at desc limit 1 offset $2";
    sql.fetch_optional(text, args![key, n - 1]).await?.map(|row| row.get("at")).transpose()
}

pub(in super::super) async fn count_request_in(tx: &mut Tx, key: &str, at: Timestamp) -> Result<(), DbError> {
    tx.execute("insert into code_request (id, key, at) values ($1, $2, $3)", args![Uuid::now_v7(), key, at]).await.map(drop)
}

/// Puts one back into a bucket.
pub(in super::super) async fn give_back_in(tx: &mut Tx, key: &str, every: i64) -> Result<(), DbError> {
    tx.execute("update throttle set free_at = free_at - $2 where key = $1", args![key, every]).await.map(drop)
}

/// Fills a bucket.
pub(in super::super) async fn unthrottle_in(tx: &mut Tx, key: &str) -> Result<(), DbError> {
    tx.execute("delete from throttle where key = $1", args![key]).await.map(drop)
}

/// When a bucket is full again.
pub(in super::super) async fn throttled_until(sql: &mut impl Sql, key: &str) -> Result<Option<Timestamp>, DbError> {
    sql.fetch_optional("select free_at from throttle where key = $1", args![key]).await?.map(|row| row.get("free_at")).transpose()
}

/// Throws away what has had its time: codes, full buckets, and sessions whose cookies are too old to come back to life.
pub(in super::super) async fn purge_in(tx: &mut Tx, cookies_since: Timestamp) -> Result<(), DbError> {
    let now = tx.now();
    tx.execute("delete from sign_in_code where expires_at <= $1", args![now]).await?;
    tx.execute("delete from throttle where free_at <= $1", args![now]).await?;
    // No window is longer than an hour.
    tx.execute("delete from code_request where at <= $1", args![now.plus_seconds(-3600)]).await?;
    tx.execute("delete from staff_code where expires_at <= $1", args![now]).await?;
    tx.execute("delete from pairing_code where expires_at <= $1", args![now]).await?;
    tx.execute("delete from known_browser where seen_at <= $1", args![now.plus_seconds(-KNOWN_SECONDS)]).await?;
    super::presence::purge_in(tx, now.plus_seconds(-KEPT_SECONDS)).await?;
    let text = "delete from session where created_at < $1 and (ended_at is not null or expires_at <= $2)";
    tx.execute(text, args![cookies_since, now]).await.map(drop)
}
