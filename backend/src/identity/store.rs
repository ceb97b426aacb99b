//! The tables of identity.

mod account;
mod pairing;
mod presence;
mod revoke;
mod sign_in;
mod staff;

use std::collections::{BTreeSet, HashMap};

use domain::view::{Person, Role, RoleView, TokenView};
use domain::{SessionId, StoreId, Timestamp, TokenId, UserId};
use uuid::Uuid;

pub(super) use self::account::{
    account, deleted_after, empty_account, end_other_sessions_of, end_session_of, end_sign_in_codes_of, hold_account_in, is_deleted,
    lock_account_in, phone_of, rename_account, renew_session, sessions_of, set_language,
};
pub(super) use self::pairing::{
    devices, forget_pairing, insert_pairing_code, note_screen, pairing_codes, revoke_devices, shows, spend_pairing_code,
};
pub(super) use self::presence::{away, note_in};
pub(super) use self::revoke::{Revoked, end_codes_of, end_codes_of_token, has_token_ended_in, revoke, revoke_at, revoke_made_by};
pub(super) use self::sign_in::{
    account_of_phone, count_request_in, end_sign_in_code, forget_number, give_back_in, insert_phone, insert_sign_in_code, lock_requests_in,
    nth_newest_request, purge_in, throttle_in, throttled_until, to_be_sent, try_sign_in_code, unthrottle_in,
};
pub(super) use self::staff::{
    account_of_code, all_roles, allow_password, forget_staff_secrets, has_passwords, insert_code, know_browser, knows_browser,
    lock_member_in, member_in, members, password_by_name, password_of, roles_at, set_password, set_roles, spend_code, staff_member,
    stores_of_staff, works_here_by_name,
};
use super::caller::Caller;
use super::session::NewSession;
use super::token::{NewToken, TokenRow};
use crate::args;
use crate::db::{self, DbError, Row, Sql, Tx};

/// What is known about a session that has a row.
pub(super) enum Known {
    /// It is good, and this is who it is; a session that is renewed while it is used, until when it lasts now.
    Live(Caller, Option<Timestamp>),
    /// It has ended, or its time is over.
    Over {
        /// When the guest whose it was left it, by signing in or out.
        left_at: Option<Timestamp>,
    },
}

/// Sessions and tokens as one shape of row, one row a role: what asks for one and what asks for thousands agree.
macro_rules! callers {
    ($sessions:literal, $tokens:literal) => {
        concat!(
            "select 'session' as kind, s.id, s.account, a.name, a.language, r.role, r.store, null as merchant, null as kiosk, \
             s.expires_at, s.ended_at, s.slides from session s left join account a on a.id = s.account \
             left join account_role r on r.account = s.account where ",
            $sessions,
            " union all select 'token', t.id, t.account, a.name, a.language, t.role, t.store, t.merchant, t.kiosk, \
             null, t.revoked_at, false from token t left join account a on a.id = t.account where ",
            $tokens
        )
    };
}

/// The session's row, if it has one.
pub(super) async fn session(sql: &mut impl Sql, id: SessionId, now: Timestamp) -> Result<Option<Known>, DbError> {
    let rows = sql.fetch_all(callers!("s.id = $1", "false"), args![id]).await?;
    Ok(read_callers(&rows, now)?.remove(&id.0))
}

/// The token with this hash.
pub(super) async fn token(sql: &mut impl Sql, hash: String, now: Timestamp) -> Result<Option<Known>, DbError> {
    let rows = sql.fetch_all(callers!("false", "t.hash = $1"), args![hash]).await?;
    Ok(read_callers(&rows, now)?.into_values().next())
}

/// Whichever of these sessions and tokens have a row, in one statement.
pub(super) async fn all(sql: &mut impl Sql, ids: Vec<Uuid>, now: Timestamp) -> Result<HashMap<Uuid, Known>, DbError> {
    let text = sql.either(
        callers!("s.id in (select value from json_each($1))", "t.id in (select value from json_each($1))"),
        callers!("s.id in (select jsonb_array_elements_text($1::jsonb))", "t.id in (select jsonb_array_elements_text($1::jsonb))"),
    );
    let rows = sql.fetch_all(text, args![db::ids(&ids)]).await?;
    read_callers(&rows, now)
}

