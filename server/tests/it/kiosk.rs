//! Codes that let people in, as a kiosk, a phone and a manager meet them: over HTTP and MQTT.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::sign_in::{sign_in, with_messages};
use crate::support::{Client, Reply, Server, Tab};

with_messages! {
    a_scan_lets_one_in_and_the_kiosk_sees_it
    a_scan_is_for_who_is_signed_in_and_codes_are_not_guessed
    managers_see_each_screen_of_a_kiosk_apart
}

const ADA: &str = "+15550100009";
const BEN: &str = "+15550100008";

impl Server {
    fn kiosk(&self) -> String {
        self.place.answer(&["token", "issue", "--role", "kiosk", "--kiosk", "pier-1"]).trim().to_owned()
    }
}

async fn scan(who: &Client, code: &str) -> Reply {
    who.keyed(Method::POST, "/scans", &json!({"code": code})).await
}

fn lemonade(admission: &Value) -> Value {
    let lines = json!([{"sku": "pier-lemonade", "quantity": 1}]);
    json!({"store": "pier", "lines": lines, "fulfilment": {"kind": "pickup"}, "admission": admission})
}

async fn a_scan_lets_one_in_and_the_kiosk_sees_it(server: Server) {
    let token = server.kiosk();
    let kiosk = server.nobody().with_token(&token);
    let shown = kiosk.get("/kiosks/pier-1/code").await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    let code = shown.body["code"].as_str().unwrap();
    // It does not change while this runs.
    server.place.execute("update kiosk_code set ends_at = ends_at + 300000 where $1 is not null").await;
    assert!((6..=10).contains(&code.len()) && !code.contains(['0', 'O', '1', 'I', 'L']), "{code}");
    assert_eq!(shown.body["url"], format!("{}/scan/{code}", server.url));
    assert_eq!((&shown.body["scans"], &shown.body["scans_left"]), (&json!(10), &json!(10)));
    assert!(shown.body["svg"].as_str().unwrap().contains("<svg"));

    let mut screen = Tab::open(&server, None, Some(&token)).await;
    assert!(screen.subscribe("v1/kiosks/pier-1/code").await);
    let (first, retained) = screen.message().await;
    assert!(retained && first["type"] == "live.kiosk_code.v1" && first["subject"] == "pier-1", "{first}");
    assert_eq!((&first["data"]["code"], &first["source"]), (&json!(code), &json!("/stores/pier")));

    let ada = sign_in(&server, &server.guest().await, ADA, 1).await;
    let required = ada.keyed(Method::POST, "/checkouts", &lemonade(&Value::Null)).await;
    assert_eq!((required.status, required.code()), (StatusCode::FORBIDDEN, "admission_required"));
    let admitted = scan(&ada, code).await;
    assert_eq!((admitted.status, &admitted.body["store"]), (StatusCode::CREATED, &json!("pier")), "{}", admitted.body);
    screen.until(|code| code["scans_left"] == 9).await;
    assert_eq!(scan(&ada, code).await.body, admitted.body, "the same caller has the same admission");
    assert_eq!(kiosk.get("/kiosks/pier-1/code").await.body["scans_left"], 9);

    // Scan and submit at once: the admission is there as soon as it was answered.
    let held = ada.keyed(Method::POST, "/checkouts", &lemonade(&admitted.body["admission"])).await;
    assert_eq!((held.status, &held.body["expires_at"]), (StatusCode::CREATED, &admitted.body["expires_at"]), "{}", held.body);
    let place = format!("/checkouts/{}/place", held.body["id"].as_str().unwrap());
    let pay = json!({"payment": {"method": "card", "token": "tok_ok"}, "expected_total": held.body["quote"]["total"]});
    let placed = ada.keyed(Method::POST, &place, &pay).await;
    assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.body);
    let spent = ada.keyed(Method::POST, "/checkouts", &lemonade(&admitted.body["admission"])).await;
    assert_eq!((spent.status, spent.code()), (StatusCode::GONE, "admission_expired"));

    // Its page says that it is spent for her, and the form leads there instead of round in a circle.
    let page = ada.page(&format!("/scan/{code}")).await;
    assert!(page.status == StatusCode::GONE && page.text().contains("data-code=\"code_used\"") && page.text().contains("next-code"));
    let form = ada.post_form("/do/scan", &[("code", code)]).await;
    assert_eq!(form.header("location"), Some(format!("/scan/{code}").as_str()));

    let ben = sign_in(&server, &server.guest().await, BEN, 1).await;
    let foreign = ben.keyed(Method::POST, "/checkouts", &lemonade(&admitted.body["admission"])).await;
    assert_eq!((foreign.status, foreign.code()), (StatusCode::FORBIDDEN, "admission_required"));

    // Whom the code lets in no more hears it before they sign in, with the status and the time of the call.
    let manager = server.token("manager", "pier");
    let page = async |who: &Client| who.page(&format!("/scan/{code}")).await;
    let set = async |settings: Value| manager.call(Method::PATCH, "/staff/stores/pier/settings", &settings).await;
    assert_eq!(set(json!({"capacity": 1})).await.status, StatusCode::OK);
    let full = page(&server.nobody()).await;
    assert_eq!((full.status, full.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("10")));
    assert!(full.text().contains("data-code=\"store_at_capacity\""));
    assert_eq!(set(json!({"capacity": 20})).await.status, StatusCode::OK);
    let open = |open: bool| json!({"open": open});
    manager.call(Method::PUT, "/staff/stores/pier/status", &open(false)).await;
    assert_eq!(page(&ben).await.status, StatusCode::CONFLICT);
    manager.call(Method::PUT, "/staff/stores/pier/status", &open(true)).await;
    assert!(page(&server.nobody()).await.text().contains("scan-sign-in"));
    server.place.execute("update kiosk_code set used = scans where $1 is not null").await;
    for who in [&server.nobody(), &ben] {
        let spent = page(who).await;
        let wait: i64 = spent.header("retry-after").unwrap().parse().unwrap();
        assert!(spent.status == StatusCode::TOO_MANY_REQUESTS && (1..=600).contains(&wait), "{} {wait}", spent.status);
        assert!(spent.text().contains("data-code=\"code_exhausted\"") && spent.text().contains("next-code"));
    }
    let form = ben.post_form("/do/scan", &[("code", code)]).await;
    let refused = ben.page(form.header("location").unwrap()).await;
    assert_eq!((refused.status, refused.header("retry-after").is_some()), (StatusCode::TOO_MANY_REQUESTS, true));
    // The page of one that is over leads to its store's menu.
    server.place.execute("update kiosk_code set ends_at = 1 where $1 is not null").await;
    let over = page(&server.nobody()).await;
    assert!(over.status == StatusCode::GONE && over.text().contains("href=\"/s/pier\""));

    // Who could not order is told so at the door, and spends nothing.
    assert_eq!(set(json!({"order_limit": 1})).await.status, StatusCode::OK);
    let next = kiosk.get("/kiosks/pier-1/code").await.body;
    server.place.execute("update kiosk_code set ends_at = ends_at + 300000 where $1 is not null").await;
    let next = next["code"].as_str().unwrap();
    let had = scan(&ada, next).await;
    assert_eq!((had.status, had.code()), (StatusCode::TOO_MANY_REQUESTS, "order_limit_reached"), "{}", had.body);
    for (language, title) in [("en", "No more orders here today"), ("zh-CN", "今天不能再点单了")] {
        let page = ada.in_language(language).page(&format!("/scan/{next}")).await;
        assert!(page.status == StatusCode::TOO_MANY_REQUESTS && page.text().contains(title), "{}", page.text());
    }
    assert_eq!(kiosk.get("/kiosks/pier-1/code").await.body["scans_left"], 10);

    // A code that was made when every place was taken lets nobody in for all of its slot: what helps is the next one.
    server.place.execute("update kiosk_code set scans = 0, used = 0 where $1 is not null").await;
    for who in [&server.nobody(), &ben] {
        let none = who.page(&format!("/scan/{next}")).await;
        let wait: i64 = none.header("retry-after").unwrap().parse().unwrap();
        assert!(none.status == StatusCode::SERVICE_UNAVAILABLE && (60..=600).contains(&wait), "{} {wait}", none.status);
        let text = none.text();
        assert!(text.contains("data-code=\"code_without_places\"") && text.contains("next-code") && text.contains("href=\"/s/pier\""));
        assert!(!text.contains(&format!("href=\"/scan/{next}\"")), "to try again is of no use");
    }
    let refused = scan(&ben.in_language("zh-CN"), next).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::SERVICE_UNAVAILABLE, "store_at_capacity"));
    assert!(refused.body["detail"].as_str().unwrap().contains("秒后换新码"), "{}", refused.body);
    let form = ben.post_form("/do/scan", &[("code", next)]).await;
    assert_eq!(form.header("location"), Some(format!("/scan/{next}?error=code_without_places").as_str()));
}

