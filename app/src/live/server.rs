//! On the server nothing arrives: the page is the snapshot.

use domain::topic::Topic;
use leptos::prelude::*;

use super::Connection;

pub(super) fn subscribe(_topic: &Topic, _deliver: Box<dyn FnMut(&[u8])>) {}

pub(super) fn connection() -> ReadSignal<Connection> {
    signal(Connection::default()).0
}

pub(super) fn refused() -> ReadSignal<bool> {
    signal(false).0
}
