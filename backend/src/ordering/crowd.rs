//! Many guests of one address who hold a store's places: told to its managers, and refused nothing, for a house full of people has
//! one address, too. What they hold ends with their time.

use domain::event::{Actor, CheckoutCrowded};

use super::store::{self, CheckoutRow};
use crate::db::{DbError, Tx};
use crate::identity::Owner;
use crate::log::{self, NewEvent};
use crate::stores::StoreRow;

/// A store's managers are told once in so many seconds.
const SECONDS: i64 = 600;

/// So many of a store's places are many for the guests of one address: half of them, and more than one table has.
const fn many(places: i64) -> i64 {
    let half = (places + 1) / 2;
    if half < 3 { 3 } else { half }
}

/// Looked at when a guest's checkout has begun in this transaction. Others that begin at the same moment may not see each other:
/// the next one sees them all.
pub(super) async fn look_in(tx: &mut Tx, at: &StoreRow, begun: &CheckoutRow) -> Result<(), DbError> {
    let (Owner::Session(_), Some(network), Some(places)) = (&begun.owner, &begun.network, at.settings.capacity) else { return Ok(()) };
    let guests = store::guests_of_network(tx, &at.id, network).await?;
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
        assert_eq!([1, 2, 4, 5, 6, 7, 20].map(many), [3, 3, 3, 3, 3, 4, 10]);
    }
}
