//! Who buys and who works while everything breaks. Everybody asks again, under the same key, until they are answered, and
//! remembers what they were told.
use super::{
    bank::{CONFIRM, Decision},
    house::House,
    purse::Purse,
    staff::{Shelf, Worker, all_wrong, deliver, work},
};
use crate::load::{
    chance::Chance,
    http::{Http, Reply},
};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// How long one answer is waited for; a server that is paused answers nobody.
const ANSWER: Duration = Duration::from_secs(4);
/// What is delivered again and again: a few of what everybody wants.
const GOODS: [(&str, &str, i64); 2] = [("harbor", "butter-croissant", 12), ("unicorn", "unicorn-plush", 4)];

/// What an order that is paid from the wallet has instead of a card's token.
pub const WALLET: &str = "wallet";

/// Made to order: never short, but it takes a place at the bar.
const COFFEE: &str = "flat-white-regular";

/// What everybody sees of the others.
struct Square {
    servers: Vec<SocketAddr>,
    /// Shoppers may still begin something new.
    open: AtomicBool,
    /// The bar works, and goods are delivered.
    working: AtomicBool,
    /// After this nobody waits for an answer any more.
    deadline: Mutex<Option<Instant>>,
}

impl Square {
    fn is_late(&self) -> bool {
        self.deadline.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|deadline| Instant::now() > deadline)
    }
}

pub struct People {
    square: Arc<Square>,
    shoppers: Mutex<Vec<JoinHandle<Shopper>>>,
    workers: Mutex<Vec<Worker>>,
    delivered: Arc<Mutex<BTreeMap<&'static str, Shelf>>>,
}

/// An order as its shopper was told of it.
#[derive(Debug, Clone)]
pub struct Promise {
    pub id: String,
    pub number: i64,
    pub store: &'static str,
    pub total: i64,
    /// Units of the counted goods that are in it.
    pub units: BTreeMap<&'static str, i64>,
    pub token: &'static str,
    /// The shopper was told that it is called off.
    pub cancelled: bool,
    /// What they said at the bank, where its card wants to hear that.
    pub bank: Option<Decision>,
    /// Whether it stands in the end, once the shop was asked.
    pub kept: Option<bool>,
}

/// What all shoppers were told.
pub struct Told {
    pub shoppers: Vec<Shopper>,
    /// Shoppers whose thread ended in a panic: nobody knows what they were told.
    pub lost: usize,
    /// Units that were there and came, by SKU.
    pub delivered: Arc<Mutex<BTreeMap<&'static str, Shelf>>>,
}

/// Somebody who speaks to the shop.
pub struct Voice {
    http: Http,
    /// Cookie or token, as lines of a request.
    credentials: String,
    square: Arc<Square>,
    pub chance: Chance,
    at: usize,
    pub wrong: Vec<String>,
}

pub struct Shopper {
    pub voice: Voice,
    pub name: u64,
    /// Who has none stays a guest, and pays by card.
    pub purse: Option<Purse>,
    pub promises: Vec<Promise>,
    pub answers: BTreeMap<String, u32>,
}

impl Voice {
    fn new(square: &Arc<Square>, seed: u64, who: u64) -> Self {
        let http = Http::new(square.servers[0], ANSWER);
        Self { http, credentials: String::new(), square: square.clone(), chance: Chance::of(seed, who), at: 0, wrong: Vec::new() }
    }

    /// The bar works, and goods are delivered.
    pub fn is_working(&self) -> bool {
        self.square.working.load(Ordering::SeqCst)
    }

    /// A browser says that it comes from our own page, whichever server that was.
    pub fn wear(&mut self, cookie: &str) {
        self.credentials = format!("cookie: {cookie}\r\nsec-fetch-site: same-origin\r\n");
    }

    /// Begins a session of a guest. False when it has become too late.
    pub fn come_in(&mut self) -> bool {
        self.credentials.clear();
        let cookie = self.ask("POST", "/session", None, &Value::Null).and_then(|reply| reply.cookie);
        cookie.is_some_and(|cookie| {
            self.wear(&cookie);
            true
        })
    }

