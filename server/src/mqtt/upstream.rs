//! A broker outside: what somebody here listens to is asked for there, and told here.
//!
//! A filter is asked for when its first listener comes and given up when its last one leaves. What was published before
//! the broker has heard of it, or while it was away, went by, and what the broker has kept may be old: a NATS cluster that
//! loses a node acknowledges for some seconds what it did not keep. So the shop is read whenever a filter is granted, and while the
//! broker is away, or nobody publishes to it, again and again: whoever listens here has a connection that stands, and believes what
//! it was told last. A connection that stands and over which nothing comes is given up ([`missed`]).
//!
//! It is asked for at QoS 0. Over a connection that stands nothing is lost by that, when it breaks everything is read
//! again, and a cluster of NATS tells it at once, while at QoS 1 it keeps a replicated consumer for each filter, which
//! cannot be made, nor tells anything, until a new leader is found.

mod asked;
mod missed;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use backend::db::DbError;
use backend::live::{BrokerAddress, again, polled};
use domain::topic::{Filter, Topic};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use rumqttc::{AsyncClient, Event, Outgoing, Packet};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::asked::{Asked, News};
pub(super) use self::missed::Heard;
use super::Inner;
use super::broker::Coming;
use super::outage::Trouble;
use super::reach::reach;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Broken(#[from] rumqttc::ConnectionError),
    #[error("the connection stands, and nothing comes of what is published; its node may be cut off from the others")]
    CutOff,
}

/// Packets that wait for the connection at most.
const WAITING: usize = 64;
/// Questions to the shop at once: of all that is read while the broker is away, and of all that is read when filters are granted.
const AT_ONCE: usize = 8;
/// A broker that froze keeps its connection open: one that leaves a ping without an answer for so long is away.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Between two readings of the shop while the broker is away, and between two looks whether somebody publishes to it.
const MEANWHILE: Duration = Duration::from_millis(2500);

impl Inner {
    /// Whether a broker outside tells what happens; without one our own publisher does.
    pub(super) fn is_told(&self) -> bool {
        *self.upstream.borrow() && !self.standstill.is_now()
    }
}

