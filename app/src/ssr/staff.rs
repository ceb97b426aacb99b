//! Behind the bar: the door, the staff's home, the barista's board.

use backend::{
    identity::{Caller, Right},
    stores::StoreRow,
};
use domain::{
    Locale, StoreId,
    catalog::Menu,
    view::{Role, RoleView},
};
use leptos::prelude::*;

use super::{
    failure::Failure,
    frame::{language, problem, skip},
    seo::{Head, head},
    visit::{Visit, page, param, query},
};
use crate::{
    islands::{Board, open_switch},
    paths,
    pieces::icon,
    words as w,
};

/// `/staff`: the door, and behind it what somebody works with.
#[component]
pub fn StaffHome() -> impl IntoView {
    let visit = Visit::here();
    let error = query("error");
    page(async move { home(visit, error).await })
}

async fn home(visit: Visit, error: Option<String>) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let Caller::User { name, roles, .. } = &visit.caller else { return Ok(sign_in(&visit, error)) };
    if !roles.iter().any(|held| matches!(held.role, Role::Barista | Role::Manager | Role::Warehouse)) {
        return Ok(sign_in(&visit, error));
    }
    let rows: Vec<_> = visit.backend.stores.list(&mut visit.backend.db.reader()).await?;
    let rows: Vec<_> = rows.into_iter().filter(|row| visit.caller.is_staff(&row.id)).collect();
    let mut panels = Vec::new();
    for row in &rows {
        let menu = visit.menu(&row.id).await?;
        panels.push(store_panels(row, &menu, &visit).into_any());
    }
    let works = roles.iter().map(|held| role(held, &rows, locale)).collect::<Vec<_>>().join(" · ");
    let head = head(&visit, Head { title: w::staff::home_title(locale).to_owned(), ..Head::default() });
    let nothing = panels.is_empty().then(|| {
        view! { <div class="notice" data-tone="wait">{icon("info")}<p class="notice__title">{w::staff::no_store_title(locale)}</p><p>{w::staff::no_store_text(locale)}</p></div> }
    });
    let view = view! {
        {head}
        {skip(locale)}
        <header class="staff-bar">
            <div class="staff-bar__title"><h1>{w::staff::hello(locale, name)}</h1><p class="soft">{works}</p></div>
            <div class="staff-bar__tools">
                {language(&visit)}
                <form method="post" action=paths::form::STAFF_SIGN_OUT>
                    <button class="button button--quiet">{w::staff::sign_out(locale)}</button>
                </form>
            </div>
        </header>
        <main class="page" id="main">
            <div class="stack stack--wide">{problem(error.as_deref(), locale)}{nothing}{panels}</div>
        </main>
    };
    Ok(view.into_any())
}

fn role(held: &RoleView, rows: &[StoreRow], locale: Locale) -> String {
    let role = match held.role {
        Role::Barista => w::staff::barista(locale),
        Role::Manager => w::staff::manager(locale),
        Role::Warehouse => w::staff::warehouse(locale),
        _ => w::staff::other(locale),
    };
    match &held.store {
        None => w::staff::everywhere(locale, role),
        Some(store) => {
            let name = rows.iter().find(|row| row.id == *store).map_or(store.as_str(), |row| row.name.in_locale(locale));
            w::staff::works_at(locale, role, name)
        }
    }
}

/// A store: its board, whether it is open, and what is sold out.
fn store_panels(row: &StoreRow, menu: &Menu, visit: &Visit) -> AnyView {
    let (id, locale) = (row.id.clone(), visit.locale);
    let open = row.open;
    let title = format!("store-{id}");
    let switch =
        visit.caller.may(Right::Store, &id).then(|| open_switch(id.to_string(), paths::STAFF.to_owned(), Signal::stored(open), locale));
    let board = visit.caller.may(Right::Queue, &id).then(|| {
        view! { <a class="button button--tall" href=paths::queue(&id)>{w::staff::open_board(locale)}{icon("forward")}</a> }
    });
    let switches = visit.caller.may(Right::Switch, &id).then(|| switches(&id, menu, locale));
    view! {
        <section class="panel" aria-labelledby=title.clone()>
            <h2 id=title.clone()>{row.name.in_locale(locale).to_owned()}</h2>
            <div class="row row--between">
                {switch}
                <a class="button button--quiet" href=paths::store(&id)>{w::staff::see_store(locale)}</a>
                {board}
            </div>
        </section>
        {switches}
    }
    .into_any()
}

