//! What a store's managers see of one of its days.

use serde::{Deserialize, Serialize};

use crate::{
    Currency, Money, ProductId, StoreId, Text, Timestamp,
    ordering::{CancelledBy, OrderStatus},
};

wire! {
    /// `GET /staff/stores/{store}/today`: a day of a store by its own clocks, as far as it has come.
    ///
    /// An order belongs to the day and hour in which it was placed; waiting and making belong to those in which it was made.
    TodayView {
        store: StoreId,
        currency: Currency,
        /// IANA name.
        time_zone: String,
        /// The date at the store, such as `2026-11-22`.
        day: String,
        /// It is that day there now.
        current: bool,
        begins_at: Timestamp,
        /// 23 to 25 hours later: clocks are changed twice a year.
        ends_at: Timestamp,
        /// A `sequence` of the store's topics that it is not older than.
        version: i64,
        totals: TotalsView,
        /// All hours of the day.
        hours: Vec<HourView>,
        /// The most often sold first, at most 100.
        products: Vec<SoldView>,
        options: Vec<SoldView>,
        /// What came to nothing and why, the most frequent first.
        ended: Vec<EndedView>,
    }

    /// An order is counted in exactly one of `orders`, `paying`, `cancelled`, `timed_out` and `rejected`.
    TotalsView {
        /// Paid and not called off.
        orders: i64,
        /// What they cost.
        revenue: Money,
        /// Those whose payment is still under way.
        paying: i64,
        /// Called off, in time.
        cancelled: i64,
        /// Called off because the bar was too late.
        timed_out: i64,
        /// Refused, mostly by the bank.
        rejected: i64,
        /// Pick-ups that were made in this day, by whichever day's order.
        made: i64,
        /// Their mean from placed to ready, in whole seconds; null: nothing was made.
        waiting_seconds: Option<i64>,
        /// Their mean from claimed to ready.
        making_seconds: Option<i64>,
    }
    HourView {
        begins_at: Timestamp,
        /// As the store's clocks show it, 0 to 23; the same hour comes twice when they are set back.
        hour: i64,
        orders: i64,
        revenue: Money,
        made: i64,
        waiting_seconds: Option<i64>,
        making_seconds: Option<i64>,
    }
    /// A product or an option.
    SoldView {
        id: String,
        name: String,
        /// Pieces.
        quantity: i64,
        /// Of an option: what it added.
        revenue: Money,
    }
    EndedView {
        /// `cancelled` or `rejected`.
        status: OrderStatus,
        by: Option<CancelledBy>,
        reason: Option<String>,
        orders: i64,
    }

    /// The day so far, as the board's header tells it.
    QueueToday {
        /// Orders that were taken on this day of the store's, whatever has become of them; not those that are still being paid for,
        /// or were refused.
        started: i64,
        /// Of these, called off in time.
        cancelled: i64,
        /// Of these, called off because the bar was too late.
        timed_out: i64,
    }
    /// How long a product takes.
    MakingView {
        product: ProductId,
        name: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        names: Option<Text>,
        /// From claimed to ready, the mean of the last ten: of what was made together each piece has the same share.
        seconds: i64,
    }
}
