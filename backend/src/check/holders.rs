//! What is held, and for whom: live checkouts, holds and places that nobody owns, payments and fulfilments without an order, and what
//! is left of somebody who has left.

use std::collections::{HashMap, HashSet};

use domain::OrderId;

use super::{Breach, Findings, PAGE};
use crate::db::{DbError, Tx, ids};
use crate::identity::{Owner, account};
use crate::ordering::invariants as ordering;
use crate::payment::invariants as payment;
use crate::prep::invariants as prep;
use crate::{inventory, kiosk, stores, timer};

/// Looks at everything that is held for somebody.
pub(super) async fn walk(tx: &mut Tx, found: &mut Findings) -> Result<(), DbError> {
    live_checkouts(tx, found).await?;
    held_units(tx, found).await?;
    places(tx, found).await?;
    admissions(tx, found).await?;
    payments(tx, found).await?;
    fulfilments(tx, found).await?;
    deleted_accounts(tx, found).await
}

async fn live_checkouts(tx: &mut Tx, found: &mut Findings) -> Result<(), DbError> {
    let mut after = None;
    loop {
        let page = ordering::live_after(tx, after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(*last);
        let checkouts: Vec<_> = page.iter().map(|(id, _)| *id).collect();
        let timers = timer::due_of(tx, ordering::CHECKOUT_HOLD, &checkouts).await?;
        let places = stores::with_place(tx, "checkout", ids(&checkouts)).await?;
        for (id, expires_at) in &page {
            let (thing, key) = (format!("checkout {id}"), id.to_string());
            match timers.get(&key) {
                None => found.add(Breach::new("checkouts.timed", &thing, "it has no timer")),
                Some(due) if due != expires_at => {
                    found.add(Breach::new("checkouts.timed", &thing, format!("it ends at {expires_at}, its timer is due at {due}")));
                }
                Some(_) => {}
            }
            if !places.contains(&key) {
                found.add(Breach::new("places.held", &thing, "it is live and has no place"));
            }
        }
        for hold in inventory::holds_of(tx, &checkouts).await?.iter().filter(|hold| hold.state != "held") {
            let why = format!("it is live, and its {} are {}", hold.sku, hold.state);
            found.add(Breach::new("holds.ended", format!("checkout {}", hold.checkout), why));
        }
    }
}

/// Units that are put aside are so for a live checkout or an order whose payment runs.
async fn held_units(tx: &mut Tx, found: &mut Findings) -> Result<(), DbError> {
    let mut after = String::new();
    loop {
        let page = inventory::holders(tx, &after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.to_string();
        let names: Vec<_> = page.iter().map(ToString::to_string).collect();
        let live: HashSet<_> =
            ordering::checkouts_named(tx, &names).await?.into_iter().filter(|(_, live)| *live).map(|(id, _)| id).collect();
        let orders: HashMap<_, _> =
            ordering::orders_of_checkouts(tx, &page).await?.into_iter().map(|order| (order.checkout, order)).collect();
        // An order in another state is looked at with the orders.
        for checkout in page.iter().filter(|id| !live.contains(id) && !orders.contains_key(id)) {
            found.add(Breach::new("holds.ended", format!("checkout {checkout}"), "it has ended in nothing, and its units are still held"));
        }
    }
}

async fn places(tx: &mut Tx, found: &mut Findings) -> Result<(), DbError> {
    let mut after = None;
    loop {
        let page = stores::places(tx, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        let of = |kind: &str| page.iter().filter(|place| place.kind == kind).map(|place| place.holder.clone()).collect::<Vec<_>>();
        let checkouts = ordering::checkouts_named(tx, &of("checkout")).await?;
        let orders = ordering::orders_named(tx, &of("order")).await?;
        let admissions = kiosk::open_named(tx, &of("admission")).await?;
        let live: HashSet<_> = checkouts.into_iter().filter(|(_, live)| *live).map(|(id, _)| id.to_string()).collect();
        let orders: HashMap<_, _> = orders.into_iter().map(|order| (order.id.to_string(), order.store)).collect();
        for place in &page {
            let why = match place.kind.as_str() {
                "checkout" if !live.contains(&place.holder) => "its checkout is not there, or has ended",
                "admission" if !admissions.contains(&place.holder) => "its admission is not there, or has ended",
                // One that is over is looked at with the orders.
                "order" => match orders.get(&place.holder) {
                    Some(store) if *store == place.store => continue,
                    Some(_) => "its order is of another store",
                    None => "its order is not there",
                },
                _ => continue,
            };
            found.add(Breach::new("places.held", format!("place of {} {} in {}", place.kind, place.holder, place.store), why));
        }
    }
}

/// Whoever was let in has a place while they are: their own, their checkout's, or their order's. And their time ends, by its
/// timer: without one an admission that is over would keep its place for ever.
async fn admissions(tx: &mut Tx, found: &mut Findings) -> Result<(), DbError> {
    let (mut after, now) = (String::new(), tx.now());
    loop {
        let page = kiosk::open_after(tx, &after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = last.to_string();
        let open: Vec<_> = page.iter().map(|(id, _)| *id).collect();
        let timers = timer::due_of(tx, kiosk::ADMISSION_END, &open).await?;
        for (id, expires_at) in &page {
            let why = match timers.get(&id.to_string()) {
                None => "it is open, and its time has no timer".to_owned(),
                Some(due) if due != expires_at => format!("it ends at {expires_at}, its timer is due at {due}"),
                Some(_) => continue,
            };
            found.add(Breach::new("checkouts.timed", format!("admission {id}"), why));
        }
        let own = stores::with_place(tx, "admission", ids(&open)).await?;
        // Between the end of its time and its timer its place may be gone with its checkout, which ended at the same time.
        let without: Vec<_> = page.into_iter().filter(|(id, end)| *end > now && !own.contains(&id.to_string())).map(|(id, _)| id).collect();
        let led_to = ordering::checkouts_of_admissions(tx, &without).await?;
        let checkouts: Vec<_> = led_to.iter().map(|(checkout, _)| *checkout).collect();
        let mut placed = stores::with_place(tx, "checkout", ids(&checkouts)).await?;
        let orders = ordering::orders_of_checkouts(tx, &checkouts).await?;
        let in_queue = stores::with_place(tx, "order", ids(&orders.iter().map(|order| order.id).collect::<Vec<_>>())).await?;
        placed.extend(orders.iter().filter(|order| in_queue.contains(&order.id.to_string())).map(|order| order.checkout.to_string()));
        let served: HashSet<_> = led_to.into_iter().filter(|(id, _)| placed.contains(&id.to_string())).map(|(_, id)| id).collect();
        for id in without.iter().filter(|id| !served.contains(id)) {
            found.add(Breach::new("places.held", format!("admission {id}"), "it is open, and neither it nor what came of it has a place"));
        }
    }
}

async fn payments(tx: &mut Tx, found: &mut Findings) -> Result<(), DbError> {
    let mut after = None;
    loop {
        let page = payment::after(tx, after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(*last);
        for (payment, order) in without_order(tx, &page).await? {
            found.add(Breach::new("log.things", format!("payment {payment}"), format!("there is no order {order}")));
        }
    }
}

async fn fulfilments(tx: &mut Tx, found: &mut Findings) -> Result<(), DbError> {
    let mut after = None;
    loop {
        let page = prep::after(tx, after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(*last);
        for (fulfilment, order) in without_order(tx, &page).await? {
            found.add(Breach::new("log.things", format!("fulfilment {fulfilment}"), format!("there is no order {order}")));
        }
    }
}

async fn deleted_accounts(tx: &mut Tx, found: &mut Findings) -> Result<(), DbError> {
    let mut after = None;
    loop {
        let page = account::deleted_after(tx, after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(*last);
        let owners: Vec<_> = page.iter().map(|(user, _)| Owner::User(*user)).collect();
        let holding = ordering::with_something(tx, &owners).await?;
        for (user, bare) in page {
            let thing = format!("account {user}");
            if !bare {
                found.add(Breach::new("accounts.empty", &thing, "it is deleted, and there is a name, a phone or a session in it"));
            }
            if holding.contains(&Owner::User(user)) {
                found.add(Breach::new("accounts.empty", &thing, "it is deleted, and has a cart or a live checkout"));
            }
        }
    }
}

/// Those things whose order is not there.
async fn without_order<T: Copy>(tx: &mut Tx, things: &[(T, OrderId)]) -> Result<Vec<(T, OrderId)>, DbError> {
    let names: Vec<_> = things.iter().map(|(_, order)| order.to_string()).collect();
    let known: HashSet<_> = ordering::orders_named(tx, &names).await?.into_iter().map(|order| order.id).collect();
    Ok(things.iter().filter(|(_, order)| !known.contains(order)).copied().collect())
}
