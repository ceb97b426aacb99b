//! Forms as a browser without scripts sends them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::sign_in::{sign_in, with_messages};
use crate::support::{Client, Reply, Server, on_both_databases};

on_both_databases! {
    an_order_form_sent_again_is_the_same_order
    a_forms_address_opened_as_a_page_leads_back
    a_refusal_is_not_said_again_once_the_order_is_placed
    an_order_is_called_off_once_however_often_it_is_pressed
    what_the_page_does_not_show_is_not_ordered
    an_emptied_cart_is_not_told_of_the_door
    what_a_script_sends_again_is_added_once_and_what_is_pressed_again_twice
    what_was_not_chosen_is_marked_and_what_is_too_much_is_the_most
}

with_messages! {
    a_form_that_is_refused_comes_back_as_it_was_sent
}

async fn add(client: &Client, quantity: &str, milk: Option<&str>) -> Reply {
    let mut fields = vec![("store", "harbor"), ("product", "flat-white"), ("sku", "flat-white-regular"), ("quantity", quantity)];
    fields.extend(milk.map(|milk| ("options[milk][]", milk)));
    client.post_form("/do/cart/add", &fields).await
}

/// Where it leads, without the site.
fn leads_to(reply: &Reply) -> String {
    assert_eq!(reply.status, StatusCode::FOUND, "{}", reply.body);
    reply.header("location").expect("a way on").to_owned()
}

/// The value of a hidden field.
fn hidden(page: &Reply, name: &str) -> String {
    let (_, rest) = page.text().split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("{name} is in {}", page.text()));
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// What a refused form has left for the next page.
fn draft(refused: &Reply) -> Value {
    let cookie = refused.header("set-cookie").expect("a draft").split(';').next().unwrap_or_default();
    let draft = URL_SAFE_NO_PAD.decode(cookie.trim_start_matches("orderly_draft=")).expect("Base64");
    serde_json::from_slice(&draft).expect("JSON")
}

async fn an_order_form_sent_again_is_the_same_order(server: Server) {
    let guest = server.guest().await;
    add(&guest, "1", Some("oat")).await;
    let page = guest.page("/s/harbor/checkout").await;
    assert_eq!(page.header("cache-control"), Some("private, no-store"), "Back must not bring the form again");
    let (key, total) = (hidden(&page, "key"), hidden(&page, "expected_total"));
    let place = async |checkout: &str, total: &str, payment: &str| {
        let fields = [
            ("store", "harbor"),
            ("key", &key),
            ("checkout", checkout),
            ("expected_total", total),
            ("currency", "USD"),
            ("payment", payment),
        ];
        leads_to(&guest.post_form("/do/checkout/place", &fields).await)
    };
    let order = place("", &total, "tok_declined").await;
    assert!(order.starts_with("/orders/"), "{order}");
    // Whatever the page held by then.
    assert_eq!(place("0199aa00-0000-7000-8000-000000000000", &total, "tok_declined").await, order);
    // Another total or another card is another order, which this key does not stand for; nothing is charged for it.
    for (total, payment) in [("1", "tok_declined"), (&*total, "tok_ok"), (&*total, "wallet")] {
        let told = place("", total, payment).await;
        assert!(told.contains("error=idempotency_key_reused"), "{payment}: {told}");
    }
    let orders = guest.get("/orders").await;
    assert_eq!(orders.body["items"].as_array().map(Vec::len), Some(1), "{}", orders.body);

    // A form of which nobody knows whether it was done has left its key, once; not where it was done.
    add(&guest, "1", Some("oat")).await;
    let refused = guest.post_form("/do/checkout/place", &[("store", "harbor"), ("key", "any"), ("currency", "USD")]).await;
    let left = draft(&refused);
    let of = async |key: &str| {
        let mut left = left.clone();
        left["key"] = json!(key);
        let cookie = format!("{}; orderly_draft={}", guest.cookie(), URL_SAFE_NO_PAD.encode(left.to_string()));
        let page = guest.with("cookie", &cookie).page("/s/harbor/checkout?error=unavailable").await;
        assert!(page.text().contains("href=\"/orders\""), "where to look");
        assert!(page.header("set-cookie").is_some_and(|gone| gone.starts_with("orderly_draft=;")), "{:?}", page.header("set-cookie"));
        hidden(&page, "key")
    };
    assert_eq!(of("0199aa00-aaaa-7000-8000-000000000000").await, "0199aa00-aaaa-7000-8000-000000000000");
    let next = of(&key).await;
    assert_ne!(next, key);
    let fields =
        [("store", "harbor"), ("key", &*next), ("checkout", ""), ("expected_total", &*total), ("currency", "USD"), ("payment", "tok_ok")];
    let second = leads_to(&guest.post_form("/do/checkout/place", &fields).await);
    assert!(second.starts_with("/orders/") && second != order, "{second}");
}

