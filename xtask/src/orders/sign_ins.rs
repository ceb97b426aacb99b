//! Whether whoever buys feels who signs in: a steady rush of orders, now without and now with staff signing in by password, in
//! turns and in one run, so that all have the same machine under them. To tell what the shop has to do with it from what twenty slow
//! hashes a second do to any machine, the staff sign in at another shop's server of it, too, in a turn of their own.
use super::{command, order, ready};
use crate::{
    load::{chance::Chance, http::Http},
    torture::ground::answer,
};
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::{
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// Who buys, each so often: 80 orders a second, which is a rush and no race.
const BUYERS: u64 = 16;
const EVERY: Duration = Duration::from_millis(200);
/// So often each: whatever else the machine does meets all of them.
const TURNS: u32 = 12;
/// So much longer than the other figures: a 99th percentile of fewer requests is another one each time.
const LONGER: u32 = 3;
/// Staff, each of whom signs in once a second.
const STAFF: u64 = 20;
const STORE: &str = "bench";
const PASSWORD: &str = "over the counter";

/// What somebody has waited for, and how often they were asked to come again.
#[derive(Default)]
struct Waits {
    waits: Vec<Duration>,
    refused: usize,
}

impl Waits {
    fn add(&mut self, other: Self) {
        self.waits.extend(other.waits);
        self.refused += other.refused;
    }

    /// In milliseconds.
    fn percentile(&mut self, percent: usize) -> f64 {
        self.waits.sort_unstable();
        self.waits.get(self.waits.len() * percent / 100).map_or(0.0, |wait| wait.as_secs_f64() * 1000.0)
    }
}

/// Measures for three times as long without, as long with sign-ins elsewhere and as long with them here, and prints a row. The shop at
/// `database_url` is there and empty; the other one has its database in `elsewhere`.
pub(super) fn run(binary: &Path, folder: &Path, database_url: &str, elsewhere: &Path, time: Duration) -> Result<()> {
    let (server, address) = ready(binary, folder, database_url)?;
    hire(binary, folder, database_url, address)?;
    let other_url = format!("sqlite:{}", elsewhere.join("orderly.db").display());
    let (other, other_address) = ready(binary, elsewhere, &other_url)?;
    hire(binary, elsewhere, &other_url, other_address)?;
    for address in [address, other_address] {
        phase(address, Duration::from_secs(2), Some(address))?;
    }
    let [mut quiet, mut beside, mut busy, mut shifts] = <[Waits; 4]>::default();
    let turn = time * LONGER / TURNS;
    for _ in 0..TURNS {
        quiet.add(phase(address, turn, None)?.0);
        beside.add(phase(address, turn, Some(other_address))?.0);
        let (buying, signing_in) = phase(address, turn, Some(address))?;
        busy.add(buying);
        shifts.add(signing_in);
    }
    drop((server, other));
    let [without, there, here] = [&mut quiet, &mut beside, &mut busy].map(|waits| waits.percentile(99));
    println!(
        "buying beside {STAFF} sign-ins a second      99th percentile of a request {without:.1} ms without, {here:.1} ms with: {:.2} times it (≤ 1.10)",
        here / without
    );
    println!("  where they sign in at another server {there:.1} ms: {:.2} times it", there / without);
    let (median, slowest, begun, refused) = (shifts.percentile(50), shifts.percentile(99), shifts.waits.len(), shifts.refused);
    println!("  {begun} shifts begun, {refused} asked to come again      median {median:.0} ms, 99th percentile {slowest:.0} ms");
    Ok(())
}

fn name(n: u64) -> String {
    format!("Kim {n}")
}

/// Adds the staff, and lets each choose a password.
fn hire(binary: &Path, folder: &Path, database_url: &str, address: SocketAddr) -> Result<()> {
    let mut http = Http::new(address, Duration::from_secs(30));
    for n in 0..STAFF {
        let code =
            answer(command(binary, folder, database_url, &["staff", "add", "--store", STORE, "--name", &name(n), "--role", "barista"]))?;
        let came = http.send("POST", "/api/v1/staff/sign-in", "", json!({"code": code.trim()}).to_string().as_bytes())?;
        let cookie = came.cookie.context("no shift by a one-time code")?;
        let headers = format!("cookie: {cookie}\r\nsec-fetch-site: same-origin\r\n");
        let chosen = http.send("PUT", "/api/v1/staff/password", &headers, json!({"password": PASSWORD}).to_string().as_bytes())?;
        if chosen.status != 204 {
            bail!("a password was answered with {}", chosen.status);
        }
    }
    Ok(())
}

/// Everybody buys for so long, and the staff sign in there, if anywhere.
fn phase(address: SocketAddr, time: Duration, staff: Option<SocketAddr>) -> Result<(Waits, Waits)> {
    let stop = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let buyers: Vec<_> = (0..BUYERS).map(|n| scope.spawn(move || buy(address, n, stop))).collect();
        let staff = staff.into_iter().flat_map(|there| (0..STAFF).map(move |n| (there, n)));
        let staff: Vec<_> = staff.map(|(there, n)| scope.spawn(move || sign_in(there, n, stop))).collect();
        std::thread::sleep(time);
        stop.store(true, Ordering::SeqCst);
        let all = |threads: Vec<std::thread::ScopedJoinHandle<'_, Result<Waits>>>| {
            threads.into_iter().try_fold(Waits::default(), |mut all, thread| {
                all.add(thread.join().map_err(|_| anyhow::anyhow!("a client panicked"))??);
                Ok::<_, anyhow::Error>(all)
            })
        };
        Ok((all(buyers)?, all(staff)?))
    })
}

