//! How much the gateway bears: `cargo xtask mqtt-load`. What it does beside Mosquitto is measured in the same run.
//!
//! - `idle`: what 10,000 WebSocket clients that wait cost in memory
//! - `fanout`: how long until all of them have a message of 512 bytes
//! - `orders`: 2,000 clients on 2,000 orders' topics, 2,000 messages a second for a minute
//! - `storm`: a real server restarted with 5,000 clients, which come back as browsers do
//!
//! In reading order: a [`client`] is a browser reduced to its bytes, a [`target`] a broker in a process of its own, the
//! [`storm`] is the one with the real server; [`figures`] are what was measured.

mod client;
mod figures;
mod storm;
mod target;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, Subcommand};
use rumqttc::QoS;
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

use self::client::{Client, Heard};
use self::figures::Figures;
use self::target::{Publisher, Target};

/// The gateway of this process has the allocator that it has in `orderly`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of a message.
const SIZE: usize = 512;
/// Connections that are being made at once.
const AT_ONCE: usize = 200;
/// The topic that everybody hears.
const EVERYBODY: &str = "v1/stores/harbor/status";
/// All clients have a message within this, or it is lost; and a client is let in.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a client tries to get in.
const TRIES: u32 = 3;

#[derive(Parser)]
#[command(bin_name = "cargo xtask mqtt-load")]
struct Cli {
    /// `cargo bench` says so.
    #[arg(long, hide = true)]
    bench: bool,
    /// What to measure; without it everything.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Clone)]
enum Command {
    /// Memory of clients that wait, and the time until all have a message.
    Fanout {
        #[arg(long, default_value_t = 10_000)]
        clients: usize,
        /// Messages; the median counts.
        #[arg(long, default_value_t = 10)]
        messages: u64,
    },
    /// Many orders, one client each.
    Orders {
        #[arg(long, default_value_t = 2_000)]
        clients: usize,
        /// Messages a second, over all orders.
        #[arg(long, default_value_t = 2_000)]
        rate: u64,
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// A real server restarted.
    Storm {
        #[arg(long, default_value_t = 5_000)]
        clients: usize,
    },
    /// The gateway alone, in the process that is measured.
    #[command(hide = true)]
    Gateway,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut figures = Figures::default();
        match cli.command {
            Some(Command::Gateway) => return target::gateway().await,
            Some(Command::Fanout { clients, messages }) => fanout(clients, messages, &mut figures).await?,
            Some(Command::Orders { clients, rate, seconds }) => orders(clients, rate, seconds, &mut figures).await?,
            Some(Command::Storm { clients }) => storm::run(clients, &mut figures).await?,
            None => {
                fanout(10_000, 10, &mut figures).await?;
                orders(2_000, 2_000, 60, &mut figures).await?;
                storm::run(5_000, &mut figures).await?;
            }
        }
        figures.conclude()
    })
}

/// Opens so many connections, a few at a time; each hears its topic.
async fn crowd(target: &Target, clients: usize, topic: impl Fn(usize) -> String, heard: &Arc<impl Heard>) -> Result<Duration> {
    let (begun, doors) = (Instant::now(), Arc::new(Semaphore::new(AT_ONCE)));
    let mut opening = tokio::task::JoinSet::new();
    for n in 0..clients {
        let door = doors.clone().acquire_owned().await?;
        let (address, topic, heard) = (target.web, topic(n), heard.clone());
        opening.spawn(async move {
            let mut tries = 0;
            let client = loop {
                tries += 1;
                // A full queue of the listener swallows a connection now and then.
                match tokio::time::timeout(PATIENCE, Client::open(address, n, true, &topic)).await {
                    Ok(Ok(client)) => break client,
                    Ok(Err(error)) if tries == TRIES => return Err(error.context(format!("client {n}"))),
                    Err(_) if tries == TRIES => anyhow::bail!("client {n} was not let in within {PATIENCE:?}, {TRIES} times"),
                    _ => {}
                }
            };
            drop(door);
            tokio::spawn(client.listen(n, heard));
            anyhow::Ok(())
        });
    }
    while let Some(opened) = opening.join_next().await {
        opened??;
    }
    Ok(begun.elapsed())
}

/// Counts who has the message of this number.
#[derive(Default)]
struct Everybody {
    number: AtomicU64,
    count: AtomicUsize,
    wanted: AtomicUsize,
    all: Notify,
}

impl Heard for Everybody {
    fn heard(&self, _client: usize, number: u64) {
        if number == self.number.load(Ordering::Acquire)
            && self.count.fetch_add(1, Ordering::AcqRel) + 1 == self.wanted.load(Ordering::Acquire)
        {
            self.all.notify_one();
        }
    }
}

