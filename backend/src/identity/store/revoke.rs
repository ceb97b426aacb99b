//! The end of tokens, and of what was made by them: a token of a manager makes others, and codes that let somebody in.

use domain::{StoreId, Timestamp, TokenId, UserId};

use crate::args;
use crate::db::{Args, DbError, Sql as _, Tx};

/// A token that was good until now.
pub(in super::super) struct Revoked {
    pub id: TokenId,
    /// Where it was good; `None`: everywhere.
    pub store: Option<StoreId>,
    /// Who it was in the eyes of others, which is who made what was made by it.
    pub account: Option<UserId>,
}

/// Ends the tokens that a condition names and all that were made by one of them, however far down. One in between that has ended
/// before does not hide what is below it.
macro_rules! revoked {
    ($these:literal) => {
        concat!(
            "with recursive below (id, account) as (select id, account from token where ",
            $these,
            " union select t.id, t.account from token t join below b on t.issued_by = b.account) \
             update token set revoked_at = $2 where id in (select below.id from below) and revoked_at is null \
             returning id, store, account"
        )
    };
}

/// Makes a token and what hangs below it worthless; nothing where it was not good.
pub(in super::super) async fn revoke(tx: &mut Tx, id: TokenId) -> Result<Vec<Revoked>, DbError> {
    let args = args![id, tx.now()];
    run(tx, revoked!("id = $1"), &args).await
}

/// The same for one of this store's.
pub(in super::super) async fn revoke_at(tx: &mut Tx, id: TokenId, at: &StoreId) -> Result<Vec<Revoked>, DbError> {
    let args = args![id, tx.now(), at];
    run(tx, revoked!("id = $1 and store = $3"), &args).await
}

/// Makes worthless what somebody has made for a store, and what hangs below that.
pub(in super::super) async fn revoke_made_by(tx: &mut Tx, at: &StoreId, by: UserId) -> Result<Vec<Revoked>, DbError> {
    let args = args![by, tx.now(), at];
    run(tx, revoked!("issued_by = $1 and store = $3"), &args).await
}

async fn run(tx: &mut Tx, text: &'static str, args: &Args) -> Result<Vec<Revoked>, DbError> {
    let mut revoked = Vec::new();
    loop {
        let rows = tx.fetch_all(text, args.clone()).await?;
        if rows.is_empty() {
            return Ok(revoked);
        }
        for row in &rows {
            revoked.push(Revoked { id: row.get("id")?, store: row.get("store")?, account: row.get("account")? });
        }
        // Again: who was waited for may have been making another one.
    }
}

/// Whether a token is worth nothing any more; with `hold` one that is stays so until the end of the transaction: whoever ends it
/// waits.
pub(in super::super) async fn has_token_ended_in(tx: &mut Tx, id: TokenId, hold: bool) -> Result<bool, DbError> {
    // SQLite has one writer. On PostgreSQL others may hold it as well.
    let text = if hold && tx.is_postgres() {
        "select revoked_at from token where id = $1 for share"
    } else {
        "select revoked_at from token where id = $1"
    };
    let row = tx.fetch_optional(text, args![id]).await?;
    row.map_or(Ok(false), |row| Ok(row.get::<Option<Timestamp>>("revoked_at")?.is_some()))
}

/// Ends the codes that somebody made for people and screens of a store and that nobody has used yet.
pub(in super::super) async fn end_codes_of(tx: &mut Tx, at: &StoreId, by: UserId) -> Result<(), DbError> {
    let people = "delete from staff_code where made_by = $1 and used_at is null \
                  and account in (select f.account from staff f where f.store = $2)";
    tx.execute(people, args![by, at]).await?;
    let screens = "delete from pairing_code where made_by = $1 and used_at is null \
                   and kiosk in (select k.id from kiosk k where k.store = $2)";
    tx.execute(screens, args![by, at]).await.map(drop)
}

/// Ends those that were made by a token, wherever they were made.
pub(in super::super) async fn end_codes_of_token(tx: &mut Tx, by: UserId) -> Result<(), DbError> {
    tx.execute("delete from staff_code where made_by = $1 and used_at is null", args![by]).await?;
    tx.execute("delete from pairing_code where made_by = $1 and used_at is null", args![by]).await.map(drop)
}
