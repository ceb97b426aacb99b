//! Codes that make a screen a kiosk, and the screens that are.

use std::collections::BTreeMap;

use domain::kiosk::Screen;
use domain::view::TokenView;
use domain::{KioskId, StoreId, Timestamp, TokenId, UserId};
use uuid::Uuid;

use super::token_view;
use crate::args;
use crate::db::{DbError, Sql, Tx, ids};
use crate::identity::presence::Left;
use crate::identity::staff::NewCode;

/// Writes a kiosk's code down, and who made it, in place of the one before.
pub(in super::super) async fn insert_pairing_code(
    tx: &mut Tx,
    kiosk: &KioskId,
    code: &NewCode,
    expires_at: Timestamp,
    made_by: Option<UserId>,
) -> Result<(), DbError> {
    let text = "insert into pairing_code (kiosk, hash, expires_at, made_by) values ($1, $2, $3, $4) \
                on conflict (kiosk) do update set hash = excluded.hash, expires_at = excluded.expires_at, used_at = null, \
                made_by = excluded.made_by";
    tx.execute(text, args![kiosk, &code.hash, expires_at, made_by]).await.map(drop)
}

/// Spends a code: which kiosk it makes, or `None` where there is no such code, it is too old, or somebody was faster.
pub(in super::super) async fn spend_pairing_code(tx: &mut Tx, hash: String) -> Result<Option<KioskId>, DbError> {
    let text = "update pairing_code set used_at = $2 where hash = $1 and used_at is null and expires_at > $2 returning kiosk";
    tx.fetch_optional(text, args![hash, tx.now()]).await?.map(|row| row.get("kiosk")).transpose()
}

/// Until when the codes of a store's kiosks are good.
pub(in super::super) async fn pairing_codes(
    sql: &mut impl Sql,
    store: &StoreId,
    now: Timestamp,
) -> Result<BTreeMap<KioskId, Timestamp>, DbError> {
    let text = "select p.kiosk, p.expires_at from pairing_code p join kiosk k on k.id = p.kiosk \
                where k.store = $1 and p.used_at is null and p.expires_at > $2";
    let rows = sql.fetch_all(text, args![store, now]).await?;
    rows.iter().map(|row| Ok((row.get("kiosk")?, row.get("expires_at")?))).collect()
}

pub(in super::super) async fn forget_pairing(tx: &mut Tx, kiosk: &KioskId) -> Result<(), DbError> {
    tx.execute("delete from pairing_code where kiosk = $1", args![kiosk]).await.map(drop)
}

/// What has been made a kiosk of a store, and not been revoked.
pub(in super::super) async fn devices(sql: &mut impl Sql, store: &StoreId, now: Timestamp) -> Result<Vec<TokenView>, DbError> {
    let text = "select t.id, t.name, t.role, t.kiosk, t.created_at, t.seen_at, t.screen, a.name as made_by \
                from token t join kiosk k on k.id = t.kiosk left join account a on a.id = t.issued_by \
                where k.store = $1 and t.revoked_at is null order by t.created_at, t.id";
    sql.fetch_all(text, args![store]).await?.iter().map(|row| token_view(row, now)).collect()
}

/// These tokens' holders are connected, which holds until then. What another gateway noted later stays.
pub(super) async fn note_seen(tx: &mut Tx, tokens: &[Uuid], until: Timestamp) -> Result<(), DbError> {
    let text = tx.either(
        "update token set seen_at = $2 where id in (select value from json_each($1)) and coalesce(seen_at, 0) < $2",
        "update token set seen_at = $2 where id in (select jsonb_array_elements_text($1::jsonb)) and coalesce(seen_at, 0) < $2",
    );
    tx.execute(text, args![ids(tokens), until]).await.map(drop)
}

/// The connections of these tokens' holders have ended. A note that holds longer than the one of who says so is of another
/// gateway, to which they are connected.
pub(super) async fn note_left(tx: &mut Tx, left: &[(Uuid, Left)]) -> Result<(), DbError> {
    for (token, Left { seen_at, until }) in left {
        let text = "update token set seen_at = $2 where id = $1 and seen_at > $2 and seen_at <= $3";
        tx.execute(text, args![TokenId(*token), *seen_at, *until]).await?;
    }
    Ok(())
}

/// This token's holder shows this from now on.
pub(in super::super) async fn note_screen(tx: &mut Tx, token: TokenId, screen: Screen) -> Result<(), DbError> {
    tx.execute("update token set screen = $2 where id = $1", args![token, screen.as_str()]).await.map(drop)
}

/// Whether that is known already.
pub(in super::super) async fn shows(sql: &mut impl Sql, token: TokenId, screen: Screen) -> Result<bool, DbError> {
    let text = "select 1 as shows from token where id = $1 and screen = $2";
    Ok(sql.fetch_optional(text, args![token, screen.as_str()]).await?.is_some())
}

/// Makes everything worthless that has been made this kiosk.
pub(in super::super) async fn revoke_devices(tx: &mut Tx, kiosk: &KioskId) -> Result<(), DbError> {
    let now = tx.now();
    tx.execute("update token set revoked_at = $2 where kiosk = $1 and revoked_at is null", args![kiosk, now]).await.map(drop)
}
