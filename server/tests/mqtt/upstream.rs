//! A broker outside that refuses what it is asked for, and keeps old messages, as a cluster does that has just lost a node.
//! It is one of a few lines here: a real one cannot be told to.

use std::time::Duration;

use backend::live::BrokerAddress;
use domain::topic::Topic;
use tokio::net::TcpListener;

use crate::stage::{Raw, SOON, Stage, connect_with, packet, payload, sequence, soon, subscribe};

const STATUS: &str = "v1/stores/harbor/status";

fn publish(first: u8, topic: &str, number: i64) -> Vec<u8> {
    let mut body = (topic.len() as u16).to_be_bytes().to_vec();
    body.extend(topic.as_bytes());
    body.extend(payload(number, ""));
    packet(first, &body)
}

/// The topic and the number of the next message.
async fn heard(client: &mut Raw) -> (String, i64) {
    let packet = client.packet().await;
    assert_eq!(packet[0] >> 4, 3, "a message: {packet:x?}");
    let start = 1 + packet[1..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let length = usize::from(u16::from_be_bytes([packet[start], packet[start + 1]]));
    let (topic, payload) = packet[start + 2..].split_at(length);
    (String::from_utf8(topic.to_vec()).unwrap(), sequence(payload))
}

/// Somebody who has subscribed.
async fn listener(stage: &Stage, filter: &str) -> Raw {
    let mut client = stage.raw().await;
    // A client id of its own.
    client.send(&connect_with(4, 2, 0, &[], filter)).await;
    assert_eq!(client.packet().await, [0x20, 2, 0, 0]);
    client.send(&subscribe(4, &[(filter, 0)])).await;
    assert_eq!(client.packet().await, [0x90, 3, 0, 1, 0]);
    client
}

/// The next SUBSCRIBE: its id, and what is asked for.
async fn asked(broker: &mut Raw) -> ([u8; 2], String) {
    loop {
        let packet = broker.packet().await;
        if packet[0] == 0x82 {
            assert_eq!(packet.last(), Some(&0), "asked for at QoS 0: {packet:x?}");
            return ([packet[2], packet[3]], String::from_utf8(packet[6..packet.len() - 1].to_vec()).unwrap());
        }
        assert!([0xA2, 0xC0].contains(&packet[0]), "what is not SUBSCRIBE is UNSUBSCRIBE or a ping: {packet:x?}");
    }
}

#[tokio::test]
async fn while_the_broker_is_away_everybody_is_told_what_the_shop_says() {
    let stage = Stage::open().await;
    stage.knows(STATUS, 5);
    let listening = TcpListener::bind("127.0.0.1:0").await.unwrap();
    stage.gateway.follow(BrokerAddress::new("127.0.0.1", listening.local_addr().unwrap().port(), None));
    let (stream, _) = soon("the gateway", listening.accept()).await.unwrap();
    let mut broker = Raw(stream);
    let greeting = broker.packet().await;
    // Behind the flags: a broker that freezes is left after one ping of these seconds without an answer.
    assert_eq!((greeting[0], &greeting[10..12]), (0x10, &[0, 5][..]));
    broker.send(&[0x20, 2, 0, 0]).await;
    let mut client = listener(&stage, STATUS).await;
    assert_eq!(heard(&mut client).await.1, 5);
    let (id, _) = asked(&mut broker).await;
    broker.send(&[0x90, 3, id[0], id[1], 0]).await;
    broker.send(&publish(0x30, STATUS, 6)).await;
    assert_eq!(heard(&mut client).await.1, 6);

    // It goes, and does not come back. The shop goes on.
    drop((broker, listening));
    soon("it is noticed", async {
        while stage.gateway.ready() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for number in 7..9 {
        stage.knows(STATUS, number);
        assert_eq!(heard(&mut client).await.1, number, "who listens already");
    }
    // What was told last is kept here, and older than the shop.
    stage.knows(STATUS, 9);
    let mut late = listener(&stage, "v1/+/harbor/status").await;
    assert_eq!(heard(&mut late).await.1, 9, "who comes now");
    assert_eq!(heard(&mut client).await.1, 9);
}

/// What comes first in a reading of the shop must not be the end of it.
#[tokio::test]
async fn one_topic_that_is_broken_silences_no_other() {
    let stage = Stage::open().await;
    let board = "v1/stores/harbor/board";
    for topic in [STATUS, board] {
        stage.knows(topic, 1);
    }
    // It takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    stage.gateway.follow(BrokerAddress::new("127.0.0.1", silent.local_addr().unwrap().port(), None));
    let _status = listener(&stage, STATUS).await;
    let mut window = listener(&stage, board).await;
    assert_eq!(heard(&mut window).await.1, 1);
    stage.house.arrange(|facts| {
        facts.broken.insert(STATUS.parse().unwrap());
    });
    for number in 2..4 {
        stage.knows(board, number);
        assert_eq!(heard(&mut window).await.1, number);
    }
}

/// A broker outside that the gateway has just connected to, played by the test.
async fn followed(stage: &Stage) -> (TcpListener, Raw) {
    let listening = TcpListener::bind("127.0.0.1:0").await.unwrap();
    stage.gateway.follow(BrokerAddress::new("127.0.0.1", listening.local_addr().unwrap().port(), None));
    let (stream, _) = soon("the gateway", listening.accept()).await.unwrap();
    let mut broker = Raw(stream);
    assert_eq!(broker.packet().await[0], 0x10);
    broker.send(&[0x20, 2, 0, 0]).await;
    (listening, broker)
}

/// Each grant has the shop read; all of them together ask it no more at once than one does.
#[tokio::test]
async fn however_much_is_granted_the_shop_is_asked_little_at_once() {
    let stage = Stage::open().await;
    let topics: Vec<_> = (0..20).map(|n| format!("v1/stores/s{n}/status")).collect();
    stage.house.arrange(|facts| facts.stores.extend((0..20).map(|n| format!("s{n}").parse::<domain::StoreId>().unwrap())));
    let (_listening, mut broker) = followed(&stage).await;
    let (mut clients, mut grants) = (Vec::new(), Vec::new());
    for topic in &topics {
        clients.push(listener(&stage, topic).await);
        let (id, filter) = asked(&mut broker).await;
        assert_eq!(filter, *topic);
        grants.extend([0x90, 3, id[0], id[1], 0]);
    }
    stage.house.arrange(|facts| (facts.thinks, facts.most_open) = (Duration::from_millis(50), 0));
    for topic in &topics {
        stage.knows(topic, 1);
    }
    broker.send(&grants).await;
    for client in &mut clients {
        assert_eq!(heard(client).await.1, 1);
    }
    let mut most = 0;
    stage.house.arrange(|facts| most = facts.most_open);
    assert!((2..=8).contains(&most), "{most}");
}

/// Waits until so many questions to the shop are open.
async fn until_open(stage: &Stage, wanted: usize) {
    soon("the questions that are open", async {
        let mut open = usize::MAX;
        while open != wanted {
            tokio::task::yield_now().await;
            stage.house.arrange(|facts| open = facts.open);
        }
    })
    .await;
}

/// What a grant has the shop read ends with the connection that granted it: over the next one everything is read again, and a
/// broker that comes and goes must not have the same read many times over.
#[tokio::test]
async fn what_is_read_for_a_grant_is_given_up_with_the_connection() {
    let stage = Stage::open().await;
    let (listening, mut broker) = followed(&stage).await;
    let topics = ["status", "menu", "board"].map(|of| format!("v1/stores/harbor/{of}"));
    let mut clients = Vec::new();
    let mut grants = Vec::new();
    for topic in &topics {
        clients.push(listener(&stage, topic).await);
        let (id, _) = asked(&mut broker).await;
        grants.extend([0x90, 3, id[0], id[1], 0]);
    }
    // Longer than anybody waits here.
    let think = |long: u64| stage.house.arrange(|facts| facts.thinks = Duration::from_secs(long));
    think(3600);
    broker.send(&grants).await;
    until_open(&stage, topics.len()).await;
    // Who reads while the broker is away is not to be mistaken for it.
    think(0);
    drop(broker);
    until_open(&stage, 0).await;

    // The next connection reads all of it again, and its reading ends with the gateway.
    let (stream, _) = soon("the gateway", listening.accept()).await.unwrap();
    let mut broker = Raw(stream);
    assert_eq!(broker.packet().await[0], 0x10);
    broker.send(&[0x20, 2, 0, 0]).await;
    let (id, _) = asked(&mut broker).await;
    soon("the gateway is ready", async {
        while !stage.gateway.ready() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    until_open(&stage, 0).await;
    think(3600);
    broker.send(&[0x90, 5, id[0], id[1], 0, 0, 0]).await;
    until_open(&stage, topics.len()).await;
    drop(clients);
    stage.gateway.shutdown().await;
    until_open(&stage, 0).await;
}

#[tokio::test]
async fn what_a_broker_refuses_is_asked_for_again_and_what_it_kept_is_not_believed() {
    let stage = Stage::open().await;
    let status: Topic = STATUS.parse().unwrap();
    let board: Topic = "v1/stores/harbor/board".parse().unwrap();
    stage.house.arrange(|facts| drop(facts.snapshots.insert(status.clone(), payload(5, ""))));
    let (_listening, mut broker) = followed(&stage).await;

    // Told by the shop, for nothing is kept here.
    let mut client = listener(&stage, STATUS).await;
    assert_eq!(heard(&mut client).await, (STATUS.to_owned(), 5));
    for _ in 0..2 {
        let (id, filter) = asked(&mut broker).await;
        assert_eq!(filter, STATUS);
        broker.send(&[0x90, 3, id[0], id[1], 0x80]).await;
    }
    // Nobody told this one; granted at last, the shop is read again.
    stage.house.arrange(|facts| drop(facts.snapshots.insert(status, payload(6, ""))));
    let (id, filter) = asked(&mut broker).await;
    assert_eq!(filter, STATUS);
    broker.send(&[0x90, 3, id[0], id[1], 0]).await;
    assert_eq!(heard(&mut client).await, (STATUS.to_owned(), 6));
    // What the broker kept is older, and what it tells is not.
    broker.send(&publish(0x31, STATUS, 4)).await;
    broker.send(&publish(0x30, STATUS, 7)).await;
    assert_eq!(heard(&mut client).await, (STATUS.to_owned(), 7));

    // Of a wildcard, the shop knows what it matches.
    stage.house.arrange(|facts| drop(facts.snapshots.insert(board, payload(8, ""))));
    let mut window = listener(&stage, "v1/stores/+/board").await;
    let (id, filter) = asked(&mut broker).await;
    assert_eq!(filter, "v1/stores/+/board");
    assert_eq!(heard(&mut window).await, ("v1/stores/harbor/board".to_owned(), 8), "told before the broker has granted anything");
    broker.send(&publish(0x31, "v1/stores/harbor/board", 2)).await;
    broker.send(&[0x90, 3, id[0], id[1], 0]).await;
    broker.send(&publish(0x30, "v1/stores/harbor/board", 9)).await;
    assert_eq!(heard(&mut window).await.1, 9, "neither what is older nor the same again");

    // What was refused and nobody listens to any more is not asked for again.
    let gone = listener(&stage, "v1/stores/+/menu").await;
    let (id, _) = asked(&mut broker).await;
    drop(gone);
    soon("the end of a session", async {
        while stage.gateway.connections() > 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    broker.send(&[0x90, 3, id[0], id[1], 0x80]).await;
    let _last = listener(&stage, "v1/stores/pier/menu").await;
    assert_eq!(asked(&mut broker).await.1, "v1/stores/pier/menu");
    let more = tokio::time::timeout(SOON / 5, asked(&mut broker)).await;
    assert!(more.is_err(), "asked for {more:?}");
}
