//! An order's life in words and stages.

use domain::{
    Locale, Timestamp,
    ordering::{CancelledBy, OrderStatus, PaymentMethod, PaymentStatus},
    prep::{FulfilmentKind, FulfilmentStatus},
    view::{FulfilmentView, JourneyEntry, OrderView},
    web::is_web,
};

use crate::words as w;

/// The state of an order as one word: that of its fulfilment while there is one under way.
pub fn data_status(order: &OrderView) -> &'static str {
    match (order.status, order.fulfilments.first()) {
        (OrderStatus::Processed | OrderStatus::Fulfilled, Some(fulfilment)) => fulfilment.status.as_str(),
        (status, _) => status.as_str(),
    }
}

/// What is going on, in a few words.
pub fn headline(order: &OrderView, locale: Locale) -> String {
    if wants_confirmation(order).is_some() {
        return w::order::confirm(locale).to_owned();
    }
    let fulfilment = order.fulfilments.first();
    match data_status(order) {
        "created" => w::order::created(locale),
        "queued" => w::order::queued(locale),
        "making" => return made_by(fulfilment, locale),
        "ready" => w::order::ready(locale),
        "collected" | "fulfilled" => w::order::collected(locale),
        "prepared" => w::order::prepared(locale),
        "packing" => w::order::packing(locale),
        "packed" => w::order::packed(locale),
        "shipped" => w::order::shipped(locale),
        "rejected" if order.reason.as_deref() == Some("payment_declined") => w::order::declined(locale),
        "rejected" if order.reason.as_deref() == Some("payment_timeout") => w::order::pay_timed_out(locale),
        "rejected" => w::order::rejected(locale),
        "cancelled" | "failed" => match (order.cancelled_by, order.reason.as_deref()) {
            (Some(CancelledBy::System), Some("barista_timeout")) => w::order::timed_out(locale),
            (Some(CancelledBy::Customer), _) => w::order::cancelled_by_customer(locale),
            (Some(CancelledBy::Staff), _) => w::order::cancelled_by_staff(locale),
            _ => w::order::cancelled(locale),
        },
        _ => w::order::processed(locale),
    }
    .to_owned()
}

/// Why the store called it off, where it says so.
pub fn called_off_because(order: &OrderView, locale: Locale) -> Option<String> {
    let reason = order.reason.as_deref().filter(|_| order.cancelled_by == Some(CancelledBy::Staff))?;
    Some(w::order::because(locale, w::spoken(reason, locale)))
}

/// Where the shopper has to confirm the payment, while that is what everything waits for.
pub fn wants_confirmation(order: &OrderView) -> Option<&str> {
    let waiting = order.status == OrderStatus::Created && order.payment.status == PaymentStatus::ActionRequired;
    order.payment.action_url.as_deref().filter(|url| waiting && is_web(url))
}

fn made_by(fulfilment: Option<&FulfilmentView>, locale: Locale) -> String {
    match fulfilment.and_then(|fulfilment| fulfilment.claimed_by.as_ref()) {
        Some(person) => w::order::making_by(locale, &person.name),
        None => w::order::making(locale).to_owned(),
    }
}

/// What comes next, or what to do.
pub fn next_step(order: &OrderView, locale: Locale) -> String {
    if wants_confirmation(order).is_some() {
        return w::order::confirm_next(locale).to_owned();
    }
    if is_off(order) {
        return where_its_money_is(order, locale);
    }
    match data_status(order) {
        "created" => w::order::created_next(locale),
        "queued" => w::order::queued_next(locale),
        "making" => w::order::making_next(locale),
        "ready" => w::order::ready_next(locale),
        "collected" | "fulfilled" => w::order::collected_next(locale),
        "prepared" => w::order::prepared_next(locale),
        "packing" => w::order::packing_next(locale),
        "packed" => w::order::packed_next(locale),
        "shipped" => w::order::shipped_next(locale),
        _ => w::order::processed_next(locale),
    }
    .to_owned()
}

/// It comes to nothing.
fn is_off(order: &OrderView) -> bool {
    matches!(data_status(order), "rejected" | "cancelled" | "failed")
}

