//! How a shift begins: by a password that was chosen after a code, and by no guess.

use std::time::Duration;

use backend::args;
use backend::db::Sql as _;
use backend::identity::{Caller, Client, IdentityError, Right};
use backend::refused::Refused as _;
use domain::view::Role;

use super::{GOOD, by_code, from, harbor, manager, refused};
use crate::cafe::{Cafe, guest, person};
use crate::support::on_both_databases;

on_both_databases! {
    async fn a_password_is_chosen_once_after_a_code_and_then_by_the_one_before(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let (kim, code) = identities.staff_add(harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        assert_eq!(refused(cafe.by_password("Kim", GOOD, &from(1)).await), (401, "wrong_password"), "there is none yet");
        let first = by_code(&cafe, code.expose()).await;
        assert_eq!(refused(identities.set_password(&first, None, "1234567".to_owned()).await), (422, "invalid_request"));
        assert!(identities.wants_password(kim.id).await.unwrap());
        identities.set_password(&first, None, GOOD.to_owned()).await.unwrap();
        assert!(!identities.wants_password(kim.id).await.unwrap());
        let again = identities.set_password(&first, None, "another good one".to_owned()).await;
        assert_eq!(refused(again), (401, "wrong_password"), "the code allowed it once");

        let second = cafe.by_password(" kim ", GOOD, &from(1)).await.unwrap();
        assert!(second.may(Right::Queue, &harbor()) && second.user() == Some(kim.id));
        for (name, password) in [("Kim", "over the Counter"), ("Kimberley", GOOD), ("Kim", ""), ("", GOOD), ("Kim", &"x".repeat(201))] {
            assert_eq!(refused(cafe.by_password(name, password, &from(1)).await), (401, "wrong_password"), "{name:?} {password:?}");
        }
        let wrong = identities.set_password(&second, Some("a guess at it".to_owned()), "another good one".to_owned()).await;
        assert_eq!(refused(wrong), (401, "wrong_password"));
        identities.set_password(&second, Some(GOOD.to_owned()), "another good one".to_owned()).await.unwrap();
        // Whoever else was signed in as them is not any more.
        let both = identities.recheck(&[first, second.clone()]).await.unwrap();
        assert_eq!((both[0].is_none(), both[1].as_ref()), (true, Some(&second)));
        assert_eq!(refused(cafe.by_password("Kim", GOOD, &from(1)).await), (401, "wrong_password"));
        cafe.by_password("Kim", "another good one", &from(1)).await.unwrap();

        // A shift is over after twelve hours, whatever was done in it.
        let third = cafe.by_password("Kim", "another good one", &from(1)).await.unwrap();
        shop.hands.advance(Duration::from_hours(12));
        assert_eq!(identities.recheck(std::slice::from_ref(&third)).await.unwrap(), [None]);
        for (caller, expected) in [(guest(), (401, "sign_in_required")), (person("Ada", None), (403, "forbidden"))] {
            assert_eq!(refused(identities.set_password(&caller, None, GOOD.to_owned()).await), expected);
        }
    }

    /// As they could be added before a name was taken by whoever had it in other capitals, and still are by the command line.
    async fn names_that_differ_in_capitals_alone_are_told_apart_by_them(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let mut kims = Vec::new();
        for (name, password) in [("KIM", "the first of them"), ("Kim", "another of them")] {
            let (person, code) = identities.staff_add(harbor(), name.to_owned(), Role::Barista).await.unwrap();
            let caller = by_code(&cafe, code.expose()).await;
            identities.set_password(&caller, None, password.to_owned()).await.unwrap();
            kims.push((name, password, person.id));
        }
        for (name, password, user) in &kims {
            assert_eq!(cafe.by_password(name, password, &from(1)).await.unwrap().user(), Some(*user), "{name}");
        }
        let wrong = (401, "wrong_password");
        assert_eq!(refused(cafe.by_password("KIM", kims[1].1, &from(1)).await), wrong, "it is the other one's");
        for (_, password, _) in &kims {
            assert_eq!(refused(cafe.by_password("kim", password, &from(1)).await), wrong, "whose it is cannot be known");
        }
        // One who works here no more has no name here, and one without a password has: nobody else signs in by it.
        let mo = manager(&cafe).await;
        identities.staff_add(harbor(), "kim".to_owned(), Role::Barista).await.unwrap();
        assert_eq!(refused(cafe.by_password("kim", kims[1].1, &from(1)).await), wrong, "she has yet to choose one");
        let member = async |name: &'static str| {
            identities.members(&mo, &harbor()).await.unwrap().into_iter().find(move |member| member.name == name).unwrap().id
        };
        for name in ["kim", "KIM"] {
            identities.set_roles(&mo, &harbor(), member(name).await, Vec::new()).await.unwrap();
        }
        assert_eq!(cafe.by_password("kim", kims[1].1, &from(1)).await.unwrap().user(), Some(kims[1].2), "there is one left");
    }

    async fn guessing_a_password_is_slow_wherever_it_is_done(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let (_, code) = identities.staff_add(harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        let kim = by_code(&cafe, code.expose()).await;
        identities.set_password(&kim, None, GOOD.to_owned()).await.unwrap();
        let guesses = (0..40).map(|n| {
            let cafe = cafe.clone();
            async move { cafe.by_password("KIM", &format!("a guess at it {n}"), &from(100 + n)).await }
        });
        let mut told: Vec<_> = futures::future::join_all(guesses).await.into_iter().map(refused).collect();
        told.sort_unstable();
        let count = |what: (u16, &'static str)| told.iter().filter(|told| **told == what).count();
        let (looked_at, busy, limited) =
            (count((401, "wrong_password")), count((503, "sign_in_busy")), count((429, "rate_limited")));
        assert!(looked_at <= 30 && looked_at + busy >= 30 && looked_at + busy + limited == 40, "{told:?}");
        // On a machine that is busy some were asked to come again: they were not looked at, and are not counted.
        for (address, _) in (150..).zip(looked_at..30) {
            assert_eq!(refused(cafe.by_password("Kim", "a guess at it", &from(address)).await), (401, "wrong_password"));
        }
        assert_eq!(refused(cafe.by_password("Kim", GOOD, &from(9)).await), (429, "rate_limited"), "nor is the right one looked at");
        // Names that there are not are counted as well, or they would tell the others apart.
        for _ in 0..10 {
            assert_eq!(refused(cafe.by_password("Nobody", GOOD, &from(8)).await), (401, "wrong_password"));
        }
        assert_eq!(refused(cafe.by_password("Nobody", GOOD, &from(8)).await), (429, "rate_limited"));
        // Her manager lets her in at once, and so does time.
        let (_, code) = identities.staff_add(harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        by_code(&cafe, code.expose()).await;
        shop.hands.advance(Duration::from_mins(6));
        cafe.by_password("Kim", GOOD, &from(9)).await.unwrap();
        shop.hands.advance(Duration::from_hours(1));
        for n in 0..3 {
            for _ in 0..5 {
                assert_eq!(refused(cafe.by_password("Kim", "a guess at it", &from(9)).await), (401, "wrong_password"), "{n}");
            }
            cafe.by_password("Kim", GOOD, &from(9)).await.expect("whoever mistypes it now and then is not slowed");
        }

        // Codes have buckets of their own, and right ones are not counted.
        let mut passed = 0;
        for n in 0..130 {
            match identities.staff_sign_in(&Caller::Nobody, &format!("{n:08}"), &from(50)).await.map(drop) {
                Err(IdentityError::WrongCode) => passed += 1,
                other => assert_eq!(refused(other), (429, "rate_limited")),
            }
        }
        assert_eq!(passed, 120, "codes from one address");
        let screens = identities.pair("00000000", &from(50)).await.map(drop);
        assert_eq!(refused(screens), (401, "wrong_code"), "a screen beside it is paired all the same");
        assert_eq!(refused(cafe.by_password("Nobody else", GOOD, &from(50)).await), (401, "wrong_password"), "and a shift begun");
    }

    async fn a_stranger_shuts_nobody_out_of_a_browser_they_have_used(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let (kim, code) = identities.staff_add(harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        let issued = identities.staff_sign_in(&Caller::Nobody, code.expose(), &from(1)).await.unwrap();
        let cookie = identities.set_browser(&issued).unwrap();
        assert!(cookie.starts_with("orderly_browser=") && cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
        let value = cookie.trim_start_matches("orderly_browser=").split(';').next().unwrap();
        let known = identities.browser(value);
        assert_eq!(known, issued.browser);
        assert_eq!(identities.browser(issued.cookie.expose()), None, "a session is no browser");
        assert!(identities.caller_by_cookie(value).await.unwrap().is_nobody(), "nor is a browser a session");
        let caller = identities.caller_by_cookie(issued.cookie.expose()).await.unwrap();
        identities.set_password(&caller, None, GOOD.to_owned()).await.unwrap();

        // Somebody who knows the name, from four addresses and from hers.
        let here = Client { browser: known, ..from(1) };
        for guesser in [1, 60, 61, 62, 63] {
            for n in 0..12 {
                let refusal = cafe.by_password("Kim", &format!("a guess at it {n}"), &from(guesser)).await.unwrap_err();
                assert!(matches!(refusal.code(), "wrong_password" | "rate_limited"), "{refusal}");
            }
        }
        let refusal = cafe.by_password("Kim", GOOD, &from(64)).await.unwrap_err();
        assert_eq!((refusal.status(), refusal.code(), refusal.extra().retry_after.is_some()), (429, "rate_limited", true));
        assert!(refusal.to_string().contains(" min, or ask a manager for a new one-time code"), "{refusal}");
        cafe.by_password("Kim", GOOD, &here).await.unwrap();
        // A browser that somebody else is known by is a stranger's, and so is one that is unheard of.
        let (_, lees) = identities.staff_add(harbor(), "Lee".to_owned(), Role::Barista).await.unwrap();
        let lee = identities.staff_sign_in(&Caller::Nobody, lees.expose(), &from(65)).await.unwrap();
        let other = Client { browser: lee.browser, ..from(66) };
        assert_eq!(refused(cafe.by_password("Kim", GOOD, &other).await), (429, "rate_limited"));

        // Her own guesses are counted there, too: a stolen tablet is no way round.
        for n in 0..10 {
            assert_eq!(refused(cafe.by_password("Kim", &format!("a guess at it {n}"), &here).await), (401, "wrong_password"), "{n}");
        }
        assert_eq!(refused(cafe.by_password("Kim", GOOD, &here).await), (429, "rate_limited"));
        // A manager's new code lets her in at once, wherever; that browser is known from then on.
        let (_, code) = identities.staff_add(harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        let fresh = identities.staff_sign_in(&Caller::Nobody, code.expose(), &from(67)).await.unwrap();
        cafe.by_password("Kim", GOOD, &Client { browser: fresh.browser, ..from(67) }).await.unwrap();

        // Half a year later it is a stranger again; whoever is taken off the staff leaves none behind.
        shop.hands.advance(Duration::from_hours(24 * 181));
        for n in 0..10 {
            assert_eq!(refused(cafe.by_password("Kim", &format!("a guess at it {n}"), &here).await), (401, "wrong_password"), "{n}");
        }
        let limit = cafe.by_password("Kim", GOOD, &here).await.unwrap_err();
        assert!(matches!(limit, IdentityError::PasswordsLimited { limit: 10, .. }), "{limit:?}");
        let mo = person("Mo", Some((Role::Manager, "harbor")));
        identities.set_roles(&mo, &harbor(), kim.id, Vec::new()).await.unwrap();
        assert_eq!(refused(cafe.by_password("Kim", GOOD, &here).await), (401, "wrong_password"), "a name that nobody has now");
    }

    async fn guesses_from_anywhere_are_few_in_a_day(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let (_, code) = identities.staff_add(harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        let kim = by_code(&cafe, code.expose()).await;
        identities.set_password(&kim, None, GOOD.to_owned()).await.unwrap();
        let mut looked_at = 0;
        for hour in 0..6_u32 {
            for n in 0..50_u32 {
                let address = Client { address: std::net::Ipv4Addr::from(0xC633_0000 + hour * 256 + n).into(), ..from(1) };
                match cafe.by_password(if n % 2 == 0 { "Kim" } else { " KIM  " }, "a guess at it", &address).await {
                    Err(IdentityError::WrongPassword) => looked_at += 1,
                    other => assert_eq!(refused(other), (429, "rate_limited")),
                }
            }
            shop.hands.advance(Duration::from_hours(1));
        }
        assert_eq!(looked_at, 6 * 30, "however many addresses there are");
    }

    /// A copy that was cut off, or a cost that no machine has: whoever has it comes in by a new code, and nobody else learns of it.
    async fn a_password_that_was_damaged_is_nobodys_until_another_one_is_chosen(shop) {
        let cafe = Cafe::open(&shop).await;
        let identities = &cafe.backend.identities;
        let (kim, code) = identities.staff_add(harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        identities.set_password(&by_code(&cafe, code.expose()).await, None, GOOD.to_owned()).await.unwrap();
        for damage in ["plain", "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$cpx6VEQbwTVZvcpxNIxOVUWZ5xnAipUmAe1cg2GMG70"] {
            let text = "update staff_password set hash = $1 where account = $2";
            let changed = shop.db.transaction(move |tx| Box::pin(async move { tx.execute(text, args![damage, kim.id]).await })).await;
            assert_eq!(changed, Ok(1));
            assert_eq!(refused(cafe.by_password("Kim", GOOD, &from(1)).await), (401, "wrong_password"), "{damage}");
        }
        let (_, code) = identities.staff_add(harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        identities.set_password(&by_code(&cafe, code.expose()).await, None, GOOD.to_owned()).await.unwrap();
        cafe.by_password("Kim", GOOD, &from(1)).await.unwrap();
    }
}
