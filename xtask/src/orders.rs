//! How many orders a second the release server takes from the checkout to `processed`, with everything on the disk, and
//! what the database beside it could do at most.
use crate::{
    load::{chance::Chance, http::Http},
    server,
    torture::{
        Database,
        ground::{Ground, answer, free_address},
    },
    workspace::{Mode, Workspace},
};
mod raw;
mod sign_ins;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

const CLIENTS: u64 = 64;
const PRODUCTS: u64 = 100;
const WARM: Duration = Duration::from_secs(3);
/// What an order is to SQLite, which does not count: what PostgreSQL counts of the same commands in this same bench.
const TRANSACTIONS: f64 = 5.6;
/// How much the server's memory may grow from the second tenth of so many orders to the last: by this share, and this many MiB.
const GROWTH: (f64, u64) = (1.2, 8);

/// A server that ends with this.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// When it is enough.
#[derive(Clone, Copy)]
enum Enough {
    After(Duration),
    /// So many orders; how much memory the server has is told at every tenth.
    Orders(u64),
}

/// What one client has seen.
#[derive(Default)]
struct Seen {
    orders: u64,
    /// How long each request took.
    waits: Vec<Duration>,
    /// The last order of each client, by its path, and the headers that may see it.
    last: Vec<(String, String)>,
    /// The server's memory at every tenth, in MiB.
    memory: Vec<u64>,
}

/// Measures both databases, or one, and prints a row each. `binary` is measured where it is given, else what is built here.
pub fn run(workspace: &Workspace, seconds: u64, binary: Option<PathBuf>, database: Option<Database>) -> Result<()> {
    let binary = binary.map_or_else(|| server::build(workspace, Mode::Release), Ok)?;
    // On the disk that the build is on: what is in memory is quick and lost.
    let folder = workspace.steps(Mode::Release).join("orders");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    if database != Some(Database::Postgres) {
        on_sqlite(&binary, &folder, seconds)?;
    }
    if database != Some(Database::Postgres) {
        beside_sign_ins(&binary, &folder, seconds)?;
    }
    if database != Some(Database::Sqlite) {
        on_postgres(&binary, &folder, seconds)?;
    }
    Ok(())
}

fn on_sqlite(binary: &Path, folder: &Path, seconds: u64) -> Result<()> {
    let time = Duration::from_secs(seconds);
    let sqlite = format!("sqlite:{}", folder.join("orderly.db").display());
    let Measured { rate, p99, .. } = measure(binary, folder, &sqlite, Enough::After(time))?;
    println!(
        "orders on SQLite, {CLIENTS} clients             {rate:.0} orders/s      ≥ 500      99th percentile of a request {p99:.0} ms (≤ 250)"
    );
    let raw = raw::transactions(folder, time)?;
    let share = rate * TRANSACTIONS / raw * 100.0;
    println!(
        "  SQLite alone beside it               {raw:.0} transactions/s      {TRANSACTIONS:.1} transactions an order: {share:.0} % of it (≥ 35 %)"
    );
    Ok(())
}

/// How long a request takes while staff sign in, in a shop of its own.
fn beside_sign_ins(binary: &Path, folder: &Path, seconds: u64) -> Result<()> {
    let [here, elsewhere] = ["sign-ins", "sign-ins-elsewhere"].map(|name| folder.join(name));
    for folder in [&here, &elsewhere] {
        std::fs::create_dir_all(folder)?;
    }
    let url = format!("sqlite:{}", here.join("orderly.db").display());
    sign_ins::run(binary, &here, &url, &elsewhere, Duration::from_secs(seconds))
}

fn on_postgres(binary: &Path, folder: &Path, seconds: u64) -> Result<()> {
    // PostgreSQL runs as nobody, who may not enter everybody's home; this is on the disk, too.
    let ground = Ground::with_durable_cluster(Path::new("/var/tmp"));
    // Before and after, for the machine is not always as quick.
    fill_pgbench(&ground)?;
    let first = pgbench(&ground, seconds.div_ceil(2))?;
    let before = written(&ground)?;
    let Measured { rate, p99, all, .. } = measure(binary, folder, &ground.database_url, Enough::After(Duration::from_secs(seconds)))?;
    let transactions = (written(&ground)? - before) / all;
    let tps = first.midpoint(pgbench(&ground, seconds.div_ceil(2))?);
    let share = rate * transactions / tps * 100.0;
    println!("orders on PostgreSQL, {CLIENTS} clients         {rate:.0} orders/s      99th percentile of a request {p99:.0} ms (≤ 250)");
    println!(
        "  pgbench -N beside it                 {tps:.0} tps      {transactions:.1} transactions an order: {share:.0} % of it (≥ 30 %)"
    );
    Ok(())
}

