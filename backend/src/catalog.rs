//! The catalogue: what each store sells, for how much, and whether it is there.
//!
//! Products and their variants (SKUs) are the same everywhere; a store lists them in its categories, with its own prices,
//! choices and switches. Every change of what a store's menu shows moves the store's menu version, so that a menu is read
//! from the database once a version and kept here.

mod changes;
mod error;
mod prices;
mod products;
mod store;
mod switches;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use domain::{OptionId, Sku, StoreId, catalog::Menu};

pub(crate) use self::changes::record_change_in;
pub use self::error::CatalogError;
pub use self::prices::PriceWindows;
pub use self::products::{ProductEdit, Search};
use self::store::Head;
pub use self::store::import;
pub(crate) use self::store::renumber_menus_in;
use crate::db::{Db, DbError, Sql, Tx};
use crate::stores::{StoreError, StoreRow};

/// The catalogue. Clones share the menus that are kept.
#[derive(Clone)]
pub struct Catalog {
    db: Db,
    menus: Arc<Menus>,
}

#[derive(Default)]
struct Menus {
    kept: RwLock<HashMap<StoreId, Arc<Menu>>>,
    /// Whoever builds a menu: the others wait for it instead of building the same.
    building: tokio::sync::Mutex<()>,
}

/// What a menu shows that can change by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Sku(Sku),
    Option(OptionId),
}

/// Whether a store sells this SKU, sold out or not.
pub async fn sells(sql: &mut impl Sql, store: &StoreId, sku: &Sku) -> Result<bool, DbError> {
    store::has_item(sql, store, &Item::Sku(sku.clone())).await
}

impl Catalog {
    pub fn new(db: Db) -> Self {
        Self { db, menus: Arc::default() }
    }

    /// The newest menu of a store: one read by primary key, and the whole menu only when its version has moved.
    pub async fn menu(&self, store: &StoreId) -> Result<Option<Arc<Menu>>, DbError> {
        let Some(head) = store::head(&mut self.db.reader(), store).await? else { return Ok(None) };
        if let Some(menu) = self.kept(store, head.version) {
            return Ok(Some(menu));
        }
        let _building = self.menus.building.lock().await;
        if let Some(menu) = self.kept(store, head.version) {
            return Ok(Some(menu));
        }
        let id = store.clone();
        let menu = self
            .db
            .snapshot(|tx| {
                Box::pin(async move {
                    let Some(head) = store::head(tx, &id).await? else { return Ok(None) };
                    store::load(tx, &id, &head).await.map(Some)
                })
            })
            .await?
            .map(Arc::new);
        if let Some(menu) = &menu {
            let mut kept = self.menus.kept.write().unwrap_or_else(PoisonError::into_inner);
            kept.insert(store.clone(), Arc::clone(menu));
        }
        Ok(menu)
    }

    /// The menu as this transaction sees it.
    pub async fn menu_in(&self, tx: &mut Tx, store: &StoreId) -> Result<Option<Arc<Menu>>, DbError> {
        match store::head(tx, store).await? {
            Some(head) => self.menu_at(tx, store, &head).await.map(Some),
            None => Ok(None),
        }
    }

    /// The menu of a store whose row this transaction has just read.
    pub async fn menu_of_in(&self, tx: &mut Tx, store: &StoreRow) -> Result<Option<Arc<Menu>>, DbError> {
        match self.kept(&store.id, store.menu_version) {
            Some(menu) => Ok(Some(menu)),
            None => self.menu_in(tx, &store.id).await,
        }
    }

    /// The menu as this transaction sees it, with what it has changed itself: what it freed is there, whatever was kept.
    pub async fn read_in(&self, tx: &mut Tx, store: &StoreId) -> Result<Option<Menu>, DbError> {
        match store::head(tx, store).await? {
            Some(head) => store::load(tx, store, &head).await.map(Some),
            None => Ok(None),
        }
    }

    /// The menu of this version. One that is read here is not kept for others, for what it shows may never be committed;
    /// but somebody reads it for those who come next, or each of them would read all of it.
    async fn menu_at(&self, sql: &mut impl Sql, store: &StoreId, head: &Head) -> Result<Arc<Menu>, DbError> {
        if let Some(menu) = self.kept(store, head.version) {
            return Ok(menu);
        }
        self.warm(store);
        store::load(sql, store, head).await.map(Arc::new)
    }

    /// Reads the newest menu of a store, unless somebody builds one: whoever comes next asks again.
    fn warm(&self, store: &StoreId) {
        if self.menus.building.try_lock().is_err() {
            return;
        }
        let (catalog, store) = (self.clone(), store.clone());
        tokio::spawn(async move {
            if let Err(error) = catalog.menu(&store).await {
                tracing::debug!(%store, %error, "the menu cannot be read ahead now");
            }
        });
    }

    /// Moves the menu's version, as after a change that [`MenuChanges`](domain::view::MenuChanges) cannot tell: who has an
    /// older menu fetches it anew. Takes the store's lock.
    pub async fn bump_menu_in(&self, tx: &mut Tx, store: &StoreId) -> Result<i64, CatalogError> {
        store::restart_changes_in(tx, store).await?.ok_or(CatalogError::Unknown)
    }

    fn kept(&self, store: &StoreId, version: i64) -> Option<Arc<Menu>> {
        let kept = self.menus.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.get(store).filter(|menu| menu.version == version).cloned()
    }
}

impl From<StoreError> for CatalogError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(error) => Self::Unavailable(error),
            StoreError::Invalid(faults) => Self::Invalid(faults),
            StoreError::Unknown | StoreError::AtCapacity => Self::Unknown,
        }
    }
}
