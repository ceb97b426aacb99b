//! What is in the wallets, compared with what their shoppers were told, cent by cent.
use super::people::{Promise, Shopper, Told};
use serde_json::Value;
use std::collections::BTreeMap;

/// Everything in order: balances, and that each top-up, order and refund is there once.
pub fn compare(told: &mut Told) -> Vec<String> {
    told.shoppers.iter_mut().filter(|shopper| shopper.purse.as_ref().is_some_and(|purse| purse.signed_in)).flat_map(compare_one).collect()
}

fn compare_one(shopper: &mut Shopper) -> Vec<String> {
    let name = shopper.name;
    let whose = |why: String| format!("the wallet of shopper {name}: {why}");
    let Some((balance, entries)) = wallet_of(shopper) else { return vec![whose("it cannot be read".to_owned())] };
    let mut wrong = Vec::new();
    let mut sum = 0;
    let mut orders = BTreeMap::<String, Vec<(String, i64)>>::new();
    let mut paid_in = Vec::new();
    for entry in &entries {
        let amount = entry["amount"]["amount"].as_i64().unwrap_or_default();
        sum += amount;
        if entry["balance_after"]["amount"].as_i64() != Some(sum) || sum < 0 {
            wrong.push(whose(format!("after {entry} it should hold {sum}")));
        }
        let kind = entry["kind"].as_str().unwrap_or_default().to_owned();
        match entry["order"].as_str() {
            Some(order) => orders.entry(order.to_owned()).or_default().push((kind, amount)),
            None if kind == "top_up" => paid_in.push(amount),
            None => wrong.push(whose(format!("nobody knows of {entry}"))),
        }
    }
    if balance != sum {
        wrong.push(whose(format!("it holds {balance}, its entries come to {sum}")));
    }
    let mut promised: Vec<_> =
        shopper.purse.iter().flat_map(|purse| &purse.top_ups).filter(|top_up| top_up.paid_in).map(|top_up| top_up.amount).collect();
    promised.sort_unstable();
    paid_in.sort_unstable();
    if promised != paid_in {
        wrong.push(whose(format!("{promised:?} were paid in, and it got {paid_in:?}")));
    }
    for promise in shopper.promises.iter().filter(|promise| promise.token == super::people::WALLET) {
        let moved = orders.remove(&promise.id).unwrap_or_default();
        if !is_right(promise, &moved) {
            wrong.push(whose(format!("order {} cost {} and ended as {:?}, and moved {moved:?}", promise.id, promise.total, promise.kept)));
        }
    }
    wrong.extend(orders.into_iter().map(|(order, moved)| whose(format!("it paid {moved:?} for order {order}, of which nobody knows"))));
    wrong
}

/// Charged once, and given back once where it came to nothing.
fn is_right(promise: &Promise, moved: &[(String, i64)]) -> bool {
    let charge = ("charge".to_owned(), -promise.total);
    let refund = ("refund".to_owned(), promise.total);
    match promise.kept {
        Some(true) => moved == [charge],
        Some(false) => moved == [charge, refund],
        // It is lost, which is told elsewhere.
        None => true,
    }
}

/// The balance and all entries, the oldest first.
fn wallet_of(shopper: &mut Shopper) -> Option<(i64, Vec<Value>)> {
    let mut entries = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = shopper.voice.ask("GET", &format!("/wallet?limit=200{cursor}"), None, &Value::Null)?.json();
        entries.extend(page["entries"]["items"].as_array()?.iter().cloned());
        let Some(next) = page["entries"]["next"].as_str() else {
            entries.reverse();
            return Some((page["balance"]["amount"].as_i64()?, entries));
        };
        cursor = format!("&cursor={next}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_charged_once_and_given_back_once() {
        let promise = |kept| Promise {
            id: "o".to_owned(),
            number: 1,
            store: "harbor",
            total: 375,
            units: BTreeMap::new(),
            token: "wallet",
            cancelled: false,
            bank: None,
            kept,
        };
        let charge = || ("charge".to_owned(), -375);
        let refund = || ("refund".to_owned(), 375);
        assert!(is_right(&promise(Some(true)), &[charge()]));
        assert!(is_right(&promise(Some(false)), &[charge(), refund()]));
        for (kept, moved) in [
            (true, vec![]),
            (true, vec![charge(), charge()]),
            (true, vec![charge(), refund()]),
            (false, vec![charge()]),
            (false, vec![charge(), refund(), refund()]),
            (true, vec![("charge".to_owned(), -374)]),
        ] {
            assert!(!is_right(&promise(Some(kept)), &moved), "{kept} {moved:?}");
        }
    }
}
