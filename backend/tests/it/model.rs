//! Random commands, time steps and faults, against a model of the shop that is a page long. After every step the shop and the
//! model agree on every order, unit, place and cent; at the end the check has nothing to say either.

mod commands;
mod steps;

use std::time::Duration;

use backend::args;
use backend::check;
use backend::db::{DbError, Sql as _};
use backend::identity::Caller;
use backend::stores::SettingsPatch;
use domain::ordering::{OrderStatus, PaymentStatus};
use domain::prep::FulfilmentStatus;
use domain::view::CheckoutView;
use domain::{OrderId, Timestamp};
use proptest::strategy::{Strategy as _, ValueTree as _};

use self::steps::{Means, Step, steps};
use crate::cafe::{Cafe, barista, guest, person, settle};
use crate::ordering::random::sequences;
use crate::support::{TestDb, on_both_databases, rounds};

const SHOPPERS: usize = 4;
/// So many of them are signed in and have a wallet.
const MEMBERS: usize = 2;
const CAPACITY: usize = 5;
const CROISSANT: i64 = 375;

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
                let running = self.running.insert(self.cafe.run());
                // What the dead one had asked of the database may be done after that, and then holds a claim, which ends with time once more.
                if tokio::time::timeout(Duration::from_secs(5), settle(running)).await.is_err() {
                    self.shop.hands.advance(Duration::from_secs(10));
                }
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
