//! Strangers who ask for more than there is, or in more ways than one needs.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use server::mqtt::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::stage::{Raw, Stage, connect, packet, soon, subscribe};

const STATUS: &str = "v1/stores/harbor/status";

async fn connected(stage: &Stage, level: u8) -> Raw {
    let mut raw = stage.raw().await;
    raw.send(&connect(level, 60, None)).await;
    assert_eq!(raw.packet().await[3], 0);
    raw
}

/// UNSUBSCRIBE with id 7.
fn unsubscribe(filters: &[&str]) -> Vec<u8> {
    let mut body = vec![0, 7, 0];
    for filter in filters {
        body.extend((filter.len() as u16).to_be_bytes());
        body.extend(filter.as_bytes());
    }
    packet(0xA2, &body)
}

/// Each filter that somebody gives up is weighed, as each that they ask for is: thousands fit into one packet.
#[tokio::test]
async fn who_unsubscribes_without_end_is_cut_off_and_nobody_else_notices() {
    let stage = Stage::with(Limits { packets_at_once: 1000, packets_per_second: 1, ..Limits::default() }).await;
    let mut quiet = connected(&stage, 5).await;
    let mut loud = connected(&stage, 5).await;
    loud.send(&subscribe(5, &[(STATUS, 0)])).await;
    assert_eq!(loud.packet().await, [0x90, 4, 0, 1, 0, 0]);
    // One that is there, once, and many that are not: they are told apart.
    let filters = [&["a"; 800][..], &[STATUS, STATUS]].concat();
    loud.send(&unsubscribe(&filters)).await;
    let answer = loud.packet().await;
    let codes = &answer[answer.len() - filters.len()..];
    assert!(codes[..800].iter().all(|code| *code == 0x11) && codes[800..] == [0, 0x11], "{codes:x?}");
    // A few more than were left, and as many as a packet has room for.
    for filters in [vec!["a"; 400], vec!["a"; 20_000]] {
        loud.send(&unsubscribe(&filters)).await;
        assert_eq!(loud.end().await, Some(0x96));
        quiet.send(&[0xC0, 0]).await;
        assert_eq!(quiet.packet().await, [0xD0, 0]);
        loud = connected(&stage, 5).await;
    }
    assert_eq!(stage.counters.refused.get(), 2);
}

/// Names of stores that there are not: refused like somebody else's, and all of them cost the shop a query a second.
#[tokio::test]
async fn made_up_stores_are_refused_and_cost_nothing() {
    let stage = Stage::with(Limits { packets_at_once: 10_000, ..Limits::default() }).await;
    let topics = |n: usize| ["status", "menu", "board"].map(|of| format!("v1/stores/nosuch-{n}/{of}"));
    let names: Vec<_> = (0..300).flat_map(topics).collect();
    let filters: Vec<_> = names.iter().map(String::as_str).chain([STATUS]).map(|filter| (filter, 0)).collect();
    let begun = Instant::now();
    for (level, refused) in [(5, 0x87), (4, 0x80)] {
        let mut raw = connected(&stage, level).await;
        raw.send(&subscribe(level, &filters)).await;
        let answer = raw.packet().await;
        let (granted, codes) = answer[answer.len() - filters.len()..].split_last().unwrap();
        assert!(*granted == 0 && codes.iter().all(|code| *code == refused), "level {level}: {codes:x?}");
    }
    let mut read = 0;
    stage.house.arrange(|facts| read = facts.stores_read);
    // Every other second the gateway looks by itself whether the shop answers.
    assert!((1..=2 + 2 * begun.elapsed().as_secs()).contains(&read), "{read} in {:?}", begun.elapsed());

    // One that opens is known soon.
    stage.house.arrange(|facts| facts.stores.extend(["nosuch-7".parse::<domain::StoreId>().unwrap()]));
    let mut raw = connected(&stage, 5).await;
    soon("the new store", async {
        loop {
            raw.send(&subscribe(5, &[("v1/stores/nosuch-7/board", 0)])).await;
            if raw.packet().await.last() == Some(&0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}

/// Whoever is crowded out is told so when they have said who they are; those far beyond are not waited for.
#[tokio::test]
async fn an_address_far_beyond_its_places_takes_none_from_others() {
    let stage = Stage::with(Limits { per_address: 2, ..Limits::default() }).await;
    let (crowd, other) = ([192, 0, 2, 1], [192, 0, 2, 2]);
    let mut carried = Vec::new();
    let mut closed = 0;
    for from in std::iter::repeat_n(crowd, 40).chain([other]) {
        let (ours, theirs) = tokio::io::duplex(4096);
        let mut carrying = Box::pin(stage.gateway.carry(theirs, IpAddr::V4(Ipv4Addr::from(from))));
        tokio::select! {
            biased;
            () = &mut carrying => {
                assert_eq!(from, crowd);
                closed += 1;
            }
            () = std::future::ready(()) => carried.push((ours, carrying)),
        }
    }
    assert_eq!((closed, carried.len(), stage.gateway.connections()), (22, 2 + 16 + 1, 19));
    let code = async |at: usize, carried: &mut Vec<_>| {
        let (mut ours, carrying): (tokio::io::DuplexStream, _) = carried.remove(at);
        let greeted = async {
            ours.write_all(&connect(5, 60, None)).await.unwrap();
            let mut answer = [0; 4];
            ours.read_exact(&mut answer).await.unwrap();
            drop(ours);
            answer[3]
        };
        let ((), code) = tokio::join!(carrying, greeted);
        code
    };
    assert_eq!(code(18, &mut carried).await, 0, "somebody of another address");
    assert_eq!(code(17, &mut carried).await, 0x97, "one of the crowd");
    assert_eq!(code(0, &mut carried).await, 0, "the first of it");
    assert_eq!(stage.gateway.connections(), 16);
}

/// 3.2.2-12: whoever wants a will at a higher quality of service than was told is refused with that reason.
#[tokio::test]
async fn a_will_beyond_what_is_offered_is_refused() {
    let stage = Stage::open().await;
    for (level, qos, code) in [(5, 1, 0), (5, 2, 0x9B), (4, 2, 0)] {
        let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', level, 0b0000_0110 | qos << 3, 0, 60];
        let none: &[u8] = if level == 5 { &[0] } else { &[] };
        for piece in [none, &[0, 1, b'c'], none, &[0, 1, b't'], &[0, 1, b'm']] {
            body.extend(piece);
        }
        let mut raw = stage.raw().await;
        raw.send(&packet(0x10, &body)).await;
        let answer = raw.packet().await;
        assert_eq!((answer[0], answer[3]), (0x20, code), "level {level}, QoS {qos}");
    }
}
