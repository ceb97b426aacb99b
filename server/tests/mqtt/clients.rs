//! Real clients: rumqttc in both versions, Mosquitto's, and a WebSocket.

use std::process::Stdio;

use backend::live::BrokerAddress;
use futures::{SinkExt as _, StreamExt as _};
use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5::{self, SubscribeReasonCode as Code};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::stage::{Stage, connect, order, payload, sequence, shopper, soon, subscribe};

const STATUS: &str = "v1/stores/harbor/status";
const QUEUE: &str = "v1/stores/harbor/queue";

/// A client of 3.1.1 and what it got.
pub struct Client3 {
    pub client: rumqttc::AsyncClient,
    events: rumqttc::EventLoop,
}

impl Client3 {
    pub fn new(address: &BrokerAddress) -> Self {
        let (client, events) = rumqttc::AsyncClient::new(address.options("test", 0), 10);
        Self { client, events }
    }

    pub async fn incoming(&mut self) -> Result<v4::Packet, rumqttc::ConnectionError> {
        soon("a packet", async {
            loop {
                if let rumqttc::Event::Incoming(packet) = self.events.poll().await? {
                    return Ok(packet);
                }
            }
        })
        .await
    }

    pub async fn publish(&mut self) -> v4::Publish {
        loop {
            if let v4::Packet::Publish(publish) = self.incoming().await.unwrap() {
                return publish;
            }
        }
    }

    /// What SUBACK says.
    pub async fn subscribe(&mut self, filter: &str) -> v4::SubscribeReasonCode {
        self.client.subscribe(filter, rumqttc::QoS::AtLeastOnce).await.unwrap();
        loop {
            if let v4::Packet::SubAck(ack) = self.incoming().await.unwrap() {
                return ack.return_codes[0];
            }
        }
    }
}

fn address(stage: &Stage, token: Option<&str>) -> BrokerAddress {
    let login = token.map(|token| format!("token:{token}@")).unwrap_or_default();
    format!("mqtt://{login}{}", stage.plain).parse().unwrap()
}

#[tokio::test]
async fn a_client_of_3_1_1_hears_what_is_public_and_no_more() {
    let stage = Stage::open().await;
    stage.publish(STATUS, 7);
    let mut client = Client3::new(&address(&stage, None));
    assert_eq!(client.subscribe(STATUS).await, v4::SubscribeReasonCode::Success(rumqttc::QoS::AtLeastOnce));
    let kept = client.publish().await;
    assert_eq!((sequence(&kept.payload), kept.retain, kept.qos), (7, true, rumqttc::QoS::AtLeastOnce));
    stage.publish(STATUS, 8);
    let live = client.publish().await;
    assert_eq!((sequence(&live.payload), live.retain), (8, false));
    for refused in [QUEUE, "v1/#", "#", "v1/users/+"] {
        assert_eq!(client.subscribe(refused).await, v4::SubscribeReasonCode::Failure, "{refused}");
    }
}