/// Back brings the address that a refusal led to, after the order that came of the next try.
async fn a_refusal_is_not_said_again_once_the_order_is_placed(server: Server) {
    let guest = server.guest().await;
    let refused = "/s/harbor/checkout?error=cart_changed";
    let said = "id=\"problem\"";
    assert!(guest.page(refused).await.text().contains(said), "no order has come after it");
    add(&guest, "1", Some("oat")).await;
    let page = guest.page(refused).await;
    assert!(page.text().contains(said), "{}", page.text());
    let (key, total) = (hidden(&page, "key"), hidden(&page, "expected_total"));
    let fields =
        [("store", "harbor"), ("key", &*key), ("checkout", ""), ("expected_total", &*total), ("currency", "USD"), ("payment", "tok_ok")];
    let order = leads_to(&guest.post_form("/do/checkout/place", &fields).await);
    let page = guest.page(refused).await;
    assert!(page.text().contains(&format!("href=\"{order}\"")), "{}", page.text());
    assert!(!page.text().contains(said), "{}", page.text());
}

/// A tab from before another one has changed the cart, at the same total.
async fn what_the_page_does_not_show_is_not_ordered(server: Server) {
    let guest = server.guest().await;
    for held in [false, true] {
        add(&guest, "1", Some("oat")).await;
        let page = guest.page("/s/harbor/checkout").await;
        let (key, total, shown) = (hidden(&page, "key"), hidden(&page, "expected_total"), hidden(&page, "shown"));
        add(&guest, "1", Some("soy")).await;
        guest.post_form("/do/cart/set", &[("store", "harbor"), ("line", &hidden(&page, "line")), ("quantity", "0")]).await;
        let checkout = if held {
            let line = json!({"sku": "flat-white-regular", "quantity": 1, "options": ["soy"]});
            let body = json!({"store": "harbor", "lines": [line], "fulfilment": {"kind": "pickup"}});
            guest.keyed(Method::POST, "/checkouts", &body).await.body["id"].as_str().expect("it is held").to_owned()
        } else {
            String::new()
        };
        let place = async |key: &str, shown: &str, total: &str| {
            let fields = [
                ("store", "harbor"),
                ("key", key),
                ("checkout", &checkout),
                ("shown", shown),
                ("expected_total", total),
                ("currency", "USD"),
                ("payment", "tok_ok"),
            ];
            leads_to(&guest.post_form("/do/checkout/place", &fields).await)
        };
        assert_eq!(place(&key, &shown, &total).await, "/s/harbor/checkout?error=cart_changed");
        let page = guest.page("/s/harbor/checkout").await;
        let (key, shown, total) = (hidden(&page, "key"), hidden(&page, "shown"), hidden(&page, "expected_total"));
        let order = place(&key, &shown, &total).await;
        assert!(order.starts_with("/orders/"), "{order}");
    }
}

/// A tab whose cart was ordered or emptied on another page hears that first, whatever else is in the way.
async fn an_emptied_cart_is_not_told_of_the_door(server: Server) {
    let guest = server.guest().await;
    add(&guest, "1", Some("oat")).await;
    let page = guest.page("/s/harbor/checkout").await;
    let (total, shown) = (hidden(&page, "expected_total"), hidden(&page, "shown"));
    let closed = server.token("manager", "harbor").call(Method::PUT, "/staff/stores/harbor/status", &json!({"open": false})).await;
    assert!(closed.status.is_success(), "{}", closed.body);
    let place = async |key: &str| {
        let fields = [
            ("store", "harbor"),
            ("key", key),
            ("checkout", ""),
            ("shown", &*shown),
            ("expected_total", &*total),
            ("currency", "USD"),
            ("payment", "tok_ok"),
        ];
        leads_to(&guest.post_form("/do/checkout/place", &fields).await)
    };
    let told = place(&hidden(&page, "key")).await;
    assert!(told.contains("error=store_closed"), "{told}");
    guest.post_form("/do/cart/set", &[("store", "harbor"), ("line", &hidden(&page, "line")), ("quantity", "0")]).await;
    assert_eq!(place("0199aa00-aaaa-7000-8000-000000000000").await, "/s/harbor/checkout?error=no_lines");
}

