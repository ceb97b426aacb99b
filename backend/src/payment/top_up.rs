//! Top-ups: a card pays into a wallet.
//!
//! The wish is written down first, with a job that charges the card; the money is booked in the transaction that ends the
//! job. So a process may die at any moment: the job goes on elsewhere, and the same request, sent again, finds its top-up
//! and waits for its end. A request key is one top-up for ever, so no card is charged twice. Where the card wants a
//! confirmation (3-D Secure) the shopper is told where to give it; the job looks after the rest. An account is not deleted
//! while a top-up of its own is under way; money that comes for one that is gone all the same goes back to its card.

mod ended;
mod error;
mod left;

use std::time::Duration;

use async_trait::async_trait;
use domain::event::PaymentToppedUp;
use domain::{Currency, Fault, Faults, Money, Terms, Timestamp, TopUpId, UserId};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

pub use self::ended::Looked;
pub use self::error::TopUpError;
pub use self::left::LeftTopUp;
use super::charge::{Attempt, Charge, outcome};
use super::provider::CardToken;
use super::store::top_up as store;
use super::wallet::{Credit, Wallets};
use super::{MAX_TOKEN, Payments, Settlement};
use crate::db::{Db, DbError, Sql, Tx, Wake};
use crate::idempotency::RequestKey;
use crate::identity::account;
use crate::identity::secret::hex;
use crate::job::{self, Job, JobHandler, JobOutcome};
use crate::log::{self, NewEvent};
use crate::subscriber::HandlerError;

/// The job that charges the card of a top-up; its key is the top-up's id.
pub(super) const TOP_UP: &str = "payment.top_up";
/// The job that lets go of a top-up's authorisation whose fate is not known.
pub(super) const TOP_UP_VOID: &str = "payment.top_up_void";
/// Wakes who waits for a top-up to end, or to want something of the shopper.
const MOVED: &str = "payment.top_up_moved";
/// The most that a card pays in at once, in minor units.
pub const MAX_TOP_UP: i64 = 1_000_000;
/// How long a request waits for the provider. It ends before a stopping server does.
pub const WAIT: Duration = Duration::from_secs(8);

/// How a top-up ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopUpEnd {
    /// The money is in the wallet.
    Captured,
    /// Nothing is in the wallet. The card was not charged: `payment_declined` or `payment_timeout`; or it may have been, and then the
    /// money goes back: `payment_unsure`.
    Refused(String),
}

/// A top-up that waits for the shopper's confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    pub amount: Money,
    /// Where it is given.
    pub url: String,
    pub begun_at: Timestamp,
    /// Until when it is waited for.
    pub confirm_by: Timestamp,
}

/// Everybody's top-ups.
#[derive(Clone)]
pub struct TopUps {
    db: Db,
    payments: Payments,
}

impl TopUps {
    pub fn new(db: Db, payments: Payments) -> Self {
        Self { db, payments }
    }

    /// Those of a shopper that wait for a confirmation, the oldest first.
    pub async fn confirmations(&self, sql: &mut impl Sql, user: UserId) -> Result<Vec<Confirmation>, DbError> {
        store::confirmations(sql, user).await
    }

