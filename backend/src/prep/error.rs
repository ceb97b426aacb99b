//! What the queue refuses.

use domain::{Terms, view::Person};

use crate::db::DbError;
use crate::ordering::OrderingError;
use crate::refused::{Extra, Refused};

/// Why a ticket was not moved.
#[derive(Debug, thiserror::Error)]
pub enum PrepError {
    /// Nobody, or a guest.
    #[error("Please sign in.")]
    SignedOut,
    /// Nobody who works at this store's bar.
    #[error("Only this store's baristas and managers may do this.")]
    Forbidden,
    #[error("There is no such order.")]
    NotFound,
    /// Somebody else was quicker.
    #[error("{} has already claimed this order.", .0.name)]
    AlreadyClaimed(Person),
    /// The order is where this cannot be done.
    #[error("This cannot be done now: {0}.")]
    Illegal(String),
    /// What was scanned is no ticket of this store.
    #[error("This is no ticket of ours. Please show the one on your order's page.")]
    TicketUnknown,
    /// The order of the ticket does not stand at the counter yet.
    #[error("This order is not ready yet.")]
    NotReady,
    /// The order of the ticket was called off.
    #[error("This order was cancelled.")]
    OrderCancelled,
    /// The order of the ticket was never taken on.
    #[error("This order was not accepted.")]
    OrderRejected,
    /// The ticket is ours, and of an order at another store.
    #[error("This is another store's ticket.")]
    OtherStore,
    /// A ticket is good once.
    #[error("This order was handed over already.")]
    AlreadyCollected,
    /// The order is sent, or came to nothing.
    #[error("There is nothing to be fetched with a ticket.")]
    NoTicket,
    #[error(transparent)]
    Unavailable(#[from] DbError),
}

impl From<OrderingError> for PrepError {
    fn from(error: OrderingError) -> Self {
        match error {
            OrderingError::Unavailable(error) => Self::Unavailable(error),
            OrderingError::NotFound => Self::NotFound,
            error => Self::Illegal(error.to_string()),
        }
    }
}

impl Refused for PrepError {
    fn code(&self) -> &'static str {
        match self {
            Self::SignedOut => "sign_in_required",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::AlreadyClaimed(_) => "already_claimed",
            Self::Illegal(_) => "illegal_transition",
            Self::TicketUnknown => "ticket_unknown",
            Self::NotReady => "not_ready",
            Self::AlreadyCollected => "already_collected",
            Self::OrderCancelled => "order_cancelled",
            Self::OrderRejected => "order_rejected",
            Self::OtherStore => "other_store",
            Self::NoTicket => "no_ticket",
            Self::Unavailable(error) => error.code(),
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::SignedOut => 401,
            Self::Forbidden => 403,
            Self::NotFound | Self::TicketUnknown | Self::OtherStore => 404,
            Self::AlreadyClaimed(_) | Self::Illegal(_) | Self::NotReady | Self::NoTicket => 409,
            Self::AlreadyCollected | Self::OrderCancelled | Self::OrderRejected => 410,
            Self::Unavailable(error) => error.status(),
        }
    }

    fn extra(&self) -> Extra {
        match self {
            Self::AlreadyClaimed(person) => Extra { claimed_by: Some(person.clone()), ..Extra::default() },
            Self::NotFound => Extra { terms: Terms::words(["order"]), ..Extra::default() },
            Self::Unavailable(error) => error.extra(),
            _ => Extra::default(),
        }
    }
}
