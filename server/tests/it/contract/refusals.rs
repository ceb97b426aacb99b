//! What is refused, and in which words: every fault at once, by its place, its code and in the caller's language.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{FLAT_WHITE, checkout, coffee, order};
use crate::support::{Server, on_both_databases};

on_both_databases! {
    a_wrong_cart_is_told_everything_at_once
    people_and_tokens_are_refused_with_all_that_is_wrong
    what_is_not_json_not_keyed_or_not_there_is_named
    what_is_refused_is_said_in_the_language_asked_for
    a_query_that_cannot_be_read_names_its_parameter
    every_list_is_read_in_parts
    a_method_that_a_call_does_not_take_is_told_with_those_that_it_takes
    hostile_texts_stay_texts
}

async fn a_wrong_cart_is_told_everything_at_once(server: Server) {
    let shopper = server.guest().await;
    let lines = json!([
        {"sku": "no-such", "quantity": 1},
        {"sku": FLAT_WHITE, "quantity": 0, "options": ["oat"]},
        {"sku": FLAT_WHITE, "quantity": 100, "options": ["oat", "whole"]},
        {"sku": FLAT_WHITE, "quantity": -1, "options": []},
        {"sku": FLAT_WHITE, "quantity": 9_223_372_036_854_775_808_u64, "options": ["gold", "oat"]},
    ]);
    for (path, body) in [("/quotes", json!({"store": "harbor", "lines": lines})), ("/checkouts", checkout("harbor", lines.clone()))] {
        let refused = shopper.keyed(Method::POST, path, &body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert_eq!(refused.content_type, "application/problem+json");
        assert_eq!(refused.body["code"], "invalid_request");
        let faults: Vec<_> = refused.body["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| (e["pointer"].as_str().unwrap(), e["code"].as_str().unwrap()))
            .collect();
        for expected in [
            ("/lines/0/sku", "unknown_sku"),
            ("/lines/1/quantity", "quantity_out_of_range"),
            ("/lines/2/quantity", "quantity_out_of_range"),
            ("/lines/2/options", "modifier_max"),
            ("/lines/3/options", "modifier_min"),
            ("/lines/4/quantity", "quantity_out_of_range"),
            ("/lines/4/options/0", "unknown_option"),
        ] {
            assert!(faults.contains(&expected), "{path}: {expected:?} in {faults:?}");
        }
    }
    // An array is no object, wherever one stands, though serde would read it as one.
    let whole = json!(["harbor", [{"sku": FLAT_WHITE, "quantity": 1, "options": ["oat"]}]]);
    let line = json!({"store": "harbor", "lines": [[FLAT_WHITE, 1, ["oat"]]]});
    for (body, pointer) in [(whole, ""), (line, "/lines/0")] {
        let refused = shopper.keyed(Method::POST, "/quotes", &body).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_request"), "{body}");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}");
    }
    // What has another shape does not hide what has another value.
    let lines = json!([{"sku": "no-such", "quantity": "two"}, {"sku": FLAT_WHITE, "quantity": 0, "options": ["oat"], "ice": true}]);
    let ship = json!({"store": "harbor", "lines": lines, "fulfilment": {"kind": "ship"}});
    for (path, body) in [("/quotes", json!({"store": "harbor", "lines": lines})), ("/checkouts", ship)] {
        let refused = shopper.keyed(Method::POST, path, &body).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_request"), "{path}");
        let faults: Vec<_> = refused.body["errors"].as_array().unwrap().iter().map(|e| (&e["pointer"], &e["code"])).collect();
        let mut expected = vec![
            ("/lines/0/quantity", "invalid_value"),
            ("/lines/0/sku", "unknown_sku"),
            ("/lines/1/ice", "unknown_field"),
            ("/lines/1/quantity", "quantity_out_of_range"),
        ];
        if path == "/checkouts" {
            expected.extend([("/fulfilment/address", "required"), ("/fulfilment/kind", "fulfilment_not_offered")]);
        }
        assert_eq!(faults.len(), expected.len(), "{path}: {faults:?}");
        for (pointer, code) in expected {
            assert!(faults.contains(&(&json!(pointer), &json!(code))), "{path}: {pointer} in {faults:?}");
        }
    }
}

const MEMBERS: &str = "/staff/stores/harbor/members";

async fn people_and_tokens_are_refused_with_all_that_is_wrong(server: Server) {
    let mo = server.staff("harbor", "Mo", "manager").await;
    let kim = mo.call(Method::POST, MEMBERS, &json!({"name": "Kim", "role": "barista"})).await;
    let roles = format!("{MEMBERS}/{}/roles", kim.body["id"].as_str().unwrap());
    let tokens = "/staff/stores/harbor/tokens";
    let long = "x".repeat(61);
    for (method, path, body, expected) in [
        (Method::PUT, &*roles, json!({"roles": ["customer"]}), vec![("/roles/0", "unknown_role")]),
        (Method::PUT, &*roles, json!({"roles": ["barista", "kiosk"]}), vec![("/roles/1", "unknown_role")]),
        (Method::POST, MEMBERS, json!({"name": "  ", "role": "customer"}), vec![("/name", "required"), ("/role", "unknown_role")]),
        (Method::POST, MEMBERS, json!({"name": "  ", "role": "boss"}), vec![("/name", "required"), ("/role", "invalid_value")]),
        (Method::POST, tokens, json!({"name": "ok", "role": "kiosk"}), vec![("/kiosk", "required")]),
        (Method::POST, tokens, json!({"name": "", "role": "operator"}), vec![("/name", "required"), ("/role", "unknown_role")]),
        (Method::POST, tokens, json!({"name": "", "role": "king"}), vec![("/name", "required"), ("/role", "invalid_value")]),
        (
            Method::POST,
            tokens,
            json!({"name": "", "role": "kiosk", "kiosk": "No One"}),
            vec![("/kiosk", "unknown_kiosk"), ("/name", "required")],
        ),
        (Method::PATCH, "/me", json!({"name": long, "language": "fr"}), vec![("/language", "invalid_value"), ("/name", "name_too_long")]),
    ] {
        let refused = mo.call(method, path, &body).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_request"), "{path} {body}");
        let told = |error: &Value| (error["pointer"].as_str().unwrap().to_owned(), error["code"].as_str().unwrap().to_owned());
        let mut faults: Vec<_> = refused.body["errors"].as_array().unwrap().iter().map(told).collect();
        faults.sort_unstable();
        let expected: Vec<_> = expected.into_iter().map(|(pointer, code)| (pointer.to_owned(), code.to_owned())).collect();
        assert_eq!(faults, expected, "{path} {body}");
    }
    // What can be chosen is what the call takes.
    let boss = mo.call(Method::POST, MEMBERS, &json!({"name": "Lee", "role": "boss"})).await;
    assert_eq!(boss.body["errors"][0]["detail"], "Choose one of barista, warehouse, manager.");
    assert_eq!(mo.get(MEMBERS).await.body["items"].as_array().unwrap().len(), 2, "nobody was added");
}

async fn what_is_not_json_not_keyed_or_not_there_is_named(server: Server) {
    let shopper = server.guest().await;
    let nobody = server.nobody();

    let raw = |body: &'static str, content_type: &'static str| shopper.raw(Method::POST, "/quotes", body, content_type);
    for (body, content_type, status, code) in [
        ("{", "application/json", StatusCode::BAD_REQUEST, "malformed_json"),
        ("", "application/json", StatusCode::BAD_REQUEST, "malformed_json"),
        ("{} x", "application/json", StatusCode::BAD_REQUEST, "malformed_json"),
        ("{}", "text/plain", StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
        ("{\"store\":\"harbor\",\"lines\":[{\"sku\":1}]}", "application/json", StatusCode::UNPROCESSABLE_ENTITY, "invalid_request"),
    ] {
        let refused = raw(body, content_type).await;
        assert_eq!((refused.status, refused.body["code"].as_str()), (status, Some(code)), "{body}");
        assert_eq!(refused.body["request_id"].as_str(), refused.header("x-request-id"), "{body}");
        assert!(refused.body["request_id"].as_str().is_some_and(|id| !id.is_empty()));
    }
    let faulty = raw("{\"store\":\"harbor\",\"lines\":[{\"sku\":1}]}", "application/json").await;
    let mut places: Vec<_> = faulty.body["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    places.sort_unstable();
    assert_eq!(places, ["/lines/0/quantity", "/lines/0/sku"]);

    let unkeyed = shopper.call(Method::POST, "/checkouts", &checkout("harbor", json!([coffee(1)]))).await;
    assert_eq!((unkeyed.status, unkeyed.code()), (StatusCode::BAD_REQUEST, "idempotency_key_required"));
    let sessionless = nobody.keyed(Method::POST, "/checkouts", &checkout("harbor", json!([coffee(1)]))).await;
    assert_eq!((sessionless.status, sessionless.code()), (StatusCode::UNAUTHORIZED, "session_required"));
    for path in
        ["/stores/nowhere", "/stores/nowhere/menu", "/orders/0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071", "/orders/x", "/no/such", "", "/"]
    {
        let missing = shopper.get(path).await;
        assert_eq!(missing.content_type, "application/problem+json", "{path}");
        assert_eq!((missing.status, missing.code()), (StatusCode::NOT_FOUND, "not_found"), "{path}");
    }
    assert_eq!(shopper.get("/orders?limit=201").await.status, StatusCode::BAD_REQUEST);
    let foreign = shopper.with_origin("https://elsewhere.example").keyed(Method::POST, "/checkouts", &json!({})).await;
    assert_eq!((foreign.status, foreign.code()), (StatusCode::FORBIDDEN, "foreign_origin"));
    let large = "x".repeat(1024 * 1024 + 1);
    let refused = shopper.raw(Method::POST, "/quotes", large, "application/json").await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
}

async fn what_is_refused_is_said_in_the_language_asked_for(server: Server) {
    let shopper = server.guest().await;
    let chinese = shopper.in_language("zh-CN");
    let lines = json!([{"sku": "pier-espresso", "quantity": 1}]);
    let key = "a-code-is-needed-here";
    let refused = chinese.with_key(Method::POST, "/checkouts", &checkout("pier", lines.clone()), key).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "admission_required"));
    assert_eq!(refused.body["detail"], "请先扫描摊位上的码再下单，购物车已为你保留。");
    assert_eq!(refused.header("content-language"), Some("zh-CN"));
    let again = chinese.with_key(Method::POST, "/checkouts", &checkout("pier", lines.clone()), key).await;
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &refused.body));
    let english = shopper.with_key(Method::POST, "/checkouts", &checkout("pier", lines), key).await;
    assert_eq!(english.header("content-language"), Some("en"));
    assert!(english.body["detail"].as_str().unwrap().contains("code"), "{}", english.body);

    let wrong = json!([{"sku": "flat-white-regular", "quantity": 100}]);
    let wrong = chinese.send(chinese.request(Method::POST, "/quotes").json(&json!({"store": "harbor", "lines": wrong}))).await;
    assert_eq!((wrong.status, wrong.header("content-language")), (StatusCode::UNPROCESSABLE_ENTITY, Some("zh-CN")));
    assert_eq!(wrong.body["errors"][0]["detail"], "请选 1 到 99。");
    // What a sentence names, it names in every language; the rest of the answer is the same.
    let asked = json!({"store": "harbor", "lines": [{"sku": FLAT_WHITE, "quantity": "two", "options": [], "ice": true}]});
    let (ours, english) =
        (chinese.call(Method::POST, "/quotes", &asked).await.body, shopper.call(Method::POST, "/quotes", &asked).await.body);
    let details =
        |body: &Value| body["errors"].as_array().unwrap().iter().map(|fault| fault["detail"].to_string()).collect::<Vec<_>>().join(" ");
    for named in ["“奶”至少选 1 项。", "没有这个字段；可用的有：", "这里须为整数。"] {
        assert!(details(&ours).contains(named), "{named} in {ours}");
    }
    let members = |body: &Value| {
        let of = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        (of(body), body["errors"].as_array().unwrap().iter().map(of).collect::<Vec<_>>())
    };
    assert_eq!(members(&ours), members(&english));
    let told: BTreeSet<_> = members(&ours).1.into_iter().flatten().collect();
    assert_eq!(told, ["code", "detail", "pointer"].map(str::to_owned).into());
    let nowhere = chinese.get("/stores/nowhere").await;
    assert_eq!((nowhere.code(), &nowhere.body["detail"], nowhere.body.get("terms")), ("not_found", &json!("没有这家店。"), None));
    let queried = chinese.get("/products?store=harbor&limit=500").await;
    assert_eq!((queried.status, &queried.body["detail"]), (StatusCode::BAD_REQUEST, &json!("limit 须为 1 到 200。")));
    let keyless = chinese.call(Method::POST, "/checkouts", &json!({})).await;
    assert_eq!((keyless.code(), keyless.header("content-language")), ("idempotency_key_required", Some("zh-CN")));
    assert!(keyless.body["detail"].as_str().unwrap().starts_with("请发送"), "{}", keyless.body);
    let path = chinese.get("/no-such").await;
    assert_eq!((path.status, &path.body["detail"]), (StatusCode::NOT_FOUND, &json!("没有这个内容。")));

    let nobody = server.nobody();
    let unknown = nobody.in_language("zh-CN").keyed(Method::POST, "/checkouts", &json!({})).await;
    assert_eq!((unknown.status, unknown.header("www-authenticate")), (StatusCode::UNAUTHORIZED, Some("Bearer")));
    assert_eq!(unknown.header("content-language"), Some("zh-CN"));
}

