//! What the check wants to know of fulfilments.

use domain::prep::FulfilmentStatus;
use domain::{FulfilmentId, OrderId};

use crate::args;
use crate::db::{DbError, Sql, ids};

/// How the fulfilments of these orders stand.
pub(in super::super) async fn of_orders(sql: &mut impl Sql, orders: &[OrderId]) -> Result<Vec<(OrderId, FulfilmentStatus)>, DbError> {
    let text = sql.either(
        "select order_id, status from fulfilment where order_id in (select value from json_each($1))",
        "select order_id, status from fulfilment where order_id in (select jsonb_array_elements_text($1::jsonb))",
    );
    let rows = sql.fetch_all(text, args![ids(orders)]).await?;
    rows.iter().map(|row| Ok((row.get("order_id")?, row.parse("status")?))).collect()
}

/// Fulfilments after this one, by id, and the order of each.
pub(in super::super) async fn after(
    sql: &mut impl Sql,
    after: Option<FulfilmentId>,
    limit: i64,
) -> Result<Vec<(FulfilmentId, OrderId)>, DbError> {
    let text = "select id, order_id from fulfilment where id > $1 order by id limit $2";
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let rows = sql.fetch_all(text, args![after, limit]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("order_id")?))).collect()
}

/// Which of these fulfilments there are.
pub(in super::super) async fn known(sql: &mut impl Sql, fulfilments: &[String]) -> Result<Vec<String>, DbError> {
    let text = sql.either(
        "select id from fulfilment where id in (select value from json_each($1))",
        "select id from fulfilment where id in (select jsonb_array_elements_text($1::jsonb))",
    );
    sql.fetch_all(text, args![ids(fulfilments)]).await?.iter().map(|row| row.get("id")).collect()
}
