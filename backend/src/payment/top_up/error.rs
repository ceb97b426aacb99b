//! What a top-up refuses.

use domain::{Fault, Faults};

use crate::db::DbError;
use crate::refused::{Extra, Refused};

/// Why there is no top-up, or no end of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopUpError {
    #[error("This cannot be paid in.")]
    Invalid(#[from] Faults),
    /// The key was used for another one.
    #[error("This idempotency key was used for another request. Take a new one.")]
    Reused,
    /// The account was deleted while this was on its way, and its session with it: whoever asks is nobody.
    #[error("Please sign in for this.")]
    NoAccount,
    /// The shopper has to confirm it there: the same request again will tell how it ended.
    #[error("Your bank wants a confirmation. Give it at action_url, then send the same request again: the card is charged once.")]
    ActionRequired(String),
    /// The provider has not decided yet: the same request again will tell.
    #[error("The card provider has not answered yet. Send the same request again in a moment: the card is charged once.")]
    Undecided,
    #[error(transparent)]
    Unavailable(#[from] DbError),
}

impl Refused for TopUpError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid_request",
            Self::Reused => "idempotency_key_reused",
            Self::NoAccount => "session_required",
            Self::ActionRequired(_) => "action_required",
            Self::Undecided => "request_in_progress",
            Self::Unavailable(error) => error.code(),
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::Invalid(_) | Self::Reused => 422,
            Self::NoAccount => 401,
            Self::ActionRequired(_) | Self::Undecided => 409,
            Self::Unavailable(error) => error.status(),
        }
    }

    fn sentence(&self) -> &'static str {
        // A page leads to the door, and says nothing of cookies.
        if *self == Self::NoAccount { "sign_in_required" } else { self.code() }
    }

    fn faults(&self) -> Vec<Fault> {
        if let Self::Invalid(faults) = self { faults.0.clone() } else { Vec::new() }
    }

    fn extra(&self) -> Extra {
        match self {
            Self::ActionRequired(url) => Extra { action_url: Some(url.clone()), ..Extra::default() },
            Self::Undecided => Extra { retry_after: Some(2), ..Extra::default() },
            Self::Unavailable(error) => error.extra(),
            _ => Extra::default(),
        }
    }
}
