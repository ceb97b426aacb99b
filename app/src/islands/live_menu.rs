//! A menu, or the part of it that an island needs, as it changes.

use domain::{
    catalog::{Menu, PriceWindow},
    topic::Topic,
    view::{MenuChange, MenuChanges},
};
use leptos::prelude::*;

use crate::live;

/// The menu with everything that changed since it was made.
pub fn live_menu(menu: Menu) -> Memo<Menu> {
    // The topic's sequence is a position of the log, the menu has a version of its own: it is compared below.
    let changes = live::subscribe::<MenuChanges>(Topic::Menu(menu.store.clone()), 0);
    Memo::new(move |_| {
        let mut menu = menu.clone();
        if let Some(changes) = changes.get().filter(|changes| changes.version > menu.version) {
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