async fn a_scan_is_for_who_is_signed_in_and_codes_are_not_guessed(server: Server) {
    let kiosk = server.nobody().with_token(&server.kiosk());
    let shown = kiosk.get("/kiosks/pier-1/code").await;
    let code = shown.body["code"].as_str().unwrap();

    let nobody = server.nobody().get("/kiosks/pier-1/code").await;
    assert_eq!((nobody.status, nobody.code()), (StatusCode::UNAUTHORIZED, "session_required"));
    for other in [server.guest().await, server.token("barista", "pier"), server.token("manager", "harbor")] {
        let refused = other.get("/kiosks/pier-1/code").await;
        assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "forbidden"));
    }
    assert_eq!(server.token("manager", "pier").get("/kiosks/pier-1/code").await.body["code"], code);
    let mut stranger = Tab::open(&server, Some(server.guest().await.cookie()), None).await;
    assert!(!stranger.subscribe("v1/kiosks/pier-1/code").await);

    let guest = server.guest().await;
    let refused = scan(&guest, code).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "sign_in_required"));
    let malformed = guest.keyed(Method::POST, "/scans", &json!({"cod": code})).await;
    assert_eq!(malformed.status, StatusCode::UNPROCESSABLE_ENTITY);
    let unkeyed = guest.call(Method::POST, "/scans", &json!({"code": code})).await;
    assert_eq!((unkeyed.status, unkeyed.code()), (StatusCode::BAD_REQUEST, "idempotency_key_required"));

    let ada = sign_in(&server, &guest, ADA, 1).await;
    for n in 0..10 {
        let unknown = scan(&ada, &format!("2222222{}", 2 + n % 8)).await;
        assert_eq!((unknown.status, unknown.code()), (StatusCode::NOT_FOUND, "code_unknown"), "{n}");
    }
    let slowed = scan(&ada, "33333333").await;
    assert_eq!((slowed.status, slowed.code()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
    assert_eq!(slowed.header("ratelimit-limit"), Some("10"));
    // One more try every six seconds, of which some may be over.
    let wait: u64 = slowed.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=6).contains(&wait), "{wait}");
    // The right one is not looked at either; somebody else at the same address is not concerned.
    assert_eq!(scan(&ada, code).await.code(), "rate_limited");
    let ben = sign_in(&server, &server.guest().await, BEN, 1).await;
    assert_eq!(scan(&ben, code).await.status, StatusCode::CREATED);
    assert_eq!(kiosk.get("/kiosks/pier-1/code").await.body["scans_left"], 9, "what was refused has spent nothing");
}

