//! What gives back: the jobs, for captured money and for authorisations whose fate is not known, and the books of what went
//! back.

use std::time::Duration;

use async_trait::async_trait;
use domain::event::PaymentRefunded;
use domain::ordering::{PaymentMethod, PaymentStatus};
use domain::{Money, OrderId};
use serde_json::{Value, json};

use super::provider::{Outcome, Progress, Release};
use super::store::{self, PaymentRow};
use super::webhook::Told;
use super::{PaymentError, Payments, ProviderError, REFUND, VOID, WalletError, Wallets};
use crate::db::{Db, DbError, Tx};
use crate::identity::Owner;
use crate::job::{Job, JobHandler, JobOutcome};
use crate::ordering::{self, OrderRow};
use crate::subscriber::HandlerError;

const NOT_DECIDED: &str = "the card provider has not decided yet";
/// With waits of at most 5 minutes, more than two days; then a person has to look.
pub(super) const ATTEMPTS: i64 = 600;

impl PaymentRow {
    /// What of it has not gone back.
    pub(super) fn left(&self) -> Money {
        Money::new(self.amount.amount - self.refunded.amount, self.amount.currency)
    }

    /// The key of the refund that gives all of that back when the order ends.
    pub(super) fn refund_key(&self) -> String {
        key_of(&self.id.to_string())
    }
}

fn key_of(payment: &str) -> String {
    format!("refund-{payment}")
}

impl Payments {
    /// Writes down that money of an order went back, all of it or a part, once for the refund's own key, and tells of it; a
    /// wallet has it then. A card's provider is asked before that, by whoever wants it refunded. With the last of it the saga
    /// of an order that has ended is over.
    ///
    /// [`PaymentError::AlreadyApplied`] for a key that is booked, [`PaymentError::TooMuch`] for more than is left of what was
    /// captured, or for nothing of something: then the caller's transaction is to be rolled back.
    pub async fn book_refund_in(&self, tx: &mut Tx, order: OrderId, key: &str, amount: Money) -> Result<(), PaymentError> {
        let order = ordering::lock_in(tx, order).await?.ok_or(PaymentError::Unknown(order))?;
        let payment = store::find(tx, order.id).await?.ok_or(PaymentError::Unknown(order.id))?;
        let status = self.book_in(tx, &order, &payment, key, amount).await?;
        ordering::touch_in(tx, order.id).await?;
        if status == PaymentStatus::Refunded {
            ordering::undone_in(tx, order.id).await?;
        }
        Ok(())
    }

    /// As [`Self::book_refund_in`], for whoever has the order's lock and goes on with the order; how the payment stands then.
    pub(super) async fn book_in(
        &self,
        tx: &mut Tx,
        order: &OrderRow,
        payment: &PaymentRow,
        key: &str,
        amount: Money,
    ) -> Result<PaymentStatus, PaymentError> {
        let too_much = PaymentError::TooMuch(order.id);
        // An order that cost nothing has nothing to be written down, and ends all the same.
        let costs = payment.amount.amount > 0;
        if amount.amount < i64::from(costs) {
            return Err(too_much);
        }
        let new = if costs { store::note_refund_in(tx, key, payment.id, amount).await? } else { payment.status != PaymentStatus::Refunded };
        if !new {
            return Err(PaymentError::AlreadyApplied(key.to_owned()));
        }
        let status = store::refunded_in(tx, payment.id, amount).await?.ok_or(too_much)?;
        if payment.method == PaymentMethod::Wallet {
            let Owner::User(user) = order.owner else { return Err(PaymentError::Unknown(order.id)) };
            match Wallets.refund_in(tx, user, &order.store, order.id, key, amount).await {
                Ok(_) => {}
                Err(WalletError::Database(error)) => return Err(error.into()),
                // It was charged from there, so it is there, in this currency, and the amount was positive.
                Err(error) => return Err(DbError::Defect(error.to_string()).into()),
            }
        }
        super::tell(tx, payment.id, order.id, &order.store, PaymentRefunded { payment: payment.id, order: order.id, amount }).await?;
        Ok(status)
    }
}

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
        let left = payment.left();
        match (payment.status, &payment.reference) {
            (PaymentStatus::Captured | PaymentStatus::PartiallyRefunded, Some(_)) if left.amount == 0 => JobOutcome::Done(json!(left)),
            (PaymentStatus::Captured | PaymentStatus::PartiallyRefunded, Some(reference)) => {
                match refund(&self.payments, &payment.id.to_string(), reference, left, &told).await {
                    JobOutcome::Done(_) => JobOutcome::Done(json!(left)),
                    outcome => outcome,
                }
            }
            _ => JobOutcome::Dead(format!("a payment that is {} is not refunded", payment.status)),
        }
    }

    async fn lock_in(&self, tx: &mut Tx, job: &Job) -> Result<(), HandlerError> {
        super::lock_order_of_in(tx, job).await
    }

    async fn done_in(&self, tx: &mut Tx, job: &Job, output: Value) -> Result<(), HandlerError> {
        let order: OrderId = job.key.parse()?;
        let payment = store::find(tx, order).await?.ok_or(PaymentError::Unknown(order))?;
        Ok(self.payments.book_refund_in(tx, order, &payment.refund_key(), serde_json::from_value(output)?).await?)
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
        let (key, reference) = (payment.id.to_string(), payment.reference.as_deref());
        let answer = self.payments.ask(self.payments.provider.void(&key, reference)).await;
        match answer.map(|answer| told.decides_release(answer, reference)) {
            Ok(Release::Voided) => JobOutcome::Done(Value::Null),
            // It is written down, and goes back as whatever is captured for an order that has ended.
            Ok(Release::Captured { reference }) => JobOutcome::Done(Value::String(reference)),
            Ok(Release::Pending) => JobOutcome::retry(NOT_DECIDED),
            Err(error) => failed(error),
        }
    }

    async fn lock_in(&self, tx: &mut Tx, job: &Job) -> Result<(), HandlerError> {
        super::lock_order_of_in(tx, job).await
    }

    async fn done_in(&self, tx: &mut Tx, job: &Job, output: Value) -> Result<(), HandlerError> {
        let order = job.key.parse()?;
        match output.as_str() {
            None => Ok(self.payments.voided_late_in(tx, order).await?),
            Some(reference) => Ok(self.payments.captured_late_in(tx, order, reference).await?),
        }
    }
}

/// Voids a top-up that was given up; refunds it where it had been captured all the same. No wallet has seen its money, so
/// there is nothing to be told.
pub(super) async fn make_sure(payments: &Payments, key: &str, reference: Option<&str>, amount: Money, told: &Told) -> JobOutcome {
    let answer = payments.ask(payments.provider.void(key, reference)).await;
    match answer.map(|answer| told.decides_release(answer, reference)) {
        Ok(Release::Voided) => JobOutcome::Done(Value::Null),
        Ok(Release::Captured { reference }) => {
            tracing::warn!(key, "a payment that was given up had been captured; it is refunded");
            refund(payments, key, &reference, amount, told).await
        }
        Ok(Release::Pending) => JobOutcome::retry(NOT_DECIDED),
        Err(error) => failed(error),
    }
}

/// Refunds what is left of it. The refund's key is made of the payment's, so that it happens once; only after one that has failed
/// it is another.
async fn refund(payments: &Payments, key: &str, reference: &str, amount: Money, told: &Told) -> JobOutcome {
    let refund_key = match told.refunds_failed {
        0 => key_of(key),
        failed => format!("{}-{failed}", key_of(key)),
    };
    match payments.ask(payments.provider.refund(&refund_key, key, reference, amount)).await {
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
