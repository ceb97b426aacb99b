//! Sold out, and back: the switches of the bar, and what an open cart is offered then, all by plain forms.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Client, Reply, Server, on_both_databases};

on_both_databases! {
    the_bar_switches_items_and_options_by_plain_forms
    the_switches_of_the_api_are_as_the_contract_says
    a_cart_is_offered_what_is_nearest_and_takes_it_in_one_step
    a_form_of_the_stock_comes_back_as_it_was_typed
}

fn leads_to(reply: &Reply) -> &str {
    assert_eq!(reply.status, StatusCode::FOUND, "{}", reply.text());
    reply.header("location").expect("a way on")
}

async fn switch(client: &Client, field: &str, id: &str, available: &str) -> Reply {
    client
        .post_form("/do/staff/item", &[("store", "harbor"), (field, id), ("available", available), ("q", "a b"), ("only", "sold_out")])
        .await
}

/// The switch of a row: `true` or `false`.
fn stands(page: &Reply, id: &str) -> bool {
    let (_, row) = page.text().split_once(&format!("id=\"harbor-{id}\"")).unwrap_or_else(|| panic!("{id} is in {}", page.text()));
    let (_, checked) = row.split_once("aria-checked=\"").expect("a switch");
    checked.starts_with("true")
}

async fn the_bar_switches_items_and_options_by_plain_forms(server: Server) {
    let kim = server.staff("harbor", "Kim", "barista").await;
    let page = kim.page("/staff/harbor/menu").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(stands(&page, "oat") && stands(&page, "flat-white-large"));
    let switched = switch(&kim, "option", "oat", "false").await;
    assert_eq!(leads_to(&switched), "/staff/harbor/menu?q=a%20b&only=sold_out#harbor-oat");
    switch(&kim, "sku", "flat-white-large", "false").await;
    let page = kim.page("/staff/harbor/menu").await;
    assert!(!stands(&page, "oat") && !stands(&page, "flat-white-large") && stands(&page, "flat-white-regular"));
    // What is looked for, without scripts.
    let found = kim.page("/staff/harbor/menu?q=FLAT&only=sold_out").await;
    let hidden = |id: &str| {
        let (_, row) = found.text().split_once(&format!("id=\"harbor-{id}\"")).expect("a row");
        row.split('>').next().is_some_and(|tag| tag.contains("hidden"))
    };
    assert!(!hidden("flat-white-large") && hidden("flat-white-regular") && hidden("oat"));
    switch(&kim, "option", "oat", "true").await;
    assert!(stands(&kim.page("/staff/harbor/menu").await, "oat"));

    for (field, id) in [("sku", "moon-dust"), ("option", "gold"), ("sku", "oat"), ("sku", ""), ("option", "../x")] {
        let refused = switch(&kim, field, id, "false").await;
        assert_eq!(leads_to(&refused), "/staff/harbor/menu?q=a%20b&only=sold_out&error=not_found", "{field} {id}");
    }
    let (sam, pat) = (server.staff("harbor", "Sam", "warehouse").await, server.staff("pier", "Pat", "manager").await);
    for client in [&sam, &pat] {
        assert_eq!(leads_to(&switch(client, "option", "oat", "false").await).split("error=").nth(1), Some("forbidden"));
        assert_eq!(client.page("/staff/harbor/menu").await.status, StatusCode::FORBIDDEN);
    }
    let foreign = kim.without("origin").with("origin", "https://evil.example");
    assert_eq!(switch(&foreign, "option", "oat", "false").await.status, StatusCode::FORBIDDEN);
    assert!(stands(&kim.page("/staff/harbor/menu").await, "oat"), "nobody else has switched it");
    let guest = server.guest().await;
    assert_eq!(guest.page("/staff/harbor/menu").await.status, StatusCode::UNAUTHORIZED);
    // The counts are the warehouse's; where the switches stood, the bar is led to them.
    assert_eq!(sam.page("/staff/harbor/stock").await.status, StatusCode::OK);
    assert_eq!(leads_to(&kim.page("/staff/harbor/stock").await), "/staff/harbor/menu");

    // What is counted and all held is switched on, and none is left of it.
    let mo = server.staff("harbor", "Mo", "manager").await;
    let line = json!({"sku": "butter-croissant", "quantity": 12});
    let held =
        guest.keyed(Method::POST, "/checkouts", &json!({"store": "harbor", "lines": [line], "fulfilment": {"kind": "pickup"}})).await;
    assert_eq!(held.status, StatusCode::CREATED, "{}", held.body);
    let page = mo.page("/staff/harbor/menu").await;
    assert!(stands(&page, "butter-croissant") && page.text().contains("None left by the count"));
}

