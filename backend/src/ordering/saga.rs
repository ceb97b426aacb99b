//! The saga: what follows of what happened to an order's payment. It alone coordinates the contexts. Placing began it: the
//! order was written down with its wish to be paid; where it stands is kept with the order ([`super::sagas`]).
//!
//! Every step is decided under the order's lock and by a conditional update, so an event that comes twice, or after a
//! crash, finds its step done.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use domain::event::{Actor, Event, OrderProcessed, OrderRejected, PaymentCaptured, PaymentDeclined};
use domain::ordering::{Change, Command, Illegal, OrderStatus, State, transition};
use domain::{OrderId, StoreId};

use super::store::{self, OrderRow};
use super::{OrderingError, Orders, Step, limits};
use crate::db::{DbError, Tx};
use crate::inventory::{self, Stock};
use crate::kiosk;
use crate::log::{self, NewEvent, Recorded};
use crate::prep::Queue;
use crate::stores::{StoreError, Stores};
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
        match transition(&state_in(tx, &order).await?, Command::Process) {
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
        let state = state_in(tx, &order).await?;
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

    /// The stores of all these orders, in one order and before any of them. What goes back, or is taken from stock, wants
    /// the store alone; an order of things that nobody counts goes on beside others.
    async fn lock_in(&self, tx: &mut Tx, events: &[&Recorded]) -> Result<(), DbError> {
        let of = |event: &&Recorded| event.stream.parse::<OrderId>().ok().map(|order| (order, event.type_name == PaymentCaptured::TYPE));
        let orders: HashMap<OrderId, bool> = events.iter().filter_map(of).fold(HashMap::new(), |mut all, (order, captured)| {
            all.entry(order).and_modify(|only| *only &= captured).or_insert(captured);
            all
        });
        let ids: Vec<_> = orders.keys().copied().collect();
        let origins = store::origins(tx, &ids).await?;
        let checkouts: Vec<_> = origins.iter().map(|origin| origin.checkout).collect();
        let counted = inventory::with_holds(tx, &checkouts).await?;
        let mut stores = BTreeMap::<StoreId, bool>::new();
        for origin in origins {
            let beside = orders.get(&origin.order) == Some(&true) && !counted.contains(&origin.checkout);
            stores.entry(origin.store).and_modify(|all| *all &= beside).or_insert(beside);
        }
        for (store, beside) in stores {
            if beside { Stores.share_in(tx, &store).await } else { Stores.lock_in(tx, &store).await }.map_err(StoreError::into_db)?;
        }
        Ok(())
    }

    async fn handle_in(&self, tx: &mut Tx, event: &Recorded) -> Result<(), HandlerError> {
        match event.event()? {
            Event::PaymentCaptured(PaymentCaptured { order, .. }) => self.captured_in(tx, order, event).await,
            Event::PaymentDeclined(PaymentDeclined { order, reason, .. }) => self.declined_in(tx, order, &reason, event).await,
            _ => Ok(()),
        }
    }
}

/// The order with its lock.
async fn locked_in(tx: &mut Tx, id: OrderId) -> Result<OrderRow, HandlerError> {
    super::lock_in(tx, id).await?.ok_or_else(|| HandlerError::new(format!("there is no order {id}")))
}

/// What the rules need to know of it. One that is not paid for has no fulfilments.
async fn state_in(tx: &mut Tx, order: &OrderRow) -> Result<State, DbError> {
    let statuses = if order.status == OrderStatus::Created { Vec::new() } else { Queue.statuses(tx, order.id).await? };
    Ok(order.state(statuses))
}

async fn advance_in(tx: &mut Tx, order: &OrderRow, change: &Change) -> Result<(), HandlerError> {
    if store::advance_in(tx, order, change).await? { Ok(()) } else { Err(OrderingError::Illegal(Illegal::Status(order.status)).into()) }
}
