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
    for product in menu.categories.iter_mut().flat_map(|category| &mut category.products) {
        for variant in product.variants.iter_mut().filter(|variant| change.sku.as_ref() == Some(&variant.sku)) {
            variant.available = change.available;
            if let Some(price) = change.price {
                // What is told is the price in force; windows of its future come with the next page.
                variant.prices = vec![PriceWindow::base(price)];
            }
        }
        for option in product.modifiers.iter_mut().flat_map(|group| &mut group.options) {
            if change.option.as_ref() == Some(&option.id) {
                option.available = change.available;
                option.price = change.price.unwrap_or(option.price);
            }
        }
    }
}
