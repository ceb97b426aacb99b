//! What a kiosk and its codes refuse.

use domain::{Terms, Timestamp};

use crate::db::DbError;
use crate::identity::SessionError;
use crate::refused::{Extra, Refused};
use crate::stores::StoreError;

/// Why a code was not shown, or a scan not taken. A refused scan spends nothing.
#[derive(Debug, thiserror::Error)]
pub enum KioskError {
    /// Neither cookie nor token.
    #[error("Please open the shop first: there is no session.")]
    SessionRequired,
    /// A scan belongs to a signed-in phone.
    #[error("Please sign in first, then scan the code.")]
    SignInRequired,
    /// Signed in, without the right.
    #[error("You do not have the right to do this here.")]
    Forbidden,
    #[error("There is no such kiosk.")]
    NotFound,
    /// No code of ours, or one that nobody remembers.
    #[error("This code is not one of ours. Please scan the one on the screen at the store.")]
    CodeUnknown,
    #[error("This code is over. Please scan the one that the screen shows now.")]
    CodeExpired,
    /// All its scans are spent; the next code comes at `next`.
    #[error("This code has been used as often as it may be. A new one comes in {}.", in_words(*.seconds))]
    CodeExhausted {
        /// Until the next code.
        seconds: i64,
    },
    /// The caller came in by this code before: an order came of that, or its time went by.
    #[error("This code has let you in already. Please scan the next one that the screen shows.")]
    CodeUsed,
    #[error("The store is closed.")]
    StoreClosed,
    #[error("The store has as many orders as it can make. Please try again in a moment.")]
    AtCapacity,
    /// It was made when there was no place, and lets nobody in however many there are by now.
    #[error("This code was made when every place was taken, and lets nobody in. A new one comes in {}.", in_words(*.seconds))]
    GrantsNone {
        /// Until the next code.
        seconds: i64,
    },
    /// Whoever came in could not order.
    #[error("You have had as many orders as this store takes from one person in a day.")]
    OrderLimitReached,
    #[error(transparent)]
    Unavailable(#[from] DbError),
}

impl KioskError {
    pub(super) fn exhausted(now: Timestamp, next: Timestamp) -> Self {
        Self::CodeExhausted { seconds: seconds_to(next, now) }
    }

    pub(super) fn grants_none(now: Timestamp, next: Timestamp) -> Self {
        Self::GrantsNone { seconds: seconds_to(next, now) }
    }
}

fn in_words(seconds: i64) -> String {
    format!("{seconds} second{}", if seconds == 1 { "" } else { "s" })
}

/// Whole seconds, one at least.
fn seconds_to(next: Timestamp, now: Timestamp) -> i64 {
    (((next - now).max(0) + 999) / 1000).max(1)
}

impl From<SessionError> for KioskError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Over => Self::SessionRequired,
            SessionError::Denied(_) => Self::Forbidden,
            SessionError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

impl From<StoreError> for KioskError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unknown => Self::NotFound,
            StoreError::AtCapacity => Self::AtCapacity,
            StoreError::Invalid(faults) => Self::Unavailable(DbError::Defect(faults.to_string())),
            StoreError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

impl Refused for KioskError {
    fn code(&self) -> &'static str {
        match self {
            Self::SessionRequired => "session_required",
            Self::SignInRequired => "sign_in_required",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::CodeUnknown => "code_unknown",
            Self::CodeExpired => "code_expired",
            Self::CodeExhausted { .. } => "code_exhausted",
            Self::CodeUsed => "code_used",
            Self::StoreClosed => "store_closed",
            Self::AtCapacity | Self::GrantsNone { .. } => "store_at_capacity",
            Self::OrderLimitReached => "order_limit_reached",
            Self::Unavailable(error) => error.code(),
        }
    }

    fn sentence(&self) -> &'static str {
        match self {
            Self::GrantsNone { .. } => "code_without_places",
            _ => self.code(),
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::SessionRequired => 401,
            Self::SignInRequired | Self::Forbidden => 403,
            Self::NotFound | Self::CodeUnknown => 404,
            Self::StoreClosed => 409,
            Self::CodeExpired | Self::CodeUsed => 410,
            Self::CodeExhausted { .. } | Self::OrderLimitReached => 429,
            Self::AtCapacity | Self::GrantsNone { .. } => 503,
            Self::Unavailable(error) => error.status(),
        }
    }

    fn extra(&self) -> Extra {
        match self {
            Self::CodeExhausted { seconds } => Extra { retry_after: Some(*seconds), ..Extra::default() },
            Self::GrantsNone { seconds } => Extra { retry_after: Some(*seconds), terms: Terms::words(["code"]), ..Extra::default() },
            Self::AtCapacity => Extra { retry_after: Some(10), ..Extra::default() },
            Self::NotFound => Extra { terms: Terms::words(["kiosk"]), ..Extra::default() },
            Self::Unavailable(error) => error.extra(),
            _ => Extra::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_second_is_no_seconds() {
        for (seconds, expected) in [(1, "in 1 second."), (2, "in 2 seconds.")] {
            let (now, next) = (Timestamp::from_millis(0), Timestamp::from_millis(seconds * 1000));
            for error in [KioskError::exhausted(now, next), KioskError::grants_none(now, next)] {
                assert!(error.to_string().ends_with(expected), "{error}");
            }
        }
    }
}
