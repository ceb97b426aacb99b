//! The check finds nothing in a shop that was used, and names whatever is broken by hand.

mod harms;

use std::time::Duration;

use backend::args;
use backend::check::{self, Verdict};
use backend::db::{DbError, Sql as _};
use backend::idempotency::RequestKey;
use backend::payment::{Credit, TopUpEnd};
use domain::view::{Address, FulfilmentRequest, PaymentRequest, PlaceRequest};

use self::harms::{HARMS, Harm, ON_SQLITE};
use crate::cafe::{Cafe, EN, Work, barista, croissant, flat_white, guest, line, person, request, settle};
use crate::support::{TestDb, on_both_databases};

/// Runs statements in a transaction of their own. Constraints are the first to refuse such things, so they are out of
/// force.
async fn run(shop: &TestDb, statements: Vec<String>) {
    let done: Result<(), DbError> = shop
        .db
        .transaction(move |tx| {
            Box::pin(async move {
                if !tx.is_postgres() {
                    tx.execute("pragma defer_foreign_keys = on", args![]).await?;
                }
                for statement in statements {
                    // Leaked: statements are written in the program, everywhere but here.
                    tx.execute(String::leak(statement), args![]).await?;
                }
                Ok(())
            })
        })
        .await;
    done.expect("the statements run");
}

/// Takes the constraints out of the way, for good.
async fn unprotect(shop: &TestDb) {
    if !shop.db.is_postgres() {
        // For the connection that writes, as long as it lives.
        return run(shop, vec!["pragma ignore_check_constraints = on".to_owned()]).await;
    }
    let text =
        "select conrelid::regclass::text as tab, conname::text as name from pg_constraint where conrelid <> 0 and contype in ('c', 'f')";
    let rows = shop.db.reader().fetch_all(text, args![]).await.unwrap();
    let drop = |row: &backend::db::Row| {
        let (table, name): (String, String) = (row.get("tab").unwrap(), row.get("name").unwrap());
        format!("alter table {table} drop constraint \"{name}\"")
    };
    run(shop, rows.iter().map(drop).collect()).await;
}

async fn broken(shop: &TestDb) -> Vec<Verdict> {
    check::run(&shop.db).await.unwrap().into_iter().filter(|verdict| !verdict.ok).collect()
}

/// A shop with orders in every state.
async fn used_shop(shop: &TestDb) -> Cafe {
    let cafe = Cafe::open(shop).await;
    let running = cafe.run();
    let kim = barista("Kim");
    let mut orders = Vec::new();
    for token in ["tok_ok", "tok_ok", "tok_declined", "tok_ok", "tok_ok", "tok_ok", "tok_ok"] {
        let caller = guest();
        let checkout = cafe.begin(&caller, "harbor", &[croissant(1), flat_white(1)]).await.unwrap();
        orders.push((cafe.place(&caller, &checkout, token).await.unwrap(), caller));
    }
    settle(&running).await;
    // 1 fulfilled, 2 cancelled and refunded, 3 rejected, 4 made, 5 in work, 6 recalled, 7 waiting.
    let work = async |order: usize, work: &[Work]| {
        for work in work {
            cafe.work(&kim, orders[order - 1].0, *work).await.unwrap();
        }
    };
    work(1, &[Work::Claim, Work::Ready, Work::Collect]).await;
    cafe.cancel(&orders[1].1, orders[1].0).await.unwrap();
    work(4, &[Work::Claim, Work::Ready]).await;
    work(5, &[Work::Claim]).await;
    work(6, &[Work::Claim, Work::Ready, Work::Recall]).await;
    let mut parcel = request("unicorn", &[line("unicorn-plush", 1, &[])]);
    let (name, line1, city) = ("Ada".to_owned(), "1 Pier".to_owned(), "Harbor".to_owned());
    let address = Address { name, line1, line2: None, city, region: None, postal_code: "12345".to_owned(), country: "US".to_owned() };
    parcel.fulfilment = FulfilmentRequest::Ship { address };
    let caller = guest();
    let checkout = cafe.begin_as(&caller, parcel).await.unwrap();
    cafe.place(&caller, &checkout, "tok_ok").await.unwrap();
    // From a wallet: one kept, one called off.
    let ada = person("Ada", None);
    let user = ada.user().expect("she is signed in");
    let credit = cafe.tx(move |tx, cafe| {
        let amount = domain::Money::new(3300, domain::Currency::USD);
        Box::pin(async move { cafe.backend.wallets.credit_in(tx, user, amount, Credit::Gift, "welcome").await })
    });
    assert!(credit.await.unwrap());
    for _ in 0..2 {
        let checkout = cafe.begin(&ada, "harbor", &[flat_white(1)]).await.unwrap();
        let request = PlaceRequest { payment: PaymentRequest::Wallet, expected_total: checkout.quote.total };
        let order = cafe.place_as(&ada, checkout.id, request).await.unwrap();
        settle(&running).await;
        if cafe.backend.orders.list(&mut cafe.backend.db.reader(), &ada.owner().unwrap(), None, 9, EN).await.unwrap().items.len() == 2 {
            cafe.cancel(&ada, order).await.unwrap();
        }
    }
    let key = RequestKey { caller: ada.key().expect("she is signed in"), method: "POST".into(), path: "/top".into(), key: "1".into() };
    let five = domain::Money::new(500, domain::Currency::USD);
    assert_eq!(cafe.backend.top_ups.pay_in(&key, "", user, five, "tok_ok").await, Ok(TopUpEnd::Captured));
    settle(&running).await;
    running.shutdown().await;
    // One that lives, one that expired, and one whose payment has not begun: nobody is there to do it.
    cafe.begin(&guest(), "harbor", &[croissant(2)]).await.unwrap();
    let caller = guest();
    let checkout = cafe.begin(&caller, "harbor", &[croissant(1)]).await.unwrap();
    cafe.place(&caller, &checkout, "tok_ok").await.unwrap();
    cafe
}