/// What it would pay with, too: the next press is not to take the wallet of who chose a card.
async fn a_form_that_is_refused_comes_back_as_it_was_sent(server: Server) {
    let shopper = sign_in(&server, &server.guest().await, "+15550100001", 1).await;
    let fields = [("store", "unicorn"), ("product", "sticker-sheet"), ("sku", "sticker-sheet"), ("quantity", "1")];
    shopper.post_form("/do/cart/add", &fields).await;
    let stranger = server.guest().await;
    stranger.post_form("/do/cart/add", &fields).await;
    let path = "/s/unicorn/checkout";
    let first = shopper.page(path).await;
    let is_chosen = |page: &Reply, payment: &str| page.text().contains(&format!("name=\"payment\" value=\"{payment}\" checked"));
    assert!(is_chosen(&first, "wallet"), "{}", first.text());
    for (payment, country, expected) in [
        ("tok_ok", "xx", "tok_ok"),
        ("tok_declined", "USA", "tok_declined"),
        ("tok_3ds", "ß", "tok_3ds"),
        ("wallet", "", "wallet"),
        ("", "US", ""),
        // What the page does not offer is somebody's own.
        ("tok_of_theirs", "uk", "wallet"),
    ] {
        let page = shopper.page(path).await;
        let (key, shown, total) = (hidden(&page, "key"), hidden(&page, "shown"), hidden(&page, "expected_total"));
        let mut fields = vec![
            ("store", "unicorn"),
            ("key", &*key),
            ("checkout", ""),
            ("shown", &*shown),
            ("expected_total", &*total),
            ("currency", "USD"),
            ("payment", payment),
        ];
        let address = [("name", "Ada"), ("line1", "1 Quay"), ("line2", ""), ("city", "Oakland"), ("region", ""), ("postal_code", "94607")];
        let named = address.map(|(name, value)| (format!("address[{name}]"), value));
        fields.extend(named.iter().map(|(name, value)| (&**name, *value)));
        fields.push(("address[country]", country));
        let refused = shopper.post_form("/do/checkout/place", &fields).await;
        let code = if payment.is_empty() { "payment_missing" } else { "unknown_country" };
        assert!(leads_to(&refused).contains(&format!("error={code}")), "{country}: {}", leads_to(&refused));
        let cookie = refused.header("set-cookie").expect("a draft").split(';').next().unwrap_or_default().to_owned();
        assert!(!draft(&refused).to_string().contains("tok_of_theirs"));
        let told = shopper.with("cookie", &format!("{}; {cookie}", shopper.cookie())).page(&format!("{path}?error={code}")).await;
        assert!(expected.is_empty() || is_chosen(&told, expected), "{payment}: {}", told.text());
        assert_eq!(told.text().matches(" checked").count(), usize::from(!expected.is_empty()), "one of all: {}", told.text());
        let unfolded = told.text().contains("<details open class=\"fold\"");
        assert_eq!(unfolded, payment == "tok_3ds", "what is chosen is seen");
        // Whoever comes to this browser next is shown nothing of it, and it is gone.
        let next = stranger.with("cookie", &format!("{}; {cookie}", stranger.cookie())).page(path).await;
        assert!(!next.text().contains("value=\"Ada\"") && is_chosen(&next, "tok_ok"), "{}", next.text());
        assert!(next.header("set-cookie").is_some_and(|gone| gone.starts_with("orderly_draft=; Path=/s/unicorn/checkout; Max-Age=0;")));
        if payment.is_empty() {
            continue;
        }
        // A script shows the refusal itself, and nothing is left.
        let told_a_script = shopper.post_script("/do/checkout/place", &fields).await;
        assert!(told_a_script.body["Refused"]["code"] == "unknown_country", "{}", told_a_script.body);
        let left = draft(&told_a_script);
        assert!(left["payment"].is_null() && left["address"]["name"] == "" && left["faults"] == json!([]), "{left}");
        // Where another page has changed the cart, it loads its own anew, with what was typed.
        let another = format!("{key}-2");
        (fields[1].1, fields[3].1) = (&another, "other things");
        let changed = shopper.post_script("/do/checkout/place", &fields).await;
        assert!(changed.body["Refused"]["code"] == "cart_changed", "{}", changed.body);
        assert_eq!((&draft(&changed)["address"]["name"], &draft(&changed)["address"]["country"]), (&json!("Ada"), &json!(country)));
        for kept in ["value=\"Ada\"", "value=\"94607\"", &format!("value=\"{country}\""), "There is no such country."] {
            assert!(told.text().contains(kept), "{kept}: {}", told.text());
        }
    }
}

