//! What became of a step whose answer was lost: it may have been made or not. Until that is known the board says that it is not, and
//! asks for the order; nothing is sent again by itself, for by then somebody may have done something else with it.

use domain::{
    Locale, OrderId, UserId,
    ordering::OrderStatus,
    prep::{FulfilmentKind, FulfilmentStatus},
    view::{FulfilmentView, OrderView, Person},
};
use leptos::{prelude::*, task::spawn_local};

use super::{
    board::Bar,
    board_said::{self as said, Word},
    progress::data_status,
};
use crate::{
    tab::{self, Body},
    words as w,
};

/// After how many milliseconds the order is asked for again.
const AGAIN: i32 = 3_000;

/// The answer to `verb` was lost: says so until it is known whether it was done, and then that.
pub fn begin(bar: Bar, order: OrderId, number: i64, verb: &'static str) {
    said::doubt(bar, order, number, verb);
    spawn_local(settle(bar, order, number, verb));
}

async fn settle(bar: Bar, order: OrderId, number: i64, verb: &'static str) {
    let me = bar.place.with_value(|place| place.me);
    let mut undone = false;
    while said::is_in_doubt(bar, order, verb) {
        // Who is offline, or is to sign in again, would be told nothing.
        let reply = if bar.offline.try_get_untracked() == Some(false) {
            tab::ask(&format!("/api/v1/orders/{order}"), Body::Nothing).await.ok()
        } else {
            None
        };
        // The answer to what was pressed since, or its being read, is the last word.
        if !said::is_in_doubt(bar, order, verb) {
            return;
        }
        match reply.and_then(|reply| reply.json::<OrderView>().ok()) {
            Some(view) if is_done(verb, &view, me) => {
                bar.tell(number, &view);
                return said::found(bar, order);
            }
            // It may have been on its way still when it was first asked for, and is again where somebody has pressed again.
            Some(view) if undone && !is_busy(bar, order) => {
                let why = why_not(verb, &view, bar.locale);
                return said::lose(bar, order, number, verb, why, Word::SoFar(number, verb));
            }
            Some(_) => undone = !is_busy(bar, order),
            None => {}
        }
        tab::pause(AGAIN).await;
    }
}

fn is_busy(bar: Bar, order: OrderId) -> bool {
    bar.busy.try_with_untracked(|busy| busy.contains(&order)) == Some(true)
}

/// Somebody was quicker with an order whose `verb` was never sent. Unless they did the very same, what was promised did not happen, and
/// that is said.
pub async fn tell_overtaken(bar: Bar, order: OrderId, number: i64, verb: &'static str) {
    let me = bar.place.with_value(|place| place.me);
    let why = match tab::ask(&format!("/api/v1/orders/{order}"), Body::Nothing).await {
        Err(tab::Unreachable) => return begin(bar, order, number, verb),
        Ok(reply) => match reply.json::<OrderView>() {
            Ok(view) if is_done(verb, &view, me) => return said::found(bar, order),
            Ok(view) => overtaken(&view, bar.locale),
            Err(tab::Unreachable) => bar.refusal(&reply),
        },
    };
    said::lose(bar, order, number, verb, why, Word::Last);
}

/// Who has typed the number of an order that is gone by now is told what became of it.
pub async fn tell_gone(bar: Bar, order: OrderId, number: i64) {
    let reply = tab::ask(&format!("/api/v1/orders/{order}"), Body::Nothing).await;
    let why = match reply.and_then(|reply| reply.json::<OrderView>()) {
        Ok(view) => w::board::gone(bar.locale, number, w::orders::by_name(data_status(&view), bar.locale).unwrap_or_default()),
        Err(tab::Unreachable) => w::board::no_such(bar.locale, number),
    };
    bar.complain(why);
}

fn overtaken(view: &OrderView, locale: Locale) -> String {
    w::board::overtaken(locale, w::orders::by_name(data_status(view), locale).unwrap_or_default())
}

fn pickup(view: &OrderView) -> Option<&FulfilmentView> {
    view.fulfilments.iter().find(|fulfilment| fulfilment.kind == FulfilmentKind::Pickup)
}

