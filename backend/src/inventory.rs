//! Stock: how many units of a SKU a store has, and for whom they are put aside.
//!
//! `received + adjusted + returned − sold = on_hand = held + free` at every instant; the database refuses anything else.
//! A SKU without a stock row is made to order and never short. Whatever changes stock has the store's lock; who has it with
//! others locks all the rows that it is going to change at once, by SKU ([`Stock::lock_in`]), before the store's own row.

mod error;
mod store;

use std::collections::{BTreeMap, HashSet};

use domain::{
    CheckoutId, Fault, Faults, OrderId, Sku, StoreId, Terms, Timestamp,
    event::{Actor, StockAdjusted, StockAvailabilityChanged, StockHeld, StockReleased, StockSold, Units},
};
use serde::Serialize;

pub use self::error::{Short, StockError};
use self::store::invariants;
pub(crate) use self::store::invariants::Hold;
use self::store::{Bounds, Kind};
use crate::catalog::{self, Item};
use crate::check::Breach;
use crate::db::{DbError, Sql, Tx};
use crate::log::{self, NewEvent};
use crate::stores::{StoreError, Stores};

/// More units of one SKU than any store has.
const MAX_UNITS: i64 = 1_000_000_000;

/// The stock of all stores.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stock;

/// The units of one SKU in one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StockLevel {
    pub store: StoreId,
    pub sku: Sku,
    pub on_hand: i64,
    /// Put aside for checkouts and unpaid orders.
    pub held: i64,
    pub received: i64,
    pub adjusted: i64,
    pub returned: i64,
    pub sold: i64,
}

impl StockLevel {
    /// What can still be held.
    pub const fn free(&self) -> i64 {
        self.on_hand - self.held
    }
}

/// Units that were freed and of which the menu has not heard: what was free of each SKU before.
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use = "the menu has to hear of it"]
pub struct Freed(BTreeMap<Sku, i64>);

/// How a count is put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjustment {
    /// So many more, or fewer.
    Delta(i64),
    /// So many there are.
    OnHand(i64),
}

/// What is not as it must be in the stock itself.
pub(crate) async fn breaches(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    let mut found = invariants::unbalanced(sql).await?;
    found.extend(invariants::moved_otherwise(sql).await?);
    found.extend(invariants::held_otherwise(sql).await?);
    Ok(found)
}

/// All holds of these checkouts, for the check.
pub(crate) async fn holds_of(sql: &mut impl Sql, checkouts: &[CheckoutId]) -> Result<Vec<Hold>, DbError> {
    invariants::holds_of(sql, checkouts).await
}

/// Checkouts after this one that have units put aside, in order, for the check.
pub(crate) async fn holders(sql: &mut impl Sql, after: &str, limit: i64) -> Result<Vec<CheckoutId>, DbError> {
    invariants::holders(sql, after, limit).await
}

/// The SKUs of a store that are counted and have no free unit.
pub async fn sold_out(sql: &mut impl Sql, store: &StoreId) -> Result<HashSet<Sku>, DbError> {
    store::sold_out(sql, store).await
}

impl Stock {
    /// The level of one SKU; `None` where it is not counted.
    pub async fn level(&self, sql: &mut impl Sql, store: &StoreId, sku: &Sku) -> Result<Option<StockLevel>, DbError> {
        store::level(sql, store, sku).await
    }

    /// The levels of all SKUs that a store counts.
    pub async fn levels(&self, sql: &mut impl Sql, store: &StoreId) -> Result<Vec<StockLevel>, DbError> {
        store::levels(sql, store).await
    }

    /// Begins to count a SKU, with the units there are. False where it is counted already.
    pub async fn track_in(&self, tx: &mut Tx, store: &StoreId, sku: &Sku, units: i64, actor: Actor) -> Result<bool, DbError> {
        if !store::track_in(tx, store, sku).await? {
            return Ok(false);
        }
        if units > 0 {
            let level = store::book_in(tx, store, sku, Kind::Received, units).await?;
            changed_in(tx, &level, Kind::Received, units, "received", actor).await?;
        }
        Ok(true)
    }

    /// Locks these SKUs, and answers which of them are counted. Two who do so take the same rows in the same order.
    pub(crate) async fn lock_in(&self, tx: &mut Tx, store: &StoreId, skus: impl Iterator<Item = &Sku>) -> Result<HashSet<Sku>, DbError> {
        need_in(tx, store).await?;
        store::lock_in(tx, store, skus).await
    }

