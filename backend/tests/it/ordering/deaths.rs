//! The process dies: at every question to the card provider, before it has taken effect and after, and between any two steps
//! of an order's life. Whoever goes on comes to the same end, and everything has happened once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use backend::check;
use backend::ordering::Saga;
use backend::payment::Patience;
use backend::payment::provider::{
    Authorization, Authorize, CardProvider, Notice, NoticeError, Progress, ProviderError, RawNotice, Release,
};
use backend::prep::QueueSubscriber;
use backend::runner::{Runner, Running};
use backend::stores::SettingsPatch;
use domain::Money;
use domain::ordering::{OrderStatus, PaymentStatus};
use tokio::sync::Semaphore;

use crate::cafe::{Books, Cafe, croissant, guest, settle};
use crate::support::{TestDb, on_both_databases};

/// A provider with books, beside which the process dies at one question.
struct Deadly {
    books: Arc<Books>,
    /// Questions until the fatal one; below 0 when it is over, or never comes.
    left: AtomicI64,
    /// The provider has done what it was asked for, and the answer is lost.
    done: bool,
    dies: Semaphore,
}

impl Deadly {
    /// Dies at the `nth` question, from 1; never at 0.
    fn at(nth: i64, done: bool) -> Arc<Self> {
        Arc::new(Self { books: Arc::default(), left: AtomicI64::new(nth), done, dies: Semaphore::new(0) })
    }

    /// Questions so far, where none was fatal.
    fn asked(&self) -> i64 {
        -self.left.load(Ordering::SeqCst)
    }

    async fn ask<T>(&self, question: impl Future<Output = T>) -> T {
        let fatal = self.left.fetch_sub(1, Ordering::SeqCst) == 1;
        if fatal && !self.done {
            self.die().await;
        }
        let answer = question.await;
        if fatal {
            self.die().await;
        }
        answer
    }

    async fn die(&self) {
        self.dies.add_permits(1);
        std::future::pending::<()>().await;
    }

    async fn has_died(&self) {
        self.dies.acquire().await.expect("it stands").forget();
    }
}

#[async_trait]
impl CardProvider for Deadly {
    fn name(&self) -> &'static str {
        self.books.name()
    }

    async fn authorize(&self, request: Authorize<'_>) -> Result<Authorization, ProviderError> {
        self.ask(self.books.authorize(request)).await
    }

    async fn capture(&self, key: &str, reference: &str, amount: Money) -> Result<Progress, ProviderError> {
        self.ask(self.books.capture(key, reference, amount)).await
    }

    async fn void(&self, key: &str, reference: Option<&str>) -> Result<Release, ProviderError> {
        self.ask(self.books.void(key, reference)).await
    }

    async fn refund(&self, refund_key: &str, key: &str, reference: &str, amount: Money) -> Result<Progress, ProviderError> {
        self.ask(self.books.refund(refund_key, key, reference, amount)).await
    }

    fn hear(&self, notice: &RawNotice<'_>) -> Result<Notice, NoticeError> {
        self.books.hear(notice)
    }
}

/// What comes after placing; everything that happens by itself happens after each.
#[derive(Debug, Clone, Copy)]
enum Then {
    Seconds(u64),
    Confirm,
    Cancel,
}

/// An order's life, and its end.
struct Story {
    token: &'static str,
    then: &'static [Then],
    end: (OrderStatus, PaymentStatus),
    /// What is ours in the end, of 375.
    kept: i64,
}

