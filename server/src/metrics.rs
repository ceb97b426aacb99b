//! What is counted, for Prometheus.

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use backend::db::DbError;
use backend::{Backend, log, subscriber};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::mqtt::Counters;
use crate::state::AppState;

/// Upper bounds in seconds: from a cached answer to one that a person gives up on.
const SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Everything that is counted in this process.
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter<u64, AtomicU64>>,
    seconds: Family<Route, Histogram>,
    /// Open MQTT connections, browsers and devices.
    pub mqtt_connections: Gauge<i64, AtomicI64>,
    /// What the MQTT gateway counts.
    pub mqtt: Counters,
    /// Requests of new guests that were refused, for too many of them come from one address.
    pub newcomers_refused: Counter<u64, AtomicU64>,
    /// 1 while the database answers.
    database_up: Gauge<i64, AtomicI64>,
    head: Gauge<i64, AtomicI64>,
    lag: Family<Subscriber, Gauge<i64, AtomicI64>>,
    parked: Family<Subscriber, Gauge<i64, AtomicI64>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: &'static str,
    route: String,
    status: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Subscriber {
    subscriber: String,
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("orderly");
        let requests = Family::default();
        let seconds = Family::new_with_constructor(histogram as fn() -> Histogram);
        let (mqtt_connections, mqtt) = (Gauge::default(), Counters::default());
        let newcomers_refused = Counter::default();
        let (database_up, head, lag, parked) = (Gauge::default(), Gauge::default(), Family::default(), Family::default());
        registry.register("http_requests", "Answered requests", Family::clone(&requests));
        registry.register_with_unit("http_request_duration", "Time to the head of the answer", Unit::Seconds, Family::clone(&seconds));
        registry.register("mqtt_connections", "Open MQTT connections", Gauge::clone(&mqtt_connections));
        registry.register("mqtt_messages", "MQTT messages sent to clients", Counter::clone(&mqtt.delivered));
        registry.register("mqtt_replaced", "MQTT messages that a newer one replaced before their reader took them", mqtt.replaced.clone());
        registry.register("mqtt_slow_readers", "MQTT clients disconnected because they took or acknowledged nothing", mqtt.slow.clone());
        registry.register("mqtt_refused", "MQTT connections without a place, or ended for speaking too much", mqtt.refused.clone());
        registry.register(
            "newcomers_refused",
            "Requests of new guests refused: too many come from one address",
            Counter::clone(&newcomers_refused),
        );
        registry.register("database_up", "Whether the database answers", Gauge::clone(&database_up));
        registry.register("event_head", "Newest position of the log", Gauge::clone(&head));
        registry.register("subscriber_lag", "Events that it wants and has not read", Family::clone(&lag));
        registry.register("subscriber_parked", "Events that wait for a person", Family::clone(&parked));
        Self { registry, requests, seconds, mqtt_connections, mqtt, newcomers_refused, database_up, head, lag, parked }
    }
}

impl Metrics {
    /// One answered request. `route` is the pattern, not the path: paths are without number.
    pub fn answered(&self, method: &Method, route: &str, status: StatusCode, time: Duration) {
        let method = match method.as_str() {
            "GET" => "GET",
            "HEAD" => "HEAD",
            "POST" => "POST",
            "PUT" => "PUT",
            "PATCH" => "PATCH",
            "DELETE" => "DELETE",
            _ => "OTHER",
        };
        self.requests.get_or_create(&Request { method, route: route.to_owned(), status: status.as_u16().into() }).inc();
        self.seconds.get_or_create(&Route { route: route.to_owned() }).observe(time.as_secs_f64());
    }
}

impl Metrics {
    async fn read_log(&self, backend: &Backend) -> Result<(), DbError> {
        self.head.set(log::head(&mut backend.db.reader()).await?);
        for progress in subscriber::progress(&mut backend.db.reader()).await? {
            let label = Subscriber { subscriber: progress.subscriber };
            self.lag.get_or_create(&label).set(progress.lag);
            self.parked.get_or_create(&label).set(progress.parked);
        }
        Ok(())
    }
}

/// `GET /metrics`.
/// While the database is away the rest is told all the same: that is when somebody looks.
pub async fn answer(State(app): State<AppState>) -> Response {
    app.metrics.mqtt_connections.set(app.gateway.connections() as i64);
    let answers = app.metrics.read_log(&app.backend).await;
    if let Err(error) = &answers {
        tracing::warn!(%error, "the log is not measured: the database does not answer");
    }
    app.metrics.database_up.set(answers.is_ok().into());
    let mut page = String::new();
    // Writing to a String does not fail.
    let _ = text::encode(&mut page, &app.metrics.registry);
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], page).into_response()
}
