//! Packets of clients. They are read strictly: what the standard calls malformed or a protocol error is never guessed at.
//! (`rumqttc`'s codecs, which write ours, are those of a client: they believe what they read.)

use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::valid_topic;

use super::properties::{
    AUTHENTICATION_DATA, AUTHENTICATION_METHOD, MAXIMUM_PACKET_SIZE, OF_ACKNOWLEDGEMENT, OF_CONNECT, OF_DISCONNECT, OF_PUBLISH,
    OF_SUBSCRIBE, OF_UNSUBSCRIBE, OF_WILL, Properties, REASONS_OF_PUBACK, RECEIVE_MAXIMUM, REQUEST_PROBLEM_INFORMATION, Rest,
    SESSION_EXPIRY_INTERVAL, SUBSCRIPTION_IDENTIFIER, TOPIC_ALIAS,
};
use super::{Broken, RetainHandling, Version, body};

/// A packet of a client, in either version.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Incoming {
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
        /// It names a topic by a number that was agreed on, which none was.
        alias: bool,
        payload: Bytes,
    },
    /// PUBACK of what was sent at QoS 1.
    Acknowledged(u16),
    Ping,
    /// `prolongs`: it wants the session kept, which it did not say when it came (3.14.2.2.2).
    Disconnect {
        prolongs: bool,
    },
    /// One that a client has no reason to send.
    Unexpected,
}

/// CONNECT, as far as it matters here: there are no wills, for clients publish nothing, and no kept sessions.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Connect {
    pub client_id: String,
    /// No session is to be taken up again; none ever is.
    pub clean: bool,
    /// Seconds; 0: none.
    pub keep_alive: u16,
    pub password: Option<String>,
    /// Packets at QoS 1 that the client takes before it has acknowledged one.
    pub receive_maximum: u16,
    /// The largest packet that the client takes.
    pub largest: usize,
    /// It wants to prove who it is by an exchange, which is not offered.
    pub authentication: bool,
    /// It wants to read reasons in words (3.1.2.11.7).
    pub problems: bool,
    /// The quality of service of its will; 0 without one.
    pub will_qos: u8,
}

/// One filter of a SUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Wish {
    pub filter: String,
    /// At most 1 is granted.
    pub qos: u8,
    /// Messages keep the retain flag that they were published with.
    pub retain_as_published: bool,
    pub retain_handling: RetainHandling,
}

impl Version {
    /// Reads a packet that [`super::frame`] has cut out.
    pub(in super::super) fn read(self, frame: BytesMut) -> Result<Incoming, Broken> {
        let frame = frame.freeze();
        let mut rest = Rest(body(&frame).ok_or(Broken::Malformed)?);
        let flags = frame[0] & 0x0F;
        match frame[0] >> 4 {
            1 => self.read_connect(&mut rest).map(Incoming::Connect),
            3 => self.read_publish(flags, &frame, &mut rest),
            4 => self.read_acknowledgement(&mut rest),
            8 => self.read_subscribe(&mut rest),
            10 => self.read_unsubscribe(&mut rest),
            12 => rest.end().map(|()| Incoming::Ping),
            14 => self.read_disconnect(&mut rest),
            // AUTH is of 5.0 only (and not offered).
            15 if self == Self::V3 => Err(Broken::Malformed),
            _ => Ok(Incoming::Unexpected),
        }
    }

    /// 3.1, behind the name and the level, which [`super::version`] has looked at.
    fn read_connect(self, rest: &mut Rest<'_>) -> Result<Connect, Broken> {
        rest.text()?;
        rest.byte()?;
        let flags = rest.byte()?;
        let has = |bit: u8| flags & bit != 0;
        let will = has(0b0000_0100);
        // 3.1.2-3, 3.1.2-12, 3.1.2-11: what is reserved, a QoS of 3, and a will's flags without a will.
        if has(1) || flags & 0b0001_1000 == 0b0001_1000 || (!will && has(0b0011_1000)) {
            return Err(Broken::Malformed);
        }
        let (user, password) = (has(0b1000_0000), has(0b0100_0000));
        // 3.1.1, 3.1.2-22: no password without a user name. 5.0 allows it.
        if self == Self::V3 && password && !user {
            return Err(Broken::Malformed);
        }
        let keep_alive = rest.two()?;
        let properties = if self == Self::V5 { rest.properties(OF_CONNECT)? } else { Properties::default() };
        // 3.1.2.11.10: data without a method.
        if properties.get(AUTHENTICATION_DATA).is_some() && properties.get(AUTHENTICATION_METHOD).is_none() {
            return Err(Broken::Protocol);
        }
        let client_id = rest.text()?.to_owned();
        if will {
            if self == Self::V5 {
                rest.properties(OF_WILL)?;
            }
            rest.text()?;
            rest.binary()?;
        }
        if user {
            rest.text()?;
        }
        // It may be any bytes; what is no text is no token of ours.
        let password = if password { Some(String::from_utf8_lossy(rest.binary()?).into_owned()) } else { None };
        rest.end()?;
        Ok(Connect {
            client_id,
            clean: has(0b10),
            keep_alive,
            password: password.filter(|password| !password.is_empty()),
            receive_maximum: properties.get(RECEIVE_MAXIMUM).map_or(u16::MAX, |most| most as u16),
            largest: properties.get(MAXIMUM_PACKET_SIZE).map_or(usize::MAX, |size| size as usize),
            authentication: properties.get(AUTHENTICATION_METHOD).is_some(),
            will_qos: flags >> 3 & 3,
            problems: properties.get(REQUEST_PROBLEM_INFORMATION) != Some(0),
        })
    }

