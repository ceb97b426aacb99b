//! The card provider over HTTP, in the protocol of `orderly pay-sim`: JSON, payments named by the shop's key, errors as
//! `{code}`. The connections are kept, so that a charge costs no handshake.
//!
//! Webhooks are signed as Stripe's are: `Orderly-Pay-Signature: t=SECONDS,v1=HEX`, HMAC-SHA256 over `SECONDS.BODY`. The
//! secret is the shop's own: derived from what signs its cookies, so that all of its processes know it, and told to
//! the provider with the address that notices go to.

use std::time::Duration;

use async_trait::async_trait;
use domain::{Money, web::is_web};
use hmac::{Hmac, Mac as _};
use reqwest::{Client, Method, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::provider::{Authorization, Authorize, CardProvider, Notice, NoticeError, Progress, ProviderError, RawNotice, Release};
use crate::identity::Keys;
use crate::identity::secret::hex;

/// What signs the notices, in the words of [`Keys::derive`].
const PURPOSE: &str = "card webhooks";
/// The header of a notice's signature.
pub const SIGNATURE: &str = "orderly-pay-signature";
/// How far the provider's clock may be from ours, in seconds, and for how long a notice can be repeated by somebody who
/// has seen it.
const TOLERANCE: i64 = 300;
/// How long a connection may take. How long an answer may is for [`super::Patience`] to say.
const CONNECT: Duration = Duration::from_secs(3);
/// What an answer may weigh, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// Where the provider is, and where we are for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardService {
    /// `http://HOST:PORT` or `https://…`, perhaps with a path.
    pub url: String,
    /// Our own address as the provider reaches it, without a slash at the end; `None`: no notices are wanted.
    pub notify: Option<String>,
    /// Our own address as shoppers reach it, without a slash at the end.
    pub public: Option<String>,
}

/// A provider behind HTTP.
pub struct HttpCard {
    http: Client,
    service: CardService,
    /// Of notices: the first is told to the provider, all are believed.
    secrets: Vec<String>,
}

/// A question of an authorisation, as it is sent.
#[derive(Debug, Serialize, Deserialize)]
pub struct WirePayment {
    pub amount: i64,
    pub currency: String,
    pub token: String,
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<WireNotify>,
}

/// Where notices of a payment go, and what signs them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WireNotify {
    pub url: String,
    pub secret: String,
}

/// An amount to be captured or refunded, as it is sent.
#[derive(Debug, Serialize, Deserialize)]
pub struct WireAmount {
    pub amount: i64,
}

/// How a payment stands, as it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireStatus {
    /// The provider's name for the payment.
    pub id: String,
    pub status: WireState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_url: Option<String>,
}

/// The states of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WireState {
    Pending,
    ActionRequired,
    Authorized,
    Declined,
    /// Its capture was received, and is not decided.
    Capturing,
    Captured,
    Voided,
}

/// A refusal, as it is answered.
#[derive(Debug, Serialize, Deserialize)]
pub struct WireError {
    pub code: String,
}

/// A notice, as it is sent to us.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WireNotice {
    /// The event's id.
    pub id: String,
    /// Our key of the payment.
    pub payment: String,
    pub status: WireState,
}

impl HttpCard {
    /// An error where this machine cannot speak HTTP at all.
    pub fn new(service: CardService, keys: &Keys) -> Result<Self, ProviderError> {
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .pool_idle_timeout(Duration::from_mins(1))
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("orderly/", env!("CARGO_PKG_VERSION")));
        // A proxy is for what is outside.
        let inside = ["http://127.", "http://localhost", "http://[::1]"].iter().any(|start| service.url.starts_with(start));
        let client = if inside { client.no_proxy() } else { client };
        let http = client.build().map_err(|error| ProviderError::NoAnswer(error.to_string()))?;
        let secrets = keys.derive(PURPOSE).iter().map(|key| hex(key)).collect();
        let service = CardService { url: service.url.trim_end_matches('/').to_owned(), ..service };
        Ok(Self { http, service, secrets })
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: &(impl Serialize + Sync),
    ) -> Result<WireStatus, ProviderError> {
        let mut request = self.http.request(method, format!("{}/v1/payments{path}", self.service.url)).json(body);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        // An address that cannot be reached is told without the address, which may hold a password.
        let lost = |error: reqwest::Error| ProviderError::NoAnswer(chain(&error.without_url()));
        let mut response = request.send().await.map_err(lost)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err(ProviderError::NoAnswer("the answer is too long".to_owned()));
            }
            bytes.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|error| ProviderError::NoAnswer(format!("the answer cannot be read: {error}")));
        }
        // A refusal in other words than the provider's is that of somebody between us.
        let code = serde_json::from_slice::<WireError>(&bytes).map(|error| error.code);
        match (status, code) {
            (
                StatusCode::BAD_REQUEST | StatusCode::PAYMENT_REQUIRED | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY,
                Ok(code),
            ) => Err(ProviderError::Refused(code)),
            // Overloaded, broken, or not where it should be: nothing that it has decided about this payment.
            (_, code) => Err(ProviderError::NoAnswer(format!("{status}: {}", code.unwrap_or_default()))),
        }
    }

    fn verify(&self, signature: &str, body: &[u8], now: i64) -> Result<(), NoticeError> {
        let parts = || signature.split(',').filter_map(|part| part.trim().split_once('='));
        let at = parts().find(|(name, _)| *name == "t").map(|(_, at)| at).ok_or(NoticeError::Signature)?;
        let fresh = at.parse::<i64>().is_ok_and(|at| now.abs_diff(at) <= TOLERANCE as u64);
        // Whatever is compared, all of it is, and in constant time.
        let signed = parts().filter(|(name, _)| *name == "v1").filter_map(|(_, hex)| from_hex(hex)).fold(false, |found, claimed| {
            self.secrets
                .iter()
                .fold(found, |found, secret| mac(secret, at, body).is_some_and(|mac| mac.verify_slice(&claimed).is_ok()) | found)
        });
        if fresh && signed { Ok(()) } else { Err(NoticeError::Signature) }
    }
}

