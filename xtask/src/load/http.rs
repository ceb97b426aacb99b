//! A client of HTTP/1.1 that keeps its connection, with nothing between it and the socket. It costs so little that it can
//! stand beside the server on the same two cores, and it knows exactly what was answered and what was not.
use serde_json::Value;
use std::{
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// More than any answer has; a server that sends more is broken.
const MOST: usize = 16 << 20;

pub struct Http {
    address: SocketAddr,
    timeout: Duration,
    stream: Option<BufReader<TcpStream>>,
    request: Vec<u8>,
}

pub struct Reply {
    pub status: u16,
    pub replayed: bool,
    pub cookie: Option<String>,
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Http {
    pub fn new(address: SocketAddr, timeout: Duration) -> Self {
        Self { address, timeout, stream: None, request: Vec::new() }
    }

    /// Goes to another server from now on.
    pub fn turn_to(&mut self, address: SocketAddr) {
        if self.address != address {
            self.address = address;
            self.stream = None;
        }
    }

    /// Sends a request and reads its answer. `headers` are whole lines; the body is JSON unless they say otherwise. After
    /// an error nobody knows whether it was done.
    pub fn send(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> io::Result<Reply> {
        self.request.clear();
        let json = if headers.contains("content-type:") { "" } else { "content-type: application/json\r\n" };
        write!(
            self.request,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{headers}{json}content-length: {}\r\n\r\n",
            self.address,
            body.len()
        )?;
        self.request.extend_from_slice(body);
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        stream.get_mut().write_all(&self.request)?;
        let (reply, keep) = read(&mut stream)?;
        if keep {
            self.stream = Some(stream);
        }
        Ok(reply)
    }

    fn connect(&self) -> io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect_timeout(&self.address, self.timeout)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        Ok(BufReader::new(stream))
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> io::Result<(Reply, bool)> {
    let mut line = String::new();
    line_of(stream, &mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| broken("no status"))?;
    let mut reply = Reply { status, replayed: false, cookie: None, body: Vec::new() };
    let (mut length, mut chunked, mut keep) = (0, false, true);
    loop {
        line_of(stream, &mut line)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| broken("no header"))?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().map_err(|_| broken("content-length"))?,
            "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
            "connection" => keep = !value.eq_ignore_ascii_case("close"),
            "idempotency-replayed" => reply.replayed = value == "true",
            "set-cookie" if value.starts_with("orderly_session=") => {
                reply.cookie = value.split(';').next().map(ToOwned::to_owned);
            }
            _ => {}
        }
    }
    if chunked {
        loop {
            line_of(stream, &mut line)?;
            let size = usize::from_str_radix(line.trim(), 16).map_err(|_| broken("chunk"))?;
            take(stream, size, &mut reply.body)?;
            line_of(stream, &mut line)?;
            if size == 0 {
                break;
            }
        }
    } else {
        take(stream, length, &mut reply.body)?;
    }
    Ok((reply, keep))
}

fn take(stream: &mut BufReader<TcpStream>, size: usize, body: &mut Vec<u8>) -> io::Result<()> {
    let from = body.len();
    if from + size > MOST {
        return Err(broken("too large"));
    }
    body.resize(from + size, 0);
    stream.read_exact(&mut body[from..])
}

fn line_of(stream: &mut BufReader<TcpStream>, line: &mut String) -> io::Result<()> {
    line.clear();
    if stream.read_line(line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    line.truncate(line.trim_end().len());
    Ok(())
}

fn broken(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("not HTTP: {what}"))
}
