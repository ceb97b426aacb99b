//! Packets of ours; `None` for what no packet can carry. 5.0 tells reasons in words, too, to those who want to read them.

use std::fmt::Display;

use bytes::{BufMut as _, Bytes, BytesMut};
use rumqttc::mqttbytes::{QoS as QoS3, v4};
use rumqttc::v5::mqttbytes::{QoS as QoS5, v5};

use super::{ConnectReturnCode, LARGEST, Reason, SubscribeReasonCode, Version};

/// The CloudEvents MQTT binding, structured mode.
const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

impl Version {
    /// CONNACK that accepts; the properties tell what is offered.
    pub(in super::super) fn accepted(self, assigned: Option<String>, keep_alive: Option<u16>) -> Option<Bytes> {
        match self {
            Self::V3 => write3(&v4::Packet::ConnAck(v4::ConnAck::new(v4::ConnectReturnCode::Success, false))),
            Self::V5 => write5(&v5::Packet::ConnAck(v5::ConnAck {
                session_present: false,
                code: ConnectReturnCode::Success,
                properties: Some(v5::ConnAckProperties {
                    session_expiry_interval: Some(0),
                    max_qos: Some(1),
                    max_packet_size: Some(LARGEST as u32),
                    assigned_client_identifier: assigned,
                    subscription_identifiers_available: Some(0),
                    shared_subscription_available: Some(0),
                    server_keep_alive: keep_alive,
                    ..nothing_said()
                }),
            })),
        }
    }

    /// CONNACK that refuses.
    pub(in super::super) fn refused(self, code: ConnectReturnCode, in_words: bool) -> Option<Bytes> {
        match self {
            Self::V3 => {
                let code = match code {
                    ConnectReturnCode::UnsupportedProtocolVersion => v4::ConnectReturnCode::RefusedProtocolVersion,
                    ConnectReturnCode::ClientIdentifierNotValid => v4::ConnectReturnCode::BadClientId,
                    ConnectReturnCode::BadUserNamePassword => v4::ConnectReturnCode::BadUserNamePassword,
                    ConnectReturnCode::NotAuthorized => v4::ConnectReturnCode::NotAuthorized,
                    _ => v4::ConnectReturnCode::ServiceUnavailable,
                };
                write3(&v4::Packet::ConnAck(v4::ConnAck::new(code, false)))
            }
            Self::V5 => {
                let why = why_not(code).filter(|_| in_words);
                let properties = why.map(|why| v5::ConnAckProperties { reason_string: Some(why.to_owned()), ..nothing_said() });
                write5(&v5::Packet::ConnAck(v5::ConnAck { session_present: false, code, properties }))
            }
        }
    }

    /// SUBACK; the reason in words is that of the first filter that was refused.
    pub(in super::super) fn subscribed(self, id: u16, codes: Vec<SubscribeReasonCode>, in_words: bool) -> Option<Bytes> {
        match self {
            Self::V3 => {
                let codes = codes.into_iter().map(|code| match code {
                    SubscribeReasonCode::Success(QoS5::AtMostOnce) => v4::SubscribeReasonCode::Success(QoS3::AtMostOnce),
                    SubscribeReasonCode::Success(_) => v4::SubscribeReasonCode::Success(QoS3::AtLeastOnce),
                    _ => v4::SubscribeReasonCode::Failure,
                });
                write3(&v4::Packet::SubAck(v4::SubAck::new(id, codes.collect())))
            }
            Self::V5 => {
                let why = codes.iter().find_map(|code| why_not_subscribed(*code)).filter(|_| in_words);
                let properties = why.map(|why| v5::SubAckProperties { reason_string: Some(why.to_owned()), user_properties: Vec::new() });
                write5(&v5::Packet::SubAck(v5::SubAck { pkid: id, return_codes: codes, properties }))
            }
        }
    }

    /// UNSUBACK; for each filter whether it was there.
    pub(in super::super) fn unsubscribed(self, id: u16, were: &[bool]) -> Option<Bytes> {
        match self {
            Self::V3 => write3(&v4::Packet::UnsubAck(v4::UnsubAck::new(id))),
            Self::V5 => {
                let reason = |were: &bool| if *were { v5::UnsubAckReason::Success } else { v5::UnsubAckReason::NoSubscriptionExisted };
                let reasons = were.iter().map(reason).collect();
                write5(&v5::Packet::UnsubAck(v5::UnsubAck { pkid: id, reasons, properties: None }))
            }
        }
    }

