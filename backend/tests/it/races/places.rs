//! A store's places: as many as there are, whoever comes and whatever becomes of them.

use std::time::Duration;

use backend::check;
use backend::refused::Refused as _;
use domain::ordering::OrderStatus;

use super::{at_once, capacity};
use crate::cafe::{Cafe, Work, barista, flat_white, guest, settle};
use crate::support::{on_both_databases, rounds};

on_both_databases! {
    /// N is N, whoever comes; and each way that a place can come back brings it back, once.
    async fn places_are_as_many_as_there_are_and_all_come_back(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let kim = barista("Kim");
        capacity(&cafe, Some(5)).await;
        for round in 1..=rounds() {
            let begun = at_once((0..17).map(|_| {
                let (cafe, caller) = (cafe.clone(), guest());
                async move { cafe.begin(&caller, "harbor", &[flat_white(1)]).await.map(|checkout| (caller, checkout)) }
            }))
            .await;
            let mut in_time = Vec::new();
            for begun in begun {
                match begun {
                    Ok(begun) => in_time.push(begun),
                    Err(error) => assert_eq!((error.code(), error.status()), ("store_at_capacity", 503), "{error:?}"),
                }
            }
            assert_eq!((in_time.len(), cafe.active("harbor").await), (5, 5), "round {round}");

            // Given up; declined; cancelled; made; and one that nobody places.
            let (caller, checkout) = in_time.pop().unwrap();
            let given_up = at_once((0..3).map(|_| {
                let (cafe, caller, id) = (cafe.clone(), caller.clone(), checkout.id);
                async move { cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.checkouts.cancel_in(tx, &caller, id).await })).await }
            }))
            .await;
            assert!(given_up.iter().all(Result::is_ok));
            assert_eq!(cafe.active("harbor").await, 4);

            let (caller, checkout) = in_time.pop().unwrap();
            let declined = cafe.place(&caller, &checkout, "tok_declined").await.unwrap();
            settle(&running).await;
            assert_eq!((cafe.view(declined).await.status, cafe.active("harbor").await), (OrderStatus::Rejected, 3));

            let (caller, checkout) = in_time.pop().unwrap();
            let cancelled = cafe.place(&caller, &checkout, "tok_ok").await.unwrap();
            let ways = [caller, kim.clone()].map(|who| {
                let cafe = cafe.clone();
                async move { cafe.cancel(&who, cancelled).await }
            });
            assert_eq!(at_once(ways).await.into_iter().flatten().count(), 1);
            settle(&running).await;
            assert_eq!((cafe.view(cancelled).await.status, cafe.active("harbor").await), (OrderStatus::Cancelled, 2));

            let (caller, checkout) = in_time.pop().unwrap();
            let made = cafe.place(&caller, &checkout, "tok_ok").await.unwrap();
            settle(&running).await;
            cafe.work(&kim, made, Work::Claim).await.unwrap();
            let ready = at_once((0..3).map(|_| {
                let (cafe, kim) = (cafe.clone(), kim.clone());
                async move { cafe.work(&kim, made, Work::Ready).await }
            }))
            .await;
            assert_eq!((ready.iter().filter(|ready| ready.is_ok()).count(), cafe.active("harbor").await), (1, 1));
            cafe.work(&kim, made, Work::Collect).await.unwrap();

            shop.hands.advance(Duration::from_mins(5));
            settle(&running).await;
            assert_eq!(cafe.active("harbor").await, 0, "round {round}");
        }
    }

    /// A capacity is set and taken away while people come and go: it counts everybody who is there.
    async fn places_are_counted_whenever_a_capacity_comes(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        capacity(&cafe, None).await;
        for round in 1..=rounds() {
            let comings = (0..16).map(|_| {
                let (cafe, caller) = (cafe.clone(), guest());
                Box::pin(async move {
                    let checkout = cafe.begin(&caller, "harbor", &[flat_white(1)]).await.unwrap();
                    let id = checkout.id;
                    cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.checkouts.cancel_in(tx, &caller, id).await })).await.unwrap();
                    cafe.begin(&guest(), "harbor", &[flat_white(1)]).await.unwrap();
                }) as futures::future::BoxFuture<'static, _>
            });
            let settings = [Some(1000), None, Some(900)].map(|n| {
                let cafe = cafe.clone();
                Box::pin(async move { capacity(&cafe, n).await }) as futures::future::BoxFuture<'static, _>
            });
            at_once(comings.chain(settings)).await;
            capacity(&cafe, None).await;
            capacity(&cafe, Some(1000)).await;
            assert_eq!(cafe.active("harbor").await, 16, "round {round}");
            assert!(check::run(&shop.db).await.unwrap().iter().all(|verdict| verdict.ok), "round {round}");
            capacity(&cafe, None).await;
            shop.hands.advance(Duration::from_mins(5));
            settle(&running).await;
        }
    }
}
