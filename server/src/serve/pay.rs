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

pub(super) struct Pay {
    pub service: CardService,
    /// The one inside.
    pub sim: Option<PaySim>,
    server: Option<JoinHandle<std::io::Result<()>>>,
}

impl Pay {
    /// `own` is where this process answers HTTP, if it does.
    pub(super) async fn open(settings: &Settings, own: Option<SocketAddr>) -> anyhow::Result<Self> {
        let own = own.map(|address| format!("http://{}", reachable(address)));
        let public = settings.public_url.clone().or_else(|| own.clone());
        if let Some(url) = &settings.pay_url {
            // From outside we are reached as shoppers reach us.
            let service = CardService { url: url.clone(), notify: public.clone(), public };
            return Ok(Self { service, sim: None, server: None });
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no loopback port for the card provider inside")?;
        let url = format!("http://{}", listener.local_addr()?);
        let pages = public.as_ref().map_or_else(|| url.clone(), |public| format!("{public}{PAY_SIM}"));
        let sim = PaySim::open(&file_of(settings), &pages).await?;
        let server = sim.serve(listener);
        let service = CardService { url, notify: own.or_else(|| public.clone()), public };
        Ok(Self { service, sim: Some(sim), server: Some(server) })
    }

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
