//! The way between a store's pages for its staff.

use std::fmt::Display;

use domain::Locale;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{erase::Erase as _, paths, words as w};

/// Which of a store's pages somebody may open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "one for each page")]
pub struct StaffTabs {
    pub board: bool,
    pub menu: bool,
    pub stock: bool,
    pub today: bool,
    pub settings: bool,
    pub audit: bool,
}

impl StaffTabs {
    /// Links to them; `here` is the page that is shown.
    pub fn view(self, store: impl Display, here: &str, locale: Locale) -> AnyView {
        let pages = [
            (self.board, paths::queue(&store), w::staff::board(locale)),
            (self.menu, paths::menu(&store), w::staff::menu(locale)),
            (self.stock, paths::stock(&store), w::staff::stock(locale)),
            (self.today, paths::today(&store), w::today::title(locale)),
            (self.settings, paths::settings(&store), w::staff::settings(locale)),
            (self.audit, paths::audit(&store), w::staff::audit(locale)),
            (true, paths::STAFF.to_owned(), w::staff::to_home(locale)),
        ];
        let links = pages
            .into_iter()
            .filter(|(may, ..)| *may)
            .map(|(_, page, name)| {
                let current = (page == here).then_some("page");
                view! { <li><a href=page aria-current=current>{name}</a></li> }
            })
            .collect_view();
        view! { <nav class="staff-tabs" aria-label=w::staff::pages(locale)><ul>{links}</ul></nav> }.erase()
    }
}
