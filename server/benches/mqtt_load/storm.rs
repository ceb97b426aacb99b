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
use super::figures::Figures;
use super::{AT_ONCE, EVERYBODY};

const PATIENCE: Duration = Duration::from_mins(1);
const STATUS: &str = "/api/v1/stores/harbor";

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
        self.child = Some(self.command("serve").stdin(Stdio::null()).stdout(Stdio::null()).spawn()?);
        let begun = Instant::now();
        while self.ask("/readyz").await.is_err() {
            ensure!(begun.elapsed() < PATIENCE, "the shop did not open");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn command(&self, name: &str) -> Command {
        let data = self.folder.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_orderly"));
        command
            .arg(name)
            .env("ORDERLY_LISTEN", self.address.to_string())
            .env("ORDERLY_MQTT_LISTEN", "off")
            .env("ORDERLY_DATA", data)
            .env("DATABASE_URL", format!("sqlite:{}", data.join("orderly.db").display()))
            .env("ORDERLY_LIMITS", "off")
            .env("RUST_LOG", "error")
            .env_remove("MQTT_URL");
        command
    }

    /// Closes the café, as its manager. What is told after it has a greater number than everything before.
    async fn close(&self) -> Result<()> {
        let output = self.command("token").args(["issue", "--role", "manager", "--store", "harbor"]).output()?;
        ensure!(output.status.success(), "no token: {}", String::from_utf8_lossy(&output.stderr));
        let token = String::from_utf8(output.stdout)?;
        let url = format!("http://{}/api/v1/staff/stores/harbor/status", self.address);
        let closed = reqwest::Client::new().put(url).bearer_auth(token.trim()).json(&serde_json::json!({"open": false}));
        closed.send().await?.error_for_status()?;
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
        if let Ok(Ok(client)) = tokio::time::timeout(Duration::from_secs(8), Client::open(address, n, false, EVERYBODY)).await {
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

pub async fn run(clients: usize, figures: &mut Figures) -> Result<()> {
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
    let number = |status: &serde_json::Value| status["sequence"].as_u64().context("a sequence");
    let before = number(&shop.ask(STATUS).await?)?;
    shop.close().await?;
    let (mut asked, mut slowest) = (0, Duration::ZERO);
    loop {
        let begun = Instant::now();
        shop.ask(STATUS).await.context("the shop did not answer during the storm")?;
        slowest = slowest.max(begun.elapsed());
        asked += 1;
        // Only what was told of the closing, or after it, has a greater number.
        let back = crowd.holding(before + 1);
        if back == clients && crowd.connected.load(Ordering::Acquire) == clients {
            println!(
                "stopped in {:.1} s; all {clients} back with the newest state {:.1} s after the start",
                down.as_secs_f64(),
                up.elapsed().as_secs_f64()
            );
            figures.note(format!("until all of {clients} are back after a restart"), up.elapsed().as_secs_f64(), "s", 20.0);
            println!("the shop was asked {asked} times meanwhile; its slowest answer took {:.0} ms", slowest.as_secs_f64() * 1000.0);
            break;
        }
        ensure!(up.elapsed() < PATIENCE, "{back} of {clients} are back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    crowd.over.store(true, Ordering::Release);
    Ok(())
}
