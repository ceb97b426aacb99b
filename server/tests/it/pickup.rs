//! Pick-up tickets over HTTP: shown to who ordered, read by a kiosk of the store, good once.

use domain::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Client, Place, Reply, Server, on_both_databases, run_with};

on_both_databases! {
    a_ticket_is_offered_once_its_order_is_paid
    a_ticket_hands_an_order_over_and_the_screens_see_it
}

const OLD: &str = "a secret of a shop for tests";
const NEW: &str = "the secret that comes after it";

#[test]
fn a_ticket_outlives_its_secret_while_that_is_being_replaced() {
    run_with(Place::on_sqlite(), &[("ORDERLY_SECRET", OLD)], a_secret_is_replaced);
}

impl Server {
    /// The token of a new kiosk at the harbour.
    async fn counter(&self, name: &str) -> String {
        let added = self.token("manager", "harbor").call(Method::POST, "/staff/stores/harbor/kiosks", &json!({"id": name})).await;
        assert_eq!(added.status, StatusCode::CREATED, "{}", added.body);
        self.place.answer(&["token", "issue", "--role", "kiosk", "--kiosk", name])
    }

    /// Brings an order of the harbour to the counter.
    async fn make(&self, barista: &Client, order: &str) {
        barista
            .until("/staff/stores/harbor/queue", |queue| {
                queue["lanes"]["queued"].as_array().is_some_and(|tickets| tickets.iter().any(|ticket| ticket["order"] == order))
            })
            .await;
        for verb in ["claim", "ready"] {
            let moved = barista.keyed(Method::POST, &format!("/staff/orders/{order}/{verb}"), &json!({})).await;
            assert_eq!(moved.status, StatusCode::OK, "{}", moved.body);
        }
    }
}

async fn ticket(shopper: &Client, order: &str) -> String {
    let told = shopper.get(&format!("/orders/{order}/ticket")).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.body);
    assert_eq!((told.header("cache-control"), &told.body["order"]), (Some("no-store"), &json!(order)));
    assert!(told.body["svg"].as_str().unwrap().contains("<svg"));
    told.body["ticket"].as_str().unwrap().to_owned()
}

async fn collect(kiosk: &Client, name: &str, ticket: &str) -> (u16, Value) {
    let reply = kiosk.keyed(Method::POST, &format!("/kiosks/{name}/collect"), &json!({"ticket": ticket})).await;
    (reply.status.as_u16(), reply.body)
}

/// The tag that begins an element, by its test id.
fn tag<'a>(page: &'a Reply, name: &str) -> &'a str {
    let at = page.text().find(&format!("data-testid=\"{name}\"")).unwrap_or_else(|| panic!("{name} is in {}", page.text()));
    let (before, after) = page.text().split_at(at);
    &page.text()[before.rfind('<').unwrap()..at + after.find('>').unwrap()]
}

/// Who has not paid has nothing to fetch: not while the payment runs, nor while the bank waits for them. Until when it does is
/// said, and so is what the bar has promised after that.
async fn a_ticket_is_offered_once_its_order_is_paid(server: Server) {
    let shopper = server.guest().await;
    let order = shopper.order_coffee_by("tok_3ds").await;
    let path = format!("/orders/{order}");
    let waits = shopper.until(&path, |order| order["payment"]["status"] == "action_required").await;
    let time = |value: &Value| value.as_str().expect("a time").parse::<Timestamp>().expect("RFC 3339");
    let (placed, confirm_by) = (time(&waits["placed_at"]), time(&waits["payment"]["confirm_by"]));
    assert!((300..330).contains(&confirm_by.seconds_since(placed)), "{waits}");
    let page = shopper.page(&path).await;
    assert!(tag(&page, "pickup").contains(" hidden"), "{}", tag(&page, "pickup"));
    assert!(tag(&page, "confirm-by").contains("class=\"hold\"") && !page.text().contains("data-testid=\"ready-by\""), "{}", page.text());

    let url = waits["payment"]["action_url"].as_str().unwrap();
    let form = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap().post(url);
    form.header("content-type", "application/x-www-form-urlencoded").body("decision=confirm").send().await.unwrap();
    let paid = shopper.until(&path, |order| order["fulfilments"][0]["status"] == "queued").await;
    assert_eq!(paid["payment"].get("confirm_by"), None);
    // The bar's whole time from the confirmation on.
    assert!((900..1_000).contains(&time(&paid["ready_by"]).seconds_since(placed)), "{paid}");
    let page = shopper.page(&path).await;
    assert!(!tag(&page, "pickup").contains(" hidden"), "{}", tag(&page, "pickup"));
    assert!(!page.text().contains("data-testid=\"confirm-by\"") && tag(&page, "ready-by").contains("hold"), "{}", page.text());
    let chinese = shopper.in_language("zh-CN").page(&path).await;
    assert!(chinese.text().contains("内做好，否则退款给你。"), "{}", chinese.text());

    server.make(&server.token("barista", "harbor"), &order).await;
    let ready = shopper.get(&path).await.body;
    assert_eq!(ready.get("ready_by"), None, "the promise is kept");
    let page = shopper.page(&path).await;
    assert!(tag(&page, "pickup").contains(" open") && !page.text().contains("data-testid=\"ready-by\""), "{}", page.text());

    let other = shopper.order_coffee_by("tok_declined").await;
    shopper.until(&format!("/orders/{other}"), |order| order["status"] == "rejected").await;
    assert!(!shopper.page(&format!("/orders/{other}")).await.text().contains("data-testid=\"pickup\""), "it came to nothing");
}

