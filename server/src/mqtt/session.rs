//! One connection from its first byte to its last: MQTT 5.0 or 3.1.1, over whatever carries bytes.
//!
//! Section numbers are those of the OASIS standard of MQTT 5.0; a rule that differs in 3.1.1 says so.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use backend::identity::{Caller, Whose, rights};
use bytes::{Bytes, BytesMut};
use domain::topic::{Filter, Topic};
use tokio::time::{Instant, sleep_until, timeout};

use super::client::{Client, Delivery, Subscription};
use super::codec::{self, Connect, ConnectReturnCode, Incoming, Reason, RetainHandling, SubscribeReasonCode, Version, Wish};
use super::message::Message;
use super::reach::reach;
use super::transport::Transport;
use super::{Entrance, Inner};

/// A client says CONNECT within this.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A client that takes nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// Messages at QoS 1 that are out at once.
const WINDOW: usize = 16;
/// The longest keep-alive of a 5.0 client, in seconds: it is told so.
const LONGEST_KEEP_ALIVE: u16 = 600;
/// What our own publisher may send at once.
const LARGEST_PUBLISHED: usize = 8 << 20;

/// Why a session ends.
#[derive(Debug)]
enum End {
    /// The client left, or its connection broke.
    Gone,
    /// We end it; a 5.0 client is told why.
    Ours(Reason),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Serves a connection until it ends.
pub(super) async fn serve(gateway: &Inner, transport: impl Transport, entrance: Entrance) {
    let mut wire = Wire { transport, buffer: BytesMut::new(), largest: codec::LARGEST };
    let greeted = tokio::select! {
        () = gateway.stop.cancelled() => return,
        greeted = timeout(HANDSHAKE, greet(&mut wire)) => greeted,
    };
    let Ok(Some((version, connect))) = greeted else { return };
    let (caller, publisher) = match identify(gateway, &entrance, &connect).await {
        Ok(identity) => identity,
        Err(code) => {
            let _ = wire.write(version.refused(code)).await;
            return wire.transport.close().await;
        }
    };
    if publisher {
        wire.largest = LARGEST_PUBLISHED;
    }

    let assigned = (version == Version::V5 && connect.client_id.is_empty()).then(|| uuid::Uuid::new_v4().to_string());
    // 3.2.2.3.14; in 3.1.1 there is no telling, and 0 means for ever.
    let too_long = version == Version::V5 && (connect.keep_alive == 0 || connect.keep_alive > LONGEST_KEEP_ALIVE);
    let keep_alive = if too_long { LONGEST_KEEP_ALIVE } else { connect.keep_alive };
    let client = gateway.enter(caller, assigned.as_ref().unwrap_or(&connect.client_id));
    let mut session = Session {
        gateway,
        wire,
        version,
        client: client.clone(),
        publisher,
        silence: (keep_alive > 0).then(|| Duration::from_millis(u64::from(keep_alive) * 1500)),
        heard: Instant::now(),
        largest: connect.largest,
        window: WINDOW.min(connect.receive_maximum.into()),
        outstanding: HashSet::new(),
        last_id: 0,
    };
    let end = match session.wire.write(version.accepted(assigned, too_long.then_some(keep_alive))).await {
        Ok(()) => session.run().await,
        Err(end) => end,
    };
    gateway.leave(&client);
    if let End::Ours(reason) = end {
        tracing::debug!(client = client.id, ?reason, "connection ended");
        if let Some(bytes) = version.disconnect(reason) {
            let _ = session.wire.write(bytes).await;
        }
        let _ = timeout(PATIENCE, session.wire.transport.close()).await;
    }
}

/// The connection, and what of a packet has arrived.
struct Wire<T> {
    transport: T,
    buffer: BytesMut,
    largest: usize,
}

impl<T: Transport> Wire<T> {
    async fn write(&mut self, bytes: Bytes) -> Result<(), End> {
        timeout(PATIENCE, self.transport.write(bytes)).await.map_err(|_| End::Gone)?.map_err(End::from)
    }

