//! Accounts and their sessions, as their owners see them.

use domain::view::SessionView;
use domain::{Locale, SessionId, Timestamp, UserId};

use crate::args;
use crate::db::{DbError, Sql, Tx};
use crate::identity::account::Account;

pub(in super::super) async fn account(sql: &mut impl Sql, user: UserId) -> Result<Option<Account>, DbError> {
    let text = "select a.name, a.language, a.created_at, p.ending from account a left join phone p on p.account = a.id \
                where a.id = $1 and a.deleted_at is null";
    let row = sql.fetch_optional(text, args![user]).await?;
    row.map(|row| {
        Ok(Account {
            user,
            name: row.get("name")?,
            language: row.parse_opt("language")?,
            created_at: row.get("created_at")?,
            phone_ending: row.get("ending")?,
        })
    })
    .transpose()
}

pub(in super::super) async fn rename_account(tx: &mut Tx, user: UserId, name: &str) -> Result<(), DbError> {
    tx.execute("update account set name = $2 where id = $1 and deleted_at is null", args![user, name]).await.map(drop)
}

pub(in super::super) async fn set_language(tx: &mut Tx, user: UserId, language: Option<Locale>) -> Result<(), DbError> {
    tx.execute("update account set language = $2 where id = $1 and deleted_at is null", args![user, language.map(Locale::tag)])
        .await
        .map(drop)
}

pub(in super::super) async fn is_deleted(sql: &mut impl Sql, user: UserId) -> Result<bool, DbError> {
    let text = "select 1 as n from account where id = $1 and deleted_at is not null";
    Ok(sql.fetch_optional(text, args![user]).await?.is_some())
}

/// Holds an account, and this session of it, until the end of the transaction: whoever deletes it, changes what it may do or ends the
/// session waits. False where it is deleted, or the session has ended; `None` where there is no such account.
pub(in super::super) async fn hold_account_in(tx: &mut Tx, user: UserId, session: Option<SessionId>) -> Result<Option<bool>, DbError> {
    // SQLite has one writer. On PostgreSQL others may hold them as well. Whoever wants the account alone is in the queue of the lock
    // beside it, which is taken before the rows: who comes later does not overtake them. Rows that were waited for are looked at anew,
    // which a subquery would not be.
    if let (true, Some(session)) = (tx.is_postgres(), session) {
        let text = "select case when a.deleted_at is null and s.ended_at is null then 1 else 0 end as good, \
                    pg_advisory_xact_lock_shared(hashtextextended(a.id, 2)) \
                    from account a join session s on s.id = $2 where a.id = $1 for share of a, s";
        if let Some(row) = tx.fetch_optional(text, args![user, session]).await? {
            return Ok(Some(row.get::<i64>("good")? != 0));
        }
    }
    // Without a session, or with one that was never written.
    let row = if tx.is_postgres() {
        let text = "select case when deleted_at is null then 1 else 0 end as good, pg_advisory_xact_lock_shared(hashtextextended(id, 2)) \
                    from account where id = $1 for share";
        tx.fetch_optional(text, args![user]).await?
    } else {
        let text = "select case when a.deleted_at is null and not exists \
                    (select 1 from session s where s.id = $2 and s.ended_at is not null) then 1 else 0 end as good \
                    from account a where a.id = $1";
        tx.fetch_optional(text, args![user, session]).await?
    };
    row.map(|row| Ok(row.get::<i64>("good")? != 0)).transpose()
}

/// Takes an account alone until the end of the transaction: whoever does something by it, or changes what it may do, is waited for and
/// waits. Whether it was deleted.
pub(in super::super) async fn lock_account_in(tx: &mut Tx, user: UserId) -> Result<bool, DbError> {
    // SQLite has one writer. On PostgreSQL sessions of it may begin beside it.
    let text = tx.either(
        "select case when deleted_at is null then 0 else 1 end as gone from account where id = $1",
        "select case when deleted_at is null then 0 else 1 end as gone, pg_advisory_xact_lock(hashtextextended(id, 2)) \
         from account where id = $1 for no key update",
    );
    let row = tx.fetch_optional(text, args![user]).await?;
    row.map_or(Ok(false), |row| Ok(row.get::<i64>("gone")? != 0))
}

