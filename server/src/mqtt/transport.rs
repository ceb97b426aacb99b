//! What carries the bytes: a plain connection, or a WebSocket.

use std::io;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::{Bytes, BytesMut};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Bytes are asked for in pieces of this size: ten thousand connections wait in `read` most of the time.
const PIECE: usize = 1024;
/// A connection that says nothing for so long is asked by the operating system whether it is there.
const SILENT: Duration = Duration::from_mins(2);

/// What every plain connection is told: a small message is not kept back to be sent with the next, and a machine that has
/// gone without a word is noticed, though its client wants no keep-alive.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENT))
}

/// A connection of bytes.
pub(super) trait Transport: Send + 'static {
    /// Adds what has arrived to the buffer; `false` at the end. Safe to drop while it waits.
    fn read(&mut self, buffer: &mut BytesMut) -> impl Future<Output = io::Result<bool>> + Send;

    /// Sends, and is done when the operating system has taken it.
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = io::Result<()>> + Send;

    /// Says good-bye.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}

/// A plain stream.
pub(super) struct Plain<S>(pub S);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for Plain<S> {
    async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<bool> {
        buffer.reserve(PIECE);
        Ok(self.0.read_buf(buffer).await? > 0)
    }

    async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        self.0.write_all(&bytes).await
    }

    async fn close(&mut self) {
        // Who is gone already need not hear it.
        let _ = self.0.shutdown().await;
    }
}

impl Transport for WebSocket {
    async fn read(&mut self, buffer: &mut BytesMut) -> io::Result<bool> {
        loop {
            match self.recv().await {
                Some(Ok(Message::Binary(bytes))) => {
                    buffer.extend_from_slice(&bytes);
                    return Ok(true);
                }
                // Answered by the WebSocket itself.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Ok(false),
                // 6.0-1: MQTT comes in binary frames only.
                Some(Ok(Message::Text(_))) => return Err(io::ErrorKind::InvalidData.into()),
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
    }

    async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        self.send(Message::Binary(bytes)).await.map_err(io::Error::other)
    }

    async fn close(&mut self) {
        let _ = self.send(Message::Close(Some(CloseFrame { code: close_code::NORMAL, reason: "".into() }))).await;
    }
}
