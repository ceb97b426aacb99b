//! Random commands, time steps and faults, against a model of the shop that is a page long. After every step the shop and the
//! model agree on every order, unit, place and cent; at the end the check has nothing to say either.

use std::time::Duration;

use backend::args;
use backend::check;
use backend::db::{DbError, Sql as _};
use backend::idempotency::RequestKey;
use backend::identity::Caller;
use backend::inventory::{Adjustment, StockError};
use backend::ordering::OrderingError;
use backend::payment::TopUpEnd;
use backend::refused::Refused as _;
use backend::stores::SettingsPatch;
use domain::event::Actor;
use domain::ordering::{OrderStatus, PaymentStatus};
use domain::prep::FulfilmentStatus;
use domain::view::{CheckoutView, PaymentRequest, PlaceRequest};
use domain::{Currency, Money, OrderId, Timestamp};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use crate::cafe::{Cafe, Work, barista, croissant, guest, id, person, settle};
use crate::ordering::random::sequences;
use crate::support::{TestDb, on_both_databases, rounds};

const SHOPPERS: usize = 4;
/// So many of them are signed in and have a wallet.
const MEMBERS: usize = 2;
const CAPACITY: usize = 5;
const CROISSANT: i64 = 375;

/// What pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    Card,
    BadCard,
    Wallet,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Begin {
        who: usize,
        units: i64,
    },
    GiveUp {
        who: usize,
    },
    Place {
        who: usize,
        by: Means,
    },
    /// Pays into a wallet by card.
    TopUp {
        who: usize,
        amount: i64,
    },
    CancelByCustomer {
        order: usize,
    },
    CancelByStaff {
        order: usize,
    },
    Work {
        order: usize,
        by: usize,
        work: Work,
    },
    Adjust {
        delta: i64,
    },
    Seconds(u64),
    /// Everything that happens by itself dies without a word, and another process begins.
    Crash,
    /// Every event that an order hangs on is told again from the start.
    Replay,
    /// The next refund gets no answer.
    SilentRefund,
    /// Lets everything happen that happens by itself.
    Settle,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let work = prop_oneof![
        4 => Just(Work::Claim), 4 => Just(Work::Ready), 3 => Just(Work::Collect), 1 => Just(Work::Release), 1 => Just(Work::Recall),
    ];
    let means = prop_oneof![5 => Just(Means::Card), 1 => Just(Means::BadCard), 4 => Just(Means::Wallet)];
    // Most of what is done is done to the newest orders.
    let order = || 0..4_usize;
    let step = prop_oneof![
        6 => (0..SHOPPERS, 1..5_i64).prop_map(|(who, units)| Step::Begin { who, units }),
        1 => (0..SHOPPERS).prop_map(|who| Step::GiveUp { who }),
        6 => (0..SHOPPERS, means).prop_map(|(who, by)| Step::Place { who, by }),
        2 => (0..MEMBERS, 1..8_i64).prop_map(|(who, units)| Step::TopUp { who, amount: units * 150 }),
        2 => order().prop_map(|order| Step::CancelByCustomer { order }),
        1 => order().prop_map(|order| Step::CancelByStaff { order }),
        10 => (order(), 0..2_usize, work).prop_map(|(order, by, work)| Step::Work { order, by, work }),
        2 => (-4..6_i64).prop_filter("a change", |delta| *delta != 0).prop_map(|delta| Step::Adjust { delta }),
        2 => (1..400_u64).prop_map(Step::Seconds),
        1 => Just(Step::Crash),
        1 => Just(Step::Replay),
        1 => Just(Step::SilentRefund),
        4 => Just(Step::Settle),
    ];
    prop::collection::vec(step, 30..60)
}

/// Where an order is, as far as the model knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Placed; nothing has happened to it yet, or all of it has.
    Created {
        pays: bool,
    },
    Queued,
    Making {
        by: Option<usize>,
    },
    Ready,
    Collected,
    Rejected,
    /// Whether its money was taken before.
    Cancelled {
        paid: bool,
    },
}

struct Order {
    id: OrderId,
    who: usize,
    units: i64,
    by: Means,
    at: At,
    placed_at: Timestamp,
    /// It was on the counter once: its place and its time limit are gone.
    made_once: bool,
}

impl Order {
    fn keeps_units(&self) -> bool {
        !matches!(self.at, At::Rejected | At::Cancelled { .. })
    }

    fn has_place(&self) -> bool {
        !self.made_once && matches!(self.at, At::Created { .. } | At::Queued | At::Making { .. })
    }
}

