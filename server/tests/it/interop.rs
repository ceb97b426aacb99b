//! Real clients of other makers, what they hear checked by other people's validators, and the README's lines as they stand
//! there.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use crate::sign_in::{sign_in, with_messages};
use crate::support::{Client, Server, Tab, on_both_databases};

with_messages! {
    clients_of_other_makers_hear_what_they_may
}

on_both_databases! {
    the_lines_of_the_readme_work
}

/// Everything that a client of ours needs comes within this.
const SOON: Duration = Duration::from_mins(1);

/// Where the scripts are, and their packages.
fn clients() -> PathBuf {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients"));
    for package in ["node_modules/mqtt", "node_modules/cloudevents", "python/paho"] {
        let path = folder.join(package);
        assert!(path.is_dir(), "{} is missing: this test needs real MQTT clients; run scripts/install.sh unit", path.display());
    }
    folder
}

/// A program with its packages at hand.
fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    let folder = clients();
    command.env("PYTHONPATH", folder.join("python")).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn run(program: &str, args: &[&str]) -> Output {
    let output = tokio::time::timeout(SOON, command(program).args(args).output()).await;
    let output = output.unwrap_or_else(|_| panic!("{program} {args:?} takes too long"));
    let output = output.unwrap_or_else(|error| panic!("{program} does not run ({error}): run scripts/install.sh unit"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// `HOST` and `PORT` of the plain listener, as the AsyncAPI document tells them.
async fn plain(server: &Server) -> (String, String) {
    let document = server.nobody().get("/asyncapi.json").await.body;
    assert_eq!(document["servers"]["browser"]["host"], server.address());
    let host = document["servers"]["device"]["host"].as_str().expect("a plain listener");
    let (host, port) = host.rsplit_once(':').expect("a port");
    (host.to_owned(), port.to_owned())
}

/// Has the lines of events checked by the public schemas and the CloudEvents SDK; what the checker says of them.
async fn validate(server: &Server, lines: &[u8]) -> String {
    let mut child = command("node").args(["validate.mjs", &server.url]).stdin(Stdio::piped()).spawn().expect("node");
    let mut stdin = child.stdin.take().expect("a pipe");
    // Should it end before it has read all, it says why.
    let _ = stdin.write_all(lines).await;
    drop(stdin);
    let output = tokio::time::timeout(SOON, child.wait_with_output()).await.expect("in time").expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

async fn work(bar: &Client, order: &str, command: &str) {
    let done = bar.keyed(Method::POST, &format!("/staff/orders/{order}/{command}"), &json!({})).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
}

async fn clients_of_other_makers_hear_what_they_may(server: Server) {
    let shopper = sign_in(&server, &server.guest().await, "+15550100031", 1).await;
    let token = server.place.answer(&["token", "issue", "--role", "barista", "--store", "harbor"]);
    let bar = server.nobody().with_token(&token);
    let mut lines = Vec::new();

    // A page hears everything that there is of an order's life, the bar's screen, and an operator's.
    let operator = server.place.answer(&["token", "issue", "--role", "operator"]);
    let mut ops = Tab::open(&server, None, Some(&operator)).await;
    assert!(ops.subscribe("v1/ops/#").await);
    let mut screen = Tab::open(&server, None, Some(&token)).await;
    assert!(screen.subscribe("v1/stores/harbor/+").await);
    let kiosk = server.place.answer(&["token", "issue", "--role", "kiosk", "--kiosk", "pier-1"]);
    let mut wall = Tab::open(&server, None, Some(&kiosk)).await;
    assert!(wall.subscribe("v1/kiosks/pier-1/code").await);
    let me = shopper.get("/me").await.body;
    let mut account = Tab::open(&server, Some(shopper.cookie()), None).await;
    assert!(account.subscribe(&format!("v1/users/{}", me["user"]["id"].as_str().unwrap())).await);
    let (ready, dropped) = (shopper.order_coffee().await, shopper.order_coffee().await);
    let mut phone = Tab::open(&server, Some(shopper.cookie()), None).await;
    assert!(phone.subscribe(&format!("v1/orders/{ready}")).await && phone.subscribe(&format!("v1/orders/{dropped}")).await);
    shopper.until(&format!("/orders/{ready}"), |order| order["fulfilments"][0]["status"] == "queued").await;
    for command in ["claim", "ready", "recall", "ready", "collect"] {
        work(&bar, &ready, command).await;
    }
    shopper.until(&format!("/orders/{dropped}"), |order| order["status"] == "processed").await;
    work(&bar, &dropped, "cancel").await;
    let soldout = bar.call(Method::PUT, "/staff/stores/harbor/items/flat-white-large", &json!({"available": false})).await;
    assert_eq!(soldout.status, StatusCode::OK, "{}", soldout.body);
    screen
        .until_any(|event| event["type"] == "live.menu.v1" && event["data"]["changed"].as_array().is_some_and(|all| !all.is_empty()))
        .await;
    phone.until_any(|event| event["subject"] == dropped.as_str() && event["data"]["status"] == "cancelled").await;
    ops.until_any(|event| event["type"] == "live.ops.v1" && event["data"]["flow"] == "live").await;
    account.until_any(|event| event["data"]["notices"].as_array().is_some_and(|all| !all.is_empty())).await;
    wall.until_any(|event| event["type"] == "live.kiosk_code.v1").await;
    for tab in [&ops, &screen, &phone, &account, &wall] {
        for event in &tab.heard {
            lines.extend(serde_json::to_vec(event).expect("JSON"));
            lines.push(b'\n');
        }
    }

    // Other people's clients.
    let (host, port) = plain(&server).await;
    let ws = format!("ws://{}/mqtt", server.address());
    let (web_host, web_port) = server.address().rsplit_once(':').expect("a port");
    for version in ["4", "5"] {
        lines.extend(run("node", &["interop.mjs", &ws, &token, version]).await.stdout);
        lines.extend(run("python3", &["interop.py", "tcp", &host, &port, &token, version]).await.stdout);
        lines.extend(run("python3", &["interop.py", "websockets", web_host, web_port, &token, version]).await.stdout);
        let version = if version == "5" { "mqttv5" } else { "mqttv311" };
        let heard = ["-h", &host, "-p", &port, "-V", version, "-t", "v1/stores/+/status", "-C", "3", "-W", "10"];
        lines.extend(run("mosquitto_sub", &heard).await.stdout);
        let published = ["-h", &host, "-p", &port, "-V", version, "-t", "v1/stores/harbor/status", "-m", "{}", "-q", "1"];
        let output = command("mosquitto_pub").args(published).output().await.expect("mosquitto_pub: run scripts/install.sh unit");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() || said.contains("Not authorized"), "nobody publishes: {said}");
    }

    // And every fact of the log.
    let facts = server.place.answer(&["events", "tail", "-n", "100000", "--json"]);
    lines.extend(facts.into_bytes());
    let said = validate(&server, &lines).await;
    for type_name in ["store_status", "menu", "board", "queue", "kiosk_code", "order", "user", "ops"].map(|name| format!("live.{name}.v1"))
    {
        assert!(said.contains(&type_name), "{type_name} was not seen: {said}");
    }
    for type_name in ["prep.recalled.v1", "kiosk.code_rotated.v1"] {
        assert!(said.contains(type_name), "{type_name} was not seen: {said}");
    }
}

/// The lines of the README that are to be pasted, by how they begin, with this server's ports in place of the usual ones.
fn readme(beginning: &str, server: &Server, port: &str) -> String {
    let readme = include_str!("../../../README.md");
    let line = readme.lines().find(|line| line.starts_with(beginning)).unwrap_or_else(|| panic!("the README has no line with {beginning}"));
    line.replace("127.0.0.1:3000", server.address()).replace("1883", port)
}

async fn the_lines_of_the_readme_work(server: Server) {
    let token = server.place.answer(&["token", "issue", "--role", "barista", "--store", "harbor"]);
    let (_, port) = plain(&server).await;
    for (beginning, expected) in
        [("mosquitto_sub ", "live.queue.v1"), ("python3 -c ", "live.store_status.v1"), ("node -e ", "live.store_status.v1")]
    {
        let line = readme(beginning, &server, &port);
        let mut child = command("sh").args(["-c", &format!("exec {line}")]).env("TOKEN", &token).spawn().expect("sh");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let first = tokio::time::timeout(SOON, output.next_line()).await.unwrap_or_else(|_| panic!("nothing came of: {line}"));
        let Some(first) = first.expect("UTF-8") else {
            let output = child.wait_with_output().await.expect("it ends");
            panic!("{line}: {}", String::from_utf8_lossy(&output.stderr));
        };
        let event: Value = serde_json::from_str(&first).unwrap_or_else(|error| panic!("{line} said {first}: {error}"));
        assert_eq!(event["type"], expected, "{line}");
        // Those that listen for ever are ended here.
        let _ = child.kill().await;
    }
}
