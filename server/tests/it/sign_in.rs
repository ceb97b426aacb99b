//! Signing in by phone, over HTTP: what the contract says of codes, cookies and accounts.

mod late;
mod typed;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Client, Server};

/// Runs each of these tests on both databases, with text messages in the file `sms.jsonl` of the place.
macro_rules! with_messages {
    ($($name:ident)*) => {$(
        mod $name {
            use crate::support::{Place, run_with};

            fn on(place: Place) {
                let sms = format!("file:{}", place.path().join("sms.jsonl").display());
                run_with(place, &[("ORDERLY_SMS", &sms)], super::$name);
            }

            #[test]
            fn on_sqlite() {
                on(Place::on_sqlite());
            }

            #[test]
            fn on_postgres() {
                on(Place::on_postgres());
            }
        }
    )*};
}

pub(crate) use with_messages;

with_messages! {
    a_guest_becomes_a_shopper_with_all_they_had
    a_phone_is_a_whole_number_and_a_code_six_digits
    wrong_codes_are_counted_and_then_spent
    codes_are_limited_by_phone
    nothing_tells_whether_a_phone_is_known
    sessions_are_listed_and_ended
    a_form_signs_in_and_leads_nowhere_else
    who_ordered_nothing_is_not_sent_to_their_orders
    the_demo_shopper_buys_from_the_wallet_until_it_is_short
    money_in_a_wallet_is_lost_by_its_owners_word_alone
}

const ADA: &str = "+15550100009";

/// All messages to a phone, newest last; waits until there are so many.
async fn messages(server: &Server, phone: &str, wanted: usize) -> Vec<Value> {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let text = std::fs::read_to_string(server.place.path().join("sms.jsonl")).unwrap_or_default();
        let all = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let found: Vec<_> = all.filter(|message| message["to"] == phone).collect();
        if found.len() >= wanted {
            return found;
        }
        assert!(std::time::Instant::now() < deadline, "no message came: {text}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Asks for the `nth` code of a phone and reads it.
async fn code(server: &Server, client: &Client, phone: &str, nth: usize) -> String {
    let asked = client.call(Method::POST, "/sign-in/code", &json!({"phone": phone})).await;
    assert_eq!((asked.status, &asked.body), (StatusCode::NO_CONTENT, &Value::Null));
    messages(server, phone, nth).await.last().unwrap()["code"].as_str().unwrap().to_owned()
}

/// Signs in with the `nth` code of a phone; the browser as it is afterwards.
pub(crate) async fn sign_in(server: &Server, client: &Client, phone: &str, nth: usize) -> Client {
    let code = code(server, client, phone, nth).await;
    let reply = client.call(Method::POST, "/sign-in", &json!({"phone": phone, "code": code})).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert!(reply.body["user"]["id"].is_string() && reply.body["guest"] == false, "{}", reply.body);
    client.with_cookie(reply.cookie().expect("a new session"))
}

fn wrong(code: &str) -> String {
    format!("{}{}", if code.starts_with('7') { '8' } else { '7' }, &code[1..])
}

async fn a_guest_becomes_a_shopper_with_all_they_had(server: Server) {
    let guest = server.guest().await;
    let lines = json!([{"sku": "flat-white-regular", "quantity": 1, "options": ["oat"]}]);
    let body = json!({"store": "harbor", "lines": lines, "fulfilment": {"kind": "pickup"}});
    let held = guest.with_key(Method::POST, "/checkouts", &body, "mine").await;
    assert_eq!(held.status, StatusCode::CREATED);
    let wallet = json!({"payment": {"method": "wallet"}, "expected_total": held.body["quote"]["total"]});
    let place = format!("/checkouts/{}/place", held.body["id"].as_str().unwrap());
    let refused = guest.keyed(Method::POST, &place, &wallet).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "sign_in_required"));
    let me = guest.get("/me").await;
    assert_eq!((&me.body["user"], &me.body["guest"]), (&Value::Null, &json!(true)));

    let shopper = sign_in(&server, &guest, ADA, 1).await;
    assert_ne!(shopper.cookie(), guest.cookie(), "a session from before is not made stronger");
    let me = shopper.get("/me").await;
    assert_eq!((&me.body["guest"], &me.body["roles"]), (&json!(false), &json!([])));
    assert_eq!(me.body["wallet"]["balance"], json!({"amount": 0, "currency": "USD"}));
    let again = shopper.with_key(Method::POST, "/checkouts", &body, "mine").await;
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &held.body), "the key came along");
    let card = json!({"payment": {"method": "card", "token": "tok_ok"}, "expected_total": held.body["quote"]["total"]});
    let placed = shopper.keyed(Method::POST, &place, &card).await;
    assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.body);
    assert_eq!(shopper.get("/orders").await.body["items"].as_array().unwrap().len(), 1);
    // The guest that was is nobody.
    assert_eq!(guest.get("/orders").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(guest.keyed(Method::POST, "/checkouts", &body).await.code(), "session_required");

    let out = shopper.call(Method::POST, "/sign-out", &Value::Null).await;
    assert_eq!((out.status, out.cookie()), (StatusCode::NO_CONTENT, Some("orderly_session=".to_owned())));
    assert_eq!(shopper.get("/me").await.status, StatusCode::UNAUTHORIZED);
    // On another machine it is all there; this one had no session at all.
    let elsewhere = sign_in(&server, &server.nobody(), ADA, 2).await;
    assert_eq!(elsewhere.get("/orders").await.body["items"][0]["id"], placed.body["id"]);
}

