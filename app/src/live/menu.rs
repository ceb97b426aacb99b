//! A menu as it changes. What is told is cumulative since a version of the menu that grows now and then: a page that is older
//! than it has missed something, and asks for the menu itself, once for everything on it.

use std::{cell::RefCell, collections::HashMap, sync::Arc, time::Duration};

use domain::{
    Money, OptionId, Sku, StoreId,
    topic::Topic,
    view::{MenuChange, MenuChanges},
};
use leptos::{prelude::*, task::spawn_local};
use serde::Deserialize;

use super::subscribe;
use crate::tab;

/// A store's menu is asked for within this, at random: everybody who looks at it learns at the same moment that they must.
const SPREAD: Duration = Duration::from_secs(3);
/// Wait before it is asked for again, where it could not be had.
const AGAIN: Duration = Duration::from_secs(5);
/// The longest wait, where what comes is older than what is told, again and again: then what is told is wrong.
const LONGEST: Duration = Duration::from_mins(1);

thread_local! {
    /// Menus that were asked for since the page was loaded. Touched by effects alone: a server's thread serves many.
    static FETCHED: RefCell<HashMap<StoreId, Fetched>> = RefCell::default();
}

/// A menu that was asked for: everything on it, as changes.
#[derive(Clone)]
struct Fetched {
    menu: ArcRwSignal<Option<Arc<MenuChanges>>>,
    /// Somebody on this page is asking for it.
    running: ArcRwSignal<bool>,
    /// Answers in turn that were older than what was told.
    vain: ArcRwSignal<u32>,
}

/// Everything that changed on a store's menu after `version`, which the page was made from; `None` until something does.
/// Later changes of the list win.
pub fn menu_changes(store: &StoreId, version: i64) -> Signal<Option<Arc<MenuChanges>>> {
    // The topic's sequence is of a position of the log, the menu has a version of its own.
    let told = subscribe::<MenuChanges>(Topic::Menu(store.clone()), 0);
    let (newest, set_newest) = signal(None);
    let store = store.clone();
    Effect::new(move |_| {
        let fetched = fetched(&store);
        let (told, menu) = (told.get(), fetched.menu.get());
        match newest_of(version, menu.as_deref(), told.as_deref()) {
            Newest::Page => {}
            Newest::Changes(changes) => set_newest.set(Some(Arc::new(changes))),
            Newest::Missed => fetched.fetch(store.clone(), told.map_or(0, |told| told.since)),
        }
    });
    newest.into()
}

/// The page's one slot for a store's menu.
fn fetched(store: &StoreId) -> Fetched {
    FETCHED.with_borrow_mut(|all| {
        let empty = || Fetched { menu: ArcRwSignal::new(None), running: ArcRwSignal::new(false), vain: ArcRwSignal::new(0) };
        all.entry(store.clone()).or_insert_with(empty).clone()
    })
}

impl Fetched {
    /// Asks for the menu, which has to be as new as this version, unless somebody does already, until it can be had.
    fn fetch(self, store: StoreId, since: i64) {
        if self.running.get_untracked() {
            return;
        }
        self.running.set(true);
        spawn_local(async move {
            let vain = self.vain.get_untracked();
            let mut wait = if vain == 0 { SPREAD.mul_f64(js_sys::Math::random()) } else { later(vain) };
            loop {
                tab::pause(wait.as_millis() as i32).await;
                let answer = tab::ask(&format!("/api/v1/stores/{store}/menu"), tab::Body::Nothing).await;
                if let Ok(whole) = answer.and_then(|reply| reply.json::<Whole>()) {
                    self.running.set(false);
                    self.vain.set(if whole.version < since { vain.saturating_add(1) } else { 0 });
                    self.menu.set(Some(Arc::new(whole.into())));
                    return;
                }
                wait = AGAIN;
            }
        });
    }
}

/// Wait before it is asked for after so many answers that were too old: twice as long each time.
fn later(vain: u32) -> Duration {
    AGAIN.saturating_mul(2_u32.saturating_pow(vain.saturating_sub(1))).min(LONGEST)
}

/// What a page is to show.
#[derive(Debug, PartialEq)]
enum Newest {
    /// What it was made from.
    Page,
    /// That, and these changes.
    Changes(MenuChanges),
    /// Something happened between the page and the first change that is told.
    Missed,
}

/// What is newest: the page's menu of this version, one that was asked for, or what was told, which is cumulative.
fn newest_of(version: i64, fetched: Option<&MenuChanges>, told: Option<&MenuChanges>) -> Newest {
    let fetched = fetched.filter(|fetched| fetched.version > version);
    let known = fetched.map_or(version, |fetched| fetched.version);
    let told = told.filter(|told| told.version > known);
    if told.is_some_and(|told| told.since > known) {
        return Newest::Missed;
    }
    match (fetched, told) {
        (None, None) => Newest::Page,
        (None, Some(changes)) | (Some(changes), None) => Newest::Changes(changes.clone()),
        (Some(fetched), Some(told)) => {
            let mut changes = fetched.clone();
            changes.version = told.version;
            changes.changed.extend(told.changed.iter().cloned());
            Newest::Changes(changes)
        }
    }
}

