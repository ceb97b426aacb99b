//! Stock: held, released, sold, counted; never oversold.

use backend::args;
use backend::catalog::Catalog;
use backend::db::{Db, Sql as _};
use backend::inventory::{Adjustment, Freed, Short, Stock, StockError, StockLevel};
use backend::refused::Refused as _;
use domain::event::{Actor, Units};
use domain::{CheckoutId, OrderId, Sku};
use serde_json::json;
use uuid::Uuid;

use crate::small_shop::{self, facts, id, run, store};
use crate::support::{START, on_both_databases};

fn checkout() -> CheckoutId {
    CheckoutId(Uuid::now_v7())
}

fn units<const N: usize>(lines: [(&str, i64); N]) -> Vec<Units> {
    lines.map(|(sku, quantity)| Units { sku: id(sku), quantity }).into()
}

async fn hold<const N: usize>(db: &Db, checkout: CheckoutId, lines: [(&str, i64); N]) -> Result<(), StockError> {
    let lines = units(lines);
    run!(db, |tx| Stock.hold_in(tx, &store(), checkout, START.plus_seconds(300), &lines, Freed::default()))
}

async fn level(db: &Db, sku: &str) -> StockLevel {
    let sku: Sku = id(sku);
    Stock.level(&mut db.reader(), &store(), &sku).await.unwrap().expect("it is counted")
}

/// The movements say the same as the sums in the row.
async fn check_movements(db: &Db, sku: &str) {
    let level = level(db, sku).await;
    let text = "select kind, cast(sum(quantity) as bigint) as n from stock_movement where store = $1 and sku = $2 group by kind";
    let mut booked = [("received", 0), ("adjusted", 0), ("returned", 0), ("sold", 0)];
    for row in db.reader().fetch_all(text, args![store(), sku]).await.unwrap() {
        let kind: String = row.get("kind").unwrap();
        booked.iter_mut().find(|(known, _)| *known == kind).unwrap().1 = row.get::<i64>("n").unwrap();
    }
    let expected = [("received", level.received), ("adjusted", level.adjusted), ("returned", level.returned), ("sold", level.sold)];
    assert_eq!(booked, expected);
    assert_eq!(level.received + level.adjusted + level.returned - level.sold, level.on_hand);
}

