//! Where the order goes.

use domain::Locale;
use leptos::prelude::*;

use super::{Cart, typed::FORM};
use crate::{erase::Erase as _, pieces, wire::AddressFields, words as w};

pub(super) fn pickup(store: &str, wait_seconds: Option<i64>, locale: Locale) -> AnyView {
    let wait = wait_seconds.map(|seconds| {
        let (before, after) = w::checkout::pickup_wait_around(locale);
        view! { " "{before}<strong class="num">{pieces::wait(seconds, locale)}</strong>{after} }
    });
    view! {
        <section class="panel" aria-labelledby="how-title">
            <h2 id="how-title">{w::checkout::pickup(locale)}</h2>
            <p class="soft">{w::checkout::pickup_where(locale, store)}{wait}</p>
        </section>
    }
    .erase()
}

/// A field of the address.
struct Field {
    name: &'static str,
    label: &'static str,
    value: String,
    autocomplete: &'static str,
    required: bool,
}

pub(super) fn address(typed: &AddressFields, cart: Cart) -> AnyView {
    let locale = cart.locale;
    let fields = [
        ("name", w::checkout::name(locale), &typed.name, "name", true),
        ("line1", w::checkout::line1(locale), &typed.line1, "address-line1", true),
        ("line2", w::checkout::line2(locale), &typed.line2, "address-line2", false),
        ("city", w::checkout::city(locale), &typed.city, "address-level2", true),
        ("region", w::checkout::region(locale), &typed.region, "address-level1", false),
        ("postal_code", w::checkout::postal_code(locale), &typed.postal_code, "postal-code", true),
        ("country", w::checkout::country(locale), &typed.country, "country", true),
    ]
    .map(|(name, label, value, autocomplete, required)| field(Field { name, label, value: value.clone(), autocomplete, required }, cart))
    .collect_view();
    view! {
        <section class="panel" aria-labelledby="how-title">
            <h2 id="how-title">{w::checkout::ship(locale)}</h2>
            {fields}
        </section>
    }
    .erase()
}

fn field(field: Field, cart: Cart) -> AnyView {
    let Field { name, label, value, autocomplete, required } = field;
    let id = format!("address-{name}");
    let error = format!("{id}-error");
    let fault = Memo::new(move |_| {
        let pointer = format!("/fulfilment/address/{name}");
        cart.refusal.with(|refusal| {
            let fault = refusal.as_ref()?.faults.iter().find(|fault| fault.pointer == pointer)?;
            Some(w::refusal(&fault.code, cart.locale))
        })
    });
    let described = error.clone();
    let sentence = { move || fault.get().map(|text| view! { <p class="field-error" id=error.clone()>{pieces::icon("alert")}{text}</p> }) };
    view! {
        <div class="field">
            <label for=id.clone()>{label}</label>
            <input class="input" id=id form=FORM name=format!("address[{name}]") value=value autocomplete=autocomplete required=required
                maxlength="120" aria-invalid=move || fault.get().map(|_| "true") aria-describedby=move || fault.get().map(|_| described.clone())/>
            {sentence}
        </div>
    }
    .erase()
}
