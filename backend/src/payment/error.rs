//! What can go wrong when a payment's end is written down.

use domain::OrderId;

use crate::db::DbError;

/// Why a payment did not change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// There is no such order, or it has no payment.
    #[error("order {0} has no payment")]
    Unknown(OrderId),
    /// Its end was written before: a replay.
    #[error("the payment of order {0} has ended before")]
    Settled(OrderId),
    /// A refund of this key was written before: a replay.
    #[error("the refund {0} is booked already")]
    AlreadyApplied(String),
    /// More than is left of what was captured.
    #[error("so much of what order {0} has paid is not left")]
    TooMuch(OrderId),
    #[error(transparent)]
    Database(#[from] DbError),
}