    /// Puts units aside for a checkout, once a checkout: all lines or none. SKUs that are not counted are passed over.
    /// Who gets [`StockError::OutOfStock`] learns of each short line what is left for it. `freed` is what another checkout
    /// gave up for this one: the menu hears only of what is different in the end.
    pub async fn hold_in(
        &self,
        tx: &mut Tx,
        store: &StoreId,
        checkout: CheckoutId,
        expires_at: Timestamp,
        lines: &[Units],
        freed: Freed,
    ) -> Result<(), StockError> {
        let counted = self.lock_in(tx, store, lines.iter().map(|line| &line.sku)).await?;
        if counted.is_empty() {
            return Ok(self.tell_freed_in(tx, store, freed).await?);
        }
        // Sorted: two checkouts take the same rows in the same order.
        let mut wanted = BTreeMap::<&Sku, i64>::new();
        for line in lines.iter().filter(|line| counted.contains(&line.sku)) {
            let sum = wanted.entry(&line.sku).or_default();
            *sum = sum.saturating_add(line.quantity);
        }
        let (mut held, mut left) = (Vec::new(), BTreeMap::new());
        for (sku, quantity) in wanted {
            match store::hold_in(tx, store, sku, quantity).await? {
                Some(free) => held.push((sku, quantity, free)),
                None => drop(left.insert(sku, store::free(tx, store, sku).await?)),
            }
        }
        if !left.is_empty() {
            for (sku, quantity, _) in held {
                store::unhold_in(tx, store, sku, quantity).await?;
            }
            return Err(StockError::OutOfStock(short_lines(lines, left)));
        }
        for (sku, quantity, _) in &held {
            store::add_hold_in(tx, store, checkout, sku, *quantity, expires_at).await?;
        }
        let mut freed = freed;
        for (sku, quantity, free) in &held {
            let before = freed.0.remove(*sku).unwrap_or(free + quantity);
            if (before > 0) != (*free > 0) {
                crossed_in(tx, store, sku, *free > 0).await?;
            }
        }
        self.tell_freed_in(tx, store, freed).await?;
        let units = held.iter().map(|(sku, quantity, _)| Units { sku: (*sku).clone(), quantity: *quantity }).collect();
        let event = NewEvent::new(StockHeld { store: store.clone(), checkout, units }, checkout).at_store(store);
        log::append_in(tx, event).await?;
        Ok(())
    }

    /// Keeps a checkout's units past its expiry: its order was placed, and its payment runs. It is written at the end of the transaction.
    pub async fn make_permanent_in(&self, tx: &mut Tx, store: &StoreId, checkout: CheckoutId) -> Result<(), DbError> {
        store::make_permanent_in(tx, store, checkout).await
    }

    /// Sells a checkout's units with its order: they leave the hand and the hold at once. Only the first call does.
    pub async fn sell_in(&self, tx: &mut Tx, store: &StoreId, checkout: CheckoutId, order: OrderId) -> Result<Vec<Units>, DbError> {
        need_in(tx, store).await?;
        let units = store::end_holds_in(tx, store, checkout, &["held", "placed"], "sold").await?;
        for Units { sku, quantity } in &units {
            store::book_in(tx, store, sku, Kind::Sold, *quantity).await?;
            store::add_movement_in(tx, store, sku, Kind::Sold, *quantity, &order.to_string(), Actor::System).await?;
        }
        if !units.is_empty() {
            let event = StockSold { store: store.clone(), order, units: units.clone() };
            log::append_in(tx, NewEvent::new(event, order).at_store(store)).await?;
        }
        Ok(units)
    }

    /// Frees all that a checkout, or the order it became, has: what is held becomes free, what was sold comes back. Only
    /// the first call does.
    pub async fn release_in(&self, tx: &mut Tx, store: &StoreId, checkout: CheckoutId) -> Result<Vec<Units>, DbError> {
        need_in(tx, store).await?;
        let (released, freed) = free_in(tx, store, checkout).await?;
        self.tell_freed_in(tx, store, freed).await?;
        let mut back = released;
        for Units { sku, quantity } in store::end_holds_in(tx, store, checkout, &["sold"], "returned").await? {
            let level = store::book_in(tx, store, &sku, Kind::Returned, quantity).await?;
            changed_in(tx, &level, Kind::Returned, quantity, "returned", Actor::System).await?;
            back.push(Units { sku, quantity });
        }
        Ok(back)
    }