/// A tab that is restored, or Enter in the address bar.
async fn a_forms_address_opened_as_a_page_leads_back(server: Server) {
    let guest = server.guest().await.with("accept", "text/html");
    for (referer, page) in
        [("/s/harbor/p/flat-white?error=modifier_min", "/s/harbor/p/flat-white"), ("/do/cart/add", "/"), ("//elsewhere.example", "/")]
    {
        let client = guest.with("referer", &format!("{}{referer}", server.url));
        for path in ["/do/cart/add", "/do/no-such"] {
            let reply = client.page(path).await;
            assert_eq!((reply.status, reply.header("location")), (StatusCode::SEE_OTHER, Some(page)), "{path} from {referer}");
        }
    }
    for client in [guest.with("referer", "http://elsewhere.example/s/harbor"), server.nobody()] {
        assert_eq!(client.page("/do/checkout/place").await.header("location"), Some("/"));
    }
}

/// Without scripts, and pressed twice at once: both lead to the order, and neither to a complaint.
async fn an_order_is_called_off_once_however_often_it_is_pressed(server: Server) {
    let guest = server.guest().await;
    add(&guest, "1", Some("oat")).await;
    let page = guest.page("/s/harbor/checkout").await;
    let (key, total) = (hidden(&page, "key"), hidden(&page, "expected_total"));
    let fields = [("store", "harbor"), ("key", &*key), ("expected_total", &*total), ("currency", "USD"), ("payment", "tok_ok")];
    let order = leads_to(&guest.post_form("/do/checkout/place", &fields).await);
    let key = hidden(&guest.page(&order).await, "key");
    let id = order.rsplit('/').next().unwrap_or_default();
    let press = async || leads_to(&guest.post_form("/do/order/cancel", &[("order", id), ("key", &*key)]).await);
    let pressed = tokio::join!(press(), press());
    assert_eq!(pressed, (order.clone(), order.clone()));
    assert_eq!(press().await, order);
    assert_eq!(guest.get(&order).await.body["status"], "cancelled");
    // Another wish is another thing: it has ended.
    let again = leads_to(&guest.post_form("/do/order/cancel", &[("order", id), ("key", "another")]).await);
    assert!(again.contains("error="), "{again}");
}

async fn what_a_script_sends_again_is_added_once_and_what_is_pressed_again_twice(server: Server) {
    let guest = server.guest().await;
    // A press; another one that says something else, under the same key first.
    let press = "store=harbor&product=flat-white&sku=flat-white-regular&quantity=2&options%5Bmilk%5D%5B%5D=oat&key=one";
    let other = "store=harbor&product=flat-white&sku=flat-white-regular&quantity=3&options%5Bmilk%5D%5B%5D=oat&key=one";
    let apart = "store=harbor&product=flat-white&sku=flat-white-regular&quantity=3&options%5Bmilk%5D%5B%5D=oat&key=two";
    let post = async |body: &'static str| guest.post_page("/do/cart/add", body).await.body;
    // Sent again while the first one runs, and afterwards.
    let (first, beside) = tokio::join!(post(press), post(press));
    for sent in [first, beside, post(press).await] {
        assert_eq!(sent["Done"]["count"], 2, "{sent}");
    }
    let sent = post(other).await;
    assert_eq!(sent["Refused"]["code"], "idempotency_key_reused", "{sent}");
    let sent = post(apart).await;
    assert_eq!(sent["Done"]["count"], 5, "{sent}");
    // A browser without scripts has no key: every press is meant.
    for _ in 0..2 {
        assert_eq!(leads_to(&add(&guest, "1", Some("oat")).await), "/s/harbor");
    }
    // What was wrong is put right under the same key.
    let none = "store=harbor&product=flat-white&sku=flat-white-regular&quantity=0&options%5Bmilk%5D%5B%5D=oat&key=three";
    let some = "store=harbor&product=flat-white&sku=flat-white-regular&quantity=1&options%5Bmilk%5D%5B%5D=oat&key=three";
    let sent = post(none).await;
    assert_eq!(sent["Refused"]["code"], "quantity_out_of_range", "{sent}");
    let sent = post(some).await;
    assert_eq!(sent["Done"]["count"], 8, "{sent}");
}

async fn what_was_not_chosen_is_marked_and_what_is_too_much_is_the_most(server: Server) {
    let guest = server.guest().await;
    let back = leads_to(&add(&guest, "1", None).await);
    assert!(back.contains("error=modifier_min"), "{back}");
    let page = guest.page(&back).await;
    assert_eq!(page.text().matches("aria-invalid=\"true\"").count(), 1, "{}", page.text());
    assert_eq!(page.text().matches(" checked").count(), 1, "the size alone: {}", page.text());

    for (typed, shown) in [("9223372036854775808", "99"), ("0", "1"), ("-1", "1"), ("two", "1")] {
        let back = leads_to(&add(&guest, typed, Some("oat")).await);
        assert!(back.contains("error=quantity_out_of_range") && back.ends_with(&format!("quantity={shown}")), "{typed}: {back}");
    }
}
