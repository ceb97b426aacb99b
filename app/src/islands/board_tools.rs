//! What stands above the lanes of the barista's board: the stations, and what is to be made in all.

use std::collections::BTreeMap;

use domain::{
    Locale, Text,
    view::{LanesView, TicketView},
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::board::{Bar, Queue};
use crate::{erase::Erase as _, pieces, tab, words as w};

/// Things that are counted together at most.
const TOTALS: usize = 12;

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

impl Bar {
    /// Works at a station from now on, also when this board is opened again.
    pub fn choose(self, station: Option<usize>) {
        self.station.set(station);
        let key = self.station_key();
        self.place.with_value(|place| tab::keep(&key, station.and_then(|n| place.stations.get(n)).map(|chosen| &*chosen.name)));
    }

    fn station_key(self) -> String {
        format!("orderly.board.station.{}", self.store())
    }

    /// The station that is chosen, if any, to look at.
    pub fn with_station<T>(self, look: impl FnOnce(Option<&Station>) -> T) -> T {
        let chosen = self.station.get();
        self.place.with_value(|place| look(chosen.and_then(|n| place.stations.get(n))))
    }

    /// The same, to look at once.
    pub fn with_station_untracked<T>(self, look: impl FnOnce(Option<&Station>) -> T) -> T {
        untrack(|| self.with_station(look))
    }
}

/// Works at the station where this browser has worked before, where there still is one of that name.
pub fn keep_station(bar: Bar) {
    Effect::new(move |_| {
        let kept = tab::kept(&bar.station_key());
        let known = kept.and_then(|name| bar.place.with_value(|place| place.stations.iter().position(|station| station.name == name)));
        if known.is_some() {
            bar.station.set(known);
        }
    });
}

/// What is still to be made, counted over all tickets: what there are several of, the most first.
fn totals(lanes: &LanesView, station: Option<&Station>, locale: Locale) -> Vec<(i64, String)> {
    // By borrowed names first: of two hundred tickets hardly a dozen things have to be written out.
    let (mut lines, mut options) = (BTreeMap::<_, i64>::new(), BTreeMap::<_, i64>::new());
    for line in lanes.queued.iter().chain(&lanes.making).flat_map(|ticket| &ticket.lines) {
        if station.is_some_and(|station| !station.makes(line.product.as_str())) {
            continue;
        }
        let name = (said(&line.name, line.names.as_ref(), locale), said(&line.variant, line.variant_names.as_ref(), locale));
        *lines.entry(name).or_default() += line.quantity;
        for option in &line.options {
            *options.entry(said(&option.name, option.names.as_ref(), locale)).or_default() += line.quantity;
        }
    }
    let mut counts = BTreeMap::<String, i64>::new();
    let lines = lines.into_iter().map(|((product, variant), count)| (pieces::named(product, variant, locale), count));
    for (name, count) in lines.chain(options.into_iter().map(|(name, count)| (name.to_owned(), count))) {
        *counts.entry(name).or_default() += count;
    }
    let mut several: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 1).map(|(name, count)| (count, name)).collect();
    several.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    several.truncate(TOTALS);
    several
}

/// A name in the reader's language, where it came in several.
fn said<'a>(name: &'a str, names: Option<&'a Text>, locale: Locale) -> &'a str {
    names.map_or(name, |names| names.in_locale(locale))
}

/// The stations to choose from, and the totals of the one that is chosen.
pub fn overview(queue: Queue, bar: Bar) -> AnyView {
    let locale = bar.locale;
    let several = Memo::new(move |_| queue.with(|queue| bar.with_station(|station| totals(&queue.lanes, station, locale))));
    let chips = bar.place.with_value(|place| {
        let stations = &place.stations;
        let all = std::iter::once((None, w::board::all_stations(locale).to_owned()));
        let each = stations.iter().enumerate().map(|(n, station)| (Some(n), station.name.clone()));
        // One station is the whole bar.
        let shown = if stations.len() > 1 { all.chain(each).collect() } else { Vec::new() };
        shown
            .into_iter()
            .map(|(n, name)| {
                view! {
                    <button class="chip" type="button" aria-pressed=move || (bar.station.get() == n).to_string() on:click=move |_| bar.choose(n)>{name}</button>
                }
            })
            .collect_view()
    });
    view! {
        <div class="board-bar">
            <div class="board-bar__stations" role="group" aria-label=w::board::stations(locale) data-testid="stations">{chips}</div>
            <ul class="board-bar__totals" tabindex="0" aria-label=w::board::totals(locale) hidden=move || several.with(Vec::is_empty) data-testid="totals">
                {move || several.get().into_iter().map(|(count, name)| view! { <li><strong class="num">{count}" ×"</strong>" "{name}</li> }).collect_view()}
            </ul>
        </div>
    }
    .erase()
}

#[cfg(test)]
pub(super) mod tests {
    use domain::{
        OrderId, Timestamp,
        prep::FulfilmentStatus,
        view::{LineView, QueueView},
    };
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

    /// A board with one ticket in each lane.
    pub fn queue() -> QueueView {
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
}
