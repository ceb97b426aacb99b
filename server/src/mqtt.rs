//! The MQTT gateway: browsers and devices speak real MQTT 5.0 or 3.1.1 to it, over a WebSocket ([`Gateway::upgrade`]) or a
//! plain connection ([`Gateway::listen`]). Who may hear what is decided here, topic by topic; nobody may publish but
//! our own publisher, who comes by a private port.
//!
//! In reading order: the [`codec`] turns bytes into packets; a [`session`] is one connection, which came by an [`entrance`], carried
//! by a [`transport`] and held to the [`limits`]; a [`client`] is what everybody else sees of it; [`reach`] says what a filter could
//! match; the [`broker`] knows who hears what; [`upstream`] follows a broker outside; the [`house`] is the shop that is asked, the
//! [`stores`] are those that it has, an [`outage`] is when it answers nothing, and a [`standstill`] when nobody publishes for it.

mod broker;
mod client;
mod codec;
mod entrance;
mod house;
mod limits;
mod message;
mod outage;
mod reach;
mod session;
mod standstill;
mod stores;
mod transport;
mod upstream;
mod websocket;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use backend::db::DbError;
use backend::identity::{Caller, Secret};
use backend::live::BrokerAddress;
use domain::topic::Topic;
use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::broker::Broker;
use self::client::Client;
use self::codec::Reason;
use self::entrance::{Credential, Entrance, door};
pub use self::house::House;
pub use self::limits::Limits;
use self::limits::Questions;
pub use self::message::NotLive;
use self::outage::Outage;
use self::standstill::Standstill;
use self::stores::Stores;
pub use self::transport::Arrived;
use self::transport::Plain;
pub(crate) use self::transport::prepare;
pub use self::websocket::upgrade;
use crate::places::{Place, Places};

/// How often it is asked whether everybody still is who they were.
const RECHECK: Duration = Duration::from_secs(2);
/// Connections that end get this long.
const FAREWELL: Duration = Duration::from_secs(3);

/// The gateway. Clones are the same gateway.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

pub(crate) struct Inner {
    house: Arc<dyn House>,
    stores: Stores,
    outage: Outage,
    limits: Limits,
    counters: Counters,
    broker: Broker,
    plain: OnceLock<SocketAddr>,
    clients: Mutex<Clients>,
    places: Arc<Places>,
    questions: Questions,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Whether a broker outside is there; always, without one.
    upstream: watch::Sender<bool>,
    /// Whether somebody publishes to it; without one nobody looks.
    standstill: Standstill,
    /// What has come from it.
    heard: upstream::Heard,
}

/// What the gateway counts.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// Messages sent to clients.
    pub delivered: Counter<u64, AtomicU64>,
    /// Messages that a newer one of their topic replaced before their reader took them.
    pub replaced: Counter<u64, AtomicU64>,
    /// Clients that were disconnected because they took, or acknowledged, nothing.
    pub slow: Counter<u64, AtomicU64>,
    /// Connections that found no place, or spoke too much.
    pub refused: Counter<u64, AtomicU64>,
}

#[derive(Default)]
struct Clients {
    last_id: u64,
    by_id: HashMap<u64, Listed>,
    /// A client that comes again takes over from itself.
    by_name: HashMap<Name, u64>,
}

/// Who they are, and their client id.
type Name = (String, String);

struct Listed {
    client: Arc<Client>,
    name: Option<Name>,
    /// Our own publisher.
    publisher: bool,
}

impl Gateway {
    /// A gateway to this shop, which nobody can reach yet. Needs a running tokio.
    pub fn new(house: Arc<dyn House>, limits: Limits, counters: Counters) -> Self {
        let inner = Arc::new(Inner {
            house,
            stores: Stores::default(),
            outage: Outage::default(),
            broker: Broker::new(counters.replaced.clone()),
            counters,
            plain: OnceLock::new(),
            clients: Mutex::default(),
            places: Places::new(limits.connections, limits.per_address),
            questions: Questions::new(&limits),
            limits,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            upstream: watch::Sender::new(true),
            standstill: Standstill::default(),
            heard: upstream::Heard::default(),
        });
        let watcher = Self(inner.clone());
        inner.tasks.spawn(async move { watcher.watch().await });
        Self(inner)
    }

