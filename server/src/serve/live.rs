//! Everything live, from start to stop: the gateway, and what is published to it or to a broker outside.

use std::sync::Arc;

use backend::Backend;
use backend::live::{BrokerAddress, Publishing, Unheard};
use tokio::net::TcpListener;

use crate::config::{InvalidSetting, Settings};
use crate::metrics::Metrics;
use crate::mqtt::{Gateway, Limits};

pub(super) struct Wire {
    pub gateway: Gateway,
    publishing: Option<Publishing>,
}

impl Wire {
    /// Opens the gateway, on the plain listener too where there is one, and starts to publish where this process does.
    pub(super) async fn open(
        settings: &Settings,
        backend: &Backend,
        metrics: &Metrics,
        plain: Option<TcpListener>,
    ) -> anyhow::Result<Self> {
        let outside = settings.mqtt_url.as_ref().map(|url| url.expose().parse::<BrokerAddress>()).transpose();
        let outside = outside.map_err(|error| InvalidSetting { name: "MQTT_URL".to_owned(), fix: error.to_string() })?;
        let limits = if settings.limits { Limits::default() } else { Limits::lifted() };
        let gateway = Gateway::new(Arc::new(backend.clone()), limits, metrics.mqtt.clone());
        let (address, unheard): (_, Unheard) = if let Some(address) = outside {
            gateway.follow(address.clone());
            // Who listens elsewhere is not known here.
            (address, Arc::new(|_| false))
        } else {
            let hearing = gateway.clone();
            (gateway.private().await?, Arc::new(move |topic| hearing.forgets(topic)))
        };
        let publishing = settings.runs("live").then(|| backend.live.start(address, unheard));
        if let Some(plain) = plain {
            gateway.listen(plain);
        }
        Ok(Self { gateway, publishing })
    }

    /// Publishes what is left, then says good-bye to everybody.
    pub(super) async fn shutdown(self) {
        if let Some(publishing) = self.publishing {
            publishing.shutdown().await;
        }
        self.gateway.shutdown().await;
    }
}
