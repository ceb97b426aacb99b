//! How the connection is, in one line.

use domain::{Locale, Timestamp};
use leptos::prelude::*;

use crate::{
    live::{self, Connection},
    tab,
    wire::StoreClock,
    words as w,
};

/// How the tab's connection is, from the first effect on: the first render is the server's.
pub fn connection() -> ReadSignal<Connection> {
    let (shown, set_shown) = signal(Connection::Connecting);
    let connection = live::connection();
    Effect::new(move |_| set_shown.set(connection.get()));
    shown
}

/// Whether the machine has no network, so that whatever is sent would be lost.
pub fn offline() -> Signal<bool> {
    let connection = connection();
    Signal::derive(move || matches!(connection.get(), Connection::Offline { .. }))
}

/// From `false` to `true` once the page is alive: for what only a living page can say.
pub fn alive() -> ReadSignal<bool> {
    let (alive, set_alive) = signal(false);
    Effect::new(move |_| set_alive.set(true));
    alive
}

/// Hours on a page that lives: the store's, as the server wrote them, until it is alive; from then on the visitor's own, as
/// everything else that the browser tells.
#[derive(Clone, Copy)]
pub struct Hours {
    store: StoreClock,
    alive: ReadSignal<bool>,
    locale: Locale,
}

impl Hours {
    pub fn new(store: StoreClock, locale: Locale) -> Self {
        Self { store, alive: alive(), locale }
    }

    pub fn hour(self, at: Timestamp) -> String {
        if self.alive.get() { tab::local_time(at, self.locale) } else { self.store.hour(at) }
    }
}

/// The connection line on its own, for pages whose other parts come alive by themselves.
#[island]
pub fn LiveLine(locale: Locale) -> impl IntoView {
    live_line(locale, false)
}

/// "Live", or since when what is shown is no longer the newest. `short`: as the board says it.
pub fn live_line(locale: Locale, short: bool) -> impl IntoView {
    let connection = connection();
    let refused = live::refused();
    let alive = alive();
    let state = move || match connection.get() {
        _ if !alive.get() => "none",
        _ if refused.get() => "offline",
        Connection::Connecting => "connecting",
        Connection::Live => "live",
        Connection::Reconnecting { .. } | Connection::Offline { .. } => "offline",
    };
    let text = move || match (connection.get(), short) {
        _ if refused.get() => w::live::refused(locale).to_owned(),
        (Connection::Connecting, _) => w::live::connecting(locale).to_owned(),
        (Connection::Live, false) => w::live::live(locale).to_owned(),
        (Connection::Live, true) => w::live::live_short(locale).to_owned(),
        (Connection::Reconnecting { since }, false) => w::live::reconnecting(locale, tab::local_time(since, locale)),
        (Connection::Reconnecting { since }, true) => w::live::board_reconnecting(locale, tab::local_time(since, locale)),
        (Connection::Offline { since }, false) => w::live::offline(locale, tab::local_time(since, locale)),
        (Connection::Offline { since }, true) => w::live::board_offline(locale, tab::local_time(since, locale)),
    };
    // Nothing connects where no scripts run: there the page says how it is brought up to date.
    view! {
        <p class="live-line" id="live-line" data-state=state role="status" data-testid="live-line">{text}</p>
        <noscript inner_html=format!("<p class=\"live-line\">{}</p>", w::live::no_scripts(locale))></noscript>
    }
}