#[tokio::test]
async fn a_client_of_5_0_is_told_the_reasons() {
    let stage = Stage::open().await;
    stage.knows(QUEUE, 3);
    let client = |password: Option<&str>| {
        let mut options = rumqttc::v5::MqttOptions::new("five", "127.0.0.1", stage.plain.port());
        if let Some(password) = password {
            options.set_credentials("whoever", password);
        }
        rumqttc::v5::AsyncClient::new(options, 10)
    };
    let (client_, mut events) = client(Some("barista"));
    let ack = loop {
        if let rumqttc::v5::Event::Incoming(v5::Packet::ConnAck(ack)) = soon("CONNACK", events.poll()).await.unwrap() {
            break ack;
        }
    };
    let offered = ack.properties.unwrap();
    assert_eq!((offered.max_qos, offered.shared_subscription_available, offered.server_keep_alive), (Some(1), Some(0), None));
    let filters = [QUEUE, "v1/orders/+", "$share/g/v1/x", "v1/stores/+/status"];
    let filters = filters.map(|filter| v5::Filter::new(filter, rumqttc::v5::mqttbytes::QoS::ExactlyOnce));
    client_.subscribe_many(filters).await.unwrap();
    let (mut codes, mut kept) = (None, None);
    while codes.is_none() || kept.is_none() {
        match soon("SUBACK and what is retained", events.poll()).await.unwrap() {
            rumqttc::v5::Event::Incoming(v5::Packet::SubAck(ack)) => codes = Some(ack.return_codes),
            rumqttc::v5::Event::Incoming(v5::Packet::Publish(publish)) => kept = Some(publish),
            _ => {}
        }
    }
    let granted = Code::Success(rumqttc::v5::mqttbytes::QoS::AtLeastOnce);
    let expected = [granted, Code::NotAuthorized, Code::SharedSubscriptionsNotSupported, granted];
    assert_eq!(codes.unwrap(), expected);
    let kept = kept.unwrap();
    assert_eq!((sequence(&kept.payload), kept.retain), (3, true));
    assert_eq!(kept.properties.unwrap().content_type.unwrap(), "application/cloudevents+json; charset=utf-8");

    let (_client, mut events) = client(Some("wrong"));
    let refused = soon("CONNACK", events.poll()).await.unwrap_err();
    let expected = v5::ConnectReturnCode::BadUserNamePassword;
    assert!(matches!(refused, rumqttc::v5::ConnectionError::ConnectionRefused(code) if code == expected), "{refused:?}");
}

#[tokio::test]
async fn only_our_own_publisher_publishes() {
    let stage = Stage::open().await;
    let mut listener = Client3::new(&address(&stage, None));
    listener.subscribe(STATUS).await;

    let mut publisher = Client3::new(&stage.publisher);
    publisher.client.publish(STATUS, rumqttc::QoS::AtLeastOnce, true, payload(1, "").to_vec()).await.unwrap();
    let mut acknowledged = publisher.incoming().await.unwrap();
    while !matches!(acknowledged, v4::Packet::PubAck(_)) {
        acknowledged = publisher.incoming().await.unwrap();
    }
    assert_eq!(sequence(&listener.publish().await.payload), 1);

    // The private door is closed to everybody else, and the public ones to publishers.
    let private: BrokerAddress = stage.publisher.to_string().parse().unwrap();
    assert!(Client3::new(&private).incoming().await.is_err());
    let mut barista = Client3::new(&address(&stage, Some("barista")));
    assert!(matches!(barista.incoming().await, Ok(v4::Packet::ConnAck(_))));
    barista.client.publish(STATUS, rumqttc::QoS::AtLeastOnce, true, payload(2, "").to_vec()).await.unwrap();
    assert!(barista.incoming().await.is_err(), "3.1.1: closed");
}

#[tokio::test]
async fn one_order_is_told_to_its_owner_from_the_shop() {
    let stage = Stage::open().await;
    let (topic, lin) = (order(1), shopper(1));
    stage.house.arrange(|facts| {
        facts.tokens.insert("lin".to_owned(), lin.clone());
        facts.tokens.insert("stranger".to_owned(), shopper(2));
        let whose = backend::identity::Whose { owner: lin.owner(), store: "harbor".parse().unwrap() };
        facts.whose.insert(topic.clone(), whose);
        facts.snapshots.insert(topic.clone(), payload(5, "as it is"));
    });
    let topic = topic.to_string();
    let mut stranger = Client3::new(&address(&stage, Some("stranger")));
    assert_eq!(stranger.subscribe(&topic).await, v4::SubscribeReasonCode::Failure);
    assert_eq!(stranger.subscribe(&order(2).to_string()).await, v4::SubscribeReasonCode::Failure, "no such order looks the same");

    let mut owner = Client3::new(&address(&stage, Some("lin")));
    owner.subscribe(&topic).await;
    let kept = owner.publish().await;
    assert_eq!((sequence(&kept.payload), kept.retain), (5, true));
    stage.publish(&topic, 4);
    stage.publish(&topic, 6);
    assert_eq!(sequence(&owner.publish().await.payload), 6, "what is older is not told");
}

