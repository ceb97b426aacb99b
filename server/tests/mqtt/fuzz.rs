//! Nonsense through codec and session, over a plain connection and over a WebSocket. The same packets each time, or those of
//! `FUZZ_SEED`; `cargo xtask mqtt-fuzz` sends ten million, of another seed each time.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use server::mqtt::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tower::ServiceExt as _;

use crate::frames;
use crate::nonsense::{Numbers, broken, sound};
use crate::stage::{Stage, connect, order, payload, shopper, soon};

/// How many packets, where nobody says.
const PACKETS: u64 = 20_000;
/// The seed, where nobody says.
const SEED: u64 = 0x0DDE_71E5;
/// Packets of one connection, at most: many end sooner.
const OF_ONE: u64 = 120;
/// Bytes under way at once: so few are left unread by a session that ends.
const PIPE: usize = 64;
/// What the process may grow by, in KiB: allocators keep some of what they had.
const GROWTH: i64 = 24 * 1024;

thread_local! {
    /// Panics of this thread, which is the test's and its sessions': axum's tasks keep theirs to themselves.
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

fn count_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.set(PANICS.get() + 1);
        usual(panic);
    }));
}

/// How to have the same again, told with a failure.
struct Again {
    seed: u64,
    packets: u64,
    connection: u64,
}

impl Drop for Again {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, packets, connection } = self;
            eprintln!("connection {connection} of the seed {seed}; the same again with FUZZ_SEED={seed} FUZZ_PACKETS={packets}");
        }
    }
}

/// A number that somebody may say.
fn said(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |number| number.parse().unwrap_or_else(|_| panic!("{name} is a number, not {number}")))
}

/// Resident memory of this process in KiB.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

/// Sends all of it, in pieces of any size, and hears all that is said to it: how much was taken, and what was said.
async fn converse(numbers: &mut Numbers, near: DuplexStream, bytes: &[u8]) -> (usize, Vec<u8>) {
    let (mut reader, mut writer) = tokio::io::split(near);
    let written = Cell::new(0);
    let write = async {
        // The session may have ended before all is there.
        while written.get() < bytes.len() {
            let rest = &bytes[written.get()..];
            match writer.write(&rest[..rest.len().min(1 + numbers.below(200))]).await {
                Ok(more) => written.set(written.get() + more),
                Err(_) => break,
            }
        }
        let _ = writer.shutdown().await;
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    let read = async {
        let _ = reader.read_to_end(&mut answer).await;
    };
    // First the reading: a session that has said all throws away what still comes, which is not to be counted as taken.
    tokio::select! {
        biased;
        () = soon("the end of a connection", read) => {}
        () = write => {}
    }
    (written.get(), answer)
}

async fn over_plain(stage: &Stage, numbers: &mut Numbers, stream: &[u8]) -> (usize, Vec<u8>) {
    let (near, far) = tokio::io::duplex(PIPE);
    let gateway = stage.gateway.clone();
    let served = tokio::spawn(async move { gateway.carry(far, IpAddr::V4(Ipv4Addr::LOCALHOST)).await });
    let conversation = converse(numbers, near, stream).await;
    soon("the end of a session", served).await.expect("no panic");
    conversation
}

/// What was said over a WebSocket, whose frames these are.
async fn over_web(stage: &Stage, numbers: &mut Numbers, frames: &[Vec<u8>]) -> Vec<u8> {
    let (near, far) = tokio::io::duplex(PIPE);
    let door = stage.door.clone();
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| door.clone().oneshot(request.map(Body::new)));
    let served = tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(far), service).with_upgrades());
    let bytes = [frames::UPGRADE, &frames.concat()].concat();
    let (_, answer) = converse(numbers, near, &bytes).await;
    soon("the upgrade", served).await.expect("no panic").expect("an upgrade");
    soon("the end of a session", async {
        while stage.gateway.connections() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(PANICS.get(), 0, "panics");
    frames::answered(&answer)
}

/// What was said in answer to packets, in turn. Messages come when they come; and a client id that is assigned is chosen by
/// chance, so of a CONNACK only its length counts.
fn answers(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut answers = Vec::new();
    while !bytes.is_empty() {
        let header = 2 + bytes[1..].iter().position(|byte| byte & 0x80 == 0).expect("a length");
        let length = bytes[1..header].iter().rev().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7F));
        let (packet, more) = bytes.split_at(header + length);
        match packet[0] >> 4 {
            2 => answers.push(packet[..header + 2].to_vec()),
            3 => {}
            _ => answers.push(packet.to_vec()),
        }
        bytes = more;
    }
    answers
}

