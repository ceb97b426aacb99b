//! The card provider: inside, on a private loopback port, or the one that `ORDERLY_PAY_URL` names.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use backend::payment::CardService;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::reachable;
use crate::config::Settings;
use crate::pay_sim::{PaySim, file_of};
use crate::router::PAY_SIM;

/// Where the provider is to be asked.
pub(super) struct PayPlace {
    pub service: CardService,
    /// The one inside is not there yet: where it is to listen, and where its pages are.
    inside: Option<(TcpListener, String)>,
}

impl PayPlace {
    /// `own` is where this process answers HTTP, if it does.
    pub(super) async fn find(settings: &Settings, own: Option<SocketAddr>) -> anyhow::Result<Self> {
        let own = own.map(|address| format!("http://{}", reachable(address)));
        let public = settings.public_url.clone().or_else(|| own.clone());
        if let Some(url) = &settings.pay_url {
            // From outside we are reached as shoppers reach us.
            return Ok(Self { service: CardService { url: url.clone(), notify: public.clone(), public }, inside: None });
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no loopback port for the card provider inside")?;
        let url = format!("http://{}", listener.local_addr()?);
        let pages = public.as_ref().map_or_else(|| url.clone(), |public| format!("{public}{PAY_SIM}"));
        let service = CardService { url, notify: own.or_else(|| public.clone()), public };
        Ok(Self { service, inside: Some((listener, pages)) })
    }

    /// Starts the one inside, where it is.
    pub(super) async fn open(self, settings: &Settings) -> anyhow::Result<Pay> {
        let Some((listener, pages)) = self.inside else { return Ok(Pay { sim: None, server: None }) };
        let sim = PaySim::open(&file_of(settings), &pages).await?;
        let server = sim.serve(listener);
        Ok(Pay { sim: Some(sim), server: Some(server) })
    }
}

/// The provider inside, where it is; it runs until [`Pay::close`].
pub(super) struct Pay {
    pub sim: Option<PaySim>,
    server: Option<JoinHandle<std::io::Result<()>>>,
}

impl Pay {
    /// Ends after everything that may have asked it.
    pub(super) async fn close(self) {
        if let Some(sim) = &self.sim {
            sim.stop();
        }
        if let Some(server) = self.server
            && let Ok(Err(error)) = server.await
        {
            tracing::warn!(%error, "the card provider inside ended badly");
        }
    }
}
