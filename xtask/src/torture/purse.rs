//! Shoppers with a wallet: they sign in while everything breaks, and bring what they had as guests; they pay in by card,
//! confirm at the bank where it asks for that, and pay their orders from the wallet.
use super::{bank::CONFIRM, people::Shopper};
use serde_json::{Value, json};
use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

/// How long a text message is waited for before another code is asked for.
const MESSAGE: Duration = Duration::from_secs(15);
/// Codes asked for before somebody gives up for this visit.
const CODES: u32 = 4;

/// What only somebody with an account has.
pub struct Purse {
    phone: String,
    /// Where text messages arrive.
    messages: PathBuf,
    pub signed_in: bool,
    pub top_ups: Vec<TopUp>,
}

/// A top-up as its shopper was told of it.
pub struct TopUp {
    pub amount: i64,
    pub paid_in: bool,
}

impl Purse {
    pub fn new(name: u64, messages: PathBuf) -> Self {
        Self { phone: format!("+1555020{name:04}"), messages, signed_in: false, top_ups: Vec::new() }
    }

    /// The newest code that has come to the phone.
    fn code(&self) -> Option<String> {
        let text = fs::read_to_string(&self.messages).unwrap_or_default();
        let all = text.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        all.filter(|message| message["to"] == self.phone.as_str()).find_map(|message| message["code"].as_str().map(ToOwned::to_owned))
    }
}

impl Shopper {
    /// Becomes somebody with an account. When the answer is lost the code is spent, and nobody is there: so once more.
    pub fn sign_in(&mut self) {
        let Some(mut purse) = self.purse.take() else { return };
        for _ in 0..CODES {
            if purse.signed_in || !self.try_code(&mut purse) {
                break;
            }
        }
        self.purse = Some(purse);
    }

    /// One code. False when it has become too late for anything.
    fn try_code(&mut self, purse: &mut Purse) -> bool {
        let before = purse.code();
        let body = json!({"phone": purse.phone});
        let Some(asked) = self.voice.ask("POST", "/sign-in/code", None, &body) else { return false };
        match asked.status {
            204 => {}
            // Their guest's session has ended with a sign-in of which they have not heard.
            401 => return self.voice.come_in(),
            _ => return self.wrong(format!("a code was answered with {} {}", asked.status, asked.json())),
        }
        let until = Instant::now() + MESSAGE;
        while Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50));
            let Some(code) = purse.code().filter(|code| Some(code) != before.as_ref()) else { continue };
            let Some(reply) = self.voice.ask("POST", "/sign-in", None, &json!({"phone": purse.phone, "code": code})) else { return false };
            return match (reply.status, reply.cookie) {
                (200, Some(cookie)) => {
                    self.voice.wear(&cookie);
                    purse.signed_in = true;
                    true
                }
                // Spent, by themselves or by a newer one.
                (410, _) => true,
                (401, _) if reply.body.windows(10).any(|part| part == b"wrong_code") => true,
                (401, _) => self.voice.come_in(),
                (status, _) => self.wrong(format!("a sign-in was answered with {status} {}", String::from_utf8_lossy(&reply.body))),
            };
        }
        true
    }

    /// Pays something in; true where it arrived.
    pub fn top_up(&mut self, round: u64) -> bool {
        let amount = 500 + self.voice.chance.below(6) as i64 * 500;
        let token = self.voice.chance.weighted(&[
            (70, "tok_ok"),
            (8, "tok_declined"),
            (6, "tok_slow"),
            (5, "tok_later"),
            (2, "tok_timeout"),
            (6, "tok_cut"),
            (5, "tok_capture_later"),
            (8, CONFIRM),
        ]);
        let body = json!({"amount": {"amount": amount, "currency": "USD"}, "token": token});
        let key = format!("{}-{round}-top-up", self.name);
        let Some(reply) = self.keyed("top-up", "/wallet/top-ups", &key, &body) else { return false };
        self.note("top-up", &reply, &["payment_declined", "payment_timeout"]);
        if token == "tok_declined" && reply.status < 300 {
            self.wrong(format!("a top-up with {token} was taken"));
        }
        let paid_in = reply.status < 300;
        if let Some(purse) = &mut self.purse {
            purse.top_ups.push(TopUp { amount, paid_in });
        }
        paid_in
    }
}
