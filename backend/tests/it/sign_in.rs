//! Signing in by phone: codes, tries, limits, and what a guest brings along.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use backend::Backend;
use backend::db::Sql as _;
use backend::idempotency::{Answer, CommandError, Outcome, RequestKey};
use backend::identity::{AccountEdit, Caller, Client, IdentityError, IssuedSession, Owner, Phone};
use backend::ordering::OrderingError;
use backend::payment::Forfeit;
use backend::refused::Refused as _;
use backend::stores::SettingsPatch;
use domain::pricing::LineRequest;
use domain::view::{Address, CheckoutRequest, FulfilmentRequest, Role};
use domain::{Locale, StoreId};
use serde_json::Value;

use crate::cafe::{Cafe, EN, Work, croissant, flat_white, id, line, request, settle};
use crate::small_shop::count;
use crate::support::{TestDb, on_both_databases, rounds};

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

fn phone(text: &str) -> Phone {
    text.parse().unwrap()
}

fn ada() -> Phone {
    phone("+15550100009")
}

fn from(last: u8) -> Client {
    Client { address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), device: Some("Firefox · Linux".to_owned()), browser: None }
}

/// A shop whose text messages go into a file.
struct Shop {
    cafe: Cafe,
    file: tempfile::NamedTempFile,
}

impl Shop {
    async fn open(shop: &TestDb) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        let cafe = Cafe::open_texting(shop, file.path()).await;
        Self { cafe, file }
    }

    fn backend(&self) -> &Backend {
        &self.cafe.backend
    }

    /// All messages so far.
    fn messages(&self) -> Vec<Value> {
        std::fs::read_to_string(self.file.path()).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Asks for a code and reads it from the phone.
    async fn code(&self, phone: &Phone) -> String {
        self.backend().identities.send_code(phone, &from(1), Locale::En).await.unwrap();
        let running = self.cafe.run();
        settle(&running).await;
        running.shutdown().await;
        self.messages().last().unwrap()["code"].as_str().unwrap().to_owned()
    }

    async fn try_code(&self, before: &Caller, phone: &Phone, code: &str) -> Result<IssuedSession, IdentityError> {
        self.backend().identities.sign_in(before, phone, code, &from(1)).await
    }

    async fn sign_in(&self, before: &Caller, phone: &Phone) -> (Caller, IssuedSession) {
        let code = self.code(phone).await;
        let issued = self.try_code(before, phone, &code).await.unwrap();
        (self.who(&issued).await, issued)
    }

    async fn who(&self, issued: &IssuedSession) -> Caller {
        self.backend().identities.caller_by_cookie(issued.cookie.expose()).await.unwrap()
    }

    async fn add(&self, owner: Owner, store: &str, line: LineRequest) {
        let store = id(store);
        self.cafe
            .tx(move |tx, cafe| Box::pin(async move { cafe.backend.carts.add_in(tx, &owner, &store, line).await }))
            .await
            .map_err(|error: OrderingError| error)
            .unwrap();
    }

    async fn cart(&self, caller: &Caller, store: &str) -> Vec<(String, i64)> {
        let store: StoreId = id(store);
        let lines = self.backend().carts.get(&mut self.backend().db.reader(), &caller.owner().unwrap(), &store).await.unwrap();
        lines.into_iter().map(|line| (line.request.sku, line.request.quantity)).collect()
    }

    /// A request under the key `k`: what it answers is `text`, unless it was answered before.
    async fn keyed(&self, caller: &Caller, text: &'static str) -> Outcome {
        let key = RequestKey { caller: caller.key().unwrap(), method: "POST".into(), path: "/checkouts".into(), key: "k".into() };
        let answer = Answer { status: 201, body: text.to_owned() };
        let once = self
            .backend()
            .keys
            .once(&self.backend().db, key, "f".to_owned(), move |_| Box::pin(async move { Ok::<_, CommandError>(answer) }));
        once.await.unwrap()
    }
}

/// Not the code, and as long.
fn other(code: &str) -> String {
    let first = if code.starts_with('7') { '8' } else { '7' };
    format!("{first}{}", &code[1..])
}

