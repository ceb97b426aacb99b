//! A code as people type it into the form.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{ADA, code, with_messages, wrong};
use crate::support::Server;

with_messages! {
    a_form_takes_a_code_as_it_is_typed_and_no_try_for_what_is_none
}

/// The digits that a Chinese or Japanese keyboard may write.
fn full_width(code: &str) -> String {
    code.chars().map(|c| c.to_digit(10).and_then(|digit| char::from_u32(0xff10 + digit)).unwrap_or(c)).collect()
}

async fn a_form_takes_a_code_as_it_is_typed_and_no_try_for_what_is_none(server: Server) {
    let guest = server.guest().await;
    let right = code(&server, &guest, ADA, 1).await;
    let typed = async |code: &str| {
        let sent = guest.post_form("/do/sign-in", &[("phone", ADA), ("code", code), ("back", "/orders")]).await;
        assert_eq!(sent.status, StatusCode::FOUND, "{}", sent.text());
        sent
    };
    for none in ["", "12345", "1234567", "......", "call me"] {
        let sent = typed(none).await;
        let page = sent.header("location").unwrap();
        assert!(page.ends_with("&step=code&error=invalid_code"), "{none:?}: {page}");
        for (language, sentence) in [("en", "The code has six digits."), ("zh-CN", "登录码是六位数字。")] {
            let browser = guest.with("cookie", &format!("{}; orderly_phone={ADA}", guest.cookie())).in_language(language);
            let shown = browser.page(page).await;
            assert!(shown.text().contains(sentence) && shown.text().contains("aria-invalid=\"true\""), "{none:?}: {}", shown.text());
            assert!(!shown.text().contains("pattern="), "the browser would say it in its own words, and of digits of another keyboard");
        }
    }
    // The API takes it as it was sent, and nothing has been tried until here.
    let by_api = guest.call(Method::POST, "/sign-in", &json!({"phone": ADA, "code": full_width(&right)})).await;
    assert_eq!((by_api.status, &by_api.body["errors"][0]["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid_code")));
    let refused = typed(&wrong(&right)).await;
    assert!(refused.header("location").unwrap().ends_with("error=wrong_code&left=2"), "{:?}", refused.header("location"));
    let done = typed(&full_width(&right)).await;
    assert_eq!((done.header("location"), done.cookie().is_some()), (Some("/orders"), true));
}