const STORIES: [Story; 8] = [
    Story { token: "tok_ok", then: &[], end: (OrderStatus::Processed, PaymentStatus::Captured), kept: 375 },
    Story { token: "tok_declined", then: &[], end: (OrderStatus::Rejected, PaymentStatus::Declined), kept: 0 },
    Story {
        token: "tok_late",
        then: &[Then::Seconds(1), Then::Seconds(2)],
        end: (OrderStatus::Processed, PaymentStatus::Captured),
        kept: 375,
    },
    Story { token: "tok_3ds", then: &[Then::Confirm, Then::Seconds(5)], end: (OrderStatus::Processed, PaymentStatus::Captured), kept: 375 },
    Story {
        token: "tok_gone",
        then: &[Then::Seconds(2), Then::Seconds(6), Then::Seconds(12)],
        end: (OrderStatus::Rejected, PaymentStatus::Voided),
        kept: 0,
    },
    Story { token: "tok_ok", then: &[Then::Cancel], end: (OrderStatus::Cancelled, PaymentStatus::Refunded), kept: 0 },
    Story { token: "tok_never", then: &[Then::Cancel], end: (OrderStatus::Cancelled, PaymentStatus::Voided), kept: 0 },
    Story { token: "tok_3ds", then: &[Then::Cancel], end: (OrderStatus::Cancelled, PaymentStatus::Voided), kept: 0 },
];

/// Lets everything happen; where the process dies of it, another one goes on.
async fn survive(shop: &TestDb, cafe: &Cafe, deadly: &Deadly, running: &mut Option<Running>) {
    {
        let alive = running.take().expect("a process runs");
        tokio::select! {
            () = settle(&alive) => {
                *running = Some(alive);
                return;
            }
            () = deadly.has_died() => {}
        }
        // Dropped here, without a word to anybody.
    }
    // What was under way is claimed, and on PostgreSQL leased, until a while after the death.
    shop.hands.advance(Duration::from_secs(15));
    let next = cafe.run();
    loop {
        tokio::select! {
            () = settle(&next) => break,
            // A transaction that the dead one had begun has claimed something at the later time: that has to pass, too.
            () = tokio::time::sleep(Duration::from_secs(3)) => shop.hands.advance(Duration::from_secs(15)),
        }
    }
    *running = Some(next);
}

/// Lives a story with one death, and answers how many questions the provider was asked.
async fn live(shop: &TestDb, cafe: &Cafe, story: &Story, deadly: &Arc<Deadly>) -> i64 {
    let cafe = Cafe { backend: cafe.backend.clone().with_provider(deadly.clone(), Patience::default()), books: deadly.books.clone() };
    let mut running = Some(cafe.run());
    let caller = guest();
    let checkout = cafe.begin(&caller, "harbor", &[croissant(1)]).await.unwrap();
    let order = cafe.place(&caller, &checkout, story.token).await.unwrap();
    survive(shop, &cafe, deadly, &mut running).await;
    for then in story.then {
        match then {
            Then::Seconds(seconds) => shop.hands.advance(Duration::from_secs(*seconds)),
            Then::Confirm => cafe.books.confirm(),
            Then::Cancel => drop(cafe.cancel(&caller, order).await.unwrap()),
        }
        survive(shop, &cafe, deadly, &mut running).await;
    }
    // Whoever died has cost time: what still waits for its turn gets it.
    for _ in 0..6 {
        shop.hands.advance(Duration::from_secs(12));
        survive(shop, &cafe, deadly, &mut running).await;
    }
    running.take().expect("a process runs").shutdown().await;
    let view = cafe.view(order).await;
    assert_eq!((view.status, view.payment.status), story.end);
    let entry = cafe.books.only();
    assert_eq!((cafe.books.balance(), entry.refunds.len() <= 1), (story.kept, true), "{entry:?}");
    let mut journey = cafe.journey(&caller, order).await;
    let told = journey.len();
    journey.sort();
    journey.dedup();
    assert_eq!(journey.len(), told, "nothing is told twice: {journey:?}");
    deadly.asked()
}

