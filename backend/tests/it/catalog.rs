//! Menus, switches, prices, texts and stores.

use std::sync::Arc;
use std::time::Duration;

use backend::catalog::{Catalog, CatalogError, PriceWindows, ProductEdit, Search};
use backend::db::Tx;
use backend::refused::Refused as _;
use backend::runner::Runner;
use backend::seed;
use backend::stores::{Holder, SettingsPatch, StoreError, Stores};
use domain::catalog::PriceWindow;
use domain::event::Actor;
use domain::view::{MenuChange, Naming, Refusal};
use domain::{AdmissionId, CheckoutId, Currency, Locale, Money, OptionId, OrderId, ProductId, Sku, StoreId, Text, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::small_shop::{self, Undone, facts, id, run, store};
use crate::support::{START, on_both_databases};

fn usd(amount: i64) -> Money {
    Money::new(amount, Currency::USD)
}

fn window(amount: i64, from: Option<Timestamp>, until: Option<Timestamp>) -> PriceWindow {
    PriceWindow { amount: usd(amount), from, until }
}

fn hour(n: i64) -> Timestamp {
    START.plus_seconds(n * 3600)
}

fn codes(error: &impl backend::refused::Refused) -> Vec<(String, String)> {
    error.faults().into_iter().map(|fault| (fault.pointer, fault.code)).collect()
}

fn pairs<const N: usize>(expected: [(&str, &str); N]) -> Vec<(String, String)> {
    expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())).into()
}

async fn take_place_in(tx: &mut Tx, holder: Holder) -> Result<(), StoreError> {
    let row = Stores.get(tx, &store()).await?.ok_or(StoreError::Unknown)?;
    Stores.take_place_in(tx, &row, holder, None).await
}

