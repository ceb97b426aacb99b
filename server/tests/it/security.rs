//! What an attacker tries first: other origins, planted sessions, somebody else's ids, guesses, ways out to other sites,
//! markup in texts, too much of everything, requests that two readers read as two.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::sign_in::{sign_in, with_messages};
use crate::support::{Client, Place, Reply, Server, run_with};

with_messages! {
    every_page_is_guarded_and_has_no_script_of_its_own
    no_change_comes_from_another_site
    a_session_that_was_planted_is_worth_nothing
    somebody_elses_things_are_not_there
    a_thousand_wrong_codes_from_one_address_are_slowed_and_nobody_else_is
    no_way_leads_to_another_site
    markup_stays_a_text
    too_much_of_anything_is_refused
    one_request_is_one_request
}

const ADA: &str = "+15550100009";
const BEN: &str = "+15550100008";

/// Every page that there is, as somebody who may see it.
async fn pages(server: &Server) -> Vec<(Client, String)> {
    let ada = sign_in(server, &server.guest().await, ADA, 1).await;
    let order = ada.order_coffee().await;
    let (mo, pat) = (server.staff("harbor", "Mo", "manager").await, server.staff("pier", "Pat", "manager").await);
    let guest = server.guest().await;
    let of = |client: &Client, pages: &[&str]| pages.iter().map(|page| (client.clone(), (*page).to_owned())).collect::<Vec<_>>();
    let mut all = of(
        &guest,
        &[
            "/",
            "/s/harbor",
            "/s/harbor/p/flat-white",
            "/s/harbor/checkout",
            "/scan/22222222",
            "/sign-in",
            "/staff",
            "/kiosk/pier-1",
            "/no/such",
        ],
    );
    all.extend(of(&ada, &["/orders", "/account", &format!("/orders/{order}")]));
    all.extend(of(
        &mo,
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
    all.extend(of(&pat, &["/kiosk/pier-1"]));
    all
}

async fn every_page_is_guarded_and_has_no_script_of_its_own(server: Server) {
    let mut nonces = std::collections::BTreeSet::new();
    let pages = pages(&server).await;
    for (client, path) in &pages {
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
        assert_eq!(header("cache-control"), "private, no-cache", "{path}: it is of one visitor");
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

/// Every form that there is.
const FORMS: [&str; 31] = [
    "/do/language",
    "/do/cart/add",
    "/do/cart/set",
    "/do/cart/swap",
    "/do/checkout/hold",
    "/do/checkout/place",
    "/do/sign-in/code",
    "/do/sign-in",
    "/do/sign-out",
    "/do/account/edit",
    "/do/account/session",
    "/do/account/delete",
    "/do/wallet/top-up",
    "/do/scan",
    "/do/order/cancel",
    "/do/order/again",
    "/do/staff/sign-in",
    "/do/staff/sign-out",
    "/do/staff/ticket",
    "/do/staff/item",
    "/do/staff/open",
    "/do/staff/settings",
    "/do/staff/stock",
    "/do/staff/password",
    "/do/staff/member/add",
    "/do/staff/member",
    "/do/staff/kiosk/add",
    "/do/staff/kiosk",
    "/do/staff/token/add",
    "/do/staff/token",
    "/do/kiosk/pair",
];

async fn no_change_comes_from_another_site(server: Server) {
    let mo = server.staff("harbor", "Mo", "manager").await;
    let document = server.nobody().get("/openapi.json").await.body;
    let mut calls = Vec::new();
    for (template, methods) in document["paths"].as_object().unwrap() {
        let path: Vec<_> = template.split('/').map(|part| if part.starts_with('{') { "harbor" } else { part }).collect();
        for method in ["post", "put", "patch", "delete"].into_iter().filter(|method| methods.get(method).is_some()) {
            calls.push((method.to_uppercase(), path.join("/")));
        }
    }
    assert!(calls.len() > 35, "{calls:?}");
    let ways: [(&str, &[(&'static str, &str)]); 4] = [
        ("another origin", &[("origin", "https://evil.example")]),
        ("no origin at all", &[]),
        ("a sandbox", &[("origin", "null")]),
        ("a sister site", &[("sec-fetch-site", "same-site")]),
    ];
    for (way, headers) in ways {
        let foreign = headers.iter().fold(mo.without("origin"), |client, (name, value)| client.with(name, value));
        for (method, path) in &calls {
            let reply = foreign.call(method.parse().unwrap(), path, &json!({})).await;
            assert_eq!((reply.status, reply.code()), (StatusCode::FORBIDDEN, "foreign_origin"), "{way}: {method} {path}");
        }
        for form in FORMS {
            let reply = foreign.post_form(form, &[("store", "harbor")]).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{way}: {form}");
            assert!(reply.header("location").is_none() && reply.cookie().is_none(), "{way}: {form}");
        }
    }
    // The same forms from our own page are taken, each of them: none is listed that is not there.
    for form in FORMS.into_iter().filter(|form| !form.ends_with("sign-out")) {
        let reply = mo.post_form(form, &[]).await;
        assert!(
            reply.status.is_redirection() || reply.status.is_client_error() && reply.status != StatusCode::FORBIDDEN,
            "{form}: {}",
            reply.status
        );
        assert_ne!(reply.status, StatusCode::NOT_FOUND, "{form}");
    }
    // And what a page cannot make is no form: a text is no JSON.
    let text = mo.raw(Method::PUT, "/staff/stores/harbor/status", "{\"open\":false}", "text/plain").await;
    assert_eq!(text.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(server.nobody().get("/stores/harbor").await.body["open"], true);
}

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
    assert_eq!(attacker.get("/me").await.body["roles"], json!([]));
    // Two of them: the first is taken, as the browser sends the narrower path's first, and none is mixed with another.
    let two = server.nobody().with_cookie(format!("{}; {}", attacker.cookie(), kim.cookie()));
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
    let code = server.nobody().with_token(&token).get("/kiosks/pier-1/code").await.body["code"].as_str().unwrap().to_owned();
    // Guests cost nothing: each has a bucket of its own, so theirs is the address's. When it is empty they are told nothing
    // about any code, in the same words for a right one.
    let mut told = Vec::new();
    for n in 0..100 {
        let page = server.nobody().page(&format!("/scan/{:08}", 32_222_222 + n).replace(['0', '1'], "2")).await;
        told.push((page.status.as_u16(), page.text().contains("data-testid=\"scan-sign-in\"")));
    }
    assert!(told.iter().all(|told| matches!(told, (404, false) | (200, true))), "{told:?}");
    let allowed = 60 + usize::try_from(begun.elapsed().as_secs()).unwrap();
    let looked_at = told.iter().filter(|(status, _)| *status == 404).count();
    assert!((1..=allowed).contains(&looked_at) && told.last() == Some(&(200, true)), "{looked_at} of {allowed}");
    let (right, wrong) = (server.nobody().page(&format!("/scan/{code}")).await, server.nobody().page("/scan/33333333").await);
    let said = |page: &Reply, code: &str| {
        let main = page.text().split("<main").nth(1).unwrap().split("</main>").next().unwrap().replace(code, "");
        (page.status, main)
    };
    assert_eq!(said(&right, &code), said(&wrong, "33333333"));
    // And whoever is signed in at that address comes in with the right one.
    assert!(ada.page(&format!("/scan/{code}")).await.text().contains("data-testid=\"scan-form\""));
    assert_eq!(scan(&ada, code).await.status, StatusCode::CREATED, "nobody else is concerned");
}

async fn no_way_leads_to_another_site(server: Server) {
    let ada = sign_in(&server, &server.guest().await, ADA, 1).await;
    let guest = server.guest().await;
    let elsewhere = [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/%5Cevil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\r\nset-cookie: x=1",
    ];
    for target in elsewhere {
        let query = target
            .replace('%', "%25")
            .replace('\\', "%5C")
            .replace('\r', "%0D")
            .replace('\n', "%0A")
            .replace('\t', "%09")
            .replace(' ', "%20");
        for page in [
            format!("/sign-in?back={query}"),
            format!("/sign-in?back={query}&step=code"),
            format!("/scan/22222222?back={query}"),
            format!("/staff?back={query}"),
        ] {
            for client in [&guest, &ada] {
                let reply = client.page(&page).await;
                assert!(
                    !reply.text().contains("href=\"//evil")
                        && !reply.text().contains("href=\"https://evil")
                        && !reply.text().contains("href=\"javascript"),
                    "{page}"
                );
                assert!(
                    reply.header("location").is_none_or(|to| to.starts_with('/') && !to.starts_with("//")),
                    "{page}: {:?}",
                    reply.header("location")
                );
            }
        }
        for (form, field) in [
            ("/do/language", "back"),
            ("/do/staff/open", "back"),
            ("/do/staff/sign-in", "back"),
            ("/do/sign-in/code", "back"),
            ("/do/sign-in", "back"),
            ("/do/scan", "code"),
            ("/do/kiosk/pair", "kiosk"),
            ("/do/cart/add", "store"),
            ("/do/staff/ticket", "store"),
            ("/do/staff/settings", "store"),
            ("/do/staff/member/add", "store"),
            ("/do/order/cancel", "order"),
        ] {
            let reply = guest
                .post_form(
                    form,
                    &[(field, target), ("language", "en"), ("phone", "x"), ("store", if field == "store" { target } else { "harbor" })],
                )
                .await;
            let to = reply.header("location").unwrap_or("/");
            assert!(to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\"), "{form} {target:?}: {to}");
            assert!(reply.header("x").is_none() && !reply.cookies().iter().any(|pair| pair.starts_with("x=")), "{form} {target:?}");
        }
    }
    // A scan's link is made of our own address, whatever host was asked for.
    let token = server.place.answer(&["token", "issue", "--role", "kiosk", "--kiosk", "pier-1"]);
    let kiosk = server.nobody().with_token(&token);
    for (name, value) in [("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example")] {
        let shown = kiosk.with(name, value).get("/kiosks/pier-1/code").await;
        assert!(shown.body["url"].as_str().unwrap().starts_with(&server.url), "{name}: {}", shown.body["url"]);
    }
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

async fn too_much_of_anything_is_refused(server: Server) {
    let guest = server.guest().await;
    // Refused by what it says of itself, before any of it is read.
    for (path, kind) in [
        ("/api/v1/checkouts", "application/json"),
        ("/api/v1/sign-in", "application/json"),
        ("/api/v1/staff/sign-in", "application/json"),
        ("/api/v1/kiosks/pair", "text/plain"),
        ("/do/staff/sign-in", "application/x-www-form-urlencoded"),
    ] {
        let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", 1024 * 1024 + 1);
        assert_eq!(said(&server, head.as_bytes()).await, [413], "{path}");
    }
    // As long as a field may be sent, and no longer than it may be.
    let name = "n".repeat(400_000);
    let long = server.nobody().staff_sign_in(&json!({"store": "harbor", "name": name, "password": name})).await;
    assert_eq!(long.map(drop).unwrap_err(), (StatusCode::UNAUTHORIZED, "wrong_password".to_owned()));
    let scanned = guest.page(&format!("/scan/{}", "2".repeat(20_000))).await;
    assert!(scanned.status.is_client_error(), "{}", scanned.status);
    let lines: Vec<_> = (0..2_000).map(|_| json!({"sku": "flat-white-regular", "quantity": 1, "options": []})).collect();
    let many = guest.keyed(Method::POST, "/checkouts", &json!({"store": "harbor", "lines": lines, "fulfilment": {"kind": "pickup"}})).await;
    assert_eq!(many.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", many.body);
    let deep = "[".repeat(100_000);
    assert_eq!(guest.raw(Method::POST, "/quotes", deep, "application/json").await.status, StatusCode::BAD_REQUEST);
    for head in [
        format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "p".repeat(200_000)),
        format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "h".repeat(200_000)),
        format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(5_000)),
    ] {
        let answers = said(&server, head.as_bytes()).await;
        assert!(answers.is_empty() || answers.iter().all(|status| (400..500).contains(status)), "{answers:?}");
    }
    assert_eq!(guest.get("/me").await.status, StatusCode::OK);
}

/// The statuses of everything that is answered to these bytes on one connection.
async fn said(server: &Server, bytes: &[u8]) -> Vec<u16> {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    // It may be refused before it has come as a whole.
    let _ = stream.write_all(bytes).await;
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    // An answer comes at once; what comes after a quiet second is none to this.
    while let Ok(Ok(read @ 1..)) = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut buffer)).await {
        all.extend_from_slice(&buffer[..read]);
    }
    let text = String::from_utf8_lossy(&all).into_owned();
    text.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)?.parse().ok()).collect()
}

async fn one_request_is_one_request(server: Server) {
    let smuggled = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    let post = |headers: &str, body: &str| {
        format!("POST /api/v1/quotes HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{headers}\r\n{body}")
    };
    let shapes = [
        ("length and chunks", post("content-length: 4\r\ntransfer-encoding: chunked\r\n", &format!("0\r\n\r\n{smuggled}"))),
        (
            "chunks and length",
            post(&format!("transfer-encoding: chunked\r\ncontent-length: {}\r\n", smuggled.len() + 5), &format!("0\r\n\r\n{smuggled}")),
        ),
        ("two lengths", post("content-length: 0\r\ncontent-length: 34\r\n", smuggled)),
        ("a list of lengths", post("content-length: 0, 34\r\n", smuggled)),
        ("a length with a sign", post("content-length: +0\r\n", smuggled)),
        ("a negative length", post("content-length: -1\r\n", smuggled)),
        ("a length that is none", post("content-length: 0x0\r\n", smuggled)),
        ("unknown encoding", post("transfer-encoding: xchunked\r\n", &format!("0\r\n\r\n{smuggled}"))),
        ("chunked not last", post("transfer-encoding: chunked, identity\r\n", &format!("0\r\n\r\n{smuggled}"))),
        ("encoding twice", post("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", &format!("0\r\n\r\n{smuggled}"))),
        ("a space before the colon", post("transfer-encoding : chunked\r\n", &format!("0\r\n\r\n{smuggled}"))),
        ("a folded header", post("x: y\r\n transfer-encoding: chunked\r\n", &format!("0\r\n\r\n{smuggled}"))),
        ("a chunk too large to count", post("transfer-encoding: chunked\r\n", &format!("fffffffffffffffff\r\n\r\n{smuggled}"))),
        ("a chunk with a sign", post("transfer-encoding: chunked\r\n", &format!("+0\r\n\r\n{smuggled}"))),
        ("a NUL in a header", post("x: a\0b\r\n", smuggled)),
        ("a bare CR in a header", post("x: a\rtransfer-encoding: chunked\r\n", smuggled)),
        ("two hosts", format!("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n{smuggled}")),
        ("no host", format!("GET / HTTP/1.1\r\n\r\n{smuggled}")),
        ("two requests in a line", format!("GET / HTTP/1.1 HTTP/1.1\r\nhost: a\r\n\r\n{smuggled}")),
    ];
    for (what, bytes) in shapes {
        let answers = said(&server, bytes.as_bytes()).await;
        assert!(!answers.contains(&200), "{what}: {answers:?}");
        assert!(answers.len() <= 1 && answers.iter().all(|status| (400..500).contains(status)), "{what}: {answers:?}");
    }
    // What is plain is taken, one after the other.
    assert_eq!(said(&server, format!("{smuggled}{smuggled}").as_bytes()).await, [200, 200]);
    let chunked = post("transfer-encoding: chunked\r\n", &format!("2\r\n{{}}\r\n0\r\n\r\n{smuggled}"));
    assert_eq!(said(&server, chunked.as_bytes()).await, [422, 200]);
}

#[test]
fn behind_https_every_cookie_is_for_https_alone() {
    let settings = [("ORDERLY_PUBLIC_URL", "https://shop.example")];
    run_with(Place::on_sqlite(), &settings, async |server: Server| {
        let guest = server.nobody().with_cookie(server.nobody().page("/").await.cookie().unwrap()).with_origin("https://shop.example");
        let code = server.place.answer(&["staff", "add", "--store", "pier", "--name", "Mo", "--role", "manager"]);
        let signed_in = guest.call(Method::POST, "/staff/sign-in", &json!({"code": code})).await;
        let mo = guest.with_cookie(signed_in.cookie().unwrap()).with_origin("https://shop.example");
        let told = mo.post_form("/do/staff/kiosk", &[("store", "pier"), ("kiosk", "pier-1"), ("act", "pair")]).await;
        let phone = guest.post_form("/do/sign-in/code", &[("phone", ADA)]).await;
        let pairing = mo.call(Method::POST, "/staff/stores/pier/kiosks/pier-1/pairing", &Value::Null).await;
        let paired = guest.call(Method::POST, "/kiosks/pair", &json!({"code": pairing.body["code"]})).await;
        for (what, reply) in [("a shift", &signed_in), ("what is told once", &told), ("the phone", &phone), ("a screen", &paired)] {
            let set = reply.header("set-cookie").unwrap_or_else(|| panic!("{what}: {}", reply.body));
            assert!(set.contains("; HttpOnly") && set.ends_with("; Secure") && set.contains("; SameSite="), "{what}: {set}");
            assert_eq!(reply.header("strict-transport-security"), Some("max-age=31536000"), "{what}");
        }
        // A page that came without https is anybody's on the way.
        let open = mo.with_origin(&server.url);
        assert_eq!(open.call(Method::PUT, "/staff/stores/pier/status", &json!({"open": true})).await.code(), "foreign_origin");
    });
}