/// What a notice of `body`, sent at `at` (seconds), carries as its signature.
pub fn signature(secret: &str, at: i64, body: &[u8]) -> Option<String> {
    let at = at.to_string();
    let mac = mac(secret, &at, body)?;
    Some(format!("t={at},v1={}", hex(&mac.finalize().into_bytes())))
}

fn mac(secret: &str, at: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of any length (RFC 2104, 2).
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    Some(mac.chain_update(at.as_bytes()).chain_update(b".").chain_update(body))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[async_trait]
impl CardProvider for HttpCard {
    fn name(&self) -> &'static str {
        "card"
    }

    async fn authorize(&self, request: Authorize<'_>) -> Result<Authorization, ProviderError> {
        let notify = self.service.notify.as_ref().zip(self.secrets.first());
        let body = WirePayment {
            amount: request.amount.amount,
            currency: request.amount.currency.to_string(),
            token: request.token.reveal().to_owned(),
            description: request.description.to_owned(),
            return_url: request.return_path.zip(self.service.public.as_ref()).map(|(path, public)| format!("{public}{path}")),
            notify: notify.map(|(base, secret)| WireNotify {
                url: format!("{base}/api/v1/webhooks/payments/{}", self.name()),
                secret: secret.clone(),
            }),
        };
        let WireStatus { id, status, reason, action_url } = self.ask(Method::POST, "", Some(request.key), &body).await?;
        Ok(match (status, action_url) {
            (WireState::Authorized | WireState::Capturing | WireState::Captured, _) => Authorization::Authorized { reference: id },
            // Whoever reads the order is led there, so it is a page's address or nonsense.
            (WireState::ActionRequired, Some(url)) if !is_web(&url) => {
                return Err(ProviderError::NoAnswer("action_url is no address of a page".to_owned()));
            }
            (WireState::ActionRequired, Some(url)) => Authorization::ActionRequired { reference: id, url },
            (WireState::Pending | WireState::ActionRequired, _) => Authorization::Pending { reference: id },
            (WireState::Declined, _) => Authorization::Declined { reason: reason.unwrap_or_else(|| "declined".to_owned()) },
            (WireState::Voided, _) => Authorization::Declined { reason: "voided".to_owned() },
        })
    }

    async fn capture(&self, key: &str, _reference: &str, amount: Money) -> Result<Progress, ProviderError> {
        let body = WireAmount { amount: amount.amount };
        match self.ask(Method::POST, &format!("/{key}/capture"), None, &body).await?.status {
            WireState::Captured => Ok(Progress::Done),
            WireState::Capturing => Ok(Progress::Pending),
            other => Err(ProviderError::Refused(format!("a capture was answered with {other:?}"))),
        }
    }

    async fn void(&self, key: &str, _reference: Option<&str>) -> Result<Release, ProviderError> {
        let answer = self.ask(Method::POST, &format!("/{key}/void"), None, &serde_json::json!({})).await?;
        match answer.status {
            WireState::Voided | WireState::Declined => Ok(Release::Voided),
            WireState::Captured => Ok(Release::Captured { reference: answer.id }),
            WireState::Capturing => Ok(Release::Pending),
            other => Err(ProviderError::NoAnswer(format!("a void was answered with {other:?}"))),
        }
    }

    async fn refund(&self, refund_key: &str, key: &str, _reference: &str, amount: Money) -> Result<Progress, ProviderError> {
        let body = WireAmount { amount: amount.amount };
        match self.ask(Method::POST, &format!("/{key}/refunds"), Some(refund_key), &body).await?.status {
            WireState::Captured => Ok(Progress::Done),
            other => Err(ProviderError::NoAnswer(format!("a refund was answered with {other:?}"))),
        }
    }

    fn hear(&self, notice: &RawNotice<'_>) -> Result<Notice, NoticeError> {
        let signature = (notice.header)(SIGNATURE).ok_or(NoticeError::Signature)?;
        self.verify(&signature, notice.body, notice.now.as_millis() / 1000)?;
        let heard: WireNotice = serde_json::from_slice(notice.body).map_err(|error| NoticeError::Unreadable(error.to_string()))?;
        if heard.id.is_empty() || heard.id.len() > 255 {
            return Err(NoticeError::Unreadable("an event's id has 1 to 255 characters".to_owned()));
        }
        // Not every database takes a NUL in a text.
        if [&heard.id, &heard.payment].iter().any(|text| text.chars().any(char::is_control)) {
            return Err(NoticeError::Unreadable("an id has no control characters".to_owned()));
        }
        // How it stands this provider tells whenever it is asked.
        Ok(Notice { event: heard.id, key: heard.payment, outcome: None })
    }
}

