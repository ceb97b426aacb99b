//! The scenarios of the Eclipse Paho conformance tests (`paho.mqtt.testing`, `client_test.py` and `client_test5.py`), as far
//! as they apply to a server that nobody may publish to and that keeps no sessions. What a scenario publishes by a second
//! client is published by the shop here. Beside each stands the clause it is about: of 3.1.1 and of 5.0 where both have one.

#[path = "conformance/subscriptions.rs"]
mod subscriptions;

use crate::stage::{Raw, Stage, connect, connect_with, packet, payload, sequence, soon, subscribe, subscribe_with};

const STATUS: &str = "v1/stores/harbor/status";
const BOARD: &str = "v1/stores/harbor/board";

/// Connected, CONNACK read.
async fn connected(stage: &Stage, level: u8) -> Raw {
    let mut raw = stage.raw().await;
    raw.send(&connect(level, 60, None)).await;
    let ack = raw.packet().await;
    assert_eq!((ack[0], ack[2], ack[3]), (0x20, 0, 0), "level {level}");
    raw
}

/// The codes of a SUBACK with this packet id.
async fn suback(raw: &mut Raw, codes: usize) -> Vec<u8> {
    let ack = raw.packet().await;
    assert_eq!((ack[0], &ack[2..4]), (0x90, &[0, 1][..]));
    ack[ack.len() - codes..].to_vec()
}

