//! How the connection is, in one line.

use domain::Locale;
use leptos::prelude::*;

use crate::{
    live::{self, Connection},
    tab, words as w,
};

/// How the tab's connection is, from the first effect on: the first render is the server's.
pub fn connection() -> ReadSignal<Connection> {
    let (shown, set_shown) = signal(Connection::Connecting);
    let connection = live::connection();
    Effect::new(move |_| set_shown.set(connection.get()));
    shown
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
    let state = move || match connection.get() {
        _ if refused.get() => "offline",
        Connection::Connecting => "connecting",
        Connection::Live => "live",
        Connection::Reconnecting { .. } | Connection::Offline => "offline",
    };
    let text = move || match (connection.get(), short) {
        _ if refused.get() => w::live::refused(locale).to_owned(),
        (Connection::Connecting, _) => w::live::connecting(locale).to_owned(),
        (Connection::Live, false) => w::live::live(locale).to_owned(),
        (Connection::Live, true) => w::live::live_short(locale).to_owned(),
        (Connection::Reconnecting { since }, false) => w::live::reconnecting(locale, tab::local_time(since, locale)),
        (Connection::Reconnecting { since }, true) => w::live::board_reconnecting(locale, tab::local_time(since, locale)),
        (Connection::Offline, false) => w::live::offline(locale).to_owned(),
        (Connection::Offline, true) => w::live::board_offline(locale).to_owned(),
    };
    view! { <p class="live-line" data-state=state role="status" data-testid="live-line">{text}</p> }
}
