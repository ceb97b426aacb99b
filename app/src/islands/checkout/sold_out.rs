//! What has sold out of an open cart: what is said of a line, and what is offered in its place.

use domain::{
    Fault, Locale,
    catalog::Menu,
    pricing::{self, LineRequest},
};
use leptos::{ev::SubmitEvent, prelude::*};

use super::{
    Cart,
    cart_line::{focus, focus_if_lost},
    hold,
};
use crate::{erase::Erase as _, paths, pieces, words as w};

/// What is wrong with a line, or has become so while it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    text: String,
    /// It can be ordered all the same: it is held.
    pub held: bool,
    /// What is sold out, by its names.
    pub gone: String,
    offer: Option<Offer>,
}

/// Something else for its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Offer {
    with: LineRequest,
    label: String,
    price: domain::Money,
}

impl Cart {
    /// What is to be said of a line.
    pub(super) fn trouble(self, id: &str) -> Option<Trouble> {
        let lines = self.left();
        let line = &lines.iter().find(|line| line.id == id)?.request;
        let held = self.locked(&lines).is_some();
        let fault = if held { self.unavailable(line)? } else { self.fault(id)? };
        let menu = self.menu.with(|menu| as_told(menu, line, &fault));
        let gone = gone(&menu, line, self.locale);
        let offer = pricing::alternative(&menu, line, self.now).and_then(|with| offer(&menu, line, with, self));
        let text = match (&*fault.code, fault.available) {
            ("out_of_stock", Some(left)) if left > 0 => w::cart::only_left(self.locale, left),
            ("out_of_stock" | "unavailable", _) if held => w::cart::gone_held(self.locale, &gone),
            ("out_of_stock" | "unavailable", _) if offer.is_some() => w::cart::gone_choose(self.locale, &gone),
            ("out_of_stock" | "unavailable", _) => w::cart::gone_remove(self.locale, &gone),
            ("unknown_option", _) => w::cart::line_options(self.locale).to_owned(),
            (code, _) => w::refusal(code, self.locale).to_owned(),
        };
        Some(Trouble { text, held, gone, offer })
    }

    /// What of a line was switched off. Units that are held for this very cart are there for it.
    fn unavailable(self, line: &LineRequest) -> Option<Fault> {
        let faults = self.mine.with(|menu| pricing::quote(menu, std::slice::from_ref(line), self.now)).err()?;
        faults.0.into_iter().find(|fault| fault.code == "unavailable")
    }
}

/// The menu with what the fault says, where the menu itself does not say so yet.
fn as_told(menu: &Menu, line: &LineRequest, fault: &Fault) -> Menu {
    let mut menu = menu.clone();
    let place = fault.pointer.split('/').skip(3).collect::<Vec<_>>();
    match (&*fault.code, &*place) {
        ("unavailable", ["sku"]) => sell_out(&mut menu, &line.sku),
        ("out_of_stock", _) if fault.available.is_none_or(|left| left <= 0) => sell_out(&mut menu, &line.sku),
        ("unavailable", ["options", at]) => {
            let id = at.parse::<usize>().ok().and_then(|at| line.options.get(at));
            menu.options_mut().filter(|option| id.is_some_and(|id| option.id.as_str() == id)).for_each(|option| option.available = false);
        }
        _ => {}
    }
    menu
}

fn sell_out(menu: &mut Menu, sku: &str) {
    menu.variants_mut().filter(|variant| variant.sku.as_str() == sku).for_each(|variant| variant.available = false);
}

/// What of a line is sold out: the item, else its options.
pub fn gone(menu: &Menu, line: &LineRequest, locale: Locale) -> String {
    match menu.variant(&line.sku) {
        Some((product, variant)) if !variant.available => {
            pieces::named(product.name.in_locale(locale), variant.name.in_locale(locale), locale)
        }
        _ => option_names(menu, &line.options, locale, |option| !option.available).join(w::menu::comma(locale)),
    }
}

fn option_names(menu: &Menu, ids: &[String], locale: Locale, keep: impl Fn(&domain::catalog::ModifierOption) -> bool) -> Vec<String> {
    let find = |id: &String| {
        let mut options = menu.products().flat_map(|product| &product.modifiers).flat_map(|group| &group.options);
        options.find(|option| option.id.as_str() == id)
    };
    let found = ids.iter().filter_map(find).filter(|option| keep(option));
    found.map(|option| option.name.in_locale(locale).to_owned()).collect()
}