fn read_callers(rows: &[Row], now: Timestamp) -> Result<HashMap<Uuid, Known>, DbError> {
    let mut found = HashMap::new();
    for row in rows {
        let id: Uuid = row.get("id")?;
        let ended: Option<Timestamp> = row.get("ended_at")?;
        let expires: Option<Timestamp> = row.get("expires_at")?;
        if ended.is_some() || expires.is_some_and(|at| at <= now) {
            let (kind, account): (String, Option<Uuid>) = (row.get("kind")?, row.get("account")?);
            found.insert(id, Known::Over { left_at: ended.filter(|_| kind == "session" && account.is_none()) });
            continue;
        }
        if let Some(Known::Live(Caller::User { roles, .. }, _)) = found.get_mut(&id) {
            roles.extend(role_of(row)?);
            continue;
        }
        let slides: bool = row.get("slides")?;
        found.insert(id, Known::Live(read_caller(id, row)?, expires.filter(|_| slides)));
    }
    Ok(found)
}

fn read_caller(id: Uuid, row: &Row) -> Result<Caller, DbError> {
    let user: Option<UserId> = row.get("account")?;
    let name: Option<String> = row.get("name")?;
    let person = user.zip(name).map(|(id, name)| Person { id, name });
    let kind: String = row.get("kind")?;
    if kind == "token" {
        return Ok(Caller::Token {
            token: TokenId(id),
            role: row.parse("role")?,
            store: row.get("store")?,
            merchant: row.get("merchant")?,
            kiosk: row.get("kiosk")?,
            person,
        });
    }
    let session = SessionId(id);
    match person {
        None => Ok(Caller::Guest { session, fresh: false }),
        Some(Person { id: user, name }) => {
            let roles = role_of(row)?.into_iter().collect();
            Ok(Caller::User { session, user, name, language: row.parse_opt("language")?, roles })
        }
    }
}

fn role_of(row: &Row) -> Result<Option<RoleView>, DbError> {
    let role: Option<Role> = row.parse_opt("role")?;
    role.map(|role| Ok(RoleView { role, store: row.get("store")? })).transpose()
}

/// Writes a session that has no row yet, and says whether it had none; one that has keeps it.
pub(super) async fn insert_session(tx: &mut Tx, new: &NewSession, user: Option<UserId>) -> Result<bool, DbError> {
    let now = tx.now();
    let text = "insert into session (id, account, created_at, expires_at, slides, seen_at, device, may_set_password) \
                values ($1, $2, $3, $4, $5, $3, $6, $7) on conflict (id) do nothing";
    let until = now.plus_seconds(new.seconds);
    Ok(tx.execute(text, args![new.id, user, now, until, new.slides, &new.device, new.may_set_password]).await? > 0)
}

/// Whether a session is good, which it then is until the end of the transaction: whoever ends it waits for that.
pub(super) async fn hold_session_in(tx: &mut Tx, id: SessionId) -> Result<bool, DbError> {
    // SQLite has one writer. On PostgreSQL others may hold it as well, and who is about to end it is waited for.
    let text = tx.either(
        "select id from session where id = $1 and ended_at is null and expires_at > $2",
        "select id from session where id = $1 and ended_at is null and expires_at > $2 for share",
    );
    let now = tx.now();
    Ok(tx.fetch_optional(text, args![id, now]).await?.is_some())
}

/// Ends a session, also one that has no row yet.
pub(super) async fn end_session(tx: &mut Tx, id: SessionId) -> Result<(), DbError> {
    let text = "insert into session (id, created_at, expires_at, ended_at) values ($1, $2, $2, $2) \
                on conflict (id) do update set ended_at = coalesce(session.ended_at, excluded.ended_at)";
    tx.execute(text, args![id, tx.now()]).await.map(drop)
}