    /// Pays `amount` into the wallet of `user` with a card, once for the request key, and waits for the end or for what
    /// the shopper has to do, at most [`WAIT`]. The same request again waits again, or is told the end at once; where it
    /// waits for a confirmation the provider is asked anew, for it may have been given.
    /// `fingerprint` tells one body from another.
    pub async fn pay_in(
        &self,
        key: &RequestKey,
        fingerprint: &str,
        user: UserId,
        amount: Money,
        token: &str,
    ) -> Result<TopUpEnd, TopUpError> {
        let request = digest(key);
        // Before the first look, so that no end is missed between it and the wait.
        let woken = self.db.wakes().listen(|wake| matches!(wake, Wake::Job(kind) if kind == MOVED));
        let (top_ups, id, print, token) = (self.clone(), request.clone(), fingerprint.to_owned(), CardToken::new(token));
        let confirming =
            self.db.transaction(move |tx| Box::pin(async move { top_ups.begin_in(tx, &id, &print, user, amount, &token).await })).await?;
        // What another process wrote is not always told, and that the provider was asked in vain never is.
        let look = Duration::from_millis(if confirming.is_some() { 100 } else { 500 });
        let end = async {
            loop {
                if let Some(row) = store::find_by_request(&mut self.db.reader(), &request).await? {
                    match (row.end(), row.action_url) {
                        (Some(end), _) => return Ok(end),
                        (None, Some(url)) if self.was_asked(confirming.as_ref()).await? => return Err(TopUpError::ActionRequired(url)),
                        (None, _) => {}
                    }
                }
                tokio::select! {
                    () = woken.woken() => {}
                    () = tokio::time::sleep(look) => {}
                }
            }
        };
        match (tokio::time::timeout(WAIT, end).await, confirming) {
            (Ok(end), _) => end,
            (Err(_), Some(confirming)) => Err(TopUpError::ActionRequired(confirming.url)),
            (Err(_), None) => Err(TopUpError::Undecided),
        }
    }

    /// Whether the provider has been asked since this request came. Where nobody does so now, somebody shall.
    async fn was_asked(&self, confirming: Option<&Confirming>) -> Result<bool, DbError> {
        let Some(Confirming { key, attempts, .. }) = confirming else { return Ok(true) };
        match job::attempts(&mut self.db.reader(), TOP_UP, key).await? {
            Some((begun, false)) if begun <= *attempts => {
                let key = key.clone();
                self.db.transaction(move |tx| Box::pin(async move { job::hurry_in(tx, TOP_UP, &key).await })).await?;
                Ok(false)
            }
            Some((_, runs)) => Ok(!runs),
            // It has just ended; how, the next look tells.
            None => Ok(false),
        }
    }

    /// Writes the wish down, with the job that fulfils it. The same request again changes nothing; what it waits for, where
    /// that is the shopper.
    async fn begin_in(
        &self,
        tx: &mut Tx,
        request: &str,
        fingerprint: &str,
        user: UserId,
        amount: Money,
        token: &CardToken,
    ) -> Result<Option<Confirming>, TopUpError> {
        if let Some(row) = store::find_by_request(tx, request).await? {
            return known_in(tx, row, fingerprint).await;
        }
        if account::is_deleted_in(tx, user).await? {
            return Err(TopUpError::NoAccount);
        }
        check(amount, Wallets.currency(tx, user).await?, token)?;
        let id = TopUpId(Uuid::now_v7());
        let sealed = self.payments.vault.seal(token, &id.to_string())?;
        if !store::insert_in(tx, id, user, request, fingerprint, amount, &sealed).await? {
            // The same request, in another process, at the same moment.
            return match store::find_by_request(tx, request).await? {
                Some(row) => known_in(tx, row, fingerprint).await,
                None => Ok(None),
            };
        }
        job::enqueue_in(tx, TOP_UP, &id.to_string(), json!({})).await?;
        Ok(None)
    }