    /// What is published inside the process goes here.
    pub fn broker(&self) -> &Broker {
        &self.0.broker
    }

    /// Whether nobody hears the topic; what was kept of it is forgotten then, and who comes later gets the shop's snapshot.
    pub fn forgets(&self, topic: &Topic) -> bool {
        self.0.broker.forgets(topic)
    }

    /// Where devices may come, where they may: see [`Gateway::listen`].
    pub fn plain(&self) -> Option<SocketAddr> {
        self.0.plain.get().copied()
    }

    /// Serves plain MQTT until the gateway ends.
    pub fn listen(&self, listener: TcpListener) {
        if let Ok(address) = listener.local_addr() {
            // The first one is told of.
            let _ = self.0.plain.set(address);
        }
        let inner = self.0.clone();
        self.accept(listener, move |from| {
            let entered = door(inner.places.take(from));
            if entered.is_none() {
                tracing::debug!(%from, "no place is left, or none for this address");
                inner.counters.refused.inc();
            }
            entered
        });
    }

    /// Serves plain MQTT over a stream that is there already, from this address, to its end. Without a place it ends at once.
    pub async fn carry<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, stream: S, from: IpAddr) {
        let Some((entrance, place)) = door(self.0.places.take(from)) else { return };
        session::serve(self.0.clone(), Plain(stream), entrance, place).await;
    }

    /// Opens the private entrance for our own publisher: a loopback port, and a credential that is made here.
    pub async fn private(&self) -> io::Result<BrokerAddress> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let secret = Secret::random().map_err(io::Error::other)?;
        let credential = Credential::of(&secret);
        // Our own publisher takes nobody's place.
        self.accept(listener, move |_| Some((Entrance::Private(credential.clone()), None)));
        Ok(BrokerAddress::new("127.0.0.1", port, Some(("publisher", &secret))))
    }

    /// Follows a broker outside: what is published there is told here.
    pub fn follow(&self, address: BrokerAddress) {
        self.0.upstream.send_replace(false);
        self.0.tasks.spawn(upstream::follow(self.0.clone(), address, self.0.stop.clone()));
    }

    /// Whether the broker outside is there (`/readyz`); without one it always is.
    pub fn ready(&self) -> bool {
        *self.0.upstream.borrow()
    }

    /// Whether what happens is published to the broker outside (`/readyz`); without one it always is.
    pub fn is_published(&self) -> bool {
        !self.0.standstill.is_long()
    }

    /// How many are connected, our own publisher apart.
    pub fn connections(&self) -> usize {
        self.0.places.taken()
    }

    /// Serves whoever connects and is let in.
    fn accept(&self, listener: TcpListener, enter: impl Fn(IpAddr) -> Option<(Entrance, Option<Place>)> + Send + 'static) {
        let inner = self.0.clone();
        self.0.tasks.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = inner.stop.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                match accepted {
                    Ok((stream, from)) => {
                        let Some((entrance, place)) = enter(from.ip()) else { continue };
                        if let Err(error) = transport::prepare(&stream) {
                            tracing::debug!(%from, %error, "gone before it began");
                            continue;
                        }
                        inner.tasks.spawn(session::serve(inner.clone(), Plain(stream), entrance, place));
                    }
                    Err(error) => {
                        // Most often no file descriptors are left; some will be.
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        });
    }

    async fn watch(&self) {
        let mut ticks = tokio::time::interval(RECHECK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.0.stop.cancelled() => return,
                _ = ticks.tick() => {
                    self.0.questions.forget();
                    self.recheck().await;
                }
            }
        }
    }

    /// Asks whether everybody still is who they were, in one query. Who has signed out, expired or been revoked is
    /// disconnected, and so is who has lost a role that granted what they hear: the rest is theirs again when they come back.
    pub async fn recheck(&self) {
        let clients: Vec<_> = self.0.clients().by_id.values().map(|listed| listed.client.clone()).collect();
        let mut callers: Vec<Caller> = Vec::new();
        let mut by_caller: HashMap<String, (usize, Vec<Arc<Client>>)> = HashMap::new();
        for client in clients {
            let caller = client.caller();
            // Nobody cannot change; a person may be here with several sessions, each of which ends for itself.
            let Some(key) = caller.session().map(|session| session.to_string()).or_else(|| caller.key()) else { continue };
            let (_, same) = by_caller.entry(key).or_insert_with(|| {
                callers.push(caller);
                (callers.len() - 1, Vec::new())
            });
            same.push(client);
        }
        // Also where nobody is there: that is seen, too.
        let now = match self.ask_about(&callers).await {
            Ok(now) => now,
            Err(error) => return self.unanswered(&error),
        };
        if self.0.outage.answered() {
            tracing::warn!("the shop answers again, and connections are taken");
        }
        for (index, same) in by_caller.into_values() {
            let caller = now.get(index).cloned().flatten();
            for client in same {
                match &caller {
                    Some(caller) => {
                        let lost = client.become_caller(caller.clone());
                        self.0.broker.unsubscribe(&lost, &client);
                        // No packet says that a subscription is over: its client would wait for ever for what never comes. It is
                        // refused by name when it comes again.
                        if !lost.is_empty() {
                            client.close(Reason::NotAuthorized);
                        }
                    }
                    None => client.close(Reason::NotAuthorized),
                }
            }
        }
    }

    /// How these callers are now. Where strangers are alone, or everybody was sent away, there is nobody to ask about, and something
    /// else shows whether the shop answers.
    async fn ask_about(&self, callers: &[Caller]) -> Result<Vec<Option<Caller>>, DbError> {
        if callers.is_empty() {
            self.0.house.stores().await?;
        }
        self.0.house.recheck(callers).await
    }

    /// A shop that is away for a moment ends nobody: it will be there again, and until then nothing is published either. One that
    /// stays away ends everybody, again and again, for some were being let in: their pages must not say that they are live.
    fn unanswered(&self, error: &DbError) {
        // Any other error is an answer.
        let failed = error.is_transient().then(|| self.0.outage.failed(Instant::now()));
        if failed.is_none_or(|failed| failed.first) {
            tracing::warn!(%error, "the connected cannot be rechecked now");
        }
        if failed.is_some_and(|failed| failed.away) {
            for listed in self.0.clients().by_id.values().filter(|listed| !listed.publisher) {
                // "Server unavailable" is for CONNACK alone (3.14.2.1).
                listed.client.close(Reason::ServerBusy);
            }
        }
    }

    /// Ends all connections, telling why to those who understand it, and stops listening.
    pub async fn shutdown(&self) {
        self.0.stop.cancel();
        for listed in self.0.clients().by_id.values() {
            listed.client.close(Reason::ServerShuttingDown);
        }
        self.0.tasks.close();
        if tokio::time::timeout(FAREWELL, self.0.tasks.wait()).await.is_err() {
            tracing::debug!("some connections did not end in time");
        }
    }
}

