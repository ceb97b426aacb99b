//! Brokers outside: two processes on one PostgreSQL tell each other's visitors by a real broker, and when it was away,
//! everything ends with the newest state all the same.

mod cut_off;
mod silent;

use std::process::Stdio;
use std::time::Duration;

use backend::args;
use backend::clock::Clock;
use backend::db::{Db, Sql as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use server::config::SERVICES;
use tokio::io::AsyncBufReadExt as _;

use crate::support::{Client, Mosquitto, Nats, Place, Server, Tab};

/// Runs a test with two servers on one database.
fn with_two<F: Future<Output = ()>>(urls: [String; 2], test: impl FnOnce(Server, Server) -> F) {
    let place = Place::on_postgres();
    let beside = place.beside();
    let [first, second] = urls;
    // A cluster elects a leader for each topic that it keeps, again after every loss: minutes on a busy machine.
    crate::support::run_within(Duration::from_mins(5), place, &[("MQTT_URL", &first)], async |one| {
        let two = tokio::task::spawn_blocking(move || Server::start_with(beside, &[("MQTT_URL", &second)])).await.unwrap();
        test(one, two).await;
    });
}

/// The bar at `harbor`, at this server.
fn bar(server: &Server) -> Client {
    server.token("barista", "harbor")
}

async fn work(bar: &Client, order: &str, command: &str) {
    let done = bar.keyed(Method::POST, &format!("/staff/orders/{order}/{command}"), &json!({})).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
}

async fn open(manager: &Client, open: bool) {
    let done = manager.call(Method::PUT, "/staff/stores/harbor/status", &json!({"open": open})).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
}

fn lane_is(lane: &'static str) -> impl Fn(&Value) -> bool {
    move |order| order["fulfilments"][0]["status"] == lane
}

#[test]
fn a_change_through_one_process_reaches_browsers_on_the_other() {
    let broker = Mosquitto::start();
    with_two([broker.url(), broker.url()], async |one, two| {
        let shopper = two.guest().await;
        let id = shopper.order_coffee().await;
        let mut phone = Tab::open(&two, Some(shopper.cookie()), None).await;
        assert!(phone.subscribe(&format!("v1/orders/{id}")).await);
        let token = one.place.answer(&["token", "issue", "--role", "barista", "--store", "harbor"]);
        let mut board = Tab::open(&two, None, Some(&token)).await;
        assert!(board.subscribe("v1/stores/harbor/queue").await);
        phone.until(lane_is("queued")).await;
        let bar = bar(&one);
        work(&bar, &id, "claim").await;
        phone.until(lane_is("making")).await;
        work(&bar, &id, "ready").await;
        phone.until(lane_is("ready")).await;
        board.until(|queue| queue["lanes"]["ready"].as_array().is_some_and(|ready| ready.len() == 1)).await;

        // Whoever reads the broker itself, in either version, finds the same there.
        for version in ["mqttv311", "mqttv5"] {
            let mut reader = tokio::process::Command::new("mosquitto_sub")
                .args(["-p", &broker.port.to_string(), "-V", version, "-t", "v1/stores/harbor/board"])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .expect("mosquitto_sub (Debian: mosquitto-clients) is needed for this test: run scripts/install.sh unit");
            let mut lines = tokio::io::BufReader::new(reader.stdout.take().unwrap()).lines();
            // The board is told after the queue.
            loop {
                let line = lines.next_line().await.unwrap().unwrap_or_else(|| panic!("{version}: mosquitto_sub ended"));
                let event: Value = serde_json::from_str(&line).unwrap();
                assert_eq!(event["type"], "live.board.v1", "{version}");
                if event["data"]["ready"].as_array().map(Vec::len) == Some(1) {
                    break;
                }
            }
        }
        // A third one with a broker of its own would tell nobody of theirs.
        let (line, code) = one.place.refusal(&["serve"]);
        assert!(line.contains("another orderly serves") && code == Some(1), "{line}");
    });
}

#[test]
fn a_broker_that_is_away_is_waited_for_and_everything_ends_with_the_newest_state() {
    let mut broker = Mosquitto::start();
    let urls = [broker.url(), broker.url()];
    with_two(urls, async move |one, two| {
        let shopper = two.guest().await;
        let id = shopper.order_coffee().await;
        let mut phone = Tab::open(&two, Some(shopper.cookie()), None).await;
        assert!(phone.subscribe(&format!("v1/orders/{id}")).await);
        phone.until(lane_is("queued")).await;
        let mut window = Tab::open(&two, None, None).await;
        assert!(window.subscribe("v1/stores/+/status").await);
        window.until(|status| status["id"] == "harbor" && status["open"] == true).await;

        broker.stop();
        // The shop goes on, and says that the broker is away.
        let (bar, manager) = (bar(&one), one.token("manager", "harbor"));
        work(&bar, &id, "claim").await;
        work(&bar, &id, "ready").await;
        open(&manager, false).await;
        for server in [&one, &two] {
            while server.nobody().page("/readyz").await.status != StatusCode::SERVICE_UNAVAILABLE {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        // Who looks on already is told by the shop itself.
        phone.until(lane_is("ready")).await;
        window.until(|status| status["id"] == "harbor" && status["open"] == false).await;
        // And who comes now, though something older is kept.
        let mut late = Tab::open(&two, Some(shopper.cookie()), None).await;
        assert!(late.subscribe("v1/stores/harbor/status").await && late.subscribe(&format!("v1/orders/{id}")).await);
        let (first, retained) = late.message().await;
        assert!(retained && first["type"] == "live.store_status.v1" && first["data"]["open"] == false, "{first}");
        late.until_any(|event| event["type"] == "live.order.v1" && event["data"]["fulfilments"][0]["status"] == "ready").await;
        assert!(late.subscribe("v1/stores/+/board").await);
        for store in ["/stores/harbor", "/stores/pier", "/stores/unicorn"] {
            late.until_any(|event| event["type"] == "live.board.v1" && event["source"] == store).await;
        }

        broker.start_again();
        for server in [&one, &two] {
            while server.nobody().page("/readyz").await.status != StatusCode::OK {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        // And it goes on as before.
        open(&manager, true).await;
        window.until(|status| status["id"] == "harbor" && status["open"] == true).await;
        late.until_any(|event| event["type"] == "live.store_status.v1" && event["data"]["open"] == true).await;
        work(&bar, &id, "collect").await;
        phone.until(|order| order["status"] == "fulfilled").await;
    });
}

#[test]
fn a_process_that_is_killed_is_followed_by_the_other() {
    let broker = Mosquitto::start();
    with_two([broker.url(), broker.url()], async |one, two| {
        let shopper = two.guest().await;
        let id = shopper.order_coffee().await;
        let mut phone = Tab::open(&two, Some(shopper.cookie()), None).await;
        assert!(phone.subscribe(&format!("v1/orders/{id}")).await);
        phone.until(lane_is("queued")).await;
        let bar = bar(&two);
        work(&bar, &id, "claim").await;
        work(&bar, &id, "ready").await;
        // Whether it has published that, or only moved its cursor, or neither.
        one.kill();
        phone.until(lane_is("ready")).await;
        work(&bar, &id, "collect").await;
        phone.until(|order| order["status"] == "fulfilled").await;
    });
}

/// Waits until the cursor of what is told live is past what happened last at the bar.
async fn until_live_is_past_ready(place: &Place) {
    let db = Db::open(&place.database_url, Clock::system()).await.expect("the database opens");
    let past = "select count(*) as n from event, cursor where event.type = 'prep.ready.v1' and cursor.subscriber = 'live' \
                and event.position <= cursor.position";
    while db.reader().fetch_one(past, args![]).await.unwrap().get::<i64>("n").unwrap() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    db.close().await;
}

/// Its cursor has gone on, and nothing was told: of an order that nobody touches again its page would never hear.
#[test]
fn what_a_killed_process_had_not_told_is_told_at_the_next_start() {
    // The process that tells is at a broker where nobody listens: to the other one's visitors that is as if it had not come to it.
    let (broker, elsewhere) = (Mosquitto::start(), Mosquitto::start());
    let (url, lost) = (broker.url(), elsewhere.url());
    let all_but_live = SERVICES.into_iter().filter(|service| *service != "live").collect::<Vec<_>>().join(",");
    let place = Place::on_postgres();
    let beside = place.beside();
    crate::support::run_with(place, &[("MQTT_URL", lost.as_str()), ("ORDERLY_SERVICES", "web,live")], async |one: Server| {
        let two = Server::start_with(beside, &[("MQTT_URL", url.as_str()), ("ORDERLY_SERVICES", all_but_live.as_str())]);
        let shopper = two.guest().await;
        let id = shopper.order_coffee().await;
        let bar = bar(&two);
        let is_queued = |queue: &Value| queue["lanes"]["queued"].as_array().is_some_and(|queued| queued.len() == 1);
        bar.until("/staff/stores/harbor/queue", is_queued).await;
        let mut phone = Tab::open(&two, Some(shopper.cookie()), None).await;
        assert!(phone.subscribe(&format!("v1/orders/{id}")).await);
        phone.until(lane_is("queued")).await;
        until_subscriptions(&broker, 1).await;
        work(&bar, &id, "claim").await;
        work(&bar, &id, "ready").await;
        until_live_is_past_ready(&two.place).await;

        let place = one.kill();
        // Long after: who starts has the subscriber from the first moment on, and sees nobody else who had it.
        place.execute("update lease set expires_at = 0 where name = 'subscriber/live' and $1 is not null").await;
        // Not the phone: its gateway finds out by itself that something was told, and did not come.
        let (reader, mut events) = rumqttc::AsyncClient::new(rumqttc::MqttOptions::new("reader", "127.0.0.1", broker.port), 10);
        reader.subscribe(format!("v1/orders/{id}"), rumqttc::QoS::AtMostOnce).await.unwrap();
        while !matches!(events.poll().await.unwrap(), rumqttc::Event::Incoming(rumqttc::Packet::SubAck(_))) {}
        let _next = Server::start_with(place, &[("MQTT_URL", url.as_str()), ("ORDERLY_SERVICES", "web,live")]);
        read_on(&mut events, |event| lane_is("ready")(&event["data"])).await;
        phone.until(lane_is("ready")).await;
    });
}

/// How many subscriptions the broker has, as it says itself every second.
async fn until_subscriptions(broker: &Mosquitto, wanted: i64) {
    let (client, mut events) = rumqttc::AsyncClient::new(rumqttc::MqttOptions::new("observer", "127.0.0.1", broker.port), 10);
    client.subscribe("$SYS/broker/subscriptions/count", rumqttc::QoS::AtMostOnce).await.unwrap();
    let mut last = String::new();
    let seen = tokio::time::timeout(Duration::from_secs(40), async {
        loop {
            if let rumqttc::Event::Incoming(rumqttc::Packet::Publish(publish)) = events.poll().await.unwrap() {
                last = String::from_utf8_lossy(&publish.payload).into_owned();
                // Our own is one of them.
                if last.parse() == Ok(wanted + 1) {
                    return;
                }
            }
        }
    });
    assert!(seen.await.is_ok(), "{wanted} subscriptions were expected, {last} there are, ours included");
}

#[test]
fn a_node_asks_the_broker_only_for_what_its_clients_need() {
    let broker = Mosquitto::start();
    let url = broker.url();
    crate::support::run_with(Place::on_sqlite(), &[("MQTT_URL", &url)], async |server| {
        until_subscriptions(&broker, 0).await;
        let mut tabs = Vec::new();
        for _ in 0..3 {
            let mut tab = Tab::open(&server, None, None).await;
            assert!(tab.subscribe("v1/stores/harbor/status").await && tab.subscribe("v1/stores/+/board").await);
            tabs.push(tab);
        }
        until_subscriptions(&broker, 2).await;
        tabs.pop();
        assert!(tabs[0].unsubscribe("v1/stores/harbor/status").await);
        until_subscriptions(&broker, 2).await;
        assert!(tabs[1].unsubscribe("v1/stores/harbor/status").await);
        until_subscriptions(&broker, 1).await;
        tabs.clear();
        until_subscriptions(&broker, 0).await;
    });
}

/// What somebody hears who reads the broker itself, until it is as wanted.
async fn read_until(broker: &Mosquitto, topic: &str, wanted: impl Fn(&Value) -> bool) {
    let (client, mut events) = rumqttc::AsyncClient::new(rumqttc::MqttOptions::new("reader", "127.0.0.1", broker.port), 10);
    client.subscribe(topic, rumqttc::QoS::AtMostOnce).await.unwrap();
    read_on(&mut events, wanted).await;
}

/// Reads on until it is told what is wanted.
async fn read_on(events: &mut rumqttc::EventLoop, wanted: impl Fn(&Value) -> bool) {
    loop {
        if let rumqttc::Event::Incoming(rumqttc::Packet::Publish(publish)) = events.poll().await.unwrap()
            && wanted(&serde_json::from_slice(&publish.payload).unwrap())
        {
            return;
        }
    }
}

/// The broker goes on having what it was told last of a shop that is lost.
#[test]
fn a_restored_shop_is_heard_over_what_the_broker_has_kept() {
    let broker = Mosquitto::start();
    let url = broker.url();
    crate::support::run_with(Place::on_sqlite(), &[("MQTT_URL", &url)], async |server| {
        let topic = "v1/stores/harbor/status";
        let file = server.place.path().join("shop.backup");
        server.place.answer(&["backup", file.to_str().unwrap()]);
        // The copy knows nothing of this.
        let manager = server.token("manager", "harbor");
        for is_open in [false, true, false, true, false] {
            open(&manager, is_open).await;
        }
        let last = server.nobody().get("/stores/harbor").await.body["sequence"].as_i64().unwrap();
        let sequence = |event: &Value| event["sequence"].as_str().unwrap().parse::<i64>().unwrap();
        read_until(&broker, topic, |event| sequence(event) >= last && event["data"]["open"] == false).await;

        let place = server.kill();
        for end in ["", "-wal", "-shm"] {
            let lost = place.path().join(format!("orderly.db{end}"));
            if lost.exists() {
                std::fs::remove_file(lost).unwrap();
            }
        }
        place.answer(&["restore", file.to_str().unwrap()]);
        let server = Server::start_with(place, &[("MQTT_URL", &url)]);
        let mut window = Tab::open(&server, None, None).await;
        assert!(window.subscribe(topic).await);
        window.until(|status| status["open"] == true).await;
        // What the broker keeps is replaced, for its own readers too.
        read_until(&broker, topic, |event| sequence(event) > last && event["data"]["open"] == true).await;
        open(&server.token("manager", "harbor"), false).await;
        window.until(|status| status["open"] == false).await;
        read_until(&broker, topic, |event| sequence(event) > last && event["data"]["open"] == false).await;
    });
}

/// What a shop may rely on: one node of three may be lost, whichever it is, and one after the other. The shop goes on
/// meanwhile, and every page ends with the newest state: NATS elects new leaders in 4 to 9 s, and waits up to 4 s for each
/// message that it cannot keep meanwhile.
#[test]
fn a_cluster_of_nats_survives_the_loss_of_a_node() {
    let mut cluster = Nats::start();
    let urls = [cluster.url(0), cluster.url(1)];
    with_two(urls, async move |one, two| {
        let shopper = two.guest().await;
        let id = shopper.order_coffee().await;
        for server in [&one, &two] {
            while server.nobody().page("/readyz").await.status != StatusCode::OK {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        let mut phone = Tab::open(&two, Some(shopper.cookie()), None).await;
        assert!(phone.subscribe(&format!("v1/orders/{id}")).await);
        // One topic by its name, and many by a wildcard: the broker keeps them, and may have kept an old message.
        let mut windows = [Tab::open(&two, None, None).await, Tab::open(&one, None, None).await];
        assert!(windows[0].subscribe("v1/stores/harbor/status").await && windows[1].subscribe("v1/stores/+/status").await);
        phone.until(lane_is("queued")).await;
        let (bar, manager) = (bar(&one), one.token("manager", "harbor"));
        work(&bar, &id, "claim").await;
        phone.until(lane_is("making")).await;

        // The node that the second process is at.
        cluster.kill(1);
        work(&bar, &id, "ready").await;
        open(&manager, false).await;
        phone.until(lane_is("ready")).await;
        for window in &mut windows {
            window.until(|status| status["id"] == "harbor" && status["open"] == false).await;
        }

        // It comes back, and the one that the first process is at is lost.
        cluster.start_again(1);
        cluster.kill(0);
        work(&bar, &id, "collect").await;
        open(&manager, true).await;
        phone.until(|order| order["status"] == "fulfilled").await;
        for window in &mut windows {
            window.until(|status| status["id"] == "harbor" && status["open"] == true).await;
        }

        // Who comes now is told the same, whatever the broker has kept.
        for server in [&one, &two] {
            let mut late = Tab::open(server, None, None).await;
            assert!(late.subscribe("v1/stores/+/status").await);
            late.until(|status| status["id"] == "harbor" && status["open"] == true).await;
        }
    });
}