/// Where there is no provider: commands that open the shop to look at it charge nobody.
pub struct NoCard;

#[async_trait]
impl CardProvider for NoCard {
    fn name(&self) -> &'static str {
        "card"
    }

    async fn authorize(&self, _: Authorize<'_>) -> Result<Authorization, ProviderError> {
        Err(nobody())
    }

    async fn capture(&self, _: &str, _: &str, _: Money) -> Result<Progress, ProviderError> {
        Err(nobody())
    }

    async fn void(&self, _: &str, _: Option<&str>) -> Result<Release, ProviderError> {
        Err(nobody())
    }

    async fn refund(&self, _: &str, _: &str, _: &str, _: Money) -> Result<Progress, ProviderError> {
        Err(nobody())
    }

    fn hear(&self, _: &RawNotice<'_>) -> Result<Notice, NoticeError> {
        Err(NoticeError::Signature)
    }
}

fn nobody() -> ProviderError {
    ProviderError::NoAnswer("no card provider is set".to_owned())
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;
    use crate::identity::Secret;

    const NOW: i64 = 1_795_334_400;
    const BODY: &[u8] = br#"{"id":"evt_1","payment":"0193b3c4","status":"authorized"}"#;

    fn provider(secrets: &[&str]) -> HttpCard {
        let secrets: Vec<_> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        let service = CardService { url: "http://127.0.0.1:9".to_owned(), notify: None, public: None };
        HttpCard::new(service, &Keys::new(&secrets).unwrap()).unwrap()
    }

    fn hear(provider: &HttpCard, signature: Option<String>, body: &[u8]) -> Result<Notice, NoticeError> {
        let header = move |name: &str| signature.clone().filter(|_| name == SIGNATURE);
        provider.hear(&RawNotice { header: &header, body, now: Timestamp::from_millis(NOW * 1000) })
    }

    #[test]
    fn a_notice_is_believed_by_its_signature_alone() {
        let shop = provider(&["new", "old"]);
        let secret = |n: usize| shop.secrets[n].clone();
        let signed = |n: usize, at: i64, body: &[u8]| signature(&secret(n), at, body);
        let heard = Ok(Notice { event: "evt_1".to_owned(), key: "0193b3c4".to_owned(), outcome: None });
        assert_eq!(hear(&shop, signed(0, NOW, BODY), BODY), heard);
        // A secret that is being replaced, clocks that differ a little, and a second signature that we do not know.
        assert_eq!(hear(&shop, signed(1, NOW - 299, BODY), BODY), heard);
        assert_eq!(hear(&shop, signed(0, NOW + 299, BODY).map(|s| format!("{s},v1={},v0=x", "0".repeat(64))), BODY), heard);
        for wrong in [
            None,
            Some(String::new()),
            Some("t=1".to_owned()),
            signed(0, NOW - 301, BODY),
            signed(0, NOW + 301, BODY),
            signed(0, NOW, b"{}"),
            signature("another", NOW, BODY),
            signed(0, NOW, BODY).map(|s| s.replace(&format!("t={NOW}"), &format!("t={}", NOW + 1))),
            signed(0, NOW, BODY).map(|s| s[..s.len() - 2].to_owned()),
            signed(0, NOW, BODY).map(|s| s.replace("v1=", "v1=é")),
        ] {
            assert_eq!(hear(&shop, wrong.clone(), BODY), Err(NoticeError::Signature), "{wrong:?}");
        }
        for body in [
            &b"{}"[..],
            b"x",
            br#"{"id":"","payment":"1","status":"captured"}"#,
            br#"{"id":"evt\u0000","payment":"1","status":"captured"}"#,
            br#"{"id":"evt","payment":"1\u0000","status":"captured"}"#,
        ] {
            assert!(matches!(hear(&shop, signed(0, NOW, body), body), Err(NoticeError::Unreadable(_))));
        }
    }

    #[tokio::test]
    async fn nobody_there_is_no_answer() {
        let token = super::super::CardToken::new("tok_ok");
        let amount = Money::new(1, domain::Currency::USD);
        let request = Authorize { key: "k", amount, token: &token, description: "d", return_path: None };
        // The discard port: nothing listens there.
        assert!(matches!(provider(&["x"]).authorize(request).await, Err(ProviderError::NoAnswer(_))));
    }
}
