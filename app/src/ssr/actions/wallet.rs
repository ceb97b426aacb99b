//! Money into the wallet.

use backend::{idempotency::RequestKey, payment::TopUpEnd};
use domain::Money;
use leptos::prelude::*;

use super::{super::visit::Visit, Done, number, refusal, to};
use crate::paths;

/// Pays into the wallet by card. `key` was made with the page: sent twice, it is charged once.
#[server(name = TopUp, prefix = "/do", endpoint = "wallet/top-up")]
pub async fn top_up(#[server(default)] key: String, #[server(default)] amount: String, #[server(default)] card: String) -> Done<()> {
    match pay(key, number(&amount), &card).await {
        Ok(()) => to(&format!("{}?saved=topped_up#wallet", paths::ACCOUNT), ()),
        Err(code) if code == "sign_in_required" => to(&paths::sign_in(paths::ACCOUNT), ()),
        // The page shows the way to the bank.
        Err(code) if code == "action_required" => to(&format!("{}#wallet", paths::ACCOUNT), ()),
        Err(code) => to(&format!("{}?error={code}", paths::ACCOUNT), ()),
    }
}

async fn pay(key: String, amount: i64, card: &str) -> Result<(), String> {
    let visit = Visit::here();
    let (Some(caller), Some(user)) = (visit.caller.key(), visit.caller.user()) else { return Err("sign_in_required".to_owned()) };
    let currency = visit.backend.wallets.currency(&mut visit.backend.db.reader(), user).await.map_err(|error| refusal(&error).code)?;
    let request = RequestKey { caller, method: "POST".to_owned(), path: paths::form::TOP_UP.to_owned(), key };
    let fingerprint = amount.to_string();
    match visit.backend.top_ups.pay_in(&request, &fingerprint, user, Money::new(amount, currency), card).await {
        Ok(TopUpEnd::Captured) => Ok(()),
        Ok(TopUpEnd::Refused(reason)) => Err(reason),
        Err(error) => Err(refusal(&error).code),
    }
}
