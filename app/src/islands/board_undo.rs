//! Five seconds to think again. What can be undone is done at once and offered back; what leaves the house, a cup handed over
//! or money returned, cannot, so it is sent when the five seconds are over.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{
    OrderId, Timestamp, UserId,
    prep::{FulfilmentKind, FulfilmentStatus},
    view::{LanesView, OrderView},
};
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};
use serde_json::Value;

use super::{
    board::{Bar, Queue},
    board_doubt::tell_overtaken,
    board_said::{self as said, Word},
};
use crate::{
    live, pieces,
    tab::{self, Body},
    words as w,
};

/// How long something can be taken back.
pub const WHILE: Duration = Duration::from_secs(5);

/// What undoes a command, for those that can be.
pub fn undoing(verb: &str) -> Option<&'static str> {
    match verb {
        "claim" => Some("release"),
        "release" => Some("claim"),
        "ready" => Some("recall"),
        "recall" => Some("ready"),
        // What left the house stays out.
        _ => None,
    }
}

/// Offers that are shown at once at most.
const MOST: usize = 4;

/// What was done with an order, while it can be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    pub order: OrderId,
    pub number: i64,
    /// What takes it back; `None`: it was not sent yet.
    pub verb: Option<&'static str>,
    /// What was done or is going to be, in words.
    done: String,
    /// Since when the ticket is as it was made; `None`: it was not sent yet.
    since: Option<Timestamp>,
    /// What ends the offer, and sends what was not sent yet.
    timer: Option<TimeoutHandle>,
}

/// What is not yet.
#[derive(Default)]
pub struct Later {
    held: Vec<Held>,
    /// Orders that were given back from here, or whose end was sent: what becomes of them is no news.
    let_go: BTreeSet<OrderId>,
}

/// What somebody has in hand: the number of each order, and where it is.
type Hand = BTreeMap<OrderId, (i64, FulfilmentStatus)>;

/// What is sent in five seconds at most.
struct Held {
    order: OrderId,
    number: i64,
    verb: &'static str,
    body: Value,
}

/// Puts a new offer, whose order has no other one, at the end. The oldest gives way to it, but none that holds a command back:
/// without its offer nothing could stop that. Returns what gave way.
fn add(offers: &mut Vec<Undo>, new: Undo) -> Option<Undo> {
    let oldest = offers.iter().position(|offer| offer.verb.is_some()).filter(|_| offers.len() >= MOST);
    let dropped = oldest.map(|oldest| offers.remove(oldest));
    offers.push(new);
    dropped
}

fn show(bar: Bar, new: Undo) {
    withdraw(bar, new.order);
    let mut dropped = None;
    bar.undo.update(|offers| dropped = add(offers, new));
    if let Some(timer) = dropped.and_then(|offer| offer.timer) {
        timer.clear();
    }
}

/// Offers to take back by `verb` what an order has become, for five seconds from now; `done`: what was done.
pub fn offer(bar: Bar, view: &OrderView, verb: &'static str, done: &str) {
    let (order, number) = (view.id, view.number);
    let since = view.fulfilments.iter().find(|fulfilment| fulfilment.kind == FulfilmentKind::Pickup).map(|fulfilment| fulfilment.since);
    let timer = set_timeout_with_handle(move || withdraw(bar, order), WHILE).ok();
    show(bar, Undo { order, number, verb: Some(verb), done: done.to_owned(), since, timer });
}

/// Orders whose ticket somebody has moved on, to another lane or into other hands, since what is offered to be taken back: what takes
/// that back would undo theirs.
fn moved_on(offers: &[Undo], lanes: &LanesView) -> Vec<OrderId> {
    let later =
        |offer: &&Undo| offer.since.is_some_and(|since| lanes.tickets().any(|ticket| ticket.order == offer.order && ticket.since > since));
    offers.iter().filter(later).map(|offer| offer.order).collect()
}

/// Offers nothing any more for an order.
pub fn withdraw(bar: Bar, order: OrderId) {
    let mut withdrawn = None;
    // The board may be gone.
    let at = bar.undo.try_with_untracked(|offers| offers.iter().position(|offer| offer.order == order)).flatten();
    if let Some(at) = at {
        let _ = bar.undo.try_update(|offers| withdrawn = Some(offers.remove(at)));
    }
    if let Some(timer) = withdrawn.and_then(|offer| offer.timer) {
        timer.clear();
    }
}

/// Keeps `verb` back for five seconds; `done`: what will have happened then.
pub fn hold(bar: Bar, order: OrderId, number: i64, verb: &'static str, body: Value, done: &str) {
    bar.busy.update(|busy| {
        busy.insert(order);
    });
    let over = move || {
        if let Some(held) = take(bar, order) {
            bar.send(held.order, held.number, held.verb, None, held.body);
        }
    };
    let timer = set_timeout_with_handle(over, WHILE).ok();
    bar.later.update_value(|later| later.held.push(Held { order, number, verb, body }));
    show(bar, Undo { order, number, verb: None, done: done.to_owned(), since: None, timer });
}