/// A PUBLISH: its topic, QoS, retain flag, packet id and sequence.
fn publish(packet: &[u8], level: u8) -> (String, u8, bool, u16, i64) {
    assert_eq!(packet[0] >> 4, 3, "{packet:x?}");
    let mut at = 1 + packet[1..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let qos = packet[0] >> 1 & 3;
    let length = usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
    let topic = String::from_utf8(packet[at + 2..at + 2 + length].to_vec()).unwrap();
    at += 2 + length;
    let id = if qos > 0 { u16::from_be_bytes([packet[at], packet[at + 1]]) } else { 0 };
    at += if qos > 0 { 2 } else { 0 };
    at += if level == 5 { 1 + usize::from(packet[at]) } else { 0 };
    (topic, qos, packet[0] & 1 == 1, id, sequence(&packet[at..]))
}

/// `testBasic`: 3.1.4-4 (3.1.1) and 3.1.4-5 (5.0), CONNACK; 3.8.4-1, SUBACK; 3.8.4-6 and 3.8.4-8, the QoS granted; 3.3.4, the
/// message; 3.14.4, the end.
#[tokio::test]
async fn basic() {
    for (level, asked) in [(4, [0, 1, 2]), (5, [0, 1, 2])] {
        let stage = Stage::open().await;
        let mut raw = connected(&stage, level).await;
        let filters: Vec<_> = [STATUS, BOARD, "v1/stores/pier/status"].into_iter().zip(asked).collect();
        raw.send(&subscribe(level, &filters)).await;
        assert_eq!(suback(&mut raw, 3).await, [0, 1, 1], "the highest that is granted is 1");
        for (topic, qos) in [(STATUS, 0), (BOARD, 1), ("v1/stores/pier/status", 1)] {
            stage.publish(topic, i64::from(level));
            let (heard, of, retained, id, sequence) = publish(&raw.packet().await, level);
            assert_eq!((heard.as_str(), of, retained, sequence), (topic, qos, false, i64::from(level)));
            assert_eq!(id == 0, qos == 0);
            if id > 0 {
                raw.send(&packet(0x40, &id.to_be_bytes())).await;
            }
        }
        raw.send(&[0xE0, 0]).await;
        assert_eq!(raw.rest().await, b"", "3.14.4-2: the server says nothing more");
    }
}

/// `test_retained_message`: 3.3.1-6 (3.1.1), 3.3.1-9 (5.0): the newest is sent to who subscribes, flagged; 3.3.1-9 (3.1.1),
/// 3.3.1-12 (5.0): news are not flagged.
#[tokio::test]
async fn retained() {
    let stage = Stage::open().await;
    for store in ["harbor", "pier", "unicorn"] {
        stage.publish(&format!("v1/stores/{store}/status"), 1);
        stage.publish(&format!("v1/stores/{store}/status"), 2);
    }
    for level in [4, 5] {
        let mut raw = connected(&stage, level).await;
        raw.send(&subscribe(level, &[("+/stores/+/status", 1)])).await;
        assert_eq!(suback(&mut raw, 1).await, [1]);
        let mut heard = Vec::new();
        for _ in 0..3 {
            let (topic, _, retained, _, sequence) = publish(&raw.packet().await, level);
            assert!(retained && sequence == 2, "{topic}");
            heard.push(topic);
        }
        heard.sort();
        assert_eq!(heard, ["v1/stores/harbor/status", "v1/stores/pier/status", "v1/stores/unicorn/status"]);
    }
    let mut raw = connected(&stage, 4).await;
    raw.send(&subscribe(4, &[(STATUS, 0)])).await;
    suback(&mut raw, 1).await;
    assert!(publish(&raw.packet().await, 4).2);
    stage.publish(STATUS, 3);
    assert!(!publish(&raw.packet().await, 4).2, "news");
}

/// `test_zero_length_clientid`: 3.1.3-6 and 3.1.3-7 (3.1.1): taken with a clean session; 3.1.3-8 and 3.1.3-9: refused with 2
/// without one. 3.1.3-6 and 3.1.3-7 (5.0): taken, and a name is assigned.
#[tokio::test]
async fn zero_length_client_id() {
    let stage = Stage::open().await;
    let mut raw = stage.raw().await;
    raw.send(&connect_with(4, 0b10, 60, &[], "")).await;
    assert_eq!(raw.packet().await, [0x20, 2, 0, 0]);
    let mut raw = stage.raw().await;
    raw.send(&connect_with(4, 0, 60, &[], "")).await;
    assert_eq!(raw.rest().await, [0x20, 2, 0, 2]);

    let mut names = std::collections::HashSet::new();
    for flags in [0, 0b10] {
        let mut raw = stage.raw().await;
        raw.send(&connect_with(5, flags, 60, &[], "")).await;
        let ack = raw.packet().await;
        assert_eq!((ack[2], ack[3]), (0, 0));
        // 3.2.2.3.7: property 18.
        let at = ack.windows(3).position(|window| window == [18, 0, 36]).expect("an assigned client id");
        assert!(names.insert(ack[at + 3..at + 39].to_vec()), "3.2.2-16: unique");
    }
}

/// 3.1.2-6 (3.1.1), 3.2.2-3 and 3.2.2.3.2 (5.0): no session is kept, and it is said: session present is 0, session expiry 0.
#[tokio::test]
async fn no_session_is_kept() {
    let stage = Stage::open().await;
    for level in [4, 5] {
        let properties: &[u8] = if level == 5 { &[17, 0, 0, 0, 99] } else { &[] };
        for _ in 0..2 {
            let mut raw = stage.raw().await;
            raw.send(&connect_with(level, 0, 60, properties, "kept")).await;
            let ack = raw.packet().await;
            assert_eq!((ack[2], ack[3]), (0, 0), "level {level}");
            assert!(level == 4 || ack.windows(5).any(|window| window == [17, 0, 0, 0, 0]), "{ack:x?}");
            raw.send(&subscribe(level, &[(STATUS, 1)])).await;
            suback(&mut raw, 1).await;
        }
        let mut raw = stage.raw().await;
        raw.send(&connect_with(level, 0, 60, properties, "kept")).await;
        raw.packet().await;
        stage.publish(STATUS, i64::from(level));
        raw.send(&[0xC0, 0]).await;
        assert_eq!(raw.packet().await, [0xD0, 0], "nothing of an earlier connection");
    }
}

/// `test_flow_control1` (5.0): 3.3.4-9: never more at QoS 1 without acknowledgement than the client's receive maximum.
#[tokio::test]
async fn flow_control() {
    let stage = Stage::open().await;
    let mut raw = stage.raw().await;
    raw.send(&connect_with(5, 0b10, 60, &[33, 0, 2], "c")).await;
    raw.packet().await;
    raw.send(&subscribe(5, &[("v1/stores/+/status", 1)])).await;
    suback(&mut raw, 1).await;
    for n in 0..10 {
        stage.publish(&format!("v1/stores/s{n}/status"), 1);
    }
    let mut open = vec![publish(&raw.packet().await, 5).3, publish(&raw.packet().await, 5).3];
    for _ in 2..10 {
        raw.send(&[0xC0, 0]).await;
        assert_eq!(raw.packet().await, [0xD0, 0], "no third");
        raw.send(&packet(0x40, &open.remove(0).to_be_bytes())).await;
        let id = publish(&raw.packet().await, 5).3;
        assert!(!open.contains(&id), "2.2.1-4: an id that is not in use");
        open.push(id);
    }
}

/// `test_maximum_packet_size` (5.0): 3.1.2-24, 3.1.2-25: what is too large for the client is left out, and what is not is sent;
/// 3.2.2-15: what is too large for the server ends the connection with 0x95.
#[tokio::test]
async fn maximum_packet_size() {
    let stage = Stage::open().await;
    let mut raw = stage.raw().await;
    raw.send(&connect_with(5, 0b10, 60, &[39, 0, 0, 0, 200], "c")).await;
    raw.packet().await;
    raw.send(&subscribe(5, &[(STATUS, 0), (BOARD, 0)])).await;
    suback(&mut raw, 2).await;
    stage.gateway.broker().publish(STATUS, payload(1, &"x".repeat(300))).unwrap();
    stage.publish(BOARD, 1);
    assert_eq!(publish(&raw.packet().await, 5).0, BOARD);
    let tiny = connect_with(5, 0b10, 60, &[39, 0, 0, 0, 5], "c");
    let mut raw = stage.raw().await;
    raw.send(&tiny).await;
    assert_eq!(raw.rest().await, b"", "not even CONNACK fits");
    let mut raw = connected(&stage, 5).await;
    raw.send(&[0x82, 0x81, 0x80, 0x04]).await;
    assert_eq!(raw.end().await, Some(0x95));
}

/// 3.1.2-24 with 3.2.2.3.9, 3.4.2.2.2 and 3.14.2.2.3 (5.0): where the words of a reason are too large for the client, the code
/// comes alone.
#[tokio::test]
async fn a_reason_fits_into_what_the_client_takes() {
    let stage = Stage::open().await;
    let takes = async |size: u8| {
        let mut raw = stage.raw().await;
        raw.send(&connect_with(5, 0b10, 60, &[39, 0, 0, 0, size], "c")).await;
        assert_eq!(raw.packet().await[3], 0);
        raw
    };
    // CONNECT: a client id that is too long, a token that is none.
    let mut raw = stage.raw().await;
    raw.send(&connect_with(5, 0b10, 60, &[39, 0, 0, 0, 20], &"c".repeat(257))).await;
    assert_eq!(raw.rest().await, [0x20, 3, 0, 0x85, 0]);
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 5, 0b0100_0010, 0, 60, 5, 39, 0, 0, 0, 20];
    for text in ["c", "wrong"] {
        body.extend([0, text.len() as u8]);
        body.extend(text.as_bytes());
    }
    let mut raw = stage.raw().await;
    raw.send(&packet(0x10, &body)).await;
    assert_eq!(raw.rest().await, [0x20, 3, 0, 0x86, 0]);

    // PUBLISH at QoS 1, and the connection goes on.
    let topic = [&[0, STATUS.len() as u8], STATUS.as_bytes()].concat();
    let mut raw = takes(64).await;
    raw.send(&packet(0x32, &[&topic[..], &[0, 9, 0], b"{}"].concat())).await;
    assert_eq!(raw.packet().await, [0x40, 4, 0, 9, 0x87, 0]);
    raw.send(&[0xC0, 0]).await;
    assert_eq!(raw.packet().await, [0xD0, 0]);

    // What ends the connection: PUBLISH at QoS 0, and no packet at all.
    let published = packet(0x30, &[&topic[..], &[0], b"{}"].concat());
    for (bytes, code) in [(&published[..], 0x87), (&[0, 0], 0x81)] {
        let mut raw = takes(40).await;
        raw.send(bytes).await;
        assert_eq!(raw.rest().await, [0xE0, 1, code]);
    }
}