#[tokio::test]
async fn nonsense_panics_nobody_and_leaves_nothing_behind() {
    let (packets, seed) = (said("FUZZ_PACKETS", PACKETS), said("FUZZ_SEED", SEED));
    println!("seed {seed}, {packets} packets");
    let mut again = Again { seed, packets, connection: 0 };
    count_panics();
    let limits = Limits { packets_at_once: u32::MAX, patience: Duration::from_secs(5), ..Limits::default() };
    let stage = Stage::with(limits).await;
    stage.house.arrange(|facts| {
        facts.tokens.insert("lin".to_owned(), shopper(1));
        let whose = backend::identity::Whose { owner: shopper(1).owner(), store: "harbor".parse().unwrap() };
        facts.whose.insert(order(1), whose);
        facts.snapshots.insert(order(1), payload(1, "as it is"));
    });
    stage.publish("v1/stores/harbor/status", 1);
    let (mut taken, mut framed, mut answered, mut before) = (0_u64, 0_u64, 0_u64, None);
    while taken < packets {
        again.connection += 1;
        let mut numbers = Numbers::of(seed, again.connection);
        let level = if numbers.one_in(2) { 5 } else { 4 };
        // One in eight is broken from its first packet on.
        let mut stream = if numbers.one_in(8) { broken(&mut numbers, level) } else { connect(level, 60, Some("lin")) };
        let mut ends = Vec::new();
        for _ in 0..=numbers.next() % OF_ONE {
            stream.extend(if numbers.one_in(20) { broken(&mut numbers, level) } else { sound(&mut numbers, level) });
            ends.push(stream.len());
        }
        let (written, answer) = over_plain(&stage, &mut numbers, &stream).await;
        answered += answer.len() as u64;
        // The session has read these for certain.
        let read = ends.iter().filter(|end| **end + PIPE <= written).count() as u64;
        taken += read;
        if numbers.one_in(3) {
            // Whatever carries them, and however they are cut, packets are answered in the same way.
            let frames = frames::sound(&mut numbers, &stream);
            let over_web = over_web(&stage, &mut numbers, &frames).await;
            assert_eq!(answers(&over_web), answers(&answer), "over a WebSocket, and plain");
            (taken, framed) = (taken + read, framed + read);
        }
        if numbers.one_in(3) {
            let frames = frames::broken(&mut numbers, &stream);
            answered += over_web(&stage, &mut numbers, &frames).await.len() as u64;
        }
        if again.connection.is_multiple_of(50) {
            stage.publish("v1/stores/harbor/status", again.connection as i64);
        }
        // The first tenth warms the allocator up.
        if before.is_none() && taken > packets / 10 {
            before = Some(resident());
        }
    }
    let growth = resident() - before.unwrap_or_default();
    let connections = again.connection;
    println!(
        "{taken} packets over {connections} connections, {framed} of them in a WebSocket's frames, {answered} bytes of answers, \
         {growth} KiB more than after the first tenth"
    );
    assert!(answered > connections, "most are answered");
    assert!(framed > packets / 8, "{framed} in frames");
    assert!(growth < GROWTH, "{growth} KiB more than after the first tenth");
    assert_eq!(stage.gateway.connections(), 0);
    assert!(stage.gateway.broker().is_deserted(), "nobody is left to hear anything");
}
