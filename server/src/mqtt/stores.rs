//! Which stores there are, and what is retained of them: a name that is none costs neither the shop a query nor a broker outside a
//! subscription, and a wildcard costs no query of its own.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use backend::db::DbError;
use domain::StoreId;
use domain::topic::Topic;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::House;

/// Between two readings, however many ask.
const PAUSE: Duration = Duration::from_secs(1);

/// When something was read last, and how it went.
type Last<A> = Mutex<Option<(Instant, Result<A, DbError>)>>;

/// The stores as they were read last.
#[derive(Default)]
pub(super) struct Stores {
    known: RwLock<HashSet<StoreId>>,
    last: Last<()>,
    retained: Last<Arc<[Topic]>>,
}

impl Stores {
    /// Whether there is such a store. One that is new is known within [`PAUSE`].
    pub(super) async fn has(&self, store: &StoreId, house: &dyn House) -> Result<bool, DbError> {
        if self.knows(store) {
            return Ok(true);
        }
        recent(&self.last, async { house.stores().await.map(|stores| self.learn(stores)) }).await?;
        Ok(self.knows(store))
    }

    /// Every retained topic that somebody may hear by a wildcard, as of [`PAUSE`] ago at most.
    pub(super) async fn retained(&self, house: &dyn House) -> Result<Arc<[Topic]>, DbError> {
        recent(&self.retained, async { house.retained().await.map(Arc::<[Topic]>::from) }).await
    }

    fn knows(&self, store: &StoreId) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).contains(store)
    }

    fn learn(&self, stores: HashSet<StoreId>) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = stores;
    }
}

/// What was read within [`PAUSE`], or is read now: one reads for all who wait, and fails for them, too.
async fn recent<A: Clone>(last: &Last<A>, read: impl Future<Output = Result<A, DbError>>) -> Result<A, DbError> {
    let mut last = last.lock().await;
    if let Some((at, answer)) = last.as_ref()
        && at.elapsed() < PAUSE
    {
        return answer.clone();
    }
    let answer = read.await;
    *last = Some((Instant::now(), answer.clone()));
    answer
}
