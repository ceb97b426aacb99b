//! What every request goes through: who calls, from where, how often, and what every answer carries.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Place, Server, on_both_databases};

on_both_databases! {
    a_guest_is_known_by_a_signed_cookie
    who_signs_out_is_nobody
    a_change_needs_a_session_and_a_page_of_ours
    the_house_says_how_it_is
}

async fn a_guest_is_known_by_a_signed_cookie(server: Server) {
    let nobody = server.nobody();
    assert_eq!(nobody.get("/me").await.status, StatusCode::UNAUTHORIZED);
    let page = nobody.page("/").await;
    let set = page.header("set-cookie").unwrap();
    for part in ["orderly_session=", "; Path=/", "; HttpOnly", "; SameSite=Lax"] {
        assert!(set.contains(part), "{part} in {set}");
    }
    assert!(!set.contains("Secure"), "{set}");
    let guest = nobody.with_cookie(page.cookie().unwrap());
    let me = guest.get("/me").await;
    assert_eq!((&me.body["guest"], &me.body["user"]), (&json!(true), &Value::Null));
    assert_eq!(guest.page("/").await.cookie(), None, "a cookie that is good is kept");

    let mut forged = page.cookie().unwrap();
    let last = forged.pop().unwrap();
    forged.insert("orderly_session=".len(), if last == 'A' { 'B' } else { 'A' });
    assert_eq!(nobody.with_cookie(forged).get("/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(nobody.with_token("ord_nothing").get("/stores").await.code(), "invalid_token");
}

async fn who_signs_out_is_nobody(server: Server) {
    let guest = server.guest().await;
    assert_eq!(guest.get("/me").await.status, StatusCode::OK);
    let out = guest.call(Method::POST, "/sign-out", &Value::Null).await;
    assert_eq!((out.status, out.cookie().as_deref()), (StatusCode::NO_CONTENT, Some("orderly_session=")), "it is taken away");
    assert_eq!(guest.get("/me").await.status, StatusCode::UNAUTHORIZED);
    let without = server.nobody().with_cookie(out.cookie().unwrap());
    assert!(without.page("/").await.cookie().is_some(), "a page gives a new one");
}

async fn a_change_needs_a_session_and_a_page_of_ours(server: Server) {
    let guest = server.guest().await;
    let quote = json!({"store": "harbor", "lines": []});
    let nobody = server.nobody();
    let refused = nobody.call(Method::POST, "/checkouts", &quote).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::UNAUTHORIZED, "session_required"));
    for foreign in [
        guest.with_origin("http://evil.example"),
        guest.with_origin("null"),
        guest.without("origin"),
        guest.without("origin").with("sec-fetch-site", "cross-site"),
        guest.with("sec-fetch-site", "same-site"),
    ] {
        let refused = foreign.call(Method::POST, "/checkouts", &quote).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "foreign_origin"));
        assert_eq!(foreign.get("/me").await.status, StatusCode::OK, "reading is no harm");
    }
    let fetched = guest.without("origin").with("sec-fetch-site", "same-origin");
    assert_ne!(fetched.call(Method::POST, "/checkouts", &quote).await.code(), "foreign_origin");
    // A token is sent by no browser on its own.
    let device = server.token("barista", "harbor").with_origin("http://evil.example");
    assert_ne!(device.call(Method::POST, "/checkouts", &quote).await.code(), "foreign_origin");

    // Forms of pages obey the same.
    let form = guest.with_origin("http://evil.example").with("accept", "text/html").post_page("/do/cart/add", "").await;
    assert_eq!(form.status, StatusCode::FORBIDDEN);
    assert!(form.text().contains("<h1>") && form.content_type.starts_with("text/html"), "{}", form.text());
    let sessionless = nobody.with("accept", "text/html").in_language("zh-CN").post_page("/do/cart/add", "").await;
    assert_eq!(sessionless.status, StatusCode::UNAUTHORIZED);
    assert!(sessionless.text().contains("lang=\"zh-CN\""));
    // What no form of ours sends is told in our words.
    for body in ["store[]=x", "options=1&store=harbor", "options[]=oat&store=harbor"] {
        let program = guest.post_page("/do/cart/add", body).await;
        assert_eq!((program.status, program.code()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_request"), "{body}");
        let browser = guest.with("accept", "text/html").with("referer", "http://127.0.0.1/s/harbor").post_page("/do/cart/add", body).await;
        assert!(browser.status == StatusCode::UNPROCESSABLE_ENTITY && browser.text().contains("<h1>"), "{body}: {}", browser.text());
    }
}

async fn the_house_says_how_it_is(server: Server) {
    let nobody = server.nobody();
    let alive = nobody.page("/healthz").await;
    assert_eq!((alive.status, &alive.body["status"]), (StatusCode::OK, &json!("ok")));
    // Each subscriber tells how far it is from its first look on.
    let ready = loop {
        let ready = nobody.page("/readyz").await;
        assert_eq!(ready.status, StatusCode::OK, "{}", ready.body);
        if ready.body["lag"].as_array().is_some_and(|flows| flows.iter().any(|flow| flow["subscriber"] == "ordering.saga")) {
            break ready;
        }
    };
    assert_eq!((&ready.body["database"], &ready.body["broker"]), (&json!("ok"), &json!("ok")));

    nobody.get("/stores/harbor").await;
    let metrics = nobody.page("/metrics").await;
    for line in [
        "orderly_http_requests_total{method=\"GET\",route=\"/api/v1/stores/{store}\",status=\"200\"} 1",
        "orderly_http_request_duration_seconds_bucket",
        "orderly_mqtt_connections ",
        "orderly_event_head ",
        "orderly_subscriber_lag{subscriber=\"ordering.saga\"}",
    ] {
        assert!(metrics.text().contains(line), "{line} in {}", metrics.text());
    }
    assert!(nobody.page("/robots.txt").await.text().contains(&format!("Sitemap: {}/sitemap.xml", server.url)));
    let sitemap = nobody.page("/sitemap.xml").await;
    assert!(sitemap.text().contains(&format!("<loc>{}/s/harbor/p/flat-white</loc>", server.url)), "{}", sitemap.text());
}

#[test]
fn every_answer_is_named_and_guarded() {
    crate::support::run(Place::on_sqlite(), async |server: Server| {
        let guest = server.guest().await;
        let mut ids = Vec::new();
        for path in ["/", "/api/v1/stores", "/api/v1/no-such", "/no/such", "/pkg/no-such.js", "/healthz"] {
            let reply = guest.page(path).await;
            ids.push(reply.header("x-request-id").unwrap().to_owned());
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
            assert!(reply.header("referrer-policy").is_some(), "{path}");
            let policy = reply.header("content-security-policy").unwrap();
            assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("script-src 'unsafe-inline'"), "{path}: {policy}");
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 6);
        let lost = guest.with("accept", "text/html").page("/no/such").await;
        assert_eq!(lost.status, StatusCode::NOT_FOUND);
        assert!(lost.content_type.starts_with("text/html"), "{}", lost.content_type);
        assert_eq!(guest.page("/api/v1/no-such").await.content_type, "application/problem+json");
        // What there is not, there is not for whoever wants to change it, either.
        assert_eq!(server.nobody().post_page("/no/such", "").await.status, StatusCode::NOT_FOUND);
        assert_eq!(server.nobody().post_page("/s/harbor", "").await.status, StatusCode::METHOD_NOT_ALLOWED);
    });
}

