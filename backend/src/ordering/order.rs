//! Orders: placing, calling off, and what happens to everything an order holds.
//!
//! An `Err` of a command must end the transaction: what it had done until then is not kept.

use domain::event::{Actor, Event, OrderCancelled, OrderCreated, PrepTimedOut, ShipmentFailed};
use domain::name;
use domain::ordering::{CancelledBy, Change, Command, PaymentMethod, PaymentStatus, transition};
use domain::prep::FulfilmentKind;
use domain::view::{Naming, OrderView, PaymentRequest, PaymentView, PlaceRequest, QuoteView};
use domain::{CheckoutId, Fault, Faults, OrderId, Terms, Timestamp, UserId};
use uuid::Uuid;

use super::store::{CheckoutRow, CheckoutStatus, NewOrder, OrderRow};
use super::{Carts, OrderingError, Step, checkout, daily, day, limits, sagas, store, view};
use crate::clock::Clock;
use crate::db::{DbError, Sql as _, Tx};
use crate::identity::{Caller, Right};
use crate::inventory::Stock;
use crate::kiosk;
use crate::log::{self, NewEvent};
use crate::payment::{CardToken, Payments, token_fault};
use crate::prep::{Queue, Standing};
use crate::stores::{Holder, StoreRow, Stores};
use crate::timer;

/// A reason is a sentence, not a letter.
const MAX_REASON: usize = 200;

/// What pays.
enum Tender {
    Card(CardToken),
    Wallet(UserId),
}

/// All orders.
#[derive(Clone)]
pub struct Orders {
    pub(super) payments: Payments,
    pub(super) carts: Carts,
    pub(super) clock: Clock,
    /// Order limits hold.
    pub(crate) limits: bool,
}

impl Orders {
    pub fn new(payments: Payments, carts: Carts, clock: Clock, limits: bool) -> Self {
        Self { payments, carts, clock, limits }
    }

