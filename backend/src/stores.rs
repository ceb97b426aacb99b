//! Stores: where is sold, on which terms, and how much is under way. Part of the catalogue.
//!
//! What changes a store's menu, stock or places takes the store's lock first, in whichever context, so that two
//! transactions never wait for each other in a circle. Most take it alone ([`Stores::lock_in`]). What every order does takes
//! it beside others ([`Stores::share_in`]); they lock rows in one sequence: their own checkout, stock by SKU, the store.

mod error;
mod settings;
mod store;

use std::collections::HashSet;
use std::fmt;

use domain::{
    AdmissionId, CheckoutId, Currency, KioskId, Locale, OrderId, StoreId, Text,
    event::{Actor, StoreClosed, StoreOpened, StoreSettingsChanged},
    prep::FulfilmentKind,
    view::{Admission, Naming, Refusal, StoreSettings, StoreView},
};

use serde_json::Value;

pub use self::error::StoreError;
pub use self::settings::SettingsPatch;
use crate::check::Breach;
use crate::db::{DbError, Hold, Sql, Tx};
use crate::log::{self, NewEvent};
use crate::prep::Queue;

/// The stores.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stores;

/// A store as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreRow {
    pub id: StoreId,
    pub kind: StoreKind,
    pub name: Text,
    /// A sentence under the name.
    pub tagline: Text,
    /// The store's first language: what `name` is in where a message serves everybody.
    pub language: Locale,
    pub currency: Currency,
    /// IANA name.
    pub time_zone: String,
    /// How its orders reach the shopper.
    pub fulfilment: FulfilmentKind,
    pub open: bool,
    pub settings: StoreSettings,
    /// Places taken by admissions, checkouts and orders under way; not counted where there is no capacity.
    pub active: i64,
    /// Grows with every change of what the menu shows.
    pub menu_version: i64,
}

impl StoreRow {
    /// Why it takes no order now.
    pub fn refusal(&self) -> Option<Refusal> {
        if !self.open {
            Some(Refusal::Closed)
        } else if self.settings.capacity.is_some_and(|capacity| self.active >= capacity) {
            Some(Refusal::AtCapacity)
        } else {
            None
        }
    }
}

/// What a store is, for its look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    Cafe,
    Stand,
    Shop,
}

impl StoreKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cafe => "cafe",
            Self::Stand => "stand",
            Self::Shop => "shop",
        }
    }
}

impl std::str::FromStr for StoreKind {
    type Err = domain::UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Cafe, Self::Stand, Self::Shop].into_iter().find(|kind| kind.as_str() == text).ok_or(domain::UnknownWord)
    }
}

/// Who holds a place in a store: an admission, then the checkout it led to, then that checkout's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    Admission(AdmissionId),
    Checkout(CheckoutId),
    Order(OrderId),
}

impl Holder {
    const fn kind(self) -> &'static str {
        match self {
            Self::Admission(_) => "admission",
            Self::Checkout(_) => "checkout",
            Self::Order(_) => "order",
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admission(id) => id.fmt(f),
            Self::Checkout(id) => id.fmt(f),
            Self::Order(id) => id.fmt(f),
        }
    }
}

impl Stores {
    /// All stores, in their order.
    pub async fn list(&self, sql: &mut impl Sql) -> Result<Vec<StoreRow>, DbError> {
        store::list(sql).await
    }

    /// One store.
    pub async fn get(&self, sql: &mut impl Sql, id: &StoreId) -> Result<Option<StoreRow>, DbError> {
        store::get(sql, id).await
    }

    /// All stores as the outside sees them.
    pub async fn views(&self, sql: &mut impl Sql, naming: Naming) -> Result<Vec<StoreView>, DbError> {
        // The position is read first: what is newer than it comes again with the next message, and nothing is missed.
        let position = log::head(sql).await?;
        let sequence = sql.sequence(position);
        let mut views = Vec::new();
        for row in store::list(sql).await? {
            let in_queue = store::in_queue(sql, &row.id).await?;
            let wait = Queue.wait_seconds(sql, &row.id).await?;
            views.push(view_of(row, in_queue, wait, sequence, naming));
        }
        Ok(views)
    }

