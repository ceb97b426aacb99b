//! A gateway on free ports, and a house whose people and things a test arranges.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{HeaderMap, header};
use axum::routing::get;
use axum::{Extension, Router};
use backend::db::DbError;
use backend::identity::{Caller, Whose};
use backend::live::BrokerAddress;
use bytes::Bytes;
use domain::topic::Topic;
use domain::view::{Role, RoleView};
use domain::{OrderId, SessionId, StoreId, TokenId, UserId};
use server::mqtt::{Arrived, Counters, Gateway, House, Limits};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

/// Everything a test waits for comes within this.
pub const SOON: Duration = Duration::from_secs(5);

/// Who is known by which secret, and what there is.
#[derive(Default)]
pub struct TestHouse(Mutex<Facts>);

#[derive(Default)]
pub struct Facts {
    pub tokens: HashMap<String, Caller>,
    pub cookies: HashMap<String, Caller>,
    pub whose: HashMap<Topic, Whose>,
    pub stores: HashSet<StoreId>,
    /// How often it was asked for the stores.
    pub stores_read: u64,
    /// How often it was asked for what is retained.
    pub retained_read: u64,
    pub snapshots: HashMap<Topic, Bytes>,
    /// What cannot be read, though the shop is there.
    pub broken: HashSet<Topic>,
    /// How long it takes to answer how something is.
    pub thinks: Duration,
    /// How many such questions are open, and were at most.
    pub open: usize,
    pub most_open: usize,
    pub away: bool,
}

impl TestHouse {
    pub fn arrange(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.0.lock().unwrap());
    }

    fn ask<A>(&self, answer: impl FnOnce(&Facts) -> A) -> Result<A, DbError> {
        let facts = self.0.lock().unwrap();
        if facts.away { Err(DbError::Unavailable("away".to_owned())) } else { Ok(answer(&facts)) }
    }
}

/// A question that waits for its answer; whoever asked may leave before it comes.
struct Open<'a>(&'a TestHouse);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.arrange(|facts| facts.open -= 1);
    }
}

#[async_trait]
impl House for TestHouse {
    async fn by_cookie(&self, value: &str) -> Result<Caller, DbError> {
        self.ask(|facts| facts.cookies.get(value).cloned().unwrap_or(Caller::Nobody))
    }

    async fn by_token(&self, token: &str) -> Result<Caller, DbError> {
        self.ask(|facts| facts.tokens.get(token).cloned().unwrap_or(Caller::Nobody))
    }

    async fn recheck(&self, callers: &[Caller]) -> Result<Vec<Option<Caller>>, DbError> {
        // As the shop, which need not ask its database about nobody.
        if callers.is_empty() {
            return Ok(Vec::new());
        }
        self.ask(|facts| {
            let known =
                |caller: &Caller| facts.tokens.values().chain(facts.cookies.values()).find(|now| now.key() == caller.key()).cloned();
            callers.iter().map(known).collect()
        })
    }

    async fn whose(&self, topic: &Topic) -> Result<Option<Whose>, DbError> {
        self.ask(|facts| facts.whose.get(topic).cloned())
    }

    async fn stores(&self) -> Result<HashSet<StoreId>, DbError> {
        self.arrange(|facts| facts.stores_read += 1);
        self.ask(|facts| facts.stores.clone())
    }

    async fn snapshot(&self, topic: &Topic) -> Result<Option<Bytes>, DbError> {
        let mut thinks = Duration::ZERO;
        self.arrange(|facts| {
            facts.open += 1;
            facts.most_open = facts.most_open.max(facts.open);
            thinks = facts.thinks;
        });
        let open = Open(self);
        if !thinks.is_zero() {
            tokio::time::sleep(thinks).await;
        }
        drop(open);
        self.ask(|facts| {
            if facts.broken.contains(topic) {
                return Err(DbError::Defect(topic.to_string()));
            }
            Ok(facts.snapshots.get(topic).cloned())
        })?
    }

    async fn retained(&self) -> Result<Vec<Topic>, DbError> {
        self.arrange(|facts| facts.retained_read += 1);
        self.ask(|facts| facts.snapshots.keys().filter(|topic| topic.retained()).cloned().collect())
    }

    async fn untold(&self) -> Result<Option<i64>, DbError> {
        self.ask(|_| None)
    }

    async fn told(&self) -> Result<i64, DbError> {
        Ok(0)
    }

    async fn changed_between(&self, _after: i64, _until: i64) -> Result<BTreeSet<Topic>, DbError> {
        Ok(BTreeSet::new())
    }
}

/// A gateway that can be reached.
pub struct Stage {
    pub house: Arc<TestHouse>,
    pub gateway: Gateway,
    pub counters: Counters,
    pub plain: SocketAddr,
    pub web: SocketAddr,
    /// What is served at `web`.
    pub door: Router,
    pub publisher: BrokerAddress,
}