async fn a_query_that_cannot_be_read_names_its_parameter(server: Server) {
    let shopper = server.guest().await;
    for (query, code, word) in [
        ("limit=many", "invalid_query", "limit"),
        ("limit=0", "limit_out_of_range", "limit"),
        ("cursor=garbage", "invalid_cursor", "cursor"),
    ] {
        let refused = shopper.get(&format!("/products?store=harbor&{query}")).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, code), "{query}: {}", refused.body);
        assert!(refused.body["detail"].as_str().unwrap().contains(word), "{query}: {}", refused.body);
    }
    for path in ["/stores/%ff", "/stores/%c3%28/menu", "/products/%ff?store=harbor", "/orders/%ff"] {
        let refused = shopper.get(path).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::NOT_FOUND, "not_found"), "{path}: {}", refused.body);
        assert_eq!(refused.header("content-type"), Some("application/problem+json"), "{path}");
    }
}

async fn every_list_is_read_in_parts(server: Server) {
    let mo = server.staff("harbor", "Mo", "manager").await;
    let journey = format!("/orders/{}/journey", server.guest().await.order_coffee().await);
    let staff = |list: &str| format!("/staff/stores/harbor/{list}");
    for path in ["/stores".to_owned(), journey, "/me/sessions".to_owned(), staff("members"), staff("kiosks"), staff("tokens")] {
        for (query, code) in [
            ("limit=201", "limit_out_of_range"),
            ("limit=0", "limit_out_of_range"),
            ("limit=x", "invalid_query"),
            ("cursor=no-such", "invalid_cursor"),
        ] {
            let refused = mo.get(&format!("{path}?{query}")).await;
            assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, code), "{path}?{query}: {}", refused.body);
        }
        let names = |page: &Value| {
            let items = page["items"].as_array().unwrap().iter();
            items.map(|item| item.get("id").unwrap_or(item).clone()).collect::<Vec<_>>()
        };
        let whole = names(&mo.get(&path).await.body);
        let (mut read, mut query) = (Vec::new(), "limit=1".to_owned());
        loop {
            let page = mo.get(&format!("{path}?{query}")).await.body;
            assert!(names(&page).len() <= 1, "{path}?{query}: {page}");
            read.extend(names(&page));
            let Some(next) = page["next"].as_str() else { break };
            query = format!("limit=1&cursor={next}");
        }
        // What happens to the order meanwhile comes at the end.
        assert!(read.starts_with(&whole), "{path}: {read:?} of {whole:?}");
    }
}