#[tokio::test]
async fn mosquitto_sees_the_queue_with_a_token_only() {
    let stage = Stage::open().await;
    stage.knows(QUEUE, 11);
    let run = |token: Option<&'static str>, version: &'static str| {
        let mut command = tokio::process::Command::new("mosquitto_sub");
        command.args(["-h", "127.0.0.1", "-p", &stage.plain.port().to_string(), "-V", version, "-t", QUEUE, "-C", "1", "-W", "5"]);
        if let Some(token) = token {
            command.args(["-u", "token", "-P", token]);
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        async move { command.output().await.expect("mosquitto_sub (Debian: mosquitto-clients) is needed for this test") }
    };
    for version in ["mqttv5", "mqttv311"] {
        let output = run(Some("barista"), version).await;
        assert!(output.status.success(), "{version}: {output:?}");
        assert_eq!(sequence(&output.stdout), 11);
        let output = run(None, version).await;
        assert!(output.stdout.is_empty(), "{version}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("denied"), "{version}: {output:?}");
        assert!(!run(Some("wrong"), version).await.status.success());
    }
}

#[tokio::test]
async fn a_websocket_carries_it_in_any_pieces() {
    let stage = Stage::open().await;
    stage.house.arrange(|facts| {
        facts.cookies.insert("lin".to_owned(), shopper(1));
    });
    stage.publish(STATUS, 1);
    let mut request = format!("ws://{}/mqtt", stage.web).into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", "mqtt".parse().unwrap());
    request.headers_mut().insert("Cookie", "lin".parse().unwrap());
    let (mut socket, response) = tokio_tungstenite::connect_async(request).await.unwrap();
    assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "mqtt");

    // One packet in many frames, then several in one.
    for byte in connect(4, 60, None) {
        socket.send(Message::Binary(vec![byte].into())).await.unwrap();
    }
    let me = format!("v1/users/{}", uuid::Uuid::from_u128(1));
    let mut many = subscribe(4, &[(STATUS, 0), (&me, 0)]);
    many.extend([0xC0, 0]);
    socket.send(Message::Binary(many.into())).await.unwrap();
    let mut received = Vec::new();
    while !received.ends_with(&[0xD0, 0]) && !received.windows(2).any(|pair| pair == [0xD0, 0]) || received.len() < 60 {
        match soon("a frame", socket.next()).await.unwrap().unwrap() {
            Message::Binary(bytes) => received.extend_from_slice(&bytes),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(received[..4], [0x20, 2, 0, 0], "CONNACK");
    assert_eq!(received[4..10], [0x90, 4, 0, 1, 0, 0], "SUBACK: the cookie grants the user's own topic");
    assert_eq!(received[10..12], [0xD0, 0], "PINGRESP");
    assert_eq!(received[12], 0x31, "retained PUBLISH");

    // 6.0-1: text is not MQTT.
    socket.send(Message::Text("hello".into())).await.unwrap();
    while let Some(Ok(message)) = soon("the end", socket.next()).await {
        assert!(!message.is_binary());
    }
}

/// A WebSocket on which nothing was said, or the status of the refusal.
async fn websocket(stage: &Stage, protocols: Option<&str>) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, u16> {
    let mut request = format!("ws://{}/mqtt", stage.web).into_client_request().unwrap();
    if let Some(protocols) = protocols {
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocols.parse().unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// A client of 5.0 on a WebSocket that has been let in.
async fn on_a_websocket(stage: &Stage) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let mut socket = websocket(stage, Some("mqtt")).await.unwrap();
    socket.send(Message::Binary(connect(5, 60, None).into())).await.unwrap();
    let accepted = soon("CONNACK", socket.next()).await.unwrap().unwrap().into_data();
    assert_eq!((accepted[0], accepted[3]), (0x20, 0));
    socket
}

/// The reason of the DISCONNECT that comes next, apart from pongs.
async fn reason(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> Option<u8> {
    while let Some(Ok(message)) = soon("the reason", socket.next()).await {
        if let Message::Binary(bytes) = message {
            return (bytes[0] == 0xE0).then(|| bytes[2]);
        }
    }
    None
}

/// The code of the Close that comes next, apart from what is said before; a browser calls the end without one 1006.
async fn close_code(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> Option<u16> {
    while let Some(Ok(message)) = soon("the close", socket.next()).await {
        if let Message::Close(frame) = message {
            return frame.map(|frame| frame.code.into());
        }
    }
    None
}

/// 6.0.0-3: the client offers the subprotocol `mqtt`, maybe among others; whoever does not is no client of ours.
#[tokio::test]
async fn a_websocket_is_for_who_offers_mqtt() {
    let stage = Stage::open().await;
    for protocols in [None, Some("soap"), Some("mqttv3.1"), Some("MQTT")] {
        assert_eq!(websocket(&stage, protocols).await.map(|_| ()), Err(400), "{protocols:?}");
    }
    assert!(websocket(&stage, Some("soap, mqtt")).await.is_ok());
}

/// RFC 6455, 5.5.1: a Close is answered, and none is left out, whoever ends it and by what.
#[tokio::test]
async fn a_websocket_ends_with_a_close() {
    let stage = Stage::open().await;
    let close = || Message::Close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() }));
    let disconnect = || Message::Binary(vec![0xE0, 0].into());
    for last in [vec![disconnect()], vec![close()], vec![disconnect(), close()]] {
        let mut socket = on_a_websocket(&stage).await;
        for message in last.clone() {
            socket.send(message).await.unwrap();
        }
        assert_eq!(close_code(&mut socket).await, Some(1000), "{last:?}");
    }
    // Who never got in: no CONNECT, one with a token that is none, and nothing at all.
    for (first, told) in [(vec![0xC0, 0], false), (connect(5, 60, Some("wrong")), true)] {
        let mut socket = websocket(&stage, Some("mqtt")).await.unwrap();
        socket.send(Message::Binary(first.into())).await.unwrap();
        if told {
            assert_eq!(soon("CONNACK", socket.next()).await.unwrap().unwrap().into_data()[3], 0x86);
        }
        assert_eq!(close_code(&mut socket).await, Some(1000));
    }
    let mut socket = websocket(&stage, Some("mqtt")).await.unwrap();
    socket.send(close()).await.unwrap();
    assert_eq!(close_code(&mut socket).await, Some(1000));
    soon("every place is free again", async {
        while stage.gateway.connections() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_on_a_websocket_is_told() {
    let stage = Stage::open().await;
    let mut wordy = on_a_websocket(&stage).await;
    wordy.send(Message::Text("hello".into())).await.unwrap();
    assert_eq!(reason(&mut wordy).await, Some(0x81));

    // The beginning of a masked frame of a gigabyte (RFC 6455, 5.2).
    let mut large = on_a_websocket(&stage).await;
    let MaybeTlsStream::Plain(stream) = large.get_mut() else { panic!("a plain connection") };
    stream.write_all(&[0x82, 0xFF, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]).await.unwrap();
    assert_eq!(reason(&mut large).await, Some(0x95));
}

#[tokio::test]
async fn pings_of_a_websocket_are_counted_like_packets() {
    let stage = Stage::open().await;
    let mut loud = on_a_websocket(&stage).await;
    for _ in 0..1200 {
        if loud.feed(Message::Ping(Vec::new().into())).await.is_err() {
            break;
        }
    }
    let _ = loud.flush().await;
    // The reason may have been overtaken by a reset.
    assert!(matches!(reason(&mut loud).await, Some(0x96) | None));
    assert_eq!(stage.counters.refused.get(), 1);
}
