//! The form that pays into a wallet, while a bank does not answer.

use reqwest::StatusCode;

use crate::sign_in::{sign_in, with_messages};
use crate::support::Server;

with_messages! {
    a_top_up_without_an_answer_is_not_followed_by_another
}

async fn a_top_up_without_an_answer_is_not_followed_by_another(server: Server) {
    let shopper = sign_in(&server, &server.guest().await, "+15550100001", 1).await;
    let balance = async || shopper.get("/me").await.body["wallet"]["balance"]["amount"].clone();
    let press = async |key: &str, amount: &str, card: &str| {
        let sent = shopper.post_form("/do/wallet/top-up", &[("key", key), ("amount", amount), ("card", card)]).await;
        assert_eq!(sent.status, StatusCode::FOUND, "{}", sent.text());
        sent.header("location").expect("a way on").to_owned()
    };
    let waits = press("one", "2000", "tok_timeout").await;
    assert!(waits.starts_with("/account?top_up=") && waits.ends_with("#wallet"), "{waits}");
    // The forms of pages that were there before, whatever they want.
    for (key, amount) in [("two", "2000"), ("three", "5000")] {
        assert_eq!(press(key, amount, "tok_ok").await, waits);
    }
    // Where it is looked for, and in any other tab: it is told, is no refusal, and there is nothing to press.
    for path in [waits.trim_end_matches("#wallet"), "/account"] {
        let page = shopper.page(path).await;
        let text = page.text();
        assert!(text.contains("Top-up of $20.00: your bank has not answered yet."), "{text}");
        assert!(text.contains("top-up-closed") && !text.contains("id=\"top-up\"") && !text.contains("role=\"alert\""), "{text}");
    }
    assert_eq!(balance().await, 3300);
    // The same request waits for the end, which comes; then another one may be.
    let mut told = waits.clone();
    while told == waits {
        told = press("one", "2000", "tok_timeout").await;
    }
    assert_eq!(told, "/account?error=payment_timeout&form=top-up&amount=2000#wallet");
    assert_eq!(press("four", "2000", "tok_ok").await, "/account?saved=topped_up#wallet");
    assert_eq!(balance().await, 5300);
}
