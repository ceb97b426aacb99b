//! One connection from its first byte to its last: MQTT 5.0 or 3.1.1, over whatever carries bytes.
//!
//! Section numbers are those of the OASIS standard of MQTT 5.0; a rule that differs in 3.1.1 says so.

mod greet;
mod subscribe;

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, sleep_until, timeout};

use self::greet::{greet, identify};
use super::client::{Client, Delivery};
use super::codec::{self, ConnectReturnCode, Incoming, Reason, Version};
use super::limits::Pace;
use super::transport::{Read, Transport};
use super::{Entrance, Inner};
use crate::places::Place;

/// Messages at QoS 1 that are out at once.
const WINDOW: usize = 16;
/// The longest keep-alive of a 5.0 client, in seconds: it is told so.
const LONGEST_KEEP_ALIVE: u16 = 600;
/// What our own publisher may send at once.
const LARGEST_PUBLISHED: usize = 8 << 20;

/// Nobody is waited for longer who is to hear, and to answer, that it is over.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// Why a session ends.
#[derive(Debug)]
enum End {
    /// The client left, or its connection broke.
    Gone,
    /// We end it; a 5.0 client is told why.
    Ours(Reason),
    /// It published, which is for the shop alone.
    Published,
    /// It took nothing for too long; there is no telling it anything.
    Slow,
}

impl From<io::Error> for End {
    /// What was sent wrongly is told; whoever is gone is not.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData => Self::Ours(Reason::MalformedPacket),
            io::ErrorKind::FileTooLarge => Self::Ours(Reason::PacketTooLarge),
            _ => Self::Gone,
        }
    }
}

/// Serves a connection until it ends; `place` is given back then. Ten thousand of them wait in [`Session::step`] most of the time, so
/// that what is needed only at the door, or now and then, has a box of its own and is gone with it.
pub(super) fn serve(
    gateway: Arc<Inner>,
    transport: impl Transport,
    entrance: Entrance,
    place: Option<Place>,
) -> impl Future<Output = ()> + Send + 'static {
    // Outside of the future, which would keep room for what it was called with.
    let admitted = Box::pin(admit(gateway, transport, entrance));
    async move {
        let _place = place;
        let Some((mut session, accepted)) = admitted.await else { return };
        let end = match session.answer(accepted).await {
            Ok(()) => session.run().await,
            // 3.14.0-1: no DISCONNECT without a CONNACK before it, for which the client had no room.
            Err(End::Ours(_)) => End::Gone,
            Err(end) => end,
        };
        session.gateway.leave(&session.client);
        tracing::debug!(client = session.client.id, ?end, "connection ended");
        Box::pin(session.part(end)).await;
    }
}

/// Lets somebody in who says who they are; the answer to their CONNECT is still to be sent.
async fn admit<T: Transport>(gateway: Arc<Inner>, transport: T, entrance: Entrance) -> Option<(Session<T>, Option<Bytes>)> {
    let mut wire = Wire { transport, buffer: BytesMut::new(), largest: codec::LARGEST, patience: gateway.limits.patience };
    let greeted = tokio::select! {
        () = gateway.stop.cancelled() => None,
        greeted = timeout(gateway.limits.handshake, greet(&mut wire)) => greeted.ok().flatten(),
    };
    let Some((version, connect)) = greeted else {
        wire.close().await;
        return None;
    };
    let from = match &entrance {
        Entrance::Public { from, .. } => *from,
        Entrance::Private(_) => None,
    };
    let (caller, publisher) = match identify(&gateway, &entrance, &connect).await {
        Ok(identity) => identity,
        Err(code) => {
            wire.refuse(version, code, connect.largest).await;
            wire.close().await;
            return None;
        }
    };
    if publisher {
        wire.largest = LARGEST_PUBLISHED;
    }

    let assigned = (version == Version::V5 && connect.client_id.is_empty()).then(|| uuid::Uuid::new_v4().to_string());
    // 3.2.2.3.14; in 3.1.1 there is no telling, and 0 means for ever.
    let too_long = version == Version::V5 && (connect.keep_alive == 0 || connect.keep_alive > LONGEST_KEEP_ALIVE);
    let keep_alive = if too_long { LONGEST_KEEP_ALIVE } else { connect.keep_alive };
    let client = gateway.enter(caller, assigned.as_ref().unwrap_or(&connect.client_id), publisher);
    let pace = Pace::new(&gateway.limits);
    let session = Session {
        gateway,
        wire,
        version,
        client,
        from,
        publisher,
        silence: (keep_alive > 0).then(|| Duration::from_millis(u64::from(keep_alive) * 1500)),
        heard: Instant::now(),
        largest: connect.largest,
        in_words: connect.problems,
        pace,
        window: WINDOW.min(connect.receive_maximum.into()),
        outstanding: HashSet::new(),
        stuck: None,
        begun: None,
        last_id: 0,
    };
    Some((session, version.accepted(assigned, too_long.then_some(keep_alive))))
}

