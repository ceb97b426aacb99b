//! A broker that is there, and tells nothing: nobody publishes to it or may do so, or it lets nobody in.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{bar, lane_is, open, read_until, work};
use crate::support::{Mosquitto, Place, Server, Tab};

/// Asks whether the server is ready until the answer is this one; what it says of who publishes.
async fn until_ready_is(server: &Server, status: StatusCode) -> Value {
    loop {
        let reply = server.nobody().page("/readyz").await;
        if reply.status == status {
            return reply.body["live"].clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The broker and the connections stand, so that pages say that they are live; only the process that publishes is gone.
#[test]
fn while_nobody_publishes_everybody_is_told_what_the_shop_says() {
    let broker = Mosquitto::start();
    let url = broker.url();
    let place = Place::on_postgres();
    let beside = place.beside();
    crate::support::run_with(place, &[("MQTT_URL", url.as_str()), ("ORDERLY_SERVICES", "web")], async |one: Server| {
        let two = Server::start_with(beside, &[("MQTT_URL", url.as_str())]);
        let shopper = one.guest().await;
        let id = shopper.order_coffee().await;
        let mut phone = Tab::open(&one, Some(shopper.cookie()), None).await;
        assert!(phone.subscribe(&format!("v1/orders/{id}")).await);
        phone.until(lane_is("queued")).await;
        let mut window = Tab::open(&one, None, None).await;
        assert!(window.subscribe("v1/stores/+/status").await);
        window.until(|status| status["id"] == "harbor" && status["open"] == true).await;
        assert_eq!(until_ready_is(&one, StatusCode::OK).await, "ok");
        let (bar, manager) = (bar(&one), one.token("manager", "harbor"));

        let place = two.kill();
        work(&bar, &id, "claim").await;
        work(&bar, &id, "ready").await;
        open(&manager, false).await;
        phone.until(lane_is("ready")).await;
        window.until(|status| status["id"] == "harbor" && status["open"] == false).await;
        assert_eq!(until_ready_is(&one, StatusCode::SERVICE_UNAVAILABLE).await, "away");
        // Who comes now is not told what the broker has kept.
        open(&manager, true).await;
        let mut late = Tab::open(&one, None, None).await;
        assert!(late.subscribe("v1/stores/harbor/status").await);
        late.until_any(|event| event["data"]["open"] == true).await;
        window.until(|status| status["id"] == "harbor" && status["open"] == true).await;

        let _next = Server::start_with(place, &[("MQTT_URL", url.as_str())]);
        assert_eq!(until_ready_is(&one, StatusCode::OK).await, "ok");
        work(&bar, &id, "collect").await;
        phone.until(|order| order["status"] == "fulfilled").await;
    });
}

/// It acknowledges what it drops: at MQTT 3.1.1 it has no word for that.
#[test]
fn a_broker_that_drops_what_is_published_is_not_relied_on_until_it_does_not() {
    let broker = Mosquitto::start_with_rights("topic read v1/#\n");
    let url = broker.url();
    crate::support::run_with(Place::on_sqlite(), &[("MQTT_URL", url.as_str())], async |server: Server| {
        while until_ready_is(&server, StatusCode::SERVICE_UNAVAILABLE).await != "away" {}
        // It is the shop that is read.
        let manager = server.token("manager", "harbor");
        let mut window = Tab::open(&server, None, None).await;
        assert!(window.subscribe("v1/stores/harbor/status").await);
        window.until(|status| status["open"] == true).await;
        open(&manager, false).await;
        window.until(|status| status["open"] == false).await;

        broker.set_rights("topic readwrite v1/#\n");
        assert_eq!(until_ready_is(&server, StatusCode::OK).await, "ok");
        read_until(&broker, "v1/stores/harbor/status", |event| event["data"]["open"] == false).await;
        open(&manager, true).await;
        window.until(|status| status["open"] == true).await;
        read_until(&broker, "v1/stores/harbor/status", |event| event["data"]["open"] == true).await;
        server.ask_to_stop();
        let (_, log, _) = server.ended(Duration::from_secs(20));
        let told = log.lines().filter(|line| line.contains("the right to read and write v1/#")).count();
        assert_eq!(told, 1, "once, however often it is tried: {log}");
    });
}

/// Lets nobody in, until these have tried twice each: what the first try came to has been told by then.
async fn refuse_twice(door: &TcpListener, clients: [&str; 2]) {
    let mut tries = BTreeMap::from(clients.map(|client| (client, 0)));
    while tries.values().any(|tries| *tries < 2) {
        let (mut stream, _) = door.accept().await.unwrap();
        let mut greeting = [0; 256];
        let length = stream.read(&mut greeting).await.unwrap();
        let text = String::from_utf8_lossy(&greeting[..length]).into_owned();
        for (_, tries) in tries.iter_mut().filter(|(client, _)| text.contains(**client)) {
            *tries += 1;
        }
        // CONNACK: not authorized. Who has left need not hear it.
        let _ = stream.write_all(&[0x20, 2, 0, 5]).await;
    }
}

/// The broker is started after us, and knows another password.
#[test]
fn a_password_that_a_broker_refuses_when_it_comes_back_is_told() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("mqtt://orderly:wrong@{free}");
    crate::support::run_with(Place::on_sqlite(), &[("MQTT_URL", url.as_str())], async |server: Server| {
        // Nobody is there yet.
        assert_eq!(until_ready_is(&server, StatusCode::SERVICE_UNAVAILABLE).await, "ok");
        let door = TcpListener::bind(free).await.unwrap();
        refuse_twice(&door, ["orderly-gateway", "orderly-live"]).await;
        server.ask_to_stop();
        let (_, log, _) = server.ended(Duration::from_secs(20));
        for reason in ["os error 111", "NotAuthorized"] {
            let told = log.lines().filter(|line| line.contains("away") && line.contains(reason)).count();
            assert_eq!(told, 2, "{reason}, once by each: {log}");
        }
    });
}

/// Several look at the shop again and again, and none of them says at every look what has been said.
#[test]
fn a_database_that_is_away_is_told_of_once_by_each_who_asks_it() {
    let broker = Mosquitto::start();
    let url = broker.url();
    crate::support::run_with(Place::on_sqlite(), &[("MQTT_URL", url.as_str())], async |server: Server| {
        assert_eq!(until_ready_is(&server, StatusCode::OK).await, "ok");
        let mut window = Tab::open(&server, None, None).await;
        let (file, aside) = (server.place.path().join("orderly.db"), server.place.path().join("aside.db"));
        std::fs::rename(&file, &aside).unwrap();
        // When it has not answered for long enough.
        window.closed().await;
        std::fs::rename(&aside, &file).unwrap();
        until_ready_is(&server, StatusCode::OK).await;
        server.ask_to_stop();
        let (_, log, _) = server.ended(Duration::from_secs(20));
        for what in ["the connected cannot be rechecked now", "whether somebody publishes what happens cannot be seen now"] {
            assert_eq!(log.lines().filter(|line| line.contains(what)).count(), 1, "{what}: {log}");
        }
    });
}
