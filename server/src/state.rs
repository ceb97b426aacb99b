//! What every request has at hand.

use std::sync::Arc;

use axum::extract::FromRef;
use backend::Backend;
use leptos::config::LeptosOptions;

use crate::config::Settings;
use crate::health::Writing;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::mqtt::Gateway;
use crate::pay_sim::PaySim;

/// What every request has at hand. Clones are the same.
#[derive(Clone)]
pub struct AppState {
    /// The shop.
    pub backend: Backend,
    /// The settings.
    pub settings: Arc<Settings>,
    /// Scheme, host and port that browsers know us by, without a slash at the end.
    pub public_url: Arc<str>,
    /// Who asks how often.
    pub limits: Arc<Limits>,
    /// Who is connected by MQTT.
    pub gateway: Gateway,
    /// Whether the database takes what is written.
    pub writing: Arc<Writing>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The card provider inside; `None` where it is another one.
    pub pay_sim: Option<PaySim>,
    /// Where the browser files are, for the pages.
    pub leptos: LeptosOptions,
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}
