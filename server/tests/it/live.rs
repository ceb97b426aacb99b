//! What comes by itself: a real server's events on real MQTT connections, with the rights of cookies and tokens.

use bytes::BytesMut;
use futures::{SinkExt as _, StreamExt as _};
use reqwest::{Method, StatusCode};
use rumqttc::mqttbytes::{QoS, v4};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::{Client, Server, on_both_databases};

on_both_databases! {
    an_order_moves_on_the_screens_of_those_concerned
    only_our_own_pages_may_listen
}

/// MQTT 3.1.1 over a WebSocket, as a browser speaks it.
struct Tab {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    buffer: BytesMut,
}

impl Tab {
    /// With this cookie, or this token as the password.
    async fn open(server: &Server, cookie: Option<&str>, token: Option<&str>) -> Self {
        let mut request = format!("ws://{}/mqtt", server.address()).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "mqtt".parse().unwrap());
        request.headers_mut().insert("origin", server.url.parse().unwrap());
        if let Some(cookie) = cookie {
            request.headers_mut().insert("cookie", cookie.parse().unwrap());
        }
        let (socket, _) = connect_async(request).await.unwrap();
        let mut tab = Self { socket, buffer: BytesMut::new() };
        let mut connect = v4::Connect::new("");
        if let Some(token) = token {
            connect.set_login("token", token);
        }
        tab.send(v4::Packet::Connect(connect)).await;
        assert_eq!(tab.packet().await, v4::Packet::ConnAck(v4::ConnAck::new(v4::ConnectReturnCode::Success, false)));
        tab
    }

    async fn send(&mut self, packet: v4::Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, 1 << 20).unwrap();
        self.socket.send(Message::Binary(bytes.freeze())).await.unwrap();
    }

    async fn packet(&mut self) -> v4::Packet {
        loop {
            if let Ok(packet) = v4::Packet::read(&mut self.buffer, 1 << 20) {
                return packet;
            }
            if let Message::Binary(bytes) = self.socket.next().await.unwrap().unwrap() {
                self.buffer.extend_from_slice(&bytes);
            }
        }
    }

    /// Whether the topic was granted.
    async fn subscribe(&mut self, topic: &str) -> bool {
        let mut subscribe = v4::Subscribe::new(topic, QoS::AtMostOnce);
        subscribe.pkid = 1;
        self.send(v4::Packet::Subscribe(subscribe)).await;
        loop {
            if let v4::Packet::SubAck(ack) = self.packet().await {
                return ack.return_codes == [v4::SubscribeReasonCode::Success(QoS::AtMostOnce)];
            }
        }
    }

    /// The next message of one topic, and whether it was flagged retained.
    async fn message(&mut self) -> (Value, bool) {
        loop {
            if let v4::Packet::Publish(publish) = self.packet().await {
                return (serde_json::from_slice(&publish.payload).unwrap(), publish.retain);
            }
        }
    }

    /// Messages until one is as wanted; each is newer than the one before.
    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = String::new();
        loop {
            let (event, _) = self.message().await;
            let sequence = event["sequence"].as_str().unwrap().to_owned();
            assert!(sequence > last, "{sequence} after {last}");
            last = sequence;
            if wanted(&event["data"]) {
                return event;
            }
        }
    }
}

async fn order(shopper: &Client) -> String {
    let lines = json!([{"sku": "flat-white-regular", "quantity": 1, "options": ["oat"]}]);
    let checkout = json!({"store": "harbor", "lines": lines, "fulfilment": {"kind": "pickup"}});
    let begun = shopper.keyed(Method::POST, "/checkouts", &checkout).await;
    assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.body);
    let path = format!("/checkouts/{}/place", begun.body["id"].as_str().unwrap());
    let place = json!({"payment": {"method": "card", "token": "tok_ok"}, "expected_total": begun.body["quote"]["total"]});
    let placed = shopper.keyed(Method::POST, &path, &place).await;
    assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.body);
    placed.body["id"].as_str().unwrap().to_owned()
}

async fn an_order_moves_on_the_screens_of_those_concerned(server: Server) {
    let shopper = server.guest().await;
    let stranger = server.guest().await;
    let token = server.place.answer(&["token", "issue", "--role", "barista", "--store", "harbor"]);
    let barista = server.nobody().with_token(token.trim());
    let id = order(&shopper).await;
    let topic = format!("v1/orders/{id}");

    let mut others = Tab::open(&server, Some(stranger.cookie()), None).await;
    assert!(!others.subscribe(&topic).await && !others.subscribe("v1/stores/harbor/queue").await);
    assert!(others.subscribe("v1/stores/harbor/board").await);
    let (board, retained) = others.message().await;
    assert!(retained && board["type"] == "live.board.v1" && board["source"] == "/stores/harbor", "{board}");

    let mut phone = Tab::open(&server, Some(shopper.cookie()), None).await;
    assert!(phone.subscribe(&topic).await);
    let (first, retained) = phone.message().await;
    assert!(retained && first["type"] == "live.order.v1" && first["subject"] == id.as_str(), "{first}");
    assert_eq!(first["data"]["lines"][0]["names"]["zh-CN"], "馥芮白");
    assert_eq!(first["sequence"].as_str().unwrap().parse::<i64>().unwrap(), first["data"]["sequence"].as_i64().unwrap());

    let mut tablet = Tab::open(&server, None, Some(token.trim())).await;
    assert!(tablet.subscribe("v1/stores/harbor/queue").await);
    let lane = |lane: &'static str| {
        let id = id.clone();
        move |queue: &Value| queue["lanes"][lane].as_array().is_some_and(|tickets| tickets.iter().any(|t| t["order"] == id.as_str()))
    };
    tablet.until(lane("queued")).await;
    for (command, state, of_lane) in [("claim", "making", "making"), ("ready", "ready", "ready")] {
        let done = barista.keyed(Method::POST, &format!("/staff/orders/{id}/{command}"), &json!({})).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.body);
        phone.until(|order| order["fulfilments"][0]["status"] == state).await;
        tablet.until(lane(of_lane)).await;
    }
    others.until(|board| board["ready"].as_array().is_some_and(|ready| ready.len() == 1)).await;
    let done = barista.keyed(Method::POST, &format!("/staff/orders/{id}/collect"), &json!({})).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    phone.until(|order| order["status"] == "fulfilled").await;
}

async fn only_our_own_pages_may_listen(server: Server) {
    let mut request = format!("ws://{}/mqtt", server.address()).into_client_request().unwrap();
    request.headers_mut().insert("origin", "http://elsewhere.example".parse().unwrap());
    match connect_async(request).await {
        Err(Error::Http(response)) => assert_eq!(response.status().as_u16(), 403),
        other => panic!("{:?}", other.map(|_| "connected")),
    }
    let page = reqwest::get(format!("{}/mqtt", server.url)).await.unwrap();
    assert_eq!(page.status(), StatusCode::UPGRADE_REQUIRED);
}
