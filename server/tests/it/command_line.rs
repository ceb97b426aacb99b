//! The command line, also beside a running server.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::support::{Cluster, Place, Server, on_both_databases, refusal};

on_both_databases! {
    a_shop_is_saved_beside_its_server_and_brought_back
    tokens_work_until_they_are_revoked
    staff_get_a_code_once_and_are_the_same_person_by_name
    the_seeds_may_be_repeated
    the_log_is_shown
    the_check_proves_the_running_shop_and_names_what_is_broken
    what_is_stuck_is_seen_and_goes_on
    a_refund_that_was_refused_is_seen_and_asked_for_again
}

async fn tokens_work_until_they_are_revoked(server: Server) {
    let issued: Value = serde_json::from_str(
        &server.place.answer(&["token", "issue", "--role", "barista", "--store", "harbor", "--name", "Kim", "--json"]),
    )
    .unwrap();
    let (id, token) = (issued["id"].as_str().unwrap(), issued["token"].as_str().unwrap());
    let kim = server.nobody().with_token(token);
    let me = kim.get("/me").await;
    assert_eq!((&me.body["user"]["name"], &me.body["roles"][0]["store"]), (&"Kim".into(), &"harbor".into()));
    assert_eq!(kim.get("/staff/stores/harbor/queue").await.status, 200);

    let list = server.place.answer(&["token", "list"]);
    assert!(list.contains(id) && list.contains("barista") && !list.contains(token), "{list}");
    let json: Value = serde_json::from_str(&server.place.answer(&["token", "list", "--json"])).unwrap();
    assert_eq!((&json[0]["name"], &json[0]["revoked_at"]), (&"Kim".into(), &Value::Null));

    server.place.answer(&["token", "revoke", id]);
    let refused = kim.get("/staff/stores/harbor/queue").await;
    assert_eq!((refused.status.as_u16(), refused.code()), (401, "invalid_token"));
    let (again, code) = server.place.refusal(&["token", "revoke", id]);
    assert!(again.contains("revoked before") && code == Some(1), "{again}");
}

async fn staff_get_a_code_once_and_are_the_same_person_by_name(server: Server) {
    let add = |name: &str| -> Value {
        let answer = server.place.answer(&["staff", "add", "--store", "harbor", "--name", name, "--role", "barista", "--json"]);
        serde_json::from_str(&answer).unwrap()
    };
    let (first, second, other) = (add("Kim"), add("Kim"), add("Lee"));
    assert_eq!(first["id"], second["id"]);
    assert!(first["code"] != second["code"] && first["id"] != other["id"]);
    assert_eq!(first["code"].as_str().unwrap().len(), 8);
}

async fn the_seeds_may_be_repeated(server: Server) {
    server.place.answer(&["seed", "demo"]);
    server.place.answer(&["seed", "bench", "--products", "3"]);
    server.place.answer(&["seed", "bench", "--products", "3"]);
    server.place.answer(&["migrate"]);
    let shop = server.guest().await;
    let menu = shop.get("/stores/bench/menu").await;
    let products: usize = menu.body["categories"].as_array().unwrap().iter().map(|c| c["products"].as_array().unwrap().len()).sum();
    assert_eq!(products, 3);
    assert_eq!(shop.get("/stores").await.body["items"].as_array().unwrap().len(), 4);
}

