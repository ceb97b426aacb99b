//! Nonsense: packets that are right, nearly right and not at all, through codec and session, from a generator that makes the
//! same ones each time. `cargo xtask mqtt-fuzz` sends ten million.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use server::mqtt::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::stage::{Stage, connect, order, packet, payload, shopper, soon, subscribe_with};

/// How many packets, where nobody says.
const PACKETS: u64 = 20_000;
/// Packets of one connection, at most: many end sooner.
const OF_ONE: u64 = 120;
/// Bytes under way at once: so few are left unread by a session that ends.
const PIPE: usize = 64;
/// What the process may grow by, in KiB: allocators keep some of what they had.
const GROWTH: i64 = 24 * 1024;

/// A generator of numbers (splitmix64): the same ones for the same seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.next() as u8).collect()
    }
}

const FILTERS: [&str; 16] = [
    "v1/stores/harbor/status",
    "v1/stores/+/status",
    "v1/stores/harbor/queue",
    "v1/orders/00000000-0000-0000-0000-000000000001",
    "v1/orders/+",
    "v1/#",
    "#",
    "+/+/+/+",
    "a/#/b",
    "a+",
    "$SYS/#",
    "$share/g/v1/#",
    "",
    "/",
    "v1//",
    "v1/stores/\u{1F9CB}/status",
];

/// A packet that is right, of any kind; those that end a session are rare.
fn sound(numbers: &mut Numbers, level: u8) -> Vec<u8> {
    let id = [numbers.next() as u8, numbers.next() as u8];
    match numbers.below(60) {
        0 => connect(level, 60, Some("lin")),
        1 => vec![0xE0, 0],
        2..=24 => {
            let mut options = || {
                let qos = numbers.below(3) as u8;
                // No local, retain as published, retain handling: of 5.0 only.
                if level == 5 { qos | (numbers.below(4) as u8) << 2 | (numbers.below(3) as u8) << 4 } else { qos }
            };
            let options: Vec<_> = (0..4).map(|_| options()).collect();
            let filters: Vec<_> = options[..=numbers.below(4)].iter().map(|options| (*numbers.pick(&FILTERS), *options)).collect();
            let properties: &[u8] = if level == 5 && numbers.one_in(4) { &[38, 0, 1, b'a', 0, 1, b'b'] } else { &[] };
            subscribe_with(level, properties, &filters)
        }
        25..=36 => {
            let mut body = id.to_vec();
            if level == 5 {
                body.push(0);
            }
            let filter = numbers.pick(&FILTERS);
            body.extend((filter.len() as u16).to_be_bytes());
            body.extend(filter.as_bytes());
            packet(0xA2, &body)
        }
        37 | 38 => {
            let topic = numbers.pick(&FILTERS);
            let mut body = (topic.len() as u16).to_be_bytes().to_vec();
            body.extend(topic.as_bytes());
            if level == 5 {
                body.push(0);
            }
            body.extend(numbers.bytes(40));
            packet(0x30 | numbers.below(16) as u8, &body)
        }
        39..=46 => packet(0x40, &id),
        _ => vec![0xC0, 0],
    }
}

/// The same, broken in some way, or bytes of no kind at all.
fn broken(numbers: &mut Numbers, level: u8) -> Vec<u8> {
    let mut bytes = sound(numbers, level);
    match numbers.below(8) {
        0 => {
            let body = numbers.bytes(60);
            bytes = packet(numbers.next() as u8, &body);
        }
        1 => bytes = numbers.bytes(40),
        2 => bytes.truncate(numbers.below(bytes.len())),
        3 => {
            let at = numbers.below(bytes.len());
            bytes.insert(at, numbers.next() as u8);
        }
        4 => bytes[1] = numbers.next() as u8,
        5 => {
            let other = sound(numbers, 9 - level);
            let at = numbers.below(bytes.len());
            bytes.splice(at.., other);
        }
        _ => {
            for _ in 0..=numbers.below(3) {
                let at = numbers.below(bytes.len());
                bytes[at] ^= 1 << numbers.below(8);
            }
        }
    }
    bytes
}

/// Resident memory of this process in KiB.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

#[tokio::test]
async fn nonsense_panics_nobody_and_leaves_nothing_behind() {
    let packets = std::env::var("FUZZ_PACKETS").map_or(PACKETS, |packets| packets.parse().expect("FUZZ_PACKETS is a number"));
    let limits = Limits { packets_at_once: u32::MAX, patience: Duration::from_secs(5), ..Limits::default() };
    let stage = Stage::with(limits).await;
    stage.house.arrange(|facts| {
        facts.tokens.insert("lin".to_owned(), shopper(1));
        let whose = backend::identity::Whose { owner: shopper(1).owner(), store: "harbor".parse().unwrap() };
        facts.whose.insert(order(1), whose);
        facts.snapshots.insert(order(1), payload(1, "as it is"));
    });
    stage.publish("v1/stores/harbor/status", 1);
    let mut numbers = Numbers(0x0DDE_71E5);
    let (mut taken, mut connections, mut answered, mut before) = (0_u64, 0_u64, 0_u64, None);
    while taken < packets {
        connections += 1;
        let level = if numbers.one_in(2) { 5 } else { 4 };
        let (near, far) = tokio::io::duplex(PIPE);
        let gateway = stage.gateway.clone();
        let served = tokio::spawn(async move { gateway.carry(far, IpAddr::V4(Ipv4Addr::LOCALHOST)).await });
        // One in eight is broken from its first packet on.
        let mut stream = if numbers.one_in(8) { broken(&mut numbers, level) } else { connect(level, 60, Some("lin")) };
        let mut ends = Vec::new();
        for _ in 0..=numbers.next() % OF_ONE {
            stream.extend(if numbers.one_in(20) { broken(&mut numbers, level) } else { sound(&mut numbers, level) });
            ends.push(stream.len());
        }
        let (mut reader, mut writer) = tokio::io::split(near);
        let write = async {
            // In pieces of any size; the session may have ended before all is there.
            let mut written = 0;
            while written < stream.len() {
                let piece = (stream.len() - written).min(1 + numbers.below(200));
                match writer.write(&stream[written..written + piece]).await {
                    Ok(more) => written += more,
                    Err(_) => return written,
                }
            }
            let _ = writer.shutdown().await;
            written
        };
        let mut answer = Vec::new();
        let read = async {
            let _ = reader.read_to_end(&mut answer).await;
        };
        let (written, ()) = soon("the end of a connection", async { tokio::join!(write, read) }).await;
        soon("the end of a session", served).await.expect("no panic");
        answered += answer.len() as u64;
        // The session has read these for certain.
        taken += ends.iter().filter(|end| **end + PIPE <= written).count() as u64;
        if connections % 50 == 0 {
            stage.publish("v1/stores/harbor/status", connections as i64);
        }
        // The first tenth warms the allocator up.
        if before.is_none() && taken > packets / 10 {
            before = Some(resident());
        }
    }
    let growth = resident() - before.unwrap_or_default();
    println!("{taken} packets over {connections} connections, {answered} bytes of answers, {growth} KiB more than after the first tenth");
    assert!(answered > connections, "most are answered");
    assert!(growth < GROWTH, "{growth} KiB more than after the first tenth");
    assert_eq!(stage.gateway.connections(), 0);
    assert!(stage.gateway.broker().is_deserted(), "nobody is left to hear anything");
}
