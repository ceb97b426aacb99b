//! Whoever throws their cookie away after each request, for a fresh bucket and a fresh cart each time.

use futures::{StreamExt as _, stream};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Client, Place, Server, run_with};

#[test]
fn guests_without_end_from_one_address_are_slowed_and_flagged() {
    run_with(Place::on_sqlite(), &[("ORDERLY_TRUSTED_PROXIES", "127.0.0.1")], slowed);
}

#[test]
fn guests_of_one_address_who_hold_the_places_are_told_to_its_managers() {
    run_with(Place::on_sqlite(), &[("ORDERLY_TRUSTED_PROXIES", "127.0.0.1")], told);
}

/// A new guest whose cookie was made at one address, and who is at another from now on.
async fn newcomer(server: &Server, n: u32, now_at: &str) -> Client {
    let nobody = server.nobody().with("x-forwarded-for", &format!("198.51.{}.{}", n / 250, n % 250));
    let made = nobody.call(Method::POST, "/session", &serde_json::Value::Null).await;
    nobody.with_cookie(made.cookie().expect("a session")).with("x-forwarded-for", now_at)
}

async fn slowed(server: Server) {
    let cart = [("store", "harbor"), ("sku", "flat-white-regular"), ("quantity", "1")];
    let begin = json!({"store": "harbor", "lines": [], "fulfilment": {"kind": "pickup"}});
    let robot = "203.0.113.9";
    let server = &server;
    let begin = &begin;
    let told = stream::iter(0..1_100_u32)
        .map(|n| async move {
            let guest = newcomer(server, n, robot).await;
            guest.keyed(Method::POST, "/checkouts", begin).await
        })
        .buffer_unordered(16)
        .collect::<Vec<_>>()
        .await;
    let refused: Vec<_> = told.iter().filter(|reply| reply.status == StatusCode::TOO_MANY_REQUESTS).collect();
    // Two more come in each second.
    assert!((1..=100).contains(&refused.len()), "{} of {}", refused.len(), told.len());
    assert!(refused.iter().all(|reply| reply.code() == "rate_limited" && reply.header("ratelimit-limit") == Some("1000")));
    assert!(refused.iter().all(|reply| reply.header("retry-after").is_some()));
    assert!(told.iter().all(|reply| matches!(reply.status.as_u16(), 422 | 429)), "what is let in is looked at");

    // By a form it is no other way; and nobody else is slowed, nor whoever is known, nor who only looks.
    let mut slowed = 0;
    for n in 0..20 {
        let reply = newcomer(server, 2_000 + n, robot).await.post_form("/do/cart/add", &cart).await;
        slowed += u32::from(reply.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(slowed > 0, "a form of a robot");
    let other = newcomer(server, 3_000, "203.0.113.10").await;
    assert_eq!(other.post_form("/do/cart/add", &cart).await.status, StatusCode::FOUND);
    let regular = other.with("x-forwarded-for", robot);
    assert_eq!(regular.post_form("/do/cart/add", &cart).await.status, StatusCode::FOUND, "who was here before");
    assert_eq!(newcomer(server, 3_001, robot).await.get("/stores").await.status, StatusCode::OK);
    // A code's page is opened all the same.
    let page = newcomer(server, 4_000, robot).await.page("/scan/22222222").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND, "{}", page.text());
    let metrics = server.nobody().page("/metrics").await;
    let line = metrics.text().lines().find(|line| line.starts_with("orderly_newcomers_refused_total ")).expect("it is counted");
    let count: usize = line.rsplit(' ').next().unwrap().parse().unwrap();
    assert_eq!(count, refused.len() + slowed as usize);
}

/// By the API and by the page: half of harbor's twenty places, and every one of them gets what they wanted.
async fn told(server: Server) {
    let line = json!({"sku": "flat-white-regular", "quantity": 1, "options": ["oat"]});
    let begin = json!({"store": "harbor", "lines": [line], "fulfilment": {"kind": "pickup"}});
    let manager = server.staff("harbor", "Mo", "manager").await;
    let audit = async || manager.page("/staff/harbor/audit").await.text().to_owned();
    let sentence = "Guests of one address have 10 of the 20 places";
    for n in 0..10 {
        assert!(!audit().await.contains("Guests of one address"), "{n} are none");
        let guest = newcomer(&server, n, "203.0.113.9").await;
        if n % 2 == 0 {
            assert_eq!(guest.keyed(Method::POST, "/checkouts", &begin).await.status, StatusCode::CREATED);
            continue;
        }
        let cart =
            [("store", "harbor"), ("product", "flat-white"), ("sku", "flat-white-regular"), ("quantity", "1"), ("options[milk][]", "oat")];
        assert_eq!(guest.post_form("/do/cart/add", &cart).await.header("location").map(|page| page.contains("error")), Some(false));
        let held = guest.post_form("/do/checkout/hold", &[("store", "harbor")]).await;
        assert_eq!(held.header("location"), Some("/s/harbor/checkout"), "{}", held.text());
    }
    assert!(audit().await.contains(sentence), "{}", audit().await);
    let guest = newcomer(&server, 10, "203.0.113.9").await;
    assert_eq!(guest.keyed(Method::POST, "/checkouts", &begin).await.status, StatusCode::CREATED, "nobody is refused");
}