    /// One store as the outside sees it.
    pub async fn view(&self, sql: &mut impl Sql, id: &StoreId, naming: Naming) -> Result<Option<StoreView>, DbError> {
        let position = log::head(sql).await?;
        let sequence = sql.sequence(position);
        let Some(row) = store::get(sql, id).await? else { return Ok(None) };
        let in_queue = store::in_queue(sql, id).await?;
        let wait = Queue.wait_seconds(sql, id).await?;
        Ok(Some(view_of(row, in_queue, wait, sequence, naming)))
    }

    /// The store that a kiosk stands in; `None` also where it is out of service.
    pub async fn of_kiosk(&self, sql: &mut impl Sql, kiosk: &KioskId) -> Result<Option<StoreId>, DbError> {
        store::of_kiosk(sql, kiosk).await
    }

    /// The kiosks of a store that are in service.
    pub async fn kiosks(&self, sql: &mut impl Sql, id: &StoreId) -> Result<Vec<KioskId>, DbError> {
        store::kiosks(sql, id).await
    }

    /// Puts a kiosk into a store, or back into service there. False where there is one of this name already, wherever it is.
    pub(crate) async fn add_kiosk_in(&self, tx: &mut Tx, id: &StoreId, kiosk: &KioskId) -> Result<bool, DbError> {
        store::add_kiosk_in(tx, id, kiosk).await
    }

    /// Takes a kiosk of a store out of service. False where it was none.
    pub(crate) async fn retire_kiosk_in(&self, tx: &mut Tx, id: &StoreId, kiosk: &KioskId) -> Result<bool, DbError> {
        store::retire_kiosk_in(tx, id, kiosk).await
    }

    /// Takes the store's lock alone, until the end of the transaction. SQLite's one writer needs none; there it only looks.
    pub async fn lock_in(&self, tx: &mut Tx, id: &StoreId) -> Result<(), StoreError> {
        match tx.lock_held(id.as_str()) {
            Some(Hold::Alone) => Ok(()),
            // Two who do so would wait for each other.
            Some(Hold::Shared) => Err(DbError::Defect("a store's lock is wanted alone by who has it with others".to_owned()).into()),
            None => take_in(tx, id, Hold::Alone).await,
        }
    }

    /// Takes the store's lock beside others who do so, until the end of the transaction.
    pub async fn share_in(&self, tx: &mut Tx, id: &StoreId) -> Result<(), StoreError> {
        if tx.lock_held(id.as_str()).is_some() { Ok(()) } else { take_in(tx, id, Hold::Shared).await }
    }

    /// Takes the store's lock alone, unless this transaction has it, in whichever way.
    pub async fn need_in(&self, tx: &mut Tx, id: &StoreId) -> Result<(), StoreError> {
        if tx.lock_held(id.as_str()).is_some() { Ok(()) } else { take_in(tx, id, Hold::Alone).await }
    }

    /// Opens or closes a store. False where it already was.
    pub async fn set_open_in(&self, tx: &mut Tx, id: &StoreId, open: bool, actor: Actor) -> Result<bool, StoreError> {
        self.lock_in(tx, id).await?;
        if !store::set_open_in(tx, id, open).await? {
            return Ok(false);
        }
        let event =
            if open { NewEvent::new(StoreOpened { store: id.clone() }, id) } else { NewEvent::new(StoreClosed { store: id.clone() }, id) };
        log::append_in(tx, event.at_store(id).by(actor)).await?;
        Ok(true)
    }

    /// Changes some of a store's settings and answers all of them.
    pub async fn patch_settings_in(
        &self,
        tx: &mut Tx,
        id: &StoreId,
        patch: &SettingsPatch,
        actor: Actor,
    ) -> Result<StoreSettings, StoreError> {
        self.lock_in(tx, id).await?;
        let before = store::get(tx, id).await?.ok_or(StoreError::Unknown)?.settings;
        let after = patch.apply(&before);
        let changes = settings::changed(&before, &after);
        if !changes.is_empty() {
            store::set_settings_in(tx, id, &after).await?;
            if before.capacity.is_none() && after.capacity.is_some() {
                store::count_in(tx, id).await?;
            }
            let changed = changes.iter().map(|change| change.name.clone()).collect();
            let event = NewEvent::new(StoreSettingsChanged { store: id.clone(), changed, changes }, id);
            log::append_in(tx, event.at_store(id).by(actor)).await?;
        }
        Ok(after)
    }

