//! Whose times they are.

use domain::{Locale, Timestamp};
use leptos::prelude::*;

use super::live_line::alive;
use crate::{erase::Erase as _, tab, wire::StoreClock, words as w};

/// The sentence on its own, for lists. `times`: what is shown, by which clocks.
#[island(lazy)]
pub fn StoreTime(times: Vec<(Timestamp, StoreClock)>, locale: Locale) -> impl IntoView {
    store_time(times, locale).erase()
}

/// That times are those of the store, for who is where clocks say otherwise. Without scripts nobody knows where that is, and
/// everybody is told.
pub fn store_time(times: Vec<(Timestamp, StoreClock)>, locale: Locale) -> impl IntoView {
    let alive = alive();
    let elsewhere = move || alive.get() && times.iter().any(|(at, clock)| tab::offset_minutes(*at) != clock.offset_minutes);
    let text = w::order::store_time(locale);
    view! {
        {move || elsewhere().then(|| view! { <p class="soft" data-testid="store-time"><small>{text}</small></p> })}
        <noscript inner_html=format!("<p class=\"soft\" data-testid=\"store-time\"><small>{text}</small></p>")></noscript>
    }
}
