//! MQTT 3.1.1, as much of it as a browser that only listens needs: it writes CONNECT, SUBSCRIBE, UNSUBSCRIBE and PINGREQ,
//! and reads CONNACK, SUBACK and PUBLISH. QoS 0 throughout, since the newest snapshot replaces a lost one.
//! Section numbers are those of the OASIS standard.

/// No CONNECT or SUBSCRIBE is answered with a packet that is longer.
const LARGEST: usize = 4 << 20;

/// PINGREQ (3.12).
pub(super) const PING: [u8; 2] = [0xC0, 0];

/// A packet of the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// CONNACK (3.2): whether the connection was accepted.
    Connected(bool),
    /// SUBACK (3.9): whether any of the filters was refused.
    Subscribed { refused: bool },
    /// PUBLISH (3.3).
    Publish { topic: &'a str, payload: &'a [u8] },
    /// PINGRESP and UNSUBACK: a sign of life.
    Alive,
}

/// The server sent what is not MQTT 3.1.1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// CONNECT (3.1): clean session, no client id, no credentials (the cookie came with the upgrade).
pub(super) fn connect(keep_alive_seconds: u16) -> Vec<u8> {
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 0b10];
    body.extend(keep_alive_seconds.to_be_bytes());
    body.extend([0, 0]);
    packet(0x10, &body)
}

/// SUBSCRIBE (3.8) to topics at QoS 0.
pub(super) fn subscribe<'a>(id: u16, topics: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    for topic in topics {
        text(&mut body, topic);
        body.push(0);
    }
    packet(0x82, &body)
}

/// UNSUBSCRIBE (3.10).
pub(super) fn unsubscribe(id: u16, topic: &str) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    text(&mut body, topic);
    packet(0xA2, &body)
}

fn text(body: &mut Vec<u8>, text: &str) {
    body.extend((text.len() as u16).to_be_bytes());
    body.extend(text.as_bytes());
}

/// Fixed header and remaining length (2.2).
fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length = body.len();
    loop {
        let more = length > 0x7F;
        bytes.push((length & 0x7F) as u8 | if more { 0x80 } else { 0 });
        length >>= 7;
        if !more {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

/// The first packet in `bytes` and its length, or `None` while it is not complete: a WebSocket frame may carry several
/// packets, or a piece of one (6.0).
pub(super) fn read(bytes: &[u8]) -> Result<Option<(Packet<'_>, usize)>, Malformed> {
    let mut length = 0;
    let mut start = 1;
    loop {
        let Some(&byte) = bytes.get(start) else { return Ok(None) };
        length |= usize::from(byte & 0x7F) << (7 * (start - 1));
        start += 1;
        if byte & 0x80 == 0 {
            break;
        }
        if start > 4 {
            return Err(Malformed);
        }
    }
    if length > LARGEST {
        return Err(Malformed);
    }
    let Some(body) = bytes.get(start..start + length) else { return Ok(None) };
    let packet = match bytes[0] {
        0x20 => Packet::Connected(*body.get(1).ok_or(Malformed)? == 0),
        0x90 => Packet::Subscribed { refused: body.get(2..).ok_or(Malformed)?.contains(&0x80) },
        0xB0 | 0xD0 => Packet::Alive,
        // DUP and RETAIN change nothing here; with a QoS there would be a packet id, and it was not asked for.
        first if first & 0xF6 == 0x30 => {
            let (size, rest) = body.split_first_chunk::<2>().ok_or(Malformed)?;
            let (topic, payload) = rest.split_at_checked(u16::from_be_bytes(*size).into()).ok_or(Malformed)?;
            Packet::Publish { topic: std::str::from_utf8(topic).map_err(|_| Malformed)?, payload }
        }
        _ => return Err(Malformed),
    };
    Ok(Some((packet, start + length)))
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use rumqttc::mqttbytes::{QoS, v4};

    use super::*;

    /// What a server makes of the bytes.
    fn served(bytes: &[u8]) -> v4::Packet {
        v4::Packet::read(&mut BytesMut::from(bytes), 65_536).unwrap()
    }

    fn sent(packet: v4::Packet) -> Vec<u8> {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, 1 << 20).unwrap();
        bytes.to_vec()
    }

    #[test]
    fn a_server_reads_what_is_written() {
        let v4::Packet::Connect(connect) = served(&connect(60)) else { panic!("no CONNECT") };
        assert_eq!((connect.keep_alive, connect.clean_session, connect.client_id.as_str(), connect.login), (60, true, "", None));

        let many: Vec<String> = (0..20).map(|n| format!("v1/stores/store-{n}/status")).collect();
        let v4::Packet::Subscribe(subscribe) = served(&subscribe(513, many.iter().map(String::as_str))) else { panic!("no SUBSCRIBE") };
        assert_eq!(subscribe.pkid, 513);
        assert_eq!(subscribe.filters.iter().map(|f| &f.path).collect::<Vec<_>>(), many.iter().collect::<Vec<_>>());

        assert_eq!(served(&unsubscribe(2, "v1/a")), v4::Packet::Unsubscribe(v4::Unsubscribe { pkid: 2, topics: vec!["v1/a".to_owned()] }));
        assert_eq!(served(&PING), v4::Packet::PingReq);
    }

    #[test]
    fn what_a_server_writes_is_read_whole_and_in_pieces() {
        let mut publish = v4::Publish::new("v1/stores/harbor/status", QoS::AtMostOnce, vec![7; 300]);
        publish.retain = true;
        let mut bytes = sent(v4::Packet::ConnAck(v4::ConnAck::new(v4::ConnectReturnCode::Success, false)));
        bytes.extend(sent(v4::Packet::SubAck(v4::SubAck::new(
            1,
            vec![v4::SubscribeReasonCode::Success(QoS::AtMostOnce), v4::SubscribeReasonCode::Failure],
        ))));
        bytes.extend(sent(v4::Packet::Publish(publish)));
        bytes.extend(sent(v4::Packet::PingResp));

        let expected = [
            Packet::Connected(true),
            Packet::Subscribed { refused: true },
            Packet::Publish { topic: "v1/stores/harbor/status", payload: &[7; 300] },
            Packet::Alive,
        ];
        let mut rest = bytes.as_slice();
        for expected in expected {
            let length = (0..rest.len()).find(|&n| read(&rest[..n]) != Ok(None)).unwrap_or(rest.len());
            assert_eq!(read(&rest[..length]), Ok(Some((expected, length))));
            rest = &rest[length..];
        }
        assert_eq!(rest, b"");
    }

    #[test]
    fn nonsense_is_refused() {
        for bytes in
            [&[0x20, 0xFF, 0xFF, 0xFF, 0xFF, 1][..], &[0x20, 1, 0], &[0x30, 1, 0], &[0x30, 2, 0, 9], &[0x30, 3, 0, 1, 0xFF], &[0xF0, 0]]
        {
            assert_eq!(read(bytes), Err(Malformed), "{bytes:x?}");
        }
    }
}
