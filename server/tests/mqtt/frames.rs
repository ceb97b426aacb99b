//! Frames of WebSockets (RFC 6455) by hand: those that a client may send, however it cuts what it has to say, and those that none
//! may.

use crate::nonsense::Numbers;

/// The request that makes a connection a WebSocket.
pub const UPGRADE: &[u8] = b"GET /mqtt HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

const CONTINUED: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// The last frame of a message.
const LAST: u8 = 0x80;
/// What a client sends is masked (5.1).
const MASKED: u8 = 0x80;

/// A frame with this first byte, masked as a client's.
fn frame(numbers: &mut Numbers, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ ..126 => frame.push(MASKED | length as u8),
        length => {
            frame.push(MASKED | 0x7E);
            frame.extend((length as u16).to_be_bytes());
        }
    }
    let mask = (numbers.next() as u32).to_be_bytes();
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The stream in messages, each in one frame or several, with pings and pongs between all of them (5.4, 5.5).
pub fn sound(numbers: &mut Numbers, stream: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let (mut message, more) = rest.split_at(rest.len().min(1 + numbers.below(400)));
        rest = more;
        let mut kind = BINARY;
        loop {
            if numbers.one_in(6) {
                let control = LAST | *numbers.pick(&[PING, PONG]);
                let payload = numbers.bytes(125);
                frames.push(frame(numbers, control, &payload));
            }
            // One byte, all of it, nothing at all: a frame may be empty.
            let length = if numbers.one_in(2) { message.len() } else { numbers.below(message.len() + 1) };
            let (piece, left) = message.split_at(length);
            let last = left.is_empty() && !numbers.one_in(8);
            frames.push(frame(numbers, kind | if last { LAST } else { 0 }, piece));
            if last {
                break;
            }
            (message, kind) = (left, CONTINUED);
        }
    }
    if numbers.one_in(2) {
        frames.push(frame(numbers, LAST | CLOSE, &1000_u16.to_be_bytes()));
    }
    frames
}

/// The same, not as a client may send it.
pub fn broken(numbers: &mut Numbers, stream: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = sound(numbers, stream);
    // Of nothing at all there is none to break.
    frames.push(frame(numbers, LAST | BINARY, b""));
    let at = numbers.below(frames.len());
    let payload = numbers.bytes(60);
    match numbers.below(14) {
        // In another order.
        0 => {
            let other = numbers.below(frames.len());
            frames.swap(at, other);
        }
        1 => drop(frames.remove(at)),
        2 => frames.insert(at, frames[numbers.below(frames.len())].clone()),
        // 6.0-1 of MQTT: binary frames only; and no text at all.
        3 => frames.insert(at, frame(numbers, LAST | TEXT, b"hello")),
        4 => frames.insert(at, frame(numbers, LAST | TEXT, &payload)),
        // The rest of a message that has not begun, and a message inside another one.
        5 => frames.insert(at, frame(numbers, LAST | CONTINUED, &payload)),
        6 => frames.insert(at, frame(numbers, BINARY, &payload)),
        // Reserved bits and kinds.
        7 => {
            let first = numbers.next() as u8;
            frames.insert(at, frame(numbers, first, &payload));
        }
        // A ping in pieces, and one that is too long.
        8 => frames.insert(at, frame(numbers, PING, &payload)),
        9 => frames.insert(at, frame(numbers, LAST | PING, &[7; 200])),
        // Without a mask.
        10 => frames.insert(at, [&[LAST | BINARY, payload.len() as u8], &payload[..]].concat()),
        // A promise of more than there will ever be, or of more bytes than the number needs.
        11 => {
            let length = if numbers.one_in(2) { u64::MAX >> numbers.below(60) } else { 1 };
            frames.insert(at, [&[LAST | BINARY, MASKED | 0x7F][..], &length.to_be_bytes(), &[0; 5]].concat());
        }
        // A good-bye that is none.
        12 => frames.insert(at, frame(numbers, LAST | CLOSE, &payload)),
        _ => {
            let byte = numbers.below(frames[at].len());
            frames[at][byte] ^= 1 << numbers.below(8);
        }
    }
    frames
}

/// What the server said in binary frames, once it had agreed to a WebSocket. Its own frames are as they should be, and whole; of
/// a pong or a good-bye it may have sent a part when it found that there is nobody any more.
pub fn answered(bytes: &[u8]) -> Vec<u8> {
    const END: &[u8] = b"\r\n\r\n";
    let header = bytes.windows(END.len()).position(|window| window == END).expect("an answer to the request") + END.len();
    assert!(bytes.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&bytes[..header]));
    let mut rest = &bytes[header..];
    let mut said = Vec::new();
    while let Some((kind, payload, more)) = cut(rest) {
        match kind {
            BINARY => said.extend(payload),
            PONG => {}
            CLOSE => assert!(more.is_empty(), "more after the good-bye: {more:x?}"),
            kind => panic!("a frame of the kind {kind}"),
        }
        rest = more;
    }
    assert!(rest.first().is_none_or(|first| [LAST | PONG, LAST | CLOSE].contains(first)), "half a frame: {rest:x?}");
    said
}

/// The first frame: its kind, what it carries, and what follows; `None` where it is not whole.
fn cut(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[first, length], rest) = bytes.split_first_chunk()?;
    assert_eq!(first & 0xF0, LAST, "a whole message in a frame: {first:x}");
    let (length, rest) = match length {
        length @ ..126 => (usize::from(length), rest),
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        length => panic!("masked, or longer than anything here: {length}"),
    };
    let (payload, rest) = rest.split_at_checked(length)?;
    Some((first & 0x0F, payload, rest))
}
