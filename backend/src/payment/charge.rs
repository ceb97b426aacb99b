//! Charging a card: authorise, look whether it is still wanted, capture. The same steps for whatever is paid; here also
//! the job that takes them for an order.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ordering::PaymentStatus;
use domain::{Money, OrderId, Timestamp};
use serde_json::Value;

use super::provider::{Authorization, Authorize, CardToken, Outcome, Progress, ProviderError, Release};
use super::store::{self, PaymentRow};
use super::webhook::Told;
use super::{CHARGE, CONFIRM_SECONDS, DECIDE_SECONDS, PaymentError, Payments, Settlement};
use crate::db::{Db, DbError, Tx};
use crate::job::{Job, JobHandler, JobOutcome};
use crate::subscriber::HandlerError;

/// What is to be charged, whatever for.
pub(super) struct Charge {
    /// The idempotency key at the provider.
    pub key: String,
    pub amount: Money,
    /// `None` where it cannot be read any more: then the card cannot be asked.
    pub token: Option<CardToken>,
    pub description: String,
    /// Where the shopper comes back to after confirming.
    pub return_path: String,
    /// Since when the provider is known to know of it.
    pub known_at: Option<Timestamp>,
    /// What the provider calls it, once that is known.
    pub reference: Option<String>,
    /// The shopper was asked to confirm.
    pub confirming: bool,
    /// What was told of it, for when the provider says "pending".
    pub told: Told,
    /// Which question this is, from 1.
    pub attempt: i64,
}

/// What one attempt came to.
pub(super) enum Attempt {
    /// The charge has ended.
    Ended(Settlement),
    /// It had ended before.
    Nothing,
    /// No answer, or the database did not give one: ask again after this long.
    Again(String, Duration),
    /// The provider knows of it and has not decided. Where the shopper has to confirm, at this address.
    Undecided { reference: String, action_url: Option<String> },
}

impl Payments {
    /// One attempt. `wanted` is asked between the authorisation and the capture.
    pub(super) async fn attempt(
        &self,
        charge: &Charge,
        now: Timestamp,
        wanted: impl Future<Output = Result<bool, DbError>>,
    ) -> Result<Attempt, DbError> {
        if charge.amount.amount == 0 {
            // Providers refuse to charge nothing, and there is nothing to be charged.
            return Ok(Attempt::Ended(Settlement::Captured { reference: "nothing".to_owned() }));
        }
        let Some(token) = &charge.token else {
            tracing::error!(key = charge.key, "the token of a pending card payment cannot be read");
            return Ok(Attempt::Ended(self.let_go(charge, "payment_declined").await));
        };
        let asked = Instant::now();
        if let Some(answer) = &charge.told.answer {
            match self.ask(self.provider.confirmed(&charge.key, charge.reference.as_deref(), answer)).await {
                Ok(()) => {}
                Err(ProviderError::NoAnswer(reason)) => return self.ask_again(charge, now, reason, asked).await,
                // It was of another payment, or is handed over: how this one stands is asked now.
                Err(ProviderError::Refused(reason)) => tracing::info!(key = charge.key, reason, "the bank's answer is not taken"),
            }
        }
        let question = Authorize {
            key: &charge.key,
            amount: charge.amount,
            token,
            description: &charge.description,
            return_path: Some(&charge.return_path),
        };
        match self.ask(self.provider.authorize(question)).await.map(|answer| charge.told.decides(answer)) {
            Ok(Authorization::Authorized { reference }) => {
                if !wanted.await? {
                    return Ok(Attempt::Ended(self.let_go(charge, "order_ended").await));
                }
                self.capture(charge, reference, now, asked).await
            }
            Ok(Authorization::Declined { reason }) => {
                // The provider's own word is for the merchant, ours for the shopper.
                tracing::info!(key = charge.key, reason, "a card was declined");
                Ok(Attempt::Ended(Settlement::Declined { reason: "payment_declined".to_owned() }))
            }
            Err(ProviderError::Refused(reason)) => {
                // It says nothing of an attempt before, whose answer was lost: what that may have taken is let go of.
                tracing::warn!(key = charge.key, reason, "the card provider refuses a payment");
                Ok(Attempt::Ended(self.let_go(charge, "payment_declined").await))
            }
            Ok(Authorization::Pending { reference }) => self.undecided(charge, now, reference, None).await,
            Ok(Authorization::ActionRequired { reference, url }) => self.undecided(charge, now, reference, Some(url)).await,
            Err(ProviderError::NoAnswer(reason)) => self.ask_again(charge, now, reason, asked).await,
        }
    }

