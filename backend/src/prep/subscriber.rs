//! Puts what is processed into the queue.

use async_trait::async_trait;
use domain::event::{Actor, Event, OrderProcessed, PrepQueued, ShipmentPrepared};
use domain::ordering::OrderStatus;
use domain::prep::{FulfilmentKind, State};
use domain::{FulfilmentId, OrderId};
use uuid::Uuid;

use super::store::{self, TicketRow};
use crate::db::Tx;
use crate::log::{self, NewEvent, Recorded};
use crate::ordering;
use crate::subscriber::{HandlerError, Subscriber};

pub(crate) const NAME: &str = "prep.queue";

/// Hears of processed orders, and makes their fulfilments.
#[derive(Debug, Clone, Copy, Default)]
pub struct QueueSubscriber;

#[async_trait]
impl Subscriber for QueueSubscriber {
    fn name(&self) -> &'static str {
        NAME
    }

    fn types(&self) -> &'static [&'static str] {
        &[OrderProcessed::TYPE]
    }

    async fn handle_in(&self, tx: &mut Tx, event: &Recorded) -> Result<(), HandlerError> {
        match event.event()? {
            Event::OrderProcessed(OrderProcessed { order, .. }) => enter_in(tx, order, event).await,
            _ => Ok(()),
        }
    }
}

async fn enter_in(tx: &mut Tx, order: OrderId, cause: &Recorded) -> Result<(), HandlerError> {
    let order = ordering::lock_in(tx, order).await?.ok_or_else(|| HandlerError::new(format!("there is no order {order}")))?;
    if order.status != OrderStatus::Processed {
        // Called off before it got here: there is nothing to be made.
        return Ok(());
    }
    let kind = order.fulfilment.kind();
    let state = if kind == FulfilmentKind::Pickup { State::pickup() } else { State::parcel() };
    let now = tx.now();
    let ticket = TicketRow {
        id: FulfilmentId(Uuid::now_v7()),
        order: order.id,
        store: order.store.clone(),
        kind,
        status: state.status,
        number: order.number,
        lines: order.quote.lines,
        placed_at: order.placed_at,
        since: now,
        claimed_by: None,
        left_by: None,
        started_at: None,
        made_at: None,
    };
    if !store::insert_in(tx, &ticket).await? {
        return Ok(());
    }
    ordering::started_in(tx, order.id).await?;
    let (fulfilment, store) = (ticket.id, order.store.clone());
    let event: Event = match kind {
        FulfilmentKind::Pickup => PrepQueued { order: order.id, fulfilment, store }.into(),
        FulfilmentKind::Ship => ShipmentPrepared { order: order.id, fulfilment, store }.into(),
    };
    let event = NewEvent::new(event, fulfilment).at_store(&order.store).in_stream(order.id).by(Actor::System).because_of(cause);
    log::append_in(tx, event).await?;
    Ok(())
}
