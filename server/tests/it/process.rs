//! The process: its start, its end, and everything that can be in its way.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Place, Server, Tab, on_both_databases, refusal};

on_both_databases! {
    a_request_in_flight_is_answered_before_the_end
    what_was_acknowledged_survives_a_kill
    a_second_process_is_refused_without_a_broker_outside
}

/// A checkout whose body has not arrived yet.
fn half_a_request(server: &Server, token: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let head = format!(
        "POST /api/v1/quotes HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{}",
        server.address(),
        body.len(),
        &body[..10]
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

async fn a_request_in_flight_is_answered_before_the_end(server: Server) {
    let token = server.place.answer(&["token", "issue", "--role", "barista", "--store", "harbor"]);
    let body = json!({"store": "harbor", "lines": [{"sku": "flat-white-regular", "quantity": 1, "options": ["oat"]}]}).to_string();
    let mut stream = half_a_request(&server, &token, &body);
    // The request has begun when the server has counted another one after it.
    assert_eq!(server.nobody().page("/healthz").await.status, StatusCode::OK);
    server.ask_to_stop();
    while TcpStream::connect(server.address()).is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stream.write_all(&body.as_bytes()[10..]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (status, log, _) = server.ended(Duration::from_secs(10));
    assert_eq!(status.code(), Some(0), "{log}");
}

async fn what_was_acknowledged_survives_a_kill(server: Server) {
    let shopper = server.guest().await;
    let checkout = json!({"store": "harbor", "lines": [{"sku": "flat-white-regular", "quantity": 1, "options": ["oat"]}], "fulfilment": {"kind": "pickup"}});
    let begun = shopper.keyed(Method::POST, "/checkouts", &checkout).await;
    let place = json!({"payment": {"method": "card", "token": "tok_ok"}, "expected_total": begun.body["quote"]["total"]});
    let placed = shopper.keyed(Method::POST, &format!("/checkouts/{}/place", begun.body["id"].as_str().unwrap()), &place).await;
    assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.body);
    let cookie = shopper.cookie().to_owned();

    let server = Server::start(server.kill());
    let shopper = server.nobody().with_cookie(cookie);
    let path = format!("/orders/{}", placed.body["id"].as_str().unwrap());
    let order = shopper.until(&path, |order| order["fulfilments"][0]["status"] == "queued").await;
    assert_eq!((&order["status"], &order["payment"]["status"]), (&json!("processed"), &json!("captured")));
}

async fn a_second_process_is_refused_without_a_broker_outside(server: Server) {
    let (line, code) = server.place.refusal(&["serve"]);
    let way_out = if line.contains(".db") { "another file in DATABASE_URL" } else { "MQTT_URL=mqtt://" };
    assert!(line.contains("another orderly serves") && line.contains(way_out), "{line}");
    assert_eq!(code, Some(1));
    assert_eq!(server.nobody().page("/readyz").await.status, StatusCode::OK, "the first goes on");
    server.ask_to_stop();
    let (status, log, place) = server.ended(Duration::from_secs(10));
    assert_eq!(status.code(), Some(0), "{log}");
    // It has given its right back: the next one need not wait for it.
    let begun = std::time::Instant::now();
    drop(Server::start(place));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for name in ["ORDERLY_LISTEN", "ORDERLY_MQTT_LISTEN"] {
        let place = Place::on_sqlite();
        let mut command = place.command(&["serve"]);
        command.env(name, &address);
        let (line, code) = refusal(command);
        assert!(line.starts_with(&format!("orderly: {name}: {address} is taken")) && code == Some(2), "{line}");
    }
}

#[test]
fn a_database_that_cannot_be_used_is_one_line() {
    let place = Place::on_sqlite();
    let file = place.path().join("orderly.db");
    std::fs::write(&file, "this is no database, and never was one").unwrap();
    let (line, code) = place.refusal(&["serve"]);
    assert!(line.contains("orderly.db") && code == Some(1), "{line}");

    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let (line, _) = place.refusal(&["serve"]);
    assert!(line.contains("orderly.db"), "{line}");
}

/// Asks whether the server is ready until the answer is this one.
async fn until_ready_is(server: &Server, status: StatusCode) {
    let (nobody, deadline) = (server.nobody(), std::time::Instant::now() + Duration::from_secs(20));
    loop {
        let reply = nobody.page("/readyz").await;
        if reply.status == status {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{}, not {status}: {}", reply.status, reply.body);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn a_database_whose_file_is_moved_away_is_away_until_it_is_back() {
    crate::support::run(Place::on_sqlite(), async |server: Server| {
        let (file, aside) = (server.place.path().join("orderly.db"), server.place.path().join("aside.db"));
        let guest = server.guest().await;
        guest.order_coffee().await;
        let mut tab = Tab::open(&server, Some(guest.cookie()), None).await;

        std::fs::rename(&file, &aside).unwrap();
        until_ready_is(&server, StatusCode::SERVICE_UNAVAILABLE).await;
        // Nothing is acknowledged that the next start would not find.
        let lines = json!([{"sku": "flat-white-regular", "quantity": 1, "options": ["oat"]}]);
        let checkout = json!({"store": "harbor", "lines": lines, "fulfilment": {"kind": "pickup"}});
        let refused = guest.keyed(Method::POST, "/checkouts", &checkout).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"), "{}", refused.body);
        assert_eq!(guest.page("/s/harbor").await.status, StatusCode::SERVICE_UNAVAILABLE);
        // Who listens is not left to believe that nothing happens.
        tab.closed().await;

        std::fs::rename(&aside, &file).unwrap();
        until_ready_is(&server, StatusCode::OK).await;
        guest.order_coffee().await;
        assert_eq!(guest.get("/orders").await.body["items"].as_array().map(Vec::len), Some(2));

        server.ask_to_stop();
        let (status, log, _) = server.ended(Duration::from_secs(10));
        assert_eq!(status.code(), Some(0), "{log}");
        let said: Vec<_> = log.lines().filter(|line| line.contains("no longer the file that is open")).collect();
        assert!(matches!(said[..], [line] if line.contains("DATABASE_URL") && line.contains("orderly.db")), "{log}");
    });
}

/// It answers as before, so that only a try tells.
async fn is_not_ready_while_it_takes_nothing(server: &Server, refuse: impl Fn(bool)) {
    let guest = server.guest().await;
    guest.order_coffee().await;
    until_ready_is(server, StatusCode::OK).await;
    refuse(true);
    until_ready_is(server, StatusCode::SERVICE_UNAVAILABLE).await;
    let told = server.nobody().page("/readyz").await;
    assert_eq!((&told.body["database"], &told.body["broker"]), (&json!("away"), &json!("ok")), "{}", told.body);
    assert_eq!(guest.get("/orders").await.status, StatusCode::OK, "what is there can be read");
    let lines = json!([{"sku": "flat-white-regular", "quantity": 1, "options": ["oat"]}]);
    let checkout = json!({"store": "harbor", "lines": lines, "fulfilment": {"kind": "pickup"}});
    let refused = guest.keyed(Method::POST, "/checkouts", &checkout).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"), "{}", refused.body);
    refuse(false);
    until_ready_is(server, StatusCode::OK).await;
    guest.order_coffee().await;
}

#[test]
fn a_sqlite_database_on_a_full_disk_is_not_ready() {
    let place = Place::on_sqlite();
    let command = place.server_after("trap '' XFSZ");
    let server = Server::start_by(place, command);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(is_not_ready_while_it_takes_nothing(&server, |full| server.fill_disk(full)));
}

#[test]
fn a_postgres_database_that_only_reads_is_not_ready() {
    crate::support::run(Place::on_postgres(), async |server: Server| {
        let read_only = |on: bool| {
            let change = if on { "set default_transaction_read_only = on" } else { "reset default_transaction_read_only" };
            server.place.alter_database(change);
        };
        is_not_ready_while_it_takes_nothing(&server, read_only).await;
    });
}

#[test]
fn a_newer_database_is_left_alone() {
    for place in [Place::on_sqlite(), Place::on_postgres()] {
        place.answer(&["migrate"]);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(place.execute(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'later', true, $1, 0)",
        ));
        let (line, code) = place.refusal(&["serve"]);
        assert!(line.contains("newer orderly") && line.contains("9999") && code == Some(1), "{line}");
    }
}

/// Also when one of them is killed on its way, and a server starts in between.
#[test]
fn commands_that_meet_on_a_new_database_wait_for_each_other() {
    for place in [Place::on_sqlite(), Place::on_postgres()] {
        let mut killed = place.command(&["migrate"]).spawn().unwrap();
        let others: Vec<_> = (0..6).map(|_| place.command(&["migrate"]).spawn().unwrap()).collect();
        killed.kill().unwrap();
        killed.wait().unwrap();
        let server = Server::start(place);
        for other in others {
            let output = other.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        server.place.answer(&["check"]);
    }
}

#[test]
fn a_killed_process_on_postgres_is_followed_by_the_next() {
    crate::support::run(Place::on_postgres(), async |server: Server| {
        let server = Server::start(server.kill());
        assert_eq!(server.nobody().page("/readyz").await.status, StatusCode::OK);
    });
}

#[test]
fn an_empty_database_gets_the_demo_unless_told_otherwise() {
    crate::support::run(Place::on_sqlite(), async |server: Server| {
        assert_eq!(server.nobody().get("/stores").await.body["items"].as_array().unwrap().len(), 3);
    });
    let server = Server::start_with(Place::on_sqlite(), &[("ORDERLY_DEMO", "off")]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stores = runtime.block_on(async { server.nobody().get("/stores").await });
    assert_eq!(stores.body["items"], json!([]));
}

#[test]
fn as_many_files_may_be_open_as_the_system_allows() {
    let place = Place::on_sqlite();
    let mut child = place.server_after("ulimit -S -n 256").stderr(Stdio::null()).spawn().unwrap();
    let opened = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).any(|line| line.contains("HTTP at "));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(opened);
    let files: Vec<_> = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap().split_whitespace().collect();
    assert_eq!(files[0], files[1], "what is allowed now, and at most");
}
