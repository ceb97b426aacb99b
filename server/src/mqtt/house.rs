//! What the gateway asks the shop.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use backend::Backend;
use backend::db::DbError;
use backend::identity::{Caller, Whose};
use bytes::Bytes;
use domain::StoreId;
use domain::topic::Topic;

/// Longer is not waited for a note of who is there.
const NOTING: Duration = Duration::from_secs(5);

/// Who is who, whose is what, and how things are: the shop, as the gateway knows it.
#[async_trait]
pub trait House: Send + Sync + 'static {
    /// Who sent this session cookie; nobody, where it is not (any more) valid.
    async fn by_cookie(&self, value: &str) -> Result<Caller, DbError>;

    /// Who sent this bearer token; nobody, where it is not (any more) valid.
    async fn by_token(&self, token: &str) -> Result<Caller, DbError>;

    /// How these callers are now, in one query; `None` where one has signed out, expired or been revoked. They are connected,
    /// and nobody else is.
    async fn recheck(&self, callers: &[Caller]) -> Result<Vec<Option<Caller>>, DbError>;

    /// Whose the thing of the topic is, for the topics that are about one thing.
    async fn whose(&self, topic: &Topic) -> Result<Option<Whose>, DbError>;

    /// All stores that there are.
    async fn stores(&self) -> Result<HashSet<StoreId>, DbError>;

    /// The newest message of a topic; `None` where there is no such thing.
    async fn snapshot(&self, topic: &Topic) -> Result<Option<Bytes>, DbError>;

    /// Every retained topic that somebody may hear by a wildcard.
    async fn retained(&self) -> Result<Vec<Topic>, DbError>;

    /// Where its publisher stands in the log while something waits behind that to be told; `None` where all is told.
    async fn untold(&self) -> Result<Option<i64>, DbError>;

    /// How far its publisher has come in the log.
    async fn told(&self) -> Result<i64, DbError>;

    /// What was to be told while that came from one position to another one.
    async fn changed_between(&self, after: i64, until: i64) -> Result<BTreeSet<Topic>, DbError>;
}

#[async_trait]
impl House for Backend {
    async fn by_cookie(&self, value: &str) -> Result<Caller, DbError> {
        self.identities.caller_by_cookie(value).await
    }

    async fn by_token(&self, token: &str) -> Result<Caller, DbError> {
        self.identities.caller_by_token(token).await
    }

    async fn recheck(&self, callers: &[Caller]) -> Result<Vec<Option<Caller>>, DbError> {
        let now = self.identities.recheck(callers).await?;
        let there: Vec<_> = now.iter().flatten().cloned().collect();
        if let Some(note) = self.identities.look(&there) {
            // Nobody waits for it: a database that takes no writes must not keep anybody signed in.
            let identities = self.identities.clone();
            tokio::spawn(async move {
                match tokio::time::timeout(NOTING, identities.note(note)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::warn!(%error, "who is there cannot be noted now"),
                    Err(_) => tracing::warn!("who is there cannot be noted in time"),
                }
            });
        }
        Ok(now)
    }

    async fn whose(&self, topic: &Topic) -> Result<Option<Whose>, DbError> {
        let mut reader = self.db.reader();
        Ok(match topic {
            Topic::Order(order) => {
                let found = self.orders.owner_of(&mut reader, *order).await?;
                found.map(|(owner, store)| Whose { owner: Some(owner), store })
            }
            Topic::KioskCode(kiosk) => {
                let store = self.stores.of_kiosk(&mut reader, kiosk).await?;
                store.map(|store| Whose { owner: None, store })
            }
            _ => None,
        })
    }

    async fn stores(&self) -> Result<HashSet<StoreId>, DbError> {
        let mut reader = self.db.reader();
        let stores = self.stores.list(&mut reader).await?;
        Ok(stores.into_iter().map(|store| store.id).collect())
    }

    async fn snapshot(&self, topic: &Topic) -> Result<Option<Bytes>, DbError> {
        self.live.snapshot(topic).await
    }

    async fn retained(&self) -> Result<Vec<Topic>, DbError> {
        self.live.retained().await
    }

    async fn untold(&self) -> Result<Option<i64>, DbError> {
        self.live.waits_at().await
    }

    async fn told(&self) -> Result<i64, DbError> {
        self.live.position().await
    }

    async fn changed_between(&self, after: i64, until: i64) -> Result<BTreeSet<Topic>, DbError> {
        self.live.changed_between(after, until).await
    }
}