    async fn settle_in(&self, tx: &mut Tx, id: TopUpId, settlement: Settlement) -> Result<(), HandlerError> {
        let row = store::find(tx, id).await?.ok_or_else(|| HandlerError::new(format!("there is no top-up {id}")))?;
        let homeless = matches!(settlement, Settlement::Captured { .. }) && account::is_deleted_in(tx, row.user).await?;
        let (status, reference, reason) = match &settlement {
            Settlement::Captured { reference } if homeless => ("voided", Some(reference.as_str()), Some("account_deleted")),
            Settlement::Captured { reference } => ("captured", Some(reference.as_str()), None),
            Settlement::Declined { reason } => ("declined", None, Some(reason.as_str())),
            // What its shopper is told is kept, so it is true however the void ends.
            Settlement::Voided { sure: false, .. } => ("voided", None, Some("payment_unsure")),
            Settlement::Voided { reason, .. } => ("voided", None, Some(reason.as_str())),
        };
        if !store::settle_in(tx, id, status, reference, reason).await? {
            // Another attempt, of a worker that was thought dead, has written it.
            return Ok(());
        }
        match settlement {
            Settlement::Captured { .. } if homeless => {
                // Letting go of what was captured is sending it back.
                job::enqueue_in(tx, TOP_UP_VOID, &id.to_string(), json!({})).await?;
            }
            Settlement::Captured { .. } => {
                Wallets.credit_in(tx, row.user, row.amount, Credit::TopUp, &id.to_string()).await?;
                let event = PaymentToppedUp { top_up: id, user: row.user, amount: row.amount };
                log::append_in(tx, NewEvent::new(event, id)).await?;
            }
            Settlement::Voided { sure: false, .. } => {
                job::enqueue_in(tx, TOP_UP_VOID, &id.to_string(), json!({})).await?;
            }
            Settlement::Declined { .. } | Settlement::Voided { .. } => {}
        }
        tx.wake(Wake::Job(MOVED.to_owned()));
        Ok(())
    }
}

/// A top-up that waits for its shopper.
struct Confirming {
    /// Of its job.
    key: String,
    /// How often the provider had been asked when the request came again.
    attempts: i64,
    url: String,
}

/// What a request that came before waits for, where that is the shopper.
async fn known_in(tx: &mut Tx, row: store::TopUpRow, fingerprint: &str) -> Result<Option<Confirming>, TopUpError> {
    if row.fingerprint != fingerprint {
        return Err(TopUpError::Reused);
    }
    let (None, Some(url)) = (row.end(), row.action_url) else { return Ok(None) };
    let key = row.id.to_string();
    let attempts = job::attempts(tx, TOP_UP, &key).await?;
    Ok(attempts.map(|(attempts, _)| Confirming { key, attempts, url }))
}

/// A request key in one word, without the key.
fn digest(key: &RequestKey) -> String {
    let RequestKey { caller, method, path, key } = key;
    let text = format!("{caller}\n{method}\n{path}\n{key}");
    hex(&Sha256::digest(text))
}

fn check(amount: Money, currency: Currency, token: &CardToken) -> Result<(), Faults> {
    let mut faults = Vec::new();
    if !(1..=MAX_TOP_UP).contains(&amount.amount) {
        let detail = format!("Pay in 1 to {MAX_TOP_UP} minor units at once.");
        faults.push(Fault::new("/amount/amount", "amount_out_of_range", detail).with(Terms::between(1, MAX_TOP_UP)));
    }
    if amount.currency != currency {
        faults.push(
            Fault::new("/amount/currency", "wrong_currency", format!("This wallet is kept in {currency}.")).with(Terms::words([currency])),
        );
    }
    if let Some(fault) = token_fault(token.reveal(), "/token") {
        faults.push(fault);
    }
    if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
}

/// Whether a card may still be charged for this shopper's wallet.
pub(crate) async fn under_way(sql: &mut impl Sql, user: UserId) -> Result<bool, DbError> {
    store::under_way(sql, user).await
}

