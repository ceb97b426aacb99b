//! What is on its way while somebody signs in, and comes after that with the cookie of before.

use reqwest::StatusCode;
use serde_json::json;

use super::{ADA, messages, sign_in, with_messages};
use crate::support::Server;

with_messages! {
    a_page_that_comes_late_signs_nobody_out
    who_never_heard_that_they_are_signed_in_signs_in_again
    who_begins_a_shift_is_not_signed_out_by_a_late_page_either
}

/// Whatever was left is longer ago now than a request is under way.
async fn later(server: &Server) {
    server.place.execute("update session set ended_at = ended_at - 300000 where $1 is not null").await;
}

async fn a_page_that_comes_late_signs_nobody_out(server: Server) {
    let guest = server.guest().await;
    let ada = sign_in(&server, &guest, ADA, 1).await;
    for page in ["/", "/s/harbor", "/sign-in", "/orders", "/account"] {
        let late = guest.page(page).await;
        assert_eq!(late.cookie(), None, "{page}: the browser may have the account's by now");
        assert_eq!(late.header("cache-control"), Some("private, no-store"), "{page}");
        let shown = server.nobody().page(page).await;
        assert_eq!(late.status, shown.status, "{page}: as whoever has nothing sees it");
    }
    let scan = guest.page("/scan/ABCD0123").await;
    assert_eq!((scan.cookie(), scan.text().contains("scan-form")), (None, false));
    let form = guest.post_form("/do/cart/add", &[("store", "harbor"), ("sku", "flat-white-regular"), ("quantity", "1")]).await;
    assert_eq!((form.status, form.cookie()), (StatusCode::UNAUTHORIZED, None));
    assert!(form.text().contains("Please sign in") && form.text().contains("href=\"/sign-in?back="), "{}", form.text());
    assert_eq!(ada.get("/me").await.body["guest"], false);
    // A browser that keeps it all the same gets another one in the end.
    later(&server).await;
    let fresh = guest.page("/s/harbor").await.cookie().expect("a guest's");
    assert_eq!(guest.with_cookie(fresh).get("/me").await.body["guest"], true);
    assert_eq!(ada.get("/me").await.body["guest"], false);
}

async fn who_never_heard_that_they_are_signed_in_signs_in_again(server: Server) {
    let guest = server.guest().await;
    sign_in(&server, &guest, ADA, 1).await;
    let asked = guest.post_form("/do/sign-in/code", &[("phone", ADA), ("back", "/orders")]).await;
    assert_eq!((asked.status, asked.cookie()), (StatusCode::FOUND, None), "{}", asked.text());
    let code = messages(&server, ADA, 2).await.last().unwrap()["code"].as_str().unwrap().to_owned();
    let done = guest.post_form("/do/sign-in", &[("phone", ADA), ("code", &code), ("back", "/orders")]).await;
    assert_eq!((done.status, done.header("location")), (StatusCode::FOUND, Some("/orders")), "{}", done.text());
    let ada = guest.with_cookie(done.cookie().expect("the account's"));
    assert_eq!(ada.get("/me").await.body["guest"], false);
    // Without any cookie a form is refused as ever.
    let nobody = server.nobody().post_form("/do/sign-in", &[("phone", ADA), ("code", &code), ("back", "/")]).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
}

async fn who_begins_a_shift_is_not_signed_out_by_a_late_page_either(server: Server) {
    let guest = server.guest().await;
    let code = server.place.answer(&["staff", "add", "--store", "harbor", "--name", "Kim", "--role", "barista"]);
    let kim = guest.staff_sign_in(&json!({"code": code.trim()})).await.unwrap();
    assert_eq!(guest.page("/staff").await.cookie(), None);
    assert_eq!(kim.get("/staff/stores/harbor/queue").await.status, StatusCode::OK);
    // At the door with the cookie of before: what is typed is looked at.
    let wrong = guest.post_form("/do/staff/sign-in", &[("code", "00000000")]).await;
    assert_eq!((wrong.status, wrong.cookie()), (StatusCode::FOUND, None), "{}", wrong.text());
}
