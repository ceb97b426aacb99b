//! Prices: a base price, and windows in which another holds.

use async_trait::async_trait;
use domain::{
    Currency, Fault, Faults, Money, Sku, StoreId, Terms, Timestamp,
    catalog::{OverlappingWindows, PriceWindow, check_windows},
    event::{Actor, PriceChanged},
};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::{Catalog, CatalogError, Item, changes, store};
use crate::db::{DbError, Tx};
use crate::log::{self, NewEvent};
use crate::stores::Stores;
use crate::subscriber::HandlerError;
use crate::timer::{self, TimerHandler};

/// At most so many prices of one SKU in one store.
const MAX_WINDOWS: usize = 100;
/// The highest price of one unit, in minor units.
pub(super) const MAX_AMOUNT: i64 = 100_000_000;
const TIMER: &str = "catalog.price_window";

impl Catalog {
    /// Replaces the prices of a SKU in a store, and answers them. A list without a base price keeps the one there is: an
    /// item is taken off sale by its switch, not by losing its price. The same list again changes nothing.
    ///
    /// Codes: `overlapping_windows`; `amount_out_of_range`, `currency_mismatch`, `empty_window`, `too_many_windows`,
    /// `base_price_required`.
    pub async fn set_prices_in(
        &self,
        tx: &mut Tx,
        store: &StoreId,
        sku: &Sku,
        mut windows: Vec<PriceWindow>,
        actor: Actor,
    ) -> Result<Vec<PriceWindow>, CatalogError> {
        Stores.lock_in(tx, store).await?;
        let currency = store::head(tx, store).await?.ok_or(CatalogError::Unknown)?.currency;
        if !store::has_item(tx, store, &Item::Sku(sku.clone())).await? {
            return Err(CatalogError::Unknown);
        }
        check(&windows, currency)?;
        let before = store::prices_of(tx, store, sku, currency).await?;
        if !windows.iter().any(PriceWindow::is_base) {
            let Some(base) = before.iter().find(|window| window.is_base()) else {
                return Err(Faults(vec![Fault::new("", "base_price_required", "Give a price without from and until.")]).into());
            };
            windows.push(base.clone());
        }
        windows.sort_by_key(|window| (window.from, window.until));
        if windows == before {
            return Ok(windows);
        }
        store::set_prices_in(tx, store, sku, &windows).await?;
        let version = changes::record_change_in(tx, store, &Item::Sku(sku.clone())).await?;
        let now = tx.now();
        set_timer_in(tx, store, sku, &windows, now).await?;
        let (old, new) = (in_force(&before, now), in_force(&windows, now));
        if old != new {
            append_in(tx, store, sku, new, version, actor).await?;
        }
        Ok(windows)
    }
}

fn check(windows: &[PriceWindow], currency: Currency) -> Result<(), CatalogError> {
    if windows.len() > MAX_WINDOWS {
        let fault = Fault::new("", "too_many_windows", format!("At most {MAX_WINDOWS} prices."));
        return Err(Faults(vec![fault.with(Terms::at_most(MAX_WINDOWS as i64))]).into());
    }
    let mut faults = Vec::new();
    for (at, window) in windows.iter().enumerate() {
        if !(0..=MAX_AMOUNT).contains(&window.amount.amount) {
            let detail = format!("From 0 to {MAX_AMOUNT} minor units.");
            faults.push(Fault::new(format!("/{at}/amount/amount"), "amount_out_of_range", detail).with(Terms::between(0, MAX_AMOUNT)));
        }
        if window.amount.currency != currency {
            let detail = format!("This store sells in {currency}.");
            faults.push(Fault::new(format!("/{at}/amount/currency"), "currency_mismatch", detail).with(Terms::words([currency])));
        }
        if window.from.is_some_and(|from| window.until.is_some_and(|until| until <= from)) {
            faults.push(Fault::new(format!("/{at}/until"), "empty_window", "The end must come after the beginning."));
        }
    }
    if !faults.is_empty() {
        return Err(Faults(faults).into());
    }
    check_windows(windows).map_err(|OverlappingWindows(first, second)| {
        let detail = format!("This price holds at the same time as price {first}.");
        let fault = Fault::new(format!("/{second}"), "overlapping_windows", detail).with(Terms::words([first]));
        CatalogError::OverlappingWindows(Faults(vec![fault]))
    })
}

/// The price that holds at `now`, as [`Variant::price_at`](domain::catalog::Variant::price_at) has it.
fn in_force(windows: &[PriceWindow], now: Timestamp) -> Option<Money> {
    let timed = windows.iter().find(|window| !window.is_base() && window.holds_at(now));
    timed.or_else(|| windows.iter().find(|window| window.is_base())).map(|window| window.amount)
}

async fn append_in(tx: &mut Tx, store: &StoreId, sku: &Sku, price: Option<Money>, version: i64, by: Actor) -> Result<(), DbError> {
    let Some(price) = price else { return Ok(()) };
    let event = PriceChanged { store: store.clone(), sku: sku.clone(), price, version };
    let event = NewEvent::new(event, sku).in_stream(format!("{store}/{sku}")).at_store(store).by(by);
    log::append_in(tx, event).await.map(drop)
}

/// Sets the timer of a SKU to the next edge of its windows, if one is to come.
pub(super) async fn set_timer_in(
    tx: &mut Tx,
    store: &StoreId,
    sku: &Sku,
    windows: &[PriceWindow],
    after: Timestamp,
) -> Result<(), DbError> {
    let key = format!("{store}/{sku}");
    let next = windows.iter().flat_map(|window| [window.from, window.until]).flatten().filter(|edge| *edge > after).min();
    match next {
        Some(due) => timer::set_in(tx, TIMER, &key, due, json!({ "store": store, "sku": sku })).await,
        None => timer::cancel_in(tx, TIMER, &key).await.map(drop),
    }
}

/// What happens at the edge of a price window: the menu gets a new version with the price that holds from now on.
#[derive(Debug, Clone, Copy, Default)]
pub struct PriceWindows;

#[derive(serde::Deserialize)]
struct Edge {
    store: StoreId,
    sku: Sku,
}

#[async_trait]
impl TimerHandler for PriceWindows {
    fn kind(&self) -> &'static str {
        TIMER
    }

    async fn lock_in(&self, tx: &mut Tx, _key: &str, payload: &Value) -> Result<(), HandlerError> {
        Ok(Stores.lock_in(tx, &Edge::deserialize(payload)?.store).await?)
    }

    async fn fire_in(&self, tx: &mut Tx, _key: &str, payload: &Value, due: Timestamp) -> Result<(), HandlerError> {
        let Edge { store, sku } = Edge::deserialize(payload)?;
        let currency = store::head(tx, &store).await?.ok_or(CatalogError::Unknown)?.currency;
        let windows = store::prices_of(tx, &store, &sku, currency).await?;
        // A timer may fire late, past more than one edge.
        let now = tx.now().max(due);
        set_timer_in(tx, &store, &sku, &windows, now).await?;
        let (old, new) = (in_force(&windows, due.plus_millis(-1)), in_force(&windows, now));
        if old != new {
            let version = changes::record_change_in(tx, &store, &Item::Sku(sku.clone())).await?;
            append_in(tx, &store, &sku, new, version, Actor::System).await?;
        }
        Ok(())
    }
}
