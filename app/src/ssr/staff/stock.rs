//! What there is of what is counted, and the forms that correct it. What is sold out is switched on the page of the [`super::menu`].

use std::collections::BTreeMap;

use backend::{
    identity::{Caller, Right},
    inventory::StockLevel,
};
use domain::{
    Locale, Sku, StoreId,
    catalog::{Menu, Product, Variant},
};
use leptos::prelude::*;
use uuid::Uuid;

use super::super::{
    actions::typed::Typed,
    failure::Failure,
    seo::{Head, head},
    visit::{Visit, lead_to, page, param, query},
};
use super::frame::{Tab, store_frame};
use crate::{
    paths,
    pieces::{icon, named},
    words as w,
};

/// `/staff/{store}/stock`
#[component]
pub fn StockPage() -> impl IntoView {
    let visit = Visit::here();
    let asked = Asked {
        store: param("store"),
        error: query("error"),
        item: query("item"),
        saved: query("saved"),
        saved_before: query("saved_before"),
    };
    page(async move { body(visit, asked).await })
}

/// What the address says.
struct Asked {
    store: String,
    error: Option<String>,
    /// At which item it is said.
    item: Option<String>,
    /// The item that was just booked.
    saved: Option<String>,
    /// The item of a form that had been booked before.
    saved_before: Option<String>,
}

async fn body(visit: Visit, asked: Asked) -> Result<AnyView, Failure> {
    let Asked { store, error, item, saved, saved_before } = asked;
    let locale = visit.locale;
    let row = visit.store(&store).await?;
    let Caller::User { .. } = &visit.caller else { return Err(Failure::SignIn) };
    let switches = visit.caller.may(Right::Switch, &row.id);
    if !visit.caller.may(Right::Stock, &row.id) {
        if switches {
            // Who kept the address of the switches, which stood here.
            return Ok(lead_to(&paths::menu(&row.id)));
        }
        return Err(Failure::Forbidden);
    }
    let menu = visit.menu(&row.id).await?;
    let levels = visit.backend.stock.levels(&mut visit.backend.db.reader(), &row.id).await?;
    let levels: BTreeMap<Sku, StockLevel> = levels.into_iter().map(|level| (level.sku.clone(), level)).collect();
    let head = head(&visit, Head { title: w::stock::page_title(locale, row.name.in_locale(locale)), ..Head::default() });
    let booked = saved.map(|sku| (sku, false)).or(saved_before.map(|sku| (sku, true)));
    let booked = booked.and_then(|(sku, before)| {
        let (product, variant) = menu.variant(&sku)?;
        let (name, left) = (name_of(product, variant, locale), levels.get(&variant.sku)?.on_hand);
        let (tone, sign, text) = if before {
            ("wait", "info", w::stock::saved_before(locale, name, left))
        } else {
            ("go", "check", w::stock::saved(locale, name, left))
        };
        // At the item, which is where the form leads back to.
        let said = view! { <div class="notice" data-tone=tone role="status">{icon(sign)}<p class="notice__title">{text}</p></div> };
        Some((variant.sku.clone(), said.into_any()))
    });
    let to_menu = switches.then(|| {
        view! { <div class="row"><a class="button button--plain" href=paths::menu(&row.id)>{w::stock::to_menu(locale)}{icon("forward")}</a></div> }
    });
    // What is said at its item is not said twice.
    let at_item = item.filter(|item| levels.keys().any(|sku| sku.as_str() == item));
    let above = error.clone().filter(|_| at_item.is_none());
    let fault = at_item.zip(error).map(|(sku, code)| Refused { sku, code, typed: Typed::take() });
    let body = view! {
        {head}
        {counted(&row.id, &menu, &levels, booked, fault.as_ref(), locale)}
        {to_menu}
    };
    Ok(store_frame(&visit, &row, Tab::Stock, above.as_deref(), body.into_any()))
}

/// The form that came back, and why.
struct Refused {
    sku: String,
    code: String,
    typed: Option<Typed>,
}

/// `Flat white, Large`.
fn name_of(product: &Product, variant: &Variant, locale: Locale) -> String {
    named(product.name.in_locale(locale), variant.name.in_locale(locale), locale)
}