/// The connection, and what of a packet has arrived.
struct Wire<T> {
    transport: T,
    buffer: BytesMut,
    /// The largest packet that is taken.
    largest: usize,
    /// How long the other side may take nothing.
    patience: Duration,
}

impl<T: Transport> Wire<T> {
    async fn write(&mut self, bytes: Bytes) -> Result<(), End> {
        let written = timeout(self.patience, self.transport.write(bytes)).await.map_err(|_| End::Slow)?;
        // The operating system may lose patience first: it counts from what was not taken before this.
        written.map_err(|error| if error.kind() == io::ErrorKind::TimedOut { End::Slow } else { End::Gone })
    }

    /// CONNACK that refuses, where the other side takes one.
    async fn refuse(&mut self, version: Version, code: ConnectReturnCode, largest: usize) {
        if let Some(refused) = fitting(largest, |in_words| version.refused(code, in_words)) {
            // It is over in any case.
            let _ = self.write(refused).await;
        }
    }

    async fn close(&mut self) {
        // Who does not hear it is left all the same.
        let _ = timeout(GOOD_BYE, self.transport.close()).await;
    }

    fn frame(&mut self) -> Result<Option<BytesMut>, End> {
        codec::frame(&mut self.buffer, self.largest).map_err(|broken| End::Ours(broken.reason()))
    }
}

struct Session<T> {
    gateway: Arc<Inner>,
    wire: Wire<T>,
    version: Version,
    client: Arc<Client>,
    /// What it asks the shop is counted by.
    from: Option<IpAddr>,
    /// Our own publisher, who alone may publish.
    publisher: bool,
    /// Half as long again as the keep-alive (3.1.2.10).
    silence: Option<Duration>,
    heard: Instant,
    /// The largest packet that the client takes.
    largest: usize,
    /// Reasons are told in words, too.
    in_words: bool,
    pace: Pace,
    /// Messages at QoS 1 that the client takes at once.
    window: usize,
    outstanding: HashSet<u16>,
    /// Since when nothing of it was acknowledged, while more waits.
    stuck: Option<Instant>,
    /// Since when what it has begun to send is not whole.
    begun: Option<Instant>,
    last_id: u16,
}

impl<T: Transport> Session<T> {
    async fn run(&mut self) -> End {
        loop {
            match self.step().await {
                Ok(()) => {}
                Err(end) => return end,
            }
        }
    }

    /// Says good-bye, and where it is we who end it, why.
    async fn part(&mut self, end: End) {
        let counters = &self.gateway.counters;
        let last = match end {
            End::Gone => None,
            End::Slow => {
                counters.slow.inc();
                return;
            }
            End::Published => fitting(self.largest, |in_words| Some(Version::disconnect_publisher(in_words))),
            End::Ours(reason) => {
                match reason {
                    Reason::QuotaExceeded => counters.slow.inc(),
                    Reason::MessageRateTooHigh => counters.refused.inc(),
                    _ => 0,
                };
                fitting(self.largest, |in_words| Some(Version::disconnect(reason, in_words)))
            }
        };
        // 3.1.1 has no such packet.
        if let Some(last) = last.filter(|_| self.version == Version::V5) {
            // It is over in any case.
            let _ = self.wire.write(last).await;
        }
        self.wire.close().await;
    }

