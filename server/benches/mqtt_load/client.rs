//! A browser reduced to its bytes: MQTT 3.1.1 over a WebSocket, so that ten thousand of them leave the machine to the server.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// Who is told of messages.
pub trait Heard: Send + Sync + 'static {
    /// The client has the message of this number.
    fn heard(&self, client: usize, number: u64);
}

/// A connection that has subscribed.
pub struct Client {
    stream: TcpStream,
    /// Bytes of frames that are not complete.
    frames: Vec<u8>,
    /// Bytes of MQTT, out of the frames.
    packets: Vec<u8>,
}

impl Client {
    /// Connects and subscribes: as the shopper of that number, where there are such, or as nobody.
    pub async fn open(address: SocketAddr, n: usize, shopper: bool, topic: &str) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // Each of these addresses has ports of its own.
        socket.bind((Ipv4Addr::new(127, 0, 0, 2 + (n % 8) as u8), 0).into())?;
        let mut stream = socket.connect(address).await.context("no connection")?;
        stream.set_nodelay(true)?;
        let upgrade = format!(
            "GET /mqtt HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
        );
        stream.write_all(upgrade.as_bytes()).await?;
        let mut frames = Vec::with_capacity(256);
        let end = loop {
            if let Some(end) = frames.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            ensure!(stream.read_buf(&mut frames).await? > 0, "closed while upgrading");
        };
        ensure!(frames.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&frames));
        frames.drain(..end);
        let mut client = Self { stream, frames, packets: Vec::new() };

        let mut connect = vec![0, 4, b'M', b'Q', b'T', b'T', 4, if shopper { 0b1100_0010 } else { 0b10 }, 0, 0];
        push_text(&mut connect, &format!("load-{n}"));
        if shopper {
            push_text(&mut connect, "token");
            push_text(&mut connect, &n.to_string());
        }
        let mut subscribe = vec![0, 1];
        push_text(&mut subscribe, topic);
        subscribe.push(0);
        client.send(&packet(0x10, &connect)).await?;
        client.send(&packet(0x82, &subscribe)).await?;
        loop {
            match client.next().await?.context("closed while subscribing")? {
                [0x20, _, _, code] => ensure!(code == 0, "CONNACK {code}"),
                [0x90, _, _, code] => {
                    ensure!(code == 0, "SUBACK {code}");
                    return Ok(client);
                }
                _ => {}
            }
        }
    }

    /// Listens to the end of the connection.
    pub async fn listen(mut self, n: usize, heard: Arc<impl Heard>) -> Result<()> {
        loop {
            while let Some(packet) = self.cut() {
                if packet.first().is_some_and(|first| first >> 4 == 3) {
                    heard.heard(n, number(&packet)?);
                }
            }
            if !self.fill().await? {
                return Ok(());
            }
        }
    }

    /// The first byte, and the last of the two before the end, of the next packet that is an acknowledgement or a message.
    async fn next(&mut self) -> Result<Option<[u8; 4]>> {
        loop {
            if let Some(packet) = self.cut() {
                let (first, last) = (packet[0], packet[packet.len() - 1]);
                return Ok(Some([first, 0, 0, last]));
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// A frame of the client, with a mask of zeros.
    async fn send(&mut self, packet: &[u8]) -> Result<()> {
        let mut frame = vec![0x82];
        if packet.len() < 126 {
            frame.push(0x80 | packet.len() as u8);
        } else {
            frame.push(0xFE);
            frame.extend((packet.len() as u16).to_be_bytes());
        }
        frame.extend([0; 4]);
        frame.extend(packet);
        Ok(self.stream.write_all(&frame).await?)
    }

    /// Reads what has arrived; `false` at the end.
    async fn fill(&mut self) -> Result<bool> {
        if self.stream.read_buf(&mut self.frames).await? == 0 {
            return Ok(false);
        }
        while let Some((opcode, start, end)) = frame(&self.frames) {
            match opcode {
                0 | 2 => self.packets.extend_from_slice(&self.frames[start..end]),
                8 => return Ok(false),
                // Nobody asks us so often that an answer would matter.
                9 | 10 => {}
                other => bail!("a frame of kind {other}"),
            }
            self.frames.drain(..end);
        }
        Ok(true)
    }

    /// The next whole packet.
    fn cut(&mut self) -> Option<Vec<u8>> {
        let (mut length, mut at) = (0, 1);
        loop {
            let byte = *self.packets.get(at)?;
            length |= usize::from(byte & 0x7F) << (7 * (at - 1));
            at += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        (self.packets.len() >= at + length).then(|| self.packets.drain(..at + length).collect())
    }
}

/// Kind, start and end of the first frame, where it is complete. Those of a server have no mask.
fn frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (opcode, short) = (bytes.first()? & 0x0F, usize::from(bytes.get(1)? & 0x7F));
    let (length, start) = match short {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize, 10),
        short => (short, 2),
    };
    (bytes.len() >= start + length).then_some((opcode, start, start + length))
}

/// The number in the payload: the first 20 digits in a row.
pub fn number(packet: &[u8]) -> Result<u64> {
    let mut digits = 0;
    for (at, byte) in packet.iter().enumerate() {
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        if digits == 20 {
            return Ok(std::str::from_utf8(&packet[at - 19..=at])?.parse()?);
        }
    }
    bail!("a message without a number")
}

fn push_text(body: &mut Vec<u8>, text: &str) {
    body.extend((text.len() as u16).to_be_bytes());
    body.extend(text.as_bytes());
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    debug_assert!(body.len() < 128, "short packets only");
    let mut packet = vec![first, body.len() as u8];
    packet.extend(body);
    packet
}
