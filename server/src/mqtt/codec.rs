//! Packets of MQTT 3.1.1 and 5.0 to and from bytes. What arrives is cut out of the stream here, so that half a packet, or
//! several, in one frame are all the same, and read strictly in [`read`]; what is sent is written by `rumqttc`'s codecs in
//! [`write`].
//!
//! Section numbers are those of the OASIS standard of MQTT 5.0. Reasons are told by its codes; 3.1.1 has fewer, or none.

mod properties;
mod read;
mod write;

use bytes::{Bytes, BytesMut};
pub(super) use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, DisconnectReasonCode as Reason, RetainForwardRule as RetainHandling, SubscribeReasonCode,
};

pub(super) use self::read::{Connect, Incoming, Wish};
pub(super) use self::write::{Packet1, granted};

/// What an incoming packet of a client may measure; it is told so.
pub(super) const LARGEST: usize = 64 * 1024;

/// PINGRESP, the same in both versions.
pub(super) const PONG: Bytes = Bytes::from_static(&[0xD0, 0]);

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// MQTT 3.1.1.
    V3,
    /// MQTT 5.0.
    V5,
}

/// Why the bytes are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// No packet of MQTT.
    Malformed,
    /// One that the standard forbids to be sent so.
    Protocol,
    /// One that is larger than what is taken.
    TooLarge,
}

impl Broken {
    pub(super) const fn reason(self) -> Reason {
        match self {
            Self::Malformed => Reason::MalformedPacket,
            Self::Protocol => Reason::ProtocolError,
            Self::TooLarge => Reason::PacketTooLarge,
        }
    }

    /// The same for a CONNECT.
    pub(super) const fn refusal(self) -> ConnectReturnCode {
        match self {
            Self::Malformed => ConnectReturnCode::MalformedPacket,
            Self::Protocol => ConnectReturnCode::ProtocolError,
            Self::TooLarge => ConnectReturnCode::PacketTooLarge,
        }
    }
}

/// Cuts the first packet out of what has arrived; `None` while it is not complete. Nothing is allocated for what a header
/// merely promises.
pub(super) fn frame(buffer: &mut BytesMut, largest: usize) -> Result<Option<BytesMut>, Broken> {
    let Some(&first) = buffer.first() else { return Ok(None) };
    let flags = first & 0x0F;
    // 2.1.3: reserved flags have fixed values; type 0 is reserved.
    let sound = match first >> 4 {
        0 => false,
        3 => true,
        6 | 8 | 10 => flags == 0b0010,
        _ => flags == 0,
    };
    if !sound {
        return Err(Broken::Malformed);
    }
    let mut length = 0;
    for n in 0..4 {
        let Some(&byte) = buffer.get(1 + n) else { return Ok(None) };
        length |= usize::from(byte & 0x7F) << (7 * n);
        if byte & 0x80 == 0 {
            // 1.5.5-1: no more bytes than are needed.
            if n > 0 && byte == 0 {
                return Err(Broken::Malformed);
            }
            let whole = 2 + n + length;
            return match () {
                () if whole > largest => Err(Broken::TooLarge),
                () if buffer.len() < whole => Ok(None),
                () => Ok(Some(buffer.split_to(whole))),
            };
        }
    }
    Err(Broken::Malformed)
}

/// What stands behind the fixed header of a packet that [`frame`] has cut out.
fn body(frame: &[u8]) -> Option<&[u8]> {
    let length = frame.iter().skip(1).position(|byte| byte & 0x80 == 0)?;
    frame.get(2 + length..)
}

/// The version that a CONNECT speaks, or the code to refuse it with, in the version it may understand.
pub(super) fn version(frame: &[u8]) -> Result<Version, Option<(Version, ConnectReturnCode)>> {
    let refused = ConnectReturnCode::UnsupportedProtocolVersion;
    // Not CONNECT, or not MQTT: closed without a word (3.1.0-1, 3.1.2-1).
    if frame.first() != Some(&0x10) {
        return Err(None);
    }
    match *body(frame).ok_or(None)? {
        [0, 4, b'M', b'Q', b'T', b'T', level, ..] => match level {
            4 => Ok(Version::V3),
            5 => Ok(Version::V5),
            ..4 => Err(Some((Version::V3, refused))),
            6.. => Err(Some((Version::V5, refused))),
        },
        // MQTT 3.1, which Debian's old clients may still be told to speak.
        [0, 6, b'M', b'Q', b'I', b's', b'd', b'p', ..] => Err(Some((Version::V3, refused))),
        _ => Err(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(name: &[u8], level: u8) -> BytesMut {
        let mut body = vec![0, name.len() as u8];
        body.extend(name);
        body.extend([level, 2, 0, 60]);
        if level == 5 {
            body.push(0);
        }
        body.extend([0, 1, b'c']);
        let mut packet = BytesMut::from(&[0x10, body.len() as u8][..]);
        packet.extend(body);
        packet
    }

    #[test]
    fn packets_are_cut_out_of_any_pieces() {
        let mut stream = connect(b"MQTT", 4).to_vec();
        stream.extend([0xC0, 0, 0xE0, 0]);
        let mut buffer = BytesMut::new();
        let mut lengths = Vec::new();
        for byte in stream {
            buffer.extend([byte]);
            while let Some(packet) = frame(&mut buffer, LARGEST).unwrap() {
                lengths.push(packet.len());
            }
        }
        assert_eq!(lengths, [15, 2, 2]);
        assert!(buffer.is_empty());
    }

    #[test]
    fn a_promise_too_large_is_refused_before_it_is_kept() {
        assert_eq!(frame(&mut BytesMut::from(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F][..]), LARGEST), Err(Broken::TooLarge));
        assert_eq!(frame(&mut BytesMut::from(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF][..]), LARGEST), Err(Broken::Malformed));
        for longer in [&[0xC0, 0x80, 0][..], &[0x30, 0x85, 0x80, 0], &[0x82, 0x80, 0x80, 0x80, 0]] {
            assert_eq!(frame(&mut BytesMut::from(longer), LARGEST), Err(Broken::Malformed), "more bytes than are needed: {longer:x?}");
        }
        for first in [0x00, 0x11, 0x80, 0xA0, 0xC1, 0xF1] {
            assert_eq!(frame(&mut BytesMut::from(&[first][..]), LARGEST), Err(Broken::Malformed), "{first:x}");
        }
    }

    #[test]
    fn the_version_is_known_by_name_and_level() {
        let refused = ConnectReturnCode::UnsupportedProtocolVersion;
        assert_eq!(version(&connect(b"MQTT", 4)), Ok(Version::V3));
        assert_eq!(version(&connect(b"MQTT", 5)), Ok(Version::V5));
        assert_eq!(version(&connect(b"MQIsdp", 3)), Err(Some((Version::V3, refused))));
        assert_eq!(version(&connect(b"MQTT", 6)), Err(Some((Version::V5, refused))));
        assert_eq!(version(&connect(b"AMQP", 4)), Err(None));
        assert_eq!(version(&[0xC0, 0]), Err(None));
        assert_eq!(version(b"GET /mqtt HTTP/1.1\r\n"), Err(None));
    }
}
