//! Wallets and their ledger: what goes in, what pays, what comes back, and that nothing is spent twice.

use backend::args;
use backend::db::{Db, DbError, Sql as _};
use backend::identity::Caller;
use backend::ordering::OrderingError;
use backend::payment::{Credit, WalletError, Wallets};
use domain::ordering::{OrderStatus, PaymentMethod, PaymentStatus};
use domain::view::{CheckoutView, PaymentRequest, PlaceRequest, WalletView};
use domain::wallet::EntryKind;
use domain::{Currency, Money, OrderId, UserId};
use futures::future::join_all;
use uuid::Uuid;

use crate::cafe::{Cafe, barista, croissant, guest, person, plush, settle};
use crate::support::on_both_databases;

const fn usd(amount: i64) -> Money {
    Money::new(amount, Currency::USD)
}

/// Somebody with so much in the wallet.
async fn shopper(cafe: &Cafe, amount: i64) -> (Caller, UserId) {
    let ada = person("Ada", None);
    let user = ada.user().expect("signed in");
    cafe.tx(move |tx, cafe| {
        Box::pin(async move { cafe.backend.wallets.credit_in(tx, user, usd(amount), Credit::Gift, &format!("gift-{user}")).await })
    })
    .await
    .expect("a gift");
    (ada, user)
}

async fn wallet(cafe: &Cafe, user: UserId) -> WalletView {
    cafe.backend.db.snapshot(|tx| Box::pin(async move { Wallets.page(tx, user, None, 50).await })).await.expect("the database answers")
}

async fn by_wallet(cafe: &Cafe, caller: &Caller, checkout: &CheckoutView) -> Result<OrderId, OrderingError> {
    let request = PlaceRequest { payment: PaymentRequest::Wallet, expected_total: checkout.quote.total };
    cafe.place_as(caller, checkout.id, request).await
}

/// A croissant of somebody, paid from a wallet.
pub async fn ordered(cafe: &Cafe) -> (Caller, OrderId) {
    let (ada, _) = shopper(cafe, 1000).await;
    let checkout = cafe.begin(&ada, "harbor", &[croissant(1)]).await.expect("a checkout begins");
    let order = by_wallet(cafe, &ada, &checkout).await.expect("there is enough");
    (ada, order)
}

/// Every wallet is what its entries make of it, step by step, and all accounts together are nothing.
async fn books_balance(db: &Db) {
    let mut reader = db.reader();
    let text = "select coalesce(cast(sum(amount) as bigint), 0) as n from ledger_side";
    assert_eq!(reader.fetch_one(text, args![]).await.unwrap().get::<i64>("n").unwrap(), 0);
    let text = "select count(*) as n from wallet where balance <> \
                coalesce((select cast(sum(amount) as bigint) from ledger_side where account = 'wallet:' || wallet.account), 0) \
                or entries <> (select count(*) from ledger_transfer where ledger_transfer.wallet = wallet.account)";
    assert_eq!(reader.fetch_one(text, args![]).await.unwrap().get::<i64>("n").unwrap(), 0);
    let rows = reader.fetch_all("select * from ledger_transfer order by wallet, entry", args![]).await.unwrap();
    let mut before = (String::new(), 0_i64);
    for row in rows {
        let owner: String = row.get("wallet").unwrap();
        let amount: i64 = row.get("amount").unwrap();
        let signed = if row.get::<String>("from_account").unwrap() == format!("wallet:{owner}") { -amount } else { amount };
        let start = if before.0 == owner { before.1 } else { 0 };
        assert_eq!(row.get::<i64>("balance_after").unwrap(), start + signed);
        before = (owner, start + signed);
    }
}

