//! The jobs that give back: captured money, and authorisations whose fate is not known.

use std::time::Duration;

use async_trait::async_trait;
use domain::ordering::PaymentStatus;
use domain::{Money, OrderId};
use serde_json::Value;

use super::provider::Release;
use super::store::{self, PaymentRow};
use super::{PaymentError, Payments, ProviderError, REFUND, VOID};
use crate::db::{Db, Tx};
use crate::job::{Job, JobHandler, JobOutcome};
use crate::ordering;
use crate::subscriber::HandlerError;

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
        let payment = match payment_of(&self.db, job).await {
            Ok(payment) => payment,
            Err(outcome) => return outcome,
        };
        match (payment.status, &payment.reference) {
            (PaymentStatus::Captured | PaymentStatus::PartiallyRefunded, Some(_)) if payment.amount.amount == 0 => {
                JobOutcome::Done(Value::Null)
            }
            (PaymentStatus::Captured | PaymentStatus::PartiallyRefunded, Some(reference)) => {
                outcome(refund(&self.payments, &payment.id.to_string(), reference, payment.amount).await)
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
        let payment = match payment_of(&self.db, job).await {
            Ok(payment) => payment,
            Err(outcome) => return outcome,
        };
        make_sure(&self.payments, &payment.id.to_string(), payment.reference.as_deref(), payment.amount).await
    }

    async fn lock_in(&self, tx: &mut Tx, job: &Job) -> Result<(), HandlerError> {
        super::lock_order_of_in(tx, job).await
    }

    async fn done_in(&self, tx: &mut Tx, job: &Job, _output: Value) -> Result<(), HandlerError> {
        Ok(ordering::undone_in(tx, job.key.parse()?).await?)
    }
}

/// Voids what was given up without an answer; refunds it where it had been captured all the same.
pub(super) async fn make_sure(payments: &Payments, key: &str, reference: Option<&str>, amount: Money) -> JobOutcome {
    match payments.ask(payments.provider.void(key, reference)).await {
        Ok(Release::Voided) => JobOutcome::Done(Value::Null),
        Ok(Release::Captured { reference }) => {
            tracing::warn!(key, "a payment that was given up had been captured; it is refunded");
            outcome(refund(payments, key, &reference, amount).await)
        }
        Err(error) => outcome(Err(error)),
    }
}

/// Refunds all of it. The refund's key is made of the payment's, so that it happens once.
async fn refund(payments: &Payments, key: &str, reference: &str, amount: Money) -> Result<(), ProviderError> {
    payments.ask(payments.provider.refund(&format!("refund-{key}"), key, reference, amount)).await
}

fn outcome(answer: Result<(), ProviderError>) -> JobOutcome {
    match answer {
        Ok(()) => JobOutcome::Done(Value::Null),
        Err(error @ ProviderError::NoAnswer(_)) => JobOutcome::retry(error),
        Err(error @ ProviderError::Refused(_)) => JobOutcome::Dead(error.to_string()),
    }
}

async fn payment_of(db: &Db, job: &Job) -> Result<PaymentRow, JobOutcome> {
    let order: OrderId = job.key.parse().map_err(|_| JobOutcome::Dead(format!("{} is no order", job.key)))?;
    match store::find(&mut db.reader(), order).await {
        Ok(Some(payment)) => Ok(payment),
        Ok(None) => Err(JobOutcome::Dead(format!("order {order} has no payment"))),
        Err(error) => Err(JobOutcome::retry(error)),
    }
}
