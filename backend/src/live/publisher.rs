//! The way to the broker: at most the newest message of each topic waits while the broker is away, and nobody waits for it. When it
//! is there again they are made anew: another process may have published something newer meanwhile, and what the broker keeps is what
//! comes last.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use domain::topic::Topic;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use rumqttc::{AsyncClient, ConnectionError, Event, Outgoing, Packet, QoS};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::Changed;
use super::address::BrokerAddress;
use super::echo::Echo;
use super::polled::polled;
use super::trust::{Served, Trust};

/// Messages that the broker has not acknowledged, at once. Fewer than the client's own limit.
const WINDOW: usize = 64;
/// A broker that owes us an answer and says nothing at all for so long is away, though the connection stands: it froze, or the way to it
/// did. A cluster of NATS that elects its leaders says something every 8 s: it waits up to 4 s for each of the two places where it keeps a
/// message, and acknowledges it then.
const SILENCE: Duration = Duration::from_secs(12);
/// How often it is looked whether the broker does what it should.
const LOOK: Duration = Duration::from_secs(1);
/// How long what waits is still sent at the end.
const FAREWELL: Duration = Duration::from_secs(2);

/// The publisher. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Publisher(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// There while the broker is.
    client: Option<AsyncClient>,
    /// The newest message of each topic that waits.
    waiting: HashMap<Topic, Bytes>,
    /// The topics that wait, in the order they came.
    order: VecDeque<Topic>,
    /// Given to the client, which has not sent them yet.
    given: VecDeque<(Topic, Bytes)>,
    /// Sent, by packet id, and not acknowledged.
    sent: HashMap<u16, (Topic, Bytes)>,
    /// Since when the broker owes an answer and has said nothing.
    unanswered: Option<Instant>,
    /// Since when the connection has been of use: the broker acknowledged a message, or told one.
    served: Option<Instant>,
    echo: Echo,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error(transparent)]
    Broken(ConnectionError),
    #[error("the connection stands, and the broker says nothing for {} s", SILENCE.as_secs())]
    Silent,
    #[error("it acknowledges what is published, and tells nobody of it; give the user of MQTT_URL the right to read and write v1/#")]
    Dropped,
}

impl Publisher {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes now, where the broker is there; what waits on the topic is replaced.
    pub(super) fn put(&self, topic: Topic, payload: Bytes) {
        let mut state = self.state();
        state.push(topic, payload);
        state.pump();
    }

    /// Keeps the connection until `stop`, and tells of it by `connected`. What waited for it is marked in `changed`.
    pub(super) async fn run(self, address: BrokerAddress, connected: watch::Sender<Link>, changed: Arc<Changed>, stop: CancellationToken) {
        // A broker outside has passed on nothing yet.
        let mut trust = Trust::new(address.is_outside());
        loop {
            // A client of its own for each connection: one that reconnects by itself forgets what it was given meanwhile. It has room for
            // what the echo asks, too.
            let (client, mut events) = AsyncClient::new(address.options("orderly-live", trust.failures()), WINDOW + 2);
            events.set_network_options(BrokerAddress::network_options());
            let mut events = polled(events);
            let mut looks = tokio::time::interval(LOOK);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let ended = loop {
                let event = tokio::select! {
                    biased;
                    () = stop.cancelled() => {
                        self.finish(&mut events).await;
                        return;
                    }
                    // First what has come: it may be this process that stood still.
                    Some(event) = events.next() => event,
                    _ = looks.tick() => match self.state().ended(Instant::now()) {
                        Some(ended) => break ended,
                        None => continue,
                    },
                };
                match event {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        let mut state = self.state();
                        let waited = state.forget();
                        state.client = Some(client.clone());
                        state.echo = if address.is_outside() { Echo::Due } else { Echo::Unasked };
                        drop(state);
                        changed.mark(waited);
                        connected.send_modify(|link| *link = Link { up: !trust.is_doubted(), made: link.made + 1 });
                    }
                    Ok(event) => {
                        let mut state = self.state();
                        state.noticed(&event);
                        let is_proven = state.is_proven();
                        drop(state);
                        if is_proven && trust.is_doubted() {
                            trust.restore();
                            connected.send_modify(|link| link.up = true);
                        }
                    }
                    Err(error) => break Ended::Broken(error),
                }
            };
            let served = self.state().lost();
            connected.send_modify(|link| link.up = false);
            if trust.ended(&ended, served) {
                tracing::warn!(
                    %address,
                    error = %ended,
                    "the broker is away; what changes is published when it is back, or by a process that reaches it"
                );
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(trust.pause()) => {}
            }
        }
    }

    /// Sends what waits, as far as the broker takes it soon.
    async fn finish(&self, events: &mut BoxStream<'_, Result<Event, ConnectionError>>) {
        let send = async {
            while !self.state().is_idle() {
                let Some(Ok(event)) = events.next().await else { return };
                self.state().noticed(&event);
            }
        };
        let connected = self.state().client.is_some();
        if connected && tokio::time::timeout(FAREWELL, send).await.is_err() {
            tracing::debug!("the broker did not take all in time");
        }
    }
}