/// Whether something of an order is kept back.
pub fn is_held(bar: Bar, order: OrderId) -> bool {
    bar.later.with_value(|later| later.held.iter().any(|held| held.order == order))
}

/// What was kept back of an order, which is neither kept back nor offered any more.
fn take(bar: Bar, order: OrderId) -> Option<Held> {
    let mut found = None;
    // The board may be gone.
    let _ = bar.later.try_update_value(|later| {
        found = later.held.iter().position(|held| held.order == order).map(|at| later.held.swap_remove(at));
    });
    if found.is_some() {
        withdraw(bar, order);
        let _ = bar.busy.try_update(|busy| busy.remove(&order));
    }
    found
}

/// Takes all that is kept back.
fn take_all(bar: Bar) -> Vec<Held> {
    let orders = bar.later.with_value(|later| later.held.iter().map(|held| held.order).collect::<Vec<_>>());
    orders.into_iter().filter_map(|order| take(bar, order)).collect()
}

/// Forgets what was kept back of an order.
pub fn forget(bar: Bar, order: OrderId) {
    drop(take(bar, order));
}

/// Remembers that an order was given back or its end was sent from here, or that it was not, or is taken anew.
pub fn let_go(bar: Bar, order: OrderId, sent: bool) {
    // The board may be gone.
    let _ = bar.later.try_update_value(|later| if sent { later.let_go.insert(order) } else { later.let_go.remove(&order) });
}

/// Whether what becomes of an order comes from here.
fn is_ours(bar: Bar, order: OrderId) -> bool {
    is_held(bar, order) || bar.later.with_value(|later| later.let_go.contains(&order))
}

/// What `me` has in hand.
fn in_hand(lanes: &LanesView, me: UserId) -> Hand {
    let mine = lanes.making.iter().chain(&lanes.ready).filter(|ticket| ticket.claimed_by.as_ref().is_some_and(|person| person.id == me));
    mine.map(|ticket| (ticket.order, (ticket.number, ticket.status))).collect()
}

/// Why what was promised could not be sent, for what is still read when that is over.
fn was_hindered(bar: Bar) -> &'static str {
    if live::refused().with_untracked(Option::is_some) { w::board::was_refused(bar.locale) } else { w::board::was_offline(bar.locale) }
}

/// What is not on the board any more is never sent; what a colleague called off or gave back that somebody had in their hands is said;
/// what they have moved on is not offered to be taken back; what cannot be sent is not promised any longer; and who leaves the page
/// meant what they pressed.
pub fn look_after(queue: Queue, bar: Bar) {
    let me = bar.place.with_value(|place| place.me);
    Effect::new(move |had: Option<Hand>| {
        let queue = queue.get();
        let lanes = &queue.lanes;
        let here = |order: OrderId| lanes.tickets().any(|ticket| ticket.order == order);
        let hand = in_hand(lanes, me);
        let folded: Vec<_> = bar.folds.with_value(|folds| folds.iter().map(|(order, (number, _))| (*order, *number)).collect());
        for (order, number) in folded.into_iter().filter(|(order, _)| !here(*order)) {
            bar.folds.update_value(|folds| {
                folds.remove(&order);
            });
            if !is_ours(bar, order) {
                bar.complain(w::board::no_such(bar.locale, number));
            }
        }
        for (order, (number, was)) in had.unwrap_or_default().into_iter().filter(|(order, _)| !hand.contains_key(order)) {
            match (is_ours(bar, order), here(order)) {
                (true, true) => let_go(bar, order, false),
                (true, false) => {}
                (false, true) => spawn_local(said::tell_given_back(bar, me, order, number)),
                (false, false) => spawn_local(said::tell_called_off(bar, me, order, number, was)),
            }
        }
        bar.later.update_value(|later| later.let_go.retain(|order| here(*order)));
        let offered = bar.undo.with_untracked(|offers| offers.iter().map(|offer| offer.order).collect::<Vec<_>>());
        for order in offered.into_iter().filter(|order| !here(*order)) {
            if let Some(held) = take(bar, order) {
                spawn_local(tell_overtaken(bar, held.order, held.number, held.verb));
            }
            withdraw(bar, order);
        }
        for (order, number, verb) in said::gone(bar, here) {
            spawn_local(tell_overtaken(bar, order, number, verb));
        }
        hand
    });
    // Its answer may come after what a colleague has done since.
    Effect::new(move |_| {
        for order in queue.with(|queue| bar.undo.with(|offers| moved_on(offers, &queue.lanes))) {
            withdraw(bar, order);
        }
    });
    Effect::new(move |_| {
        if bar.offline.get() {
            for held in take_all(bar) {
                let Held { order, number, verb, .. } = held;
                said::lose(bar, order, number, verb, was_hindered(bar).to_owned(), Word::SoFar(number, verb));
            }
        }
    });
    Effect::new(move |_| {
        let listener = window_event_listener_untyped("pagehide", move |_| {
            for held in take_all(bar) {
                let (url, body) = (format!("/api/v1/staff/orders/{}/{}", held.order, held.verb), held.body.to_string());
                // Nobody is there to be told what came of it; the next board shows it.
                spawn_local(async move { drop(tab::ask(&url, Body::Parting(&body)).await) });
            }
            // A page that comes back from the browser's memory offers nothing of before.
            for order in bar.undo.with_untracked(|offers| offers.iter().map(|offer| offer.order).collect::<Vec<_>>()) {
                withdraw(bar, order);
            }
        });
        on_cleanup(move || listener.remove());
    });
}