    /// PUBACK of what was taken.
    pub(in super::super) fn acknowledged(self, id: u16) -> Option<Bytes> {
        match self {
            Self::V3 => write3(&v4::Packet::PubAck(v4::PubAck::new(id))),
            Self::V5 => write5(&v5::Packet::PubAck(v5::PubAck { pkid: id, reason: v5::PubAckReason::Success, properties: None })),
        }
    }

    /// PUBACK of what was not; 3.1.1 cannot say so.
    pub(in super::super) fn not_published(id: u16, in_words: bool) -> Option<Bytes> {
        let why = in_words.then(|| NOT_PUBLISHED.to_owned());
        let properties = why.map(|why| v5::PubAckProperties { reason_string: Some(why), user_properties: Vec::new() });
        write5(&v5::Packet::PubAck(v5::PubAck { pkid: id, reason: v5::PubAckReason::NotAuthorized, properties }))
    }

    /// DISCONNECT of the server, which 3.1.1 does not have.
    pub(in super::super) fn disconnect(reason: Reason, in_words: bool) -> Bytes {
        Self::disconnect_because(reason, why_ended(reason).filter(|_| in_words))
    }

    /// The same to somebody who published.
    pub(in super::super) fn disconnect_publisher(in_words: bool) -> Bytes {
        Self::disconnect_because(Reason::NotAuthorized, in_words.then_some(NOT_PUBLISHED))
    }

    /// The codec would write a byte too many here.
    fn disconnect_because(reason: Reason, why: Option<&str>) -> Bytes {
        let Some(why) = why else { return Bytes::copy_from_slice(&[0xE0, 1, reason as u8]) };
        let length = 3 + why.len() as u8;
        let mut packet = BytesMut::with_capacity(usize::from(length) + 4);
        packet.put_slice(&[0xE0, length + 2, reason as u8, length, 31]);
        packet.put_u16(why.len() as u16);
        packet.put_slice(why.as_bytes());
        packet.freeze()
    }

    /// PUBLISH at QoS 0.
    pub(in super::super) fn publish(self, topic: &str, payload: &Bytes, retain: bool) -> Option<Bytes> {
        self.written(topic, payload, retain, None)
    }

    /// PUBLISH at QoS 1.
    pub(in super::super) fn publish_with_id(self, topic: &str, payload: &Bytes, retain: bool) -> Option<Packet1> {
        let written = self.written(topic, payload, retain, Some(1))?;
        let header = written.iter().skip(1).position(|byte| byte & 0x80 == 0).map_or(2, |length| length + 2);
        Some(Packet1 { written, id_at: header + 2 + topic.len() })
    }