/// `Take Soy milk instead`, `Take Flat white, Large instead`: what is other about it than what was chosen.
pub fn swap_label(menu: &Menu, from: &LineRequest, with: &LineRequest, locale: Locale) -> Option<String> {
    let (product, variant) = menu.variant(&with.sku)?;
    let mut parts = Vec::new();
    if with.sku != from.sku {
        let same_product = menu.variant(&from.sku).is_some_and(|(other, _)| other.id == product.id);
        let variant = variant.name.in_locale(locale);
        parts.push(if same_product { variant.to_owned() } else { pieces::named(product.name.in_locale(locale), variant, locale) });
    }
    let new: Vec<_> = with.options.iter().filter(|id| !from.options.contains(id)).cloned().collect();
    parts.extend(option_names(menu, &new, locale, |_| true));
    if !parts.is_empty() {
        return Some(w::cart::swap(locale, parts.join(" · ")));
    }
    let left_out: Vec<_> = from.options.iter().filter(|id| !with.options.contains(id)).cloned().collect();
    Some(w::cart::swap_without(locale, option_names(menu, &left_out, locale, |_| true).join(w::menu::comma(locale))))
}

fn offer(menu: &Menu, from: &LineRequest, with: LineRequest, cart: Cart) -> Option<Offer> {
    let price = pricing::quote(menu, std::slice::from_ref(&with), cart.now).ok()?.total;
    Some(Offer { label: swap_label(menu, from, &with, cart.locale)?, with, price })
}

/// Below a line: the sentence, and the button that takes what is offered. What comes here is read out by itself.
pub(super) fn notice(id: StoredValue<String>, trouble: Memo<Option<Trouble>>, cart: Cart) -> impl IntoView {
    let body = move || {
        trouble.get().map(|Trouble { text, held, offer, .. }| {
            view! {
                <p class="field-error" data-tone=held.then_some("wait")>{pieces::icon("alert")}{text}</p>
                {offer.map(|offer| swap_form(id, offer, cart))}
            }
        })
    };
    view! { <div class="line__trouble told" aria-live="polite" data-testid="line-trouble">{body}</div> }
}

fn swap_form(id: StoredValue<String>, offer: Offer, cart: Cart) -> AnyView {
    let Offer { with, label, price } = offer;
    let options = with.options.iter().map(|id| view! { <input type="hidden" name="options[]" value=id.clone()/> }).collect_view();
    let sku = with.sku.clone();
    // What is offered is withdrawn when what was sold out is back: whoever was about to take it stays at the line.
    Effect::new(move |_| {
        on_cleanup(move || {
            if let Some(id) = id.try_get_value().filter(|id| is_at_swap(id)) {
                focus_if_lost(id);
            }
        });
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if !untrack(|| cart.is_sent()) {
            id.with_value(|id| take(id, &with, cart));
        }
    };
    view! {
        <form method="post" action=paths::form::CART_SWAP on:submit=submit>
            <input type="hidden" name="store" value=cart.store.get_value()/>
            <input type="hidden" name="line" value=id.get_value()/>
            <input type="hidden" name="sku" value=sku/>
            {options}
            <button class="button button--quiet" data-testid="swap"
                aria-disabled=move || cart.is_sent().then_some("true")><span>{label}</span>{pieces::price(price, cart.locale)}</button>
        </form>
    }
    .erase()
}

/// Whether the button of a line has the focus that takes what is offered.
fn is_at_swap(id: &str) -> bool {
    let active = document().active_element().filter(|active| active.get_attribute("data-testid").as_deref() == Some("swap"));
    active.is_some_and(|active| active.closest(&format!("#line-{id}")).is_ok_and(|line| line.is_some()))
}

/// Puts it into the line's place, which is saved and held like any other change. The line is drawn anew: the focus goes with it.
fn take(id: &str, with: &LineRequest, cart: Cart) {
    cart.lines.update(|lines| {
        for line in lines.iter_mut().filter(|line| line.id == id) {
            line.request = LineRequest { quantity: line.request.quantity, ..with.clone() };
        }
    });
    // What was refused for what is not wanted any more is not said any longer.
    let over = |refusal: &crate::wire::Refusal| matches!(&*refusal.code, "item_unavailable" | "unknown_option" | "out_of_stock");
    if cart.refusal.with_untracked(|refusal| refusal.as_ref().is_some_and(over)) {
        cart.refusal.set(None);
    }
    hold::sync(cart);
    focus(Some(id.to_owned()));
}

/// What of the lines that are held has sold out meanwhile: said where somebody is about to press the button.
pub(super) fn held_notice(cart: Cart) -> impl IntoView {
    let gone = Memo::new(move |_| {
        let troubles = cart.left().into_iter().filter_map(|line| cart.trouble(&line.id)).filter(|trouble| trouble.held);
        troubles.map(|trouble| trouble.gone).collect::<Vec<_>>().join(w::menu::comma(cart.locale))
    });
    move || {
        gone.with(|names| (!names.is_empty()).then(|| w::checkout::gone(cart.locale, names))).map(|title| {
            view! {
                <div class="notice" data-tone="wait" data-testid="gone-held">
                    {pieces::icon("alert")}<p class="notice__title">{title}</p><p>{w::checkout::gone_text(cart.locale)}</p>
                </div>
            }
        })
    }
}
