//! A moment that belongs to no store.

use domain::{Locale, Timestamp};
use leptos::prelude::*;

use crate::{erase::Erase as _, tab};

/// Day and time by the reader's own clock. `text`: the same for who has no scripts, and until the page is alive; it names its
/// zone.
#[island(lazy)]
pub fn LocalTime(at: Timestamp, text: String, locale: Locale) -> impl IntoView {
    let (shown, set_shown) = signal(text);
    Effect::new(move |_| set_shown.set(tab::local_moment(at, locale)));
    view! { <time datetime=at.to_string()>{shown}</time> }.erase()
}