/// The shop, without a limit that would end these lives otherwise.
async fn open(shop: &TestDb) -> Cafe {
    let cafe = Cafe::open(shop).await;
    let patch = SettingsPatch { capacity: Some(None), barista_seconds: Some(14_400), ..SettingsPatch::default() };
    cafe.settings("harbor", patch).await;
    cafe.tx(|tx, cafe| {
        let sku = "butter-croissant".parse().expect("a SKU");
        let more = backend::inventory::Adjustment::Delta(1000);
        Box::pin(async move {
            let system = domain::event::Actor::System;
            cafe.backend.stock.adjust_in(tx, &crate::cafe::id("harbor"), &sku, more, "received", system).await
        })
    })
    .await
    .unwrap();
    cafe
}

/// Nothing is left to be done, nothing is held, and what is sold is what was kept.
async fn all_is_well(shop: &TestDb, cafe: &Cafe, kept: i64) {
    assert_eq!(cafe.backend.sagas.list(&mut cafe.backend.db.reader()).await.unwrap(), []);
    assert_eq!(cafe.stock("harbor", "butter-croissant").await, (1012 - kept, 0));
    let broken: Vec<_> = check::run(&shop.db).await.unwrap().into_iter().filter(|verdict| !verdict.ok).collect();
    assert_eq!(broken, []);
}

/// Lives each story with a death at each of its questions, on either side of it.
async fn die_everywhere(shop: &TestDb, stories: &[Story]) {
    let cafe = open(shop).await;
    let mut kept = 0;
    for story in stories {
        let questions = live(shop, &cafe, story, &Deadly::at(0, false)).await;
        assert!(questions > 0);
        kept += story.kept / 375;
        for (nth, done) in (1..=questions).flat_map(|nth| [(nth, false), (nth, true)]) {
            println!("{} {:?}: dies at question {nth} of {questions}, done: {done}", story.token, story.then);
            let deadly = Deadly::at(nth, done);
            live(shop, &cafe, story, &deadly).await;
            assert!(deadly.asked() >= 0, "it has died");
            kept += story.kept / 375;
        }
    }
    all_is_well(shop, &cafe, kept).await;
}