/// `test_server_topic_alias` and `test_client_topic_alias` (5.0): 3.1.2.11.5: none is sent where the client allows none; 3.2.2.3.8, 3.3.2-9:
/// the server allows none and ends a connection that uses one with 0x94.
#[tokio::test]
async fn topic_alias() {
    let stage = Stage::open().await;
    let mut raw = stage.raw().await;
    raw.send(&connect_with(5, 0b10, 60, &[34, 0, 9], "c")).await;
    let ack = raw.packet().await;
    assert!(!ack[5..].contains(&34), "no topic alias maximum: {ack:x?}");
    raw.send(&subscribe(5, &[(STATUS, 0)])).await;
    suback(&mut raw, 1).await;
    for n in 1..4 {
        stage.publish(STATUS, n);
        assert_eq!(publish(&raw.packet().await, 5).0, STATUS, "the name in every message");
    }
    raw.send(&[0x30, 6, 0, 0, 3, 35, 0, 1]).await;
    assert_eq!(raw.end().await, Some(0x94));
}

/// `test_keepalive`: 3.1.2-24 (3.1.1), 3.1.2-22 (5.0): silence of one and a half keep-alives ends the connection; 3.12.4-1: PINGREQ is
/// answered, and is no silence.
#[tokio::test]
async fn keep_alive() {
    let stage = Stage::open().await;
    for (level, reason) in [(4, None), (5, Some(0x8D))] {
        let mut raw = stage.raw().await;
        raw.send(&connect(level, 1, None)).await;
        raw.packet().await;
        let began = std::time::Instant::now();
        while began.elapsed().as_millis() < 2_000 {
            raw.send(&[0xC0, 0]).await;
            assert_eq!(raw.packet().await, [0xD0, 0]);
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        assert_eq!(soon("the end", raw.end()).await, reason);
    }
}

/// `test_user_properties`, `test_request_response`, `test_payload_format` (5.0): properties that the server has no use for are taken, and what it
/// says of a payload is true: 3.3.2.3.2 (UTF-8) and 3.3.2.3.9 (the content type).
#[tokio::test]
async fn properties() {
    let stage = Stage::open().await;
    let mut raw = stage.raw().await;
    // Request response information, request problem information, a user property.
    let asked = [25, 1, 23, 0, 38, 0, 1, b'a', 0, 1, b'b'];
    raw.send(&connect_with(5, 0b10, 60, &asked, "c")).await;
    assert_eq!(raw.packet().await[3], 0);
    raw.send(&subscribe_with(5, &[38, 0, 1, b'a', 0, 0], &[(STATUS, 0), ("v1/orders/#", 0)])).await;
    let ack = raw.packet().await;
    assert_eq!(ack, [0x90, 5, 0, 1, 0, 0, 0x87], "3.1.2-29: no reason in words for who wants none");
    stage.publish(STATUS, 1);
    let packet = raw.packet().await;
    assert!(packet.windows(2).any(|window| window == [1, 1]), "UTF-8: {packet:x?}");
    assert!(String::from_utf8_lossy(&packet).contains("application/cloudevents+json"));
}

/// `test_client_id_takeover`: 3.1.4-2 (3.1.1), 3.1.4-3 (5.0): the older connection ends, with 0x8E. Within one identity only: a stranger's
/// client id is another one.
#[tokio::test]
async fn takeover() {
    let stage = Stage::open().await;
    for (level, reason) in [(4, None), (5, Some(0x8E))] {
        let mut first = stage.raw().await;
        first.send(&connect(level, 60, Some("barista"))).await;
        first.packet().await;
        let _stranger = connected(&stage, level).await;
        first.send(&[0xC0, 0]).await;
        assert_eq!(first.packet().await, [0xD0, 0]);
        let mut second = stage.raw().await;
        second.send(&connect(level, 60, Some("barista"))).await;
        second.packet().await;
        assert_eq!(first.end().await, reason);
    }
}
