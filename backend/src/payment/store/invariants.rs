//! What the check wants to know of payments.

use domain::ordering::PaymentStatus;
use domain::{OrderId, PaymentId, Timestamp, TopUpId};

use crate::args;
use crate::check::MOST;
use crate::db::{DbError, Sql, ids};

/// How the payments of these orders stand, and over how much each is.
pub(in super::super) async fn of_orders(sql: &mut impl Sql, orders: &[OrderId]) -> Result<Vec<(OrderId, PaymentStatus, i64)>, DbError> {
    let text = sql.either(
        "select order_id, status, amount from payment where order_id in (select value from json_each($1))",
        "select order_id, status, amount from payment where order_id in (select jsonb_array_elements_text($1::jsonb))",
    );
    let rows = sql.fetch_all(text, args![ids(orders)]).await?;
    rows.iter().map(|row| Ok((row.get("order_id")?, row.parse("status")?, row.get("amount")?))).collect()
}

/// Payments after this one, by id, and the order of each.
pub(in super::super) async fn after(
    sql: &mut impl Sql,
    after: Option<PaymentId>,
    limit: i64,
) -> Result<Vec<(PaymentId, OrderId)>, DbError> {
    let text = "select id, order_id from payment where id > $1 order by id limit $2";
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let rows = sql.fetch_all(text, args![after, limit]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("order_id")?))).collect()
}

/// Which of these payments there are.
pub(in super::super) async fn known(sql: &mut impl Sql, payments: &[String]) -> Result<Vec<String>, DbError> {
    let text = sql.either(
        "select id from payment where id in (select value from json_each($1))",
        "select id from payment where id in (select jsonb_array_elements_text($1::jsonb))",
    );
    sql.fetch_all(text, args![ids(payments)]).await?.iter().map(|row| row.get("id")).collect()
}

/// Top-ups that began before this and have no end.
pub(in super::super) async fn endless_top_ups(sql: &mut impl Sql, before: Timestamp) -> Result<Vec<(TopUpId, Timestamp)>, DbError> {
    let text = "select id, begun_at from top_up where status = 'pending' and begun_at < $1 order by begun_at limit $2";
    sql.fetch_all(text, args![before, MOST]).await?.iter().map(|row| Ok((row.get("id")?, row.get("begun_at")?))).collect()
}
