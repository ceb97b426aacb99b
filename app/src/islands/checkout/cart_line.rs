//! A line of the cart: what it is, how many, and what is wrong with it.

use leptos::{ev::SubmitEvent, prelude::*};
use wasm_bindgen::JsCast as _;

use super::{Cart, hold, sold_out};
use crate::{erase::Erase as _, paths, pieces, wire::Line, words as w};
use domain::pricing::MAX_QUANTITY;

/// A line with its own form: each button is a quantity, also without scripts.
pub(super) fn cart_line(line: Line, cart: Cart) -> AnyView {
    let locale = cart.locale;
    let id = StoredValue::new(line.id.clone());
    let (name, options, picture) = cart.menu.with_untracked(|menu| {
        let Some((product, variant)) = menu.variant(&line.request.sku) else { return (line.request.sku.clone(), String::new(), None) };
        let variant_name = variant.name.in_locale(locale);
        let name = pieces::named(product.name.in_locale(locale), variant_name, locale);
        let chosen = |id: &String| {
            let option = product.modifiers.iter().flat_map(|group| &group.options).find(|option| option.id.as_str() == id)?;
            Some(option.name.in_locale(locale).to_owned())
        };
        let options: Vec<_> = line.request.options.iter().filter_map(chosen).collect();
        (name, options.join(" · "), product.image.as_ref().map(|image| image.url.clone()))
    });
    let quantity = Memo::new(move |_| {
        cart.lines.with(|lines| lines.iter().find(|line| id.with_value(|id| *id == line.id)).map_or(0, |line| line.request.quantity))
    });
    let total = move || id.with_value(|id| cart.line_total(id)).map(|total| pieces::price(total, locale));
    let trouble = Memo::new(move |_| id.with_value(|id| cart.trouble(id)));
    let wrong = move || trouble.with(|trouble| trouble.as_ref().is_some_and(|trouble| !trouble.held).then_some("true"));
    let submit = move |event: SubmitEvent| {
        let wanted = event
            .submitter()
            .and_then(|button| button.dyn_into::<web_sys::Element>().ok())
            .and_then(|button| button.get_attribute("value"));
        let Some(wanted) = wanted.and_then(|value| value.parse::<i64>().ok()) else { return };
        event.prevent_default();
        if untrack(|| cart.is_sent()) || wanted == quantity.get_untracked() {
            return;
        }
        let neighbour = (wanted == 0).then(|| id.with_value(|id| neighbour(cart, id)));
        cart.lines.update(|lines| {
            if let Some(line) = lines.iter_mut().find(|line| id.with_value(|id| *id == line.id)) {
                line.request.quantity = wanted.clamp(0, MAX_QUANTITY);
            }
        });
        hold::sync(cart);
        if let Some(neighbour) = neighbour {
            focus(neighbour);
        }
    };
    // Not `disabled`, which would take the focus of who works by keyboard.
    let too_late = move || cart.is_sent().then_some("true");
    let least = move || (cart.is_sent() || quantity.get() <= 1).then_some("true");
    let most = move || (cart.is_sent() || quantity.get() >= MAX_QUANTITY).then_some("true");
    let place = format!("line-{}", line.id);
    let picture = match picture {
        Some(url) => view! { <img class="line__picture" src=url width="400" height="300" alt=""/> }.erase(),
        None => view! { <span class="line__picture"></span> }.erase(),
    };
    view! {
        <li class="line" id=place tabindex="-1" data-wrong=wrong data-testid="line">
            {picture}
            <div><p class="line__name">{name.clone()}</p><p class="line__options">{options}</p></div>
            <p class="line__price">{total}</p>
            {sold_out::notice(id, trouble, cart)}
            <form class="line__actions" method="post" action=paths::form::CART_SET on:submit=submit>
                <input type="hidden" name="store" value=cart.store.get_value()/>
                <input type="hidden" name="line" value=line.id/>
                <div class="stepper" role="group" aria-label=w::cart::quantity_of(locale, &name)>
                    <button class="stepper__button" name="quantity" value=move || (quantity.get() - 1).max(1) aria-label=w::cart::less(locale, &name)
                        aria-disabled=least>{pieces::icon("minus")}</button>
                    <output class="stepper__value">{quantity}</output>
                    <button class="stepper__button" name="quantity" value=move || (quantity.get() + 1).min(MAX_QUANTITY)
                        aria-label=w::cart::more(locale, &name) aria-disabled=most>{pieces::icon("plus")}</button>
                </div>
                <button class="button button--plain" name="quantity" value="0" aria-label=w::cart::remove_label(locale, &name)
                    aria-disabled=too_late>{w::cart::remove(locale)}</button>
            </form>
        </li>
    }
    .erase()
}

/// The line that stands where this one was when it is gone: the next, else the one before.
fn neighbour(cart: Cart, id: &str) -> Option<String> {
    let mut lines = untrack(|| cart.left());
    let at = lines.iter().position(|line| line.id == id)?;
    lines.remove(at);
    let next = at.min(lines.len().checked_sub(1)?);
    Some(lines.swap_remove(next).id)
}

/// Gives the focus to a line, where nothing else has it once the page is drawn anew.
pub(super) fn focus_if_lost(line: String) {
    request_animation_frame(move || {
        if document().active_element().is_none_or(|active| active.tag_name() == "BODY") {
            focus(Some(line));
        }
    });
}

/// Gives the focus to a line once it is drawn, and to the title of the cart where there is none.
pub(super) fn focus(line: Option<String>) {
    request_animation_frame(move || {
        let line = line.and_then(|id| document().get_element_by_id(&format!("line-{id}")));
        let place = line.or_else(|| document().get_element_by_id("cart-title"));
        if let Some(place) = place.and_then(|place| place.dyn_into::<web_sys::HtmlElement>().ok()) {
            let _ = place.focus();
        }
    });
}
