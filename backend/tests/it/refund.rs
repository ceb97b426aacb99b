//! Money that goes back, and what becomes of it when the provider does not want to.

use std::time::Duration;

use backend::args;
use backend::check::{self, Verdict};
use backend::db::{DbError, Sql as _};
use backend::identity::Caller;
use backend::ordering::{Step, Waits};
use backend::payment::{Credit, PaymentError, Wallets};
use domain::ordering::PaymentStatus;
use domain::view::{PaymentRequest, PlaceRequest};
use domain::{Currency, Money, OrderId};
use futures::future::join_all;

use crate::cafe::{Cafe, flat_white, guest, person, settle};
use crate::payment::tell_outcome;
use crate::support::on_both_databases;

/// An order that was paid and called off, while its provider does not send the money back.
async fn paid_and_called_off(cafe: &Cafe, running: &backend::runner::Running, token: &str) -> OrderId {
    let shopper = guest();
    let order = cafe.order(&shopper, token).await;
    settle(running).await;
    cafe.cancel(&shopper, order).await.expect("it may be called off");
    // What is given up is what these tests are about.
    running.settle().await.expect("the database answers");
    order
}

/// An order whose capture its provider has done, and only says to have received.
async fn capture_received(cafe: &Cafe, running: &backend::runner::Running, shopper: &Caller) -> OrderId {
    let order = cafe.order(shopper, "tok_adyen").await;
    settle(running).await;
    cafe.backend.payments.order_returned(&cafe.backend.db, order, "redirectResult=X").await.expect("it is handed over");
    settle(running).await;
    assert_eq!((cafe.view(order).await.payment.status, cafe.books.balance()), (PaymentStatus::ActionRequired, 510));
    order
}

/// What the check names, by its checks.
async fn broken(cafe: &Cafe) -> Vec<(&'static str, String)> {
    let verdicts = check::run(&cafe.backend.db).await.expect("the check runs");
    let of = |verdict: Verdict| verdict.broken.into_iter().map(move |breach| (verdict.check, format!("{}: {}", breach.thing, breach.why)));
    verdicts.into_iter().flat_map(of).collect()
}

async fn stuck(cafe: &Cafe) -> Vec<Waits> {
    cafe.backend.sagas.stuck(&mut cafe.backend.db.reader()).await.expect("the database answers")
}

async fn retry(cafe: &Cafe, order: OrderId) -> Result<bool, DbError> {
    cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.sagas.retry_in(tx, order).await })).await
}

/// A refund that will not come by itself: seen at once, by its name, in the list and by the check.
async fn is_stuck(cafe: &Cafe, order: OrderId, why: &str) {
    let waits = stuck(cafe).await;
    assert_eq!(waits.len(), 1, "{waits:?}");
    let Waits { saga, job, stuck, error, next_attempt } = &waits[0];
    assert_eq!((saga.order, saga.step, *job, *stuck, *next_attempt), (order, Step::Undo, Some("refund"), true, None));
    assert!(error.as_deref().is_some_and(|error| error.contains(why)), "{error:?}");
    let broken = broken(cafe).await;
    let names = |check: &str, says: &str| {
        broken.iter().any(|(found, what)| *found == check && what.contains(&order.to_string()) && what.contains(says))
    };
    assert!(names("orders.paid", "nothing is on its way back"), "{broken:?}");
    assert!(names("sagas.moving", why) && names("sagas.moving", &format!("`orderly sagas retry {order}`")), "{broken:?}");
    assert_eq!((cafe.view(order).await.payment.status, cafe.books.balance()), (PaymentStatus::Captured, 510));
}

/// It is back, once, whatever was asked how often: always with the same key.
async fn is_back_once(cafe: &Cafe, order: OrderId, asked: usize) {
    assert_eq!((cafe.view(order).await.payment.status, cafe.books.balance()), (PaymentStatus::Refunded, 0));
    let entry = cafe.books.only();
    assert_eq!(entry.refunds.len(), 1);
    assert_eq!(entry.asked_back, vec![entry.refunds[0].clone(); asked]);
    assert_eq!((stuck(cafe).await, broken(cafe).await), (vec![], vec![]));
    assert_eq!(retry(cafe, order).await, Ok(false), "nothing is left to be done");
}

