//! A claim whose board is gone: who made it had a board, and has had none for two minutes. It goes back to the queue, at its
//! old place, and says whose it was.
//!
//! A claim is its person's, whichever screen they look at: any connection of theirs counts. Who has claimed without ever
//! being connected (a program, say) has no board that could be gone. Each claim has a timer, which looks again for as long
//! as the claim holds.

use async_trait::async_trait;
use domain::event::{Actor, Event, PrepClaimed, PrepReleased};
use domain::prep::{FulfilmentKind, FulfilmentStatus};
use domain::view::Person;
use domain::{OrderId, Timestamp, UserId};
use serde_json::{Value, json};

use super::store::{self, TicketRow};
use crate::db::{DbError, Tx};
use crate::identity::presence;
use crate::log::{self, NewEvent};
use crate::ordering;
use crate::subscriber::HandlerError;
use crate::timer::{self, TimerHandler};

/// The timer of a claim, by its order.
const KIND: &str = "prep.board_gone";
/// Why it went back.
const REASON: &str = "board_gone";
/// How long a board may be away.
const GONE_MILLIS: i64 = 120_000;
/// Who was connected so shortly before a claim made it at a board: who is there is noted every twenty seconds.
const JUST_NOW_SECONDS: i64 = 30;
/// The clock that counts stands still while no gateway is there: it is not asked more often than that.
const AGAIN_MILLIS: i64 = 5_000;

/// Looks after a claim from now on.
pub(super) async fn look_in(tx: &mut Tx, order: OrderId) -> Result<(), DbError> {
    look_again_in(tx, &order.to_string(), GONE_MILLIS).await
}

/// There is no claim to be looked after any more.
pub(super) async fn forget_in(tx: &mut Tx, order: OrderId) -> Result<(), DbError> {
    timer::cancel_in(tx, KIND, &order.to_string()).await.map(drop)
}

async fn look_again_in(tx: &mut Tx, key: &str, millis: i64) -> Result<(), DbError> {
    let due = tx.now().plus_millis(millis);
    timer::set_in(tx, KIND, key, due, json!({})).await
}

/// Puts back what nobody holds any more.
#[derive(Debug, Clone, Copy, Default)]
pub struct BoardGone;

#[async_trait]
impl TimerHandler for BoardGone {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn lock_in(&self, tx: &mut Tx, key: &str, _payload: &Value) -> Result<(), HandlerError> {
        ordering::lock_in(tx, key.parse()?).await?;
        Ok(())
    }

    async fn fire_in(&self, tx: &mut Tx, key: &str, _payload: &Value, _due: Timestamp) -> Result<(), HandlerError> {
        let tickets = store::of_order(tx, key.parse()?).await?;
        let making = |ticket: &TicketRow| ticket.kind == FulfilmentKind::Pickup && ticket.status == FulfilmentStatus::Making;
        let Some(ticket) = tickets.into_iter().find(making) else { return Ok(()) };
        let Some(holder) = ticket.claimed_by.clone() else { return Ok(()) };
        let left = GONE_MILLIS - away_in(tx, ticket.order, holder.id).await?;
        if left > 0 {
            look_again_in(tx, key, left.max(AGAIN_MILLIS)).await?;
            return Ok(());
        }
        Ok(put_back_in(tx, &ticket, holder).await?)
    }
}

/// For how many milliseconds the board is away that somebody has had since their claim; none where they never had one. When they
/// claimed it the log knows: on the ticket is when the work began, which is moved where it comes back from the counter.
async fn away_in(tx: &mut Tx, order: OrderId, holder: UserId) -> Result<i64, DbError> {
    let Some(away) = presence::away(tx, holder).await? else { return Ok(0) };
    let just_after = away.seen_at.plus_seconds(JUST_NOW_SECONDS);
    let without = log::has_since(tx, &order.to_string(), PrepClaimed::TYPE, just_after).await?;
    Ok(if without { 0 } else { away.millis })
}

async fn put_back_in(tx: &mut Tx, ticket: &TicketRow, holder: Person) -> Result<(), DbError> {
    if !store::put_back_in(tx, ticket, &holder).await? {
        return Ok(());
    }
    ordering::touch_in(tx, ticket.order).await?;
    let (order, fulfilment, store) = (ticket.order, ticket.id, ticket.store.clone());
    let event: Event = PrepReleased { order, fulfilment, store, reason: Some(REASON.to_owned()), held_by: Some(holder.id) }.into();
    log::append_in(tx, NewEvent::new(event, fulfilment).at_store(&ticket.store).in_stream(order).by(Actor::System)).await?;
    Ok(())
}
