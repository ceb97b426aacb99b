//! The HTTP contract, spoken to a real server: names, codes and statuses as clients rely on them.

mod refusals;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Client, Server, on_both_databases};

on_both_databases! {
    a_drink_from_menu_to_pick_up
    the_same_key_gives_the_same_answer_once
    the_last_unit_is_sold_once_and_short_lines_say_what_is_left
    a_changed_total_a_declined_card_and_an_empty_wallet
    a_claim_is_exclusive_and_strangers_are_kept_out
    staff_open_close_switch_and_set_the_store
    a_code_is_needed_where_the_store_admits_by_code
    the_shop_is_described_in_both_languages_and_by_machine
}

const FLAT_WHITE: &str = "flat-white-regular";

fn coffee(quantity: i64) -> Value {
    json!({"sku": FLAT_WHITE, "quantity": quantity, "options": ["oat"]})
}

fn checkout(store: &str, lines: Value) -> Value {
    json!({"store": store, "lines": lines, "fulfilment": {"kind": "pickup"}})
}

fn shipped(lines: Value) -> Value {
    let address = json!({"name": "Ada", "line1": "1 Quay", "city": "Oakland", "postal_code": "94607", "country": "US"});
    json!({"store": "unicorn", "lines": lines, "fulfilment": {"kind": "ship", "address": address}})
}

/// A quote, checkout and placed order in one go.
async fn order(shopper: &Client, token: &str) -> Value {
    let begun = shopper.keyed(Method::POST, "/checkouts", &checkout("harbor", json!([coffee(1)]))).await;
    assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.body);
    let id = begun.body["id"].as_str().unwrap();
    let place = json!({"payment": {"method": "card", "token": token}, "expected_total": begun.body["quote"]["total"]});
    let placed = shopper.keyed(Method::POST, &format!("/checkouts/{id}/place"), &place).await;
    assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.body);
    assert_eq!(placed.body["status"], "created");
    placed.body
}

