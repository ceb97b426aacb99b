//! What was made, and how long it took.

use std::collections::BTreeMap;

use domain::pricing::QuoteLine;
use domain::view::{MakingView, Naming};
use domain::{FulfilmentId, ProductId, StoreId, Text, Timestamp};
use serde::{Deserialize, Serialize};

use super::store::{self, TicketRow};
use crate::db::{DbError, Sql, Tx};

/// A product's time is the mean of so many that were made last.
const LAST: usize = 10;
/// So many are kept: whichever of the last ten are called off or taken back, ten are left.
const KEPT: usize = 2 * LAST;
/// Products that are told, those that were made last: it is done whenever the queue is told, so it has an end.
const PRODUCTS: i64 = 200;

/// When a pick-up that was made, and not called off, was placed, claimed and ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Made {
    pub placed: Timestamp,
    pub claimed: Timestamp,
    pub ready: Timestamp,
}

/// What a piece of a product took on one ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Took {
    pub of: FulfilmentId,
    pub millis: i64,
}

/// How long a product took on the tickets that were made last, the newest first.
pub(super) struct Times {
    pub product: ProductId,
    pub name: Text,
    pub last: Vec<Took>,
}

/// What a store has made from `from` on and before `until`.
pub(crate) async fn made(sql: &mut impl Sql, at: &StoreId, from: Timestamp, until: Timestamp) -> Result<Vec<Made>, DbError> {
    store::made(sql, at, from, until).await
}

/// How long each product takes, by its id.
pub(super) async fn making(sql: &mut impl Sql, at: &StoreId, naming: Naming) -> Result<Vec<MakingView>, DbError> {
    let mut times = store::times(sql, at, PRODUCTS).await?;
    times.sort_by(|one, other| one.product.cmp(&other.product));
    // Of what was called off altogether there is nothing to tell.
    let told = times.into_iter().filter_map(|time| Some((mean(&time.last)?, time)));
    Ok(told.map(|(seconds, Times { product, name, .. })| MakingView::of(product, &name, seconds, naming)).collect())
}

/// Keeps how long a ticket took that is ready now. The caller has the store's lock, so nobody else adds a product's first one.
pub(super) async fn keep_in(tx: &mut Tx, ticket: &TicketRow) -> Result<(), DbError> {
    let Some((started, made)) = ticket.started_at.zip(ticket.made_at) else { return Ok(()) };
    let millis = share(made.as_millis() - started.as_millis(), ticket.lines.iter().map(|line| line.quantity));
    for (product, name) in products(&ticket.lines) {
        let mut last = store::last_in(tx, &ticket.store, product).await?;
        add(&mut last, Took { of: ticket.id, millis });
        store::keep_last_in(tx, &ticket.store, product, name, &last, made).await?;
    }
    Ok(())
}

/// Forgets how long a ticket took: it is called off, or taken back from the counter.
pub(super) async fn forget_in(tx: &mut Tx, ticket: &TicketRow) -> Result<(), DbError> {
    for (product, _) in products(&ticket.lines) {
        let mut last = store::last_in(tx, &ticket.store, product).await?;
        let before = last.len();
        last.retain(|took| took.of != ticket.id);
        if last.len() < before {
            store::correct_last_in(tx, &ticket.store, product, &last).await?;
        }
    }
    Ok(())
}

/// A product is there once, however many lines have it with other options; always in the same order, in which their rows are locked.
fn products(lines: &[QuoteLine]) -> BTreeMap<&ProductId, &Text> {
    lines.iter().map(|line| (&line.product, &line.name)).collect()
}

/// What each piece of a ticket took, in milliseconds: all of them took this long together.
fn share(millis: i64, quantities: impl Iterator<Item = i64>) -> i64 {
    millis / quantities.sum::<i64>().max(1)
}

/// Puts what was made just now before the others.
fn add(last: &mut Vec<Took>, new: Took) {
    last.retain(|took| took.of != new.of);
    last.insert(0, new);
    last.truncate(KEPT);
}

/// The mean of the last ones in whole seconds; `None` where there are none.
fn mean(last: &[Took]) -> Option<i64> {
    let counted = &last[..last.len().min(LAST)];
    mean_seconds(counted.iter().map(|took| took.millis).sum(), counted.len() as i64)
}

/// The mean of so many in whole seconds, to the nearest; `None` of none.
pub(crate) fn mean_seconds(millis: i64, count: i64) -> Option<i64> {
    (count > 0).then(|| (millis.max(0) + count * 500) / (count * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(n: usize, seconds: i64) -> Took {
        Took { of: format!("0193b3c4-5d6e-7f80-9a1b-{n:012}").parse().unwrap(), millis: seconds * 1000 }
    }

    #[test]
    fn each_piece_of_a_ticket_has_its_share() {
        assert_eq!(share(90_000, [2, 1].into_iter()), 30_000);
        assert_eq!(share(90_000, std::iter::empty()), 90_000);
    }

    #[test]
    fn the_last_ten_count_and_a_ticket_counts_once() {
        let mut last = Vec::new();
        assert_eq!(mean(&last), None);
        for n in 0..LAST {
            add(&mut last, took(n, 6000));
        }
        for n in 0..LAST {
            add(&mut last, took(100 + n, 60));
        }
        assert_eq!((mean(&last), last.len()), (Some(60), KEPT));
        // Mended, and ready once more.
        add(&mut last, took(100, 160));
        assert_eq!((mean(&last), last.len(), last[0].of), (Some(70), KEPT, took(100, 0).of));
        add(&mut last, took(200, 60));
        assert_eq!(last.len(), KEPT, "the oldest gives way");
        // Some were called off: those before them count again.
        last.retain(|took| took.millis != 60_000);
        assert_eq!(mean(&last), Some(5416), "nine of 6000 and one of 160");
    }

    #[test]
    fn means_are_to_the_nearest_second() {
        assert_eq!(
            [(1499, 1), (1500, 1), (5000, 2), (0, 3), (-5, 1)].map(|(millis, count)| mean_seconds(millis, count)),
            [Some(1), Some(2), Some(3), Some(0), Some(0)]
        );
        assert_eq!(mean_seconds(0, 0), None);
    }
}
