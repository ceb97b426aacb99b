//! The card provider's moods.

use std::time::Duration;

use backend::payment::Patience;
use domain::ordering::{OrderStatus, PaymentStatus};

use crate::cafe::{Cafe, Work, barista, guest, settle};
use crate::support::on_both_databases;

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
        for _ in 0..2 {
            settle(&running).await;
            assert_eq!(cafe.view(order).await.status, OrderStatus::Created);
            shop.hands.advance(Duration::from_secs(1));
        }
        settle(&running).await;
        assert_eq!((cafe.view(order).await.status, cafe.books.only().asked), (OrderStatus::Processed, 3));
    }

    async fn a_card_that_wants_a_confirmation_says_where(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let order = cafe.order(&guest(), "tok_3ds").await;
        settle(&running).await;
        let view = cafe.view(order).await;
        assert_eq!(view.payment.status, PaymentStatus::ActionRequired);
        assert_eq!(view.payment.action_url.as_deref(), Some("https://bank.example/confirm"));
        shop.hands.advance(Duration::from_secs(1));
        settle(&running).await;
        let view = cafe.view(order).await;
        assert_eq!((view.status, view.payment.status, view.payment.action_url), (OrderStatus::Processed, PaymentStatus::Captured, None));
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

    /// A card's token is there as long as it is needed, and in no event.
    async fn a_token_is_forgotten(shop) {
        use backend::args;
        use backend::db::Sql as _;

        let cafe = Cafe::open(&shop).await;
        let order = cafe.order(&guest(), "tok_ok").await;
        let token = async || {
            let mut reader = cafe.backend.db.reader();
            let row = reader.fetch_one("select token from payment where order_id = $1", args![order]).await.unwrap();
            row.get::<Option<String>>("token").unwrap()
        };
        assert_eq!(token().await.as_deref(), Some("tok_ok"));
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
