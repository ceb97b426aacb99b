//! Opens and closes a store.

use domain::{Locale, view::StoreView};
use leptos::prelude::*;

use super::store_status::newest;
use crate::{erase::Erase as _, paths, words as w};

/// The switch where nothing else of the page is alive: it moves with the store, whoever has moved it. `back`: the page to come
/// back to.
#[island(lazy)]
pub fn OpenSwitch(store: StoreView, back: String, locale: Locale) -> impl IntoView {
    let id = store.id.to_string();
    let store = newest(store);
    open_switch(id, back, Signal::derive(move || store.with(|store| store.open)), locale)
}

/// A plain form: the switch moves when the news of it comes, and with the page.
pub(super) fn open_switch(store: String, back: String, open: Signal<bool>, locale: Locale) -> AnyView {
    view! {
        <form method="post" action=paths::form::OPEN>
            <input type="hidden" name="store" value=store/>
            <input type="hidden" name="back" value=back/>
            <button class="switch" role="switch" name="open" value=move || (!open.get()).to_string() aria-checked=move || open.get().to_string()>
                {move || if open.get() { w::staff::open_for_orders(locale) } else { w::staff::closed_for_orders(locale) }}
            </button>
        </form>
    }
    .erase()
}