/// All that there is to a shop.
struct Model {
    on_hand: i64,
    holds: [Option<(CheckoutView, i64)>; SHOPPERS],
    orders: Vec<Order>,
    wallets: [i64; MEMBERS],
    /// What all cards have paid into them.
    paid_in: i64,
}

impl Model {
    fn held(&self) -> i64 {
        let checkouts: i64 = self.holds.iter().flatten().map(|(_, units)| units).sum();
        checkouts + self.orders.iter().filter(|order| matches!(order.at, At::Created { .. })).map(|order| order.units).sum::<i64>()
    }

    /// What is on hand and neither held nor sold.
    fn free(&self) -> i64 {
        let gone: i64 = self.orders.iter().filter(|order| order.keeps_units()).map(|order| order.units).sum();
        let checkouts: i64 = self.holds.iter().flatten().map(|(_, units)| units).sum();
        self.on_hand - gone - checkouts
    }

    fn places(&self) -> usize {
        self.holds.iter().flatten().count() + self.orders.iter().filter(|order| order.has_place()).count()
    }

    /// Everything that happens by itself, now.
    fn settle(&mut self, now: Timestamp) {
        for hold in &mut self.holds {
            if hold.as_ref().is_some_and(|(checkout, _)| checkout.expires_at <= now) {
                *hold = None;
            }
        }
        for order in &mut self.orders {
            let late = order.placed_at.plus_seconds(900) <= now && !order.made_once;
            let before = order.at;
            order.at = match order.at {
                At::Created { pays } if late => At::Cancelled { paid: pays },
                At::Created { pays: true } => At::Queued,
                At::Created { pays: false } => At::Rejected,
                At::Queued | At::Making { .. } if late => At::Cancelled { paid: true },
                at => at,
            };
            if order.at != before && matches!(order.at, At::Cancelled { .. }) && order.by == Means::Wallet {
                self.wallets[order.who] += order.units * CROISSANT;
            }
        }
    }
}

/// The shop, its model, and what moves both.
struct World<'a> {
    shop: &'a TestDb,
    cafe: Cafe,
    running: Option<backend::runner::Running>,
    shoppers: [Caller; SHOPPERS],
    staff: [Caller; 2],
    model: Model,
    top_ups: u32,
    /// Nothing has happened since the last settling.
    settled: bool,
}

