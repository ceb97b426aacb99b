//! Snapshots: how the thing of a topic is now, as a CloudEvent.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use domain::event::CloudEvent;
use domain::live::{FlowView, Notice, NoticeKind, UserLive};
use domain::ordering::OrderStatus;
use domain::prep::FulfilmentStatus;
use domain::topic::Topic;
use domain::view::{Naming, OrderView, WalletBalance};
use domain::{EventId, Locale, StoreId, Timestamp, UserId};
use serde::Serialize;
use uuid::Uuid;

use crate::catalog::Catalog;
use crate::db::{DbError, Sql as _, Tx};
use crate::identity::Owner;
use crate::kiosk::Kiosks;
use crate::log;
use crate::ordering::Orders;
use crate::payment::Wallets;
use crate::prep::Queue;
use crate::stores::Stores;
use crate::subscriber::{self, Progress};

/// One message serves everybody: names come in all languages, and first in the stores' own.
const NAMING: Naming = Naming::All(Locale::En);

/// Orders that notices are about, at most.
const NOTICES: i64 = 10;

/// Where the views come from.
#[derive(Clone)]
pub(super) struct Views {
    pub stores: Stores,
    pub catalog: Catalog,
    pub orders: Orders,
    pub queue: Queue,
    pub kiosks: Kiosks,
    pub ticks: Ticks,
}

/// The time in milliseconds, as a number that only grows: a clock that is set back does not hold up what counts by it.
#[derive(Debug, Clone, Default)]
pub(super) struct Ticks(Arc<AtomicI64>);

impl Ticks {
    fn next(&self, now: Timestamp) -> i64 {
        let next = |last: i64| now.as_millis().max(last.saturating_add(1));
        let last = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
        // It is never refused.
        let (Ok(last) | Err(last)) = last;
        next(last)
    }
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
            // Anybody may ask for any name: what is told of a shop that there is not would be kept for ever.
            Topic::Board(store) | Topic::Queue(store) if self.stores.get(tx, store).await?.is_none() => Ok(None),
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
            Topic::User(user) => {
                let live = self.user(tx, *user).await?;
                // A top-up is no fact of the log, so its position may stay the same; both never fall, and one of them grows.
                let number = log::head(tx).await? + Wallets.version(tx, *user).await?;
                written(tx, topic, None, &user.to_string(), tx.sequence(number), live).map(Some)
            }
            Topic::Ops(flow) => {
                // Nothing of it counts up with every change, but the time does. It is taken before the look, so that whoever has
                // the later one has looked later.
                let sequence = tx.sequence(self.ticks.next(tx.now()));
                let progress = subscriber::progress(tx).await?;
                let Some(found) = progress.iter().find(|progress| flow_of(progress) == *flow) else { return Ok(None) };
                let view = FlowView { flow: flow.clone(), position: found.position, lag: found.lag, parked: found.parked };
                written(tx, topic, None, flow, sequence, view).map(Some)
            }
            Topic::KioskCode(kiosk) => {
                let Some(store) = self.stores.of_kiosk(tx, kiosk).await? else { return Ok(None) };
                let Some(code) = self.kiosks.shown(tx, kiosk).await? else { return Ok(None) };
                let position = log::head(tx).await?;
                written(tx, topic, Some(&store), kiosk.as_str(), tx.sequence(position), code).map(Some)
            }
        }
    }

    /// What somebody wants to know wherever they are.
    async fn user(&self, tx: &mut Tx, user: UserId) -> Result<UserLive, DbError> {
        let orders = self.orders.list(tx, &Owner::User(user), None, NOTICES, NAMING).await?;
        let yesterday = tx.now().plus_seconds(-24 * 3600);
        let notices = orders.items.iter().filter(|order| order.updated_at >= yesterday).filter_map(notice).collect();
        let wallet = Wallets.view(tx, user).await?.map(|balance| WalletBalance { balance });
        // Nobody has points yet.
        Ok(UserLive { notices, wallet, points: 0 })
    }

    /// A store's topics count by log position.
    async fn of_store<T: Serialize>(&self, tx: &mut Tx, topic: &Topic, store: &StoreId, data: Option<T>) -> Result<Option<Bytes>, DbError> {
        let Some(data) = data else { return Ok(None) };
        let position = log::head(tx).await?;
        written(tx, topic, Some(store), store.as_str(), tx.sequence(position), data).map(Some)
    }
}

/// What there is to say of an order, if anything.
fn notice(order: &OrderView) -> Option<Notice> {
    let (kind, at) = match order.status {
        OrderStatus::Rejected => (NoticeKind::Rejected, order.updated_at),
        OrderStatus::Cancelled => (NoticeKind::Cancelled, order.updated_at),
        OrderStatus::Fulfilled => (NoticeKind::Fulfilled, order.updated_at),
        OrderStatus::Created | OrderStatus::Processed => {
            let ready = order.fulfilments.iter().find(|fulfilment| fulfilment.status == FulfilmentStatus::Ready)?;
            (NoticeKind::Ready, ready.since)
        }
    };
    Some(Notice { order: order.id, number: order.number, store: order.store.clone(), kind, at })
}

/// A subscriber's name as a level of a topic.
pub(super) fn flow_of(progress: &Progress) -> String {
    progress.subscriber.replace('.', "-")
}

fn written<T: Serialize>(tx: &Tx, topic: &Topic, store: Option<&StoreId>, subject: &str, sequence: i64, data: T) -> Result<Bytes, DbError> {
    let event = CloudEvent::new(EventId(Uuid::now_v7()), store, topic.event_type(), subject, tx.now(), sequence, data);
    serde_json::to_vec(&event).map(Bytes::from).map_err(|error| DbError::Defect(format!("{topic}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_grow_though_the_clock_is_set_back() {
        let ticks = Ticks::default();
        let seen = [1_000, 1_000, 400, 2_000].map(|now| ticks.next(Timestamp::from_millis(now)));
        assert_eq!(seen, [1_000, 1_001, 1_002, 2_000]);
    }
}
