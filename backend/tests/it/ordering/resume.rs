//! What happens when the process stops between two steps.

use backend::ordering::Saga;
use backend::prep::QueueSubscriber;
use backend::runner::Runner;
use domain::ordering::{OrderStatus, PaymentStatus};

use crate::cafe::{Cafe, croissant, guest, settle};
use crate::support::on_both_databases;

on_both_databases! {
    /// Every step is taken by another process, which ends right after it, without a word.
    async fn another_process_goes_on_where_one_stopped(shop) {
        let cafe = Cafe::open(&shop).await;
        let caller = guest();
        let checkout = cafe.begin(&caller, "harbor", &[croissant(1)]).await.unwrap();
        let order = cafe.place(&caller, &checkout, "tok_ok").await.unwrap();
        let db = || cafe.backend.db.clone();
        let saga = || Runner::new(db()).subscriber(Saga::new(cafe.backend.orders.clone()));
        let jobs = || cafe.backend.payments.jobs(Runner::new(db()), &cafe.backend.db);
        let queue = || Runner::new(db()).subscriber(QueueSubscriber);
        for (runner, status, payment, queued) in [
            (saga(), OrderStatus::Created, PaymentStatus::Pending, 0),
            (jobs(), OrderStatus::Created, PaymentStatus::Captured, 0),
            (saga(), OrderStatus::Processed, PaymentStatus::Captured, 0),
            (queue(), OrderStatus::Processed, PaymentStatus::Captured, 1),
            // Everybody once more: nothing is done twice.
            (cafe.backend.runner(), OrderStatus::Processed, PaymentStatus::Captured, 1),
        ] {
            let running = runner.start();
            settle(&running).await;
            drop(running);
            let view = cafe.view(order).await;
            assert_eq!((view.status, view.payment.status, view.fulfilments.len()), (status, payment, queued));
            // On PostgreSQL the next process waits until the leases of the dead one have ended.
            shop.hands.advance(std::time::Duration::from_secs(10));
        }
        let entry = cafe.books.only();
        assert_eq!((entry.asked, entry.captured), (1, true));
        assert_eq!(cafe.stock("harbor", "butter-croissant").await, (11, 0));
        let expected = ["order.created", "payment.captured", "stock.sold", "order.processed", "prep.queued"];
        assert_eq!(cafe.journey(&caller, order).await, expected);
    }

    /// A process that dies while the provider captures: the next one asks again with the same key, and nothing is taken
    /// twice.
    async fn a_charge_that_was_cut_off_is_asked_for_again(shop) {
        let cafe = Cafe::open(&shop).await;
        let order = cafe.order(&guest(), "tok_gate").await;
        let running = cafe.run();
        cafe.books.wait_at_gate().await;
        drop(running);
        shop.hands.advance(std::time::Duration::from_secs(15));
        let running = cafe.run();
        cafe.books.wait_at_gate().await;
        cafe.books.open_gate();
        settle(&running).await;
        assert_eq!(cafe.view(order).await.status, OrderStatus::Processed);
        let entry = cafe.books.only();
        assert_eq!((entry.asked, entry.captured, entry.refunds.len()), (2, true, 0));
    }
}
