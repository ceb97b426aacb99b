//! Whether everything that was promised is so.
use super::{
    bank::{CONFIRM, Decision},
    ground::answer,
    house::House,
    people::{Promise, Shopper, Told, WALLET},
    purse::TopUp,
};
use crate::load::http::Http;
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    sync::PoisonError,
    time::{Duration, Instant},
};

/// All orders of a shopper as the shop tells them; `None` where it does not answer.
fn orders_of(shopper: &mut Shopper) -> Option<Vec<Value>> {
    let mut orders = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = shopper.voice.ask("GET", &format!("/orders?limit=200{cursor}"), None, &Value::Null)?.json();
        orders.extend(page["items"].as_array().cloned().unwrap_or_default());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Some(orders),
        }
    }
}

/// Why an order is not settled yet; `None` where nothing more will happen to it by itself.
fn moves(order: &Value) -> Option<&'static str> {
    let (status, payment) = (order["status"].as_str().unwrap_or_default(), order["payment"]["status"].as_str().unwrap_or_default());
    match (status, payment) {
        ("created", _) => Some("its payment has not ended"),
        (_, "pending" | "action_required") => Some("its payment is not let go of"),
        ("rejected" | "cancelled", "captured" | "partially_refunded") => Some("its refund is not there"),
        ("processed", _) if order["fulfilments"].as_array().is_none_or(Vec::is_empty) => Some("nobody begins with it"),
        ("processed", _) if order["store"] == "harbor" => Some("it is not handed over"),
        _ => None,
    }
}

