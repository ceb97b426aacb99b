//! What there is and what is sold out: counts for the warehouse, switches for the bar.

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
    failure::Failure,
    seo::{Head, head},
    visit::{Visit, page, param, query},
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
    let asked = (param("store"), query("error"), query("saved"));
    page(async move { body(visit, asked).await })
}

async fn body(visit: Visit, (store, error, saved): (String, Option<String>, Option<String>)) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let row = visit.store(&store).await?;
    let Caller::User { .. } = &visit.caller else { return Err(Failure::SignIn) };
    let (counts, switches) = (visit.caller.may(Right::Stock, &row.id), visit.caller.may(Right::Switch, &row.id));
    if !counts && !switches {
        return Err(Failure::Forbidden);
    }
    let menu = visit.menu(&row.id).await?;
    let levels = visit.backend.stock.levels(&mut visit.backend.db.reader(), &row.id).await?;
    let levels: BTreeMap<Sku, StockLevel> = levels.into_iter().map(|level| (level.sku.clone(), level)).collect();
    let head = head(&visit, Head { title: w::stock::page_title(locale, row.name.in_locale(locale)), ..Head::default() });
    let saved = saved.and_then(|sku| {
        let (product, variant) = menu.variant(&sku)?;
        let level = levels.get(&variant.sku)?;
        let text = w::stock::saved(locale, name_of(product, variant, locale), level.on_hand);
        Some(view! { <div class="notice" data-tone="go" role="status">{icon("check")}<p class="notice__title">{text}</p></div> })
    });
    let body = view! {
        {head}
        {saved}
        {counts.then(|| counted(&row.id, &menu, &levels, locale))}
        {switches.then(|| switchable(&row.id, &menu, locale))}
    };
    Ok(store_frame(&visit, &row, Tab::Stock, error.as_deref(), body.into_any()))
}

/// `Flat white, Large`.
fn name_of(product: &Product, variant: &Variant, locale: Locale) -> String {
    named(product.name.in_locale(locale), variant.name.in_locale(locale), locale)
}

/// The items that are counted, with a form each to correct the count.
fn counted(store: &StoreId, menu: &Menu, levels: &BTreeMap<Sku, StockLevel>, locale: Locale) -> AnyView {
    let key = Uuid::now_v7();
    let rows: Vec<_> = menu
        .products()
        .flat_map(|product| product.variants.iter().map(move |variant| (product, variant)))
        .filter_map(|(product, variant)| Some((name_of(product, variant, locale), levels.get(&variant.sku)?)))
        .map(|(name, level)| count(store, name, level, key, locale))
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

fn count(store: &StoreId, name: String, level: &StockLevel, key: Uuid, locale: Locale) -> AnyView {
    let sku = level.sku.to_string();
    let (units, free) = (format!("units-{sku}"), level.free());
    let tone = match free {
        ..=0 => "stop",
        1..=3 => "wait",
        _ => "go",
    };
    let word = if free <= 0 { w::staff::sold_out(locale).to_owned() } else { w::stock::free(locale, free) };
    let hows = [("add", w::stock::add(locale)), ("remove", w::stock::remove(locale)), ("count", w::stock::count(locale))]
        .map(|(value, label)| view! { <option value=value>{label}</option> })
        .collect_view();
    let reasons = [
        ("received", w::stock::reason_received(locale)),
        ("counted", w::stock::reason_counted(locale)),
        ("waste", w::stock::reason_waste(locale)),
        ("damaged", w::stock::reason_damaged(locale)),
        ("returned", w::stock::reason_returned(locale)),
    ]
    .map(|(value, label)| view! { <option value=value>{label}</option> })
    .collect_view();
    view! {
        <li class="count" id=format!("count-{sku}") data-testid="count">
            <details>
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
                        <input class="input" id=units name="units" type="number" inputmode="numeric" min="0" max="1000000" step="1" required=true/></div>
                    <div class="field"><label for=format!("why-{sku}")>{w::stock::reason(locale)}</label><select class="input" id=format!("why-{sku}") name="reason">{reasons}</select></div>
                    <button class="button button--tall">{w::stock::book(locale)}</button>
                </form>
            </details>
        </li>
    }
    .into_any()
}

/// Sold out and back: every item by category, and the options.
fn switchable(store: &StoreId, menu: &Menu, locale: Locale) -> AnyView {
    let mut options: Vec<_> = menu.products().flat_map(|product| &product.modifiers).flat_map(|group| &group.options).collect();
    options.sort_by(|a, b| a.id.cmp(&b.id));
    options.dedup_by(|a, b| a.id == b.id);
    let groups = menu.categories.iter().map(|category| {
        let rows = category.products.iter().flat_map(|product| {
            product.variants.iter().map(move |variant| {
                let name = name_of(product, variant, locale);
                switch(Switch { store, field: "sku", id: variant.sku.as_str(), name, note: None, on: variant.available }, locale)
            })
        });
        let rows = rows.collect_view();
        view! { <details class="fold"><summary>{category.name.in_locale(locale).to_owned()}</summary><ul class="stock-list">{rows}</ul></details> }
    });
    let groups = groups.collect_view();
    let options = (!options.is_empty()).then(|| {
        let rows = options.into_iter().map(|option| {
            let name = option.name.in_locale(locale).to_owned();
            let note = Some(w::staff::option(locale));
            switch(Switch { store, field: "option", id: option.id.as_str(), name, note, on: option.available }, locale)
        });
        let rows = rows.collect_view();
        view! { <details class="fold"><summary>{w::staff::options(locale)}</summary><ul class="stock-list">{rows}</ul></details> }
    });
    view! {
        <section class="panel" id="switches" aria-labelledby="switches-title">
            <h2 id="switches-title">{w::staff::switches(locale)}</h2>
            <div>{groups}{options}</div>
        </section>
    }
    .into_any()
}

struct Switch<'a> {
    store: &'a StoreId,
    /// `sku` or `option`.
    field: &'static str,
    id: &'a str,
    name: String,
    note: Option<&'static str>,
    on: bool,
}

fn switch(item: Switch<'_>, locale: Locale) -> AnyView {
    let Switch { store, field, id, name, note, on } = item;
    let word = if on { w::staff::on_sale(locale) } else { w::staff::sold_out(locale) };
    view! {
        <li class="stock-row" id=format!("{store}-{id}")>
            <p class="stock-row__name">{name.clone()}{note.map(|note| view! { <small>{note}</small> })}</p>
            <form method="post" action=paths::form::ITEM>
                <input type="hidden" name="store" value=store.to_string()/>
                <input type="hidden" name=field value=id.to_owned()/>
                <button class="switch" role="switch" name="available" value=(!on).to_string() aria-checked=on.to_string()>
                    <span class="sr-only">{name}{w::menu::colon(locale)}</span>{word}
                </button>
            </form>
        </li>
    }
    .into_any()
}
