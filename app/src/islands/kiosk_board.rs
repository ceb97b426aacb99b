//! The numbers beside a kiosk's code: what is being made, and what waits at the counter.

use domain::{
    Locale, StoreId, Timestamp,
    prep::CALLED_SECONDS,
    topic::Topic,
    view::{BoardEntry, BoardView},
};
use leptos::prelude::*;

use crate::{live, words as w};

/// Numbers of each lane, two rows of three, so that they are read across a room and the screen neither scrolls nor grows; the
/// others are counted.
const SHOWN: usize = 6;

/// What one lane shows: numbers, and how many more there are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Lane {
    shown: Vec<BoardEntry>,
    more: usize,
}

impl Lane {
    fn of(entries: impl Iterator<Item = BoardEntry>) -> Self {
        let mut shown: Vec<_> = entries.collect();
        let more = shown.len().saturating_sub(SHOWN);
        shown.truncate(SHOWN);
        Self { shown, more }
    }

    /// Those who have waited longest first.
    fn preparing(board: &BoardView) -> Self {
        Self::of(board.preparing.iter().cloned())
    }

    /// The one that has just come first: that is who looks for it.
    fn ready(board: &BoardView, now: Timestamp) -> Self {
        Self::of(board.ready.iter().rev().filter(|entry| now.seconds_since(entry.since) < CALLED_SECONDS).cloned())
    }
}

/// Both lanes, live.
pub fn board(store: StoreId, board: BoardView, now: ReadSignal<Timestamp>, locale: Locale) -> AnyView {
    // What is retained is at least as new as the page.
    let later = live::subscribe::<BoardView>(Topic::Board(store), 0);
    let board = Memo::new(move |_| later.get().map_or_else(|| board.clone(), |later| (*later).clone()));
    let preparing = Memo::new(move |_| board.with(Lane::preparing));
    let ready = Memo::new(move |_| board.with(|board| Lane::ready(board, now.get())));
    view! {
        <section class="kiosk__board" aria-label=w::kiosk::board(locale) data-testid="kiosk-board">
            {lane("ready", w::kiosk::ready(locale), ready, now, locale)}
            {lane("preparing", w::kiosk::preparing(locale), preparing, now, locale)}
        </section>
    }
    .into_any()
}

fn lane(kind: &'static str, name: &'static str, lane: Memo<Lane>, now: ReadSignal<Timestamp>, locale: Locale) -> AnyView {
    let empty = move || lane.with(|lane| lane.shown.is_empty());
    let more = move || {
        let more = lane.with(|lane| lane.more);
        (more > 0).then(|| view! { <p class="kiosk__more">{w::kiosk::more(locale, more)}</p> })
    };
    let number = move |entry: BoardEntry| {
        let minutes = Memo::new(move |_| now.get().seconds_since(entry.since).max(0) / 60);
        view! { <li class="kiosk__number"><strong class="num">{entry.number}</strong>" "<small>{move || w::kiosk::age(locale, minutes.get())}</small></li> }
    };
    view! {
        <div class="kiosk__lane" data-lane=kind data-testid=format!("kiosk-{kind}")>
            <div class="kiosk__head"><h2>{name}</h2>{more}</div>
            <ul class="kiosk__numbers" hidden=empty>
                <For each=move || lane.with(|lane| lane.shown.clone()) key=|entry| (entry.number, entry.since) children=number/>
            </ul>
            {move || empty().then(|| view! { <p class="kiosk__none">{w::kiosk::nothing(locale)}</p> })}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_called_for_ten_minutes_and_lanes_do_not_grow() {
        let at = Timestamp::from_millis;
        let entry = |number, since| BoardEntry { number, since: at(since), making: false };
        let board = BoardView {
            preparing: (1..=30).map(|number| entry(number, 0)).collect(),
            ready: vec![entry(1, 0), entry(2, 1_000), entry(3, 300_000)],
            pace_seconds: None,
        };
        let numbers = |lane: Lane| lane.shown.iter().map(|entry| entry.number).collect::<Vec<_>>();
        assert_eq!(numbers(Lane::ready(&board, at(599_999))), [3, 2, 1]);
        assert_eq!(numbers(Lane::ready(&board, at(600_000))), [3, 2]);
        let preparing = Lane::preparing(&board);
        assert_eq!((preparing.shown.len(), preparing.more, preparing.shown[0].number), (6, 24, 1));
    }
}
