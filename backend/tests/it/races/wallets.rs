//! One wallet, many ways to spend it.

use std::time::Duration;

use backend::args;
use backend::check;
use backend::db::{DbError, Sql as _};
use backend::identity::{Caller, IdentityError};
use backend::ordering::OrderingError;
use backend::payment::{Credit, Forfeit};
use backend::refused::Refused as _;
use domain::ordering::{OrderStatus, PaymentStatus};
use domain::view::{PaymentRequest, PlaceRequest, Role};
use domain::{Currency, Money, OrderId};

use super::{at_once, unicorn_request};
use crate::cafe::{Cafe, flat_white, person, settle};
use crate::support::{on_both_databases, rounds};

async fn buy_from_wallet(cafe: Cafe, who: Caller) -> Result<OrderId, OrderingError> {
    let checkout = cafe.begin_as(&who, unicorn_request()).await?;
    let request = PlaceRequest { payment: PaymentRequest::Wallet, expected_total: checkout.quote.total };
    cafe.place_as(&who, checkout.id, request).await
}

/// A shopper with so much in the wallet.
async fn with_wallet(cafe: &Cafe, amount: i64) -> Caller {
    let who = person("Ada", None);
    let user = who.user().expect("she is signed in");
    cafe.tx(move |tx, cafe| {
        let amount = Money::new(amount, Currency::USD);
        Box::pin(async move { cafe.backend.wallets.credit_in(tx, user, amount, Credit::Gift, &user.to_string()).await })
    })
    .await
    .expect("the wallet is filled");
    who
}

async fn balance(cafe: &Cafe, who: &Caller) -> i64 {
    let user = who.user().expect("she is signed in");
    cafe.backend.wallets.view(&mut cafe.backend.db.reader(), user).await.expect("the database answers").expect("she has one").amount
}

on_both_databases! {
    /// The worked example: 1700 each, four of them, 3300 in the wallet.
    async fn a_wallet_buys_what_it_can_and_no_more(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let ada = with_wallet(&cafe, 3300).await;
        let bought = buy_from_wallet(cafe.clone(), ada.clone()).await.unwrap();
        settle(&running).await;
        assert_eq!(cafe.view(bought).await.status, OrderStatus::Processed);
        assert_eq!((balance(&cafe, &ada).await, cafe.stock("unicorn", "unicorn-plush").await), (1600, (3, 0)));
        let error = buy_from_wallet(cafe.clone(), ada.clone()).await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("insufficient_funds", 402));
        assert_eq!((balance(&cafe, &ada).await, cafe.stock("unicorn", "unicorn-plush").await), (1600, (2, 1)), "her checkout still holds one");
        shop.hands.advance(Duration::from_mins(5));
        settle(&running).await;
        assert_eq!(cafe.stock("unicorn", "unicorn-plush").await, (3, 0));
        cafe.cancel(&ada, bought).await.unwrap();
        settle(&running).await;
        assert_eq!((balance(&cafe, &ada).await, cafe.stock("unicorn", "unicorn-plush").await), (3300, (4, 0)));
        assert_eq!(cafe.view(bought).await.payment.status, PaymentStatus::Refunded);
    }

    /// Somebody deletes their account while they order: there is an order, or there is nobody any more.
    async fn an_account_is_not_deleted_under_an_order(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        for round in 1..=rounds() {
            let ada = with_wallet(&cafe, 2000).await;
            let user = ada.user().expect("she is signed in");
            let account = "insert into account (id, name, created_at) values ($1, 'Ada', 0)";
            let added: Result<u64, DbError> = cafe.backend.db.transaction(move |tx| tx.execute(account, args![user])).await;
            assert_eq!(added, Ok(1));
            let checkout = cafe.begin(&ada, "harbor", &[flat_white(1)]).await.unwrap();
            let request = PlaceRequest { payment: PaymentRequest::Wallet, expected_total: checkout.quote.total };
            let place = { let (cafe, ada) = (cafe.clone(), ada.clone()); async move { cafe.place_as(&ada, checkout.id, request).await } };
            let delete = { let (cafe, ada) = (cafe.clone(), ada.clone()); async move { cafe.backend.identities.delete_account(&ada, Forfeit::All).await } };
            let (placed, deleted) = tokio::join!(tokio::spawn(place), tokio::spawn(delete));
            let (placed, deleted) = (placed.unwrap(), deleted.unwrap());
            let is_there = cafe.backend.identities.account(&mut cafe.backend.db.reader(), user).await.unwrap().is_some();
            assert!(placed.is_ok() == is_there && deleted.is_ok() != is_there, "round {round}: {placed:?}, {deleted:?}");
            settle(&running).await;
            // The next one has its place.
            if let Ok(order) = placed {
                assert_eq!(deleted, Err(IdentityError::OrdersUnderWay));
                cafe.cancel(&ada, order).await.unwrap();
                settle(&running).await;
            }
        }
        let verdicts = check::run(&cafe.backend.db).await.unwrap();
        assert!(verdicts.iter().all(|verdict| verdict.ok), "{verdicts:?}");
    }

    /// One wallet, two shops at once: the money is there for one of them.
    async fn a_wallet_is_not_spent_twice(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        for round in 1..=rounds() {
            let ada = with_wallet(&cafe, 2000).await;
            let here = cafe.begin(&ada, "harbor", &[flat_white(3)]).await.unwrap();
            let pay = |checkout: domain::view::CheckoutView| {
                let (cafe, ada) = (cafe.clone(), ada.clone());
                let request = PlaceRequest { payment: PaymentRequest::Wallet, expected_total: checkout.quote.total };
                async move { cafe.place_as(&ada, checkout.id, request).await }
            };
            let there = cafe.begin_as(&ada, unicorn_request()).await.unwrap();
            let paid = at_once([pay(here), pay(there)]).await;
            let (mut orders, mut refused) = (Vec::new(), 0);
            for paid in paid {
                match paid {
                    Ok(order) => orders.push(order),
                    Err(error) => {
                        assert_eq!(error.code(), "insufficient_funds");
                        refused += 1;
                    }
                }
            }
            assert_eq!((orders.len(), refused), (1, 1), "round {round}");
            settle(&running).await;
            let left = 2000 - cafe.view(orders[0]).await.quote.total.amount;
            assert_eq!(balance(&cafe, &ada).await, left);
            // Called off by both sides at once: the money comes back once.
            let ways = [ada.clone(), person("Sam", Some((Role::Manager, cafe.view(orders[0]).await.store.as_str())))].map(|who| {
                let (cafe, order) = (cafe.clone(), orders[0]);
                async move { cafe.cancel(&who, order).await }
            });
            assert_eq!(at_once(ways).await.into_iter().flatten().count(), 1);
            settle(&running).await;
            assert_eq!(balance(&cafe, &ada).await, 2000, "round {round}");
            shop.hands.advance(Duration::from_mins(5));
            settle(&running).await;
        }
    }
}
