//! Where the broker is.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rumqttc::{MqttOptions, NetworkOptions};
use uuid::Uuid;

use crate::identity::Secret;

/// The largest message, in bytes: a queue of a thousand tickets is far smaller.
const LARGEST: usize = 8 << 20;
/// A ping that has no answer when the next one is due ends the connection. It waits behind what was published before it, which a
/// cluster of NATS without a leader takes its time for: who publishes nothing may ask more often.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// A broker's address and how to get in: `mqtt://[user:pass@]host[:port]`, or of a cluster all its nodes,
/// `mqtt://[user:pass@]host[:port],host[:port]…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerAddress {
    /// At least one.
    nodes: Vec<(String, u16)>,
    login: Option<(String, Secret)>,
    /// It is not our own gateway.
    is_outside: bool,
}

/// Why the text is no broker's address. It never quotes it: there may be a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    #[error("it must look like mqtt://[user:pass@]host[:port], with more nodes of a cluster behind commas")]
    Form,
    #[error("only mqtt:// is spoken: the broker is reached over a trusted network")]
    Scheme,
}

impl BrokerAddress {
    /// Of our own gateway.
    pub fn new(host: &str, port: u16, login: Option<(&str, &Secret)>) -> Self {
        let login = login.map(|(user, password)| (user.to_owned(), password.clone()));
        Self { nodes: vec![(host.to_owned(), port)], login, is_outside: false }
    }

    pub(super) fn is_outside(&self) -> bool {
        self.is_outside
    }

    /// How a client of this role connects; after so many failures, to the next node of a cluster. Each client has a name of
    /// its own, for a broker ends the older of two with one name.
    pub fn options(&self, role: &str, failures: u32) -> MqttOptions {
        let (host, port) = &self.nodes[failures as usize % self.nodes.len()];
        let mut options = MqttOptions::new(format!("{role}-{}", Uuid::now_v7().simple()), host.clone(), *port);
        options.set_keep_alive(KEEP_ALIVE).set_clean_session(true).set_max_packet_size(LARGEST, LARGEST);
        if let Some((user, password)) = &self.login {
            options.set_credentials(user.clone(), password.expose());
        }
        options
    }

    /// A small message is not kept back to be sent with the next, and a broker that does not answer is left soon.
    pub fn network_options() -> NetworkOptions {
        let mut options = NetworkOptions::new();
        options.set_tcp_nodelay(true);
        options.set_connection_timeout(5);
        options
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mqtt://")?;
        for (n, (host, port)) in self.nodes.iter().enumerate() {
            write!(f, "{}{host}:{port}", if n == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for BrokerAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidAddress::Form)?;
        if scheme != "mqtt" {
            return Err(InvalidAddress::Scheme);
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                (Some((decoded(user)?, Secret::new(decoded(password)?))), place)
            }
            None => (None, rest),
        };
        let nodes = place.split(',').map(node).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { nodes, login, is_outside: true })
    }
}

/// `host[:port]`. An IPv6 address stands in brackets, which keep its colons apart from the port's.
fn node(text: &str) -> Result<(String, u16), InvalidAddress> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| InvalidAddress::Form)?),
        _ => (text, 1883),
    };
    if host.is_empty() || host.contains(['/', '?', '#', ' ']) {
        return Err(InvalidAddress::Form);
    }
    Ok((host.to_owned(), port))
}

/// The wait before a broker is tried again: about a quarter of a second at first, twice as long each time, at most 8 s; by
/// chance a fifth shorter, so that many processes do not come at once.
pub fn again(failures: u32) -> Duration {
    Duration::from_millis(250 << failures.min(5)).mul_f64(1.0 - 0.2 * rand::random::<f64>())
}

/// Percent-decoding (RFC 3986, 2.1), for passwords with an `@` or `:` in them.
fn decoded(text: &str) -> Result<String, InvalidAddress> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16)).ok_or(InvalidAddress::Form);
            (digit()? * 16 + digit()?) as u8
        } else {
            byte
        });
    }
    String::from_utf8(bytes).map_err(|_| InvalidAddress::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let parts = |text: &str| {
            let address: BrokerAddress = text.parse().unwrap();
            let (host, port) = address.nodes[0].clone();
            (host, port, address.login.map(|(user, password)| (user, password.expose().to_owned())))
        };
        let login = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(parts("mqtt://broker"), ("broker".to_owned(), 1883, None));
        assert_eq!(parts("mqtt://u:p@10.0.0.1:1884/"), ("10.0.0.1".to_owned(), 1884, login("u", "p")));
        assert_eq!(parts("mqtt://u:p%40%3a@[::1]:9"), ("[::1]".to_owned(), 9, login("u", "p@:")));
        assert_eq!(parts("mqtt://[::1]"), ("[::1]".to_owned(), 1883, None));
        let cluster: BrokerAddress = "mqtt://u:p@a:1,b,[::1]:3".parse().unwrap();
        let tried: Vec<_> = (0..4).map(|failures| cluster.options("test", failures).broker_address()).collect();
        assert_eq!(tried, [("a".to_owned(), 1), ("b".to_owned(), 1883), ("[::1]".to_owned(), 3), ("a".to_owned(), 1)]);
        assert_eq!(cluster.to_string(), "mqtt://a:1,b:1883,[::1]:3");
        for bad in [
            "mqtt://a,",
            "mqtt://a,b:x",
            "",
            "broker",
            "mqtt://",
            "mqtt://:1",
            "mqtt://h:port",
            "mqtt://h/x",
            "mqtt://a%g0@h",
            "mqtt://a%4@h",
        ] {
            assert_eq!(bad.parse::<BrokerAddress>(), Err(InvalidAddress::Form), "{bad}");
        }
        assert_eq!("mqtts://h".parse::<BrokerAddress>(), Err(InvalidAddress::Scheme));
    }

    #[test]
    fn a_broker_that_stays_away_is_asked_less_and_less() {
        assert!((200..=250).contains(&again(0).as_millis()));
        for failures in [5, 40, u32::MAX] {
            assert!((6_400..=8_000).contains(&again(failures).as_millis()));
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let address: BrokerAddress = "mqtt://u:hidden@h".parse().unwrap();
        assert!(!format!("{address} {address:?}").contains("hidden"));
    }
}
