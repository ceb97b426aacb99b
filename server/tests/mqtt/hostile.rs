//! Bytes that no client would send, and clients that do not behave.

use std::collections::BTreeSet;

use crate::stage::{Stage, connect, packet, payload, sequence, soon, subscribe};

const STATUS: &str = "v1/stores/harbor/status";

#[tokio::test]
async fn packets_arrive_byte_by_byte_and_many_at_once() {
    let stage = Stage::open().await;
    stage.publish(STATUS, 1);
    let mut raw = stage.raw().await;
    let mut bytes = connect(5, 60, None);
    bytes.extend(subscribe(5, &[(STATUS, 0)]));
    bytes.extend([0xC0, 0]);
    for byte in &bytes {
        raw.send(&[*byte]).await;
    }
    assert_eq!(raw.packet().await[0], 0x20);
    assert_eq!(raw.packet().await, [0x90, 4, 0, 1, 0, 0]);
    assert_eq!(raw.packet().await, [0xD0, 0]);
    assert_eq!(raw.packet().await[0], 0x31);

    let mut raw = stage.raw().await;
    raw.send(&bytes).await;
    let kinds = [raw.packet().await[0], raw.packet().await[0], raw.packet().await[0], raw.packet().await[0]];
    assert_eq!(kinds, [0x20, 0x90, 0xD0, 0x31]);
}

#[tokio::test]
async fn nonsense_ends_the_connection_with_the_reason() {
    let stage = Stage::open().await;
    let two = connect(5, 60, None);
    let too_large = [0x30, 0xFF, 0xFF, 0x7F];
    let cases: [(&str, &[u8], u8); 9] = [
        ("a reserved type", &[0x00, 0], 0x81),
        ("wrong flags", &[0x80, 2, 0, 1], 0x81),
        ("a length without end", &[0x30, 0xFF, 0xFF, 0xFF, 0xFF], 0x81),
        ("no filter", &[0x82, 3, 0, 1, 0], 0x81),
        ("packet id 0", &[0x82, 7, 0, 0, 0, 0, 1, b'a', 0], 0x81),
        ("a string past the end", &[0x82, 6, 0, 1, 0, 0, 9, b'a'], 0x81),
        ("more than is taken", &too_large, 0x95),
        ("CONNECT again", &two, 0x82),
        ("AUTH", &[0xF0, 0], 0x82),
    ];
    for (what, bytes, reason) in cases {
        let mut raw = stage.raw().await;
        raw.send(&connect(5, 60, None)).await;
        assert_eq!(raw.packet().await[0], 0x20);
        raw.send(bytes).await;
        let end = raw.rest().await;
        assert_eq!(end, [0xE0, 1, reason], "{what}");
    }
}

