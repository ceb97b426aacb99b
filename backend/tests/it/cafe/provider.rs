//! A card provider for tests: it behaves by the token, and keeps books of what it was asked for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use backend::payment::provider::{
    Authorization, Authorize, CardProvider, Notice, NoticeError, Progress, ProviderError, RawNotice, Release,
};
use domain::Money;
use tokio::sync::Semaphore;

/// The provider's books. Tokens: `tok_ok`; `tok_gate` captures only when the test opens the gate; `tok_silent` is never
/// answered, and `tok_gone` fails at once; `tok_late` is undecided for two questions, `tok_never` for ever; `tok_3ds` wants a
/// confirmation, which the test gives; `tok_lost` is captured, and nobody hears of it;
/// `tok_adyen` wants the bank's answer handed over, and says to everything after that no more than that it was received: how it
/// ended only notices tell; any other is declined.
pub struct Books {
    entries: Mutex<HashMap<String, Entry>>,
    gate: Semaphore,
    /// Tells that somebody stands at the gate.
    at_gate: Semaphore,
    /// Refunds that get no answer before one does.
    silent_refunds: Mutex<u32>,
    /// Refunds that are refused before one is not.
    refused_refunds: Mutex<u32>,
    /// Voids that get none.
    silent_voids: Mutex<u32>,
    confirmed: AtomicBool,
}

/// What happened to one charge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    pub asked: u32,
    pub authorized: bool,
    pub captured: bool,
    pub voided: bool,
    /// Refunds by their keys.
    pub refunds: Vec<String>,
    /// The keys with which a refund was asked for, each time.
    pub asked_back: Vec<String>,
    /// What went back.
    pub refunded: i64,
    pub amount: i64,
    /// What the bank gave the shopper.
    pub answer: Option<String>,
}

impl Default for Books {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            gate: Semaphore::new(0),
            at_gate: Semaphore::new(0),
            silent_refunds: Mutex::new(0),
            refused_refunds: Mutex::new(0),
            silent_voids: Mutex::new(0),
            confirmed: AtomicBool::new(false),
        }
    }
}

impl Books {
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All charges that were asked for.
    pub fn all(&self) -> Vec<Entry> {
        self.entries().values().cloned().collect()
    }

    /// The only charge.
    pub fn only(&self) -> Entry {
        let entries = self.all();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries[0].clone()
    }

    /// Waits until a capture stands at the gate.
    pub async fn wait_at_gate(&self) {
        self.at_gate.acquire().await.expect("the gate stands").forget();
    }

    /// Lets one capture pass.
    pub fn open_gate(&self) {
        self.gate.add_permits(1);
    }

    /// The next refunds get no answer.
    pub fn silence_refunds(&self, count: u32) {
        *self.silent_refunds.lock().unwrap_or_else(PoisonError::into_inner) = count;
    }

    /// The next refunds are refused.
    pub fn refuse_refunds(&self, count: u32) {
        *self.refused_refunds.lock().unwrap_or_else(PoisonError::into_inner) = count;
    }

    /// The next voids get no answer.
    pub fn silence_voids(&self, count: u32) {
        *self.silent_voids.lock().unwrap_or_else(PoisonError::into_inner) = count;
    }

    /// The shopper confirms, and whoever is asked later, too.
    pub fn confirm(&self) {
        self.confirmed.store(true, Ordering::SeqCst);
    }

    fn confirmed(&self) -> bool {
        self.confirmed.load(Ordering::SeqCst)
    }

    fn only_answer(&self, key: &str) -> Option<String> {
        self.entries().get(key)?.answer.clone()
    }

    /// What is ours in the end.
    pub fn balance(&self) -> i64 {
        self.all().iter().filter(|entry| entry.captured).map(|entry| entry.amount - entry.refunded).sum()
    }
}

/// One of so many, while there are.
fn take(left: &Mutex<u32>) -> bool {
    let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}

