//! The board's bell: it rings for a new ticket from the first press on, as browsers want it, unless somebody has switched it off.

use std::collections::BTreeSet;

use domain::{OrderId, view::TicketView};
use leptos::{leptos_dom::helpers::WindowListenerHandle, prelude::*};

use super::board::{Bar, Queue};
use crate::{
    erase::Erase as _,
    pieces,
    tab::{self, bell},
    words as w,
};

/// A new ticket: two notes that rise, once.
const NEW: [f64; 2] = [784.0, 988.0];
/// Where a board that is to be quiet keeps that.
const QUIET: &str = "orderly.board.quiet";

/// Rings for tickets that have just come to the station; answers the switch.
pub fn sound(queue: Queue, bar: Bar) -> AnyView {
    // Whether a press has been made; whether it was the one that is being made; and whether somebody wants it quiet.
    let (armed, quiet) = (RwSignal::new(false), RwSignal::new(false));
    let first = StoredValue::new(false);
    Effect::new(move |_| {
        quiet.set(tab::kept(QUIET).is_some());
        let press = move || {
            bell::arm();
            first.set_value(!armed.get_untracked());
            armed.set(true);
        };
        let listeners =
            [window_event_listener_untyped("pointerdown", move |_| press()), window_event_listener_untyped("keydown", move |_| press())];
        on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
    });
    Effect::new(move |known: Option<BTreeSet<OrderId>>| {
        queue.with(|queue| {
            let lanes = &queue.lanes;
            let here = |ticket: &TicketView| bar.with_station_untracked(|station| station.is_none_or(|station| station.has(ticket)));
            let new = known.is_some_and(|known| lanes.queued.iter().any(|ticket| !known.contains(&ticket.order) && here(ticket)));
            if new && !quiet.get_untracked() {
                bell::ring(&NEW);
            }
            lanes.tickets().map(|ticket| ticket.order).collect()
        })
    });
    let on = move || armed.get() && !quiet.get();
    let switch = move |_| {
        // Who presses it as the first thing of all has seen it silent, and wants to hear it.
        let wants = first.get_value() || quiet.get_untracked();
        quiet.set(!wants);
        tab::keep(QUIET, (!wants).then_some("yes"));
        if wants {
            bell::ring(&NEW);
        }
    };
    let locale = bar.locale;
    view! {
        <button class="chip chip--icon" type="button" aria-pressed=move || on().to_string() on:click=switch data-testid="sound">
            {pieces::icon("bell")}
            <span>{move || if on() { w::board::sound_on(locale) } else { w::board::sound_off(locale) }}</span>
        </button>
    }
    .erase()
}
