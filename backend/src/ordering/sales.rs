//! What a store has sold on a day: for its managers' report and for the board's header.

use domain::ordering::{CancelledBy, OrderStatus};
use domain::view::QueueToday;
use domain::{Money, OptionId, ProductId, StoreId, Text, Timestamp};
use serde::Deserialize;

use super::day::{self, Day};
use super::{limits, store};
use crate::db::{DbError, Sql};
use crate::stores::Stores;

/// An order as a report needs it.
#[derive(Debug, Clone)]
pub(crate) struct Sale {
    pub placed_at: Timestamp,
    pub status: OrderStatus,
    pub reason: Option<String>,
    pub cancelled_by: Option<CancelledBy>,
    /// What was sold, where it was: of what came to nothing, or is not paid yet, nothing is.
    pub sold: Option<Sold>,
}

impl Sale {
    /// Whether it was called off because the bar was too late.
    pub(crate) fn timed_out(&self) -> bool {
        self.status == OrderStatus::Cancelled
            && self.reason.as_deref() == Some(limits::BARISTA_TIMEOUT)
            && self.cancelled_by == Some(CancelledBy::System)
    }
}

/// What is read of a quote: the rest of it is passed over.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Sold {
    pub total: Money,
    pub lines: Vec<SoldLine>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SoldLine {
    pub product: ProductId,
    pub name: Text,
    pub options: Vec<SoldOption>,
    pub quantity: i64,
    pub total: Money,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SoldOption {
    pub id: OptionId,
    pub name: Text,
    pub price: Money,
}

/// The orders that a store has taken on a day, in the order of their numbers.
pub(crate) async fn sales(sql: &mut impl Sql, at: &StoreId, day: &Day) -> Result<Vec<Sale>, DbError> {
    store::sales(sql, at, &day.to_string()).await
}

/// The store's day so far in three numbers; `None` where there is no such store. Indexes alone are counted.
pub(crate) async fn so_far(sql: &mut impl Sql, at: &StoreId) -> Result<Option<QueueToday>, DbError> {
    let Some(store) = Stores.get(sql, at).await? else { return Ok(None) };
    let today = day::of(sql.now(), &store.time_zone);
    store::so_far(sql, at, &today, limits::BARISTA_TIMEOUT).await.map(Some)
}