pub(super) async fn insert_account(tx: &mut Tx, name: &str) -> Result<UserId, DbError> {
    let id = UserId(Uuid::now_v7());
    tx.execute("insert into account (id, name, created_at) values ($1, $2, $3)", args![id, name, tx.now()]).await?;
    Ok(id)
}

pub(super) async fn insert_token(
    tx: &mut Tx,
    id: TokenId,
    hash: String,
    new: &NewToken,
    user: Option<UserId>,
    by: Option<UserId>,
) -> Result<(), DbError> {
    tx.execute(
        "insert into token (id, hash, name, role, store, merchant, kiosk, account, created_at, issued_by) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        args![id, hash, &new.name, new.role.as_str(), &new.store, &new.merchant, &new.kiosk, user, tx.now(), by],
    )
    .await
    .map(drop)
}

pub(super) async fn tokens(sql: &mut impl Sql) -> Result<Vec<TokenRow>, DbError> {
    let rows = sql.fetch_all("select * from token order by created_at, id", args![]).await?;
    rows.iter()
        .map(|row| {
            Ok(TokenRow {
                id: row.get("id")?,
                name: row.get("name")?,
                role: row.parse("role")?,
                store: row.get("store")?,
                merchant: row.get("merchant")?,
                kiosk: row.get("kiosk")?,
                created_at: row.get("created_at")?,
                revoked_at: row.get("revoked_at")?,
            })
        })
        .collect()
}

/// The tokens of a store that are good.
pub(super) async fn tokens_of(sql: &mut impl Sql, at: &StoreId, now: Timestamp) -> Result<Vec<TokenView>, DbError> {
    let text = "select t.id, t.name, t.role, t.kiosk, t.created_at, t.seen_at, t.screen, a.name as made_by \
                from token t left join account a on a.id = t.issued_by \
                where t.store = $1 and t.revoked_at is null order by t.created_at, t.id";
    sql.fetch_all(text, args![at]).await?.iter().map(|row| token_view(row, now)).collect()
}

/// As it is at `now`. Until when a screen is connected, as far as is known, is what is kept of it: a time that is still to come is
/// one of those who are.
fn token_view(row: &Row, now: Timestamp) -> Result<TokenView, DbError> {
    let until: Option<Timestamp> = row.get("seen_at")?;
    Ok(TokenView {
        id: row.get("id")?,
        name: row.get("name")?,
        role: row.parse("role")?,
        kiosk: row.get("kiosk")?,
        created_at: row.get("created_at")?,
        made_by: row.get("made_by")?,
        seen_at: until.map(|until| until.min(now)),
        connected: until.is_some_and(|until| until > now),
        screen: row.get::<Option<String>>("screen")?.and_then(|screen| screen.parse().ok()),
    })
}

pub(super) async fn person(sql: &mut impl Sql, id: UserId) -> Result<Option<Person>, DbError> {
    let row = sql.fetch_optional("select name from account where id = $1", args![id]).await?;
    row.map(|row| Ok(Person { id, name: row.get("name")? })).transpose()
}

/// What accounts and tokens are called, by their ids.
pub(super) async fn names(sql: &mut impl Sql, ids: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, String>, DbError> {
    let ids = ids.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    let text = sql.either(
        "select id, name from account where id in (select value from json_each($1)) \
         union all select id, name from token where id in (select value from json_each($1))",
        "select id, name from account where id in (select jsonb_array_elements_text($1::jsonb)) \
         union all select id, name from token where id in (select jsonb_array_elements_text($1::jsonb))",
    );
    let rows = sql.fetch_all(text, args![db::ids(&ids)]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("name")?))).collect()
}

/// The secret of this name; `fresh` becomes it where there is none.
pub(super) async fn keep_secret(tx: &mut Tx, name: &'static str, fresh: String) -> Result<String, DbError> {
    let text = "insert into secret (name, value, made_at) values ($1, $2, $3) on conflict (name) do nothing";
    tx.execute(text, args![name, fresh, tx.now()]).await?;
    tx.fetch_one("select value from secret where name = $1", args![name]).await?.get("value")
}
