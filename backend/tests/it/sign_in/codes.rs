//! Codes: what is sent, how often one may be tried, and how many may be asked for.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use backend::db::Sql as _;
use backend::identity::{Caller, Client, IdentityError, IssuedSession};
use backend::refused::Refused as _;
use domain::Locale;

use super::{Shop, ada, from, phone};
use crate::cafe::settle;
use crate::small_shop::count;
use crate::support::{on_both_databases, rounds};

const MINUTE: Duration = Duration::from_mins(1);

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

    async fn what_cannot_be_a_code_spends_no_try(shop) {
        let shop = Shop::open(&shop).await;
        let code = shop.code(&ada()).await;
        for typed in ["", "12345", "1234567", "?!", "12345x"] {
            assert_eq!(left(shop.try_code(&Caller::Nobody, &ada(), typed).await), Err((422, "invalid_request", None)), "{typed:?}");
        }
        assert_eq!(left(shop.try_code(&Caller::Nobody, &ada(), &other(&code)).await), Err((401, "wrong_code", Some(2))));
        let spaced = format!(" {}-{} ", &code[..3], &code[3..]);
        assert_eq!(left(shop.try_code(&Caller::Nobody, &ada(), &spaced).await), Ok(()));
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
}
