//! Who works while everything breaks: the bar, and who delivers. What they should not have been told counts as what
//! shoppers should not.
use super::people::Voice;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

/// What is counted of something.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shelf {
    /// Units that were there and came.
    pub came: i64,
    /// What the shop said to be there at the last delivery.
    pub left: Option<i64>,
}

/// Somebody of the staff: how to call them, what they do, and what comes back when they go home.
pub type Worker = (String, JoinHandle<Voice>);

/// What somebody should not have been told, once they have gone home.
pub fn all_wrong(name: &str, thread: JoinHandle<Voice>) -> Vec<String> {
    match thread.join() {
        Ok(voice) => voice.wrong.iter().map(|wrong| format!("{name}: {wrong}")).collect(),
        Err(_) => vec![format!("{name}: the thread ended in a panic")],
    }
}

/// The bar, until everybody goes home: claims, makes, hands over, and sometimes thinks better of it.
pub fn work(voice: &mut Voice, name: u64) {
    let mut round = 0;
    while voice.is_working() {
        std::thread::sleep(Duration::from_millis(30));
        let Some(queue) = voice.ask("GET", "/staff/stores/harbor/queue", None, &Value::Null) else { return };
        let queue = queue.json();
        for (lane, verb) in [("ready", "collect"), ("making", "ready"), ("queued", "claim")] {
            let Some(ticket) = queue["lanes"][lane].as_array().and_then(|lane| lane.first()) else { continue };
            let order = ticket["order"].as_str().unwrap_or_default();
            let verb = match (verb, voice.chance.below(100)) {
                (_, 0..3) => "cancel",
                ("collect", 3..8) => "recall",
                ("ready", 3..8) => "release",
                (verb, _) => verb,
            };
            round += 1;
            // Refused where the other one was quicker: that is what the lanes are for.
            let path = format!("/staff/orders/{order}/{verb}");
            let Some(reply) = voice.ask("POST", &path, Some(&format!("bar-{name}-{round}")), &json!({})) else { return };
            if !matches!(reply.status, 200 | 409) {
                voice.wrong.push(format!("{verb} was answered with {} {}", reply.status, String::from_utf8_lossy(&reply.body)));
            }
        }
    }
}

/// Brings a little of what everybody wants, and notes what the shop has said thank you for.
pub fn deliver(voice: &mut Voice, store: &str, sku: &'static str, delivered: &Mutex<BTreeMap<&'static str, Shelf>>) {
    let mut round = 0;
    loop {
        let working = voice.is_working();
        let pause = voice.chance.millis(200, 800);
        std::thread::sleep(pause);
        round += 1;
        // The last one, when everything is quiet, says what is on the shelf.
        let units = 1 + voice.chance.below(4) as i64;
        let body = json!({"store": store, "sku": sku, "delta": units, "reason": "received"});
        let Some(reply) = voice.ask("POST", "/staff/stock-adjustments", Some(&format!("{sku}-{round}")), &body) else {
            voice.wrong.push("a delivery was never answered".to_owned());
            return;
        };
        if reply.status == 200 {
            let mut delivered = delivered.lock().unwrap_or_else(PoisonError::into_inner);
            let shelf = delivered.entry(sku).or_default();
            shelf.came += units;
            shelf.left = reply.json()["on_hand"].as_i64();
        } else {
            voice.wrong.push(format!("a delivery was answered with {} {}", reply.status, String::from_utf8_lossy(&reply.body)));
        }
        if !working {
            return;
        }
    }
}
