//! What staff do with a ticket. An `Err` of these must end the transaction.

use domain::event::{Event, PrepClaimed, PrepCollected, PrepReady, PrepRecalled, PrepReleased};
use domain::prep::{Change, Command, FulfilmentKind, Illegal, transition};
use domain::view::Person;
use domain::{KioskId, OrderId, StoreId, Timestamp};

use super::store::{self, TicketRow};
use super::{PrepError, Queue, board_gone, made};
use crate::db::Tx;
use crate::identity::{Caller, Right};
use crate::log::{self, NewEvent};
use crate::ordering;
use crate::stores::{Holder, StoreError, Stores};

/// Who is not signed in may do so; who is may not.
fn refused(caller: &Caller) -> PrepError {
    if caller.is_nobody() || caller.is_guest() { PrepError::SignedOut } else { PrepError::Forbidden }
}

impl Queue {
    /// Takes a ticket, exclusively. Who already has it is told so again: the answer of before may be lost. Nothing changes and
    /// nothing is told.
    pub async fn claim_in(&self, tx: &mut Tx, caller: &Caller, order: OrderId) -> Result<OrderId, PrepError> {
        let person = caller.person().ok_or_else(|| refused(caller))?;
        self.move_in(tx, caller, order, Command::Claim { by: person.id }).await
    }

    /// Gives a ticket back to the queue, at its old place.
    pub async fn release_in(&self, tx: &mut Tx, caller: &Caller, order: OrderId) -> Result<OrderId, PrepError> {
        self.move_in(tx, caller, order, Command::Release).await
    }

    /// Puts it on the counter. The order's place in the store is free again, and the bar's time limit is met.
    pub async fn ready_in(&self, tx: &mut Tx, caller: &Caller, order: OrderId) -> Result<OrderId, PrepError> {
        self.move_in(tx, caller, order, Command::Ready).await
    }

    /// Hands it over; with its last fulfilment the order is fulfilled.
    pub async fn collect_in(&self, tx: &mut Tx, caller: &Caller, order: OrderId) -> Result<OrderId, PrepError> {
        self.move_in(tx, caller, order, Command::Collect).await
    }

    /// Takes it back from the counter: something is missing.
    pub async fn recall_in(&self, tx: &mut Tx, caller: &Caller, order: OrderId) -> Result<OrderId, PrepError> {
        self.move_in(tx, caller, order, Command::Recall).await
    }

    async fn move_in(&self, tx: &mut Tx, caller: &Caller, order: OrderId, command: Command) -> Result<OrderId, PrepError> {
        let store_id = ordering::store_of(tx, order).await?.ok_or(PrepError::NotFound)?;
        if !caller.may(Right::Queue, &store_id) {
            return Err(refused(caller));
        }
        if command == Command::Ready {
            lock_store_in(tx, &store_id).await?;
        }
        let order = ordering::lock_in(tx, order).await?.ok_or(PrepError::NotFound)?;
        let tickets = store::of_order(tx, order.id).await?;
        let Some(ticket) = tickets.into_iter().find(|ticket| ticket.kind == FulfilmentKind::Pickup) else {
            return Err(PrepError::Illegal(format!("the order is {} and not in the queue", order.status)));
        };
        let changes = match transition(&ticket.state(), command.clone()) {
            Ok(changes) => changes,
            // The same barista, twice: they have it.
            Err(Illegal::AlreadyApplied) if matches!(command, Command::Claim { .. }) => return Ok(order.id),
            Err(Illegal::Claimed(_)) => {
                let holder = ticket.claimed_by.ok_or_else(|| PrepError::Illegal("somebody else has claimed it".to_owned()))?;
                return Err(PrepError::AlreadyClaimed(holder));
            }
            Err(illegal) => return Err(PrepError::Illegal(illegal.to_string())),
        };
        for change in changes {
            apply_in(tx, caller, &ticket, &change, None).await?;
        }
        Ok(order.id)
    }

