//! What went wrong at the checkout, and when that is over.

use domain::view::StoreView;
use leptos::prelude::*;

use super::{Cart, hold, typed};
use crate::{paths, tab, wire::Refusal};

/// What the page says of itself, and no server ever says: there is no network, a change has not come through. What else did
/// not come through has a word for all carts.
pub(super) const OFFLINE: &str = "offline";
pub(super) const UNSAVED: &str = "unsaved";
pub(super) const UNREACHED: &str = "unreachable";

/// What a cart is refused for that another page has changed.
pub(super) const CART_CHANGED: &str = "cart_changed";

/// What an order from a wallet is refused for that is too short.
pub(super) const INSUFFICIENT_FUNDS: &str = "insufficient_funds";

/// What an order is refused for that has nothing to do with what is held for it: that stays held, at its price.
const STILL_HELD: [&str; 5] = ["payment_missing", INSUFFICIENT_FUNDS, "order_limit_reached", "rate_limited", "too_many_orders"];

/// What a cart is refused for until its store takes orders again.
pub(super) const WAITING: [&str; 2] = ["store_closed", "store_at_capacity"];

/// Takes a refusal back once its reason is gone: the store is open again, the network is back. The cart is held then.
pub(super) fn forget_what_is_over(cart: Cart, status: Signal<StoreView>) {
    let refused_for = move |codes: &[&str]| untrack(|| cart.is_refused_for(codes));
    Effect::new(move |_| {
        if status.with(|store| store.accepting) && refused_for(&WAITING) {
            cart.forget();
        }
    });
    Effect::new(move |_| {
        if !cart.offline.get() && refused_for(&[OFFLINE]) {
            cart.forget();
        }
    });
}

impl Cart {
    /// The order was refused.
    pub(super) fn not_placed(self, refusal: Refusal) {
        if STILL_HELD.contains(&&*refusal.code) {
            self.say(refusal);
        } else {
            self.refused(refusal);
        }
    }

    /// Says what went wrong; nothing is held any more, as far as that is known. What costs more than it did is held anew, for the
    /// page to say how much.
    pub(super) fn refused(self, refusal: Refusal) {
        if refusal.code == "no_lines" {
            // It was ordered, or emptied on another page, and this one is of before.
            return self.load_anew();
        }
        if refusal.code == CART_CHANGED {
            return self.look_again();
        }
        let again = refusal.code == "total_changed";
        if !refusal.is_open() {
            self.held.set(None);
        }
        self.pressed.set(None);
        self.say(refusal);
        if again && !self.ships {
            hold::sync(self);
        }
    }

    /// Takes back what was said, whose reason is gone, and goes on.
    pub(super) fn forget(self) {
        self.refusal.set(None);
        if untrack(|| hold::is_unsaved(self)) {
            hold::sync(self);
        } else {
            hold::begin(self);
        }
    }

    /// Whether the order was sent off: what is shown is what is ordered, and is not changed any more.
    pub(super) fn is_sent(self) -> bool {
        self.ordering.get() || self.pressed.with(Option::is_some)
    }

    /// Whether what the page says went wrong is one of these.
    pub(super) fn is_refused_for(self, codes: &[&str]) -> bool {
        self.refusal.with(|refusal| refusal.as_ref().is_some_and(|refusal| codes.contains(&&*refusal.code)))
    }

    /// Another page has changed the cart: what would be ordered has to be seen first. What was typed here is still to be sent.
    pub(super) fn look_again(self) {
        if let Some(store) = self.store.try_get_value() {
            typed::leave_behind(&store);
            self.leave_for(&format!("{}?error={CART_CHANGED}", paths::checkout(store)));
        }
    }

    /// Loads the page as the cart is now.
    pub(super) fn load_anew(self) {
        if let Some(store) = self.store.try_get_value() {
            self.leave_for(&paths::checkout(store));
        }
    }

    /// Goes to a page of the cart as it is now; what was pressed, and what is pressed before that is there, is not about that.
    pub(super) fn leave_for(self, page: &str) {
        let _ = self.pressed.try_set(None);
        let _ = self.ordering.try_set(true);
        tab::go(page);
    }

    /// Says what went wrong, where people look.
    pub(super) fn say(self, refusal: Refusal) {
        self.refusal.set(Some(refusal));
        request_animation_frame(|| {
            if let Some(notice) = document().get_element_by_id("problem") {
                notice.scroll_into_view();
            }
        });
    }
}
