//! The people of a store: roles, screens, tokens, and what is written down of all that.

mod audited;
mod busy;
mod guests;
mod leaver;
mod lost;
mod names;
mod passwords;

use std::time::Duration;

use backend::identity::{AccountEdit, Caller, Client, IdentityError, NewToken, Right};
use backend::refused::Refused as _;
use backend::stores::SettingsPatch;
use domain::view::{AuditEntry, Role};
use domain::{KioskId, StoreId};

use crate::cafe::{Cafe, Work, guest, id, person};
use crate::support::on_both_databases;

const GOOD: &str = "over the counter";

fn from(last: u8) -> Client {
    Client { address: [192, 0, 2, last].into(), device: Some("Safari · iPad".to_owned()), browser: None }
}

fn harbor() -> StoreId {
    id("harbor")
}

/// A manager of harbor who has signed in.
async fn manager(cafe: &Cafe) -> Caller {
    let (_, code) = cafe.backend.identities.staff_add(harbor(), "Mo".to_owned(), Role::Manager).await.unwrap();
    by_code(cafe, code.expose()).await
}

async fn by_code(cafe: &Cafe, code: &str) -> Caller {
    let issued = cafe.backend.identities.staff_sign_in(&Caller::Nobody, code, &from(1)).await.unwrap();
    cafe.backend.identities.caller_by_cookie(issued.cookie.expose()).await.unwrap()
}

fn refused<T: std::fmt::Debug>(result: Result<T, IdentityError>) -> (u16, &'static str) {
    let error = result.unwrap_err();
    (error.status(), error.code())
}

impl Cafe {
    async fn by_password(&self, name: &str, password: &str, client: &Client) -> Result<Caller, IdentityError> {
        let identities = &self.backend.identities;
        let issued = identities.staff_sign_in_by_password(&Caller::Nobody, &harbor(), name, password, client).await?;
        Ok(identities.caller_by_cookie(issued.cookie.expose()).await?)
    }

    async fn audit(&self, caller: &Caller, store: &str) -> Vec<AuditEntry> {
        let page = self.backend.audit.page(&mut self.backend.db.reader(), &self.backend.identities, caller, &id(store), None, 100).await;
        page.unwrap().items
    }
}

/// PostgreSQL gives events their positions a moment later.
async fn sequenced(cafe: &Cafe) {
    let running = cafe.run();
    crate::cafe::settle(&running).await;
    running.shutdown().await;
}