/// What is wrong with a card token, if anything is.
pub(crate) fn token_fault(token: &str, pointer: &str) -> Option<Fault> {
    let fine = (1..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    let detail = || format!("A card token has 1 to {MAX_TOKEN} visible ASCII characters.");
    (!fine).then(|| Fault::new(pointer, "invalid_value", detail()).with(Terms::between(1, MAX_TOKEN as i64)))
}

/// Charges the card of one top-up, whose id is the job's key.
pub(super) struct TopUpJob(pub(super) TopUps);

impl TopUpJob {
    async fn charge(&self, job: &Job, id: TopUpId) -> Result<Attempt, DbError> {
        let TopUps { db, payments } = &self.0;
        let Some(row) = store::find(&mut db.reader(), id).await? else { return Ok(Attempt::Nothing) };
        if row.status != "pending" {
            return Ok(Attempt::Nothing);
        }
        let key = id.to_string();
        let told = super::store::notice::told(&mut db.reader(), &key).await?;
        let charge = Charge {
            amount: row.amount,
            token: row.token.as_ref().and_then(|sealed| payments.vault.open(sealed, &key)),
            key,
            description: format!("top-up {id}"),
            // The page tells how it ended.
            return_path: format!("/account?top_up={id}#wallet"),
            // Whatever the provider does with it, it has a time.
            known_at: row.reference.is_some().then_some(row.begun_at),
            reference: row.reference,
            confirming: row.action_url.is_some(),
            told,
            attempt: job.attempt,
        };
        let mut reader = db.reader();
        let wanted = async { Ok(!account::is_deleted(&mut reader, row.user).await?) };
        let attempt = payments.attempt(&charge, db.clock().now(), wanted).await?;
        if let Attempt::Undecided { reference, action_url } = &attempt
            && (charge.reference.is_none() || (action_url.is_some() && row.action_url != *action_url))
        {
            let (reference, action_url) = (reference.clone(), action_url.clone());
            let known = db.transaction(move |tx| {
                Box::pin(async move {
                    store::known_in(tx, id, &reference, action_url.as_deref()).await?;
                    tx.wake(Wake::Job(MOVED.to_owned()));
                    Ok::<_, DbError>(())
                })
            });
            known.await?;
        }
        Ok(attempt)
    }
}

#[async_trait]
impl JobHandler for TopUpJob {
    fn kind(&self) -> &'static str {
        TOP_UP
    }

    fn parallel(&self) -> usize {
        16
    }

    /// The attempts are counted where giving up also voids.
    fn max_attempts(&self) -> i64 {
        i64::MAX
    }

    async fn run(&self, job: &Job) -> JobOutcome {
        let Ok(id) = job.key.parse() else { return JobOutcome::Dead(format!("{} is no top-up", job.key)) };
        outcome(self.charge(job, id).await, job.attempt)
    }

    async fn done_in(&self, tx: &mut Tx, job: &Job, output: Value) -> Result<(), HandlerError> {
        if output.is_null() {
            return Ok(());
        }
        self.0.settle_in(tx, job.key.parse()?, serde_json::from_value(output)?).await
    }
}

/// Makes sure that a top-up which was given up without an answer takes no money.
pub(super) struct TopUpVoidJob(pub(super) TopUps);

#[async_trait]
impl JobHandler for TopUpVoidJob {
    fn kind(&self) -> &'static str {
        TOP_UP_VOID
    }

    fn max_attempts(&self) -> i64 {
        super::refund::ATTEMPTS
    }

    async fn run(&self, job: &Job) -> JobOutcome {
        let Ok(id) = job.key.parse::<TopUpId>() else { return JobOutcome::Dead(format!("{} is no top-up", job.key)) };
        let row = match store::find(&mut self.0.db.reader(), id).await {
            Ok(Some(row)) => row,
            Ok(None) => return JobOutcome::Dead(format!("there is no top-up {id}")),
            Err(error) => return JobOutcome::retry(error),
        };
        let told = match super::store::notice::told(&mut self.0.db.reader(), &job.key).await {
            Ok(told) => told,
            Err(error) => return JobOutcome::retry(error),
        };
        super::refund::make_sure(&self.0.payments, &job.key, row.reference.as_deref(), row.amount, &told).await
    }
}

impl store::TopUpRow {
    fn end(&self) -> Option<TopUpEnd> {
        match (self.status.as_str(), &self.reason) {
            ("pending", _) => None,
            ("captured", _) => Some(TopUpEnd::Captured),
            (_, reason) => Some(TopUpEnd::Refused(reason.clone().unwrap_or_else(|| "payment_declined".to_owned()))),
        }
    }
}
