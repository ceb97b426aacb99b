//! The terms of a store and its counts, for who may change them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Server, on_both_databases};

on_both_databases! {
    settings_change_in_part_and_say_what_is_wrong_with_them
    settings_are_for_managers_of_the_store
    counts_are_corrected_once_and_never_below_what_is_held
    the_pages_change_the_same_by_plain_forms
    a_form_that_is_refused_tells_what_a_colleague_has_changed_meanwhile
}

const ADJUST: &str = "/staff/stock-adjustments";
const SETTINGS: &str = "/staff/stores/harbor/settings";

async fn settings_change_in_part_and_say_what_is_wrong_with_them(server: Server) {
    let manager = server.token("manager", "harbor");
    let before = manager.get(SETTINGS).await;
    assert_eq!((before.status, &before.body["capacity"], &before.body["order_limit"]), (StatusCode::OK, &json!(20), &Value::Null));
    let after = manager.call(Method::PATCH, SETTINGS, &json!({"capacity": null, "order_limit": 3, "barista_seconds": 60})).await;
    assert_eq!(after.status, StatusCode::OK);
    let mut expected = before.body.clone();
    (expected["capacity"], expected["order_limit"], expected["barista_seconds"]) = (Value::Null, json!(3), json!(60));
    assert_eq!(after.body, expected, "what was not named stays");
    assert_eq!(manager.get(SETTINGS).await.body, expected);
    assert_eq!(manager.call(Method::PATCH, SETTINGS, &json!({})).await.body, expected);

    // JSON has one kind of number.
    let whole = manager.call(Method::PATCH, SETTINGS, &json!({"capacity": 20.0})).await;
    assert_eq!((whole.status, &whole.body["capacity"]), (StatusCode::OK, &json!(20)), "{}", whole.body);
    expected["capacity"] = json!(20);

    let wrong = json!({"capacity": 0, "admission": "never", "order_limit": 101, "scans_per_code": 1001, "code_seconds": 29,
        "customer_seconds": 3601, "barista_seconds": "900", "wait_target_seconds": 59, "colour": "red"});
    let refused = manager.call(Method::PATCH, SETTINGS, &wrong).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid_request"));
    let mut pointers: Vec<_> = refused.body["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    let mut named: Vec<_> = wrong.as_object().unwrap().keys().map(|field| format!("/{field}")).collect();
    named.sort_unstable();
    assert_eq!(pointers, named);
    for body in [json!([]), json!("x"), json!(null)] {
        let refused = manager.raw(Method::PATCH, SETTINGS, body.to_string(), "application/json").await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    }
    assert_eq!(manager.raw(Method::PATCH, SETTINGS, "{", "application/json").await.code(), "malformed_json");
    assert_eq!(manager.raw(Method::PATCH, SETTINGS, "{}", "text/plain").await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(manager.get(SETTINGS).await.body, expected, "nothing of it was kept");
}

async fn settings_are_for_managers_of_the_store(server: Server) {
    let (nobody, guest) = (server.nobody(), server.guest().await);
    let everywhere = server.place.answer(&["token", "issue", "--role", "manager", "--name", "Boss"]);
    let everywhere = server.nobody().with_token(&everywhere);
    let others: Vec<_> =
        [("barista", "harbor"), ("warehouse", "harbor"), ("manager", "pier")].map(|(role, store)| server.token(role, store)).into();
    for (method, path, body) in [
        (Method::GET, SETTINGS.to_owned(), Value::Null),
        (Method::PATCH, SETTINGS.to_owned(), json!({"capacity": 1})),
        (Method::PUT, "/staff/stores/harbor/status".to_owned(), json!({"open": false})),
    ] {
        for (client, status) in [(&nobody, StatusCode::UNAUTHORIZED), (&guest, StatusCode::UNAUTHORIZED)] {
            assert_eq!(client.call(method.clone(), &path, &body).await.status, status, "{method} {path}");
        }
        for client in &others {
            let refused = client.call(method.clone(), &path, &body).await;
            assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, "forbidden"), "{method} {path}");
        }
        let nowhere = path.replace("harbor", "nowhere");
        assert_eq!(everywhere.call(method.clone(), &nowhere, &body).await.status, StatusCode::NOT_FOUND, "{method} {nowhere}");
    }
    assert_eq!(everywhere.get(SETTINGS).await.body["capacity"], 20);
    assert_eq!(guest.get("/stores/harbor").await.body["open"], true);
}

