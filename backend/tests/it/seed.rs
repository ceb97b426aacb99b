//! The demo shops and the bench are what the contract says, and may be made again.

use backend::catalog::Catalog;
use backend::inventory::Stock;
use backend::seed;
use backend::stores::Stores;
use domain::prep::FulfilmentKind;
use domain::view::Admission;
use domain::{Currency, Money, StoreId};

use crate::small_shop::{count, id, run};
use crate::support::on_both_databases;

fn usd(amount: i64) -> Money {
    Money::new(amount, Currency::USD)
}

on_both_databases! {
    async fn the_demo_is_made_once(shop) {
        let made = seed::demo(&shop.db).await.unwrap();
        assert_eq!(made, ["harbor", "pier", "unicorn"].map(id::<StoreId>));
        let counted = async || {
            (
                count(&shop.db, "select count(*) as n from variant").await,
                count(&shop.db, "select count(*) as n from price").await,
                count(&shop.db, "select count(*) as n from event").await,
                count(&shop.db, "select cast(sum(menu_version) as bigint) as n from store").await,
            )
        };
        let before = counted().await;
        // What a person has changed since stays changed.
        run!(shop.db, |tx| Stores.set_open_in(tx, &id("pier"), false, domain::event::Actor::System)).unwrap();
        assert_eq!(seed::demo(&shop.db).await.unwrap(), Vec::<StoreId>::new());
        let after = counted().await;
        assert_eq!((after.0, after.1, after.2, after.3), (before.0, before.1, before.2 + 1, before.3));
        assert!(!Stores.get(&mut shop.db.reader(), &id("pier")).await.unwrap().unwrap().open);
    }

    async fn the_demo_is_as_promised(shop) {
        seed::demo(&shop.db).await.unwrap();
        let catalog = Catalog::new(shop.db.clone());
        let stores = Stores.list(&mut shop.db.reader()).await.unwrap();
        let terms: Vec<_> = stores.iter().map(|s| (s.id.as_str(), s.open, s.settings.admission, s.settings.capacity, s.fulfilment)).collect();
        let expected = [
            ("harbor", true, Admission::Open, Some(20), FulfilmentKind::Pickup),
            ("pier", true, Admission::Qr, Some(20), FulfilmentKind::Pickup),
            ("unicorn", true, Admission::Open, None, FulfilmentKind::Ship),
        ];
        assert_eq!(terms, expected);
        for row in &stores {
            let menu = catalog.menu(&row.id).await.unwrap().unwrap();
            assert_eq!(menu.currency, Currency::USD);
            for product in menu.products() {
                assert!(!product.name.en.is_empty() && !product.name.zh_cn.is_empty(), "{}", product.id);
                assert!(product.image.is_some() && !product.variants.is_empty(), "{}", product.id);
                assert!(product.variants.iter().all(|v| v.available && v.list_price().is_some()), "{}", product.id);
            }
        }
        let harbor = catalog.menu(&id("harbor")).await.unwrap().unwrap();
        assert!(harbor.products().count() >= 24 && harbor.categories.len() == 5);
        let flat_white = harbor.variant("flat-white-regular").unwrap().0;
        assert!(flat_white.variants.iter().any(|variant| variant.sku.as_str() == "flat-white-large"));
        let groups: Vec<_> = flat_white.modifiers.iter().map(|group| group.id.as_str()).collect();
        assert!(["milk", "shots", "syrup"].iter().all(|group| groups.contains(group)), "{groups:?}");
        let milk: Vec<_> = flat_white.modifiers[0].options.iter().map(|o| (o.id.as_str(), o.price)).collect();
        assert_eq!(milk, [("whole", usd(0)), ("skim", usd(0)), ("oat", usd(60)), ("soy", usd(50))]);
        assert!(Stock.level(&mut shop.db.reader(), &id("harbor"), &id("flat-white-regular")).await.unwrap().is_none());

        let pier = stores.iter().find(|row| row.id.as_str() == "pier").unwrap();
        assert_eq!((pier.settings.scans_per_code, pier.settings.code_seconds), (10, 300));
        assert_eq!(Stores.of_kiosk(&mut shop.db.reader(), &id("pier-1")).await.unwrap(), Some(id("pier")));

        let unicorn = catalog.menu(&id("unicorn")).await.unwrap().unwrap();
        let goods: Vec<_> = unicorn.products().flat_map(|product| &product.variants).collect();
        let levels = Stock.levels(&mut shop.db.reader(), &id("unicorn")).await.unwrap();
        assert!(unicorn.products().count() >= 30 && levels.len() == goods.len(), "every good is counted");
        assert_eq!(unicorn.variant("unicorn-plush").unwrap().1.list_price(), Some(usd(1700)));
        assert_eq!(levels.iter().find(|level| level.sku.as_str() == "unicorn-plush").unwrap().free(), 4);
        let others = "select count(*) as n from product join listing on listing.product = product.id \
                      where listing.store = 'unicorn' and (product.merchant is null or product.merchant <> 'unicorn-goods')";
        assert_eq!(count(&shop.db, others).await, 0);
    }

    async fn a_bench_grows_to_the_size_asked_for(shop) {
        for (asked, has) in [(30, 30), (30, 30), (520, 520), (10, 520)] {
            let bench = seed::bench(&shop.db, asked).await.unwrap();
            let menu = Catalog::new(shop.db.clone()).menu(&bench).await.unwrap().unwrap();
            assert_eq!(menu.products().count(), has);
        }
        let row = Stores.get(&mut shop.db.reader(), &id("bench")).await.unwrap().unwrap();
        assert_eq!((row.settings.admission, row.settings.capacity, row.settings.order_limit), (Admission::Open, None, None));
        assert_eq!(count(&shop.db, "select count(*) as n from stock").await, 0);
        assert_eq!(count(&shop.db, "select count(*) as n from product where merchant = 'bench'").await, 520);
        assert!(seed::bench(&shop.db, 0).await.is_err());
    }
}
