//! The log from its start: every event has its thing, and orders have their numbers in the order of placing.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::event::{OrderCreated, StockHeld};
use serde_json::Value;

use super::{Breach, Findings};
use crate::db::{DbError, Sql as _, Tx};
use crate::inventory;
use crate::log::invariants::{Fact, facts_after};
use crate::ordering::invariants as ordering;
use crate::payment::invariants as payment;
use crate::prep::invariants as prep;

/// Events read at once.
const PAGE: i64 = 1_000;

/// What an event's data may name, and what it is called.
const THINGS: [&str; 4] = ["order", "checkout", "payment", "fulfilment"];

/// Looks at every event.
pub(super) async fn walk(tx: &mut Tx, found: &mut Findings) -> Result<(), DbError> {
    let mut entry = 0;
    // The last number of each store's day: as many as there are days.
    let mut last = HashMap::<(String, String), i64>::new();
    loop {
        let page = facts_after(tx, entry, PAGE).await?;
        let Some(newest) = page.last() else { return Ok(()) };
        entry = newest.entry;
        things(tx, &page, found).await?;
        if !tx.is_postgres() {
            numbers(tx, &page, &mut last, found).await?;
        }
    }
}

fn named(fact: &Fact, thing: &str) -> Option<String> {
    fact.data.get(thing).and_then(Value::as_str).map(ToOwned::to_owned)
}

async fn things(tx: &mut Tx, page: &[Fact], found: &mut Findings) -> Result<(), DbError> {
    for thing in THINGS {
        let names: BTreeSet<_> = page.iter().filter_map(|fact| named(fact, thing)).collect();
        let names: Vec<_> = names.into_iter().collect();
        if names.is_empty() {
            continue;
        }
        let known: HashSet<String> = match thing {
            "order" => ordering::orders_named(tx, &names).await?.into_iter().map(|order| order.id.to_string()).collect(),
            "checkout" => ordering::checkouts_named(tx, &names).await?.into_iter().map(|(id, _)| id.to_string()).collect(),
            "payment" => payment::known(tx, &names).await?.into_iter().collect(),
            _ => prep::known(tx, &names).await?.into_iter().collect(),
        };
        for fact in page {
            if let Some(name) = named(fact, thing).filter(|name| !known.contains(name)) {
                let why = format!("there is no {thing} {name}");
                found.add(Breach::new("log.things", format!("{} at {}", fact.type_name, fact.entry), why));
            }
        }
    }
    let held: Vec<_> = page.iter().filter(|fact| fact.type_name == StockHeld::TYPE).filter_map(|fact| named(fact, "checkout")).collect();
    let checkouts: Vec<_> = held.iter().filter_map(|id| id.parse().ok()).collect();
    let known: HashSet<_> = inventory::holds_of(tx, &checkouts).await?.into_iter().map(|hold| hold.checkout).collect();
    for checkout in checkouts.iter().filter(|checkout| !known.contains(checkout)) {
        found.add(Breach::new("log.things", StockHeld::TYPE, format!("there are no holds of checkout {checkout}")));
    }
    Ok(())
}

/// Whether orders stand in the log in the order of their numbers. They do where one is placed after the other; on PostgreSQL those who
/// place together may be written down in another order than they took their numbers in.
async fn numbers(tx: &mut Tx, page: &[Fact], last: &mut HashMap<(String, String), i64>, found: &mut Findings) -> Result<(), DbError> {
    let placed: Vec<_> = page.iter().filter(|fact| fact.type_name == OrderCreated::TYPE).filter_map(|fact| named(fact, "order")).collect();
    let orders: HashMap<_, _> = ordering::orders_named(tx, &placed).await?.into_iter().map(|order| (order.id.to_string(), order)).collect();
    for order in placed.iter().filter_map(|id| orders.get(id)) {
        let last = last.entry((order.store.to_string(), order.day.clone())).or_default();
        if order.number != *last + 1 {
            let why = format!("it was placed after number {last} of {} at {}, and has number {}", order.day, order.store, order.number);
            found.add(Breach::new("orders.numbered", format!("order {}", order.id), why));
        }
        *last = order.number;
    }
    Ok(())
}