/// Waits until nothing moves any more; what still does at `until` is stuck.
pub fn settle(told: &mut Told, until: Instant) -> Vec<String> {
    let mut stuck = Vec::new();
    for shopper in &mut told.shoppers {
        loop {
            let Some(orders) = orders_of(shopper) else {
                stuck.push("the orders of a shopper cannot be read".to_owned());
                break;
            };
            let moving: Vec<_> = orders.iter().filter_map(|order| Some((order, moves(order)?))).collect();
            if moving.is_empty() {
                break;
            }
            if Instant::now() > until {
                for (order, why) in moving {
                    stuck.push(format!("order {} is stuck: {why}: {} {}", order["id"], order["status"], order["payment"]));
                }
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    stuck
}

/// Waits until no saga has anything left to do, as the shop itself says; what still has at `until` is stuck.
pub fn sagas(house: &House, until: Instant) -> Vec<String> {
    loop {
        let left = match answer(house.command(&["sagas", "list", "--json"])) {
            Ok(list) if list.trim() == "[]" => return Vec::new(),
            Ok(list) => format!("sagas are stuck: {}", list.trim()),
            Err(error) => format!("the sagas cannot be listed: {error:#}"),
        };
        if Instant::now() > until {
            return vec![left];
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Compares what everybody was told with what the shop says now.
pub fn compare(told: &mut Told) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut sold = BTreeMap::<&str, i64>::new();
    for shopper in &mut told.shoppers {
        let Some(orders) = orders_of(shopper) else {
            wrong.push("the orders of a shopper cannot be read".to_owned());
            continue;
        };
        let mut there: HashMap<&str, &Value> = orders.iter().map(|order| (order["id"].as_str().unwrap_or_default(), order)).collect();
        if there.len() != orders.len() {
            wrong.push("an order is listed twice".to_owned());
        }
        for promise in &mut shopper.promises {
            let Some(order) = there.remove(promise.id.as_str()) else {
                wrong.push(format!("order {} was acknowledged and is lost", promise.id));
                continue;
            };
            wrong.extend(broken_promise(promise, order).map(|why| format!("order {}: {why}: {order}", promise.id)));
            let kept = matches!(order["status"].as_str(), Some("processed" | "fulfilled"));
            promise.kept = Some(kept);
            if kept {
                for (sku, units) in &promise.units {
                    *sold.entry(sku).or_default() += units;
                }
            }
        }
        wrong.extend(there.keys().map(|id| format!("order {id} is there and was never acknowledged")));
    }
    let delivered = told.delivered.lock().unwrap_or_else(PoisonError::into_inner);
    // What came is sold or still there, to the piece. What is made to order is not counted.
    for (sku, shelf) in delivered.iter() {
        let units = sold.get(sku).copied().unwrap_or_default();
        if shelf.left != Some(shelf.came - units) {
            let left = shelf.left.map_or("nobody knows how many".to_owned(), |left| left.to_string());
            wrong.push(format!("{units} × {sku} are sold, of {} that there ever were, and {left} are left", shelf.came));
        }
    }
    wrong
}

/// What the card provider has taken is what the orders cost that cards paid and what was paid into wallets, each once: its
/// books know nothing of ours. What was given up and taken all the same has until `until` to go back.
pub fn charged(house: &House, told: &Told, until: Instant) -> Vec<String> {
    let Some(provider) = &house.provider else { return Vec::new() };
    let by_card = || told.promises().filter(|promise| promise.token != WALLET);
    let orders: i64 = by_card().filter(|promise| promise.kept == Some(true)).map(|promise| promise.total).sum();
    let paid_in: i64 = told.top_ups().filter(|top_up| top_up.paid_in).map(|top_up| top_up.amount).sum();
    let wanted = (by_card().count() + told.top_ups().count()) as i64;
    loop {
        let books = Http::new(provider.address, Duration::from_secs(10)).send("GET", "/v1/totals", "", b"");
        let wrong = match books.map(|reply| reply.json()) {
            Ok(books) => {
                let number = |name: &str| books[name].as_i64().unwrap_or(-1);
                let right = number("captured") - number("refunded") == orders + paid_in
                    && number("payments") <= wanted
                    && number("captures") <= number("payments");
                let says = format!("orders for {orders} and top-ups for {paid_in}, {wanted} in all, and the card provider says {books}");
                if right { None } else { Some(says) }
            }
            Err(error) => Some(format!("the card provider does not show its books: {error}")),
        };
        match wrong {
            None => return Vec::new(),
            Some(wrong) if Instant::now() > until => return vec![wrong],
            Some(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}

fn broken_promise(promise: &Promise, order: &Value) -> Option<String> {
    let told = |field: &str| order[field].as_str().unwrap_or_default().to_owned();
    if order["number"].as_i64() != Some(promise.number) || told("store") != promise.store {
        return Some(format!("it had number {} at {}", promise.number, promise.store));
    }
    if order["quote"]["total"]["amount"].as_i64() != Some(promise.total) {
        return Some(format!("it was to cost {}", promise.total));
    }
    if promise.cancelled && told("status") != "cancelled" {
        return Some("it was called off".to_owned());
    }
    let payment = order["payment"]["status"].as_str().unwrap_or_default();
    let expected: &[&str] = match told("status").as_str() {
        "processed" | "fulfilled" => &["captured"],
        "rejected" | "cancelled" => &["declined", "voided", "refunded"],
        _ => &[],
    };
    if !expected.contains(&payment) {
        return Some(format!("its payment is {payment}"));
    }
    match (promise.token, told("status").as_str()) {
        ("tok_declined" | "tok_timeout", "processed" | "fulfilled") => Some(format!("it was paid with {}", promise.token)),
        (CONFIRM, "processed" | "fulfilled") if promise.bank != Some(Decision::Confirmed) => Some("nobody had confirmed it".to_owned()),
        (CONFIRM, "rejected") if promise.bank == Some(Decision::Confirmed) && order["reason"] != "payment_timeout" => {
            Some("it was confirmed".to_owned())
        }
        (WALLET, "rejected") => Some("it was paid from a wallet".to_owned()),
        ("tok_ok" | "tok_slow", "rejected") if order["reason"] != "payment_timeout" => Some("its card was good".to_owned()),
        _ => None,
    }
}

/// What `orderly check` says, beside the running shop.
pub fn check(house: &House) -> Vec<String> {
    match answer(house.command(&["check"])) {
        Ok(_) => Vec::new(),
        Err(error) => vec![format!("{error:#}")],
    }
}

impl Told {
    pub fn promises(&self) -> impl Iterator<Item = &Promise> {
        self.shoppers.iter().flat_map(|shopper| &shopper.promises)
    }

    pub fn top_ups(&self) -> impl Iterator<Item = &TopUp> {
        self.shoppers.iter().filter_map(|shopper| shopper.purse.as_ref()).flat_map(|purse| &purse.top_ups)
    }

    /// What nobody should have been told.
    pub fn wrong(&self) -> Vec<String> {
        let said =
            self.shoppers.iter().flat_map(|shopper| shopper.voice.wrong.iter().map(|wrong| format!("shopper {}: {wrong}", shopper.name)));
        let lost = (self.lost > 0).then(|| format!("{} shoppers ended in a panic", self.lost));
        let idle = (self.promises().count() == 0).then(|| "nobody was promised an order: nothing is proved".to_owned());
        said.chain(lost).chain(idle).collect()
    }

    /// How much everybody was promised.
    pub fn words(&self) -> String {
        let wallets = self.promises().filter(|promise| promise.token == WALLET).count();
        let paid_in = self.top_ups().filter(|top_up| top_up.paid_in).count();
        format!("{} orders ({wallets} from wallets) and {paid_in} top-ups acknowledged", self.promises().count())
    }

    /// What was answered, and how often.
    pub fn answers(&self) -> String {
        let mut answers = BTreeMap::<&str, u32>::new();
        for (answer, times) in self.shoppers.iter().flat_map(|shopper| &shopper.answers) {
            *answers.entry(answer).or_default() += times;
        }
        answers.iter().map(|(answer, times)| format!("{times} × {answer}")).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_was_confirmed_is_paid() {
        let (confirmed, refused) = (Some(Decision::Confirmed), Some(Decision::Refused));
        let wrong = |bank, status: &str, payment: &str, reason: Value| {
            let promise = Promise {
                id: "o".to_owned(),
                number: 1,
                store: "harbor",
                total: 375,
                units: BTreeMap::new(),
                token: CONFIRM,
                cancelled: false,
                bank,
                kept: None,
            };
            let order = json!({"number": 1, "store": "harbor", "status": status, "reason": reason, "payment": {"status": payment},
                "quote": {"total": {"amount": 375}}});
            broken_promise(&promise, &order).is_some()
        };
        assert!(!wrong(confirmed, "fulfilled", "captured", Value::Null));
        assert!(!wrong(confirmed, "rejected", "voided", json!("payment_timeout")));
        assert!(!wrong(refused, "rejected", "declined", json!("payment_declined")));
        assert!(!wrong(None, "rejected", "voided", json!("payment_timeout")));
        assert!(wrong(None, "fulfilled", "captured", Value::Null), "nobody was asked");
        assert!(wrong(refused, "processed", "captured", Value::Null), "they had said no");
        assert!(wrong(confirmed, "rejected", "declined", json!("payment_declined")), "they had said yes");
    }
}
