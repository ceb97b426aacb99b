//! The check finds nothing in a shop that was used, and names whatever is broken by hand.

use std::time::Duration;

use backend::args;
use backend::check::{self, Verdict};
use backend::db::{DbError, Sql as _};
use backend::idempotency::RequestKey;
use backend::payment::{Credit, TopUpEnd};
use domain::view::{Address, FulfilmentRequest, PaymentRequest, PlaceRequest};

use crate::cafe::{Cafe, EN, Work, barista, croissant, flat_white, guest, line, person, request, settle};
use crate::support::{TestDb, on_both_databases};

/// What is done to the database, how it is undone, and which checks have to find it.
struct Harm {
    checks: &'static [&'static str],
    /// A part of what has to be said about it.
    says: &'static str,
    does: &'static [&'static str],
    /// Restored tables have the rows of before; nothing else can be missed.
    tables: &'static [&'static str],
}

const HARMS: &[Harm] = &[
    Harm { checks: &["ledger.wallets"], says: "it holds 1 after", does: &["update wallet set balance = 1"], tables: &["wallet"] },
    Harm {
        checks: &["ledger.wallets", "ledger.orders"],
        says: "the ledger has taken 0",
        does: &["delete from ledger_transfer where kind = 'charge'"],
        tables: &["ledger_transfer"],
    },
    Harm {
        checks: &["ledger.sums"],
        says: "from nobody to nowhere",
        does: &["update ledger_transfer set from_account = 'nobody', to_account = 'nowhere' where kind = 'refund'"],
        tables: &["ledger_transfer"],
    },
    Harm {
        checks: &["ledger.top_ups"],
        says: "it is captured over 500, and the ledger has put 0",
        does: &["update ledger_transfer set kind = 'gift' where kind = 'top_up'"],
        tables: &["ledger_transfer"],
    },
    Harm {
        checks: &["ledger.top_ups"],
        says: "it is declined over 500, and the ledger has put 500",
        does: &["update top_up set status = 'declined'"],
        tables: &["top_up"],
    },
    Harm {
        checks: &["ledger.top_ups"],
        says: "there is no top-up elsewhere",
        does: &["update ledger_transfer set reference = 'elsewhere' where kind = 'top_up'"],
        tables: &["ledger_transfer"],
    },
    Harm {
        checks: &["orders.paid"],
        says: "and nothing is on its way back",
        does: &[
            "update payment set status = 'captured' where status = 'declined'",
            "update sales_order set saga_step = 'undo', saga_deadline = 9000000000000000 where status = 'rejected'",
        ],
        tables: &["payment", "sales_order"],
    },
    Harm {
        checks: &["orders.paid"],
        says: "and its payment is over 1",
        does: &["update payment set amount = 1 where method = 'card' and refunded = 0"],
        tables: &["payment"],
    },
    Harm {
        checks: &["orders.paid"],
        says: "of it went back, and its refunds come to 0",
        does: &["delete from payment_refund"],
        tables: &["payment_refund"],
    },
    Harm {
        checks: &["sagas.moving"],
        says: "has been under way since",
        does: &["update top_up set status = 'pending', begun_at = 5"],
        tables: &["top_up"],
    },
    Harm {
        checks: &["sagas.moving"],
        says: "should have been over at",
        does: &["update sales_order set saga_deadline = 5 where saga_step is not null"],
        tables: &["sales_order"],
    },
    Harm {
        checks: &["sagas.moving"],
        says: "its saga is over",
        does: &["update sales_order set saga_step = null, saga_deadline = null where status = 'created'"],
        tables: &["sales_order"],
    },
    Harm {
        checks: &["stock.balance", "stock.holds"],
        says: "of which 99 are held",
        does: &["update stock set held = 99 where sku = 'butter-croissant'"],
        tables: &["stock"],
    },
    Harm {
        checks: &["stock.movements"],
        says: "7 are received, the movements say",
        does: &["update stock set received = 7, adjusted = adjusted + received - 7 where sku = 'butter-croissant'"],
        tables: &["stock"],
    },
    Harm {
        checks: &["stock.movements"],
        says: "are sold, the movements say",
        does: &["delete from stock_movement where kind = 'sold'"],
        tables: &["stock_movement"],
    },
    Harm {
        checks: &["stock.holds", "holds.ended"],
        says: "its butter-croissant are released",
        does: &["update hold set state = 'released' where state = 'sold'"],
        tables: &["hold"],
    },
    Harm {
        checks: &["holds.ended", "places.held"],
        says: "it has ended in nothing, and its units are still held",
        does: &["update checkout set status = 'ended' where status = 'live'"],
        tables: &["checkout"],
    },
    Harm {
        checks: &["places.counted"],
        says: "places are counted",
        does: &["update store set active = active + 1 where id = 'harbor'"],
        tables: &["store"],
    },
    Harm {
        checks: &["places.counted", "places.held"],
        says: "it has no place",
        does: &["delete from place where kind = 'order'"],
        tables: &["place"],
    },
    Harm {
        checks: &["places.counted", "places.held"],
        says: "its order is not there",
        does: &["insert into place (store, kind, holder, taken_at) values ('harbor', 'order', 'nobody', 0)"],
        tables: &["place"],
    },
    Harm {
        checks: &["places.held"],
        says: "neither it nor what came of it has a place",
        does: &["insert into admission (id, owner, code, kiosk, store, state, expires_at) \
                 values ('00000000-0000-7000-8000-00000000000a', 'user:nobody', 'nothing', 'pier-1', 'pier', 'open', 9000000000000000)"],
        tables: &["admission"],
    },
    Harm {
        checks: &["checkouts.timed"],
        says: "it has no timer",
        does: &["delete from timer where kind = 'ordering.checkout_hold'"],
        tables: &["timer"],
    },
    Harm {
        checks: &["orders.made"],
        says: "the bar has no time limit",
        does: &["delete from timer where kind = 'ordering.barista_limit'"],
        tables: &["timer"],
    },
    Harm {
        checks: &["orders.numbered"],
        says: "numbers from 1 to 42, and the last one given was",
        does: &["update sales_order set number = number + 40 where store = 'harbor' and number = 2"],
        tables: &["sales_order"],
    },
    Harm {
        checks: &["orders.numbered"],
        says: "the last one given was",
        does: &["update order_number set last = last - 1 where store = 'harbor'"],
        tables: &["order_number"],
    },
    Harm {
        checks: &["orders.paid", "orders.told"],
        says: "nothing is on its way back",
        does: &["update payment set status = 'captured' where status = 'refunded'"],
        tables: &["payment"],
    },
    Harm {
        checks: &["orders.paid"],
        says: "its payment is pending",
        does: &["update payment set status = 'pending' where status = 'captured'"],
        tables: &["payment"],
    },
    Harm {
        checks: &["orders.paid", "log.things"],
        says: "it has no payment",
        does: &["delete from payment where status = 'captured'"],
        tables: &["payment"],
    },
    Harm {
        checks: &["orders.made", "log.things"],
        says: "nothing is made for it",
        does: &["delete from fulfilment where status = 'queued'"],
        tables: &["fulfilment"],
    },
    Harm {
        checks: &["orders.told"],
        says: "the log has order.cancelled.v1 0 times",
        does: &["update event set type = 'order.fulfilled.v1' where type = 'order.cancelled.v1'"],
        tables: &["event"],
    },
    Harm {
        checks: &["log.things"],
        says: "there is no order",
        does: &["update payment set order_id = '00000000-0000-7000-8000-000000000000' where status = 'declined'"],
        tables: &["payment"],
    },
    Harm {
        checks: &["log.positions"],
        says: "events have positions from 1 to",
        does: &["update event set position = position + 1000 where type = 'order.fulfilled.v1'"],
        tables: &["event"],
    },
    Harm {
        checks: &["log.cursors"],
        says: "and the log ends at",
        does: &["update cursor set position = 100000 where subscriber = 'live'"],
        tables: &["cursor"],
    },
    Harm {
        checks: &["sagas.moving"],
        says: "no idea",
        does: &[
            "insert into parked (subscriber, position, stream, error, attempts, parked_at) values ('ordering.saga', 1, 'x', 'no idea', 1, 0)",
        ],
        tables: &["parked"],
    },
    Harm {
        checks: &["sagas.moving"],
        says: "given up after 9 attempts: never",
        does: &["insert into job (kind, key, payload, status, attempts, next_at, error, created_at) \
             values ('ordering.refund', 'x', 'null', 'dead', 9, 0, 'never', 0)"],
        tables: &["job"],
    },
    Harm {
        checks: &["sagas.moving"],
        says: "nobody fires it",
        does: &["insert into timer (kind, key, due, payload, next_at, attempts) values ('ordering.barista_limit', 'x', 5, 'null', 5, 0)"],
        tables: &["timer"],
    },
];

/// Where numbers are given in the transactions themselves, which run one after the other.
const ON_SQLITE: Harm = Harm {
    checks: &["orders.numbered"],
    says: "it was placed after number",
    does: &[
        "update sales_order set number = -1 where store = 'harbor' and number = 1",
        "update sales_order set number = 1 where store = 'harbor' and number = 2",
        "update sales_order set number = 2 where store = 'harbor' and number = -1",
    ],
    tables: &["sales_order"],
};

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