async fn a_phone_is_a_whole_number_and_a_code_six_digits(server: Server) {
    let guest = server.guest().await;
    for phone in ["", "5550100", "+0550100001", "+1555", "+1234567890123456", "+1555010000x", "+1 555 010 0001"] {
        let refused = guest.call(Method::POST, "/sign-in/code", &json!({"phone": phone})).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_request"), "{phone}");
        assert_eq!(refused.body["errors"][0]["pointer"], "/phone", "{phone}");
    }
    let both = guest.call(Method::POST, "/sign-in", &json!({"phone": "x", "code": "12345"})).await;
    let pointers: Vec<_> = both.body["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    assert_eq!((both.status, pointers), (StatusCode::UNPROCESSABLE_ENTITY, vec!["/phone", "/code"]));
    let missing = guest.call(Method::POST, "/sign-in", &json!({"phone": ADA})).await;
    assert_eq!(missing.body["errors"][0]["pointer"], "/code");
    let foreign = guest.with_origin("https://elsewhere.example").call(Method::POST, "/sign-in/code", &json!({"phone": ADA})).await;
    assert_eq!((foreign.status, foreign.code()), (StatusCode::FORBIDDEN, "foreign_origin"));
}

async fn wrong_codes_are_counted_and_then_spent(server: Server) {
    let guest = server.guest().await;
    let right = code(&server, &guest, ADA, 1).await;
    let try_code = async |code: &str| guest.call(Method::POST, "/sign-in", &json!({"phone": ADA, "code": code})).await;
    for left in [2, 1, 0] {
        let refused = try_code(&wrong(&right)).await;
        assert_eq!(
            (refused.status, refused.code(), &refused.body["attempts_left"]),
            (StatusCode::UNAUTHORIZED, "wrong_code", &json!(left))
        );
        assert!(refused.cookie().is_none());
    }
    let refused = try_code(&right).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::GONE, "code_spent"));
    let right = code(&server, &guest, ADA, 2).await;
    assert_eq!(try_code(&right).await.status, StatusCode::OK);
}

