//! Sold out, and back: the switches of items and options.

use domain::{
    OptionId, Sku, StoreId,
    event::{Actor, MenuItemAvailabilityChanged},
};

use super::{Catalog, CatalogError, Item, changes, store};
use crate::db::Tx;
use crate::log::{self, NewEvent};
use crate::stores::Stores;

impl Catalog {
    /// Switches a SKU of a store to sold out, or back. False where it already was. A SKU that is switched on may still be
    /// out of stock.
    pub async fn set_item_available_in(
        &self,
        tx: &mut Tx,
        store: &StoreId,
        sku: &Sku,
        available: bool,
        actor: Actor,
    ) -> Result<bool, CatalogError> {
        switch_in(tx, store, Item::Sku(sku.clone()), available, actor).await
    }

    /// Switches an option of a store to sold out, or back, in every product that offers it. False where it already was.
    pub async fn set_option_available_in(
        &self,
        tx: &mut Tx,
        store: &StoreId,
        option: &OptionId,
        available: bool,
        actor: Actor,
    ) -> Result<bool, CatalogError> {
        switch_in(tx, store, Item::Option(option.clone()), available, actor).await
    }
}

async fn switch_in(tx: &mut Tx, store: &StoreId, item: Item, available: bool, actor: Actor) -> Result<bool, CatalogError> {
    Stores.lock_in(tx, store).await?;
    if !store::switch_in(tx, store, &item, available).await? {
        let known = store::has_item(tx, store, &item).await?;
        return if known { Ok(false) } else { Err(CatalogError::Unknown) };
    }
    let version = changes::record_change_in(tx, store, &item).await?;
    let (subject, sku, option) = match item {
        Item::Sku(sku) => (sku.to_string(), Some(sku), None),
        Item::Option(option) => (option.to_string(), None, Some(option)),
    };
    let event = MenuItemAvailabilityChanged { store: store.clone(), sku, option, available, version };
    let stream = format!("{store}/{subject}");
    log::append_in(tx, NewEvent::new(event, subject).in_stream(stream).at_store(store).by(actor)).await?;
    Ok(true)
}
