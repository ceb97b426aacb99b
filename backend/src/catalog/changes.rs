//! What changed on a menu since when: small enough to be sent to everybody who looks at it.

use std::collections::HashSet;

use domain::{
    StoreId,
    view::{MenuChange, MenuChanges},
};

use super::{Catalog, Item, store};
use crate::db::{DbError, Sql, Tx};

/// At most so many items are told one by one; who misses older changes fetches the menu.
const TOLD: i64 = 500;

impl Catalog {
    /// Everything that changed on a menu since version `since`, as it is now. Read it in a snapshot where the version has
    /// to fit a log position.
    pub async fn menu_changes(&self, sql: &mut impl Sql, store: &StoreId) -> Result<Option<MenuChanges>, DbError> {
        let Some(head) = store::head(sql, store).await? else { return Ok(None) };
        let menu = self.menu_at(sql, store, &head).await?;
        let changed = store::changes(sql, store).await?;
        let (mut skus, mut options) = (HashSet::new(), HashSet::new());
        for item in &changed {
            match item {
                Item::Sku(sku) => skus.insert(sku.as_str()),
                Item::Option(option) => options.insert(option.as_str()),
            };
        }
        let now = self.db.clock().now();
        let mut told = Vec::with_capacity(changed.len());
        for product in menu.products() {
            for variant in product.variants.iter().filter(|variant| skus.remove(variant.sku.as_str())) {
                let (sku, price) = (Some(variant.sku.clone()), variant.price_at(now));
                told.push(MenuChange { sku, option: None, available: variant.available, out_of_stock: variant.out_of_stock, price });
            }
            // An option stands under every product that asks for its group: it is told once.
            for option in product.modifiers.iter().flat_map(|group| &group.options).filter(|option| options.remove(option.id.as_str())) {
                let (id, price) = (Some(option.id.clone()), Some(option.price));
                told.push(MenuChange { sku: None, option: id, available: option.available, out_of_stock: false, price });
            }
        }
        Ok(Some(MenuChanges { version: head.version, since: head.since, changed: told }))
    }
}

/// Moves the menu's version by a change of one item or option, and remembers it as told. Takes the store's lock.
pub(crate) async fn record_change_in(tx: &mut Tx, store: &StoreId, item: &Item) -> Result<i64, DbError> {
    let version = store::bump_in(tx, store).await?;
    store::put_change_in(tx, store, item, version).await?;
    store::trim_changes_in(tx, store, TOLD).await?;
    Ok(version)
}
