//! Everybody at once: whoever races, what there is goes to as many as there are, and every place and unit comes back.
//! `ORDERLY_RACES=50 cargo test -p backend --test it races` (`make races`) runs each race fifty times.

mod alone;
mod keys;
mod places;
mod roles;
mod wallets;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use backend::check;
use backend::db::Sql as _;
use backend::inventory::Adjustment;
use backend::ordering::OrderingError;
use backend::refused::Refused as _;
use backend::stores::SettingsPatch;
use domain::OrderId;
use domain::event::Actor;
use domain::ordering::{OrderStatus, PaymentStatus};
use domain::view::{Address, CheckoutRequest, FulfilmentRequest};
use futures::future::join_all;
use tokio::sync::Barrier;

use crate::cafe::{Cafe, Work, barista, croissant, guest, id, line, request, settle};
use crate::support::{on_both_databases, rounds};

/// Starts all of them at the same moment, and waits for all.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(racers: impl IntoIterator<Item = F>) -> Vec<T> {
    let racers: Vec<_> = racers.into_iter().collect();
    let start = Arc::new(Barrier::new(racers.len()));
    let tasks = racers.into_iter().map(|racer| {
        let start = start.clone();
        tokio::spawn(async move {
            start.wait().await;
            racer.await
        })
    });
    join_all(tasks).await.into_iter().map(|ended| ended.expect("no racer panics")).collect()
}

/// One plush unicorn, sent to Ada.
fn unicorn_request() -> CheckoutRequest {
    let mut request = request("unicorn", &[line("unicorn-plush", 1, &[])]);
    let (name, line1, city) = ("Ada".to_owned(), "1 Pier".to_owned(), "Harbor".to_owned());
    let address = Address { name, line1, line2: None, city, region: None, postal_code: "12345".to_owned(), country: "US".to_owned() };
    request.fulfilment = FulfilmentRequest::Ship { address };
    request
}

/// A card is charged for it.
async fn buy_a_unicorn(cafe: Cafe) -> Result<OrderId, OrderingError> {
    let caller = guest();
    let checkout = patiently(|| cafe.begin_as(&caller, unicorn_request())).await?;
    patiently(|| cafe.place(&caller, &checkout, "tok_ok")).await
}

/// Asks again where a slow machine had no connection in time (503): so do the clients.
async fn patiently<T, F: Future<Output = Result<T, OrderingError>>>(mut ask: impl FnMut() -> F) -> Result<T, OrderingError> {
    let mut patience = 10;
    loop {
        match ask().await {
            Err(OrderingError::Unavailable(error)) if error.is_transient() && patience > 0 => patience -= 1,
            answer => return answer,
        }
    }
}

async fn capacity(cafe: &Cafe, capacity: Option<i64>) {
    cafe.settings("harbor", SettingsPatch { capacity: Some(capacity), ..SettingsPatch::default() }).await;
}