    fn frame(&mut self) -> Result<Option<BytesMut>, End> {
        codec::frame(&mut self.buffer, self.largest).map_err(|broken| End::Ours(broken.reason()))
    }
}

/// Waits for CONNECT. Who sends anything else first, or speaks no version of ours, gets nothing (3.1.0-1).
async fn greet(wire: &mut Wire<impl Transport>) -> Option<(Version, Connect)> {
    let frame = loop {
        if let Some(frame) = wire.frame().ok()? {
            break frame;
        }
        if !wire.transport.read(&mut wire.buffer).await.ok()? {
            return None;
        }
    };
    match codec::version(&frame) {
        Ok(version) => {
            if let Ok(Incoming::Connect(connect)) = version.read(frame) {
                return Some((version, connect));
            }
            // 3.1.1 has no code for it and is merely closed (3.1.4-1).
            if version == Version::V5 {
                let _ = wire.write(version.refused(ConnectReturnCode::MalformedPacket)).await;
            }
            None
        }
        Err(Some((version, code))) => {
            let _ = wire.write(version.refused(code)).await;
            wire.transport.close().await;
            None
        }
        Err(None) => None,
    }
}

/// Who it is, and whether it is our own publisher.
async fn identify(gateway: &Inner, entrance: &Entrance, connect: &Connect) -> Result<(Caller, bool), ConnectReturnCode> {
    if connect.authentication {
        return Err(ConnectReturnCode::BadAuthenticationMethod);
    }
    let unavailable = |error| {
        tracing::warn!(%error, "nobody can be identified now");
        ConnectReturnCode::ServerUnavailable
    };
    match (entrance, &connect.password) {
        (Entrance::Private(secret), Some(password)) if secret.is(password) => Ok((Caller::Nobody, true)),
        (Entrance::Private(_), _) => Err(ConnectReturnCode::NotAuthorized),
        (Entrance::Public { .. }, Some(token)) => match gateway.house.by_token(token).await.map_err(unavailable)? {
            Caller::Nobody => Err(ConnectReturnCode::BadUserNamePassword),
            caller => Ok((caller, false)),
        },
        (Entrance::Public { cookie: Some(cookie) }, None) => {
            gateway.house.by_cookie(cookie).await.map(|caller| (caller, false)).map_err(unavailable)
        }
        (Entrance::Public { cookie: None }, None) => Ok((Caller::Nobody, false)),
    }
}

struct Session<'g, T> {
    gateway: &'g Inner,
    wire: Wire<T>,
    version: Version,
    client: Arc<Client>,
    /// Our own publisher, who alone may publish.
    publisher: bool,
    /// Half as long again as the keep-alive (3.1.2.10).
    silence: Option<Duration>,
    heard: Instant,
    /// The largest packet that the client takes.
    largest: usize,
    /// Messages at QoS 1 that the client takes at once.
    window: usize,
    outstanding: HashSet<u16>,
    last_id: u16,
}

