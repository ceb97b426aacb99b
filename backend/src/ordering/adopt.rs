//! When a shopper becomes somebody else: a guest who signs in, and somebody who has their data deleted.

use domain::event::Actor;
use domain::view::{Address, FulfilmentRequest};

use super::checkout::{self, Ended};
use super::{OrderingError, daily, store};
use crate::db::{DbError, Sql, Tx};
use crate::identity::Owner;
use crate::kiosk;
use crate::stores::Stores;

/// Everything of `from` is `to`'s from now on. Carts are added up, to at most 99 of a line, and never lose one; where both
/// have a live checkout at a store, that of `from`, who is at it now, replaces the other.
pub async fn adopt_in(tx: &mut Tx, from: &Owner, to: &Owner) -> Result<(), OrderingError> {
    // Sorted by store, as everybody takes the stores' locks.
    for live in store::live_checkouts(tx, from).await? {
        Stores.lock_in(tx, &live.store).await?;
        if let Some(other) = store::live_checkout(tx, to, &live.store).await? {
            checkout::end_in(tx, &other, Ended::Replaced, Actor::System).await?;
        }
        store::give_checkout_in(tx, live.id, from, to).await?;
    }
    store::give_ended_checkouts_in(tx, from, to).await?;
    store::give_orders_in(tx, from, to).await?;
    store::forget_networks_in(tx, to).await?;
    kiosk::adopt_in(tx, from, to).await?;
    for line in store::take_cart_in(tx, from).await? {
        store::adopt_line_in(tx, to, line).await?;
    }
    Ok(())
}

/// Whether an order of theirs is not done yet.
pub async fn under_way(sql: &mut impl Sql, owner: &Owner) -> Result<bool, DbError> {
    store::under_way(sql, owner).await
}

/// Takes out what tells who they are: carts, live checkouts, the addresses of their orders, and why they called one off. The orders
/// stay, as bookkeeping. How often they have ordered today is kept for their phone, if they had one: with it they would begin anew.
pub async fn forget_in(tx: &mut Tx, owner: &Owner, phone: Option<&str>) -> Result<(), OrderingError> {
    if let Some(phone) = phone {
        daily::keep_in(tx, owner, phone).await?;
    }
    for live in store::live_checkouts(tx, owner).await? {
        Stores.lock_in(tx, &live.store).await?;
        checkout::end_in(tx, &live, Ended::GivenUp, Actor::System).await?;
    }
    store::take_cart_in(tx, owner).await?;
    kiosk::forget_in(tx, owner).await?;
    let nowhere = FulfilmentRequest::Ship {
        address: Address {
            name: "-".to_owned(),
            line1: "-".to_owned(),
            line2: None,
            city: "-".to_owned(),
            region: None,
            postal_code: "-".to_owned(),
            country: "ZZ".to_owned(),
        },
    };
    store::forget_addresses_in(tx, owner, &nowhere).await?;
    Ok(store::forget_reasons_in(tx, owner).await?)
}
