//! Cards and wallets on a real server, with the provider inside it, beside it, and gone.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Client, Place, Server, Tab, on_both_databases};

on_both_databases! {
    every_test_card_does_what_it_says
    a_wallet_is_topped_up_and_pays
    what_cannot_be_topped_up_is_refused
    webhooks_are_believed_by_their_signature
    a_payment_is_confirmed_at_the_bank
    a_top_up_is_confirmed_at_the_bank
}

fn usd(amount: i64) -> Value {
    json!({"amount": amount, "currency": "USD"})
}

/// Begins a checkout of one flat white.
async fn begin(shopper: &Client) -> Value {
    let lines = json!([{"sku": "flat-white-regular", "quantity": 1, "options": ["oat"]}]);
    let begun =
        shopper.keyed(Method::POST, "/checkouts", &json!({"store": "harbor", "lines": lines, "fulfilment": {"kind": "pickup"}})).await;
    assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.body);
    begun.body
}

async fn place(shopper: &Client, payment: Value) -> String {
    let begun = begin(shopper).await;
    let place = json!({"payment": payment, "expected_total": begun["quote"]["total"]});
    let placed = shopper.keyed(Method::POST, &format!("/checkouts/{}/place", begun["id"].as_str().unwrap()), &place).await;
    assert_eq!((placed.status, &placed.body["status"]), (StatusCode::CREATED, &json!("created")), "{}", placed.body);
    format!("/orders/{}", placed.body["id"].as_str().unwrap())
}

fn card(token: &str) -> Value {
    json!({"method": "card", "token": token})
}

fn ended(order: &Value) -> bool {
    order["status"] != "created"
}

async fn every_test_card_does_what_it_says(server: Server) {
    let cards = [
        ("tok_ok", "processed", "captured", Value::Null),
        ("tok_cut", "processed", "captured", Value::Null),
        ("tok_slow", "processed", "captured", Value::Null),
        ("tok_later", "processed", "captured", Value::Null),
        ("tok_capture_later", "processed", "captured", Value::Null),
        ("tok_declined", "rejected", "declined", json!("payment_declined")),
        ("tok_timeout", "rejected", "voided", json!("payment_timeout")),
    ];
    let ends = cards.map(|(token, status, payment, reason)| {
        let server = &server;
        async move {
            let shopper = server.guest().await;
            let path = place(&shopper, card(token)).await;
            // Half a minute of silence, and a busy machine.
            let order = shopper.until_within(Duration::from_secs(45), &path, ended).await;
            assert_eq!((&order["status"], &order["payment"]["status"]), (&json!(status), &json!(payment)), "{token}");
            assert_eq!(order["reason"], reason, "{token}");
            let journey = shopper.get(&format!("{path}/journey")).await.body.to_string();
            assert_eq!(journey.matches("payment.captured.v1").count(), usize::from(payment == "captured"), "{token}: {journey}");
        }
    });
    futures::future::join_all(ends).await;
}

/// A signed-in person: staff have wallets as anybody else.
fn somebody(server: &Server) -> Client {
    server.token("barista", "harbor")
}