on_both_databases! {
    /// The worked example: price 1700, stock 4, wallet 3300.
    async fn one_unicorn_is_paid_and_the_second_is_too_dear(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (ada, user) = shopper(&cafe, 3300).await;
        let checkout = cafe.begin_as(&ada, plush()).await.unwrap();
        let first = by_wallet(&cafe, &ada, &checkout).await.unwrap();
        settle(&running).await;
        let view = cafe.view(first).await;
        assert_eq!((view.status, view.payment.method), (OrderStatus::Processed, PaymentMethod::Wallet));
        assert_eq!(view.payment.status, PaymentStatus::Captured);
        assert_eq!(wallet(&cafe, user).await.balance, usd(1600));
        assert_eq!(cafe.stock("unicorn", "unicorn-plush").await, (3, 0));

        let checkout = cafe.begin_as(&ada, plush()).await.unwrap();
        for _ in 0..2 {
            assert!(matches!(by_wallet(&cafe, &ada, &checkout).await, Err(OrderingError::InsufficientFunds)));
        }
        settle(&running).await;
        // The checkout holds its unit still, and a card may pay for it.
        assert_eq!((wallet(&cafe, user).await.balance, cafe.stock("unicorn", "unicorn-plush").await), (usd(1600), (2, 1)));
        let by_card = cafe.place(&ada, &checkout, "tok_ok").await.unwrap();
        settle(&running).await;
        // What was refused has taken no number.
        let paid = cafe.view(by_card).await;
        assert_eq!((paid.status, paid.number), (OrderStatus::Processed, view.number + 1));
        assert_eq!(wallet(&cafe, user).await.balance, usd(1600));
        assert_eq!(cafe.journey(&ada, first).await[..2], ["order.created", "payment.captured"]);
        books_balance(&shop.db).await;
    }

    async fn what_is_called_off_comes_back_once(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (ada, user) = shopper(&cafe, 1000).await;
        let kim = barista("Kim");
        let mut orders = Vec::new();
        for _ in 0..2 {
            let checkout = cafe.begin(&ada, "harbor", &[croissant(1)]).await.unwrap();
            orders.push(by_wallet(&cafe, &ada, &checkout).await.unwrap());
        }
        // One before the saga has heard of its payment, one after.
        cafe.cancel(&ada, orders[0]).await.unwrap();
        settle(&running).await;
        cafe.cancel(&kim, orders[1]).await.unwrap();
        for order in &orders {
            assert!(cafe.cancel(&ada, *order).await.is_err());
        }
        settle(&running).await;
        for order in orders {
            let view = cafe.view(order).await;
            assert_eq!((view.status, view.payment.status), (OrderStatus::Cancelled, PaymentStatus::Refunded));
            let journey = cafe.journey(&ada, order).await;
            assert_eq!(journey.iter().filter(|kind| *kind == "payment.refunded").count(), 1, "{journey:?}");
        }
        let wallet = wallet(&cafe, user).await;
        let kinds: Vec<_> = wallet.entries.items.iter().map(|entry| (entry.kind, entry.amount.amount, entry.balance_after.amount)).collect();
        let (charge, refund) = (EntryKind::Charge, EntryKind::Refund);
        let mut sorted = kinds.clone();
        sorted.sort_by_key(|(kind, ..)| kind.as_str());
        assert_eq!((sorted[0].0, sorted[2].0, sorted[3].0), (charge, EntryKind::Gift, refund));
        assert_eq!((kinds[0].2, wallet.balance, kinds.len()), (1000, usd(1000), 5));
        assert_eq!(cafe.stock("harbor", "butter-croissant").await, (12, 0));
        assert!(cafe.backend.sagas.list(&mut cafe.backend.db.reader()).await.unwrap().is_empty());
        books_balance(&shop.db).await;
    }

    /// Ten orders at once, and money for three.
    async fn parallel_charges_never_overdraw(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (ada, user) = shopper(&cafe, 3 * 375 + 374).await;
        // A live checkout each: the same account, asked by as many devices as there are stores would do as well.
        let places = join_all((0..10).map(|_| {
            let (cafe, ada) = (cafe.clone(), ada.clone());
            async move {
                let order = OrderId(Uuid::now_v7());
                let (store, user) = (crate::cafe::id("harbor"), ada.user().unwrap());
                cafe.tx(move |tx, cafe| {
                    Box::pin(async move { cafe.backend.wallets.charge_in(tx, user, &store, order, usd(375)).await })
                })
                .await
            }
        }))
        .await;
        let paid = places.iter().filter(|place| place.is_ok()).count();
        assert!(places.iter().all(|place| matches!(place, Ok(()) | Err(WalletError::Short))), "{places:?}");
        assert_eq!((paid, wallet(&cafe, user).await.balance), (3, usd(374)));
        settle(&running).await;
        books_balance(&shop.db).await;
    }

    /// Both stores' checkouts at once from one wallet that has enough for either.
    async fn two_places_at_once_spend_the_money_once(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (ada, user) = shopper(&cafe, 1800).await;
        let coffee = cafe.begin(&ada, "harbor", &[croissant(3)]).await.unwrap();
        let unicorn = cafe.begin_as(&ada, plush()).await.unwrap();
        let (one, two) = tokio::join!(by_wallet(&cafe, &ada, &coffee), by_wallet(&cafe, &ada, &unicorn));
        let short = [&one, &two].into_iter().filter(|place| matches!(place, Err(OrderingError::InsufficientFunds))).count();
        assert_eq!((short, one.is_ok() != two.is_ok()), (1, true));
        settle(&running).await;
        let left = if one.is_ok() { 1800 - 1125 } else { 100 };
        assert_eq!(wallet(&cafe, user).await.balance, usd(left));
        books_balance(&shop.db).await;
    }

    async fn a_guest_has_no_wallet(shop) {
        let cafe = Cafe::open(&shop).await;
        let guest = guest();
        let checkout = cafe.begin(&guest, "harbor", &[croissant(1)]).await.unwrap();
        assert!(matches!(by_wallet(&cafe, &guest, &checkout).await, Err(OrderingError::SignInRequired)));
        let ada = person("Ada", None);
        let checkout = cafe.begin(&ada, "harbor", &[croissant(1)]).await.unwrap();
        assert!(matches!(by_wallet(&cafe, &ada, &checkout).await, Err(OrderingError::InsufficientFunds)));
        let shown = wallet(&cafe, ada.user().unwrap()).await;
        assert_eq!((shown.balance, shown.entries.items.len(), shown.entries.next), (usd(0), 0, None));
    }

    async fn a_movement_is_booked_once_and_in_its_own_currency(shop) {
        let cafe = Cafe::open(&shop).await;
        let (_, user) = shopper(&cafe, 500).await;
        let credit = |amount: Money, reference: &'static str| {
            cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.wallets.credit_in(tx, user, amount, Credit::TopUp, reference).await }))
        };
        assert_eq!(credit(usd(100), "once").await, Ok(true));
        assert_eq!(credit(usd(100), "once").await, Ok(false));
        assert_eq!(credit(Money::new(100, Currency::EUR), "euro").await, Err(WalletError::OtherCurrency));
        for amount in [0, -1, i64::MIN] {
            assert_eq!(credit(usd(amount), "less").await, Err(WalletError::NotPositive));
        }
        // More than fits is refused by the database, and nothing of it stays.
        assert!(credit(usd(i64::MAX), "much").await.is_err());
        assert_eq!(wallet(&cafe, user).await.balance, usd(600));
        books_balance(&shop.db).await;
    }

    /// Whatever a program does, the database keeps a balance from falling below nothing.
    async fn the_database_refuses_an_overdraft(shop) {
        let cafe = Cafe::open(&shop).await;
        let (_, user) = shopper(&cafe, 500).await;
        let done: Result<u64, DbError> = shop
            .db
            .transaction(move |tx| {
                Box::pin(async move { tx.execute("update wallet set balance = balance - 501 where account = $1", args![user]).await })
            })
            .await;
        assert_eq!(done, Err(DbError::Constraint { name: "wallet_never_overdrawn".to_owned() }));
    }

    async fn entries_come_in_pages(shop) {
        let cafe = Cafe::open(&shop).await;
        let (_, user) = shopper(&cafe, 1).await;
        for n in 0..6 {
            cafe.tx(move |tx, cafe| {
                Box::pin(async move { cafe.backend.wallets.credit_in(tx, user, usd(10 + n), Credit::TopUp, &format!("{n}")).await })
            })
            .await
            .unwrap();
        }
        let (mut amounts, mut before) = (Vec::new(), None);
        loop {
            let page = Wallets.page(&mut cafe.backend.db.reader(), user, before, 3).await.unwrap();
            assert_eq!(page.balance.amount, 1 + (10..16).sum::<i64>());
            amounts.extend(page.entries.items.iter().map(|entry| entry.amount.amount));
            match page.entries.next {
                Some(next) => before = Some(next.parse().unwrap()),
                None => break,
            }
        }
        assert_eq!(amounts, [15, 14, 13, 12, 11, 10, 1]);
    }
}
