//! Of the same scenarios those about what a subscription is told, and what is none.

use super::{BOARD, STATUS, connected, publish, suback};
use crate::stage::{Stage, packet, payload, subscribe};

/// `test_dollar_topics`: 4.7.2-1: a filter that begins with a wildcard does not match topics that begin with `$`. Here nothing
/// of `$SYS` is told at all.
#[tokio::test]
async fn dollar_topics() {
    let stage = Stage::open().await;
    for (level, refused) in [(4, 0x80), (5, 0x87)] {
        let mut raw = connected(&stage, level).await;
        raw.send(&subscribe(level, &[("$SYS/#", 0), ("$SYS/broker/uptime", 0), ("+/stores/+/board", 0)])).await;
        assert_eq!(suback(&mut raw, 3).await, [refused, refused, 0]);
        assert!(stage.gateway.broker().publish("$SYS/stores/harbor/board", payload(1, "")).is_err());
    }
}

/// `test_unsubscribe`: 3.10.4-1, 3.10.4-2: what is left is no longer heard; 3.10.4-4: UNSUBACK with the same id; 3.11.3-1 (5.0):
/// a code for each filter, 0x11 where there was none; 3.10.4-5: though none was there.
#[tokio::test]
async fn unsubscribe() {
    for level in [4, 5] {
        let stage = Stage::open().await;
        let mut raw = connected(&stage, level).await;
        raw.send(&subscribe(level, &[(STATUS, 0), (BOARD, 0)])).await;
        suback(&mut raw, 2).await;
        let mut body = vec![0, 7];
        if level == 5 {
            body.push(0);
        }
        for filter in [STATUS, "v1/stores/never/status"] {
            body.extend((filter.len() as u16).to_be_bytes());
            body.extend(filter.as_bytes());
        }
        raw.send(&packet(0xA2, &body)).await;
        let expected: &[u8] = if level == 5 { &[0xB0, 5, 0, 7, 0, 0, 0x11] } else { &[0xB0, 2, 0, 7] };
        assert_eq!(raw.packet().await, expected);
        stage.publish(STATUS, i64::from(level) + 100);
        stage.publish(BOARD, i64::from(level) + 100);
        assert_eq!(publish(&raw.packet().await, level).0, BOARD);
    }
}

/// `test_subscribe_failure`: 3.9.3-2 (3.1.1): 0x80; 3.9.3 (5.0): the reason. The other filters of the packet are granted: 3.9.3-1, one
/// code for each, in order.
#[tokio::test]
async fn subscribe_failure() {
    let stage = Stage::open().await;
    for (level, denied, invalid, shared) in [(4, 0x80, 0x80, 0x80), (5, 0x87, 0x8F, 0x9E)] {
        let mut raw = connected(&stage, level).await;
        let filters = ["v1/stores/harbor/queue", STATUS, "v1/a/#/b", "v1/stores/har+/status", "$share/g/v1/x", "", BOARD];
        raw.send(&subscribe(level, &filters.map(|filter| (filter, 0)))).await;
        assert_eq!(suback(&mut raw, 7).await, [denied, 0, invalid, invalid, shared, invalid, 0], "level {level}");
    }
}

/// `test_retain_handling` (5.0): 3.8.4-4 and 3.3.1-9 to 3.3.1-11: 0 always, 1 for a subscription that is new, 2 never.
#[tokio::test]
async fn retain_handling() {
    let stage = Stage::open().await;
    stage.publish(STATUS, 1);
    let answers = [(0x00, [true, true]), (0x10, [true, false]), (0x20, [false, false])];
    for (options, answered) in answers {
        let mut raw = connected(&stage, 5).await;
        for wanted in answered {
            raw.send(&subscribe(5, &[(STATUS, options)])).await;
            raw.send(&[0xC0, 0]).await;
            let (mut told, mut pinged, mut acknowledged) = (false, false, false);
            while !pinged || !acknowledged || told != wanted {
                let packet = raw.packet().await;
                match packet[0] {
                    0x90 => acknowledged = true,
                    0xD0 => pinged = true,
                    _ => told = publish(&packet, 5).2,
                }
            }
            // What were too much would come before this.
            raw.send(&[0xC0, 0]).await;
            assert_eq!(raw.packet().await, [0xD0, 0], "retain handling {options:x}");
        }
    }
}

/// `test_retain_as_published` (5.0): 3.3.1-12, 3.3.1-13: news keep the flag they were published with for who asks for it.
#[tokio::test]
async fn retain_as_published() {
    let stage = Stage::open().await;
    let mut raw = connected(&stage, 5).await;
    raw.send(&subscribe(5, &[(STATUS, 0x08), (BOARD, 0)])).await;
    suback(&mut raw, 2).await;
    stage.publish(STATUS, 1);
    stage.publish(BOARD, 1);
    let flags: std::collections::BTreeMap<_, _> = [raw.packet().await, raw.packet().await]
        .iter()
        .map(|packet| {
            let (topic, _, retained, ..) = publish(packet, 5);
            (topic, retained)
        })
        .collect();
    assert_eq!((flags[STATUS], flags[BOARD]), (true, false));
}

/// `test_overlapping_subscriptions`: 3.3.4-2 and 3.3.4-3 (5.0), 3.3.5-1 (3.1.1): one message, at the highest QoS of the filters that match.
#[tokio::test]
async fn overlapping_subscriptions() {
    for level in [4, 5] {
        let stage = Stage::open().await;
        let mut raw = connected(&stage, level).await;
        raw.send(&subscribe(level, &[("v1/stores/+/status", 1), (STATUS, 0)])).await;
        suback(&mut raw, 2).await;
        stage.publish(STATUS, i64::from(level));
        assert_eq!(publish(&raw.packet().await, level).1, 1);
        raw.send(&[0xC0, 0]).await;
        assert_eq!(raw.packet().await, [0xD0, 0], "once");
    }
}
