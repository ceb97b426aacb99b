//! A page that listens: MQTT 3.1.1 over a WebSocket, as a browser speaks it.

use std::collections::{BTreeMap, VecDeque};

use bytes::BytesMut;
use futures::{SinkExt as _, StreamExt as _};
use rumqttc::mqttbytes::{QoS, v4};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Server;
use super::contract::Contract;

/// The connection.
pub struct Tab {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    buffer: BytesMut,
    /// Came while something else was waited for.
    early: VecDeque<(Value, bool)>,
    /// Every event so far.
    pub heard: Vec<Value>,
    /// What each must be like.
    contract: &'static Contract,
}

impl Tab {
    /// With this cookie, or this token as the password.
    pub async fn open(server: &Server, cookie: Option<&str>, token: Option<&str>) -> Self {
        let mut request = format!("ws://{}/mqtt", server.address()).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "mqtt".parse().unwrap());
        request.headers_mut().insert("origin", server.url.parse().unwrap());
        if let Some(cookie) = cookie {
            request.headers_mut().insert("cookie", cookie.parse().unwrap());
        }
        let (socket, _) = connect_async(request).await.unwrap();
        let mut tab =
            Self { socket, buffer: BytesMut::new(), early: VecDeque::new(), heard: Vec::new(), contract: Contract::of(server).await };
        let mut connect = v4::Connect::new("");
        // It may wait for long and says nothing meanwhile.
        connect.keep_alive = 0;
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
    pub async fn subscribe(&mut self, topic: &str) -> bool {
        let mut subscribe = v4::Subscribe::new(topic, QoS::AtMostOnce);
        subscribe.pkid = 1;
        self.send(v4::Packet::Subscribe(subscribe)).await;
        loop {
            match self.packet().await {
                v4::Packet::SubAck(ack) => return ack.return_codes == [v4::SubscribeReasonCode::Success(QoS::AtMostOnce)],
                v4::Packet::Publish(publish) => {
                    let early = self.event(&publish);
                    self.early.push_back(early);
                }
                _ => {}
            }
        }
    }

    /// The next message of one topic, and whether it was flagged retained.
    pub async fn message(&mut self) -> (Value, bool) {
        if let Some((event, retain)) = self.early.pop_front() {
            self.heard.push(event.clone());
            return (event, retain);
        }
        loop {
            if let v4::Packet::Publish(publish) = self.packet().await {
                let (event, retain) = self.event(&publish);
                self.heard.push(event.clone());
                return (event, retain);
            }
        }
    }

    /// The event of a message, which is as the contract has it, and whether it was flagged retained.
    fn event(&self, publish: &v4::Publish) -> (Value, bool) {
        let event = serde_json::from_slice(&publish.payload).unwrap();
        self.contract.check(&event);
        (event, publish.retain)
    }

    /// Messages until one is as wanted; each is newer than the one before.
    pub async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = BTreeMap::new();
        loop {
            let (event, _) = self.message().await;
            let [thing, sequence] = [format!("{} {}", event["type"], event["subject"]), event["sequence"].as_str().unwrap().to_owned()];
            let before = last.insert(thing, sequence.clone());
            assert!(before.as_ref() < Some(&sequence), "{sequence} after {before:?}");
            if wanted(&event["data"]) {
                return event;
            }
        }
    }

    /// Waits until the server has closed the connection.
    pub async fn closed(&mut self) {
        while let Some(Ok(message)) = self.socket.next().await {
            if message.is_close() {
                return;
            }
        }
    }

    /// Whole events of any topic until one is as wanted.
    pub async fn until_any(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (event, _) = self.message().await;
            if wanted(&event) {
                return event;
            }
        }
    }

    /// Whether it was acknowledged.
    pub async fn unsubscribe(&mut self, topic: &str) -> bool {
        let mut unsubscribe = v4::Unsubscribe::new(topic);
        unsubscribe.pkid = 2;
        self.send(v4::Packet::Unsubscribe(unsubscribe)).await;
        loop {
            match self.packet().await {
                v4::Packet::UnsubAck(ack) => return ack.pkid == 2,
                v4::Packet::Publish(publish) => {
                    let early = self.event(&publish);
                    self.early.push_back(early);
                }
                _ => {}
            }
        }
    }
}
