//! Whoever deletes their account while something else of it is on its way.

use backend::db::{DbError, Sql as _};
use backend::identity::{AccountEdit, Caller, IdentityError};
use backend::ordering::OrderingError;
use backend::payment::Forfeit;
use backend::{args, check, log};
use domain::OrderId;
use domain::view::Role;

use super::guests::{add, begin};
use super::{Shop, ada, phone};
use crate::cafe::{person, plush, settle};
use crate::small_shop::count;
use crate::support::on_both_databases;

/// What is to be nowhere once its shopper has left.
const SAID: &str = "call me at 5557770002";
const IN_THE_LOG: &str = "select (select count(*) from event where data like '%5557770002%') \
                          + (select count(*) from fulfilment where reason like '%5557770002%') as n";
const IN_THE_ORDERS: &str = "select count(*) as n from sales_order where reason like '%5557770002%'";

fn named() -> AccountEdit {
    AccountEdit { name: Some("Ada".to_owned()), language: None }
}

/// Nobody is left in an account that was deleted.
async fn assert_empty(shop: &Shop, round: usize) {
    let verdicts = check::run(&shop.backend().db).await.unwrap();
    let empty = verdicts.iter().find(|verdict| verdict.check == "accounts.empty").unwrap();
    assert!(empty.ok, "round {round}: {empty:?}");
}

/// A parcel of theirs that is paid for, and then called off by somebody who says why.
async fn called_off(shop: &Shop, shopper: &Caller, by: &Caller, why: &'static str) -> OrderId {
    let checkout = shop.cafe.begin_as(shopper, plush()).await.unwrap();
    let order = shop.cafe.place(shopper, &checkout, "tok_ok").await.unwrap();
    let running = shop.cafe.run();
    settle(&running).await;
    let by = by.clone();
    let cancelling =
        shop.cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.orders.cancel_in(tx, &by, order, Some(why.to_owned())).await }));
    cancelling.await.unwrap();
    settle(&running).await;
    running.shutdown().await;
    order
}

/// Why an order was called off, by what its journey tells of that.
async fn told(shop: &Shop, caller: &Caller, order: OrderId) -> Option<String> {
    let journey = shop.backend().orders.journey(&mut shop.backend().db.reader(), caller, order).await.unwrap();
    journey.into_iter().find(|entry| entry.type_name == "order.cancelled.v1").and_then(|entry| entry.reason)
}

