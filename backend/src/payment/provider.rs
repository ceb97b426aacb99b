//! What the shop asks of a card provider: the four calls that every one of them has (Stripe's payment intents with manual
//! capture, Adyen's payments and modifications). A real provider is one more file that implements [`CardProvider`].

use std::fmt;

use async_trait::async_trait;
use domain::Money;

/// A card as the provider's form in the browser named it. A secret: it prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct CardToken(String);

impl CardToken {
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token itself, for the provider alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CardToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A question for an authorisation.
#[derive(Debug, Clone)]
pub struct Authorize<'a> {
    /// The idempotency key: however often it is asked with the same key, the card is authorised once.
    pub key: &'a str,
    pub amount: Money,
    pub token: &'a CardToken,
    /// What the shopper reads on the statement, and what the merchant finds it by.
    pub description: &'a str,
}

/// What the provider says to an authorisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorization {
    /// The money is put aside.
    Authorized {
        /// The provider's name for the payment.
        reference: String,
    },
    /// The card was refused; `reason` is a stable word.
    Declined { reason: String },
    /// The provider has not decided: ask again with the same key, or hear it by webhook.
    Pending { reference: String },
    /// The shopper has to confirm at `url` (3-D Secure); then as `Pending`.
    ActionRequired { reference: String, url: String },
}

/// What the provider says to letting go of an authorisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// Nothing is put aside any more, or never was, and nothing can be captured.
    Voided,
    /// Too late: it was captured and has to be refunded.
    Captured { reference: String },
}

/// Why there is no answer that one could act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Nobody knows whether it was done: ask again with the same key.
    #[error("no answer from the card provider: {0}")]
    NoAnswer(String),
    /// The provider understood and will never do it.
    #[error("the card provider refuses: {0}")]
    Refused(String),
}

/// A card provider. Every call may be repeated with the same key and has its effect once.
#[async_trait]
pub trait CardProvider: Send + Sync + 'static {
    /// Puts the amount aside on the card.
    async fn authorize(&self, request: Authorize<'_>) -> Result<Authorization, ProviderError>;

    /// Takes the amount that was put aside.
    async fn capture(&self, key: &str, reference: &str, amount: Money) -> Result<(), ProviderError>;

    /// Lets go of what was asked for with `key`, whether or not it ever arrived.
    async fn void(&self, key: &str) -> Result<Release, ProviderError>;

    /// Sends a captured amount back; `refund_key` is the refund's own idempotency key.
    async fn refund(&self, refund_key: &str, reference: &str, amount: Money) -> Result<(), ProviderError>;
}
