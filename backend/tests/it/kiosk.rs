//! Codes, scans and admissions: as many come in as the bar can serve, and every place comes back.

mod limits;
mod put_back;

use std::time::Duration;

use backend::identity::{Caller, Client};
use backend::kiosk::KioskError;
use backend::ordering::OrderingError;
use backend::refused::Refused;
use backend::stores::SettingsPatch;
use domain::KioskId;
use domain::live::KioskCodeView;
use domain::ordering::OrderStatus;
use domain::view::{AdmissionView, CheckoutView, Role};

use crate::cafe::{Cafe, Work, guest, id, line, person, request, settle};
use crate::support::{on_both_databases, rounds};

fn pier() -> KioskId {
    "pier-1".parse().expect("a kiosk's id")
}

fn manager() -> Caller {
    person("Max", Some((Role::Manager, "pier")))
}

impl Cafe {
    async fn code(&self) -> KioskCodeView {
        self.tx(|tx, cafe| Box::pin(async move { cafe.backend.kiosks.code_in(tx, &manager(), &pier()).await })).await.expect("a code")
    }

    async fn scan(&self, caller: &Caller, code: &str) -> Result<AdmissionView, KioskError> {
        let (caller, code) = (caller.clone(), code.to_owned());
        self.tx(move |tx, cafe| Box::pin(async move { cafe.backend.kiosks.scan_in(tx, &caller, &code).await })).await
    }

    async fn open_page(&self, caller: &Caller, code: &str) -> Result<domain::StoreId, KioskError> {
        let (caller, code) = (caller.clone(), code.to_owned());
        let opened = self.tx(move |tx, cafe| Box::pin(async move { cafe.backend.kiosks.opened_in(tx, &caller, &code).await })).await?;
        opened.refused.map_or(Ok(opened.store), Err)
    }

    async fn lemonade(&self, caller: &Caller, admission: &AdmissionView) -> Result<CheckoutView, OrderingError> {
        let mut request = request("pier", &[line("pier-lemonade", 1, &[])]);
        request.admission = Some(admission.admission.to_string());
        self.begin_as(caller, request).await
    }

    async fn pier(&self, patch: SettingsPatch) {
        self.settings("pier", patch).await;
    }
}

fn refused<T: std::fmt::Debug, E: Refused>(result: Result<T, E>) -> (&'static str, u16) {
    let error = result.expect_err("it is refused");
    (error.code(), error.status())
}