/// The connection to the broker, which is up while what is published over it is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Link {
    pub up: bool,
    /// Connections made so far.
    pub made: u64,
}

impl State {
    fn push(&mut self, topic: Topic, payload: Bytes) {
        if self.waiting.insert(topic.clone(), payload).is_none() {
            self.order.push_back(topic);
        }
    }

    /// Forgets what waits; its topics.
    fn forget(&mut self) -> Vec<Topic> {
        self.waiting.clear();
        self.order.drain(..).collect()
    }

    /// Gives the client what waits, as much as may be out at once.
    fn pump(&mut self) {
        let Some(client) = &self.client else { return };
        while self.given.len() + self.sent.len() < WINDOW {
            let Some(topic) = self.order.pop_front() else { return };
            let Some(payload) = self.waiting.remove(&topic) else { continue };
            self.echo.publishing(client, &topic, &payload, Instant::now());
            let given = client.try_publish(topic.to_string(), QoS::AtLeastOnce, topic.retained(), payload.to_vec());
            if given.is_err() {
                // The connection is just ending; this goes out over the next.
                self.order.push_front(topic.clone());
                self.waiting.insert(topic, payload);
                return;
            }
            self.given.push_back((topic, payload));
            self.unanswered.get_or_insert_with(Instant::now);
        }
    }

    /// Whether the connection is of no use any more, though it stands.
    fn ended(&self, now: Instant) -> Option<Ended> {
        if self.unanswered.is_some_and(|since| now - since >= SILENCE) {
            return Some(Ended::Silent);
        }
        self.echo.is_missing(now).then_some(Ended::Dropped)
    }

    /// Whether the broker does over this connection what it should.
    fn is_proven(&self) -> bool {
        self.served.is_some() && self.echo.is_fine()
    }

    fn noticed(&mut self, event: &Event) {
        self.heed(event);
        let now = Instant::now();
        match event {
            // It says something, and may owe more.
            Event::Incoming(_) => self.unanswered = (!self.given.is_empty() || !self.sent.is_empty()).then_some(now),
            Event::Outgoing(Outgoing::PingReq) => {
                self.unanswered.get_or_insert(now);
            }
            Event::Outgoing(_) => {}
        }
    }

    fn heed(&mut self, event: &Event) {
        match event {
            // The client sends in the order it was given.
            Event::Outgoing(Outgoing::Publish(id)) => {
                if let Some(message) = self.given.pop_front() {
                    self.sent.insert(*id, message);
                }
            }
            Event::Incoming(Packet::PubAck(ack)) => {
                if let Some((_, payload)) = self.sent.remove(&ack.pkid) {
                    self.served.get_or_insert_with(Instant::now);
                    self.echo.acknowledged(&payload, Instant::now());
                }
                self.pump();
            }
            Event::Incoming(Packet::SubAck(ack)) => self.echo.answered(ack),
            Event::Incoming(Packet::Publish(publish)) => {
                let came = self.client.as_ref().is_some_and(|client| self.echo.told(client, publish, Instant::now()));
                if came {
                    self.served.get_or_insert_with(Instant::now);
                }
            }
            _ => {}
        }
    }

    /// The connection broke: what was not acknowledged waits again, unless something newer does. What it was good for.
    fn lost(&mut self) -> Served {
        let served = match (self.client.take(), self.served.take()) {
            (_, Some(since)) => Served::For(since.elapsed()),
            (Some(_), None) => Served::Nothing,
            (None, None) => Served::Unmade,
        };
        self.unanswered = None;
        self.echo = Echo::Unasked;
        let unsure: Vec<_> = self.sent.drain().map(|(_, message)| message).chain(self.given.drain(..)).collect();
        for (topic, payload) in unsure {
            // Of two messages of one topic any may come first here: the newest one wins at every receiver.
            if !self.waiting.contains_key(&topic) {
                self.push(topic, payload);
            }
        }
        served
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.given.is_empty() && self.sent.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::super::polled::tests::packet;
    use super::*;

    #[tokio::test]
    async fn what_is_half_sent_when_it_ends_is_sent_whole() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = BrokerAddress::new("127.0.0.1", listener.local_addr().unwrap().port(), None);
        let (publisher, stop) = (Publisher::default(), CancellationToken::new());
        let (connected, mut link) = watch::channel(Link::default());
        let running = tokio::spawn(publisher.clone().run(address, connected, Arc::default(), stop.clone()));
        let (mut broker, _) = listener.accept().await.unwrap();
        let mut received = BytesMut::with_capacity(8 << 20);
        assert!(matches!(packet(&mut broker, &mut received).await, Packet::Connect(_)));
        broker.write_all(&[0x20, 2, 0, 0]).await.unwrap();
        assert!(link.wait_for(|link| link.up).await.is_ok());
        // The sockets have room for about half of it.
        let payload = Bytes::from(vec![b'x'; 7 << 20]);
        publisher.put(status("harbor"), payload.clone());
        assert_ne!(broker.read_buf(&mut received).await.unwrap(), 0, "it has begun");
        stop.cancel();
        // Whoever publishes hears of that first.
        tokio::task::yield_now().await;
        let Packet::Publish(publish) = packet(&mut broker, &mut received).await else { panic!("not a message") };
        assert_eq!(publish.payload.len(), payload.len());
        broker.write_all(&[[0x40, 2], publish.pkid.to_be_bytes()].concat()).await.unwrap();
        running.await.unwrap();
    }