async fn a_method_that_a_call_does_not_take_is_told_with_those_that_it_takes(server: Server) {
    let (nobody, guest) = (server.nobody(), server.guest().await);
    let document = nobody.get("/openapi.json").await.body;
    let mut calls: Vec<(String, BTreeSet<String>)> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        calls.push((path.clone(), methods.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect()));
    }
    assert!(calls.len() > 40, "{calls:?}");
    calls.extend(["/openapi.json", "/asyncapi.json", "/schemas/{type}"].map(|path| (path.to_owned(), BTreeSet::from(["GET".to_owned()]))));
    for (path, mut taken) in calls {
        if taken.contains("GET") {
            taken.insert("HEAD".to_owned());
        }
        let path: Vec<_> = path.split('/').map(|part| if part.starts_with('{') { "harbor" } else { part }).collect();
        let path = path.join("/");
        let others: Vec<_> = ["POST", "PUT", "PATCH", "DELETE"].into_iter().filter(|method| !taken.contains(*method)).collect();
        // A guest asks once a call: more in so short a time are slowed.
        let asked =
            others.iter().map(|method| ("nobody", &nobody, *method)).chain(others.first().map(|method| ("a guest", &guest, *method)));
        for (who, client, method) in asked {
            let refused = client.call(method.parse().unwrap(), &path, &json!({})).await;
            assert_eq!((refused.status, refused.code()), (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"), "{who}: {method} {path}");
            let told: BTreeSet<_> = refused.header("allow").unwrap_or_default().split(',').map(str::to_owned).collect();
            assert_eq!(told, taken, "{who}: {method} {path}");
        }
    }
    // What a call takes, and what there is not, is asked for with a session.
    for (method, path) in [(Method::PATCH, "/me"), (Method::PUT, "/staff/stores/harbor/status"), (Method::POST, "/no/such")] {
        let refused = nobody.call(method, path, &json!({})).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::UNAUTHORIZED, "session_required"), "{path}");
    }
}