    /// Takes what has arrived, sends one message that waits, and where none does, waits itself.
    async fn step(&mut self) -> Result<(), End> {
        while let Some(frame) = self.wire.frame()? {
            self.heard = Instant::now();
            self.begun = None;
            let packet = self.version.read(frame).map_err(|broken| End::Ours(broken.reason()))?;
            let weight = match &packet {
                // As many as were sent; our own publisher is not held to a pace.
                Incoming::Acknowledged(id) if self.outstanding.contains(id) => 0,
                _ if self.publisher => 0,
                Incoming::Subscribe { wishes, .. } => wishes.len(),
                Incoming::Unsubscribe { filters, .. } => filters.len(),
                _ => 1,
            };
            if !self.pace.take(weight, self.heard) {
                return Err(End::Ours(Reason::MessageRateTooHigh));
            }
            self.take_in(packet).await?;
        }
        if let Some(reason) = self.client.closing() {
            return Err(End::Ours(reason));
        }
        let room = self.outstanding.len() < self.window;
        let sent = match self.client.take(room) {
            Some(delivery) => {
                self.deliver(delivery).await?;
                true
            }
            None => false,
        };
        self.stuck = if room || !self.client.is_waiting() { None } else { self.stuck.or_else(|| Some(Instant::now())) };
        let silent = self.silence.map(|silence| (self.heard + silence, Reason::KeepAliveTimeout));
        let stuck = self.stuck.map(|since| (since + self.gateway.limits.patience, Reason::QuotaExceeded));
        let is_begun = !self.wire.buffer.is_empty() || self.wire.transport.is_begun();
        self.begun = if is_begun { self.begun.or_else(|| Some(Instant::now())) } else { None };
        // The standard has no reason of its own for it: its client may have been heard all the while.
        let begun = self.begun.map(|since| (since + self.gateway.limits.patience, Reason::ImplementationSpecificError));
        // One timer for all.
        let first = silent.into_iter().chain(stuck).chain(begun).min_by_key(|(at, _)| *at);
        tokio::select! {
            biased;
            read = self.wire.transport.read(&mut self.wire.buffer) => match read? {
                Read::Bytes | Read::Part => Ok(()),
                // It costs as much as a packet.
                Read::Nothing if self.pace.take(1, Instant::now()) => Ok(()),
                Read::Nothing => Err(End::Ours(Reason::MessageRateTooHigh)),
                Read::End => Err(End::Gone),
            },
            () = std::future::ready(()), if sent => Ok(()),
            () = self.client.changed() => Ok(()),
            reason = over(first) => Err(End::Ours(reason)),
        }
    }

    async fn take_in(&mut self, packet: Incoming) -> Result<(), End> {
        match packet {
            Incoming::Ping => self.wire.write(codec::PONG).await,
            Incoming::Acknowledged(id) => {
                if self.outstanding.remove(&id) {
                    self.stuck = None;
                }
                Ok(())
            }
            Incoming::Subscribe { identifier: true, .. } => Err(End::Ours(Reason::SubscriptionIdentifiersNotSupported)),
            Incoming::Subscribe { id, wishes, .. } => Box::pin(self.subscribe(id, wishes)).await,
            Incoming::Unsubscribe { id, filters } => Box::pin(self.unsubscribe(id, &filters)).await,
            // 3.3.2-7: none was agreed on.
            Incoming::Publish { alias: true, .. } => Err(End::Ours(Reason::TopicAliasInvalid)),
            Incoming::Publish { qos, id, topic, payload, .. } => Box::pin(self.published(qos, id, &topic, payload)).await,
            Incoming::Disconnect { prolongs: false } => Err(End::Gone),
            // 3.14.2.2.2: every session ends with its connection; CONNACK said so. 3.1.0-2: a second CONNECT; or what only a
            // server sends.
            Incoming::Disconnect { prolongs: true } | Incoming::Connect(_) | Incoming::Unexpected => Err(End::Ours(Reason::ProtocolError)),
        }
    }