#[test]
fn a_session_that_asks_too_often_is_told_when_to_come_back() {
    crate::support::run(Place::on_sqlite(), async |server: Server| {
        let guest = server.guest().await;
        let refused = loop {
            let reply = guest.get("/me").await;
            if reply.status != StatusCode::OK {
                break reply;
            }
        };
        assert_eq!((refused.status, refused.code()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
        for name in ["retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"] {
            assert!(refused.header(name).is_some(), "{name}");
        }
        assert_eq!(guest.page("/").await.status, StatusCode::OK, "pages are not limited");
        assert_eq!(server.guest().await.get("/me").await.status, StatusCode::OK, "others are not concerned");
    });
}

#[test]
fn https_makes_cookies_for_https_alone_and_limits_can_be_lifted() {
    let settings = [("ORDERLY_LISTEN", "127.0.0.1:0"), ("ORDERLY_PUBLIC_URL", "https://shop.example"), ("ORDERLY_LIMITS", "off")];
    crate::support::run_with(Place::on_sqlite(), &settings, async |server: Server| {
        let page = server.nobody().page("/").await;
        assert!(page.header("set-cookie").is_some_and(|value| value.ends_with("; Secure")), "{:?}", page.header("set-cookie"));
        assert!(page.header("strict-transport-security").is_some());
        let guest = server.guest().await;
        for _ in 0..150 {
            assert_eq!(guest.get("/me").await.status, StatusCode::OK);
        }
        let public = guest.with_origin("https://shop.example");
        assert_ne!(public.call(Method::POST, "/checkouts", &json!({})).await.code(), "foreign_origin");
    });
}

#[test]
fn a_body_that_does_not_come_is_given_up() {
    crate::support::run(Place::on_sqlite(), async |server: Server| {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let head = "POST /api/v1/sign-in/code HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 400 ") && said.contains("incomplete_body"), "{said}");
    });
}