async fn counts_are_corrected_once_and_never_below_what_is_held(server: Server) {
    let warehouse = server.token("warehouse", "unicorn");
    let adjust = |change: Value| {
        let mut body = json!({"store": "unicorn", "sku": "unicorn-plush", "reason": "count"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    let more = warehouse.with_key(Method::POST, ADJUST, &adjust(json!({"delta": 2})), "two").await;
    assert_eq!((more.status, &more.body["on_hand"], &more.body["available"]), (StatusCode::OK, &json!(6), &json!(6)));
    let again = warehouse.with_key(Method::POST, ADJUST, &adjust(json!({"delta": 2})), "two").await;
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &more.body));
    let guest = server.guest().await;
    let address = json!({"name": "Ada", "line1": "1 Quay", "city": "Oakland", "postal_code": "94607", "country": "US"});
    let held =
        json!({"store": "unicorn", "lines": [{"sku": "unicorn-plush", "quantity": 5}], "fulfilment": {"kind": "ship", "address": address}});
    assert_eq!(guest.keyed(Method::POST, "/checkouts", &held).await.status, StatusCode::CREATED);
    for change in [json!({"delta": -2}), json!({"on_hand": 4})] {
        let refused = warehouse.keyed(Method::POST, ADJUST, &adjust(change)).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "below_held"));
    }
    let least = warehouse.keyed(Method::POST, ADJUST, &adjust(json!({"on_hand": 5}))).await;
    assert_eq!((&least.body["on_hand"], &least.body["held"], &least.body["available"]), (&json!(5), &json!(5), &json!(0)));
    for (change, pointer) in [
        (json!({}), "/delta"),
        (json!({"delta": 1, "on_hand": 1}), "/delta"),
        (json!({"delta": 1, "sku": "no-such"}), "/sku"),
        (json!({"delta": 1, "reason": ""}), "/reason"),
        (json!({"on_hand": -1}), "/on_hand"),
    ] {
        let refused = warehouse.keyed(Method::POST, ADJUST, &adjust(change.clone())).await;
        assert_eq!(
            (refused.status, refused.body["errors"][0]["pointer"].as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, Some(pointer)),
            "{change}: {}",
            refused.body
        );
    }
    for (change, code, detail) in [
        (json!({}), "required", "Give either delta or on_hand."),
        (json!({"delta": 1, "on_hand": 1}), "not_both", "Give delta or on_hand, not both."),
    ] {
        let refused = warehouse.keyed(Method::POST, ADJUST, &adjust(change.clone())).await.body;
        assert_eq!((&refused["errors"][0]["code"], &refused["errors"][0]["detail"]), (&json!(code), &json!(detail)), "{refused}");
        let refused = warehouse.in_language("zh-CN").keyed(Method::POST, ADJUST, &adjust(change)).await.body;
        assert_eq!(refused["errors"][0]["detail"], "请从这些中选一个：delta、on_hand。", "{refused}");
    }
    for client in [server.token("barista", "unicorn"), server.token("warehouse", "harbor")] {
        assert_eq!(client.keyed(Method::POST, ADJUST, &adjust(json!({"delta": 1}))).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(guest.keyed(Method::POST, ADJUST, &adjust(json!({"delta": 1}))).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(warehouse.call(Method::POST, ADJUST, &adjust(json!({"delta": 1}))).await.code(), "idempotency_key_required");
}

async fn the_pages_change_the_same_by_plain_forms(server: Server) {
    let code = server.place.answer(&["staff", "add", "--store", "harbor", "--name", "Kim", "--role", "manager"]);
    let guest = server.guest().await;
    for page in ["/staff/harbor/settings", "/staff/harbor/stock"] {
        assert_eq!(guest.page(page).await.status, StatusCode::UNAUTHORIZED, "{page}");
        assert_eq!(
            guest.post_form("/do/staff/settings", &[("store", "harbor"), ("settings[capacity]", "1")]).await.status,
            StatusCode::FOUND
        );
    }
    let signed_in = guest.post_form("/do/staff/sign-in", &[("code", &code), ("back", "/staff/harbor/settings")]).await;
    assert_eq!(signed_in.header("location"), Some("/staff/harbor/settings"));
    let kim = guest.with_cookie(signed_in.cookie().unwrap());
    let saved =
        kim.post_form("/do/staff/settings", &[("store", "harbor"), ("settings[capacity]", "7"), ("settings[order_limit]", "")]).await;
    assert_eq!(saved.header("location"), Some("/staff/harbor/settings?saved=1"));
    let manager = server.token("manager", "harbor");
    assert_eq!(manager.get(SETTINGS).await.body["capacity"], 7);
    let wrong =
        kim.post_form("/do/staff/settings", &[("store", "harbor"), ("settings[capacity]", "0"), ("settings[code_seconds]", "soon")]).await;
    let page = wrong.header("location").unwrap();
    assert_eq!(page, "/staff/harbor/settings?error=out_of_range&fields=capacity,code_seconds");
    assert_eq!(kim.page(page).await.text().matches("aria-invalid").count(), 2);
    // What was typed is still there on the next page, and on no other.
    let typed = wrong.cookies().into_iter().find(|pair| pair.starts_with("orderly_typed=")).expect("what was typed");
    let with_typed = kim.with("cookie", &format!("{}; {typed}", kim.cookie()));
    let shown = with_typed.page(page).await;
    let field = |text: &str, id: &str| text.split(&format!("id=\"{id}\"")).nth(1).unwrap().split('>').next().unwrap().to_owned();
    assert!(field(shown.text(), "set-capacity").contains("value=\"0\""), "{}", field(shown.text(), "set-capacity"));
    assert!(field(shown.text(), "set-scans_per_code").contains("value=\"10\""), "what was not sent is as it is");
    assert!(shown.cookies().iter().any(|pair| pair == "orderly_typed="));
    assert!(field(kim.page("/staff/harbor/settings").await.text(), "set-capacity").contains("value=\"7\""));
    let never =
        kim.post_form("/do/staff/settings", &[("store", "harbor"), ("settings[admission]", "never"), ("settings[capacity]", "9")]).await;
    let typed = never.cookies().into_iter().find(|pair| pair.starts_with("orderly_typed=")).expect("what was typed");
    let shown = kim.with("cookie", &format!("{}; {typed}", kim.cookie())).page(never.header("location").unwrap()).await;
    assert!(shown.text().contains("id=\"set-admission-error\"") && shown.text().contains("aria-describedby=\"set-admission-error\""));
    assert!(field(shown.text(), "set-capacity").contains("value=\"9\""));
    // What was seen is written over by nobody who has not seen it changed; what was left as it was is nobody's.
    let other = json!({"capacity": 8, "barista_seconds": 1200});
    assert_eq!(manager.call(Method::PATCH, SETTINGS, &other).await.status, StatusCode::OK);
    let form = [
        ("store", "harbor"),
        ("settings[capacity]", "9"),
        ("was[capacity]", "7"),
        ("settings[barista_seconds]", "900"),
        ("was[barista_seconds]", "900"),
    ];
    let moved = kim.post_form("/do/staff/settings", &form).await;
    let back = "/staff/harbor/settings?error=settings_changed&fields=capacity";
    assert_eq!(moved.header("location"), Some(back));
    let typed = moved.cookies().into_iter().find(|pair| pair.starts_with("orderly_typed=")).expect("what was typed");
    let shown = kim.with("cookie", &format!("{}; {typed}", kim.cookie())).page(back).await;
    assert!(field(shown.text(), "set-capacity").contains("value=\"9\""), "what was typed stays");
    assert!(field(shown.text(), "set-barista_seconds").contains("value=\"1200\""), "what was left as it was is as it is");
    assert!(shown.text().contains("Now: 8."), "and what stands where something else was typed is said");
    let form = form.map(|(field, text)| if field == "was[capacity]" { (field, "8") } else { (field, text) });
    let saved = kim.post_form("/do/staff/settings", &form).await;
    assert_eq!(saved.header("location"), Some("/staff/harbor/settings?saved=1"));
    let now = manager.get(SETTINGS).await.body;
    assert_eq!((&now["capacity"], &now["barista_seconds"]), (&json!(9), &json!(1200)));
    let foreign = kim.post_form("/do/staff/settings", &[("store", "pier"), ("settings[capacity]", "1")]).await;
    assert_eq!(foreign.header("location"), Some("/staff/pier/settings?error=forbidden&fields="));

    let stock = [("store", "harbor"), ("sku", "butter-croissant"), ("key", "k1"), ("how", "add"), ("units", "3"), ("reason", "received")];
    for said in ["saved", "saved_before"] {
        let booked = kim.post_form("/do/staff/stock", &stock).await;
        assert_eq!(booked.header("location"), Some(&*format!("/staff/harbor/stock?{said}=butter-croissant#count-butter-croissant")));
    }
    let other = stock.map(|(field, text)| if field == "units" { (field, "4") } else { (field, text) });
    let back = "/staff/harbor/stock?error=stock_sent_before&item=butter-croissant#count-butter-croissant";
    assert_eq!(kim.post_form("/do/staff/stock", &other).await.header("location"), Some(back));
    let page = kim.page("/staff/harbor/stock?saved_before=butter-croissant").await;
    assert!(page.text().contains("nothing more was booked: 15"), "{}", page.text());
    let page = kim.page("/staff/harbor/stock?saved=butter-croissant").await;
    assert!(page.text().contains("15 on hand"), "booked once: 12 and 3");
    let none = [("store", "harbor"), ("sku", "butter-croissant"), ("key", "k2"), ("how", "add"), ("units", "0"), ("reason", "received")];
    let back = "/staff/harbor/stock?error=units_out_of_range&item=butter-croissant#count-butter-croissant";
    assert_eq!(kim.post_form("/do/staff/stock", &none).await.header("location"), Some(back));
    // A form that lost its fields is answered with a sentence, too.
    for form in [
        "/do/staff/settings",
        "/do/staff/stock",
        "/do/staff/item",
        "/do/staff/open",
        "/do/staff/ticket",
        "/do/cart/add",
        "/do/cart/set",
        "/do/cart/swap",
        "/do/checkout/hold",
        "/do/checkout/place",
        "/do/order/cancel",
        "/do/sign-in",
        "/do/sign-in/code",
        "/do/account/edit",
        "/do/account/session",
        "/do/account/delete",
        "/do/wallet/top-up",
        "/do/language",
        "/do/staff/sign-in",
    ] {
        let empty = kim.post_form(form, &[]).await;
        assert_eq!(empty.status, StatusCode::FOUND, "{form}: {}", empty.text());
    }
}

async fn a_form_that_is_refused_tells_what_a_colleague_has_changed_meanwhile(server: Server) {
    let code = server.place.answer(&["staff", "add", "--store", "harbor", "--name", "Kim", "--role", "manager"]);
    let signed_in = server.guest().await.post_form("/do/staff/sign-in", &[("code", &code)]).await;
    let kim = server.nobody().with_cookie(signed_in.cookie().unwrap());
    let manager = server.token("manager", "harbor");
    // The whole form as it was shown, and what Kim makes of three of its fields.
    let whole = |page: &str, mine: [(&'static str, &'static str); 3]| -> Vec<(String, String)> {
        let shown = page.split("name=\"was[").skip(1).map(|rest| {
            let (name, rest) = rest.split_once("]\" value=\"").unwrap();
            (name.to_owned(), rest.split('"').next().unwrap().to_owned())
        });
        let fields = shown.flat_map(|(name, was)| {
            let typed = mine.iter().find(|(field, _)| *field == name).map_or_else(|| was.clone(), |(_, text)| (*text).to_owned());
            [(format!("settings[{name}]"), typed), (format!("was[{name}]"), was)]
        });
        fields.chain([("store".to_owned(), "harbor".to_owned())]).collect()
    };
    let send = async |form: &[(String, String)]| {
        let fields: Vec<_> = form.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        kim.post_form("/do/staff/settings", &fields).await
    };
    let settings = "/staff/harbor/settings";
    for (wrong, error, theirs) in [("900.0", "wrong_type", 99), ("59", "out_of_range", 98)] {
        let before = json!({"capacity": 20, "order_limit": null, "barista_seconds": 900, "code_seconds": 60});
        assert_eq!(manager.call(Method::PATCH, SETTINGS, &before).await.status, StatusCode::OK);
        let form = whole(kim.page(settings).await.text(), [("capacity", "44"), ("order_limit", "5"), ("barista_seconds", wrong)]);
        assert_eq!(form.len(), 17, "{form:?}");
        let other = json!({"capacity": theirs, "order_limit": 5, "barista_seconds": 1200, "code_seconds": 90});
        assert_eq!(manager.call(Method::PATCH, SETTINGS, &other).await.status, StatusCode::OK);
        let refused = send(&form).await;
        let back = format!("{settings}?error={error}&fields=barista_seconds");
        assert_eq!(refused.header("location"), Some(&*back));
        let typed = refused.cookies().into_iter().find(|pair| pair.starts_with("orderly_typed=")).expect("what was typed");
        let page = kim.with("cookie", &format!("{}; {typed}", kim.cookie())).page(&back).await;
        // At the field that nothing is wrong with, and beside what is wrong with the other; not where both want the same, nor at what
        // was left as it was.
        let said = |id: &str| {
            let (_, rest) = page.text().split_once(&format!("id=\"{id}-error\""))?;
            rest.split("</p>").next().map(str::to_owned)
        };
        let capacity = said("set-capacity").expect("a word at the capacity");
        assert!(capacity.contains(&format!("Now: {theirs}.")), "{capacity}");
        let barista = said("set-barista_seconds").expect("a word at the time");
        assert!(barista.contains("60 to 14400.") && barista.contains("Now: 1200."), "{barista}");
        assert_eq!((said("set-order_limit"), said("set-code_seconds")), (None, None));
        // Whoever saves it then has seen it; what was not changed stays the other's.
        let form = whole(page.text(), [("capacity", "44"), ("order_limit", "5"), ("barista_seconds", "901")]);
        assert_eq!(send(&form).await.header("location"), Some("/staff/harbor/settings?saved=1"));
        let now = manager.get(SETTINGS).await.body;
        assert_eq!((&now["capacity"], &now["barista_seconds"], &now["code_seconds"]), (&json!(44), &json!(901), &json!(90)));
    }
}
