//! What the check wants to know of fulfilments.

use std::collections::HashMap;

use domain::prep::FulfilmentStatus;
use domain::{FulfilmentId, OrderId};

use super::store::invariants as store;
use crate::db::{DbError, Sql};

/// The one who makes the fulfilments, by its name.
pub(crate) const MAKER: &str = super::subscriber::NAME;

/// How the fulfilments of these orders stand.
pub(crate) async fn of_orders(sql: &mut impl Sql, orders: &[OrderId]) -> Result<HashMap<OrderId, Vec<FulfilmentStatus>>, DbError> {
    let mut found = HashMap::<_, Vec<_>>::new();
    for (order, status) in store::of_orders(sql, orders).await? {
        found.entry(order).or_default().push(status);
    }
    Ok(found)
}

/// Fulfilments after this one, by id, and the order of each.
pub(crate) async fn after(sql: &mut impl Sql, after: Option<FulfilmentId>, limit: i64) -> Result<Vec<(FulfilmentId, OrderId)>, DbError> {
    store::after(sql, after, limit).await
}

/// Which of these fulfilments there are.
pub(crate) async fn known(sql: &mut impl Sql, fulfilments: &[String]) -> Result<Vec<String>, DbError> {
    store::known(sql, fulfilments).await
}
