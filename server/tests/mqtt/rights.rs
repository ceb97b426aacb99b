//! Rights that end while somebody is connected.

use std::time::Duration;

use domain::view::Role;

use crate::stage::{Stage, connect, soon, staff, subscribe};

const QUEUE: &str = "v1/stores/harbor/queue";
const BOARD: &str = "v1/stores/harbor/board";

async fn barista(stage: &Stage) -> crate::stage::Raw {
    let mut raw = stage.raw().await;
    raw.send(&connect(5, 60, Some("barista"))).await;
    raw.send(&subscribe(5, &[(QUEUE, 0), (BOARD, 0)])).await;
    assert_eq!(raw.packet().await[3], 0);
    assert_eq!(raw.packet().await, [0x90, 5, 0, 1, 0, 0, 0]);
    raw
}

#[tokio::test]
async fn a_revoked_token_ends_the_connection() {
    let stage = Stage::open().await;
    let mut raw = barista(&stage).await;
    stage.house.arrange(|facts| facts.tokens.clear());
    stage.gateway.recheck().await;
    assert_eq!(raw.end().await, Some(0x87));
}

#[tokio::test]
async fn it_is_noticed_without_being_asked() {
    let stage = Stage::open().await;
    let mut raw = barista(&stage).await;
    stage.house.arrange(|facts| facts.tokens.clear());
    assert_eq!(raw.end().await, Some(0x87));
}

#[tokio::test]
async fn a_lost_role_ends_the_connection_and_keeps_the_public_topics() {
    let stage = Stage::open().await;
    let mut raw = barista(&stage).await;
    stage.house.arrange(|facts| {
        facts.tokens.insert("barista".to_owned(), staff(1, Role::Warehouse));
    });
    stage.gateway.recheck().await;
    stage.publish(QUEUE, 1);
    assert_eq!(raw.end().await, Some(0x87), "there is no other way to say it");
    let mut again = stage.raw().await;
    again.send(&connect(5, 60, Some("barista"))).await;
    assert_eq!(again.packet().await[3], 0);
    again.send(&subscribe(5, &[(QUEUE, 0), (BOARD, 0)])).await;
    let ack = again.packet().await;
    assert_eq!(ack[ack.len() - 2..], [0x87, 0]);
    // Another role of theirs ends nothing of what they hear.
    stage.house.arrange(|facts| {
        facts.tokens.insert("barista".to_owned(), staff(1, Role::Manager));
    });
    stage.gateway.recheck().await;
    stage.publish(BOARD, 2);
    let packet = again.packet().await;
    assert!(String::from_utf8_lossy(&packet).contains(BOARD), "{packet:x?}");
}

#[tokio::test]
async fn a_database_that_is_away_ends_nobody_and_admits_nobody() {
    let stage = Stage::open().await;
    let mut raw = barista(&stage).await;
    stage.house.arrange(|facts| facts.away = true);
    stage.gateway.recheck().await;
    raw.send(&[0xC0, 0]).await;
    assert_eq!(raw.packet().await, [0xD0, 0]);

    let mut second = stage.raw().await;
    second.send(&connect(5, 60, Some("barista"))).await;
    let refused = second.rest().await;
    assert_eq!((refused[0], refused[3]), (0x20, 0x88));
}

/// Pages would go on saying that they are live, of a shop that tells nobody anything.
#[tokio::test]
async fn a_database_that_stays_away_ends_everybody_until_it_is_back() {
    let stage = Stage::open().await;
    let (mut five, mut three) = (barista(&stage).await, stage.raw().await);
    three.send(&connect(4, 60, None)).await;
    assert_eq!(three.packet().await, [0x20, 2, 0, 0]);
    stage.house.arrange(|facts| facts.away = true);
    // It is asked every two seconds, and has five.
    let told = tokio::time::timeout(Duration::from_secs(30), five.0.peek(&mut [0])).await;
    told.expect("it is noticed").unwrap();
    assert_eq!(five.end().await, Some(0x89));
    assert_eq!(three.rest().await, b"");

    for token in [None, Some("barista")] {
        let mut late = stage.raw().await;
        late.send(&connect(5, 60, token)).await;
        let refused = late.rest().await;
        assert_eq!((refused[0], refused[3]), (0x20, 0x88), "{token:?}");
    }
    stage.house.arrange(|facts| facts.away = false);
    stage.gateway.recheck().await;
    barista(&stage).await;
}

/// The shop knows nobody of them: a line on a wall, a page whose cookie is over. They believe what they were told last, too.
#[tokio::test]
async fn a_database_that_stays_away_ends_strangers_who_are_alone() {
    let stage = Stage::open().await;
    let mut strangers = Vec::new();
    for level in [5, 4] {
        let mut raw = stage.raw().await;
        raw.send(&connect(level, 60, None)).await;
        assert_eq!(raw.packet().await[3], 0);
        strangers.push(raw);
    }
    stage.house.arrange(|facts| facts.away = true);
    let told = tokio::time::timeout(Duration::from_secs(30), strangers[0].0.peek(&mut [0])).await;
    told.expect("it is noticed").unwrap();
    assert_eq!(strangers[0].end().await, Some(0x89));
    assert_eq!(strangers[1].rest().await, b"");

    let mut late = stage.raw().await;
    late.send(&connect(5, 60, None)).await;
    let refused = late.rest().await;
    assert_eq!((refused[0], refused[3]), (0x20, 0x88));
    stage.house.arrange(|facts| facts.away = false);
    stage.gateway.recheck().await;
    let mut again = stage.raw().await;
    again.send(&connect(5, 60, None)).await;
    assert_eq!(again.packet().await[3], 0);
}

#[tokio::test]
async fn a_client_that_comes_again_takes_over_and_a_stranger_does_not() {
    let stage = Stage::open().await;
    let mut first = barista(&stage).await;
    let mut stranger = stage.raw().await;
    stranger.send(&connect(5, 60, None)).await;
    assert_eq!(stranger.packet().await[3], 0);
    first.send(&[0xC0, 0]).await;
    assert_eq!(first.packet().await, [0xD0, 0]);

    let mut second = barista(&stage).await;
    assert_eq!(first.end().await, Some(0x8E));
    stage.publish(BOARD, 1);
    assert_eq!(second.packet().await[0], 0x30);
}

#[tokio::test]
async fn everybody_is_told_when_the_server_goes() {
    let stage = Stage::open().await;
    let (mut five, mut three) = (barista(&stage).await, stage.raw().await);
    three.send(&connect(4, 60, None)).await;
    assert_eq!(three.packet().await, [0x20, 2, 0, 0]);
    let silent = stage.raw().await;
    soon("the end", stage.gateway.shutdown()).await;
    assert_eq!(five.end().await, Some(0x8B));
    assert_eq!(three.rest().await, b"");
    drop(silent);
    assert_eq!(stage.gateway.connections(), 0);
}