on_both_databases! {
    async fn names_can_be_seen(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let mo = manager(&cafe).await;
        let kim = identities.add_member(&mo, harbor(), "  Kim \u{3000} Lee ".to_owned(), Role::Barista).await.unwrap();
        assert_eq!(kim.person.name, "Kim Lee");
        for same in ["Kim\u{A0}Lee", "kim LEE"] {
            let taken = identities.add_member(&mo, harbor(), same.to_owned(), Role::Warehouse).await.unwrap_err();
            assert_eq!((taken.status(), taken.faults().remove(0).code.as_str()), (422, "name_taken"), "nobody gets another's account");
        }
        let (again, _) = identities.staff_add(harbor(), "Kim\u{A0}Lee".to_owned(), Role::Warehouse).await.unwrap();
        assert_eq!(again.id, kim.person.id, "by the command line the same to the eye is the same person");
        assert_eq!(identities.members(&mo, &harbor()).await.unwrap()[0].roles, [Role::Barista, Role::Warehouse]);
        let ada = person("Ada", None);
        let token = |name: &str| NewToken { role: Role::Barista, store: Some(harbor()), merchant: None, kiosk: None, name: name.to_owned() };
        for (name, code) in [
            ("", "required"),
            (" \u{3000}", "required"),
            ("Kim\u{200B} Lee", "invalid_name"),
            ("\u{202E}miK", "invalid_name"),
            ("\u{3164}", "invalid_name"),
            ("two\nlines", "invalid_name"),
            (&"x".repeat(61), "name_too_long"),
        ] {
            let told = |refusal: IdentityError| {
                let fault = refusal.faults().remove(0);
                (refusal.status(), fault.pointer, fault.code)
            };
            let expected = (422, "/name".to_owned(), code.to_owned());
            assert_eq!(told(identities.add_member(&mo, harbor(), name.to_owned(), Role::Barista).await.unwrap_err()), expected, "{name:?}");
            assert_eq!(told(identities.issue_store_token(&mo, token(name)).await.unwrap_err()), expected, "{name:?}");
            if code != "required" {
                let edit = AccountEdit { name: Some(name.to_owned()), language: None };
                assert_eq!(told(identities.edit_account(&ada, edit).await.unwrap_err()), expected, "{name:?}");
            }
        }
    }

    async fn managers_add_change_and_revoke_the_people_of_their_store(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let mo = manager(&cafe).await;
        let added = identities.add_member(&mo, harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        let kim = by_code(&cafe, added.code.expose()).await;
        identities.set_password(&kim, None, GOOD.to_owned()).await.unwrap();
        let members = identities.members(&mo, &harbor()).await.unwrap();
        let seen: Vec<_> = members.iter().map(|m| (m.name.as_str(), m.roles.as_slice(), m.has_password, m.code_until.is_some())).collect();
        assert_eq!(seen, [("Kim", [Role::Barista].as_slice(), true, false), ("Mo", [Role::Manager].as_slice(), false, false)]);

        let user = added.person.id;
        identities.set_roles(&mo, &harbor(), user, vec![Role::Manager, Role::Warehouse, Role::Manager]).await.unwrap();
        let now = identities.recheck(std::slice::from_ref(&kim)).await.unwrap().remove(0).unwrap();
        assert!(now.may(Right::Stock, &harbor()) && now.may(Right::Store, &harbor()) && !now.may(Right::Store, &id("pier")));
        assert_eq!(identities.members(&mo, &harbor()).await.unwrap()[0].roles, [Role::Warehouse, Role::Manager]);
        // By what was seen before that, nothing is changed, and what holds already is no change.
        let seen = || Some(vec![Role::Barista]);
        let late = identities.set_roles_seen(&mo, &harbor(), user, seen(), vec![Role::Barista, Role::Warehouse]).await;
        assert_eq!(refused(late), (409, "roles_changed"));
        identities.set_roles_seen(&mo, &harbor(), user, seen(), vec![Role::Manager, Role::Warehouse]).await.unwrap();
        assert_eq!(identities.members(&mo, &harbor()).await.unwrap()[0].roles, [Role::Warehouse, Role::Manager]);
        let own = identities.set_roles(&now, &harbor(), user, vec![Role::Barista]).await;
        assert_eq!(refused(own), (409, "own_role"), "nobody locks themselves out");
        assert_eq!(refused(identities.set_roles(&mo, &harbor(), user, vec![Role::Operator]).await), (422, "invalid_request"));

        // The key that a manager cut is worth nothing when she is none any more; one of somebody else's is.
        let token = |name: &str| NewToken { role: Role::Barista, store: Some(harbor()), merchant: None, kiosk: None, name: name.to_owned() };
        let (_, hers) = identities.issue_store_token(&now, token("Till")).await.unwrap();
        let (_, his) = identities.issue_store_token(&mo, token("Robot")).await.unwrap();
        let made: Vec<_> = identities.store_tokens(&mo, &harbor()).await.unwrap().into_iter().map(|token| (token.name, token.made_by)).collect();
        assert_eq!(made, [("Till".to_owned(), Some("Kim".to_owned())), ("Robot".to_owned(), Some("Mo".to_owned()))]);
        identities.set_roles(&mo, &harbor(), user, vec![Role::Warehouse]).await.unwrap();
        assert_eq!(identities.caller_by_token(hers.expose()).await.unwrap(), Caller::Nobody);
        assert_ne!(identities.caller_by_token(his.expose()).await.unwrap(), Caller::Nobody);

        // A new code ends the one before; whoever is revoked has nothing left to come in by.
        let one = identities.invite_again(&mo, &harbor(), user).await.unwrap();
        let two = identities.invite_again(&mo, &harbor(), user).await.unwrap();
        assert_eq!(refused(identities.staff_sign_in(&Caller::Nobody, one.code.expose(), &from(1)).await), (401, "wrong_code"));
        identities.set_roles(&mo, &harbor(), user, Vec::new()).await.unwrap();
        assert_eq!(identities.recheck(std::slice::from_ref(&kim)).await.unwrap(), [None]);
        assert_eq!(refused(identities.staff_sign_in(&Caller::Nobody, two.code.expose(), &from(1)).await), (401, "wrong_code"));
        assert_eq!(refused(cafe.by_password("Kim", GOOD, &from(2)).await), (401, "wrong_password"));
        assert_eq!(refused(identities.invite_again(&mo, &harbor(), user).await), (404, "not_found"));
        assert_eq!(identities.members(&mo, &harbor()).await.unwrap().len(), 1);

        for name in ["", "  ", "a\u{7}b", "two\nlines", &"x".repeat(61)] {
            let refusal = identities.add_member(&mo, harbor(), name.to_owned(), Role::Barista).await.unwrap_err();
            assert_eq!((refusal.status(), refusal.faults()[0].pointer.as_str()), (422, "/name"), "{name:?}");
        }
    }

    async fn somebody_elses_store_is_closed(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let (pier, kiosk): (_, KioskId) = (id("pier"), "pier-1".parse().unwrap());
        let added = identities.add_member(&person("Pat", Some((Role::Manager, "pier"))), pier.clone(), "Kim".to_owned(), Role::Barista).await.unwrap();
        let (token, _) = identities
            .issue_token(NewToken { role: Role::Barista, store: Some(pier.clone()), merchant: None, kiosk: None, name: "Bar".to_owned() })
            .await
            .unwrap();
        let (mo, barista) = (manager(&cafe).await, person("Bo", Some((Role::Barista, "pier"))));
        for (caller, expected) in [(&mo, (403, "forbidden")), (&barista, (403, "forbidden")), (&guest(), (401, "sign_in_required")), (&Caller::Nobody, (401, "sign_in_required"))] {
            assert_eq!(refused(identities.members(caller, &pier).await), expected);
            assert_eq!(refused(identities.add_member(caller, pier.clone(), "Eve".to_owned(), Role::Manager).await), expected);
            assert_eq!(refused(identities.invite_again(caller, &pier, added.person.id).await), expected);
            assert_eq!(refused(identities.set_roles(caller, &pier, added.person.id, Vec::new()).await), expected);
            assert_eq!(refused(identities.kiosks(caller, &pier).await), expected);
            assert_eq!(refused(identities.add_kiosk(caller, &pier, "pier-2").await), expected);
            assert_eq!(refused(identities.pairing_code(caller, &pier, kiosk.clone()).await), expected);
            assert_eq!(refused(identities.revoke_kiosk(caller, &pier, kiosk.clone()).await), expected);
            assert_eq!(refused(identities.store_tokens(caller, &pier).await), expected);
            assert_eq!(refused(identities.revoke_store_token(caller, &pier, token).await), expected);
            let new = NewToken { role: Role::Manager, store: Some(pier.clone()), merchant: None, kiosk: None, name: "Eve".to_owned() };
            assert_eq!(refused(identities.issue_store_token(caller, new).await), expected);
            let audit = cafe.backend.audit.page(&mut cafe.backend.db.reader(), identities, caller, &pier, None, 10).await;
            assert_eq!(audit.map(drop).map_err(|error| (error.status(), error.code())), Err(expected));
        }
        // A manager who names their own store reaches nothing of another one by its ids.
        assert_eq!(refused(identities.invite_again(&mo, &harbor(), added.person.id).await), (404, "not_found"));
        assert_eq!(refused(identities.set_roles(&mo, &harbor(), added.person.id, vec![Role::Manager]).await), (404, "not_found"));
        assert_eq!(refused(identities.revoke_store_token(&mo, &harbor(), token).await), (404, "not_found"));
        assert_eq!(refused(identities.pairing_code(&mo, &harbor(), kiosk.clone()).await), (404, "not_found"));
        assert_eq!(refused(identities.revoke_kiosk(&mo, &harbor(), kiosk.clone()).await), (404, "not_found"));
        assert_eq!(refused(identities.add_kiosk(&mo, &harbor(), "pier-1").await), (409, "kiosk_exists"));
        let foreign = NewToken { role: Role::Kiosk, store: Some(harbor()), merchant: None, kiosk: Some(kiosk), name: "Eve".to_owned() };
        assert_eq!(refused(identities.issue_store_token(&mo, foreign).await), (422, "invalid_request"));
        for role in [Role::Operator, Role::Merchant, Role::Customer] {
            let higher = NewToken { role, store: Some(harbor()), merchant: None, kiosk: None, name: "Eve".to_owned() };
            assert_eq!(refused(identities.issue_store_token(&mo, higher).await), (422, "invalid_request"), "{role}");
        }
    }

    async fn a_screen_is_paired_by_a_code_and_ends_with_its_kiosk(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let pat = person("Pat", Some((Role::Manager, "pier")));
        let pier = id("pier");
        for bad in ["", "Window 1", "../x", &"x".repeat(100)] {
            assert_eq!(refused(identities.add_kiosk(&pat, &pier, bad).await), (422, "invalid_request"), "{bad:?}");
        }
        let added = identities.add_kiosk(&pat, &pier, "window-1").await.unwrap();
        assert_eq!(refused(identities.add_kiosk(&pat, &pier, "window-1").await), (409, "kiosk_exists"));
        let newer = identities.pairing_code(&pat, &pier, added.kiosk.clone()).await.unwrap();
        assert_eq!(refused(identities.pair(added.code.expose(), &from(1)).await), (401, "wrong_code"), "a newer one is out");
        let (kiosk, header) = identities.pair(newer.code.expose(), &from(1)).await.unwrap();
        assert_eq!(refused(identities.pair(newer.code.expose(), &from(1)).await), (401, "wrong_code"), "once");
        let cookie = header.split(';').next().unwrap().trim_start_matches("orderly_session=").to_owned();
        assert!(header.contains("HttpOnly; SameSite=Lax") && header.contains("Path=/;"), "{header}");
        let screen = identities.caller_by_cookie(&cookie).await.unwrap();
        assert!(screen.is_kiosk(&kiosk) && kiosk.as_str() == "window-1");

        // It shows a code, which lets people in.
        let shown = {
            let (screen, kiosk) = (screen.clone(), kiosk.clone());
            cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.kiosks.code_in(tx, &screen, &kiosk).await })).await.unwrap()
        };
        let kiosks = identities.kiosks(&pat, &pier).await.unwrap();
        let seen: Vec<_> = kiosks.iter().map(|kiosk| (kiosk.id.as_str(), kiosk.devices.len(), kiosk.pairing_until)).collect();
        assert_eq!(seen, [("pier-1", 0, None), ("window-1", 1, None)]);
        assert_eq!(kiosks[1].devices[0].name, "Safari · iPad");

        identities.revoke_kiosk(&pat, &pier, kiosk.clone()).await.unwrap();
        assert!(identities.caller_by_cookie(&cookie).await.unwrap().is_nobody());
        assert_eq!(identities.recheck(std::slice::from_ref(&screen)).await.unwrap(), [None]);
        let (ada, code) = (person("Ada", None), shown.code.clone());
        let scanned = cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.kiosks.scan_in(tx, &ada, &code).await })).await;
        assert_eq!(scanned.map(drop).map_err(|error| error.code()), Err("code_unknown"), "its last code lets nobody in");
        assert_eq!(refused(identities.revoke_kiosk(&pat, &pier, kiosk.clone()).await), (404, "not_found"));
        sequenced(&cafe).await;

        // Back in service, it wants a new screen; a code is good for a quarter of an hour.
        let back = identities.add_kiosk(&pat, &pier, "window-1").await.unwrap();
        shop.hands.advance(Duration::from_mins(15));
        assert_eq!(refused(identities.pair(back.code.expose(), &from(1)).await), (401, "wrong_code"));
        let fresh = identities.pairing_code(&pat, &pier, kiosk).await.unwrap();
        identities.pair(fresh.code.expose(), &from(1)).await.unwrap();
    }

    async fn a_browser_keeps_no_token_but_a_kiosks(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let new = |role, kiosk: Option<&str>| NewToken {
            role,
            store: Some(id("pier")),
            merchant: None,
            kiosk: kiosk.map(|kiosk| kiosk.parse().unwrap()),
            name: "x".to_owned(),
        };
        let (_, manager) = identities.issue_token(new(Role::Manager, None)).await.unwrap();
        assert!(identities.caller_by_cookie(manager.expose()).await.unwrap().is_nobody(), "a stolen one is no session");
        let (id, kiosk) = identities.issue_token(new(Role::Kiosk, Some("pier-1"))).await.unwrap();
        assert!(!identities.caller_by_cookie(kiosk.expose()).await.unwrap().is_nobody());
        identities.revoke_token(id).await.unwrap();
        assert!(identities.caller_by_cookie(kiosk.expose()).await.unwrap().is_nobody());
    }

    async fn what_staff_do_is_written_down_with_who_did_it(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let identities = &cafe.backend.identities;
        let mo = manager(&cafe).await;
        let kim = identities.add_member(&mo, harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        let (store, by) = (harbor(), mo.actor(&harbor()));
        let patch = SettingsPatch { capacity: Some(None), code_seconds: Some(60), ..SettingsPatch::default() };
        cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.stores.patch_settings_in(tx, &store, &patch, by).await })).await.unwrap();
        let barista = by_code(&cafe, kim.code.expose()).await;
        let order = cafe.order(&guest(), "tok_ok").await;
        crate::cafe::settle(&running).await;
        cafe.work(&barista, order, Work::Claim).await.unwrap();
        identities.set_roles(&mo, &harbor(), kim.person.id, Vec::new()).await.unwrap();
        crate::cafe::settle(&running).await;

        let entries = cafe.audit(&mo, "harbor").await;
        let told: Vec<_> = entries.iter().map(|entry| (entry.type_name.trim_end_matches(".v1"), entry.by.name.as_str(), entry.whom.as_deref())).collect();
        assert_eq!(
            told,
            [
                ("staff.revoked", "Mo", Some("Kim")),
                ("prep.claimed", "Kim", None),
                ("staff.signed_in", "Kim", Some("Kim")),
                ("store.settings_changed", "Mo", None),
                ("staff.added", "Mo", Some("Kim")),
                ("staff.signed_in", "Mo", Some("Mo")),
                // By the command line, where nobody signs in.
                ("staff.added", "", Some("Mo")),
            ]
        );
        assert_eq!(entries[1].number, Some(1));
        assert_eq!(entries[3].data["changes"][0], serde_json::json!({"name": "capacity", "from": "20", "to": null}));
        assert!(cafe.audit(&person("Pat", Some((Role::Manager, "pier"))), "pier").await.is_empty());
        // Page by page it is the same, and no page has a secret.
        let (mut before, mut paged) = (None, Vec::new());
        loop {
            let page = cafe.backend.audit.page(&mut cafe.backend.db.reader(), identities, &mo, &harbor(), before, 2).await.unwrap();
            paged.extend(page.items);
            match page.next {
                Some(next) => before = Some(next.parse().unwrap()),
                None => break,
            }
        }
        assert_eq!(paged, entries);
        let all = serde_json::to_string(&entries).unwrap();
        assert!(!all.contains(kim.code.expose()), "{all}");
        running.shutdown().await;
    }
}