/// Takes so many orders on SQLite and prints how the server's memory grows meanwhile; an error where it grows more than it may.
pub fn memory(workspace: &Workspace, orders: u64, binary: Option<PathBuf>) -> Result<()> {
    let binary = binary.map_or_else(|| server::build(workspace, Mode::Release), Ok)?;
    let folder = workspace.steps(Mode::Release).join("memory");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let sqlite = format!("sqlite:{}", folder.join("orderly.db").display());
    let Measured { rate, p99, memory, .. } = measure(&binary, &folder, &sqlite, Enough::Orders(orders))?;
    println!("{orders} orders on SQLite, {CLIENTS} clients: {rate:.0} orders/s, 99th percentile of a request {p99:.0} ms");
    // The first tenth fills what is then kept: pools, caches, the pages of statements.
    let (Some(&early), Some(&late), 11) = (memory.get(2), memory.last(), memory.len()) else { bail!("it ended before all were taken") };
    let most = (early as f64 * GROWTH.0) as u64 + GROWTH.1;
    println!("  memory after the second tenth        {early} MiB, after the last {late} MiB (≤ {most})");
    if late > most {
        bail!("the server's memory grows with its orders: {early} MiB became {late}");
    }
    Ok(())
}

/// Memory that the process alone has, in MiB.
fn memory_of(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    Ok(line.context("the kernel tells no RssAnon")? / 1024)
}

fn command(binary: &Path, folder: &Path, database_url: &str, args: &[&str]) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ORDERLY_") {
            command.env_remove(name);
        }
    }
    let settings = [("ORDERLY_DEMO", "off"), ("ORDERLY_LIMITS", "off"), ("ORDERLY_MQTT_LISTEN", "off"), ("RUST_LOG", "error")];
    command.args(args).env_remove("MQTT_URL").envs(settings).env("DATABASE_URL", database_url).env("ORDERLY_DATA", folder);
    command
}

/// What came of a measurement.
struct Measured {
    /// Orders a second.
    rate: f64,
    /// The 99th percentile of a request, in milliseconds.
    p99: f64,
    /// Orders, with those before the measurement.
    all: f64,
    memory: Vec<u64>,
}

/// A server that is ready, with the bench's shop.
fn ready(binary: &Path, folder: &Path, database_url: &str) -> Result<(Server, SocketAddr)> {
    answer(command(binary, folder, database_url, &["seed", "bench", "--products", &PRODUCTS.to_string()]))?;
    let address = free_address()?;
    let mut serve = command(binary, folder, database_url, &["serve"]);
    serve.env("ORDERLY_LISTEN", address.to_string()).stdin(Stdio::null()).stdout(Stdio::null());
    let server = Server(serve.spawn().context("the server starts")?);
    let until = Instant::now() + Duration::from_secs(30);
    while !Http::new(address, Duration::from_secs(2)).send("GET", "/readyz", "", b"").is_ok_and(|reply| reply.status == 200) {
        if Instant::now() > until {
            bail!("the server is not ready");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok((server, address))
}

fn measure(binary: &Path, folder: &Path, database_url: &str, enough: Enough) -> Result<Measured> {
    let (server, address) = ready(binary, folder, database_url)?;
    let warm = buy(address, Enough::After(WARM), server.0.id())?;
    let begun = Instant::now();
    let seen = buy(address, enough, server.0.id())?;
    let rate = seen.orders as f64 / begun.elapsed().as_secs_f64();
    let mut waits = seen.waits;
    waits.sort_unstable();
    let p99 = waits.get(waits.len() * 99 / 100).copied().unwrap_or_default();
    let all = (warm.orders + seen.orders) as f64;
    Ok(Measured { rate, p99: p99.as_secs_f64() * 1000.0, all, memory: seen.memory })
}

/// Everybody buys until it is enough, and then waits until their last order is processed: what is counted is done.
fn buy(address: SocketAddr, enough: Enough, server: u32) -> Result<Seen> {
    let (stop, placed) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|name| {
                scope.spawn({
                    let (stop, placed) = (&stop, &placed);
                    move || client(address, name, stop, placed)
                })
            })
            .collect();
        let watched = watch(enough, &placed, server, || clients.iter().any(std::thread::ScopedJoinHandle::is_finished));
        stop.store(true, Ordering::SeqCst);
        let mut all = Seen::default();
        for client in clients {
            let seen = client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
            all.orders += seen.orders;
            all.waits.extend(seen.waits);
            all.last.extend(seen.last);
        }
        all.memory = watched?;
        // One after the other: sixty-four who ask all the time would keep the shop from its work.
        let mut http = Http::new(address, Duration::from_secs(30));
        for (path, headers) in &all.last {
            until_processed(&mut http, path, headers)?;
        }
        Ok(all)
    })
}

