//! What the check wants to know of payments.

use std::collections::HashMap;

use domain::ordering::PaymentStatus;
use domain::{Money, OrderId, PaymentId, Timestamp, TopUpId};

use super::store::invariants as store;
use super::{CHARGE, CONFIRM_SECONDS, REFUND};
use crate::check::Breach;
use crate::db::{DbError, Sql};
use crate::job;

/// How the money of an order stands, for the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub status: PaymentStatus,
    /// What was or will be charged.
    pub amount: Money,
    /// Its charge is still being worked on.
    pub charging: bool,
    /// Its refund is on its way.
    pub refunding: bool,
}

/// What is not as it must be with payments, wallets and their ledger.
pub(crate) async fn breaches(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    let mut found = store::refunded_otherwise(sql).await?;
    found.extend(store::kept_tokens(sql).await?);
    found.extend(super::wallet::breaches(sql).await?);
    Ok(found)
}

/// How the payments of these orders stand.
pub(crate) async fn of_orders(sql: &mut impl Sql, orders: &[OrderId]) -> Result<HashMap<OrderId, Standing>, DbError> {
    let charging = job::ready_of(sql, CHARGE, orders).await?;
    let refunding = job::ready_of(sql, REFUND, orders).await?;
    let standing = store::of_orders(sql, orders).await?.into_iter().map(|(order, status, amount)| {
        let key = order.to_string();
        (order, Standing { status, amount, charging: charging.contains(&key), refunding: refunding.contains(&key) })
    });
    Ok(standing.collect())
}

/// Payments after this one, by id, and the order of each.
pub(crate) async fn after(sql: &mut impl Sql, after: Option<PaymentId>, limit: i64) -> Result<Vec<(PaymentId, OrderId)>, DbError> {
    store::after(sql, after, limit).await
}

/// Which of these payments there are.
pub(crate) async fn known(sql: &mut impl Sql, payments: &[String]) -> Result<Vec<String>, DbError> {
    store::known(sql, payments).await
}

/// Top-ups that should have ended before `late`, whatever their shopper and the provider did, and when each began.
pub(crate) async fn stuck_top_ups(sql: &mut impl Sql, late: Timestamp) -> Result<Vec<(TopUpId, Timestamp)>, DbError> {
    store::endless_top_ups(sql, late.plus_seconds(-CONFIRM_SECONDS)).await
}
