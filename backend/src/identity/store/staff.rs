//! The people of a store, their one-time codes and passwords.

use domain::name::{folded, spelt};
use domain::view::{MemberView, Role, RoleView};
use domain::{SessionId, StoreId, Timestamp, UserId};

use super::{insert_account, lock_account_in};
use crate::args;
use crate::db::{DbError, Sql, Tx};
use crate::identity::browser::{BrowserId, KNOWN_SECONDS};
use crate::identity::staff::NewCode;

/// The account of whoever works at the store by this name, made where nobody does; and whether it has this role only now.
pub(in super::super) async fn staff_member(tx: &mut Tx, store: &StoreId, name: &str, role: Role) -> Result<(UserId, bool), DbError> {
    let user = loop {
        if let Some(user) = of_name(tx, store, name).await? {
            lock_member_in(tx, user).await?;
            // Who was taken off the staff before they were locked has the name no more.
            if of_name(tx, store, name).await? == Some(user) {
                break user;
            }
            continue;
        }
        let fresh = insert_account(tx, name).await?;
        // Whoever adds the same name at the same time wins or loses here, and both get the same person.
        let text = "insert into staff (store, name, account) values ($1, $2, $3) on conflict do nothing";
        if tx.execute(text, args![store, name, fresh]).await? > 0 {
            break fresh;
        }
    };
    let text = "insert into account_role (account, role, store) values ($1, $2, $3) on conflict do nothing";
    let fresh = tx.execute(text, args![user, role.as_str(), store]).await? > 0;
    Ok((user, fresh))
}

/// Who has this very name at the store. It may have been kept before each letter had one spelling.
async fn of_name(tx: &mut Tx, store: &StoreId, name: &str) -> Result<Option<UserId>, DbError> {
    // They are few, and no database knows the spellings of letters.
    let mut alike = None;
    for row in &tx.fetch_all("select name, account from staff where store = $1 order by account", args![store]).await? {
        let theirs: String = row.get("name")?;
        if theirs == name {
            return row.get("account").map(Some);
        }
        if alike.is_none() && spelt(&theirs) == name {
            alike = Some(row.get("account")?);
        }
    }
    Ok(alike)
}

/// Whether somebody of this name, in whatever capitals, works at the store.
pub(in super::super) async fn works_here_by_name(tx: &mut Tx, store: &StoreId, name: &str) -> Result<bool, DbError> {
    // They are few, and SQLite knows the capitals of ASCII only.
    let text = "select distinct f.name from staff f join account_role r on r.account = f.account and r.store = f.store where f.store = $1";
    let rows = tx.fetch_all(text, args![store]).await?;
    let names = rows.iter().map(|row| row.get::<String>("name")).collect::<Result<Vec<_>, _>>()?;
    let wanted = folded(name);
    Ok(names.iter().any(|name| folded(name) == wanted))
}

/// Everybody who works at a store, by name.
pub(in super::super) async fn members(sql: &mut impl Sql, store: &StoreId, now: Timestamp) -> Result<Vec<MemberView>, DbError> {
    let text = "select r.account, r.role, a.name, p.set_at, \
                (select max(c.expires_at) from staff_code c where c.account = r.account and c.used_at is null and c.expires_at > $2) as code_until, \
                (select max(s.created_at) from session s where s.account = r.account and s.ended_at is null and s.expires_at > $2) as signed_in_at \
                from account_role r join account a on a.id = r.account left join staff_password p on p.account = r.account \
                where r.store = $1 and exists (select 1 from staff f where f.account = r.account) order by a.name, r.account";
    let mut found: Vec<MemberView> = Vec::new();
    for row in sql.fetch_all(text, args![store, now]).await? {
        let id: UserId = row.get("account")?;
        let role: Role = row.parse("role")?;
        match found.last_mut().filter(|member| member.id == id) {
            Some(member) => member.roles.push(role),
            None => found.push(MemberView {
                id,
                name: row.get("name")?,
                roles: vec![role],
                has_password: row.get::<Option<Timestamp>>("set_at")?.is_some(),
                code_until: row.get("code_until")?,
                signed_in_at: row.get("signed_in_at")?,
            }),
        }
    }
    for member in &mut found {
        member.roles.sort_by_key(|role| *role as u8);
    }
    Ok(found)
}