on_both_databases! {
    async fn a_used_shop_is_in_order_at_every_moment(shop) {
        let cafe = used_shop(&shop).await;
        assert_eq!(broken(&shop).await, []);
        assert_eq!(check::run(&shop.db).await.unwrap().len(), check::CHECKS.len());
        // While everything goes on.
        let running = cafe.run();
        for _ in 0..10 {
            let caller = guest();
            let checkout = cafe.begin(&caller, "harbor", &[flat_white(1)]).await.unwrap();
            assert_eq!(broken(&shop).await, []);
            let order = cafe.place(&caller, &checkout, "tok_ok").await.unwrap();
            assert_eq!(broken(&shop).await, []);
            cafe.cancel(&caller, order).await.unwrap();
            assert_eq!(broken(&shop).await, []);
        }
        shop.hands.advance(Duration::from_mins(16));
        settle(&running).await;
        assert_eq!(broken(&shop).await, []);
    }

    async fn whatever_is_broken_is_named(shop) {
        used_shop(&shop).await;
        unprotect(&shop).await;
        for Harm { checks, says, does: harm, tables } in HARMS.iter().chain((!shop.db.is_postgres()).then_some(&ON_SQLITE)) {
            let kept = tables.iter().map(|table| format!("create table kept_{table} as select * from {table}"));
            run(&shop, kept.chain(harm.iter().map(|harm| (*harm).to_owned())).collect()).await;
            let verdicts = broken(&shop).await;
            let found: Vec<_> = verdicts.iter().map(|verdict| verdict.check).collect();
            assert!(checks.iter().all(|check| found.contains(check)), "{harm:?}: {verdicts:?}");
            assert!(verdicts.iter().flat_map(|verdict| &verdict.broken).any(|breach| breach.why.contains(says)), "{says}: {verdicts:?}");
            let mut mend = Vec::new();
            for table in *tables {
                mend.push(format!("delete from {table}"));
                // The number of an event is its own on PostgreSQL.
                let by = if *table == "event" && shop.db.is_postgres() { "overriding system value " } else { "" };
                mend.push(format!("insert into {table} {by}select * from kept_{table}"));
                mend.push(format!("drop table kept_{table}"));
            }
            run(&shop, mend).await;
            assert_eq!(broken(&shop).await, [], "after {harm:?}");
        }
    }
}
