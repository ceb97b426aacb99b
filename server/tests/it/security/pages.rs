//! Every page: who may frame it, what runs in it, and that what people write in it stays a text.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::ADA;
use crate::sign_in::{sign_in, with_messages};
use crate::support::{Client, Server};

with_messages! {
    every_page_is_guarded_and_has_no_script_of_its_own
    markup_stays_a_text
}

/// Every page that there is, as somebody who may see it, and what is kept of it.
async fn pages(server: &Server) -> Vec<(Client, String, &'static str)> {
    const KEPT: &str = "private, no-cache";
    const NOT_KEPT: &str = "private, no-store";

    let ada = sign_in(server, &server.guest().await, ADA, 1).await;
    let order = ada.order_coffee().await;
    let (mo, pat) = (server.staff("harbor", "Mo", "manager").await, server.staff("pier", "Pat", "manager").await);
    let guest = server.guest().await;
    let own = guest.order_coffee().await;
    let of = |client: &Client, kept: &'static str, pages: &[&str]| {
        pages.iter().map(|page| (client.clone(), (*page).to_owned(), kept)).collect::<Vec<_>>()
    };
    let mut all = of(
        &guest,
        KEPT,
        &[
            "/",
            "/s/harbor",
            "/s/harbor/p/flat-white",
            "/s/harbor/checkout",
            "/scan/22222222",
            "/orders",
            &format!("/orders/{own}"),
            "/no/such",
        ],
    );
    // What is typed at a door may be somebody's who has signed in and out by the time that another goes back.
    all.extend(of(
        &guest,
        NOT_KEPT,
        &["/sign-in", "/sign-in?step=code", "/staff", "/staff/harbor/queue", "/kiosk/pier-1", "/kiosk/pier-1/scan"],
    ));
    all.extend(of(&ada, NOT_KEPT, &["/s/harbor", "/orders", "/account", &format!("/orders/{order}")]));
    all.extend(of(
        &mo,
        NOT_KEPT,
        &[
            "/staff",
            "/staff/harbor/queue",
            "/staff/harbor/menu",
            "/staff/harbor/stock",
            "/staff/harbor/settings",
            "/staff/harbor/audit",
            "/staff/pier/audit",
        ],
    ));
    all.extend(of(&pat, NOT_KEPT, &["/kiosk/pier-1"]));
    all
}

async fn every_page_is_guarded_and_has_no_script_of_its_own(server: Server) {
    let mut nonces = std::collections::BTreeSet::new();
    let pages = pages(&server).await;
    for (client, path, kept) in &pages {
        let page = client.with("accept", "text/html").page(path).await;
        let header = |name: &str| page.header(name).unwrap_or_default().to_owned();
        let policy = header("content-security-policy");
        for part in [
            "default-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "'wasm-unsafe-eval'",
        ] {
            assert!(policy.contains(part), "{path}: {part} in {policy}");
        }
        let scripts = policy.split(';').find(|part| part.trim().starts_with("script-src ")).unwrap();
        assert!(!scripts.contains("unsafe-inline") && !scripts.contains("'unsafe-eval'") && !scripts.contains('*'), "{path}: {scripts}");
        let nonce = scripts.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap_or_default().to_owned();
        assert!(nonce.len() >= 16, "{path}: {scripts}");
        assert_eq!((header("x-content-type-options"), header("x-frame-options")), ("nosniff".to_owned(), "DENY".to_owned()), "{path}");
        assert_eq!(header("referrer-policy"), "strict-origin-when-cross-origin", "{path}");
        assert_eq!(header("cache-control"), *kept, "{path}: it is of one visitor");
        assert!(page.header("server").is_none() && page.header("x-powered-by").is_none(), "{path}");
        let text = page.text();
        for script in text.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains(&format!("nonce=\"{nonce}\"")) || tag.contains("application/ld+json"), "{path}: <script{tag}>");
        }
        for tag in text.split('<').map(|tag| tag.split('>').next().unwrap_or_default()) {
            let handler = tag.split_whitespace().skip(1).any(|attribute| attribute.starts_with("on") && attribute.contains("=\""));
            assert!(!handler && !tag.contains("javascript:"), "{path}: <{tag}>");
        }
        nonces.insert(nonce);
    }
    assert_eq!(nonces.len(), pages.len(), "a nonce is of one answer");
}

async fn markup_stays_a_text(server: Server) {
    const EVIL: &str = "\"><svg onload=alert(1)><script>alert(1)</script><img src=x onerror=alert(1)>";
    let clean = |text: &str, place: &str| {
        for bad in ["<svg onload", "<script>alert", "<img src=x"] {
            assert!(!text.contains(bad), "{place} has {bad}");
        }
    };
    let browser = server
        .guest()
        .await
        .with("user-agent", "Mozilla/5.0 Firefox/1 <svg onload=alert(1)>")
        .with("referer", "http://x/<script>alert(1)</script>");
    let ada = sign_in(&server, &browser, ADA, 1).await;
    let short: String = EVIL.chars().take(60).collect();
    assert_eq!(ada.call(Method::PATCH, "/me", &json!({"name": short})).await.status, StatusCode::OK);
    let order = ada.order_coffee().await;
    let cancelled = ada.keyed(Method::POST, &format!("/orders/{order}/cancel"), &json!({"reason": EVIL})).await;
    assert_eq!(cancelled.status, StatusCode::OK, "{}", cancelled.body);
    let mo = server.staff("harbor", "Mo <svg onload=alert(1)>", "manager").await;
    for (client, page) in [
        (&ada, "/account".to_owned()),
        (&ada, "/orders".to_owned()),
        (&ada, format!("/orders/{order}")),
        (&mo, "/staff".to_owned()),
        (&mo, "/staff/harbor/queue".to_owned()),
        (&mo, "/staff/harbor/settings".to_owned()),
        (&mo, "/staff/harbor/audit".to_owned()),
        (&mo, format!("/orders/{order}")),
    ] {
        let reply = client.page(&page).await;
        assert_eq!(reply.status, StatusCode::OK, "{page}");
        clean(reply.text(), &page);
    }
    let encoded = "%22%3E%3Csvg%20onload%3Dalert(1)%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for page in [
        format!("/scan/{encoded}"),
        format!("/s/{encoded}"),
        format!("/sign-in?back={encoded}&error={encoded}&step=phone"),
        format!("/s/harbor?error={encoded}&lang={encoded}"),
        format!("/account?saved={encoded}&error={encoded}"),
        format!("/s/harbor/checkout?error={encoded}&again={encoded}"),
        format!("/kiosk/pier-1?error={encoded}"),
        format!("/staff?error={encoded}"),
        format!("/orders?after={encoded}"),
    ] {
        clean(ada.with("accept", "text/html").page(&page).await.text(), &page);
    }
    clean(mo.page(&format!("/staff/harbor/settings?error={encoded}&fields={encoded}&saved={encoded}")).await.text(), "settings");
    // What a program is told is no page, whatever it says.
    let told = ada.get(&format!("/orders/{encoded}")).await;
    assert_eq!((told.content_type.as_str(), told.header("x-content-type-options")), ("application/problem+json", Some("nosniff")));
    // Pictures of codes are ours from end to end.
    let token = server.place.answer(&["token", "issue", "--role", "kiosk", "--kiosk", "pier-1"]);
    let svg = server.nobody().with_token(&token).get("/kiosks/pier-1/code").await.body["svg"].as_str().unwrap().to_owned();
    for bad in ["<script", "onload", "href", "<foreignObject", "javascript:"] {
        assert!(!svg.contains(bad), "{bad}");
    }
}
