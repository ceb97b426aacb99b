//! The frame of a store's pages for its staff: where one is, and the store's other pages.

use backend::{identity::Right, stores::StoreRow};
use domain::StoreId;
use leptos::prelude::*;

use super::super::{
    frame::{language, problem_at_work, skip},
    visit::Visit,
};
use crate::{islands::StaffTabs, paths, words as w};

/// The staff's pages of one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    Menu,
    Stock,
    Today,
    Settings,
    Audit,
}

/// Which of a store's pages somebody may open.
pub fn tabs(visit: &Visit, store: &StoreId) -> StaffTabs {
    let may = |right| visit.caller.may(right, store);
    StaffTabs {
        board: may(Right::Queue),
        menu: may(Right::Switch),
        stock: may(Right::Stock),
        today: may(Right::Report),
        settings: may(Right::Store),
        audit: may(Right::Audit),
    }
}

/// A page of a store, for who may see it.
pub fn store_frame(visit: &Visit, row: &StoreRow, tab: Tab, error: Option<&str>, body: AnyView) -> AnyView {
    let locale = visit.locale;
    let (title, here) = match tab {
        Tab::Menu => (w::switches::title(locale), paths::menu(&row.id)),
        Tab::Stock => (w::stock::title(locale), paths::stock(&row.id)),
        Tab::Today => (w::today::title(locale), paths::today(&row.id)),
        Tab::Settings => (w::settings::title(locale), paths::settings(&row.id)),
        Tab::Audit => (w::staff::audit(locale), paths::audit(&row.id)),
    };
    view! {
        {skip(locale)}
        <header class="staff-bar">
            <div class="staff-bar__title"><h1>{title}</h1><p class="soft">{row.name.in_locale(locale).to_owned()}</p></div>
            {tabs(visit, &row.id).view(&row.id, &here, locale)}
            <div class="staff-bar__tools">{language(visit)}</div>
        </header>
        <main class="page" id="main">
            <div class="stack stack--wide">{problem_at_work(error, locale)}{body}</div>
        </main>
    }
    .into_any()
}