    /// Frees what a checkout holds for another one that takes its place in the same transaction. The menu has heard
    /// nothing yet: hand the result to [`Stock::hold_in`]. What it holds has been locked.
    pub async fn give_way_in(&self, tx: &mut Tx, store: &StoreId, checkout: CheckoutId) -> Result<Freed, DbError> {
        need_in(tx, store).await?;
        Ok(free_in(tx, store, checkout).await?.1)
    }

    /// Tells the menu of units that are free again, where that makes a difference to it.
    async fn tell_freed_in(&self, tx: &mut Tx, store: &StoreId, freed: Freed) -> Result<(), DbError> {
        for (sku, before) in freed.0 {
            let after = store::free(tx, store, &sku).await?;
            if (before > 0) != (after > 0) {
                crossed_in(tx, store, &sku, after > 0).await?;
            }
        }
        Ok(())
    }

    /// Counts anew, receives or writes off. Never below what is held. The reasons `received` and `returned` are booked as
    /// such where units are added, any other as an adjustment.
    ///
    /// Codes: `unknown_store`, `unknown_sku`, `not_tracked`, `quantity_out_of_range`, `required`, `too_long`; `below_held`.
    pub async fn adjust_in(
        &self,
        tx: &mut Tx,
        store: &StoreId,
        sku: &Sku,
        adjustment: Adjustment,
        reason: &str,
        actor: Actor,
    ) -> Result<StockLevel, StockError> {
        check(adjustment, reason)?;
        match Stores.lock_in(tx, store).await {
            Ok(()) => {}
            Err(StoreError::Unavailable(error)) => return Err(error.into()),
            Err(_) => return Err(fault("/store", "unknown_store", "There is no such store.")),
        }
        let Some(level) = store::level(tx, store, sku).await? else {
            return Err(if catalog::sells(tx, store, sku).await? {
                fault("/sku", "not_tracked", "This item is made to order: it is not counted.")
            } else {
                fault("/sku", "unknown_sku", "This store has no such item.")
            });
        };
        let (delta, seen) = match adjustment {
            Adjustment::Delta(delta) => (delta, None),
            Adjustment::OnHand(on_hand) => (on_hand - level.on_hand, Some(level.on_hand)),
        };
        if delta == 0 {
            return Ok(level);
        }
        let kind = match reason {
            "received" if delta > 0 => Kind::Received,
            "returned" if delta > 0 => Kind::Returned,
            _ => Kind::Adjusted,
        };
        let bounds = Bounds { most: MAX_UNITS, seen };
        let Some(after) = store::adjust_in(tx, store, sku, kind, delta, bounds).await? else {
            // The statement has decided; under the store's lock the level still says why.
            return Err(if level.on_hand + delta > MAX_UNITS {
                fault("/delta", "quantity_out_of_range", "That would be too many.")
            } else {
                StockError::BelowHeld(level.held)
            });
        };
        changed_in(tx, &after, kind, delta, reason, actor).await?;
        Ok(after)
    }
}

async fn need_in(tx: &mut Tx, store: &StoreId) -> Result<(), DbError> {
    Stores.need_in(tx, store).await.map_err(StoreError::into_db)
}

/// Which of these checkouts have units put aside for them, or had: once one has begun, that does not change.
pub(crate) async fn with_holds(sql: &mut impl Sql, checkouts: &[CheckoutId]) -> Result<HashSet<CheckoutId>, DbError> {
    store::with_holds(sql, checkouts).await
}

/// Ends a checkout's holds: their units, and what was free before.
async fn free_in(tx: &mut Tx, store: &StoreId, checkout: CheckoutId) -> Result<(Vec<Units>, Freed), DbError> {
    let released = store::end_holds_in(tx, store, checkout, &["held", "placed"], "released").await?;
    let mut freed = Freed::default();
    for Units { sku, quantity } in &released {
        let free = store::unhold_in(tx, store, sku, *quantity).await?;
        freed.0.insert(sku.clone(), free - quantity);
    }
    if !released.is_empty() {
        let event = StockReleased { store: store.clone(), checkout, units: released.clone() };
        log::append_in(tx, NewEvent::new(event, checkout).at_store(store)).await?;
    }
    Ok((released, freed))
}

