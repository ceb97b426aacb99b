//! The provider as the shop sees it: over real HTTP, through the shop's own client.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use backend::identity::{Keys, Secret};
use backend::payment::CardService;
use backend::payment::http_card::HttpCard;
use backend::payment::provider::{
    Authorization, Authorize, CardProvider as _, CardToken, Notice, Progress, ProviderError, RawNotice, Release,
};
use domain::{Currency, Money, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;

const PRICE: Money = Money::new(510, Currency::USD);

/// A notice as it arrived: signature and body.
type Heard = (Option<String>, Vec<u8>);

struct Stage {
    folder: tempfile::TempDir,
    sim: PaySim,
    url: String,
    card: HttpCard,
    heard: mpsc::UnboundedReceiver<Heard>,
    /// What the shop answers to notices.
    answers: Arc<Mutex<Vec<StatusCode>>>,
}

#[derive(Clone)]
struct Ear(mpsc::UnboundedSender<Heard>, Arc<Mutex<Vec<StatusCode>>>);

async fn hear(State(Ear(tell, answers)): State<Ear>, headers: HeaderMap, body: bytes::Bytes) -> StatusCode {
    let signature = headers.get("orderly-pay-signature").and_then(|value| value.to_str().ok()).map(str::to_owned);
    tell.send((signature, body.to_vec())).expect("the test listens");
    answers.lock().expect("not poisoned").pop().unwrap_or(StatusCode::NO_CONTENT)
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    (listener, url)
}

impl Stage {
    async fn set() -> Self {
        let (tell, heard) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(Vec::new()));
        let (ear, notify) = listen().await;
        let app = Router::new().fallback(hear).with_state(Ear(tell, answers.clone()));
        tokio::spawn(axum::serve(ear, app).into_future());
        let folder = tempfile::tempdir().expect("a folder");
        let (listener, url) = listen().await;
        let sim = PaySim::open(&folder.path().join("deep/pay.db"), &url).await.expect("it opens");
        sim.serve(listener);
        let service = CardService { url: url.clone(), notify: Some(notify), public: Some("http://shop.example".to_owned()) };
        let card = HttpCard::new(service, &Keys::new(&[Secret::new("s")]).expect("a key")).expect("a client");
        Self { folder, sim, url, card, heard, answers }
    }

    async fn ask(&self, key: &str, token: &str) -> Result<Authorization, ProviderError> {
        let token = CardToken::new(token);
        let request = Authorize { key, amount: PRICE, token: &token, description: "an order", return_path: Some("/orders/1") };
        self.card.authorize(request).await
    }

    /// The next notice, if it is signed as it should be.
    async fn notice(&mut self) -> Notice {
        let (signature, body) = tokio::time::timeout(Duration::from_secs(15), self.heard.recv()).await.expect("in time").expect("a notice");
        let header = move |name: &str| signature.clone().filter(|_| name == "orderly-pay-signature");
        let raw = RawNotice { header: &header, body: &body, now: Timestamp::from_millis(now()) };
        self.card.hear(&raw).expect("it is signed")
    }

    async fn totals(&self) -> (i64, i64, i64) {
        let totals = self.sim.book.totals().await.expect("the file answers");
        (totals.captures, totals.captured, totals.refunded)
    }

    /// Killed, and started again on the same file.
    async fn again(&mut self) {
        self.sim.stop();
        let (listener, url) = listen().await;
        self.sim = PaySim::open(&self.folder.path().join("deep/pay.db"), &url).await.expect("it opens again");
        self.sim.serve(listener);
        let service = CardService { url: url.clone(), notify: None, public: None };
        self.card = HttpCard::new(service, &Keys::new(&[Secret::new("s")]).expect("a key")).expect("a client");
        self.url = url;
    }
}