async fn a_drink_from_menu_to_pick_up(server: Server) {
    let shopper = server.guest().await;
    let barista = server.token("barista", "harbor");

    let menu = shopper.get("/stores/harbor/menu").await;
    assert_eq!(menu.status, StatusCode::OK);
    let quote = shopper.call(Method::POST, "/quotes", &json!({"store": "harbor", "lines": [coffee(2)]})).await;
    assert_eq!(quote.body["lines"][0]["unit_price"]["amount"], 510);
    assert_eq!(quote.body["total"], json!({"amount": 1020, "currency": "USD"}));

    let placed = order(&shopper, "tok_ok").await;
    let path = format!("/orders/{}", placed["id"].as_str().unwrap());
    let paid = shopper.until(&path, |order| order["fulfilments"][0]["status"] == "queued").await;
    assert_eq!((&paid["status"], &paid["payment"]["status"]), (&json!("processed"), &json!("captured")));
    assert_eq!((&paid["queue_position"], &paid["cancellable"]), (&json!(1), &json!(true)));

    let queue = barista.get("/staff/stores/harbor/queue").await;
    assert_eq!(queue.body["lanes"]["queued"][0]["order"], placed["id"]);
    let staff = format!("/staff{path}");
    for (verb, status) in [("claim", "making"), ("ready", "ready"), ("recall", "making"), ("ready", "ready"), ("collect", "collected")] {
        let moved = barista.keyed(Method::POST, &format!("{staff}/{verb}"), &json!({})).await;
        assert_eq!(moved.status, StatusCode::OK, "{verb}: {}", moved.body);
        assert_eq!(moved.body["fulfilments"][0]["status"], status, "{verb}");
    }
    let done = shopper.until(&path, |order| order["status"] == "fulfilled").await;
    assert!(done["sequence"].as_i64() > placed["sequence"].as_i64());
    assert_eq!(done["cancellable"], false);

    let journey = shopper.get(&format!("{path}/journey")).await;
    let types: Vec<_> = journey.body["items"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    for expected in [
        "order.created.v1",
        "payment.captured.v1",
        "order.processed.v1",
        "prep.queued.v1",
        "prep.claimed.v1",
        "prep.ready.v1",
        "prep.recalled.v1",
        "prep.collected.v1",
        "order.fulfilled.v1",
    ] {
        assert!(types.contains(&expected), "{expected} in {types:?}");
    }
    assert_eq!(shopper.get("/orders").await.body["items"][0]["id"], placed["id"]);
}

async fn the_same_key_gives_the_same_answer_once(server: Server) {
    let shopper = server.guest().await;
    let body = checkout("harbor", json!([coffee(1)]));
    let first = shopper.with_key(Method::POST, "/checkouts", &body, "once").await;
    let second = shopper.with_key(Method::POST, "/checkouts", &body, "once").await;
    assert_eq!((first.status, &first.body), (second.status, &second.body));
    assert_eq!((first.header("idempotency-replayed"), second.header("idempotency-replayed")), (None, Some("true")));
    let other = shopper.with_key(Method::POST, "/checkouts", &checkout("harbor", json!([coffee(2)])), "once").await;
    assert_eq!((other.status, other.code()), (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"));
    // A 422 is not remembered: mended, the same key works.
    let wrong = shopper.with_key(Method::POST, "/checkouts", &checkout("harbor", json!([coffee(0)])), "mend").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let mended = shopper.with_key(Method::POST, "/checkouts", &body, "mend").await;
    assert_eq!(mended.status, StatusCode::CREATED);

    let id = mended.body["id"].as_str().unwrap();
    let place = json!({"payment": {"method": "card", "token": "tok_ok"}, "expected_total": mended.body["quote"]["total"]});
    let path = format!("/checkouts/{id}/place");
    let placed = shopper.with_key(Method::POST, &path, &place, "place").await;
    let again = shopper.with_key(Method::POST, &path, &place, "place").await;
    assert_eq!((placed.status, &placed.body["id"]), (StatusCode::CREATED, &again.body["id"]));
    assert_eq!(shopper.get("/orders").await.body["items"].as_array().unwrap().len(), 1);
    // Somebody else's key is another key, and somebody else's checkout is not there.
    let stranger = server.guest().await;
    let strange = stranger.with_key(Method::POST, &path, &place, "place").await;
    assert_eq!(strange.status, StatusCode::NOT_FOUND);
}

async fn the_last_unit_is_sold_once_and_short_lines_say_what_is_left(server: Server) {
    let (one, two) = (server.guest().await, server.guest().await);
    let plush = |n: i64| shipped(json!([{"sku": "unicorn-plush", "quantity": n}]));
    let held = one.keyed(Method::POST, "/checkouts", &plush(3)).await;
    assert_eq!(held.status, StatusCode::CREATED, "{}", held.body);
    let short = two.keyed(Method::POST, "/checkouts", &plush(2)).await;
    assert_eq!((short.status, short.code()), (StatusCode::CONFLICT, "out_of_stock"));
    let fault = &short.body["errors"][0];
    assert_eq!((&fault["pointer"], &fault["code"], &fault["available"]), (&json!("/lines/0"), &json!("out_of_stock"), &json!(1)));
    let freed = one.call(Method::DELETE, &format!("/checkouts/{}", held.body["id"].as_str().unwrap()), &Value::Null).await;
    assert_eq!(freed.status, StatusCode::NO_CONTENT);
    assert_eq!(two.keyed(Method::POST, "/checkouts", &plush(4)).await.status, StatusCode::CREATED);
}

async fn a_changed_total_a_declined_card_and_an_empty_wallet(server: Server) {
    let shopper = server.guest().await;
    let begun = shopper.keyed(Method::POST, "/checkouts", &checkout("harbor", json!([coffee(1)]))).await;
    let path = format!("/checkouts/{}/place", begun.body["id"].as_str().unwrap());
    for (amount, currency) in [(509, "USD"), (510, "EUR")] {
        let wrong = json!({"payment": {"method": "card", "token": "tok_ok"}, "expected_total": {"amount": amount, "currency": currency}});
        let changed = shopper.keyed(Method::POST, &path, &wrong).await;
        assert_eq!((changed.status, changed.code()), (StatusCode::CONFLICT, "total_changed"));
        assert_eq!(changed.body["quote"]["total"], json!({"amount": 510, "currency": "USD"}));
    }
    let huge = json!({"payment": {"method": "card", "token": "tok_ok"}, "expected_total": {"amount": 9_223_372_036_854_775_808_u64, "currency": "USD"}});
    let refused = shopper.keyed(Method::POST, &path, &huge).await;
    let fault = json!({"pointer": "/expected_total/amount", "code": "invalid_value", "detail": "This number is too large."});
    assert_eq!((refused.status, &refused.body["errors"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!([fault])));
    let wallet = json!({"payment": {"method": "wallet"}, "expected_total": begun.body["quote"]["total"]});
    let refused = shopper.keyed(Method::POST, &path, &wallet).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "sign_in_required"));

    let declined = order(&shopper, "tok_declined").await;
    let end = shopper.until(&format!("/orders/{}", declined["id"].as_str().unwrap()), |order| order["status"] == "rejected").await;
    assert_eq!((&end["reason"], &end["payment"]["status"]), (&json!("payment_declined"), &json!("declined")));
    assert_eq!(end["fulfilments"], json!([]));
}

async fn a_claim_is_exclusive_and_strangers_are_kept_out(server: Server) {
    let (shopper, stranger) = (server.guest().await, server.guest().await);
    let (kim, lee) = (server.token("barista", "harbor"), server.token("barista", "harbor"));
    let elsewhere = server.token("barista", "pier");
    let placed = order(&shopper, "tok_ok").await;
    let id = placed["id"].as_str().unwrap();
    shopper.until(&format!("/orders/{id}"), |order| order["fulfilments"][0]["status"] == "queued").await;

    assert_eq!(stranger.get(&format!("/orders/{id}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stranger.keyed(Method::POST, &format!("/orders/{id}/cancel"), &json!({})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(shopper.get("/staff/stores/harbor/queue").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(elsewhere.get("/staff/stores/harbor/queue").await.status, StatusCode::FORBIDDEN);
    let foreign = elsewhere.keyed(Method::POST, &format!("/staff/orders/{id}/claim"), &json!({})).await;
    assert!(matches!(foreign.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND), "{}", foreign.status);

    let claim = format!("/staff/orders/{id}/claim");
    let claimed = kim.keyed(Method::POST, &claim, &json!({})).await;
    assert_eq!(claimed.status, StatusCode::OK, "{}", claimed.body);
    // Their own again, under a key of its own: nothing has happened twice.
    let again = kim.keyed(Method::POST, &claim, &json!({})).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (StatusCode::OK, None), "{}", again.body);
    assert_eq!(again.body["sequence"], claimed.body["sequence"]);
    let journey = shopper.get(&format!("/orders/{id}/journey")).await.body.to_string();
    assert_eq!(journey.matches("prep.claimed.v1").count(), 1, "{journey}");
    let lost = lee.keyed(Method::POST, &claim, &json!({})).await;
    assert_eq!((lost.status, lost.code()), (StatusCode::CONFLICT, "already_claimed"));
    assert_eq!(lost.body["claimed_by"], claimed.body["fulfilments"][0]["claimed_by"]);
    let late = shopper.keyed(Method::POST, &format!("/orders/{id}/cancel"), &json!({})).await;
    assert_eq!((late.status, late.code()), (StatusCode::CONFLICT, "illegal_transition"));
    let illegal = kim.keyed(Method::POST, &format!("/staff/orders/{id}/collect"), &json!({})).await;
    assert_eq!((illegal.status, illegal.code()), (StatusCode::CONFLICT, "illegal_transition"));
    let cancelled = kim.keyed(Method::POST, &format!("/staff/orders/{id}/cancel"), &json!({"reason": "machine broke"})).await;
    assert_eq!((cancelled.status, &cancelled.body["cancelled_by"]), (StatusCode::OK, &json!("staff")), "{}", cancelled.body);
    let too_late = lee.keyed(Method::POST, &claim, &json!({})).await;
    assert_eq!((too_late.status, too_late.code()), (StatusCode::CONFLICT, "illegal_transition"));
    assert_eq!(too_late.body["detail"], "This cannot be done now: the order was cancelled.");
    let refunded = shopper.until(&format!("/orders/{id}"), |order| order["payment"]["status"] == "refunded").await;
    assert_eq!(refunded["status"], "cancelled");
}

async fn staff_open_close_switch_and_set_the_store(server: Server) {
    let shopper = server.guest().await;
    let (manager, barista) = (server.token("manager", "harbor"), server.token("barista", "harbor"));
    let body = checkout("harbor", json!([coffee(1)]));

    assert_eq!(barista.call(Method::PUT, "/staff/stores/harbor/status", &json!({"open": false})).await.status, StatusCode::FORBIDDEN);
    let closed = manager.call(Method::PUT, "/staff/stores/harbor/status", &json!({"open": false})).await;
    assert_eq!((&closed.body["open"], &closed.body["refusal"]), (&json!(false), &json!("closed")));
    let refused = shopper.keyed(Method::POST, "/checkouts", &body).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "store_closed"));
    manager.call(Method::PUT, "/staff/stores/harbor/status", &json!({"open": true})).await;

    for (path, sku_or_option, pointer) in
        [("items/flat-white-regular", FLAT_WHITE, "/lines/0/sku"), ("options/oat", "oat", "/lines/0/options/0")]
    {
        let path = format!("/staff/stores/harbor/{path}");
        let switched = barista.call(Method::PUT, &path, &json!({"available": false})).await;
        assert_eq!(switched.status, StatusCode::OK, "{}", switched.body);
        let refused = shopper.keyed(Method::POST, "/checkouts", &body).await;
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["code"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("unavailable")),
            "{sku_or_option}"
        );
        assert_eq!(refused.body["errors"][0]["pointer"], pointer);
        barista.call(Method::PUT, &path, &json!({"available": true})).await;
    }
    assert_eq!(shopper.keyed(Method::POST, "/checkouts", &body).await.status, StatusCode::CREATED);

    let faulty = manager.call(Method::PATCH, "/staff/stores/harbor/settings", &json!({"capacity": 0, "code_seconds": 1})).await;
    assert_eq!(faulty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(faulty.body["errors"].as_array().unwrap().len(), 2, "{}", faulty.body);
    let patched = manager.call(Method::PATCH, "/staff/stores/harbor/settings", &json!({"capacity": 1})).await;
    assert_eq!((patched.status, &patched.body["capacity"]), (StatusCode::OK, &json!(1)));
    let full = server.guest().await.keyed(Method::POST, "/checkouts", &body).await;
    assert_eq!((full.status, full.code()), (StatusCode::SERVICE_UNAVAILABLE, "store_at_capacity"));
    assert!(full.header("retry-after").is_some());
    let store = shopper.get("/stores/harbor").await;
    assert_eq!((&store.body["accepting"], &store.body["refusal"]), (&json!(false), &json!("at_capacity")));
}

async fn a_code_is_needed_where_the_store_admits_by_code(server: Server) {
    let shopper = server.guest().await;
    let lines = json!([{"sku": "pier-espresso", "quantity": 1}]);
    let refused = shopper.keyed(Method::POST, "/checkouts", &checkout("pier", lines)).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "admission_required"), "{}", refused.body);
}

