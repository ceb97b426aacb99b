//! The built-in test provider: behaves by the token, as contract.md says. It remembers what it was asked for as long as
//! the process lives.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::Money;

use super::provider::{Authorization, Authorize, CardProvider, ProviderError, Release};

/// How long `tok_slow` takes to answer.
const SLOW: Duration = Duration::from_secs(2);
/// How long `tok_later` is undecided.
const LATER: Duration = Duration::from_secs(4);

/// A provider inside the process.
#[derive(Debug, Default)]
pub struct TestProvider {
    charges: Mutex<HashMap<String, Charge>>,
}

#[derive(Debug, Clone)]
struct Charge {
    asked_at: Instant,
    state: State,
    refunds: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Asked,
    Authorized,
    Captured,
    Voided,
}

impl TestProvider {
    fn charges(&self) -> MutexGuard<'_, HashMap<String, Charge>> {
        self.charges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Authorises unless the charge was voided in the meantime.
    fn authorized(&self, key: &str) -> Authorization {
        match self.charges().get_mut(key) {
            Some(charge) if charge.state == State::Voided => Authorization::Declined { reason: "voided".to_owned() },
            Some(charge) => {
                if charge.state == State::Asked {
                    charge.state = State::Authorized;
                }
                Authorization::Authorized { reference: key.to_owned() }
            }
            None => Authorization::Declined { reason: "unknown_payment".to_owned() },
        }
    }
}

#[async_trait]
impl CardProvider for TestProvider {
    async fn authorize(&self, request: Authorize<'_>) -> Result<Authorization, ProviderError> {
        let charge = Charge { asked_at: Instant::now(), state: State::Asked, refunds: Vec::new() };
        let asked_at = self.charges().entry(request.key.to_owned()).or_insert(charge).asked_at;
        match request.token.reveal() {
            "tok_slow" => tokio::time::sleep(SLOW.saturating_sub(asked_at.elapsed())).await,
            "tok_later" if asked_at.elapsed() < LATER => return Ok(Authorization::Pending { reference: request.key.to_owned() }),
            "tok_ok" | "tok_later" => {}
            "tok_timeout" => std::future::pending().await,
            _ => return Ok(Authorization::Declined { reason: "card_declined".to_owned() }),
        }
        Ok(self.authorized(request.key))
    }

    async fn capture(&self, key: &str, _reference: &str, _amount: Money) -> Result<(), ProviderError> {
        match self.charges().get_mut(key) {
            Some(charge) if matches!(charge.state, State::Authorized | State::Captured) => {
                charge.state = State::Captured;
                Ok(())
            }
            _ => Err(ProviderError::Refused("nothing is authorised".to_owned())),
        }
    }

    async fn void(&self, key: &str) -> Result<Release, ProviderError> {
        match self.charges().get_mut(key) {
            Some(charge) if charge.state == State::Captured => Ok(Release::Captured { reference: key.to_owned() }),
            Some(charge) => {
                charge.state = State::Voided;
                Ok(Release::Voided)
            }
            None => Ok(Release::Voided),
        }
    }

    async fn refund(&self, refund_key: &str, reference: &str, _amount: Money) -> Result<(), ProviderError> {
        // A charge from before a restart is not remembered; its refund is taken on trust.
        if let Some(charge) = self.charges().get_mut(reference) {
            if charge.state != State::Captured {
                return Err(ProviderError::Refused("nothing was captured".to_owned()));
            }
            if !charge.refunds.iter().any(|known| known == refund_key) {
                charge.refunds.push(refund_key.to_owned());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use domain::Currency;

    use super::super::provider::CardToken;
    use super::*;

    const PRICE: Money = Money::new(510, Currency::USD);

    async fn authorize(provider: &TestProvider, key: &str, token: &str) -> Authorization {
        let request = Authorize { key, amount: PRICE, token: &CardToken::new(token), description: "an order" };
        provider.authorize(request).await.unwrap()
    }

    #[tokio::test]
    async fn a_good_card_is_captured_and_refunded() {
        let provider = TestProvider::default();
        let first = authorize(&provider, "a", "tok_ok").await;
        assert_eq!(
            (&first, authorize(&provider, "a", "tok_ok").await),
            (&Authorization::Authorized { reference: "a".into() }, first.clone())
        );
        assert!(matches!(provider.refund("refund-a", "a", PRICE).await, Err(ProviderError::Refused(_))));
        provider.capture("a", "a", PRICE).await.unwrap();
        assert_eq!(provider.void("a").await, Ok(Release::Captured { reference: "a".into() }));
        for _ in 0..2 {
            provider.refund("refund-a", "a", PRICE).await.unwrap();
        }
        assert_eq!(provider.charges()["a"].refunds, ["refund-a"]);
    }

    #[tokio::test]
    async fn what_is_voided_is_never_taken() {
        let provider = TestProvider::default();
        authorize(&provider, "a", "tok_ok").await;
        assert_eq!(provider.void("a").await, Ok(Release::Voided));
        assert!(provider.capture("a", "a", PRICE).await.is_err());
        assert!(matches!(authorize(&provider, "a", "tok_ok").await, Authorization::Declined { .. }));
        assert_eq!(provider.void("never asked").await, Ok(Release::Voided));
    }

    #[tokio::test]
    async fn other_cards_are_declined_or_undecided() {
        let provider = TestProvider::default();
        for token in ["tok_declined", "", "4242"] {
            assert!(matches!(authorize(&provider, token, token).await, Authorization::Declined { .. }), "{token}");
        }
        assert!(matches!(authorize(&provider, "later", "tok_later").await, Authorization::Pending { .. }));
        assert!(provider.capture("later", "later", PRICE).await.is_err());
    }
}
