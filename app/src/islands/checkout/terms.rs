//! What the shopper was told, and what has become otherwise since: a total that is no longer so, a door that has closed.

use domain::Money;
use leptos::prelude::*;

use super::{Cart, hold, sold_out};
use crate::{
    paths::notice::{STORE_CLOSED, TOTAL_CHANGED},
    pieces, words as w,
};

impl Cart {
    /// What these lines cost when the shopper was last told, and what they cost now, where that is not the same.
    pub(super) fn changed(self) -> Option<(Money, Money)> {
        let (left, now) = (self.left(), self.quote().ok()?.total);
        self.told.with(|told| told.as_ref().filter(|(lines, told)| *lines == left && *told != now).map(|(_, told)| (*told, now)))
    }
}

/// What is shown for lines that are new is what the shopper is told; for the same lines it is not forgotten what it was.
pub(super) fn tell(cart: Cart) {
    let (left, total) = untrack(|| (cart.left(), cart.quote().ok().map(|sums| sums.total)));
    let known = cart.told.with_untracked(|told| told.as_ref().is_some_and(|(lines, _)| *lines == left));
    if !known {
        cart.told.set(total.map(|total| (left, total)));
    }
}

/// The shopper has pressed where the page said that what it shows costs so much: that is what they were told.
pub(super) fn agree(cart: Cart, total: Option<Money>) {
    let left = untrack(|| cart.left());
    cart.told.set(total.map(|total| (left, total)));
}

/// The shopper agrees to what it costs now, which is held for them.
pub(super) fn confirm(cart: Cart) {
    agree(cart, untrack(|| cart.quote().ok().map(|sums| sums.total)));
    if !untrack(|| cart.is_held()) {
        hold::sync(cart);
    }
}

/// Above the button, where somebody is about to press it.
pub(super) fn notices(cart: Cart) -> impl IntoView {
    let locale = cart.locale;
    let changed = Memo::new(move |_| cart.changed());
    let total = move || {
        changed.get().map(|(told, now)| {
            let text = w::checkout::changed_text(locale, now.format(locale), told.format(locale));
            view! {
                <div class="notice" id=TOTAL_CHANGED tabindex="-1" data-tone="wait" role="alert" data-testid="total-changed">
                    {pieces::icon("alert")}<p class="notice__title">{w::checkout::changed(locale)}</p><p>{text}</p>
                </div>
            }
        })
    };
    let door = move || {
        let (title, text) = match (cart.closed.get(), cart.is_held()) {
            (false, _) => return None,
            (true, true) => (w::checkout::closed_held(locale), w::checkout::closed_held_text(locale)),
            (true, false) => (w::store::closed_title(locale), w::problem::store_closed(locale)),
        };
        Some(view! {
            <div class="notice" id=STORE_CLOSED tabindex="-1" data-tone="wait" role="alert" data-testid="store-closed">
                {pieces::icon("clock")}<p class="notice__title">{title}</p><p>{text}</p>
            </div>
        })
    };
    view! { {total}{sold_out::held_notice(cart)}{door} }
}