    fn written(self, topic: &str, payload: &Bytes, retain: bool, id: Option<u16>) -> Option<Bytes> {
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

/// A PUBLISH at QoS 1, written once: only the id in its middle differs for each receiver.
#[derive(Debug)]
pub(in super::super) struct Packet1 {
    written: Bytes,
    id_at: usize,
}

impl Packet1 {
    pub(in super::super) fn with(&self, id: u16) -> Bytes {
        let mut packet = BytesMut::from(&self.written[..]);
        packet[self.id_at..self.id_at + 2].copy_from_slice(&id.to_be_bytes());
        packet.freeze()
    }
}

/// The granted quality of service as SUBACK tells it.
pub(in super::super) const fn granted(qos: u8) -> SubscribeReasonCode {
    SubscribeReasonCode::Success(if qos == 0 { QoS5::AtMostOnce } else { QoS5::AtLeastOnce })
}

const NOT_PUBLISHED: &str = "clients publish nothing here; changes are made over HTTP";

/// Why a connection is refused, in words. Short: see [`Version::disconnect`].
fn why_not(code: ConnectReturnCode) -> Option<&'static str> {
    Some(match code {
        ConnectReturnCode::MalformedPacket => "these bytes are no CONNECT of this version of MQTT",
        ConnectReturnCode::ProtocolError => "the standard forbids what this CONNECT says",
        ConnectReturnCode::PacketTooLarge => "packets of at most 64 KiB are taken",
        ConnectReturnCode::ClientIdentifierNotValid => "a client id has at most 256 bytes",
        ConnectReturnCode::QoSNotSupported => "the highest quality of service is 1",
        ConnectReturnCode::UnsupportedProtocolVersion => "MQTT 5.0 and 3.1.1 are spoken here",
        ConnectReturnCode::BadUserNamePassword => "the password is no valid token; take one of `orderly token issue`",
        ConnectReturnCode::NotAuthorized => "this entrance is not for you",
        ConnectReturnCode::BadAuthenticationMethod => "no authentication method is offered; send the token as the password",
        ConnectReturnCode::ServerUnavailable => "the shop cannot answer now; come again soon",
        ConnectReturnCode::ServerBusy => "too much is asked from this address; come again soon",
        ConnectReturnCode::QuotaExceeded => "too many connections come from this address",
        _ => return None,
    })
}

fn why_not_subscribed(code: SubscribeReasonCode) -> Option<&'static str> {
    Some(match code {
        SubscribeReasonCode::NotAuthorized => "not yours to hear, or there is no such thing",
        SubscribeReasonCode::TopicFilterInvalid => "no topic filter: # stands alone at the end, + alone in its level",
        SubscribeReasonCode::QuotaExceeded => "this connection holds as many subscriptions as it may",
        SubscribeReasonCode::SharedSubscriptionsNotSupported => "subscriptions are not shared here",
        _ => return None,
    })
}

fn why_ended(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::MalformedPacket => "these bytes are no packet of this version of MQTT",
        Reason::ProtocolError => "the standard forbids this packet here, or what it says",
        Reason::ImplementationSpecificError => "a packet, or a WebSocket's message, was begun and not finished in 30 s",
        Reason::NotAuthorized => "the session or token that came with this connection has ended, or lost a right; sign in, or come again",
        Reason::ServerBusy => "the shop cannot answer now; come again soon",
        Reason::ServerShuttingDown => "the server ends; come again after a random wait of 1 to 30 s",
        Reason::KeepAliveTimeout => "nothing was heard for one and a half keep-alives",
        Reason::SessionTakenOver => "the same client id came again",
        Reason::PacketTooLarge => "packets of at most 64 KiB are taken",
        Reason::MessageRateTooHigh => "too many packets a second",
        Reason::QuotaExceeded => "messages stayed without acknowledgement for too long",
        Reason::QoSNotSupported => "the highest quality of service is 1",
        Reason::TopicAliasInvalid => "topic aliases are not taken",
        Reason::SubscriptionIdentifiersNotSupported => "subscription identifiers are not offered",
        _ => return None,
    })
}

fn nothing_said() -> v5::ConnAckProperties {
    v5::ConnAckProperties {
        session_expiry_interval: None,
        receive_max: None,
        max_qos: None,
        retain_available: None,
        max_packet_size: None,
        assigned_client_identifier: None,
        topic_alias_max: None,
        reason_string: None,
        user_properties: Vec::new(),
        wildcard_subscription_available: None,
        subscription_identifiers_available: None,
        shared_subscription_available: None,
        server_keep_alive: None,
        response_information: None,
        server_reference: None,
        authentication_method: None,
        authentication_data: None,
    }
}

fn write3(packet: &v4::Packet) -> Option<Bytes> {
    let mut bytes = BytesMut::with_capacity(packet.size());
    let written = packet.write(&mut bytes, usize::MAX);
    whole(bytes, written)
}

fn write5(packet: &v5::Packet) -> Option<Bytes> {
    let mut bytes = BytesMut::with_capacity(packet.size());
    let written = packet.write(&mut bytes, None);
    whole(bytes, written)
}

