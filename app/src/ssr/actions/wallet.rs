//! Money into the wallet.

use backend::payment::TopUpEnd;
use domain::Money;
use leptos::prelude::*;

use super::{super::visit::Visit, Done, number, once::form_key, refusal, to};
use crate::paths;

/// Pays into the wallet by card. `key` was made with the page: sent twice, it is charged once.
#[server(name = TopUp, prefix = "/do", endpoint = "wallet/top-up")]
pub async fn top_up(#[server(default)] key: String, #[server(default)] amount: String, #[server(default)] card: String) -> Done<()> {
    let amount = number(&amount);
    // What is said of an order's form leads to the orders, where there is nothing to be seen of this.
    let own = |code: String| match &*code {
        "idempotency_key_reused" => "top_up_sent_before".to_owned(),
        "request_in_progress" => "top_up_in_progress".to_owned(),
        _ => code,
    };
    match pay(&key, amount, &card).await.map_err(own) {
        Ok(done) => to(&format!("{}?saved={done}#wallet", paths::ACCOUNT), ()),
        Err(code) if code == "sign_in_required" => to(&paths::sign_in(paths::ACCOUNT), ()),
        // The page shows the way to the bank.
        Err(code) if code == "action_required" => to(&format!("{}#wallet", paths::ACCOUNT), ()),
        // Back to where the form was, which stands open with what it was refused for.
        Err(code) => to(&format!("{}?error={code}&form=top-up&amount={amount}#wallet", paths::ACCOUNT), ()),
    }
}

/// What the page says of it: a form that had paid in before pays in nothing, and does not say that it did.
async fn pay(key: &str, amount: i64, card: &str) -> Result<&'static str, String> {
    let visit = Visit::here();
    let (backend, Some(user)) = (&visit.backend, visit.caller.user()) else { return Err("sign_in_required".to_owned()) };
    let request = form_key(&visit.caller, paths::form::TOP_UP.to_owned(), key).map_err(|refused| refused.code)?;
    let mut sql = backend.db.reader();
    let currency = backend.wallets.currency(&mut sql, user).await.map_err(|error| refusal(&error).code)?;
    let before = backend.top_ups.end_of(&mut sql, &request).await.map_err(|error| refusal(&error).code)?;
    drop(sql);
    match backend.top_ups.pay_in(&request, &amount.to_string(), user, Money::new(amount, currency), card).await {
        Ok(TopUpEnd::Captured) if before.is_some() => Ok("topped_up_before"),
        Ok(TopUpEnd::Captured) => Ok("topped_up"),
        Ok(TopUpEnd::Refused(reason)) => Err(reason),
        Err(error) => Err(refusal(&error).code),
    }
}