impl Stage {
    /// With the stores of the demo shop, and a barista at `harbor` by the token `barista`.
    pub async fn open() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        let house = Arc::new(TestHouse::default());
        house.arrange(|facts| {
            facts.stores.extend(["harbor", "pier", "unicorn"].map(|store| store.parse::<StoreId>().unwrap()));
            facts.tokens.insert("barista".to_owned(), staff(1, Role::Barista));
        });
        let counters = Counters::default();
        let gateway = Gateway::new(house.clone(), limits, counters.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let plain = listener.local_addr().unwrap();
        gateway.listen(listener);
        let publisher = gateway.private().await.unwrap();

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web = listener.local_addr().unwrap();
        let served = gateway.clone();
        let route = get(move |upgrade: WebSocketUpgrade, headers: HeaderMap, arrived: Option<Extension<Arrived>>| {
            let cookie = headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).map(str::to_owned);
            // Whoever says nothing of their address is this machine.
            let from = headers.get("x-from").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
            // Counted by our own server alone.
            let arrived = arrived.map(|Extension(arrived)| arrived).unwrap_or_default();
            let response = served.upgrade(upgrade, cookie, from, arrived);
            async move { response }
        });
        let door = Router::new().route("/mqtt", route);
        let served = door.clone();
        tokio::spawn(async move { axum::serve(listener, served).await });
        Self { house, gateway, counters, plain, web, door, publisher }
    }

    pub fn publish(&self, topic: &str, sequence: i64) {
        self.gateway.broker().publish(topic, payload(sequence, "")).unwrap();
    }

    /// The shop has this to say of a topic to whoever asks first.
    pub fn knows(&self, topic: &str, sequence: i64) {
        let known = topic.parse().unwrap();
        self.house.arrange(|facts| drop(facts.snapshots.insert(known, payload(sequence, ""))));
    }

    pub async fn raw(&self) -> Raw {
        Raw(TcpStream::connect(self.plain).await.unwrap())
    }
}

pub fn staff(id: u128, role: Role) -> Caller {
    let store = Some("harbor".parse().unwrap());
    Caller::Token { token: TokenId(Uuid::from_u128(id)), role, store, merchant: None, kiosk: None, person: None }
}

pub fn shopper(id: u128) -> Caller {
    Caller::User {
        session: SessionId(Uuid::from_u128(id)),
        user: UserId(Uuid::from_u128(id)),
        name: "Lin".to_owned(),
        language: None,
        roles: Vec::<RoleView>::new(),
    }
}

pub fn order(n: u128) -> Topic {
    Topic::Order(OrderId(Uuid::from_u128(n)))
}

/// What is published, `filling` for its size.
pub fn payload(sequence: i64, filling: &str) -> Bytes {
    Bytes::from(format!(r#"{{"sequence":"{sequence:020}","data":"{filling}"}}"#))
}

/// The `sequence` of a payload.
pub fn sequence(payload: &[u8]) -> i64 {
    let event: serde_json::Value = serde_json::from_slice(payload).unwrap();
    event["sequence"].as_str().unwrap().parse().unwrap()
}

pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// A connection of bytes.
pub struct Raw<S = TcpStream>(pub S);

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    pub async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// The next packet, whole.
    pub async fn packet(&mut self) -> Vec<u8> {
        soon("a packet", async {
            let mut packet = vec![self.0.read_u8().await.unwrap()];
            let (mut length, mut shift) = (0, 0);
            loop {
                let byte = self.0.read_u8().await.unwrap();
                packet.push(byte);
                length |= usize::from(byte & 0x7F) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let start = packet.len();
            packet.resize(start + length, 0);
            self.0.read_exact(&mut packet[start..]).await.unwrap();
            packet
        })
        .await
    }

    /// The reason of the DISCONNECT that is all that still comes; `None` where the connection ends without one, as it does
    /// in 3.1.1.
    pub async fn end(&mut self) -> Option<u8> {
        let rest = self.rest().await;
        match rest[..] {
            [] => None,
            // 3.14.2: the reason, and maybe a property, which is the reason in words.
            [0xE0, length, reason, ref words @ ..] if words.len() + 1 == usize::from(length) => {
                assert!(words.is_empty() || (words[0] > 3 && words[1] == 31), "{words:x?}");
                Some(reason)
            }
            _ => panic!("not one DISCONNECT: {rest:x?}"),
        }
    }

    /// What still comes until the end.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset is an end as well.
        let _ = soon("the end", self.0.read_to_end(&mut rest)).await;
        rest
    }
}

/// CONNECT with a client id `c`, a keep-alive, and maybe a password.
pub fn connect(level: u8, keep_alive: u16, password: Option<&str>) -> Vec<u8> {
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', level, if password.is_some() { 0b1100_0010 } else { 0b10 }];
    body.extend(keep_alive.to_be_bytes());
    if level == 5 {
        body.push(0);
    }
    let mut text = |text: &str| {
        body.extend((text.len() as u16).to_be_bytes());
        body.extend(text.as_bytes());
    };
    text("c");
    if let Some(password) = password {
        text("token");
        text(password);
    }
    packet(0x10, &body)
}

/// CONNECT with these flags, properties (of 5.0) and client id, and without credentials.
pub fn connect_with(level: u8, flags: u8, keep_alive: u16, properties: &[u8], client_id: &str) -> Vec<u8> {
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', level, flags];
    body.extend(keep_alive.to_be_bytes());
    if level == 5 {
        body.push(properties.len() as u8);
        body.extend(properties);
    }
    body.extend((client_id.len() as u16).to_be_bytes());
    body.extend(client_id.as_bytes());
    packet(0x10, &body)
}

/// SUBSCRIBE with id 1.
pub fn subscribe(level: u8, filters: &[(&str, u8)]) -> Vec<u8> {
    subscribe_with(level, &[], filters)
}

/// SUBSCRIBE with id 1 and properties (of 5.0).
pub fn subscribe_with(level: u8, properties: &[u8], filters: &[(&str, u8)]) -> Vec<u8> {
    let mut body = vec![0, 1];
    if level == 5 {
        body.push(properties.len() as u8);
        body.extend(properties);
    }
    for (filter, options) in filters {
        body.extend((filter.len() as u16).to_be_bytes());
        body.extend(filter.as_bytes());
        body.push(*options);
    }
    packet(0x82, &body)
}

pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut length = body.len();
    loop {
        packet.push((length & 0x7F) as u8 | if length > 0x7F { 0x80 } else { 0 });
        length >>= 7;
        if length == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}
