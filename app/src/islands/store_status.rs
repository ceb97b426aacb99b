//! Whether a store takes orders, and how long it takes: live.

use domain::{
    Locale,
    topic::Topic,
    view::{Admission, Refusal, StoreView},
};
use leptos::prelude::*;

use crate::{erase::Erase as _, live, pieces, words as w};

/// The newest of the server's view and what came since.
pub(super) fn newest(store: StoreView) -> Signal<StoreView> {
    let later = live::subscribe::<StoreView>(Topic::Status(store.id.clone()), store.sequence);
    Signal::derive(move || later.get().map_or_else(|| store.clone(), |later| (*later).clone()))
}

/// Open, how long it takes, how many are before: one line of facts.
#[island]
pub fn StoreStatus(store: StoreView, ships: bool, locale: Locale) -> impl IntoView {
    let store = newest(store);
    view! {
        <div class="facts" role="status" data-testid="store-status">{move || facts(&store.get(), ships, locale)}</div>
    }
    .erase()
}

/// The facts about a store.
pub fn facts(store: &StoreView, ships: bool, locale: Locale) -> AnyView {
    let (tone, word) = match store.refusal {
        None => ("go", w::store::open(locale)),
        Some(Refusal::AtCapacity) => ("wait", w::store::busy(locale)),
        Some(Refusal::Closed) => ("stop", w::store::closed(locale)),
    };
    let wait = store.estimated_wait_seconds.filter(|_| store.accepting && !ships).map(|seconds| {
        let (before, after) = w::store::about_around(locale);
        view! { <span>{pieces::icon("clock")}<span>{before}<strong class="num">{pieces::wait(seconds, locale)}</strong>{after}</span></span> }
    });
    let queue = (store.open && !ships && store.in_queue > 0).then(|| {
        let (before, after) = w::store::queue_around(locale);
        view! { <span>{pieces::icon("queue")}<span>{before}<strong class="num">{store.in_queue}</strong>{after}</span></span> }
    });
    let scan = (store.admission == Admission::Qr).then(|| view! { <span>{pieces::icon("scan")}{w::store::scan(locale)}</span> });
    let ships = ships.then(|| view! { <span>{pieces::icon("parcel")}{w::store::ships(locale)}</span> });
    view! { <span class="pill" data-tone=tone>{word}</span>{wait}{queue}{scan}{ships} }.erase()
}

/// Why nothing can be ordered now, as long as it is so.
#[island]
pub fn StoreNotice(store: StoreView, locale: Locale) -> impl IntoView {
    let store = newest(store);
    move || {
        let store = store.get();
        let (title, text) = match store.refusal {
            Some(Refusal::Closed) => (w::store::closed_title(locale), w::store::closed_text(locale)),
            Some(Refusal::AtCapacity) => (w::store::busy_title(locale), w::store::busy_text(locale)),
            None if store.admission == Admission::Qr => (w::store::qr_title(locale), w::store::qr_text(locale)),
            None => return None,
        };
        let (tone, icon) = if store.refusal.is_none() { ("accent", "scan") } else { ("wait", "clock") };
        Some(view! {
            <div class="notice" data-tone=tone>
                {pieces::icon(icon)}<p class="notice__title">{title}</p><p>{text}</p>
            </div>
        })
    }
}
