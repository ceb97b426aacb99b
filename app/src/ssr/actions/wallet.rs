//! Money into the wallet.

use backend::payment::{TopUpEnd, TopUpError};
use domain::{Money, TopUpId};
use leptos::prelude::*;

use super::{super::visit::Visit, Done, number, once::form_key, refusal, to};
use crate::paths;

/// Pays into the wallet by card. `key` was made with the page: sent twice, it is charged once.
#[server(name = TopUp, prefix = "/do", endpoint = "wallet/top-up")]
pub async fn top_up(#[server(default)] key: String, #[server(default)] amount: String, #[server(default)] card: String) -> Done<()> {
    let amount = number(&amount);
    // What is said of an order's form leads to the orders, where there is nothing to be seen of this.
    let own = |code: String| if code == "idempotency_key_reused" { "top_up_sent_before".to_owned() } else { code };
    match pay(&key, amount, &card).await.map_err(own) {
        Ok(told) => to(&format!("{}?{told}#wallet", paths::ACCOUNT), ()),
        Err(code) if code == "sign_in_required" => to(&paths::sign_in(paths::ACCOUNT), ()),
        // The page shows the way to the bank.
        Err(code) if code == "action_required" => to(&format!("{}#wallet", paths::ACCOUNT), ()),
        // Back to where the form was, which stands open with what it was refused for.
        Err(code) => to(&format!("{}?error={code}&form=top-up&amount={amount}#wallet", paths::ACCOUNT), ()),
    }
}

/// What the page is asked to tell of it: a form that had paid in before pays in nothing, and does not say that it did. What has no
/// answer yet is looked for there.
async fn pay(key: &str, amount: i64, card: &str) -> Result<String, String> {
    let visit = Visit::here();
    let (backend, Some(user)) = (&visit.backend, visit.caller.user()) else { return Err("sign_in_required".to_owned()) };
    let request = form_key(&visit.caller, paths::form::TOP_UP.to_owned(), key).map_err(|refused| refused.code)?;
    let mut sql = backend.db.reader();
    let currency = backend.wallets.currency(&mut sql, user).await.map_err(|error| refusal(&error).code)?;
    let before = backend.top_ups.of_request(&mut sql, &request).await.map_err(|error| refusal(&error).code)?;
    let undecided = backend.top_ups.undecided(&mut sql, user).await.map_err(|error| refusal(&error).code)?;
    drop(sql);
    if before.is_none()
        && let Some((first, _)) = undecided.first()
    {
        // The form of a page that does not know of it: nobody pays in twice because their bank is slow.
        return Ok(look_for(*first));
    }
    match backend.top_ups.pay_in(&request, &amount.to_string(), user, Money::new(amount, currency), card).await {
        Ok(TopUpEnd::Captured) if matches!(before, Some((_, Some(_)))) => Ok("saved=topped_up_before".to_owned()),
        Ok(TopUpEnd::Captured) => Ok("saved=topped_up".to_owned()),
        Ok(TopUpEnd::Refused(reason)) => Err(reason),
        Err(error @ TopUpError::Undecided) => {
            let known = backend.top_ups.of_request(&mut backend.db.reader(), &request).await.map_err(|error| refusal(&error).code)?;
            known.map(|(top_up, _)| look_for(top_up)).ok_or_else(|| refusal(&error).code)
        }
        Err(error) => Err(refusal(&error).code),
    }
}

fn look_for(top_up: TopUpId) -> String {
    format!("top_up={top_up}")
}