/// The items that are counted, with a form each to correct the count. `booked`: what is said at the one that was booked.
fn counted(
    store: &StoreId,
    menu: &Menu,
    levels: &BTreeMap<Sku, StockLevel>,
    mut booked: Option<(Sku, AnyView)>,
    refused: Option<&Refused>,
    locale: Locale,
) -> AnyView {
    let key = Uuid::now_v7();
    let rows: Vec<_> = menu
        .products()
        .flat_map(|product| product.variants.iter().map(move |variant| (product, variant)))
        .filter_map(|(product, variant)| Some((name_of(product, variant, locale), levels.get(&variant.sku)?)))
        .map(|(name, level)| {
            let booked = booked.take_if(|(sku, _)| *sku == level.sku).map(|(_, said)| said);
            count(store, name, level, booked, refused.filter(|refused| refused.sku == level.sku.as_str()), key, locale)
        })
        .collect();
    let rows = if rows.is_empty() {
        view! { <p class="soft">{w::stock::nothing_counted(locale)}</p> }.into_any()
    } else {
        view! { <ul class="stock-list" data-testid="counts">{rows}</ul> }.into_any()
    };
    view! {
        <section class="panel" aria-labelledby="counts-title">
            <h2 id="counts-title">{w::stock::counts(locale)}</h2>
            {rows}
        </section>
    }
    .into_any()
}

fn count(
    store: &StoreId,
    name: String,
    level: &StockLevel,
    booked: Option<AnyView>,
    refused: Option<&Refused>,
    key: Uuid,
    locale: Locale,
) -> AnyView {
    let sku = level.sku.to_string();
    let (units, free) = (format!("units-{sku}"), level.free());
    let (hint, error) = (format!("{units}-hint"), format!("{units}-error"));
    let tone = match free {
        ..=0 => "stop",
        1..=3 => "wait",
        _ => "go",
    };
    let word = if free <= 0 { w::staff::sold_out(locale).to_owned() } else { w::stock::free(locale, free) };
    let typed = |field: &str| Typed::value(refused.and_then(|refused| refused.typed.as_ref()), "stock", field);
    let choices = |field: &str, all: &[(&'static str, &'static str)]| {
        let chosen = typed(field);
        let choice = |(value, label): &(&'static str, &'static str)| {
            view! { <option value=*value selected=chosen.as_deref() == Some(*value)>{*label}</option> }
        };
        all.iter().map(choice).collect_view()
    };
    let hows = choices("how", &[("add", w::stock::add(locale)), ("remove", w::stock::remove(locale)), ("count", w::stock::count(locale))]);
    let reasons = choices(
        "reason",
        &[
            ("received", w::stock::reason_received(locale)),
            ("counted", w::stock::reason_counted(locale)),
            ("waste", w::stock::reason_waste(locale)),
            ("damaged", w::stock::reason_damaged(locale)),
            ("returned", w::stock::reason_returned(locale)),
        ],
    );
    let bound = if level.held > 0 { w::stock::bound(locale, free, level.held) } else { w::stock::bound_none(locale, free) };
    let described = if refused.is_some() { format!("{error} {hint}") } else { hint.clone() };
    let said = refused.map(|refused| {
        view! { <p class="field-error" id=error role="alert">{icon("alert")}{w::refusal_at_work(&refused.code, locale)}</p> }
    });
    view! {
        <li class="count" id=format!("count-{sku}") data-testid="count">
            {booked}
            <details open=refused.is_some()>
                <summary class="count__head">
                    <span class="stock-row__name">{name}<small class="num">{w::stock::level(locale, level.held, level.on_hand)}</small></span>
                    <span class="pill" data-tone=tone>{word}</span>
                </summary>
                <form class="count__form" method="post" action=paths::form::STOCK>
                    <input type="hidden" name="store" value=store.to_string()/>
                    <input type="hidden" name="sku" value=sku.clone()/>
                    <input type="hidden" name="key" value=key.to_string()/>
                    <div class="field"><label for=format!("how-{sku}")>{w::stock::how(locale)}</label><select class="input" id=format!("how-{sku}") name="how">{hows}</select></div>
                    <div class="field"><label for=units.clone()>{w::stock::units(locale)}</label>
                        <input class="input" id=units name="units" type="number" inputmode="numeric" min="0" max="1000000" step="1" required=true
                            value=typed("units") aria-invalid=refused.map(|_| "true") aria-describedby=described/></div>
                    <div class="field"><label for=format!("why-{sku}")>{w::stock::reason(locale)}</label><select class="input" id=format!("why-{sku}") name="reason">{reasons}</select></div>
                    <button class="button button--tall">{w::stock::book(locale)}</button>
                    <div class="count__said">{said}<p class="field__hint" id=hint>{bound}</p></div>
                </form>
            </details>
        </li>
    }
    .into_any()
}
