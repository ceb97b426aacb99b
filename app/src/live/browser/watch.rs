//! What the browser tells: the network is back, the page is looked at again, or left.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::{super::Connection, Client, Stage, ask, is_visible, open, socket, with};

/// For as long as the page is there.
pub(super) fn watch() {
    let again = || {
        let stands = with(|client| {
            if client.refused.with_untracked(Option::is_some) {
                // A connection is of who was signed in when it was made: they may have signed in again since.
                client.socket = None;
                client.stage = Stage::New;
            }
            client.stage >= Stage::Accepted
        });
        if stands {
            // It looks alive, but a machine that slept does not know.
            ask();
        } else {
            with(|client| client.tries.forget());
            open();
        }
    };
    window_event_listener_untyped("online", move |_| again());
    window_event_listener_untyped("offline", |_| with(Client::offline));
    // A page that is kept for the way back must not hold a connection.
    window_event_listener_untyped("pagehide", |_| {
        with(|client| {
            client.socket = None;
            client.stage = Stage::New;
            client.waiting = false;
            if let Some(timer) = client.timer.take() {
                timer.clear();
            }
            // What comes back may be old, and says so until it has heard.
            let since = client.old_since();
            client.connection.set(Connection::Reconnecting { since });
        });
    });
    window_event_listener_untyped("pageshow", move |event| {
        if event.dyn_ref::<web_sys::PageTransitionEvent>().is_some_and(web_sys::PageTransitionEvent::persisted) {
            again();
        }
    });
    socket::on_document("visibilitychange", move || {
        if is_visible() {
            again();
        }
    });
}
