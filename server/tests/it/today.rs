//! A store's day over HTTP: for its managers alone, as JSON, as a page, and as a file for spreadsheets.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Server, on_both_databases};

on_both_databases! {
    a_managers_day_is_told_as_json_page_and_file
    a_wrong_day_is_said_to_be_one
}

async fn a_managers_day_is_told_as_json_page_and_file(server: Server) {
    let mo = server.staff("harbor", "Mo", "manager").await;
    let path = "/staff/stores/harbor/today";
    let nothing = mo.get(path).await;
    assert_eq!((nothing.status, &nothing.body["totals"]["orders"], &nothing.body["products"]), (StatusCode::OK, &json!(0), &json!([])));
    assert!(mo.page("/staff/harbor/today").await.text().contains("data-testid=\"today\""));

    // A name that a spreadsheet would run is sold.
    let name = json!({"en": "=HYPERLINK(\"http://evil.example\",\"Flat, white\")", "zh-CN": "馥芮白"});
    let texts = json!({"name": name, "description": {"en": "x", "zh-CN": "x"}});
    assert_eq!(mo.call(Method::PUT, "/staff/products/flat-white", &texts).await.status, StatusCode::OK);
    let shopper = server.guest().await;
    let id = shopper.order_coffee().await;
    let body = mo.until(path, |body| body["totals"]["orders"] == 1).await;
    assert_eq!(body["totals"]["revenue"], json!({"amount": 510, "currency": "USD"}));
    assert_eq!(
        body["products"][0],
        json!({"id": "flat-white", "name": name["en"], "quantity": 1, "revenue": {"amount": 510, "currency": "USD"}})
    );
    assert_eq!(mo.in_language("zh-CN").get(path).await.body["products"][0]["name"], "馥芮白");
    mo.until(&format!("/orders/{id}"), |order| order["fulfilments"][0]["status"] == "queued").await;
    let cancel = json!({"reason": "-1+1, please"});
    assert_eq!(mo.keyed(Method::POST, &format!("/staff/orders/{id}/cancel"), &cancel).await.status, StatusCode::OK);
    let ended = mo.get(path).await.body;
    assert_eq!(ended["ended"], json!([{"status": "cancelled", "by": "staff", "reason": "-1+1, please", "orders": 1}]));
    assert_eq!((&ended["totals"]["orders"], &ended["totals"]["cancelled"]), (&json!(0), &json!(1)));
    shopper.order_coffee().await;
    mo.until(path, |body| body["totals"]["orders"] == 1).await;

    let day = body["day"].as_str().unwrap();
    let file = mo.get(&format!("{path}.csv")).await;
    assert_eq!((file.status, file.content_type.as_str()), (StatusCode::OK, "text/csv; charset=utf-8; header=present"));
    assert_eq!(file.header("content-disposition"), Some(format!("attachment; filename=\"harbor-{day}.csv\"").as_str()));
    let lines: Vec<_> = file.text().strip_prefix('\u{feff}').expect("the mark").split("\r\n").collect();
    assert_eq!(lines[0], "day,section,id,name,orders,quantity,revenue,currency,made,waiting_seconds,making_seconds");
    assert_eq!(lines[1], format!("{day},total,paid,,1,,5.10,USD,0,,"));
    let guarded = "\"'=HYPERLINK(\"\"http://evil.example\"\",\"\"Flat, white\"\")\"";
    for row in [
        format!("{day},total,cancelled,,1,,,,,,"),
        format!("{day},product,flat-white,{guarded},,1,5.10,USD,,,"),
        format!("{day},option,oat,Oat drink,,1,0.60,USD,,,"),
        format!("{day},ended,cancelled_by_staff,\"'-1+1, please\",1,,,,,,"),
    ] {
        assert!(lines.contains(&row.as_str()), "{row} in {lines:#?}");
    }
    assert_eq!(
        (lines.iter().filter(|line| line.contains(",hour,")).count(), lines.last()),
        (body["hours"].as_array().unwrap().len(), Some(&""))
    );

    // Whoever is no manager here sees none of it, and is told so by the page, too.
    for (who, status) in [(server.staff("harbor", "Bo", "barista").await, 403), (server.staff("pier", "Pat", "manager").await, 403)] {
        assert_eq!(who.get(path).await.status.as_u16(), status);
        assert_eq!(who.get(&format!("{path}.csv")).await.status.as_u16(), status);
        assert_eq!(who.page("/staff/harbor/today").await.status.as_u16(), status);
    }
    assert_eq!(server.nobody().get(path).await.code(), "sign_in_required");
}

async fn a_wrong_day_is_said_to_be_one(server: Server) {
    let mo = server.staff("harbor", "Mo", "manager").await;
    for wrong in ["2026-02-30", "today", "", "20261122"] {
        for path in ["today", "today.csv"] {
            let refused = mo.get(&format!("/staff/stores/harbor/{path}?day={wrong}")).await;
            assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "invalid_day"), "{wrong}");
        }
    }
    assert_eq!(mo.in_language("zh-CN").get("/staff/stores/harbor/today?day=x").await.body["detail"], "day 须为日期，例如 2026-11-22。");
    assert_eq!(mo.page("/staff/harbor/today?day=x").await.status, StatusCode::NOT_FOUND);
    let before = mo.get("/staff/stores/harbor/today?day=2026-03-08").await.body;
    assert_eq!((&before["current"], before["hours"].as_array().map(Vec::len)), (&json!(false), Some(23)), "clocks were set ahead");
    let page = mo.page("/staff/harbor/today?day=2026-03-08").await;
    assert!(page.text().contains("?day=2026-03-07") && page.text().contains("?day=2026-03-09"), "{}", page.text());
}
