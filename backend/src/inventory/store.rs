//! All SQL about stock.

pub(super) mod invariants;

use std::collections::HashSet;

use domain::{
    CheckoutId, Sku, StoreId, Timestamp,
    event::{Actor, Units},
};
use serde_json::Value;
use uuid::Uuid;

use super::StockLevel;
use crate::args;
use crate::db::{DbError, Row, Sql, Tx, ids};

/// Why units came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Received,
    Adjusted,
    Returned,
    Sold,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Adjusted => "adjusted",
            Self::Returned => "returned",
            Self::Sold => "sold",
        }
    }
}

pub(super) async fn sold_out(sql: &mut impl Sql, store: &StoreId) -> Result<HashSet<Sku>, DbError> {
    let text = "select sku from stock where store = $1 and on_hand <= held";
    sql.fetch_all(text, args![store]).await?.iter().map(|row| row.get("sku")).collect()
}

pub(super) async fn level(sql: &mut impl Sql, store: &StoreId, sku: &Sku) -> Result<Option<StockLevel>, DbError> {
    let text = "select * from stock where store = $1 and sku = $2";
    sql.fetch_optional(text, args![store, sku]).await?.as_ref().map(level_of).transpose()
}

pub(super) async fn levels(sql: &mut impl Sql, store: &StoreId) -> Result<Vec<StockLevel>, DbError> {
    sql.fetch_all("select * from stock where store = $1 order by sku", args![store]).await?.iter().map(level_of).collect()
}

/// Which of these SKUs are counted, with the locks of their rows, which are taken in one order.
pub(super) async fn lock_in(tx: &mut Tx, store: &StoreId, skus: impl Iterator<Item = &Sku>) -> Result<HashSet<Sku>, DbError> {
    let skus: Value = skus.map(Sku::as_str).collect();
    let text = tx.either(
        "select sku from stock where store = $1 and sku in (select value from json_each($2))",
        "select sku from stock where store = $1 and sku in (select jsonb_array_elements_text($2::jsonb)) order by sku for no key update",
    );
    tx.fetch_all(text, args![store, skus]).await?.iter().map(|row| row.get("sku")).collect()
}

/// Which of these checkouts have, or had, units put aside.
pub(super) async fn with_holds(sql: &mut impl Sql, checkouts: &[CheckoutId]) -> Result<HashSet<CheckoutId>, DbError> {
    let text = sql.either(
        "select distinct checkout from hold where checkout in (select value from json_each($1))",
        "select distinct checkout from hold where checkout in (select jsonb_array_elements_text($1::jsonb))",
    );
    sql.fetch_all(text, args![ids(checkouts)]).await?.iter().map(|row| row.get("checkout")).collect()
}

pub(super) async fn free(sql: &mut impl Sql, store: &StoreId, sku: &Sku) -> Result<i64, DbError> {
    sql.fetch_one("select on_hand - held as free from stock where store = $1 and sku = $2", args![store, sku]).await?.get("free")
}

pub(super) async fn track_in(tx: &mut Tx, store: &StoreId, sku: &Sku) -> Result<bool, DbError> {
    let text = "insert into stock (store, sku, on_hand, held, received, adjusted, returned, sold) \
                values ($1, $2, 0, 0, 0, 0, 0, 0) on conflict do nothing";
    Ok(tx.execute(text, args![store, sku]).await? > 0)
}

/// Puts units aside if so many are free, and answers how many still are.
pub(super) async fn hold_in(tx: &mut Tx, store: &StoreId, sku: &Sku, quantity: i64) -> Result<Option<i64>, DbError> {
    let text = "update stock set held = held + $3 where store = $1 and sku = $2 and on_hand - held >= $3 returning on_hand - held as free";
    tx.fetch_optional(text, args![store, sku, quantity]).await?.map(|row| row.get("free")).transpose()
}

/// Takes units out of the hold, and answers how many are free then.
pub(super) async fn unhold_in(tx: &mut Tx, store: &StoreId, sku: &Sku, quantity: i64) -> Result<i64, DbError> {
    let text = "update stock set held = held - $3 where store = $1 and sku = $2 returning on_hand - held as free";
    tx.fetch_one(text, args![store, sku, quantity]).await?.get("free")
}

/// Books a movement: `quantity` units are added, or, for a sale, taken from the hand and the hold at once. The checks of
/// the table refuse to have fewer on hand than are held.
pub(super) async fn book_in(tx: &mut Tx, store: &StoreId, sku: &Sku, kind: Kind, quantity: i64) -> Result<StockLevel, DbError> {
    let text = match kind {
        Kind::Received => "update stock set on_hand = on_hand + $3, received = received + $3 where store = $1 and sku = $2 returning *",
        Kind::Adjusted => "update stock set on_hand = on_hand + $3, adjusted = adjusted + $3 where store = $1 and sku = $2 returning *",
        Kind::Returned => "update stock set on_hand = on_hand + $3, returned = returned + $3 where store = $1 and sku = $2 returning *",
        Kind::Sold => {
            "update stock set on_hand = on_hand - $3, held = held - $3, sold = sold + $3 where store = $1 and sku = $2 returning *"
        }
    };
    level_of(&tx.fetch_one(text, args![store, sku, quantity]).await?)
}