async fn the_check_proves_the_running_shop_and_names_what_is_broken(server: Server) {
    let lines = server.place.answer(&["check"]);
    assert_eq!(lines.lines().count(), backend::check::CHECKS.len());
    assert!(lines.lines().all(|line| line.starts_with("ok ")), "{lines}");

    server.place.execute("update store set active = active + 1 where id = 'harbor' and $1 is not null").await;
    let output = server.place.run(&["check", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let broken: Vec<_> = told["checks"].as_array().unwrap().iter().filter(|check| check["ok"] == false).collect();
    assert_eq!((&told["ok"], broken.len(), &broken[0]["check"]), (&false.into(), 1, &"places.counted".into()));
    assert_eq!(broken[0]["broken"][0]["thing"], "harbor");
    let (line, _) = server.place.refusal(&["check"]);
    assert!(line.contains("1 of") && line.contains("places.counted"), "{line}");
}

async fn what_is_stuck_is_seen_and_goes_on(server: Server) {
    let shopper = server.guest().await;
    let lines = serde_json::json!([{"sku": "flat-white-regular", "quantity": 1, "options": ["oat"]}]);
    let body = serde_json::json!({"store": "harbor", "lines": lines, "fulfilment": {"kind": "pickup"}});
    let begun = shopper.keyed(reqwest::Method::POST, "/checkouts", &body).await;
    let place = serde_json::json!({"payment": {"method": "card", "token": "tok_ok"}, "expected_total": begun.body["quote"]["total"]});
    let path = format!("/checkouts/{}/place", begun.body["id"].as_str().unwrap());
    let placed = shopper.keyed(reqwest::Method::POST, &path, &place).await;
    let id = placed.body["id"].as_str().unwrap();
    shopper.until(&format!("/orders/{id}"), |order| order["fulfilments"][0]["status"] == "queued").await;
    assert_eq!(server.place.answer(&["sagas", "list", "--json"]), "[]");
    let (line, _) = server.place.refusal(&["sagas", "retry", id]);
    assert!(line.contains("nothing left to be done"), "{line}");

    // Back to where it waited for its fulfilment, which nobody will make twice.
    let back = "update sales_order set saga_step = 'start', saga_deadline = 5 where status = 'processed' and $1 is not null";
    server.place.execute(back).await;
    let stuck: Value = serde_json::from_str(&server.place.answer(&["sagas", "list", "--stuck", "--json"])).unwrap();
    assert_eq!((&stuck[0]["order"], &stuck[0]["step"], &stuck[0]["status"]), (&placed.body["id"], &"start".into(), &"processed".into()));
    assert!(server.place.answer(&["sagas", "list"]).contains(id));
    let (line, _) = server.place.refusal(&["check"]);
    assert!(line.contains("sagas.moving"), "{line}");
    server.place.answer(&["sagas", "retry", id]);
    assert_eq!(server.place.answer(&["sagas", "list", "--stuck", "--json"]), "[]");

    assert_eq!(server.place.answer(&["events", "parked", "--json"]), "[]");
    for command in ["retry", "drop"] {
        let (line, code) = server.place.refusal(&["events", command, "ordering.saga", id]);
        assert!(line.contains("events parked") && code == Some(1), "{line}");
    }
}

/// The provider says that nothing is left to be sent back, until it is told otherwise: then it sends it back, once.
async fn a_refund_that_was_refused_is_seen_and_asked_for_again(server: Server) {
    let shopper = server.guest().await;
    let id = shopper.order_coffee().await;
    let path = format!("/orders/{id}");
    shopper.until(&path, |order| order["status"] == "processed").await;
    server.place.execute_at_bank("update payment set refunded = captured where $1 is not null").await;
    let cancelled = shopper.keyed(reqwest::Method::POST, &format!("{path}/cancel"), &serde_json::json!({})).await;
    assert_eq!(cancelled.status, StatusCode::OK, "{}", cancelled.body);
    let stuck = loop {
        let stuck: Value = serde_json::from_str(&server.place.answer(&["sagas", "list", "--stuck", "--json"])).unwrap();
        if stuck[0]["order"] == *id {
            break stuck[0].clone();
        }
    };
    assert_eq!((&stuck["job"], &stuck["stuck"], &stuck["next_attempt"]), (&"refund".into(), &true.into(), &Value::Null), "{stuck}");
    assert!(stuck["error"].as_str().unwrap().contains("nothing_to_refund"), "{stuck}");
    let list = server.place.answer(&["sagas", "list"]);
    assert!(list.lines().any(|line| line.contains(&id) && line.contains("refund") && line.contains("stuck")), "{list}");
    let told = String::from_utf8(server.place.run(&["check", "--json"]).stdout).unwrap();
    assert!(told.contains(&format!("`orderly sagas retry {id}` asks again")), "{told}");

    server.place.execute_at_bank("update payment set refunded = 0 where $1 is not null").await;
    server.place.answer(&["sagas", "retry", &id]);
    shopper.until(&path, |order| order["payment"]["status"] == "refunded").await;
    let journey = shopper.get(&format!("{path}/journey")).await.body.to_string();
    assert_eq!(journey.matches("payment.refunded.v1").count(), 1, "{journey}");
    assert_eq!(server.place.answer(&["sagas", "list", "--json"]), "[]");
    let (line, _) = server.place.refusal(&["sagas", "retry", &id]);
    assert!(line.contains("nothing left to be done"), "{line}");
    server.place.answer(&["check"]);
}

async fn the_log_is_shown(server: Server) {
    let manager = server.token("manager", "harbor");
    for open in [false, true] {
        let body = serde_json::json!({ "open": open });
        assert_eq!(manager.call(reqwest::Method::PUT, "/staff/stores/harbor/status", &body).await.status, 200);
    }
    // On PostgreSQL events get their positions a moment after the answer.
    let lines = loop {
        let lines = server.place.answer(&["events", "tail", "-n", "2", "--json"]);
        if lines.contains("store.opened.v1") {
            break lines;
        }
    };
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 2);
    assert_eq!((&events[0]["type"], &events[0]["source"]), (&"store.closed.v1".into(), &"/stores/harbor".into()));
    let (unknown, _) = server.place.refusal(&["events", "replay", "no.such"]);
    assert!(unknown.contains("no subscriber 'no.such'"), "{unknown}");
}

/// A PostgreSQL that is stopped and started again, as for an update.
#[test]
fn who_follows_the_log_goes_on_when_the_database_is_back() {
    let mut cluster = Cluster::start();
    crate::support::run(Place::on(&cluster), async move |server: Server| {
        let manager = server.token("manager", "harbor");
        let turn = async |open: bool| {
            let reply = manager.call(reqwest::Method::PUT, "/staff/stores/harbor/status", &serde_json::json!({ "open": open })).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
        };
        let mut tail = tokio::process::Command::from(server.place.command(&["events", "tail", "-n", "1", "--follow", "--json"]))
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut told = BufReader::new(tail.stdout.take().unwrap()).lines();
        let mut complaints = BufReader::new(tail.stderr.take().unwrap()).lines();
        let mut heard = vec![told.next_line().await.unwrap().expect("the newest event")];

        cluster.pause();
        // What is logged beside it is no matter of this.
        let complaint = loop {
            let line = complaints.next_line().await.unwrap().expect("a complaint");
            if line.starts_with("orderly: ") {
                break line;
            }
        };
        assert!(complaint.ends_with("trying again"), "{complaint}");
        cluster.resume();
        while server.nobody().page("/readyz").await.status != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        turn(false).await;
        turn(true).await;
        while heard.len() < 3 || heard.last().is_none_or(|line| !line.contains("store.opened.v1")) {
            heard.push(told.next_line().await.unwrap().expect("it goes on"));
        }
        // Nothing is left out, and nothing there twice.
        let all = server.place.answer(&["events", "tail", "-n", "1000", "--json"]);
        assert!(all.contains(&heard.join("\n")), "{heard:?} in {all}");
        tail.start_kill().unwrap();
        while let Some(line) = complaints.next_line().await.unwrap() {
            assert!(!line.starts_with("orderly: "), "once for each time that it is away: {line}");
        }
    });
}

/// A PostgreSQL that lets nobody into the database while it is maintained.
#[test]
fn who_follows_the_log_goes_on_when_the_database_is_open_again() {
    crate::support::run(Place::on_postgres(), async |server: Server| {
        let manager = server.token("manager", "harbor");
        let mut tail = tokio::process::Command::from(server.place.command(&["events", "tail", "-n", "1", "--follow", "--json"]))
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut told = BufReader::new(tail.stdout.take().unwrap()).lines();
        let mut complaints = BufReader::new(tail.stderr.take().unwrap()).lines();
        told.next_line().await.unwrap().expect("the newest event");

        server.place.alter_database("allow_connections false");
        let complaint = loop {
            let line = complaints.next_line().await.unwrap().expect("a complaint");
            if line.starts_with("orderly: ") {
                break line;
            }
        };
        assert!(complaint.ends_with("trying again"), "{complaint}");
        server.place.alter_database("allow_connections true");
        while server.nobody().page("/readyz").await.status != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let closed = manager.call(reqwest::Method::PUT, "/staff/stores/harbor/status", &serde_json::json!({ "open": false })).await;
        assert_eq!(closed.status, StatusCode::OK, "{}", closed.body);
        while !told.next_line().await.unwrap().expect("it goes on").contains("store.closed.v1") {}
        tail.start_kill().unwrap();
    });
}

#[test]
fn mistakes_are_told_in_one_line() {
    let place = Place::on_sqlite();
    // In another folder than the shop's: nothing is made there.
    let (line, code) = place.refusal(&["token", "list"]);
    assert!(line.starts_with("orderly: DATABASE_URL: there is no ") && code == Some(2), "{line}");
    assert!(!place.path().join("orderly.db").exists());
    place.answer(&["migrate"]);
    let (line, code) = place.refusal(&["token", "issue", "--role", "barista", "--store", "nowhere"]);
    assert!(line.contains("orderly seed demo") && code == Some(1), "{line}");
    place.answer(&["seed", "demo"]);
    for (args, expected) in [
        (&["token", "issue", "--role", "barista", "--store", "nowhere"][..], "harbor, pier, unicorn"),
        (&["token", "issue", "--role", "barista"], "--store"),
        (&["token", "issue", "--role", "kiosk"], "--kiosk"),
        (&["token", "issue", "--role", "merchant"], "--merchant"),
        (&["token", "issue", "--role", "kiosk", "--kiosk", "nowhere"], "no kiosk 'nowhere'"),
        (&["token", "issue", "--role", "merchant", "--merchant", "nobody"], "no merchant 'nobody'"),
        (&["token", "issue", "--role", "customer"], "phone"),
        (&["token", "revoke", "x"], "token list"),
        (&["staff", "add", "--store", "harbor", "--name", " ", "--role", "barista"], "a name is needed"),
        (&["staff", "add", "--store", "harbor", "--name", "Kim", "--role", "kiosk"], "warehouse"),
    ] {
        let (line, code) = place.refusal(args);
        assert!(line.starts_with("orderly: ") && line.contains(expected) && code == Some(1), "{args:?}: {line}");
    }
}

#[test]
fn a_wrong_setting_stops_the_start_with_its_name() {
    let place = Place::on_sqlite();
    for (name, value) in [("ORDERLY_LISTN", "127.0.0.1:0"), ("ORDERLY_LIMITS", "maybe"), ("DATABASE_URL", "mysql://x")] {
        let mut command = place.command(&["serve"]);
        command.env(name, value);
        let (line, code) = refusal(command);
        assert!(line.starts_with(&format!("orderly: {name}: ")) && code == Some(2), "{line}");
    }
}

#[test]
fn every_command_explains_itself() {
    let place = Place::on_sqlite();
    for args in [
        &["--help"][..],
        &["serve", "--help"],
        &["seed", "--help"],
        &["seed", "bench", "--help"],
        &["migrate", "--help"],
        &["token", "issue", "--help"],
        &["token", "list", "--help"],
        &["token", "revoke", "--help"],
        &["staff", "add", "--help"],
        &["events", "tail", "--help"],
        &["events", "replay", "--help"],
        &["events", "parked", "--help"],
        &["events", "retry", "--help"],
        &["events", "drop", "--help"],
        &["pay-sim", "--help"],
        &["robot", "--help"],
        &["check", "--help"],
        &["backup", "--help"],
        &["restore", "--help"],
        &["sagas", "list", "--help"],
        &["sagas", "retry", "--help"],
    ] {
        assert!(place.answer(args).contains("Usage: orderly"), "{args:?}");
    }
}

async fn a_shop_is_saved_beside_its_server_and_brought_back(server: Server) {
    let shopper = server.guest().await;
    let order = shopper.order_coffee().await;
    let file = server.place.path().join("shop.backup");
    let name = file.to_str().unwrap();
    assert!(server.place.answer(&["backup", name]).contains(name));
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
    let (line, code) = server.place.refusal(&["backup", name]);
    assert!(line.contains("is there already") && code == Some(1), "{line}");
    let (line, _) = server.place.refusal(&["restore", name]);
    assert!(line.contains("DATABASE_URL: ") && line.contains("something in it already"), "{line}");

    let on_postgres = server.place.database_url.starts_with("postgres");
    let (place, other) = if on_postgres { (Place::on_postgres(), Place::on_sqlite()) } else { (Place::on_sqlite(), Place::on_postgres()) };
    let (line, _) = other.refusal(&["restore", name]);
    assert!(line.contains("DATABASE_URL: this is a backup of a "), "{line}");
    let nonsense = place.path().join("nonsense");
    std::fs::write(&nonsense, "nothing").unwrap();
    let (line, _) = place.refusal(&["restore", nonsense.to_str().unwrap()]);
    assert!(line.contains("is no backup"), "{line}");
    let foreign = Place::on_sqlite();
    foreign.execute("create table a as select $1 as b").await;
    for command in ["migrate", "serve"] {
        let (line, _) = foreign.refusal(&[command]);
        assert!(line.contains("DATABASE_URL: ") && line.contains("\"a\" of something else"), "{command}: {line}");
    }
    let (line, _) = Place::on_sqlite().refusal(&["restore", foreign.path().join("orderly.db").to_str().unwrap()]);
    assert!(line.contains("is no backup"), "{line}");
    let half = place.path().join("half");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&half, &whole[..whole.len() / 2]).unwrap();
    place.refusal(&["restore", half.to_str().unwrap()]);

    // Neither of them has left anything behind. Who comes to make the tables meanwhile waits, or comes first.
    let (restored, migrated) = std::thread::scope(|at_once| {
        let restored = at_once.spawn(|| place.run(&["restore", name]));
        let migrated = at_once.spawn(|| place.run(&["migrate"]));
        (restored.join().unwrap(), migrated.join().unwrap())
    });
    let place = if restored.status.success() {
        place
    } else {
        let said = String::from_utf8_lossy(&restored.stderr);
        assert!(said.contains("something in it already") && migrated.status.success(), "{restored:?} {migrated:?}");
        let next = if on_postgres { Place::on_postgres() } else { Place::on_sqlite() };
        next.answer(&["restore", name]);
        next
    };
    place.answer(&["check"]);
    let server = Server::start(place);
    let mine = server.nobody().with_cookie(shopper.cookie().to_owned());
    assert_eq!(mine.get(&format!("/orders/{order}")).await.status, StatusCode::OK);
}
