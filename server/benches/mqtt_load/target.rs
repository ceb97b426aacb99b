//! A broker in a process of its own, so that its memory can be read: the gateway, or Mosquitto.

use std::collections::{BTreeSet, HashSet};
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use axum::extract::ws::WebSocketUpgrade;
use axum::routing::get;
use axum::{Extension, Router};
use backend::db::DbError;
use backend::identity::{Caller, Secret, Whose};
use backend::live::BrokerAddress;
use bytes::Bytes;
use domain::topic::Topic;
use domain::{SessionId, StoreId, UserId};
use rumqttc::AsyncClient;
use server::mqtt::{Arrived, Counters, Gateway, House, Limits};
use server::serve::http::{self, Manners};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The name of ours.
pub const GATEWAY: &str = "gateway";

/// A broker that runs.
pub struct Target {
    pub name: &'static str,
    pub web: SocketAddr,
    publisher: BrokerAddress,
    child: Child,
    _folder: Option<TempDir>,
}

impl Target {
    /// This program again, as the gateway alone.
    pub async fn gateway() -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?).arg("gateway").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("a pipe")?;
        let line = tokio::task::spawn_blocking(move || std::io::BufRead::lines(std::io::BufReader::new(stdout)).next()).await?;
        let line = line.context("the gateway said nothing")??;
        let [web, port, user, password] = line.split(' ').collect::<Vec<_>>()[..] else { bail!("the gateway said {line}") };
        let publisher = BrokerAddress::new("127.0.0.1", port.parse()?, Some((user, &Secret::new(password))));
        Ok(Self { name: GATEWAY, web: web.parse()?, publisher, child, _folder: None })
    }

    pub async fn mosquitto() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let [web, plain] = [free_port().await?, free_port().await?];
        let config = format!(
            "allow_anonymous true\npersistence false\nset_tcp_nodelay true\nlistener {plain} 127.0.0.1\nlistener {web} 127.0.0.1\nprotocol websockets\n"
        );
        let file = folder.path().join("mosquitto.conf");
        std::fs::write(&file, config)?;
        let program = if std::path::Path::new("/usr/sbin/mosquitto").exists() { "/usr/sbin/mosquitto" } else { "mosquitto" };
        let child = Command::new(program).arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.context("mosquitto does not run: install Debian's mosquitto")?;
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", web)).await.is_err() {
            anyhow::ensure!(begun.elapsed() < Duration::from_secs(10), "mosquitto did not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let publisher = BrokerAddress::new("127.0.0.1", plain, None);
        Ok(Self { name: "Mosquitto", web: ([127, 0, 0, 1], web).into(), publisher, child, _folder: Some(folder) })
    }

    /// Resident memory in KiB.
    pub fn resident(&self) -> Result<i64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
    }

    /// A connected publisher.
    pub fn publisher(&self) -> Publisher {
        let (client, mut events) = AsyncClient::new(self.publisher.options("load", 0), 100);
        events.set_network_options(BrokerAddress::network_options());
        let over = Arc::new(AtomicBool::new(false));
        let told = over.clone();
        tokio::spawn(async move {
            while events.poll().await.is_ok() {}
            told.store(true, Ordering::Release);
        });
        Publisher { client, over }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Who publishes.
pub struct Publisher {
    pub client: AsyncClient,
    over: Arc<AtomicBool>,
}

impl Publisher {
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

async fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port())
}

/// Every token is the shopper of its number, whose is the order of that number.
struct LoadHouse;

fn shopper(n: u128) -> Caller {
    let id = Uuid::from_u128(n + 1);
    Caller::User { session: SessionId(id), user: UserId(id), name: String::new(), language: None, roles: Vec::new() }
}

#[async_trait]
impl House for LoadHouse {
    async fn by_cookie(&self, _value: &str) -> Result<Caller, DbError> {
        Ok(Caller::Nobody)
    }

    async fn by_token(&self, token: &str) -> Result<Caller, DbError> {
        Ok(token.parse().map_or(Caller::Nobody, shopper))
    }

    async fn stores(&self) -> Result<HashSet<StoreId>, DbError> {
        // Everybody there listens to the one.
        Ok("harbor".parse().into_iter().collect())
    }

    async fn recheck(&self, callers: &[Caller]) -> Result<Vec<Option<Caller>>, DbError> {
        Ok(callers.iter().cloned().map(Some).collect())
    }

    async fn whose(&self, topic: &Topic) -> Result<Option<Whose>, DbError> {
        let Topic::Order(order) = topic else { return Ok(None) };
        let store = "harbor".parse().map_err(|_| DbError::NotFound)?;
        Ok(Some(Whose { owner: shopper(order.0.as_u128() - 1).owner(), store }))
    }

    async fn snapshot(&self, _topic: &Topic) -> Result<Option<Bytes>, DbError> {
        Ok(None)
    }

    async fn retained(&self) -> Result<Vec<Topic>, DbError> {
        Ok(Vec::new())
    }

    async fn untold(&self) -> Result<Option<i64>, DbError> {
        Ok(None)
    }

    async fn told(&self) -> Result<i64, DbError> {
        Ok(0)
    }

    async fn changed_between(&self, _after: i64, _until: i64) -> Result<BTreeSet<Topic>, DbError> {
        Ok(BTreeSet::new())
    }
}

/// The gateway, until its parent ends; says where it is by a line on its output.
pub async fn gateway() -> Result<()> {
    let gateway = Gateway::new(Arc::new(LoadHouse), Limits::lifted(), Counters::default());
    let publisher = gateway.private().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let options = publisher.options("load", 0);
    let login = options.credentials().context("a credential")?;
    println!("{} {} {} {}", listener.local_addr()?, options.broker_address().1, login.username, login.password);
    std::io::stdout().flush()?;
    let route = get(move |upgrade: WebSocketUpgrade, Extension(arrived): Extension<Arrived>| {
        let response = gateway.upgrade(upgrade, None, [127, 0, 0, 1].into(), arrived);
        async move { response }
    });
    // As `orderly` serves them: what a WebSocket costs is this, too.
    let served = http::serve(listener, Router::new().route("/mqtt", route), Manners::lifted(), CancellationToken::new());
    let parent = tokio::task::spawn_blocking(|| std::io::Read::read(&mut std::io::stdin(), &mut [0]));
    tokio::select! {
        served = tokio::spawn(served) => Ok(served?),
        _ = parent => Ok(()),
    }
}
