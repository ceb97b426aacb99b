//! Packets of MQTT 3.1.1 and 5.0 to and from bytes. The packets themselves are read and written by `rumqttc`'s codecs;
//! what they leave open is done here: a packet is cut out of the stream first, so that half a packet, or several, in one
//! frame are all the same, and what a fixed header must look like is checked.
//!
//! Reasons are told by MQTT 5.0's codes; 3.1.1 has fewer, or none.

use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::{QoS as QoS3, v4};
use rumqttc::v5::mqttbytes::QoS as QoS5;
use rumqttc::v5::mqttbytes::v5;
pub(super) use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, DisconnectReasonCode as Reason, RetainForwardRule as RetainHandling, SubscribeReasonCode,
};

/// What an incoming packet of a client may measure; it is told so.
pub(super) const LARGEST: usize = 64 * 1024;

/// PINGRESP, the same in both versions.
pub(super) const PONG: Bytes = Bytes::from_static(&[0xD0, 0]);

/// The CloudEvents MQTT binding, structured mode.
const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// MQTT 3.1.1.
    V3,
    /// MQTT 5.0.
    V5,
}

/// A packet of a client, in either version.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Connect(Connect),
    Subscribe {
        id: u16,
        wishes: Vec<Wish>,
        identifier: bool,
    },
    Unsubscribe {
        id: u16,
        filters: Vec<String>,
    },
    Publish {
        qos: u8,
        id: u16,
        topic: String,
        payload: Bytes,
    },
    /// PUBACK of what was sent at QoS 1.
    Acknowledged(u16),
    Ping,
    Disconnect,
    /// One that a client has no reason to send.
    Unexpected,
}

/// CONNECT, as far as it matters here: there are no wills, for clients publish nothing, and no kept sessions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Connect {
    pub client_id: String,
    /// Seconds; 0: none.
    pub keep_alive: u16,
    pub password: Option<String>,
    /// Packets at QoS 1 that the client takes before it has acknowledged one.
    pub receive_maximum: u16,
    /// The largest packet that the client takes.
    pub largest: usize,
    /// It wants to prove who it is by an exchange, which is not offered.
    pub authentication: bool,
}

/// One filter of a SUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    pub filter: String,
    /// At most 1 is granted.
    pub qos: u8,
    /// Messages keep the retain flag that they were published with.
    pub retain_as_published: bool,
    pub retain_handling: RetainHandling,
}

/// Why the bytes are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    Malformed,
    TooLarge,
}

impl Broken {
    pub(super) const fn reason(self) -> Reason {
        match self {
            Self::Malformed => Reason::MalformedPacket,
            Self::TooLarge => Reason::PacketTooLarge,
        }
    }
}