#[async_trait]
impl CardProvider for Books {
    fn name(&self) -> &'static str {
        "books"
    }

    async fn authorize(&self, request: Authorize<'_>) -> Result<Authorization, ProviderError> {
        let asked = {
            let mut entries = self.entries();
            let entry = entries.entry(request.key.to_owned()).or_default();
            entry.asked += 1;
            entry.amount = request.amount.amount;
            entry.asked
        };
        let reference = format!("{}/{}", request.token.reveal(), request.key);
        match request.token.reveal() {
            "tok_silent" => std::future::pending().await,
            "tok_late" if asked < 3 => return Ok(Authorization::Pending { reference }),
            "tok_never" => return Ok(Authorization::Pending { reference }),
            "tok_gone" => return Err(ProviderError::NoAnswer("gone".to_owned())),
            "tok_3ds_gate" => {
                self.at_gate.add_permits(1);
                self.gate.acquire().await.expect("the gate stands").forget();
                return Ok(Authorization::ActionRequired { reference, url: "https://bank.example/confirm".to_owned() });
            }
            "tok_3ds" if !self.confirmed() => {
                return Ok(Authorization::ActionRequired { reference, url: "https://bank.example/confirm".to_owned() });
            }
            "tok_adyen" if self.only_answer(request.key).is_none() => {
                return Ok(Authorization::ActionRequired { reference, url: "https://bank.example/redirect".to_owned() });
            }
            "tok_ok" | "tok_gate" | "tok_late" | "tok_3ds" | "tok_lost" | "tok_adyen" => {}
            _ => return Ok(Authorization::Declined { reason: "card_declined".to_owned() }),
        }
        self.entries().entry(request.key.to_owned()).or_default().authorized = true;
        Ok(Authorization::Authorized { reference })
    }

    async fn capture(&self, key: &str, reference: &str, _amount: Money) -> Result<Progress, ProviderError> {
        if reference.starts_with("tok_gate") {
            self.at_gate.add_permits(1);
            self.gate.acquire().await.expect("the gate stands").forget();
        }
        let mut entries = self.entries();
        let entry = entries.entry(key.to_owned()).or_default();
        if entry.voided || !entry.authorized {
            return Err(ProviderError::Refused("nothing is authorised".to_owned()));
        }
        entry.captured = true;
        if reference.starts_with("tok_lost") {
            return Err(ProviderError::NoAnswer("lost".to_owned()));
        }
        Ok(if reference.starts_with("tok_adyen") { Progress::Pending } else { Progress::Done })
    }

    async fn void(&self, key: &str, reference: Option<&str>) -> Result<Release, ProviderError> {
        if reference.is_some_and(|reference| reference.starts_with("tok_adyen")) {
            return Ok(Release::Pending);
        }
        if take(&self.silent_voids) {
            return Err(ProviderError::NoAnswer("silent".to_owned()));
        }
        let mut entries = self.entries();
        let entry = entries.entry(key.to_owned()).or_default();
        if entry.captured {
            return Ok(Release::Captured { reference: key.to_owned() });
        }
        entry.voided = true;
        Ok(Release::Voided)
    }

    async fn refund(&self, refund_key: &str, key: &str, reference: &str, amount: Money) -> Result<Progress, ProviderError> {
        if take(&self.silent_refunds) {
            return Err(ProviderError::NoAnswer("silent".to_owned()));
        }
        let mut entries = self.entries();
        let entry = entries.get_mut(key).ok_or_else(|| ProviderError::Refused("unknown".to_owned()))?;
        entry.asked_back.push(refund_key.to_owned());
        if take(&self.refused_refunds) {
            return Err(ProviderError::Refused("this card takes nothing back".to_owned()));
        }
        if !entry.captured {
            return Err(ProviderError::Refused("nothing was captured".to_owned()));
        }
        if !entry.refunds.iter().any(|known| known == refund_key) {
            entry.refunds.push(refund_key.to_owned());
            entry.refunded += amount.amount;
        }
        Ok(if reference.starts_with("tok_adyen") { Progress::Pending } else { Progress::Done })
    }

    fn answer_in(&self, query: &str) -> Option<String> {
        query.split('&').find_map(|pair| pair.strip_prefix("redirectResult=")).map(str::to_owned)
    }

    async fn confirmed(&self, key: &str, _reference: Option<&str>, answer: &str) -> Result<(), ProviderError> {
        self.entries().entry(key.to_owned()).or_default().answer = Some(answer.to_owned());
        Ok(())
    }

    /// Everybody may tell: a notice is its event, its key and perhaps an outcome, behind `signature`.
    fn hear(&self, notice: &RawNotice<'_>) -> Result<Notice, NoticeError> {
        if (notice.header)("signature").as_deref() != Some("books") {
            return Err(NoticeError::Signature);
        }
        let text = std::str::from_utf8(notice.body).map_err(|error| NoticeError::Unreadable(error.to_string()))?;
        let (event, key) = text.split_once(' ').ok_or_else(|| NoticeError::Unreadable("no key".to_owned()))?;
        let (key, outcome) = key.split_once(' ').unwrap_or((key, ""));
        if outcome == "refund_failed"
            && let Some(entry) = self.entries().get_mut(key)
        {
            // Its key stays used up.
            entry.refunded = 0;
        }
        Ok(Notice { event: event.to_owned(), key: key.to_owned(), outcome: outcome.parse().ok() })
    }
}
