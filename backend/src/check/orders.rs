//! Orders, and what hangs on each: its money, its stock, its place, its fulfilments, its events.

use std::collections::HashMap;

use domain::Money;
use domain::event::{
    OrderCancelled, OrderCreated, OrderFulfilled, OrderProcessed, OrderRejected, PaymentCaptured, PaymentDeclined, PaymentRefunded,
    PrepRecalled,
};
use domain::ordering::{OrderStatus, PaymentStatus};
use domain::prep::FulfilmentStatus;

use super::{Breach, Findings, PAGE, Progress};
use crate::db::{DbError, Tx, ids};
use crate::inventory::Hold;
use crate::log::invariants::Mark;
use crate::ordering::Step;
use crate::ordering::invariants::{self as ordering, Glance, SAGA};
use crate::payment::invariants::{self as payment, Standing};
use crate::prep::invariants::{self as prep, MAKER};
use crate::{inventory, log, stores, timer};

/// An order with what hangs on it.
struct Order<'a> {
    is: &'a Glance,
    stream: String,
    holds: &'a [Hold],
    payment: Option<Standing>,
    total: Option<Money>,
    fulfilments: &'a [FulfilmentStatus],
    has_place: bool,
    has_limit: bool,
    marks: &'a [Mark],
    progress: &'a Progress,
}

