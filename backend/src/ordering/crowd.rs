//! Many guests of one address who have a store's places, with checkouts or with orders that are not ready: told to its managers, and
//! refused nothing, for a house full of people has one address, too.

use domain::event::{Actor, CheckoutCrowded};

use super::store;
use crate::db::{DbError, Tx};
use crate::identity::Network;
use crate::log::{self, NewEvent};
use crate::stores::StoreRow;

/// A store's managers are told once in so many seconds.
const SECONDS: i64 = 600;

/// Many at a store that has no capacity.
const MANY: i64 = 20;

/// So many of a store's places are many for the guests of one address: half of them, and more than one table has.
fn many(places: Option<i64>) -> i64 {
    places.map_or(MANY, |places| ((places + 1) / 2).max(3))
}

/// Looked at when a guest's checkout has its place in this transaction. Where a capacity is counted, those that begin at the same
/// moment have waited for each other by now; elsewhere they may not see each other, and the next one sees them all.
pub(super) async fn look_in(tx: &mut Tx, at: &StoreRow, network: &Network) -> Result<(), DbError> {
    let places = at.settings.capacity;
    let guests = store::places_of_network(tx, &at.id, network).await?;
    if guests < many(places) {
        return Ok(());
    }
    let since = tx.now().plus_seconds(-SECONDS);
    if log::has_since(tx, at.id.as_str(), CheckoutCrowded::TYPE, since).await? {
        return Ok(());
    }
    // Who they are, and where, is nothing that a log keeps.
    let crowded = CheckoutCrowded { store: at.id.clone(), guests, places };
    log::append_in(tx, NewEvent::new(crowded, &at.id).at_store(&at.id).by(Actor::System)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_no_crowd() {
        assert_eq!([1, 2, 4, 5, 6, 7, 20].map(|places| many(Some(places))), [3, 3, 3, 3, 3, 4, 10]);
        assert_eq!(many(None), 20);
    }
}
