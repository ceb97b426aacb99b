//! The pieces that packets are made of, and the properties of MQTT 5.0 (2.2.2), read strictly.

use super::Broken;

/// What is left of a packet.
pub(super) struct Rest<'a>(pub(super) &'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Broken> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Broken::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing may follow.
    pub(super) fn end(&self) -> Result<(), Broken> {
        if self.is_empty() { Ok(()) } else { Err(Broken::Malformed) }
    }

    /// A number of so many bytes, the highest first (1.5.2, 1.5.3).
    fn number(&mut self, bytes: usize) -> Result<u32, Broken> {
        Ok(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    pub(super) fn byte(&mut self) -> Result<u8, Broken> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn two(&mut self) -> Result<u16, Broken> {
        Ok(self.number(2)? as u16)
    }

    /// A packet id, which is never 0 (2.2.1-3).
    pub(super) fn id(&mut self) -> Result<u16, Broken> {
        match self.two()? {
            0 => Err(Broken::Malformed),
            id => Ok(id),
        }
    }

    /// A variable byte integer (1.5.5): at most four bytes, and no more than are needed.
    fn variable(&mut self) -> Result<u32, Broken> {
        let mut number = 0;
        for n in 0..4 {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7F) << (7 * n);
            if byte & 0x80 == 0 {
                return if n > 0 && byte == 0 { Err(Broken::Malformed) } else { Ok(number) };
            }
        }
        Err(Broken::Malformed)
    }

    pub(super) fn binary(&mut self) -> Result<&'a [u8], Broken> {
        let length = self.two()?;
        self.take(length.into())
    }

    /// UTF-8 without U+0000 (1.5.4-1, 1.5.4-2); a string that contains one is no string.
    pub(super) fn text(&mut self) -> Result<&'a str, Broken> {
        let text = std::str::from_utf8(self.binary()?).map_err(|_| Broken::Malformed)?;
        if text.contains('\0') { Err(Broken::Malformed) } else { Ok(text) }
    }

    /// The properties, of which only `allowed` may stand in this packet, and each but the user's own once.
    pub(super) fn properties(&mut self, allowed: &[u8]) -> Result<Properties, Broken> {
        let length = self.variable()?;
        let mut rest = Rest(self.take(length as usize)?);
        let mut properties = Properties::default();
        while !rest.is_empty() {
            let id = rest.byte()?;
            if !allowed.contains(&id) {
                return Err(Broken::Malformed);
            }
            let value = match id {
                1 | 23 | 25 => match rest.byte()? {
                    flag @ 0..=1 => flag.into(),
                    _ => return Err(Broken::Protocol),
                },
                33..=35 => rest.number(2)?,
                2 | 17 | 24 | 39 => rest.number(4)?,
                11 => rest.variable()?,
                3 | 8 | 21 | 31 => {
                    rest.text()?;
                    1
                }
                9 | 22 => {
                    rest.binary()?;
                    1
                }
                USER_PROPERTY => {
                    rest.text()?;
                    rest.text()?;
                    continue;
                }
                _ => return Err(Broken::Malformed),
            };
            // 3.1.2.11.3, 3.1.2.11.4, 3.3.2.3.4, 3.8.2.1.2: these are never 0.
            if value == 0 && matches!(id, RECEIVE_MAXIMUM | MAXIMUM_PACKET_SIZE | SUBSCRIPTION_IDENTIFIER) {
                return Err(Broken::Protocol);
            }
            if properties.get(id).is_some() {
                return Err(Broken::Protocol);
            }
            properties.0.push((id, value));
        }
        Ok(properties)
    }
}

pub(super) const SUBSCRIPTION_IDENTIFIER: u8 = 11;
pub(super) const SESSION_EXPIRY_INTERVAL: u8 = 17;
pub(super) const AUTHENTICATION_METHOD: u8 = 21;
pub(super) const AUTHENTICATION_DATA: u8 = 22;
pub(super) const REQUEST_PROBLEM_INFORMATION: u8 = 23;
pub(super) const RECEIVE_MAXIMUM: u8 = 33;
pub(super) const TOPIC_ALIAS: u8 = 35;
pub(super) const USER_PROPERTY: u8 = 38;
pub(super) const MAXIMUM_PACKET_SIZE: u8 = 39;