on_both_databases! {
    /// The figure to reach: exactly 4 orders, and 96 who are told clearly that nothing is left.
    async fn a_hundred_buyers_and_four_units(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let mut sold = 0;
        for round in 1..=rounds() {
            let buyers = at_once((0..100).map(|_| buy_a_unicorn(cafe.clone()))).await;
            let mut orders = Vec::new();
            for bought in buyers {
                match bought {
                    Ok(order) => orders.push(order),
                    Err(error) => {
                        assert_eq!((error.code(), error.status()), ("out_of_stock", 409), "round {round}: {error:?}");
                        let faults = error.faults();
                        assert_eq!((faults.len(), faults[0].pointer.as_str(), faults[0].available), (1, "/lines/0", Some(0)));
                    }
                }
            }
            assert_eq!(orders.len(), 4, "round {round}");
            settle(&running).await;
            sold += 4 * 1700;
            for order in orders {
                let view = cafe.view(order).await;
                assert_eq!((view.status, view.payment.status), (OrderStatus::Processed, PaymentStatus::Captured));
            }
            assert_eq!((cafe.stock("unicorn", "unicorn-plush").await, cafe.books.balance()), ((0, 0), sold));
            cafe.tx(|tx, cafe| {
                let sku = "unicorn-plush".parse().expect("a SKU");
                Box::pin(async move {
                    cafe.backend.stock.adjust_in(tx, &id("unicorn"), &sku, Adjustment::Delta(4), "received", Actor::System).await
                })
            })
            .await
            .unwrap();
        }
    }

    /// One shopper begins many times at once, with the same things in another order each time, and so do others: each has one
    /// live checkout in the end, nobody waits for anybody in a circle, and nothing is held twice.
    async fn a_shopper_has_one_checkout_however_often_it_begins(shop) {
        let cafe = Cafe::open(&shop).await;
        capacity(&cafe, None).await;
        let running = cafe.run();
        let shoppers = [guest(), guest(), guest()];
        for round in 1..=rounds() {
            let begun = at_once((0..24).map(|n| {
                let (cafe, caller) = (cafe.clone(), shoppers[n % 3].clone());
                let pastries = [line("butter-croissant", 1, &[]), line("almond-croissant", 1, &[]), line("banana-bread", 1, &[])];
                let lines: Vec<_> = (0..2).map(|k| pastries[(n / 3 + k * (1 + n % 2)) % 3].clone()).collect();
                async move { patiently(|| cafe.begin(&caller, "harbor", &lines)).await }
            }))
            .await;
            for begun in begun {
                begun.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
            }
            let live = "select count(*) as n, count(distinct owner) as owners from checkout where status = 'live'";
            let row = cafe.backend.db.reader().fetch_one(live, backend::args![]).await.unwrap();
            assert_eq!((row.get::<i64>("n").unwrap(), row.get::<i64>("owners").unwrap()), (3, 3), "round {round}");
            let held = "select cast(sum(held) as bigint) as n from stock";
            let row = cafe.backend.db.reader().fetch_one(held, backend::args![]).await.unwrap();
            assert_eq!(row.get::<i64>("n").unwrap(), 6, "round {round}: two each");
            settle(&running).await;
            assert!(check::run(&shop.db).await.unwrap().iter().all(|verdict| verdict.ok), "round {round}");
        }
    }

    /// At the very end of a hold its shopper places, once, twice and three times, while the timer fires.
    async fn a_checkout_becomes_one_order_or_none(shop) {
        let shop = Arc::new(shop);
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let mut eaten = 0;
        for round in 0..rounds() {
            let caller = guest();
            let checkout = cafe.begin(&caller, "harbor", &[croissant(1)]).await.unwrap();
            // The first round is in time for sure.
            shop.hands.advance(if round == 0 { Duration::from_secs(1) } else { Duration::from_millis(299_999) });
            let clock = shop.clone();
            let placing = (0..3).map(|_| {
                let (cafe, caller, checkout) = (cafe.clone(), caller.clone(), checkout.clone());
                Box::pin(async move { cafe.place(&caller, &checkout, "tok_declined").await.ok() }) as futures::future::BoxFuture<'static, _>
            });
            let ticking = Box::pin(async move {
                if round > 0 {
                    clock.hands.advance(Duration::from_millis(1));
                }
                None
            }) as futures::future::BoxFuture<'static, _>;
            let orders: Vec<OrderId> = at_once(placing.chain([ticking])).await.into_iter().flatten().collect();
            assert!(orders.len() <= 1, "round {round}: {orders:?}");
            eaten += orders.len();
            settle(&running).await;
            shop.hands.advance(Duration::from_mins(5));
            settle(&running).await;
            assert_eq!((cafe.stock("harbor", "butter-croissant").await, cafe.active("harbor").await), ((12, 0), 0), "round {round}");
        }
        assert!(eaten > 0, "one that is in time is placed");
    }

    /// The bar begins while the shopper calls off: one of them is told no, and the other's word holds.
    async fn a_claim_and_a_cancel_do_not_both_happen(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        // Fifty orders that are kept are more than the bar has places for.
        capacity(&cafe, None).await;
        let mut kept = 0;
        for round in 1..=rounds() {
            let caller = guest();
            let order = cafe.order(&caller, "tok_ok").await;
            settle(&running).await;
            let claims = ["Kim", "Lee"].map(|name| {
                let cafe = cafe.clone();
                Box::pin(async move { cafe.work(&barista(name), order, Work::Claim).await.is_ok() }) as futures::future::BoxFuture<'static, _>
            });
            let cancel = {
                let (cafe, caller) = (cafe.clone(), caller.clone());
                Box::pin(async move { cafe.cancel(&caller, order).await.is_ok() }) as futures::future::BoxFuture<'static, _>
            };
            let won = at_once(claims.into_iter().chain([cancel])).await;
            assert_eq!(won.iter().filter(|won| **won).count(), 1, "round {round}: {won:?}");
            settle(&running).await;
            let view = cafe.view(order).await;
            if won[2] {
                assert_eq!((view.status, view.payment.status), (OrderStatus::Cancelled, PaymentStatus::Refunded));
            } else {
                kept += 510;
                assert_eq!((view.status, view.payment.status), (OrderStatus::Processed, PaymentStatus::Captured));
            }
            assert!(cafe.books.all().iter().all(|entry| entry.refunds.len() <= 1));
            assert_eq!(cafe.books.balance(), kept, "round {round}");
        }
    }
}