on_both_databases! {
    async fn the_last_units_are_sold_to_as_many_as_there_are(shop) {
        small_shop::open(&shop.db, None).await;
        // Everybody wants a croissant (3) and a muffin (5), in one order or the other: no deadlock, and nobody gets half.
        let shoppers: Vec<_> = (0..16)
            .map(|n| {
                let db = shop.db.clone();
                tokio::spawn(async move {
                    let lines = if n % 2 == 0 { [("croissant", 1), ("muffin", 1)] } else { [("muffin", 1), ("croissant", 1)] };
                    (n, hold(&db, checkout(), lines).await)
                })
            })
            .collect();
        let mut held = 0;
        for shopper in shoppers {
            match shopper.await.unwrap() {
                (_, Ok(())) => held += 1,
                (n, Err(StockError::OutOfStock(short))) => assert_eq!(short, [Short { line: n % 2, available: 0 }]),
                (_, Err(error)) => panic!("{error}"),
            }
        }
        assert_eq!(held, 3);
        let (croissant, muffin) = (level(&shop.db, "croissant").await, level(&shop.db, "muffin").await);
        assert_eq!((croissant.free(), croissant.held, muffin.free(), muffin.held), (0, 3, 2, 3));
        assert_eq!(small_shop::count(&shop.db, "select count(*) as n from hold where state = 'held'").await, 6);
        assert_eq!(facts(&shop.db, "stock.held.v1").await.len(), 3);
        assert_eq!(facts(&shop.db, "stock.availability_changed.v1").await.iter().filter(|data| data["available"] == false).count(), 1);
    }

    async fn all_lines_are_held_or_none(shop) {
        small_shop::open(&shop.db, None).await;
        let lines = units([("croissant", 2), ("flat-white-large", 9), ("muffin", 4), ("muffin", 4)]);
        // Even a command that goes on after the refusal keeps nothing of it.
        let result: Result<Vec<Short>, StockError> = shop
            .db
            .transaction(move |tx| {
                Box::pin(async move {
                    match Stock.hold_in(tx, &store(), checkout(), START, &lines, Freed::default()).await {
                        Err(StockError::OutOfStock(short)) => Ok(short),
                        other => other.map(|()| Vec::new()),
                    }
                })
            })
            .await;
        assert_eq!(result.unwrap(), [Short { line: 3, available: 1 }]);
        for sku in ["croissant", "muffin"] {
            assert_eq!(level(&shop.db, sku).await.held, 0, "{sku}");
        }
        assert!(facts(&shop.db, "stock.held.v1").await.is_empty());
        let error = hold(&shop.db, checkout(), [("croissant", 4)]).await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("out_of_stock", 409));
        let fault = &error.faults()[0];
        assert_eq!((fault.pointer.as_str(), fault.code.as_str(), fault.available), ("/lines/0", "out_of_stock", Some(3)));
        hold(&shop.db, checkout(), [("flat-white-large", 99)]).await.expect("made to order is never short");
    }

    async fn the_menu_hears_only_when_free_units_cross_zero(shop) {
        small_shop::open(&shop.db, None).await;
        let catalog = Catalog::new(shop.db.clone());
        let available = async || catalog.menu(&store()).await.unwrap().unwrap().variant("croissant").unwrap().1.available;
        let told = async || {
            let facts = facts(&shop.db, "stock.availability_changed.v1").await;
            facts.into_iter().filter(|data| data["sku"] == "croissant").map(|data| data["available"] == true).collect::<Vec<_>>()
        };
        assert_eq!(told().await, [true], "the first delivery");
        let (first, second) = (checkout(), checkout());
        hold(&shop.db, first, [("croissant", 2)]).await.unwrap();
        assert!(available().await && told().await == [true]);
        hold(&shop.db, second, [("croissant", 1)]).await.unwrap();
        assert!(!available().await && told().await == [true, false]);
        assert!(hold(&shop.db, checkout(), [("croissant", 1)]).await.is_err());
        run!(shop.db, |tx| Stock.release_in(tx, &store(), first)).unwrap();
        assert!(available().await && told().await == [true, false, true]);
        run!(shop.db, |tx| Stock.release_in(tx, &store(), second)).unwrap();
        assert_eq!(told().await, [true, false, true], "from two to three is no news");
        run!(shop.db, |tx| Stock.adjust_in(tx, &store(), &id("croissant"), Adjustment::OnHand(0), "spoiled", Actor::System)).unwrap();
        assert!(!available().await && told().await == [true, false, true, false]);
    }

    async fn units_are_sold_released_and_returned_once(shop) {
        small_shop::open(&shop.db, None).await;
        let (bought, left) = (checkout(), checkout());
        let order = OrderId(Uuid::now_v7());
        hold(&shop.db, bought, [("muffin", 2)]).await.unwrap();
        hold(&shop.db, left, [("muffin", 1)]).await.unwrap();
        run!(shop.db, |tx| Stock.make_permanent_in(tx, &store(), bought)).unwrap();
        for sold in [units([("muffin", 2)]), vec![]] {
            assert_eq!(run!(shop.db, |tx| Stock.sell_in(tx, &store(), bought, order)).unwrap(), sold);
            let muffin = level(&shop.db, "muffin").await;
            assert_eq!((muffin.on_hand, muffin.held, muffin.sold), (3, 1, 2));
        }
        for released in [units([("muffin", 1)]), vec![]] {
            assert_eq!(run!(shop.db, |tx| Stock.release_in(tx, &store(), left)).unwrap(), released);
            assert_eq!(level(&shop.db, "muffin").await.free(), 3);
        }
        assert!(run!(shop.db, |tx| Stock.sell_in(tx, &store(), left, order)).unwrap().is_empty(), "what was released is not sold");
        for returned in [units([("muffin", 2)]), vec![]] {
            assert_eq!(run!(shop.db, |tx| Stock.release_in(tx, &store(), bought)).unwrap(), returned);
            let muffin = level(&shop.db, "muffin").await;
            assert_eq!((muffin.on_hand, muffin.held, muffin.returned), (5, 0, 2));
        }
        let told = facts(&shop.db, "stock.sold.v1").await;
        assert_eq!(told, [json!({"store": "harbor", "order": order, "units": [{"sku": "muffin", "quantity": 2}]})]);
        assert_eq!(facts(&shop.db, "stock.released.v1").await.len(), 1);
        check_movements(&shop.db, "muffin").await;
    }

    async fn a_count_never_goes_below_what_is_held(shop) {
        small_shop::open(&shop.db, None).await;
        hold(&shop.db, checkout(), [("muffin", 2)]).await.unwrap();
        let adjust = async |sku: &str, adjustment: Adjustment, reason: &'static str| {
            let sku: Sku = id(sku);
            run!(shop.db, |tx| Stock.adjust_in(tx, &store(), &sku, adjustment, reason, Actor::System))
        };
        for adjustment in [Adjustment::Delta(-4), Adjustment::OnHand(1)] {
            let error = adjust("muffin", adjustment, "spoiled").await.unwrap_err();
            assert_eq!((error.code(), error.status()), ("below_held", 409));
        }
        for (adjustment, reason, on_hand) in [
            (Adjustment::Delta(-3), "spoiled", 2),
            (Adjustment::OnHand(2), "counted", 2),
            (Adjustment::Delta(10), "received", 12),
            (Adjustment::Delta(1), "returned", 13),
            (Adjustment::OnHand(20), "counted", 20),
        ] {
            assert_eq!(adjust("muffin", adjustment, reason).await.unwrap().on_hand, on_hand);
        }
        let muffin = level(&shop.db, "muffin").await;
        assert_eq!((muffin.received, muffin.adjusted, muffin.returned), (15, 4, 1));
        check_movements(&shop.db, "muffin").await;
        let told: Vec<_> = facts(&shop.db, "stock.adjusted.v1").await.into_iter().filter(|data| data["sku"] == "muffin").map(|data| data["delta"].clone()).collect();
        assert_eq!(told, [5, -3, 10, 1, 7], "a count that is right is no news");
        for (sku, adjustment, reason, pointer, code) in [
            ("flat-white-large", Adjustment::Delta(1), "x", "/sku", "not_tracked"),
            ("latte", Adjustment::Delta(1), "x", "/sku", "unknown_sku"),
            ("muffin", Adjustment::Delta(0), "x", "/delta", "quantity_out_of_range"),
            ("muffin", Adjustment::Delta(i64::MIN), "x", "/delta", "quantity_out_of_range"),
            ("muffin", Adjustment::OnHand(-1), "x", "/on_hand", "quantity_out_of_range"),
            ("muffin", Adjustment::OnHand(i64::MAX), "x", "/on_hand", "quantity_out_of_range"),
            ("muffin", Adjustment::Delta(1), " ", "/reason", "required"),
            ("muffin", Adjustment::Delta(1), "spoiled\u{202E} gone", "/reason", "control_character"),
            ("muffin", Adjustment::Delta(1), "spoi\u{200B}led", "/reason", "control_character"),
        ] {
            let error = adjust(sku, adjustment, reason).await.unwrap_err();
            let fault = &error.faults()[0];
            assert_eq!((error.status(), fault.pointer.as_str(), fault.code.as_str()), (422, pointer, code), "{sku} {adjustment:?}");
        }
        for (adjustment, detail) in [
            (Adjustment::Delta(0), "Say how many: -1000000000 to 1000000000, but not 0."),
            (Adjustment::OnHand(-1), "Say how many: 0 to 1000000000."),
        ] {
            assert_eq!(adjust("muffin", adjustment, "x").await.unwrap_err().faults()[0].detail, detail);
        }
    }

    async fn stock_is_balanced_whatever_races(shop) {
        small_shop::open(&shop.db, None).await;
        let tasks: Vec<_> = (0..24)
            .map(|n| {
                let db = shop.db.clone();
                tokio::spawn(async move {
                    let id_of = checkout();
                    if hold(&db, id_of, [("muffin", 1 + n % 2)]).await.is_ok() {
                        match n % 3 {
                            0 => drop(run!(db, |tx| Stock.release_in(tx, &store(), id_of)).unwrap()),
                            1 => drop(run!(db, |tx| Stock.sell_in(tx, &store(), id_of, OrderId(Uuid::now_v7()))).unwrap()),
                            _ => {}
                        }
                    }
                    // A write-off that would take held units is refused; any other goes through.
                    let by = if n % 2 == 0 { 1 } else { -1 };
                    match run!(db, |tx| Stock.adjust_in(tx, &store(), &id("muffin"), Adjustment::Delta(by), "counted", Actor::System)) {
                        Ok(_) | Err(StockError::BelowHeld(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        check_movements(&shop.db, "muffin").await;
        let muffin = level(&shop.db, "muffin").await;
        let held = small_shop::count(&shop.db, "select cast(coalesce(sum(quantity), 0) as bigint) as n from hold where state = 'held'").await;
        assert_eq!(muffin.held, held);
        let sold = small_shop::count(&shop.db, "select cast(coalesce(sum(quantity), 0) as bigint) as n from hold where state = 'sold'").await;
        assert_eq!(muffin.sold, sold);
        // The menu's last word is the truth.
        let told = facts(&shop.db, "stock.availability_changed.v1").await;
        let last = told.iter().rfind(|data| data["sku"] == "muffin").unwrap();
        assert_eq!(last["available"], muffin.free() > 0);
    }
}
