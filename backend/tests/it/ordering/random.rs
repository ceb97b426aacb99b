//! Any sequence of commands keeps the life of an order, its money, its stock and its place in order.

use std::time::Duration;

use backend::identity::Caller;
use domain::OrderId;
use domain::ordering::{OrderStatus, PaymentStatus};
use domain::prep::FulfilmentStatus;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::cafe::{Cafe, Work, barista, croissant, flat_white, guest, settle};
use crate::support::on_both_databases;

#[derive(Debug, Clone, Copy)]
enum Step {
    Work(usize, Work),
    CancelByCustomer,
    CancelByStaff,
    Settle,
    /// Minutes.
    Wait(u64),
}

fn steps() -> impl Strategy<Value = (bool, Vec<Step>)> {
    let work = prop_oneof![
        3 => Just(Work::Claim), 3 => Just(Work::Ready), 3 => Just(Work::Collect), 1 => Just(Work::Release), 1 => Just(Work::Recall),
    ];
    let step = prop_oneof![
        8 => (0..2_usize, work).prop_map(|(who, work)| Step::Work(who, work)),
        1 => Just(Step::CancelByCustomer),
        1 => Just(Step::CancelByStaff),
        4 => Just(Step::Settle),
        1 => (1..10_u64).prop_map(Step::Wait),
    ];
    (prop::bool::weighted(0.8), prop::collection::vec(step, 0..16))
}

async fn take(
    cafe: &Cafe,
    shop: &crate::support::TestDb,
    running: &backend::runner::Running,
    order: OrderId,
    caller: &Caller,
    staff: &[Caller],
    step: Step,
) {
    // A command may be refused: then it has changed nothing, which is what the end of the test looks at.
    match step {
        Step::Work(who, work) => drop(cafe.work(&staff[who], order, work).await),
        Step::CancelByCustomer => drop(cafe.cancel(caller, order).await),
        Step::CancelByStaff => drop(cafe.cancel(&staff[0], order).await),
        Step::Settle => settle(running).await,
        Step::Wait(minutes) => shop.hands.advance(Duration::from_mins(minutes)),
    }
}

fn legal(path: &[OrderStatus]) -> bool {
    use OrderStatus::{Cancelled, Created, Fulfilled, Processed, Rejected};
    path.windows(2).all(|step| {
        matches!(
            (step[0], step[1]),
            // Several steps may lie between two looks.
            (Created, Processed | Rejected | Cancelled | Fulfilled) | (Processed, Fulfilled | Cancelled)
        )
    })
}

/// What one step may do to what is made of an order.
fn legal_at_the_bar(from: Option<FulfilmentStatus>, to: Option<FulfilmentStatus>) -> bool {
    use FulfilmentStatus::{Collected, Failed, Making, Queued, Ready};
    matches!(
        (from, to),
        // It is queued by itself, also between a look and what follows it.
        (None, Some(Queued | Making | Failed))
            | (Some(Queued), Some(Making | Failed))
            | (Some(Making), Some(Ready | Queued | Failed))
            | (Some(Ready), Some(Collected | Making | Failed))
    )
}

/// The sequences of every run, or, with `SEQUENCES=n`, the n-th of many others; a failure names which.
pub(crate) fn sequences() -> (String, TestRunner) {
    let chosen = std::env::var("SEQUENCES").ok().and_then(|n| n.parse::<u64>().ok());
    let Some(n) = chosen else { return ("the usual sequences".to_owned(), TestRunner::deterministic()) };
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&n.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    (format!("SEQUENCES={n}"), TestRunner::new_with_rng(Config::default(), rng))
}

on_both_databases! {
    async fn any_sequence_of_commands_keeps_everything_in_order(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let staff = [barista("Kim"), barista("Lee")];
        let (which, mut generator) = sequences();
        let (mut kept, mut eaten) = (0, 0);
        for _ in 0..24 {
            let (pays, steps) = steps().new_tree(&mut generator).unwrap().current();
            let caller = guest();
            if eaten == 12 {
                break;
            }
            let checkout = cafe.begin(&caller, "harbor", &[flat_white(1), croissant(1)]).await.unwrap();
            let order = cafe.place(&caller, &checkout, if pays { "tok_ok" } else { "tok_declined" }).await.unwrap();
            let mut path = vec![OrderStatus::Created];
            let (mut sequence, mut at_the_bar) = (0, None);
            for step in &steps {
                take(&cafe, &shop, &running, order, &caller, &staff, *step).await;
                let view = cafe.view(order).await;
                assert!(view.sequence >= sequence, "{steps:?}");
                sequence = view.sequence;
                let stands = view.fulfilments.first().map(|fulfilment| fulfilment.status);
                let legal = stands == at_the_bar || legal_at_the_bar(at_the_bar, stands);
                assert!(legal, "{which}: {at_the_bar:?} became {stands:?} at {step:?} of {steps:?}");
                at_the_bar = stands;
                if path.last() != Some(&view.status) {
                    path.push(view.status);
                }
            }
            assert!(legal(&path), "{which}: {path:?} by {steps:?}");
            // What is still under way ends with the bar's time limit.
            settle(&running).await;
            let counter = cafe.view(order).await.fulfilments.first().is_some_and(|f| f.status == FulfilmentStatus::Ready);
            if counter {
                cafe.work(&staff[0], order, Work::Collect).await.unwrap();
            }
            shop.hands.advance(Duration::from_mins(16));
            settle(&running).await;
            let view = cafe.view(order).await;
            let payment = match view.status {
                OrderStatus::Fulfilled => {
                    kept += view.quote.total.amount;
                    eaten += 1;
                    vec![PaymentStatus::Captured]
                }
                OrderStatus::Rejected => vec![PaymentStatus::Declined],
                OrderStatus::Cancelled => vec![PaymentStatus::Refunded, PaymentStatus::Voided, PaymentStatus::Declined],
                // Recalled from the counter: the limit was met before.
                OrderStatus::Processed => {
                    cafe.cancel(&staff[0], order).await.unwrap();
                    settle(&running).await;
                    vec![PaymentStatus::Captured]
                }
                OrderStatus::Created => panic!("nothing happened: {steps:?}"),
            };
            assert!(payment.contains(&view.payment.status), "{:?} {:?} by {steps:?}", view.status, view.payment);
            assert_eq!(cafe.active("harbor").await, 0, "{steps:?}");
            assert_eq!(cafe.backend.sagas.list(&mut cafe.backend.db.reader()).await.unwrap(), [], "{steps:?}");
            assert_eq!(cafe.stock("harbor", "butter-croissant").await, (12 - eaten, 0), "{steps:?}");
            assert_eq!(cafe.books.balance(), kept, "{steps:?}");
            assert!(cafe.books.all().iter().all(|entry| entry.refunds.len() <= 1));
        }
        assert!(eaten > 0, "some orders are fulfilled");
    }
}
