//! Everybody at once: whoever races, what there is goes to as many as there are, and every place and unit comes back.
//! `ORDERLY_RACES=50 cargo test -p backend --test it races` (`make races`) runs each race fifty times.

mod roles;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use backend::check;
use backend::db::Sql as _;
use backend::idempotency::{Answer, CommandError, KeyError, Keys, Outcome, RequestKey};
use backend::identity::Caller;
use backend::inventory::Adjustment;
use backend::ordering::OrderingError;
use backend::payment::Credit;
use backend::refused::Refused as _;
use backend::stores::SettingsPatch;
use domain::event::Actor;
use domain::ordering::{OrderStatus, PaymentStatus};
use domain::view::{Address, CheckoutRequest, FulfilmentRequest, PaymentRequest, PlaceRequest, Role};
use domain::{CheckoutId, Currency, Money, OrderId};
use futures::future::join_all;
use tokio::sync::Barrier;

use crate::cafe::{Cafe, EN, Work, barista, croissant, flat_white, guest, id, line, person, request, settle};
use crate::support::{on_both_databases, rounds};

/// Starts all of them at the same moment, and waits for all.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(racers: impl IntoIterator<Item = F>) -> Vec<T> {
    let racers: Vec<_> = racers.into_iter().collect();
    let start = Arc::new(Barrier::new(racers.len()));
    let tasks = racers.into_iter().map(|racer| {
        let start = start.clone();
        tokio::spawn(async move {
            start.wait().await;
            racer.await
        })
    });
    join_all(tasks).await.into_iter().map(|ended| ended.expect("no racer panics")).collect()
}

/// One plush unicorn, sent to Ada.
fn unicorn_request() -> CheckoutRequest {
    let mut request = request("unicorn", &[line("unicorn-plush", 1, &[])]);
    let (name, line1, city) = ("Ada".to_owned(), "1 Pier".to_owned(), "Harbor".to_owned());
    let address = Address { name, line1, line2: None, city, region: None, postal_code: "12345".to_owned(), country: "US".to_owned() };
    request.fulfilment = FulfilmentRequest::Ship { address };
    request
}

/// A card is charged for it.
async fn buy_a_unicorn(cafe: Cafe) -> Result<OrderId, OrderingError> {
    let caller = guest();
    let checkout = patiently(|| cafe.begin_as(&caller, unicorn_request())).await?;
    patiently(|| cafe.place(&caller, &checkout, "tok_ok")).await
}

/// Asks again where a slow machine had no connection in time (503): so do the clients.
async fn patiently<T, F: Future<Output = Result<T, OrderingError>>>(mut ask: impl FnMut() -> F) -> Result<T, OrderingError> {
    let mut patience = 10;
    loop {
        match ask().await {
            Err(OrderingError::Unavailable(error)) if error.is_transient() && patience > 0 => patience -= 1,
            answer => return answer,
        }
    }
}

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

async fn capacity(cafe: &Cafe, capacity: Option<i64>) {
    cafe.settings("harbor", SettingsPatch { capacity: Some(capacity), ..SettingsPatch::default() }).await;
}