#[tokio::test]
async fn who_does_not_begin_with_connect_hears_nothing() {
    let stage = Stage::open().await;
    for bytes in [
        &[0xC0, 0][..],
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        &subscribe(4, &[(STATUS, 0)]),
        &[0x16, 3, 1, 2, 0],
        &[0x10, 4, 0, 4, b'A', b'B'],
    ] {
        let mut raw = stage.raw().await;
        raw.send(bytes).await;
        assert_eq!(raw.rest().await, b"", "{bytes:x?}");
    }
    for (level, answer) in [(3, &[0x20, 2, 0, 1][..]), (6, &[0x20, 3, 0, 0x84, 0])] {
        let mut raw = stage.raw().await;
        raw.send(&connect(level, 60, None)).await;
        assert_eq!(raw.rest().await, answer, "level {level}");
    }
    // Half a CONNECT and then the end leaves nothing behind.
    let mut raw = stage.raw().await;
    raw.send(&connect(4, 60, None)[..7]).await;
    drop(raw);
    soon("every place is free again", async {
        while stage.gateway.connections() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn publishing_is_refused_as_each_version_can() {
    let stage = Stage::open().await;
    let topic = [&[0, STATUS.len() as u8], STATUS.as_bytes()].concat();
    let qos = |level: u8, qos: u8| {
        let mut body = topic.clone();
        if qos > 0 {
            body.extend([0, 9]);
        }
        if level == 5 {
            body.push(0);
        }
        body.extend(b"{}");
        packet(0x31 | qos << 1, &body)
    };
    let connected = async |level: u8| {
        let mut raw = stage.raw().await;
        raw.send(&connect(level, 60, Some("barista"))).await;
        assert_eq!(raw.packet().await[3], 0);
        raw
    };
    let mut raw = connected(5).await;
    raw.send(&qos(5, 1)).await;
    assert_eq!(raw.packet().await, [0x40, 4, 0, 9, 0x87, 0]);
    raw.send(&qos(5, 0)).await;
    assert_eq!(raw.rest().await, [0xE0, 1, 0x87]);
    let mut raw = connected(5).await;
    raw.send(&qos(5, 2)).await;
    assert_eq!(raw.rest().await, [0xE0, 1, 0x9B]);
    for level in 0..=2 {
        let mut raw = connected(4).await;
        raw.send(&qos(4, level)).await;
        assert_eq!(raw.rest().await, b"");
    }
}

#[tokio::test]
async fn a_slow_reader_gets_the_newest_and_no_backlog() {
    let stage = Stage::open().await;
    let mut raw = stage.raw().await;
    raw.send(&connect(4, 0, None)).await;
    raw.send(&subscribe(4, &[(STATUS, 0)])).await;
    assert_eq!(raw.packet().await[0], 0x20);
    assert_eq!(raw.packet().await[0], 0x90);
    // Far more than the sockets hold; the session gets its turn after each, and finds them full.
    let filling = "x".repeat(100_000);
    let published = 1000;
    for n in 1..=published {
        stage.gateway.broker().publish(STATUS, payload(n, &filling)).unwrap();
        tokio::task::yield_now().await;
    }
    let (mut received, mut last) = (0, 0);
    while last < published {
        let packet = raw.packet().await;
        let start = packet.iter().position(|byte| *byte == b'{').unwrap();
        let next = sequence(&packet[start..]);
        assert!(next > last);
        (received, last) = (received + 1, next);
    }
    assert!(received < published / 2, "{received} of {published}");
}

#[tokio::test]
async fn no_more_is_sent_than_the_client_acknowledges() {
    let stage = Stage::open().await;
    let mut raw = stage.raw().await;
    raw.send(&connect(4, 60, None)).await;
    raw.send(&subscribe(4, &[("v1/stores/+/status", 1)])).await;
    raw.packet().await;
    raw.packet().await;
    for n in 0..40 {
        stage.publish(&format!("v1/stores/s{n}/status"), 1);
    }
    raw.send(&[0xC0, 0]).await;
    let mut ids = BTreeSet::new();
    let mut pinged = false;
    while ids.len() < 16 || !pinged {
        let packet = raw.packet().await;
        if packet == [0xD0, 0] {
            pinged = true;
            continue;
        }
        assert_eq!(packet[0], 0x32);
        let topic = usize::from(packet[3]);
        assert!(ids.insert(u16::from_be_bytes([packet[4 + topic], packet[5 + topic]])));
    }
    // Nothing more until one is acknowledged, and then one.
    raw.send(&[0xC0, 0]).await;
    assert_eq!(raw.packet().await, [0xD0, 0]);
    let [high, low] = ids.first().unwrap().to_be_bytes();
    raw.send(&[0x40, 2, high, low, 0xC0, 0]).await;
    let kinds = BTreeSet::from([raw.packet().await[0], raw.packet().await[0]]);
    assert_eq!(kinds, BTreeSet::from([0x32, 0xD0]));
}

#[tokio::test]
async fn a_silent_client_is_left_after_half_as_long_again() {
    let stage = Stage::open().await;
    let mut raw = stage.raw().await;
    let began = std::time::Instant::now();
    raw.send(&connect(5, 1, None)).await;
    assert_eq!(raw.packet().await[0], 0x20);
    assert_eq!(raw.rest().await, [0xE0, 1, 0x8D]);
    assert!(began.elapsed().as_millis() >= 1500);
}

#[tokio::test]
async fn a_keep_alive_of_for_ever_is_not_granted_in_5_0() {
    let stage = Stage::open().await;
    let mut raw = stage.raw().await;
    raw.send(&connect(5, 0, None)).await;
    let ack = raw.packet().await;
    // Property 19, server keep alive: 600 s.
    assert!(ack.windows(3).any(|bytes| bytes == [19, 2, 88]), "{ack:x?}");
}