on_both_databases! {
    async fn a_scan_buys_one_order(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let ada = person("Ada", None);
        let shown = cafe.code().await;
        assert_eq!((shown.scans, shown.scans_left, shown.rotates_at - shown.hide_at), (10, 10, 15_000));
        assert_eq!(shown.url, format!("http://shop.example/scan/{}", shown.code));
        assert!(shown.svg.contains("<svg"));
        assert_eq!(cafe.code().await.code, shown.code, "it stays for its slot");

        let admission = cafe.scan(&ada, &format!(" {}-{} ", shown.code[..4].to_lowercase(), &shown.code[4..])).await.unwrap();
        assert_eq!((admission.store.as_str(), admission.expires_at - shop.clock.now()), ("pier", 300_000));
        assert_eq!((cafe.code().await.scans_left, cafe.active("pier").await), (9, 1));
        assert_eq!(cafe.scan(&ada, &shown.code).await.unwrap(), admission, "the same scan is the same admission");
        assert_eq!((cafe.code().await.scans_left, cafe.active("pier").await), (9, 1));

        // The place goes from the admission to the checkout, to the next checkout, back, and to the order.
        shop.hands.advance(Duration::from_secs(100));
        let first = cafe.lemonade(&ada, &admission).await.unwrap();
        assert_eq!(first.expires_at, admission.expires_at, "a checkout lasts as long as its admission");
        let checkout = cafe.lemonade(&ada, &admission).await.unwrap();
        assert_eq!(cafe.active("pier").await, 1);
        let (caller, given_up) = (ada.clone(), checkout.id);
        cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.checkouts.cancel_in(tx, &caller, given_up).await })).await.unwrap();
        assert_eq!(cafe.active("pier").await, 1, "the admission has its place again");
        let checkout = cafe.lemonade(&ada, &admission).await.unwrap();
        let order = cafe.place(&ada, &checkout, "tok_ok").await.unwrap();
        settle(&running).await;
        assert_eq!((cafe.view(order).await.status, cafe.active("pier").await), (OrderStatus::Processed, 1));
        assert_eq!(refused(cafe.lemonade(&ada, &admission).await), ("admission_expired", 410), "one order");

        // Its time is over; the order keeps its place until it is ready.
        shop.hands.advance(Duration::from_mins(5));
        settle(&running).await;
        assert_eq!(cafe.active("pier").await, 1);
        let kim = person("Kim", Some((Role::Barista, "pier")));
        cafe.work(&kim, order, Work::Claim).await.unwrap();
        cafe.work(&kim, order, Work::Ready).await.unwrap();
        assert_eq!(cafe.active("pier").await, 0);
        running.shutdown().await;
    }

    async fn a_place_comes_back_when_an_admission_is_over(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (ada, ben) = (person("Ada", None), person("Ben", None));
        let code = cafe.code().await.code;
        let (unused, used) = (cafe.scan(&ada, &code).await.unwrap(), cafe.scan(&ben, &code).await.unwrap());
        cafe.lemonade(&ben, &used).await.unwrap();
        assert_eq!(cafe.active("pier").await, 2);
        shop.hands.advance(Duration::from_secs(301));
        settle(&running).await;
        assert_eq!(cafe.active("pier").await, 0);
        for (caller, admission) in [(&ada, &unused), (&ben, &used)] {
            assert_eq!(refused(cafe.lemonade(caller, admission).await), ("admission_expired", 410));
        }
        running.shutdown().await;
    }

    async fn a_declined_card_leaves_the_admission_for_two_minutes(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let ada = person("Ada", None);
        let admission = cafe.scan(&ada, &cafe.code().await.code).await.unwrap();
        shop.hands.advance(Duration::from_secs(290));
        let checkout = cafe.lemonade(&ada, &admission).await.unwrap();
        let order = cafe.place(&ada, &checkout, "tok_declined").await.unwrap();
        settle(&running).await;
        assert_eq!((cafe.view(order).await.status, cafe.active("pier").await), (OrderStatus::Rejected, 1));
        shop.hands.advance(Duration::from_secs(119));
        settle(&running).await;
        let again = cafe.lemonade(&ada, &admission).await.unwrap();
        assert_eq!((again.expires_at - shop.clock.now(), cafe.active("pier").await), (1_000, 1));
        let order = cafe.place(&ada, &again, "tok_ok").await.unwrap();
        settle(&running).await;
        assert_eq!(cafe.view(order).await.status, OrderStatus::Processed);
        running.shutdown().await;
    }

    async fn codes_change_and_the_old_one_is_refused(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        settle(&running).await;
        let old = cafe.code().await;
        let (late, known, stranger) = (person("Ada", None), person("Ben", None), person("Cleo", None));
        assert_eq!(cafe.open_page(&late, &old.code).await.unwrap(), id("pier"));
        cafe.open_page(&known, &old.code).await.unwrap();
        assert_eq!((cafe.code().await.scans_left, cafe.active("pier").await), (10, 0), "a page spends nothing");

        shop.hands.advance(Duration::from_millis((old.rotates_at - shop.clock.now()) as u64));
        settle(&running).await;
        let new = cafe.code().await;
        assert_ne!(new.code, old.code);
        assert_eq!(new.rotates_at - old.rotates_at, 300_000);
        assert_eq!(refused(cafe.scan(&stranger, &old.code).await), ("code_expired", 410));
        assert_eq!(refused(cafe.open_page(&stranger, &old.code).await), ("code_expired", 410));
        // Whoever had opened its page in time has two minutes more.
        shop.hands.advance(Duration::from_secs(119));
        cafe.scan(&known, &old.code).await.unwrap();
        shop.hands.advance(Duration::from_secs(1));
        assert_eq!(refused(cafe.scan(&late, &old.code).await), ("code_expired", 410));
        assert_eq!(cafe.scan(&known, &old.code).await.unwrap().store, id("pier"));
        // A day later nobody remembers it.
        shop.hands.advance(Duration::from_hours(25));
        settle(&running).await;
        assert_eq!(refused(cafe.scan(&late, &old.code).await), ("code_unknown", 404));
        running.shutdown().await;
    }

    async fn every_refusal_of_a_scan_spends_nothing(shop) {
        let cafe = Cafe::open(&shop).await;
        let code = cafe.code().await.code;
        let ada = person("Ada", None);
        assert_eq!(refused(cafe.scan(&Caller::Nobody, &code).await), ("session_required", 401));
        assert_eq!(refused(cafe.scan(&guest(), &code).await), ("sign_in_required", 403));
        for unknown in ["", "22222222", "'; drop table store; --", &"2".repeat(100_000)] {
            assert_eq!(refused(cafe.scan(&ada, unknown).await), ("code_unknown", 404));
        }
        let set_open = |open| cafe.tx(move |tx, cafe| {
            Box::pin(async move { cafe.backend.stores.set_open_in(tx, &id("pier"), open, domain::event::Actor::System).await })
        });
        set_open(false).await.unwrap();
        assert_eq!(refused(cafe.scan(&ada, &code).await), ("store_closed", 409));
        set_open(true).await.unwrap();
        cafe.pier(SettingsPatch { capacity: Some(Some(1)), ..SettingsPatch::default() }).await;
        let held = cafe.scan(&ada, &code).await.unwrap();
        let full = cafe.scan(&person("Ben", None), &code).await.unwrap_err();
        assert_eq!((full.code(), full.status(), full.extra().retry_after), ("store_at_capacity", 503, Some(10)));
        assert_eq!((cafe.code().await.scans_left, cafe.active("pier").await), (9, 1));
        // Somebody else's admission is none.
        assert_eq!(refused(cafe.lemonade(&person("Ben", None), &held).await), ("admission_required", 403));
        let nothing = AdmissionView { admission: domain::AdmissionId(uuid::Uuid::now_v7()), ..held };
        assert_eq!(refused(cafe.lemonade(&ada, &nothing).await), ("admission_required", 403));
    }

    async fn who_sees_the_code(shop) {
        let cafe = Cafe::open(&shop).await;
        let see = async |caller: Caller, kiosk: &str| {
            let kiosk: KioskId = kiosk.parse().unwrap();
            refused(cafe.backend.kiosks.store_for(&mut cafe.backend.db.reader(), &caller, &kiosk).await)
        };
        assert_eq!(see(Caller::Nobody, "pier-1").await, ("session_required", 401));
        for stranger in [guest(), person("Ada", None), person("Kim", Some((Role::Barista, "pier"))), person("Moe", Some((Role::Manager, "harbor")))] {
            assert_eq!(see(stranger, "pier-1").await, ("forbidden", 403));
        }
        assert_eq!(see(manager(), "nowhere").await, ("forbidden", 403));
    }

    async fn a_second_scan_gives_the_first_ones_place_on(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let ada = person("Ada", None);
        let old = cafe.code().await;
        let first = cafe.scan(&ada, &old.code).await.unwrap();
        shop.hands.advance(Duration::from_millis((old.rotates_at - shop.clock.now()) as u64 - 1));
        settle(&running).await;
        let late = cafe.scan(&ada, &old.code).await.unwrap();
        assert_eq!(late, first);
        shop.hands.advance(Duration::from_millis(1));
        settle(&running).await;
        let second = cafe.scan(&ada, &cafe.code().await.code).await.unwrap();
        assert_eq!(cafe.active("pier").await, 1, "nobody waits in two places");
        assert_ne!(second.admission, first.admission);
        cafe.lemonade(&ada, &second).await.unwrap();
        assert_eq!(cafe.active("pier").await, 1);
        running.shutdown().await;
    }

    /// Two admissions of one person: each keeps its place, whichever of them is used.
    async fn a_checkout_with_another_admission_leaves_the_first_its_place(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        settle(&running).await;
        let ada = person("Ada", None);
        let old = cafe.code().await;
        shop.hands.advance(Duration::from_millis((old.rotates_at - shop.clock.now()) as u64 - 1));
        let first = cafe.scan(&ada, &old.code).await.unwrap();
        cafe.lemonade(&ada, &first).await.unwrap();
        shop.hands.advance(Duration::from_millis(1));
        settle(&running).await;
        let second = cafe.scan(&ada, &cafe.code().await.code).await.unwrap();
        assert_eq!(cafe.active("pier").await, 2);
        let checkout = cafe.lemonade(&ada, &second).await.unwrap();
        cafe.place(&ada, &checkout, "tok_ok").await.unwrap();
        settle(&running).await;
        cafe.pier(SettingsPatch { capacity: Some(Some(2)), ..SettingsPatch::default() }).await;
        let again = cafe.lemonade(&ada, &first).await.unwrap();
        assert_eq!(cafe.active("pier").await, 2);
        cafe.place(&ada, &again, "tok_ok").await.unwrap();
        settle(&running).await;
        assert_eq!(cafe.active("pier").await, 2);
        running.shutdown().await;
    }

    /// The figure to reach: exactly ten admissions of a code of ten scans, whoever races.
    async fn fifty_scans_of_a_code_of_ten(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        for round in 1..=rounds() {
            let shown = cafe.code().await;
            let code = shown.code.clone();
            let racers = (0..50).map(|_| {
                let (cafe, code) = (cafe.clone(), code.clone());
                tokio::spawn(async move { cafe.scan(&person("Ada", None), &code).await })
            });
            let (mut admitted, mut turned_away) = (0, 0);
            for scanned in futures::future::join_all(racers).await {
                match scanned.unwrap() {
                    Ok(_) => admitted += 1,
                    Err(error) => {
                        assert_eq!((error.code(), error.status()), ("code_exhausted", 429), "round {round}");
                        let next = shown.rotates_at - shop.clock.now();
                        assert_eq!(error.extra().retry_after, Some((next + 999) / 1000));
                        turned_away += 1;
                    }
                }
            }
            assert_eq!((admitted, turned_away), (10, 40), "round {round}");
            assert_eq!((cafe.code().await.scans_left, cafe.active("pier").await), (0, 10));
            shop.hands.advance(Duration::from_mins(10));
            settle(&running).await;
            assert_eq!(cafe.active("pier").await, 0, "every place comes back");
        }
        running.shutdown().await;
    }

    async fn a_long_wait_eases_the_next_code(shop) {
        let cafe = Cafe::open(&shop).await;
        cafe.pier(SettingsPatch { wait_target_seconds: Some(Some(60)), capacity: Some(Some(8)), ..SettingsPatch::default() }).await;
        // Only now: the first code is made by the settings of that moment.
        let running = cafe.run();
        // Made in two minutes, and then one waits: the wait is four minutes.
        let kim = person("Kim", Some((Role::Barista, "pier")));
        let buy = async |name: &str| {
            let who = person(name, None);
            let admission = cafe.scan(&who, &cafe.code().await.code).await.unwrap();
            let checkout = cafe.lemonade(&who, &admission).await.unwrap();
            let order = cafe.place(&who, &checkout, "tok_ok").await.unwrap();
            settle(&running).await;
            order
        };
        assert_eq!(cafe.code().await.scans, 8, "as many as there are places");
        let made = buy("Ada").await;
        cafe.work(&kim, made, Work::Claim).await.unwrap();
        shop.hands.advance(Duration::from_mins(2));
        cafe.work(&kim, made, Work::Ready).await.unwrap();
        buy("Ben").await;
        shop.hands.advance(Duration::from_mins(5));
        settle(&running).await;
        assert_eq!(cafe.code().await.scans, 2, "ten for a minute's wait, so two for four and some");
        running.shutdown().await;
    }

    async fn wrong_codes_are_counted_by_session_and_address(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let client = |last: u8| Client { address: [192, 0, 2, last].into(), device: None, browser: None };
        let ada = person("Ada", None);
        for _ in 0..10 {
            identities.may_scan(&ada).await.unwrap();
            identities.scanned_wrong(&ada, &client(1)).await.unwrap();
        }
        assert_eq!(refused(identities.may_scan(&ada).await), ("rate_limited", 429));
        assert_eq!(refused(identities.scanned_wrong(&ada, &client(2)).await), ("rate_limited", 429), "wherever she goes");
        shop.hands.advance(Duration::from_secs(6));
        identities.may_scan(&ada).await.unwrap();
        let mut passed = 0;
        for _ in 0..1000 {
            let somebody = person("Eve", None);
            if identities.scanned_wrong(&somebody, &client(3)).await.is_ok() {
                passed += 1;
            }
        }
        assert_eq!(passed, 60);
        assert!(identities.is_guessed_from(&client(3)).await.unwrap() && !identities.is_guessed_from(&client(4)).await.unwrap());

        // From there a right code lets in whoever is signed in, and guests are told nothing about any.
        let (ben, code) = (person("Ben", None), cafe.code().await.code);
        cafe.backend.may_try_code(&ben, &client(3), &code).await.unwrap();
        for typed in [code.as_str(), "22222222"] {
            assert!(!cafe.backend.may_see_code(&guest(), &client(3), typed).await.unwrap(), "{typed}");
        }
        assert!(cafe.backend.may_see_code(&guest(), &client(4), &code).await.unwrap());
        // A session's own guesses count there all the same, and then its right one is not looked at.
        for _ in 0..10 {
            assert_eq!(refused(cafe.backend.may_try_code(&ben, &client(3), "22222222").await), ("rate_limited", 429));
        }
        assert_eq!(refused(cafe.backend.may_try_code(&ben, &client(4), &code).await), ("rate_limited", 429));
        // A guest whom nothing is told is remembered nevertheless.
        let (known, typed) = (guest(), code.clone());
        let opened = known.clone();
        cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.kiosks.opened_unseen_in(tx, &opened, &typed).await })).await.unwrap();
        let left = (cafe.code().await.rotates_at - shop.clock.now()) as u64;
        shop.hands.advance(Duration::from_millis(left + 1));
        cafe.open_page(&known, &code).await.unwrap();
        assert_eq!(refused(cafe.open_page(&guest(), &code).await), ("code_expired", 410));
    }

    /// What a page would say before anybody presses its button.
    async fn the_page_of_a_code_says_what_a_scan_would(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        cafe.pier(SettingsPatch { scans_per_code: Some(2), ..SettingsPatch::default() }).await;
        shop.hands.advance(Duration::from_mins(5));
        settle(&running).await;
        let shown = cafe.code().await;
        assert_eq!((shown.scans, shown.rotates_at - shop.clock.now() > 1_000), (2, true));
        let (ada, ben, cleo) = (person("Ada", None), person("Ben", None), person("Cleo", None));
        let set_open = |open| cafe.tx(move |tx, cafe| {
            Box::pin(async move { cafe.backend.stores.set_open_in(tx, &id("pier"), open, domain::event::Actor::System).await })
        });
        let admission = cafe.scan(&ada, &shown.code).await.unwrap();
        cafe.pier(SettingsPatch { capacity: Some(Some(1)), ..SettingsPatch::default() }).await;
        assert_eq!(refused(cafe.open_page(&ben, &shown.code).await), ("store_at_capacity", 503));
        cafe.open_page(&ada, &shown.code).await.unwrap();
        cafe.pier(SettingsPatch { capacity: Some(Some(20)), ..SettingsPatch::default() }).await;
        set_open(false).await.unwrap();
        assert_eq!(refused(cafe.open_page(&ben, &shown.code).await), ("store_closed", 409));
        set_open(true).await.unwrap();
        cafe.open_page(&ben, &shown.code).await.unwrap();
        cafe.scan(&ben, &shown.code).await.unwrap();
        let full = cafe.open_page(&cleo, &shown.code).await.unwrap_err();
        let next = (shown.rotates_at - shop.clock.now() + 999) / 1000;
        assert_eq!((full.code(), full.status(), full.extra().retry_after), ("code_exhausted", 429, Some(next)));
        assert_eq!(cafe.code().await.scans_left, 0);

        // Who is in stays in whatever the code has become, until an order came of it or the time is over.
        cafe.open_page(&ada, &shown.code).await.unwrap();
        let checkout = cafe.lemonade(&ada, &admission).await.unwrap();
        cafe.place(&ada, &checkout, "tok_ok").await.unwrap();
        assert_eq!(refused(cafe.open_page(&ada, &shown.code).await), ("code_used", 410));
        cafe.open_page(&ben, &shown.code).await.unwrap();
        shop.hands.advance(Duration::from_mins(5));
        assert_eq!(refused(cafe.open_page(&ben, &shown.code).await), ("code_used", 410));
        // Who had to sign in first has two minutes more, if there is room.
        assert_eq!(cafe.open_page(&cleo, &shown.code).await.unwrap_err().extra().retry_after, Some(1));
        running.shutdown().await;
    }
}
