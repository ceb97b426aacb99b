//! One cart, one key: one order.

use std::collections::BTreeSet;

use backend::idempotency::{Answer, CommandError, KeyError, Keys, Outcome, RequestKey};
use backend::identity::Caller;
use backend::ordering::OrderingError;
use backend::refused::Refused as _;
use domain::view::{CheckoutRequest, PaymentRequest, PlaceRequest};
use domain::{CheckoutId, Currency, Money, OrderId};

use super::{at_once, capacity, patiently};
use crate::cafe::{Cafe, EN, flat_white, guest, id, request};
use crate::support::{on_both_databases, rounds};

on_both_databases! {
    /// The same key in parallel, from one process and from another: one order, and everybody who is answered hears of it.
    async fn a_cart_is_one_order_from_however_many_pages(shop) {
        let cafe = Cafe::open(&shop).await;
        capacity(&cafe, None).await;
        let caller = guest();
        for round in 1..=rounds() {
            let owner = caller.owner().unwrap();
            let added: Result<_, OrderingError> = cafe
                .tx(move |tx, cafe| Box::pin(async move { cafe.backend.carts.add_in(tx, &owner, &id("harbor"), flat_white(1)).await }))
                .await;
            added.unwrap();
            let outcomes = at_once((0..6).map(|_| order_cart(cafe.clone(), caller.clone()))).await;
            for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
                assert_eq!(refused.faults().first().map(|fault| fault.code.as_str()), Some("no_lines"), "round {round}: {outcomes:?}");
            }
            assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "round {round}: {outcomes:?}");
        }
    }

    async fn a_key_places_one_order(shop) {
        let cafe = Cafe::open(&shop).await;
        capacity(&cafe, None).await;
        let caller = guest();
        let ours = Keys::default();
        for round in 1..=rounds() {
            let checkout = cafe.begin(&caller, "harbor", &[flat_white(1)]).await.unwrap();
            let racers = (0..12).map(|n| {
                let keys = if n % 2 == 0 { ours.clone() } else { Keys::default() };
                place_keyed(cafe.clone(), keys, caller.clone(), checkout.id, format!("{round}"))
            });
            let (mut fresh, mut told) = (0, BTreeSet::new());
            for outcome in at_once(racers).await {
                match outcome {
                    Ok(Outcome::Fresh(answer)) => {
                        fresh += 1;
                        told.insert(answer.body);
                    }
                    Ok(Outcome::Replayed(answer)) => drop(told.insert(answer.body)),
                    Err(KeyError::InProgress) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            assert_eq!((fresh, told.len()), (1, 1), "round {round}: {told:?}");
            let list = cafe.backend.orders.list(&mut cafe.backend.db.reader(), &caller.owner().unwrap(), None, 100, EN).await.unwrap();
            assert_eq!(list.items.len(), round as usize);
            assert!(told.contains(&list.items[0].id.to_string()));
        }
    }
}

/// Orders what is in the cart, as a page does that has nothing on hold.
async fn order_cart(cafe: Cafe, caller: Caller) -> Result<OrderId, OrderingError> {
    let order = || {
        let caller = caller.clone();
        cafe.tx(move |tx, cafe| {
            Box::pin(async move {
                let owner = caller.owner().ok_or(OrderingError::SessionRequired)?;
                let lines = cafe.backend.checkouts.lines_of_cart_in(tx, &owner, &id("harbor")).await?;
                let request = CheckoutRequest { lines, ..request("harbor", &[]) };
                let checkout = cafe.backend.checkouts.begin_in(tx, &caller, None, &request, EN).await?;
                let payment = PaymentRequest::Card { token: "tok_ok".to_owned() };
                let request = PlaceRequest { payment, expected_total: checkout.quote.total };
                cafe.backend.orders.place_in(tx, &caller, checkout.id, &request, EN).await
            })
        })
    };
    patiently(order).await
}

/// Places under a key, as the API does.
async fn place_keyed(cafe: Cafe, keys: Keys, caller: Caller, checkout: CheckoutId, key: String) -> Result<Outcome, KeyError> {
    let key = RequestKey { caller: caller.owner().unwrap().to_string(), method: "POST".to_owned(), path: "/place".to_owned(), key };
    let (db, orders) = (cafe.backend.db.clone(), cafe.backend.orders.clone());
    keys.once(&db, key, String::new(), move |tx| {
        Box::pin(async move {
            let payment = PaymentRequest::Card { token: "tok_ok".to_owned() };
            let expected_total = Money::new(510, Currency::USD);
            match orders.place_in(tx, &caller, checkout, &PlaceRequest { payment, expected_total }, EN).await {
                Ok(order) => Ok(Answer { status: 201, body: order.to_string() }),
                Err(error) => Err(CommandError::Kept(Answer { status: error.status(), body: error.code().to_owned() })),
            }
        })
    })
    .await
}
