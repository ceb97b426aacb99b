//! What stands around the lanes of the barista's board: what is to be made in all, the stations, five seconds to take something
//! back, the keys of a bump bar, and the bell.

use std::{collections::BTreeMap, collections::BTreeSet, time::Duration};

use domain::{
    Locale, OrderId,
    prep::FulfilmentStatus,
    view::{LanesView, QueueView, TicketView},
};
use leptos::{
    ev::KeyboardEvent,
    leptos_dom::helpers::{TimeoutHandle, WindowListenerHandle},
    prelude::*,
};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsCast as _;

use super::board::Bar;
use crate::{pieces, tab::bell, words as w};

/// How long something can be taken back, and how long a number that is being typed is kept.
const WHILE: Duration = Duration::from_secs(5);
/// Digits of an order's number.
const DIGITS: usize = 5;
/// Things that are counted together at most.
const TOTALS: usize = 12;
/// A new ticket: two notes that rise, once.
const NEW: [f64; 2] = [784.0, 988.0];

/// A part of the bar that makes one category of the menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Station {
    pub name: String,
    /// Ids of what is made there.
    pub products: Vec<String>,
}

impl Station {
    pub fn makes(&self, product: &str) -> bool {
        self.products.iter().any(|made| made == product)
    }

    /// Whether anything of a ticket is made here.
    pub fn has(&self, ticket: &TicketView) -> bool {
        ticket.lines.iter().any(|line| self.makes(line.product.as_str()))
    }
}

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
    /// What takes it back.
    pub verb: &'static str,
    /// What was done, in words.
    pub done: String,
}

/// Offers to take something back, for five seconds from now, whatever was offered before.
pub fn offer(bar: Bar, undo: Undo) {
    bar.undo.set(Some(undo));
    let over = move || drop(bar.undo.try_set(None));
    bar.undo_ends.update_value(|ends| {
        if let Some(ends) = ends.take() {
            ends.clear();
        }
        *ends = set_timeout_with_handle(over, WHILE).ok();
    });
}

/// The offer.
pub fn undo_view(bar: Bar) -> impl IntoView {
    move || {
        bar.undo.get().map(|undo| {
            let press = move |_| bar.take_back();
            view! {
                <div class="notice toast" data-tone="go" role="status" data-testid="undo">
                    {pieces::icon("undo")}
                    <p class="notice__title">{w::board::order(bar.locale)}" "{undo.number}{w::menu::colon(bar.locale)}{undo.done}</p>
                    <button class="button button--quiet" on:click=press>{w::board::undo(bar.locale)}</button>
                </div>
            }
        })
    }
}

/// What is still to be made, counted over all tickets: what there are several of, the most first.
fn totals(lanes: &LanesView, station: Option<&Station>, locale: Locale) -> Vec<(i64, String)> {
    let mut counts = BTreeMap::<String, i64>::new();
    for line in lanes.queued.iter().chain(&lanes.making).flat_map(|ticket| &ticket.lines) {
        if station.is_some_and(|station| !station.makes(line.product.as_str())) {
            continue;
        }
        let mut line = line.clone();
        line.localize(locale);
        *counts.entry(pieces::line_name(&line, locale)).or_default() += line.quantity;
        for option in &line.options {
            *counts.entry(option.name.clone()).or_default() += line.quantity;
        }
    }
    let mut several: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 1).map(|(name, count)| (count, name)).collect();
    several.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    several.truncate(TOTALS);
    several
}

/// The stations to choose from, and the totals of the one that is chosen.
pub fn overview(queue: Memo<QueueView>, bar: Bar) -> AnyView {
    let locale = bar.locale;
    let several = Memo::new(move |_| queue.with(|queue| bar.with_station(|station| totals(&queue.lanes, station, locale))));
    let chips = bar.stations.with_value(|stations| {
        let all = std::iter::once((None, w::board::all_stations(locale).to_owned()));
        let each = stations.iter().enumerate().map(|(n, station)| (Some(n), station.name.clone()));
        // One station is the whole bar.
        let shown = if stations.len() > 1 { all.chain(each).collect() } else { Vec::new() };
        shown
            .into_iter()
            .map(|(n, name)| {
                view! {
                    <button class="chip" type="button" aria-pressed=move || (bar.station.get() == n).to_string() on:click=move |_| bar.station.set(n)>{name}</button>
                }
            })
            .collect_view()
    });
    view! {
        <section class="board-bar" aria-label=w::board::shown(locale)>
            <div class="board-bar__stations" role="group" aria-label=w::board::stations(locale) data-testid="stations">{chips}</div>
            <ul class="board-bar__totals" aria-label=w::board::totals(locale) hidden=move || several.with(Vec::is_empty) data-testid="totals">
                {move || several.get().into_iter().map(|(count, name)| view! { <li><strong class="num">{count}" ×"</strong>" "{name}</li> }).collect_view()}
            </ul>
        </section>
    }
    .into_any()
}

/// What a number and Enter do to a ticket that the station shows: its next step.
fn bump(queue: &QueueView, station: Option<&Station>, number: i64) -> Option<(OrderId, &'static str)> {
    let LanesView { queued, making, ready } = &queue.lanes;
    let ticket = queued.iter().chain(making).chain(ready).find(|ticket| ticket.number == number)?;
    if station.is_some_and(|station| !station.has(ticket)) {
        return None;
    }
    let verb = match ticket.status {
        FulfilmentStatus::Queued => "claim",
        FulfilmentStatus::Making => "ready",
        _ => "collect",
    };
    Some((ticket.order, verb))
}

/// Whether a key is typed into something, or is one of the browser's own.
fn is_elsewhere(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let takes = target.is_some_and(|element| matches!(&*element.tag_name(), "INPUT" | "TEXTAREA" | "SELECT"));
    takes || event.ctrl_key() || event.meta_key() || event.alt_key()
}