/// The offers, each with an end of its own.
pub fn undo_view(bar: Bar) -> impl IntoView {
    let toast = move |offer: Undo| {
        let Undo { order, number, verb, done, .. } = offer;
        view! {
            <div class="notice toast" data-tone=if verb.is_some() { "go" } else { "wait" } role="status" data-testid="undo">
                {pieces::icon("undo")}
                <p class="notice__title">{w::board::order(bar.locale)}" "{number}{w::menu::colon(bar.locale)}{done}</p>
                <button class="button button--quiet" on:click=move |_| bar.take_back(order)>{w::board::undo(bar.locale)}</button>
            </div>
        }
    };
    view! { <For each=move || bar.undo.get() key=|offer| (offer.order, offer.verb, offer.done.clone()) children=toast/> }
}

#[cfg(test)]
mod tests {
    use domain::view::Person;
    use serde_json::json;

    use super::{super::board_tools::tests::queue, *};

    #[test]
    fn what_takes_a_step_back_is_the_step_itself_taken_back() {
        for verb in ["claim", "release", "ready", "recall"] {
            assert_eq!(undoing(verb).and_then(undoing), Some(verb));
        }
        assert_eq!(["collect", "cancel"].map(undoing), [None, None]);
    }

    #[test]
    fn in_hand_is_what_one_has_claimed_and_nobody_else() {
        let person = |n: u8| -> Person {
            serde_json::from_value(json!({"id": format!("0193b3c4-5d6e-7f80-9a1b-00000000000{n}"), "name": "Kim"})).unwrap()
        };
        let (kim, robin) = (person(1), person(2));
        let mut lanes = queue().lanes;
        assert_eq!(in_hand(&lanes, kim.id), Hand::new(), "nobody has any");
        lanes.making[0].claimed_by = Some(kim.clone());
        lanes.ready[0].claimed_by = Some(robin.clone());
        let hand = |who: &Person| in_hand(&lanes, who.id).into_values().collect::<Vec<_>>();
        assert_eq!(hand(&kim), [(2, FulfilmentStatus::Making)]);
        assert_eq!(hand(&robin), [(1, FulfilmentStatus::Ready)]);
    }

    #[test]
    fn what_somebody_has_moved_on_is_not_offered_to_be_taken_back() {
        let mut lanes = queue().lanes;
        let order = lanes.making[0].order;
        let at = Timestamp::from_millis;
        let offer =
            |since: Option<i64>| Undo { order, number: 2, verb: Some("release"), done: String::new(), since: since.map(at), timer: None };
        let withdrawn = |since: Option<i64>, lanes: &LanesView| moved_on(&[offer(since)], lanes);
        lanes.making[0].since = at(2_000);
        assert!(withdrawn(Some(2_000), &lanes).is_empty(), "it is as it was made");
        assert!(withdrawn(Some(3_000), &lanes).is_empty(), "the board has not heard of it yet");
        assert_eq!(withdrawn(Some(1_000), &lanes), [order], "somebody else was there since");
        assert!(withdrawn(None, &lanes).is_empty(), "what is kept back has its own end");
    }

    #[test]
    fn the_oldest_offer_gives_way_unless_it_holds_a_command_back() {
        let offer = |number: i64, verb| Undo {
            order: format!("0193b3c4-5d6e-7f80-9a1b-{number:012}").parse().unwrap(),
            number,
            verb,
            done: String::new(),
            since: None,
            timer: None,
        };
        let back = Some("release");
        let mut offers = Vec::new();
        let mut dropped = Vec::new();
        for (number, verb) in [(1, None), (2, back), (3, None), (4, back), (5, back), (6, None), (7, None), (8, None)] {
            dropped.extend(add(&mut offers, offer(number, verb)).map(|offer| offer.number));
        }
        assert_eq!(dropped, [2, 4, 5]);
        assert_eq!(offers.iter().map(|offer| offer.number).collect::<Vec<_>>(), [1, 3, 6, 7, 8]);
    }
}