/// Follows the broker until `stop`; whatever breaks, it comes back.
pub(super) async fn follow(gateway: Arc<Inner>, address: BrokerAddress, stop: CancellationToken) {
    gateway.tasks.spawn(stop.clone().run_until_cancelled_owned(meanwhile(gateway.clone())));
    gateway.tasks.spawn(stop.clone().run_until_cancelled_owned(in_its_place(gateway.clone())));
    gateway.tasks.spawn(stop.clone().run_until_cancelled_owned(missed::look_after(gateway.clone())));
    let (mut failures, mut told) = (0, BTreeSet::new());
    while !stop.is_cancelled() {
        let mut made = false;
        let error = tokio::select! {
            () = stop.cancelled() => return,
            error = connection(&gateway, &address, failures, &mut made) => error,
        };
        gateway.upstream.send_replace(false);
        // After one that is cut off it is another node's turn.
        if made && !matches!(error, Ended::CutOff) {
            failures = 0;
            told.clear();
        }
        // Each reason once for each time that it goes away, not for each try: a broker that comes back may refuse the password.
        if told.insert(error.to_string()) {
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
async fn connection(gateway: &Arc<Inner>, address: &BrokerAddress, attempt: u32, made: &mut bool) -> Ended {
    let mut options = address.options("orderly-gateway", attempt);
    options.set_keep_alive(KEEP_ALIVE);
    let (client, mut events) = AsyncClient::new(options, WAITING);
    events.set_network_options(BrokerAddress::network_options());
    let mut events = polled(events);
    let mut asked = Asked::default();
    // They end with the connection: over the next one everything is asked for, and read, again.
    let mut heals = JoinSet::new();
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let event = tokio::select! {
            Some(event) = events.next() => event,
            () = gateway.broker.turning(), if *made => {
                asked.turn(gateway, &client);
                continue;
            }
            () = gateway.heard.cut_off() => return Ended::CutOff,
            () = until(asked.again_at()) => {
                asked.ask_again(gateway, &client);
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
                let (granted, news) = asked.acknowledged(ack.pkid, &ack.return_codes, Instant::now());
                match news {
                    None => {}
                    // A cluster that has just lost a node does so for some seconds, and one that has just begun.
                    Some(News::Waits) => tracing::info!(%address, "the broker outside does not grant all topics now, and is asked again"),
                    Some(News::Refuses(filter)) => tracing::error!(
                        %address,
                        filter,
                        "the broker outside goes on refusing topics, whenever it is asked; give the user of MQTT_URL the right to read and \
                         write v1/#"
                    ),
                    Some(News::Grants) => tracing::info!(%address, "the broker outside refuses nothing that is listened to now"),
                }
                if !granted.is_empty() {
                    // What has ended is forgotten.
                    while heals.try_join_next().is_some() {}
                    heals.spawn(gateway.tasks.track_future(heal(gateway.clone(), turns.clone(), granted)));
                }
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let coming = if publish.retain { Coming::Kept } else { Coming::News };
                if coming == Coming::News {
                    gateway.heard.note(&publish.topic, Instant::now());
                }
                if let Err(error) = gateway.broker.tell(&publish.topic, publish.payload, coming) {
                    tracing::warn!(topic = publish.topic, %error, "from the broker outside");
                }
            }
            Ok(_) => {}
            Err(error) => return error.into(),
        }
        // What found no room before may find it now.
        if asked.behind {
            asked.turn(gateway, &client);
        }
    }
}

/// While the broker is away, tells those who listen what changes. What they have heard already they are not told again.
async fn meanwhile(gateway: Arc<Inner>) {
    let (mut up, mut unread) = (gateway.upstream.subscribe(), Trouble::default());
    // For as long as the gateway.
    while up.wait_for(|up| !up).await.is_ok() {
        let begun = Instant::now();
        match read_shop(&gateway).await {
            Ok(()) if unread.ends() => tracing::warn!("with the broker outside away, the shop is read again"),
            Err(error) if unread.begins() => tracing::warn!(%error, "with the broker outside away, the shop cannot be read now"),
            Ok(()) | Err(_) => {}
        }
        // What is long to read leaves the shop most of the machine.
        tokio::time::sleep(MEANWHILE.max(begun.elapsed() * 2)).await;
    }
}

/// While nobody publishes to the broker, though it is there, does the same in the publisher's place.
async fn in_its_place(gateway: Arc<Inner>) {
    let mut still = false;
    let (mut unseen, mut unread) = (Trouble::default(), Trouble::default());
    // For as long as the gateway.
    loop {
        let begun = Instant::now();
        match gateway.house.untold().await {
            Ok(waits_at) => {
                if unseen.ends() {
                    tracing::warn!("whether somebody publishes what happens can be seen again");
                }
                gateway.standstill.seen(waits_at, Instant::now());
                let now = gateway.standstill.is_now();
                let before = std::mem::replace(&mut still, now);
                if now && !before {
                    // Or it is there, and cannot go on.
                    tracing::warn!(
                        "nobody publishes what happens: no process that runs the service `live` is there, or reaches the broker outside; the \
                         shop is read in its place"
                    );
                } else if before && !now {
                    tracing::info!("what happens is published again");
                }
            }
            Err(error) => {
                // Then nobody can publish: that time does not count.
                gateway.standstill.seen(None, Instant::now());
                if unseen.begins() {
                    tracing::warn!(%error, "whether somebody publishes what happens cannot be seen now");
                }
            }
        }
        // While the broker is away the shop is read already.
        let there = *gateway.upstream.borrow();
        if there && gateway.standstill.is_now() {
            match read_shop(&gateway).await {
                Ok(()) if unread.ends() => tracing::warn!("with nobody to publish what happens, the shop is read again"),
                Err(error) if unread.begins() => {
                    tracing::warn!(%error, "with nobody to publish what happens, the shop cannot be read now");
                }
                Ok(()) | Err(_) => {}
            }
        }
        tokio::time::sleep(MEANWHILE.max(begun.elapsed() * 2)).await;
    }
}

/// Everything that somebody listens to, once.
async fn read_shop(gateway: &Inner) -> Result<(), DbError> {
    let topics = matched(gateway, &gateway.broker.listened_to()).await?;
    stream::iter(topics).map(Ok).try_for_each_concurrent(AT_ONCE, |topic| tell_newest(gateway, topic)).await
}

/// The topics that these filters match.
async fn matched(gateway: &Inner, filters: &[Filter]) -> Result<BTreeSet<Topic>, DbError> {
    // What wildcards match, only the shop knows.
    let named = filters.iter().all(|filter| filter.topic().is_some());
    let retained = if named { Vec::new() } else { gateway.house.retained().await? };
    let matched = retained.into_iter().filter(|topic| filters.iter().any(|filter| filter.matches(&topic.to_string())));
    Ok(matched.chain(filters.iter().filter_map(reach).flat_map(|reach| reach.decisive)).collect())
}

/// Tells those who listen how things are.
async fn heal(gateway: Arc<Inner>, turns: Arc<Semaphore>, filters: Vec<String>) {
    let filters: Vec<Filter> = filters.iter().filter_map(|filter| filter.parse().ok()).collect();
    let (gateway, turns) = (&*gateway, &*turns);
    let topics = persist("the topics of a wildcard", || in_turn(turns, matched(gateway, &filters))).await;
    let tell = |topic: Topic| async move { persist("what went by", || in_turn(turns, tell_newest(gateway, topic.clone()))).await };
    stream::iter(topics).for_each_concurrent(AT_ONCE, tell).await;
}

/// Asks when it is its turn, which is given back with the answer: who waits to ask again takes nobody's.
async fn in_turn<A>(turns: &Semaphore, question: impl Future<Output = A>) -> A {
    // It is never closed.
    let _turn = turns.acquire().await;
    question.await
}

/// Never, without a time.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Asks the shop until it answers.
async fn persist<A, F: Future<Output = Result<A, DbError>>>(what: &str, ask: impl Fn() -> F) -> A {
    let mut failures = 0;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) if failures == 0 => tracing::warn!(what, %error, "cannot be read now; trying again"),
            Err(_) => {}
        }
        tokio::time::sleep(again(failures)).await;
        failures += 1;
    }
}

/// An error is the shop's: one that is of the topic alone is noted, for the others must not wait for one that is broken.
async fn tell_newest(gateway: &Inner, topic: Topic) -> Result<(), DbError> {
    match gateway.house.snapshot(&topic).await {
        Ok(Some(payload)) => {
            if let Err(error) = gateway.broker.publish(&topic.to_string(), payload) {
                tracing::error!(%topic, %error, "the shop's snapshot");
            }
        }
        Ok(None) => {}
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => tracing::error!(%topic, %error, "no snapshot"),
    }
    Ok(())
}