async fn fanout(clients: usize, messages: u64, figures: &mut Figures) -> Result<()> {
    let mut measured = Vec::new();
    println!("\n{clients} WebSocket clients, {SIZE} bytes to all, {messages} times");
    println!("{:<12} {:>10} {:>12} {:>12} {:>12} {:>12}", "", "connected", "KiB each", "first ms", "median ms", "worst ms");
    for target in [Target::gateway().await?, Target::mosquitto().await?] {
        let before = target.resident()?;
        let everybody = Arc::new(Everybody::default());
        everybody.wanted.store(clients, Ordering::Release);
        let connected = crowd(&target, clients, |_| EVERYBODY.to_owned(), &everybody).await?;
        // What was freed while they came is given back, and what is waited for has come to rest.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let each = (target.resident()? - before) as f64 / clients as f64;
        let mut publisher = target.publisher();
        let mut times = Vec::new();
        for number in 1..=messages {
            everybody.count.store(0, Ordering::Release);
            everybody.number.store(number, Ordering::Release);
            let begun = Instant::now();
            publisher.publish(EVERYBODY, &payload(number), QoS::AtLeastOnce).await?;
            let all = tokio::time::timeout(PATIENCE, everybody.all.notified()).await;
            all.with_context(|| format!("{} of {clients} have message {number}", everybody.count.load(Ordering::Acquire)))?;
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let first = times.first().copied().unwrap_or_default();
        times.sort_by(f64::total_cmp);
        let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
        println!("{:<12} {:>8.1} s {each:>12.1} {first:>12.0} {median:>12.0} {worst:>12.0}", target.name, connected.as_secs_f64());
        measured.push((each, median));
    }
    if let [(kib, median), (their_kib, their_median)] = measured[..] {
        figures.note(format!("resident memory of each of {clients} idle WebSocket clients"), kib, "KiB", 7.0);
        figures.note(format!("the same, Mosquitto's being 1 ({their_kib:.1} KiB)"), kib / their_kib, "", 1.2);
        figures.note(format!("{SIZE} bytes to the last of them, Mosquitto's {their_median:.0} ms being 1"), median / their_median, "", 0.7);
    }
    Ok(())
}

/// Counts what each client has, and how long it was under way.
struct Orders {
    begun: Instant,
    /// The number that each client had last.
    last: Vec<AtomicU64>,
    lost: AtomicU64,
    received: AtomicU64,
    /// By milliseconds.
    times: Vec<AtomicU64>,
    /// When each message was sent, in microseconds since `begun`.
    sent: Vec<AtomicU64>,
}

impl Heard for Orders {
    fn heard(&self, client: usize, number: u64) {
        let now = self.begun.elapsed().as_micros() as u64;
        let before = self.last[client].swap(number, Ordering::Relaxed);
        let every = self.last.len() as u64;
        // One client has every so many messages: the next one is that much later.
        if before > 0 && number > before + every {
            self.lost.fetch_add((number - before) / every - 1, Ordering::Relaxed);
        }
        self.received.fetch_add(1, Ordering::Relaxed);
        if let Some(sent) = self.sent.get(number as usize) {
            let millis = now.saturating_sub(sent.load(Ordering::Relaxed)) / 1000;
            self.times[(millis as usize).min(self.times.len() - 1)].fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn orders(clients: usize, rate: u64, seconds: u64, figures: &mut Figures) -> Result<()> {
    println!("\n{clients} clients on as many orders, {rate} messages of {SIZE} bytes a second for {seconds} s");
    println!("{:<12} {:>10} {:>10} {:>8} {:>10} {:>10} {:>10}", "", "sent", "received", "lost", "median ms", "p99 ms", "worst ms");
    for target in [Target::gateway().await?, Target::mosquitto().await?] {
        let total = rate * seconds;
        let heard = Arc::new(Orders {
            begun: Instant::now(),
            last: (0..clients).map(|_| AtomicU64::new(0)).collect(),
            lost: AtomicU64::new(0),
            received: AtomicU64::new(0),
            times: (0..10_000).map(|_| AtomicU64::new(0)).collect(),
            sent: (0..=total).map(|_| AtomicU64::new(0)).collect(),
        });
        crowd(&target, clients, order_topic, &heard).await?;
        let mut publisher = target.publisher();
        let begun = Instant::now();
        for number in 1..=total {
            let due = Duration::from_micros(number * 1_000_000 / rate);
            if let Some(wait) = due.checked_sub(begun.elapsed()).filter(|wait| *wait > Duration::from_millis(1)) {
                tokio::time::sleep(wait).await;
            }
            heard.sent[number as usize].store(heard.begun.elapsed().as_micros() as u64, Ordering::Relaxed);
            publisher.publish(&order_topic(number as usize % clients), &payload(number), QoS::AtMostOnce).await?;
        }
        let deadline = Instant::now() + PATIENCE;
        while heard.received.load(Ordering::Relaxed) < total && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let received = heard.received.load(Ordering::Relaxed);
        let quantile = |share: f64| {
            let wanted = (received as f64 * share).ceil() as u64;
            let mut seen = 0;
            heard.times.iter().position(|bucket| {
                seen += bucket.load(Ordering::Relaxed);
                seen >= wanted
            })
        };
        let [median, p99, worst] = [0.5, 0.99, 1.0].map(|share| quantile(share).unwrap_or_default());
        let lost = total - received.min(total);
        println!("{:<12} {total:>10} {received:>10} {lost:>8} {median:>10} {p99:>10} {worst:>10}", target.name);
        if target.name == target::GATEWAY {
            figures.note(format!("messages lost of {total} to {clients} orders' own clients, {rate} a second"), lost as f64, "", 0.0);
            figures.note("time of them on their way, p99", p99 as f64, "ms", 50.0);
        }
    }
    Ok(())
}

/// The topic of one client's order.
fn order_topic(n: usize) -> String {
    format!("v1/orders/{}", Uuid::from_u128(n as u128 + 1))
}

/// A message as long as [`SIZE`], with its number where the gateway and [`client::number`] look for it.
fn payload(number: u64) -> Vec<u8> {
    let mut payload = format!(r#"{{"sequence":"{number:020}","data":""#).into_bytes();
    payload.resize(SIZE - 2, b'x');
    payload.extend(b"\"}");
    payload
}

impl Publisher {
    async fn publish(&mut self, topic: &str, payload: &[u8], qos: QoS) -> Result<()> {
        ensure!(!self.is_over(), "the publisher's connection broke");
        self.client.publish(topic, qos, false, payload).await.context("the publisher's connection broke")
    }
}
