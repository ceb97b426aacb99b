//! What was made, and how long it took.

use std::collections::BTreeMap;

use domain::view::{MakingView, Naming};
use domain::{ProductId, StoreId, Text, Timestamp};
use serde::Deserialize;

use super::store;
use crate::db::{DbError, Sql};

/// A product's time is the mean of so many that were made last.
const LAST: i64 = 10;
/// Tickets that are looked at for that: a product that none of them has is made too seldom to be told. It is done whenever the
/// queue is told, so it has an end.
const TICKETS: i64 = 200;

/// When a pick-up that was made, and not called off, was placed, claimed and ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Made {
    pub placed: Timestamp,
    pub claimed: Timestamp,
    pub ready: Timestamp,
}

/// What is read of a ticket's lines.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct MadeLine {
    pub product: ProductId,
    pub name: Text,
    pub quantity: i64,
}

/// A ticket that was made: how long that took, in milliseconds, and what was on it.
pub(super) struct Taken {
    pub millis: i64,
    pub lines: Vec<MadeLine>,
}

/// What a store has made from `from` on and before `until`.
pub(crate) async fn made(sql: &mut impl Sql, at: &StoreId, from: Timestamp, until: Timestamp) -> Result<Vec<Made>, DbError> {
    store::made(sql, at, from, until).await
}

/// How long each product takes, by its id.
pub(super) async fn making(sql: &mut impl Sql, at: &StoreId, naming: Naming) -> Result<Vec<MakingView>, DbError> {
    let times = times(store::taken(sql, at, TICKETS).await?);
    Ok(times.into_iter().map(|(product, time)| MakingView::of(product, &time.name, time.seconds(), naming)).collect())
}

struct Time {
    name: Text,
    millis: i64,
    count: i64,
}

impl Time {
    fn seconds(&self) -> i64 {
        mean_seconds(self.millis, self.count).unwrap_or_default()
    }
}

/// The times of all products on these tickets, the newest of which stand first.
fn times(tickets: Vec<Taken>) -> BTreeMap<ProductId, Time> {
    let mut times = BTreeMap::<ProductId, Time>::new();
    for Taken { millis, lines } in tickets {
        let pieces = lines.iter().map(|line| line.quantity).sum::<i64>().max(1);
        // A product is there once, however many lines have it with other options.
        let products: BTreeMap<_, _> = lines.into_iter().map(|line| (line.product, line.name)).collect();
        for (product, name) in products {
            // The newest name is what it is called now.
            let time = times.entry(product).or_insert(Time { name, millis: 0, count: 0 });
            if time.count < LAST {
                time.millis += millis / pieces;
                time.count += 1;
            }
        }
    }
    times
}

/// The mean of so many in whole seconds, to the nearest; `None` of none.
pub(crate) fn mean_seconds(millis: i64, count: i64) -> Option<i64> {
    (count > 0).then(|| (millis.max(0) + count * 500) / (count * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(seconds: i64, lines: &[(&str, i64)]) -> Taken {
        let text = |id: &str| Text { en: id.to_owned(), zh_cn: id.to_owned() };
        let line = |(id, quantity): &(&str, i64)| MadeLine { product: id.parse().unwrap(), name: text(id), quantity: *quantity };
        Taken { millis: seconds * 1000, lines: lines.iter().map(line).collect() }
    }

    fn seconds(tickets: Vec<Taken>) -> Vec<(String, i64)> {
        times(tickets).iter().map(|(product, time)| (product.to_string(), time.seconds())).collect()
    }

    #[test]
    fn each_piece_of_a_ticket_has_its_share() {
        let told =
            seconds(vec![taken(90, &[("latte", 2), ("bun", 1)]), taken(50, &[("latte", 1)]), taken(60, &[("latte", 1), ("latte", 1)])]);
        assert_eq!(told, [("bun".to_owned(), 30), ("latte".to_owned(), 37)], "(30 + 50 + 30) / 3");
    }

    #[test]
    fn the_last_ten_count() {
        let mut tickets: Vec<_> = (0..10).map(|_| taken(60, &[("latte", 1)])).collect();
        tickets.push(taken(6000, &[("latte", 1)]));
        assert_eq!(seconds(tickets), [("latte".to_owned(), 60)]);
        assert_eq!(seconds(Vec::new()), []);
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
