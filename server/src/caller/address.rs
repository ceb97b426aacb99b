//! The address that a request comes from, through the proxies that are trusted to say so.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, header, request::Parts};
use ipnet::IpNet;

/// The client's address: the peer's, or, where the peer is a trusted proxy, the nearest address before it that is none.
pub fn client_address(parts: &Parts, trusted: &[IpNet]) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    behind(peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), &parts.headers, trusted)
}

fn behind(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut nearest = peer.to_canonical();
    let said = said(headers);
    // Only what a trusted proxy has added counts; the rest could be anybody's invention.
    for address in said.iter().rev() {
        if !is_trusted(&nearest) {
            break;
        }
        match address {
            Some(address) => nearest = address.to_canonical(),
            None => break,
        }
    }
    nearest
}

/// The chain of addresses, nearest last; `None` for one that is hidden or unreadable. `Forwarded` (RFC 7239) wins.
fn said(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lists = |name| headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    if headers.contains_key(header::FORWARDED) {
        lists(header::FORWARDED)
            .map(|element| {
                let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
                pairs.find(|(name, _)| name.eq_ignore_ascii_case("for")).and_then(|(_, node)| address_of(node))
            })
            .collect()
    } else {
        lists(header::HeaderName::from_static("x-forwarded-for")).map(address_of).collect()
    }
}

/// `192.0.2.1`, `192.0.2.1:80`, `"[2001:db8::1]:80"`, `2001:db8::1`.
fn address_of(node: &str) -> Option<IpAddr> {
    let node = node.trim().trim_matches('"');
    let bare = node.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| node.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        for (peer, name, value, expected) in [
            ("192.0.2.9", "x-forwarded-for", "198.51.100.1", "192.0.2.9"),
            ("10.0.0.1", "x-forwarded-for", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "x-forwarded-for", "203.0.113.66, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
            ("10.0.0.1", "x-forwarded-for", "unknown", "10.0.0.1"),
            ("10.0.0.1", "forwarded", "for=192.0.2.60;proto=http, For=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("::1", "forwarded", "for=_hidden", "::1"),
            ("::ffff:10.0.0.1", "x-forwarded-for", "198.51.100.1:1234", "198.51.100.1"),
        ] {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            assert_eq!(behind(peer.parse().unwrap(), &headers, &trusted).to_string(), expected, "{peer} {value}");
        }
    }
}
