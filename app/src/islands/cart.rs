//! The cart bar, and what the page's islands tell each other about the cart.

use std::cell::RefCell;

use domain::{Locale, StoreId};
use leptos::prelude::*;

use crate::{paths, pieces, wire::CartSummary, words as w};

thread_local! {
    /// The cart as it became since the page was loaded. Touched by effects and handlers alone: a server's thread serves many.
    static CHANGED: RefCell<Option<ArcRwSignal<Option<CartSummary>>>> = const { RefCell::new(None) };
}

/// The page's one signal of a changed cart.
pub fn changed() -> ArcRwSignal<Option<CartSummary>> {
    CHANGED.with_borrow_mut(|slot| slot.get_or_insert_with(|| ArcRwSignal::new(None)).clone())
}

/// The cart, always in reach of the thumb; nothing while it is empty.
#[island]
pub fn CartBar(store: StoreId, cart: CartSummary, locale: Locale) -> impl IntoView {
    let (shown, set_shown) = signal(cart);
    Effect::new(move |_| {
        if let Some(cart) = changed().get() {
            set_shown.set(cart);
        }
    });
    let href = paths::checkout(&store);
    move || {
        let cart = shown.get();
        let href = href.clone();
        (cart.count > 0).then(|| {
            view! {
                <aside class="cart-bar" aria-label=w::cart::bar(locale)>
                    <a class="button button--tall button--split" href=href data-testid="cart-bar">
                        <span class="row">
                            <span class="cart-bar__count" aria-hidden="true"><span class="changed">{cart.count}</span></span>
                            {w::cart::view(locale)}
                            <span class="sr-only">{w::menu::comma(locale)}{w::cart::items(locale, cart.count)}</span>
                        </span>
                        {cart.total.map(|total| pieces::price(total, locale))}
                    </a>
                </aside>
            }
        })
    }
}