    /// Asks until there is an answer that means something, wherever a server answers. `None` when it has become too late.
    pub fn ask(&mut self, method: &str, path: &str, key: Option<&str>, body: &Value) -> Option<Reply> {
        let headers = match key {
            Some(key) => format!("{}idempotency-key: {key}\r\n", self.credentials),
            None => self.credentials.clone(),
        };
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        loop {
            let server = self.square.servers[self.at % self.square.servers.len()];
            self.http.turn_to(server);
            let reply = self.http.send(method, &format!("/api/v1{path}"), &headers, &body).ok();
            if let Some(reply) = reply {
                let problem = if reply.status >= 400 { reply.json() } else { Value::Null };
                match (reply.status, problem["code"].as_str().unwrap_or_default()) {
                    (503, "store_at_capacity") => return Some(reply),
                    (503 | 429, _) | (409, "request_in_progress") => {}
                    (409, "action_required") => self.go_to_the_bank(problem["action_url"].as_str().unwrap_or_default()),
                    (500..=599, code) => self.wrong.push(format!("{method} {path} was answered with {} {code}", reply.status)),
                    _ => return Some(reply),
                }
            }
            if self.square.is_late() {
                return None;
            }
            self.at += 1;
            let pause = self.chance.millis(5, 120);
            std::thread::sleep(pause);
        }
    }
}

impl People {
    /// Everybody comes in and begins.
    pub fn gather(seed: u64, shoppers: u64, house: &House) -> Result<Self> {
        let square = Arc::new(Square {
            servers: house.servers.iter().map(|server| server.address).collect(),
            open: AtomicBool::new(true),
            working: AtomicBool::new(true),
            deadline: Mutex::default(),
        });
        let delivered = Arc::new(Mutex::new(GOODS.iter().map(|(_, sku, units)| (*sku, Shelf { came: *units, left: None })).collect()));
        let mut workers = Vec::new();
        for name in 0..2_u64 {
            let token = house.token("barista", "harbor")?;
            let mut voice = Voice::new(&square, seed, 10_000 + name);
            voice.credentials = format!("authorization: Bearer {token}\r\n");
            let working = std::thread::spawn(move || {
                work(&mut voice, name);
                voice
            });
            workers.push((format!("barista {name}"), working));
        }
        for (store, sku, _) in GOODS {
            let token = house.token("manager", store)?;
            let mut voice = Voice::new(&square, seed, 20_000 + sku.len() as u64);
            voice.credentials = format!("authorization: Bearer {token}\r\n");
            // Short limits, so that they are met often, and are over soon.
            let settings = json!({"customer_seconds": 30, "barista_seconds": 60});
            let reply = voice.ask("PATCH", &format!("/staff/stores/{store}/settings"), None, &settings).context("no settings")?;
            if reply.status != 200 {
                bail!("the settings of {store} were refused: {}", reply.json());
            }
            let delivered = delivered.clone();
            let working = std::thread::spawn(move || {
                deliver(&mut voice, store, sku, &delivered);
                voice
            });
            workers.push((format!("who delivers {sku}"), working));
        }
        let mut threads = Vec::new();
        for name in 0..shoppers {
            let mut voice = Voice::new(&square, seed, 1 + name);
            if !voice.come_in() {
                bail!("no session");
            }
            let purse = (name % 3 == 0).then(|| Purse::new(name, house.messages()));
            let mut shopper = Shopper { voice, name, purse, promises: Vec::new(), answers: BTreeMap::new() };
            threads.push(std::thread::spawn(move || {
                let mut round = 0;
                while shopper.voice.square.open.load(Ordering::SeqCst) {
                    round += 1;
                    shopper.shop(round);
                    let pause = shopper.voice.chance.millis(1, 60);
                    std::thread::sleep(pause);
                }
                // Who has signed in without hearing of it would not find what is theirs.
                shopper.sign_in();
                shopper.call_off_forgotten();
                shopper
            }));
        }
        Ok(Self { square, shoppers: Mutex::new(threads), workers: Mutex::new(workers), delivered })
    }

