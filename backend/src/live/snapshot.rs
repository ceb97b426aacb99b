//! Snapshots: how the thing of a topic is now, as a CloudEvent.

use bytes::Bytes;
use domain::event::CloudEvent;
use domain::topic::Topic;
use domain::view::Naming;
use domain::{EventId, Locale, StoreId};
use serde::Serialize;
use uuid::Uuid;

use crate::catalog::Catalog;
use crate::db::{DbError, Tx};
use crate::log;
use crate::ordering::Orders;
use crate::prep::Queue;
use crate::stores::Stores;

/// One message serves everybody: names come in all languages, and first in the stores' own.
const NAMING: Naming = Naming::All(Locale::En);

/// Where the views come from.
#[derive(Clone)]
pub(super) struct Views {
    pub stores: Stores,
    pub catalog: Catalog,
    pub orders: Orders,
    pub queue: Queue,
}

impl Views {
    /// The newest message of a topic; `None` where there is no such thing. `tx` is a snapshot: what is read in it belongs
    /// to one log position.
    pub(super) async fn message(&self, tx: &mut Tx, topic: &Topic) -> Result<Option<Bytes>, DbError> {
        match topic {
            Topic::Status(store) => {
                let view = self.stores.view(tx, store, NAMING).await?;
                self.of_store(tx, topic, store, view).await
            }
            Topic::Menu(store) => {
                let changes = self.catalog.menu_changes(tx, store).await?;
                self.of_store(tx, topic, store, changes).await
            }
            Topic::Board(store) => {
                let board = self.queue.board(tx, store).await?;
                self.of_store(tx, topic, store, Some(board)).await
            }
            Topic::Queue(store) => {
                let queue = self.queue.view(tx, store, NAMING).await?;
                self.of_store(tx, topic, store, Some(queue)).await
            }
            Topic::Order(id) => match self.orders.view(tx, *id, NAMING).await? {
                Some(order) => {
                    let (store, sequence) = (order.store.clone(), order.sequence);
                    written(tx, topic, Some(&store), &id.to_string(), sequence, order).map(Some)
                }
                None => Ok(None),
            },
            // Not told yet.
            Topic::KioskCode(_) | Topic::User(_) | Topic::Ops(_) => Ok(None),
        }
    }

    /// A store's topics count by log position.
    async fn of_store<T: Serialize>(&self, tx: &mut Tx, topic: &Topic, store: &StoreId, data: Option<T>) -> Result<Option<Bytes>, DbError> {
        let Some(data) = data else { return Ok(None) };
        let position = log::head(tx).await?;
        written(tx, topic, Some(store), store.as_str(), position, data).map(Some)
    }
}

fn written<T: Serialize>(tx: &Tx, topic: &Topic, store: Option<&StoreId>, subject: &str, sequence: i64, data: T) -> Result<Bytes, DbError> {
    let event = CloudEvent::new(EventId(Uuid::now_v7()), store, topic.event_type(), subject, tx.now(), sequence, data);
    serde_json::to_vec(&event).map(Bytes::from).map_err(|error| DbError::Defect(format!("{topic}: {error}")))
}
