//! Five seconds to think again. What can be undone is done at once and offered back; what leaves the house, a cup handed over
//! or money returned, cannot, so it is sent when the five seconds are over.

use std::time::Duration;

use domain::{OrderId, view::QueueView};
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};
use serde_json::Value;

use super::board::Bar;
use crate::{
    pieces,
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

/// What was done last, while it can be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    pub order: OrderId,
    pub number: i64,
    /// What takes it back; `None`: it was not sent yet.
    pub verb: Option<&'static str>,
    /// What was done or is going to be, in words.
    pub done: String,
}

/// What is not yet.
#[derive(Default)]
pub struct Later {
    held: Vec<Held>,
    /// What ends the offer to take something back.
    offer_ends: Option<TimeoutHandle>,
}

/// What is sent in five seconds at most.
struct Held {
    order: OrderId,
    number: i64,
    verb: &'static str,
    body: Value,
    timer: Option<TimeoutHandle>,
}

impl Held {
    fn stop(self) {
        if let Some(timer) = self.timer {
            timer.clear();
        }
    }
}

/// Offers to take something back, for five seconds from now, whatever was offered before.
pub fn offer(bar: Bar, undo: Undo) {
    bar.undo.set(Some(undo));
    let over = move || drop(bar.undo.try_set(None));
    bar.later.update_value(|later| {
        if let Some(ends) = later.offer_ends.take() {
            ends.clear();
        }
        later.offer_ends = set_timeout_with_handle(over, WHILE).ok();
    });
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
    bar.later.update_value(|later| later.held.push(Held { order, number, verb, body, timer }));
    offer(bar, Undo { order, number, verb: None, done: done.to_owned() });
}

/// What was kept back of an order, which is not any more.
fn take(bar: Bar, order: OrderId) -> Option<Held> {
    let mut found = None;
    // The board may be gone.
    let _ = bar.later.try_update_value(|later| {
        found = later.held.iter().position(|held| held.order == order).map(|at| later.held.swap_remove(at));
    });
    if found.is_some() {
        let _ = bar.busy.try_update(|busy| busy.remove(&order));
    }
    found
}

/// Forgets what was kept back of an order.
pub fn forget(bar: Bar, order: OrderId) {
    if let Some(held) = take(bar, order) {
        held.stop();
    }
}

/// What is not on the board any more needs nothing; and who leaves the page meant what they pressed.
pub fn look_after(queue: Memo<QueueView>, bar: Bar) {
    Effect::new(move |_| {
        let gone: Vec<_> = queue.with(|queue| {
            let here = |order: OrderId| {
                let lanes = &queue.lanes;
                lanes.queued.iter().chain(&lanes.making).chain(&lanes.ready).any(|ticket| ticket.order == order)
            };
            bar.later.with_value(|later| later.held.iter().map(|held| held.order).filter(|order| !here(*order)).collect())
        });
        for order in gone {
            forget(bar, order);
            if bar.undo.with_untracked(|undo| undo.as_ref().is_some_and(|undo| undo.order == order)) {
                bar.undo.set(None);
            }
        }
    });
    Effect::new(move |_| {
        let listener = window_event_listener_untyped("pagehide", move |_| {
            let orders = bar.later.with_value(|later| later.held.iter().map(|held| held.order).collect::<Vec<_>>());
            for held in orders.into_iter().filter_map(|order| take(bar, order)) {
                let (url, body) = (format!("/api/v1/staff/orders/{}/{}", held.order, held.verb), held.body.to_string());
                held.stop();
                // Nobody is there to be told what came of it; the next board shows it.
                spawn_local(async move { drop(tab::ask(&url, Body::Parting(&body)).await) });
            }
            bar.undo.set(None);
        });
        on_cleanup(move || listener.remove());
    });
}

/// The offer.
pub fn undo_view(bar: Bar) -> impl IntoView {
    move || {
        bar.undo.get().map(|undo| {
            let press = move |_| bar.take_back();
            view! {
                <div class="notice toast" data-tone=if undo.verb.is_some() { "go" } else { "wait" } role="status" data-testid="undo">
                    {pieces::icon("undo")}
                    <p class="notice__title">{w::board::order(bar.locale)}" "{undo.number}{w::menu::colon(bar.locale)}{undo.done}</p>
                    <button class="button button--quiet" on:click=press>{w::board::undo(bar.locale)}</button>
                </div>
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_a_step_back_is_the_step_itself_taken_back() {
        for verb in ["claim", "release", "ready", "recall"] {
            assert_eq!(undoing(verb).and_then(undoing), Some(verb));
        }
        assert_eq!(["collect", "cancel"].map(undoing), [None, None]);
    }
}
