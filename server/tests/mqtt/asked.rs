//! What an address may ask of the shop, and how much one message may carry.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use domain::UserId;
use domain::topic::Topic;
use futures::{SinkExt as _, StreamExt as _};
use server::mqtt::Limits;
use server::serve::http::{self, Manners};
use tokio::io::{AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::stage::{Raw, Stage, connect, order, shopper, soon, subscribe};

/// A connection from this address.
fn open(stage: &Stage, from: [u8; 4]) -> Raw<DuplexStream> {
    let (near, far) = tokio::io::duplex(4096);
    let gateway = stage.gateway.clone();
    tokio::spawn(async move { gateway.carry(far, from.into()).await });
    Raw(near)
}

#[tokio::test]
async fn an_address_asks_the_shop_only_so_often() {
    let few = |number| NonZeroU32::new(number).unwrap();
    let limits = Limits { questions_per_second: few(1), questions_at_once: few(3), ..Limits::default() };
    let stage = Stage::with(limits).await;
    stage.house.arrange(|facts| {
        facts.tokens.insert("lin".to_owned(), shopper(1));
    });
    let orders = |ids: &[u128]| ids.iter().map(|id| order(*id).to_string()).collect::<Vec<_>>();
    let wish = |filters: &[String]| subscribe(5, &filters.iter().map(|filter| (filter.as_str(), 0)).collect::<Vec<_>>());
    // Who has not even a cookie is refused without a question.
    let mut nobody = open(&stage, [192, 0, 2, 1]);
    nobody.send(&connect(5, 60, None)).await;
    nobody.packet().await;
    nobody.send(&wish(&orders(&[1, 2, 3, 4, 5, 6]))).await;
    let refused = nobody.packet().await;
    assert_eq!(refused[refused.len() - 6..], [0x87; 6]);

    let mut lin = open(&stage, [192, 0, 2, 1]);
    lin.send(&connect(5, 60, Some("lin"))).await;
    assert_eq!(lin.packet().await[3], 0);
    lin.send(&wish(&orders(&[1, 2, 3, 4, 5, 6]))).await;
    assert_eq!(lin.end().await, Some(0x89), "busy: it comes again");
    let mut again = open(&stage, [192, 0, 2, 1]);
    again.send(&connect(5, 60, Some("lin"))).await;
    assert_eq!(again.packet().await[3], 0x89);
    // Nobody else notices.
    let mut other = open(&stage, [192, 0, 2, 2]);
    other.send(&connect(5, 60, Some("lin"))).await;
    assert_eq!(other.packet().await[3], 0);
}

/// How something is that no broker keeps is a question, too, however often it is asked by the same filter.
#[tokio::test]
async fn the_same_asked_again_and_again_is_counted() {
    let few = |number| NonZeroU32::new(number).unwrap();
    let limits = Limits { questions_per_second: few(1), questions_at_once: few(20), ..Limits::default() };
    let stage = Stage::with(limits).await;
    stage.house.arrange(|facts| {
        facts.tokens.insert("lin".to_owned(), shopper(1));
    });
    let me = Topic::User(UserId(Uuid::from_u128(1))).to_string();
    let mut lin = open(&stage, [192, 0, 2, 1]);
    lin.send(&connect(5, 60, Some("lin"))).await;
    assert_eq!(lin.packet().await[3], 0);
    lin.send(&subscribe(5, &[(me.as_str(), 0); 10])).await;
    let granted = lin.packet().await;
    assert_eq!(granted[granted.len() - 10..], [0; 10]);
    lin.send(&subscribe(5, &[(me.as_str(), 0); 100])).await;
    assert_eq!(lin.end().await, Some(0x89), "busy: it comes again");
}

/// What a wildcard matches is read once a second for all who ask.
#[tokio::test]
async fn wildcards_cost_no_query_of_their_own() {
    let stage = Stage::open().await;
    let begun = Instant::now();
    for from in 1..=3 {
        let mut nobody = open(&stage, [192, 0, 2, from]);
        nobody.send(&connect(5, 60, None)).await;
        assert_eq!(nobody.packet().await[3], 0);
        nobody.send(&subscribe(5, &[("v1/stores/+/status", 0); 100])).await;
        let granted = nobody.packet().await;
        assert_eq!(granted[granted.len() - 100..], [0; 100]);
    }
    let mut read = 0;
    stage.house.arrange(|facts| read = facts.retained_read);
    assert!((1..=1 + begun.elapsed().as_secs()).contains(&read), "{read} in {:?}", begun.elapsed());
}

/// What a WebSocket carries in one message is as many packets as its sender likes, each of its own size (6.0).
#[tokio::test]
async fn several_packets_may_be_larger_than_one() {
    let stage = Stage::open().await;
    let mut request = format!("ws://{}/mqtt", stage.web).into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", "mqtt".parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let filter = format!("v1/stores/{}/status", "x".repeat(9_000));
    let wish = subscribe(5, &[(filter.as_str(), 0)]);
    let bytes = [connect(5, 60, None), wish.repeat(8)].concat();
    assert!(bytes.len() > 65_536);
    socket.send(tungstenite::Message::Binary(bytes.into())).await.unwrap();
    let mut received = Vec::new();
    soon("all answers", async {
        while received.split(|byte| *byte == 0x90).count() <= 8 {
            let message = socket.next().await.unwrap().unwrap();
            received.extend_from_slice(&message.into_data());
        }
    })
    .await;
}

/// What is begun and never finished would be kept for as long as its sender likes.
#[tokio::test]
async fn what_is_begun_is_finished_in_time() {
    let stage = Stage::with(Limits { patience: Duration::from_millis(300), ..Limits::default() }).await;
    // Half a packet.
    let mut plain = stage.raw().await;
    plain.send(&connect(5, 60, None)).await;
    plain.packet().await;
    plain.send(&[0x82, 0x7F, 0]).await;
    assert_eq!(plain.end().await, Some(0x83));

    // Half a message of a WebSocket, which only our own server counts.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let web = listener.local_addr().unwrap();
    tokio::spawn(http::serve(listener, stage.door.clone(), Manners::default(), CancellationToken::new()));
    let greeted = async || {
        let mut request = format!("ws://{web}/mqtt").into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", "mqtt".parse().unwrap());
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        socket.send(tungstenite::Message::Binary(connect(5, 60, None).into())).await.unwrap();
        let accepted = soon("CONNACK", socket.next()).await.unwrap().unwrap().into_data();
        assert_eq!((accepted[0], accepted[3]), (0x20, 0));
        socket
    };
    let (mut quick, mut slow) = (greeted().await, greeted().await);
    // Whole, and no message of its own.
    quick.send(tungstenite::Message::Ping("here".into())).await.unwrap();
    // A masked frame of 65,535 bytes that is not the last of its message.
    let begun = [&[0x02, 0xFE, 0xFF, 0xFF, 0, 0, 0, 0][..], &[0; 4000]].concat();
    slow.get_mut().write_all(&begun).await.unwrap();
    let told = soon("DISCONNECT", slow.next()).await.unwrap().unwrap().into_data();
    assert_eq!((told[0], told[2]), (0xE0, 0x83));
    assert!(String::from_utf8_lossy(&told).contains("not finished"), "{told:x?}");
    quick.send(tungstenite::Message::Binary(vec![0xC0, 0].into())).await.unwrap();
    let answer = soon("PINGRESP", async {
        loop {
            let message = quick.next().await.unwrap().unwrap();
            if message.is_binary() {
                break message.into_data();
            }
        }
    })
    .await;
    assert_eq!(answer[..], [0xD0, 0], "who has sent all that was begun stays");
}
