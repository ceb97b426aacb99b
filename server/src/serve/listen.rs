//! The addresses where we answer.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::config::InvalidSetting;

/// Takes the first of these addresses that can be had. The error names the setting that they come from.
pub async fn bind(setting: &str, addresses: &[SocketAddr]) -> Result<TcpListener, InvalidSetting> {
    TcpListener::bind(addresses).await.map_err(|error| {
        let address = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let fix = match error.kind() {
            ErrorKind::AddrInUse => format!("{address} is taken by another program; stop it, or set {setting} to a free address"),
            ErrorKind::PermissionDenied => format!("{address} may not be taken by this user; take a port from 1024 on"),
            ErrorKind::AddrNotAvailable => format!("{address} is no address of this machine; take 127.0.0.1 or 0.0.0.0"),
            _ => format!("{address} cannot be taken: {error}"),
        };
        InvalidSetting { name: setting.to_owned(), fix }
    })
}

/// The address as a browser on this machine would write it.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()) } else { address }
}