async fn hostile_texts_stay_texts(server: Server) {
    let (shopper, manager) = (server.guest().await, server.token("manager", "unicorn"));
    let name = "</title><meta http-equiv=\"refresh\" content=\"0;url=//evil\"><script>1</script> & more";
    let text = json!({"en": name, "zh-CN": name});
    let edited = manager.call(Method::PUT, "/staff/products/unicorn-mug", &json!({"name": text, "description": text})).await;
    assert_eq!((edited.status, edited.body["name"].as_str()), (StatusCode::OK, Some(name)), "{}", edited.body);
    for page in ["/s/unicorn/p/unicorn-mug", "/s/unicorn"] {
        let page = shopper.page(page).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text().contains("&lt;script>") || page.text().contains("&lt;script&gt;"), "the name is shown");
        assert!(!page.text().contains("<script>1") && !page.text().contains("<meta http-equiv"), "the name is markup");
    }

    let begun = shopper.keyed(Method::POST, "/checkouts", &checkout("harbor", json!([coffee(1)]))).await;
    let path = format!("/checkouts/{}/place", begun.body["id"].as_str().unwrap());
    for token in ["", "tok\u{0}", "tok ok", &"x".repeat(256)] {
        let place = json!({"payment": {"method": "card", "token": token}, "expected_total": begun.body["quote"]["total"]});
        let refused = shopper.keyed(Method::POST, &path, &place).await;
        let fault = &refused.body["errors"][0]["pointer"];
        assert_eq!((refused.status, fault), (StatusCode::UNPROCESSABLE_ENTITY, &json!("/payment/token")), "{}", refused.body);
    }
    let placed = order(&shopper, "tok_ok").await;
    let path = format!("/orders/{}/cancel", placed["id"].as_str().unwrap());
    let refused = shopper.keyed(Method::POST, &path, &json!({"reason": "a\u{0}b"})).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("/reason")));
    let missing = shopper.keyed(Method::POST, "/checkouts", &json!({"store": "harbor"})).await;
    let fault = &missing.body["errors"][0];
    assert_eq!((&fault["pointer"], &fault["code"]), (&json!("/lines"), &json!("required")), "{}", missing.body);
    let nobody = server.nobody().get(&format!("/orders/{}", placed["id"].as_str().unwrap())).await;
    assert_eq!((nobody.status, nobody.header("content-language")), (StatusCode::UNAUTHORIZED, Some("en")));
}
