//! The table of rights over HTTP: every call that there is, every kind of caller. What is expected is written out here once
//! more, as the contract has it, and not asked of the code under test. (MQTT's half: `tests/mqtt/table.rs`; the pages behind the
//! bar: `pages.rs`.)

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::sign_in::{sign_in, with_messages};
use crate::support::{Client, Server};

with_messages! {
    everybody_may_do_what_the_contract_says_and_nothing_else
    a_right_that_is_lost_is_lost_at_once
}

/// Whom a call is for.
#[derive(Clone, Copy)]
enum For {
    /// Anybody.
    All,
    /// Whoever has a session or a token.
    Known,
    /// The same, but for devices and programs: 403.
    Shopper,
    /// Whoever has signed in with a browser: 403 `sign_in_required` for the others.
    Account,
    /// Those with a right, of whom these are: 401 `sign_in_required` for who has not signed in, 403 `forbidden` for who has.
    Right(&'static [&'static str]),
    /// Those whose thing it is, of whom these are: 404 for the others.
    Own(&'static [&'static str]),
    /// A kiosk's code: these, and 403 for everybody who is known.
    Kiosk(&'static [&'static str]),
    /// Whoever has an account: 403 `sign_in_required` for guests, `forbidden` for devices and programs.
    Person,
}

use For::{Account, All, Kiosk, Known, Own, Person, Right, Shopper};

const BAR: &[&str] = &["barista", "manager", "till"];
const COUNTERS: &[&str] = &["warehouse", "manager"];
const MANAGER: &[&str] = &["manager"];
const SEES: &[&str] = &["owner", "barista", "warehouse", "manager", "till"];

