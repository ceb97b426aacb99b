//! What must be true of the places, as queries for what is not.

use domain::StoreId;
use serde_json::Value;

use crate::args;
use crate::check::{Breach, MOST};
use crate::db::{DbError, Sql};
use crate::stores::Place;

/// Stores that count other places than are written down. Without a capacity they count none.
pub(in super::super) async fn miscounted(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    let text = "select * from (select store.id, store.active, count(place.holder) as places from store \
                left join place on place.store = store.id where store.capacity is not null group by store.id, store.active) as counted \
                where active <> places order by id limit $1";
    let rows = sql.fetch_all(text, args![MOST]).await?;
    rows.iter()
        .map(|row| {
            let why = format!("{} places are counted, {} are written down", row.get::<i64>("active")?, row.get::<i64>("places")?);
            Ok(Breach::new("places.counted", row.get::<StoreId>("id")?, why))
        })
        .collect()
}

/// Places after this one, in order.
pub(in super::super) async fn places(sql: &mut impl Sql, after: Option<&Place>, limit: i64) -> Result<Vec<Place>, DbError> {
    let text = "select store, kind, holder from place where (store, kind, holder) > ($1, $2, $3) order by store, kind, holder limit $4";
    let (store, kind, holder) = after.map_or(("", "", ""), |place| (place.store.as_str(), place.kind.as_str(), place.holder.as_str()));
    let rows = sql.fetch_all(text, args![store, kind, holder, limit]).await?;
    rows.iter().map(|row| Ok(Place { store: row.get("store")?, kind: row.get("kind")?, holder: row.get("holder")? })).collect()
}

/// Which of these have a place.
pub(in super::super) async fn with_place(sql: &mut impl Sql, kind: &str, holders: Value) -> Result<Vec<String>, DbError> {
    // The stores are named because the key begins with them.
    let text = sql.either(
        "select holder from place where kind = $1 and holder in (select value from json_each($2)) and store in (select id from store)",
        "select holder from place where kind = $1 and holder in (select jsonb_array_elements_text($2::jsonb)) \
         and store in (select id from store)",
    );
    sql.fetch_all(text, args![kind, holders]).await?.iter().map(|row| row.get("holder")).collect()
}
