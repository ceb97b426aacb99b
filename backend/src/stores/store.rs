//! All SQL about stores, their places and kiosks.

pub(super) mod invariants;

use domain::{KioskId, StoreId, Text, view::StoreSettings};

use super::{Holder, StoreRow};
use crate::args;
use crate::db::{DbError, Hold, Row, Sql, Tx};

const RENAME_PLACE: &str = "update place set kind = $4, holder = $5 where store = $1 and kind = $2 and holder = $3";

pub(super) async fn list(sql: &mut impl Sql) -> Result<Vec<StoreRow>, DbError> {
    sql.fetch_all("select * from store order by sort, id", args![]).await?.iter().map(from_row).collect()
}

pub(super) async fn get(sql: &mut impl Sql, id: &StoreId) -> Result<Option<StoreRow>, DbError> {
    sql.fetch_optional("select * from store where id = $1", args![id]).await?.as_ref().map(from_row).transpose()
}

/// Orders that hold a place: placed, and neither ready nor over.
pub(super) async fn in_queue(sql: &mut impl Sql, id: &StoreId) -> Result<i64, DbError> {
    sql.fetch_one("select count(*) as n from place where store = $1 and kind = 'order'", args![id]).await?.get("n")
}

pub(super) async fn of_kiosk(sql: &mut impl Sql, kiosk: &KioskId) -> Result<Option<StoreId>, DbError> {
    let text = "select store from kiosk where id = $1 and retired_at is null";
    sql.fetch_optional(text, args![kiosk]).await?.map(|row| row.get("store")).transpose()
}

pub(super) async fn kiosks(sql: &mut impl Sql, id: &StoreId) -> Result<Vec<KioskId>, DbError> {
    let rows = sql.fetch_all("select id from kiosk where store = $1 and retired_at is null order by id", args![id]).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

pub(super) async fn add_kiosk_in(tx: &mut Tx, id: &StoreId, kiosk: &KioskId) -> Result<bool, DbError> {
    let text = "insert into kiosk (id, store) values ($1, $2) on conflict (id) do update set retired_at = null \
                where kiosk.store = excluded.store and kiosk.retired_at is not null";
    Ok(tx.execute(text, args![kiosk, id]).await? > 0)
}

pub(super) async fn retire_kiosk_in(tx: &mut Tx, id: &StoreId, kiosk: &KioskId) -> Result<bool, DbError> {
    let text = "update kiosk set retired_at = $3 where id = $1 and store = $2 and retired_at is null";
    let now = tx.now();
    Ok(tx.execute(text, args![kiosk, id, now]).await? > 0)
}

/// Waits for the store's lock; false where there is no such store. It is a lock beside the row: who has it with others may
/// change the row without waiting for those who wait for it alone. SQLite's one writer needs none.
pub(super) async fn lock_in(tx: &mut Tx, id: &StoreId, hold: Hold) -> Result<bool, DbError> {
    let text = match hold {
        Hold::Alone => tx.either(
            "select id from store where id = $1",
            "select id, pg_advisory_xact_lock(hashtextextended(id, 1)) from store where id = $1",
        ),
        Hold::Shared => tx.either(
            "select id from store where id = $1",
            "select id, pg_advisory_xact_lock_shared(hashtextextended(id, 1)) from store where id = $1",
        ),
    };
    Ok(tx.fetch_optional(text, args![id]).await?.is_some())
}

pub(super) async fn set_open_in(tx: &mut Tx, id: &StoreId, open: bool) -> Result<bool, DbError> {
    let text = "update store set open = $2 where id = $1 and open <> $2";
    Ok(tx.execute(text, args![id, open]).await? > 0)
}

pub(super) async fn set_settings_in(tx: &mut Tx, id: &StoreId, settings: &StoreSettings) -> Result<(), DbError> {
    tx.execute(
        "update store set capacity = $2, admission = $3, order_limit = $4, scans_per_code = $5, code_seconds = $6, \
         customer_seconds = $7, barista_seconds = $8, wait_target_seconds = $9 where id = $1",
        args![
            id,
            settings.capacity,
            settings.admission.as_str(),
            settings.order_limit,
            settings.scans_per_code,
            settings.code_seconds,
            settings.customer_seconds,
            settings.barista_seconds,
            settings.wait_target_seconds
        ],
    )
    .await
    .map(drop)
}

/// False where this holder already has a place.
pub(super) async fn add_place_in(tx: &mut Tx, id: &StoreId, holder: Holder, from: Option<&str>) -> Result<bool, DbError> {
    let now = tx.now();
    let text = "insert into place (store, kind, holder, taken_at, network) values ($1, $2, $3, $4, $5) on conflict do nothing";
    Ok(tx.execute(text, args![id, holder.kind(), holder.to_string(), now, from]).await? > 0)
}

pub(super) async fn remove_place_in(tx: &mut Tx, id: &StoreId, holder: Holder) -> Result<bool, DbError> {
    let text = "delete from place where store = $1 and kind = $2 and holder = $3";
    Ok(tx.execute(text, args![id, holder.kind(), holder.to_string()]).await? > 0)
}

pub(super) async fn rename_place_in(tx: &mut Tx, id: &StoreId, from: Holder, to: Holder) -> Result<bool, DbError> {
    Ok(tx.execute(RENAME_PLACE, args![id, from.kind(), from.to_string(), to.kind(), to.to_string()]).await? > 0)
}

pub(super) async fn rename_place_later_in(tx: &mut Tx, id: &StoreId, from: Holder, to: Holder) -> Result<(), DbError> {
    tx.later(RENAME_PLACE, args![id, from.kind(), from.to_string(), to.kind(), to.to_string()]).await
}

/// Counts one more under way, unless the store is at capacity.
pub(super) async fn count_up_in(tx: &mut Tx, id: &StoreId) -> Result<bool, DbError> {
    let text = "update store set active = active + 1 where id = $1 and active < capacity";
    Ok(tx.execute(text, args![id]).await? > 0)
}

pub(super) async fn count_down_in(tx: &mut Tx, id: &StoreId) -> Result<(), DbError> {
    tx.execute("update store set active = active - 1 where id = $1 and capacity is not null", args![id]).await.map(drop)
}

/// Counts the places anew: who sets a capacity where there was none finds them uncounted.
pub(super) async fn count_in(tx: &mut Tx, id: &StoreId) -> Result<(), DbError> {
    let text = "update store set active = (select count(*) from place where place.store = store.id) where id = $1";
    tx.execute(text, args![id]).await.map(drop)
}

fn from_row(row: &Row) -> Result<StoreRow, DbError> {
    Ok(StoreRow {
        id: row.get("id")?,
        kind: row.parse("kind")?,
        name: Text { en: row.get("name_en")?, zh_cn: row.get("name_zh")? },
        tagline: Text { en: row.get("tagline_en")?, zh_cn: row.get("tagline_zh")? },
        language: row.parse("language")?,
        currency: row.parse("currency")?,
        time_zone: row.get("time_zone")?,
        fulfilment: row.parse("fulfilment")?,
        open: row.get("open")?,
        settings: StoreSettings {
            capacity: row.get("capacity")?,
            admission: row.parse("admission")?,
            order_limit: row.get("order_limit")?,
            scans_per_code: row.get("scans_per_code")?,
            code_seconds: row.get("code_seconds")?,
            customer_seconds: row.get("customer_seconds")?,
            barista_seconds: row.get("barista_seconds")?,
            wait_target_seconds: row.get("wait_target_seconds")?,
        },
        active: row.get("active")?,
        menu_version: row.get("menu_version")?,
    })
}