on_both_databases! {
    /// The figure to reach: exactly 4 orders, and 96 who are told clearly that nothing is left.
    async fn a_hundred_buyers_and_four_units(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let mut sold = 0;
        for round in 1..=rounds() {
            let buyers = at_once((0..100).map(|_| buy_a_unicorn(cafe.clone()))).await;
            let mut orders = Vec::new();
            for bought in buyers {
                match bought {
                    Ok(order) => orders.push(order),
                    Err(error) => {
                        assert_eq!((error.code(), error.status()), ("out_of_stock", 409), "round {round}: {error:?}");
                        let faults = error.faults();
                        assert_eq!((faults.len(), faults[0].pointer.as_str(), faults[0].available), (1, "/lines/0", Some(0)));
                    }
                }
            }
            assert_eq!(orders.len(), 4, "round {round}");
            settle(&running).await;
            sold += 4 * 1700;
            for order in orders {
                let view = cafe.view(order).await;
                assert_eq!((view.status, view.payment.status), (OrderStatus::Processed, PaymentStatus::Captured));
            }
            assert_eq!((cafe.stock("unicorn", "unicorn-plush").await, cafe.books.balance()), ((0, 0), sold));
            cafe.tx(|tx, cafe| {
                let sku = "unicorn-plush".parse().expect("a SKU");
                Box::pin(async move {
                    cafe.backend.stock.adjust_in(tx, &id("unicorn"), &sku, Adjustment::Delta(4), "received", Actor::System).await
                })
            })
            .await
            .unwrap();
        }
    }

    /// N is N, whoever comes; and each way that a place can come back brings it back, once.
    async fn places_are_as_many_as_there_are_and_all_come_back(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let kim = barista("Kim");
        capacity(&cafe, Some(5)).await;
        for round in 1..=rounds() {
            let begun = at_once((0..17).map(|_| {
                let (cafe, caller) = (cafe.clone(), guest());
                async move { cafe.begin(&caller, "harbor", &[flat_white(1)]).await.map(|checkout| (caller, checkout)) }
            }))
            .await;
            let mut in_time = Vec::new();
            for begun in begun {
                match begun {
                    Ok(begun) => in_time.push(begun),
                    Err(error) => assert_eq!((error.code(), error.status()), ("store_at_capacity", 503), "{error:?}"),
                }
            }
            assert_eq!((in_time.len(), cafe.active("harbor").await), (5, 5), "round {round}");

            // Given up; declined; cancelled; made; and one that nobody places.
            let (caller, checkout) = in_time.pop().unwrap();
            let given_up = at_once((0..3).map(|_| {
                let (cafe, caller, id) = (cafe.clone(), caller.clone(), checkout.id);
                async move { cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.checkouts.cancel_in(tx, &caller, id).await })).await }
            }))
            .await;
            assert!(given_up.iter().all(Result::is_ok));
            assert_eq!(cafe.active("harbor").await, 4);

            let (caller, checkout) = in_time.pop().unwrap();
            let declined = cafe.place(&caller, &checkout, "tok_declined").await.unwrap();
            settle(&running).await;
            assert_eq!((cafe.view(declined).await.status, cafe.active("harbor").await), (OrderStatus::Rejected, 3));

            let (caller, checkout) = in_time.pop().unwrap();
            let cancelled = cafe.place(&caller, &checkout, "tok_ok").await.unwrap();
            let ways = [caller, kim.clone()].map(|who| {
                let cafe = cafe.clone();
                async move { cafe.cancel(&who, cancelled).await }
            });
            assert_eq!(at_once(ways).await.into_iter().flatten().count(), 1);
            settle(&running).await;
            assert_eq!((cafe.view(cancelled).await.status, cafe.active("harbor").await), (OrderStatus::Cancelled, 2));

            let (caller, checkout) = in_time.pop().unwrap();
            let made = cafe.place(&caller, &checkout, "tok_ok").await.unwrap();
            settle(&running).await;
            cafe.work(&kim, made, Work::Claim).await.unwrap();
            let ready = at_once((0..3).map(|_| {
                let (cafe, kim) = (cafe.clone(), kim.clone());
                async move { cafe.work(&kim, made, Work::Ready).await }
            }))
            .await;
            assert_eq!((ready.iter().filter(|ready| ready.is_ok()).count(), cafe.active("harbor").await), (1, 1));
            cafe.work(&kim, made, Work::Collect).await.unwrap();

            shop.hands.advance(Duration::from_mins(5));
            settle(&running).await;
            assert_eq!(cafe.active("harbor").await, 0, "round {round}");
        }
    }

    /// One shopper begins many times at once, with the same things in another order each time, and so do others: each has one
    /// live checkout in the end, nobody waits for anybody in a circle, and nothing is held twice.
    async fn a_shopper_has_one_checkout_however_often_it_begins(shop) {
        let cafe = Cafe::open(&shop).await;
        capacity(&cafe, None).await;
        let running = cafe.run();
        let shoppers = [guest(), guest(), guest()];
        for round in 1..=rounds() {
            let begun = at_once((0..24).map(|n| {
                let (cafe, caller) = (cafe.clone(), shoppers[n % 3].clone());
                let pastries = [line("butter-croissant", 1, &[]), line("almond-croissant", 1, &[]), line("banana-bread", 1, &[])];
                let lines: Vec<_> = (0..2).map(|k| pastries[(n / 3 + k * (1 + n % 2)) % 3].clone()).collect();
                async move { patiently(|| cafe.begin(&caller, "harbor", &lines)).await }
            }))
            .await;
            for begun in begun {
                begun.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
            }
            let live = "select count(*) as n, count(distinct owner) as owners from checkout where status = 'live'";
            let row = cafe.backend.db.reader().fetch_one(live, backend::args![]).await.unwrap();
            assert_eq!((row.get::<i64>("n").unwrap(), row.get::<i64>("owners").unwrap()), (3, 3), "round {round}");
            let held = "select cast(sum(held) as bigint) as n from stock";
            let row = cafe.backend.db.reader().fetch_one(held, backend::args![]).await.unwrap();
            assert_eq!(row.get::<i64>("n").unwrap(), 6, "round {round}: two each");
            settle(&running).await;
            assert!(check::run(&shop.db).await.unwrap().iter().all(|verdict| verdict.ok), "round {round}");
        }
    }

    /// A capacity is set and taken away while people come and go: it counts everybody who is there.
    async fn places_are_counted_whenever_a_capacity_comes(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        capacity(&cafe, None).await;
        for round in 1..=rounds() {
            let comings = (0..16).map(|_| {
                let (cafe, caller) = (cafe.clone(), guest());
                Box::pin(async move {
                    let checkout = cafe.begin(&caller, "harbor", &[flat_white(1)]).await.unwrap();
                    let id = checkout.id;
                    cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.checkouts.cancel_in(tx, &caller, id).await })).await.unwrap();
                    cafe.begin(&guest(), "harbor", &[flat_white(1)]).await.unwrap();
                }) as futures::future::BoxFuture<'static, _>
            });
            let settings = [Some(1000), None, Some(900)].map(|n| {
                let cafe = cafe.clone();
                Box::pin(async move { capacity(&cafe, n).await }) as futures::future::BoxFuture<'static, _>
            });
            at_once(comings.chain(settings)).await;
            capacity(&cafe, None).await;
            capacity(&cafe, Some(1000)).await;
            assert_eq!(cafe.active("harbor").await, 16, "round {round}");
            assert!(check::run(&shop.db).await.unwrap().iter().all(|verdict| verdict.ok), "round {round}");
            capacity(&cafe, None).await;
            shop.hands.advance(Duration::from_mins(5));
            settle(&running).await;
        }
    }

    /// At the very end of a hold its shopper places, once, twice and three times, while the timer fires.
    async fn a_checkout_becomes_one_order_or_none(shop) {
        let shop = Arc::new(shop);
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let mut eaten = 0;
        for round in 0..rounds() {
            let caller = guest();
            let checkout = cafe.begin(&caller, "harbor", &[croissant(1)]).await.unwrap();
            // The first round is in time for sure.
            shop.hands.advance(if round == 0 { Duration::from_secs(1) } else { Duration::from_millis(299_999) });
            let clock = shop.clone();
            let placing = (0..3).map(|_| {
                let (cafe, caller, checkout) = (cafe.clone(), caller.clone(), checkout.clone());
                Box::pin(async move { cafe.place(&caller, &checkout, "tok_declined").await.ok() }) as futures::future::BoxFuture<'static, _>
            });
            let ticking = Box::pin(async move {
                if round > 0 {
                    clock.hands.advance(Duration::from_millis(1));
                }
                None
            }) as futures::future::BoxFuture<'static, _>;
            let orders: Vec<OrderId> = at_once(placing.chain([ticking])).await.into_iter().flatten().collect();
            assert!(orders.len() <= 1, "round {round}: {orders:?}");
            eaten += orders.len();
            settle(&running).await;
            shop.hands.advance(Duration::from_mins(5));
            settle(&running).await;
            assert_eq!((cafe.stock("harbor", "butter-croissant").await, cafe.active("harbor").await), ((12, 0), 0), "round {round}");
        }
        assert!(eaten > 0, "one that is in time is placed");
    }

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

    /// The bar begins while the shopper calls off: one of them is told no, and the other's word holds.
    async fn a_claim_and_a_cancel_do_not_both_happen(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        // Fifty orders that are kept are more than the bar has places for.
        capacity(&cafe, None).await;
        let mut kept = 0;
        for round in 1..=rounds() {
            let caller = guest();
            let order = cafe.order(&caller, "tok_ok").await;
            settle(&running).await;
            let claims = ["Kim", "Lee"].map(|name| {
                let cafe = cafe.clone();
                Box::pin(async move { cafe.work(&barista(name), order, Work::Claim).await.is_ok() }) as futures::future::BoxFuture<'static, _>
            });
            let cancel = {
                let (cafe, caller) = (cafe.clone(), caller.clone());
                Box::pin(async move { cafe.cancel(&caller, order).await.is_ok() }) as futures::future::BoxFuture<'static, _>
            };
            let won = at_once(claims.into_iter().chain([cancel])).await;
            assert_eq!(won.iter().filter(|won| **won).count(), 1, "round {round}: {won:?}");
            settle(&running).await;
            let view = cafe.view(order).await;
            if won[2] {
                assert_eq!((view.status, view.payment.status), (OrderStatus::Cancelled, PaymentStatus::Refunded));
            } else {
                kept += 510;
                assert_eq!((view.status, view.payment.status), (OrderStatus::Processed, PaymentStatus::Captured));
            }
            assert!(cafe.books.all().iter().all(|entry| entry.refunds.len() <= 1));
            assert_eq!(cafe.books.balance(), kept, "round {round}");
        }
    }

    /// The same key in parallel, from one process and from another: one order, and everybody who is answered hears of it.
    async fn a_cart_is_one_order_from_however_many_pages(shop) {
        let cafe = Cafe::open(&shop).await;
        capacity(&cafe, None).await;
        let caller = guest();
        for round in 1..=rounds() {
            let owner = caller.owner().unwrap();
            let added: Result<_, OrderingError> = cafe
                .tx(move |tx, cafe| Box::pin(async move { cafe.backend.carts.add_in(tx, &owner, &id("harbor"), flat_white(1)).await }))
                .await;
            added.unwrap();
            let outcomes = at_once((0..6).map(|_| order_cart(cafe.clone(), caller.clone()))).await;
            for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
                assert_eq!(refused.faults().first().map(|fault| fault.code.as_str()), Some("no_lines"), "round {round}: {outcomes:?}");
            }
            assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "round {round}: {outcomes:?}");
        }
    }

    async fn a_key_places_one_order(shop) {
        let cafe = Cafe::open(&shop).await;
        capacity(&cafe, None).await;
        let caller = guest();
        let ours = Keys::default();
        for round in 1..=rounds() {
            let checkout = cafe.begin(&caller, "harbor", &[flat_white(1)]).await.unwrap();
            let racers = (0..12).map(|n| {
                let keys = if n % 2 == 0 { ours.clone() } else { Keys::default() };
                place_keyed(cafe.clone(), keys, caller.clone(), checkout.id, format!("{round}"))
            });
            let (mut fresh, mut told) = (0, BTreeSet::new());
            for outcome in at_once(racers).await {
                match outcome {
                    Ok(Outcome::Fresh(answer)) => {
                        fresh += 1;
                        told.insert(answer.body);
                    }
                    Ok(Outcome::Replayed(answer)) => drop(told.insert(answer.body)),
                    Err(KeyError::InProgress) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            assert_eq!((fresh, told.len()), (1, 1), "round {round}: {told:?}");
            let list = cafe.backend.orders.list(&mut cafe.backend.db.reader(), &caller.owner().unwrap(), None, 100, EN).await.unwrap();
            assert_eq!(list.items.len(), round as usize);
            assert!(told.contains(&list.items[0].id.to_string()));
        }
    }
}

/// Orders what is in the cart, as a page does that has nothing on hold.
async fn order_cart(cafe: Cafe, caller: Caller) -> Result<OrderId, OrderingError> {
    let order = || {
        let caller = caller.clone();
        cafe.tx(move |tx, cafe| {
            Box::pin(async move {
                let owner = caller.owner().ok_or(OrderingError::SessionRequired)?;
                let lines = cafe.backend.checkouts.lines_of_cart_in(tx, &owner, &id("harbor")).await?;
                let request = CheckoutRequest { lines, ..request("harbor", &[]) };
                let checkout = cafe.backend.checkouts.begin_in(tx, &caller, None, &request, EN).await?;
                let payment = PaymentRequest::Card { token: "tok_ok".to_owned() };
                let request = PlaceRequest { payment, expected_total: checkout.quote.total };
                cafe.backend.orders.place_in(tx, &caller, checkout.id, &request, EN).await
            })
        })
    };
    patiently(order).await
}

/// Places under a key, as the API does.
async fn place_keyed(cafe: Cafe, keys: Keys, caller: Caller, checkout: CheckoutId, key: String) -> Result<Outcome, KeyError> {
    let key = RequestKey { caller: caller.owner().unwrap().to_string(), method: "POST".to_owned(), path: "/place".to_owned(), key };
    let (db, orders) = (cafe.backend.db.clone(), cafe.backend.orders.clone());
    keys.once(&db, key, String::new(), move |tx| {
        Box::pin(async move {
            let payment = PaymentRequest::Card { token: "tok_ok".to_owned() };
            let expected_total = Money::new(510, Currency::USD);
            match orders.place_in(tx, &caller, checkout, &PlaceRequest { payment, expected_total }, EN).await {
                Ok(order) => Ok(Answer { status: 201, body: order.to_string() }),
                Err(error) => Err(CommandError::Kept(Answer { status: error.status(), body: error.code().to_owned() })),
            }
        })
    })
    .await
}
