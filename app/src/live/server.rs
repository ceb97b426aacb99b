//! On the server nothing arrives: the page is the snapshot.

use domain::{Timestamp, topic::Topic};
use leptos::prelude::*;

use super::{Connection, Deliver};

pub(super) fn subscribe(_topic: &Topic, _deliver: Deliver) {}

pub(super) fn connection() -> ReadSignal<Connection> {
    signal(Connection::default()).0
}

pub(super) fn refused() -> ReadSignal<Option<Timestamp>> {
    signal(None).0
}