/// Does something about so often until it is enough, by chance a little sooner or later: in step with each other, the same would
/// always meet, or never. Whoever is late because they waited goes on at once: that counts as waiting.
fn steadily(
    every: Duration,
    chance: &mut Chance,
    stop: &AtomicBool,
    mut act: impl FnMut(Instant, &mut Chance) -> Result<()>,
) -> Result<()> {
    let some = |chance: &mut Chance| Duration::from_micros(chance.below(every.as_micros() as u64));
    let mut due = Instant::now() + some(chance);
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        act(due, chance)?;
        due += every / 2 + some(chance);
    }
    Ok(())
}

fn buy(address: SocketAddr, n: u64, stop: &AtomicBool) -> Result<Waits> {
    let mut http = Http::new(address, Duration::from_secs(30));
    let cookie = http.send("POST", "/api/v1/session", "", b"")?.cookie.context("no session")?;
    let headers = format!("cookie: {cookie}\r\nsec-fetch-site: same-origin\r\n");
    let mut chance = Chance::of(std::process::id().into(), n);
    let mut waits = Vec::new();
    steadily(EVERY, &mut chance, stop, |due, chance| {
        let late = due.elapsed();
        let begun = waits.len();
        order(&mut http, &headers, chance, &mut waits)?;
        // The first of its requests should have been sent then.
        waits[begun] += late;
        Ok(())
    })?;
    Ok(Waits { waits, refused: 0 })
}

fn sign_in(address: SocketAddr, n: u64, stop: &AtomicBool) -> Result<Waits> {
    let mut http = Http::new(address, Duration::from_secs(30));
    let body = json!({"store": STORE, "name": name(n), "password": PASSWORD}).to_string();
    let mut seen = Waits::default();
    let mut chance = Chance::of(std::process::id().into(), BUYERS + n);
    steadily(Duration::from_secs(1), &mut chance, stop, |due, _| {
        let reply = http.send("POST", "/api/v1/staff/sign-in", "", body.as_bytes())?;
        match reply.status {
            200 => seen.waits.push(due.elapsed()),
            503 => seen.refused += 1,
            other => bail!("a sign-in was answered with {other}: {}", String::from_utf8_lossy(&reply.body)),
        }
        Ok(())
    })?;
    Ok(seen)
}