async fn a_wallet_is_topped_up_and_pays(server: Server) {
    let ada = somebody(&server);
    let empty = ada.get("/wallet").await;
    assert_eq!((empty.status, &empty.body), (StatusCode::OK, &json!({"balance": usd(0), "entries": {"items": [], "next": null}})));
    let body = json!({"amount": usd(1000), "token": "tok_ok"});
    let first = ada.with_key(Method::POST, "/wallet/top-ups", &body, "once").await;
    assert_eq!((first.status, &first.body["balance"]), (StatusCode::OK, &usd(1000)), "{}", first.body);
    let again = ada.with_key(Method::POST, "/wallet/top-ups", &body, "once").await;
    assert_eq!((&again.body, again.header("idempotency-replayed")), (&first.body, Some("true")));
    let other = ada.with_key(Method::POST, "/wallet/top-ups", &json!({"amount": usd(1), "token": "tok_ok"}), "once").await;
    assert_eq!((other.status, other.code()), (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"));

    let path = place(&ada, json!({"method": "wallet"})).await;
    let paid = ada.until(&path, ended).await;
    assert_eq!((&paid["status"], &paid["payment"]), (&json!("processed"), &json!({"method": "wallet", "status": "captured"})));
    let begun = begin(&ada).await;
    let short = json!({"payment": {"method": "wallet"}, "expected_total": begun["quote"]["total"]});
    let place_path = format!("/checkouts/{}/place", begun["id"].as_str().unwrap());
    let refused = ada.keyed(Method::POST, &place_path, &short).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::PAYMENT_REQUIRED, "insufficient_funds"));

    let cancelled = ada.keyed(Method::POST, &format!("{path}/cancel"), &json!({})).await;
    assert_eq!((cancelled.status, &cancelled.body["payment"]["status"]), (StatusCode::OK, &json!("refunded")), "{}", cancelled.body);
    // Now there is enough again, and the checkout has waited.
    let paid = ada.keyed(Method::POST, &place_path, &short).await;
    assert_eq!(paid.status, StatusCode::CREATED, "{}", paid.body);
    let wallet = ada.get("/wallet?limit=3").await.body;
    let entry = |n: usize| {
        let entry = &wallet["entries"]["items"][n];
        (entry["kind"].as_str().unwrap(), entry["amount"]["amount"].as_i64().unwrap(), entry["balance_after"]["amount"].as_i64().unwrap())
    };
    assert_eq!([entry(0), entry(1), entry(2)], [("charge", -510, 490), ("refund", 510, 1000), ("charge", -510, 490)]);
    assert_eq!((&wallet["balance"], &wallet["entries"]["items"][0]["order"]), (&usd(490), &paid.body["id"]));
    let next = wallet["entries"]["next"].as_str().unwrap();
    let rest = ada.get(&format!("/wallet?limit=3&cursor={next}")).await.body;
    assert_eq!((rest["entries"]["items"].as_array().unwrap().len(), &rest["entries"]["next"]), (1, &Value::Null));
    assert_eq!((&rest["entries"]["items"][0]["kind"], &rest["entries"]["items"][0]["order"]), (&json!("top_up"), &Value::Null));
    assert_eq!(ada.get("/wallet?limit=201").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(ada.get("/wallet?cursor=x").await.status, StatusCode::BAD_REQUEST);
}

async fn what_cannot_be_topped_up_is_refused(server: Server) {
    let body = |amount: Value, token: &str| json!({"amount": amount, "token": token});
    let (ada, guest, nobody) = (somebody(&server), server.guest().await, server.nobody());
    for (who, status, code) in
        [(&guest, StatusCode::FORBIDDEN, "sign_in_required"), (&nobody, StatusCode::UNAUTHORIZED, "session_required")]
    {
        let refused = who.keyed(Method::POST, "/wallet/top-ups", &body(usd(1), "tok_ok")).await;
        assert_eq!((refused.status, refused.code()), (status, code));
        let refused = who.get("/wallet").await;
        assert_eq!((refused.status, refused.code()), (status, code));
    }
    let unkeyed = ada.call(Method::POST, "/wallet/top-ups", &body(usd(1), "tok_ok")).await;
    assert_eq!((unkeyed.status, unkeyed.code()), (StatusCode::BAD_REQUEST, "idempotency_key_required"));
    for (wrong, pointer, code) in [
        (body(usd(0), "tok_ok"), "/amount/amount", "amount_out_of_range"),
        (body(usd(-5), "tok_ok"), "/amount/amount", "amount_out_of_range"),
        (body(usd(1_000_001), "tok_ok"), "/amount/amount", "amount_out_of_range"),
        (body(json!({"amount": 5, "currency": "EUR"}), "tok_ok"), "/amount/currency", "wrong_currency"),
        (body(json!({"amount": 5, "currency": "usd"}), "tok_ok"), "/amount/currency", "invalid_value"),
        (body(json!({"amount": 1.5, "currency": "USD"}), "tok_ok"), "/amount/amount", "invalid_value"),
        (body(usd(5), ""), "/token", "invalid_value"),
        (json!({"amount": usd(5)}), "/token", "required"),
    ] {
        let refused = ada.keyed(Method::POST, "/wallet/top-ups", &wrong).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_request"), "{wrong}");
        assert_eq!((&refused.body["errors"][0]["pointer"], &refused.body["errors"][0]["code"]), (&json!(pointer), &json!(code)), "{wrong}");
    }
    let declined = ada.with_key(Method::POST, "/wallet/top-ups", &body(usd(5), "tok_declined"), "no").await;
    assert_eq!((declined.status, declined.code()), (StatusCode::PAYMENT_REQUIRED, "payment_declined"));
    let again = ada.with_key(Method::POST, "/wallet/top-ups", &body(usd(5), "tok_declined"), "no").await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (StatusCode::PAYMENT_REQUIRED, Some("true")));
    assert_eq!(ada.get("/wallet").await.body["balance"], usd(0));
}

