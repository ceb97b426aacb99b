//! Webhooks: signed, sent until they are taken, at most a few times; kept until then.

use std::time::Duration;

use anyhow::Context as _;
use backend::payment::http_card::{SIGNATURE, WireNotice, WireState, signature};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::book::{Book, Delivery, Entry};
use super::now;

/// Waits between two tries; then the shop has to find out by itself.
const WAITS: [Duration; 6] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_mins(1),
];
const ANSWER: Duration = Duration::from_secs(10);

/// What sends them. Clones are the same.
#[derive(Clone)]
pub(super) struct Notices {
    book: Book,
    http: reqwest::Client,
    stop: CancellationToken,
}

impl Notices {
    pub(super) fn new(book: Book, stop: CancellationToken) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(ANSWER).redirect(reqwest::redirect::Policy::none()).build();
        Ok(Self { book, http: http.context("this machine cannot speak HTTP")?, stop })
    }

    /// Sends what was not taken when the books were closed.
    pub(super) async fn resume(&self) -> anyhow::Result<()> {
        for delivery in self.book.notices().await? {
            self.deliver(delivery);
        }
        Ok(())
    }

    /// Tells the shop, if it wants to be told, that the payment is in this state; as a repetition of `event`, where that is
    /// given. Answers the event's id.
    pub(super) async fn send(&self, entry: &Entry, state: &str, event: Option<String>) -> Option<String> {
        let (url, secret) = entry.notify.clone()?;
        let status: WireState = serde_json::from_value(state.into()).ok()?;
        let id = event.unwrap_or_else(|| format!("evt_{}", Uuid::new_v4().simple()));
        let body = serde_json::to_string(&WireNotice { id: id.clone(), payment: entry.key.clone(), status }).ok()?;
        match self.book.add_notice(&id, &url, &secret, &body).await {
            Ok(delivery) => self.deliver(delivery),
            Err(error) => tracing::error!(%error, "a notice is lost"),
        }
        Some(id)
    }

    fn deliver(&self, delivery: Delivery) {
        let (notices, stop) = (self.clone(), self.stop.clone());
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            for wait in WAITS {
                if notices.try_once(&delivery).await {
                    break;
                }
                tokio::time::sleep(wait).await;
            }
            if let Err(error) = notices.book.forget_notice(delivery.number).await {
                tracing::warn!(%error, "a notice will be sent once more");
            }
        }));
    }

    /// Whether the shop took it.
    async fn try_once(&self, delivery: &Delivery) -> bool {
        let Some(signed) = signature(&delivery.secret, now() / 1000, delivery.body.as_bytes()) else { return false };
        let request = self.http.post(&delivery.url).header(SIGNATURE, signed).header("content-type", "application/json");
        match request.body(delivery.body.clone()).send().await {
            Ok(answer) if answer.status().is_success() => true,
            Ok(answer) => {
                tracing::warn!(status = %answer.status(), "the shop did not take a notice");
                false
            }
            Err(error) => {
                tracing::warn!(error = %error.without_url(), "the shop was not reached with a notice");
                false
            }
        }
    }
}
