//! What ordering refuses.

use domain::ordering::Illegal;
use domain::view::QuoteView;
use domain::{Fault, Faults, Terms};

use crate::db::DbError;
use crate::identity::{Denied, SessionError};
use crate::payment::WalletError;
use crate::refused::{Extra, Refused};
use crate::stores::StoreError;

/// Why something was not put into a cart, held, placed or called off.
#[derive(Debug, thiserror::Error)]
pub enum OrderingError {
    /// Neither cookie nor token.
    #[error("Please open the shop first: there is no session.")]
    SessionRequired,
    /// A guest wants what needs an account.
    #[error("Please sign in for this.")]
    SignInRequired,
    /// Without the right, at this store or to anything of the kind.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such thing, or somebody else's.
    #[error("There is nothing here for you under this id.")]
    NotFound,
    #[error("There is no such store.")]
    UnknownStore,
    /// More orders in a row than one person needs.
    #[error("So many orders in a row are more than one person needs. Please wait {} min.", (.seconds + 59) / 60)]
    TooManyOrders {
        /// Until the next one.
        seconds: i64,
    },
    #[error("The store is closed.")]
    StoreClosed,
    #[error("The store has as many orders as it can make. Please try again in a moment.")]
    AtCapacity,
    /// The store lets in only who scanned its code.
    #[error("Please scan the code at the store first.")]
    AdmissionRequired,
    /// It has been used, or its time is over.
    #[error("Your scan is over. Please scan the code at the store again.")]
    AdmissionExpired,
    #[error("You have had as many orders as this store takes from one person in a day.")]
    OrderLimitReached,
    #[error("Some of this cannot be ordered like that.")]
    Invalid(#[from] Faults),
    /// Not enough units are left; one fault a short line.
    #[error("Some of this is sold out.")]
    OutOfStock(Vec<Fault>),
    /// It ran out, was given up or was replaced.
    #[error("This checkout has ended. Please check out again.")]
    CheckoutExpired,
    /// It has become an order.
    #[error("This checkout was placed already; its order is among yours.")]
    CheckoutPlaced,
    /// The shopper saw another total; this is the one that holds.
    #[error("The total has changed.")]
    TotalChanged(Box<QuoteView>),
    /// The shopper saw other things than are to be ordered.
    #[error("The cart was changed in another window.")]
    CartChanged,
    #[error("There is not enough money in the wallet.")]
    InsufficientFunds,
    /// The order is where this cannot be done.
    #[error("This cannot be done now: {0}.")]
    Illegal(#[from] Illegal),
    #[error(transparent)]
    Unavailable(#[from] DbError),
}

impl From<WalletError> for OrderingError {
    fn from(error: WalletError) -> Self {
        match error {
            // A wallet in another currency has nothing of this one.
            WalletError::Short | WalletError::OtherCurrency => Self::InsufficientFunds,
            WalletError::NotPositive => Self::Unavailable(DbError::Defect(error.to_string())),
            WalletError::Database(error) => Self::Unavailable(error),
        }
    }
}

impl OrderingError {
    /// For a command that refuses nothing by itself: what is left is what the database says, or a defect.
    pub(crate) fn into_database(self) -> DbError {
        match self {
            Self::Unavailable(error) => error,
            other => DbError::Defect(other.to_string()),
        }
    }
}

impl From<SessionError> for OrderingError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Over => Self::SessionRequired,
            SessionError::Denied(denied) => Self::Denied(denied),
            SessionError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

impl From<StoreError> for OrderingError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unknown => Self::UnknownStore,
            StoreError::AtCapacity => Self::AtCapacity,
            StoreError::Invalid(faults) => Self::Invalid(faults),
            StoreError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

impl Refused for OrderingError {
    fn code(&self) -> &'static str {
        match self {
            Self::SessionRequired => "session_required",
            Self::SignInRequired => "sign_in_required",
            Self::Denied(denied) => denied.code(),
            Self::NotFound => "not_found",
            Self::UnknownStore => "unknown_store",
            Self::TooManyOrders { .. } => "rate_limited",
            Self::StoreClosed => "store_closed",
            Self::AtCapacity => "store_at_capacity",
            Self::AdmissionRequired => "admission_required",
            Self::AdmissionExpired => "admission_expired",
            Self::OrderLimitReached => "order_limit_reached",
            Self::Invalid(_) => "invalid_request",
            Self::OutOfStock(_) => "out_of_stock",
            Self::CheckoutExpired | Self::CheckoutPlaced => "checkout_expired",
            Self::TotalChanged(_) => "total_changed",
            Self::CartChanged => "cart_changed",
            Self::InsufficientFunds => "insufficient_funds",
            Self::Illegal(_) => "illegal_transition",
            Self::Unavailable(error) => error.code(),
        }
    }

    fn sentence(&self) -> &'static str {
        match self {
            Self::TooManyOrders { .. } => "too_many_orders",
            _ => self.code(),
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::SessionRequired => 401,
            Self::InsufficientFunds => 402,
            Self::SignInRequired | Self::AdmissionRequired => 403,
            Self::Denied(denied) => denied.status(),
            Self::NotFound | Self::UnknownStore => 404,
            Self::StoreClosed | Self::OutOfStock(_) | Self::TotalChanged(_) | Self::CartChanged | Self::Illegal(_) => 409,
            Self::CheckoutExpired | Self::CheckoutPlaced | Self::AdmissionExpired => 410,
            Self::Invalid(_) => 422,
            Self::OrderLimitReached | Self::TooManyOrders { .. } => 429,
            Self::AtCapacity => 503,
            Self::Unavailable(error) => error.status(),
        }
    }

    fn faults(&self) -> Vec<Fault> {
        match self {
            Self::Invalid(faults) => faults.0.clone(),
            Self::OutOfStock(faults) => faults.clone(),
            _ => Vec::new(),
        }
    }

    fn extra(&self) -> Extra {
        match self {
            Self::TotalChanged(quote) => Extra { quote: Some(quote.clone()), ..Extra::default() },
            // A word that the sentence is found by in other languages.
            Self::CheckoutPlaced => Extra { terms: Terms::words(["placed"]), ..Extra::default() },
            Self::TooManyOrders { seconds } => Extra { retry_after: Some(*seconds), ..Extra::default() },
            Self::AtCapacity => Extra { retry_after: Some(10), ..Extra::default() },
            Self::Unavailable(error) => error.extra(),
            _ => Extra::default(),
        }
    }
}
