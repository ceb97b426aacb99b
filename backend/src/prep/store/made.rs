//! Fulfilments that were made: read by the index of when that was; and how long each product took.

use domain::{ProductId, StoreId, Text, Timestamp};
use serde::Serialize;

use super::super::made::{Made, Times, Took};
use crate::args;
use crate::db::{DbError, Row, Sql, Tx};

/// What was made from `from` on and before `until`, and not called off, in the order of being made.
pub(in super::super) async fn made(sql: &mut impl Sql, store: &StoreId, from: Timestamp, until: Timestamp) -> Result<Vec<Made>, DbError> {
    let text = "select placed_at, started_at, made_at from fulfilment where store = $1 and made_at >= $2 and made_at < $3 \
                and started_at is not null and status in ('ready', 'collected') order by made_at";
    let made = |row: &Row| Ok(Made { placed: row.get("placed_at")?, claimed: row.get("started_at")?, ready: row.get("made_at")? });
    sql.fetch_all(text, args![store, from, until]).await?.iter().map(made).collect()
}

/// How long products took, of those that were made last, at most so many.
pub(in super::super) async fn times(sql: &mut impl Sql, store: &StoreId, most: i64) -> Result<Vec<Times>, DbError> {
    let text = "select product, name, last from making_time where store = $1 order by made_at desc, product limit $2";
    let rows = sql.fetch_all(text, args![store, most]).await?;
    rows.iter().map(|row| Ok(Times { product: row.parse("product")?, name: row.json("name")?, last: row.json("last")? })).collect()
}

/// How long a product took on the last tickets, to be changed: nobody else changes it until this transaction ends.
pub(in super::super) async fn last_in(tx: &mut Tx, store: &StoreId, product: &ProductId) -> Result<Vec<Took>, DbError> {
    let text = tx.either(
        "select last from making_time where store = $1 and product = $2",
        "select last from making_time where store = $1 and product = $2 for update",
    );
    let row = tx.fetch_optional(text, args![store, product]).await?;
    row.map_or_else(|| Ok(Vec::new()), |row| row.json("last"))
}

/// Keeps how long a product took, and what it is called now.
pub(in super::super) async fn keep_last_in(
    tx: &mut Tx,
    store: &StoreId,
    product: &ProductId,
    name: &Text,
    last: &[Took],
    made_at: Timestamp,
) -> Result<(), DbError> {
    let text = "insert into making_time (store, product, name, last, made_at) values ($1, $2, $3, $4, $5) \
                on conflict (store, product) do update set name = excluded.name, last = excluded.last, made_at = excluded.made_at";
    tx.execute(text, args![store, product, json(name)?, json(last)?, made_at]).await?;
    Ok(())
}

/// Keeps what is left of how long a product took.
pub(in super::super) async fn correct_last_in(tx: &mut Tx, store: &StoreId, product: &ProductId, last: &[Took]) -> Result<(), DbError> {
    tx.execute("update making_time set last = $1 where store = $2 and product = $3", args![json(last)?, store, product]).await?;
    Ok(())
}

fn json(value: &(impl Serialize + ?Sized)) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::Defect(error.to_string()))
}
