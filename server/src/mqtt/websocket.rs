//! MQTT over a WebSocket (section 6 of the standard).

use std::net::IpAddr;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::transport::Web;
use super::{Arrived, Entrance, Gateway, codec, session};
use crate::api::problem::AppError;
use crate::caller::{client_address, is_ours, session_cookie};
use crate::state::AppState;

/// The subprotocol that a client must offer, and is answered with (6.0.0-3, 6.0.0-4).
const PROTOCOL: &str = "mqtt";
/// Bytes of a WebSocket's message, which may carry several packets (6.0): each is held to its own size.
const LARGEST_MESSAGE: usize = 4 * codec::LARGEST;
/// When somebody who found no place may come again, in seconds.
const AGAIN_SECONDS: &str = "10";

/// `GET /mqtt`. A browser always says where its page comes from, and brings the cookie whether its user wants it or not:
/// only our own pages get in. What is no browser says nothing, and has no cookie that it did not mean to send.
pub async fn upgrade(
    State(app): State<AppState>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Request,
) -> Result<Response, AppError> {
    let (parts, _) = request.into_parts();
    let headers = &parts.headers;
    if headers.contains_key(header::ORIGIN) && !is_ours(headers, &app.public_url) {
        return Err(AppError::said(StatusCode::FORBIDDEN, "foreign_origin"));
    }
    let upgrade =
        upgrade.map_err(|_| AppError::said(StatusCode::UPGRADE_REQUIRED, "upgrade_required").with_header(header::UPGRADE, "websocket"))?;
    let from = client_address(&parts, &app.settings.trusted_proxies);
    let arrived = parts.extensions.get::<Arrived>().cloned().unwrap_or_default();
    Ok(app.gateway.upgrade(upgrade, session_cookie(headers).map(str::to_owned), from, arrived))
}

impl Gateway {
    /// Answers an upgrade. The caller has made sure that the `Origin` is ours; `cookie` is the session cookie's value,
    /// `arrived` counts the bytes of the connection.
    /// Without our subprotocol it is 400, with every place taken 503, with all of the address's 429.
    pub fn upgrade(&self, upgrade: WebSocketUpgrade, cookie: Option<String>, from: IpAddr, arrived: Arrived) -> Response {
        let upgrade = upgrade.protocols([PROTOCOL]);
        if upgrade.selected_protocol().is_none() {
            return AppError::said(StatusCode::BAD_REQUEST, "subprotocol_required").into_response();
        }
        let inner = self.0.clone();
        let place = match inner.places.take(from) {
            Some(place) if !place.is_crowded() => place,
            full => {
                inner.counters.refused.inc();
                let (status, code, why) = match full {
                    Some(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many_connections", "Too many connections come from this address."),
                    None => (StatusCode::SERVICE_UNAVAILABLE, "full", "Every place is taken."),
                };
                return AppError::new(status, code, why).with_header(header::RETRY_AFTER, AGAIN_SECONDS).into_response();
            }
        };
        let tasks = inner.tasks.clone();
        let entrance = Entrance::Public { cookie, crowded: false, from: place.address() };
        upgrade
            // The default buffers would cost 136 KiB a connection.
            .read_buffer_size(1024)
            .write_buffer_size(0)
            .max_frame_size(LARGEST_MESSAGE)
            .max_message_size(LARGEST_MESSAGE)
            .on_upgrade(move |socket| tasks.track_future(session::serve(inner, Web::new(socket, arrived), entrance, Some(place))))
    }
}
