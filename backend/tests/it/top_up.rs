//! Cards that pay into wallets: once for a request, whatever happens in between.

use std::time::Duration;

use backend::args;
use backend::db::{DbError, Sql as _};
use backend::idempotency::RequestKey;
use backend::identity::{Caller, IdentityError};
use backend::payment::{Forfeit, Looked, Patience, TopUpEnd, TopUpError, Wallets};
use backend::refused::Refused as _;
use domain::{Currency, Money, TopUpId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cafe::{Cafe, person, settle};
use crate::support::on_both_databases;

const fn usd(amount: i64) -> Money {
    Money::new(amount, Currency::USD)
}

fn key(name: &str) -> RequestKey {
    RequestKey { caller: "user:1".to_owned(), method: "POST".to_owned(), path: "/api/v1/wallet/top-ups".to_owned(), key: name.to_owned() }
}

async fn pay(cafe: &Cafe, user: UserId, name: &str, amount: Money, token: &str) -> Result<TopUpEnd, TopUpError> {
    cafe.backend.top_ups.pay_in(&key(name), &format!("{amount:?} {token}"), user, amount, token).await
}

async fn balance(cafe: &Cafe, user: UserId) -> i64 {
    Wallets.view(&mut cafe.backend.db.reader(), user).await.unwrap().map_or(0, |balance| balance.amount)
}

fn shopper() -> UserId {
    UserId(Uuid::now_v7())
}

/// A shopper with an account of their own.
async fn member(cafe: &Cafe) -> (Caller, UserId) {
    let caller = person("Ada", None);
    let user = caller.user().unwrap();
    write(cafe, "insert into account (id, name, created_at) values ($1, 'Ada', 0)", user).await;
    (caller, user)
}

/// The account is gone, whatever was under way for it.
async fn lose(cafe: &Cafe, user: UserId) {
    write(cafe, "update account set name = '', deleted_at = 1 where id = $1", user).await;
}

async fn write(cafe: &Cafe, text: &'static str, user: UserId) {
    let written: Result<u64, DbError> = cafe.backend.db.transaction(move |tx| tx.execute(text, args![user])).await;
    assert_eq!(written.unwrap(), 1);
}

async fn assert_in_order(cafe: &Cafe) {
    let verdicts = backend::check::run(&cafe.backend.db).await.unwrap();
    assert!(verdicts.iter().all(|verdict| verdict.ok), "{verdicts:?}");
}

on_both_databases! {
    async fn a_card_pays_in_once_for_a_request(shop) {
        let cafe = Cafe::open(&shop).await;
        let (running, ada) = (cafe.run(), shopper());
        let pays = futures::future::join_all((0..5).map(|_| pay(&cafe, ada, "once", usd(2000), "tok_ok"))).await;
        assert!(pays.iter().all(|pay| *pay == Ok(TopUpEnd::Captured)), "{pays:?}");
        assert_eq!(pay(&cafe, ada, "once", usd(2000), "tok_ok").await, Ok(TopUpEnd::Captured));
        assert_eq!((balance(&cafe, ada).await, cafe.books.only().asked), (2000, 1));
        assert_eq!(pay(&cafe, ada, "once", usd(2001), "tok_ok").await, Err(TopUpError::Reused));
        assert_eq!(pay(&cafe, ada, "twice", usd(1), "tok_ok").await, Ok(TopUpEnd::Captured));
        assert_eq!((balance(&cafe, ada).await, cafe.books.balance()), (2001, 2001));
        settle(&running).await;
        let mut reader = cafe.backend.db.reader();
        let kept = reader.fetch_one("select count(*) as n from top_up where token is not null", args![]).await.unwrap();
        assert_eq!(kept.get::<i64>("n").unwrap(), 0);
    }

    async fn what_is_declined_pays_nothing_in(shop) {
        let cafe = Cafe::open(&shop).await;
        let (_running, ada) = (cafe.run(), shopper());
        assert_eq!(pay(&cafe, ada, "a", usd(100), "tok_declined").await, Ok(TopUpEnd::Refused("payment_declined".to_owned())));
        assert_eq!((balance(&cafe, ada).await, cafe.books.balance()), (0, 0));
    }

    async fn what_cannot_be_paid_in_is_told_field_by_field(shop) {
        let cafe = Cafe::open(&shop).await;
        let ada = shopper();
        let faults = async |amount: Money, token: &str| match pay(&cafe, ada, "x", amount, token).await {
            Err(TopUpError::Invalid(faults)) => faults.0.into_iter().map(|fault| (fault.pointer, fault.code)).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        let range = ("/amount/amount".to_owned(), "amount_out_of_range".into());
        for amount in [0, -1, 1_000_001, i64::MIN, i64::MAX] {
            assert_eq!(faults(usd(amount), "tok_ok").await, std::slice::from_ref(&range), "{amount}");
        }
        let all = faults(Money::new(0, Currency::EUR), "").await;
        assert_eq!(all, [range, ("/amount/currency".to_owned(), "wrong_currency".into()), ("/token".to_owned(), "invalid_value".into())]);
        // Nothing was begun: the key is free.
        let _running = cafe.run();
        assert_eq!(pay(&cafe, ada, "x", usd(5), "tok_ok").await, Ok(TopUpEnd::Captured));
    }

    /// The process dies after the card was charged and before the wallet knows: the next one asks again with the same key.
    async fn a_top_up_that_was_cut_off_is_paid_in_once(shop) {
        let cafe = Cafe::open(&shop).await;
        let (running, ada) = (cafe.run(), shopper());
        let waiting = { let cafe = cafe.clone(); tokio::spawn(async move { pay(&cafe, ada, "cut", usd(700), "tok_gate").await }) };
        cafe.books.wait_at_gate().await;
        cafe.books.open_gate();
        drop(running);
        waiting.abort();
        shop.hands.advance(Duration::from_secs(15));
        let _running = cafe.run();
        let (paid, ()) = tokio::join!(pay(&cafe, ada, "cut", usd(700), "tok_gate"), async { cafe.books.open_gate() });
        assert_eq!(paid, Ok(TopUpEnd::Captured));
        assert_eq!((balance(&cafe, ada).await, cafe.books.balance(), cafe.books.all().len()), (700, 700, 1));
    }

    /// 3-D Secure: the shopper is told where to confirm, and the same request tells how it ended.
    async fn a_top_up_is_confirmed_at_the_bank(shop) {
        let cafe = Cafe::open(&shop).await;
        let (running, ada) = (cafe.run(), shopper());
        for _ in 0..2 {
            let asked = pay(&cafe, ada, "3ds", usd(900), "tok_3ds").await;
            assert_eq!(asked, Err(TopUpError::ActionRequired("https://bank.example/confirm".to_owned())));
        }
        let waiting = async |who: UserId| cafe.backend.top_ups.confirmations(&mut cafe.backend.db.reader(), who).await.unwrap();
        let asked: Vec<_> = waiting(ada).await.iter().map(|wanted| (wanted.amount, wanted.confirm_by - wanted.begun_at)).collect();
        assert_eq!(asked, [(usd(900), 300_000)]);
        assert_eq!((waiting(shopper()).await, balance(&cafe, ada).await), (Vec::new(), 0));
        cafe.books.confirm();
        let id = cafe.backend.db.reader().fetch_one("select id from top_up", args![]).await.unwrap().get::<String>("id").unwrap();
        // A look that is under way is not hurried by a notice, and the next one is a second later.
        settle(&running).await;
        crate::payment::tell_of(&cafe, &id, "evt_top_up").await.unwrap();
        settle(&running).await;
        assert_eq!(pay(&cafe, ada, "3ds", usd(900), "tok_3ds").await, Ok(TopUpEnd::Captured));
        assert_eq!((balance(&cafe, ada).await, cafe.books.balance(), waiting(ada).await), (900, 900, Vec::new()));
        // It is a fact of the log, so that every screen of theirs hears of it, whichever process wrote it.
        let told = "select count(*) as n from event where type = 'payment.topped_up.v1'";
        assert_eq!(cafe.backend.db.reader().fetch_one(told, args![]).await.unwrap().get::<i64>("n").unwrap(), 1);
    }

    /// Without a notice, and before anybody would look by themselves: the request that comes again asks.
    async fn a_confirmed_top_up_is_told_to_the_next_request(shop) {
        let cafe = Cafe::open(&shop).await;
        let (_running, ada) = (cafe.run(), shopper());
        let asked = pay(&cafe, ada, "3ds", usd(900), "tok_3ds").await;
        assert_eq!(asked, Err(TopUpError::ActionRequired("https://bank.example/confirm".to_owned())));
        cafe.books.confirm();
        assert_eq!(pay(&cafe, ada, "3ds", usd(900), "tok_3ds").await, Ok(TopUpEnd::Captured));
        assert_eq!(balance(&cafe, ada).await, 900);
    }

    /// Nor by a request: by the page that their bank leads them to, which is told of their own only.
    async fn a_confirmed_top_up_is_told_to_the_page_that_its_shopper_returns_to(shop) {
        let cafe = Cafe::open(&shop).await;
        let (running, ada) = (cafe.run(), shopper());
        assert!(matches!(pay(&cafe, ada, "3ds", usd(900), "tok_3ds").await, Err(TopUpError::ActionRequired(_))));
        let id = cafe.backend.db.reader().fetch_one("select id from top_up", args![]).await.unwrap().get::<String>("id").unwrap();
        let id = id.parse().unwrap();
        cafe.books.confirm();
        // A look that is under way is not hurried.
        settle(&running).await;
        let mut told = cafe.backend.top_ups.returned(ada, id).await.unwrap();
        for _ in 0..10 {
            if told.as_ref().is_some_and(|told| told.end.is_none()) {
                told = cafe.backend.top_ups.returned(ada, id).await.unwrap();
            }
        }
        assert_eq!(told, Some(Looked { amount: usd(900), end: Some(TopUpEnd::Captured), confirm: false }));
        assert_eq!(cafe.backend.top_ups.returned(shopper(), id).await, Ok(None));
        assert_eq!(balance(&cafe, ada).await, 900);
    }

    async fn a_top_up_that_nobody_confirms_is_given_up(shop) {
        let cafe = Cafe::open(&shop).await;
        let (running, ada) = (cafe.run(), shopper());
        assert!(matches!(pay(&cafe, ada, "3ds", usd(900), "tok_3ds").await, Err(TopUpError::ActionRequired(_))));
        for _ in 0..58 {
            shop.hands.advance(Duration::from_secs(5));
            settle(&running).await;
        }
        assert!(matches!(pay(&cafe, ada, "3ds", usd(900), "tok_3ds").await, Err(TopUpError::ActionRequired(_))), "there is still time");
        for _ in 0..3 {
            shop.hands.advance(Duration::from_secs(5));
            settle(&running).await;
        }
        assert_eq!(pay(&cafe, ada, "3ds", usd(900), "tok_3ds").await, Ok(TopUpEnd::Refused("payment_timeout".to_owned())));
        assert_eq!((balance(&cafe, ada).await, cafe.books.only().voided), (0, true));
    }

    /// A provider that does not answer is given up in the end, and nothing is taken; until then the request is under way.
    async fn a_silent_provider_is_given_up(shop) {
        let cafe = Cafe::open_with(&shop, Patience { answer: Duration::from_millis(20), ..Patience::default() }).await;
        let (running, ada) = (cafe.run(), shopper());
        let waiting = { let cafe = cafe.clone(); tokio::spawn(async move { pay(&cafe, ada, "silent", usd(700), "tok_silent").await }) };
        while cafe.books.all().is_empty() {
            tokio::task::yield_now().await;
        }
        for _ in 0..4 {
            settle(&running).await;
            shop.hands.advance(Duration::from_secs(1));
        }
        assert_eq!(waiting.await.unwrap(), Ok(TopUpEnd::Refused("payment_timeout".to_owned())));
        assert_eq!((balance(&cafe, ada).await, cafe.books.only().voided), (0, true));
    }

    /// While the provider does not answer, its shopper is told so, and that they look again does not use up how often it is asked.
    async fn a_top_up_without_an_answer_is_seen_and_asked_no_more_often(shop) {
        let cafe = Cafe::open(&shop).await;
        let (running, ada) = (cafe.run(), shopper());
        let waiting = { let cafe = cafe.clone(); tokio::spawn(async move { pay(&cafe, ada, "gone", usd(700), "tok_gone").await }) };
        while cafe.books.all().is_empty() {
            tokio::task::yield_now().await;
        }
        waiting.abort();
        settle(&running).await;
        let top_ups = &cafe.backend.top_ups;
        let undecided = async |who: UserId| top_ups.undecided(&mut cafe.backend.db.reader(), who).await.unwrap();
        let seen = undecided(ada).await;
        assert_eq!(seen.iter().map(|(_, amount)| *amount).collect::<Vec<_>>(), [usd(700)]);
        assert!(undecided(shopper()).await.is_empty(), "it is nobody else's");
        assert_eq!(top_ups.returned(ada, seen[0].0).await, Ok(Some(Looked { amount: usd(700), end: None, confirm: false })));
        settle(&running).await;
        assert_eq!(cafe.books.only().asked, 1);
        for wait in [2, 6, 12] {
            shop.hands.advance(Duration::from_secs(wait));
            settle(&running).await;
        }
        assert_eq!(pay(&cafe, ada, "gone", usd(700), "tok_gone").await, Ok(TopUpEnd::Refused("payment_timeout".to_owned())));
        assert!(undecided(ada).await.is_empty(), "it has ended");
    }

    /// A card that may still be charged keeps the account that it pays for.
    async fn an_account_outlives_its_top_up(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (caller, ada) = member(&cafe).await;
        let waiting = { let cafe = cafe.clone(); tokio::spawn(async move { pay(&cafe, ada, "gate", usd(700), "tok_gate").await }) };
        cafe.books.wait_at_gate().await;
        assert_eq!(cafe.backend.identities.delete_account(&caller, Forfeit::All).await, Err(IdentityError::TopUpUnderWay));
        assert!(cafe.backend.identities.account(&mut cafe.backend.db.reader(), ada).await.unwrap().is_some(), "nothing was deleted");
        cafe.books.open_gate();
        assert_eq!(waiting.await.unwrap(), Ok(TopUpEnd::Captured));
        settle(&running).await;
        assert_eq!(balance(&cafe, ada).await, 700);
        cafe.backend.identities.delete_account(&caller, Forfeit::All).await.unwrap();
        let late = pay(&cafe, ada, "late", usd(700), "tok_ok").await.unwrap_err();
        assert_eq!((&late, late.status(), late.code()), (&TopUpError::NoAccount, 401, "session_required"), "nobody asks by now");
        assert_eq!((balance(&cafe, ada).await, cafe.books.balance()), (0, 700));
        assert_in_order(&cafe).await;
    }

    /// Nobody's money is lost without their word, and not a cent more than they were told.
    async fn a_wallet_with_money_in_it_keeps_its_account(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (caller, ada) = member(&cafe).await;
        assert_eq!(pay(&cafe, ada, "first", usd(700), "tok_ok").await, Ok(TopUpEnd::Captured));
        settle(&running).await;
        let identities = &cafe.backend.identities;
        for too_little in [Forfeit::Nothing, Forfeit::Exactly(699), Forfeit::Exactly(701), Forfeit::Exactly(-700)] {
            let refused = identities.delete_account(&caller, too_little).await.unwrap_err();
            assert_eq!((refused.status(), refused.code()), (409, "wallet_not_empty"), "{too_little:?}");
            assert!(refused.to_string().contains("$7.00"), "{refused}");
        }
        assert!(identities.account(&mut cafe.backend.db.reader(), ada).await.unwrap().is_some(), "nothing was deleted");
        assert_eq!(balance(&cafe, ada).await, 700);
        // It is asked for twice at once, and lost once.
        let (one, two) = tokio::join!(
            identities.delete_account(&caller, Forfeit::Exactly(700)),
            identities.delete_account(&caller, Forfeit::Exactly(700))
        );
        one.unwrap();
        two.unwrap();
        assert_eq!(balance(&cafe, ada).await, 0);
        let text = "select cast(sum(amount) as bigint) as n from ledger_side where account = 'forfeited'";
        let row = cafe.backend.db.reader().fetch_one(text, args![]).await.unwrap();
        assert_eq!(row.get::<i64>("n").unwrap(), 700, "it is on the other side");
        let told = "select data, actor from event where type = 'payment.forfeited.v1'";
        let told = cafe.backend.db.reader().fetch_all(told, args![]).await.unwrap();
        let told: Vec<_> = told.iter().map(|row| (row.json::<Value>("data").unwrap(), row.get::<String>("actor").unwrap())).collect();
        let lost = json!({"user": ada, "amount": {"amount": 700, "currency": "USD"}});
        assert_eq!(told, [(lost, format!("customer:{ada}"))], "and in the log");
        assert_in_order(&cafe).await;
    }

    async fn an_empty_wallet_is_no_reason_to_stay(shop) {
        let cafe = Cafe::open(&shop).await;
        let (caller, ada) = member(&cafe).await;
        cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.wallets.open_in(tx, ada, Currency::USD).await })).await.unwrap();
        cafe.backend.identities.delete_account(&caller, Forfeit::Nothing).await.unwrap();
        assert_in_order(&cafe).await;
    }

    /// Captured for an account that is gone: nobody could spend it, so it goes back.
    async fn money_for_an_account_that_is_gone_goes_back_to_its_card(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (_, ada) = member(&cafe).await;
        let waiting = { let cafe = cafe.clone(); tokio::spawn(async move { pay(&cafe, ada, "gate", usd(700), "tok_gate").await }) };
        cafe.books.wait_at_gate().await;
        lose(&cafe, ada).await;
        cafe.books.open_gate();
        assert_eq!(waiting.await.unwrap(), Ok(TopUpEnd::Refused("account_deleted".to_owned())));
        settle(&running).await;
        let charge = cafe.books.only();
        assert_eq!((charge.captured, charge.refunds.len(), balance(&cafe, ada).await), (true, 1, 0));
        assert_in_order(&cafe).await;
    }

    /// What is captured for nobody and does not go back is seen, and goes back when somebody says so.
    async fn money_of_a_top_up_that_does_not_go_back_is_stuck(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (_, ada) = member(&cafe).await;
        cafe.books.refuse_refunds(1);
        let waiting = { let cafe = cafe.clone(); tokio::spawn(async move { pay(&cafe, ada, "gate", usd(700), "tok_gate").await }) };
        cafe.books.wait_at_gate().await;
        let top_ups = &cafe.backend.top_ups;
        let left = top_ups.left(&mut cafe.backend.db.reader()).await.unwrap();
        assert_eq!((left.len(), left[0].job, left[0].stuck), (1, "charge", false), "what is being asked for is seen, too");
        let asked = left[0].top_up;
        let retried = cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.top_ups.retry_in(tx, asked).await })).await;
        assert_eq!(retried, Ok(true), "it is on its way");
        lose(&cafe, ada).await;
        cafe.books.open_gate();
        assert_eq!(waiting.await.unwrap(), Ok(TopUpEnd::Refused("account_deleted".to_owned())));
        running.settle().await.unwrap();
        let stuck = top_ups.stuck(&mut cafe.backend.db.reader()).await.unwrap();
        assert_eq!((stuck.len(), stuck[0].error.as_deref()), (1, Some("the card provider refuses: this card takes nothing back")));

        let id = stuck[0].top_up;
        let retry = || cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.top_ups.retry_in(tx, id).await }));
        assert_eq!(retry().await, Ok(true));
        settle(&running).await;
        assert_eq!((top_ups.stuck(&mut cafe.backend.db.reader()).await.unwrap(), cafe.books.balance()), (vec![], 0));
        assert_eq!(retry().await, Ok(false), "nothing is left to be done");
        assert_in_order(&cafe).await;
    }

    /// Given up while its capture was only received, by a provider that says no more than that to letting go of it, too: a notice
    /// tells that it was captured all the same, and it goes back.
    async fn a_top_up_that_is_told_to_be_captured_too_late_goes_back(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (_, ada) = member(&cafe).await;
        assert!(matches!(pay(&cafe, ada, "received", usd(900), "tok_adyen").await, Err(TopUpError::ActionRequired(_))));
        let row = cafe.backend.db.reader().fetch_one("select id from top_up", args![]).await.unwrap();
        let id = row.get::<TopUpId>("id").unwrap();
        // A look that is under way is not hurried.
        settle(&running).await;
        cafe.backend.payments.shopper_returned(&cafe.backend.db, ada, "redirectResult=X").await.unwrap();
        settle(&running).await;
        assert_eq!(cafe.books.balance(), 900);
        shop.hands.advance(Duration::from_mins(5));
        settle(&running).await;
        let given_up = pay(&cafe, ada, "received", usd(900), "tok_adyen").await;
        // It may have been captured, and it was.
        assert_eq!((given_up, cafe.books.balance()), (Ok(TopUpEnd::Refused("payment_unsure".to_owned())), 900));

        crate::payment::tell_of(&cafe, &format!("{id} captured"), "one").await.unwrap();
        settle(&running).await;
        assert_eq!((cafe.books.only().refunds.len(), cafe.books.balance()), (1, 0));
        crate::payment::tell_of(&cafe, &format!("{id} refunded"), "two").await.unwrap();
        settle(&running).await;
        let left = cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.top_ups.retry_in(tx, id).await })).await;
        assert_eq!((left, balance(&cafe, ada).await), (Ok(false), 0), "nothing is left to be done");
        assert_in_order(&cafe).await;
    }

    /// Gone before the capture: nothing is taken.
    async fn a_top_up_of_nobody_is_let_go_of(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (_, ada) = member(&cafe).await;
        assert!(matches!(pay(&cafe, ada, "3ds", usd(900), "tok_3ds").await, Err(TopUpError::ActionRequired(_))));
        lose(&cafe, ada).await;
        // When it is asked for again is written down before the time goes on.
        settle(&running).await;
        cafe.books.confirm();
        shop.hands.advance(Duration::from_secs(5));
        settle(&running).await;
        let charge = cafe.books.only();
        assert_eq!((charge.captured, charge.voided, balance(&cafe, ada).await), (false, true, 0));
        assert_in_order(&cafe).await;
    }
}