/// What was written to its end. Nothing of ours comes near the 256 MiB that a packet may have, and ids are not 0: what is
/// refused all the same is told in the log, and is to its client a packet that does not fit.
fn whole(bytes: BytesMut, written: Result<usize, impl Display>) -> Option<Bytes> {
    match written {
        Ok(_) => Some(bytes.freeze()),
        Err(error) => {
            tracing::error!(%error, "a packet of ours cannot be written");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read5(bytes: Bytes) -> v5::Packet {
        v5::Packet::read(&mut BytesMut::from(bytes), None).unwrap()
    }

    #[test]
    fn a_refusal_has_a_code_of_each_version() {
        let refused = ConnectReturnCode::UnsupportedProtocolVersion;
        assert_eq!(Version::V3.refused(refused, true).unwrap()[..], [0x20, 2, 0, 1]);
        assert_eq!(Version::V3.refused(ConnectReturnCode::ClientIdentifierNotValid, true).unwrap()[..], [0x20, 2, 0, 2]);
        assert_eq!(Version::V5.refused(refused, false).unwrap()[..], [0x20, 3, 0, 0x84, 0]);
        let v5::Packet::ConnAck(ack) = read5(Version::V5.refused(refused, true).unwrap()) else { panic!("no CONNACK") };
        assert_eq!(ack.code, refused);
        assert_eq!(ack.properties.unwrap().reason_string.unwrap(), "MQTT 5.0 and 3.1.1 are spoken here");
    }

    #[test]
    fn reasons_are_short_and_end_where_they_say() {
        for code in 0x80..=0xA2 {
            let Ok(reason) = Reason::try_from(code) else { continue };
            assert_eq!(Version::disconnect(reason, false)[..], [0xE0, 1, code]);
            let packet = Version::disconnect(reason, true);
            assert!(packet.len() < 128 && usize::from(packet[1]) == packet.len() - 2 && packet[2] == code, "{packet:x?}");
            if let Some(why) = why_ended(reason) {
                let v5::Packet::Disconnect(read) = read5(packet) else { panic!("no DISCONNECT") };
                assert_eq!((read.reason_code, read.properties.unwrap().reason_string.as_deref()), (reason, Some(why)));
            }
        }
    }

    #[test]
    fn who_published_is_told_so_and_who_has_signed_out_is_told_that() {
        let why = |packet: Bytes| {
            let v5::Packet::Disconnect(read) = read5(packet) else { panic!("no DISCONNECT") };
            assert_eq!(read.reason_code, Reason::NotAuthorized);
            read.properties.unwrap().reason_string.unwrap()
        };
        assert!(why(Version::disconnect_publisher(true)).contains("publish"));
        assert!(why(Version::disconnect(Reason::NotAuthorized, true)).contains("sign in"));
        assert_eq!(Version::disconnect_publisher(false)[..], [0xE0, 1, 0x87]);
        for told in [Reason::MalformedPacket, Reason::ProtocolError] {
            assert!(why_ended(told).is_some(), "whoever writes a client reads this first");
        }
    }

    #[test]
    fn words_are_only_for_those_who_want_them() {
        let codes = vec![granted(1), SubscribeReasonCode::NotAuthorized];
        assert_eq!(Version::V5.subscribed(7, codes.clone(), false).unwrap()[..], [0x90, 5, 0, 7, 0, 1, 0x87]);
        let v5::Packet::SubAck(ack) = read5(Version::V5.subscribed(7, codes.clone(), true).unwrap()) else { panic!("no SUBACK") };
        assert_eq!((ack.return_codes, ack.properties.unwrap().reason_string.is_some()), (codes.clone(), true));
        assert_eq!(Version::V3.subscribed(7, codes, true).unwrap()[..], [0x90, 4, 0, 7, 1, 0x80]);
    }

    #[test]
    fn only_the_id_differs_between_receivers() {
        for version in [Version::V3, Version::V5] {
            for length in [0, 100, 200, 20_000] {
                let (topic, payload) = ("v1/stores/harbor/status", Bytes::from(vec![b'x'; length]));
                let once = version.publish_with_id(topic, &payload, true).unwrap();
                for id in [1, 0x1234, u16::MAX] {
                    assert_eq!(Some(once.with(id)), version.written(topic, &payload, true, Some(id)));
                }
            }
        }
    }

    #[test]
    fn what_no_packet_can_carry_is_not_sent() {
        assert_eq!(Version::V3.publish_with_id("v1", &Bytes::new(), false).map(|packet| packet.with(1).len()), Some(8));
        // 2.2.1-3, 2.3.1-1: an id is never 0.
        for version in [Version::V3, Version::V5] {
            assert_eq!(version.written("v1", &Bytes::new(), false, Some(0)), None);
        }
    }
}
