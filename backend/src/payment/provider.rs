//! What the shop asks of a card provider: the calls that every one of them has (Stripe's payment intents with manual
//! capture, Adyen's payments and modifications), and what it hears by webhook. A real provider is one more file that
//! implements [`CardProvider`].
//!
//! Payments go by the shop's own key everywhere. A provider that cancels or refunds by its own name for a payment finds
//! that in `reference`; where there is none, the answer to the authorisation was lost, and asking again with the same key
//! brings it back. A notice is a reason to look again: so it may come twice, too late, in any order, and before the answer
//! that it is about. Some providers answer a capture, a refund or a cancellation only with "received" (Adyen), and tell the
//! outcome by notice alone: then it is asked again in vain, and what the notice told counts ([`Notice::outcome`]).

use std::fmt;

use async_trait::async_trait;
use domain::{Money, Timestamp};

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
    /// What the merchant finds it by.
    pub description: &'a str,
    /// The page, below our own address, to which the shopper comes back after confirming; `None`: there is nobody who
    /// could confirm anything.
    pub return_path: Option<&'a str>,
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

/// What the provider says to a capture or a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The money has moved.
    Done,
    /// It was received, and is not decided: ask again with the same key, or hear it by webhook.
    Pending,
}

/// What the provider says to letting go of an authorisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// Nothing is put aside any more, or never was, and nothing can be captured.
    Voided,
    /// Too late: it was captured and has to be refunded.
    Captured { reference: String },
    /// It was received, and is not decided: as [`Progress::Pending`].
    Pending,
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

/// A webhook's request as it came.
pub struct RawNotice<'a> {
    /// Finds a header by its lower-case name.
    pub header: &'a (dyn Fn(&str) -> Option<String> + Sync),
    pub body: &'a [u8],
    pub now: Timestamp,
}

/// A webhook that was heard: something happened to the payment of this key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The provider's name for the event, the same in every repetition.
    pub event: String,
    /// Our key of the payment.
    pub key: String,
    /// How a step ended, from a provider that does not tell when it is asked. `None`: it does, and is asked.
    pub outcome: Option<Outcome>,
}

/// How a step of a payment ended, as a notice tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Authorized,
    Declined,
    Captured,
    CaptureFailed,
    Voided,
    Refunded,
    RefundFailed,
}

impl Outcome {
    const ALL: [Self; 7] =
        [Self::Authorized, Self::Declined, Self::Captured, Self::CaptureFailed, Self::Voided, Self::Refunded, Self::RefundFailed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorized => "authorized",
            Self::Declined => "declined",
            Self::Captured => "captured",
            Self::CaptureFailed => "capture_failed",
            Self::Voided => "voided",
            Self::Refunded => "refunded",
            Self::RefundFailed => "refund_failed",
        }
    }

    /// A step that had gone well may still be told to have failed; the other way round the news are old.
    pub(super) const fn is_failure(self) -> bool {
        matches!(self, Self::Declined | Self::CaptureFailed | Self::RefundFailed)
    }
}

impl std::str::FromStr for Outcome {
    type Err = domain::UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text).ok_or(domain::UnknownWord)
    }
}

/// Why a webhook is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// The signature is missing, wrong, or of another time.
    #[error("the signature is missing, wrong or too old")]
    Signature,
    /// It is signed, but not what this provider sends.
    #[error("the notice cannot be read: {0}")]
    Unreadable(String),
}

/// A card provider. Every call may be repeated with the same key and has its effect once.
#[async_trait]
pub trait CardProvider: Send + Sync + 'static {
    /// What it is called in the address of its webhooks.
    fn name(&self) -> &'static str;

    /// Puts the amount aside on the card.
    async fn authorize(&self, request: Authorize<'_>) -> Result<Authorization, ProviderError>;

    /// Takes the amount that was put aside, or less.
    async fn capture(&self, key: &str, reference: &str, amount: Money) -> Result<Progress, ProviderError>;

    /// Lets go of what was asked for with `key`, whether or not it ever arrived.
    async fn void(&self, key: &str, reference: Option<&str>) -> Result<Release, ProviderError>;

    /// Sends a captured amount back, or a part of it. `refund_key` is the refund's own idempotency key: a payment may have many
    /// refunds, each under its own, and the same key with the same amount is the same refund, however often it is asked for. One
    /// that would bring their sum above what was captured is [`ProviderError::Refused`], and so is a key with another amount.
    /// One that was told to have failed has failed for good: who still wants it asks with another key.
    ///
    /// The shop asks for all that is left of a payment, when its order ends unfulfilled. The books take parts, too
    /// ([`Payments::book_refund_in`](super::Payments::book_refund_in), bounded by constraint).
    async fn refund(&self, refund_key: &str, key: &str, reference: &str, amount: Money) -> Result<Progress, ProviderError>;

    /// What of the address that a shopper comes back to from their bank is to be handed over, where this provider wants that
    /// (Adyen's `redirectResult`). `query` has no question mark. `None`: the bank tells the provider itself (Stripe).
    fn answer_in(&self, _query: &str) -> Option<String> {
        None
    }

    /// Hands over what [`answer_in`](Self::answer_in) found (Adyen's `/payments/details`); what it came to is asked for after
    /// that. A provider that refuses it has said nothing of the payment.
    async fn confirmed(&self, _key: &str, _reference: Option<&str>, _answer: &str) -> Result<(), ProviderError> {
        Ok(())
    }

    /// Reads a webhook, if it really comes from the provider. Signatures are compared in constant time.
    fn hear(&self, notice: &RawNotice<'_>) -> Result<Notice, NoticeError>;
}
