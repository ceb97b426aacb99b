//! The card provider's moods.

use std::time::Duration;

use backend::args;
use backend::db::{DbError, Sql as _};
use backend::ordering::Step;
use backend::payment::provider::RawNotice;
use backend::payment::{Patience, WebhookError};
use domain::OrderId;
use domain::ordering::{OrderStatus, PaymentStatus};

use crate::cafe::{Cafe, Work, barista, guest, settle};
use crate::support::on_both_databases;

async fn hear(cafe: &Cafe, provider: &str, signature: Option<&str>, body: &str) -> Result<(), WebhookError> {
    let signature = signature.map(str::to_owned);
    let header = move |name: &str| signature.clone().filter(|_| name == "signature");
    let raw = RawNotice { header: &header, body: body.as_bytes(), now: cafe.backend.clock.now() };
    cafe.backend.payments.hear(&cafe.backend.db, provider, &raw).await
}

/// The provider tells that something has happened to the payment of an order.
async fn tell(cafe: &Cafe, order: OrderId, event: &str) -> Result<(), WebhookError> {
    let mut reader = cafe.backend.db.reader();
    let row = reader.fetch_one("select id from payment where order_id = $1", args![order]).await.unwrap();
    tell_of(cafe, &row.get::<String>("id").unwrap(), event).await
}

/// The provider tells how something has ended.
pub async fn tell_outcome(cafe: &Cafe, order: OrderId, event: &str, outcome: &str) -> Result<(), WebhookError> {
    let mut reader = cafe.backend.db.reader();
    let row = reader.fetch_one("select id from payment where order_id = $1", args![order]).await.unwrap();
    tell_of(cafe, &format!("{} {outcome}", row.get::<String>("id").unwrap()), event).await
}

/// The provider tells that something has happened to what it knows by this key.
pub async fn tell_of(cafe: &Cafe, key: &str, event: &str) -> Result<(), WebhookError> {
    hear(cafe, "books", Some("books"), &format!("{event} {key}")).await
}

