//! What carries the bytes: a plain connection, or a WebSocket.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Bytes are asked for in pieces of this size: ten thousand connections wait in `read` most of the time.
const PIECE: usize = 1024;
/// A connection that says nothing for so long is asked by the operating system whether it is there.
const SILENT: Duration = Duration::from_mins(2);
/// And again after so long, four times in all.
const PROBE: Duration = Duration::from_secs(15);
/// Who takes nothing of what is sent for so long is gone.
const DEAF: Duration = Duration::from_secs(30);
/// What a client's control frame has besides its payload, which is never long: two bytes, and the mask (RFC 6455, 5.2 and 5.5).
const CONTROL: u64 = 6;

/// What every connection is told, plain or HTTP's, which may become a WebSocket: a small message is not kept back to be sent with the
/// next, and a machine that has gone without a word is noticed, though its client wants no keep-alive.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENT).with_interval(PROBE).with_retries(4))?;
    // What is on its way keeps the probes from being sent.
    socket.set_tcp_user_timeout(Some(DEAF))
}

/// What has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    Bytes,
    /// A frame without any, such as a ping, which has been answered.
    Nothing,
    /// More of a message that is not whole, and of which nothing is given before it is.
    Part,
    /// There will be no more.
    End,
}

/// A connection of bytes.
pub(super) trait Transport: Send + 'static {
    /// Adds what has arrived to the buffer. Safe to drop while it waits. What is no such bytes is `InvalidData`, too much of them
    /// `FileTooLarge`.
    fn read(&mut self, buffer: &mut BytesMut) -> impl Future<Output = io::Result<Read>> + Send;

    /// Whether part of a message is kept here until it is whole.
    fn is_begun(&self) -> bool {
        false
    }

    /// Sends, and is done when the operating system has taken it. Who has taken nothing for too long is `TimedOut`.
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = io::Result<()>> + Send;

    /// Says good-bye, and where that is answered, waits for the answer: whoever calls it does not wait for ever.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}

/// A plain stream.
pub(super) struct Plain<S>(pub S);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for Plain<S> {
    async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<Read> {
        buffer.reserve(PIECE);
        Ok(if self.0.read_buf(buffer).await? > 0 { Read::Bytes } else { Read::End })
    }

    async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        self.0.write_all(&bytes).await
    }

    async fn close(&mut self) {
        // Who is gone already need not hear it.
        let _ = self.0.shutdown().await;
        // With bytes left unread the operating system would reset the connection, and drop what it has still to send.
        let mut unread = [0; PIECE];
        while matches!(self.0.read(&mut unread).await, Ok(1..)) {}
    }
}

/// The bytes that a connection has brought: a WebSocket itself says nothing of a message that is not whole. Clones count together;
/// one that is told of no bytes is of a connection that nobody counts.
#[derive(Debug, Clone, Default)]
pub struct Arrived(Arc<AtomicU64>);

impl Arrived {
    pub(crate) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn so_far(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A WebSocket.
pub(super) struct Web {
    socket: WebSocket,
    arrived: Arrived,
    /// Those of them that were in messages that are whole, and those that the session was told of.
    whole: u64,
    told: u64,
}

impl Web {
    pub(super) fn new(socket: WebSocket, arrived: Arrived) -> Self {
        let whole = arrived.so_far();
        Self { socket, arrived, whole, told: whole }
    }

    /// Whether part of a message is here, and more of it than was told.
    fn has_grown(&mut self) -> bool {
        let arrived = self.arrived.so_far();
        arrived > std::mem::replace(&mut self.told, arrived) && self.is_begun()
    }
}

impl Transport for Web {
    async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<Read> {
        let message = poll_fn(|cx| match self.socket.poll_next_unpin(cx) {
            Poll::Ready(message) => Poll::Ready(Some(message)),
            Poll::Pending if self.has_grown() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        let Some(message) = message.await else { return Ok(Read::Part) };
        match message {
            Some(Ok(Message::Binary(bytes))) => {
                self.whole = self.arrived.so_far();
                buffer.extend_from_slice(&bytes);
                Ok(if bytes.is_empty() { Read::Nothing } else { Read::Bytes })
            }
            // Answered by the WebSocket itself.
            Some(Ok(Message::Ping(payload) | Message::Pong(payload))) => {
                // It may come between the parts of a message (5.4).
                self.whole += CONTROL + payload.len() as u64;
                Ok(Read::Nothing)
            }
            Some(Ok(Message::Close(_))) | None => Ok(Read::End),
            // 6.0-1: MQTT comes in binary frames only.
            Some(Ok(Message::Text(_))) => Err(io::ErrorKind::InvalidData.into()),
            Some(Err(error)) => Err(broken(&error)),
        }
    }

    fn is_begun(&self) -> bool {
        self.arrived.so_far() > self.whole
    }

    async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        self.socket.send(Message::Binary(bytes)).await.map_err(|error| broken(&error))
    }

    async fn close(&mut self) {
        // Refused where the other side has said it first; its answer is sent by the reading.
        let _ = self.socket.send(Message::Close(Some(CloseFrame { code: close_code::NORMAL, reason: "".into() }))).await;
        // RFC 6455, 5.5.1 and 7.1.1: closed when both have said so. With bytes left unread the operating system would reset the
        // connection, and the other side might never see ours.
        while let Some(Ok(_)) = self.socket.recv().await {}
    }
}

/// What a WebSocket's error is to a session.
fn broken(error: &axum::Error) -> io::Error {
    use tokio_tungstenite::tungstenite::Error;
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Error>());
    let kind = match source {
        Some(Error::Capacity(_)) => io::ErrorKind::FileTooLarge,
        Some(Error::Protocol(_) | Error::Utf8(_)) => io::ErrorKind::InvalidData,
        Some(Error::Io(error)) if error.kind() == io::ErrorKind::TimedOut => io::ErrorKind::TimedOut,
        _ => io::ErrorKind::ConnectionAborted,
    };
    io::Error::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn who_has_gone_without_a_word_is_noticed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        prepare(&stream).unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
        assert!(socket.tcp_keepalive_time().unwrap() <= Duration::from_mins(2), "who is sent nothing");
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(DEAF), "who is sent something");
    }
}
