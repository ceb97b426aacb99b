//! The cart.

use backend::catalog::CatalogError;
use backend::ordering::OrderingError;
use domain::event::Actor;
use domain::pricing::LineRequest;
use domain::{Faults, LineId};

use crate::cafe::{Cafe, croissant, flat_white, guest, id, line};
use crate::support::on_both_databases;

async fn add(cafe: &Cafe, owner: backend::identity::Owner, line: LineRequest) -> Result<LineId, OrderingError> {
    cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.carts.add_in(tx, &owner, &id("harbor"), line).await })).await
}

async fn set(cafe: &Cafe, owner: backend::identity::Owner, line: LineId, quantity: i64) -> Result<(), OrderingError> {
    cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.carts.set_quantity_in(tx, &owner, &id("harbor"), line, quantity).await }))
        .await
}

async fn swap(cafe: &Cafe, owner: backend::identity::Owner, line: LineId, with: LineRequest) -> Result<(), OrderingError> {
    cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.carts.swap_in(tx, &owner, &id("harbor"), line, with).await })).await
}

async fn lines(cafe: &Cafe, owner: &backend::identity::Owner) -> Vec<(String, i64)> {
    let cart = cafe.backend.carts.get(&mut cafe.backend.db.reader(), owner, &id("harbor")).await.unwrap();
    cart.into_iter().map(|line| (line.request.sku, line.request.quantity)).collect()
}

fn fault_of<T: std::fmt::Debug>(result: Result<T, OrderingError>) -> (String, String) {
    match result {
        Err(OrderingError::Invalid(Faults(faults))) => (faults[0].pointer.clone(), faults[0].code.clone()),
        other => panic!("{other:?}"),
    }
}

