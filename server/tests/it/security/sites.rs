//! Other sites: no change comes from one, and no way leads to one.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::ADA;
use crate::sign_in::{sign_in, with_messages};
use crate::support::Server;

with_messages! {
    no_change_comes_from_another_site
    no_way_leads_to_another_site
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