/// Whether its card may have been charged or not, though it comes to nothing: that is not known before the payment has ended.
pub fn is_unsure(order: &OrderView) -> bool {
    is_off(order) && matches!(order.payment.status, PaymentStatus::Pending | PaymentStatus::ActionRequired)
}

/// What has become of the money of an order that comes to nothing, as far as that is known.
fn where_its_money_is(order: &OrderView, locale: Locale) -> String {
    let rejected = order.status == OrderStatus::Rejected;
    match (order.payment.status, order.payment.method) {
        (PaymentStatus::Captured | PaymentStatus::Refunded | PaymentStatus::PartiallyRefunded, method) => {
            let total = order.quote.total.format(locale);
            match method {
                PaymentMethod::Card => w::order::refunded_next(locale, total),
                PaymentMethod::Wallet => w::order::refunded_wallet_next(locale, total),
            }
        }
        (PaymentStatus::Pending | PaymentStatus::ActionRequired, _) => w::order::unsure_next(locale).to_owned(),
        _ if rejected && order.reason.as_deref() == Some("payment_timeout") => w::order::pay_timed_out_next(locale).to_owned(),
        _ if rejected => w::order::declined_next(locale).to_owned(),
        _ => w::order::not_charged_next(locale).to_owned(),
    }
}

/// A stage on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub name: &'static str,
    /// `done`, `current`, `todo` or `failed`.
    pub state: &'static str,
    /// That state as a word.
    pub word: &'static str,
    pub at: Option<Timestamp>,
}

/// The stages of an order: those behind it with their times, the current one, those to come. One that was called off
/// ends with that. `kind`: how its store hands over, for until it is paid the order itself does not tell.
pub fn steps(order: &OrderView, journey: &[JourneyEntry], kind: FulfilmentKind, locale: Locale) -> Vec<Step> {
    // The newest event of each kind: what was recalled became ready twice.
    let when = |kind: &str| journey.iter().rev().find(|entry| entry.type_name == kind).map(|entry| entry.at);
    let placed = (w::order::stage_placed(locale), Some(order.placed_at));
    let paid = (w::order::stage_paid(locale), when("payment.captured.v1").or_else(|| when("order.processed.v1")));
    let stages = if kind == FulfilmentKind::Ship {
        [
            placed,
            paid,
            (w::order::stage_prepared(locale), when("shipment.prepared.v1")),
            (w::order::stage_packing(locale), when("shipment.packing.v1")),
            (w::order::stage_packed(locale), when("shipment.processed.v1")),
            (w::order::stage_shipped(locale), when("shipment.shipped.v1")),
        ]
    } else {
        [
            placed,
            paid,
            (w::order::stage_queued(locale), when("prep.queued.v1")),
            (w::order::stage_making(locale), when("prep.claimed.v1")),
            (w::order::stage_ready(locale), when("prep.ready.v1")),
            (w::order::stage_collected(locale), when("prep.collected.v1")),
        ]
    };
    let failed = matches!(order.status, OrderStatus::Cancelled | OrderStatus::Rejected);
    let current = match order.fulfilments.first().filter(|_| !failed).map(|fulfilment| fulfilment.status) {
        None if order.status == OrderStatus::Processed => 2,
        None => 1,
        Some(FulfilmentStatus::Queued | FulfilmentStatus::Prepared | FulfilmentStatus::Failed) => 2,
        Some(FulfilmentStatus::Making | FulfilmentStatus::Packing) => 3,
        Some(FulfilmentStatus::Ready | FulfilmentStatus::Packed) => 4,
        Some(FulfilmentStatus::Collected | FulfilmentStatus::Shipped) => 6,
    };
    // What is current began when the stage did, also where the journey has not been read again yet.
    let since = order.fulfilments.first().map(|fulfilment| fulfilment.since);
    let mut steps: Vec<Step> = stages
        .into_iter()
        .enumerate()
        .filter(|(at, (_, time))| !failed || *at == 0 || time.is_some())
        .map(|(at, (name, time))| match at.cmp(&current) {
            std::cmp::Ordering::Less => Step { name, state: "done", word: w::order::done(locale), at: time },
            _ if failed => Step { name, state: "done", word: w::order::done(locale), at: time },
            std::cmp::Ordering::Equal => Step {
                name: if at == 1 { w::order::stage_payment(locale) } else { name },
                state: "current",
                word: w::order::now(locale),
                at: since.filter(|_| at >= 2),
            },
            std::cmp::Ordering::Greater => Step { name, state: "todo", word: w::order::to_come(locale), at: None },
        })
        .collect();
    if failed {
        let (name, kind) = if order.status == OrderStatus::Rejected {
            (w::order::stage_rejected(locale), "order.rejected.v1")
        } else {
            (w::order::stage_cancelled(locale), "order.cancelled.v1")
        };
        // The order changes once more when its money goes back. Where the journey has not been read again yet, it has just ended.
        let at = when(kind).unwrap_or(order.updated_at);
        steps.push(Step { name, state: "failed", word: w::order::stopped(locale), at: Some(at) });
    }
    steps
}

