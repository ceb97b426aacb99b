//! The checkout: what it holds, for how long, and what it refuses.

use std::time::Duration;

use backend::ordering::{OrderingError, adopt_in};
use backend::refused::Refused as _;
use backend::stores::SettingsPatch;
use domain::event::Actor;
use domain::view::{FulfilmentRequest, PaymentRequest, PlaceRequest};
use domain::{Currency, Faults, Money};
use futures::future::join_all;

use crate::cafe::{Cafe, EN, croissant, flat_white, guest, id, line, person, request, settle, ship};
use crate::small_shop::facts;
use crate::support::{on_both_databases, rounds};

fn code<T: std::fmt::Debug>(result: Result<T, OrderingError>) -> (&'static str, u16) {
    let error = result.expect_err("refused");
    (error.code(), error.status())
}

on_both_databases! {
    async fn an_expired_hold_frees_stock_and_place(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let caller = guest();
        let checkout = cafe.begin(&caller, "harbor", &[croissant(5)]).await.unwrap();
        assert_eq!(checkout.expires_at, shop.clock.now().plus_seconds(300));
        assert_eq!((cafe.stock("harbor", "butter-croissant").await, cafe.active("harbor").await), ((7, 5), 1));
        shop.hands.advance(Duration::from_secs(299));
        settle(&running).await;
        assert_eq!(cafe.active("harbor").await, 1);
        shop.hands.advance(Duration::from_secs(1));
        // At the very end already, whether or not the timer has fired.
        assert_eq!(code(cafe.place(&caller, &checkout, "tok_ok").await), ("checkout_expired", 410));
        settle(&running).await;
        assert_eq!((cafe.stock("harbor", "butter-croissant").await, cafe.active("harbor").await), ((12, 0), 0));
        assert_eq!(code(cafe.place(&caller, &checkout, "tok_ok").await), ("checkout_expired", 410));
    }

    async fn a_checkout_that_became_an_order_says_so(shop) {
        let cafe = Cafe::open(&shop).await;
        let caller = guest();
        let checkout = cafe.begin(&caller, "harbor", &[croissant(1)]).await.unwrap();
        cafe.place(&caller, &checkout, "tok_ok").await.unwrap();
        let error = cafe.place(&caller, &checkout, "tok_ok").await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("checkout_expired", 410));
        assert!(error.to_string().contains("its order is among yours"), "{error}");
        let checkouts = &cafe.backend.checkouts;
        let read = checkouts.get(&mut cafe.backend.db.reader(), &caller, checkout.id, EN).await;
        assert!(matches!(read, Err(OrderingError::CheckoutPlaced)), "{read:?}");
    }

    /// A new checkout takes over what the old one held, even the last units and the last place.
    async fn a_new_checkout_replaces_the_old(shop) {
        let cafe = Cafe::open(&shop).await;
        cafe.settings("harbor", SettingsPatch { capacity: Some(Some(1)), ..SettingsPatch::default() }).await;
        let (caller, other) = (guest(), guest());
        let old = cafe.begin(&caller, "harbor", &[croissant(12)]).await.unwrap();
        assert_eq!(code(cafe.begin(&other, "harbor", &[flat_white(1)]).await), ("store_at_capacity", 503));
        let new = cafe.begin(&caller, "harbor", &[croissant(12)]).await.unwrap();
        assert_eq!((cafe.stock("harbor", "butter-croissant").await, cafe.active("harbor").await), ((0, 12), 1));
        assert_eq!(code(cafe.place(&caller, &old, "tok_ok").await), ("checkout_expired", 410));
        // One that is refused leaves the old one as it was.
        assert_eq!(code(cafe.begin(&caller, "harbor", &[croissant(13)]).await), ("out_of_stock", 409));
        assert_eq!((cafe.stock("harbor", "butter-croissant").await, cafe.active("harbor").await), ((0, 12), 1));
        // The menu has heard once that they are gone: that they changed hands is no news, that some came back is.
        let told = async || {
            let facts = facts(&shop.db, "stock.availability_changed.v1").await;
            let of = facts.into_iter().filter(|data| data["sku"] == "butter-croissant").map(|data| data["available"] == true);
            of.collect::<Vec<_>>()
        };
        assert_eq!(told().await, [true, false]);
        let fewer = cafe.begin(&caller, "harbor", &[croissant(5)]).await.unwrap();
        assert_eq!(told().await, [true, false, true]);
        cafe.begin(&caller, "harbor", &[flat_white(1)]).await.unwrap();
        assert_eq!((told().await.len(), cafe.stock("harbor", "butter-croissant").await), (3, (12, 0)));
        assert_eq!(code(cafe.place(&caller, &new, "tok_ok").await), ("checkout_expired", 410));
        assert_eq!(code(cafe.place(&caller, &fewer, "tok_ok").await), ("checkout_expired", 410));
    }

    /// What is held is placed, also when it was switched off meanwhile; what is not held is not, also when its last units were one's own.
    async fn what_is_switched_off_is_placed_where_it_is_held_and_not_held_anew(shop) {
        let cafe = Cafe::open(&shop).await;
        let caller = guest();
        let switch = async |sku: &'static str, available: bool| {
            let switched = cafe.tx(move |tx, cafe| {
                Box::pin(async move {
                    cafe.backend.catalog.set_item_available_in(tx, &id("harbor"), &sku.parse().unwrap(), available, Actor::System).await
                })
            });
            assert!(switched.await.unwrap());
        };
        let of = async |sku: &str| {
            let menu = cafe.backend.catalog.menu(&id("harbor")).await.unwrap().unwrap();
            menu.variant(sku).map(|(_, variant)| (variant.available, variant.out_of_stock)).unwrap()
        };
        let held = cafe.begin(&caller, "harbor", &[flat_white(1), croissant(12)]).await.unwrap();
        assert_eq!((of("butter-croissant").await, of("flat-white-regular").await), ((false, true), (true, false)));
        let owner = caller.owner().unwrap();
        let found = async || cafe.backend.checkouts.held(&mut cafe.backend.db.reader(), &owner, &id("harbor"), EN).await.unwrap();
        assert_eq!(found().await.as_ref(), Some(&held));
        switch("butter-croissant", false).await;
        switch("flat-white-regular", false).await;
        assert_eq!((of("butter-croissant").await, of("flat-white-regular").await), ((false, false), (false, false)));
        assert_eq!(code(cafe.begin(&caller, "harbor", &[croissant(1)]).await), ("invalid_request", 422));
        assert_eq!(code(cafe.begin(&caller, "harbor", &[flat_white(1)]).await), ("invalid_request", 422));
        assert_eq!(found().await.as_ref(), Some(&held), "until its time is over");
        cafe.place(&caller, &held, "tok_ok").await.unwrap();
        assert_eq!(found().await, None);
    }

    async fn the_last_units_go_to_as_many_as_there_are(shop) {
        let cafe = Cafe::open(&shop).await;
        let lines = [line("unicorn-plush", 1, &[])];
        let buyers = (0..20).map(|_| {
            let mut request = request("unicorn", &lines);
            request.fulfilment = ship();
            let (cafe, caller) = (cafe.clone(), guest());
            tokio::spawn(async move { cafe.begin_as(&caller, request).await })
        });
        let mut held = 0;
        for result in join_all(buyers).await {
            match result.unwrap() {
                Ok(_) => held += 1,
                Err(OrderingError::OutOfStock(faults)) => {
                    assert_eq!((faults[0].pointer.as_str(), faults[0].available), ("/lines/0", Some(0)));
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!((held, cafe.stock("unicorn", "unicorn-plush").await), (4, (0, 4)));
    }

    async fn what_is_given_up_is_free_again(shop) {
        let cafe = Cafe::open(&shop).await;
        let (caller, stranger) = (guest(), guest());
        let checkout = cafe.begin(&caller, "harbor", &[croissant(2)]).await.unwrap();
        let cancel = |caller: backend::identity::Caller| {
            cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.checkouts.cancel_in(tx, &caller, checkout.id).await }))
        };
        assert_eq!(code(cancel(stranger).await), ("not_found", 404));
        cancel(caller.clone()).await.unwrap();
        assert_eq!((cafe.stock("harbor", "butter-croissant").await, cafe.active("harbor").await), ((12, 0), 0));
        cancel(caller).await.unwrap();
        assert_eq!(cafe.active("harbor").await, 0);
    }

    async fn every_refusal_has_its_code(shop) {
        let cafe = Cafe::open(&shop).await;
        let caller = guest();
        assert_eq!(code(cafe.begin(&caller, "moon", &[flat_white(1)]).await), ("unknown_store", 404));
        assert_eq!(code(cafe.begin(&caller, "No Slug", &[flat_white(1)]).await), ("unknown_store", 404));
        assert_eq!(code(cafe.begin(&caller, "pier", &[line("pier-lemonade", 1, &[])]).await), ("admission_required", 403));
        assert_eq!(code(cafe.begin(&backend::identity::Caller::Nobody, "harbor", &[flat_white(1)]).await), ("session_required", 401));
        cafe.tx(|tx, cafe| Box::pin(async move { cafe.backend.stores.set_open_in(tx, &id("harbor"), false, Actor::System).await })).await.unwrap();
        assert_eq!(code(cafe.begin(&caller, "harbor", &[flat_white(1)]).await), ("store_closed", 409));
        assert_eq!(cafe.active("harbor").await, 0);
    }

    async fn every_fault_is_named_with_its_place(shop) {
        let cafe = Cafe::open(&shop).await;
        let mut wrong = request("unicorn", &[line("moon-dust", 100, &[])]);
        wrong.coupon_codes = vec!["SUMMER".to_owned()];
        wrong.points = Some(5);
        let Err(OrderingError::Invalid(Faults(faults))) = cafe.begin_as(&guest(), wrong).await else { panic!("accepted") };
        let found: Vec<_> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.code.as_str())).collect();
        let expected = [
            ("/lines/0/quantity", "quantity_out_of_range"),
            ("/lines/0/sku", "unknown_sku"),
            ("/fulfilment/kind", "fulfilment_not_offered"),
            ("/coupon_codes/0", "unknown_coupon"),
            ("/points", "insufficient_points"),
        ];
        assert_eq!(found, expected);
        let mut nowhere = request("unicorn", &[line("fox-plush", 1, &[])]);
        nowhere.fulfilment = ship();
        if let FulfilmentRequest::Ship { address } = &mut nowhere.fulfilment {
            "Moon".clone_into(&mut address.country);
            address.line1.push('\u{202E}');
        }
        let Err(OrderingError::Invalid(Faults(faults))) = cafe.begin_as(&guest(), nowhere).await else { panic!("accepted") };
        let found: Vec<_> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.code.as_str())).collect();
        assert_eq!(found, [("/fulfilment/address/line1", "control_character"), ("/fulfilment/address/country", "unknown_country")]);
    }

    async fn another_total_is_refused_and_changes_nothing(shop) {
        let cafe = Cafe::open(&shop).await;
        let caller = guest();
        let checkout = cafe.begin(&caller, "harbor", &[flat_white(1)]).await.unwrap();
        for wrong in [Money::new(509, Currency::USD), Money::new(510, Currency::EUR)] {
            let request = PlaceRequest { payment: PaymentRequest::Card { token: "tok_ok".to_owned() }, expected_total: wrong };
            match cafe.place_as(&caller, checkout.id, request).await {
                Err(OrderingError::TotalChanged(quote)) => assert_eq!(quote.total, Money::new(510, Currency::USD)),
                other => panic!("{other:?}"),
            }
        }
        cafe.place(&caller, &checkout, "tok_ok").await.unwrap();
        assert_eq!(code(cafe.place(&caller, &checkout, "tok_ok").await), ("checkout_expired", 410));
    }

    async fn nobody_places_for_another_or_from_an_empty_wallet(shop) {
        let cafe = Cafe::open(&shop).await;
        let (caller, shopper) = (guest(), person("Ada", None));
        let checkout = cafe.begin(&caller, "harbor", &[flat_white(1)]).await.unwrap();
        let wallet = PlaceRequest { payment: PaymentRequest::Wallet, expected_total: checkout.quote.total };
        assert_eq!(code(cafe.place_as(&shopper, checkout.id, wallet.clone()).await), ("not_found", 404));
        assert_eq!(code(cafe.place_as(&caller, checkout.id, wallet.clone()).await), ("sign_in_required", 403));
        let checkout = cafe.begin(&shopper, "harbor", &[flat_white(1)]).await.unwrap();
        assert_eq!(code(cafe.place_as(&shopper, checkout.id, wallet).await), ("insufficient_funds", 402));
    }

    async fn a_shopper_has_only_so_many_orders_a_day(shop) {
        let cafe = Cafe::open(&shop).await;
        cafe.settings("harbor", SettingsPatch { order_limit: Some(Some(1)), ..SettingsPatch::default() }).await;
        let running = cafe.run();
        let caller = guest();
        let declined = cafe.order(&caller, "tok_declined").await;
        settle(&running).await;
        // One that came to nothing does not count.
        assert_eq!(cafe.view(declined).await.status, domain::ordering::OrderStatus::Rejected);
        cafe.order(&caller, "tok_ok").await;
        assert_eq!(code(cafe.begin(&caller, "harbor", &[flat_white(1)]).await), ("order_limit_reached", 429));
        cafe.begin(&guest(), "harbor", &[flat_white(1)]).await.unwrap();
        shop.hands.advance(Duration::from_hours(24));
        cafe.begin(&caller, "harbor", &[flat_white(1)]).await.unwrap();
    }

    /// A guest begins, signs in as somebody who has had theirs, and places: it counts for who places, whoever races.
    async fn signing_in_between_does_not_get_round_the_limit_of_a_day(shop) {
        let cafe = Cafe::open(&shop).await;
        cafe.settings("harbor", SettingsPatch { order_limit: Some(Some(1)), capacity: Some(None), ..SettingsPatch::default() }).await;
        for round in 1..=rounds() {
            let ada = person("Ada", None);
            let racers = (0..4).map(|_| {
                let (cafe, ada) = (cafe.clone(), ada.clone());
                tokio::spawn(async move {
                    let caller = guest();
                    let checkout = cafe.begin(&caller, "harbor", &[flat_white(1)]).await?;
                    let (from, to) = (caller.owner().expect("a guest has a cart"), ada.owner().expect("and so has she"));
                    cafe.tx(move |tx, _| Box::pin(async move { adopt_in(tx, &from, &to).await })).await?;
                    cafe.place(&ada, &checkout, "tok_ok").await
                })
            });
            let placed: Vec<_> = join_all(racers).await.into_iter().map(|ended| ended.unwrap()).collect();
            assert_eq!(placed.iter().filter(|placed| placed.is_ok()).count(), 1, "round {round}: {placed:?}");
            // A checkout that the next one has replaced is over; the others are one order too many.
            for refused in placed.into_iter().filter(Result::is_err) {
                assert!(matches!(code(refused), ("checkout_expired", 410) | ("order_limit_reached", 429)), "round {round}");
            }
            // One after the other, the limit alone refuses.
            let caller = guest();
            let checkout = cafe.begin(&caller, "harbor", &[flat_white(1)]).await.unwrap();
            let (from, to) = (caller.owner().unwrap(), ada.owner().unwrap());
            cafe.tx(move |tx, _| Box::pin(async move { adopt_in(tx, &from, &to).await })).await.unwrap();
            assert_eq!(code(cafe.place(&ada, &checkout, "tok_ok").await), ("order_limit_reached", 429));
        }
    }
}
