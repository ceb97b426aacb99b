//! Prep: the barista's queue. A fulfilment enters it when its order is processed, and leaves it by hand.
//!
//! Every command takes the order's lock first (and the store's before it, where a place is given back), asks the rules
//! of [`domain::prep`], and changes the row only from the state it was decided in.

mod board_gone;
mod commands;
mod error;
pub(crate) mod invariants;
mod made;
mod pace;
mod pickup;
mod store;
mod subscriber;

use domain::prep::{CALLED_SECONDS, FulfilmentKind, FulfilmentStatus};
use domain::view::{BoardView, FulfilmentView, LanesView, LineView, Naming, QueueView, TicketView};
use domain::{OrderId, StoreId, Timestamp};

pub use self::board_gone::BoardGone;
pub use self::error::PrepError;
pub(crate) use self::made::{Made, made, mean_seconds};
pub use self::pickup::Tickets;
use self::store::TicketRow;
pub use self::subscriber::QueueSubscriber;
use crate::db::{DbError, Sql, Tx};
use crate::{log, ordering};

/// Numbers of a kind on the public board: no wall is large enough for more, and a rush does not make its message grow.
pub const BOARD_LENGTH: i64 = 200;

/// The queues of all stores.
#[derive(Debug, Clone, Copy, Default)]
pub struct Queue;

/// How the fulfilments of one order stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    pub fulfilments: Vec<FulfilmentView>,
    /// 1 is next; `None` when not in the queue.
    pub position: Option<i64>,
    /// From the measured pace; `None` while there is none, or nothing is being made.
    pub estimated_ready_at: Option<Timestamp>,
}

impl Standing {
    /// Nothing is on the counter, or further.
    pub(crate) fn is_before_ready(&self) -> bool {
        self.fulfilments.iter().all(|fulfilment| matches!(fulfilment.status, FulfilmentStatus::Queued | FulfilmentStatus::Making))
    }
}

impl Queue {
    /// The queue of a store as its staff see it; the version is the sequence of a log position that it is not older than.
    pub async fn view(&self, sql: &mut impl Sql, store: &StoreId, naming: Naming) -> Result<QueueView, DbError> {
        // The position is read first: what is newer than it comes again with the next message, and nothing is missed.
        let position = log::head(sql).await?;
        let version = sql.sequence(position);
        let mut lanes = LanesView { queued: Vec::new(), making: Vec::new(), ready: Vec::new() };
        for ticket in store::active(sql, store).await? {
            let lane = match ticket.status {
                FulfilmentStatus::Queued => &mut lanes.queued,
                FulfilmentStatus::Making => &mut lanes.making,
                _ => &mut lanes.ready,
            };
            lane.push(ticket_view(ticket, naming));
        }
        // Who waits longest in its lane stands first; the queue itself is in the order of placing.
        lanes.making.sort_by_key(|ticket| ticket.since);
        lanes.ready.sort_by_key(|ticket| ticket.since);
        let today = ordering::so_far(sql, store).await?;
        let making = made::making(sql, store, naming).await?;
        Ok(QueueView { store: store.clone(), version, lanes, today, making })
    }

    /// The numbers being prepared, the [`BOARD_LENGTH`] that were placed first, and those that wait at the counter, for a screen
    /// that everybody sees: as many that were put there last, and not [too long](CALLED_SECONDS) ago. What nobody fetches keeps
    /// nobody else's number off the wall.
    pub async fn board(&self, sql: &mut impl Sql, store: &StoreId) -> Result<BoardView, DbError> {
        let mut preparing = store::numbers(sql, store, FulfilmentStatus::Queued, BOARD_LENGTH).await?;
        preparing.extend(store::numbers(sql, store, FulfilmentStatus::Making, BOARD_LENGTH).await?);
        preparing.sort_by_key(|entry| (entry.since, entry.number));
        preparing.truncate(BOARD_LENGTH as usize);
        let mut ready = store::called(sql, store, sql.now().plus_seconds(-CALLED_SECONDS), BOARD_LENGTH).await?;
        ready.reverse();
        let pace = store::pace(sql, store, pace::since(sql.now())).await?;
        Ok(BoardView { preparing, ready, pace_seconds: pace.map(pace::in_seconds) })
    }

    /// How the fulfilments of an order stand at `now`.
    pub async fn standing(&self, sql: &mut impl Sql, order: OrderId, now: Timestamp) -> Result<Standing, DbError> {
        let tickets = store::of_order(sql, order).await?;
        let mut standing = Standing::default();
        for ticket in &tickets {
            if ticket.status == FulfilmentStatus::Queued {
                standing.position = Some(store::ahead(sql, ticket).await? + 1);
            }
            if matches!(ticket.status, FulfilmentStatus::Queued | FulfilmentStatus::Making) {
                let Some(pace) = store::pace(sql, &ticket.store, pace::since(now)).await? else { continue };
                let hands = store::unmade(sql, &ticket.store).await?.1;
                standing.estimated_ready_at = Some(pace::ready_at(pace, hands, ticket.started_at, standing.position, now));
            }
        }
        standing.fulfilments = tickets.into_iter().map(fulfilment_view).collect();
        Ok(standing)
    }

    /// The states of an order's fulfilments: what the rules of orders need to know.
    pub async fn statuses(&self, sql: &mut impl Sql, order: OrderId) -> Result<Vec<FulfilmentStatus>, DbError> {
        Ok(store::of_order(sql, order).await?.iter().map(|ticket| ticket.status).collect())
    }

    /// How long a new order would probably wait, in whole seconds, by the pace of the last hour: the mean time from claim
    /// to ready of what was made in it and not called off, for as many hands as are at work. `None` where nothing was
    /// made in the last hour: an older pace, of another shift or yesterday's rush, would be a guess.
    pub async fn wait_seconds(&self, sql: &mut impl Sql, store: &StoreId) -> Result<Option<i64>, DbError> {
        let since = pace::since(sql.now());
        let Some(pace) = store::pace(sql, store, since).await? else { return Ok(None) };
        let (unmade, hands) = store::unmade(sql, store).await?;
        Ok(Some(pace::in_seconds(pace::wait(pace, unmade, hands))))
    }

    /// Fails what is not handed over: its order was called off. What was failed.
    pub(crate) async fn fail_in(&self, tx: &mut Tx, order: OrderId, reason: &str) -> Result<Vec<Failed>, DbError> {
        let failed = store::fail_in(tx, order, reason).await?;
        for ticket in failed.iter().filter(|ticket| ticket.made_at.is_some()) {
            made::forget_in(tx, ticket).await?;
        }
        Ok(failed.into_iter().map(|ticket| Failed { fulfilment: ticket.id, kind: ticket.kind }).collect())
    }
}

/// A fulfilment that was failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failed {
    pub fulfilment: domain::FulfilmentId,
    pub kind: FulfilmentKind,
}

fn ticket_view(ticket: TicketRow, naming: Naming) -> TicketView {
    TicketView {
        order: ticket.order,
        fulfilment: ticket.id,
        number: ticket.number,
        status: ticket.status,
        placed_at: ticket.placed_at,
        since: ticket.since,
        lines: ticket.lines.iter().map(|line| LineView::of(line, naming)).collect(),
        claimed_by: ticket.claimed_by,
        left_by: ticket.left_by,
    }
}

fn fulfilment_view(ticket: TicketRow) -> FulfilmentView {
    FulfilmentView { id: ticket.id, kind: ticket.kind, status: ticket.status, since: ticket.since, claimed_by: ticket.claimed_by }
}