/// Sold out and back: every item by category, and the options.
fn switches(store: &StoreId, menu: &Menu, locale: Locale) -> AnyView {
    let mut options: Vec<_> = menu.products().flat_map(|product| &product.modifiers).flat_map(|group| &group.options).collect();
    options.sort_by(|a, b| a.id.cmp(&b.id));
    options.dedup_by(|a, b| a.id == b.id);
    let groups = menu.categories.iter().map(|category| {
        let rows = category.products.iter().flat_map(|product| {
            product.variants.iter().map(|variant| {
                let variant_name = variant.name.in_locale(locale);
                let name = product.name.in_locale(locale);
                let name = if variant_name.is_empty() { name.to_owned() } else { format!("{name}, {variant_name}") };
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
        <section class="panel" id="stock" aria-labelledby=format!("{store}-stock")>
            <h2 id=format!("{store}-stock")>{w::staff::switches(locale)}</h2>
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
                    <span class="sr-only">{name}": "</span>{word}
                </button>
            </form>
        </li>
    }
    .into_any()
}

/// The door: a one-time code.
pub fn sign_in(visit: &Visit, error: Option<String>) -> AnyView {
    let locale = visit.locale;
    let back = visit.page.split('?').next().unwrap_or(paths::STAFF).to_owned();
    let wrong = error.is_some();
    let head = head(visit, Head { title: w::staff::title(locale).to_owned(), ..Head::default() });
    view! {
        {head}
        {skip(locale)}
        <main class="door" id="main">
            <a class="masthead__home" href=paths::HOME><img src="/favicon.svg" width="32" height="32" alt=""/>{w::frame::name(locale)}</a>
            <h1>{w::staff::heading(locale)}</h1>
            <form class="panel" method="post" action=paths::form::STAFF_SIGN_IN data-testid="sign-in">
                <input type="hidden" name="back" value=back/>
                <div class="field">
                    <label for="code">{w::staff::code(locale)}</label>
                    <input class="input input--code" id="code" name="code" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false"
                        required=true maxlength="20" aria-describedby=if wrong { "code-error code-hint" } else { "code-hint" } aria-invalid=wrong.then_some("true")/>
                    {error.map(|error| view! { <p class="field-error" id="code-error" role="alert">{icon("alert")}{w::refusal(&error, locale)}</p> })}
                    <p class="field__hint" id="code-hint">{w::staff::code_hint_before(locale)}" "<code>"orderly staff add"</code></p>
                </div>
                <button class="button button--tall button--wide">{w::staff::sign_in(locale)}</button>
            </form>
            {language(visit)}
        </main>
    }
    .into_any()
}

/// `/staff/{store}/queue`
#[component]
pub fn QueuePage() -> impl IntoView {
    let visit = Visit::here();
    let (store, error) = (param("store"), query("error"));
    page(async move { queue(visit, store, error).await })
}

async fn queue(visit: Visit, store: String, error: Option<String>) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let row = visit.store(&store).await?;
    let Caller::User { name, .. } = &visit.caller else {
        // Who has signed in wrongly is told so at the same door.
        return match error {
            Some(error) => Ok(sign_in(&visit, Some(error))),
            None => Err(Failure::SignIn),
        };
    };
    if !visit.caller.may(Right::Queue, &row.id) {
        return Err(Failure::Forbidden);
    }
    let mut sql = visit.backend.db.reader();
    let queue = visit.backend.queue.view(&mut sql, &row.id, visit.naming()).await?;
    let status = visit.backend.stores.view(&mut sql, &row.id, visit.naming()).await?.ok_or(Failure::NotFound)?;
    drop(sql);
    let head = head(&visit, Head { title: w::board::title(locale, row.name.in_locale(locale)), ..Head::default() });
    let switches = visit.caller.may(Right::Store, &row.id);
    let view = view! {
        {head}
        {skip(locale)}
        {problem(error.as_deref(), locale)}
        <Board store=status queue person=name.clone() switches now=visit.now locale/>
    };
    Ok(view.into_any())
}
