//! The card provider for demos and tests: a small HTTP service that behaves by the card's token, as contract.md lists them,
//! so that declines, time-outs, slow answers, dead connections and webhooks that come twice, too late and too early are
//! real network events. `orderly serve` runs it on a private loopback port unless `ORDERLY_PAY_URL` names another one;
//! `orderly pay-sim` runs it alone. What it knows is kept in a file, so that it may be killed at any moment.
//!
//! The protocol is that of [`backend::payment::http_card`]: `POST /v1/payments`, `…/{key}/capture`, `…/{key}/void`,
//! `…/{key}/refunds`, `GET /v1/payments/{key}`, `GET /v1/totals`; a shopper confirms at `/confirm/{id}`.

mod book;
mod notices;
mod page;
mod routes;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::book::{Book, Entry};
use self::notices::Notices;
use crate::config::Settings;
use crate::serve::bind;
use crate::shutdown::Signals;

/// The file that it keeps its books in, below `ORDERLY_DATA`.
const FILE: &str = "pay-sim.db";
/// How long `tok_slow` takes to answer.
const SLOW: Duration = Duration::from_secs(2);
/// How long `tok_later`, and the capture of `tok_capture_later`, is undecided.
const LATER: Duration = Duration::from_secs(3);

/// The provider. Clones are the same.
#[derive(Clone)]
pub struct PaySim {
    book: Book,
    notices: Notices,
    /// Where shoppers reach its pages, without a slash at the end.
    public: String,
    stop: CancellationToken,
}

/// What a card does, by its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Card {
    Good,
    Declined,
    /// Answers after [`SLOW`], and tells by webhook even before that.
    Slow,
    /// Decides after [`LATER`], and tells by webhooks: twice, and then an old one.
    Later,
    /// Never answers.
    Silent,
    /// Wants the shopper to confirm (3-D Secure).
    Confirm,
    /// Authorises, and the first answer is cut off.
    Cut,
    /// Authorises; a capture is only received, done after [`LATER`], and told by webhooks as with [`Card::Later`].
    CaptureLater,
}

impl Card {
    fn of(token: &str) -> Self {
        match token {
            "tok_ok" => Self::Good,
            "tok_slow" => Self::Slow,
            "tok_later" => Self::Later,
            "tok_timeout" => Self::Silent,
            "tok_3ds" => Self::Confirm,
            "tok_cut" => Self::Cut,
            "tok_capture_later" => Self::CaptureLater,
            _ => Self::Declined,
        }
    }
}

impl PaySim {
    /// Opens the books, and goes on with what was undecided when they were closed.
    pub async fn open(file: &Path, public: &str) -> anyhow::Result<Self> {
        let book = Book::open(file).await.with_context(|| format!("the card provider's file {}", file.display()))?;
        let stop = CancellationToken::new();
        let notices = Notices::new(book.clone(), stop.clone())?;
        let sim = Self { book, notices, public: public.trim_end_matches('/').to_owned(), stop };
        for entry in sim.book.undecided().await? {
            sim.decide_later(entry);
        }
        sim.notices.resume().await?;
        Ok(sim)
    }

    /// All of it.
    pub fn router(&self) -> Router {
        Router::new().merge(routes::router(self.clone())).merge(self.pages())
    }

    /// Where shoppers confirm.
    pub fn pages(&self) -> Router {
        page::router(self.clone())
    }

    /// Answers on the listener until it is asked to stop.
    pub fn serve(&self, listener: TcpListener) -> tokio::task::JoinHandle<std::io::Result<()>> {
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection keeps its delay");
            }
        });
        let server = axum::serve(listener, self.router().into_make_service());
        // Whoever waits for an answer asks again: there is nothing to be finished.
        let stop = self.stop.clone();
        tokio::spawn(async move {
            match stop.run_until_cancelled_owned(server.into_future()).await {
                Some(ended) => ended,
                None => Ok(()),
            }
        })
    }

    /// Stops answering. What is undecided goes on when the books are opened again.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Decides what is undecided when its time has come.
    fn decide_later(&self, entry: Entry) {
        let (sim, stop) = (self.clone(), self.stop.clone());
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            tokio::time::sleep(until(entry.asked_at, LATER)).await;
            let (from, to) = if entry.state == "capturing" { ("capturing", "captured") } else { ("pending", "authorized") };
            match sim.book.decide(&entry.key, from, to).await {
                // Twice, as networks do, and then one that was under way for too long.
                Ok(Some(decided)) => {
                    let event = sim.notices.send(&decided, &decided.state, None).await;
                    sim.notices.send(&decided, &decided.state, event).await;
                    sim.notices.send(&decided, from, None).await;
                }
                // Voided in the meantime.
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "a payment stays undecided until the provider starts again"),
            }
        }));
    }
}

/// How long from now until `after` has passed since `from` (milliseconds).
fn until(from: i64, after: Duration) -> Duration {
    after.saturating_sub(Duration::from_millis(now().saturating_sub(from).max(0).unsigned_abs()))
}

/// Milliseconds since 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64
}

/// The file of the provider inside this shop.
pub fn file_of(settings: &Settings) -> std::path::PathBuf {
    settings.data.join(FILE)
}

/// `orderly pay-sim`: the provider alone, until the process is asked to stop.
pub async fn run(settings: &Settings, listen: SocketAddr, data: Option<&Path>, public: Option<&str>) -> anyhow::Result<()> {
    let mut signals = Signals::install().context("signals cannot be heard")?;
    let listener = bind("--listen", &[listen]).await?;
    let address = listener.local_addr()?;
    let own = format!("http://{}", crate::serve::reachable(address));
    let file = data.map_or_else(|| file_of(settings), Path::to_owned);
    let sim = PaySim::open(&file, public.unwrap_or(&own)).await?;
    let told = crate::cli::Output::stdout().line(&format!("The card provider answers at {own}\n  ORDERLY_PAY_URL={own} orderly serve"));
    // Who started us may have closed our output; we answer all the same.
    if let Err(error) = told {
        tracing::debug!(%error, "nobody reads where the card provider is");
    }
    let mut server = sim.serve(listener);
    tokio::select! {
        () = signals.asked() => {
            sim.stop();
            server.await??;
        }
        ended = &mut server => ended??,
    }
    Ok(())
}

#[cfg(test)]
mod tests;
