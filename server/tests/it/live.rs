//! What comes by itself: a real server's events on real MQTT connections, with the rights of cookies and tokens.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::sign_in::{sign_in, with_messages};
use crate::support::{Server, Tab};

with_messages! {
    an_order_moves_on_the_screens_of_those_concerned
    only_our_own_pages_may_listen
    who_signs_out_or_is_revoked_hears_no_more
    whose_session_expires_hears_no_more
    a_shop_that_there_is_not_is_told_to_nobody
}

async fn an_order_moves_on_the_screens_of_those_concerned(server: Server) {
    let shopper = server.guest().await;
    let stranger = server.guest().await;
    let token = server.place.answer(&["token", "issue", "--role", "barista", "--store", "harbor"]);
    let barista = server.nobody().with_token(token.trim());
    let id = shopper.order_coffee().await;
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
    // A WebSocket, but of whom it does not say that it speaks MQTT.
    let upgrade = reqwest::Client::new()
        .get(format!("{}/mqtt", server.url))
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let refused = upgrade.send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "subprotocol_required");
    assert!(problem["detail"].as_str().unwrap().contains("mqtt"), "{problem}");
}

async fn who_signs_out_or_is_revoked_hears_no_more(server: Server) {
    let shopper = server.guest().await;
    let id = shopper.order_coffee().await;
    let mut phone = Tab::open(&server, Some(shopper.cookie()), None).await;
    assert!(phone.subscribe(&format!("v1/orders/{id}")).await);
    let token = server.place.answer(&["token", "issue", "--role", "barista", "--store", "harbor", "--name", "screen"]);
    let mut screen = Tab::open(&server, None, Some(&token)).await;
    assert!(screen.subscribe("v1/stores/harbor/queue").await);
    let mut window = Tab::open(&server, None, None).await;
    assert!(window.subscribe("v1/stores/harbor/board").await);

    let tokens: Value = serde_json::from_str(&server.place.answer(&["token", "list", "--json"])).unwrap();
    let known = tokens.as_array().unwrap().iter().find(|token| token["name"] == "screen").expect("it is listed");
    server.place.answer(&["token", "revoke", known["id"].as_str().unwrap()]);
    let out = shopper.send(shopper.request(Method::POST, "/sign-out")).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT, "{}", out.body);
    let begun = std::time::Instant::now();
    for tab in [&mut phone, &mut screen] {
        tab.closed().await;
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    // Whoever is nobody stays.
    server
        .token("barista", "harbor")
        .until("/staff/stores/harbor/queue", |queue| !queue["lanes"]["queued"].as_array().unwrap().is_empty())
        .await;
    window.until(|board| board["preparing"].as_array().is_some_and(|all| !all.is_empty())).await;
}

/// Nobody does anything: their time is over while they listen. (Tokens have no such time: they are revoked.)
async fn whose_session_expires_hears_no_more(server: Server) {
    const BOARD: &str = "v1/stores/harbor/board";
    const QUEUE: &str = "v1/stores/harbor/queue";
    let (guest, ada) = (server.guest().await, sign_in(&server, &server.guest().await, "+15550100009", 1).await);
    let kim = server.staff("harbor", "Kim", "barista").await;
    let of_guest = format!("v1/orders/{}", guest.order_coffee().await);
    let order = ada.order_coffee().await;
    let of_ada = format!("v1/orders/{order}");
    // One who has bought nothing has no row, and is good for as long as their cookie.
    let visitor = server.guest().await;
    let mut concerned = Vec::new();
    for (who, private) in [(&guest, &*of_guest), (&ada, &*of_ada), (&kim, QUEUE)] {
        let mut tab = Tab::open(&server, Some(who.cookie()), None).await;
        assert!(tab.subscribe(private).await && tab.subscribe(BOARD).await, "{private}");
        concerned.push((tab, who, private));
    }
    let token = server.place.answer(&["token", "issue", "--role", "barista", "--store", "harbor"]);
    let mut others = [
        Tab::open(&server, Some(visitor.cookie()), None).await,
        Tab::open(&server, Some(&format!("{}x", kim.cookie())), None).await,
        Tab::open(&server, None, Some(&token)).await,
    ];
    for tab in &mut others {
        assert!(tab.subscribe(BOARD).await);
    }

    server.place.execute("update session set expires_at = 1 where $1 is not null").await;
    let begun = std::time::Instant::now();
    for (tab, _, private) in &mut concerned {
        tab.closed().await;
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{private}: {:?}", begun.elapsed());
    }
    // Whoever comes again with the same cookie is nobody, who hears what is public, and nothing else.
    for (tab, who, private) in &mut concerned {
        *tab = Tab::open(&server, Some(who.cookie()), None).await;
        assert!(!tab.subscribe(private).await && tab.subscribe(BOARD).await, "{private}");
    }
    let bar = server.nobody().with_token(&token);
    let is_ours = |ticket: &Value| ticket["order"] == order.as_str();
    bar.until("/staff/stores/harbor/queue", |queue| queue["lanes"]["queued"].as_array().unwrap().iter().any(is_ours)).await;
    for command in ["claim", "ready"] {
        let done = bar.keyed(Method::POST, &format!("/staff/orders/{order}/{command}"), &json!({})).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    }
    for tab in concerned.iter_mut().map(|(tab, ..)| tab).chain(&mut others) {
        tab.until_any(|event| {
            assert_eq!(event["type"], "live.board.v1", "nothing but what is public");
            event["data"]["ready"].as_array().is_some_and(|ready| ready.len() == 1)
        })
        .await;
    }
}

async fn a_shop_that_there_is_not_is_told_to_nobody(server: Server) {
    let mut stranger = Tab::open(&server, None, None).await;
    for topic in ["v1/stores/nosuch/board", "v1/stores/nosuch/menu", "v1/stores/nosuch/status"] {
        assert!(!stranger.subscribe(topic).await, "{topic}");
    }
    let mut other = Tab::open(&server, None, None).await;
    for tab in [&mut stranger, &mut other] {
        assert!(tab.subscribe("v1/stores/+/board").await);
        // What is retained is published once more when the server has begun to.
        let mut told = BTreeSet::new();
        while told.len() < 3 {
            told.insert(tab.message().await.0["source"].as_str().unwrap().to_owned());
        }
        assert!(tab.subscribe("v1/stores/harbor/status").await);
        loop {
            let (next, _) = tab.message().await;
            told.insert(next["source"].as_str().unwrap().to_owned());
            match next["type"].as_str() {
                Some("live.board.v1") => {}
                Some("live.store_status.v1") => break,
                _ => panic!("nothing but what was asked for: {next}"),
            }
        }
        assert_eq!(told.iter().map(String::as_str).collect::<Vec<_>>(), ["/stores/harbor", "/stores/pier", "/stores/unicorn"]);
    }
}
