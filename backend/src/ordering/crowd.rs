//! Many guests of one address who have a store's places, with checkouts or with orders that are not ready: told to its managers. A house
//! full of people has one address, too, so that they are refused nothing until only few places are left for all others.

use domain::event::{Actor, CheckoutCrowded};

use super::{OrderingError, store};
use crate::db::Tx;
use crate::identity::Network;
use crate::log::{self, NewEvent};
use crate::stores::StoreRow;

/// A store's managers are told once in so many seconds, and who has a place for longer is nobody who came in a rush.
const SECONDS: i64 = 600;

/// Many at a store that has no capacity.
const MANY: i64 = 20;

/// A café's guests who come together, at a small store.
const HOUSE: i64 = 10;

/// When it is worth asking again, in seconds: one of them may have their drink by then.
const AGAIN: i64 = 10;

/// Whether a checkout that begins takes a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Taken,
    /// It goes on with the one of the checkout that it replaces.
    Kept,
}

/// So many of a store's places are many for the guests of one address: half of them, and more than one table has.
fn many(places: Option<i64>) -> i64 {
    places.map_or(MANY, |places| ((places + 1) / 2).max(3))
}

/// So many places at most are taken by the guests of one address within [`SECONDS`]: three quarters, and those of a small store. Who
/// fills nothing, since there is no capacity, is not slowed.
fn most(places: Option<i64>) -> Option<i64> {
    places.map(|places| ((places * 3 + 3) / 4).max(HOUSE))
}

/// Looked at when a guest's checkout has its place in this transaction. Where a capacity is counted, those that begin at the same
/// moment have waited for each other by now; elsewhere they may not see each other, and the next one sees them all.
pub(super) async fn look_in(tx: &mut Tx, at: &StoreRow, network: &Network, place: Place) -> Result<(), OrderingError> {
    let places = at.settings.capacity;
    let since = tx.now().plus_seconds(-SECONDS);
    let (guests, lately) = store::places_of_network(tx, &at.id, network, since).await?;
    if place == Place::Taken && most(places).is_some_and(|most| lately > most) {
        // The managers were told when they were fewer.
        return Err(OrderingError::CrowdedAddress { seconds: AGAIN });
    }
    if guests < many(places) || log::has_since(tx, at.id.as_str(), CheckoutCrowded::TYPE, since).await? {
        return Ok(());
    }
    // Who they are, and where, is nothing that a log keeps.
    let crowded = CheckoutCrowded { store: at.id.clone(), guests, places };
    log::append_in(tx, NewEvent::new(crowded, &at.id).at_store(&at.id).by(Actor::System)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_no_crowd() {
        assert_eq!([1, 2, 4, 5, 6, 7, 20].map(|places| many(Some(places))), [3, 3, 3, 3, 3, 4, 10]);
        assert_eq!(many(None), 20);
    }

    #[test]
    fn a_house_full_of_guests_is_not_slowed() {
        assert_eq!([1, 10, 13, 14, 20, 100].map(|places| most(Some(places))), [10, 10, 10, 11, 15, 75].map(Some));
        assert_eq!(most(None), None);
    }
}