fn authorized(answer: Result<Authorization, ProviderError>) -> String {
    match answer {
        Ok(Authorization::Authorized { reference }) => reference,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_good_card_is_charged_once_and_refunded_in_parts() {
    let mut stage = Stage::set().await;
    let reference = authorized(stage.ask("a", "tok_ok").await);
    assert_eq!(authorized(stage.ask("a", "tok_ok").await), reference);
    assert_eq!(stage.ask("a", "tok_declined").await, Err(ProviderError::Refused("idempotency_key_reused".to_owned())));
    assert!(matches!(stage.card.refund("r", "a", &reference, PRICE).await, Err(ProviderError::Refused(_))));
    assert!(stage.card.capture("a", &reference, Money::new(511, Currency::USD)).await.is_err());
    for _ in 0..2 {
        stage.card.capture("a", &reference, PRICE).await.unwrap();
    }
    stage.again().await;
    assert_eq!(stage.card.void("a", None).await, Ok(Release::Captured { reference: reference.clone() }));
    let part = |amount| Money::new(amount, Currency::USD);
    for _ in 0..2 {
        stage.card.refund("r1", "a", &reference, part(500)).await.unwrap();
    }
    assert!(stage.card.refund("r1", "a", &reference, part(499)).await.is_err());
    assert!(matches!(stage.card.refund("r2", "a", &reference, part(11)).await, Err(ProviderError::Refused(_))));
    stage.card.refund("r3", "a", &reference, part(10)).await.unwrap();
    assert_eq!(stage.totals().await, (1, 510, 510));
}

#[tokio::test]
async fn what_is_voided_is_never_taken_even_if_it_comes_later() {
    let stage = Stage::set().await;
    let reference = authorized(stage.ask("a", "tok_ok").await);
    for _ in 0..2 {
        assert_eq!(stage.card.void("a", None).await, Ok(Release::Voided));
    }
    assert!(stage.card.capture("a", &reference, PRICE).await.is_err());
    assert!(matches!(stage.ask("a", "tok_ok").await, Ok(Authorization::Declined { .. })));
    assert_eq!(stage.card.void("never asked", None).await, Ok(Release::Voided));
    assert!(matches!(stage.ask("never asked", "tok_ok").await, Ok(Authorization::Declined { .. })));
    assert_eq!(stage.totals().await, (0, 0, 0));
}

#[tokio::test]
async fn a_bad_card_is_declined_and_nonsense_refused() {
    let stage = Stage::set().await;
    for token in ["tok_declined", "4242", "tok"] {
        assert!(matches!(stage.ask(token, token).await, Ok(Authorization::Declined { .. })), "{token}");
    }
    assert!(matches!(stage.card.capture("unknown", "x", PRICE).await, Err(ProviderError::NoAnswer(_))));
    let http = reqwest::Client::new();
    let post = async |path: &str, body: &'static str| {
        let request = http.post(format!("{}{path}", stage.url)).header("content-type", "application/json");
        request.body(body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(post("/v1/payments", "{").await, 400);
    assert_eq!(post("/v1/payments", r#"{"amount":1,"currency":"USD","token":"t","description":""}"#).await, 400);
    assert_eq!(post("/v1/payments/x/capture", "{}").await, 422);
}

#[tokio::test]
async fn an_answer_that_was_cut_off_is_given_again() {
    let stage = Stage::set().await;
    assert!(matches!(stage.ask("a", "tok_cut").await, Err(ProviderError::NoAnswer(_))));
    authorized(stage.ask("a", "tok_cut").await);
    assert_eq!(stage.sim.book.totals().await.unwrap().payments, 1);
}

#[tokio::test]
async fn a_slow_card_is_told_of_before_its_answer_and_a_silent_one_never_answers() {
    let mut stage = Stage::set().await;
    let begun = std::time::Instant::now();
    let silent = tokio::time::timeout(Duration::from_millis(300), stage.ask("b", "tok_timeout")).await;
    assert!(silent.is_err());
    authorized(stage.ask("a", "tok_slow").await);
    assert!(begun.elapsed() >= SLOW);
    assert_eq!(stage.notice().await.key, "a");
    assert_eq!(stage.card.void("b", None).await, Ok(Release::Voided));
}

/// Twice, the second time as a repetition, then an old one; and again where the shop did not take it, also after a restart.
#[tokio::test]
async fn a_later_card_is_told_of_until_the_shop_takes_it() {
    let mut stage = Stage::set().await;
    stage.answers.lock().unwrap().push(StatusCode::SERVICE_UNAVAILABLE);
    assert!(matches!(stage.ask("a", "tok_later").await, Ok(Authorization::Pending { .. })));
    assert!(stage.card.capture("a", "x", PRICE).await.is_err());
    stage.again().await;
    let mut events = Vec::new();
    for _ in 0..4 {
        let notice = stage.notice().await;
        assert_eq!(notice.key, "a");
        events.push(notice.event);
    }
    events.sort();
    events.dedup();
    assert_eq!(events.len(), 2, "two events, of which one came again");
    authorized(stage.ask("a", "tok_later").await);
}

/// Whoever asked first was killed when it was just written down: the next question, and the next capture, are enough.
#[tokio::test]
async fn what_was_asked_for_by_who_is_gone_is_decided_all_the_same() {
    let mut stage = Stage::set().await;
    assert!(matches!(stage.ask("a", "tok_later").await, Ok(Authorization::Pending { .. })));
    let known = stage.sim.book.find("a").await.unwrap().unwrap();
    let later = Entry { key: "b".to_owned(), id: "pay_b".to_owned(), ..known.clone() };
    stage.sim.book.ask(&later).await.unwrap();
    let (token, state) = ("tok_capture_later".to_owned(), "authorized".to_owned());
    let captured = Entry { key: "c".to_owned(), id: "pay_c".to_owned(), token, state, ..known };
    stage.sim.book.ask(&captured).await.unwrap();
    stage.sim.book.capture("c", PRICE.amount).await.unwrap();

    assert!(matches!(stage.ask("b", "tok_later").await, Ok(Authorization::Pending { .. })));
    assert_eq!(stage.card.capture("c", "pay_c", PRICE).await, Ok(Progress::Pending));
    let mut told = std::collections::BTreeSet::new();
    while told.len() < 3 {
        told.insert(stage.notice().await.key);
    }
    assert_eq!(stage.ask("b", "tok_later").await, Ok(Authorization::Authorized { reference: "pay_b".to_owned() }));
    assert_eq!(stage.card.capture("c", "pay_c", PRICE).await, Ok(Progress::Done));
}

#[tokio::test]
async fn a_shopper_confirms_or_refuses() {
    let mut stage = Stage::set().await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for (key, decision) in [("a", "confirm"), ("b", "refuse")] {
        let Ok(Authorization::ActionRequired { url, .. }) = stage.ask(key, "tok_3ds").await else { panic!("no confirmation is wanted") };
        let page = http.get(&url).header("accept-language", "zh-CN").send().await.unwrap().text().await.unwrap();
        assert!(page.contains("US$5.10") && page.contains("确认付款"), "{page}");
        let decide = async |decision: &str| {
            let form = http.post(&url).header("content-type", "application/x-www-form-urlencoded");
            form.body(format!("decision={decision}")).send().await.unwrap()
        };
        assert_eq!(decide("maybe").await.status().as_u16(), 422);
        let decided = decide(decision).await;
        assert_eq!((decided.status().as_u16(), &decided.headers()["location"]), (303, &"http://shop.example/orders/1".parse().unwrap()));
        assert_eq!(stage.notice().await.key, key);
        // Changing one's mind is too late.
        decide("refuse").await;
        let page = http.get(&url).send().await.unwrap().text().await.unwrap();
        assert!(page.contains("has been decided") && page.contains("http://shop.example/orders/1"), "{page}");
    }
    authorized(stage.ask("a", "tok_3ds").await);
    assert!(matches!(stage.ask("b", "tok_3ds").await, Ok(Authorization::Declined { .. })));
    assert_eq!(http.get(format!("{}/confirm/pay_x", stage.url)).send().await.unwrap().status().as_u16(), 404);
}

/// Received is not done: it cannot be let go of any more, and survives the provider's death.
#[tokio::test]
async fn a_capture_may_take_its_time() {
    let mut stage = Stage::set().await;
    let reference = authorized(stage.ask("a", "tok_capture_later").await);
    for _ in 0..2 {
        assert_eq!(stage.card.capture("a", &reference, PRICE).await, Ok(Progress::Pending));
        assert_eq!(stage.card.void("a", Some(&reference)).await, Ok(Release::Pending));
    }
    stage.again().await;
    // Once, again, and an old one, in whatever order they arrive.
    let mut told = [stage.notice().await, stage.notice().await, stage.notice().await];
    told.sort_by(|one, other| one.event.cmp(&other.event));
    let [one, two, three] = &told;
    assert!(told.iter().all(|notice| notice.key == "a") && (one.event == two.event) != (two.event == three.event), "{told:?}");
    assert_eq!(stage.card.capture("a", &reference, PRICE).await, Ok(Progress::Done));
    assert_eq!(stage.card.void("a", Some(&reference)).await, Ok(Release::Captured { reference: reference.clone() }));
    assert_eq!(stage.card.refund("r", "a", &reference, PRICE).await, Ok(Progress::Done));
    assert_eq!(stage.totals().await, (1, 510, 510));
}