    /// Takes the authorised money.
    async fn capture(&self, charge: &Charge, reference: String, now: Timestamp, asked: Instant) -> Result<Attempt, DbError> {
        match self.ask(self.provider.capture(&charge.key, &reference, charge.amount)).await {
            Ok(Progress::Done) => Ok(Attempt::Ended(Settlement::Captured { reference })),
            Ok(Progress::Pending) => match charge.told.capture {
                Some(Outcome::Captured) => Ok(Attempt::Ended(Settlement::Captured { reference })),
                Some(_) => Ok(Attempt::Ended(self.let_go(charge, "payment_declined").await)),
                None => self.undecided(charge, now, reference, None).await,
            },
            Err(ProviderError::NoAnswer(reason)) => self.ask_again(charge, now, reason, asked).await,
            Err(ProviderError::Refused(reason)) => {
                tracing::warn!(key = charge.key, reason, "an authorised payment was not captured");
                Ok(Attempt::Ended(self.let_go(charge, "payment_declined").await))
            }
        }
    }

    /// No answer: the same question again, and when it was asked often enough, never mind. A payment that the provider
    /// is known to know of has its whole time.
    async fn ask_again(&self, charge: &Charge, now: Timestamp, reason: String, asked: Instant) -> Result<Attempt, DbError> {
        let left = if charge.known_at.is_some() { !over(charge, now) } else { charge.attempt < self.patience.questions };
        if left {
            return Ok(Attempt::Again(reason, self.patience.pause_after(charge.attempt, asked.elapsed())));
        }
        Ok(Attempt::Ended(self.let_go(charge, "payment_timeout").await))
    }

    /// The provider or the shopper has not decided yet.
    async fn undecided(&self, charge: &Charge, now: Timestamp, reference: String, action_url: Option<String>) -> Result<Attempt, DbError> {
        if over(charge, now) {
            return Ok(Attempt::Ended(self.let_go(charge, "payment_timeout").await));
        }
        Ok(Attempt::Undecided { reference, action_url })
    }

    /// Voids; a provider that does not answer is asked again by a job of its own, so that the order need not wait.
    pub(super) async fn let_go(&self, charge: &Charge, reason: &str) -> Settlement {
        let voided = |sure| Settlement::Voided { reason: reason.to_owned(), sure };
        let reference = charge.reference.as_deref();
        match self.ask(self.provider.void(&charge.key, reference)).await.map(|answer| charge.told.decides_release(answer, reference)) {
            Ok(Release::Voided) => voided(true),
            Ok(Release::Pending) => voided(false),
            Ok(Release::Captured { reference }) => Settlement::Captured { reference },
            Err(error) => {
                tracing::warn!(key = charge.key, %error, "a payment is given up, but not voided yet");
                voided(false)
            }
        }
    }
}

impl Told {
    /// What was told of an authorisation decides it where the provider does not.
    fn decides(&self, answer: Authorization) -> Authorization {
        match (answer, self.authorization) {
            (Authorization::Pending { reference } | Authorization::ActionRequired { reference, .. }, Some(Outcome::Authorized)) => {
                Authorization::Authorized { reference }
            }
            (Authorization::Pending { .. } | Authorization::ActionRequired { .. }, Some(_)) => {
                Authorization::Declined { reason: "told".to_owned() }
            }
            (answer, _) => answer,
        }
    }

    /// A cancellation that was only received is decided by what was told. That it was captured counts most: money that was taken
    /// is not forgotten, and a refund of what was not taken after all is refused, which somebody sees.
    pub(super) fn decides_release(&self, answer: Release, reference: Option<&str>) -> Release {
        match (answer, self.capture, reference) {
            (Release::Pending, Some(Outcome::Captured), Some(reference)) => Release::Captured { reference: reference.to_owned() },
            (Release::Pending, ..) if self.void.is_some() => Release::Voided,
            (answer, ..) => answer,
        }
    }
}

/// Whether the time of an undecided payment is over.
fn over(charge: &Charge, now: Timestamp) -> bool {
    let seconds = if charge.confirming { CONFIRM_SECONDS } else { DECIDE_SECONDS };
    charge.known_at.is_some_and(|known| now >= known.plus_seconds(seconds))
}

/// How long to wait before an undecided payment is looked after: a webhook is quicker, this is for when it is lost.
pub(super) fn look_after(attempt: i64) -> Duration {
    Duration::from_secs(attempt.clamp(1, 5).unsigned_abs())
}

/// Charges the card of one order, whose id is the job's key.
pub(super) struct ChargeJob {
    db: Db,
    payments: Payments,
}

