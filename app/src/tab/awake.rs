//! Screens that hang on a wall or stand at a bar: they stay on, and bring themselves up to date.

use std::cell::{Cell, RefCell};

use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::js;
use crate::live::Connection;

thread_local! {
    /// How many parts of the page want the screen on.
    static WANTED: Cell<u32> = const { Cell::new(0) };
    /// Whether somebody sees to it.
    static SEEN_TO: Cell<bool> = const { Cell::new(false) };
    /// What keeps it on.
    static LOCK: RefCell<Option<JsValue>> = const { RefCell::new(None) };
    /// How often it was begun to look for another version; only who began last goes on.
    static LOOKS: Cell<u32> = const { Cell::new(0) };
}

/// Between two tries to keep the screen on, in milliseconds: a battery that runs low is a reason to refuse, for as long as it does.
const AGAIN: i32 = 2_000;

/// Until an answer about the shop's version is definite, it is asked for again: after so many milliseconds, and after twice as long
/// every time, up to the longest.
const ASK_AGAIN: i32 = 2_000;
const ASK_AGAIN_LONGEST: i32 = 60_000;

/// Keeps the screen on for as long as the component is on it.
pub fn stay_awake() {
    awake_while(Signal::stored(true));
}

/// Keeps the screen on while that is wanted. A browser gives that up whenever the page is out of sight, and when it likes; so it is
/// asked again. One that cannot leaves it to the machine's own settings.
pub fn awake_while(wanted: Signal<bool>) {
    Effect::new(move |_| {
        if !wanted.get() {
            return;
        }
        WANTED.set(WANTED.get() + 1);
        see_to_it();
        let seen = window_event_listener_untyped("visibilitychange", |_| see_to_it());
        on_cleanup(move || {
            seen.remove();
            WANTED.set(WANTED.get().saturating_sub(1));
            if WANTED.get() == 0
                && let Some(lock) = LOCK.take()
            {
                // One that is gone already is what was wanted.
                let _ = js::call(&lock, "release", &[]);
            }
        });
    });
}

fn is_wanted() -> bool {
    WANTED.get() > 0 && document().visibility_state() == web_sys::VisibilityState::Visible
}

/// Asks for it, and again whenever it is taken away, while it is wanted and the page is in sight.
fn see_to_it() {
    let lock = js::get(&js::global("navigator"), "wakeLock");
    if lock.is_undefined() || SEEN_TO.replace(true) {
        return;
    }
    spawn_local(async move {
        while is_wanted() {
            let asked = js::call(&lock, "request", &["screen".into()]).and_then(JsCast::dyn_into::<js_sys::Promise>);
            if let Ok(asked) = asked
                && let Ok(held) = JsFuture::from(asked).await
            {
                LOCK.set(Some(held.clone()));
                if WANTED.get() == 0 {
                    // Not wanted any more meanwhile.
                    let _ = js::call(&held, "release", &[]);
                }
                released(&held).await;
                LOCK.set(None);
            }
            super::pause(AGAIN).await;
        }
        SEEN_TO.set(false);
    });
}

/// Until it is taken away.
async fn released(lock: &JsValue) {
    if js::get(lock, "released").is_truthy() {
        return;
    }
    let gone = js_sys::Promise::new(&mut |resolve, _| {
        // Every lock says when it goes.
        let _ = js::call(lock, "addEventListener", &["release".into(), resolve.into()]);
    });
    let _ = JsFuture::from(gone).await;
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
    let script = document().query_selector("link[rel=preload][as=fetch]").ok().flatten().and_then(|link| link.get_attribute("href"));
    let Some(script) = script else { return };
    let this = LOOKS.get().wrapping_add(1);
    LOOKS.set(this);
    // All the screens of a shop are back at the same moment.
    super::pause((js_sys::Math::random() * 3_000.0) as i32).await;
    let mut again = ASK_AGAIN;
    while LOOKS.get() == this {
        // What is kept of it here would say that it is still there.
        match super::ask(&format!("{script}?{}", js_sys::Date::now()), super::Body::Nothing).await {
            Ok(reply) if reply.ok() => return,
            Ok(reply) if reply.status == 404 => {
                super::reload();
                return;
            }
            // A network that is hardly back, or a proxy whose shop is not: neither says anything of the version.
            Ok(_) | Err(_) => super::pause(again).await,
        }
        again = again.saturating_mul(2).min(ASK_AGAIN_LONGEST);
    }
}
