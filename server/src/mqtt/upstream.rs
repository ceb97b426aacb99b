//! A broker outside: what somebody here listens to is asked for there, and told here.
//!
//! A filter is asked for when its first listener comes and given up when its last one leaves. What was published before
//! the broker has heard of it, or while it was away, went by: of the topics that it keeps it tells the newest by itself, of
//! the others the shop does.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use backend::db::DbError;
use backend::live::{BrokerAddress, again};
use domain::topic::{Filter, Topic};
use futures::{StreamExt as _, stream};
use rumqttc::{AsyncClient, Event, Outgoing, Packet, QoS, SubscribeFilter, SubscribeReasonCode};
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::broker::Coming;
use super::reach::reach;

/// Filters in one SUBSCRIBE.
const BATCH: usize = 200;
/// Packets that wait for the connection at most.
const WAITING: usize = 64;
/// Topics that the shop is asked for at once, after the broker was away.
const AT_ONCE: usize = 8;

/// Follows the broker until `stop`; whatever breaks, it comes back.
pub(super) async fn follow(gateway: Arc<Inner>, address: BrokerAddress, stop: CancellationToken) {
    let (mut failures, mut told) = (0, false);
    while !stop.is_cancelled() {
        let mut made = false;
        let error = tokio::select! {
            () = stop.cancelled() => return,
            error = connection(&gateway, &address, failures, &mut made) => error,
        };
        gateway.upstream.send_replace(false);
        if made {
            (failures, told) = (0, false);
        }
        // Once for each time that it goes away, not for each try.
        if !std::mem::replace(&mut told, true) {
            tracing::warn!(%address, %error, "the broker outside is away");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(again(failures)) => {}
        }
        failures += 1;
    }
}

/// One connection, from CONNECT until it breaks.
async fn connection(gateway: &Arc<Inner>, address: &BrokerAddress, attempt: u32, made: &mut bool) -> rumqttc::ConnectionError {
    let (client, mut events) = AsyncClient::new(address.options("orderly-gateway", attempt), WAITING);
    events.set_network_options(BrokerAddress::network_options());
    let mut asked = Asked::default();
    loop {
        let event = tokio::select! {
            event = events.poll() => event,
            () = gateway.broker.turning(), if *made => {
                asked.turn(gateway, &client);
                continue;
            }
        };
        match event {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                *made = true;
                tracing::info!(%address, "following the broker outside");
                gateway.broker.ask_outside();
                asked.turn(gateway, &client);
                gateway.upstream.send_replace(true);
            }
            Ok(Event::Outgoing(Outgoing::Subscribe(id))) => asked.sent(id),
            Ok(Event::Incoming(Packet::SubAck(ack))) => {
                if ack.return_codes.contains(&SubscribeReasonCode::Failure) {
                    tracing::error!(%address, "the broker outside refuses topics; give the user of MQTT_URL the right to read and write v1/#");
                }
                let topics = asked.acknowledged(ack.pkid);
                if !topics.is_empty() {
                    gateway.tasks.spawn(heal(gateway.clone(), topics));
                }
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let coming = if publish.retain { Coming::Kept } else { Coming::News };
                if let Err(error) = gateway.broker.tell(&publish.topic, publish.payload, coming) {
                    tracing::warn!(topic = publish.topic, %error, "from the broker outside");
                }
            }
            Ok(_) => {}
            Err(error) => return error,
        }
        // What found no room before may find it now.
        if asked.behind {
            asked.turn(gateway, &client);
        }
    }
}

/// What the broker was asked for over one connection.
#[derive(Default)]
struct Asked {
    filters: HashSet<String>,
    /// SUBSCRIBE packets that the client has not sent yet, in order; it sends them so.
    given: VecDeque<Vec<String>>,
    /// Sent, by packet id, and not acknowledged.
    sent: HashMap<u16, Vec<String>>,
    /// Something could not be asked for yet.
    behind: bool,
}

impl Asked {
    /// Asks for what has listeners now, and gives up what has none.
    fn turn(&mut self, gateway: &Inner, client: &AsyncClient) {
        self.behind = false;
        let mut new = Vec::new();
        for (filter, is_heard) in gateway.broker.turned() {
            if is_heard {
                if !self.filters.contains(&filter) {
                    new.push(filter);
                }
            } else if self.filters.contains(&filter) {
                if client.try_unsubscribe(&filter).is_ok() {
                    self.filters.remove(&filter);
                } else {
                    self.later(gateway, [filter]);
                }
            }
        }
        for filters in new.chunks(BATCH) {
            let wishes = filters.iter().map(|filter| SubscribeFilter::new(filter.clone(), QoS::AtLeastOnce));
            if client.try_subscribe_many(wishes).is_ok() {
                self.filters.extend(filters.iter().cloned());
                self.given.push_back(filters.to_vec());
            } else {
                self.later(gateway, filters.iter().cloned());
            }
        }
    }

    /// The client has no room: as soon as it has sent something, it has.
    fn later(&mut self, gateway: &Inner, filters: impl IntoIterator<Item = String>) {
        self.behind = true;
        gateway.broker.turn_again(filters);
    }

    fn sent(&mut self, id: u16) {
        if let Some(filters) = self.given.pop_front() {
            self.sent.insert(id, filters);
        }
    }

    /// The broker has heard of these filters.
    fn acknowledged(&mut self, id: u16) -> Vec<String> {
        self.sent.remove(&id).unwrap_or_default()
    }
}

/// Tells those who listen to one order, or as one user, how it stands: what was published before the broker has heard of
/// them went by, and the broker keeps no message of these topics.
async fn heal(gateway: Arc<Inner>, filters: Vec<String>) {
    let filters = filters.iter().filter_map(|filter| filter.parse::<Filter>().ok());
    let topics: Vec<_> = filters.flat_map(|filter| reach(&filter).unwrap_or_default()).filter(|topic| !topic.retained()).collect();
    let all = stream::iter(topics).for_each_concurrent(AT_ONCE, |topic| heal_one(gateway.clone(), topic));
    gateway.stop.run_until_cancelled(all).await;
}

async fn heal_one(gateway: Arc<Inner>, topic: Topic) {
    let mut failures = 0;
    while let Err(error) = tell_newest(&gateway, &topic).await {
        tracing::warn!(%topic, %error, "what went by cannot be told now; trying again");
        tokio::time::sleep(again(failures)).await;
        failures += 1;
    }
}

async fn tell_newest(gateway: &Inner, topic: &Topic) -> Result<(), DbError> {
    if let Some(payload) = gateway.house.snapshot(topic).await?
        && let Err(error) = gateway.broker.publish(&topic.to_string(), payload)
    {
        tracing::error!(%topic, %error, "the shop's snapshot");
    }
    Ok(())
}
