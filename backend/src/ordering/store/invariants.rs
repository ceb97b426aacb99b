//! What must be true of checkouts and orders, as queries for what is not and for what the others are compared with.

use domain::ordering::OrderStatus;
use domain::{AdmissionId, CheckoutId, Money, OrderId, StoreId, Timestamp};

use super::super::sagas::Step;
use super::CheckoutStatus;
use crate::args;
use crate::check::{Breach, MOST};
use crate::db::{DbError, Row, Sql, ids};
use crate::identity::Owner;

/// As much of an order as the check compares with what hangs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glance {
    pub id: OrderId,
    pub store: StoreId,
    pub day: String,
    pub number: i64,
    pub checkout: CheckoutId,
    pub status: OrderStatus,
    /// What its saga has left to do.
    pub step: Option<Step>,
}

fn glance_of(row: &Row) -> Result<Glance, DbError> {
    Ok(Glance {
        id: row.get("id")?,
        store: row.get("store")?,
        day: row.get("day")?,
        number: row.get("number")?,
        checkout: row.get("checkout")?,
        status: row.parse("status")?,
        step: row.get::<Option<String>>("saga_step")?.map(|_| row.parse("saga_step")).transpose()?,
    })
}

/// Orders after this one, by id.
pub(in super::super) async fn orders_after(sql: &mut impl Sql, after: Option<OrderId>, limit: i64) -> Result<Vec<Glance>, DbError> {
    let text = "select id, store, day, number, checkout, status, saga_step from sales_order where id > $1 order by id limit $2";
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    sql.fetch_all(text, args![after, limit]).await?.iter().map(glance_of).collect()
}

/// What these orders cost.
pub(in super::super) async fn totals_of(sql: &mut impl Sql, orders: &[OrderId]) -> Result<Vec<(OrderId, Money)>, DbError> {
    let text = sql.either(
        "select id, cast(json_extract(quote, '$.total.amount') as bigint) as total, json_extract(quote, '$.total.currency') as currency \
         from sales_order where id in (select value from json_each($1))",
        "select id, cast(quote::jsonb -> 'total' ->> 'amount' as bigint) as total, quote::jsonb -> 'total' ->> 'currency' as currency \
         from sales_order where id in (select jsonb_array_elements_text($1::jsonb))",
    );
    let rows = sql.fetch_all(text, args![ids(orders)]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, Money::new(row.get("total")?, row.parse("currency")?)))).collect()
}

/// These orders, those of them that there are.
pub(in super::super) async fn orders_named(sql: &mut impl Sql, orders: &[String]) -> Result<Vec<Glance>, DbError> {
    let text = sql.either(
        "select id, store, day, number, checkout, status, saga_step from sales_order where id in (select value from json_each($1))",
        "select id, store, day, number, checkout, status, saga_step from sales_order where id in (select jsonb_array_elements_text($1::jsonb))",
    );
    sql.fetch_all(text, args![ids(orders)]).await?.iter().map(glance_of).collect()
}

/// The orders that these checkouts became.
pub(in super::super) async fn orders_of_checkouts(sql: &mut impl Sql, checkouts: &[CheckoutId]) -> Result<Vec<Glance>, DbError> {
    let text = sql.either(
        "select id, store, day, number, checkout, status, saga_step from sales_order where checkout in (select value from json_each($1))",
        "select id, store, day, number, checkout, status, saga_step from sales_order where checkout in (select jsonb_array_elements_text($1::jsonb))",
    );
    sql.fetch_all(text, args![ids(checkouts)]).await?.iter().map(glance_of).collect()
}

/// These checkouts, those of them that there are.
pub(in super::super) async fn checkouts_named(
    sql: &mut impl Sql,
    checkouts: &[String],
) -> Result<Vec<(CheckoutId, CheckoutStatus)>, DbError> {
    let text = sql.either(
        "select id, status from checkout where id in (select value from json_each($1))",
        "select id, status from checkout where id in (select jsonb_array_elements_text($1::jsonb))",
    );
    let rows = sql.fetch_all(text, args![ids(checkouts)]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.parse("status")?))).collect()
}

/// The checkouts that these admissions led to, each with its admission.
pub(in super::super) async fn checkouts_of_admissions(
    sql: &mut impl Sql,
    admissions: &[AdmissionId],
) -> Result<Vec<(CheckoutId, AdmissionId)>, DbError> {
    let text = sql.either(
        "select id, admission from checkout where admission in (select value from json_each($1))",
        "select id, admission from checkout where admission in (select jsonb_array_elements_text($1::jsonb))",
    );
    let rows = sql.fetch_all(text, args![ids(admissions)]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("admission")?))).collect()
}

/// Live checkouts after this one, by id, and when each ends.
pub(in super::super) async fn live_after(
    sql: &mut impl Sql,
    after: Option<CheckoutId>,
    limit: i64,
) -> Result<Vec<(CheckoutId, Timestamp)>, DbError> {
    let text = "select id, expires_at from checkout where status = 'live' and id > $1 order by id limit $2";
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let rows = sql.fetch_all(text, args![after, limit]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("expires_at")?))).collect()
}

/// Days whose numbers are not 1 to the last one given, each once; on PostgreSQL some may be missing.
pub(in super::super) async fn misnumbered(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    let text = "select * from (select sales_order.store, sales_order.day, count(*) as orders, count(distinct number) as numbers, \
                min(number) as least, max(number) as most, coalesce(min(last), 0) as given from sales_order \
                left join order_number on order_number.store = sales_order.store and order_number.day = sales_order.day \
                group by sales_order.store, sales_order.day) as counted \
                where orders <> numbers or least < 1 or given < most or ($1 and (least > 1 or most <> numbers or given > most)) \
                order by store, day limit $2";
    let complete = !sql.is_postgres();
    let rows = sql.fetch_all(text, args![complete, MOST]).await?;
    rows.iter()
        .map(|row| {
            let why = format!(
                "{} orders have {} numbers from {} to {}, and the last one given was {}",
                row.get::<i64>("orders")?,
                row.get::<i64>("numbers")?,
                row.get::<i64>("least")?,
                row.get::<i64>("most")?,
                row.get::<i64>("given")?
            );
            Ok(Breach::new("orders.numbered", format!("{} on {}", row.get::<StoreId>("store")?, row.get::<String>("day")?), why))
        })
        .collect()
}

/// Those of these owners who have a cart or a live checkout.
pub(in super::super) async fn with_something(sql: &mut impl Sql, owners: &[Owner]) -> Result<Vec<Owner>, DbError> {
    let text = sql.either(
        "select owner from cart_line where owner in (select value from json_each($1)) \
         union select owner from checkout where status = 'live' and owner in (select value from json_each($1))",
        "select owner from cart_line where owner in (select jsonb_array_elements_text($1::jsonb)) \
         union select owner from checkout where status = 'live' and owner in (select jsonb_array_elements_text($1::jsonb))",
    );
    sql.fetch_all(text, args![ids(owners)]).await?.iter().map(|row| row.parse("owner")).collect()
}
