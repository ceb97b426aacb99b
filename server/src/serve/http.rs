//! HTTP connections: who may have one, and for how long without saying anything.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{StatusCode, Version, header};
use axum::response::IntoResponse as _;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::io::InspectReader;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::mqtt::{Arrived, prepare};
use crate::places::Places;

/// What a connection may take.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    /// Connections at once; a WebSocket is none of them any more. Whoever comes then is closed without a word.
    pub connections: usize,
    /// Connections of one address at once; see [`Places`].
    pub per_address: usize,
    /// From the connection, or from the answer before, to the end of the next request's header. A browser opens another
    /// connection where one was closed.
    pub header: Duration,
}

/// The longest header, in bytes.
const HEADER: usize = 64 * 1024;

impl Default for Manners {
    fn default() -> Self {
        Self { connections: 3_000, per_address: 1_000, header: Duration::from_secs(30) }
    }
}

impl Manners {
    /// Without what would be in the way of a load test: `ORDERLY_LIMITS=off`.
    pub fn lifted() -> Self {
        Self { per_address: usize::MAX, ..Self::default() }
    }
}

/// Answers on the listener until `stop`, then until the last answer that has begun is out.
pub async fn serve(mut listener: TcpListener, app: Router, manners: Manners, stop: CancellationToken) {
    let places = Places::new(manners.connections, manners.per_address);
    let tasks = TaskTracker::new();
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(manners.header).max_buf_size(HEADER);
    let server = Arc::new(server);
    // `accept` waits and tries again by itself where the system is out of files.
    while let Some((stream, from)) = stop.run_until_cancelled(Listener::accept(&mut listener)).await {
        match places.take(from.ip()) {
            Some(place) if !place.is_crowded() => {
                let connection = answer(server.clone(), stream, from, app.clone(), stop.clone());
                tasks.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            _ => tracing::debug!(%from, "one connection too many is closed"),
        }
    }
    // Whoever comes now goes to the process that takes our place.
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

async fn answer(server: Arc<http1::Builder>, stream: TcpStream, from: SocketAddr, app: Router, stop: CancellationToken) {
    // What is sent is small and wanted now, and whoever has gone while a WebSocket waits, or an answer is sent, is noticed.
    if let Err(error) = prepare(&stream) {
        tracing::debug!(%error, "a connection stays as it came");
    }
    let arrived = Arrived::default();
    let counted = arrived.clone();
    let stream = InspectReader::new(stream, move |bytes: &[u8]| counted.add(bytes.len()));
    let service = service_fn(move |request: Request<Incoming>| {
        let app = is_for_us(&request).then(|| app.clone());
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(from));
        request.extensions_mut().insert(arrived.clone());
        async move {
            match app {
                Some(app) => app.oneshot(request).await,
                // What follows on the connection may be the rest of it.
                None => Ok((StatusCode::BAD_REQUEST, [(header::CONNECTION, "close")]).into_response()),
            }
        }
    });
    let mut connection = pin!(server.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%from, %error, "a connection broke off");
    }
}

/// Whether it asks for a path, which CONNECT does not, of one host (RFC 9112, 3.2): a proxy in front of us and we might take it for
/// two different requests else.
fn is_for_us<B>(request: &Request<B>) -> bool {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    request.uri().path_and_query().is_some() && (hosts == 1 || (hosts == 0 && request.version() < Version::HTTP_11))
}

#[cfg(test)]
mod tests {
    use std::io;

    use axum::routing::get;
    use socket2::SockRef;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::ToSocketAddrs;
    use tokio::time::timeout;

    use super::*;

    /// Longer than anything here may take.
    const PATIENCE: Duration = Duration::from_secs(20);

    async fn start(manners: Manners) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let app = Router::new().route("/", get(async |ConnectInfo(from): ConnectInfo<SocketAddr>| from.to_string()));
        (address, stop.clone(), tokio::spawn(serve(listener, app, manners, stop)))
    }

    /// What the server says to these bytes until it closes the connection.
    async fn said_to(server: impl ToSocketAddrs, bytes: &[u8]) -> io::Result<String> {
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(bytes).await?;
        let mut text = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut text)).await??;
        Ok(text)
    }

    #[tokio::test]
    async fn who_says_nothing_or_half_of_it_is_closed() {
        let (server, ..) = start(Manners { header: Duration::from_millis(100), ..Manners::default() }).await;
        for begun in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: a\r\nx-slow: "] {
            let said = said_to(server, begun.as_bytes()).await.unwrap();
            assert!(!said.contains(" 200 "), "{begun:?}: {said}");
        }
        let kept = said_to(server, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        assert!(kept.starts_with("HTTP/1.1 200 ") && kept.contains("127.0.0.1:"), "answered, then closed for its silence: {kept}");
    }

    #[tokio::test]
    async fn what_is_no_request_of_one_host_for_a_path_is_refused() {
        let (server, ..) = start(Manners::default()).await;
        for (head, status) in [
            ("GET / HTTP/1.1\r\nhost: a\r\n", "200"),
            ("GET / HTTP/1.0\r\n", "200"),
            ("GET / HTTP/1.1\r\n", "400"),
            ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n", "400"),
            ("CONNECT a:80 HTTP/1.1\r\nhost: a\r\n", "400"),
        ] {
            let said = said_to(server, format!("{head}connection: close\r\n\r\n").as_bytes()).await.unwrap();
            assert_eq!(said.split(' ').nth(1), Some(status), "{head}: {said}");
        }
    }

    #[tokio::test]
    async fn who_has_gone_without_a_word_is_noticed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, from) = listener.accept().await.unwrap();
        // The same socket: what one is told the other is.
        let stream = stream.into_std().unwrap();
        let watched = stream.try_clone().unwrap();
        let app = Router::new().route("/", get(async || "here"));
        let stream = TcpStream::from_std(stream).unwrap();
        tokio::spawn(answer(Arc::new(http1::Builder::new()), stream, from, app, CancellationToken::new()));
        client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        client.read_exact(&mut [0; 12]).await.unwrap();
        let socket = SockRef::from(&watched);
        assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
        assert!(socket.tcp_keepalive_time().unwrap() <= Duration::from_mins(2), "a WebSocket may say nothing for ever");
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(30)), "an answer may be taken by nobody");
    }

    #[tokio::test]
    async fn one_too_many_is_closed_and_the_others_are_answered() {
        let (server, ..) = start(Manners { connections: 1, ..Manners::default() }).await;
        let mut first = TcpStream::connect(server).await.unwrap();
        first.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut word = [0; 12];
        first.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"HTTP/1.1 200");
        // Closed before it said anything, or while it did.
        assert!(said_to(server, b"").await.unwrap_or_default().is_empty());
    }

    #[tokio::test]
    async fn it_stops_at_once_though_somebody_keeps_a_connection() {
        let (server, stop, ended) = start(Manners::default()).await;
        let mut idle = TcpStream::connect(server).await.unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        idle.read_exact(&mut [0; 12]).await.unwrap();
        stop.cancel();
        timeout(PATIENCE, ended).await.unwrap().unwrap();
    }
}