    #[tokio::test]
    async fn what_waited_for_the_broker_is_made_anew() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = BrokerAddress::new("127.0.0.1", listener.local_addr().unwrap().port(), None);
        let (publisher, changed, stop) = (Publisher::default(), Arc::<Changed>::default(), CancellationToken::new());
        let (connected, mut link) = watch::channel(Link::default());
        let running = tokio::spawn(publisher.clone().run(address, connected, changed.clone(), stop.clone()));
        let (mut broker, _) = listener.accept().await.unwrap();
        let mut received = BytesMut::new();
        assert!(matches!(packet(&mut broker, &mut received).await, Packet::Connect(_)));
        publisher.put(status("harbor"), Bytes::from("old"));
        broker.write_all(&[0x20, 2, 0, 0]).await.unwrap();
        assert!(link.wait_for(|link| link.up).await.is_ok());
        assert!(changed.topics().named.contains(&status("harbor")));
        publisher.put(status("pier"), Bytes::from("new"));
        let Packet::Publish(publish) = packet(&mut broker, &mut received).await else { panic!("not a message") };
        assert_eq!(publish.payload, "new", "the other one was not sent");
        broker.write_all(&[[0x40, 2], publish.pkid.to_be_bytes()].concat()).await.unwrap();
        stop.cancel();
        running.await.unwrap();
    }

    fn status(store: &str) -> Topic {
        Topic::Status(store.parse().unwrap())
    }

    fn waiting(state: &State) -> Vec<(String, Bytes)> {
        state.order.iter().map(|topic| (topic.to_string(), state.waiting[topic].clone())).collect()
    }

    #[test]
    fn only_the_newest_of_each_topic_waits() {
        let publisher = Publisher::default();
        for n in 0..1000 {
            publisher.put(status("harbor"), Bytes::from(n.to_string()));
            publisher.put(status("pier"), Bytes::from(n.to_string()));
        }
        let expected =
            [("v1/stores/harbor/status".to_owned(), Bytes::from("999")), ("v1/stores/pier/status".to_owned(), Bytes::from("999"))];
        assert_eq!(waiting(&publisher.state()), expected);
    }

    #[test]
    fn a_broker_that_owes_an_answer_and_says_nothing_is_away() {
        let mut state = State::default();
        let ended = |state: &State, seconds| state.ended(Instant::now() + Duration::from_secs(seconds));
        assert!(ended(&state, 60).is_none(), "it owes nothing");
        state.noticed(&Event::Outgoing(Outgoing::PingReq));
        assert!(ended(&state, 10).is_none());
        assert!(matches!(ended(&state, 12), Some(Ended::Silent)));
        state.noticed(&Event::Incoming(Packet::PingResp));
        assert!(ended(&state, 60).is_none());
        state.given.push_back((status("a"), Bytes::from("a")));
        state.noticed(&Event::Outgoing(Outgoing::Publish(7)));
        // It lives, and still owes that.
        state.noticed(&Event::Incoming(Packet::PingResp));
        assert!(ended(&state, 10).is_none());
        assert!(matches!(ended(&state, 12), Some(Ended::Silent)));
        state.noticed(&Event::Incoming(Packet::PubAck(rumqttc::PubAck::new(7))));
        assert!(ended(&state, 60).is_none());
    }

    #[test]
    fn what_was_not_acknowledged_is_sent_again_unless_something_newer_is() {
        let mut state = State::default();
        state.given.push_back((status("a"), Bytes::from("old")));
        state.given.push_back((status("b"), Bytes::from("b")));
        state.noticed(&Event::Outgoing(Outgoing::Publish(7)));
        state.noticed(&Event::Outgoing(Outgoing::Publish(8)));
        state.noticed(&Event::Incoming(Packet::PubAck(rumqttc::PubAck::new(8))));
        state.given.push_back((status("c"), Bytes::from("c")));
        state.push(status("a"), Bytes::from("new"));
        state.lost();
        let expected = [("v1/stores/a/status".to_owned(), Bytes::from("new")), ("v1/stores/c/status".to_owned(), Bytes::from("c"))];
        assert_eq!(waiting(&state), expected);
        assert!(state.given.is_empty() && state.sent.is_empty());
    }
}