on_both_databases! {
    async fn what_a_shopper_said_of_an_order_goes_with_them_and_was_never_in_the_log(shop) {
        let db = shop.db.clone();
        let shop = Shop::open(&shop).await;
        let (ada, _) = shop.sign_in(&Caller::Nobody, &ada()).await;
        let kim = person("Kim", Some((Role::Manager, "unicorn")));
        let order = called_off(&shop, &ada, &ada, SAID).await;
        let other = called_off(&shop, &ada, &kim, "the last one was torn").await;
        for caller in [&ada, &kim] {
            assert_eq!(told(&shop, caller, order).await.as_deref(), Some(SAID), "whoever may see the order reads it");
            assert_eq!(told(&shop, caller, other).await.as_deref(), Some("the last one was torn"));
        }
        assert_eq!(shop.cafe.view(order).await.reason.as_deref(), Some(SAID));
        assert_eq!((count(&db, IN_THE_LOG).await, count(&db, IN_THE_ORDERS).await), (0, 1));

        shop.backend().identities.delete_account(&ada, Forfeit::Nothing).await.unwrap();
        assert_eq!((count(&db, IN_THE_LOG).await, count(&db, IN_THE_ORDERS).await), (0, 0));
        assert_eq!((told(&shop, &kim, order).await, shop.cafe.view(order).await.status.as_str()), (None, "cancelled"), "the order stays");
        assert_eq!(told(&shop, &kim, other).await.as_deref(), Some("the last one was torn"), "the staff's words are not the shopper's");
    }

    async fn what_versions_before_told_the_log_of_it_is_taken_out(shop) {
        let db = shop.db.clone();
        let shop = Shop::open(&shop).await;
        let (ada, _) = shop.sign_in(&Caller::Nobody, &ada()).await;
        let kim = person("Kim", Some((Role::Manager, "unicorn")));
        let order = called_off(&shop, &ada, &ada, SAID).await;
        let other = called_off(&shop, &ada, &kim, "torn").await;
        let run = async |statements: Vec<&'static str>| {
            let done: Result<(), DbError> = db
                .transaction(move |tx| {
                    Box::pin(async move {
                        for statement in statements {
                            tx.execute(statement, args![]).await?;
                        }
                        Ok(())
                    })
                })
                .await;
            done.unwrap();
        };
        run(vec![
            r#"update event set data = replace(data, '"reason":null', '"reason":"call me at 5557770002"') where type = 'order.cancelled.v1'"#,
            r#"update event set data = replace(data, '"reason":"cancelled"', '"reason":"call me at 5557770002"') where type = 'shipment.failed.v1'"#,
            "update fulfilment set reason = 'call me at 5557770002' where reason = 'cancelled'",
        ])
        .await;
        assert_eq!(count(&db, IN_THE_LOG).await, 3);

        let migration = if db.is_postgres() {
            include_str!("../../../migrations/postgres/0068_reasons_of_shoppers.sql")
        } else {
            include_str!("../../../migrations/sqlite/0068_reasons_of_shoppers.sql")
        };
        let statements: Vec<_> = migration.split(';').filter(|statement| !statement.trim().is_empty()).collect();
        run(statements.clone()).await;
        assert_eq!((count(&db, IN_THE_LOG).await, count(&db, IN_THE_ORDERS).await), (0, 1));
        assert_eq!(told(&shop, &ada, order).await.as_deref(), Some(SAID), "their account is still there");
        assert_eq!(told(&shop, &ada, other).await.as_deref(), Some("torn"));
        for event in log::read(&mut db.reader(), 0, &[], 1000).await.unwrap() {
            event.event().expect("it can be read as before");
        }
        // They have left by the version before.
        run(vec!["update account set deleted_at = 1"]).await;
        run(statements).await;
        assert_eq!(count(&db, IN_THE_ORDERS).await, 0);
    }

    async fn what_is_written_while_an_account_is_deleted_goes_with_it_or_is_refused(shop) {
        let shop = Shop::open(&shop).await;
        let identities = &shop.backend().identities;
        for round in 0..8 {
            let (ada, _) = shop.sign_in(&Caller::Nobody, &phone(&format!("+1555043{round:04}"))).await;
            let (one, begun, deleted, added, two) = tokio::join!(
                identities.edit_account(&ada, named()),
                begin(&shop, &ada),
                identities.delete_account(&ada, Forfeit::Nothing),
                add(&shop, &ada),
                identities.edit_account(&ada, named())
            );
            deleted.unwrap();
            for edited in [one, two, identities.edit_account(&ada, named()).await] {
                assert!(matches!(edited, Ok(()) | Err(IdentityError::SessionRequired)), "round {round}: {edited:?}");
            }
            for refused in [begun.map(drop), added.map(drop)].into_iter().filter_map(Result::err) {
                assert!(matches!(refused, OrderingError::SessionRequired), "round {round}: {refused}");
            }
            // What comes after it is late for sure.
            assert_eq!(identities.edit_account(&ada, named()).await, Err(IdentityError::SessionRequired), "round {round}");
            assert!(matches!(begin(&shop, &ada).await, Err(OrderingError::SessionRequired)), "round {round}");
            assert!(matches!(add(&shop, &ada).await, Err(OrderingError::SessionRequired)), "round {round}");
            assert_empty(&shop, round).await;
        }
    }

    async fn whoever_signs_in_while_their_account_is_deleted_comes_into_no_account_that_is_gone(shop) {
        let shop = Shop::open(&shop).await;
        let identities = &shop.backend().identities;
        for round in 0..5 {
            let phone = phone(&format!("+1555044{round:04}"));
            let (ada, _) = shop.sign_in(&Caller::Nobody, &phone).await;
            let code = shop.code(&phone).await;
            let (guest, _) = identities.new_guest();
            add(&shop, &guest).await.unwrap();
            let (deleted, signed_in) = tokio::join!(identities.delete_account(&ada, Forfeit::Nothing), shop.try_code(&guest, &phone, &code));
            deleted.unwrap();
            assert!(matches!(signed_in, Ok(_) | Err(IdentityError::CodeSpent)), "round {round}: {signed_in:?}");
            assert_empty(&shop, round).await;
        }
    }
}