async fn a_ticket_hands_an_order_over_and_the_screens_see_it(server: Server) {
    let (shopper, barista) = (server.guest().await, server.token("barista", "harbor"));
    let counter = server.nobody().with_token(&server.counter("counter-1").await);
    let order = shopper.order_coffee().await;
    let shown = ticket(&shopper, &order).await;
    shopper.until(&format!("/orders/{order}"), |order| order["status"] == "processed").await;
    let page = shopper.page(&format!("/orders/{order}")).await;
    assert!(page.text().contains(&format!("data-ticket=\"{shown}\"")), "the tracker shows it");
    // Whoever else may see the order is not shown its ticket.
    let staff = server.staff("harbor", "Mo", "manager").await;
    assert_eq!(staff.get(&format!("/orders/{order}/ticket")).await.status, StatusCode::NOT_FOUND);
    assert!(!staff.page(&format!("/orders/{order}")).await.text().contains("data-ticket"));

    let early = collect(&counter.in_language("zh-CN"), "counter-1", &shown).await;
    assert_eq!((early.0, &early.1["code"], &early.1["detail"]), (409, &json!("not_ready"), &json!("这单还没做好。")));
    server.make(&barista, &order).await;
    let path = "/kiosks/counter-1/collect";
    for (body, status, code) in [
        (json!({"ticket": "0193B3C4"}), 404, "ticket_unknown"),
        (json!({"ticket": 5}), 422, "invalid_request"),
        (json!({}), 422, "invalid_request"),
        (json!({"ticket": shown, "order": order}), 422, "invalid_request"),
    ] {
        let refused = counter.keyed(Method::POST, path, &body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (status, code), "{body}");
    }
    let unkeyed = counter.call(Method::POST, path, &json!({"ticket": shown})).await;
    assert_eq!((unkeyed.status, unkeyed.code()), (StatusCode::BAD_REQUEST, "idempotency_key_required"));
    let pier = server.nobody().with_token(&server.place.answer(&["token", "issue", "--role", "kiosk", "--kiosk", "pier-1"]));
    let elsewhere = collect(&pier, "pier-1", &shown).await;
    assert_eq!((elsewhere.0, &elsewhere.1["code"]), (404, &json!("other_store")));
    for name in ["counter-1", "nowhere", "No%20slug"] {
        assert_eq!(collect(&pier, name, &shown).await.0, 403, "another kiosk's name: {name}");
    }

    let body = json!({"ticket": shown});
    let handed = counter.with_key(Method::POST, path, &body, "scan-1").await;
    assert_eq!((handed.status, &handed.body["status"], &handed.body["id"]), (StatusCode::OK, &json!("fulfilled"), &json!(order)));
    // The same request is the same answer; the ticket once more is another request.
    let again = counter.with_key(Method::POST, path, &body, "scan-1").await;
    assert_eq!((again.status, again.header("idempotency-replayed"), &again.body), (StatusCode::OK, Some("true"), &handed.body));
    let spent = collect(&counter, "counter-1", &shown).await;
    assert_eq!((spent.0, &spent.1["code"]), (410, &json!("already_collected")));
    assert_eq!(shopper.get(&format!("/orders/{order}/ticket")).await.status, StatusCode::GONE);

    let journey = shopper.get(&format!("/orders/{order}/journey")).await.body;
    let entry = journey["items"].as_array().unwrap().iter().find(|entry| entry["type"] == "prep.collected.v1").unwrap().clone();
    assert_eq!(entry["kiosk"], "counter-1");
    let audit = staff.page("/staff/harbor/audit").await;
    assert!(audit.text().contains("<small>counter-1</small>"), "{}", audit.text());
}

async fn a_secret_is_replaced(server: Server) {
    let (shopper, barista, counter) = (server.guest().await, server.token("barista", "harbor"), server.counter("counter-1").await);
    let orders = [shopper.order_coffee().await, shopper.order_coffee().await];
    let old = [ticket(&shopper, &orders[0]).await, ticket(&shopper, &orders[1]).await];
    for order in &orders {
        server.make(&barista, order).await;
    }

    let both = format!("{NEW},{OLD}");
    let server = Server::start_with(server.kill(), &[("ORDERLY_SECRET", &both)]);
    let shopper = server.nobody().with_cookie(shopper.cookie().to_owned());
    let new = ticket(&shopper, &orders[1]).await;
    assert_ne!(new, old[1], "the new secret signs");
    assert_eq!(collect(&server.nobody().with_token(&counter), "counter-1", &old[0]).await.0, 200, "and both are believed");

    let server = Server::start_with(server.kill(), &[("ORDERLY_SECRET", NEW)]);
    let counter = server.nobody().with_token(&counter);
    assert_eq!(collect(&counter, "counter-1", &old[1]).await.0, 404, "the old secret is worth nothing any more");
    assert_eq!(collect(&counter, "counter-1", &new).await.0, 200);
    assert_eq!(collect(&counter, "counter-1", &old[0]).await.0, 404);
}