/// Cuts the first packet out of what has arrived; `None` while it is not complete. Nothing is allocated for what a header
/// merely promises.
pub(super) fn frame(buffer: &mut BytesMut, largest: usize) -> Result<Option<BytesMut>, Broken> {
    let Some(&first) = buffer.first() else { return Ok(None) };
    let flags = first & 0x0F;
    // 2.2.2: reserved flags have fixed values; type 0 is reserved.
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

/// The version that a CONNECT speaks, or the code to refuse it with, in the version it may understand.
pub(super) fn version(frame: &[u8]) -> Result<Version, Option<(Version, ConnectReturnCode)>> {
    let refused = ConnectReturnCode::UnsupportedProtocolVersion;
    // Not CONNECT, or not MQTT: closed without a word (3.1.0-1, 3.1.2-1).
    if frame.first() != Some(&0x10) {
        return Err(None);
    }
    let start = 1 + frame[1..].iter().position(|byte| byte & 0x80 == 0).ok_or(None)? + 1;
    match frame[start..] {
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

impl Version {
    /// Reads a packet that [`frame`] has cut out.
    pub(super) fn read(self, mut frame: BytesMut) -> Result<Incoming, Broken> {
        // The 5.0 codec takes a DISCONNECT without a reason for broken; AUTH it does not know.
        match frame[0] >> 4 {
            12 => return Ok(Incoming::Ping),
            14 => return Ok(Incoming::Disconnect),
            15 if self == Self::V5 => return Ok(Incoming::Unexpected),
            _ => {}
        }
        match self {
            Self::V3 => v4::Packet::read(&mut frame, usize::MAX).map(Incoming::from).map_err(|_| Broken::Malformed),
            Self::V5 => v5::Packet::read(&mut frame, None).map(Incoming::from).map_err(|_| Broken::Malformed),
        }
        .and_then(Incoming::checked)
    }

    /// CONNACK that accepts; the properties tell what is offered.
    pub(super) fn accepted(self, assigned: Option<String>, keep_alive: Option<u16>) -> Bytes {
        match self {
            Self::V3 => write3(&v4::Packet::ConnAck(v4::ConnAck::new(v4::ConnectReturnCode::Success, false))),
            Self::V5 => write5(&v5::Packet::ConnAck(v5::ConnAck {
                session_present: false,
                code: ConnectReturnCode::Success,
                properties: Some(v5::ConnAckProperties {
                    session_expiry_interval: Some(0),
                    receive_max: None,
                    max_qos: Some(1),
                    retain_available: None,
                    max_packet_size: Some(LARGEST as u32),
                    assigned_client_identifier: assigned,
                    topic_alias_max: None,
                    reason_string: None,
                    user_properties: Vec::new(),
                    wildcard_subscription_available: None,
                    subscription_identifiers_available: Some(0),
                    shared_subscription_available: Some(0),
                    server_keep_alive: keep_alive,
                    response_information: None,
                    server_reference: None,
                    authentication_method: None,
                    authentication_data: None,
                }),
            })),
        }
    }

    /// CONNACK that refuses.
    pub(super) fn refused(self, code: ConnectReturnCode) -> Bytes {
        match self {
            Self::V3 => {
                let code = match code {
                    ConnectReturnCode::UnsupportedProtocolVersion => v4::ConnectReturnCode::RefusedProtocolVersion,
                    ConnectReturnCode::BadUserNamePassword => v4::ConnectReturnCode::BadUserNamePassword,
                    ConnectReturnCode::NotAuthorized => v4::ConnectReturnCode::NotAuthorized,
                    _ => v4::ConnectReturnCode::ServiceUnavailable,
                };
                write3(&v4::Packet::ConnAck(v4::ConnAck::new(code, false)))
            }
            Self::V5 => write5(&v5::Packet::ConnAck(v5::ConnAck { session_present: false, code, properties: None })),
        }
    }

    /// SUBACK.
    pub(super) fn subscribed(self, id: u16, codes: Vec<SubscribeReasonCode>) -> Bytes {
        match self {
            Self::V3 => {
                let codes = codes.into_iter().map(|code| match code {
                    SubscribeReasonCode::Success(QoS5::AtMostOnce) => v4::SubscribeReasonCode::Success(QoS3::AtMostOnce),
                    SubscribeReasonCode::Success(_) => v4::SubscribeReasonCode::Success(QoS3::AtLeastOnce),
                    _ => v4::SubscribeReasonCode::Failure,
                });
                write3(&v4::Packet::SubAck(v4::SubAck::new(id, codes.collect())))
            }
            Self::V5 => write5(&v5::Packet::SubAck(v5::SubAck { pkid: id, return_codes: codes, properties: None })),
        }
    }

    /// UNSUBACK; for each filter whether it was there.
    pub(super) fn unsubscribed(self, id: u16, were: &[bool]) -> Bytes {
        match self {
            Self::V3 => write3(&v4::Packet::UnsubAck(v4::UnsubAck::new(id))),
            Self::V5 => {
                let reason = |were: &bool| if *were { v5::UnsubAckReason::Success } else { v5::UnsubAckReason::NoSubscriptionExisted };
                let reasons = were.iter().map(reason).collect();
                write5(&v5::Packet::UnsubAck(v5::UnsubAck { pkid: id, reasons, properties: None }))
            }
        }
    }

    /// PUBACK; 3.1.1 cannot refuse by one.
    pub(super) fn acknowledged(self, id: u16, authorized: bool) -> Bytes {
        match self {
            Self::V3 => write3(&v4::Packet::PubAck(v4::PubAck::new(id))),
            Self::V5 => {
                let reason = if authorized { v5::PubAckReason::Success } else { v5::PubAckReason::NotAuthorized };
                write5(&v5::Packet::PubAck(v5::PubAck { pkid: id, reason, properties: None }))
            }
        }
    }

    /// DISCONNECT of the server, which 3.1.1 does not have. The codec would write a byte too many here.
    pub(super) fn disconnect(self, reason: Reason) -> Option<Bytes> {
        (self == Self::V5).then(|| Bytes::copy_from_slice(&[0xE0, 1, reason as u8]))
    }

    /// PUBLISH, at QoS 1 where it has an id.
    pub(super) fn publish(self, topic: &str, payload: &Bytes, retain: bool, id: Option<u16>) -> Bytes {
        match self {
            Self::V3 => write3(&v4::Packet::Publish(v4::Publish {
                dup: false,
                qos: if id.is_some() { QoS3::AtLeastOnce } else { QoS3::AtMostOnce },
                retain,
                topic: topic.to_owned(),
                pkid: id.unwrap_or_default(),
                payload: payload.clone(),
            })),
            Self::V5 => write5(&v5::Packet::Publish(v5::Publish {
                dup: false,
                qos: if id.is_some() { QoS5::AtLeastOnce } else { QoS5::AtMostOnce },
                retain,
                topic: Bytes::copy_from_slice(topic.as_bytes()),
                pkid: id.unwrap_or_default(),
                payload: payload.clone(),
                properties: Some(v5::PublishProperties {
                    payload_format_indicator: Some(1),
                    content_type: Some(CONTENT_TYPE.to_owned()),
                    ..v5::PublishProperties::default()
                }),
            })),
        }
    }
}

/// The granted quality of service as SUBACK tells it.
pub(super) const fn granted(qos: u8) -> SubscribeReasonCode {
    SubscribeReasonCode::Success(if qos == 0 { QoS5::AtMostOnce } else { QoS5::AtLeastOnce })
}

/// What we make can be written: it is shorter than 256 MiB, and ids are not 0.
fn write3(packet: &v4::Packet) -> Bytes {
    let mut bytes = BytesMut::with_capacity(packet.size());
    packet.write(&mut bytes, usize::MAX).expect("a packet of ours can be written");
    bytes.freeze()
}

fn write5(packet: &v5::Packet) -> Bytes {
    let mut bytes = BytesMut::with_capacity(packet.size());
    packet.write(&mut bytes, None).expect("a packet of ours can be written");
    bytes.freeze()
}

impl Incoming {
    /// What both codecs let pass: packet ids of 0 where one is needed (2.2.1), and no filter at all (3.10.3).
    fn checked(self) -> Result<Self, Broken> {
        match &self {
            Self::Subscribe { id: 0, .. } | Self::Unsubscribe { id: 0, .. } => Err(Broken::Malformed),
            Self::Unsubscribe { filters, .. } if filters.is_empty() => Err(Broken::Malformed),
            _ => Ok(self),
        }
    }
}

impl From<v4::Packet> for Incoming {
    fn from(packet: v4::Packet) -> Self {
        match packet {
            v4::Packet::Connect(connect) => Self::Connect(Connect {
                client_id: connect.client_id,
                keep_alive: connect.keep_alive,
                password: connect.login.map(|login| login.password).filter(|password| !password.is_empty()),
                receive_maximum: u16::MAX,
                largest: usize::MAX,
                authentication: false,
            }),
            v4::Packet::Subscribe(subscribe) => {
                let wish = |filter: v4::SubscribeFilter| Wish {
                    filter: filter.path,
                    qos: filter.qos as u8,
                    retain_as_published: false,
                    retain_handling: RetainHandling::OnEverySubscribe,
                };
                Self::Subscribe { id: subscribe.pkid, wishes: subscribe.filters.into_iter().map(wish).collect(), identifier: false }
            }
            v4::Packet::Unsubscribe(unsubscribe) => Self::Unsubscribe { id: unsubscribe.pkid, filters: unsubscribe.topics },
            v4::Packet::Publish(publish) => {
                Self::Publish { qos: publish.qos as u8, id: publish.pkid, topic: publish.topic, payload: publish.payload }
            }
            v4::Packet::PubAck(ack) => Self::Acknowledged(ack.pkid),
            v4::Packet::PingReq => Self::Ping,
            v4::Packet::Disconnect => Self::Disconnect,
            _ => Self::Unexpected,
        }
    }
}

impl From<v5::Packet> for Incoming {
    fn from(packet: v5::Packet) -> Self {
        match packet {
            v5::Packet::Connect(connect, _, login) => {
                let properties = connect.properties.as_ref();
                Self::Connect(Connect {
                    client_id: connect.client_id,
                    keep_alive: connect.keep_alive,
                    password: login.map(|login| login.password).filter(|password| !password.is_empty()),
                    receive_maximum: properties.and_then(|p| p.receive_maximum).unwrap_or(u16::MAX),
                    largest: properties.and_then(|p| p.max_packet_size).map_or(usize::MAX, |size| size as usize),
                    authentication: properties.is_some_and(|p| p.authentication_method.is_some()),
                })
            }
            v5::Packet::Subscribe(subscribe) => {
                let wish = |filter: v5::Filter| Wish {
                    filter: filter.path,
                    qos: filter.qos as u8,
                    retain_as_published: filter.preserve_retain,
                    retain_handling: filter.retain_forward_rule,
                };
                Self::Subscribe {
                    id: subscribe.pkid,
                    identifier: subscribe.properties.is_some_and(|p| p.id.is_some()),
                    wishes: subscribe.filters.into_iter().map(wish).collect(),
                }
            }
            v5::Packet::Unsubscribe(unsubscribe) => Self::Unsubscribe { id: unsubscribe.pkid, filters: unsubscribe.filters },
            v5::Packet::Publish(publish) => Self::Publish {
                qos: publish.qos as u8,
                id: publish.pkid,
                topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                payload: publish.payload,
            },
            v5::Packet::PubAck(ack) => Self::Acknowledged(ack.pkid),
            v5::Packet::PingReq(_) => Self::Ping,
            v5::Packet::Disconnect(_) => Self::Disconnect,
            _ => Self::Unexpected,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        // 3.1.1 has one code for it, 5.0 another.
        assert_eq!(Version::V3.refused(refused)[..], [0x20, 2, 0, 1]);
        assert_eq!(Version::V5.refused(refused)[..], [0x20, 3, 0, 0x84, 0]);
    }

    #[test]
    fn a_disconnect_without_reason_is_one() {
        assert_eq!(Version::V5.read(BytesMut::from(&[0xE0, 0][..])), Ok(Incoming::Disconnect));
        assert_eq!(Version::V3.read(BytesMut::from(&[0xE0, 0][..])), Ok(Incoming::Disconnect));
        assert_eq!(Version::V5.read(BytesMut::from(&[0x82, 5, 0, 0, 0, 0, 0][..])), Err(Broken::Malformed));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_bytes_make_it_panic(kind in 1u8..=15, body in prop::collection::vec(any::<u8>(), 0..80)) {
            let flags = if matches!(kind, 6 | 8 | 10) { 2 } else { 0 };
            let mut buffer = BytesMut::from(&[kind << 4 | flags, body.len() as u8][..]);
            buffer.extend(&body);
            if let Ok(Some(packet)) = frame(&mut buffer, LARGEST) {
                let _ = version(&packet);
                let _ = Version::V3.read(packet.clone());
                let _ = Version::V5.read(packet);
            }
        }

        #[test]
        fn no_connect_makes_it_panic(level in 4u8..=5, body in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut packet = BytesMut::from(&[0x10, 7 + body.len() as u8, 0, 4, b'M', b'Q', b'T', b'T', level][..]);
            packet.extend(&body);
            let version = version(&packet).unwrap();
            let _ = version.read(packet);
        }
    }
}
