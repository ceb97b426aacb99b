//! The cart bar, how something is put into the cart, and what the page's islands tell each other about it.

use std::cell::RefCell;

use domain::{Locale, StoreId};
use leptos::prelude::*;

use crate::{
    paths, pieces, tab,
    wire::{CartAnswer, CartSummary, Refusal},
    words as w,
};

thread_local! {
    /// The cart as it became since the page was loaded. Touched by effects and handlers alone: a server's thread serves many.
    static CHANGED: RefCell<Option<ArcRwSignal<Option<CartSummary>>>> = const { RefCell::new(None) };
}

/// The page's one signal of a changed cart.
pub fn changed() -> ArcRwSignal<Option<CartSummary>> {
    CHANGED.with_borrow_mut(|slot| slot.get_or_insert_with(|| ArcRwSignal::new(None)).clone())
}

/// Puts what a form says into the cart. `open`: the form's key, as long as nobody knows whether what was sent under it was done. Sent
/// again, it is the same; what is pressed after an answer is another wish.
pub async fn add(form: &web_sys::HtmlFormElement, open: StoredValue<Option<String>>) -> Result<CartAnswer, tab::Unreachable> {
    let key = open.try_get_value().flatten().unwrap_or_else(tab::new_key);
    let fields = format!("{}&key={key}", tab::fields(form)?);
    let _ = open.try_set_value(Some(key));
    let answer = tab::ask(paths::form::CART_ADD, tab::Body::Form(&fields)).await?.answer::<CartAnswer>()?;
    if !matches!(&answer, CartAnswer::Refused(refusal) if refusal.is_open()) {
        let _ = open.try_set_value(None);
    }
    Ok(answer)
}

/// Why nothing was put into the cart: how many more would fit is said with the fault.
pub fn why(refusal: Refusal, locale: Locale) -> String {
    match &*refusal.faults {
        [fault] if fault.code == "quantity_out_of_range" => fault.detail.clone(),
        _ => w::refusal(&refusal.of_cart().code, locale).to_owned(),
    }
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
