//! How the connection is, in one line.

use domain::{Locale, Timestamp};
use leptos::prelude::*;

use crate::{
    live::{self, Connection},
    paths, tab,
    wire::StoreClock,
    words as w,
};

/// How the tab's connection is, from the first effect on: the first render is the server's.
pub fn connection() -> ReadSignal<Connection> {
    from_first_effect(live::connection())
}

/// As of when the page is shown where a topic of it is refused; from the first effect on.
pub fn refused() -> ReadSignal<Option<Timestamp>> {
    from_first_effect(live::refused())
}

fn from_first_effect<T: Clone + Default + Send + Sync + 'static>(known: ReadSignal<T>) -> ReadSignal<T> {
    let (shown, set_shown) = signal(T::default());
    Effect::new(move |_| set_shown.set(known.get()));
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

/// What a line says is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineOf {
    Page,
    /// The same in a word, as the board says it.
    Board,
    /// What is sold out, and not what another page of the same reader does with the cart.
    Cart,
}

/// The connection line on its own, for pages whose other parts come alive by themselves. `clock`: the store's whose page it is.
#[island]
pub fn LiveLine(clock: Option<StoreClock>, locale: Locale) -> impl IntoView {
    live_line(clock, locale, LineOf::Page)
}

/// The same beside a cart.
#[island]
pub fn CartLine(clock: Option<StoreClock>, locale: Locale) -> impl IntoView {
    live_line(clock, locale, LineOf::Cart)
}

/// "Live", or since when what is shown is no longer the newest: by the clock of the store, and by the reader's own where the
/// page is of no store. Who may no longer see it is led to where they sign in.
pub fn live_line(clock: Option<StoreClock>, locale: Locale, line: LineOf) -> impl IntoView {
    // To the second: in a rush that matters.
    let hour = move |at| clock.map_or_else(|| tab::local_second(at, locale), |clock| clock.second(at, locale));
    let connection = connection();
    let refused = refused();
    let alive = alive();
    let state = move || match connection.get() {
        _ if !alive.get() => "none",
        _ if refused.get().is_some() => "offline",
        Connection::Connecting => "connecting",
        Connection::Live => "live",
        Connection::Reconnecting { .. } | Connection::Offline { .. } => "offline",
    };
    let text = move || match (refused.get(), connection.get(), line) {
        (Some(since), ..) => w::live::refused(locale, hour(since)),
        (None, Connection::Connecting, _) => w::live::connecting(locale).to_owned(),
        (None, Connection::Live, LineOf::Page) => w::live::live(locale).to_owned(),
        (None, Connection::Live, LineOf::Board) => w::live::live_short(locale).to_owned(),
        (None, Connection::Live, LineOf::Cart) => w::live::live_cart(locale).to_owned(),
        (None, Connection::Reconnecting { since }, LineOf::Board) => w::live::board_reconnecting(locale, hour(since)),
        (None, Connection::Reconnecting { since }, LineOf::Page | LineOf::Cart) => w::live::reconnecting(locale, hour(since)),
        (None, Connection::Offline { since }, LineOf::Board) => w::live::board_offline(locale, hour(since)),
        (None, Connection::Offline { since }, LineOf::Page | LineOf::Cart) => w::live::offline(locale, hour(since)),
    };
    let door = move || {
        let page = refused.get().and_then(|_| location_pathname());
        page.and_then(|page| paths::door(&page)).map(|door| view! { <a href=door>{w::live::sign_in(locale)}</a> })
    };
    // Nothing connects where no scripts run: there the page says how it is brought up to date.
    view! {
        <div class="live-room">
            <p class="live-line" id="live-line" data-state=state role="status" data-testid="live-line">{text}{door}</p>
            <noscript inner_html=format!("<p class=\"live-line\">{}</p>", w::live::no_scripts(locale))></noscript>
        </div>
    }
}