    /// Makes an order of the caller's checkout: once, decided by one conditional update. Its hold becomes permanent, its
    /// card is charged after the answer.
    pub async fn place_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        id: CheckoutId,
        request: &PlaceRequest,
        naming: Naming,
    ) -> Result<OrderId, OrderingError> {
        Ok(self.make_in(tx, caller, id, request, naming).await?.0.id)
    }

    /// As [`Orders::place_in`]; the order as its shopper sees it. Nothing of it is read again.
    pub async fn place_and_view_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        id: CheckoutId,
        request: &PlaceRequest,
        naming: Naming,
    ) -> Result<OrderView, OrderingError> {
        let (order, payment, ready_by) = self.make_in(tx, caller, id, request, naming).await?;
        let sequence = tx.sequence(order.version);
        Ok(view::assemble(order, payment, Standing::default(), ready_by, sequence, naming))
    }

    async fn make_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        id: CheckoutId,
        request: &PlaceRequest,
        naming: Naming,
    ) -> Result<(OrderRow, PaymentView, Option<Timestamp>), OrderingError> {
        let checkout = checkout::find_in(tx, caller, id).await?;
        Stores.share_in(tx, &checkout.store).await?;
        if checkout.status == CheckoutStatus::Placed {
            return Err(OrderingError::CheckoutPlaced);
        }
        if checkout.expires_at <= tx.now() {
            return Err(OrderingError::CheckoutExpired);
        }
        if !store::end_checkout_in(tx, &checkout, CheckoutStatus::Placed).await? {
            return Err(OrderingError::CheckoutExpired);
        }
        if request.expected_total != checkout.quote.total {
            return Err(OrderingError::TotalChanged(Box::new(QuoteView::of(&checkout.quote, naming))));
        }
        let tender = match &request.payment {
            PaymentRequest::Card { token } => match token_fault(token, "/payment/token") {
                Some(fault) => return Err(OrderingError::Invalid(Faults(vec![fault]))),
                None => Tender::Card(CardToken::new(token)),
            },
            PaymentRequest::Wallet => Tender::Wallet(caller.user().ok_or(OrderingError::SignInRequired)?),
        };
        let store = Stores.get(tx, &checkout.store).await?.ok_or(OrderingError::UnknownStore)?;
        if self.limits {
            daily::may_order_in(tx, &checkout.owner, &store).await?;
        }
        let (new, ready_by) = self.take_over_in(tx, &store, checkout).await?;
        let charged = match &tender {
            Tender::Card(token) => {
                self.payments.charge_card_in(tx, new.id, new.quote.total, token).await?;
                None
            }
            Tender::Wallet(user) => Some(self.payments.charge_wallet_in(tx, new.id, &new.store, new.quote.total, *user).await?),
        };
        // After all that may be refused: a number that was taken is gone.
        let order = store::number_order_in(tx, new).await?;
        let created = OrderCreated {
            order: order.id,
            store: order.store.clone(),
            number: order.number,
            total: order.quote.total,
            checkout: order.checkout,
        };
        log::append_in(tx, NewEvent::new(created, order.id).at_store(&order.store).by(caller.actor(&order.store))).await?;
        let (method, status) = match charged {
            None => (PaymentMethod::Card, PaymentStatus::Pending),
            Some(payment) => {
                self.payments.tell_charged_in(tx, payment, &order).await?;
                (PaymentMethod::Wallet, PaymentStatus::Captured)
            }
        };
        Ok((order, PaymentView { method, status, action_url: None, confirm_by: None }, ready_by))
    }

    /// Everything that was the checkout's is the order's now: the order as it will be written down, still without a number, and
    /// the bar's time limit, where it goes there.
    async fn take_over_in(
        &self,
        tx: &mut Tx,
        store: &StoreRow,
        checkout: CheckoutRow,
    ) -> Result<(NewOrder, Option<Timestamp>), OrderingError> {
        let now = tx.now();
        let new = NewOrder {
            id: OrderId(Uuid::now_v7()),
            day: day::of(now, &store.time_zone),
            store: checkout.store,
            owner: checkout.owner,
            checkout: checkout.id,
            fulfilment: checkout.fulfilment,
            quote: checkout.quote,
            step: Step::Pay,
            placed_at: now,
        };
        let (hold, limit) = (new.checkout.to_string(), new.id.to_string());
        let ready_by = (new.fulfilment.kind() == FulfilmentKind::Pickup).then(|| now.plus_seconds(store.settings.barista_seconds));
        let limit = ready_by.map(|due| (limits::BARISTA_LIMIT, limit.as_str(), due));
        timer::swap_later_in(tx, (limits::CHECKOUT_HOLD, &hold), limit).await?;
        Stores.rename_place_later_in(tx, &new.store, Holder::Checkout(new.checkout), Holder::Order(new.id)).await?;
        if let Some(admission) = checkout.admission {
            kiosk::use_in(tx, admission).await?;
        }
        Stock.make_permanent_in(tx, &new.store, new.checkout).await?;
        self.carts.take_out_in(tx, &new.owner, &new.store, &new.quote.lines).await?;
        Ok((new, ready_by))
    }

    /// Calls an order off for the caller: its owner until work on it starts, the store's staff until it is handed over.
    pub async fn cancel_in(&self, tx: &mut Tx, caller: &Caller, id: OrderId, reason: Option<String>) -> Result<OrderId, OrderingError> {
        if caller.is_nobody() {
            return Err(OrderingError::SessionRequired);
        }
        let order = store::order(tx, id).await?.ok_or(OrderingError::NotFound)?;
        if caller.may(Right::CancelOrder, &order.store) {
            return self.cancel_by_in(tx, caller, &order, CancelledBy::Staff, reason).await;
        }
        if caller.owner() != Some(order.owner) {
            return Err(OrderingError::NotFound);
        }
        self.cancel_by_in(tx, caller, &order, CancelledBy::Customer, reason).await
    }

    /// Calls an order off for its store: for who may, else 403.
    pub async fn cancel_as_staff_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        id: OrderId,
        reason: Option<String>,
    ) -> Result<OrderId, OrderingError> {
        if caller.is_nobody() {
            return Err(OrderingError::SessionRequired);
        }
        let order = store::order(tx, id).await?.ok_or(OrderingError::NotFound)?;
        caller.require(Right::CancelOrder, &order.store)?;
        self.cancel_by_in(tx, caller, &order, CancelledBy::Staff, reason).await
    }

    async fn cancel_by_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        order: &OrderRow,
        by: CancelledBy,
        reason: Option<String>,
    ) -> Result<OrderId, OrderingError> {
        let reason = reason.map(|reason| name::spelt(reason.trim())).filter(|reason| !reason.is_empty());
        if reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_REASON) {
            let detail = format!("At most {MAX_REASON} characters.");
            let fault = Fault::new("/reason", "too_long", detail).with(Terms::at_most(MAX_REASON as i64));
            return Err(OrderingError::Invalid(Faults(vec![fault])));
        }
        if let Some(fault) = reason.as_deref().and_then(|reason| Fault::hidden_in(reason, "/reason")) {
            return Err(OrderingError::Invalid(Faults(vec![fault])));
        }
        Stores.lock_in(tx, &order.store).await?;
        let order = super::lock_in(tx, order.id).await?.ok_or(OrderingError::NotFound)?;
        self.call_off_in(tx, &order, by, reason, caller.actor(&order.store)).await?;
        Ok(order.id)
    }

    /// Calls off an order whose lock, and whose store's, is held: work on it ends, its money, stock and place go back.
    pub(super) async fn call_off_in(
        &self,
        tx: &mut Tx,
        order: &OrderRow,
        by: CancelledBy,
        reason: Option<String>,
        actor: Actor,
    ) -> Result<(), OrderingError> {
        let state = order.state(Queue.statuses(tx, order.id).await?);
        // What a shopper says of it stands in their order alone, which forgets it with their account: the log forgets nothing.
        let told = reason.as_deref().filter(|_| by != CancelledBy::Customer);
        for change in transition(&state, Command::Cancel { by, reason: reason.clone() })? {
            if !store::advance_in(tx, order, &change).await? {
                return Err(OrderingError::Illegal(domain::ordering::Illegal::Status(order.status)));
            }
            let why = told.unwrap_or("cancelled");
            let failed = Queue.fail_in(tx, order.id, why).await?;
            self.let_go_in(tx, order).await?;
            for failed in failed {
                if let Some(event) = failed_event(order, failed, why) {
                    let event = NewEvent::new(event, failed.fulfilment).at_store(&order.store).in_stream(order.id).by(actor);
                    log::append_in(tx, event).await?;
                }
            }
            if let Change::Cancelled { by, .. } = change {
                let reason = told.map(ToOwned::to_owned);
                let event = OrderCancelled { order: order.id, store: order.store.clone(), number: order.number, by, reason };
                log::append_in(tx, NewEvent::new(event, order.id).at_store(&order.store).by(actor)).await?;
            }
            self.give_back_in(tx, order).await?;
        }
        Ok(())
    }

    /// The money of an order that has ended unfulfilled goes back: at once, or by a job.
    pub(super) async fn give_back_in(&self, tx: &mut Tx, order: &OrderRow) -> Result<(), DbError> {
        sagas::give_back_in(&self.payments, tx, order).await
    }

    /// What an order holds goes back when it ends unfulfilled; its money is another matter.
    pub(super) async fn let_go_in(&self, tx: &mut Tx, order: &OrderRow) -> Result<(), DbError> {
        super::limit_met_in(tx, order.id).await?;
        Stores.give_place_back_in(tx, &order.store, Holder::Order(order.id)).await?;
        // What was held is free, what was sold comes back.
        Stock.release_in(tx, &order.store, order.checkout).await?;
        Ok(())
    }
}

/// How a failed fulfilment is told: a parcel always, a drink only when the bar was late. Otherwise the cancelled order
/// says it all.
fn failed_event(order: &OrderRow, failed: crate::prep::Failed, why: &str) -> Option<Event> {
    let (id, store, fulfilment) = (order.id, order.store.clone(), failed.fulfilment);
    match failed.kind {
        FulfilmentKind::Ship => Some(ShipmentFailed { order: id, fulfilment, store, kind: failed.kind, reason: why.to_owned() }.into()),
        FulfilmentKind::Pickup if why == limits::BARISTA_TIMEOUT => Some(PrepTimedOut { order: id, fulfilment, store }.into()),
        FulfilmentKind::Pickup => None,
    }
}