    /// Hands over what stands at the counter, to whom showed its ticket to this kiosk. The caller has the order's lock.
    pub(super) async fn collect_at_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        ticket: &TicketRow,
        kiosk: &KioskId,
    ) -> Result<OrderId, PrepError> {
        for change in transition(&ticket.state(), Command::Collect).map_err(|illegal| PrepError::Illegal(illegal.to_string()))? {
            apply_in(tx, caller, ticket, &change, Some(kiosk)).await?;
        }
        Ok(ticket.order)
    }
}

/// Changes a ticket from the state it was decided in, with everything that hangs on it. `kiosk`: where it was handed over, where
/// that was at one.
async fn apply_in(tx: &mut Tx, caller: &Caller, ticket: &TicketRow, change: &Change, kiosk: Option<&KioskId>) -> Result<(), PrepError> {
    let (order, store_id) = (ticket.order, &ticket.store);
    let moved = after(ticket.clone(), change, caller.person(), tx.now());
    if !store::move_in(tx, ticket.status, &moved).await? {
        return Err(PrepError::Illegal(format!("it is not {} any more", ticket.status)));
    }
    ordering::touch_in(tx, order).await?;
    match change {
        Change::Claimed { .. } | Change::Recalled => board_gone::look_in(tx, order).await?,
        Change::Released | Change::Ready => board_gone::forget_in(tx, order).await?,
        Change::Collected | Change::Failed { .. } => {}
    }
    if *change == Change::Ready {
        Stores.give_place_back_in(tx, store_id, Holder::Order(order)).await?;
        ordering::limit_met_in(tx, order).await?;
        made::keep_in(tx, &moved).await?;
    }
    if *change == Change::Recalled {
        made::forget_in(tx, ticket).await?;
    }
    if let Some(event) = event_of(&moved, change, kiosk) {
        let event = NewEvent::new(event, moved.id).at_store(store_id).in_stream(order).by(caller.actor(store_id));
        log::append_in(tx, event).await?;
    }
    if *change == Change::Collected {
        ordering::fulfil_in(tx, order, caller.actor(store_id)).await?;
    }
    Ok(())
}

async fn lock_store_in(tx: &mut Tx, store: &StoreId) -> Result<(), PrepError> {
    match Stores.lock_in(tx, store).await {
        Ok(()) => Ok(()),
        Err(StoreError::Unavailable(error)) => Err(error.into()),
        Err(_) => Err(PrepError::NotFound),
    }
}

/// The ticket after a change.
fn after(mut ticket: TicketRow, change: &Change, person: Option<Person>, now: Timestamp) -> TicketRow {
    let mut state = ticket.state();
    state.apply(change);
    ticket.status = state.status;
    ticket.since = now;
    match change {
        Change::Claimed { .. } => {
            ticket.claimed_by = person;
            ticket.started_at = Some(now);
        }
        Change::Released => {
            ticket.claimed_by = None;
            ticket.started_at = None;
        }
        Change::Ready => ticket.made_at = Some(now),
        Change::Recalled => {
            // What it stood at the counter was no work: the work goes on from where it ended.
            let worked = ticket.started_at.zip(ticket.made_at).map(|(started, made)| made.as_millis() - started.as_millis());
            ticket.started_at = worked.map(|millis| now.plus_millis(-millis)).or(ticket.started_at);
            ticket.made_at = None;
        }
        Change::Collected | Change::Failed { .. } => {}
    }
    ticket
}

fn event_of(ticket: &TicketRow, change: &Change, kiosk: Option<&KioskId>) -> Option<Event> {
    let (order, fulfilment, store) = (ticket.order, ticket.id, ticket.store.clone());
    Some(match change {
        Change::Claimed { by } => PrepClaimed { order, fulfilment, store, by: *by }.into(),
        Change::Released => PrepReleased { order, fulfilment, store, reason: None, held_by: None }.into(),
        Change::Ready => PrepReady { order, fulfilment, store }.into(),
        Change::Recalled => PrepRecalled { order, fulfilment, store }.into(),
        Change::Collected => PrepCollected { order, fulfilment, store, kiosk: kiosk.cloned() }.into(),
        // Told by whoever called the order off.
        Change::Failed { .. } => return None,
    })
}
