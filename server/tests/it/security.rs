//! What an attacker tries first: other origins, planted sessions, somebody else's ids, guesses, ways out to other sites,
//! markup in texts, too much of everything, requests that two readers read as two.

mod bytes;
mod pages;
mod sites;

use std::time::Instant;

use futures::{StreamExt as _, stream};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::sign_in::{sign_in, with_messages};
use crate::support::{Client, Place, Reply, Server, run_with};

with_messages! {
    a_session_that_was_planted_is_worth_nothing
    somebody_elses_things_are_not_there
    a_thousand_wrong_codes_from_one_address_are_slowed_and_nobody_else_is
}

const ADA: &str = "+15550100009";
const BEN: &str = "+15550100008";

async fn a_session_that_was_planted_is_worth_nothing(server: Server) {
    // Of the attacker's own making: it is not adopted.
    for planted in ["x", &"A".repeat(64), "00000000-0000-7000-8000-000000000000", "ord_nothing", "ord_"] {
        let victim = server.nobody().with_cookie(format!("orderly_session={planted}"));
        let page = victim.page("/").await;
        let given = page.cookie().expect("one of our own");
        assert_ne!(given, format!("orderly_session={planted}"), "{planted}");
    }
    // The attacker's own good one: signing in does not make it stronger, by phone or as staff.
    let attacker = server.guest().await;
    let victim = sign_in(&server, &attacker.clone(), ADA, 1).await;
    assert_ne!(victim.cookie(), attacker.cookie());
    assert_eq!(attacker.get("/me").await.status, StatusCode::UNAUTHORIZED, "the planted one is over");
    let attacker = server.guest().await;
    let code = server.place.answer(&["staff", "add", "--store", "harbor", "--name", "Kim", "--role", "barista"]);
    let kim = attacker.staff_sign_in(&json!({"code": code})).await.unwrap();
    assert_ne!(kim.cookie(), attacker.cookie());
    assert_eq!(attacker.get("/staff/stores/harbor/queue").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(attacker.get("/me").await.status, StatusCode::UNAUTHORIZED, "this one is over, too");
    // Two of them: the first is taken, as the browser sends the narrower path's first, and none is mixed with another.
    let two = server.nobody().with_cookie(format!("{}; {}", server.guest().await.cookie(), kim.cookie()));
    assert_eq!(two.get("/me").await.body["roles"], json!([]));
    // Signing out ends it for whoever has a copy, too.
    let copy = kim.clone();
    assert_eq!(kim.call(Method::POST, "/sign-out", &Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(copy.get("/me").await.status, StatusCode::UNAUTHORIZED);
}

async fn somebody_elses_things_are_not_there(server: Server) {
    let (ada, ben) = (sign_in(&server, &server.guest().await, ADA, 1).await, sign_in(&server, &server.guest().await, BEN, 1).await);
    let order = ada.order_coffee().await;
    let lines = json!([{"sku": "flat-white-regular", "quantity": 1, "options": ["oat"]}]);
    let held =
        ada.keyed(Method::POST, "/checkouts", &json!({"store": "harbor", "lines": lines, "fulfilment": {"kind": "pickup"}})).await.body;
    let checkout = held["id"].as_str().unwrap();
    let session = ada.get("/me/sessions").await.body["items"][0]["id"].as_str().unwrap().to_owned();
    let place = json!({"payment": {"method": "card", "token": "tok_ok"}, "expected_total": held["quote"]["total"]});
    let nothing = "0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
    let calls = [
        ("GET", "/orders/{id}", order.as_str(), Value::Null),
        ("GET", "/orders/{id}/journey", order.as_str(), Value::Null),
        ("POST", "/orders/{id}/cancel", order.as_str(), json!({})),
        ("DELETE", "/checkouts/{id}", checkout, Value::Null),
        ("POST", "/checkouts/{id}/place", checkout, place),
        ("DELETE", "/me/sessions/{id}", session.as_str(), Value::Null),
    ];
    for stranger in [&ben, &server.guest().await, &server.token("manager", "pier")] {
        for (method, path, id, body) in &calls {
            let ask = async |id: &str| {
                let method: Method = method.parse().unwrap();
                if method == Method::POST {
                    stranger.keyed(method, &path.replace("{id}", id), body).await
                } else {
                    stranger.call(method, &path.replace("{id}", id), body).await
                }
            };
            let (theirs, nobodys) = (ask(id).await, ask(nothing).await);
            assert_eq!(
                (theirs.status, theirs.code()),
                (nobodys.status, nobodys.code()),
                "{method} {}: it tells that it is there",
                path.replace("{id}", id)
            );
            assert!(
                theirs.status == StatusCode::NOT_FOUND || theirs.code() == "sign_in_required",
                "{method} {}: {}",
                path.replace("{id}", id),
                theirs.status
            );
            assert_eq!(theirs.body["detail"], nobodys.body["detail"], "{method} {}", path.replace("{id}", id));
        }
        assert_eq!(stranger.page(&format!("/orders/{order}")).await.status, StatusCode::NOT_FOUND);
        let form = stranger.post_form("/do/order/cancel", &[("order", &order)]).await;
        assert!(form.header("location").is_none_or(|page| page.contains("error=")), "{:?}", form.header("location"));
    }
    // Paging, keys and lists are of who asks.
    assert_eq!(ben.get(&format!("/orders?cursor={order}")).await.body["items"], json!([]));
    assert_eq!(ada.get(&format!("/orders/{order}")).await.body["cancellable"], true);
    assert_eq!(ada.get("/me").await.status, StatusCode::OK);
    assert_eq!(ada.call(Method::DELETE, &format!("/checkouts/{checkout}"), &Value::Null).await.status, StatusCode::NO_CONTENT);
}

async fn a_thousand_wrong_codes_from_one_address_are_slowed_and_nobody_else_is(server: Server) {
    let ada = sign_in(&server, &server.guest().await, ADA, 1).await;
    let eve = sign_in(&server, &server.guest().await, BEN, 1).await;
    let scan = async |who: &Client, code: String| who.keyed(Method::POST, "/scans", &json!({"code": code})).await;
    let mut looked_at = 0;
    let begun = Instant::now();
    for n in 0..1_000 {
        // Requests of one session are slowed as well: either refusal counts.
        let reply = scan(&eve, format!("{:08}", 22_222_222 + n).replace(['0', '1'], "2")).await;
        match (reply.status, reply.code()) {
            (StatusCode::NOT_FOUND, "code_unknown") => looked_at += 1,
            (StatusCode::TOO_MANY_REQUESTS, "rate_limited") => assert!(reply.header("retry-after").is_some()),
            other => panic!("{other:?}"),
        }
    }
    // Ten at once and one every six seconds.
    let allowed = 10 + begun.elapsed().as_secs() / 6 + 1;
    assert!((10..=allowed).contains(&looked_at), "{looked_at} of {allowed}");
    let token = server.place.answer(&["token", "issue", "--role", "kiosk", "--kiosk", "pier-1"]);
    let kiosk = server.nobody().with_token(&token);
    let code = kiosk.get("/kiosks/pier-1/code").await.body["code"].as_str().unwrap().to_owned();
    // Guests cost nothing: each has a bucket of its own, so theirs is the address's, which holds sixty and one more each second.
    // When it is empty they are told nothing about any code, in the same words for a right one.
    let mut looked_at = 0;
    loop {
        let page = server.nobody().page(&format!("/scan/{:08}", 32_222_222 + looked_at).replace(['0', '1'], "2")).await;
        if page.status == StatusCode::OK && page.text().contains("data-testid=\"scan-sign-in\"") {
            break;
        }
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{}", page.text());
        looked_at += 1;
        let allowed = 60 + begun.elapsed().as_secs() + 1;
        assert!(looked_at <= allowed, "{looked_at} of {allowed}");
    }
    assert!(looked_at > 0, "an address that asked nothing yet is answered");
    let said = |page: &Reply, code: &str| {
        let main = page.text().split("<main").nth(1).unwrap().split("</main>").next().unwrap().replace(code, "");
        (page.status, main)
    };
    // The second in which the bucket gains one again may be the second of either question: it is not that of all ten pairs.
    let mut pairs = Vec::new();
    for _ in 0..10 {
        let (right, wrong) = (server.nobody().page(&format!("/scan/{code}")).await, server.nobody().page("/scan/33333333").await);
        pairs.push(said(&right, &code) == said(&wrong, "33333333"));
    }
    assert!(pairs.contains(&true), "a right code is told from a wrong one");
    // And whoever is signed in at that address comes in with the right one: by now that may be the next.
    let code = kiosk.get("/kiosks/pier-1/code").await.body["code"].as_str().unwrap().to_owned();
    let page = ada.page(&format!("/scan/{code}")).await;
    assert!(page.text().contains("data-testid=\"scan-form\""), "{}", page.text());
    assert_eq!(scan(&ada, code).await.status, StatusCode::CREATED, "nobody else is concerned");
    // However many of them open such pages, a neighbour who is here for the first time opens the right one, and fills a cart.
    let nobody = server.nobody();
    let robot = &nobody;
    let pages = stream::iter(0..1_300_u32).for_each_concurrent(16, |n| async move {
        let wrong = format!("/scan/{:08}", 42_222_222 + n).replace(['0', '1'], "2");
        robot.page(&wrong).await;
    });
    pages.await;
    let code = kiosk.get("/kiosks/pier-1/code").await.body["code"].as_str().unwrap().to_owned();
    let page = nobody.page(&format!("/scan/{code}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    assert!(page.text().contains("data-testid=\"scan-sign-in\""), "{}", page.text());
    let neighbour = nobody.with_cookie(page.cookie().expect("a session"));
    let cart =
        [("store", "harbor"), ("product", "flat-white"), ("sku", "flat-white-regular"), ("quantity", "1"), ("options[milk][]", "oat")];
    let added = neighbour.post_form("/do/cart/add", &cart).await;
    assert_eq!((added.status, added.header("location").map(|page| page.contains("error"))), (StatusCode::FOUND, Some(false)));
    let lines = json!([{"sku": "flat-white-regular", "quantity": 1, "options": ["oat"]}]);
    let begin = json!({"store": "harbor", "lines": lines, "fulfilment": {"kind": "pickup"}});
    assert_eq!(server.guest().await.keyed(Method::POST, "/checkouts", &begin).await.status, StatusCode::CREATED);
}

#[test]
fn behind_https_every_cookie_is_for_https_alone() {
    let settings = [("ORDERLY_PUBLIC_URL", "https://shop.example")];
    run_with(Place::on_sqlite(), &settings, async |server: Server| {
        let newcomer = async || {
            let cookie = server.nobody().page("/").await.cookie().unwrap();
            server.nobody().with_cookie(cookie).with_origin("https://shop.example")
        };
        let (guest, door) = (newcomer().await, newcomer().await);
        let code = server.place.answer(&["staff", "add", "--store", "pier", "--name", "Mo", "--role", "manager"]);
        let signed_in = door.call(Method::POST, "/staff/sign-in", &json!({"code": code})).await;
        let mo = door.with_cookie(signed_in.cookie().unwrap()).with_origin("https://shop.example");
        let told = mo.post_form("/do/staff/kiosk", &[("store", "pier"), ("kiosk", "pier-1"), ("act", "pair")]).await;
        let phone = guest.post_form("/do/sign-in/code", &[("phone", ADA)]).await;
        let draft = guest.post_form("/do/checkout/place", &[("store", "unicorn")]).await;
        assert!(
            draft.header("set-cookie").is_some_and(|set| set.starts_with("orderly_draft=") && set.contains("; Path=/s/unicorn/checkout;"))
        );
        let pairing = mo.call(Method::POST, "/staff/stores/pier/kiosks/pier-1/pairing", &Value::Null).await;
        let paired = guest.call(Method::POST, "/kiosks/pair", &json!({"code": pairing.body["code"]})).await;
        for (what, reply) in [
            ("a shift", &signed_in),
            ("what is told once", &told),
            ("the phone", &phone),
            ("what was typed", &draft),
            ("a screen", &paired),
        ] {
            let set = reply.header("set-cookie").unwrap_or_else(|| panic!("{what}: {}", reply.body));
            assert!(set.contains("; HttpOnly") && set.ends_with("; Secure") && set.contains("; SameSite="), "{what}: {set}");
            assert_eq!(reply.header("strict-transport-security"), Some("max-age=31536000"), "{what}");
        }
        let switched = guest.post_form("/do/language", &[("language", "zh-CN"), ("back", "/")]).await;
        let edited = mo.post_form("/do/account/edit", &[("language", "zh-CN")]).await;
        for (what, reply) in [("the language of a page", &switched), ("the language of an account", &edited)] {
            let set = reply.header("set-cookie").unwrap_or_else(|| panic!("{what}: {}", reply.body));
            assert!(set.starts_with("orderly_lang=zh-CN;") && set.ends_with("; Secure"), "{what}: {set}");
        }
        // A page that came without https is anybody's on the way.
        let open = mo.with_origin(&server.url);
        assert_eq!(open.call(Method::PUT, "/staff/stores/pier/status", &json!({"open": true})).await.code(), "foreign_origin");
    });
}