on_both_databases! {
    /// The same item with the same options is one line, whatever the order of the options.
    async fn the_same_adds_up(shop) {
        let cafe = Cafe::open(&shop).await;
        let owner = guest().owner().unwrap();
        let options = ["oat", "vanilla", "extra-shot"];
        add(&cafe, owner, line("flat-white-regular", 2, &options)).await.unwrap();
        add(&cafe, owner, line("flat-white-regular", 3, &["vanilla", "extra-shot", "oat"])).await.unwrap();
        let other = add(&cafe, owner, flat_white(1)).await.unwrap();
        assert_eq!(lines(&cafe, &owner).await, [("flat-white-regular".to_owned(), 5), ("flat-white-regular".to_owned(), 1)]);
        set(&cafe, owner, other, 99).await.unwrap();
        assert_eq!(fault_of(add(&cafe, owner, flat_white(1)).await), ("/quantity".to_owned(), "quantity_out_of_range".to_owned()));
        let Err(OrderingError::Invalid(Faults(faults))) = add(&cafe, owner, flat_white(2)).await else { panic!("that is too many") };
        assert_eq!(faults[0].terms.there, Some(99));
        assert_eq!(fault_of(set(&cafe, owner, other, 100).await), ("/quantity".to_owned(), "quantity_out_of_range".to_owned()));
        set(&cafe, owner, other, 0).await.unwrap();
        assert!(matches!(set(&cafe, owner, other, 1).await, Err(OrderingError::NotFound)));
        assert_eq!(lines(&cafe, &owner).await, [("flat-white-regular".to_owned(), 5)]);
    }

    async fn what_cannot_be_ordered_stays_out(shop) {
        let cafe = Cafe::open(&shop).await;
        let owner = guest().owner().unwrap();
        for (wrong, pointer, code) in [
            (line("moon-dust", 1, &[]), "/sku", "unknown_sku"),
            (flat_white(0), "/quantity", "quantity_out_of_range"),
            (flat_white(-1), "/quantity", "quantity_out_of_range"),
            (line("flat-white-regular", 1, &[]), "/options", "modifier_min"),
            (line("flat-white-regular", 1, &["oat", "gold"]), "/options/1", "unknown_option"),
        ] {
            assert_eq!(fault_of(add(&cafe, owner, wrong).await), (pointer.to_owned(), code.to_owned()));
        }
        assert!(lines(&cafe, &owner).await.is_empty());
    }

    /// What was put into the cart since the checkout began is not ordered, and is not lost.
    async fn an_order_takes_out_what_it_is_of(shop) {
        let cafe = Cafe::open(&shop).await;
        let caller = guest();
        let owner = caller.owner().unwrap();
        let milky = |quantity| line("flat-white-regular", quantity, &["vanilla", "oat"]);
        add(&cafe, owner, milky(2)).await.unwrap();
        let checkout = cafe.begin(&caller, "harbor", &[milky(1), croissant(2), milky(1)]).await.unwrap();
        for more in [milky(3), croissant(1), flat_white(1)] {
            add(&cafe, owner, more).await.unwrap();
        }
        cafe.place(&caller, &checkout, "tok_ok").await.unwrap();
        assert_eq!(lines(&cafe, &owner).await, [("flat-white-regular".to_owned(), 3), ("flat-white-regular".to_owned(), 1)]);
    }

    /// What was ordered comes back at most once. What is sold out comes back as it was where something can be taken instead; what
    /// nobody knows any more does not.
    async fn what_was_ordered_comes_back(shop) {
        let cafe = Cafe::open(&shop).await;
        let caller = guest();
        let owner = caller.owner().unwrap();
        let order = cafe.order(&caller, "tok_ok").await;
        let gone = cafe.tx(move |tx, cafe| {
            Box::pin(async move {
                let catalog = cafe.backend.catalog;
                catalog.set_option_available_in(tx, &id("harbor"), &"oat".parse().unwrap(), false, Actor::System).await?;
                for sku in ["espresso-single", "quayside-beans", "guji-beans", "nightwatch-beans", "drip-bags"] {
                    catalog.set_item_available_in(tx, &id("harbor"), &sku.parse().unwrap(), false, Actor::System).await?;
                }
                Ok::<_, CatalogError>(())
            })
        });
        gone.await.unwrap();
        let oat = line("flat-white-regular", 2, &["vanilla", "oat"]);
        let ordered = vec![oat, line("espresso-single", 1, &[]), line("drip-bags", 1, &[]), line("moon-dust", 1, &[]), croissant(3)];
        add(&cafe, owner, croissant(1)).await.unwrap();
        let again = async || {
            let ordered = ordered.clone();
            let refill = cafe
                .tx(move |tx, cafe| Box::pin(async move { cafe.backend.carts.refill_in(tx, &owner, &id("harbor"), order, ordered).await }));
            refill.await.unwrap();
        };
        // Pressed by several at once, and once more.
        futures::join!(again(), again(), again(), again());
        again().await;
        assert_eq!(
            lines(&cafe, &owner).await,
            [("butter-croissant".to_owned(), 3), ("flat-white-regular".to_owned(), 2), ("espresso-single".to_owned(), 1)]
        );
        let cart = cafe.backend.carts.get(&mut cafe.backend.db.reader(), &owner, &id("harbor")).await.unwrap();
        assert_eq!(cart[1].request.options, ["oat", "vanilla"]);
    }

    /// What is put into a line's place is as many as there were, where it stood; what is there already adds up.
    async fn a_line_gives_way_to_another(shop) {
        let cafe = Cafe::open(&shop).await;
        let owner = guest().owner().unwrap();
        let first = add(&cafe, owner, flat_white(3)).await.unwrap();
        let second = add(&cafe, owner, line("butter-croissant", 1, &[])).await.unwrap();
        swap(&cafe, owner, first, line("flat-white-large", 1, &["vanilla", "soy"])).await.unwrap();
        let cart = cafe.backend.carts.get(&mut cafe.backend.db.reader(), &owner, &id("harbor")).await.unwrap();
        assert_eq!(cart[0].request, line("flat-white-large", 3, &["soy", "vanilla"]));
        assert_eq!((cart[0].id, cart[1].id), (first, second));
        let third = add(&cafe, owner, line("flat-white-large", 2, &["oat"])).await.unwrap();
        swap(&cafe, owner, third, line("flat-white-large", 1, &["soy", "vanilla"])).await.unwrap();
        assert_eq!(lines(&cafe, &owner).await, [("flat-white-large".to_owned(), 5), ("butter-croissant".to_owned(), 1)]);

        // What cannot be had changes nothing, and neither does somebody else.
        assert_eq!(fault_of(swap(&cafe, owner, first, line("moon-dust", 1, &[])).await), ("/sku".to_owned(), "unknown_sku".to_owned()));
        assert_eq!(fault_of(swap(&cafe, owner, first, line("flat-white-large", 1, &[])).await).1, "modifier_min");
        let stranger = guest().owner().unwrap();
        assert!(matches!(swap(&cafe, stranger, first, flat_white(1)).await, Err(OrderingError::NotFound)));
        add(&cafe, owner, flat_white(95)).await.unwrap();
        let with = flat_white(1);
        assert_eq!(fault_of(swap(&cafe, owner, first, with).await), ("/quantity".to_owned(), "quantity_out_of_range".to_owned()));
        assert_eq!(lines(&cafe, &owner).await[0], ("flat-white-large".to_owned(), 5));
    }

    /// Somebody else's line cannot be changed.
    async fn a_cart_is_its_owners(shop) {
        let cafe = Cafe::open(&shop).await;
        let (mine, theirs) = (guest().owner().unwrap(), guest().owner().unwrap());
        let line = add(&cafe, mine, flat_white(1)).await.unwrap();
        assert!(matches!(set(&cafe, theirs, line, 5).await, Err(OrderingError::NotFound)));
        assert!(matches!(set(&cafe, theirs, line, 0).await, Err(OrderingError::NotFound)));
        assert_eq!(lines(&cafe, &mine).await.len(), 1);
        assert!(lines(&cafe, &theirs).await.is_empty());
    }
}