    /// Takes a place, in one conditional update. Who already has one keeps it and takes no second. Without a capacity there is
    /// nothing to be counted, and nobody waits for the store's row. `from`: what is kept of where its holder is, while they have it.
    pub async fn take_place_in(&self, tx: &mut Tx, store: &StoreRow, holder: Holder, from: Option<&str>) -> Result<(), StoreError> {
        let id = &store.id;
        self.need_in(tx, id).await?;
        let added = store::add_place_in(tx, id, holder, from).await?;
        if !added || store.settings.capacity.is_none() || store::count_up_in(tx, id).await? {
            return Ok(());
        }
        store::remove_place_in(tx, id, holder).await?;
        Err(StoreError::AtCapacity)
    }

    /// Hands a place on: an admission's to its checkout, a checkout's to its order. False where `from` has none.
    pub async fn rename_place_in(&self, tx: &mut Tx, id: &StoreId, from: Holder, to: Holder) -> Result<bool, DbError> {
        self.need_in(tx, id).await.map_err(StoreError::into_db)?;
        store::rename_place_in(tx, id, from, to).await
    }

    /// As [`Stores::rename_place_in`], at the end of the transaction: for who goes on with a place or without.
    pub(crate) async fn rename_place_later_in(&self, tx: &mut Tx, id: &StoreId, from: Holder, to: Holder) -> Result<(), DbError> {
        self.need_in(tx, id).await.map_err(StoreError::into_db)?;
        store::rename_place_later_in(tx, id, from, to).await
    }

    /// Gives a place back, exactly once: false where it was given back before, or never taken.
    pub async fn give_place_back_in(&self, tx: &mut Tx, id: &StoreId, holder: Holder) -> Result<bool, DbError> {
        self.need_in(tx, id).await.map_err(StoreError::into_db)?;
        if !store::remove_place_in(tx, id, holder).await? {
            return Ok(false);
        }
        store::count_down_in(tx, id).await?;
        Ok(true)
    }
}

async fn take_in(tx: &mut Tx, id: &StoreId, hold: Hold) -> Result<(), StoreError> {
    if !store::lock_in(tx, id, hold).await? {
        return Err(StoreError::Unknown);
    }
    tx.note_lock(id.as_str(), hold);
    Ok(())
}

/// A place as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub store: StoreId,
    /// `admission`, `checkout` or `order`.
    pub kind: String,
    pub holder: String,
}

/// What is not as it must be with the places themselves.
pub(crate) async fn breaches(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    store::invariants::miscounted(sql).await
}

/// Places after this one, in order, for the check.
pub(crate) async fn places(sql: &mut impl Sql, after: Option<&Place>, limit: i64) -> Result<Vec<Place>, DbError> {
    store::invariants::places(sql, after, limit).await
}

/// Which of these checkouts or orders (`kind`) have a place, for the check.
pub(crate) async fn with_place(sql: &mut impl Sql, kind: &str, holders: Value) -> Result<HashSet<String>, DbError> {
    Ok(store::invariants::with_place(sql, kind, holders).await?.into_iter().collect())
}

fn view_of(row: StoreRow, in_queue: i64, wait: Option<i64>, sequence: i64, naming: Naming) -> StoreView {
    let refusal = row.refusal();
    let (name, names) = match naming {
        Naming::In(locale) => (row.name.in_locale(locale).to_owned(), None),
        Naming::All(_) => (row.name.in_locale(row.language).to_owned(), Some(row.name)),
    };
    StoreView {
        id: row.id,
        name,
        names,
        currency: row.currency,
        time_zone: row.time_zone,
        open: row.open,
        admission: row.settings.admission,
        accepting: refusal.is_none(),
        refusal,
        in_queue,
        capacity: row.settings.capacity,
        estimated_wait_seconds: wait,
        sequence,
    }
}

/// The terms of a store that nobody has set otherwise.
pub const DEFAULT_SETTINGS: StoreSettings = StoreSettings {
    capacity: None,
    admission: Admission::Open,
    order_limit: None,
    scans_per_code: 10,
    code_seconds: 300,
    customer_seconds: 300,
    barista_seconds: 900,
    wait_target_seconds: None,
};
