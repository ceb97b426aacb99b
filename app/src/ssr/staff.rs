//! Behind the bar: the [`door`], the staff's home, the barista's board; the switches of the [`menu`], the [`stock`], the figures of
//! [`today`], [`settings`] with the [`people`] of a store, and the [`audit`] have pages of their own.

mod audit;
mod door;
mod frame;
mod menu;
mod people;
mod settings;
mod stock;
mod today;

use backend::{
    identity::{Caller, Right, rights::is_staff},
    stores::StoreRow,
};
use domain::{
    Locale,
    catalog::Menu,
    view::{Person, Role, RoleView, StoreView},
};
use leptos::prelude::*;
use leptos_meta::Html;

pub use self::{
    audit::AuditPage,
    door::{Door, password_field, sign_in},
    menu::MenuPage,
    settings::{SettingsPage, shown},
    stock::StockPage,
    today::TodayPage,
};
use super::{
    failure::Failure,
    frame::{language, problem_at_work, skip},
    seo::{Head, head},
    visit::{Visit, clock, page, param, query},
};
use crate::{
    islands::{Board, OpenSwitch, Station},
    paths,
    pieces::{icon, notice},
    words as w,
};

/// `/staff`: the door, and behind it what somebody works with.
#[component]
pub fn StaffHome() -> impl IntoView {
    let visit = Visit::here();
    let (error, saved) = (query("error"), query("saved").is_some());
    page(async move { home(visit, error, saved).await })
}

async fn home(visit: Visit, error: Option<String>, saved: bool) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let Caller::User { user, name, roles, .. } = &visit.caller else { return Ok(sign_in(&visit, error, &Door::here(&visit).await?)) };
    if !roles.iter().any(|held| is_staff(held.role)) {
        return Ok(sign_in(&visit, error, &Door::here(&visit).await?));
    }
    let rows = visit.backend.stores.list(&mut visit.backend.db.reader()).await?;
    let rows: Vec<_> = rows.into_iter().filter(|row| visit.caller.is_staff(&row.id)).collect();
    let wants_password = visit.backend.identities.wants_password(*user).await?;
    let mut panels = Vec::new();
    for row in &rows {
        let status = visit.backend.stores.view(&mut visit.backend.db.reader(), &row.id, visit.naming()).await?;
        panels.push(store_panel(row, status.filter(|_| visit.caller.may(Right::Store, &row.id)), &visit));
    }
    let works = roles.iter().map(|held| role(held, &rows, locale)).collect::<Vec<_>>().join(" · ");
    let head = head(
        &visit,
        Head { title: w::staff::home_title(locale).to_owned(), description: w::staff::description(locale).to_owned(), ..Head::default() },
    );
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
            <div class="stack stack--wide">
                {problem_at_work(error.as_deref().filter(|error| door::password_field(error, !wants_password).is_none()), locale)}
                {saved.then(|| door::password_saved(locale))}
                {wants_password.then(|| door::choose_password(error.as_deref(), locale))}
                {nothing}
                {panels}
                {(!wants_password).then(|| door::change_password(error.as_deref(), locale))}
            </div>
        </main>
    };
    Ok(view.into_any())
}

/// What a role is called.
fn role_name(role: Role, locale: Locale) -> &'static str {
    match role {
        Role::Customer => w::staff::customer(locale),
        Role::Barista => w::staff::barista(locale),
        Role::Warehouse => w::staff::warehouse(locale),
        Role::Manager => w::staff::manager(locale),
        Role::Operator => w::staff::operator(locale),
        Role::Merchant => w::staff::merchant(locale),
        Role::Kiosk => w::staff::kiosk(locale),
    }
}

fn role(held: &RoleView, rows: &[StoreRow], locale: Locale) -> String {
    let role = role_name(held.role, locale);
    match &held.store {
        None => w::staff::everywhere(locale, role),
        Some(store) => {
            let name = rows.iter().find(|row| row.id == *store).map_or(store.as_str(), |row| row.name.in_locale(locale));
            w::staff::works_at(locale, role, name)
        }
    }
}