fn left(result: Result<IssuedSession, IdentityError>) -> Result<(), (u16, &'static str, Option<i64>)> {
    result.map(drop).map_err(|error| (error.status(), error.code(), error.extra().attempts_left))
}

on_both_databases! {
    async fn a_code_signs_in_once_and_is_sent_in_words(shop) {
        let shop = Shop::open(&shop).await;
        let (guest, _) = shop.backend().identities.new_guest();
        let code = shop.code(&ada()).await;
        let message = shop.messages().pop().unwrap();
        assert_eq!(message["to"], "+15550100009");
        assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), "{code}");
        assert!(message["text"].as_str().unwrap().contains(&code));
        let keys: Vec<_> = message.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["code", "text", "to"]);

        let issued = shop.try_code(&guest, &ada(), &code).await.unwrap();
        assert_ne!(Some(issued.session), guest.session(), "the session is a new one");
        let caller = shop.who(&issued).await;
        let me = shop.backend().me(&caller).await.unwrap();
        assert!(me.user.is_some() && !me.guest && me.roles.is_empty());
        assert_eq!(left(shop.try_code(&guest, &ada(), &code).await), Err((410, "code_spent", None)), "a code is spent by its use");
        // The same phone is the same person, another is another.
        let (again, _) = shop.sign_in(&Caller::Nobody, &ada()).await;
        assert_eq!(again.user(), caller.user());
        let (stranger, _) = shop.sign_in(&Caller::Nobody, &phone("+15550100008")).await;
        assert_ne!(stranger.user(), caller.user());
    }

    async fn nothing_that_is_kept_tells_the_phone_or_the_code(shop) {
        let db = shop.db.clone();
        let shop = Shop::open(&shop).await;
        let code = shop.code(&ada()).await;
        let row = db.reader().fetch_one("select phone, id, number from sign_in_code", backend::args![]).await.unwrap();
        assert_eq!(row.get::<Option<String>>("number").unwrap(), None, "it has left the house");
        shop.try_code(&Caller::Nobody, &ada(), &code).await.unwrap();
        for text in ["select hash || ending as x from phone", "select id || name as x from account", "select key || payload as x from job",
            "select data || actor as x from event", "select key as x from throttle"]
        {
            for row in db.reader().fetch_all(text, backend::args![]).await.unwrap() {
                let x: String = row.get("x").unwrap();
                assert!(!x.contains("5550100009") && !x.contains(&code), "{text}: {x}");
            }
        }
    }

    async fn three_wrong_tries_and_the_code_is_gone(shop) {
        let shop = Shop::open(&shop).await;
        let code = shop.code(&ada()).await;
        let wrong = other(&code);
        for attempts in [2, 1, 0] {
            assert_eq!(left(shop.try_code(&Caller::Nobody, &ada(), &wrong).await), Err((401, "wrong_code", Some(attempts))));
        }
        assert_eq!(left(shop.try_code(&Caller::Nobody, &ada(), &code).await), Err((410, "code_spent", None)));
        // A new code is a new chance, and the old one is worth nothing.
        let second = shop.code(&ada()).await;
        if second != code {
            assert_eq!(left(shop.try_code(&Caller::Nobody, &ada(), &code).await), Err((401, "wrong_code", Some(2))));
        }
        assert_eq!(left(shop.try_code(&Caller::Nobody, &ada(), &second).await), Ok(()));
        // Who never asked for one hears the same as who has used theirs up.
        assert_eq!(left(shop.try_code(&Caller::Nobody, &phone("+15550100077"), "123456").await), Err((410, "code_spent", None)));
    }

    async fn guesses_at_once_are_three_and_no_more(shop) {
        let hands = &shop.hands;
        let shop = Shop::open(&shop).await;
        for _ in 0..rounds() {
            let code = shop.code(&ada()).await;
            let guesses: Vec<_> = (0..40_u32).map(|n| format!("{:06}", (code.parse::<u32>().unwrap() + 1 + n) % 1_000_000)).collect();
            let phone = ada();
            let tries = guesses.iter().map(|guess| shop.try_code(&Caller::Nobody, &phone, guess));
            let results = futures::future::join_all(tries).await;
            let mut told: Vec<_> = results.into_iter().map(|result| left(result).unwrap_err()).collect();
            told.sort_by_key(|(status, _, left)| (*status, *left));
            let wrong: Vec<_> = told.iter().filter(|(status, ..)| *status == 401).map(|(.., left)| *left).collect();
            assert_eq!(wrong, [Some(0), Some(1), Some(2)]);
            assert_eq!(told.iter().filter(|(status, ..)| *status == 410).count(), 37);
            assert_eq!(left(shop.try_code(&Caller::Nobody, &phone, &code).await), Err((410, "code_spent", None)));
            hands.advance(MINUTE * 60);
        }
    }

    async fn codes_asked_for_at_once_are_five(shop) {
        let hands = &shop.hands;
        let shop = Shop::open(&shop).await;
        let identities = &shop.backend().identities;
        for round in 1..=rounds() {
            let (phone, from) = (ada(), from(3));
            let sent = futures::future::join_all((0..20).map(|_| identities.send_code(&phone, &from, Locale::En))).await;
            assert_eq!(sent.iter().filter(|sent| sent.is_ok()).count(), 5, "round {round}");
            hands.advance(MINUTE * 60);
        }
    }

    async fn a_thousand_guesses_spread_over_addresses_do_not_get_in(shop) {
        let shop = Shop::open(&shop).await;
        let spread = |n: u32| Client { address: IpAddr::V4(Ipv4Addr::from(0xC633_0000 + n)), device: None, browser: None };
        let (mut codes, mut looked_at) = (1, 0);
        // Never the right one, so that what counts is how many are looked at, whoever asks for a new code meanwhile.
        let mut right = shop.code(&ada()).await;
        for n in 0..1_000_u32 {
            match left(shop.backend().identities.sign_in(&Caller::Nobody, &ada(), &other(&right), &spread(n)).await) {
                Err((401, "wrong_code", _)) => looked_at += 1,
                Err((410, "code_spent", None)) => {
                    if shop.backend().identities.send_code(&ada(), &spread(n), Locale::En).await.is_ok() {
                        let running = shop.cafe.run();
                        settle(&running).await;
                        running.shutdown().await;
                        shop.messages().last().unwrap()["code"].as_str().unwrap().clone_into(&mut right);
                        codes += 1;
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((codes, looked_at), (5, 15), "three of a million for each of five codes an hour");
    }

    async fn one_of_two_who_use_the_right_code_at_once_gets_in(shop) {
        let hands = &shop.hands;
        let shop = Shop::open(&shop).await;
        for _ in 0..rounds() {
            let code = shop.code(&ada()).await;
            let phone = ada();
            let (one, two) = tokio::join!(shop.try_code(&Caller::Nobody, &phone, &code), shop.try_code(&Caller::Nobody, &phone, &code));
            assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1);
            assert_eq!(count(&shop.backend().db, "select count(*) as n from phone where ending = '09'").await, 1);
            hands.advance(MINUTE * 60);
        }
    }

    async fn a_code_is_good_for_ten_minutes(shop) {
        let hands = &shop.hands;
        let shop = Shop::open(&shop).await;
        let code = shop.code(&ada()).await;
        hands.advance(MINUTE * 10);
        assert_eq!(left(shop.try_code(&Caller::Nobody, &ada(), &code).await), Err((410, "code_spent", None)));
        let code = shop.code(&ada()).await;
        hands.advance(Duration::from_millis(599_999));
        assert_eq!(left(shop.try_code(&Caller::Nobody, &ada(), &code).await), Ok(()));
    }

    async fn five_codes_an_hour_for_a_phone_and_sixty_from_an_address(shop) {
        let hands = &shop.hands;
        let shop = Shop::open(&shop).await;
        let identities = &shop.backend().identities;
        let refused = |result: Result<(), IdentityError>| {
            let error = result.unwrap_err();
            assert_eq!((error.status(), error.code()), (429, "rate_limited"));
            error.extra().retry_after.unwrap()
        };
        for n in 0..5 {
            identities.send_code(&ada(), &from(n), Locale::En).await.unwrap();
        }
        let wait = refused(identities.send_code(&ada(), &from(9), Locale::En).await);
        assert_eq!(wait, 3600 + 1, "five in any hour, however quiet it was before");
        identities.send_code(&phone("+15550100007"), &from(1), Locale::En).await.unwrap();
        hands.advance(MINUTE * 30);
        assert_eq!(refused(identities.send_code(&ada(), &from(9), Locale::En).await), 1800 + 1);
        hands.advance(MINUTE * 30);
        identities.send_code(&ada(), &from(9), Locale::En).await.unwrap();
        hands.advance(MINUTE * 59);
        for n in 0..4 {
            identities.send_code(&ada(), &from(n), Locale::En).await.unwrap();
        }
        assert_eq!(refused(identities.send_code(&ada(), &from(9), Locale::En).await), 60 + 1);
        hands.advance(MINUTE);
        identities.send_code(&ada(), &from(9), Locale::En).await.unwrap();
        assert_eq!(refused(identities.send_code(&ada(), &from(9), Locale::En).await), 59 * 60 + 1);

        for n in 0..60 {
            identities.send_code(&phone(&format!("+1555020{n:04}")), &from(77), Locale::En).await.unwrap();
        }
        assert_eq!(refused(identities.send_code(&phone("+15550209999"), &from(77), Locale::En).await), 3600 + 1);
        identities.send_code(&phone("+15550209999"), &from(78), Locale::En).await.unwrap();
        // Tries are slowed, too, also of codes that there are not.
        let nobody = phone("+15550300000");
        for _ in 0..180 {
            assert_eq!(left(identities.sign_in(&Caller::Nobody, &nobody, "123456", &from(5)).await), Err((410, "code_spent", None)));
        }
        assert_eq!(left(identities.sign_in(&Caller::Nobody, &nobody, "123456", &from(5)).await), Err((429, "rate_limited", None)));
        assert_eq!(left(identities.sign_in(&Caller::Nobody, &nobody, "123456", &from(6)).await), Err((410, "code_spent", None)));
    }

    async fn checkouts_orders_and_keys_of_a_guest_come_along(shop) {
        let shop = Shop::open(&shop).await;
        let (user, _) = shop.sign_in(&Caller::Nobody, &ada()).await;
        let (guest, guest_cookie) = shop.backend().identities.new_guest();
        let order = shop.cafe.order(&guest, "tok_ok").await;
        assert_eq!(shop.keyed(&guest, "guest's").await, Outcome::Fresh(Answer { status: 201, body: "guest's".to_owned() }));
        // Both have a live checkout at the same store.
        let (free, _) = shop.cafe.stock("harbor", "butter-croissant").await;
        let old = shop.cafe.begin(&user, "harbor", &[croissant(3)]).await.unwrap();
        let new = shop.cafe.begin(&guest, "harbor", &[croissant(4)]).await.unwrap();
        let places = shop.cafe.active("harbor").await;

        let (signed_in, _) = shop.sign_in(&guest, &ada()).await;
        assert_eq!(signed_in.user(), user.user());
        // The guest's checkout lives on and is theirs, the older one is gone with its hold and its place.
        let mut sql = shop.backend().db.reader();
        let checkouts = &shop.backend().checkouts;
        assert!(checkouts.get(&mut sql, &signed_in, new.id, EN).await.is_ok());
        assert!(checkouts.get(&mut sql, &signed_in, old.id, EN).await.is_err());
        assert!(checkouts.get(&mut sql, &guest, new.id, EN).await.is_err());
        assert_eq!(shop.cafe.stock("harbor", "butter-croissant").await, (free - 4, 4));
        assert_eq!(shop.cafe.active("harbor").await, places - 1);
        // So did the order and the key.
        assert_eq!(shop.backend().orders.owner_of(&mut sql, order).await.unwrap().unwrap().0, user.owner().unwrap());
        assert_eq!(shop.keyed(&signed_in, "another").await, Outcome::Replayed(Answer { status: 201, body: "guest's".to_owned() }));
        assert_eq!(shop.who(&guest_cookie).await, Caller::Nobody, "the guest's session is over");
        shop.cafe.place(&signed_in, &new, "tok_ok").await.unwrap();
    }

    async fn carts_add_up_and_never_lose_a_line(shop) {
        let shop = Shop::open(&shop).await;
        let (user, _) = shop.sign_in(&Caller::Nobody, &ada()).await;
        let (guest, _) = shop.backend().identities.new_guest();
        let (mine, theirs) = (user.owner().unwrap(), guest.owner().unwrap());
        for (owner, store, line) in [
            (mine, "harbor", flat_white(60)), (mine, "harbor", croissant(2)),
            (theirs, "harbor", flat_white(50)), (theirs, "harbor", line("flat-white-regular", 1, &["whole"])),
            (theirs, "unicorn", line("unicorn-plush", 1, &[])),
        ] {
            shop.add(owner, store, line).await;
        }
        shop.sign_in(&guest, &ada()).await;
        let cart: Vec<_> = shop.cart(&user, "harbor").await;
        assert_eq!(cart.len(), 3, "{cart:?}");
        for expected in [("butter-croissant", 2), ("flat-white-regular", 1), ("flat-white-regular", 99)] {
            assert!(cart.contains(&(expected.0.to_owned(), expected.1)), "{expected:?} in {cart:?}");
        }
        assert_eq!(shop.cart(&user, "unicorn").await, [("unicorn-plush".to_owned(), 1)]);
        // Signing in again, with nothing to bring, empties nothing.
        let (empty, _) = shop.backend().identities.new_guest();
        shop.sign_in(&empty, &ada()).await;
        assert_eq!(shop.cart(&user, "harbor").await.len(), 3);
    }

    async fn an_order_that_is_placed_while_signing_in_is_nobody_elses(shop) {
        let shop = Shop::open(&shop).await;
        for round in 0..10 {
            let phone = phone(&format!("+1555040{round:04}"));
            let code = shop.code(&phone).await;
            let (guest, _) = shop.backend().identities.new_guest();
            let checkout = shop.cafe.begin(&guest, "harbor", &[croissant(1)]).await.unwrap();
            let (placed, issued) = tokio::join!(shop.cafe.place(&guest, &checkout, "tok_ok"), shop.try_code(&guest, &phone, &code));
            let user = shop.who(&issued.unwrap()).await;
            // Either it was an order before, and came along, or it is still a checkout, and came along.
            match placed {
                Ok(order) => {
                    let (owner, _) = shop.backend().orders.owner_of(&mut shop.backend().db.reader(), order).await.unwrap().unwrap();
                    assert_eq!(Some(owner), user.owner());
                }
                Err(error) => {
                    assert!(matches!(error, OrderingError::CheckoutExpired | OrderingError::NotFound), "{error}");
                    shop.cafe.place(&user, &checkout, "tok_ok").await.unwrap();
                }
            }
            let left = format!("session:{}", guest.session().unwrap());
            let row = shop.backend().db.reader().fetch_one(
                "select (select count(*) from sales_order where owner = $1) + (select count(*) from checkout where owner = $1) as n",
                backend::args![left]).await.unwrap();
            assert_eq!(row.get::<i64>("n").unwrap(), 0);
        }
        let running = shop.cafe.run();
        settle(&running).await;
    }

    async fn a_session_lives_while_it_is_used(shop) {
        let hands = &shop.hands;
        let shop = Shop::open(&shop).await;
        let identities = &shop.backend().identities;
        let (_, issued) = shop.sign_in(&Caller::Nobody, &ada()).await;
        let cookie = issued.cookie.expose();
        assert!(identities.seen(cookie).await.unwrap().renewed.is_none(), "not with every request");
        for _ in 0..4 {
            hands.advance(DAY * 20);
            let seen = identities.seen(cookie).await.unwrap();
            assert!(seen.caller.user().is_some());
            assert_eq!(seen.renewed.unwrap().cookie.expose(), cookie);
        }
        hands.advance(DAY * 30);
        assert_eq!(identities.seen(cookie).await.unwrap().caller, Caller::Nobody);
    }

    async fn sessions_are_listed_and_ended_one_by_one_and_all(shop) {
        let shop = Shop::open(&shop).await;
        let identities = &shop.backend().identities;
        let (one, first) = shop.sign_in(&Caller::Nobody, &ada()).await;
        let (two, second) = shop.sign_in(&Caller::Nobody, &ada()).await;
        let (stranger, third) = shop.sign_in(&Caller::Nobody, &phone("+15550100008")).await;
        let list = identities.sessions(&one).await.unwrap();
        assert_eq!(list.iter().filter(|session| session.current).map(|session| session.id).collect::<Vec<_>>(), [first.session]);
        assert_eq!(list.len(), 2);
        assert_eq!(list[0].device.as_deref(), Some("Firefox · Linux"));
        assert_eq!(identities.end_session(&stranger, first.session).await, Err(IdentityError::NotFound), "somebody else's");
        identities.end_session(&one, second.session).await.unwrap();
        assert_eq!(identities.end_session(&one, second.session).await, Err(IdentityError::NotFound));
        assert_eq!(shop.who(&second).await, Caller::Nobody);
        assert!(identities.recheck(&[two]).await.unwrap()[0].is_none(), "a connection that is open is cut");
        shop.sign_in(&Caller::Nobody, &ada()).await;
        identities.sign_out_everywhere(&one).await.unwrap();
        assert_eq!(shop.who(&first).await, Caller::Nobody);
        assert!(shop.who(&third).await.user().is_some());
        let (guest, _) = identities.new_guest();
        for nobody in [guest, Caller::Nobody] {
            assert!(identities.sessions(&nobody).await.is_err());
            assert!(identities.sign_out_everywhere(&nobody).await.is_err());
        }
    }

    async fn an_account_is_named_and_deleted(shop) {
        let db = shop.db.clone();
        let shop = Shop::open(&shop).await;
        let identities = &shop.backend().identities;
        let (user, issued) = shop.sign_in(&Caller::Nobody, &ada()).await;
        let edit = AccountEdit { name: Some(" Ada ".to_owned()), language: Some(Some(Locale::ZhCn)) };
        identities.edit_account(&user, edit).await.unwrap();
        let account = identities.account(&mut db.reader(), user.user().unwrap()).await.unwrap().unwrap();
        assert_eq!((account.name.as_str(), account.language, account.phone_ending.as_deref()), ("Ada", Some(Locale::ZhCn), Some("09")));
        for name in ["x".repeat(61), "a\u{0}b".to_owned(), "a\nb".to_owned()] {
            let edit = AccountEdit { name: Some(name), language: None };
            assert_eq!(identities.edit_account(&user, edit).await.unwrap_err().status(), 422);
        }

        shop.add(user.owner().unwrap(), "harbor", flat_white(1)).await;
        let address = Address { name: "Ada".into(), line1: "1 Quay".into(), line2: None, city: "Oakland".into(), region: None,
            postal_code: "94607".into(), country: "US".into() };
        let ship = FulfilmentRequest::Ship { address };
        let unicorn = CheckoutRequest { fulfilment: ship, ..request("unicorn", &[line("unicorn-plush", 1, &[])]) };
        let checkout = shop.cafe.begin_as(&user, unicorn).await.unwrap();
        let order = shop.cafe.place(&user, &checkout, "tok_declined").await.unwrap();
        assert_eq!(identities.delete_account(&user, Forfeit::Nothing).await, Err(IdentityError::OrdersUnderWay));
        assert!(shop.who(&issued).await.user().is_some(), "nothing was deleted");
        let running = shop.cafe.run();
        settle(&running).await;
        running.shutdown().await;

        identities.delete_account(&user, Forfeit::Nothing).await.unwrap();
        assert_eq!(shop.who(&issued).await, Caller::Nobody);
        assert!(identities.account(&mut db.reader(), user.user().unwrap()).await.unwrap().is_none());
        assert!(shop.cart(&user, "harbor").await.is_empty());
        let row = db.reader().fetch_one("select fulfilment from sales_order", backend::args![]).await.unwrap();
        let kept: String = row.get("fulfilment").unwrap();
        assert!(!kept.contains("Ada") && !kept.contains("Quay") && !kept.contains("94607"), "{kept}");
        assert_eq!(shop.cafe.view(order).await.status.as_str(), "rejected", "the order stays");
        // The phone is nobody's again: who signs in by it is somebody new.
        let (new, _) = shop.sign_in(&Caller::Nobody, &ada()).await;
        assert_ne!(new.user(), user.user());
    }

    async fn a_new_account_of_a_phone_has_no_new_limit_of_orders_that_day(shop) {
        let hands = &shop.hands;
        let shop = Shop::open(&shop).await;
        let (identities, db) = (&shop.backend().identities, &shop.backend().db);
        shop.cafe.settings("harbor", SettingsPatch { order_limit: Some(Some(2)), ..SettingsPatch::default() }).await;
        let kim = crate::cafe::person("Kim", Some((Role::Barista, "harbor")));
        for round in 0..2 {
            // Each of them is another account.
            let (ada, _) = shop.sign_in(&Caller::Nobody, &ada()).await;
            let order = shop.cafe.order(&ada, "tok_ok").await;
            let running = shop.cafe.run();
            settle(&running).await;
            for work in [Work::Claim, Work::Ready, Work::Collect] {
                shop.cafe.work(&kim, order, work).await.unwrap();
            }
            settle(&running).await;
            running.shutdown().await;
            identities.delete_account(&ada, Forfeit::Nothing).await.unwrap();
            assert_eq!(count(db, "select orders as n from orders_before").await, round + 1);
        }
        let (ada, _) = shop.sign_in(&Caller::Nobody, &ada()).await;
        let refused = shop.cafe.begin(&ada, "harbor", &[flat_white(1)]).await.unwrap_err();
        assert_eq!((refused.code(), refused.status()), ("order_limit_reached", 429));
        let (ben, _) = shop.sign_in(&Caller::Nobody, &phone("+15550100008")).await;
        shop.cafe.begin(&ben, "harbor", &[flat_white(1)]).await.unwrap();
        // The next day begins with nothing, and what was kept of the phone is gone.
        hands.advance(DAY);
        shop.cafe.begin(&ada, "harbor", &[flat_white(1)]).await.unwrap();
        hands.advance(Duration::from_hours(2));
        let running = shop.cafe.run();
        settle(&running).await;
        running.shutdown().await;
        assert_eq!(count(db, "select count(*) as n from orders_before").await, 0);
    }

    async fn staff_cannot_rename_or_delete_the_account_of_their_work(shop) {
        let shop = Shop::open(&shop).await;
        let identities = &shop.backend().identities;
        let (_, code) = identities.staff_add(id("harbor"), "Kim".to_owned(), domain::view::Role::Barista).await.unwrap();
        let issued = identities.staff_sign_in(&Caller::Nobody, code.expose(), &from(1)).await.unwrap();
        let kim = shop.who(&issued).await;
        let edit = AccountEdit { name: Some("Boss".to_owned()), language: None };
        assert_eq!(identities.edit_account(&kim, edit).await, Err(IdentityError::StaffAccount));
        assert_eq!(identities.delete_account(&kim, Forfeit::Nothing).await, Err(IdentityError::StaffAccount));
    }

    async fn what_has_had_its_time_is_thrown_away(shop) {
        let (hands, db) = (&shop.hands, shop.db.clone());
        let shop = Shop::open(&shop).await;
        shop.code(&ada()).await;
        assert_eq!(count(&db, "select count(*) as n from sign_in_code").await, 1);
        let running = shop.cafe.run();
        settle(&running).await;
        hands.advance(Duration::from_hours(2));
        settle(&running).await;
        assert_eq!(count(&db, "select (select count(*) from sign_in_code) + (select count(*) from throttle) as n").await, 0);
    }
}