    fn read_publish(self, flags: u8, frame: &Bytes, rest: &mut Rest<'_>) -> Result<Incoming, Broken> {
        let qos = flags >> 1 & 3;
        // 3.3.1-4: there is no QoS 3. 3.3.1-2: nothing at QoS 0 is sent again.
        if qos == 3 || (qos == 0 && flags & 0b1000 != 0) {
            return Err(Broken::Malformed);
        }
        let topic = rest.text()?.to_owned();
        // 3.3.2-2: no wildcards in a name.
        if !valid_topic(&topic) {
            return Err(Broken::Malformed);
        }
        let id = if qos > 0 { rest.id()? } else { 0 };
        let alias = self == Self::V5 && rest.properties(OF_PUBLISH)?.get(TOPIC_ALIAS).is_some();
        match () {
            // 4.7.3-1; 3.3.2.3.4: an alias may stand for the name.
            () if topic.is_empty() && self == Self::V3 => Err(Broken::Malformed),
            () if topic.is_empty() && !alias => Err(Broken::Protocol),
            () => Ok(Incoming::Publish { qos, id, topic, alias, payload: frame.slice_ref(rest.0) }),
        }
    }

    fn read_acknowledgement(self, rest: &mut Rest<'_>) -> Result<Incoming, Broken> {
        let id = rest.id()?;
        // 3.4.2.1, 3.4.2.2: the reason may be left out, and the properties with it.
        if self == Self::V5 && !rest.is_empty() {
            // 3.4.2-1: one of the reasons there are.
            if !REASONS_OF_PUBACK.contains(&rest.byte()?) {
                return Err(Broken::Protocol);
            }
            if !rest.is_empty() {
                rest.properties(OF_ACKNOWLEDGEMENT)?;
            }
        }
        rest.end().map(|()| Incoming::Acknowledged(id))
    }

    fn read_subscribe(self, rest: &mut Rest<'_>) -> Result<Incoming, Broken> {
        let id = rest.id()?;
        let identifier = self == Self::V5 && rest.properties(OF_SUBSCRIBE)?.get(SUBSCRIPTION_IDENTIFIER).is_some();
        let mut wishes = Vec::new();
        while !rest.is_empty() {
            let filter = rest.text()?.to_owned();
            let options = rest.byte()?;
            let reserved = if self == Self::V5 { 0b1100_0000 } else { 0b1111_1100 };
            // 3.8.3-5; a QoS of 3.
            if options & reserved != 0 || options & 3 == 3 {
                return Err(Broken::Malformed);
            }
            let retain_handling = match options >> 4 & 3 {
                0 => RetainHandling::OnEverySubscribe,
                1 => RetainHandling::OnNewSubscribe,
                2 => RetainHandling::Never,
                _ => return Err(Broken::Protocol),
            };
            // 3.8.3-4: no "not what I publish myself" for a group that shares.
            if options & 0b100 != 0 && filter.starts_with("$share/") {
                return Err(Broken::Protocol);
            }
            wishes.push(Wish { filter, qos: options & 3, retain_as_published: options & 0b1000 != 0, retain_handling });
        }
        // 3.8.3-2.
        if wishes.is_empty() { Err(self.nothing()) } else { Ok(Incoming::Subscribe { id, wishes, identifier }) }
    }

    fn read_unsubscribe(self, rest: &mut Rest<'_>) -> Result<Incoming, Broken> {
        let id = rest.id()?;
        if self == Self::V5 {
            rest.properties(OF_UNSUBSCRIBE)?;
        }
        let mut filters = Vec::new();
        while !rest.is_empty() {
            filters.push(rest.text()?.to_owned());
        }
        // 3.10.3-2.
        if filters.is_empty() { Err(self.nothing()) } else { Ok(Incoming::Unsubscribe { id, filters }) }
    }