impl Inner {
    fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists a connection. One of the same caller with the same client id ends (3.1.4-3); strangers cannot end each
    /// other's, for they have no name.
    fn enter(&self, caller: Caller, client_id: &str, publisher: bool) -> Arc<Client> {
        let mut clients = self.clients();
        clients.last_id += 1;
        let name = caller.key().filter(|_| !client_id.is_empty()).map(|key| (key, client_id.to_owned()));
        let client = Client::new(clients.last_id, caller);
        if let Some(name) = name.clone() {
            let before = clients.by_name.insert(name, client.id);
            if let Some(before) = before.and_then(|id| clients.by_id.get(&id)) {
                before.client.close(Reason::SessionTakenOver);
            }
        }
        clients.by_id.insert(client.id, Listed { client: client.clone(), name, publisher });
        if self.stop.is_cancelled() {
            client.close(Reason::ServerShuttingDown);
        }
        client
    }

    fn leave(&self, client: &Arc<Client>) {
        self.broker.unsubscribe(&client.unsubscribe_all(), client);
        let mut clients = self.clients();
        let name = clients.by_id.remove(&client.id).and_then(|listed| listed.name);
        if let Some(name) = name.filter(|name| clients.by_name.get(name) == Some(&client.id)) {
            clients.by_name.remove(&name);
        }
    }
}