/// A call: method, path, body (null: none), whether it is keyed, and whom it is for. Bodies are such that whoever may do it
/// changes nothing that another row needs: what comes after the right is often refused for another reason.
type Row = (&'static str, String, Value, bool, For);

fn table(order: &str, checkout: &str, session: &str) -> Vec<Row> {
    let nobody = "0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
    let get = |path: &str, whom| ("GET", path.to_owned(), Value::Null, false, whom);
    let staff = |path: &str| format!("/staff/stores/harbor/{path}");
    let moves = |verb: &'static str| ("POST", format!("/staff/orders/{order}/{verb}"), json!({}), true, Right(BAR));
    let lines = json!([{"sku": "flat-white-regular", "quantity": 1, "options": ["oat"]}]);
    let pickup = json!({"kind": "pickup"});
    let place = json!({"payment": {"method": "card", "token": "tok_ok"}, "expected_total": {"amount": 1, "currency": "USD"}});
    vec![
        get("/stores", All),
        get("/stores/harbor", All),
        get("/stores/harbor/menu", All),
        get("/products", All),
        get("/products/flat-white", All),
        ("POST", "/quotes".to_owned(), json!({"store": "harbor", "lines": lines, "fulfilment": pickup}), false, All),
        ("POST", "/session".to_owned(), Value::Null, false, All),
        ("POST", "/sign-in/code".to_owned(), json!({"phone": "x"}), false, All),
        ("POST", "/sign-in".to_owned(), json!({"phone": "x", "code": "x"}), false, All),
        ("POST", "/staff/sign-in".to_owned(), json!({"store": "harbor"}), false, All),
        ("POST", "/kiosks/pair".to_owned(), json!({"cod": "x"}), false, All),
        ("POST", "/webhooks/payments/test".to_owned(), json!({}), false, All),
        ("POST", "/checkouts".to_owned(), json!({"store": "nowhere", "lines": lines, "fulfilment": pickup}), true, Shopper),
        ("DELETE", format!("/checkouts/{nobody}"), Value::Null, false, Shopper),
        ("DELETE", format!("/checkouts/{checkout}"), Value::Null, false, Own(&[])),
        ("POST", format!("/checkouts/{checkout}/place"), place, true, Own(&[])),
        ("POST", "/scans".to_owned(), json!({"code": "22222222"}), true, Person),
        get("/kiosks/pier-1/code", Kiosk(&["pier manager", "kiosk"])),
        ("POST", "/kiosks/pier-1/collect".to_owned(), json!({"ticket": "x"}), true, Kiosk(&["kiosk"])),
        get("/orders", Shopper),
        get(&format!("/orders/{order}"), Own(SEES)),
        get(&format!("/orders/{order}/journey"), Own(SEES)),
        get(&format!("/orders/{order}/ticket"), Own(&["owner"])),
        ("POST", format!("/orders/{order}/cancel"), json!({"reason": "x".repeat(201)}), true, Known),
        get("/wallet", Person),
        ("POST", "/wallet/top-ups".to_owned(), json!({"amount": {"amount": 0, "currency": "USD"}, "token": "tok_ok"}), true, Person),
        get(&format!("/wallet/top-ups/{nobody}"), Person),
        ("POST", "/sign-out".to_owned(), Value::Null, false, Known),
        get("/me", Known),
        ("PATCH", "/me".to_owned(), json!({"language": "en"}), false, Account),
        ("DELETE", "/me".to_owned(), Value::Null, false, Account),
        get("/me/export", Account),
        get("/me/sessions", Account),
        ("DELETE", "/me/sessions".to_owned(), Value::Null, false, Account),
        ("DELETE", format!("/me/sessions/{session}"), Value::Null, false, Account),
        (
            "PUT",
            "/staff/password".to_owned(),
            json!({"password": "x"}),
            false,
            Right(&["barista", "warehouse", "manager", "pier barista", "pier manager"]),
        ),
        get(&staff("members"), Right(MANAGER)),
        ("POST", staff("members"), json!({"name": "", "role": "barista"}), false, Right(MANAGER)),
        ("POST", staff(&format!("members/{nobody}/code")), Value::Null, false, Right(MANAGER)),
        ("PUT", staff(&format!("members/{nobody}/roles")), json!({"roles": ["barista"]}), false, Right(MANAGER)),
        ("DELETE", staff(&format!("members/{nobody}")), Value::Null, false, Right(MANAGER)),
        get(&staff("kiosks"), Right(MANAGER)),
        ("POST", staff("kiosks"), json!({"id": "No Slug"}), false, Right(MANAGER)),
        ("POST", staff("kiosks/pier-1/pairing"), Value::Null, false, Right(MANAGER)),
        ("DELETE", staff("kiosks/pier-1"), Value::Null, false, Right(MANAGER)),
        get(&staff("tokens"), Right(MANAGER)),
        ("POST", staff("tokens"), json!({"role": "operator", "name": "x"}), false, Right(MANAGER)),
        ("DELETE", staff(&format!("tokens/{nobody}")), Value::Null, false, Right(MANAGER)),
        get(&staff("audit"), Right(MANAGER)),
        get(&staff("today"), Right(MANAGER)),
        get(&staff("today.csv"), Right(MANAGER)),
        get(&staff("queue"), Right(BAR)),
        moves("claim"),
        moves("release"),
        moves("ready"),
        moves("collect"),
        moves("recall"),
        ("POST", format!("/staff/orders/{order}/cancel"), json!({}), true, Right(BAR)),
        ("PUT", staff("status"), json!({"open": true}), false, Right(MANAGER)),
        get(&staff("settings"), Right(MANAGER)),
        ("PATCH", staff("settings"), json!({}), false, Right(MANAGER)),
        ("PUT", staff("items/flat-white-large"), json!({"available": true}), false, Right(BAR)),
        ("PUT", staff("options/oat"), json!({"available": true}), false, Right(BAR)),
        (
            "POST",
            "/staff/stock-adjustments".to_owned(),
            json!({"store": "harbor", "sku": "butter-croissant", "delta": 1, "reason": "x"}),
            true,
            Right(COUNTERS),
        ),
        (
            "PUT",
            "/staff/products/flat-white".to_owned(),
            json!({"name": {"en": "Flat white", "zh-CN": "馥芮白"}, "description": {"en": "x", "zh-CN": "x"}}),
            false,
            Right(MANAGER),
        ),
        ("PUT", "/staff/products/flat-white/variants/flat-white-large/prices".to_owned(), json!([]), false, Right(MANAGER)),
    ]
}

const GUESTS: [&str; 2] = ["guest", "owner"];
/// Devices and programs; a till is somebody of the staff, but no account of a person.
const TOKENS: [&str; 4] = ["till", "kiosk", "merchant", "operator"];
const DEVICES: [&str; 3] = ["kiosk", "merchant", "operator"];

/// The refusal that somebody must get; `None`: they are let in, whatever comes of it.
fn expected(who: &str, method: &str, whom: For) -> Option<(u16, &'static str)> {
    let stranger = who == "nobody";
    let guest = GUESTS.contains(&who);
    match whom {
        All => None,
        // Before anything is looked at, a change wants a session.
        _ if stranger && method != "GET" => Some((401, "session_required")),
        Right(those) if those.contains(&who) => None,
        Right(_) if stranger || guest => Some((401, "sign_in_required")),
        Right(_) => Some((403, "forbidden")),
        _ if stranger => Some((401, "session_required")),
        // Who is no person has no carts and no orders.
        Shopper | Person if DEVICES.contains(&who) => Some((403, "forbidden")),
        Account if guest || TOKENS.contains(&who) => Some((403, "sign_in_required")),
        Person if guest => Some((403, "sign_in_required")),
        Known | Shopper | Account | Person => None,
        Own(those) if those.contains(&who) => None,
        Own(_) if DEVICES.contains(&who) && method != "GET" => Some((403, "forbidden")),
        Own(_) => Some((404, "not_found")),
        Kiosk(those) if those.contains(&who) => None,
        Kiosk(_) => Some((403, "forbidden")),
    }
}

/// One of each kind; `owner`: the guest whose order it is.
pub(crate) async fn callers(server: &Server, owner: Client) -> Vec<(&'static str, Client)> {
    let issue = |arguments: &[&str]| {
        let token = server.place.answer(&[&["token", "issue"], arguments].concat());
        server.nobody().with_token(&token)
    };
    vec![
        ("nobody", server.nobody()),
        ("guest", server.guest().await),
        ("owner", owner),
        ("shopper", sign_in(server, &server.guest().await, "+15550100009", 1).await),
        ("barista", server.staff("harbor", "Bo", "barista").await),
        ("warehouse", server.staff("harbor", "Wu", "warehouse").await),
        ("manager", server.staff("harbor", "Mo", "manager").await),
        ("till", server.token("barista", "harbor")),
        ("pier barista", server.staff("pier", "Bo", "barista").await),
        ("pier manager", server.staff("pier", "Pat", "manager").await),
        ("kiosk", issue(&["--role", "kiosk", "--kiosk", "pier-1"])),
        ("merchant", issue(&["--role", "merchant", "--merchant", "unicorn-goods"])),
        ("operator", issue(&["--role", "operator"])),
    ]
}

/// Whether a path of the document is this one.
fn is(template: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len() && template.iter().zip(path).all(|(t, p)| t.starts_with('{') || *t == p)
}

async fn everybody_may_do_what_the_contract_says_and_nothing_else(server: Server) {
    let owner = server.guest().await;
    let order = owner.order_coffee().await;
    let somebody = server.guest().await;
    let lines = json!([{"sku": "flat-white-regular", "quantity": 1, "options": ["oat"]}]);
    let held =
        somebody.keyed(Method::POST, "/checkouts", &json!({"store": "harbor", "lines": lines, "fulfilment": {"kind": "pickup"}})).await;
    let elsewhere = sign_in(&server, &server.guest().await, "+15550100007", 1).await;
    let session = elsewhere.get("/me/sessions").await.body["items"][0]["id"].as_str().unwrap().to_owned();
    let table = table(&order, held.body["id"].as_str().unwrap(), &session);

    // Whatever can be called stands in the table.
    let document = server.nobody().get("/openapi.json").await.body;
    let mut missing = BTreeSet::new();
    for (template, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|method| *method != "parameters") {
            let listed = table.iter().any(|(m, path, ..)| m.eq_ignore_ascii_case(method) && is(template, path));
            if !listed {
                missing.insert(format!("{method} {template}"));
            }
        }
    }
    assert!(missing.is_empty(), "not in the table of rights: {missing:?}");

    let refusals = ["session_required", "sign_in_required", "forbidden"];
    let mut wrong = Vec::new();
    // What ends sessions or accounts comes last, and for each caller by itself.
    let ends =
        |path: &str, method: &str| path == "/sign-out" || (method == "DELETE" && path.starts_with("/me") && !path.contains("sessions/"));
    for (who, client) in callers(&server, owner).await {
        let (last, first): (Vec<_>, Vec<_>) = table.iter().partition(|(method, path, ..)| ends(path, method));
        for (method, path, body, keyed, whom) in first {
            let method_sent: Method = method.parse().unwrap();
            let reply = if *keyed { client.keyed(method_sent, path, body).await } else { client.call(method_sent, path, body).await };
            let told = (reply.status.as_u16(), reply.code().to_owned());
            let fits = match expected(who, method, *whom) {
                Some((status, code)) => told == (status, code.to_owned()),
                None => reply.status != StatusCode::FORBIDDEN && !refusals.contains(&reply.code()) && reply.status.as_u16() < 500,
            };
            if !fits {
                wrong.push(format!("{who}: {method} {path}: {told:?}, not {:?}", expected(who, method, *whom)));
            }
        }
        for (method, path, _, _, whom) in last {
            // Who may is believed: it would end the session that the other rows need.
            let Some((status, code)) = expected(who, method, *whom) else { continue };
            let reply = client.call(method.parse().unwrap(), path, &Value::Null).await;
            if (reply.status.as_u16(), reply.code()) != (status, code) {
                wrong.push(format!("{who}: {method} {path}: {} {}, not {status} {code}", reply.status, reply.code()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
    // Nobody has touched what was not theirs.
    assert_eq!(elsewhere.get("/me").await.status, StatusCode::OK);
    assert_eq!(
        somebody.call(Method::DELETE, &format!("/checkouts/{}", held.body["id"].as_str().unwrap()), &Value::Null).await.status,
        StatusCode::NO_CONTENT
    );
}

async fn a_right_that_is_lost_is_lost_at_once(server: Server) {
    let mo = server.staff("harbor", "Mo", "manager").await;
    let bo = server.staff("harbor", "Bo", "barista").await;
    let queue = "/staff/stores/harbor/queue";
    assert_eq!(bo.get(queue).await.status, StatusCode::OK);
    let members = mo.get("/staff/stores/harbor/members").await;
    let his = format!("/staff/stores/harbor/members/{}", members.body["items"][0]["id"].as_str().unwrap());
    let changed = mo.call(Method::PUT, &format!("{his}/roles"), &json!({"roles": ["warehouse"]})).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{}", changed.body);
    let refused = bo.get(queue).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "forbidden"));
    assert_eq!(bo.page(queue.trim_start_matches("/staff/stores").replacen('/', "/staff/", 1).as_str()).await.status, StatusCode::FORBIDDEN);
}