impl World<'_> {
    fn now(&self) -> Timestamp {
        self.shop.clock.now()
    }

    async fn settle(&mut self) {
        settle(self.running.as_ref().expect("something runs")).await;
        self.model.settle(self.shop.clock.now());
        self.settled = true;
    }

    fn newest(&self, order: usize) -> Option<usize> {
        self.model.orders.len().checked_sub(order + 1)
    }

    async fn take(&mut self, step: Step) {
        // What is not settled may be on either side of a race; only these have the same answer on both.
        if !matches!(step, Step::Begin { .. } | Step::GiveUp { .. } | Step::Place { .. } | Step::CancelByCustomer { .. } | Step::Crash) {
            self.settle().await;
        }
        match step {
            Step::Begin { who, units } => self.begin(who, units).await,
            Step::GiveUp { who } => self.give_up(who).await,
            Step::Place { who, by } => self.place(who, by).await,
            Step::TopUp { who, amount } => self.top_up(who, amount).await,
            Step::CancelByCustomer { order } => self.cancel(order, false).await,
            Step::CancelByStaff { order } => self.cancel(order, true).await,
            Step::Work { order, by, work } => self.work(order, by, work).await,
            Step::Adjust { delta } => self.adjust(delta).await,
            Step::Seconds(seconds) => {
                self.shop.hands.advance(Duration::from_secs(seconds));
                self.settle().await;
            }
            Step::Crash => {
                drop(self.running.take());
                // On PostgreSQL the next one waits until the leases of the dead one have ended.
                self.shop.hands.advance(Duration::from_secs(10));
                self.running = Some(self.cafe.run());
                self.settle().await;
            }
            Step::Replay => {
                let again: Result<u64, DbError> = self
                    .shop
                    .db
                    .transaction(|tx| {
                        let text = "update cursor set position = 0 where subscriber in ('ordering.saga', 'prep.queue')";
                        Box::pin(async move { tx.execute(text, args![]).await })
                    })
                    .await;
                assert_eq!(again.unwrap(), 2);
                self.settle().await;
            }
            Step::SilentRefund => self.cafe.books.silence_refunds(1),
            Step::Settle => {}
        }
    }

    async fn begin(&mut self, who: usize, units: i64) {
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

    async fn give_up(&mut self, who: usize) {
        let Some((checkout, _)) = self.model.holds[who].take() else { return };
        let caller = self.shoppers[who].clone();
        let done = self.cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.checkouts.cancel_in(tx, &caller, checkout.id).await }));
        done.await.unwrap();
    }

    async fn place(&mut self, who: usize, by: Means) {
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

    async fn top_up(&mut self, who: usize, amount: i64) {
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

    async fn cancel(&mut self, order: usize, by_staff: bool) {
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

    async fn work(&mut self, order: usize, by: usize, work: Work) {
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

    async fn adjust(&mut self, delta: i64) {
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

    /// The shop is as the model says.
    async fn compare(&self) {
        assert_eq!(self.cafe.stock("harbor", "butter-croissant").await, (self.model.free(), self.model.held()));
        assert_eq!(self.cafe.active("harbor").await, self.model.places() as i64);
        let mut kept = 0;
        for order in &self.model.orders {
            use FulfilmentStatus as F;
            use PaymentStatus::{Captured, Declined, Refunded, Voided};
            let view = self.cafe.view(order.id).await;
            let work = view.fulfilments.first().map(|f| f.status);
            let (status, expected, payments): (_, _, &[_]) = match order.at {
                At::Created { .. } => panic!("it is settled"),
                At::Queued => (OrderStatus::Processed, Some(F::Queued), &[Captured]),
                At::Making { .. } => (OrderStatus::Processed, Some(F::Making), &[Captured]),
                At::Ready => (OrderStatus::Processed, Some(F::Ready), &[Captured]),
                At::Collected => (OrderStatus::Fulfilled, Some(F::Collected), &[Captured]),
                At::Rejected => (OrderStatus::Rejected, None, &[Declined]),
                // A wallet has its money back at once.
                At::Cancelled { .. } if order.by == Means::Wallet => (OrderStatus::Cancelled, work, &[Refunded]),
                // A refund without an answer is asked for again a second later.
                At::Cancelled { paid: true } => (OrderStatus::Cancelled, Some(F::Failed), &[Refunded, Captured]),
                At::Cancelled { paid: false } => (OrderStatus::Cancelled, work, &[Refunded, Captured, Voided, Declined]),
            };
            assert_eq!((view.status, work), (status, expected), "{:?}", order.at);
            assert!(payments.contains(&view.payment.status), "{:?} {:?}", order.at, view.payment.status);
            if view.payment.status == Captured && order.by != Means::Wallet {
                kept += order.units * CROISSANT;
            }
        }
        assert_eq!(self.cafe.books.balance(), kept + self.model.paid_in);
        for (who, expected) in self.model.wallets.iter().enumerate() {
            let user = self.shoppers[who].user().expect("they are signed in");
            let wallet = self.cafe.backend.wallets.view(&mut self.cafe.backend.db.reader(), user).await.unwrap();
            assert_eq!(wallet.map_or(0, |balance| balance.amount), *expected, "the wallet of {who}");
        }
        assert!(self.cafe.books.all().iter().all(|entry| entry.refunds.len() <= 1));
    }
}

on_both_databases! {
    async fn the_shop_does_what_the_model_says(shop) {
        let cafe = Cafe::open(&shop).await;
        cafe.settings("harbor", SettingsPatch { capacity: Some(Some(CAPACITY as i64)), ..SettingsPatch::default() }).await;
        let running = Some(cafe.run());
        let model = Model { on_hand: 12, holds: [const { None }; SHOPPERS], orders: Vec::new(), wallets: [0; MEMBERS], paid_in: 0 };
        let staff = [barista("Kim"), barista("Lee")];
        let shoppers = std::array::from_fn(|who| if who < MEMBERS { person("Ada", None) } else { guest() });
        let mut world = World { shop: &shop, cafe, running, shoppers, staff, model, top_ups: 0, settled: true };
        let (which, mut generator) = sequences();
        println!("{which}");
        for _ in 0..rounds() * 3 {
            let steps = steps().new_tree(&mut generator).unwrap().current();
            for (at, step) in steps.iter().enumerate() {
                println!("{at} {step:?}");
                world.take(*step).await;
                if world.settled {
                    world.compare().await;
                }
            }
            world.settle().await;
            // Two hours later nothing is under way that is not on the counter or came back from it.
            world.shop.hands.advance(Duration::from_hours(1));
            world.settle().await;
            world.shop.hands.advance(Duration::from_hours(1));
            world.settle().await;
            world.compare().await;
            let broken: Vec<_> = check::run(&shop.db).await.unwrap().into_iter().filter(|verdict| !verdict.ok).collect();
            assert_eq!(broken, []);
            // The next round begins with enough of everything.
            let more = 12 - world.model.free();
            if more != 0 {
                world.adjust(more).await;
            }
        }
    }
}
