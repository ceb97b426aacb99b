//! How often one shopper may order at a store in a day, where the store says so.

use super::{OrderingError, day, store};
use crate::db::{DbError, Sql, Tx};
use crate::identity::{self, Owner};
use crate::stores::StoreRow;

/// What a deleted account has ordered is remembered for so long: whatever its store's day was, it is over by then.
const KEPT_SECONDS: i64 = 25 * 3600;

/// Refuses who has ordered as often today as the store lets anybody. It is looked at when a checkout begins and again when it
/// is placed, for whose it is may have changed between. The caller has changed the owner's live checkout at the store in this
/// transaction; there is one of them, so two orders of one shopper are counted one after the other.
pub(super) async fn may_order_in(tx: &mut Tx, owner: &Owner, at: &StoreRow) -> Result<(), OrderingError> {
    if limit_reached(tx, owner, at).await? { Err(OrderingError::OrderLimitReached) } else { Ok(()) }
}

/// Whether somebody has ordered as often today as the store lets anybody. Only a look, for who would let them in: the checkout
/// decides again.
pub(crate) async fn limit_reached(sql: &mut impl Sql, owner: &Owner, at: &StoreRow) -> Result<bool, DbError> {
    let Some(limit) = at.settings.order_limit else { return Ok(false) };
    let today = day::of(sql.now(), &at.time_zone);
    let mut placed = store::orders_of_day(sql, owner, &at.id, &today).await?;
    if let Owner::User(user) = owner
        && let Some(phone) = identity::phone_of(sql, *user).await?
    {
        placed += store::orders_before(sql, &phone, &at.id, &today).await?;
    }
    Ok(placed >= limit)
}

/// Keeps how often the owner has ordered today for the phone of their account, which is being deleted.
pub(super) async fn keep_in(tx: &mut Tx, owner: &Owner, phone: &str) -> Result<(), DbError> {
    let now = tx.now();
    store::keep_orders_in(tx, owner, phone, now.plus_seconds(-KEPT_SECONDS), now.plus_seconds(KEPT_SECONDS)).await
}

/// Throws away what was kept for days that are over.
pub(crate) async fn purge_in(tx: &mut Tx) -> Result<(), DbError> {
    let now = tx.now();
    store::purge_kept_orders_in(tx, now).await
}