/// What has to be true of the units on hand for them to be changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// At most so many afterwards.
    pub most: i64,
    /// Exactly so many before, where the change was worked out from them.
    pub seen: Option<i64>,
}

/// Books units that come or are written off, if as many stay on hand as are held and the bounds allow it; else `None`,
/// and nothing is changed.
pub(super) async fn adjust_in(
    tx: &mut Tx,
    store: &StoreId,
    sku: &Sku,
    kind: Kind,
    delta: i64,
    bounds: Bounds,
) -> Result<Option<StockLevel>, DbError> {
    let text = match kind {
        Kind::Received => {
            "update stock set on_hand = on_hand + $3, received = received + $3 where store = $1 and sku = $2 \
             and on_hand + $3 between held and $4 and ($5 is null or on_hand = $5) returning *"
        }
        Kind::Returned => {
            "update stock set on_hand = on_hand + $3, returned = returned + $3 where store = $1 and sku = $2 \
             and on_hand + $3 between held and $4 and ($5 is null or on_hand = $5) returning *"
        }
        Kind::Adjusted => {
            "update stock set on_hand = on_hand + $3, adjusted = adjusted + $3 where store = $1 and sku = $2 \
             and on_hand + $3 between held and $4 and ($5 is null or on_hand = $5) returning *"
        }
        Kind::Sold => return Err(DbError::Defect("a sale is no adjustment".to_owned())),
    };
    tx.fetch_optional(text, args![store, sku, delta, bounds.most, bounds.seen]).await?.as_ref().map(level_of).transpose()
}

pub(super) async fn add_hold_in(
    tx: &mut Tx,
    store: &StoreId,
    checkout: CheckoutId,
    sku: &Sku,
    quantity: i64,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    tx.execute(
        "insert into hold (checkout, store, sku, quantity, state, expires_at) values ($1, $2, $3, $4, 'held', $5)",
        args![checkout, store, sku, quantity, expires_at],
    )
    .await
    .map(drop)
}

pub(super) async fn make_permanent_in(tx: &mut Tx, store: &StoreId, checkout: CheckoutId) -> Result<(), DbError> {
    let text = "update hold set state = 'placed', expires_at = null where checkout = $1 and store = $2 and state = 'held'";
    tx.later(text, args![checkout, store]).await
}

/// Ends a checkout's holds that are in one of the states `from`, and answers their units, sorted.
pub(super) async fn end_holds_in(
    tx: &mut Tx,
    store: &StoreId,
    checkout: CheckoutId,
    from: &[&str],
    to: &str,
) -> Result<Vec<Units>, DbError> {
    let text = tx.either(
        "update hold set state = $4, expires_at = null where checkout = $1 and store = $2 \
         and state in (select value from json_each($3)) returning sku, quantity",
        "update hold set state = $4, expires_at = null where checkout = $1 and store = $2 \
         and state in (select jsonb_array_elements_text($3::jsonb)) returning sku, quantity",
    );
    let rows = tx.fetch_all(text, args![checkout, store, Value::from(from), to]).await?;
    let mut units: Vec<Units> =
        rows.iter().map(|row| Ok(Units { sku: row.get("sku")?, quantity: row.get("quantity")? })).collect::<Result<_, DbError>>()?;
    units.sort_by(|a, b| a.sku.cmp(&b.sku));
    Ok(units)
}

pub(super) async fn add_movement_in(
    tx: &mut Tx,
    store: &StoreId,
    sku: &Sku,
    kind: Kind,
    quantity: i64,
    reason: &str,
    actor: Actor,
) -> Result<(), DbError> {
    let now = tx.now();
    tx.execute(
        "insert into stock_movement (id, store, sku, kind, quantity, reason, actor, at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        args![Uuid::now_v7(), store, sku, kind.as_str(), quantity, reason, actor.to_string(), now],
    )
    .await
    .map(drop)
}

fn level_of(row: &Row) -> Result<StockLevel, DbError> {
    Ok(StockLevel {
        store: row.get("store")?,
        sku: row.get("sku")?,
        on_hand: row.get("on_hand")?,
        held: row.get("held")?,
        received: row.get("received")?,
        adjusted: row.get("adjusted")?,
        returned: row.get("returned")?,
        sold: row.get("sold")?,
    })
}
