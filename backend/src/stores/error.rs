//! What a store refuses.

use domain::{Fault, Faults, Terms};

use crate::db::DbError;
use crate::refused::{Extra, Refused};

/// Why something about a store was not done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such store.
    #[error("There is no such store.")]
    Unknown,
    /// Every place is taken.
    #[error("The store has as many orders as it can make. Please try again in a moment.")]
    AtCapacity,
    /// The settings cannot be like this.
    #[error("Some settings cannot be like this.")]
    Invalid(#[from] Faults),
    #[error(transparent)]
    Unavailable(#[from] DbError),
}

impl StoreError {
    /// For whom only the database can be the trouble: that there is such a store has been seen.
    pub(crate) fn into_db(self) -> DbError {
        match self {
            Self::Unavailable(error) => error,
            Self::Unknown | Self::AtCapacity | Self::Invalid(_) => DbError::NotFound,
        }
    }
}

impl Refused for StoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "not_found",
            Self::AtCapacity => "store_at_capacity",
            Self::Invalid(_) => "invalid_request",
            Self::Unavailable(error) => error.code(),
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::Unknown => 404,
            Self::AtCapacity => 503,
            Self::Invalid(_) => 422,
            Self::Unavailable(error) => error.status(),
        }
    }

    fn faults(&self) -> Vec<Fault> {
        match self {
            Self::Invalid(faults) => faults.0.clone(),
            _ => Vec::new(),
        }
    }

    fn extra(&self) -> Extra {
        match self {
            Self::AtCapacity => Extra { retry_after: Some(10), ..Extra::default() },
            Self::Unknown => Extra { terms: Terms::words(["store"]), ..Extra::default() },
            Self::Unavailable(error) => error.extra(),
            Self::Invalid(_) => Extra::default(),
        }
    }
}