/// Waits until it is enough, or until somebody has given up; the server's memory at every tenth.
fn watch(enough: Enough, placed: &AtomicU64, server: u32, over: impl Fn() -> bool) -> Result<Vec<u64>> {
    let begun = Instant::now();
    let mut memory = Vec::new();
    loop {
        let tenth = memory.len() as u64;
        match enough {
            Enough::After(time) if begun.elapsed() >= time => return Ok(memory),
            Enough::Orders(_) if tenth > 10 => return Ok(memory),
            Enough::Orders(orders) if placed.load(Ordering::Relaxed) >= orders * tenth / 10 => {
                memory.push(memory_of(server)?);
                println!("{:>8} orders    {} MiB", orders * tenth / 10, memory[memory.len() - 1]);
            }
            _ if over() => return Ok(memory),
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn client(address: SocketAddr, name: u64, stop: &AtomicBool, placed: &AtomicU64) -> Result<Seen> {
    let mut http = Http::new(address, Duration::from_secs(30));
    let cookie = http.send("POST", "/api/v1/session", "", b"")?.cookie.context("no session")?;
    let headers = format!("cookie: {cookie}\r\nsec-fetch-site: same-origin\r\n");
    let mut chance = Chance::of(std::process::id().into(), name);
    let mut seen = Seen::default();
    let mut last = None;
    while !stop.load(Ordering::Relaxed) {
        let order = order(&mut http, &headers, &mut chance, &mut seen.waits)?;
        seen.orders += 1;
        placed.fetch_add(1, Ordering::Relaxed);
        last = order["id"].as_str().map(ToOwned::to_owned);
    }
    seen.last.extend(last.map(|id| (format!("/api/v1/orders/{id}"), headers)));
    Ok(seen)
}

/// One order of one thing, and how long both its requests took.
fn order(http: &mut Http, headers: &str, chance: &mut Chance, waits: &mut Vec<Duration>) -> Result<Value> {
    let sku = format!("bench-{}", 1 + chance.below(PRODUCTS));
    let body = json!({"store": "bench", "lines": [{"sku": sku, "quantity": 1}], "fulfilment": {"kind": "pickup"}});
    let begun = call(http, "/api/v1/checkouts", headers, chance, &body, waits)?;
    let path = format!("/api/v1/checkouts/{}/place", begun["id"].as_str().unwrap_or_default());
    let body = json!({"payment": {"method": "card", "token": "tok_ok"}, "expected_total": begun["quote"]["total"]});
    call(http, &path, headers, chance, &body, waits)
}

fn until_processed(http: &mut Http, path: &str, headers: &str) -> Result<()> {
    let until = Instant::now() + Duration::from_mins(1);
    loop {
        let order = http.send("GET", path, headers, b"")?.json();
        match order["status"].as_str() {
            Some("processed") => return Ok(()),
            Some("created") if Instant::now() < until => std::thread::sleep(Duration::from_millis(10)),
            _ => bail!("{path} was not processed: {order}"),
        }
    }
}

fn call(http: &mut Http, path: &str, headers: &str, chance: &mut Chance, body: &Value, waits: &mut Vec<Duration>) -> Result<Value> {
    let headers = format!("{headers}idempotency-key: {:016x}{:016x}\r\n", chance.next(), chance.next());
    let begun = Instant::now();
    let reply = http.send("POST", path, &headers, body.to_string().as_bytes())?;
    waits.push(begun.elapsed());
    if reply.status != 201 {
        bail!("{path} was answered with {}: {}", reply.status, String::from_utf8_lossy(&reply.body));
    }
    Ok(reply.json())
}

/// Transactions that have written something, since the cluster was made: only they are given a number.
fn written(ground: &Ground) -> Result<f64> {
    let (socket, bin) = ground.cluster_place().context("there is a cluster")?;
    let mut ask = Command::new(bin.join("psql"));
    ask.args(["-U", "postgres", "-At", "-c", "select pg_snapshot_xmax(pg_current_snapshot())", "-h"]).arg(socket);
    answer(ask)?.trim().parse().context("PostgreSQL counts its transactions")
}

/// `pgbench` on the same cluster.
fn pgbench_command(ground: &Ground) -> Result<Command> {
    let (socket, bin) = ground.cluster_place().context("there is a cluster")?;
    let mut command = Command::new(bin.join("pgbench"));
    command.args(["-U", "postgres", "-h"]).arg(socket);
    Ok(command)
}

fn fill_pgbench(ground: &Ground) -> Result<()> {
    let mut fill = pgbench_command(ground)?;
    fill.args(["-i", "-q", "-s", "10", "postgres"]);
    answer(fill).map(drop)
}

/// Simple updates, each a durable transaction, by as many clients.
fn pgbench(ground: &Ground, seconds: u64) -> Result<f64> {
    let mut run = pgbench_command(ground)?;
    run.args(["-N", "-n", "-c", &CLIENTS.to_string(), "-j", "2", "-T", &seconds.to_string(), "postgres"]);
    let told = answer(run)?;
    let tps = told.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    tps.with_context(|| format!("pgbench said no tps: {told}"))
}