on_both_databases! {
    async fn a_provider_that_never_answers_is_asked_four_times(shop) {
        let cafe = Cafe::open_with(&shop, Patience { answer: Duration::from_millis(20), ..Patience::default() }).await;
        let running = cafe.run();
        let order = cafe.order(&guest(), "tok_silent").await;
        for asked in 1..=4 {
            settle(&running).await;
            assert_eq!(cafe.books.only().asked, asked);
            shop.hands.advance(Duration::from_secs(1));
        }
        settle(&running).await;
        let view = cafe.view(order).await;
        assert_eq!((view.status, view.reason.as_deref()), (OrderStatus::Rejected, Some("payment_timeout")));
        assert_eq!((view.payment.status, cafe.active("harbor").await), (PaymentStatus::Voided, 0));
        assert_eq!((cafe.books.only().asked, cafe.books.only().voided), (4, true));
    }

    async fn what_is_undecided_is_looked_after(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let order = cafe.order(&guest(), "tok_late").await;
        for wait in [1, 2] {
            settle(&running).await;
            assert_eq!(cafe.view(order).await.status, OrderStatus::Created);
            shop.hands.advance(Duration::from_secs(wait));
        }
        settle(&running).await;
        assert_eq!((cafe.view(order).await.status, cafe.books.only().asked), (OrderStatus::Processed, 3));
    }

    /// A provider that is gone has the time to come back before the shop gives up.
    async fn a_provider_that_is_gone_is_asked_later_and_later(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let order = cafe.order(&guest(), "tok_gone").await;
        for (asked, wait) in [(1, 2), (2, 6), (3, 12)] {
            settle(&running).await;
            assert_eq!(cafe.books.only().asked, asked);
            shop.hands.advance(Duration::from_secs(wait - 1));
            settle(&running).await;
            assert_eq!(cafe.books.only().asked, asked);
            shop.hands.advance(Duration::from_secs(1));
        }
        settle(&running).await;
        let view = cafe.view(order).await;
        assert_eq!((view.status, view.reason.as_deref(), cafe.books.only().asked), (OrderStatus::Rejected, Some("payment_timeout"), 4));
        assert_eq!(cafe.backend.sagas.list(&mut cafe.backend.db.reader()).await.unwrap(), []);
    }

    async fn what_is_never_decided_is_given_up(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let order = cafe.order(&guest(), "tok_never").await;
        settle(&running).await;
        for _ in 0..11 {
            shop.hands.advance(Duration::from_secs(5));
            settle(&running).await;
        }
        assert_eq!(cafe.view(order).await.status, OrderStatus::Created);
        shop.hands.advance(Duration::from_secs(5));
        settle(&running).await;
        let view = cafe.view(order).await;
        assert_eq!((view.status, view.reason.as_deref()), (OrderStatus::Rejected, Some("payment_timeout")));
        assert!(cafe.books.only().voided);
    }

    async fn a_card_that_wants_a_confirmation_says_where(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let shopper = guest();
        let order = cafe.order(&shopper, "tok_3ds").await;
        settle(&running).await;
        let view = cafe.view(order).await;
        assert_eq!(view.payment.status, PaymentStatus::ActionRequired);
        assert_eq!(view.payment.action_url.as_deref(), Some("https://bank.example/confirm"));
        assert_eq!(cafe.journey(&shopper, order).await, ["order.created", "payment.action_required"]);
        let saga = cafe.backend.sagas.list(&mut cafe.backend.db.reader()).await.unwrap();
        assert_eq!((saga.len(), saga[0].saga.step), (1, Step::Confirm));
        cafe.books.confirm();
        // A webhook brings the next look forward: no time has to pass.
        tell(&cafe, order, "evt_1").await.unwrap();
        settle(&running).await;
        let view = cafe.view(order).await;
        assert_eq!((view.status, view.payment.status, view.payment.action_url), (OrderStatus::Processed, PaymentStatus::Captured, None));
        let journey = cafe.journey(&shopper, order).await;
        assert_eq!(journey[..3], ["order.created", "payment.action_required", "payment.captured"], "it is told once");
        assert_eq!(cafe.backend.sagas.list(&mut cafe.backend.db.reader()).await.unwrap(), []);
    }

    /// The bar's time begins when the shopper has confirmed, and the shopper has five minutes for that.
    async fn who_confirms_late_still_gets_a_drink_and_who_never_does_gets_none(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let order = cafe.order(&guest(), "tok_3ds").await;
        settle(&running).await;
        shop.hands.advance(Duration::from_secs(280));
        settle(&running).await;
        assert_eq!(cafe.view(order).await.payment.status, PaymentStatus::ActionRequired);
        cafe.books.confirm();
        shop.hands.advance(Duration::from_secs(5));
        settle(&running).await;
        assert_eq!(cafe.view(order).await.status, OrderStatus::Processed);
        shop.hands.advance(Duration::from_secs(890));
        settle(&running).await;
        assert_eq!(cafe.view(order).await.status, OrderStatus::Processed);
        shop.hands.advance(Duration::from_secs(10));
        settle(&running).await;
        assert_eq!(cafe.view(order).await.reason.as_deref(), Some("barista_timeout"));
    }

    async fn who_never_confirms_gets_no_drink(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let order = cafe.order(&guest(), "tok_3ds").await;
        settle(&running).await;
        for _ in 0..61 {
            shop.hands.advance(Duration::from_secs(5));
            settle(&running).await;
        }
        let view = cafe.view(order).await;
        assert_eq!((view.status, view.payment.status), (OrderStatus::Rejected, PaymentStatus::Voided));
        assert_eq!((view.reason.as_deref(), cafe.active("harbor").await), (Some("payment_timeout"), 0));
    }

    /// Twice, in any order, before the answer, after the end, about nothing: a notice is a reason to look, once.
    async fn notices_may_come_as_they_like(shop) {
        let cafe = Cafe::open(&shop).await;
        let order = cafe.order(&guest(), "tok_late").await;
        tell(&cafe, order, "early").await.unwrap();
        let running = cafe.run();
        settle(&running).await;
        assert_eq!(cafe.books.only().asked, 1);
        // The same event again is no news.
        tell(&cafe, order, "early").await.unwrap();
        settle(&running).await;
        assert_eq!(cafe.books.only().asked, 1);
        for event in ["two", "three"] {
            tell(&cafe, order, event).await.unwrap();
            settle(&running).await;
        }
        assert_eq!((cafe.view(order).await.status, cafe.books.only().asked), (OrderStatus::Processed, 3));
        tell(&cafe, order, "four").await.unwrap();
        for nothing in ["five 0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071", "six x"] {
            hear(&cafe, "books", Some("books"), nothing).await.unwrap();
        }
        settle(&running).await;
        assert_eq!(cafe.books.only().asked, 3);
        assert_eq!(hear(&cafe, "books", None, "seven x").await, Err(WebhookError::Signature));
        assert_eq!(hear(&cafe, "books", Some("no"), "seven x").await, Err(WebhookError::Signature));
        assert_eq!(hear(&cafe, "bank", Some("books"), "seven x").await, Err(WebhookError::UnknownProvider));
        assert!(matches!(hear(&cafe, "books", Some("books"), "x").await, Err(WebhookError::Unreadable(_))));
    }

    /// A saga whose job was buried, or whose step came to nothing, is seen after its deadline and goes on when told to.
    async fn a_stuck_saga_is_seen_and_goes_on(shop) {
        let cafe = Cafe::open(&shop).await;
        let order = cafe.order(&guest(), "tok_ok").await;
        let stuck = async || {
            let stuck = cafe.backend.sagas.stuck(&mut cafe.backend.db.reader()).await.unwrap();
            stuck.iter().map(|waits| (waits.saga.order, waits.saga.step)).collect::<Vec<_>>()
        };
        assert_eq!(stuck().await, []);
        let buried: Result<u64, DbError> = shop
            .db
            .transaction(|tx| Box::pin(async move { tx.execute("update job set status = 'dead', error = 'x' where kind = 'ordering.charge'", args![]).await }))
            .await;
        assert_eq!(buried, Ok(1));
        shop.hands.advance(Duration::from_secs(121));
        assert_eq!(stuck().await, [(order, Step::Pay)]);
        let retried = cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.sagas.retry_in(tx, order).await })).await;
        assert_eq!(retried, Ok(true));
        assert_eq!(stuck().await, []);
        let running = cafe.run();
        settle(&running).await;
        assert_eq!(cafe.view(order).await.status, OrderStatus::Processed);
        let retried = cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.sagas.retry_in(tx, order).await })).await;
        assert_eq!(retried, Ok(false));
    }

    async fn a_refund_is_asked_for_until_it_is_answered_and_given_once(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let kim = barista("Kim");
        let order = cafe.order(&guest(), "tok_ok").await;
        settle(&running).await;
        cafe.books.silence_refunds(2);
        cafe.work(&kim, order, Work::Claim).await.unwrap();
        cafe.cancel(&kim, order).await.unwrap();
        for seconds in [1, 2] {
            settle(&running).await;
            assert_eq!(cafe.view(order).await.payment.status, PaymentStatus::Captured);
            shop.hands.advance(Duration::from_secs(seconds));
        }
        settle(&running).await;
        assert_eq!(cafe.view(order).await.payment.status, PaymentStatus::Refunded);
        assert_eq!((cafe.books.only().refunds.len(), cafe.books.balance()), (1, 0));
    }

    /// Given up without an answer, and captured all the same: it goes back, and the order's journey says both.
    async fn what_was_captured_after_being_given_up_is_told_and_goes_back(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let shopper = guest();
        cafe.books.silence_voids(3);
        let order = cafe.order(&shopper, "tok_lost").await;
        for wait in [2, 6, 12] {
            settle(&running).await;
            shop.hands.advance(Duration::from_secs(wait));
        }
        settle(&running).await;
        let view = cafe.view(order).await;
        assert_eq!((view.status, view.payment.status), (OrderStatus::Rejected, PaymentStatus::Pending), "nobody knows yet");
        for wait in [1, 2] {
            let waits = cafe.backend.sagas.list(&mut cafe.backend.db.reader()).await.unwrap();
            assert!(waits[0].error.as_deref().is_some_and(|error| error.contains("silent")) && waits[0].next_attempt.is_some(), "{waits:?}");
            shop.hands.advance(Duration::from_secs(wait));
            settle(&running).await;
        }
        let journey = cafe.journey(&shopper, order).await;
        let expected = ["order.created", "payment.declined", "order.rejected", "payment.captured", "payment.refunded"];
        assert_eq!(journey, expected);
        assert_eq!(cafe.view(order).await.payment.status, PaymentStatus::Refunded);
        assert_eq!((cafe.books.only().refunds.len(), cafe.books.balance()), (1, 0));
        assert_eq!(cafe.backend.sagas.list(&mut cafe.backend.db.reader()).await.unwrap(), []);
        let verdicts = backend::check::run(&cafe.backend.db).await.unwrap();
        assert!(verdicts.iter().all(|verdict| verdict.ok), "{verdicts:?}");
    }

    /// A provider that says no more than "received" (Adyen): what the bank gave the shopper is handed over, and how the capture
    /// and the refund ended is told by notices alone, in any order and twice.
    async fn what_is_only_received_is_told_by_notices(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let shopper = guest();
        let order = cafe.order(&shopper, "tok_adyen").await;
        settle(&running).await;
        assert_eq!(cafe.view(order).await.payment.status, PaymentStatus::ActionRequired);
        let (payments, db) = (&cafe.backend.payments, &cafe.backend.db);
        for query in ["", "error=x", "redirectResult=X%21Y"] {
            assert_eq!(cafe.books.only().answer, None);
            payments.order_returned(db, order, query).await.unwrap();
            settle(&running).await;
        }
        assert_eq!(cafe.books.only().answer.as_deref(), Some("X%21Y"));
        // Captured there, and not told: the order waits.
        assert!(cafe.books.only().captured);
        shop.hands.advance(Duration::from_secs(30));
        settle(&running).await;
        assert_eq!(cafe.view(order).await.status, OrderStatus::Created);
        tell_outcome(&cafe, order, "one", "captured").await.unwrap();
        tell_outcome(&cafe, order, "two", "authorized").await.unwrap();
        settle(&running).await;
        assert_eq!((cafe.view(order).await.status, cafe.books.balance()), (OrderStatus::Processed, 510));

        cafe.cancel(&shopper, order).await.unwrap();
        settle(&running).await;
        assert_eq!(cafe.view(order).await.payment.status, PaymentStatus::Captured);
        for event in ["three", "three", "four"] {
            tell_outcome(&cafe, order, event, "refunded").await.unwrap();
            settle(&running).await;
            assert_eq!(cafe.view(order).await.payment.status, PaymentStatus::Refunded);
        }
        assert_eq!((cafe.books.only().refunds.len(), cafe.books.balance()), (1, 0));
    }

    /// The capture is told to have failed, and that it had gone well is old news: no drink without money.
    async fn a_capture_that_is_told_to_have_failed_ends_the_order(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let order = cafe.order(&guest(), "tok_adyen").await;
        settle(&running).await;
        tell_outcome(&cafe, order, "one", "capture_failed").await.unwrap();
        tell_outcome(&cafe, order, "two", "captured").await.unwrap();
        // A look that is under way is not hurried.
        settle(&running).await;
        cafe.backend.payments.order_returned(&cafe.backend.db, order, "redirectResult=X").await.unwrap();
        settle(&running).await;
        let view = cafe.view(order).await;
        assert_eq!((view.status, view.reason.as_deref()), (OrderStatus::Rejected, Some("payment_declined")));
        // That it is let go of is only received, too.
        let sagas = async || cafe.backend.sagas.list(&mut cafe.backend.db.reader()).await.unwrap().len();
        assert_eq!((view.payment.status, sagas().await), (PaymentStatus::Pending, 1));
        tell_outcome(&cafe, order, "three", "voided").await.unwrap();
        settle(&running).await;
        assert_eq!((cafe.active("harbor").await, sagas().await), (0, 0));
        assert_eq!(cafe.view(order).await.payment.status, PaymentStatus::Voided);
    }

    /// Called off while the provider is silent: that nothing was taken is said when it is sure, and told then.
    async fn what_is_let_go_of_is_undecided_until_it_is_sure(shop) {
        let cafe = Cafe::open(&shop).await;
        let shopper = guest();
        let order = cafe.order(&shopper, "tok_ok").await;
        cafe.cancel(&shopper, order).await.unwrap();
        cafe.books.silence_voids(2);
        let running = cafe.run();
        settle(&running).await;
        let unsure = cafe.view(order).await;
        assert_eq!((unsure.status, unsure.payment.status), (OrderStatus::Cancelled, PaymentStatus::Pending));
        assert_eq!(cafe.journey(&shopper, order).await, ["order.created", "order.cancelled", "payment.declined"]);
        assert_eq!(cafe.backend.sagas.list(&mut cafe.backend.db.reader()).await.unwrap().len(), 1);
        shop.hands.advance(Duration::from_secs(5));
        settle(&running).await;
        let sure = cafe.view(order).await;
        assert_eq!((sure.payment.status, cafe.books.only().voided), (PaymentStatus::Voided, true));
        assert!(sure.sequence > unsure.sequence, "it can be seen");
        let expected = ["order.created", "order.cancelled", "payment.declined", "payment.voided"];
        assert_eq!(cafe.journey(&shopper, order).await, expected);
        assert_eq!(cafe.backend.sagas.list(&mut cafe.backend.db.reader()).await.unwrap(), []);
        let verdicts = backend::check::run(&cafe.backend.db).await.unwrap();
        assert!(verdicts.iter().all(|verdict| verdict.ok), "{verdicts:?}");
    }

    /// Called off while its shopper was to confirm it: from then on nobody is led to the bank, however long letting go takes.
    async fn what_is_called_off_is_not_to_be_confirmed(shop) {
        let cafe = Cafe::open(&shop).await;
        let (running, shopper) = (cafe.run(), guest());
        let order = cafe.order(&shopper, "tok_3ds").await;
        settle(&running).await;
        assert_eq!(cafe.view(order).await.payment.status, PaymentStatus::ActionRequired);
        running.shutdown().await;
        cafe.cancel(&shopper, order).await.unwrap();
        let view = cafe.view(order).await;
        assert_eq!((view.status, view.payment.status), (OrderStatus::Cancelled, PaymentStatus::Pending));
        assert_eq!((view.payment.action_url, view.payment.confirm_by), (None, None));
        let running = cafe.run();
        settle(&running).await;
        assert_eq!(cafe.view(order).await.payment.status, PaymentStatus::Voided);
    }

    /// A card's token is there as long as it is needed, and in no event.
    async fn a_token_is_forgotten(shop) {
        let cafe = Cafe::open(&shop).await;
        let order = cafe.order(&guest(), "tok_ok").await;
        let token = async || {
            let mut reader = cafe.backend.db.reader();
            let row = reader.fetch_one("select token from payment where order_id = $1", args![order]).await.unwrap();
            row.get::<Option<String>>("token").unwrap()
        };
        let kept = token().await.expect("it waits for the charge");
        assert!(!kept.contains("tok_ok") && kept.len() > 40, "{kept}");
        if let Some(file) = cafe.backend.db.file() {
            for file in [file.to_owned(), file.with_extension("db-wal")] {
                let bytes = std::fs::read(&file).unwrap();
                assert!(!bytes.is_empty() && !bytes.windows(6).any(|part| part == b"tok_ok"), "{}", file.display());
            }
        }
        let running = cafe.run();
        settle(&running).await;
        assert_eq!(token().await, None);
        let mut reader = cafe.backend.db.reader();
        let told = "select count(*) as n from event where data like '%tok_ok%'";
        assert_eq!(reader.fetch_one(told, args![]).await.unwrap().get::<i64>("n").unwrap(), 0);
        let wanted = "select count(*) as n from job where payload like '%tok_ok%'";
        assert_eq!(reader.fetch_one(wanted, args![]).await.unwrap().get::<i64>("n").unwrap(), 0);
    }
}
