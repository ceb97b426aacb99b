//! Webhooks: a provider says that something has happened. Each event is heard once, and all it does is to bring the next
//! look forward: what is true is asked for, with the same key as ever. So it does no harm that notices come twice, in any
//! order, before the answer that they are about, or about a payment that has ended long ago.

use domain::PaymentId;

use super::provider::{NoticeError, RawNotice};
use super::store::notice as store;
use super::top_up::TOP_UP;
use super::{CHARGE, Payments};
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

impl Payments {
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
                let order = match notice.key.parse::<PaymentId>() {
                    Ok(payment) => store::order_of(tx, payment).await?,
                    Err(_) => None,
                };
                match order {
                    Some(order) => job::hurry_in(tx, CHARGE, &order.to_string()).await?,
                    None => job::hurry_in(tx, TOP_UP, &notice.key).await?,
                };
                Ok(())
            })
        })
        .await
    }
}