/// Whether an order is as `verb`, pressed by `me`, would have made it.
fn is_done(verb: &str, view: &OrderView, me: UserId) -> bool {
    use FulfilmentStatus::{Collected, Making, Queued, Ready};
    let ended = matches!(view.status, OrderStatus::Cancelled | OrderStatus::Rejected);
    let at = |status| !ended && pickup(view).is_some_and(|fulfilment| fulfilment.status == status);
    match verb {
        "cancel" => view.status == OrderStatus::Cancelled,
        "collect" => view.status == OrderStatus::Fulfilled || at(Collected),
        "claim" => at(Making) && holder(view).is_some_and(|holder| holder.id == me),
        "recall" => at(Making),
        "release" => at(Queued),
        "ready" => at(Ready),
        _ => false,
    }
}

fn holder(view: &OrderView) -> Option<&Person> {
    pickup(view)?.claimed_by.as_ref()
}

/// Why `verb` was not done: somebody else was quicker, or it was lost on its way.
fn why_not(verb: &str, view: &OrderView, locale: Locale) -> String {
    use FulfilmentStatus::{Making, Queued, Ready};
    let status = pickup(view).map(|fulfilment| fulfilment.status).filter(|_| view.status == OrderStatus::Processed);
    match (verb, status, holder(view)) {
        ("claim", Some(Making), Some(person)) => w::board::taken(locale, &person.name),
        ("claim", Some(Queued), _)
        | ("ready" | "release", Some(Making), _)
        | ("collect" | "recall", Some(Ready), _)
        | ("cancel", Some(Queued | Making | Ready), _) => w::board::not_arrived(locale).to_owned(),
        _ => overtaken(view, locale),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::islands::waiting::tests::order;

    fn person(n: u8) -> Person {
        serde_json::from_value(json!({"id": format!("0193b3c4-5d6e-7f80-9a1b-00000000000{n}"), "name": "Robin"})).unwrap()
    }

    fn at(status: FulfilmentStatus) -> OrderView {
        let mut view = order(7, 0);
        view.fulfilments[0].status = status;
        view.fulfilments[0].claimed_by = Some(person(2));
        view
    }

    fn ended(status: OrderStatus) -> OrderView {
        OrderView { status, ..at(FulfilmentStatus::Ready) }
    }

    #[test]
    fn a_step_is_done_where_the_order_is_as_it_would_have_made_it() {
        use FulfilmentStatus::{Collected, Making, Queued, Ready};
        let done = |verb: &str, view: &OrderView| is_done(verb, view, person(2).id);
        assert!(done("claim", &at(Making)) && !is_done("claim", &at(Making), person(1).id), "a colleague has claimed it");
        assert!(done("recall", &at(Making)) && done("release", &at(Queued)) && done("ready", &at(Ready)));
        assert!(!done("ready", &at(Making)) && !done("claim", &at(Queued)) && !done("collect", &at(Ready)) && !done("cancel", &at(Ready)));
        let (cancelled, fulfilled) = (ended(OrderStatus::Cancelled), ended(OrderStatus::Fulfilled));
        assert!(done("cancel", &cancelled) && !done("collect", &cancelled) && !done("ready", &cancelled));
        assert!(done("collect", &fulfilled) && done("collect", &at(Collected)) && !done("cancel", &fulfilled));
    }

    #[test]
    fn what_was_not_done_was_lost_or_somebody_was_quicker() {
        use FulfilmentStatus::{Making, Queued, Ready};
        let why = |verb: &str, view: &OrderView| why_not(verb, view, Locale::En);
        for (verb, status) in
            [("claim", Queued), ("ready", Making), ("release", Making), ("recall", Ready), ("collect", Ready), ("cancel", Making)]
        {
            assert_eq!(why(verb, &at(status)), w::board::not_arrived(Locale::En), "{verb}");
        }
        assert_eq!(why("claim", &at(Making)), w::board::taken(Locale::En, "Robin"));
        assert_eq!(why("collect", &ended(OrderStatus::Cancelled)), w::board::overtaken(Locale::En, "Cancelled"));
        assert_eq!(why("claim", &at(Ready)), w::board::overtaken(Locale::En, "Ready"));
    }
}
