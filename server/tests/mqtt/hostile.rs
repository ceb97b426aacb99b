//! Bytes that no client would send, and clients that do not behave.

use std::collections::BTreeSet;
use std::time::Duration;

use server::mqtt::Limits;
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::clients::Client3;
use crate::stage::{Raw, Stage, connect, packet, payload, sequence, soon, subscribe};

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
    let cases: [(&str, &[u8], u8); 22] = [
        ("a reserved type", &[0x00, 0], 0x81),
        ("wrong flags", &[0x80, 2, 0, 1], 0x81),
        ("a length without end", &[0x30, 0xFF, 0xFF, 0xFF, 0xFF], 0x81),
        // 1.5.5-1.
        ("a length in more bytes than it needs", &[0xC0, 0x80, 0], 0x81),
        ("no filter", &[0x82, 3, 0, 1, 0], 0x82),
        ("no filter to leave", &[0xA2, 3, 0, 1, 0], 0x82),
        ("invalid UTF-8", &[0x82, 7, 0, 1, 0, 0, 1, 0xFF, 0], 0x81),
        ("U+0000", &[0x82, 7, 0, 1, 0, 0, 1, 0, 0], 0x81),
        ("a property that is none", &[0x82, 9, 0, 1, 2, 99, 0, 0, 1, b'a', 0], 0x81),
        ("an identifier", &[0x82, 9, 0, 1, 2, 11, 5, 0, 1, b'a', 0], 0xA1),
        ("retain handling 3", &[0x82, 7, 0, 1, 0, 0, 1, b'a', 0x30], 0x82),
        ("a topic alias", &[0x30, 6, 0, 0, 3, 35, 0, 1], 0x94),
        ("no topic", &[0x30, 3, 0, 0, 0], 0x82),
        ("a wildcard in a name", &[0x30, 4, 0, 1, b'#', 0], 0x81),
        ("a session to be kept after all", &[0xE0, 7, 0, 5, 17, 0, 0, 0, 9], 0x82),
        ("packet id 0", &[0x82, 7, 0, 0, 0, 0, 1, b'a', 0], 0x81),
        ("a string past the end", &[0x82, 6, 0, 1, 0, 0, 9, b'a'], 0x81),
        ("more than is taken", &too_large, 0x95),
        ("CONNECT again", &two, 0x82),
        ("AUTH", &[0xF0, 0], 0x82),
        // 3.4.2-1; the second one is a reason of SUBACK and DISCONNECT.
        ("PUBACK with a reserved reason", &[0x40, 3, 0, 1, 0x42], 0x82),
        ("PUBACK with another packet's reason", &[0x40, 4, 0, 1, 0x9E, 0], 0x82),
    ];
    for (what, bytes, reason) in cases {
        let mut raw = stage.raw().await;
        raw.send(&connect(5, 60, None)).await;
        assert_eq!(raw.packet().await[0], 0x20);
        raw.send(bytes).await;
        assert_eq!(raw.end().await, Some(reason), "{what}");
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
    for (level, code) in [(3, 1), (6, 0x84)] {
        let mut raw = stage.raw().await;
        raw.send(&connect(level, 60, None)).await;
        let answer = raw.packet().await;
        assert_eq!((answer[0], answer[3]), (0x20, code), "level {level}");
        assert_eq!(raw.rest().await, b"");
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
    let refused = raw.packet().await;
    assert_eq!((refused[0], &refused[2..5]), (0x40, &[0, 9, 0x87][..]));
    assert!(String::from_utf8_lossy(&refused).contains("clients publish nothing"), "{refused:x?}");
    raw.send(&qos(5, 0)).await;
    assert_eq!(raw.end().await, Some(0x87));
    let mut raw = connected(5).await;
    raw.send(&qos(5, 2)).await;
    assert_eq!(raw.end().await, Some(0x9B));
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
    assert_eq!(raw.end().await, Some(0x8D));
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

#[tokio::test]
async fn ten_thousand_subscriptions_are_a_hundred_and_their_reasons() {
    let stage = Stage::with(Limits { packets_at_once: 20_000, ..Limits::default() }).await;
    stage.house.arrange(|facts| facts.stores.extend((0..10_000).map(|n| format!("s{n}").parse::<domain::StoreId>().unwrap())));
    for (level, refused) in [(5, 0x97), (4, 0x80)] {
        let mut raw = stage.raw().await;
        raw.send(&connect(level, 60, None)).await;
        raw.packet().await;
        let mut codes = Vec::new();
        for packet in 0..10 {
            let filters: Vec<_> = (0..1000).map(|n| format!("v1/stores/s{}/status", packet * 1000 + n)).collect();
            raw.send(&subscribe(level, &filters.iter().map(|filter| (filter.as_str(), 0)).collect::<Vec<_>>())).await;
            let ack = raw.packet().await;
            codes.extend_from_slice(&ack[ack.len() - 1000..]);
        }
        assert!(codes[..100].iter().all(|code| *code == 0) && codes[100..].iter().all(|code| *code == refused), "level {level}");
        raw.send(&[0xC0, 0]).await;
        assert_eq!(raw.packet().await, [0xD0, 0], "the connection goes on");
    }
}

#[tokio::test]
async fn who_speaks_without_end_is_cut_off_and_nobody_else_notices() {
    let stage = Stage::open().await;
    let mut quiet = stage.raw().await;
    quiet.send(&connect(5, 60, None)).await;
    quiet.packet().await;
    let mut loud = stage.raw().await;
    loud.send(&connect(5, 60, None)).await;
    loud.packet().await;
    let (mut hears, mut speaks) = loud.0.into_split();
    // It does not stop when it is told to.
    let speaking = tokio::spawn(async move { while speaks.write_all(&[0xC0, 0].repeat(600)).await.is_ok() {} });
    let mut rest = Vec::new();
    // What comes after its end is a reset, for it still speaks.
    let _ = soon("the end", hears.read_to_end(&mut rest)).await;
    let pongs = rest.chunks(2).take_while(|pair| *pair == [0xD0, 0]).count();
    assert!(matches!(rest[pongs * 2..], [0xE0, _, 0x96, ..]), "{pongs}: {:x?}", &rest[pongs * 2..]);
    speaking.abort();
    assert_eq!(stage.counters.refused.get(), 1);
    quiet.send(&[0xC0, 0]).await;
    assert_eq!(quiet.packet().await, [0xD0, 0]);
}

#[tokio::test]
async fn a_connect_that_never_ends_is_left_at_its_deadline() {
    let stage = Stage::with(Limits { handshake: Duration::from_millis(200), ..Limits::default() }).await;
    let mut silent = stage.raw().await;
    let mut slow = stage.raw().await;
    slow.send(&connect(5, 60, None)[..5]).await;
    let mut quick = stage.raw().await;
    quick.send(&connect(5, 60, None)).await;
    assert_eq!(quick.packet().await[3], 0, "a silent connection holds up nobody");
    assert_eq!((silent.rest().await, slow.rest().await), (Vec::new(), Vec::new()));
    drop((silent, slow));
    soon("their places are free again", async {
        while stage.gateway.connections() > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(stage.gateway.connections(), 1);
}

#[tokio::test]
async fn a_client_that_never_reads_is_left_and_its_memory_returns() {
    let stage = Stage::with(Limits { patience: Duration::from_millis(300), ..Limits::default() }).await;
    let mut raw = stage.raw().await;
    raw.send(&connect(4, 60, None)).await;
    raw.send(&subscribe(4, &[("v1/stores/+/status", 0)])).await;
    raw.packet().await;
    raw.packet().await;
    let filling = "x".repeat(1_000_000);
    soon("the slow reader is gone", async {
        for n in 1.. {
            if stage.gateway.connections() == 0 {
                break;
            }
            stage.gateway.broker().publish(STATUS, payload(n, &filling)).unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(stage.counters.slow.get(), 1);
    assert!(stage.counters.replaced.get() > 0);
}

/// The operating system gives up as well, and may be first; it is the same client.
#[tokio::test]
async fn a_client_that_never_reads_is_slow_whoever_loses_patience_first() {
    let stage = Stage::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut raw = Raw(TcpStream::connect(listener.local_addr().unwrap()).await.unwrap());
    let (stream, from) = listener.accept().await.unwrap();
    SockRef::from(&stream).set_tcp_user_timeout(Some(Duration::from_millis(300))).unwrap();
    let gateway = stage.gateway.clone();
    let served = tokio::spawn(async move { gateway.carry(stream, from.ip()).await });
    raw.send(&connect(4, 60, None)).await;
    raw.send(&subscribe(4, &[(STATUS, 0)])).await;
    raw.packet().await;
    raw.packet().await;
    let filling = "x".repeat(1_000_000);
    soon("the slow reader is gone", async {
        for n in 1.. {
            if served.is_finished() {
                break;
            }
            stage.gateway.broker().publish(STATUS, payload(n, &filling)).unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(stage.counters.slow.get(), 1);
}

#[tokio::test]
async fn a_client_that_never_acknowledges_is_left_with_the_reason() {
    let stage = Stage::with(Limits { patience: Duration::from_millis(300), ..Limits::default() }).await;
    let mut raw = stage.raw().await;
    raw.send(&connect(5, 60, None)).await;
    raw.send(&subscribe(5, &[("v1/stores/+/status", 1)])).await;
    for n in 0..20 {
        stage.publish(&format!("v1/stores/s{n}/status"), 1);
    }
    let mut last = raw.packet().await;
    while last[0] != 0xE0 {
        last = raw.packet().await;
    }
    assert_eq!(last[2], 0x97);
    assert_eq!((raw.rest().await, stage.counters.slow.get()), (Vec::new(), 1));
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let stage = Stage::with(Limits { per_address: 2, ..Limits::default() }).await;
    let open = async |from: &str| {
        let mut request = format!("ws://{}/mqtt", stage.web).into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", "mqtt".parse().unwrap());
        request.headers_mut().insert("X-From", from.parse().unwrap());
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    };
    let first = open("192.0.2.1").await.unwrap();
    let _second = open("192.0.2.1").await.unwrap();
    assert_eq!(open("192.0.2.1").await.map(|_| ()), Err(429));
    let _other = open("192.0.2.2").await.unwrap();
    drop(first);
    soon("the place is free again", async {
        while open("192.0.2.1").await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn all_together_have_so_many_places() {
    let stage = Stage::with(Limits { connections: 1, ..Limits::default() }).await;
    let mut first = stage.raw().await;
    first.send(&connect(5, 60, None)).await;
    first.packet().await;
    assert_eq!(stage.raw().await.rest().await, b"");
    // Our own publisher has no part in that.
    let mut publisher = Client3::new(&stage.publisher);
    assert!(matches!(publisher.incoming().await, Ok(rumqttc::Packet::ConnAck(_))));
    assert_eq!((stage.gateway.connections(), stage.counters.refused.get()), (1, 1));
}
