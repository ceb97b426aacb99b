//! A real server is restarted while thousands look on: they come back as browsers do, and the shop answers them.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::client::{Client, Heard};
use super::{AT_ONCE, EVERYBODY};

const PATIENCE: Duration = Duration::from_mins(1);

/// What each client holds.
#[derive(Default)]
struct Crowd {
    held: Vec<AtomicU64>,
    connected: AtomicUsize,
    over: AtomicBool,
}

impl Heard for Crowd {
    fn heard(&self, client: usize, number: u64) {
        self.held[client].fetch_max(number, Ordering::AcqRel);
    }
}

impl Crowd {
    fn holding(&self, at_least: u64) -> usize {
        self.held.iter().filter(|held| held.load(Ordering::Acquire) >= at_least).count()
    }
}

/// The real server, on the same port and data each time.
struct Shop {
    folder: TempDir,
    address: SocketAddr,
    child: Option<Child>,
}

impl Shop {
    async fn open() -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let mut shop = Self { folder: tempfile::tempdir()?, address, child: None };
        shop.start().await?;
        Ok(shop)
    }

    async fn start(&mut self) -> Result<()> {
        let data = self.folder.path();
        let child = Command::new(env!("CARGO_BIN_EXE_orderly"))
            .env("ORDERLY_LISTEN", self.address.to_string())
            .env("ORDERLY_MQTT_LISTEN", "off")
            .env("ORDERLY_DATA", data)
            .env("DATABASE_URL", format!("sqlite:{}", data.join("orderly.db").display()))
            .env("ORDERLY_LIMITS", "off")
            .env("RUST_LOG", "error")
            .env_remove("MQTT_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        self.child = Some(child);
        let begun = Instant::now();
        while self.ask("/readyz").await.is_err() {
            ensure!(begun.elapsed() < PATIENCE, "the shop did not open");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// SIGTERM, and waits for the end.
    async fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        kill_process(Pid::from_child(&child), Signal::TERM)?;
        while child.try_wait()?.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    async fn ask(&self, path: &str) -> Result<serde_json::Value> {
        let answer = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
        let answer = answer.get(format!("http://{}{path}", self.address)).send().await?.error_for_status()?;
        Ok(answer.json().await?)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// One client for ever: connected, or waiting to try again as a browser does.
async fn browser(address: SocketAddr, n: usize, crowd: Arc<Crowd>, doors: Arc<Semaphore>) {
    let mut attempt = 0_u32;
    while !crowd.over.load(Ordering::Acquire) {
        // At the first time nobody shall wait for the listener's queue.
        let door = if attempt == 0 { doors.clone().acquire_owned().await.ok() } else { None };
        if let Ok(Ok(client)) = tokio::time::timeout(Duration::from_secs(8), Client::open(address, n, EVERYBODY)).await {
            drop(door);
            attempt = 1;
            crowd.connected.fetch_add(1, Ordering::AcqRel);
            // How it ended does not matter: it comes again.
            let _ = client.listen(n, crowd.clone()).await;
            crowd.connected.fetch_sub(1, Ordering::AcqRel);
        }
        let longest = (1_u64 << attempt.min(5)).min(30) as f64;
        let random = f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 255.0;
        tokio::time::sleep(Duration::from_secs_f64(longest / 2.0 + longest / 2.0 * random)).await;
        attempt += 1;
    }
}

pub async fn run(clients: usize) -> Result<()> {
    println!("\na real server restarted with {clients} clients");
    let mut shop = Shop::open().await?;
    let crowd = Arc::new(Crowd { held: (0..clients).map(|_| AtomicU64::new(0)).collect(), ..Crowd::default() });
    let doors = Arc::new(Semaphore::new(AT_ONCE));
    for n in 0..clients {
        tokio::spawn(browser(shop.address, n, crowd.clone(), doors.clone()));
    }
    let begun = Instant::now();
    while crowd.holding(1) < clients {
        ensure!(begun.elapsed() < PATIENCE, "{} of {clients} came", crowd.holding(1));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("connected and told within {:.1} s", begun.elapsed().as_secs_f64());

    let stopped = Instant::now();
    shop.stop().await?;
    let down = stopped.elapsed();
    crowd.held.iter().for_each(|held| held.store(0, Ordering::Release));
    shop.start().await?;
    let up = Instant::now();
    let (mut asked, mut slowest) = (0, Duration::ZERO);
    loop {
        // What is held must be as new as what the shop itself says.
        let before = Instant::now();
        let status = shop.ask("/api/v1/stores/harbor").await.context("the shop did not answer during the storm")?;
        slowest = slowest.max(before.elapsed());
        asked += 1;
        let sequence = status["sequence"].as_u64().context("a sequence")?;
        let back = crowd.holding(1);
        if back == clients && crowd.connected.load(Ordering::Acquire) == clients {
            println!(
                "stopped in {:.1} s; all {clients} back with the newest state {:.1} s after the start (position {sequence})",
                down.as_secs_f64(),
                up.elapsed().as_secs_f64()
            );
            println!("the shop was asked {asked} times meanwhile; its slowest answer took {:.0} ms", slowest.as_secs_f64() * 1000.0);
            break;
        }
        ensure!(up.elapsed() < PATIENCE, "{back} of {clients} are back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    crowd.over.store(true, Ordering::Release);
    Ok(())
}