async fn webhooks_are_believed_by_their_signature(server: Server) {
    let nobody = server.nobody();
    let notice = r#"{"id":"evt_1","payment":"0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071","status":"captured"}"#;
    for client in [nobody.clone(), nobody.with("orderly-pay-signature", "t=1,v1=00"), nobody.with("orderly-pay-signature", "x")] {
        let refused = client.raw(Method::POST, "/webhooks/payments/card", notice, "application/json").await;
        assert_eq!((refused.status, refused.code()), (StatusCode::UNAUTHORIZED, "invalid_signature"));
    }
    let unknown = nobody.raw(Method::POST, "/webhooks/payments/bank", notice, "application/json").await;
    assert_eq!((unknown.status, unknown.code()), (StatusCode::NOT_FOUND, "not_found"));
    let large = nobody.raw(Method::POST, "/webhooks/payments/card", "x".repeat(64 * 1024 + 1), "application/json").await;
    assert_eq!((large.status, large.code()), (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"));
}

async fn a_payment_is_confirmed_at_the_bank(server: Server) {
    let shopper = server.guest().await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for (decision, status) in [("confirm", "processed"), ("refuse", "rejected")] {
        let path = place(&shopper, card("tok_3ds")).await;
        let order = shopper.until(&path, |order| order["payment"]["status"] == "action_required").await;
        let url = order["payment"]["action_url"].as_str().unwrap();
        // Where the shopper is: not on a port of the machine inside.
        assert!(url.starts_with(&format!("{}/pay-sim/confirm/", server.url)), "{url}");
        assert_eq!(http.get(url).send().await.unwrap().status(), StatusCode::OK);
        let form = http.post(url).header("content-type", "application/x-www-form-urlencoded").body(format!("decision={decision}"));
        let answer = form.send().await.unwrap();
        assert_eq!(answer.headers()["location"].to_str().unwrap(), format!("{}{path}", server.url));
        let order = shopper.until(&path, ended).await;
        assert_eq!((&order["status"], order["payment"].get("action_url")), (&json!(status), None));
    }
}

/// 3-D Secure for the wallet: the same request is told where to confirm until that is done, and then how it ended. The
/// account's page shows the way, too.
async fn a_top_up_is_confirmed_at_the_bank(server: Server) {
    let ada = somebody(&server);
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let body = json!({"amount": usd(700), "token": "tok_3ds"});
    for (decision, status, balance) in [("confirm", StatusCode::OK, 700), ("refuse", StatusCode::PAYMENT_REQUIRED, 700)] {
        let asked = ada.with_key(Method::POST, "/wallet/top-ups", &body, decision).await;
        assert_eq!((asked.status, asked.code()), (StatusCode::CONFLICT, "action_required"), "{}", asked.body);
        let url = asked.body["action_url"].as_str().unwrap();
        assert!(url.starts_with(&format!("{}/pay-sim/confirm/", server.url)), "{url}");
        let again = ada.with_key(Method::POST, "/wallet/top-ups", &body, decision).await;
        assert_eq!((&again.body["action_url"], again.header("idempotency-replayed")), (&json!(url), None));
        let left: Value = serde_json::from_str(&server.place.answer(&["sagas", "list", "--json"])).unwrap();
        let id = left[0]["top_up"].as_str().unwrap().to_owned();
        assert_eq!(ada.get(&format!("/wallet/top-ups/{id}")).await.body["status"], "action_required");
        let form = http.post(url).header("content-type", "application/x-www-form-urlencoded").body(format!("decision={decision}"));
        let answer = form.send().await.unwrap();
        let back = answer.headers()["location"].to_str().unwrap();
        assert!(back.starts_with(&format!("{}/account?top_up=", server.url)) && back.ends_with("#wallet"), "{back}");
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        let ended = loop {
            let reply = ada.with_key(Method::POST, "/wallet/top-ups", &body, decision).await;
            if reply.status != StatusCode::CONFLICT {
                break reply;
            }
            assert!(std::time::Instant::now() < deadline, "{}", reply.body);
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert_eq!((ended.status, &ada.get("/wallet").await.body["balance"]), (status, &usd(balance)), "{}", ended.body);
        assert!(back.contains(&id), "{back}");
        let state = ada.get(&format!("/wallet/top-ups/{id}")).await;
        let (said, reason) = if decision == "confirm" { ("captured", Value::Null) } else { ("refused", json!("payment_declined")) };
        assert_eq!(state.body, json!({"id": id, "amount": usd(700), "status": said, "reason": reason}));
        let theirs = somebody(&server).get(&format!("/wallet/top-ups/{id}")).await;
        assert_eq!((theirs.status, theirs.code()), (StatusCode::NOT_FOUND, "not_found"));
    }
}

/// Two processes and a broker: what is paid in at one of them is seen on the screens that the other one serves.
#[test]
fn a_top_up_is_seen_through_the_other_process() {
    let broker = crate::support::Mosquitto::start();
    let url = broker.url();
    let place = Place::on_postgres();
    let beside = place.beside();
    crate::support::run_with(place, &[("MQTT_URL", &url.clone())], async |one| {
        let two = tokio::task::spawn_blocking(move || Server::start_with(beside, &[("MQTT_URL", &url)])).await.unwrap();
        let token = one.place.answer(&["token", "issue", "--role", "barista", "--store", "harbor", "--name", "Kim"]);
        let (here, there) = (one.nobody().with_token(&token), two.nobody().with_token(&token));
        let me = there.get("/me").await.body["user"]["id"].as_str().unwrap().to_owned();
        let mut screen = Tab::open(&two, None, Some(&token)).await;
        assert!(screen.subscribe(&format!("v1/users/{me}")).await);
        for (key, total) in [("one", 1000), ("two", 2000)] {
            let body = json!({"amount": usd(1000), "token": "tok_ok"});
            let paid = here.with_key(Method::POST, "/wallet/top-ups", &body, key).await;
            assert_eq!(paid.status, StatusCode::OK, "{}", paid.body);
            screen.until(|user| user["wallet"]["balance"]["amount"] == total).await;
        }
    });
}

/// A provider of its own. Dropping it kills it.
struct Bank {
    child: Child,
    address: String,
}

impl Bank {
    fn start(place: &Place, listen: &str) -> Self {
        let mut child = place.command(&["pay-sim", "--listen", listen]).stderr(Stdio::null()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let address = line.trim().rsplit_once("http://").expect("an address").1.to_owned();
        Self { child, address }
    }

    fn kill(mut self) -> String {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
        self.address.clone()
    }
}

impl Drop for Bank {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The provider is killed, orders are placed, it comes back: each is charged once. Then the shop is killed, too.
#[test]
fn a_provider_that_dies_and_comes_back_charges_once() {
    let place_of_shop = Place::on_sqlite();
    let bank = Bank::start(&place_of_shop, "127.0.0.1:0");
    let url = format!("http://{}", bank.address);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let settings = [("ORDERLY_PAY_URL", url.as_str())];
    let server = Server::start_with(place_of_shop, &settings);
    runtime.block_on(async {
        let shopper = server.guest().await;
        let first = place(&shopper, card("tok_ok")).await;
        shopper.until(&first, |order| order["status"] == "processed").await;
        let address = bank.kill();
        let mut orders = Vec::new();
        for _ in 0..3 {
            orders.push(place(&shopper, card("tok_ok")).await);
        }
        let cookie = shopper.cookie().to_owned();
        let place_of_shop = server.kill();
        let _bank = Bank::start(&place_of_shop, &address);
        let server = Server::start_with(place_of_shop, &settings);
        let shopper = server.nobody().with_cookie(cookie);
        for path in &orders {
            let order = shopper.until(path, ended).await;
            assert_eq!(order["status"], "processed");
        }
        let refunded = shopper.keyed(Method::POST, &format!("{first}/cancel"), &json!({})).await;
        assert_eq!(refunded.status, StatusCode::OK);
        shopper.until(&first, |order| order["payment"]["status"] == "refunded").await;
        let totals: Value = reqwest::get(format!("{url}/v1/totals")).await.unwrap().json().await.unwrap();
        assert_eq!(totals, json!({"payments": 4, "captures": 4, "captured": 4 * 510, "refunded": 510}));
    });
}

/// The bank wants its customer only when their page is there already: it hears so by itself.
fn a_page_that_is_open_hears_what_its_bank_wants(place_of_shop: Place) {
    let bank = Bank::start(&place_of_shop, "127.0.0.1:0");
    let url = format!("http://{}", bank.address);
    crate::support::run_with(place_of_shop, &[("ORDERLY_PAY_URL", url.as_str())], async |server| {
        // Gone for now, so that nothing is decided before somebody listens.
        let address = bank.kill();
        let shopper = server.guest().await;
        let path = place(&shopper, card("tok_3ds")).await;
        let mut phone = Tab::open(&server, Some(shopper.cookie()), None).await;
        assert!(phone.subscribe(&format!("v1{path}")).await);
        let (first, _) = phone.message().await;
        assert_eq!(first["data"]["payment"]["status"], "pending", "{first}");
        let _bank = Bank::start(&server.place, &address);
        let told = phone.until(|order| order["payment"]["status"] == "action_required").await;
        let action_url = told["data"]["payment"]["action_url"].as_str().unwrap();
        assert!(action_url.starts_with(&format!("http://{address}/confirm/")), "{told}");
    });
}

#[test]
fn a_page_that_is_open_hears_what_its_bank_wants_on_sqlite() {
    a_page_that_is_open_hears_what_its_bank_wants(Place::on_sqlite());
}

#[test]
fn a_page_that_is_open_hears_what_its_bank_wants_on_postgres() {
    a_page_that_is_open_hears_what_its_bank_wants(Place::on_postgres());
}
