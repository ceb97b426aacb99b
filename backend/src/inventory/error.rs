//! What the stock refuses.

use domain::{Fault, Faults, Terms};

use crate::db::DbError;
use crate::refused::{Extra, Refused};

/// A line that asks for more than is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Short {
    /// Its index.
    pub line: usize,
    /// What is left for it.
    pub available: i64,
}

fn below(held: i64) -> String {
    if held == 0 { "There are not so many.".to_owned() } else { format!("{held} of them are held for orders.") }
}

/// Why something about stock was not done.
#[derive(Debug, thiserror::Error)]
pub enum StockError {
    /// At least one line is short; nothing is held.
    #[error("Some items are not there in that number.")]
    OutOfStock(Vec<Short>),
    /// Fewer would be on hand than so many that are held, or than none.
    #[error("{}", below(*.0))]
    BelowHeld(i64),
    /// What was asked for cannot be.
    #[error("Some values cannot be like this.")]
    Invalid(#[from] Faults),
    #[error(transparent)]
    Unavailable(#[from] DbError),
}

impl Refused for StockError {
    fn code(&self) -> &'static str {
        match self {
            Self::OutOfStock(_) => "out_of_stock",
            Self::BelowHeld(_) => "below_held",
            Self::Invalid(_) => "invalid_request",
            Self::Unavailable(error) => error.code(),
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::OutOfStock(_) | Self::BelowHeld(_) => 409,
            Self::Invalid(_) => 422,
            Self::Unavailable(error) => error.status(),
        }
    }

    fn faults(&self) -> Vec<Fault> {
        match self {
            Self::OutOfStock(short) => short.iter().map(|short| Fault::out_of_stock(short.line, short.available)).collect(),
            Self::Invalid(faults) => faults.0.clone(),
            Self::BelowHeld(_) | Self::Unavailable(_) => Vec::new(),
        }
    }

    fn extra(&self) -> Extra {
        match self {
            Self::BelowHeld(held) => Extra { terms: Terms { least: Some(*held), ..Terms::default() }, ..Extra::default() },
            Self::Unavailable(error) => error.extra(),
            _ => Extra::default(),
        }
    }
}