/// What each of a kiosk's browsers shows is known once it has opened its page; a program that asks opens none.
async fn managers_see_each_screen_of_a_kiosk_apart(server: Server) {
    let (wall, scanner, program) = (server.kiosk(), server.kiosk(), server.kiosk());
    let manager = server.token("manager", "pier");
    let screens = async || {
        let kiosks = manager.get("/staff/stores/pier/kiosks").await.body;
        let devices = kiosks["items"][0]["devices"].as_array().expect("a kiosk with its devices").clone();
        devices.iter().map(|device| device["screen"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(screens().await, vec![Value::Null; 3]);
    let browser = |token: &str| server.nobody().with_cookie(format!("orderly_session={token}"));
    assert_eq!(browser(&wall).page("/kiosk/pier-1").await.status, StatusCode::OK);
    assert_eq!(browser(&scanner).page("/kiosk/pier-1/scan").await.status, StatusCode::OK);
    assert_eq!(server.nobody().with_token(&program).get("/kiosks/pier-1/code").await.status, StatusCode::OK);
    assert_eq!(screens().await, [json!("wall"), json!("scanner"), Value::Null]);
    // A scanner that is hung on the wall.
    assert_eq!(browser(&scanner).page("/kiosk/pier-1").await.status, StatusCode::OK);
    assert_eq!(screens().await, [json!("wall"), json!("wall"), Value::Null]);
}
