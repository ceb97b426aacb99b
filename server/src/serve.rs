//! A server from start to stop.

mod alone;
mod files;
pub mod http;
mod listen;
mod live;
mod pay;
mod welcome;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use backend::clock::Clock;
use backend::runner::Runner;
use backend::{Backend, seed};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::alone::Alone;
use self::http::Manners;
pub use self::listen::{bind, reachable};
use self::live::Wire;
use self::pay::PayPlace;
use crate::config::Settings;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::mqtt::Gateway;
use crate::pay_sim::PaySim;
use crate::shutdown::{CLOSE, GRACE, Signals};
use crate::state::AppState;
use crate::{router, site};

/// How often the buckets of those who have gone are thrown away.
const FORGET: Duration = Duration::from_mins(1);

/// Opens the shop and serves it until the process is asked to stop.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let settings = Arc::new(settings);
    let mut signals = Signals::install().context("signals cannot be heard")?;
    // The addresses first: where another server runs already, nothing of its database is touched.
    let listener = if settings.runs("web") { Some(bind("ORDERLY_LISTEN", &settings.listen).await?) } else { None };
    let plain = match &*settings.mqtt_listen {
        addresses @ [_, ..] if settings.runs("web") => Some(bind("ORDERLY_MQTT_LISTEN", addresses).await?),
        _ => None,
    };
    settings.places_are_there()?;
    warn_of(&settings);

    let own = listener.as_ref().map(TcpListener::local_addr).transpose()?;
    let place = PayPlace::find(&settings, own).await?;
    let backend = Backend::open(settings.backend(Some(place.service.clone()), own), Clock::system()).await?;
    // After the shop's own database: where that is none, nothing is made.
    let pay = match place.open(&settings).await {
        Ok(pay) => pay,
        Err(error) => {
            backend.close().await;
            return Err(error);
        }
    };
    let opened = tokio::select! {
        opened = Open::shop(settings, backend.clone(), listener, plain, pay.sim.clone()) => opened,
        () = signals.asked() => Ok(None),
    };
    let result = match opened {
        Ok(Some(open)) => open.until(signals).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    let close = async {
        pay.close().await;
        backend.close().await;
    };
    if tokio::time::timeout(CLOSE, close).await.is_err() {
        tracing::warn!("the database does not answer, so its connections are cut");
    }
    result
}

fn warn_of(settings: &Settings) {
    if !settings.limits {
        tracing::warn!("ORDERLY_LIMITS=off: no rate limits and no order limits; for load tests only");
    }
    if settings.secrets.iter().any(|secret| secret.expose().len() < 32) {
        tracing::warn!("ORDERLY_SECRET: a secret has less than 32 characters; make one with `openssl rand -hex 32`");
    }
}

/// A server that runs.
struct Open {
    stop: CancellationToken,
    alone: Option<Alone>,
    running: backend::runner::Running,
    wire: Wire,
    http: Option<tokio::task::JoinHandle<()>>,
}

impl Open {
    async fn shop(
        settings: Arc<Settings>,
        backend: Backend,
        listener: Option<TcpListener>,
        plain: Option<TcpListener>,
        pay_sim: Option<PaySim>,
    ) -> anyhow::Result<Option<Self>> {
        let alone = Alone::take(&backend.db, settings.mqtt_url.is_some()).await?;
        if settings.demo && backend.stores.list(&mut backend.db.reader()).await?.is_empty() {
            seed::demo(&backend.db).await?;
        }
        let metrics = Arc::new(Metrics::default());
        let mqtt = plain.as_ref().map(TcpListener::local_addr).transpose()?;
        let wire = Wire::open(&settings, &backend, &metrics, plain).await?;
        let running = only(backend.runner(), &settings).start();
        let stop = CancellationToken::new();
        let http = match listener {
            Some(listener) => {
                files::allow();
                let state = state_of(listener.local_addr()?, settings, backend, metrics, wire.gateway.clone(), pay_sim);
                welcome::print(&state, listener.local_addr()?, mqtt).await?;
                Some(serve(listener, state, stop.clone()))
            }
            None => None,
        };
        Ok(Some(Self { stop, alone, running, wire, http }))
    }

    /// Runs until the process is asked to stop, or cannot go on; then finishes what has begun.
    async fn until(self, mut signals: Signals) -> anyhow::Result<()> {
        let Self { stop, alone, running, wire, mut http } = self;
        let failed = async {
            match &mut http {
                Some(http) => Err(anyhow::anyhow!("HTTP ended by itself: {:?}", http.await)),
                None => std::future::pending().await,
            }
        };
        let result = tokio::select! {
            () = signals.asked() => Ok(()),
            result = failed => result,
            result = alone::lost(alone.as_ref()) => result,
        };
        stop.cancel();
        let finish = async {
            let requests = async {
                if let Some(http) = http.filter(|http| !http.is_finished()) {
                    // Its end has been asked for, so it has nothing to say that would help.
                    let _ = http.await;
                }
            };
            tokio::join!(requests, running.shutdown());
            wire.shutdown().await;
            if let Some(alone) = alone {
                alone.give_back().await;
            }
        };
        if tokio::time::timeout(GRACE, finish).await.is_err() {
            tracing::warn!("some connections were still open after {GRACE:?} and are cut");
        }
        result
    }
}

fn only(runner: Runner, settings: &Settings) -> Runner {
    match &settings.services {
        Some(services) => runner.services(services),
        None => runner,
    }
}

fn state_of(
    address: SocketAddr,
    settings: Arc<Settings>,
    backend: Backend,
    metrics: Arc<Metrics>,
    gateway: Gateway,
    pay_sim: Option<PaySim>,
) -> AppState {
    let public_url: Arc<str> = settings.public_url_at(Some(address)).into();
    AppState {
        leptos: site::leptos_options(&settings, address),
        limits: Arc::new(Limits::default()),
        writing: Arc::default(),
        metrics,
        gateway,
        pay_sim,
        backend,
        settings,
        public_url,
    }
}

/// Starts HTTP on the listener and returns its task.
fn serve(listener: TcpListener, state: AppState, stop: CancellationToken) -> tokio::task::JoinHandle<()> {
    let limits = state.limits.clone();
    let manners = if state.settings.limits { Manners::default() } else { Manners::lifted() };
    let app = router::router(state);
    let server = http::serve(listener, app, manners, stop.clone());
    tokio::spawn(stop.run_until_cancelled_owned(async move {
        loop {
            tokio::time::sleep(FORGET).await;
            limits.forget();
        }
    }));
    tokio::spawn(server)
}
