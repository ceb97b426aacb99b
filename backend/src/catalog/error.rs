//! What the catalogue refuses.

use domain::{Fault, Faults};

use crate::db::DbError;
use crate::refused::{Extra, Refused};

/// Why something about the catalogue was not done.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// There is no such store, item, option or product.
    #[error("There is no such thing in this store.")]
    Unknown,
    /// The cursor names no product of the list.
    #[error("This list has no such cursor (any more). Start again from the first page.")]
    UnknownCursor,
    /// Two price windows of one SKU hold at the same time.
    #[error("Two price windows overlap.")]
    OverlappingWindows(Faults),
    /// What was asked for cannot be.
    #[error("Some values cannot be like this.")]
    Invalid(#[from] Faults),
    #[error(transparent)]
    Unavailable(#[from] DbError),
}

impl Refused for CatalogError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "not_found",
            Self::UnknownCursor => "invalid_cursor",
            Self::OverlappingWindows(_) => "overlapping_windows",
            Self::Invalid(_) => "invalid_request",
            Self::Unavailable(error) => error.code(),
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::Unknown => 404,
            Self::UnknownCursor => 400,
            Self::OverlappingWindows(_) | Self::Invalid(_) => 422,
            Self::Unavailable(error) => error.status(),
        }
    }

    fn faults(&self) -> Vec<Fault> {
        match self {
            Self::OverlappingWindows(faults) | Self::Invalid(faults) => faults.0.clone(),
            Self::Unknown | Self::UnknownCursor | Self::Unavailable(_) => Vec::new(),
        }
    }

    fn extra(&self) -> Extra {
        match self {
            Self::Unavailable(error) => error.extra(),
            _ => Extra::default(),
        }
    }
}