async fn codes_are_limited_by_phone(server: Server) {
    let guest = server.guest().await;
    let ask = async |phone: &str| guest.call(Method::POST, "/sign-in/code", &json!({"phone": phone})).await;
    for _ in 0..5 {
        assert_eq!(ask(ADA).await.status, StatusCode::NO_CONTENT);
    }
    let refused = ask(ADA).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
    let wait: i64 = refused.header("retry-after").unwrap().parse().unwrap();
    // Until the first of the five is an hour old.
    assert!((3_500..=3_600).contains(&wait), "{wait}");
    assert_eq!((refused.header("ratelimit-limit"), refused.header("ratelimit-remaining")), (Some("5"), Some("0")));
    // The form's page says the same time.
    let told = guest.post_form("/do/sign-in/code", &[("phone", ADA), ("back", "/")]).await;
    let page = told.header("location").unwrap();
    let wait: i64 = page.rsplit_once("&error=codes_limited&wait=").expect(page).1.parse().unwrap();
    assert!((3_500..=3_600).contains(&wait), "{wait}");
    let minutes = (wait + 59) / 60;
    for (language, sentence) in [("en", format!("Try again in {minutes} min.")), ("zh-CN", format!("请在 {minutes} 分钟后再试。"))]
    {
        let shown = guest.in_language(language).page(page).await;
        assert!(shown.text().contains(&sentence), "{sentence}: {}", shown.text());
    }
    assert_eq!(ask("+15550100008").await.status, StatusCode::NO_CONTENT);
}

async fn nothing_tells_whether_a_phone_is_known(server: Server) {
    let guest = server.guest().await;
    sign_in(&server, &server.guest().await, ADA, 1).await;
    for phone in [ADA, "+15550100008"] {
        let asked = guest.call(Method::POST, "/sign-in/code", &json!({"phone": phone})).await;
        assert_eq!((asked.status, asked.cookie()), (StatusCode::NO_CONTENT, None));
    }
    for (phone, nth) in [(ADA, 2), ("+15550100008", 1)] {
        let right = messages(&server, phone, nth).await.last().unwrap()["code"].as_str().unwrap().to_owned();
        let refused = guest.call(Method::POST, "/sign-in", &json!({"phone": phone, "code": wrong(&right)})).await;
        assert_eq!((refused.code(), &refused.body["attempts_left"]), ("wrong_code", &json!(2)));
    }
    let never = guest.call(Method::POST, "/sign-in", &json!({"phone": "+15550100007", "code": "123456"})).await;
    assert_eq!((never.status, never.code()), (StatusCode::GONE, "code_spent"));
}

