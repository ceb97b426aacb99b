//! The whole board by a keyboard or a bump bar, whose keys are those of a number pad.

use domain::{
    Locale, OrderId, UserId,
    prep::FulfilmentStatus,
    view::{Person, QueueView},
};
use leptos::{ev::KeyboardEvent, leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast as _;

use super::{
    board::{Bar, Queue},
    board_doubt as doubt, board_said as said,
    board_tools::Station,
    board_undo::WHILE,
    ticket_cancel::fold,
};
use crate::{erase::Erase as _, pieces, words as w};

/// Digits of an order's number.
const DIGITS: usize = 5;

/// Where a number moves its ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    On,
    Back,
}

/// What a number does to its ticket.
struct Step {
    order: OrderId,
    verb: &'static str,
    /// Whose claim it ends.
    holder: Option<Person>,
}

/// Why a number does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Idle {
    /// There is no such ticket, or it has no such step.
    Nothing,
    /// Another station has it: what nobody sees here is not moved from here.
    Elsewhere,
}

/// What a number does to a ticket that the station shows: its next step, or the one before it, which a ticket in the queue does
/// not have.
fn bump(queue: &QueueView, station: Option<&Station>, number: i64, way: Way) -> Result<Step, Idle> {
    let ticket = queue.lanes.tickets().find(|ticket| ticket.number == number).ok_or(Idle::Nothing)?;
    if station.is_some_and(|station| !station.has(ticket)) {
        return Err(Idle::Elsewhere);
    }
    let verb = match (ticket.status, way) {
        (FulfilmentStatus::Queued, Way::On) => "claim",
        (FulfilmentStatus::Queued, Way::Back) => return Err(Idle::Nothing),
        (FulfilmentStatus::Making, Way::On) => "ready",
        (FulfilmentStatus::Making, Way::Back) => "release",
        (_, Way::On) => "collect",
        (_, Way::Back) => "recall",
    };
    Ok(Step { order: ticket.order, verb, holder: ticket.claimed_by.clone().filter(|_| verb == "release") })
}

/// The order that a number is, where it is on the board.
fn numbered(queue: &QueueView, number: i64) -> Option<OrderId> {
    queue.lanes.tickets().find(|ticket| ticket.number == number).map(|ticket| ticket.order)
}

/// Whether a key is typed into something, or is one of the browser's own.
fn is_elsewhere(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let takes = target.is_some_and(|element| matches!(&*element.tag_name(), "INPUT" | "TEXTAREA" | "SELECT"));
    takes || event.ctrl_key() || event.meta_key() || event.alt_key()
}

/// The next station, and after the last one all of them.
fn next_station(bar: Bar) {
    let count = bar.place.with_value(|place| place.stations.len());
    let next = bar.station.get_untracked().map_or(0, |station| station + 1);
    bar.choose(Some(next).filter(|next| *next < count));
}