    /// Clients publish nothing (the contract says how each version is told); our own publisher does nothing else.
    async fn published(&mut self, qos: u8, id: u16, topic: &str, payload: Bytes) -> Result<(), End> {
        if self.publisher {
            if let Err(error) = self.gateway.broker.publish(topic, payload) {
                tracing::error!(topic, %error, "our own publisher sent what is not ours");
            }
            return if qos == 0 { Ok(()) } else { self.answer(self.version.acknowledged(id)).await };
        }
        match (self.version, qos) {
            (Version::V5, 1) => self.answer_because(|in_words| Version::not_published(id, in_words)).await,
            (Version::V5, 2) => Err(End::Ours(Reason::QoSNotSupported)),
            _ => Err(End::Published),
        }
    }

    /// Sends what cannot be left out: a client that takes no packet of its size cannot be served (3.1.2-25).
    async fn answer(&mut self, packet: Option<Bytes>) -> Result<(), End> {
        let packet = packet.filter(|packet| packet.len() <= self.largest).ok_or(End::Ours(Reason::PacketTooLarge))?;
        self.wire.write(packet).await
    }

    /// The same with a reason, in words for who wants them and has room for them.
    async fn answer_because(&mut self, packet: impl Fn(bool) -> Option<Bytes>) -> Result<(), End> {
        let wanted = self.in_words;
        let packet = fitting(self.largest, |in_words| packet(in_words && wanted)).ok_or(End::Ours(Reason::PacketTooLarge))?;
        self.wire.write(packet).await
    }

    async fn deliver(&mut self, delivery: Delivery) -> Result<(), End> {
        let Delivery { message, retain, qos } = delivery;
        let bytes = if qos == 0 {
            message.packet(self.version, retain)
        } else {
            // Fewer are outstanding than there are ids.
            while self.last_id == 0 || self.outstanding.contains(&self.last_id) {
                self.last_id = self.last_id.wrapping_add(1);
            }
            message.packet_with_id(self.version, retain, self.last_id)
        };
        // 3.1.2-24, 3.1.2-25: what is too large for the client is dropped.
        let Some(bytes) = bytes.filter(|bytes| bytes.len() <= self.largest) else { return Ok(()) };
        if qos > 0 {
            self.outstanding.insert(self.last_id);
            self.last_id = self.last_id.wrapping_add(1);
        }
        self.wire.write(bytes).await?;
        self.gateway.counters.delivered.inc();
        Ok(())
    }
}

/// The packet with its reason in words, or where that is larger than what the client takes, without them (3.2.2.3.9, 3.4.2.2.2,
/// 3.9.2.1.2, 3.14.2.2.3); `None` where neither is taken (3.1.2-24).
fn fitting(largest: usize, packet: impl Fn(bool) -> Option<Bytes>) -> Option<Bytes> {
    [true, false].into_iter().filter_map(packet).find(|packet| packet.len() <= largest)
}

/// Why it is over, when it is; never, without a time.
async fn over(at: Option<(Instant, Reason)>) -> Reason {
    match at {
        Some((at, reason)) => {
            sleep_until(at).await;
            reason
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::super::transport::Web;
    use super::*;

    fn size<F>(_: impl Fn(Arc<Inner>, Web, Entrance) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_connection_that_waits_keeps_little() {
        let bytes = size(|gateway, socket, entrance| serve(gateway, socket, entrance, None));
        assert!(bytes <= 1536, "{bytes}: what is only needed now and then wants a box of its own");
    }
}
