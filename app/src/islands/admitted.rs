//! How long somebody who scanned a kiosk's code has to order.

use domain::{Locale, Timestamp, view::StoreView};
use leptos::prelude::*;

use super::store_status::newest;
use crate::{erase::Erase as _, pieces::icon, tab, words as w};

/// The time that is left until `until`; `now` is when the page was made.
#[island]
pub fn Admitted(store: StoreView, until: Timestamp, now: Timestamp, locale: Locale) -> impl IntoView {
    let store = newest(store);
    // A shop that closes takes no order of anybody's.
    let open = Memo::new(move |_| store.with(|store| store.open));
    let clock = tab::ticking(now);
    let left = Memo::new(move |_| (until - clock.get()).max(0) / 1000);
    let over = Memo::new(move |_| left.get() == 0);
    let text = move || {
        if !open.get() {
            return view! { <p>{w::store::closed_text(locale)}</p> }.erase();
        }
        if over.get() {
            return view! { <p>{w::scan::over_text(locale)}</p> }.erase();
        }
        let (before, after) = w::scan::time_left_around(locale);
        let time = move || minutes(left.get());
        view! { <p>{before}{time}{after}</p> }.erase()
    };
    let title = move || match (open.get(), over.get()) {
        (false, _) => w::store::closed_title(locale),
        (true, true) => w::scan::over_title(locale),
        (true, false) => w::scan::in_title(locale),
    };
    view! {
        <div class="notice" data-tone=move || if over.get() || !open.get() { "wait" } else { "go" } data-testid="admitted">
            {icon("scan")}
            <p class="notice__title" role="status">{title}</p>
            {text}
        </div>
    }
    .erase()
}

/// When a kiosk shows its next code, to whom this one lets in no more; `now` is when the page was made.
#[island]
pub fn NextCode(at: Timestamp, now: Timestamp, locale: Locale) -> impl IntoView {
    let clock = tab::ticking(now);
    let left = Memo::new(move |_| ((at - clock.get()).max(0) + 999) / 1000);
    let there = Memo::new(move |_| left.get() == 0);
    let time = move || {
        let (before, after) = w::scan::next_in_around(locale);
        (!there.get()).then(|| view! { {before}{move || minutes(left.get())}{after} })
    };
    view! { <p data-testid="next-code">{time}<span role="status">{move || there.get().then(|| w::scan::next_now(locale))}</span></p> }
}

fn minutes(seconds: i64) -> impl IntoView {
    view! { <time class="num" datetime=format!("PT{seconds}S")>{format!("{}:{:02}", seconds / 60, seconds % 60)}</time> }
}