/// `GET /stores/{store}/menu`, as far as it changes while one looks at it.
#[derive(Deserialize)]
struct Whole {
    version: i64,
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct Category {
    products: Vec<Product>,
}

#[derive(Deserialize)]
struct Product {
    variants: Vec<Variant>,
    modifiers: Vec<Modifier>,
}

#[derive(Deserialize)]
struct Variant {
    sku: Sku,
    price: Money,
    available: bool,
    #[serde(default)]
    out_of_stock: bool,
}

#[derive(Deserialize)]
struct Modifier {
    options: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    id: OptionId,
    price: Money,
    available: bool,
}

impl From<Whole> for MenuChanges {
    /// Everything on it, as if it had just changed.
    fn from(whole: Whole) -> Self {
        let mut changed = Vec::new();
        for product in whole.categories.into_iter().flat_map(|category| category.products) {
            changed.extend(product.variants.into_iter().map(|Variant { sku, price, available, out_of_stock }| MenuChange {
                sku: Some(sku),
                option: None,
                available,
                out_of_stock,
                price: Some(price),
            }));
            let options = product.modifiers.into_iter().flat_map(|modifier| modifier.options);
            changed.extend(options.map(|Choice { id, price, available }| MenuChange {
                sku: None,
                option: Some(id),
                available,
                out_of_stock: false,
                price: Some(price),
            }));
        }
        Self { version: whole.version, since: 0, changed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(since: i64, version: i64, skus: &[(&str, bool)]) -> MenuChanges {
        let change = |(sku, available): &(&str, bool)| MenuChange {
            sku: Some(sku.parse().unwrap()),
            option: None,
            available: *available,
            out_of_stock: false,
            price: None,
        };
        MenuChanges { version, since, changed: skus.iter().map(change).collect() }
    }

    #[test]
    fn a_page_that_is_older_than_what_is_told_has_missed_something() {
        assert_eq!(newest_of(5, None, None), Newest::Page);
        assert_eq!(newest_of(5, None, Some(&changes(0, 5, &[]))), Newest::Page, "nothing newer");
        let told = changes(3, 7, &[("a", false)]);
        assert_eq!(newest_of(5, None, Some(&told)), Newest::Changes(told.clone()));
        assert_eq!(newest_of(3, None, Some(&told)), Newest::Changes(told.clone()));
        assert_eq!(newest_of(2, None, Some(&told)), Newest::Missed);
    }

    #[test]
    fn what_goes_on_being_too_old_is_asked_for_less_and_less() {
        assert_eq!([1, 2, 3, 4, 5, u32::MAX].map(|vain| later(vain).as_secs()), [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn what_was_asked_for_counts_until_it_is_too_old_itself() {
        let fetched = changes(0, 8, &[("a", true), ("b", true)]);
        assert_eq!(newest_of(2, Some(&fetched), Some(&changes(3, 7, &[("a", false)]))), Newest::Changes(fetched.clone()));
        let later = newest_of(2, Some(&fetched), Some(&changes(3, 9, &[("a", false)])));
        assert_eq!(later, Newest::Changes(changes(0, 9, &[("a", true), ("b", true), ("a", false)])), "the later one wins");
        assert_eq!(newest_of(2, Some(&fetched), Some(&changes(9, 10, &[]))), Newest::Missed);
        assert_eq!(newest_of(9, Some(&fetched), None), Newest::Page, "the page itself is newer");
    }

    #[test]
    fn a_whole_menu_is_all_its_changes() {
        let menu = serde_json::json!({"store": "harbor", "version": 4, "categories": [{"id": "c", "name": "C", "products": [{
            "id": "p", "name": "P", "description": "", "image": null,
            "variants": [{"sku": "p-1", "name": "1", "price": {"amount": 450, "currency": "USD"}, "list_price": {"amount": 450, "currency": "USD"}, "available": false}],
            "modifiers": [{"id": "m", "name": "M", "min": 0, "max": 1, "options": [{"id": "oat", "name": "Oat", "price": {"amount": 60, "currency": "USD"}, "available": true}]}]
        }]}]});
        let whole: MenuChanges = serde_json::from_value::<Whole>(menu).unwrap().into();
        assert_eq!(whole.version, 4);
        let told: Vec<_> = whole.changed.iter().map(|c| (c.sku.is_some(), c.available, c.price.map(|p| p.amount))).collect();
        assert_eq!(told, [(true, false, Some(450)), (false, true, Some(60))]);
    }
}
