//! What people do, to the shop and to its model: both say yes, or both say no.

use backend::idempotency::RequestKey;
use backend::inventory::{Adjustment, StockError};
use backend::ordering::OrderingError;
use backend::payment::TopUpEnd;
use backend::refused::Refused as _;
use domain::event::Actor;
use domain::view::{PaymentRequest, PlaceRequest};
use domain::{Currency, Money};

use super::steps::Means;
use super::{At, CAPACITY, CROISSANT, Order, World};
use crate::cafe::{Work, croissant, id};

impl World<'_> {
    pub(super) async fn begin(&mut self, who: usize, units: i64) {
        // An expired hold may be gone or not, and a payment that runs may be declined by now: then room differs.
        self.settle().await;
        let own = self.model.holds[who].as_ref().map_or(0, |(_, units)| *units);
        let full = self.model.holds[who].is_none() && self.model.places() >= CAPACITY;
        let short = self.model.free() + own < units;
        match self.cafe.begin(&self.shoppers[who], "harbor", &[croissant(units)]).await {
            Ok(checkout) => {
                assert!(!full && !short, "{units} were held");
                self.model.holds[who] = Some((checkout, units));
            }
            Err(error) => {
                let expected = if full { "store_at_capacity" } else { "out_of_stock" };
                assert!((full || short) && error.code() == expected, "{error:?}, expected {expected}");
                if let OrderingError::OutOfStock(faults) = error {
                    assert_eq!(faults[0].available, Some(self.model.free() + own));
                }
            }
        }
    }

    pub(super) async fn give_up(&mut self, who: usize) {
        let Some((checkout, _)) = self.model.holds[who].take() else { return };
        let caller = self.shoppers[who].clone();
        let done = self.cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.checkouts.cancel_in(tx, &caller, checkout.id).await }));
        done.await.unwrap();
    }

    pub(super) async fn place(&mut self, who: usize, by: Means) {
        let Some((checkout, units)) = self.model.holds[who].take() else { return };
        let payment = match by {
            Means::Card => PaymentRequest::Card { token: "tok_ok".to_owned() },
            Means::BadCard => PaymentRequest::Card { token: "tok_declined".to_owned() },
            Means::Wallet => PaymentRequest::Wallet,
        };
        let request = PlaceRequest { payment, expected_total: checkout.quote.total };
        let placed = self.cafe.place_as(&self.shoppers[who], checkout.id, request).await;
        if checkout.expires_at <= self.now() {
            assert_eq!(placed.unwrap_err().code(), "checkout_expired");
            return;
        }
        if by == Means::Wallet {
            let refusal = match self.model.wallets.get(who) {
                None => Some("sign_in_required"),
                Some(balance) if *balance < units * CROISSANT => Some("insufficient_funds"),
                Some(_) => None,
            };
            if let Some(refusal) = refusal {
                assert_eq!(placed.unwrap_err().code(), refusal);
                // Nothing has happened: the checkout still holds.
                self.model.holds[who] = Some((checkout, units));
                return;
            }
            self.model.wallets[who] -= units * CROISSANT;
        }
        let (id, placed_at) = (placed.unwrap(), self.now());
        let at = At::Created { pays: by != Means::BadCard };
        self.model.orders.push(Order { id, who, units, by, at, placed_at, made_once: false });
        self.settled = false;
        // Twice is once.
        assert_eq!(self.cafe.place(&self.shoppers[who], &checkout, "tok_ok").await.unwrap_err().code(), "checkout_expired");
    }

    pub(super) async fn top_up(&mut self, who: usize, amount: i64) {
        self.top_ups += 1;
        let user = self.shoppers[who].user().expect("they are signed in");
        let (caller, key) = (format!("user:{user}"), self.top_ups.to_string());
        let key = RequestKey { caller, method: "POST".to_owned(), path: "/wallet/top-ups".to_owned(), key };
        for _ in 0..2 {
            let end = self.cafe.backend.top_ups.pay_in(&key, "", user, Money::new(amount, Currency::USD), "tok_ok").await;
            assert_eq!(end, Ok(TopUpEnd::Captured));
        }
        self.model.wallets[who] += amount;
        self.model.paid_in += amount;
    }

    pub(super) async fn cancel(&mut self, order: usize, by_staff: bool) {
        let Some(at) = self.newest(order) else { return };
        let order = &mut self.model.orders[at];
        let caller = if by_staff { &self.staff[0] } else { &self.shoppers[order.who] };
        let cancelled = self.cafe.cancel(caller, order.id).await.is_ok();
        let allowed = match order.at {
            // It may have been declined in the meantime.
            At::Created { pays: false } => cancelled,
            At::Created { .. } | At::Queued => true,
            At::Making { .. } | At::Ready => by_staff,
            At::Collected | At::Rejected | At::Cancelled { .. } => false,
        };
        assert_eq!(cancelled, allowed, "{:?}", order.at);
        if cancelled {
            if order.by == Means::Wallet {
                self.model.wallets[order.who] += order.units * CROISSANT;
            }
            order.at = At::Cancelled { paid: !matches!(order.at, At::Created { .. }) };
            self.settled = false;
        }
    }

    pub(super) async fn work(&mut self, order: usize, by: usize, work: Work) {
        let Some(at) = self.newest(order) else { return };
        let order = &mut self.model.orders[at];
        let next = match (order.at, work) {
            (At::Queued, Work::Claim) => Some(At::Making { by: Some(by) }),
            // Their own again, or one that came back from the counter and was theirs.
            (At::Making { by: Some(holder) }, Work::Claim) if holder == by => Some(order.at),
            (At::Making { .. }, Work::Release) => Some(At::Queued),
            (At::Making { .. }, Work::Ready) => Some(At::Ready),
            (At::Ready, Work::Collect) => Some(At::Collected),
            _ => None,
        };
        let before = order.at;
        let done = self.cafe.work(&self.staff[by], order.id, work).await.is_ok();
        if (before, work) == (At::Ready, Work::Recall) {
            assert!(done);
            // Whoever had it has it again.
            let view = self.cafe.view(order.id).await;
            let holder = view.fulfilments[0].claimed_by.clone().map(|person| person.id);
            let by = self.staff.iter().position(|caller| caller.person().map(|person| person.id) == holder);
            order.at = At::Making { by };
            return;
        }
        assert_eq!(done, next.is_some(), "{before:?} {work:?} by {by}");
        if let Some(next) = next {
            order.made_once |= next == At::Ready;
            order.at = next;
        }
    }

    pub(super) async fn adjust(&mut self, delta: i64) {
        let done = self
            .cafe
            .tx(move |tx, cafe| {
                let sku = "butter-croissant".parse().expect("a SKU");
                let change = Adjustment::Delta(delta);
                Box::pin(async move { cafe.backend.stock.adjust_in(tx, &id("harbor"), &sku, change, "counted", Actor::System).await })
            })
            .await;
        match done {
            Ok(_) => {
                assert!(self.model.free() + delta >= 0, "{delta}");
                self.model.on_hand += delta;
            }
            Err(StockError::BelowHeld(held)) => assert!(self.model.free() + delta < 0 && held == self.model.held(), "{delta}"),
            Err(error) => panic!("{error:?}"),
        }
    }
}