/// All that somebody is, and where.
pub(in super::super) async fn all_roles(sql: &mut impl Sql, user: UserId) -> Result<Vec<RoleView>, DbError> {
    let rows = sql.fetch_all("select role, store from account_role where account = $1", args![user]).await?;
    rows.iter().map(|row| Ok(RoleView { role: row.parse("role")?, store: row.get("store")? })).collect()
}

/// Makes whoever else changes what this person may do, and what they do by it, wait until the end of the transaction: what is read
/// afterwards holds.
pub(in super::super) async fn lock_member_in(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    lock_account_in(tx, user).await.map(drop)
}

/// The name of somebody who works at the store; what they may do is the transaction's alone until its end.
pub(in super::super) async fn member_in(tx: &mut Tx, store: &StoreId, user: UserId) -> Result<Option<String>, DbError> {
    // Before it is looked at, in a statement of its own: one that waited would still see what was there before.
    lock_member_in(tx, user).await?;
    let text = "select a.name from account_role r join account a on a.id = r.account join staff f on f.account = r.account \
                where r.store = $1 and r.account = $2 limit 1";
    tx.fetch_optional(text, args![store, user]).await?.map(|row| row.get("name")).transpose()
}

pub(in super::super) async fn roles_at(sql: &mut impl Sql, store: &StoreId, user: UserId) -> Result<Vec<Role>, DbError> {
    let rows = sql.fetch_all("select role from account_role where store = $1 and account = $2", args![store, user]).await?;
    let mut roles = rows.iter().map(|row| row.parse("role")).collect::<Result<Vec<Role>, _>>()?;
    roles.sort_by_key(|role| *role as u8);
    Ok(roles)
}

/// Makes these the roles of somebody at a store; whether they have any left anywhere. Who has none there has no name there, either.
pub(in super::super) async fn set_roles(tx: &mut Tx, store: &StoreId, user: UserId, roles: &[Role]) -> Result<bool, DbError> {
    tx.execute("delete from account_role where store = $1 and account = $2", args![store, user]).await?;
    if roles.is_empty() {
        // Whoever is added by it next is somebody else, and must not come into this account.
        tx.execute("delete from staff where store = $1 and account = $2", args![store, user]).await?;
    }
    for role in roles {
        let text = "insert into account_role (account, role, store) values ($1, $2, $3) on conflict do nothing";
        tx.execute(text, args![user, role.as_str(), store]).await?;
    }
    Ok(tx.fetch_optional("select role from account_role where account = $1 limit 1", args![user]).await?.is_some())
}

/// Takes away everything that somebody could sign in with.
pub(in super::super) async fn forget_staff_secrets(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    tx.execute("delete from staff_code where account = $1", args![user]).await?;
    tx.execute("delete from known_browser where account = $1", args![user]).await?;
    tx.execute("delete from staff_password where account = $1", args![user]).await.map(drop)
}

/// Writes a code down, and who made it; those before are worth nothing from now on.
pub(in super::super) async fn insert_code(
    tx: &mut Tx,
    user: UserId,
    code: &NewCode,
    expires_at: Timestamp,
    made_by: Option<UserId>,
) -> Result<(), DbError> {
    tx.execute("delete from staff_code where account = $1 and used_at is null", args![user]).await?;
    let text = "insert into staff_code (hash, account, expires_at, made_by) values ($1, $2, $3, $4)";
    tx.execute(text, args![&code.hash, user, expires_at, made_by]).await.map(drop)
}

/// Whose code this is, if it may still be spent.
pub(in super::super) async fn account_of_code(tx: &mut Tx, hash: &str) -> Result<Option<UserId>, DbError> {
    let text = "select account from staff_code where hash = $1 and used_at is null and expires_at > $2";
    tx.fetch_optional(text, args![hash, tx.now()]).await?.map(|row| row.get("account")).transpose()
}

/// Spends a code: whose it was, or `None` where there is no such code, it is too old, or somebody was faster.
pub(in super::super) async fn spend_code(tx: &mut Tx, hash: String) -> Result<Option<UserId>, DbError> {
    let text = "update staff_code set used_at = $2 where hash = $1 and used_at is null and expires_at > $2 returning account";
    tx.fetch_optional(text, args![hash, tx.now()]).await?.map(|row| row.get("account")).transpose()
}