/// The hash of the account's phone.
pub(in super::super) async fn phone_of(sql: &mut impl Sql, user: UserId) -> Result<Option<String>, DbError> {
    sql.fetch_optional("select hash from phone where account = $1", args![user]).await?.map(|row| row.get("hash")).transpose()
}

/// Ends the code that was sent to the account's phone.
pub(in super::super) async fn end_sign_in_codes_of(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    let text = "delete from sign_in_code where phone in (select hash from phone where account = $1)";
    tx.execute(text, args![user]).await.map(drop)
}

/// Takes the name, the language and the phone out of an account; the hash of what was its phone until now.
pub(in super::super) async fn empty_account(tx: &mut Tx, user: UserId) -> Result<Option<String>, DbError> {
    let now = tx.now();
    tx.execute("update account set name = '', language = null, deleted_at = $2 where id = $1", args![user, now]).await?;
    let phone = tx.fetch_optional("delete from phone where account = $1 returning hash", args![user]).await?;
    phone.map(|row| row.get("hash")).transpose()
}

/// Deleted accounts after this one, by id, and whether there is nothing of their owner in them: neither name, phone nor session.
pub(in super::super) async fn deleted_after(sql: &mut impl Sql, after: Option<UserId>, limit: i64) -> Result<Vec<(UserId, bool)>, DbError> {
    let text = "select a.id, case when a.name = '' and a.language is null \
                and not exists (select 1 from phone p where p.account = a.id) \
                and not exists (select 1 from session s where s.account = a.id and s.ended_at is null) then 1 else 0 end as bare \
                from account a where a.deleted_at is not null and a.id > $1 order by a.id limit $2";
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let rows = sql.fetch_all(text, args![after, limit]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get::<i64>("bare")? != 0))).collect()
}

pub(in super::super) async fn sessions_of(
    sql: &mut impl Sql,
    user: UserId,
    current: Option<SessionId>,
    now: Timestamp,
) -> Result<Vec<SessionView>, DbError> {
    let text = "select id, device, created_at, coalesce(seen_at, created_at) as seen_at, expires_at from session \
                where account = $1 and ended_at is null and expires_at > $2 order by created_at desc, id desc";
    let rows = sql.fetch_all(text, args![user, now]).await?;
    rows.iter()
        .map(|row| {
            let id = row.get("id")?;
            Ok(SessionView {
                id,
                device: row.get("device")?,
                created_at: row.get("created_at")?,
                seen_at: row.get("seen_at")?,
                expires_at: row.get("expires_at")?,
                current: current == Some(id),
            })
        })
        .collect()
}

/// Ends one session of an account, or all of them; how many were live until now.
pub(in super::super) async fn end_session_of(tx: &mut Tx, user: UserId, session: Option<SessionId>) -> Result<u64, DbError> {
    let text = "update session set ended_at = $2, device = null where account = $1 and ended_at is null and ($3 is null or id = $3)";
    tx.execute(text, args![user, tx.now(), session]).await
}

/// Ends all sessions of an account but this one.
pub(in super::super) async fn end_other_sessions_of(tx: &mut Tx, user: UserId, but: SessionId) -> Result<(), DbError> {
    let text = "update session set ended_at = $2, device = null where account = $1 and ended_at is null and id <> $3";
    tx.execute(text, args![user, tx.now(), but]).await.map(drop)
}

/// Keeps a session that is being used for as long again; false where it has ended, or its kind does not last longer.
pub(in super::super) async fn renew_session(tx: &mut Tx, session: SessionId, expires_at: Timestamp) -> Result<bool, DbError> {
    let text = "update session set expires_at = $2, seen_at = $3 where id = $1 and slides and ended_at is null and expires_at > $3";
    Ok(tx.execute(text, args![session, expires_at, tx.now()]).await? > 0)
}
