//! The bank: where a card that wants a confirmation (3-D Secure) sends its owner, for an order or for a top-up. Most confirm,
//! some refuse, and some let an order's time run out; who still waits when the shop is healed calls it off.
use super::people::{Shopper, Voice};
use crate::load::http::Http;
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};

/// The card of an order or a top-up that is confirmed at the bank.
pub const CONFIRM: &str = "tok_3ds";

/// What somebody has said at the bank, as far as they know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Confirmed,
    Refused,
}

impl Decision {
    fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirm",
            Self::Refused => "refuse",
        }
    }
}

impl Voice {
    /// Goes to the bank and confirms, or refuses in one of five cases. A bank that is away is asked again later.
    pub fn go_to_the_bank(&mut self, url: &str) {
        let decision = if self.chance.percent(80) { Decision::Confirmed } else { Decision::Refused };
        // Lost or refused: whoever asks again is sent here again.
        decide(url, decision);
    }
}

/// Says so at the bank; whether it has heard it.
fn decide(url: &str, decision: Decision) -> bool {
    let Some((address, path)) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')) else { return false };
    let Ok(address) = address.parse::<SocketAddr>() else { return false };
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let said = format!("decision={}", decision.word());
    let reply = Http::new(address, Duration::from_secs(2)).send("POST", &format!("/{path}"), form, said.as_bytes());
    reply.is_ok_and(|reply| (300..400).contains(&reply.status))
}

impl Shopper {
    /// Does with the order that was just placed what its card wants: confirms or refuses it, or forgets about it.
    pub fn confirm(&mut self) {
        let decision = self.voice.chance.weighted(&[(5, Some(Decision::Confirmed)), (2, Some(Decision::Refused)), (3, None)]);
        let Some(order) = self.promises.last().map(|promise| promise.id.clone()) else { return };
        let Some(decision) = decision else { return self.count("bank forgotten") };
        while let Some(payment) = self.waiting_payment(&order) {
            // What is tried may have arrived, whatever is heard of it.
            if let (Some(url), Some(promise)) = (payment["action_url"].as_str(), self.promises.last_mut()) {
                promise.bank = Some(decision);
                if decide(url, decision) {
                    return self.count(if decision == Decision::Confirmed { "bank confirmed" } else { "bank refused" });
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Calls off what still waits for a confirmation that nobody will give: its time is longer than the shop has to come to rest.
    pub fn call_off_forgotten(&mut self) {
        for at in 0..self.promises.len() {
            let promise = &self.promises[at];
            if promise.token != CONFIRM || promise.bank.is_some() || promise.cancelled {
                continue;
            }
            let (id, key) = (promise.id.clone(), format!("{}-forgotten", promise.id));
            if self.waiting_payment(&id).is_none() {
                continue;
            }
            let Some(reply) = self.keyed("cancel", &format!("/orders/{id}/cancel"), &key, &json!({})) else { return };
            self.note("cancel", &reply, &["illegal_transition"]);
            self.promises[at].cancelled = reply.status == 200;
        }
    }

    /// The payment of an order that has not ended; `None` once it has, or it is too late to ask.
    fn waiting_payment(&mut self, order: &str) -> Option<Value> {
        let mut order = self.voice.ask("GET", &format!("/orders/{order}"), None, &Value::Null)?.json();
        (order["status"] == "created").then(|| order["payment"].take())
    }
}