#[cfg(test)]
mod tests {
    use domain::event::Actor;

    use super::*;
    use crate::islands::waiting::tests::order;

    #[test]
    fn what_is_said_of_the_money_of_an_order_that_comes_to_nothing_is_known() {
        use OrderStatus::{Cancelled, Rejected};
        use PaymentStatus::{ActionRequired, Captured, Declined, Pending, Refunded, Voided};
        let said = |status, payment, reason: Option<&str>, locale| {
            let mut order = OrderView { status, reason: reason.map(ToOwned::to_owned), fulfilments: Vec::new(), ..order(1, 10) };
            order.payment.status = payment;
            (next_step(&order, locale), is_unsure(&order))
        };
        for locale in [Locale::En, Locale::ZhCn] {
            let back = w::order::refunded_next(locale, order(1, 10).quote.total.format(locale));
            let unsure = w::order::unsure_next(locale).to_owned();
            for (status, reason, nothing) in [
                (Rejected, Some("payment_timeout"), w::order::pay_timed_out_next(locale)),
                (Rejected, Some("payment_declined"), w::order::declined_next(locale)),
                (Cancelled, None, w::order::not_charged_next(locale)),
            ] {
                for (payment, expected) in [
                    (Captured, (back.clone(), false)),
                    (Refunded, (back.clone(), false)),
                    (Pending, (unsure.clone(), true)),
                    (ActionRequired, (unsure.clone(), true)),
                    (Voided, (nothing.to_owned(), false)),
                    (Declined, (nothing.to_owned(), false)),
                ] {
                    assert_eq!(said(status, payment, reason, locale), expected, "{status:?} {payment:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_shipped_goes_its_own_way_from_the_beginning() {
        let unpaid = OrderView { status: OrderStatus::Created, fulfilments: Vec::new(), ..order(1, 10) };
        let last = |kind| steps(&unpaid, &[], kind, Locale::En).pop().map(|step| (step.name, step.state));
        assert_eq!(last(FulfilmentKind::Ship), Some((w::order::stage_shipped(Locale::En), "todo")));
        assert_eq!(last(FulfilmentKind::Pickup), Some((w::order::stage_collected(Locale::En), "todo")));
    }

    #[test]
    fn an_order_has_stopped_when_it_ended_though_its_money_came_back_later() {
        const T: fn(i64) -> Timestamp = Timestamp::from_millis;
        let entry =
            |kind: &str, at| JourneyEntry { type_name: kind.to_owned(), at: T(at), actor: Actor::System, reason: None, kiosk: None };
        for (status, kind) in [(OrderStatus::Cancelled, "order.cancelled.v1"), (OrderStatus::Rejected, "order.rejected.v1")] {
            let ended = OrderView { status, updated_at: T(90), ..order(1, 10) };
            let stopped = |journey: &[JourneyEntry]| {
                steps(&ended, journey, FulfilmentKind::Pickup, Locale::En).pop().map(|step| (step.state, step.at))
            };
            let journey = [entry("order.created.v1", 10), entry(kind, 50), entry("payment.refunded.v1", 90)];
            assert_eq!(stopped(&journey), Some(("failed", Some(T(50)))));
            assert_eq!(stopped(&journey[..1]), Some(("failed", Some(T(90)))), "not read again yet");
        }
    }
}