/// A store: whether it is open, and the pages that somebody works with there. `status`: for who may open and close it.
fn store_panel(row: &StoreRow, status: Option<StoreView>, visit: &Visit) -> AnyView {
    let (id, locale) = (row.id.clone(), visit.locale);
    let title = format!("store-{id}");
    let switch = status.map(|store| view! { <OpenSwitch store back=paths::STAFF.to_owned() locale/> });
    let tabs = frame::tabs(visit, &id);
    let page = |may: bool, page: String, name: &'static str, class: &'static str| {
        may.then(|| view! { <a class=class href=page>{name}{icon("forward")}</a> })
    };
    view! {
        <section class="panel" aria-labelledby=title.clone()>
            <div class="row row--between">
                <h2 id=title.clone()>{row.name.in_locale(locale).to_owned()}</h2>
                {switch}
            </div>
            <div class="row">
                {page(tabs.board, paths::queue(&id), w::staff::open_board(locale), "button button--tall")}
                {page(tabs.menu, paths::menu(&id), w::staff::switches(locale), "button button--quiet button--tall")}
                {page(tabs.stock, paths::stock(&id), w::staff::open_stock(locale), "button button--quiet button--tall")}
                {page(tabs.today, paths::today(&id), w::today::open(locale), "button button--quiet button--tall")}
                {page(tabs.settings, paths::settings(&id), w::staff::open_settings(locale), "button button--quiet button--tall")}
                {page(tabs.audit, paths::audit(&id), w::staff::audit(locale), "button button--quiet button--tall")}
                <a class="button button--plain button--tall" href=paths::store(&id)>{w::staff::see_store(locale)}</a>
            </div>
        </section>
    }
    .into_any()
}

/// `/staff/{store}/queue`
#[component]
pub fn QueuePage() -> impl IntoView {
    let visit = Visit::here();
    let (store, error, order) = (param("store"), query("error"), query("order"));
    page(async move { queue(visit, store, error, order).await })
}

async fn queue(visit: Visit, store: String, error: Option<String>, order: Option<String>) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let row = visit.store(&store).await?;
    let Caller::User { user, name, .. } = &visit.caller else {
        // Who has signed in wrongly is told so at the same door.
        return match error {
            Some(error) => Ok(sign_in(&visit, Some(error), &Door::here(&visit).await?)),
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
    let stations = stations(&*visit.menu(&row.id).await?, locale);
    let head = head(
        &visit,
        Head {
            title: w::board::title(locale, row.name.in_locale(locale)),
            description: w::staff::description(locale).to_owned(),
            ..Head::default()
        },
    );
    // Who was quicker is on the board already.
    let holder = queue.lanes.making.iter().find(|ticket| order.as_ref().is_some_and(|order| *order == ticket.order.to_string()));
    let holder = holder.and_then(|ticket| ticket.claimed_by.as_ref()).filter(|_| error.as_deref() == Some("already_claimed"));
    let refused = match holder {
        Some(person) => Some(notice("stop", w::problem::title(locale).to_owned(), Some(w::board::taken(locale, &person.name)))),
        None => problem_at_work(error.as_deref(), locale),
    };
    let switches = visit.caller.may(Right::Store, &row.id);
    let tabs = frame::tabs(&visit, &row.id);
    let view = view! {
        {head}
        <Html {..} data-bars="board"/>
        {skip(locale)}
        {refused}
        <Board store=status queue stations person=Person { id: *user, name: name.clone() } switches tabs now=visit.now clock=clock(&row.time_zone, visit.now) locale/>
    };
    Ok(view.into_any())
}

/// The parts of a store's bar: what makes one category of its menu each.
fn stations(menu: &Menu, locale: Locale) -> Vec<Station> {
    let station = |category: &domain::catalog::Category| Station {
        name: category.name.in_locale(locale).to_owned(),
        products: category.products.iter().map(|product| product.id.to_string()).collect(),
    };
    menu.categories.iter().map(station).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_role_has_a_name_of_its_own() {
        let roles = [Role::Customer, Role::Barista, Role::Warehouse, Role::Manager, Role::Operator, Role::Merchant, Role::Kiosk];
        for locale in [Locale::En, Locale::ZhCn] {
            let names = BTreeSet::from(roles.map(|role| role_name(role, locale)));
            assert_eq!(names.len(), roles.len(), "{names:?}");
        }
    }
}
