//! Shops to start with: the demo that an empty database gets, and a bench of any size. Both may be repeated; what is
//! there already stays as it is.

mod bench;
mod demo;

pub use self::bench::bench;
pub use self::demo::demo;
use crate::db::DbError;

/// Why a shop was not filled.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// A demo file of this program is not what it should be.
    #[error("the demo file {file}: {reason}")]
    Demo {
        /// Its name.
        file: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// More products than a bench has names for.
    #[error("a bench has 1 to {0} products")]
    TooMany(u32),
    #[error(transparent)]
    Database(#[from] DbError),
}