/// What follows of a change of the units on hand: its movement, its events and its effect on the menu.
async fn changed_in(tx: &mut Tx, level: &StockLevel, kind: Kind, delta: i64, reason: &str, actor: Actor) -> Result<(), DbError> {
    let (store, sku) = (&level.store, &level.sku);
    store::add_movement_in(tx, store, sku, kind, delta, reason, actor).await?;
    let (before, after) = (level.free() - delta, level.free());
    if (before > 0) != (after > 0) {
        crossed_in(tx, store, sku, after > 0).await?;
    }
    let event = StockAdjusted { store: store.clone(), sku: sku.clone(), delta, on_hand: level.on_hand, reason: reason.to_owned() };
    let event = NewEvent::new(event, sku).in_stream(format!("{store}/{sku}")).at_store(store).by(actor);
    log::append_in(tx, event).await.map(drop)
}

/// The free units of a SKU crossed zero: the menu shows it.
async fn crossed_in(tx: &mut Tx, store: &StoreId, sku: &Sku, available: bool) -> Result<(), DbError> {
    let version = catalog::record_change_in(tx, store, &Item::Sku(sku.clone())).await?;
    let event = StockAvailabilityChanged { store: store.clone(), sku: sku.clone(), available, version };
    let event = NewEvent::new(event, sku).in_stream(format!("{store}/{sku}")).at_store(store);
    log::append_in(tx, event).await.map(drop)
}

/// Which lines get less than they ask for, when each takes what the lines before it have left.
fn short_lines(lines: &[Units], mut left: BTreeMap<&Sku, i64>) -> Vec<Short> {
    let mut short = Vec::new();
    for (line, units) in lines.iter().enumerate() {
        let Some(left) = left.get_mut(&units.sku) else { continue };
        if *left < units.quantity {
            short.push(Short { line, available: *left });
        }
        *left = (*left - units.quantity).max(0);
    }
    short
}

fn check(adjustment: Adjustment, reason: &str) -> Result<(), Faults> {
    let mut faults = Vec::new();
    let out_of_range = match adjustment {
        Adjustment::Delta(delta) if !(-MAX_UNITS..=MAX_UNITS).contains(&delta) || delta == 0 => Some(("/delta", -MAX_UNITS)),
        Adjustment::OnHand(on_hand) if !(0..=MAX_UNITS).contains(&on_hand) => Some(("/on_hand", 0)),
        _ => None,
    };
    if let Some((pointer, least)) = out_of_range {
        // A difference of nothing is none.
        let (but, terms) = match adjustment {
            Adjustment::Delta(_) => (", but not 0", Terms { words: vec!["0".to_owned()], ..Terms::between(least, MAX_UNITS) }),
            Adjustment::OnHand(_) => ("", Terms::between(least, MAX_UNITS)),
        };
        let fault = Fault::new(pointer, "quantity_out_of_range", format!("Say how many: {least} to {MAX_UNITS}{but}."));
        faults.push(fault.with(terms));
    }
    if reason.trim().is_empty() {
        faults.push(Fault::new("/reason", "required", "Please say why."));
    } else if reason.chars().count() > 200 {
        faults.push(Fault::new("/reason", "too_long", "At most 200 characters.").with(Terms::at_most(200)));
    } else {
        faults.extend(Fault::hidden_in(reason, "/reason"));
    }
    if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
}

fn fault(pointer: &str, code: &str, detail: &str) -> StockError {
    StockError::Invalid(Faults(vec![Fault::new(pointer, code, detail)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_takes_what_the_lines_before_it_left() {
        let unit = |sku: &str, quantity| Units { sku: sku.parse().unwrap(), quantity };
        let lines = [unit("plush", 3), unit("mug", 1), unit("plush", 2), unit("plush", 1)];
        let plush = "plush".parse().unwrap();
        let short = short_lines(&lines, BTreeMap::from([(&plush, 4)]));
        assert_eq!(short, [Short { line: 2, available: 1 }, Short { line: 3, available: 0 }]);
    }
}
