//! Where the sagas stand: the step that each order's is at, and until when it should be over. Both are columns of the
//! order, written by the very statements that move it, so that no step can be without its deadline. Whoever is late is
//! stuck, visible, and can be told to go on.

use domain::ordering::OrderStatus;
use domain::{OrderId, StoreId, Timestamp};
use serde::Serialize;

use super::store::OrderRow;
use super::{limits, store};
use crate::db::{DbError, Sql, Tx};
use crate::payment::{CONFIRM_SECONDS, PaymentError, Payments};
use crate::subscriber::parked;
use crate::timer;

/// What a saga does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The payment runs.
    Pay,
    /// The shopper has to confirm the payment (3-D Secure).
    Confirm,
    /// Paid: the fulfilments are to begin.
    Start,
    /// The order has ended: its money goes back, or is let go of.
    Undo,
}

impl Step {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Confirm => "confirm",
            Self::Start => "start",
            Self::Undo => "undo",
        }
    }

    /// When a step that begins at `from` should be over: well after everything that it waits for has given up.
    pub fn deadline(self, from: Timestamp) -> Timestamp {
        from.plus_seconds(match self {
            Self::Pay => 120,
            Self::Confirm => CONFIRM_SECONDS + 60,
            Self::Start => 60,
            Self::Undo => 90,
        })
    }
}

impl std::str::FromStr for Step {
    type Err = domain::UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Pay, Self::Confirm, Self::Start, Self::Undo].into_iter().find(|step| step.as_str() == text).ok_or(domain::UnknownWord)
    }
}

/// A saga that has something left to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SagaRow {
    pub order: OrderId,
    pub store: StoreId,
    pub number: i64,
    pub status: OrderStatus,
    pub step: Step,
    /// When the step should be over.
    pub deadline: Timestamp,
    /// When the order last changed.
    pub since: Timestamp,
}

/// What a saga waits for: the job that its step is done by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waits {
    #[serde(flatten)]
    pub saga: SagaRow,
    /// What is to be asked of the card provider: `charge`, `void` or `refund`; `None` where it is not waited for.
    pub job: Option<&'static str>,
    /// It does not go on by itself: its job was given up, or its step should have been over.
    pub stuck: bool,
    /// Why its last attempt came to nothing.
    pub error: Option<String>,
    /// When it is tried again; `None` where nobody will, or nobody is needed.
    pub next_attempt: Option<Timestamp>,
}

/// All sagas.
#[derive(Clone)]
pub struct Sagas {
    payments: Payments,
}

impl Sagas {
    pub fn new(payments: Payments) -> Self {
        Self { payments }
    }

    /// Those that do not go on by themselves, the most urgent first: their step should have been over by now, or the
    /// job that it waits for was given up, as a refund is that the provider refuses.
    pub async fn stuck(&self, sql: &mut impl Sql) -> Result<Vec<Waits>, DbError> {
        let mut all = self.list(sql).await?;
        all.retain(|waits| waits.stuck);
        Ok(all)
    }

    /// Those that have something left to do, each with what it waits for, the most urgent first.
    pub async fn list(&self, sql: &mut impl Sql) -> Result<Vec<Waits>, DbError> {
        let now = sql.now();
        let sagas = store::sagas(sql, None).await?;
        let orders: Vec<_> = sagas.iter().map(|saga| saga.order).collect();
        let mut jobs = self.payments.left_of(sql, &orders).await?;
        let with = |saga: SagaRow| {
            let late = saga.deadline < now;
            match jobs.remove(&saga.order.to_string()) {
                Some((what, job)) => {
                    Waits { saga, job: Some(what), stuck: late || job.is_given_up(), error: job.error, next_attempt: job.next_at }
                }
                None => Waits { saga, job: None, stuck: late, error: None, next_attempt: None },
            }
        };
        Ok(sagas.into_iter().map(with).collect())
    }

    /// Lets an order's saga go on: jobs that wait or were given up are tried now, events of its that are parked are
    /// handled again, money that nobody sends back is sent back, and the step has its whole time once more. False where
    /// there is nothing left to do.
    pub async fn retry_in(&self, tx: &mut Tx, order: OrderId) -> Result<bool, DbError> {
        let Some(order) = super::lock_in(tx, order).await? else { return Ok(false) };
        let Some(step) = order.step else { return Ok(false) };
        // What has ended unfulfilled has nothing else left, wherever its saga stood.
        let ended = matches!(order.status, OrderStatus::Rejected | OrderStatus::Cancelled);
        let step = if ended { Step::Undo } else { step };
        let deadline = step.deadline(tx.now());
        store::step_in(tx, order.id, Some(step), Some(deadline)).await?;
        self.payments.retry_in(tx, order.id).await?;
        parked::retry_stream_in(tx, &order.id.to_string()).await?;
        if step == Step::Undo {
            give_back_in(&self.payments, tx, &order).await?;
        }
        Ok(true)
    }
}

/// The money of an order that has ended unfulfilled goes back: at once, or by a job. What is on its way stays so.
pub(super) async fn give_back_in(payments: &Payments, tx: &mut Tx, order: &OrderRow) -> Result<(), DbError> {
    let done = match payments.unwind_in(tx, order).await {
        Ok(done) => done,
        Err(PaymentError::Database(error)) => return Err(error),
        Err(error) => return Err(DbError::Defect(error.to_string())),
    };
    if done { undone_in(tx, order.id).await } else { Ok(()) }
}

/// The shopper has to confirm the payment: they get the time for it, and the bar does not lose it.
pub(crate) async fn confirming_in(tx: &mut Tx, order: OrderId) -> Result<(), DbError> {
    let deadline = Step::Confirm.deadline(tx.now());
    store::turn_step_in(tx, order, Step::Pay, Step::Confirm, deadline).await?;
    timer::put_off_in(tx, limits::BARISTA_LIMIT, &order.to_string(), CONFIRM_SECONDS).await.map(drop)
}

/// The fulfilments of a paid order have begun, which can be seen of it: its saga is over.
pub(crate) async fn started_in(tx: &mut Tx, order: OrderId) -> Result<(), DbError> {
    store::pass_step_in(tx, order, Step::Start).await
}

/// The money of an order that has ended is where it belongs: its saga is over.
pub(crate) async fn undone_in(tx: &mut Tx, order: OrderId) -> Result<(), DbError> {
    store::end_step_in(tx, order, Step::Undo).await.map(drop)
}
