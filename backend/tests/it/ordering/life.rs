//! The life of an order, as far as it goes.

use std::time::Duration;

use backend::identity::Caller;
use backend::ordering::OrderingError;
use backend::refused::Refused as _;
use domain::ordering::{CancelledBy, Illegal, OrderStatus, PaymentStatus};
use domain::prep::FulfilmentStatus;
use domain::view::Role;

use crate::cafe::{Cafe, EN, Work, barista, croissant, flat_white, guest, person, settle};
use crate::support::on_both_databases;

on_both_databases! {
    async fn from_the_menu_to_the_hand_over(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (caller, kim) = (guest(), barista("Kim"));
        let checkout = cafe.begin(&caller, "harbor", &[flat_white(1), croissant(2)]).await.unwrap();
        let order = cafe.place(&caller, &checkout, "tok_ok").await.unwrap();
        assert_eq!(cafe.view(order).await.number, 1);
        settle(&running).await;

        let view = cafe.view(order).await;
        assert_eq!((view.status, view.payment.status, view.cancellable), (OrderStatus::Processed, PaymentStatus::Captured, true));
        assert_eq!((view.fulfilments[0].status, view.queue_position), (FulfilmentStatus::Queued, Some(1)));
        assert_eq!((view.lines.len(), view.quote.total.amount), (2, 510 + 750));
        assert_eq!((cafe.stock("harbor", "butter-croissant").await, cafe.active("harbor").await), ((10, 0), 1));

        let mut seen = view.sequence;
        for (work, status) in
            [(Work::Claim, FulfilmentStatus::Making), (Work::Ready, FulfilmentStatus::Ready), (Work::Collect, FulfilmentStatus::Collected)]
        {
            cafe.work(&kim, order, work).await.unwrap();
            let view = cafe.view(order).await;
            assert!(view.sequence > seen, "every step can be seen");
            assert_eq!((view.fulfilments[0].status, view.cancellable), (status, false));
            seen = view.sequence;
        }
        settle(&running).await;
        assert_eq!((cafe.view(order).await.status, cafe.active("harbor").await), (OrderStatus::Fulfilled, 0));
        let journey = cafe.journey(&caller, order).await;
        let expected = [
            "order.created", "payment.captured", "stock.sold", "order.processed", "prep.queued", "prep.claimed", "prep.ready",
            "prep.collected", "order.fulfilled",
        ];
        assert_eq!(journey, expected);
        assert_eq!(cafe.books.balance(), 1260);
        // The bar's time limit is met: nothing happens later.
        shop.hands.advance(Duration::from_hours(1));
        settle(&running).await;
        assert_eq!(cafe.journey(&caller, order).await.len(), 9);
    }

    async fn a_declined_card_frees_everything(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let caller = guest();
        let checkout = cafe.begin(&caller, "harbor", &[croissant(3)]).await.unwrap();
        let order = cafe.place(&caller, &checkout, "tok_declined").await.unwrap();
        settle(&running).await;
        let view = cafe.view(order).await;
        assert_eq!((view.status, view.reason.as_deref()), (OrderStatus::Rejected, Some("payment_declined")));
        assert_eq!((view.payment.status, view.cancellable), (PaymentStatus::Declined, false));
        assert_eq!((cafe.stock("harbor", "butter-croissant").await, cafe.active("harbor").await), ((12, 0), 0));
        assert_eq!(cafe.journey(&caller, order).await, ["order.created", "payment.declined", "order.rejected"]);
    }

    async fn a_capture_that_comes_too_late_goes_back(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let caller = guest();
        let order = cafe.order(&caller, "tok_gate").await;
        cafe.books.wait_at_gate().await;
        cafe.cancel(&caller, order).await.unwrap();
        assert_eq!(cafe.active("harbor").await, 0);
        cafe.books.open_gate();
        settle(&running).await;
        let view = cafe.view(order).await;
        assert_eq!((view.status, view.cancelled_by), (OrderStatus::Cancelled, Some(CancelledBy::Customer)));
        assert_eq!(view.payment.status, PaymentStatus::Refunded);
        assert_eq!((cafe.books.only().captured, cafe.books.only().refunds.len()), (true, 1));
        assert!(matches!(cafe.cancel(&caller, order).await, Err(OrderingError::Illegal(Illegal::AlreadyApplied))));
        let expected = ["order.created", "order.cancelled", "payment.captured", "payment.refunded"];
        assert_eq!(cafe.journey(&caller, order).await, expected);
    }

    async fn an_order_cancelled_before_its_charge_is_never_charged(shop) {
        let cafe = Cafe::open(&shop).await;
        let caller = guest();
        let order = cafe.order(&caller, "tok_ok").await;
        cafe.cancel(&caller, order).await.unwrap();
        let running = cafe.run();
        settle(&running).await;
        assert_eq!(cafe.view(order).await.payment.status, PaymentStatus::Voided);
        let entry = cafe.books.only();
        assert_eq!((entry.asked, entry.voided, entry.captured), (0, true, false));
    }

    async fn staff_may_cancel_what_is_being_made_and_it_is_refunded_once(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (caller, kim) = (guest(), barista("Kim"));
        let checkout = cafe.begin(&caller, "harbor", &[croissant(4)]).await.unwrap();
        let order = cafe.place(&caller, &checkout, "tok_ok").await.unwrap();
        settle(&running).await;
        cafe.work(&kim, order, Work::Claim).await.unwrap();
        assert!(matches!(cafe.cancel(&caller, order).await, Err(OrderingError::Illegal(Illegal::WorkStarted))));
        assert_eq!(cafe.stock("harbor", "butter-croissant").await, (8, 0));
        cafe.cancel(&kim, order).await.unwrap();
        assert!(cafe.cancel(&kim, order).await.is_err());
        settle(&running).await;
        let view = cafe.view(order).await;
        assert_eq!((view.status, view.cancelled_by), (OrderStatus::Cancelled, Some(CancelledBy::Staff)));
        assert_eq!((view.payment.status, view.fulfilments[0].status), (PaymentStatus::Refunded, FulfilmentStatus::Failed));
        assert_eq!((cafe.stock("harbor", "butter-croissant").await, cafe.active("harbor").await), ((12, 0), 0));
        assert_eq!(cafe.books.only().refunds.len(), 1);
    }

    async fn a_reason_that_would_be_read_backwards_is_refused(shop) {
        let cafe = Cafe::open(&shop).await;
        let (caller, kim) = (guest(), barista("Kim"));
        let order = cafe.order(&caller, "tok_ok").await;
        let cancel = async |by: &Caller, reason: &'static str| {
            let by = by.clone();
            let cancelling = cafe.tx(move |tx, cafe| {
                Box::pin(async move { cafe.backend.orders.cancel_in(tx, &by, order, Some(reason.to_owned())).await })
            });
            cancelling.await
        };
        for by in [&caller, &kim] {
            for reason in ["<svg onload=alert(8)>\u{202E} gone", "too\u{200B} late", "\u{2066}late\u{2069}", "a\u{0}b"] {
                let refused = cancel(by, reason).await.unwrap_err();
                let fault = &refused.faults()[0];
                assert_eq!((refused.status(), &*fault.pointer, &*fault.code), (422, "/reason", "control_character"), "{reason:?}");
            }
        }
        assert_eq!(cafe.view(order).await.status, OrderStatus::Created);
        cancel(&kim, " The cafe\u{301} is full ☕️ ").await.unwrap();
        assert_eq!(cafe.view(order).await.reason.as_deref(), Some("The café is full ☕️"));
    }

    async fn what_is_collected_is_not_cancelled(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let kim = barista("Kim");
        let order = cafe.order(&guest(), "tok_ok").await;
        settle(&running).await;
        for work in [Work::Claim, Work::Ready, Work::Collect] {
            cafe.work(&kim, order, work).await.unwrap();
        }
        assert!(matches!(cafe.cancel(&kim, order).await, Err(OrderingError::Illegal(_))));
        settle(&running).await;
        assert_eq!((cafe.view(order).await.status, cafe.books.balance()), (OrderStatus::Fulfilled, 510));
    }

    async fn a_bar_that_is_too_late_loses_the_order(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (caller, kim) = (guest(), barista("Kim"));
        let (made, late) = (cafe.order(&caller, "tok_ok").await, cafe.order(&caller, "tok_ok").await);
        settle(&running).await;
        cafe.work(&kim, made, Work::Claim).await.unwrap();
        cafe.work(&kim, made, Work::Ready).await.unwrap();
        cafe.work(&kim, late, Work::Claim).await.unwrap();
        shop.hands.advance(Duration::from_mins(15));
        settle(&running).await;
        let view = cafe.view(late).await;
        assert_eq!((view.status, view.cancelled_by), (OrderStatus::Cancelled, Some(CancelledBy::System)));
        assert_eq!((view.reason.as_deref(), view.payment.status), (Some("barista_timeout"), PaymentStatus::Refunded));
        assert!(cafe.journey(&caller, late).await.contains(&"prep.timed_out".to_owned()));
        assert_eq!(cafe.view(made).await.status, OrderStatus::Processed);
        assert_eq!((cafe.active("harbor").await, cafe.books.balance()), (0, 510));
    }

    /// A stranger cannot tell an order that is not theirs from one that is not there.
    async fn an_order_is_its_owners_and_the_staffs(shop) {
        let cafe = Cafe::open(&shop).await;
        let caller = guest();
        let order = cafe.order(&caller, "tok_ok").await;
        let reader = || cafe.backend.db.reader();
        for (who, sees) in [
            (caller.clone(), true),
            (barista("Kim"), true),
            (person("Wu", Some((Role::Warehouse, "harbor"))), true),
            (guest(), false),
            (person("Ada", None), false),
            (person("Sam", Some((Role::Manager, "pier"))), false),
            (backend::identity::Caller::Nobody, false),
        ] {
            let view = cafe.backend.orders.view_for(&mut reader(), &who, order, EN).await;
            assert_eq!(view.is_ok(), sees, "{who:?}");
            let journey = cafe.backend.orders.journey(&mut reader(), &who, order).await;
            assert_eq!(journey.is_ok(), sees, "{who:?}");
            if !sees {
                assert!(cafe.cancel(&who, order).await.is_err(), "{who:?}");
            }
        }
        let list = cafe.backend.orders.list(&mut reader(), &caller.owner().unwrap(), None, 10, EN).await.unwrap();
        assert_eq!((list.items.len(), list.items[0].id, list.next), (1, order, None));
        assert_eq!(cafe.view(order).await.status, OrderStatus::Created);
    }

    async fn my_orders_come_in_pages(shop) {
        let cafe = Cafe::open(&shop).await;
        let caller = guest();
        let mut placed = Vec::new();
        for _ in 0..5 {
            placed.push(cafe.order(&caller, "tok_ok").await);
        }
        placed.reverse();
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = cafe.backend.orders.list(&mut cafe.backend.db.reader(), &caller.owner().unwrap(), after, 2, EN).await.unwrap();
            found.extend(page.items.iter().map(|order| order.id));
            match page.next {
                Some(next) => after = Some(next.parse().unwrap()),
                None => break,
            }
        }
        assert_eq!(found, placed);
    }
}
