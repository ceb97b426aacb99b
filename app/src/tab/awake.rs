//! Screens that hang on a wall or stand at a bar: they stay on, and bring themselves up to date.

use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

use super::js;
use crate::live::Connection;

/// Keeps the screen on for as long as the component is on it. A browser gives that up whenever the page is out of sight, so it is
/// asked again when it is back; one that cannot leaves it to the machine's own settings.
pub fn stay_awake() {
    Effect::new(move |_| {
        hold();
        let seen = window_event_listener_untyped("visibilitychange", |_| {
            if document().visibility_state() == web_sys::VisibilityState::Visible {
                hold();
            }
        });
        on_cleanup(move || seen.remove());
    });
}

fn hold() {
    let lock = js::get(&js::global("navigator"), "wakeLock");
    let asked = js::call(&lock, "request", &["screen".into()]).and_then(JsCast::dyn_into::<js_sys::Promise>);
    if let Ok(asked) = asked {
        spawn_local(async move {
            // A battery that runs low is a reason to refuse.
            let _ = JsFuture::from(asked).await;
        });
    }
}

/// Loads the page again when the shop runs another version than the one that the page came from: nobody stands before it who
/// would. That is looked for whenever the connection is back, for a shop never changes its version while it is there; the files
/// of a page carry a fingerprint, and those of another version are gone.
pub fn keep_up(connection: ReadSignal<Connection>) {
    Effect::new(move |was_lost: Option<bool>| {
        let lost = matches!(connection.get(), Connection::Reconnecting { .. } | Connection::Offline { .. });
        let back = was_lost == Some(true) && connection.get() == Connection::Live;
        if back {
            spawn_local(look());
        }
        lost || (was_lost == Some(true) && !back)
    });
}

async fn look() {
    let script = document().query_selector("link[rel=modulepreload]").ok().flatten().and_then(|link| link.get_attribute("href"));
    let Some(script) = script else { return };
    // All the screens of a shop are back at the same moment.
    super::pause((js_sys::Math::random() * 3_000.0) as i32).await;
    // What is kept of it here would say that it is still there.
    let there = super::ask(&format!("{script}?{}", js_sys::Date::now()), super::Body::Nothing).await;
    if there.is_ok_and(|reply| reply.status == 404) {
        let _ = window().location().reload();
    }
}
