//! Until when a shopper has to confirm at their bank, where nothing else of the page moves.

use domain::{Locale, Timestamp};
use leptos::prelude::*;

use super::countdown::{Words, countdown};
use crate::{erase::Erase as _, tab, words as w};

/// How long a top-up still waits for its confirmation, of the time `from` when it does.
#[island(lazy)]
pub fn ConfirmBy(by: Timestamp, from: Timestamp, now: Timestamp, locale: Locale) -> impl IntoView {
    let now = tab::ticking(now);
    let words = Words { around: w::wallet::confirm_left_around(locale), over: w::order::confirm_over(locale) };
    countdown(move || Some((by - now.get(), by - from)), words, "confirm-by").erase()
}