/// Listens to the keys, and shows the number that is being typed.
pub fn keys(queue: Queue, bar: Bar) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let forget = move || {
        let _ = typed.try_set(String::new());
    };
    // A colleague's claim is ended by the same keys twice.
    let asked = StoredValue::new(None::<(OrderId, UserId)>);
    // Which order the number was when it was typed: it may be called off before Enter.
    let meant = StoredValue::new(None::<(i64, OrderId)>);
    let press = move |way: Way| {
        let number = typed.with_untracked(|typed| typed.parse::<i64>().unwrap_or_default());
        forget();
        let step = queue.with_untracked(|queue| bar.with_station_untracked(|station| bump(queue, station, number, way)));
        let colleague = step.as_ref().ok().and_then(|step| Some((step.order, step.holder.clone().filter(|person| !bar.is_me(person.id))?)));
        let before = asked.get_value();
        let ask = colleague.as_ref().map(|(order, person)| (*order, person.id)).filter(|ask| before != Some(*ask));
        asked.set_value(ask);
        match (step, colleague) {
            (Ok(_), Some((_, person))) if ask.is_some() => bar.complain(w::board::release_again(bar.locale, &person.name, number)),
            (Ok(Step { order, verb, .. }), colleague) => bar.bump(order, number, verb, colleague.is_some()),
            (Err(Idle::Elsewhere), _) => bar.complain(w::board::elsewhere(bar.locale, number)),
            (Err(Idle::Nothing), _) if way == Way::Back => bar.complain(w::board::no_way_back(bar.locale, number)),
            (Err(Idle::Nothing), _) => match meant.get_value().filter(|(typed, _)| *typed == number) {
                Some((_, order)) => spawn_local(doubt::tell_gone(bar, order, number)),
                None => bar.complain(w::board::no_such(bar.locale, number)),
            },
        }
    };
    let pressed = move |event: KeyboardEvent| {
        if is_elsewhere(&event) {
            return;
        }
        let key = event.key();
        let length = typed.with_untracked(String::len);
        match &*key {
            // A key that is held down is one press.
            "Enter" | "-" | "*" | "+" if event.repeat() => return event.prevent_default(),
            "Enter" if length > 0 => {
                // The button that has the focus is not meant.
                event.prevent_default();
                press(Way::On);
            }
            "-" if length > 0 => press(Way::Back),
            "*" => bar.take_back_newest(),
            "+" => next_station(bar),
            "Escape" if length > 0 => forget(),
            // Unless it has closed what is folded out.
            "Escape" if !event.default_prevented() => said::close_newest(bar),
            "Backspace" => typed.update(|typed| {
                typed.pop();
            }),
            digit if digit.len() == 1 && digit.as_bytes()[0].is_ascii_digit() && length < DIGITS => {
                typed.update(|typed| typed.push_str(digit));
                let number = typed.with_untracked(|typed| typed.parse::<i64>().unwrap_or_default());
                let order = queue.with_untracked(|queue| numbered(queue, number));
                meant.set_value(order.map(|order| (number, order)));
            }
            _ => return,
        }
        timer.update_value(|timer| {
            if let Some(timer) = timer.take() {
                timer.clear();
            }
            *timer = set_timeout_with_handle(forget, WHILE).ok();
        });
    };
    Effect::new(move |_| {
        let listener = window_event_listener(leptos::ev::keydown, pressed);
        on_cleanup(move || listener.remove());
    });
    view! {
        <p class="board-keys" role="status" hidden=move || typed.with(String::is_empty) data-testid="typed">
            {move || w::board::typed(bar.locale, typed.get())}
        </p>
    }
}

/// What the keys do, folded away.
pub fn help(locale: Locale) -> AnyView {
    let keys = [
        ("12 ↵", w::board::key_on(locale)),
        ("12 -", w::board::key_back(locale)),
        ("*", w::board::key_undo(locale)),
        ("+", w::board::key_station(locale)),
        ("Esc", w::board::key_forget(locale)),
    ]
    .map(|(keys, does)| view! { <div><dt><kbd>{keys}</kbd></dt><dd>{does}</dd></div> })
    .collect_view();
    view! {
        <details class="board-day" on:keydown=fold data-testid="board-keys">
            <summary>{pieces::icon("keys")}<span class="sr-only">{w::board::keys(locale)}</span></summary>
            <div class="board-day__box" role="group" aria-labelledby="keys-title" tabindex="0">
                <h2 id="keys-title">{w::board::keys(locale)}</h2>
                <dl class="board-day__times">{keys}</dl>
            </div>
        </details>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::{super::board_tools::tests::queue, *};

    #[test]
    fn a_number_bumps_its_ticket_to_the_next_lane_or_back() {
        let queue = queue();
        let verb = |number, way| bump(&queue, None, number, way).map(|step| step.verb);
        assert_eq!([3, 2, 1, 4].map(|number| verb(number, Way::On)), [Ok("claim"), Ok("ready"), Ok("collect"), Err(Idle::Nothing)]);
        assert_eq!(
            [3, 2, 1, 4].map(|number| verb(number, Way::Back)),
            [Err(Idle::Nothing), Ok("release"), Ok("recall"), Err(Idle::Nothing)]
        );
        // What a station does not show, it does not move, and knows of all the same.
        let bakery = Station { name: "Bakery".to_owned(), products: vec!["bun".to_owned()] };
        let verb = |number| bump(&queue, Some(&bakery), number, Way::On).map(|step| step.verb);
        assert_eq!([3, 2, 1, 4].map(verb), [Ok("claim"), Ok("ready"), Err(Idle::Elsewhere), Err(Idle::Nothing)]);
    }
}