/// Somebody's password, as a slow hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Password {
    pub user: UserId,
    pub hash: String,
}

/// The password of somebody by this name at the store. Capitals tell apart whom nothing else does: who has the very name comes
/// first, and without them one that is theirs but for its capitals, unless it could be somebody else's, too.
pub(in super::super) async fn password_by_name(sql: &mut impl Sql, store: &StoreId, name: &str) -> Result<Option<Password>, DbError> {
    let text = "select f.account, f.name, p.hash from staff f left join staff_password p on p.account = f.account \
                where f.store = $1 and exists (select 1 from account_role r where r.account = f.account)";
    // They are few, and SQLite knows the capitals of ASCII only.
    let wanted = folded(name);
    let (mut very, mut alike) = (None, Vec::new());
    for row in &sql.fetch_all(text, args![store]).await? {
        let (user, hash): (UserId, Option<String>) = (row.get("account")?, row.get("hash")?);
        let theirs: String = row.get("name")?;
        if theirs == name {
            very = Some((user, hash));
        } else if folded(&theirs) == wanted {
            alike.push((user, hash));
        }
    }
    let alone = if alike.len() == 1 { alike.pop() } else { None };
    Ok(very.or(alone).and_then(|(user, hash)| Some(Password { user, hash: hash? })))
}

pub(in super::super) async fn password_of(sql: &mut impl Sql, user: UserId) -> Result<Option<Password>, DbError> {
    let row = sql.fetch_optional("select hash from staff_password where account = $1", args![user]).await?;
    row.map(|row| Ok(Password { user, hash: row.get("hash")? })).transpose()
}

/// Whether anybody has a password.
pub(in super::super) async fn has_passwords(sql: &mut impl Sql) -> Result<bool, DbError> {
    Ok(sql.fetch_optional("select account from staff_password limit 1", args![]).await?.is_some())
}

/// Writes a password down in place of `before`; false where somebody has changed it meanwhile.
pub(in super::super) async fn set_password(tx: &mut Tx, user: UserId, hash: &str, before: Option<&str>) -> Result<bool, DbError> {
    let text = "insert into staff_password (account, hash, set_at) values ($1, $2, $3) \
                on conflict (account) do update set hash = excluded.hash, set_at = excluded.set_at where staff_password.hash = $4";
    let now = tx.now();
    Ok(tx.execute(text, args![user, hash, now, before]).await? > 0)
}

/// Whether the session may choose a password without naming the one before: if so, it may no longer.
pub(in super::super) async fn allow_password(tx: &mut Tx, session: SessionId) -> Result<bool, DbError> {
    let text = "update session set may_set_password = false where id = $1 and may_set_password and ended_at is null";
    Ok(tx.execute(text, args![session]).await? > 0)
}

/// Somebody has signed in by this browser just now.
pub(in super::super) async fn know_browser(tx: &mut Tx, browser: BrowserId, user: UserId) -> Result<(), DbError> {
    let text = "insert into known_browser (browser, account, seen_at) values ($1, $2, $3) \
                on conflict (browser, account) do update set seen_at = excluded.seen_at";
    tx.execute(text, args![browser.0, user, tx.now()]).await.map(drop)
}

/// Whether somebody has signed in by this browser within the time that it is known.
pub(in super::super) async fn knows_browser(sql: &mut impl Sql, browser: BrowserId, user: UserId) -> Result<bool, DbError> {
    let text = "select seen_at from known_browser where browser = $1 and account = $2 and seen_at > $3";
    let since = sql.now().plus_seconds(-KNOWN_SECONDS);
    Ok(sql.fetch_optional(text, args![browser.0, user, since]).await?.is_some())
}

/// The stores where somebody has a role.
pub(in super::super) async fn stores_of_staff(sql: &mut impl Sql, user: UserId) -> Result<Vec<StoreId>, DbError> {
    let text = "select distinct store from account_role where account = $1 order by store";
    sql.fetch_all(text, args![user]).await?.iter().map(|row| row.get("store")).collect()
}
