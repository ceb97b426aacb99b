//! Webhooks: a provider says that something has happened. Each event is heard once, and brings the next look forward: what
//! is true is asked for, with the same key as ever. Only where the provider answers that with "pending" counts what was told.
//! So it does no harm that notices come twice, in any order, before the answer that they are about, or about a payment that
//! has ended long ago. What a shopper brings back from their bank comes in here, too.

use domain::ordering::PaymentStatus;
use domain::{OrderId, PaymentId, UserId};

use super::provider::{NoticeError, Outcome, RawNotice};
use super::store::notice as store;
use super::top_up::{TOP_UP, TOP_UP_VOID};
use super::{CHARGE, Payments, REFUND, VOID};
use crate::db::{Db, DbError};
use crate::job;
use crate::refused::{Extra, Refused};

/// Why a webhook was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Nobody of that name is our provider.
    #[error("There is no such payment provider.")]
    UnknownProvider,
    #[error("The signature is missing, wrong or too old.")]
    Signature,
    #[error("This is not a notice of the provider: {0}.")]
    Unreadable(String),
    #[error(transparent)]
    Unavailable(#[from] DbError),
}

impl Refused for WebhookError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownProvider => "not_found",
            Self::Signature => "invalid_signature",
            Self::Unreadable(_) => "malformed_json",
            Self::Unavailable(error) => error.code(),
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::UnknownProvider => 404,
            Self::Signature => 401,
            Self::Unreadable(_) => 400,
            Self::Unavailable(error) => error.status(),
        }
    }

    fn extra(&self) -> Extra {
        if let Self::Unavailable(error) = self { error.extra() } else { Extra::default() }
    }
}

/// What was told of a payment, for when its provider says no more than "pending".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub authorization: Option<Outcome>,
    pub capture: Option<Outcome>,
    pub void: Option<Outcome>,
    pub refund: Option<Outcome>,
    /// Refunds that had failed when another one was wanted.
    pub refunds_failed: i64,
    /// What the bank gave the shopper on their way back.
    pub answer: Option<String>,
}

/// The longest answer of a bank that is kept, in bytes.
const MAX_BANK_ANSWER: usize = 8 * 1024;

impl Payments {
    /// The shopper has come back from their bank to the page of their order: what the address holds for the provider is handed
    /// over at the next look, which is now.
    pub async fn order_returned(&self, db: &Db, order: OrderId, query: &str) -> Result<(), DbError> {
        let Some(answer) = self.bank_answer(query) else { return Ok(()) };
        let Some(payment) = super::store::find(&mut db.reader(), order).await? else { return Ok(()) };
        if payment.status != PaymentStatus::ActionRequired {
            return Ok(());
        }
        self.returned(db, CHARGE, payment.id.to_string(), order.to_string(), answer).await
    }

    /// The same to the page of their wallet. Which of their top-ups it is about knows the provider: the others it refuses.
    pub async fn shopper_returned(&self, db: &Db, user: UserId, query: &str) -> Result<(), DbError> {
        let Some(answer) = self.bank_answer(query) else { return Ok(()) };
        for top_up in super::store::top_up::confirming(&mut db.reader(), user).await? {
            self.returned(db, TOP_UP, top_up.to_string(), top_up.to_string(), answer.clone()).await?;
        }
        Ok(())
    }

    fn bank_answer(&self, query: &str) -> Option<String> {
        self.provider.answer_in(query).filter(|answer| answer.len() <= MAX_BANK_ANSWER)
    }

    async fn returned(&self, db: &Db, kind: &'static str, payment: String, job: String, answer: String) -> Result<(), DbError> {
        db.transaction(move |tx| {
            Box::pin(async move {
                store::returned_in(tx, &payment, &answer).await?;
                job::hurry_in(tx, kind, &job).await.map(drop)
            })
        })
        .await
    }

    /// Hears a webhook of the provider of this name. One that was heard before, and one about a payment that we do not
    /// know, are taken and change nothing: there is no use in repeating them.
    pub async fn hear(&self, db: &Db, provider: &str, raw: &RawNotice<'_>) -> Result<(), WebhookError> {
        if provider != self.provider.name() {
            return Err(WebhookError::UnknownProvider);
        }
        let notice = self.provider.hear(raw).map_err(|error| match error {
            NoticeError::Signature => WebhookError::Signature,
            NoticeError::Unreadable(reason) => WebhookError::Unreadable(reason),
        })?;
        let provider = self.provider.name();
        db.transaction(move |tx| {
            Box::pin(async move {
                if !store::hear_in(tx, provider, &notice.event).await? {
                    return Ok(());
                }
                if let Some(outcome) = notice.outcome {
                    if outcome.is_failure() {
                        // After the end of its step nobody asks any more: then this line is what a person has.
                        tracing::warn!(payment = notice.key, outcome = outcome.as_str(), "the card provider tells of a failure");
                    }
                    store::tell_in(tx, &notice.key, outcome).await?;
                }
                let order = match notice.key.parse::<PaymentId>() {
                    Ok(payment) => store::order_of(tx, payment).await?,
                    Err(_) => None,
                };
                let (jobs, key): (&[&'static str], _) = match order {
                    Some(order) => (&[CHARGE, VOID, REFUND], order.to_string()),
                    None => (&[TOP_UP, TOP_UP_VOID], notice.key),
                };
                for kind in jobs {
                    job::hurry_in(tx, kind, &key).await?;
                }
                Ok(())
            })
        })
        .await
    }
}