/// Looks at every order.
pub(super) async fn walk(tx: &mut Tx, progress: &Progress, found: &mut Findings) -> Result<(), DbError> {
    let mut after = None;
    loop {
        let page = ordering::orders_after(tx, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
        let orders: Vec<_> = page.iter().map(|order| order.id).collect();
        let checkouts: Vec<_> = page.iter().map(|order| order.checkout).collect();
        let mut holds = HashMap::<_, Vec<_>>::new();
        for hold in inventory::holds_of(tx, &checkouts).await? {
            holds.entry(hold.checkout).or_default().push(hold);
        }
        let payments = payment::of_orders(tx, &orders).await?;
        let totals = ordering::totals_of(tx, &orders).await?;
        let fulfilments = prep::of_orders(tx, &orders).await?;
        let places = stores::with_place(tx, "order", ids(&orders)).await?;
        let limits = timer::due_of(tx, ordering::BARISTA_LIMIT, &orders).await?;
        let marks = log::invariants::marks_of(tx, &orders).await?;
        for order in &page {
            let stream = order.id.to_string();
            let whole = Order {
                is: order,
                holds: holds.get(&order.checkout).map_or(&[], Vec::as_slice),
                payment: payments.get(&order.id).copied(),
                total: totals.get(&order.id).copied(),
                fulfilments: fulfilments.get(&order.id).map_or(&[], Vec::as_slice),
                has_place: places.contains(&stream),
                has_limit: limits.contains_key(&stream),
                marks: marks.get(&stream).map_or(&[], Vec::as_slice),
                stream,
                progress,
            };
            found.extend(whole.breaches());
        }
    }
}

impl Order<'_> {
    fn breaches(&self) -> Vec<Breach> {
        let thing =
            || format!("order {} ({} {} on {}, {})", self.is.id, self.is.store, self.is.number, self.is.day, self.is.status.as_str());
        let all = [
            ("orders.paid", self.unpaid()),
            ("holds.ended", self.wrong_stock()),
            ("places.held", self.wrong_place()),
            ("orders.made", self.wrong_fulfilments()),
            ("orders.told", self.untold()),
            ("sagas.moving", self.forgotten()),
        ];
        all.into_iter().filter_map(|(check, why)| why.map(|why| Breach::new(check, thing(), why))).collect()
    }

    fn times(&self, type_name: &str) -> usize {
        self.marks.iter().filter(|mark| mark.type_name == type_name).count()
    }

    /// Whether the subscriber has dealt with the last event of this type.
    fn handled(&self, subscriber: &str, type_name: &str) -> bool {
        let mark = self.marks.iter().rfind(|mark| mark.type_name == type_name);
        mark.is_some_and(|mark| self.progress.has_handled(subscriber, &self.stream, mark.position))
    }

    /// Whether there is such an event that the subscriber has yet to deal with.
    fn awaits(&self, subscriber: &str, type_name: &str) -> bool {
        self.times(type_name) > 0 && !self.handled(subscriber, type_name)
    }

    fn unpaid(&self) -> Option<String> {
        use PaymentStatus::{ActionRequired, Captured, Declined, PartiallyRefunded, Pending, Refunded, Voided};
        let Some(payment) = self.payment else { return Some("it has no payment".to_owned()) };
        if let Some(total) = self.total.filter(|total| *total != payment.amount) {
            let text = |money: Money| format!("{} {}", money.amount, money.currency);
            return Some(format!("it costs {}, and its payment is over {}", text(total), text(payment.amount)));
        }
        let status = payment.status;
        let asked = payment.charging;
        let holds = match (self.is.status, status) {
            (OrderStatus::Created | OrderStatus::Cancelled, Pending | ActionRequired) => asked,
            (OrderStatus::Created, Captured | PartiallyRefunded | Refunded) => self.awaits(SAGA, PaymentCaptured::TYPE),
            (OrderStatus::Created, Declined | Voided) => self.awaits(SAGA, PaymentDeclined::TYPE),
            (OrderStatus::Rejected | OrderStatus::Cancelled, Captured | PartiallyRefunded) => {
                payment.refunding || self.awaits(SAGA, PaymentCaptured::TYPE)
            }
            (OrderStatus::Processed | OrderStatus::Fulfilled, Captured | PartiallyRefunded)
            | (OrderStatus::Fulfilled, Refunded)
            | (OrderStatus::Rejected | OrderStatus::Cancelled, Declined | Voided | Refunded) => true,
            _ => false,
        };
        if holds {
            return None;
        }
        Some(match (self.is.status, status) {
            (OrderStatus::Created | OrderStatus::Cancelled, Pending | ActionRequired) => {
                format!("its payment is {}, and nobody works on it", status.as_str())
            }
            (OrderStatus::Rejected | OrderStatus::Cancelled, Captured | PartiallyRefunded) => {
                format!("its payment is {}, and nothing is on its way back", status.as_str())
            }
            _ => format!("its payment is {}", status.as_str()),
        })
    }

    fn wrong_stock(&self) -> Option<String> {
        let allowed: &[&str] = match self.is.status {
            OrderStatus::Created => &["placed"],
            OrderStatus::Processed | OrderStatus::Fulfilled => &["sold"],
            OrderStatus::Rejected => &["released"],
            OrderStatus::Cancelled => &["released", "returned"],
        };
        let wrong: Vec<_> = self.holds.iter().filter(|hold| !allowed.contains(&hold.state.as_str())).collect();
        (!wrong.is_empty()).then(|| wrong.iter().map(|hold| format!("its {} are {}", hold.sku, hold.state)).collect::<Vec<_>>().join("; "))
    }

    /// What was recalled from the counter has given its place back and met its limit, and gets neither again.
    fn recalled(&self) -> bool {
        self.times(PrepRecalled::TYPE) > 0
    }

    fn wrong_place(&self) -> Option<String> {
        use FulfilmentStatus::{Collected, Failed, Ready, Shipped};
        let over = self.is.status.is_final();
        let made = !self.fulfilments.is_empty() && self.fulfilments.iter().all(|f| matches!(f, Ready | Collected | Failed));
        // A parcel that has left may have given its place back already.
        let gone = self.fulfilments.contains(&Shipped);
        match self.has_place {
            true if over || made => Some("it still has a place".to_owned()),
            false if !over && !made && !gone && !self.recalled() => Some("it has no place".to_owned()),
            _ => None,
        }
    }

    fn wrong_fulfilments(&self) -> Option<String> {
        use FulfilmentStatus::{Failed, Making, Queued};
        let have = self.fulfilments;
        let words = || have.iter().map(|f| f.as_str()).collect::<Vec<_>>().join(", ");
        match self.is.status {
            OrderStatus::Created | OrderStatus::Rejected if !have.is_empty() => Some(format!("something is {} for it", words())),
            OrderStatus::Processed if have.is_empty() => {
                self.handled(MAKER, OrderProcessed::TYPE).then(|| "nothing is made for it".to_owned())
            }
            OrderStatus::Fulfilled if !(have.iter().all(|f| f.is_final()) && have.iter().any(|f| f.is_handed_over())) => {
                Some(format!("its fulfilments are: {}", words()))
            }
            OrderStatus::Cancelled if have.iter().any(|f| *f != Failed) => Some(format!("its fulfilments are: {}", words())),
            OrderStatus::Processed if have.iter().any(|f| matches!(f, Queued | Making)) && !self.has_limit && !self.recalled() => {
                Some("the bar has no time limit for it".to_owned())
            }
            _ => None,
        }
    }

    /// What is left to do has a step, with a deadline that somebody notices.
    fn forgotten(&self) -> Option<String> {
        use PaymentStatus::{ActionRequired, Captured, PartiallyRefunded, Pending};
        let unsettled =
            self.payment.is_some_and(|payment| matches!(payment.status, Pending | ActionRequired | Captured | PartiallyRefunded));
        let (left, steps): (_, &[Step]) = match self.is.status {
            OrderStatus::Created => (true, &[Step::Pay, Step::Confirm]),
            OrderStatus::Processed => (self.fulfilments.is_empty(), &[Step::Start]),
            OrderStatus::Rejected | OrderStatus::Cancelled => (unsettled, &[Step::Undo]),
            OrderStatus::Fulfilled => (false, &[]),
        };
        match self.is.step {
            None => left.then(|| "something is left to do for it, and its saga is over".to_owned()),
            Some(step) if steps.contains(&step) => None,
            Some(step) => Some(format!("its saga stands at {}, where nothing is left to do for it", step.as_str())),
        }
    }

    fn untold(&self) -> Option<String> {
        use OrderStatus::{Cancelled, Created, Fulfilled, Processed, Rejected};
        let status = self.is.status;
        let mut expected = vec![
            (OrderCreated::TYPE, 1..=1),
            (OrderRejected::TYPE, exactly(status == Rejected)),
            (OrderCancelled::TYPE, exactly(status == Cancelled)),
            (OrderFulfilled::TYPE, exactly(status == Fulfilled)),
        ];
        match status {
            Created | Rejected => expected.push((OrderProcessed::TYPE, 0..=0)),
            Processed | Fulfilled => expected.push((OrderProcessed::TYPE, 1..=1)),
            Cancelled => expected.push((OrderProcessed::TYPE, 0..=1)),
        }
        let paid = self.payment.map(|payment| payment.status);
        let back = matches!(paid, Some(PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded));
        if matches!(paid, Some(PaymentStatus::Captured)) || back {
            expected.push((PaymentCaptured::TYPE, 1..=1));
        }
        expected.push((PaymentRefunded::TYPE, if back { 1..=usize::MAX } else { 0..=0 }));
        let wrong: Vec<_> = expected
            .into_iter()
            .filter(|(type_name, times)| !times.contains(&self.times(type_name)))
            .map(|(type_name, _)| format!("the log has {} {} times", type_name, self.times(type_name)))
            .collect();
        (!wrong.is_empty()).then(|| wrong.join("; "))
    }
}

fn exactly(once: bool) -> std::ops::RangeInclusive<usize> {
    if once { 1..=1 } else { 0..=0 }
}
