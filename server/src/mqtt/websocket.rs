//! MQTT over a WebSocket (section 6 of the standard).

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::{Entrance, Gateway, codec, session};
use crate::api::problem::AppError;
use crate::caller::{is_ours, session_cookie};
use crate::state::AppState;

/// `GET /mqtt`. A browser always says where its page comes from, and brings the cookie whether its user wants it or not:
/// only our own pages get in. What is no browser says nothing, and has no cookie that it did not mean to send.
pub async fn upgrade(
    State(app): State<AppState>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, AppError> {
    if headers.contains_key(header::ORIGIN) && !is_ours(&headers, &app.public_url) {
        return Err(AppError::new(StatusCode::FORBIDDEN, "foreign_origin", "Only our own pages may listen."));
    }
    let upgrade = upgrade.map_err(|_| {
        AppError::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", "This is MQTT over a WebSocket, subprotocol mqtt.")
            .with_header(header::UPGRADE, "websocket")
    })?;
    Ok(app.gateway.upgrade(upgrade, session_cookie(&headers).map(str::to_owned)))
}

impl Gateway {
    /// Answers an upgrade. The caller has made sure that the `Origin` is ours; `cookie` is the session cookie's value.
    /// With every place taken it is 503.
    pub fn upgrade(&self, upgrade: WebSocketUpgrade, cookie: Option<String>) -> Response {
        let inner = self.0.clone();
        let Ok(place) = inner.places.clone().try_acquire_owned() else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let tasks = inner.tasks.clone();
        upgrade
            .protocols(["mqtt"])
            // The default buffers would cost 136 KiB a connection.
            .read_buffer_size(1024)
            .write_buffer_size(0)
            .max_frame_size(codec::LARGEST)
            .max_message_size(codec::LARGEST)
            .on_upgrade(move |socket| {
                tasks.track_future(async move {
                    session::serve(&inner, socket, Entrance::Public { cookie }).await;
                    drop(place);
                })
            })
    }
}
