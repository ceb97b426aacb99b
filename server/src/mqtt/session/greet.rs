//! CONNECT: whether it is one, and who sent it.

use backend::identity::Caller;

use super::super::codec::{self, Connect, ConnectReturnCode, Incoming, Version};
use super::super::transport::{Read, Transport};
use super::super::{Entrance, Inner};
use super::Wire;

/// Bytes of a client id. The standard makes 23 the least that must be taken.
const LONGEST_CLIENT_ID: usize = 256;

/// Waits for CONNECT. Who sends anything else first, or speaks no version of ours, gets nothing (3.1.0-1); `None` ends the connection.
pub(super) async fn greet(wire: &mut Wire<impl Transport>) -> Option<(Version, Connect)> {
    let frame = loop {
        if let Some(frame) = wire.frame().ok()? {
            break frame;
        }
        if wire.transport.read(&mut wire.buffer).await.ok()? == Read::End {
            return None;
        }
    };
    // What cannot be read does not tell how much its sender takes.
    let (version, code, largest) = match codec::version(&frame) {
        Ok(version) => match version.read(frame) {
            Ok(Incoming::Connect(connect)) => match refusal(version, &connect) {
                None => return Some((version, connect)),
                Some(code) => (version, code, connect.largest),
            },
            Err(broken) if version == Version::V5 => (version, broken.refusal(), usize::MAX),
            // 3.1.1 has no code for it and is merely closed (3.1.4-1).
            Ok(_) | Err(_) => return None,
        },
        Err(Some((version, code))) => (version, code, usize::MAX),
        Err(None) => return None,
    };
    wire.refuse(version, code, largest).await;
    None
}

/// Why a CONNECT that could be read is not taken, whoever sent it.
fn refusal(version: Version, connect: &Connect) -> Option<ConnectReturnCode> {
    // 3.1.1, 3.1.3-8: without a name there is nothing to find a kept session by.
    if version == Version::V3 && connect.client_id.is_empty() && !connect.clean {
        return Some(ConnectReturnCode::ClientIdentifierNotValid);
    }
    // 3.2.2-12: CONNACK tells that 1 is the highest. 3.1.1 has no such word; no will is published in either.
    if version == Version::V5 && connect.will_qos > 1 {
        return Some(ConnectReturnCode::QoSNotSupported);
    }
    // It becomes part of a name that is kept for as long as the connection.
    (connect.client_id.len() > LONGEST_CLIENT_ID).then_some(ConnectReturnCode::ClientIdentifierNotValid)
}

/// Who it is, and whether it is our own publisher.
pub(super) async fn identify(gateway: &Inner, entrance: &Entrance, connect: &Connect) -> Result<(Caller, bool), ConnectReturnCode> {
    if connect.authentication {
        return Err(ConnectReturnCode::BadAuthenticationMethod);
    }
    // Who is nobody could be let in without asking, and would hear nothing.
    if matches!(entrance, Entrance::Public { .. }) && gateway.outage.is_away() {
        return Err(ConnectReturnCode::ServerUnavailable);
    }
    let unavailable = |error| {
        tracing::warn!(%error, "nobody can be identified now");
        ConnectReturnCode::ServerUnavailable
    };
    let asks = connect.password.is_some() || matches!(entrance, Entrance::Public { cookie: Some(_), .. });
    if let Entrance::Public { from: Some(from), crowded: false, .. } = entrance
        && asks
        && !gateway.questions.take(*from)
    {
        gateway.counters.refused.inc();
        return Err(ConnectReturnCode::ServerBusy);
    }
    match (entrance, &connect.password) {
        (Entrance::Private(secret), Some(password)) if secret.is(password) => Ok((Caller::Nobody, true)),
        (Entrance::Private(_), _) => Err(ConnectReturnCode::NotAuthorized),
        (Entrance::Public { crowded: true, .. }, _) => {
            gateway.counters.refused.inc();
            Err(ConnectReturnCode::QuotaExceeded)
        }
        (Entrance::Public { .. }, Some(token)) => match gateway.house.by_token(token).await.map_err(unavailable)? {
            Caller::Nobody => Err(ConnectReturnCode::BadUserNamePassword),
            caller => Ok((caller, false)),
        },
        (Entrance::Public { cookie: Some(cookie), .. }, None) => {
            gateway.house.by_cookie(cookie).await.map(|caller| (caller, false)).map_err(unavailable)
        }
        (Entrance::Public { cookie: None, .. }, None) => Ok((Caller::Nobody, false)),
    }
}
