//! A broker outside: everything published there is told here too.

use std::sync::Arc;
use std::time::Duration;

use backend::live::BrokerAddress;
use rumqttc::{AsyncClient, Event, Packet, QoS};
use tokio_util::sync::CancellationToken;

use super::Inner;

/// Wait between two tries.
const AGAIN: Duration = Duration::from_millis(500);

/// Follows the broker until `stop`; whatever breaks, it comes back.
pub(super) async fn follow(gateway: Arc<Inner>, address: BrokerAddress, stop: CancellationToken) {
    let mut told = false;
    let mut reconnected = false;
    while !stop.is_cancelled() {
        let (client, mut events) = AsyncClient::new(address.options("orderly-gateway"), 10);
        events.set_network_options(BrokerAddress::network_options());
        let error = loop {
            let event = tokio::select! {
                () = stop.cancelled() => return,
                event = events.poll() => event,
            };
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    if let Err(error) = client.try_subscribe("v1/#", QoS::AtLeastOnce) {
                        tracing::error!(%error, "the broker outside cannot be asked");
                    }
                    told = false;
                    tracing::info!(%address, "following the broker outside");
                }
                Ok(Event::Incoming(Packet::SubAck(_))) => {
                    gateway.upstream.send_replace(true);
                    if std::mem::replace(&mut reconnected, true) {
                        gateway.heal().await;
                    }
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    if let Err(error) = gateway.broker.publish(&publish.topic, publish.payload) {
                        tracing::warn!(topic = publish.topic, %error, "from the broker outside");
                    }
                }
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        gateway.upstream.send_replace(false);
        // Once for each time that it goes away, not for each try.
        if !std::mem::replace(&mut told, true) {
            tracing::warn!(%address, %error, "the broker outside is away");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}