/// The whole board by keyboard: a number and Enter bump its ticket, Escape forgets the number.
pub fn keys(queue: Memo<QueueView>, bar: Bar) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let forget = move || {
        let _ = typed.try_set(String::new());
    };
    let pressed = move |event: KeyboardEvent| {
        if is_elsewhere(&event) {
            return;
        }
        let key = event.key();
        let length = typed.with_untracked(String::len);
        match &*key {
            // A key that is held down is one press.
            "Enter" if event.repeat() => return event.prevent_default(),
            "Enter" if length > 0 => {
                // The button that has the focus is not meant.
                event.prevent_default();
                let number = typed.with_untracked(|typed| typed.parse::<i64>().unwrap_or_default());
                forget();
                match queue.with_untracked(|queue| bar.with_station_untracked(|station| bump(queue, station, number))) {
                    Some((order, verb)) => bar.bump(order, number, verb),
                    None => bar.complain(w::board::no_such(bar.locale, number)),
                }
            }
            "Escape" => forget(),
            "Backspace" => typed.update(|typed| {
                typed.pop();
            }),
            digit if digit.len() == 1 && digit.as_bytes()[0].is_ascii_digit() && length < DIGITS => {
                typed.update(|typed| typed.push_str(digit));
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

/// A ticket that has just come to the station is heard, from the first press on: a browser makes no sound before.
pub fn chime(queue: Memo<QueueView>, bar: Bar) {
    Effect::new(move |_| {
        let listeners =
            [window_event_listener_untyped("pointerdown", |_| bell::arm()), window_event_listener_untyped("keydown", |_| bell::arm())];
        on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
    });
    Effect::new(move |known: Option<BTreeSet<OrderId>>| {
        queue.with(|queue| {
            let LanesView { queued, making, ready } = &queue.lanes;
            let here = |ticket: &TicketView| bar.with_station_untracked(|station| station.is_none_or(|station| station.has(ticket)));
            if known.is_some_and(|known| queued.iter().any(|ticket| !known.contains(&ticket.order) && here(ticket))) {
                bell::ring(&NEW);
            }
            queued.iter().chain(making).chain(ready).map(|ticket| ticket.order).collect()
        })
    });
}

#[cfg(test)]
mod tests {
    use domain::{Timestamp, view::LineView};
    use serde_json::json;

    use super::*;

    fn line(product: &str, quantity: i64, options: &[&str]) -> LineView {
        let options: Vec<_> = options.iter().map(|name| json!({"id": name.to_lowercase(), "name": name})).collect();
        let price = json!({"amount": 1, "currency": "USD"});
        let line = json!({"sku": product, "product": product, "name": product, "variant": "", "options": options, "quantity": quantity, "unit_price": price, "total": price});
        serde_json::from_value(line).unwrap()
    }

    fn ticket(number: i64, status: FulfilmentStatus, lines: Vec<LineView>) -> TicketView {
        let id: OrderId = format!("0193b3c4-5d6e-7f80-9a1b-{number:012}").parse().unwrap();
        let at = Timestamp::from_millis(0);
        let fulfilment = id.to_string().parse().unwrap();
        TicketView { order: id, fulfilment, number, status, placed_at: at, since: at, lines, claimed_by: None, left_by: None }
    }

    fn queue() -> QueueView {
        use FulfilmentStatus::{Making, Queued, Ready};
        let lanes = LanesView {
            queued: vec![ticket(3, Queued, vec![line("latte", 2, &["Oat"]), line("bun", 1, &[])])],
            making: vec![ticket(2, Making, vec![line("mocha", 4, &["Oat"]), line("bun", 1, &[])])],
            ready: vec![ticket(1, Ready, vec![line("latte", 9, &["Oat"])])],
        };
        QueueView { store: "harbor".parse().unwrap(), version: 1, lanes, today: None, making: Vec::new() }
    }

    #[test]
    fn what_is_to_be_made_is_counted_and_what_is_made_is_not() {
        let lanes = queue().lanes;
        let told = |station: Option<&Station>| totals(&lanes, station, Locale::En);
        let named = |list: &[(i64, &str)]| list.iter().map(|(count, name)| (*count, (*name).to_owned())).collect::<Vec<_>>();
        assert_eq!(told(None), named(&[(6, "Oat"), (4, "mocha"), (2, "bun"), (2, "latte")]));
        let kitchen = Station { name: "Kitchen".to_owned(), products: vec!["bun".to_owned()] };
        assert_eq!(told(Some(&kitchen)), named(&[(2, "bun")]));
        assert!(kitchen.has(&lanes.queued[0]) && !kitchen.has(&lanes.ready[0]));
    }

    #[test]
    fn a_number_bumps_its_ticket_to_the_next_lane() {
        let queue = queue();
        let verb = |number| bump(&queue, None, number).map(|(_, verb)| verb);
        assert_eq!([3, 2, 1, 4].map(verb), [Some("claim"), Some("ready"), Some("collect"), None]);
        // What a station does not show, it does not move.
        let bakery = Station { name: "Bakery".to_owned(), products: vec!["bun".to_owned()] };
        let verb = |number| bump(&queue, Some(&bakery), number).map(|(_, verb)| verb);
        assert_eq!([3, 2, 1].map(verb), [Some("claim"), Some("ready"), None]);
    }

    #[test]
    fn what_takes_a_step_back_is_the_step_itself_taken_back() {
        for verb in ["claim", "release", "ready", "recall"] {
            assert_eq!(undoing(verb).and_then(undoing), Some(verb));
        }
        assert_eq!(["collect", "cancel"].map(undoing), [None, None]);
    }
}
