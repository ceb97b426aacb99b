//! Too much of everything, and requests that two readers read as two.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::sign_in::with_messages;
use crate::support::Server;

with_messages! {
    too_much_of_anything_is_refused
    one_request_is_one_request
}

async fn too_much_of_anything_is_refused(server: Server) {
    let guest = server.guest().await;
    // Refused by what it says of itself, before any of it is read.
    for (path, kind) in [
        ("/api/v1/checkouts", "application/json"),
        ("/api/v1/sign-in", "application/json"),
        ("/api/v1/staff/sign-in", "application/json"),
        ("/api/v1/kiosks/pair", "text/plain"),
        ("/do/staff/sign-in", "application/x-www-form-urlencoded"),
    ] {
        let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", 1024 * 1024 + 1);
        assert_eq!(said(&server, head.as_bytes()).await, [413], "{path}");
    }
    // As long as a field may be sent, and no longer than it may be.
    let name = "n".repeat(400_000);
    let long = server.nobody().staff_sign_in(&json!({"store": "harbor", "name": name, "password": name})).await;
    assert_eq!(long.map(drop).unwrap_err(), (StatusCode::UNAUTHORIZED, "wrong_password".to_owned()));
    let scanned = guest.page(&format!("/scan/{}", "2".repeat(20_000))).await;
    assert!(scanned.status.is_client_error(), "{}", scanned.status);
    let lines: Vec<_> = (0..2_000).map(|_| json!({"sku": "flat-white-regular", "quantity": 1, "options": []})).collect();
    let many = guest.keyed(Method::POST, "/checkouts", &json!({"store": "harbor", "lines": lines, "fulfilment": {"kind": "pickup"}})).await;
    assert_eq!(many.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", many.body);
    let deep = "[".repeat(100_000);
    assert_eq!(guest.raw(Method::POST, "/quotes", deep, "application/json").await.status, StatusCode::BAD_REQUEST);
    for head in [
        format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "p".repeat(200_000)),
        format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "h".repeat(200_000)),
        format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(5_000)),
    ] {
        let answers = said(&server, head.as_bytes()).await;
        assert!(answers.is_empty() || answers.iter().all(|status| (400..500).contains(status)), "{answers:?}");
    }
    assert_eq!(guest.get("/me").await.status, StatusCode::OK);
}

/// The statuses of everything that is answered to these bytes on one connection.
async fn said(server: &Server, bytes: &[u8]) -> Vec<u16> {
    // An answer comes at once; what comes after a quiet second is none to this.
    heard(server, bytes, Duration::from_secs(1)).await.0
}

/// The same, and whether the connection was closed, before nothing had come for so long.
async fn heard(server: &Server, bytes: &[u8], patience: Duration) -> (Vec<u16>, bool) {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    // It may be refused before it has come as a whole.
    let _ = stream.write_all(bytes).await;
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    let closed = loop {
        match tokio::time::timeout(patience, stream.read(&mut buffer)).await {
            Ok(Ok(read @ 1..)) => all.extend_from_slice(&buffer[..read]),
            Ok(_) => break true,
            Err(_) => break false,
        }
    };
    let text = String::from_utf8_lossy(&all).into_owned();
    (text.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)?.parse().ok()).collect(), closed)
}

async fn one_request_is_one_request(server: Server) {
    let smuggled = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    let post = |headers: &str, body: &str| {
        format!("POST /api/v1/quotes HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{headers}\r\n{body}")
    };
    let shapes = [
        ("two lengths", post("content-length: 0\r\ncontent-length: 34\r\n", smuggled)),
        ("a list of lengths", post("content-length: 0, 34\r\n", smuggled)),
        ("a length with a sign", post("content-length: +0\r\n", smuggled)),
        ("a negative length", post("content-length: -1\r\n", smuggled)),
        ("a length that is none", post("content-length: 0x0\r\n", smuggled)),
        ("unknown encoding", post("transfer-encoding: xchunked\r\n", &format!("0\r\n\r\n{smuggled}"))),
        ("chunked not last", post("transfer-encoding: chunked, identity\r\n", &format!("0\r\n\r\n{smuggled}"))),
        ("encoding twice", post("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", &format!("0\r\n\r\n{smuggled}"))),
        ("a space before the colon", post("transfer-encoding : chunked\r\n", &format!("0\r\n\r\n{smuggled}"))),
        ("a folded header", post("x: y\r\n transfer-encoding: chunked\r\n", &format!("0\r\n\r\n{smuggled}"))),
        ("a chunk too large to count", post("transfer-encoding: chunked\r\n", &format!("fffffffffffffffff\r\n\r\n{smuggled}"))),
        ("a chunk with a sign", post("transfer-encoding: chunked\r\n", &format!("+0\r\n\r\n{smuggled}"))),
        ("a NUL in a header", post("x: a\0b\r\n", smuggled)),
        ("a bare CR in a header", post("x: a\rtransfer-encoding: chunked\r\n", smuggled)),
        ("two hosts", format!("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n{smuggled}")),
        ("no host", format!("GET / HTTP/1.1\r\n\r\n{smuggled}")),
        ("two requests in a line", format!("GET / HTTP/1.1 HTTP/1.1\r\nhost: a\r\n\r\n{smuggled}")),
    ];
    for (what, bytes) in shapes {
        let answers = said(&server, bytes.as_bytes()).await;
        assert!(!answers.contains(&200), "{what}: {answers:?}");
        assert!(answers.len() <= 1 && answers.iter().all(|status| (400..500).contains(status)), "{what}: {answers:?}");
    }
    // A length beside chunks counts for nothing, and the connection ends with the answer (RFC 9112, 6.1): what follows, which somebody
    // who goes by the length takes for a part of this, is no request. Of a call that takes no body, so that it is not what is refused.
    let [length, chunks] = ["content-length: 4\r\n", "transfer-encoding: chunked\r\n"];
    for headers in [format!("{length}{chunks}"), format!("{chunks}{length}")] {
        let both = format!("POST /api/v1/session HTTP/1.1\r\nhost: a\r\n{headers}\r\n0\r\n\r\n{smuggled}");
        // Long before it would be closed for its silence.
        assert_eq!(heard(&server, both.as_bytes(), Duration::from_secs(20)).await, (vec![204], true), "{headers}");
    }
    // What is plain is taken, one after the other.
    assert_eq!(said(&server, format!("{smuggled}{smuggled}").as_bytes()).await, [200, 200]);
    let chunked = post("transfer-encoding: chunked\r\n", &format!("2\r\n{{}}\r\n0\r\n\r\n{smuggled}"));
    assert_eq!(said(&server, chunked.as_bytes()).await, [422, 200]);
}
