//! The doors: one for everybody, and one for our own publisher, who has something to show there.

use std::net::IpAddr;
use std::sync::Arc;

use backend::identity::Secret;

use crate::places::Place;

/// Connections of one address beyond what it may have that are told so; more are closed at once.
const TOLD: usize = 16;

/// By which door a connection came.
pub(super) enum Entrance {
    /// For everybody; a browser brings its session cookie. `crowded`: its address has more connections than it may. `from`: what it
    /// asks the shop is counted by.
    Public { cookie: Option<String>, crowded: bool, from: Option<IpAddr> },
    /// For our own publisher.
    Private(Credential),
}

/// What our own publisher proves itself with.
#[derive(Clone)]
pub(super) struct Credential(Arc<str>);

impl Credential {
    pub(super) fn of(secret: &Secret) -> Self {
        Self(secret.digest().into())
    }

    /// Compares digests: how long it takes tells nothing about the credential.
    pub(super) fn is(&self, password: &str) -> bool {
        *self.0 == Secret::new(password).digest()
    }
}

/// Whoever comes from an address that has more than it may is told so when it has said who it is, which takes a place for as long
/// as it likes to greet; but only some of them: else one address had them all.
pub(super) fn door(place: Option<Place>) -> Option<(Entrance, Option<Place>)> {
    let place = place.filter(|place| place.beyond <= TOLD)?;
    Some((Entrance::Public { cookie: None, crowded: place.is_crowded(), from: place.address() }, Some(place)))
}