/// Whether all that the menu has under this id, an item or an option in each of its groups, can be bought.
fn on_sale(menu: &Value, id: &str) -> bool {
    fn named<'m>(part: &'m Value, id: &str, found: &mut Vec<&'m Value>) {
        if part.get("sku").or_else(|| part.get("id")).is_some_and(|name| name == id) {
            found.extend(part.get("available"));
        }
        match part {
            Value::Object(fields) => fields.values().for_each(|part| named(part, id, found)),
            Value::Array(parts) => parts.iter().for_each(|part| named(part, id, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    named(menu, id, &mut found);
    assert!(!found.is_empty(), "{id} is on the menu");
    found.iter().all(|available| **available == true)
}

async fn the_switches_of_the_api_are_as_the_contract_says(server: Server) {
    let (barista, manager) = (server.token("barista", "harbor"), server.token("manager", "harbor"));
    let guest = server.guest().await;
    for (client, path, id) in [(&barista, "items/flat-white-large", "flat-white-large"), (&manager, "options/oat", "oat")] {
        let path = format!("/staff/stores/harbor/{path}");
        let off = client.call(Method::PUT, &path, &json!({"available": false})).await;
        assert_eq!((off.status, &off.body), (StatusCode::OK, &json!({"available": false})), "{path}");
        assert_eq!(client.call(Method::PUT, &path, &json!({"available": false})).await.status, StatusCode::OK, "again is no fault");
        assert!(!on_sale(&guest.get("/stores/harbor/menu").await.body, id), "{id}");
        assert_eq!(client.call(Method::PUT, &path, &json!({"available": true})).await.status, StatusCode::OK);
        assert!(on_sale(&guest.get("/stores/harbor/menu").await.body, id), "{id}");
        for body in [json!({}), json!({"available": "no"}), json!({"available": true, "colour": "red"})] {
            let refused = client.call(Method::PUT, &path, &body).await;
            assert_eq!((refused.status, refused.code()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_request"), "{body}");
        }
    }
    for path in ["items/moon-dust", "options/gold", "items/oat"] {
        let unknown = barista.call(Method::PUT, &format!("/staff/stores/harbor/{path}"), &json!({"available": false})).await;
        assert_eq!((unknown.status, unknown.code()), (StatusCode::NOT_FOUND, "not_found"), "{path}");
    }
}

/// The id of the only line of a cart.
fn line(page: &Reply) -> String {
    let (_, rest) = page.text().split_once("name=\"line\" value=\"").expect("a line");
    rest.split('"').next().unwrap_or_default().to_owned()
}

async fn a_cart_is_offered_what_is_nearest_and_takes_it_in_one_step(server: Server) {
    let (kim, guest) = (server.staff("harbor", "Kim", "barista").await, server.guest().await);
    let added =
        [("store", "harbor"), ("product", "flat-white"), ("sku", "flat-white-regular"), ("quantity", "2"), ("options[milk][]", "oat")];
    leads_to(&guest.post_form("/do/cart/add", &added).await);
    assert!(!guest.page("/s/harbor/checkout").await.text().contains("/do/cart/swap"), "nothing is sold out");
    switch(&kim, "option", "oat", "false").await;
    let page = guest.page("/s/harbor/checkout").await;
    assert!(page.text().contains("Sold out: Oat") && page.text().contains("name=\"options[]\" value=\"soy\""), "{}", page.text());
    let id = line(&page);
    let swap = [("store", "harbor"), ("line", id.as_str()), ("sku", "flat-white-regular"), ("options[]", "soy")];
    // What was offered and sold out before it was pressed is refused, and the next one is offered.
    switch(&kim, "option", "soy", "false").await;
    assert_eq!(leads_to(&guest.post_form("/do/cart/swap", &swap).await), "/s/harbor/checkout?error=item_unavailable");
    let page = guest.page("/s/harbor/checkout?error=item_unavailable").await;
    assert!(page.text().contains("name=\"options[]\" value=\"whole\""), "{}", page.text());
    switch(&kim, "option", "soy", "true").await;
    assert_eq!(leads_to(&guest.post_form("/do/cart/swap", &swap).await), format!("/s/harbor/checkout#line-{id}"));
    let page = guest.page("/s/harbor/checkout").await;
    assert_eq!(line(&page), id, "where it stood");
    assert!(page.text().contains("Soy") && !page.text().contains("/do/cart/swap"));
    assert!(page.text().contains("<output class=\"stepper__value\">2"), "as many as there were: {}", page.text());
    // A line is its shopper's, also against a form of another site.
    assert!(leads_to(&server.guest().await.post_form("/do/cart/swap", &swap).await).contains("error=not_found"));
    let foreign = guest.without("origin").with("origin", "https://evil.example");
    assert_eq!(foreign.post_form("/do/cart/swap", &swap).await.status, StatusCode::FORBIDDEN);
    // The product's page offers it, too, where nothing is alive.
    let page = guest.page("/s/harbor/p/flat-white?error=item_unavailable&sku=flat-white-regular&options=oat&quantity=1").await;
    assert!(page.text().contains("?sku=flat-white-regular&amp;options=soy"), "{}", page.text());
}

async fn a_form_of_the_stock_comes_back_as_it_was_typed(server: Server) {
    let (sam, guest) = (server.staff("harbor", "Sam", "warehouse").await, server.guest().await);
    let lines = json!([{"sku": "butter-croissant", "quantity": 5}]);
    let held = guest.keyed(Method::POST, "/checkouts", &json!({"store": "harbor", "lines": lines, "fulfilment": {"kind": "pickup"}})).await;
    assert_eq!(held.status, StatusCode::CREATED, "{}", held.body);
    let page = sam.page("/staff/harbor/stock").await;
    assert!(page.text().contains("5 are held for orders, so at most 7 can be taken away"), "{}", page.text());
    let form = [("store", "harbor"), ("sku", "butter-croissant"), ("key", "k"), ("how", "remove"), ("units", "8"), ("reason", "waste")];
    let refused = sam.post_form("/do/staff/stock", &form).await;
    assert_eq!(leads_to(&refused), "/staff/harbor/stock?error=below_held&item=butter-croissant#count-butter-croissant");
    let typed = refused.cookies().into_iter().find(|pair| pair.starts_with("orderly_typed=")).expect("what was typed");
    let shown = sam.with("cookie", &format!("{}; {typed}", sam.cookie())).page(leads_to(&refused)).await;
    let (_, form) = shown.text().split_once("id=\"count-butter-croissant\"").expect("the item");
    let form = form.split("</form>").next().unwrap_or_default();
    assert!(form.contains("<details open") && form.contains("id=\"units-butter-croissant-error\""), "{form}");
    assert!(
        form.contains("value=\"8\"") && form.contains("value=\"remove\" selected") && form.contains("value=\"waste\" selected"),
        "{form}"
    );
    assert_eq!(shown.text().matches("More than that are held for orders").count(), 1, "said once");
}