on_both_databases! {
    async fn dying_at_any_question_of_a_charge_changes_nothing(shop) {
        die_everywhere(&shop, &STORIES[..4]).await;
    }

    async fn dying_at_any_question_of_a_charge_that_is_given_up_changes_nothing(shop) {
        die_everywhere(&shop, &STORIES[4..]).await;
    }

    /// Each step is taken by a process that ends right after it. In between, at every place, the shopper calls off.
    async fn an_order_is_called_off_between_any_two_steps(shop) {
        let cafe = open(&shop).await;
        let db = || cafe.backend.db.clone();
        let saga = || Runner::new(db()).subscriber(Saga::new(cafe.backend.orders.clone()));
        let jobs = || cafe.backend.payments.jobs(Runner::new(db()), &cafe.backend.db);
        let queue = || Runner::new(db()).subscriber(QueueSubscriber);
        let steps: [&dyn Fn() -> Runner; 4] = [&jobs, &saga, &queue, &saga];
        for (token, wallet) in [("tok_ok", false), ("tok_late", false), ("wallet", true)] {
            for called_off in 0..=steps.len() {
                let (caller, order) = if wallet { crate::wallet::ordered(&cafe).await } else {
                    let caller = guest();
                    let checkout = cafe.begin(&caller, "harbor", &[croissant(1)]).await.unwrap();
                    let order = cafe.place(&caller, &checkout, token).await.unwrap();
                    (caller, order)
                };
                for (at, step) in steps.iter().enumerate() {
                    if at == called_off {
                        cafe.cancel(&caller, order).await.unwrap();
                    }
                    let running = step().start();
                    settle(&running).await;
                    drop(running);
                    // On PostgreSQL the next process waits until the leases of the dead one have ended.
                    shop.hands.advance(Duration::from_secs(10));
                }
                if called_off == steps.len() {
                    cafe.cancel(&caller, order).await.unwrap();
                }
                let running = cafe.run();
                settle(&running).await;
                running.shutdown().await;
                let view = cafe.view(order).await;
                assert_eq!(view.status, OrderStatus::Cancelled, "{token} called off after {called_off} steps");
                assert!(matches!(view.payment.status, PaymentStatus::Refunded | PaymentStatus::Voided), "{token} {called_off}: {:?}", view.payment);
                assert_eq!(cafe.books.balance(), 0, "{token} called off after {called_off} steps");
                assert!(cafe.books.all().iter().all(|entry| entry.refunds.len() <= 1));
                all_is_well(&shop, &cafe, 0).await;
            }
        }
    }

    /// Two processes with everything that happens by itself, and one time limit: it fires once.
    async fn a_limit_fires_once_with_two_processes(shop) {
        let cafe = Cafe::open(&shop).await;
        let (one, two) = (cafe.run(), cafe.run());
        let mut orders = Vec::new();
        for _ in 0..3 {
            orders.push(crate::wallet::ordered(&cafe).await);
        }
        let held = guest();
        cafe.begin(&held, "harbor", &[croissant(2)]).await.unwrap();
        settle(&one).await;
        shop.hands.advance(Duration::from_mins(15));
        tokio::join!(settle(&one), settle(&two));
        for (caller, order) in &orders {
            let view = cafe.view(*order).await;
            assert_eq!((view.reason.as_deref(), view.payment.status), (Some("barista_timeout"), PaymentStatus::Refunded));
            let journey = cafe.journey(caller, *order).await;
            for once in ["order.cancelled", "prep.timed_out", "payment.refunded"] {
                assert_eq!(journey.iter().filter(|kind| *kind == once).count(), 1, "{once} in {journey:?}");
            }
        }
        assert_eq!((cafe.stock("harbor", "butter-croissant").await, cafe.active("harbor").await), ((12, 0), 0));
    }

    /// The clock is set: a day forward, and an hour back.
    async fn a_clock_that_jumps_neither_stops_nor_repeats_anything(shop) {
        let cafe = Cafe::open(&shop).await;
        let caller = guest();
        let begun = shop.clock.now();
        let order = async |token: &str| {
            let checkout = cafe.begin(&caller, "harbor", &[croissant(1)]).await.unwrap();
            cafe.place(&caller, &checkout, token).await.unwrap()
        };
        // Wanted, and one put off, by a clock that was an hour ahead.
        let (early, asked) = (order("tok_ok").await, order("tok_late").await);
        let running = cafe.run();
        settle(&running).await;
        assert_eq!(cafe.view(early).await.status, OrderStatus::Processed);
        shop.hands.advance(Duration::from_secs(1));
        settle(&running).await;
        running.shutdown().await;
        let waiting = order("tok_ok").await;
        shop.hands.set(begun.plus_seconds(-3600));
        let running = cafe.run();
        settle(&running).await;
        for order in [asked, waiting] {
            let deadline = std::time::Instant::now() + Duration::from_secs(20);
            while cafe.view(order).await.status != OrderStatus::Processed {
                assert!(std::time::Instant::now() < deadline, "it waits for a time that was");
                shop.hands.advance(Duration::from_secs(1));
                tokio::time::sleep(Duration::from_millis(200)).await;
                settle(&running).await;
            }
        }
        assert_eq!(cafe.books.balance(), 3 * 375);
        // A day later everything is too late, and once.
        let late = order("tok_never").await;
        settle(&running).await;
        shop.hands.advance(Duration::from_hours(24));
        settle(&running).await;
        for order in [early, asked, waiting, late] {
            let view = cafe.view(order).await;
            assert!(view.status.is_final(), "{view:?}");
            let journey = cafe.journey(&caller, order).await;
            assert_eq!(journey.iter().filter(|kind| ["order.cancelled", "order.rejected"].contains(&kind.as_str())).count(), 1, "{journey:?}");
        }
        assert_eq!((cafe.books.balance(), cafe.stock("harbor", "butter-croissant").await, cafe.active("harbor").await), (0, (12, 0), 0));
    }
}