impl<T: Transport> Session<'_, T> {
    async fn run(&mut self) -> End {
        loop {
            match self.step().await {
                Ok(()) => {}
                Err(end) => return end,
            }
        }
    }

    /// Takes what has arrived, sends one message that waits, and where none does, waits itself.
    async fn step(&mut self) -> Result<(), End> {
        while let Some(frame) = self.wire.frame()? {
            self.heard = Instant::now();
            let packet = self.version.read(frame).map_err(|broken| End::Ours(broken.reason()))?;
            self.take_in(packet).await?;
        }
        if let Some(reason) = self.client.closing() {
            return Err(End::Ours(reason));
        }
        let sent = match self.client.take(self.outstanding.len() < self.window) {
            Some(delivery) => {
                self.deliver(delivery).await?;
                true
            }
            None => false,
        };
        let deadline = self.silence.map(|silence| self.heard + silence);
        tokio::select! {
            biased;
            read = self.wire.transport.read(&mut self.wire.buffer) => if read? { Ok(()) } else { Err(End::Gone) },
            () = std::future::ready(()), if sent => Ok(()),
            () = self.client.changed() => Ok(()),
            () = until(deadline), if deadline.is_some() => Err(End::Ours(Reason::KeepAliveTimeout)),
        }
    }

    async fn take_in(&mut self, packet: Incoming) -> Result<(), End> {
        match packet {
            Incoming::Ping => self.wire.write(codec::PONG).await,
            Incoming::Acknowledged(id) => {
                self.outstanding.remove(&id);
                Ok(())
            }
            Incoming::Subscribe { identifier: true, .. } => Err(End::Ours(Reason::SubscriptionIdentifiersNotSupported)),
            Incoming::Subscribe { id, wishes, .. } => self.subscribe(id, wishes).await,
            Incoming::Unsubscribe { id, filters } => {
                let were: Vec<_> = filters.iter().map(|filter| self.unsubscribe(filter)).collect();
                self.wire.write(self.version.unsubscribed(id, &were)).await
            }
            Incoming::Publish { qos, id, topic, payload } => self.published(qos, id, &topic, payload).await,
            Incoming::Disconnect => Err(End::Gone),
            // 3.1.0-2: a second CONNECT; or what only a server sends.
            Incoming::Connect(_) | Incoming::Unexpected => Err(End::Ours(Reason::ProtocolError)),
        }
    }

    /// Clients publish nothing (the contract says how each version is told); our own publisher does nothing else.
    async fn published(&mut self, qos: u8, id: u16, topic: &str, payload: Bytes) -> Result<(), End> {
        if self.publisher {
            if let Err(error) = self.gateway.broker.publish(topic, payload) {
                tracing::error!(topic, %error, "our own publisher sent what is not ours");
            }
            return if qos == 0 { Ok(()) } else { self.wire.write(self.version.acknowledged(id, true)).await };
        }
        match (self.version, qos) {
            (Version::V5, 1) => self.wire.write(self.version.acknowledged(id, false)).await,
            (Version::V5, 2) => Err(End::Ours(Reason::QoSNotSupported)),
            _ => Err(End::Ours(Reason::NotAuthorized)),
        }
    }

    async fn subscribe(&mut self, id: u16, wishes: Vec<Wish>) -> Result<(), End> {
        let mut codes = Vec::with_capacity(wishes.len());
        for wish in wishes {
            codes.push(match self.subscribe_one(wish).await? {
                Ok(qos) => codec::granted(qos),
                Err(code) => code,
            });
        }
        // What is retained waits with the client and follows.
        self.wire.write(self.version.subscribed(id, codes)).await
    }

    /// Grants or refuses one filter. A shop that cannot answer ends the connection: the client comes again.
    async fn subscribe_one(&mut self, wish: Wish) -> Result<Result<u8, SubscribeReasonCode>, End> {
        if wish.filter.starts_with("$share/") {
            return Ok(Err(SubscribeReasonCode::SharedSubscriptionsNotSupported));
        }
        let Ok(filter) = wish.filter.parse::<Filter>() else { return Ok(Err(SubscribeReasonCode::TopicFilterInvalid)) };
        let Some(topics) = reach(&filter) else { return Ok(Err(SubscribeReasonCode::NotAuthorized)) };
        let caller = self.client.caller();
        let mut grounds: Vec<(Topic, Option<Whose>)> = Vec::with_capacity(topics.len());
        for topic in topics {
            let whose = match topic {
                Topic::Order(_) | Topic::KioskCode(_) => ask(self.gateway.house.whose(&topic)).await?,
                _ => None,
            };
            if !rights::may_subscribe(&caller, &topic, whose.as_ref()) {
                return Ok(Err(SubscribeReasonCode::NotAuthorized));
            }
            grounds.push((topic, whose));
        }
        let unretained: Vec<_> = grounds.iter().map(|(topic, _)| topic).filter(|topic| !topic.retained()).cloned().collect();
        let qos = wish.qos.min(1);
        let subscription = Subscription { filter: filter.clone(), qos, retain_as_published: wish.retain_as_published, grounds };
        let Some(new) = self.client.subscribe(subscription) else { return Ok(Err(SubscribeReasonCode::QuotaExceeded)) };
        let retained = match wish.retain_handling {
            RetainHandling::OnEverySubscribe => true,
            RetainHandling::OnNewSubscribe => new,
            RetainHandling::Never => false,
        };
        self.gateway.broker.subscribe(&filter, &self.client, retained);
        if retained {
            for topic in unretained {
                // Read after the client is listed: what happens in between comes as a message with a greater sequence.
                if let Some(payload) = ask(self.gateway.house.snapshot(&topic)).await? {
                    match Message::new(&topic.to_string(), payload) {
                        Ok(message) => self.client.offer(&Arc::new(message), true),
                        Err(error) => tracing::error!(%topic, %error, "the shop's snapshot"),
                    }
                }
            }
        }
        Ok(Ok(qos))
    }

    fn unsubscribe(&self, filter: &str) -> bool {
        if let Ok(filter) = filter.parse::<Filter>() {
            self.gateway.broker.unsubscribe(&[filter], &self.client);
        }
        self.client.unsubscribe(filter)
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
        // 3.1.2-24: what is too large for the client is dropped.
        if bytes.len() > self.largest {
            return Ok(());
        }
        if qos > 0 {
            self.outstanding.insert(self.last_id);
            self.last_id = self.last_id.wrapping_add(1);
        }
        self.wire.write(bytes).await?;
        self.gateway.delivered.inc();
        Ok(())
    }
}

/// What the shop answers; the connection ends where it cannot.
async fn ask<A>(answer: impl Future<Output = Result<A, backend::db::DbError>>) -> Result<A, End> {
    answer.await.map_err(|error| {
        tracing::warn!(%error, "a subscription cannot be decided now");
        End::Ours(Reason::ServerBusy)
    })
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