/// What may stand in a CONNECT (3.1.2.11), in its will (3.1.3.2), a PUBLISH (3.3.2.3), a SUBSCRIBE, an acknowledgement, a
/// DISCONNECT.
pub(super) const OF_CONNECT: &[u8] = &[17, 21, 22, 23, 25, 33, 34, 38, 39];
pub(super) const OF_WILL: &[u8] = &[1, 2, 3, 8, 9, 24, 38];
pub(super) const OF_PUBLISH: &[u8] = &[1, 2, 3, 8, 9, 35, 38];
pub(super) const OF_SUBSCRIBE: &[u8] = &[11, 38];
pub(super) const OF_UNSUBSCRIBE: &[u8] = &[38];
pub(super) const OF_ACKNOWLEDGEMENT: &[u8] = &[31, 38];
pub(super) const OF_DISCONNECT: &[u8] = &[17, 31, 38];

/// Why a PUBLISH was taken, or was not (3.4.2.1).
pub(super) const REASONS_OF_PUBACK: [u8; 9] = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];

/// The numbers among the properties; of a text it is only kept that it was there.
#[derive(Debug, Default)]
pub(super) struct Properties(Vec<(u8, u32)>);

impl Properties {
    pub(super) fn get(&self, id: u8) -> Option<u32> {
        self.0.iter().find(|(of, _)| *of == id).map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], allowed: &[u8]) -> Result<Properties, Broken> {
        Rest(bytes).properties(allowed)
    }

    #[test]
    fn properties_are_read() {
        let found = read(&[9, 33, 0, 7, 39, 0, 0, 1, 0, 0xFF], OF_CONNECT);
        assert!(found.is_err(), "the length ends inside a property");
        let found = read(&[8, 33, 0, 7, 39, 0, 0, 1, 0], OF_CONNECT).unwrap();
        assert_eq!((found.get(RECEIVE_MAXIMUM), found.get(MAXIMUM_PACKET_SIZE), found.get(TOPIC_ALIAS)), (Some(7), Some(256), None));
        assert!(read(&[10, 38, 0, 1, b'a', 0, 1, b'b', 38, 0, 0], OF_SUBSCRIBE).is_err());
        assert!(read(&[12, 38, 0, 1, b'a', 0, 1, b'b', 38, 0, 0, 0, 0], OF_SUBSCRIBE).is_ok(), "the user's own may repeat");
    }

    #[test]
    fn what_the_standard_forbids_is_refused() {
        for (bytes, allowed, broken) in [
            (&[3, 33, 0, 0][..], OF_CONNECT, Broken::Protocol),
            (&[5, 39, 0, 0, 0, 0], OF_CONNECT, Broken::Protocol),
            (&[2, 23, 2], OF_CONNECT, Broken::Protocol),
            (&[6, 33, 0, 1, 33, 0, 1], OF_CONNECT, Broken::Protocol),
            (&[2, 11, 0], OF_SUBSCRIBE, Broken::Protocol),
            (&[3, 35, 0, 1], OF_CONNECT, Broken::Malformed),
            (&[2, 99, 0], OF_CONNECT, Broken::Malformed),
            (&[2, 33, 0], OF_CONNECT, Broken::Malformed),
            (&[4, 21, 0, 1, 0], OF_CONNECT, Broken::Malformed),
            (&[0x80, 0], OF_CONNECT, Broken::Malformed),
            (&[0x80, 0x80, 0x80, 0x80, 1], OF_CONNECT, Broken::Malformed),
            (&[], OF_CONNECT, Broken::Malformed),
        ] {
            assert_eq!(read(bytes, allowed).err(), Some(broken), "{bytes:x?}");
        }
    }
}
