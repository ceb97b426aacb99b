//! Which stores there are: a name that is none costs neither the shop a query nor a broker outside a subscription.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use backend::db::DbError;
use domain::StoreId;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::House;

/// Between two readings, however many names are asked for that are not known.
const PAUSE: Duration = Duration::from_secs(1);

/// The stores as they were read last.
#[derive(Default)]
pub(super) struct Stores {
    known: RwLock<HashSet<StoreId>>,
    /// When they were read last, and how it went.
    last: Mutex<Option<(Instant, Result<(), DbError>)>>,
}

impl Stores {
    /// Whether there is such a store. One that is new is known within [`PAUSE`].
    pub(super) async fn has(&self, store: &StoreId, house: &dyn House) -> Result<bool, DbError> {
        if self.knows(store) {
            return Ok(true);
        }
        // One reads for all who wait, and fails for them, too.
        let mut last = self.last.lock().await;
        let recent = last.as_ref().filter(|(at, _)| at.elapsed() < PAUSE).map(|(_, read)| read.clone());
        let read = if let Some(read) = recent {
            read
        } else {
            let read = house.stores().await.map(|stores| self.learn(stores));
            *last = Some((Instant::now(), read.clone()));
            read
        };
        read.map(|()| self.knows(store))
    }

    fn knows(&self, store: &StoreId) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).contains(store)
    }

    fn learn(&self, stores: HashSet<StoreId>) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = stores;
    }
}
