//! Robots: a shop that is alive, over its public API, on both databases.

use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::Child;

use crate::support::{Place, Server, on_both_databases};

on_both_databases! {
    robots_order_make_fetch_and_leave_nothing_behind
    robots_touch_no_order_but_their_own
    robots_that_are_interrupted_leave_nothing_behind
    robots_are_interrupted_while_the_shop_does_not_answer
}

/// Runs them beside this thread's other work, to their end.
async fn robots(server: &Server, more: &[&str]) -> Value {
    let base = ["robot", "--store", "harbor", "--speed", "500", "--json", "--url", &server.url];
    let mut command = tokio::process::Command::from(server.place.command(&[&base[..], more].concat()));
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().await.expect("orderly runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "no bar where nobody looks: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The tokens that robots have had.
fn robots_tokens(server: &Server) -> Vec<Value> {
    let tokens: Vec<Value> = serde_json::from_str(&server.place.answer(&["token", "list", "--json"])).expect("JSON");
    tokens.into_iter().filter(|token| token["name"].as_str().is_some_and(|name| name.starts_with("Robot "))).collect()
}

/// Interrupts them, and waits until they have gone.
async fn end(robots: Child, signal: Signal) -> Output {
    let pid = robots.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)).expect("it runs");
    kill_process(pid, signal).expect("it runs");
    robots.wait_with_output().await.expect("it ends")
}

async fn robots_order_make_fetch_and_leave_nothing_behind(server: Server) {
    let told = robots(&server, &["--orders", "20", "--seed", "3", "--baristas", "3"]).await;
    let count = |name: &str| told[name].as_u64().unwrap_or_default();
    assert_eq!((count("orders"), count("collected") + count("cancelled")), (20, 20), "{told}");
    assert!(count("collected") >= 12, "about one in ten thinks better of it: {told}");
    let queue = server.token("barista", "harbor").get("/staff/stores/harbor/queue").await.body;
    for lane in ["queued", "making", "ready"] {
        assert_eq!(queue["lanes"][lane].as_array().map(Vec::len), Some(0), "{lane}: {queue}");
    }
    let robots = robots_tokens(&server);
    assert!(robots.len() == 3 && robots.iter().all(|token| !token["revoked_at"].is_null()), "their tokens are worth nothing any more");
    // Each has claimed by their name.
    let manager = server.staff("harbor", "Mo", "manager").await;
    let audit = manager.page("/staff/harbor/audit").await;
    for robot in &robots {
        assert!(audit.text().contains(robot["name"].as_str().unwrap()), "{robot}");
    }
    server.place.answer(&["check"]);
}

async fn robots_touch_no_order_but_their_own(server: Server) {
    let shopper = server.guest().await;
    let order = shopper.order_coffee().await;
    let token = server.place.answer(&["token", "issue", "--role", "barista", "--store", "harbor"]);
    let told = robots(&server, &["--orders", "3", "--token", &token]).await;
    assert_eq!(told["orders"], 3);
    shopper.until(&format!("/orders/{order}"), |order| order["fulfilments"][0]["status"] == "queued").await;
    // A token that was given is its owner's.
    assert_eq!(server.nobody().with_token(&token).get("/staff/stores/harbor/queue").await.status, 200);
}

async fn robots_that_are_interrupted_leave_nothing_behind(server: Server) {
    const LANES: [&str; 3] = ["queued", "making", "ready"];
    let barista = server.token("barista", "harbor");
    let length = |queue: &Value| LANES.map(|lane| queue["lanes"][lane].as_array().map_or(0, Vec::len)).iter().sum::<usize>();
    for signal in [Signal::TERM, Signal::INT] {
        let args = ["robot", "--store", "harbor", "--orders", "5000", "--speed", "100", "--url", &server.url];
        let mut command = tokio::process::Command::from(server.place.command(&args));
        let robots = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("orderly runs");
        barista.until("/staff/stores/harbor/queue", |queue| length(queue) >= 2).await;
        let output = end(robots, signal).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains("interrupted"), "{signal:?}: {:?}: {said}", output.status);
        let queue = barista.get("/staff/stores/harbor/queue").await.body;
        assert_eq!(length(&queue), 0, "{queue}");
    }
    let robots = robots_tokens(&server);
    assert!(robots.len() == 4 && robots.iter().all(|token| !token["revoked_at"].is_null()), "{robots:?}");
}

async fn robots_are_interrupted_while_the_shop_does_not_answer(server: Server) {
    let mute = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", mute.local_addr().expect("it is bound"));
    let mut command = tokio::process::Command::from(server.place.command(&["robot", "--store", "harbor", "--url", &url]));
    let robots = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("orderly runs");
    let asked = mute.accept().await.expect("they ask");
    let output = end(robots, Signal::TERM).await;
    let said = String::from_utf8_lossy(&output.stderr);
    // Who waits for the answer to its end would say that there was none.
    assert!(output.status.code() == Some(1) && said.contains("interrupted"), "{:?}: {said}", output.status);
    drop(asked);
    let robots = robots_tokens(&server);
    assert!(robots.len() == 2 && robots.iter().all(|token| !token["revoked_at"].is_null()), "{robots:?}");
}

#[test]
fn robots_say_in_one_line_what_is_wrong() {
    let place = Place::on_sqlite();
    place.answer(&["seed", "demo"]);
    let server = Server::start(place);
    let url = &*server.url;
    for (args, expected) in [
        (&["--store", "nowhere", "--url", url][..], "there are harbor, pier, unicorn"),
        (&["--store", "pier", "--url", url], "lets in who scans its code"),
        (&["--store", "unicorn", "--url", url], "sends its goods"),
        (&["--store", "harbor", "--url", url, "--token", "ord_wrong"], "401"),
        (&["--store", "harbor", "--url", "shop.example"], "--url"),
    ] {
        let (line, code) = server.place.refusal(&[&["robot"], args].concat());
        assert!(line.starts_with("orderly: ") && line.contains(expected) && code == Some(1), "{args:?}: {line}");
    }
    for wrong in [&["--speed", "0"][..], &["--orders", "0"], &["--baristas", "0"]] {
        let output = server.place.run(&[&["robot", "--store", "harbor"], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}