async fn sessions_are_listed_and_ended(server: Server) {
    let phone = server.nobody().with("user-agent", "Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile Safari/537.36");
    let one = sign_in(&server, &phone, ADA, 1).await;
    let two = sign_in(&server, &server.guest().await, ADA, 2).await;
    let list = two.get("/me/sessions").await;
    let items = list.body["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["current"], &items[1]["current"]), (2, &json!(true), &json!(false)));
    assert_eq!(items[1]["device"], "Chrome · Android");
    let other = format!("/me/sessions/{}", items[1]["id"].as_str().unwrap());
    let stranger = server.guest().await;
    assert_eq!(stranger.call(Method::DELETE, &other, &Value::Null).await.code(), "sign_in_required");
    assert_eq!(two.call(Method::DELETE, &other, &Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(two.call(Method::DELETE, &other, &Value::Null).await.status, StatusCode::NOT_FOUND);
    assert_eq!(one.get("/me").await.status, StatusCode::UNAUTHORIZED);

    let named = two.call(Method::PATCH, "/me", &json!({"name": "Ada", "language": "zh-CN"})).await;
    assert_eq!((&named.body["user"]["name"], &named.body["user"]["language"]), (&json!("Ada"), &json!("zh-CN")));
    // What is left out stays; null takes a choice back.
    let renamed = two.call(Method::PATCH, "/me", &json!({"name": "Bo"})).await;
    assert_eq!((&renamed.body["user"]["name"], &renamed.body["user"]["language"]), (&json!("Bo"), &json!("zh-CN")));
    let taken_back = two.call(Method::PATCH, "/me", &json!({"language": null})).await;
    assert_eq!((taken_back.status, &taken_back.body["user"]["language"]), (StatusCode::OK, &Value::Null));
    assert_eq!(taken_back.body["user"]["name"], "Bo");
    let long = two.call(Method::PATCH, "/me", &json!({"name": "x".repeat(61)})).await;
    assert_eq!((long.status, &long.body["errors"][0]["pointer"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("/name")));
    assert_eq!(two.call(Method::DELETE, "/me", &Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(two.get("/me").await.status, StatusCode::UNAUTHORIZED);
    let barista = server.token("barista", "harbor");
    assert_eq!(barista.get("/me/sessions").await.code(), "sign_in_required");
}

async fn a_form_signs_in_and_leads_nowhere_else(server: Server) {
    let guest = server.guest().await;
    for (number, (back, expected)) in
        [("/s/harbor/checkout", "/s/harbor/checkout"), ("//evil.example", "/"), ("https://evil.example/", "/"), ("/\\evil.example", "/")]
            .into_iter()
            .enumerate()
    {
        let phone = format!("+1555010200{number}");
        let asked = guest.post_form("/do/sign-in/code", &[("phone", &phone), ("back", back)]).await;
        assert_eq!(asked.status, StatusCode::FOUND, "{}", asked.text());
        let page = asked.header("location").unwrap();
        assert!(page.starts_with("/sign-in?") && !page.contains("5550102"), "a phone number is not for an address bar: {page}");
        let code = messages(&server, &phone, 1).await.last().unwrap()["code"].as_str().unwrap().to_owned();
        let done = server.guest().await.post_form("/do/sign-in", &[("phone", &phone), ("code", &code), ("back", back)]).await;
        assert_eq!((done.status, done.header("location")), (StatusCode::FOUND, Some(expected)), "{back}");
        assert!(done.cookie().is_some());
    }
}

/// What a form says that found nobody at the till, where it was none that orders.
async fn who_ordered_nothing_is_not_sent_to_their_orders(server: Server) {
    let guest = server.guest().await;
    let typed = guest.with("cookie", &format!("{}; orderly_phone={ADA}", guest.cookie()));
    let ada = sign_in(&server, &server.guest().await, ADA, 1).await;
    let token = server.place.answer(&["token", "issue", "--role", "kiosk", "--kiosk", "pier-1"]);
    let shown = server.nobody().with_token(token.trim()).get("/kiosks/pier-1/code").await;
    // It does not change while this runs.
    server.place.execute("update kiosk_code set ends_at = ends_at + 300000 where $1 is not null").await;
    let scan = format!("/scan/{}?error=unavailable", shown.body["code"].as_str().unwrap());
    let (shopper, manager) = ("We cannot be reached right now.", "data cannot be reached right now.");
    for (who, page, said) in [
        (&guest, "/sign-in?step=phone&error=unavailable", shopper),
        (&typed, "/sign-in?step=code&error=unavailable", shopper),
        (&ada, scan.as_str(), shopper),
        (&guest, "/kiosk/pier-1?error=unavailable", manager),
        (&ada, "/account?error=unavailable", shopper),
        (&ada, "/account?error=unavailable&form=delete", shopper),
    ] {
        let reply = who.with("accept", "text/html").page(page).await;
        assert!(reply.text().contains(said), "{page}: {}", reply.text());
        assert!(!reply.text().contains("should it have gone through"), "{page}");
    }
}

async fn the_demo_shopper_buys_from_the_wallet_until_it_is_short(server: Server) {
    let shopper = sign_in(&server, &server.guest().await, "+15550100001", 1).await;
    let balance = async || shopper.get("/me").await.body["wallet"]["balance"]["amount"].clone();
    assert_eq!(balance().await, 3300);
    let address = json!({"name": "Ada", "line1": "1 Quay", "city": "Oakland", "postal_code": "94607", "country": "US"});
    let lines = json!([{"sku": "unicorn-plush", "quantity": 1}]);
    let body = json!({"store": "unicorn", "lines": lines, "fulfilment": {"kind": "ship", "address": address}});
    let place = async || {
        let held = shopper.keyed(Method::POST, "/checkouts", &body).await;
        let wallet = json!({"payment": {"method": "wallet"}, "expected_total": held.body["quote"]["total"]});
        shopper.keyed(Method::POST, &format!("/checkouts/{}/place", held.body["id"].as_str().unwrap()), &wallet).await
    };
    assert_eq!(place().await.status, StatusCode::CREATED);
    assert_eq!(balance().await, 1600);
    let short = place().await;
    assert_eq!((short.status, short.code()), (StatusCode::PAYMENT_REQUIRED, "insufficient_funds"));
    assert_eq!(balance().await, 1600);
    let page = shopper.page("/account").await;
    assert!(page.text().contains("$16.00") && page.text().contains("−$17.00"), "the page says the same");
    // The form pays in once, however often it is sent, and a declined card pays in nothing.
    for (key, card, page) in [
        ("one", "tok_ok", "/account?saved=topped_up#wallet"),
        ("one", "tok_ok", "/account?saved=topped_up_before#wallet"),
        ("", "tok_ok", "/account?error=invalid_request&form=top-up&amount=1000#wallet"),
        ("a b", "tok_ok", "/account?error=invalid_request&form=top-up&amount=1000#wallet"),
        ("two", "tok_declined", "/account?error=payment_declined&form=top-up&amount=1000#wallet"),
    ] {
        let sent = shopper.post_form("/do/wallet/top-up", &[("key", key), ("amount", "1000"), ("card", card)]).await;
        assert_eq!((sent.status, sent.header("location")), (StatusCode::FOUND, Some(page)), "{}", sent.text());
    }
    let other = shopper.post_form("/do/wallet/top-up", &[("key", "one"), ("amount", "2000"), ("card", "tok_ok")]).await;
    assert_eq!(other.header("location"), Some("/account?error=top_up_sent_before&form=top-up&amount=2000#wallet"));
    // It comes back to where it was: open, with what was chosen, and the reason in it and nowhere else.
    let page = shopper.page("/account?error=payment_declined&form=top-up&amount=1000").await;
    let (_, fold) = page.text().split_once("id=\"top-up\"").expect("the fold");
    let (fold, _) = fold.split_once("</details>").expect("its end");
    assert!(fold.split('>').next().unwrap().contains(" open"), "{fold}");
    assert!(fold.contains("role=\"alert\"") && page.text().matches("role=\"alert\"").count() == 1, "{fold}");
    assert!(
        fold.split("<input").any(|input| input.contains("value=\"1000\"") && input.split('>').next().unwrap().contains("checked")),
        "{fold}"
    );
    let page = shopper.page("/account").await;
    let (_, fold) = page.text().split_once("id=\"top-up\"").expect("the fold");
    assert!(!fold.split('>').next().unwrap().contains(" open") && !page.text().contains("role=\"alert\""), "nothing was refused");
    let sent = shopper.post_form("/do/wallet/top-up", &[("key", "three"), ("amount", "1000"), ("card", "tok_3ds")]).await;
    assert_eq!((sent.status, sent.header("location")), (StatusCode::FOUND, Some("/account#wallet")), "{}", sent.text());
    let page = shopper.page("/account").await;
    assert!(page.text().contains("confirm-top-up") && page.text().contains("/pay-sim/confirm/pay_"), "the way to the bank");
    assert!(page.text().contains("data-testid=\"confirm-by\""), "and for how long it is open");
    assert_eq!(balance().await, 2600);
    // Seeding again changes nothing.
    server.place.answer(&["seed", "demo"]);
    assert_eq!(balance().await, 2600);
    let export = shopper.get("/me/export").await;
    assert_eq!((export.body["orders"].as_array().unwrap().len(), &export.body["wallet"][1]["amount"]["amount"]), (1, &json!(-1700)));
    let held = &export.body["checkouts"][0]["fulfilment"]["address"]["city"];
    assert_eq!((&export.body["orders"][0]["fulfilment"]["address"]["line1"], held), (&json!("1 Quay"), &json!("Oakland")));
    assert_eq!(export.body["admissions"], json!([]));
    assert!(export.header("content-disposition").unwrap().contains("attachment"));
}

async fn money_in_a_wallet_is_lost_by_its_owners_word_alone(server: Server) {
    let shopper = sign_in(&server, &server.guest().await, "+15550100001", 1).await;
    let refused = shopper.call(Method::DELETE, "/me", &Value::Null).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "wallet_not_empty"));
    assert!(refused.body["detail"].as_str().unwrap().contains("$33.00"), "{}", refused.body);
    for (body, expected) in [
        (json!({}), StatusCode::CONFLICT),
        (json!({"forfeit_wallet": false}), StatusCode::CONFLICT),
        (json!({"forfeit_wallet": "yes"}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"forfeit": true}), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(shopper.call(Method::DELETE, "/me", &body).await.status, expected, "{body}");
    }
    let page = shopper.page("/account").await;
    assert!(page.text().contains("name=\"forfeit\" value=\"3300\"") && page.text().contains("$33.00"), "the page asks for it");
    let delete = async |fields: &[(&str, &str)]| {
        let sent = shopper.post_form("/do/account/delete", fields).await;
        assert_eq!(sent.status, StatusCode::FOUND, "{}", sent.text());
        sent.header("location").unwrap().to_owned()
    };
    assert_eq!(delete(&[("forfeit", "3300")]).await, "/account?error=not_sure&form=delete#delete");
    // Without the box, and with the sum of another moment.
    for forfeit in [&[][..], &[("forfeit", "")], &[("forfeit", "3299")], &[("forfeit", "yes")]] {
        assert_eq!(
            delete(&[&[("sure", "yes")], forfeit].concat()).await,
            "/account?error=wallet_not_empty&form=delete#delete",
            "{forfeit:?}"
        );
    }
    let page = shopper.page("/account?error=wallet_not_empty&form=delete").await;
    let form = page.text().split("id=\"delete\"").nth(1).and_then(|rest| rest.split("</details>").next()).expect("the form").to_owned();
    assert!(
        form.starts_with(" open") && form.contains("role=\"alert\"") && form.contains("name=\"forfeit\""),
        "it is where it was: {form}"
    );
    assert_eq!(shopper.get("/me").await.body["wallet"]["balance"]["amount"], 3300);
    assert_eq!(delete(&[("sure", "yes"), ("forfeit", "3300")]).await, "/sign-in?goodbye=1");
    assert_eq!(shopper.get("/me").await.status, StatusCode::UNAUTHORIZED);

    // By the API, for somebody else who has paid in.
    let ada = sign_in(&server, &server.guest().await, ADA, 1).await;
    assert!(!ada.page("/account").await.text().contains("name=\"forfeit\""), "there is nothing to lose");
    let paid = ada.keyed(Method::POST, "/wallet/top-ups", &json!({"amount": {"amount": 500, "currency": "USD"}, "token": "tok_ok"})).await;
    assert!(paid.status.is_success(), "{}", paid.body);
    assert_eq!(ada.call(Method::DELETE, "/me", &Value::Null).await.code(), "wallet_not_empty");
    assert_eq!(ada.call(Method::DELETE, "/me", &json!({"forfeit_wallet": true})).await.status, StatusCode::NO_CONTENT);
    let told = server.nobody().get("/openapi.json").await.body["paths"]["/me"]["delete"]["requestBody"].clone();
    assert!(told.is_object() && told["required"] != true, "it is told, and may be left out: {told}");
}
