//! A shop that was restored from a backup: whoever listened to the one that it is a copy of hears what it tells.

use std::collections::BTreeMap;

use backend::db::Sql as _;
use backend::identity::Secret;
use backend::{args, backup, log};
use domain::event::Actor;
use domain::topic::Topic;
use domain::view::{Naming, TodayView};
use domain::{Locale, OrderId, Sku, Timestamp};
use serde_json::Value;

use crate::cafe::{Cafe, Work, barista, flat_white, id, person, settle};
use crate::support::{Cluster, TestDb, on_both_databases};

/// JavaScript counts exactly up to here.
const EXACT: i64 = 1 << 53;

/// What is told of each topic now.
async fn told(cafe: &Cafe, topics: &[Topic]) -> BTreeMap<String, Value> {
    let mut told = BTreeMap::new();
    for topic in topics {
        let payload = cafe.backend.live.snapshot(topic).await.unwrap().unwrap_or_else(|| panic!("{topic} is told of"));
        told.insert(topic.to_string(), serde_json::from_slice(&payload).unwrap());
    }
    told
}

fn sequence(event: &Value) -> i64 {
    event["sequence"].as_str().unwrap().parse().unwrap()
}

/// What pages are compared with their topics by: of the status, the queue and the order.
fn seeds(told: &BTreeMap<String, Value>) -> Vec<(i64, i64)> {
    let seed = |event: &Value| event["data"]["sequence"].as_i64().or_else(|| event["data"]["version"].as_i64());
    let seeded = told.iter().filter(|(topic, _)| !topic.ends_with("/menu"));
    seeded.filter_map(|(_, event)| Some((seed(event)?, sequence(event)))).collect()
}

async fn today(cafe: &Cafe) -> TodayView {
    let reports = cafe.backend.reports;
    let read =
        cafe.backend.db.snapshot(move |tx| Box::pin(async move { reports.day(tx, &id("harbor"), None, Naming::In(Locale::En)).await }));
    read.await.unwrap().unwrap()
}

async fn switch(cafe: &Cafe, available: bool) {
    let sku: Sku = "espresso-single".parse().unwrap();
    let switched = cafe.tx(move |tx, cafe| {
        let catalog = cafe.backend.catalog;
        Box::pin(async move { catalog.set_item_available_in(tx, &id("harbor"), &sku, available, Actor::System).await })
    });
    assert!(switched.await.unwrap());
}

async fn made(cafe: &Cafe, order: OrderId) {
    let kim = barista("Kim");
    for work in [Work::Claim, Work::Ready, Work::Collect] {
        cafe.work(&kim, order, work).await.unwrap();
    }
}

on_both_databases! {
    async fn what_a_restored_shop_tells_is_newer_than_all_before(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let ada = person("Ada", None);
        let order = cafe.order(&ada, "tok_ok").await;
        settle(&running).await;
        running.shutdown().await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.backup");
        backup::save(&shop.db, &Secret::new(shop.url.clone()), &file).await.unwrap();

        // The copy knows nothing of this, and whoever listens has heard it.
        let running = cafe.run();
        made(&cafe, order).await;
        for available in [false, true, false, true, false] {
            switch(&cafe, available).await;
        }
        settle(&running).await;
        running.shutdown().await;
        let store = id("harbor");
        let topics = [
            Topic::Status(store.clone()),
            Topic::Menu(store.clone()),
            Topic::Board(store.clone()),
            Topic::Queue(store),
            Topic::Order(order),
            Topic::User(ada.user().unwrap()),
            Topic::Ops("live".to_owned()),
        ];
        let (before, day, head) = (told(&cafe, &topics).await, today(&cafe).await, log::head(&mut shop.db.reader()).await.unwrap());

        let url = if shop.db.is_postgres() {
            Cluster::shared().new_database()
        } else {
            format!("sqlite:{}", folder.path().join("restored.db").display())
        };
        backup::restore(&Secret::new(url.clone()), &file, shop.clock.clone()).await.unwrap();
        let restored = TestDb::open(url).await;
        let again = Cafe::open(&restored).await;
        assert!(log::head(&mut restored.db.reader()).await.unwrap() < head, "the log itself is the copy's");
        let after = told(&again, &topics).await;
        for (topic, event) in &after {
            let (old, new) = (sequence(&before[topic]), sequence(event));
            assert!(old < new && new < EXACT, "{topic}: {old} {new}");
        }
        for told in [&before, &after] {
            let seeds = seeds(told);
            assert!(seeds.len() == 3 && seeds.iter().all(|(seed, sequence)| seed == sequence), "{seeds:?}");
        }
        assert!(today(&again).await.version > day.version);
        // Who has an older menu fetches it.
        let menu = |told: &BTreeMap<String, Value>, key: &str| told["v1/stores/harbor/menu"]["data"][key].as_i64().unwrap();
        assert!(menu(&after, "since") > menu(&before, "version"));
        assert_eq!(menu(&after, "since"), menu(&after, "version"));

        // And it goes on from there.
        let running = again.run();
        made(&again, order).await;
        switch(&again, false).await;
        settle(&running).await;
        let later = told(&again, &topics).await;
        assert!(later.iter().all(|(topic, event)| sequence(event) > sequence(&after[topic])), "{later:?}");
        assert_eq!(menu(&later, "version"), menu(&after, "version") + 1);
        running.shutdown().await;
        // An order that is placed there is answered under the same numbers as its topic.
        let checkout = again.begin(&ada, "harbor", &[flat_white(1)]).await.unwrap();
        let order = again.place(&ada, &checkout, "tok_ok").await.unwrap();
        let topic = [Topic::Order(order)];
        assert_eq!(sequence(&told(&again, &topic).await[&topic[0].to_string()]), again.view(order).await.sequence);
        again.backend.close().await;
        restored.db.close().await;
    }

    /// However the clock was set meanwhile.
    async fn each_restore_is_after_the_one_before(shop) {
        let folder = tempfile::tempdir().unwrap();
        let (mut from, mut base) = (shop.db.clone(), shop.db.reader().base());
        assert!(base > 0);
        let mut address = shop.url.clone();
        for n in 0..2 {
            let file = folder.path().join(format!("{n}.backup"));
            backup::save(&from, &Secret::new(address), &file).await.unwrap();
            address = if shop.db.is_postgres() {
                Cluster::shared().new_database()
            } else {
                format!("sqlite:{}", folder.path().join(format!("{n}.db")).display())
            };
            shop.hands.set(Timestamp::from_millis(1_000));
            backup::restore(&Secret::new(address.clone()), &file, shop.clock.clone()).await.unwrap();
            from = TestDb::open(address.clone()).await.db;
            let kept: i64 = from.reader().fetch_one("select base from numbering", args![]).await.unwrap().get("base").unwrap();
            assert_eq!((from.reader().base(), kept), (base + 1, base + 1));
            base += 1;
        }
        from.close().await;
    }
}
