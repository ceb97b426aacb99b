//! A menu, or the part of it that an island needs, as it changes.

use domain::{
    catalog::{Menu, PriceWindow},
    view::MenuChange,
};
use leptos::prelude::*;

use crate::live;

/// The menu with everything that changed since it was made.
pub fn live_menu(menu: Menu) -> Memo<Menu> {
    let changes = live::menu_changes(&menu.store, menu.version);
    Memo::new(move |_| {
        let mut menu = menu.clone();
        if let Some(changes) = changes.get() {
            changes.changed.iter().for_each(|change| apply(&mut menu, change));
        }
        menu
    })
}

fn apply(menu: &mut Menu, change: &MenuChange) {
    for variant in menu.variants_mut().filter(|variant| change.sku.as_ref() == Some(&variant.sku)) {
        (variant.available, variant.out_of_stock) = (change.available, change.out_of_stock);
        if let Some(price) = change.price {
            // What is told is the price in force; windows of its future come with the next page.
            variant.prices = vec![PriceWindow::base(price)];
        }
    }
    for option in menu.options_mut().filter(|option| change.option.as_ref() == Some(&option.id)) {
        option.available = change.available;
        option.price = change.price.unwrap_or(option.price);
    }
}
