//! The jobs that give back: captured money, and authorisations whose fate is not known.

use std::time::Duration;

use async_trait::async_trait;
use domain::ordering::PaymentStatus;
use domain::{Money, OrderId};
use serde_json::Value;

use super::provider::{Outcome, Progress, Release};
use super::store::{self, PaymentRow};
use super::webhook::Told;
use super::{PaymentError, Payments, ProviderError, REFUND, VOID};
use crate::db::{Db, Tx};
use crate::job::{Job, JobHandler, JobOutcome};
use crate::ordering;
use crate::subscriber::HandlerError;

const NOT_DECIDED: &str = "the card provider has not decided yet";
/// With waits of at most 5 minutes, more than two days; then a person has to look.
pub(super) const ATTEMPTS: i64 = 600;

/// Sends the captured money of one order back, whose id is the job's key.
pub(super) struct RefundJob {
    db: Db,
    payments: Payments,
}

impl RefundJob {
    pub(super) fn new(db: Db, payments: Payments) -> Self {
        Self { db, payments }
    }
}

#[async_trait]
impl JobHandler for RefundJob {
    fn kind(&self) -> &'static str {
        REFUND
    }

    fn max_attempts(&self) -> i64 {
        ATTEMPTS
    }

    async fn run(&self, job: &Job) -> JobOutcome {
        let (payment, told) = match payment_of(&self.db, job).await {
            Ok(payment) => payment,
            Err(outcome) => return outcome,
        };
        match (payment.status, &payment.reference) {
            (PaymentStatus::Captured | PaymentStatus::PartiallyRefunded, Some(_)) if payment.amount.amount == 0 => {
                JobOutcome::Done(Value::Null)
            }
            (PaymentStatus::Captured | PaymentStatus::PartiallyRefunded, Some(reference)) => {
                refund(&self.payments, &payment.id.to_string(), reference, payment.amount, &told).await
            }
            _ => JobOutcome::Dead(format!("a payment that is {} is not refunded", payment.status)),
        }
    }

    async fn lock_in(&self, tx: &mut Tx, job: &Job) -> Result<(), HandlerError> {
        super::lock_order_of_in(tx, job).await
    }

    async fn done_in(&self, tx: &mut Tx, job: &Job, _output: Value) -> Result<(), HandlerError> {
        match self.payments.refunded_in(tx, job.key.parse()?).await {
            Ok(()) | Err(PaymentError::Settled(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Makes sure that a payment which was given up without an answer takes no money.
pub(super) struct VoidJob {
    db: Db,
    payments: Payments,
}

impl VoidJob {
    pub(super) fn new(db: Db, payments: Payments) -> Self {
        Self { db, payments }
    }
}

#[async_trait]
impl JobHandler for VoidJob {
    fn kind(&self) -> &'static str {
        VOID
    }

    fn max_attempts(&self) -> i64 {
        ATTEMPTS
    }

    fn time_limit(&self) -> Duration {
        self.payments.patience.answer * 3
    }

    async fn run(&self, job: &Job) -> JobOutcome {
        let (payment, told) = match payment_of(&self.db, job).await {
            Ok(payment) => payment,
            Err(outcome) => return outcome,
        };
        let key = payment.id.to_string();
        match self.payments.ask(self.payments.provider.void(&key, payment.reference.as_deref())).await {
            Ok(Release::Voided) => JobOutcome::Done(Value::Null),
            // It is written down, and goes back as whatever is captured for an order that has ended.
            Ok(Release::Captured { reference }) => JobOutcome::Done(Value::String(reference)),
            Ok(Release::Pending) => released(&told),
            Err(error) => failed(error),
        }
    }

    async fn lock_in(&self, tx: &mut Tx, job: &Job) -> Result<(), HandlerError> {
        super::lock_order_of_in(tx, job).await
    }

    async fn done_in(&self, tx: &mut Tx, job: &Job, output: Value) -> Result<(), HandlerError> {
        let order = job.key.parse()?;
        match output.as_str() {
            None => Ok(ordering::undone_in(tx, order).await?),
            Some(reference) => Ok(self.payments.captured_late_in(tx, order, reference).await?),
        }
    }
}

/// Voids a top-up that was given up; refunds it where it had been captured all the same. No wallet has seen its money, so
/// there is nothing to be told.
pub(super) async fn make_sure(payments: &Payments, key: &str, reference: Option<&str>, amount: Money, told: &Told) -> JobOutcome {
    match payments.ask(payments.provider.void(key, reference)).await {
        Ok(Release::Voided) => JobOutcome::Done(Value::Null),
        Ok(Release::Captured { reference }) => {
            tracing::warn!(key, "a payment that was given up had been captured; it is refunded");
            refund(payments, key, &reference, amount, told).await
        }
        Ok(Release::Pending) => released(told),
        Err(error) => failed(error),
    }
}

/// A cancellation that was only received: it counts when it was told.
fn released(told: &Told) -> JobOutcome {
    if told.void.is_some() { JobOutcome::Done(Value::Null) } else { JobOutcome::retry(NOT_DECIDED) }
}

/// Refunds all of it. The refund's key is made of the payment's, so that it happens once.
async fn refund(payments: &Payments, key: &str, reference: &str, amount: Money, told: &Told) -> JobOutcome {
    match payments.ask(payments.provider.refund(&format!("refund-{key}"), key, reference, amount)).await {
        Ok(Progress::Done) => JobOutcome::Done(Value::Null),
        Ok(Progress::Pending) => match told.refund {
            Some(Outcome::Refunded) => JobOutcome::Done(Value::Null),
            Some(_) => JobOutcome::Dead("the card provider told that the refund has failed".to_owned()),
            None => JobOutcome::retry(NOT_DECIDED),
        },
        Err(error) => failed(error),
    }
}

fn failed(error: ProviderError) -> JobOutcome {
    match error {
        ProviderError::NoAnswer(_) => JobOutcome::retry(error),
        ProviderError::Refused(_) => JobOutcome::Dead(error.to_string()),
    }
}

/// The payment of the order whose id is the job's key, and what was told of it.
async fn payment_of(db: &Db, job: &Job) -> Result<(PaymentRow, Told), JobOutcome> {
    let order: OrderId = job.key.parse().map_err(|_| JobOutcome::Dead(format!("{} is no order", job.key)))?;
    let mut reader = db.reader();
    let payment = store::find(&mut reader, order).await.map_err(JobOutcome::retry)?;
    let Some(payment) = payment else { return Err(JobOutcome::Dead(format!("order {order} has no payment"))) };
    let told = store::notice::told(&mut reader, &payment.id.to_string()).await.map_err(JobOutcome::retry)?;
    Ok((payment, told))
}