on_both_databases! {
    async fn a_menu_shows_what_the_store_lists(shop) {
        small_shop::open(&shop.db, None).await;
        let menu = Catalog::new(shop.db.clone()).menu(&store()).await.unwrap().unwrap();
        let categories: Vec<_> = menu.categories.iter().map(|category| category.id.as_str()).collect();
        assert_eq!(categories, ["coffee", "bakery"]);
        let flat_white = menu.product("flat-white").unwrap();
        let image = flat_white.image.as_ref().unwrap();
        assert_eq!((image.url.as_str(), image.width, image.height), ("/img/products/flat-white.svg", 400, 300));
        assert_eq!(flat_white.name.in_locale(Locale::ZhCn), "flat-white（中）");
        let prices: Vec<_> = flat_white.variants.iter().map(|v| (v.sku.as_str(), v.list_price(), v.available)).collect();
        assert_eq!(prices, [("flat-white-regular", Some(usd(450)), true), ("flat-white-large", Some(usd(525)), true)]);
        let milk = &flat_white.modifiers[0];
        let options: Vec<_> = milk.options.iter().map(|o| (o.id.as_str(), o.price, o.available)).collect();
        assert_eq!((milk.min, milk.max, options), (1, 1, vec![("whole", usd(0), true), ("oat", usd(60), true)]));
        assert!(Catalog::new(shop.db.clone()).menu(&id("nowhere")).await.unwrap().is_none());
    }

    async fn a_menu_is_kept_until_it_changes(shop) {
        small_shop::open(&shop.db, None).await;
        let catalog = Catalog::new(shop.db.clone());
        let before = catalog.menu(&store()).await.unwrap().unwrap();
        assert!(Arc::ptr_eq(&before, &catalog.menu(&store()).await.unwrap().unwrap()));
        let sku: Sku = id("muffin");
        run!(shop.db, |tx| Catalog::set_item_available_in(&catalog, tx, &store(), &sku, false, Actor::System)).unwrap();
        let catalog = Catalog::new(shop.second().await);
        let after = catalog.menu(&store()).await.unwrap().unwrap();
        assert_eq!(after.version, before.version + 1);
        assert!(before.variant("muffin").unwrap().1.available && !after.variant("muffin").unwrap().1.available);
    }

    async fn a_menu_that_was_never_committed_is_shown_to_nobody(shop) {
        small_shop::open(&shop.db, None).await;
        let catalog = Catalog::new(shop.db.clone());
        let before = catalog.menu(&store()).await.unwrap().unwrap();
        let within = catalog.clone();
        let seen = Arc::new(std::sync::Mutex::new(None));
        let keep = seen.clone();
        let undone: Result<(), Undone> = shop
            .db
            .transaction(move |tx| {
                Box::pin(async move {
                    within.set_item_available_in(tx, &store(), &id("muffin"), false, Actor::System).await.unwrap();
                    *keep.lock().unwrap() = within.menu_in(tx, &store()).await?;
                    Err(Undone)
                })
            })
            .await;
        assert_eq!(undone, Err(Undone));
        let seen = seen.lock().unwrap().take().unwrap();
        assert!(!seen.variant("muffin").unwrap().1.available, "the transaction sees its own change");
        // Another change takes the same version number.
        let within = catalog.clone();
        run!(shop.db, |tx| within.set_item_available_in(tx, &store(), &id("croissant"), false, Actor::System)).unwrap();
        let after = catalog.menu(&store()).await.unwrap().unwrap();
        assert_eq!((after.version, seen.version), (before.version + 1, before.version + 1));
        assert!(after.variant("muffin").unwrap().1.available && !after.variant("croissant").unwrap().1.available);
    }

    async fn a_switch_that_stands_so_already_changes_nothing(shop) {
        small_shop::open(&shop.db, None).await;
        let catalog = Catalog::new(shop.db.clone());
        let before = catalog.menu(&store()).await.unwrap().unwrap().version;
        for (available, changed) in [(true, false), (false, true), (false, false), (true, true)] {
            let within = catalog.clone();
            let oat: OptionId = id("oat");
            let result = run!(shop.db, |tx| within.set_option_available_in(tx, &store(), &oat, available, Actor::System)).unwrap();
            assert_eq!(result, changed, "to {available}");
            let menu = catalog.menu(&store()).await.unwrap().unwrap();
            assert_eq!(menu.product("flat-white").unwrap().modifiers[0].options[1].available, available);
        }
        let told = facts(&shop.db, "menu.item_availability_changed.v1").await;
        let expected = |available: bool, version: i64| json!({"store": "harbor", "sku": null, "option": "oat", "available": available, "version": version});
        assert_eq!(told, [expected(false, before + 1), expected(true, before + 2)]);
        for (at, sku) in [("harbor", "latte"), ("nowhere", "muffin")] {
            let (within, at, sku): (_, StoreId, Sku) = (catalog.clone(), id(at), id(sku));
            let error = run!(shop.db, |tx| within.set_item_available_in(tx, &at, &sku, false, Actor::System)).unwrap_err();
            assert_eq!((error.code(), error.status()), ("not_found", 404));
        }
    }

    async fn a_price_window_opens_and_closes_by_itself(shop) {
        small_shop::open(&shop.db, None).await;
        let catalog = Catalog::new(shop.db.clone());
        let runner = Runner::new(shop.db.clone()).timer(PriceWindows).start();
        let within = catalog.clone();
        let windows = vec![window(250, Some(hour(1)), Some(hour(2))), window(200, Some(hour(2)), Some(hour(3)))];
        let set = run!(shop.db, |tx| within.set_prices_in(tx, &store(), &id("muffin"), windows, Actor::System)).unwrap();
        assert_eq!(set.len(), 3, "the base price stays: {set:?}");
        assert!(facts(&shop.db, "price.changed.v1").await.is_empty(), "the price in force is the same");
        let mut version = catalog.menu(&store()).await.unwrap().unwrap().version;
        for price in [250, 200, 300] {
            shop.hands.advance(Duration::from_hours(1));
            runner.settle().await.unwrap();
            let menu = catalog.menu(&store()).await.unwrap().unwrap();
            assert_eq!(menu.variant("muffin").unwrap().1.price_at(shop.clock.now()), Some(usd(price)));
            assert_eq!(menu.version, version + 1, "the menu moved at the edge");
            version = menu.version;
        }
        let told: Vec<_> = facts(&shop.db, "price.changed.v1").await.iter().map(|data| data["price"]["amount"].clone()).collect();
        assert_eq!(told, [250, 200, 300]);
        assert_eq!(small_shop::count(&shop.db, "select count(*) as n from timer where kind = 'catalog.price_window'").await, 0, "no edge is left");
    }

    async fn a_timer_that_comes_late_shows_the_price_of_now(shop) {
        small_shop::open(&shop.db, None).await;
        let within = Catalog::new(shop.db.clone());
        let windows = vec![window(250, Some(hour(1)), Some(hour(2))), window(200, Some(hour(2)), None)];
        run!(shop.db, |tx| within.set_prices_in(tx, &store(), &id("muffin"), windows, Actor::System)).unwrap();
        shop.hands.advance(Duration::from_hours(5));
        let runner = Runner::new(shop.db.clone()).timer(PriceWindows).start();
        runner.settle().await.unwrap();
        let told: Vec<_> = facts(&shop.db, "price.changed.v1").await.iter().map(|data| data["price"]["amount"].clone()).collect();
        assert_eq!(told, [200]);
    }

    async fn prices_that_cannot_be_are_refused_at_once(shop) {
        small_shop::open(&shop.db, None).await;
        let catalog = Catalog::new(shop.db.clone());
        let set = async |windows: Vec<PriceWindow>| {
            let within = catalog.clone();
            run!(shop.db, |tx| within.set_prices_in(tx, &store(), &id("muffin"), windows, Actor::System))
        };
        let euro = PriceWindow::base(Money::new(300, Currency::EUR));
        let error = set(vec![window(-1, Some(hour(1)), Some(hour(2))), euro, window(1, Some(hour(4)), Some(hour(4)))]).await.unwrap_err();
        let expected = pairs([("/0/amount/amount", "amount_out_of_range"), ("/1/amount/currency", "currency_mismatch"), ("/2/until", "empty_window")]);
        assert_eq!((error.code(), codes(&error)), ("invalid_request", expected));
        let error = set(vec![window(1, Some(hour(1)), Some(hour(3))), window(2, Some(hour(2)), None)]).await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("overlapping_windows", 422));
        assert_eq!(codes(&error), pairs([("/1", "overlapping_windows")]));
        let before = catalog.menu(&store()).await.unwrap().unwrap();
        assert_eq!(before.variant("muffin").unwrap().1.prices, [window(300, None, None)]);
        set(vec![window(300, None, None)]).await.unwrap();
        assert_eq!(catalog.menu(&store()).await.unwrap().unwrap().version, before.version, "the same prices are no change");
        set(vec![window(320, None, None)]).await.unwrap();
        let told = facts(&shop.db, "price.changed.v1").await;
        assert_eq!(told, [json!({"store": "harbor", "sku": "muffin", "price": {"amount": 320, "currency": "USD"}, "version": before.version + 1})]);
    }

    async fn new_texts_are_shown_in_every_store(shop) {
        small_shop::open(&shop.db, None).await;
        let catalog = Catalog::new(shop.db.clone());
        let before = catalog.menu(&store()).await.unwrap().unwrap();
        let edit = async |name: Text, description: Text| {
            let within = catalog.clone();
            let (product, edit): (ProductId, _) = (id("muffin"), ProductEdit { name, description });
            run!(shop.db, |tx| within.edit_product_in(tx, &product, &edit, Actor::System))
        };
        let (name, description) = (Text::new("Blueberry muffin", "蓝莓玛芬"), Text::new("Still warm.", ""));
        assert!(edit(name.clone(), description.clone()).await.unwrap());
        assert!(!edit(name.clone(), description.clone()).await.unwrap(), "the same texts are no change");
        let after = catalog.menu(&store()).await.unwrap().unwrap();
        let muffin = after.product("muffin").unwrap();
        assert_eq!((after.version, &muffin.name, &muffin.description), (before.version + 1, &name, &description));
        let texts = catalog.product_texts(&id("muffin")).await.unwrap();
        assert_eq!(texts, Some(ProductEdit { name, description }));
        assert_eq!(facts(&shop.db, "product.changed.v1").await, [json!({"product": "muffin", "stores": ["harbor"]})]);
        let changes = catalog.menu_changes(&mut shop.db.reader(), &store()).await.unwrap().unwrap();
        assert_eq!((changes.since, changes.changed.len()), (after.version, 0), "who is older fetches the menu");
        let error = edit(Text::new(" ", "x".repeat(121)), Text::new("y".repeat(2001), "")).await.unwrap_err();
        assert_eq!(codes(&error), pairs([("/name/en", "required"), ("/name/zh-CN", "too_long"), ("/description/en", "too_long")]));
        let error = edit(Text::new("niffuM\u{202E}", "玛芬"), Text::new("Warm.\nStill.", "热\u{200B}的")).await.unwrap_err();
        assert_eq!(codes(&error), pairs([("/name/en", "control_character"), ("/description/zh-CN", "control_character")]));
        let within = catalog.clone();
        let latte = ProductEdit { name: Text::new("Latte", "拿铁"), description: Text::default() };
        let error = run!(shop.db, |tx| within.edit_product_in(tx, &id("latte"), &latte, Actor::System)).unwrap_err();
        assert!(matches!(error, CatalogError::Unknown));
    }

    async fn changes_are_told_cumulatively(shop) {
        small_shop::open(&shop.db, None).await;
        let catalog = Catalog::new(shop.db.clone());
        let since = catalog.menu_changes(&mut shop.db.reader(), &store()).await.unwrap().unwrap();
        assert_eq!((since.version, since.changed.len()), (since.since, 0));
        let within = catalog.clone();
        let done: Result<(), CatalogError> = shop.db.transaction(move |tx| Box::pin(async move {
            within.set_item_available_in(tx, &store(), &id("muffin"), false, Actor::System).await?;
            within.set_option_available_in(tx, &store(), &id("oat"), false, Actor::System).await?;
            within.set_item_available_in(tx, &store(), &id("muffin"), true, Actor::System).await?;
            within.set_prices_in(tx, &store(), &id("croissant"), vec![window(390, None, None)], Actor::System).await?;
            Ok(())
        })).await;
        done.unwrap();
        let told = catalog.menu_changes(&mut shop.db.reader(), &store()).await.unwrap().unwrap();
        assert_eq!((told.since, told.version), (since.since, since.version + 4));
        let change = |sku: Option<&str>, option: Option<&str>, available, price| MenuChange {
            out_of_stock: false,
            sku: sku.map(id),
            option: option.map(id),
            available,
            price: Some(usd(price)),
        };
        let expected = [
            change(None, Some("oat"), false, 60),
            change(Some("croissant"), None, true, 390),
            change(Some("muffin"), None, true, 300),
        ];
        assert_eq!(told.changed, expected, "each thing once, as it is now");
    }

    async fn only_the_newest_changes_are_told(shop) {
        seed::bench(&shop.db, 502).await.unwrap();
        let catalog = Catalog::new(shop.db.clone());
        let bench: StoreId = id("bench");
        let before = catalog.menu(&bench).await.unwrap().unwrap();
        let (within, at) = (catalog.clone(), bench.clone());
        let done: Result<(), CatalogError> = shop.db.transaction(move |tx| Box::pin(async move {
            for n in 1..=502 {
                within.set_item_available_in(tx, &at, &id(&format!("bench-{n}")), false, Actor::System).await?;
            }
            Ok(())
        })).await;
        done.unwrap();
        let told = catalog.menu_changes(&mut shop.db.reader(), &bench).await.unwrap().unwrap();
        assert_eq!((told.version, told.since, told.changed.len()), (before.version + 502, before.version + 2, 500));
        assert!(!told.changed.iter().any(|change| change.sku == Some(id("bench-2"))), "the oldest is not told any more");
    }

    async fn products_are_found_by_words_in_either_language(shop) {
        small_shop::open(&shop.db, None).await;
        seed::bench(&shop.db, 7).await.unwrap();
        let catalog = Catalog::new(shop.db.clone());
        let find = async |words: &str, at: Option<&str>, category: Option<&str>, cursor: Option<String>, limit| {
            let asked = Search { store: at.map(id), category: category.map(id), q: Some(words.to_owned()), cursor, limit };
            let page = catalog.search(&asked, Locale::En).await?;
            Ok::<_, CatalogError>((page.items.iter().map(|product| product.id.to_string()).collect::<Vec<_>>(), page.next))
        };
        let expect = |names: &[&str]| (names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), None);
        assert_eq!(find("MUFFIN likes", None, None, None, 10).await.unwrap(), expect(&["muffin"]));
        assert_eq!(find("croissant（中）", Some("harbor"), None, None, 10).await.unwrap(), expect(&["croissant"]));
        assert_eq!(find("", None, Some("bakery"), None, 10).await.unwrap(), expect(&["croissant", "muffin"]));
        assert_eq!(find("muffin", Some("bench"), None, None, 10).await.unwrap(), expect(&[]));
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let (items, next) = find("", None, None, cursor, 3).await.unwrap();
            assert!(!items.is_empty() && items.len() <= 3);
            all.extend(items);
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 10, "every product once: {all:?}");
        let error = find("", None, None, Some("gone".to_owned()), 3).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (400, "invalid_cursor"));
        assert!(matches!(find("", Some("nowhere"), None, None, 3).await, Err(CatalogError::Unknown)));
        let muffin = catalog.product("muffin", None, Locale::ZhCn).await.unwrap().unwrap();
        assert_eq!((muffin.name.as_str(), muffin.variants[0].price), ("muffin（中）", usd(300)));
        assert!(catalog.product("muffin", Some(&id("bench")), Locale::En).await.unwrap().is_none());
    }

    async fn no_more_places_are_taken_than_there_are(shop) {
        small_shop::open(&shop.db, Some(5)).await;
        let takers: Vec<_> = (0..20)
            .map(|_| {
                let (db, holder) = (shop.db.clone(), Holder::Checkout(CheckoutId(Uuid::now_v7())));
                tokio::spawn(async move { (holder, run!(db, |tx| take_place_in(tx, holder))) })
            })
            .collect();
        let mut holders = Vec::new();
        for taker in takers {
            match taker.await.unwrap() {
                (holder, Ok(())) => holders.push(holder),
                (_, Err(error)) => assert_eq!((error.code(), error.status()), ("store_at_capacity", 503)),
            }
        }
        assert_eq!(holders.len(), 5);
        let view = Stores.view(&mut shop.db.reader(), &store(), Naming::In(Locale::En)).await.unwrap().unwrap();
        assert_eq!((view.accepting, view.refusal, view.in_queue), (false, Some(Refusal::AtCapacity), 0));
        let first = holders[0];
        run!(shop.db, |tx| take_place_in(tx, first)).expect("who has a place keeps it");
        let order = Holder::Order(OrderId(Uuid::now_v7()));
        assert!(run!(shop.db, |tx| Stores.rename_place_in(tx, &store(), first, order)).unwrap());
        let view = Stores.view(&mut shop.db.reader(), &store(), Naming::In(Locale::En)).await.unwrap().unwrap();
        assert_eq!((view.accepting, view.in_queue), (false, 1), "a place handed on is neither lost nor doubled");
        let givers: Vec<_> = (0..8)
            .map(|_| {
                let db = shop.db.clone();
                tokio::spawn(async move { run!(db, |tx| Stores.give_place_back_in(tx, &store(), order)).unwrap() })
            })
            .collect();
        let mut given = 0;
        for giver in givers {
            given += i32::from(giver.await.unwrap());
        }
        assert_eq!(given, 1, "a place is given back once");
        let row = Stores.get(&mut shop.db.reader(), &store()).await.unwrap().unwrap();
        assert_eq!((row.active, row.refusal()), (4, None));
        let stranger = Holder::Admission(AdmissionId(Uuid::now_v7()));
        assert!(!run!(shop.db, |tx| Stores.give_place_back_in(tx, &store(), stranger)).unwrap());
    }

    async fn a_store_opens_closes_and_says_so_once(shop) {
        small_shop::open(&shop.db, Some(5)).await;
        for (open, changed) in [(true, false), (false, true), (false, false), (true, true)] {
            let result = run!(shop.db, |tx| Stores.set_open_in(tx, &store(), open, Actor::System)).unwrap();
            assert_eq!(result, changed);
            let view = Stores.view(&mut shop.db.reader(), &store(), Naming::All(Locale::ZhCn)).await.unwrap().unwrap();
            assert_eq!((view.open, view.accepting, view.refusal), (open, open, (!open).then_some(Refusal::Closed)));
            assert_eq!((view.name.as_str(), view.names), ("Harbor", Some(Text::new("Harbor", "海港"))));
        }
        assert_eq!(facts(&shop.db, "store.closed.v1").await.len(), 1);
        assert_eq!(facts(&shop.db, "store.opened.v1").await.len(), 1);
        let error = run!(shop.db, |tx| Stores.set_open_in(tx, &id("nowhere"), true, Actor::System)).unwrap_err();
        assert!(matches!(error, StoreError::Unknown));
        assert_eq!(Stores.of_kiosk(&mut shop.db.reader(), &id("harbor-1")).await.unwrap(), Some(store()));
    }

    async fn settings_are_patched_or_refused_whole(shop) {
        small_shop::open(&shop.db, Some(5)).await;
        let patch = async |body: serde_json::Value| {
            let patch = SettingsPatch::read(&body)?;
            run!(shop.db, |tx| Stores.patch_settings_in(tx, &store(), &patch, Actor::System))
        };
        let settings = async || Stores.get(&mut shop.db.reader(), &store()).await.unwrap().unwrap().settings;
        let before = settings().await;
        let error = patch(json!({"capacity": 0, "code_seconds": 29, "order_limit": 3})).await.unwrap_err();
        assert_eq!((error.status(), codes(&error)), (422, pairs([("/capacity", "out_of_range"), ("/code_seconds", "out_of_range")])));
        assert_eq!(settings().await, before);
        let after = patch(json!({"capacity": null, "order_limit": 3, "code_seconds": before.code_seconds})).await.unwrap();
        assert_eq!((after.capacity, after.order_limit), (None, Some(3)));
        assert_eq!(settings().await, after);
        patch(json!({})).await.unwrap();
        patch(json!({"order_limit": 3})).await.unwrap();
        let told = facts(&shop.db, "store.settings_changed.v1").await;
        let changes = json!([{"name": "capacity", "from": "5", "to": null}, {"name": "order_limit", "from": null, "to": "3"}]);
        let expected = json!({"store": "harbor", "changed": ["capacity", "order_limit"], "changes": changes});
        assert_eq!(told, [expected], "what was not changed is not told");
    }
}
