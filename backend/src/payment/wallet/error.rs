//! What a wallet refuses.

use crate::db::DbError;

/// Why money was not moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalletError {
    /// There is less in it than is asked for.
    #[error("there is not enough money in the wallet")]
    Short,
    /// A wallet takes its own currency only.
    #[error("the wallet is kept in another currency")]
    OtherCurrency,
    /// Money is moved in positive amounts; the direction says the rest.
    #[error("an amount has to be more than nothing")]
    NotPositive,
    #[error(transparent)]
    Database(#[from] DbError),
}
