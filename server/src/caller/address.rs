//! The address that a request comes from, through the proxies that are trusted to say so.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, HeaderName, header, request::Parts};
use ipnet::IpNet;

/// The client's address: the peer's, or, where the peer is a trusted proxy, the nearest address before it that is none.
pub fn client_address(parts: &Parts, trusted: &[IpNet]) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    behind(peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), &parts.headers, trusted)
}

fn behind(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    match (forwarded(headers), x_forwarded_for(headers)) {
        (None, None) => peer,
        (Some(said), None) | (None, Some(said)) => nearest(peer, &said, trusted),
        // A proxy that writes the one header passes the other on as it came, so one of the two may be anybody's invention, and
        // which one is not known here: only where both lead to the same address is it the client's.
        (Some(one), Some(other)) => {
            let (one, other) = (nearest(peer, &one, trusted), nearest(peer, &other, trusted));
            if one == other { one } else { peer }
        }
    }
}

/// The nearest address of a chain that is no trusted proxy's; the peer's where it is none itself.
fn nearest(peer: IpAddr, said: &[Option<IpAddr>], trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut nearest = peer;
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

/// The chain that `Forwarded` (RFC 7239) names, nearest last; `None` in it for an address that is hidden or unreadable.
fn forwarded(headers: &HeaderMap) -> Option<Vec<Option<IpAddr>>> {
    let of_element = |element: &str| {
        let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| name.eq_ignore_ascii_case("for")).and_then(|(_, node)| address_of(node))
    };
    chain(headers, header::FORWARDED, of_element)
}

/// The same of `X-Forwarded-For`.
fn x_forwarded_for(headers: &HeaderMap) -> Option<Vec<Option<IpAddr>>> {
    chain(headers, HeaderName::from_static("x-forwarded-for"), address_of)
}

fn chain(headers: &HeaderMap, name: HeaderName, address: impl Fn(&str) -> Option<IpAddr>) -> Option<Vec<Option<IpAddr>>> {
    let texts = headers.get_all(&name).iter().filter_map(|value| value.to_str().ok());
    headers.contains_key(name).then(|| texts.flat_map(|text| text.split(',')).map(address).collect())
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

    #[test]
    fn two_headers_that_disagree_are_believed_in_nothing() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        for (peer, forwarded, x_forwarded_for, expected) in [
            ("10.0.0.1", "for=192.0.2.60", "198.51.100.1", "10.0.0.1"),
            ("10.0.0.1", "for=192.0.2.61, for=192.0.2.60", "198.51.100.1", "10.0.0.1"),
            ("10.0.0.1", "proto=https", "198.51.100.1", "10.0.0.1"),
            ("10.0.0.1", "for=\"198.51.100.1:80\"", "203.0.113.66, 198.51.100.1", "198.51.100.1"),
            ("192.0.2.9", "for=192.0.2.60", "198.51.100.1", "192.0.2.9"),
        ] {
            let headers = HeaderMap::from_iter([
                (header::FORWARDED, forwarded.parse().unwrap()),
                (HeaderName::from_static("x-forwarded-for"), x_forwarded_for.parse().unwrap()),
            ]);
            assert_eq!(behind(peer.parse().unwrap(), &headers, &trusted).to_string(), expected, "{forwarded} and {x_forwarded_for}");
        }
    }
}