    fn read_disconnect(self, rest: &mut Rest<'_>) -> Result<Incoming, Broken> {
        let mut prolongs = false;
        // 3.14.2.1: nothing at all is a normal end.
        if self == Self::V5 && !rest.is_empty() {
            rest.byte()?;
            if !rest.is_empty() {
                prolongs = rest.properties(OF_DISCONNECT)?.get(SESSION_EXPIRY_INTERVAL).is_some_and(|seconds| seconds > 0);
            }
        }
        rest.end().map(|()| Incoming::Disconnect { prolongs })
    }

    /// A packet that asks for nothing.
    fn nothing(self) -> Broken {
        if self == Self::V5 { Broken::Protocol } else { Broken::Malformed }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rumqttc::mqttbytes::v4;
    use rumqttc::v5::mqttbytes::v5;

    use super::super::{LARGEST, frame, version};
    use super::*;

    fn packet(first: u8, body: &[u8]) -> BytesMut {
        let mut packet = BytesMut::from(&[first, body.len() as u8][..]);
        packet.extend(body);
        packet
    }

    fn connect(version: Version, flags: u8, rest: &[u8]) -> Result<Incoming, Broken> {
        let level = if version == Version::V5 { 5 } else { 4 };
        let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', level, flags, 0, 60];
        body.extend(rest);
        version.read(packet(0x10, &body))
    }

    #[test]
    fn what_clients_write_is_read() {
        let mut bytes = BytesMut::new();
        let mut wanted = v4::Connect::new("me");
        wanted.set_login("token", "secret");
        wanted.write(&mut bytes).unwrap();
        let Ok(Incoming::Connect(connect)) = Version::V3.read(bytes) else { panic!("no CONNECT") };
        assert_eq!((&*connect.client_id, connect.clean, connect.keep_alive, connect.password.as_deref()), ("me", true, 10, Some("secret")));

        let mut bytes = BytesMut::new();
        let properties = v5::ConnectProperties {
            receive_maximum: Some(3),
            max_packet_size: Some(500),
            request_problem_info: Some(0),
            user_properties: vec![("a".to_owned(), "b".to_owned())],
            ..v5::ConnectProperties::new()
        };
        let will = v5::LastWill::new("v1/x", "gone", rumqttc::v5::mqttbytes::QoS::AtLeastOnce, true, None);
        let login = v5::Login::new("token", "secret");
        let wanted = v5::Connect { keep_alive: 7, client_id: String::new(), clean_start: false, properties: Some(properties) };
        wanted.write(&Some(will), &Some(login), &mut bytes).unwrap();
        let expected = Connect {
            client_id: String::new(),
            clean: false,
            keep_alive: 7,
            password: Some("secret".to_owned()),
            receive_maximum: 3,
            largest: 500,
            authentication: false,
            problems: false,
            will_qos: 1,
        };
        assert_eq!(Version::V5.read(bytes), Ok(Incoming::Connect(expected)));

        let mut bytes = BytesMut::new();
        let mut filter = v5::Filter::new("v1/a", rumqttc::v5::mqttbytes::QoS::AtLeastOnce);
        filter.preserve_retain = true;
        filter.retain_forward_rule = RetainHandling::Never;
        v5::Subscribe { pkid: 9, filters: vec![filter], properties: None }.write(&mut bytes).unwrap();
        let wish = Wish { filter: "v1/a".to_owned(), qos: 1, retain_as_published: true, retain_handling: RetainHandling::Never };
        assert_eq!(Version::V5.read(bytes), Ok(Incoming::Subscribe { id: 9, wishes: vec![wish], identifier: false }));
    }

    #[test]
    fn a_connect_that_contradicts_itself_is_refused() {
        let fine = [0, 1, b'c'];
        assert!(connect(Version::V3, 0b10, &fine).is_ok());
        for (flags, rest, what) in [
            (0b0000_0011, &fine[..], "the reserved flag"),
            (0b0001_0010, &fine, "a will's QoS without a will"),
            (0b0001_1110, &[0, 1, b'c', 0, 1, b't', 0, 0], "a will at QoS 3"),
            (0b0100_0010, &[0, 1, b'c', 0, 1, b'p'], "a password without a name"),
            (0b0000_0010, &[0, 1, b'c', 0], "more than there is to say"),
            (0b0000_0010, &[0, 2, b'c'], "less than it promises"),
            (0b0000_0010, &[0, 1, 0xFF], "no UTF-8"),
            (0b0000_0010, &[0, 1, 0], "U+0000"),
        ] {
            assert_eq!(connect(Version::V3, flags, rest), Err(Broken::Malformed), "{what}");
        }
        assert!(connect(Version::V5, 0b0100_0010, &[0, 0, 1, b'c', 0, 1, b'p']).is_ok(), "5.0 allows a password alone");
        assert_eq!(connect(Version::V5, 0b10, &[4, 22, 0, 1, b'x', 0, 0]), Err(Broken::Protocol), "data without a method");
    }

    #[test]
    fn packets_that_the_standard_forbids_are_refused() {
        for (version, bytes, broken) in [
            (Version::V5, &[0x82, 3, 0, 1, 0][..], Broken::Protocol),
            (Version::V3, &[0x82, 2, 0, 1], Broken::Malformed),
            (Version::V3, &[0x82, 6, 0, 0, 0, 1, b'a', 0], Broken::Malformed),
            (Version::V3, &[0x82, 6, 0, 1, 0, 1, b'a', 3], Broken::Malformed),
            (Version::V3, &[0x82, 6, 0, 1, 0, 1, b'a', 0x10], Broken::Malformed),
            (Version::V5, &[0x82, 7, 0, 1, 0, 0, 1, b'a', 0x40], Broken::Malformed),
            (Version::V5, &[0x82, 7, 0, 1, 0, 0, 1, b'a', 0x30], Broken::Protocol),
            (Version::V5, &[0xA2, 3, 0, 1, 0], Broken::Protocol),
            (Version::V3, &[0x36, 5, 0, 1, b'a', 0, 1], Broken::Malformed),
            (Version::V3, &[0x38, 3, 0, 1, b'a'], Broken::Malformed),
            (Version::V3, &[0x32, 5, 0, 1, b'a', 0, 0], Broken::Malformed),
            (Version::V3, &[0x30, 3, 0, 1, b'#'], Broken::Malformed),
            (Version::V3, &[0x30, 2, 0, 0], Broken::Malformed),
            (Version::V5, &[0x30, 3, 0, 0, 0], Broken::Protocol),
            (Version::V5, &[0x40, 2, 0, 0], Broken::Malformed),
            (Version::V3, &[0xC0, 1, 0], Broken::Malformed),
            (Version::V3, &[0xE0, 1, 0], Broken::Malformed),
            (Version::V3, &[0xF0, 0], Broken::Malformed),
        ] {
            assert_eq!(version.read(BytesMut::from(bytes)), Err(broken), "{version:?} {bytes:x?}");
        }
    }

    #[test]
    fn an_acknowledgement_has_a_reason_that_there_is() {
        let puback = |body: &[u8]| Version::V5.read(packet(0x40, body));
        for bytes in [&[0, 7][..], &[0, 7, 0], &[0, 7, 0x10, 0], &[0, 7, 0x97, 4, 31, 0, 1, b'x']] {
            assert_eq!(puback(bytes), Ok(Incoming::Acknowledged(7)), "{bytes:x?}");
        }
        let taken: Vec<_> = (0..=u8::MAX).filter(|reason| puback(&[0, 7, *reason]) != Err(Broken::Protocol)).collect();
        // Table 3.4 of the standard.
        assert_eq!(taken, [0, 16, 128, 131, 135, 144, 145, 151, 153]);
        assert_eq!(Version::V3.read(packet(0x40, &[0, 7, 0])), Err(Broken::Malformed), "3.1.1 has no reasons");
    }

    #[test]
    fn an_end_is_read_in_every_form() {
        let end = Ok(Incoming::Disconnect { prolongs: false });
        for bytes in [&[0xE0, 0][..], &[0xE0, 1, 4], &[0xE0, 2, 0, 0], &[0xE0, 7, 0, 5, 17, 0, 0, 0, 0]] {
            assert_eq!(Version::V5.read(BytesMut::from(bytes)), end, "{bytes:x?}");
        }
        let prolonged = BytesMut::from(&[0xE0, 7, 0, 5, 17, 0, 0, 0, 9][..]);
        assert_eq!(Version::V5.read(prolonged), Ok(Incoming::Disconnect { prolongs: true }));
        assert_eq!(Version::V3.read(BytesMut::from(&[0xE0, 0][..])), end);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_bytes_make_it_panic(kind in 1u8..=15, body in prop::collection::vec(any::<u8>(), 0..80)) {
            let flags = if matches!(kind, 6 | 8 | 10) { 2 } else { 0 };
            let mut buffer = packet(kind << 4 | flags, &body);
            if let Ok(Some(packet)) = frame(&mut buffer, LARGEST) {
                let _ = version(&packet);
                let _ = Version::V3.read(packet.clone());
                let _ = Version::V5.read(packet);
            }
        }

        #[test]
        fn no_connect_makes_it_panic(level in 4u8..=5, body in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut whole = vec![0, 4, b'M', b'Q', b'T', b'T', level];
            whole.extend(body);
            let packet = packet(0x10, &whole);
            let version = version(&packet).unwrap();
            let _ = version.read(packet);
        }
    }
}
