//! The job that charges a card: authorise, look whether it is still wanted, capture.

use async_trait::async_trait;
use domain::OrderId;
use domain::ordering::PaymentStatus;
use serde_json::Value;

use super::provider::{Authorization, Authorize, ProviderError, Release};
use super::store::{self, PaymentRow};
use super::{CHARGE, PaymentError, Payments, Settlement};
use crate::db::{Db, DbError, Tx};
use crate::job::{Job, JobHandler, JobOutcome};
use crate::subscriber::HandlerError;

/// Charges the card of one order, whose id is the job's key.
pub(super) struct ChargeJob {
    db: Db,
    payments: Payments,
}

/// What one attempt came to.
enum Attempt {
    /// The charge has ended.
    Ended(Settlement),
    /// It had ended before.
    Nothing,
    /// Not decided: look again.
    Again(String),
}

impl ChargeJob {
    pub(super) fn new(db: Db, payments: Payments) -> Self {
        Self { db, payments }
    }

    async fn attempt(&self, job: &Job, order: OrderId) -> Result<Attempt, DbError> {
        let Some(payment) = store::find(&mut self.db.reader(), order).await? else { return Ok(Attempt::Nothing) };
        if !matches!(payment.status, PaymentStatus::Pending | PaymentStatus::ActionRequired) {
            return Ok(Attempt::Nothing);
        }
        if payment.unwanted {
            return Ok(Attempt::Ended(self.let_go(&payment, "order_ended").await));
        }
        if payment.amount.amount == 0 {
            // Providers refuse to charge nothing, and there is nothing to be charged.
            return Ok(Attempt::Ended(Settlement::Captured { reference: "nothing".to_owned() }));
        }
        let Some(token) = &payment.token else {
            tracing::error!(%order, "a pending card payment has no token");
            return Ok(Attempt::Ended(Settlement::Declined { reason: "payment_declined".to_owned() }));
        };
        let (key, description) = (payment.id.to_string(), order.to_string());
        let question = Authorize { key: &key, amount: payment.amount, token, description: &description };
        match self.payments.ask(self.payments.provider.authorize(question)).await {
            Ok(Authorization::Authorized { reference }) => self.capture(job, &payment, reference).await,
            Ok(Authorization::Declined { reason }) | Err(ProviderError::Refused(reason)) => Ok(declined(order, &reason)),
            Ok(Authorization::Pending { .. }) => Ok(self.look_again(job, &payment).await),
            Ok(Authorization::ActionRequired { url, .. }) => {
                self.show_action(order, url).await?;
                Ok(self.look_again(job, &payment).await)
            }
            Err(ProviderError::NoAnswer(reason)) => Ok(self.ask_again(job, &payment, reason).await),
        }
    }

    /// Takes the authorised money, unless the order has ended in the meantime.
    async fn capture(&self, job: &Job, payment: &PaymentRow, reference: String) -> Result<Attempt, DbError> {
        let unwanted = store::find(&mut self.db.reader(), payment.order).await?.is_some_and(|p| p.unwanted);
        if unwanted {
            return Ok(Attempt::Ended(self.let_go(payment, "order_ended").await));
        }
        let key = payment.id.to_string();
        match self.payments.ask(self.payments.provider.capture(&key, &reference, payment.amount)).await {
            Ok(()) => Ok(Attempt::Ended(Settlement::Captured { reference })),
            Err(ProviderError::NoAnswer(reason)) => Ok(self.ask_again(job, payment, reason).await),
            Err(ProviderError::Refused(reason)) => {
                tracing::warn!(order = %payment.order, reason, "an authorised payment was not captured");
                Ok(Attempt::Ended(self.let_go(payment, "payment_declined").await))
            }
        }
    }

    /// No answer: the same question again, and when it was asked often enough, never mind.
    async fn ask_again(&self, job: &Job, payment: &PaymentRow, reason: String) -> Attempt {
        if job.attempt < self.payments.patience.questions {
            return Attempt::Again(reason);
        }
        Attempt::Ended(self.let_go(payment, "payment_timeout").await)
    }

    /// The provider or the shopper has not decided yet.
    async fn look_again(&self, job: &Job, payment: &PaymentRow) -> Attempt {
        if job.attempt < self.payments.patience.looks {
            return Attempt::Again("not decided yet".to_owned());
        }
        Attempt::Ended(self.let_go(payment, "payment_timeout").await)
    }

    /// Voids; a provider that does not answer is asked again by a job of its own, so that the order need not wait.
    async fn let_go(&self, payment: &PaymentRow, reason: &str) -> Settlement {
        let key = payment.id.to_string();
        let voided = |sure| Settlement::Voided { reason: reason.to_owned(), sure };
        match self.payments.ask(self.payments.provider.void(&key)).await {
            Ok(Release::Voided) => voided(true),
            Ok(Release::Captured { reference }) => Settlement::Captured { reference },
            Err(error) => {
                tracing::warn!(order = %payment.order, %error, "a payment is given up, but not voided yet");
                voided(false)
            }
        }
    }

    async fn show_action(&self, order: OrderId, url: String) -> Result<(), DbError> {
        let payments = self.payments.clone();
        let shown: Result<(), PaymentError> =
            self.db.transaction(move |tx| Box::pin(async move { payments.action_required_in(tx, order, &url).await })).await;
        match shown {
            Err(PaymentError::Database(error)) => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// The card was refused. The provider's own word is for the merchant, the order's reason for the shopper.
fn declined(order: OrderId, reason: &str) -> Attempt {
    tracing::info!(%order, reason, "a card was declined");
    Attempt::Ended(Settlement::Declined { reason: "payment_declined".to_owned() })
}

#[async_trait]
impl JobHandler for ChargeJob {
    fn kind(&self) -> &'static str {
        CHARGE
    }

    fn parallel(&self) -> usize {
        32
    }

    /// The attempts are counted here, where giving up also voids.
    fn max_attempts(&self) -> i64 {
        i64::MAX
    }

    async fn run(&self, job: &Job) -> JobOutcome {
        let Ok(order) = job.key.parse() else { return JobOutcome::Dead(format!("{} is no order", job.key)) };
        match self.attempt(job, order).await {
            Ok(Attempt::Ended(settlement)) => match serde_json::to_value(settlement) {
                Ok(settlement) => JobOutcome::Done(settlement),
                Err(error) => JobOutcome::Dead(error.to_string()),
            },
            Ok(Attempt::Nothing) => JobOutcome::Done(Value::Null),
            Ok(Attempt::Again(error)) => JobOutcome::Retry { error, after: Some(self.payments.patience.pause) },
            Err(error) => JobOutcome::Retry { error: error.to_string(), after: Some(self.payments.patience.pause) },
        }
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
