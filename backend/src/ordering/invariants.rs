//! What the check wants to know of checkouts and orders.

use std::collections::{HashMap, HashSet};

use domain::{AdmissionId, CheckoutId, Money, OrderId, Timestamp};

pub(crate) use super::limits::{BARISTA_LIMIT, CHECKOUT_HOLD};
use super::sagas::SagaRow;
use super::store::CheckoutStatus;
use super::store::invariants as store;
pub(crate) use super::store::invariants::Glance;
use crate::check::Breach;
use crate::db::{DbError, Sql};
use crate::identity::Owner;

/// The one who takes orders on, by its name.
pub(crate) const SAGA: &str = super::saga::NAME;

/// What is not as it must be with the orders themselves.
pub(crate) async fn breaches(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    store::misnumbered(sql).await
}

/// Orders after this one, by id.
pub(crate) async fn orders_after(sql: &mut impl Sql, after: Option<OrderId>, limit: i64) -> Result<Vec<Glance>, DbError> {
    store::orders_after(sql, after, limit).await
}

/// What these orders cost.
pub(crate) async fn totals_of(sql: &mut impl Sql, orders: &[OrderId]) -> Result<HashMap<OrderId, Money>, DbError> {
    Ok(store::totals_of(sql, orders).await?.into_iter().collect())
}

/// Orders whose step should have been over before `late`.
pub(crate) async fn stuck(sql: &mut impl Sql, late: Timestamp) -> Result<Vec<SagaRow>, DbError> {
    super::store::sagas(sql, Some(late)).await
}

/// These orders, those of them that there are.
pub(crate) async fn orders_named(sql: &mut impl Sql, orders: &[String]) -> Result<Vec<Glance>, DbError> {
    store::orders_named(sql, orders).await
}

/// The orders that these checkouts became.
pub(crate) async fn orders_of_checkouts(sql: &mut impl Sql, checkouts: &[CheckoutId]) -> Result<Vec<Glance>, DbError> {
    store::orders_of_checkouts(sql, checkouts).await
}

/// These checkouts, those of them that there are, and whether each is live.
pub(crate) async fn checkouts_named(sql: &mut impl Sql, checkouts: &[String]) -> Result<Vec<(CheckoutId, bool)>, DbError> {
    let found = store::checkouts_named(sql, checkouts).await?;
    Ok(found.into_iter().map(|(id, status)| (id, status == CheckoutStatus::Live)).collect())
}

/// The checkouts that these admissions led to, each with its admission.
pub(crate) async fn checkouts_of_admissions(
    sql: &mut impl Sql,
    admissions: &[AdmissionId],
) -> Result<Vec<(CheckoutId, AdmissionId)>, DbError> {
    store::checkouts_of_admissions(sql, admissions).await
}

/// Live checkouts after this one, by id, and when each ends.
pub(crate) async fn live_after(sql: &mut impl Sql, after: Option<CheckoutId>, limit: i64) -> Result<Vec<(CheckoutId, Timestamp)>, DbError> {
    store::live_after(sql, after, limit).await
}

/// Those of these owners who have a cart or a live checkout.
pub(crate) async fn with_something(sql: &mut impl Sql, owners: &[Owner]) -> Result<HashSet<Owner>, DbError> {
    Ok(store::with_something(sql, owners).await?.into_iter().collect())
}