impl ChargeJob {
    pub(super) fn new(db: Db, payments: Payments) -> Self {
        Self { db, payments }
    }

    async fn charge(&self, job: &Job, order: OrderId) -> Result<Attempt, DbError> {
        let Some(payment) = store::find(&mut self.db.reader(), order).await? else { return Ok(Attempt::Nothing) };
        if !matches!(payment.status, PaymentStatus::Pending | PaymentStatus::ActionRequired) {
            return Ok(Attempt::Nothing);
        }
        let told = store::notice::told(&mut self.db.reader(), &payment.id.to_string()).await?;
        let charge = self.charge_of(&payment, told, job.attempt);
        if payment.unwanted {
            return Ok(Attempt::Ended(self.payments.let_go(&charge, "order_ended").await));
        }
        let mut reader = self.db.reader();
        let wanted = async { Ok(store::find(&mut reader, order).await?.is_some_and(|payment| !payment.unwanted)) };
        let attempt = self.payments.attempt(&charge, self.db.clock().now(), wanted).await?;
        if let Attempt::Undecided { reference, action_url } = &attempt {
            self.tell_undecided(&payment, reference.clone(), action_url.clone()).await?;
        }
        Ok(attempt)
    }

    fn charge_of(&self, payment: &PaymentRow, told: Told, attempt: i64) -> Charge {
        let key = payment.id.to_string();
        Charge {
            amount: payment.amount,
            token: payment.token.as_ref().and_then(|sealed| self.payments.vault.open(sealed, &key)),
            key,
            description: payment.order.to_string(),
            return_path: format!("/orders/{}", payment.order),
            known_at: payment.known_at,
            reference: payment.reference.clone(),
            confirming: payment.status == PaymentStatus::ActionRequired,
            told,
            attempt,
        }
    }

    /// Writes down, the first time, that the provider knows of the payment, and where the shopper can confirm it.
    async fn tell_undecided(&self, payment: &PaymentRow, reference: String, action_url: Option<String>) -> Result<(), DbError> {
        let known = payment.known_at.is_some() && (action_url.is_none() || payment.action_url == action_url);
        if known {
            return Ok(());
        }
        let (payments, order) = (self.payments.clone(), payment.order);
        let told: Result<(), PaymentError> = self
            .db
            .transaction(move |tx| Box::pin(async move { payments.undecided_in(tx, order, &reference, action_url.as_deref()).await }))
            .await;
        match told {
            Err(PaymentError::Database(error)) => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[async_trait]
impl JobHandler for ChargeJob {
    fn kind(&self) -> &'static str {
        CHARGE
    }

    /// Most of the time they wait for the provider: a few cards that never answer must not hold up the others.
    fn parallel(&self) -> usize {
        256
    }

    /// The attempts are counted here, where giving up also voids.
    fn max_attempts(&self) -> i64 {
        i64::MAX
    }

    async fn run(&self, job: &Job) -> JobOutcome {
        let Ok(order) = job.key.parse() else { return JobOutcome::Dead(format!("{} is no order", job.key)) };
        outcome(self.charge(job, order).await, job.attempt)
    }

    async fn lock_in(&self, tx: &mut Tx, job: &Job) -> Result<(), HandlerError> {
        super::lock_order_of_in(tx, job).await
    }

    async fn done_in(&self, tx: &mut Tx, job: &Job, output: Value) -> Result<(), HandlerError> {
        if output.is_null() {
            return Ok(());
        }
        match self.payments.settle_in(tx, job.key.parse()?, serde_json::from_value(output)?).await {
            // Another attempt, of a worker that was thought dead, has written it.
            Ok(()) | Err(PaymentError::Settled(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What an attempt means for its job.
pub(super) fn outcome(attempt: Result<Attempt, DbError>, number: i64) -> JobOutcome {
    match attempt {
        Ok(Attempt::Ended(settlement)) => match serde_json::to_value(settlement) {
            Ok(settlement) => JobOutcome::Done(settlement),
            Err(error) => JobOutcome::Dead(error.to_string()),
        },
        Ok(Attempt::Nothing) => JobOutcome::Done(Value::Null),
        Ok(Attempt::Again(error, after)) => JobOutcome::Retry { error, after: Some(after) },
        Ok(Attempt::Undecided { .. }) => JobOutcome::Wait { why: "not decided yet".to_owned(), after: look_after(number) },
        Err(error) => JobOutcome::Retry { error: error.to_string(), after: Some(Duration::from_secs(1)) },
    }
}
