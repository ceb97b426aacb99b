//! A process that has lost its way to the broker, which the others have not.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use serde_json::Value;

use super::{bar, lane_is, open, read_until, until_live_is_past_ready, until_subscriptions, work};
use crate::support::{Mosquitto, Place, Server, Tab};

/// A way to a broker, which the test cuts and mends.
struct Way {
    port: u16,
    /// What goes over it; `None` while it is cut.
    streams: Arc<Mutex<Option<Vec<TcpStream>>>>,
    /// Whether what goes over the streams of now is lost.
    frozen: Arc<Mutex<Arc<AtomicBool>>>,
}

impl Way {
    fn to(broker: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let way = Self { port, streams: Arc::new(Mutex::new(Some(Vec::new()))), frozen: Arc::default() };
        let (streams, frozen) = (way.streams.clone(), way.frozen.clone());
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let near = near.unwrap();
                // While it is cut, whoever comes is closed.
                if let Some(carried) = &mut *streams.lock().unwrap() {
                    let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, broker)) else { continue };
                    for (from, to) in [(&near, &far), (&far, &near)] {
                        let (from, to, lost) = (from.try_clone().unwrap(), to.try_clone().unwrap(), frozen.lock().unwrap().clone());
                        std::thread::spawn(move || carry(&from, &to, &lost));
                    }
                    carried.extend([near, far]);
                }
            }
        });
        way
    }

    fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    fn cut(&self) {
        for stream in self.streams.lock().unwrap().take().unwrap() {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// From now on nothing comes through what stands, in either direction; who comes anew has a way.
    fn freeze(&self) {
        std::mem::take(&mut *self.frozen.lock().unwrap()).store(true, Ordering::Relaxed);
    }

    fn mend(&self) {
        *self.streams.lock().unwrap() = Some(Vec::new());
    }
}

/// Carries all that comes, or loses it, until either side ends.
fn carry(mut from: &TcpStream, mut to: &TcpStream, lost: &AtomicBool) {
    let mut some = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut some) {
        if !lost.load(Ordering::Relaxed) && to.write_all(&some[..length]).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// The next message of a store's status: its sequence, and whether the store is open.
async fn status(events: &mut EventLoop) -> (i64, bool) {
    loop {
        if let Event::Incoming(Packet::Publish(publish)) = events.poll().await.unwrap() {
            let event: Value = serde_json::from_slice(&publish.payload).unwrap();
            return (event["sequence"].as_str().unwrap().parse().unwrap(), event["data"]["open"].as_bool().unwrap());
        }
    }
}

async fn until_ready_is(server: &Server, status: StatusCode) {
    while server.nobody().page("/readyz").await.status != status {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn a_process_that_is_cut_off_from_the_broker_leaves_the_telling_to_another_one() {
    let broker = Mosquitto::start();
    let way = Way::to(broker.port);
    let (cut_off, url) = (way.url(), broker.url());
    let place = Place::on_postgres();
    let beside = place.beside();
    crate::support::run_with(place, &[("MQTT_URL", cut_off.as_str())], async |one: Server| {
        let shopper = one.guest().await;
        let id = shopper.order_coffee().await;
        let at_one = bar(&one);
        at_one
            .until("/staff/stores/harbor/queue", |queue| queue["lanes"]["queued"].as_array().is_some_and(|queued| queued.len() == 1))
            .await;
        work(&at_one, &id, "claim").await;
        work(&at_one, &id, "ready").await;
        // It is the one that tells.
        until_live_is_past_ready(&one.place).await;

        let two = Server::start_with(beside, &[("MQTT_URL", url.as_str())]);
        let (bar, manager) = (bar(&two), two.token("manager", "harbor"));
        let topic = "v1/stores/harbor/status";
        let mut phone = Tab::open(&two, Some(shopper.cookie()), None).await;
        assert!(phone.subscribe(&format!("v1/orders/{id}")).await);
        phone.until(lane_is("ready")).await;
        let mut window = Tab::open(&two, None, None).await;
        assert!(window.subscribe(topic).await);
        window.until(|status| status["open"] == true).await;
        // From here on only the broker tells them.
        until_subscriptions(&broker, 2).await;
        let mut window_of_one = Tab::open(&one, None, None).await;
        assert!(window_of_one.subscribe(topic).await);
        window_of_one.until(|status| status["open"] == true).await;

        way.cut();
        until_ready_is(&one, StatusCode::SERVICE_UNAVAILABLE).await;
        // It still has the cursor, which goes on.
        open(&manager, false).await;
        work(&bar, &id, "collect").await;
        phone.until(|order| order["status"] == "fulfilled").await;
        for window in [&mut window, &mut window_of_one] {
            window.until(|status| status["open"] == false).await;
        }
        read_until(&broker, topic, |event| event["data"]["open"] == false).await;
        open(&manager, true).await;
        for window in [&mut window, &mut window_of_one] {
            window.until(|status| status["open"] == true).await;
        }

        // What it could not bring out then is older than what the broker keeps.
        let (watcher, mut events) = AsyncClient::new(MqttOptions::new("watcher", "127.0.0.1", broker.port), 10);
        watcher.subscribe(topic, QoS::AtMostOnce).await.unwrap();
        let (kept, is_open) = status(&mut events).await;
        assert!(is_open);
        way.mend();
        let (again, is_open) = status(&mut events).await;
        assert!(again >= kept && is_open, "{again} after {kept}");
        until_ready_is(&one, StatusCode::OK).await;
        open(&manager, false).await;
        for window in [&mut window, &mut window_of_one] {
            window.until(|status| status["open"] == false).await;
        }
        read_until(&broker, topic, |event| event["data"]["open"] == false).await;
    });
}

/// Nothing ends: a node of the broker that froze, or a way on which nothing comes through any more.
#[test]
fn a_publisher_whose_connection_froze_makes_another_one() {
    let broker = Mosquitto::start();
    let way = Way::to(broker.port);
    let (frozen, url) = (way.url(), broker.url());
    let place = Place::on_postgres();
    let beside = place.beside();
    crate::support::run_with(place, &[("MQTT_URL", frozen.as_str())], async |one: Server| {
        // It is the one that tells: the other one does not.
        let two = Server::start_with(beside, &[("MQTT_URL", url.as_str()), ("ORDERLY_SERVICES", "web")]);
        let manager = two.token("manager", "harbor");
        let mut window = Tab::open(&two, None, None).await;
        assert!(window.subscribe("v1/stores/harbor/status").await);
        window.until(|status| status["open"] == true).await;
        until_ready_is(&one, StatusCode::OK).await;
        // From here on only the broker tells it.
        open(&manager, false).await;
        window.until(|status| status["open"] == false).await;

        way.freeze();
        let begun = Instant::now();
        open(&manager, true).await;
        // Not the window: its gateway finds out by itself that something was told, and did not come.
        read_until(&broker, "v1/stores/harbor/status", |event| event["data"]["open"] == true).await;
        // Pings alone, one every 20 s, tell of it when the second of them is due.
        assert!(begun.elapsed() < Duration::from_secs(18), "after {:?}", begun.elapsed());
    });
}

/// A node of a cluster that is cut off from the others answers whoever asks, and hears of nothing. Here it is a broker of its own.
#[test]
fn a_gateway_whose_node_is_cut_off_from_the_others_goes_to_another_one() {
    let (cut_off, broker) = (Mosquitto::start(), Mosquitto::start());
    let (url, nodes) = (broker.url(), format!("mqtt://127.0.0.1:{},127.0.0.1:{}", cut_off.port, broker.port));
    let place = Place::on_postgres();
    let beside = place.beside();
    crate::support::run_with(place, &[("MQTT_URL", url.as_str())], async |one: Server| {
        let two = Server::start_with(beside, &[("MQTT_URL", nodes.as_str()), ("ORDERLY_SERVICES", "web")]);
        let manager = one.token("manager", "harbor");
        let mut window = Tab::open(&two, None, None).await;
        assert!(window.subscribe("v1/stores/harbor/status").await);
        window.until(|status| status["open"] == true).await;
        until_subscriptions(&cut_off, 1).await;

        // Meanwhile its visitors are told all the same.
        let changes = async {
            for change in 0.. {
                let is_open = change % 2 == 1;
                open(&manager, is_open).await;
                window.until(|status| status["open"] == is_open).await;
            }
        };
        tokio::select! {
            () = changes => {}
            () = until_subscriptions(&broker, 1) => {}
        }
    });
}
