//! What the check wants to know of payments.

use domain::ordering::PaymentStatus;
use domain::{Money, OrderId, PaymentId, Timestamp, TopUpId};

use crate::args;
use crate::check::{Breach, MOST};
use crate::db::{DbError, Row, Sql, ids};

/// How the payments of these orders stand, and over how much each is.
pub(in super::super) async fn of_orders(sql: &mut impl Sql, orders: &[OrderId]) -> Result<Vec<(OrderId, PaymentStatus, Money)>, DbError> {
    let text = sql.either(
        "select order_id, status, amount, currency from payment where order_id in (select value from json_each($1))",
        "select order_id, status, amount, currency from payment where order_id in (select jsonb_array_elements_text($1::jsonb))",
    );
    let rows = sql.fetch_all(text, args![ids(orders)]).await?;
    let read = |row: &Row| {
        let amount = Money::new(row.get("amount")?, row.parse("currency")?);
        Ok((row.get("order_id")?, row.parse("status")?, amount))
    };
    rows.iter().map(read).collect()
}

/// Payments of which something else went back than their refunds come to, or than their state says.
pub(in super::super) async fn refunded_otherwise(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    let text = "select * from (select payment.order_id, payment.status, payment.amount, payment.refunded, \
                cast(coalesce(sum(payment_refund.amount), 0) as bigint) as booked \
                from payment left join payment_refund on payment_refund.payment = payment.id \
                group by payment.id, payment.order_id, payment.status, payment.amount, payment.refunded) as counted \
                where booked <> refunded \
                or refunded not between case status when 'refunded' then amount when 'partially_refunded' then 1 else 0 end \
                and case status when 'refunded' then amount when 'partially_refunded' then amount - 1 else 0 end \
                order by order_id limit $1";
    let rows = sql.fetch_all(text, args![MOST]).await?;
    rows.iter()
        .map(|row| {
            let (status, amount): (String, i64) = (row.get("status")?, row.get("amount")?);
            let (refunded, booked): (i64, i64) = (row.get("refunded")?, row.get("booked")?);
            let why = format!("its payment of {amount} is {status}, {refunded} of it went back, and its refunds come to {booked}");
            Ok(Breach::new("orders.paid", format!("order {}", row.get::<OrderId>("order_id")?), why))
        })
        .collect()
}

/// Charges that have ended and whose card token is still there.
pub(in super::super) async fn kept_tokens(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    let text = "select 'order ' || order_id as thing from payment where token is not null and status not in ('pending', 'action_required') \
                union all select 'top-up ' || id as thing from top_up where token is not null and status <> 'pending' order by thing limit $1";
    let rows = sql.fetch_all(text, args![MOST]).await?;
    let breach = |thing| Breach::new("orders.paid", thing, "its charge has ended, and its card token was not wiped".to_owned());
    rows.iter().map(|row| Ok(breach(row.get::<String>("thing")?))).collect()
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