    /// What has begun is brought to its end, nothing new is begun.
    pub fn stop_beginning(&self) {
        self.square.open.store(false, Ordering::SeqCst);
    }

    /// Waits until everybody has their last answer.
    pub fn wait_for_answers(&self, until: Instant) -> Told {
        *self.square.deadline.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        let threads = std::mem::take(&mut *self.shoppers.lock().unwrap_or_else(PoisonError::into_inner));
        let all = threads.len();
        let shoppers: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().ok()).collect();
        Told { lost: all - shoppers.len(), shoppers, delivered: self.delivered.clone() }
    }

    /// The bar closes, and nothing is delivered any more; what nobody of the staff should have been told.
    pub fn go_home(&self) -> Vec<String> {
        self.square.working.store(false, Ordering::SeqCst);
        let workers = std::mem::take(&mut *self.workers.lock().unwrap_or_else(PoisonError::into_inner));
        workers.into_iter().flat_map(|(name, thread)| all_wrong(&name, thread)).collect()
    }
}

impl Shopper {
    /// Something that must not be. Always true: there is time for something else.
    pub fn wrong(&mut self, what: String) -> bool {
        self.voice.wrong.push(what);
        true
    }

    /// Notes an answer; what is not among those that can be is wrong.
    pub fn note(&mut self, what: &str, reply: &Reply, expected: &[&str]) {
        let code = if reply.status < 300 { "done".to_owned() } else { reply.json()["code"].as_str().unwrap_or("no code").to_owned() };
        if reply.status >= 300 && !expected.contains(&code.as_str()) {
            self.voice.wrong.push(format!("{what} was answered with {} {}", reply.status, String::from_utf8_lossy(&reply.body)));
        }
        self.count(&format!("{what} {code}"));
    }

    /// It has happened once more.
    pub fn count(&mut self, what: &str) {
        *self.answers.entry(what.to_owned()).or_default() += 1;
    }

    fn unanswered(&mut self, what: &str) {
        self.voice.wrong.push(format!("{what} was never answered"));
    }

    /// Asks under a key, and now and then once more under the same one: the answer must be the same.
    pub fn keyed(&mut self, what: &str, path: &str, key: &str, body: &Value) -> Option<Reply> {
        let first = self.voice.ask("POST", path, Some(key), body);
        let Some(first) = first else {
            self.unanswered(what);
            return None;
        };
        // Only what the shop itself decided is kept.
        let kept = first.status < 300 || matches!(first.status, 402 | 403 | 404 | 409 | 410);
        if kept && self.voice.chance.percent(15) {
            match self.voice.ask("POST", path, Some(key), body) {
                Some(again) if again.replayed && again.status == first.status && again.body == first.body => {}
                Some(again) => {
                    let (one, other) = (String::from_utf8_lossy(&first.body), String::from_utf8_lossy(&again.body));
                    self.voice
                        .wrong
                        .push(format!("{what}: the same key was answered with {} {one} and {} {other}", first.status, again.status));
                }
                None => self.unanswered(what),
            }
        }
        Some(first)
    }

