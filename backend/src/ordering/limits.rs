//! The two clocks of an order: how long a checkout holds, and how long the bar has.

use async_trait::async_trait;
use domain::event::Actor;
use domain::ordering::CancelledBy;
use domain::prep::{FulfilmentKind, FulfilmentStatus};
use domain::{CheckoutId, OrderId, Timestamp};
use serde_json::{Value, json};

use super::checkout::{self, Ended};
use super::{OrderRow, Orders, store};
use crate::db::{DbError, Sql, Tx};
use crate::prep::Queue;
use crate::stores::Stores;
use crate::subscriber::HandlerError;
use crate::timer::{self, TimerHandler};

/// The timer of a checkout, by its id.
pub(crate) const CHECKOUT_HOLD: &str = "ordering.checkout_hold";
/// The timer of an order at the bar, by its id.
pub(crate) const BARISTA_LIMIT: &str = "ordering.barista_limit";

/// Ends a checkout that was not placed in time.
#[derive(Debug, Clone, Copy, Default)]
pub struct CheckoutHold;

#[async_trait]
impl TimerHandler for CheckoutHold {
    fn kind(&self) -> &'static str {
        CHECKOUT_HOLD
    }

    async fn lock_in(&self, tx: &mut Tx, key: &str, _payload: &Value) -> Result<(), HandlerError> {
        let Some(checkout) = store::checkout(tx, key.parse()?).await? else { return Ok(()) };
        Ok(Stores.lock_in(tx, &checkout.store).await?)
    }

    async fn fire_in(&self, tx: &mut Tx, key: &str, _payload: &Value, _due: Timestamp) -> Result<(), HandlerError> {
        let id: CheckoutId = key.parse()?;
        // Read under the store's lock: it may have been placed or given up, or be somebody else's since they signed in.
        let Some(checkout) = store::checkout(tx, id).await? else { return Ok(()) };
        checkout::end_in(tx, &checkout, Ended::Expired, Actor::System).await?;
        Ok(())
    }
}

/// Gives the bar its whole time from now on: the shopper took theirs to confirm the payment.
pub(super) async fn begin_in(tx: &mut Tx, order: &OrderRow) -> Result<(), DbError> {
    let pickup = order.fulfilment.kind() == FulfilmentKind::Pickup;
    let Some(store) = Stores.get(tx, &order.store).await?.filter(|_| pickup) else { return Ok(()) };
    let due = tx.now().plus_seconds(store.settings.barista_seconds);
    timer::set_in(tx, BARISTA_LIMIT, &order.id.to_string(), due, json!({})).await
}

/// When an order that is under way has to be ready; `None` where the bar has no limit for it (any more).
pub(super) async fn due_of(sql: &mut impl Sql, order: &OrderRow) -> Result<Option<Timestamp>, DbError> {
    if order.status.is_final() || order.fulfilment.kind() != FulfilmentKind::Pickup {
        return Ok(None);
    }
    Ok(timer::due_of(sql, BARISTA_LIMIT, &[order.id]).await?.into_values().next())
}

/// Calls an order off that was not ready in time.
#[derive(Clone)]
pub struct BaristaLimit {
    orders: Orders,
}

impl BaristaLimit {
    pub fn new(orders: Orders) -> Self {
        Self { orders }
    }
}

#[async_trait]
impl TimerHandler for BaristaLimit {
    fn kind(&self) -> &'static str {
        BARISTA_LIMIT
    }

    async fn lock_in(&self, tx: &mut Tx, key: &str, _payload: &Value) -> Result<(), HandlerError> {
        let id: OrderId = key.parse()?;
        if let Some(store) = super::store_of(tx, id).await? {
            Stores.lock_in(tx, &store).await?;
            super::lock_in(tx, id).await?;
        }
        Ok(())
    }

    async fn fire_in(&self, tx: &mut Tx, key: &str, _payload: &Value, _due: Timestamp) -> Result<(), HandlerError> {
        let id: OrderId = key.parse()?;
        let Some(order) = super::lock_in(tx, id).await? else { return Ok(()) };
        let late = |status: &FulfilmentStatus| matches!(status, FulfilmentStatus::Queued | FulfilmentStatus::Making);
        let statuses = Queue.statuses(tx, id).await?;
        if order.status.is_final() || !statuses.iter().all(late) {
            return Ok(());
        }
        self.orders.call_off_in(tx, &order, CancelledBy::System, Some(BARISTA_TIMEOUT.to_owned()), Actor::System).await?;
        Ok(())
    }
}

/// Why the system calls an order off whose drink was not made in time.
pub(super) const BARISTA_TIMEOUT: &str = "barista_timeout";
