//! Sold out, and back: the switches of a store's menu, for the bar.

use backend::identity::{Caller, Right};
use domain::{Locale, catalog::Menu};
use leptos::prelude::*;
use leptos_meta::Html;

use super::super::{
    failure::Failure,
    seo::{Head, head},
    visit::{Visit, clock, page, param, query},
};
use super::frame::{Tab, store_frame};
use crate::{
    islands::{MenuSwitches, SwitchGroup, SwitchRow, SwitchState},
    paths,
    pieces::{icon, named},
    words as w,
};

/// `/staff/{store}/menu`
#[component]
pub fn MenuPage() -> impl IntoView {
    let visit = Visit::here();
    let asked = (param("store"), query("error"), query("q").unwrap_or_default(), query("only").is_some());
    page(async move { body(visit, asked).await })
}

async fn body(visit: Visit, (store, error, name, only): (String, Option<String>, String, bool)) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let row = visit.store(&store).await?;
    let Caller::User { .. } = &visit.caller else { return Err(Failure::SignIn) };
    if !visit.caller.may(Right::Switch, &row.id) {
        return Err(Failure::Forbidden);
    }
    let menu = visit.menu(&row.id).await?;
    let head = head(&visit, Head { title: w::switches::page_title(locale, row.name.in_locale(locale)), ..Head::default() });
    let counts = visit.caller.may(Right::Stock, &row.id).then(|| {
        view! { <a class="button button--plain" href=paths::stock(&row.id)>{w::switches::counts(locale)}{icon("forward")}</a> }
    });
    let body = view! {
        {head}
        <Html {..} data-bars="switches"/>
        <div class="row row--between"><p class="soft">{w::switches::lead(locale)}</p>{counts}</div>
        <MenuSwitches store=row.id.clone() version=menu.version groups=groups(&menu, locale) name only clock=clock(&row.time_zone, visit.now) locale/>
    };
    Ok(store_frame(&visit, &row, Tab::Menu, error.as_deref(), body.into_any()))
}

/// The items by category, then the options by group: an option stands under every product that asks for it, and is switched once.
fn groups(menu: &Menu, locale: Locale) -> Vec<SwitchGroup> {
    let items = menu.categories.iter().map(|category| {
        let variants = category.products.iter().flat_map(|product| product.variants.iter().map(move |variant| (product, variant)));
        let rows = variants.map(|(product, variant)| SwitchRow {
            id: variant.sku.to_string(),
            is_option: false,
            name: named(product.name.in_locale(locale), variant.name.in_locale(locale), locale),
            state: SwitchState::new(variant.available, variant.out_of_stock),
        });
        SwitchGroup { id: format!("of-{}", category.id), name: category.name.in_locale(locale).to_owned(), rows: rows.collect() }
    });
    let mut groups: Vec<_> = items.collect();
    let mut seen = Vec::new();
    for modifier in menu.products().flat_map(|product| &product.modifiers) {
        let new: Vec<_> = modifier.options.iter().filter(|option| !seen.contains(&&option.id)).collect();
        if new.is_empty() {
            continue;
        }
        let row = |option: &domain::catalog::ModifierOption| SwitchRow {
            id: option.id.to_string(),
            is_option: true,
            name: option.name.in_locale(locale).to_owned(),
            state: SwitchState::new(option.available, false),
        };
        let name = w::switches::choices(locale, modifier.name.in_locale(locale));
        groups.push(SwitchGroup { id: format!("with-{}", modifier.id), name, rows: new.iter().map(|option| row(option)).collect() });
        seen.extend(new.into_iter().map(|option| &option.id));
    }
    groups
}