    /// One visit: hold, think, pay, and perhaps call off.
    fn shop(&mut self, round: u64) {
        let key = |what: &str, name: u64| format!("{name}-{round}-{what}");
        // Some time after their first orders, which go with them.
        if round > 3 && self.purse.as_ref().is_some_and(|purse| !purse.signed_in) {
            self.sign_in();
        }
        let (store, sku, units) = self.voice.chance.weighted(&[
            (4, ("harbor", "butter-croissant", 1)),
            (1, ("harbor", "butter-croissant", 2)),
            (3, ("unicorn", "unicorn-plush", 1)),
            (4, ("harbor", COFFEE, 1)),
        ]);
        let options: &[&str] = if sku == COFFEE { &["oat"] } else { &[] };
        let lines = [json!({"sku": sku, "quantity": units, "options": options})];
        let mut fulfilment = json!({"kind": "pickup"});
        if store == "unicorn" {
            let address = json!({"name": "Ada", "line1": "1 Quay", "city": "Oakland", "postal_code": "94607", "country": "US"});
            fulfilment = json!({"kind": "ship", "address": address});
        }
        let body = json!({"store": store, "lines": lines, "fulfilment": fulfilment});
        let Some(begun) = self.keyed("checkout", "/checkouts", &key("begin", self.name), &body) else { return };
        self.note("checkout", &begun, &["out_of_stock", "store_at_capacity"]);
        if begun.status != 201 {
            return;
        }
        let begun = begun.json();
        let (checkout, total) = (begun["id"].as_str().unwrap_or_default().to_owned(), begun["quote"]["total"].clone());
        match self.voice.chance.below(100) {
            // Forgets about it: the hold ends by its time, or by the next checkout.
            0..6 => return,
            6..12 => {
                match self.voice.ask("DELETE", &format!("/checkouts/{checkout}"), None, &Value::Null) {
                    // It ran out, or it was deleted by a request whose answer got lost.
                    Some(reply) => self.note("give up", &reply, &["checkout_expired"]),
                    None => self.unanswered("give up"),
                }
                return;
            }
            _ => {}
        }
        let mut token = self.voice.chance.weighted(&[
            (70, "tok_ok"),
            (10, "tok_declined"),
            (10, "tok_slow"),
            (6, "tok_later"),
            (4, "tok_timeout"),
            (5, "tok_cut"),
            (5, "tok_capture_later"),
            (10, CONFIRM),
        ]);
        if self.purse.as_ref().is_some_and(|purse| purse.signed_in) && self.voice.chance.percent(75) {
            token = WALLET;
        }
        let payment = if token == WALLET { json!({"method": WALLET}) } else { json!({"method": "card", "token": token}) };
        let place = json!({"payment": payment, "expected_total": total});
        let path = format!("/checkouts/{checkout}/place");
        let Some(mut placed) = self.keyed("order", &path, &key("place", self.name), &place) else { return };
        self.note("order", &placed, if token == WALLET { &["checkout_expired", "insufficient_funds"] } else { &["checkout_expired"] });
        if placed.status == 402 && self.top_up(round) {
            // A refusal is kept under its key: what is asked for now is another thing.
            let Some(again) = self.keyed("order", &path, &key("place-again", self.name), &place) else { return };
            self.note("order", &again, &["checkout_expired", "insufficient_funds"]);
            placed = again;
        }
        if placed.status != 201 {
            return;
        }
        let order = placed.json();
        let promise = Promise {
            id: order["id"].as_str().unwrap_or_default().to_owned(),
            number: order["number"].as_i64().unwrap_or_default(),
            store,
            total: total["amount"].as_i64().unwrap_or_default(),
            units: [(sku, units)].into(),
            token,
            cancelled: false,
            bank: None,
            kept: None,
        };
        let path = format!("/orders/{}/cancel", promise.id);
        self.promises.push(promise);
        // Some change their mind before the bank has been heard of.
        let hasty = token == CONFIRM && self.voice.chance.percent(20);
        if token == CONFIRM && !hasty {
            self.confirm();
        }
        if hasty || self.voice.chance.percent(12) {
            let pause = self.voice.chance.millis(0, 400);
            std::thread::sleep(pause);
            let Some(reply) = self.keyed("cancel", &path, &key("cancel", self.name), &json!({})) else { return };
            self.note("cancel", &reply, &["illegal_transition"]);
            if let (200, Some(promise)) = (reply.status, self.promises.last_mut()) {
                promise.cancelled = true;
            }
        }
    }
}
