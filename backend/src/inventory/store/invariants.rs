//! What must be true of the stock, as queries for what is not.

use domain::{CheckoutId, Sku, StoreId};

use super::level_of;
use crate::args;
use crate::check::{Breach, MOST};
use crate::db::{DbError, Row, Sql, ids};

/// A checkout's units of one SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hold {
    pub checkout: CheckoutId,
    pub sku: Sku,
    /// `held`, `placed`, `sold`, `released` or `returned`.
    pub state: String,
}

fn hold_of(row: &Row) -> Result<Hold, DbError> {
    Ok(Hold { checkout: row.get("checkout")?, sku: row.get("sku")?, state: row.get("state")? })
}

/// The item that a row is about.
fn item(row: &Row) -> Result<String, DbError> {
    Ok(format!("{}/{}", row.get::<StoreId>("store")?, row.get::<Sku>("sku")?))
}

/// Levels that do not add up.
pub(in super::super) async fn unbalanced(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    let text = "select * from stock where received + adjusted + returned - sold <> on_hand or held < 0 or on_hand < held \
                order by store, sku limit $1";
    let rows = sql.fetch_all(text, args![MOST]).await?;
    rows.iter()
        .map(|row| {
            let level = level_of(row)?;
            let why = format!(
                "{} received + {} adjusted + {} returned − {} sold is to be {} on hand, of which {} are held",
                level.received, level.adjusted, level.returned, level.sold, level.on_hand, level.held
            );
            Ok(Breach::new("stock.balance", item(row)?, why))
        })
        .collect()
}

/// Levels whose movements say something else.
pub(in super::super) async fn moved_otherwise(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    let text = "select * from (select stock.store, stock.sku, stock.received, stock.adjusted, stock.returned, stock.sold, \
                cast(coalesce(sum(case when kind = 'received' then quantity end), 0) as bigint) as all_received, \
                cast(coalesce(sum(case when kind = 'adjusted' then quantity end), 0) as bigint) as all_adjusted, \
                cast(coalesce(sum(case when kind = 'returned' then quantity end), 0) as bigint) as all_returned, \
                cast(coalesce(sum(case when kind = 'sold' then quantity end), 0) as bigint) as all_sold \
                from stock left join stock_movement on stock_movement.store = stock.store and stock_movement.sku = stock.sku \
                group by stock.store, stock.sku, stock.received, stock.adjusted, stock.returned, stock.sold) as moved \
                where received <> all_received or adjusted <> all_adjusted or returned <> all_returned or sold <> all_sold \
                order by store, sku limit $1";
    let rows = sql.fetch_all(text, args![MOST]).await?;
    rows.iter()
        .map(|row| {
            let mut why = Vec::new();
            for (column, all) in
                [("received", "all_received"), ("adjusted", "all_adjusted"), ("returned", "all_returned"), ("sold", "all_sold")]
            {
                let (level, movements) = (row.get::<i64>(column)?, row.get::<i64>(all)?);
                if level != movements {
                    why.push(format!("{level} are {column}, the movements say {movements}"));
                }
            }
            Ok(Breach::new("stock.movements", item(row)?, why.join("; ")))
        })
        .collect()
}

/// Levels whose holds say something else.
pub(in super::super) async fn held_otherwise(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    let text = "select * from (select stock.store, stock.sku, stock.held, stock.sold, stock.returned, \
                cast(coalesce(sum(case when state in ('held', 'placed') then quantity end), 0) as bigint) as all_held, \
                cast(coalesce(sum(case when state in ('sold', 'returned') then quantity end), 0) as bigint) as all_sold, \
                cast(coalesce(sum(case when state = 'returned' then quantity end), 0) as bigint) as all_returned \
                from stock left join hold on hold.store = stock.store and hold.sku = stock.sku \
                group by stock.store, stock.sku, stock.held, stock.sold, stock.returned) as holds \
                where held <> all_held or sold <> all_sold or returned < all_returned order by store, sku limit $1";
    let rows = sql.fetch_all(text, args![MOST]).await?;
    rows.iter()
        .map(|row| {
            let mut why = Vec::new();
            for (column, all) in [("held", "all_held"), ("sold", "all_sold"), ("returned", "all_returned")] {
                let (level, holds) = (row.get::<i64>(column)?, row.get::<i64>(all)?);
                // Staff take back, too, what no order gave.
                if level != holds && (column != "returned" || level < holds) {
                    why.push(format!("{level} are {column}, the holds say {holds}"));
                }
            }
            Ok(Breach::new("stock.holds", item(row)?, why.join("; ")))
        })
        .collect()
}

/// All holds of these checkouts.
pub(in super::super) async fn holds_of(sql: &mut impl Sql, checkouts: &[CheckoutId]) -> Result<Vec<Hold>, DbError> {
    let text = sql.either(
        "select checkout, sku, state from hold where checkout in (select value from json_each($1))",
        "select checkout, sku, state from hold where checkout in (select jsonb_array_elements_text($1::jsonb))",
    );
    sql.fetch_all(text, args![ids(checkouts)]).await?.iter().map(hold_of).collect()
}

/// Checkouts after this one that have units put aside, in order.
pub(in super::super) async fn holders(sql: &mut impl Sql, after: &str, limit: i64) -> Result<Vec<CheckoutId>, DbError> {
    let text = "select distinct checkout from hold where state in ('held', 'placed') and checkout > $1 order by checkout limit $2";
    sql.fetch_all(text, args![after, limit]).await?.iter().map(|row| row.get("checkout")).collect()
}
