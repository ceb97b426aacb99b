//! A product in the menu: sold out and back without a reload, and into the cart with one press where nothing is to choose.

use domain::{Locale, Money, ProductId, Sku, StoreId, view::MenuChange};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsCast as _;

use super::cart;
use crate::{erase::Erase as _, live, paths, pieces, tab, wire::CartAnswer, words as w};

/// What a card needs of a variant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CardVariant {
    pub sku: Sku,
    pub price: Money,
    pub list_price: Money,
    pub available: bool,
}

impl CardVariant {
    fn take(&mut self, change: &MenuChange) {
        if change.sku.as_ref() == Some(&self.sku) {
            self.available = change.available;
            if let Some(price) = change.price {
                self.price = price;
            }
        }
    }
}

/// A card around its picture, name and text, which never change.
///
/// `menu`: the version of the menu it was made from. `ready`: nothing has to be chosen, so it can go straight to the cart.
#[island]
pub fn ProductCard(
    store: StoreId,
    product: ProductId,
    name: String,
    variants: Vec<CardVariant>,
    menu: i64,
    ready: bool,
    locale: Locale,
    children: Children,
) -> impl IntoView {
    let changes = live::menu_changes(&store, menu);
    let variants = Signal::derive(move || {
        let mut variants = variants.clone();
        if let Some(changes) = changes.get() {
            for change in &changes.changed {
                for variant in &mut variants {
                    variant.take(change);
                }
            }
        }
        variants
    });
    let available = Memo::new(move |_| variants.with(|all| all.iter().any(|variant| variant.available)));
    let foot = move || {
        if !available.get() {
            return view! { <p class="product-card__price"><span class="pill" data-tone="stop">{w::menu::sold_out(locale)}</span></p> }
                .erase();
        }
        variants.with(|all| price(all, locale)).erase()
    };
    let add = (ready && variants.with_untracked(|all| all.len() == 1)).then(|| {
        let sku = variants.with_untracked(|all| all[0].sku.to_string());
        view! { {move || available.get().then(|| add_form(store.to_string(), product.to_string(), sku.clone(), name.clone(), locale))} }
    });
    view! {
        <article class="product-card" data-available=move || available.get().to_string()>
            {children()}
            <div class="product-card__foot">{foot}{add}</div>
        </article>
    }
    .erase()
}

/// The price in force, with what it was where it is a special one; the lowest of several.
fn price(variants: &[CardVariant], locale: Locale) -> impl IntoView + use<> {
    let cheapest = variants.iter().filter(|variant| variant.available).min_by_key(|variant| variant.price.amount)?;
    let several = variants.iter().any(|variant| variant.price != cheapest.price);
    let (before, after) = if several { w::menu::from_around(locale) } else { ("", "") };
    let was = (cheapest.list_price.amount > cheapest.price.amount).then(|| {
        view! {
            <span class="sr-only">{w::menu::price_was(locale)}" "</span>
            <s class="list-price">{cheapest.list_price.format(locale)}</s>
            <span class="sr-only">" "{w::menu::price_now(locale)}</span>
            " "
        }
    });
    Some(view! {
        <p class="product-card__price"><small>{before}</small>{was}{pieces::price(cheapest.price, locale)}<small>{after}</small></p>
    })
}

fn add_form(store: String, product: String, sku: String, name: String, locale: Locale) -> AnyView {
    let (busy, key) = (tab::busy(), StoredValue::new(None));
    let failed = RwSignal::new(None::<String>);
    let added = RwSignal::new(false);
    let checkout = paths::checkout(&store);
    let said = w::menu::added(locale, &name);
    let send = move |event: SubmitEvent| {
        let Some(form) = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlFormElement>().ok()) else { return };
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        failed.set(None);
        spawn_local(async move {
            match cart::add(&form, key).await {
                Ok(CartAnswer::Done(summary)) => {
                    cart::changed().set(Some(summary));
                    let _ = added.try_set(true);
                }
                Ok(CartAnswer::Refused(refusal)) => failed.set(Some(cart::why(refusal, locale))),
                Err(tab::Unreachable) => failed.set(Some(w::refusal("unreachable", locale).to_owned())),
            }
            let _ = busy.try_set(false);
        });
    };
    view! {
        <form method="post" action=paths::form::CART_ADD on:submit=send>
            <input type="hidden" name="store" value=store/>
            <input type="hidden" name="product" value=product/>
            <input type="hidden" name="sku" value=sku/>
            <input type="hidden" name="quantity" value="1"/>
            <button class="product-card__add" aria-label=w::menu::add(locale, name) aria-busy=move || busy.get().to_string()>
                {pieces::icon("plus")}
            </button>
            // Who goes by keyboard has the cart as the next stop.
            {move || added.get().then(|| view! {
                <span role="status" class="sr-only">{said.clone()}</span>
                <a class="product-card__view" href=checkout.clone()>{w::cart::view(locale)}</a>
            })}
            {move || failed.get().map(|text| view! { <p class="field-error" role="alert">{text}</p> })}
        </form>
    }
    .erase()
}