async fn the_shop_is_described_in_both_languages_and_by_machine(server: Server) {
    let shopper = server.guest().await;
    let stores = shopper.get("/stores").await;
    let ids: Vec<_> = stores.body["items"].as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap()).collect();
    for store in ["harbor", "pier", "unicorn"] {
        assert!(ids.contains(&store), "{ids:?}");
    }
    let chinese = shopper.in_language("zh-CN").get("/stores/harbor/menu").await;
    assert_eq!(chinese.header("content-language"), Some("zh-CN"));
    let english = shopper.get("/stores/harbor/menu").await;
    assert_ne!(chinese.body["categories"][0]["name"], english.body["categories"][0]["name"]);
    let etag = english.header("etag").unwrap().to_owned();
    assert_eq!(shopper.if_none_match(&etag).get("/stores/harbor/menu").await.status, StatusCode::NOT_MODIFIED);

    let found = shopper.get("/products?store=harbor&q=flat").await;
    assert_eq!(found.body["items"][0]["id"], "flat-white");
    let product = shopper.get("/products/flat-white?store=harbor").await;
    assert_eq!(product.body["variants"][0]["price"]["currency"], "USD");
    let page = shopper.get("/products?store=harbor&limit=5").await;
    assert_eq!(page.body["items"].as_array().unwrap().len(), 5);
    let next = shopper.get(&format!("/products?store=harbor&limit=5&cursor={}", page.body["next"].as_str().unwrap())).await;
    assert_ne!(next.body["items"][0]["id"], page.body["items"][0]["id"]);

    let openapi = shopper.get("/openapi.json").await;
    assert_eq!(openapi.body["openapi"], "3.1.0");
    let schema = shopper.get("/schemas/order.created.v1").await;
    assert_eq!(schema.body["title"], "order.created.v1");
    let me = shopper.get("/me").await;
    assert_eq!((&me.body["guest"], &me.body["user"]), (&json!(true), &Value::Null));
}