/// Dollars, in cents.
const USD: fn(i64) -> Money = |amount| Money::new(amount, Currency::USD);

async fn book(cafe: &Cafe, order: OrderId, key: &str, amount: Money) -> Result<(), PaymentError> {
    let key = key.to_owned();
    cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.payments.book_refund_in(tx, order, &key, amount).await })).await
}

on_both_databases! {
    async fn a_refused_refund_is_stuck_until_somebody_asks_again(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        cafe.books.refuse_refunds(2);
        let order = paid_and_called_off(&cafe, &running, "tok_ok").await;
        is_stuck(&cafe, order, "the card provider refuses: this card takes nothing back").await;
        // Nobody asks again by himself.
        shop.hands.advance(Duration::from_hours(1));
        running.settle().await.unwrap();
        assert_eq!(cafe.books.only().asked_back.len(), 1);

        // Refused once more: as visible as before.
        assert_eq!(retry(&cafe, order).await, Ok(true));
        running.settle().await.unwrap();
        is_stuck(&cafe, order, "the card provider refuses").await;
        assert_eq!(retry(&cafe, order).await, Ok(true));
        settle(&running).await;
        is_back_once(&cafe, order, 3).await;
    }

    /// Days without an answer end the asking. What the provider had done all the same is not done twice.
    async fn a_refund_that_was_given_up_is_asked_for_again(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        cafe.books.silence_refunds(2);
        let order = paid_and_called_off(&cafe, &running, "tok_ok").await;
        assert_eq!(stuck(&cafe).await, [], "it is asked again by itself");
        let last: Result<u64, DbError> = shop
            .db
            .transaction(|tx| Box::pin(async move { tx.execute("update job set attempts = 599 where kind = 'ordering.refund'", args![]).await }))
            .await;
        assert_eq!(last, Ok(1));
        shop.hands.advance(Duration::from_mins(5));
        running.settle().await.unwrap();
        is_stuck(&cafe, order, "no answer from the card provider").await;
        assert_eq!(retry(&cafe, order).await, Ok(true));
        settle(&running).await;
        is_back_once(&cafe, order, 1).await;
    }

    /// A provider that tells the end by notice alone: what it told to have failed stays so under its key, so the next is another.
    async fn a_refund_that_is_told_to_have_failed_is_asked_for_again(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let shopper = guest();
        let order = cafe.order(&shopper, "tok_adyen").await;
        settle(&running).await;
        cafe.backend.payments.order_returned(&cafe.backend.db, order, "redirectResult=X").await.unwrap();
        settle(&running).await;
        tell_outcome(&cafe, order, "one", "captured").await.unwrap();
        settle(&running).await;
        cafe.cancel(&shopper, order).await.unwrap();
        settle(&running).await;
        tell_outcome(&cafe, order, "two", "refund_failed").await.unwrap();
        running.settle().await.unwrap();
        let waits = stuck(&cafe).await;
        assert!(waits[0].error.as_deref().is_some_and(|error| error.contains("told that the refund has failed")), "{waits:?}");

        assert_eq!(retry(&cafe, order).await, Ok(true));
        settle(&running).await;
        assert_eq!((cafe.view(order).await.payment.status, stuck(&cafe).await), (PaymentStatus::Captured, vec![]));
        tell_outcome(&cafe, order, "three", "refunded").await.unwrap();
        settle(&running).await;
        assert_eq!(cafe.view(order).await.payment.status, PaymentStatus::Refunded);
        let asked = cafe.books.only().asked_back;
        let last = asked.last().expect("it was asked for");
        assert_eq!((last, cafe.books.balance()), (&format!("{}-1", asked[0]), 0), "{asked:?}");
        assert_eq!(broken(&cafe).await, []);
    }

    /// Called off while its capture is only received, by a provider that says no more than that to letting go of it, too: a notice
    /// tells that it was captured all the same.
    async fn a_capture_that_is_told_while_it_is_let_go_of_goes_back(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let shopper = guest();
        let order = capture_received(&cafe, &running, &shopper).await;
        cafe.cancel(&shopper, order).await.unwrap();
        settle(&running).await;
        assert_eq!(cafe.view(order).await.payment.status, PaymentStatus::Pending);
        tell_outcome(&cafe, order, "one", "captured").await.unwrap();
        settle(&running).await;
        // It is on its way back, which is only received as well.
        assert_eq!((cafe.view(order).await.payment.status, broken(&cafe).await), (PaymentStatus::Captured, vec![]));
        tell_outcome(&cafe, order, "two", "refunded").await.unwrap();
        settle(&running).await;
        let expected = [
            "order.created", "payment.action_required", "order.cancelled", "payment.declined", "payment.captured", "payment.refunded",
        ];
        assert_eq!(cafe.journey(&shopper, order).await, expected);
        is_back_once(&cafe, order, 2).await;
    }

    /// The same, told before anybody has begun to let go of it.
    async fn a_capture_that_is_told_before_it_is_let_go_of_goes_back(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let shopper = guest();
        let order = capture_received(&cafe, &running, &shopper).await;
        running.shutdown().await;
        tell_outcome(&cafe, order, "one", "captured").await.unwrap();
        cafe.cancel(&shopper, order).await.unwrap();
        let running = cafe.run();
        settle(&running).await;
        assert_eq!((cafe.view(order).await.payment.status, broken(&cafe).await), (PaymentStatus::Captured, vec![]));
        tell_outcome(&cafe, order, "two", "refunded").await.unwrap();
        settle(&running).await;
        let expected = ["order.created", "payment.action_required", "order.cancelled", "payment.captured", "payment.refunded"];
        assert_eq!(cafe.journey(&shopper, order).await, expected);
        is_back_once(&cafe, order, 2).await;
    }

    /// Its bank is just being asked when it is called off: "confirm" comes too late, and nothing is left to do.
    async fn an_order_that_is_called_off_while_its_bank_is_asked_is_over(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let shopper = guest();
        let order = cafe.order(&shopper, "tok_3ds_gate").await;
        cafe.books.wait_at_gate().await;
        cafe.cancel(&shopper, order).await.unwrap();
        cafe.books.open_gate();
        settle(&running).await;
        // It is looked at once more, and let go of.
        shop.hands.advance(Duration::from_secs(5));
        cafe.books.open_gate();
        settle(&running).await;
        let left = cafe.backend.sagas.list(&mut cafe.backend.db.reader()).await.unwrap();
        assert_eq!((cafe.view(order).await.payment.status, left, broken(&cafe).await), (PaymentStatus::Voided, vec![], vec![]));
    }

    /// A saga that stands where nothing can happen to its order is told of at once, and goes on when somebody says so.
    async fn a_saga_at_the_wrong_step_is_told_of_and_mended(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let order = paid_and_called_off(&cafe, &running, "tok_ok").await;
        let harm = "update sales_order set saga_step = 'confirm', saga_deadline = 9000000000000";
        let harmed: Result<u64, DbError> = shop.db.transaction(move |tx| Box::pin(async move { tx.execute(harm, args![]).await })).await;
        assert_eq!(harmed, Ok(1));
        let told = broken(&cafe).await;
        assert!(told.len() == 1 && told[0].0 == "sagas.moving" && told[0].1.contains("stands at confirm"), "{told:?}");
        assert_eq!(retry(&cafe, order).await, Ok(true));
        settle(&running).await;
        assert_eq!(broken(&cafe).await, []);
    }

    /// What a charge was asked with is gone when it has ended.
    async fn a_token_that_was_kept_is_told_of(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        cafe.order(&guest(), "tok_ok").await;
        settle(&running).await;
        assert_eq!(broken(&cafe).await, []);
        let harm = "update payment set token = 'sealed'";
        let harmed: Result<u64, DbError> = shop.db.transaction(move |tx| Box::pin(async move { tx.execute(harm, args![]).await })).await;
        assert_eq!(harmed, Ok(1));
        let told = broken(&cafe).await;
        assert!(told.len() == 1 && told[0].1.contains("was not wiped"), "{told:?}");
    }

    /// Money for which nobody works any more goes back all the same when somebody says so.
    async fn a_refund_that_nobody_wants_any_more_is_wanted_again(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        cafe.books.refuse_refunds(1);
        let order = paid_and_called_off(&cafe, &running, "tok_ok").await;
        let gone: Result<u64, DbError> =
            shop.db.transaction(|tx| Box::pin(async move { tx.execute("delete from job where kind = 'ordering.refund'", args![]).await })).await;
        assert_eq!(gone, Ok(1));
        shop.hands.advance(Duration::from_secs(91));
        let waits = stuck(&cafe).await;
        assert_eq!((waits.len(), waits[0].job), (1, None));
        assert_eq!(retry(&cafe, order).await, Ok(true));
        settle(&running).await;
        is_back_once(&cafe, order, 2).await;
    }

    /// Refunds of parts, as many as one likes: never more in all than was captured, whoever races, and each once. What is left
    /// goes back when the order ends.
    async fn no_more_goes_back_than_was_captured(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (ada, bob) = (person("Ada", None), guest());
        let wallet = ada.user().unwrap();
        cafe.tx(move |tx, _| Box::pin(async move { Wallets.credit_in(tx, wallet, USD(1000), Credit::Gift, "start").await })).await.unwrap();
        let checkout = cafe.begin(&ada, "harbor", &[flat_white(1)]).await.unwrap();
        let request = PlaceRequest { payment: PaymentRequest::Wallet, expected_total: checkout.quote.total };
        let by_wallet = cafe.place_as(&ada, checkout.id, request).await.unwrap();
        let by_card = cafe.order(&bob, "tok_ok").await;
        settle(&running).await;

        for (order, kind) in [(by_wallet, "wallet"), (by_card, "card")] {
            let key = |name: &str| format!("{kind}-{name}");
            assert_eq!(book(&cafe, order, &key("a"), USD(200)).await, Ok(()));
            assert_eq!(cafe.view(order).await.payment.status, PaymentStatus::PartiallyRefunded);
            assert_eq!(book(&cafe, order, &key("a"), USD(200)).await, Err(PaymentError::AlreadyApplied(key("a"))));
            for wrong in [USD(311), USD(0), USD(-1), USD(i64::MAX), Money::new(1, Currency::EUR)] {
                assert_eq!(book(&cafe, order, &key("b"), wrong).await, Err(PaymentError::TooMuch(order)), "{wrong:?}");
            }
            // Two thirds of what is left, at once, from all sides.
            let racers = (0..8).map(|n| {
                let (cafe, key) = (cafe.clone(), key(&n.to_string()));
                tokio::spawn(async move { book(&cafe, order, &key, USD(200)).await })
            });
            let won = join_all(racers).await.into_iter().filter(|booked| booked.as_ref().is_ok_and(Result::is_ok)).count();
            assert_eq!(won, 1);
            // The database refuses what the program would not do.
            for harm in ["update payment set refunded = amount + 1", "update payment set refunded = -1", "update payment set status = 'captured'",
                "update payment_refund set amount = 0"]
            {
                let done: Result<u64, DbError> = shop.db.transaction(move |tx| Box::pin(async move { tx.execute(harm, args![]).await })).await;
                assert!(matches!(done, Err(DbError::Constraint { .. })), "{harm}: {done:?}");
            }
            assert_eq!(broken(&cafe).await, []);
        }

        assert_eq!(cafe.backend.wallets.view(&mut cafe.backend.db.reader(), wallet).await.unwrap(), Some(USD(1000 - 510 + 400)));
        for (caller, order) in [(&ada, by_wallet), (&bob, by_card)] {
            cafe.cancel(caller, order).await.unwrap();
            settle(&running).await;
            assert_eq!(cafe.view(order).await.payment.status, PaymentStatus::Refunded);
            assert_eq!(book(&cafe, order, "more", USD(1)).await, Err(PaymentError::TooMuch(order)));
            let journey = cafe.journey(caller, order).await;
            assert_eq!(journey.iter().filter(|told| *told == "payment.refunded").count(), 3, "{journey:?}");
        }
        assert_eq!(cafe.backend.wallets.view(&mut cafe.backend.db.reader(), wallet).await.unwrap(), Some(USD(1000)));
        // The provider was asked for what was left, and for nothing else.
        assert_eq!((cafe.books.only().refunded, cafe.books.only().refunds.len()), (110, 1));
        assert_eq!((broken(&cafe).await, stuck(&cafe).await), (vec![], vec![]));
    }
}
