//! A claim whose board is gone: who made it had a board, and has had none for two minutes. It goes back to the queue, at its
//! old place, and says whose it was.
//!
//! A claim is its person's, whichever screen they look at: any connection of theirs counts. Who has claimed without ever
//! being connected (a program, say) has no board that could be gone. Each claim has a timer, which looks again for as long
//! as the claim holds.

use async_trait::async_trait;
use domain::event::{Actor, Event, PrepReleased};
use domain::prep::{FulfilmentKind, FulfilmentStatus};
use domain::view::Person;
use domain::{OrderId, Timestamp};
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
        let (Some(holder), Some(claimed)) = (ticket.claimed_by.clone(), ticket.started_at) else { return Ok(()) };
        let had_board = claimed.plus_seconds(-JUST_NOW_SECONDS);
        let away = presence::away(tx, holder.id).await?.filter(|away| away.seen_at >= had_board);
        let left = GONE_MILLIS - away.map_or(0, |away| away.millis);
        if left > 0 {
            look_again_in(tx, key, left.max(AGAIN_MILLIS)).await?;
            return Ok(());
        }
        Ok(put_back_in(tx, &ticket, holder).await?)
    }
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
