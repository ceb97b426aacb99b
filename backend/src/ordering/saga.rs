//! The saga: what follows of what happened to an order's payment. It alone coordinates the contexts. Placing began it: the
//! order was written down with its wish to be paid; where it stands is kept with the order ([`super::sagas`]).
//!
//! Every step is decided under the order's lock and by a conditional update, so an event that comes twice, or after a
//! crash, finds its step done.

use async_trait::async_trait;
use domain::OrderId;
use domain::event::{Actor, Event, OrderProcessed, OrderRejected, PaymentCaptured, PaymentDeclined};
use domain::ordering::{Change, Command, Illegal, transition};

use super::store::{self, OrderRow};
use super::{OrderingError, Orders, Step, limits};
use crate::db::Tx;
use crate::inventory::Stock;
use crate::kiosk;
use crate::log::{self, NewEvent, Recorded};
use crate::prep::Queue;
use crate::stores::Stores;
use crate::subscriber::{HandlerError, Subscriber};

pub(crate) const NAME: &str = "ordering.saga";

/// Takes orders from `created` to `processed` or `rejected`.
#[derive(Clone)]
pub struct Saga {
    orders: Orders,
}

impl Saga {
    pub fn new(orders: Orders) -> Self {
        Self { orders }
    }

    /// The money is there: the order goes to the bar. One that has ended meanwhile gives it back.
    async fn captured_in(&self, tx: &mut Tx, order: OrderId, cause: &Recorded) -> Result<(), HandlerError> {
        let order = locked_in(tx, order).await?;
        match transition(&order.state(Queue.statuses(tx, order.id).await?), Command::Process) {
            Ok(changes) => {
                if order.step == Some(Step::Confirm) {
                    limits::begin_in(tx, &order).await?;
                }
                for change in changes {
                    advance_in(tx, &order, &change).await?;
                }
                Stock.sell_in(tx, &order.store, order.checkout, order.id).await?;
                let event = OrderProcessed { order: order.id, store: order.store.clone(), number: order.number };
                let event = NewEvent::new(event, order.id).at_store(&order.store).by(Actor::System).because_of(cause);
                log::append_in(tx, event).await?;
            }
            Err(Illegal::AlreadyApplied) => {}
            Err(_) => self.orders.give_back_in(tx, &order).await?,
        }
        Ok(())
    }

    /// There will be no money: what the order holds is free again.
    async fn declined_in(&self, tx: &mut Tx, order: OrderId, reason: &str, cause: &Recorded) -> Result<(), HandlerError> {
        let order = locked_in(tx, order).await?;
        let state = order.state(Queue.statuses(tx, order.id).await?);
        let Ok(changes) = transition(&state, Command::Reject { reason: reason.to_owned() }) else {
            // An order that has ended before needs no second end, but now its money is settled.
            return Ok(self.orders.give_back_in(tx, &order).await?);
        };
        for change in changes {
            advance_in(tx, &order, &change).await?;
        }
        if let Some(admission) = store::checkout(tx, order.checkout).await?.and_then(|checkout| checkout.admission) {
            // Whoever was let in may try again: the place stays with them for a while.
            kiosk::give_again_in(tx, admission, order.id).await?;
        }
        self.orders.let_go_in(tx, &order).await?;
        let event = OrderRejected { order: order.id, store: order.store.clone(), number: order.number, reason: reason.to_owned() };
        let event = NewEvent::new(event, order.id).at_store(&order.store).by(Actor::System).because_of(cause);
        log::append_in(tx, event).await?;
        Ok(self.orders.give_back_in(tx, &order).await?)
    }
}

#[async_trait]
impl Subscriber for Saga {
    fn name(&self) -> &'static str {
        NAME
    }

    fn types(&self) -> &'static [&'static str] {
        &[PaymentCaptured::TYPE, PaymentDeclined::TYPE]
    }

    async fn handle_in(&self, tx: &mut Tx, event: &Recorded) -> Result<(), HandlerError> {
        match event.event()? {
            Event::PaymentCaptured(PaymentCaptured { order, .. }) => self.captured_in(tx, order, event).await,
            Event::PaymentDeclined(PaymentDeclined { order, reason, .. }) => self.declined_in(tx, order, &reason, event).await,
            _ => Ok(()),
        }
    }
}

/// The order with its lock, and its store's before it.
async fn locked_in(tx: &mut Tx, id: OrderId) -> Result<OrderRow, HandlerError> {
    let unknown = || HandlerError::new(format!("there is no order {id}"));
    let store = super::store_of(tx, id).await?.ok_or_else(unknown)?;
    Stores.lock_in(tx, &store).await?;
    super::lock_in(tx, id).await?.ok_or_else(unknown)
}

async fn advance_in(tx: &mut Tx, order: &OrderRow, change: &Change) -> Result<(), HandlerError> {
    if store::advance_in(tx, order, change).await? { Ok(()) } else { Err(OrderingError::Illegal(Illegal::Status(order.status)).into()) }
}
