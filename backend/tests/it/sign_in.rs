//! Signing in by phone: codes, tries, limits, and what a guest brings along.

mod codes;
mod guests;
mod leavers;

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
use domain::view::Role;
use domain::{Locale, StoreId};
use serde_json::Value;

use crate::cafe::{Cafe, Work, flat_white, id, plush, settle};
use crate::small_shop::count;
use crate::support::{TestDb, on_both_databases};

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

on_both_databases! {
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
        let checkout = shop.cafe.begin_as(&user, plush()).await.unwrap();
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
