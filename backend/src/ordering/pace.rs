//! Mass ordering by one person, or by what pretends to be one: slowed, and told to the store's managers.

use domain::StoreId;
use domain::event::ShopperSlowed;

use super::{Checkouts, OrderingError, owner_of, store};
use crate::db::Db;
use crate::identity::Caller;
use crate::log::{self, NewEvent};
use crate::stores::Stores;

/// So many orders in so many seconds are more than one person needs, in all stores together.
pub const ORDERS: i64 = 30;
pub const SECONDS: i64 = 600;

impl Checkouts {
    /// Looked at before a checkout begins: refuses who has placed [`ORDERS`] within [`SECONDS`], until the first of them is
    /// older. The store's managers are told once in that time.
    pub async fn may_begin(&self, db: &Db, caller: &Caller, at: &str) -> Result<(), OrderingError> {
        if !self.limits {
            return Ok(());
        }
        let owner = owner_of(caller)?;
        let mut reader = db.reader();
        let Some(oldest) = store::nth_newest(&mut reader, &owner, ORDERS).await? else { return Ok(()) };
        let seconds = SECONDS - db.clock().now().seconds_since(oldest);
        if seconds <= 0 {
            return Ok(());
        }
        let known: Option<StoreId> = at.parse().ok();
        if let Some(at) = known
            && Stores.get(&mut reader, &at).await?.is_some()
        {
            let (stream, by) = (owner.to_string(), caller.actor(&at));
            db.transaction(move |tx| {
                Box::pin(async move {
                    let since = tx.now().plus_seconds(-SECONDS);
                    if !log::has_since(tx, &stream, ShopperSlowed::TYPE, since).await? {
                        let slowed = ShopperSlowed { store: at.clone(), orders: ORDERS, seconds: SECONDS };
                        log::append_in(tx, NewEvent::new(slowed, stream).at_store(&at).by(by)).await?;
                    }
                    Ok::<_, OrderingError>(())
                })
            })
            .await?;
        }
        Err(OrderingError::TooManyOrders { seconds })
    }
}
