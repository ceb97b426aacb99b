//! The numbers beside a kiosk's code: what is being made, and what waits at the counter.

use domain::{
    Locale, StoreId, Timestamp,
    prep::CALLED_SECONDS,
    topic::Topic,
    view::{BoardEntry, BoardView},
};
use leptos::prelude::*;

use crate::{erase::Erase as _, live, tab::js, words as w};

/// Numbers of each lane on any screen, two rows of three, so that they are read across a room and the screen neither scrolls nor
/// grows.
const FEW: usize = 6;
/// What a wall has room for, three rows of four in smaller tiles.
const MANY: usize = 12;
/// What is such a wall; style/kiosk.css says the same.
const WALL: &str = "(min-aspect-ratio: 4 / 3) and (min-width: 80rem) and (min-height: 50rem)";
/// What a wall that stands has room for, whose lanes are narrow and tall: three rows of three at the counter, five of those being made.
const TALL_READY: usize = 9;
const TALL_PREPARING: usize = 15;
/// What is such a wall; style/kiosk.css says the same.
const TALL: &str = "(max-aspect-ratio: 9 / 16) and (min-width: 60rem)";
/// Where more wait at the counter than there is room for, they take turns, each so long: time to find one's own.
const TURN_MILLIS: i64 = 8_000;

/// What one lane shows: numbers, and how many more there are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Lane {
    shown: Vec<BoardEntry>,
    more: usize,
}

impl Lane {
    /// Those who have waited longest first; the others are counted.
    fn preparing(board: &BoardView, room: usize) -> Self {
        let shown: Vec<_> = board.preparing.iter().take(room).cloned().collect();
        Self { more: board.preparing.len() - shown.len(), shown }
    }

    /// The one that has just come first: that is who looks for it. It stays while the others take turns where there is no room for
    /// all of them, so that nobody is called for a shorter time because somebody else is.
    fn ready(board: &BoardView, now: Timestamp, room: usize) -> Self {
        let called = board.ready.iter().rev().filter(|entry| now.seconds_since(entry.since) < CALLED_SECONDS);
        let mut shown: Vec<_> = called.cloned().collect();
        let all = shown.len();
        if all > room {
            let places = room - 1;
            let turns = (all - 1).div_ceil(places) as i64;
            let turn = (now.as_millis() / TURN_MILLIS).rem_euclid(turns) as usize;
            // The last turn is a full one, too.
            let first = (1 + turn * places).min(all - places);
            shown.drain(1..first);
            shown.truncate(room);
        }
        Self { more: all - shown.len(), shown }
    }
}

/// How many numbers there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Room {
    ready: usize,
    preparing: usize,
}

impl Room {
    /// By whether the screen matches what is asked of it.
    fn of(matches: impl Fn(&str) -> bool) -> Self {
        if matches(WALL) {
            Self { ready: MANY, preparing: MANY }
        } else if matches(TALL) {
            Self { ready: TALL_READY, preparing: TALL_PREPARING }
        } else {
            Self { ready: FEW, preparing: FEW }
        }
    }
}

/// How many numbers the lanes have room for. The server knows of no screen, so that there are few at first.
fn room() -> ReadSignal<Room> {
    let (room, set_room) = signal(Room::of(|_| false));
    Effect::new(move |_| {
        let matches = |asked: &str| {
            let query = js::call(&window(), "matchMedia", &[asked.into()]);
            query.is_ok_and(|query| js::get(&query, "matches").is_truthy())
        };
        let measure = move || set_room.set(Room::of(matches));
        measure();
        let resized = window_event_listener_untyped("resize", move |_| measure());
        on_cleanup(move || resized.remove());
    });
    room
}

/// Both lanes, live.
pub fn board(store: StoreId, board: BoardView, now: ReadSignal<Timestamp>, locale: Locale) -> AnyView {
    // What is retained is at least as new as the page.
    let later = live::subscribe::<BoardView>(Topic::Board(store), 0);
    let board = Memo::new(move |_| later.get().map_or_else(|| board.clone(), |later| (*later).clone()));
    let room = room();
    let preparing = Memo::new(move |_| board.with(|board| Lane::preparing(board, room.get().preparing)));
    let ready = Memo::new(move |_| board.with(|board| Lane::ready(board, now.get(), room.get().ready)));
    view! {
        <section class="kiosk__board" aria-label=w::kiosk::board(locale) data-testid="kiosk-board">
            {lane("ready", w::kiosk::ready(locale), ready, now, locale)}
            {lane("preparing", w::kiosk::preparing(locale), preparing, now, locale)}
        </section>
    }
    .erase()
}

fn lane(kind: &'static str, name: &'static str, lane: Memo<Lane>, now: ReadSignal<Timestamp>, locale: Locale) -> AnyView {
    let empty = move || lane.with(|lane| lane.shown.is_empty());
    let size = move || if lane.with(|lane| lane.shown.len() > FEW) { "small" } else { "large" };
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
            <ul class="kiosk__numbers" data-size=size hidden=empty>
                <For each=move || lane.with(|lane| lane.shown.clone()) key=|entry| (entry.number, entry.since) children=number/>
            </ul>
            {move || empty().then(|| view! { <p class="kiosk__none">{w::kiosk::nothing(locale)}</p> })}
        </div>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: i64, since: i64) -> BoardEntry {
        BoardEntry { number, since: Timestamp::from_millis(since), making: false }
    }

    fn numbers(lane: &Lane) -> Vec<i64> {
        lane.shown.iter().map(|entry| entry.number).collect()
    }

    #[test]
    fn a_number_is_called_for_ten_minutes_and_lanes_do_not_grow() {
        let at = Timestamp::from_millis;
        let board = BoardView {
            preparing: (1..=30).map(|number| entry(number, 0)).collect(),
            ready: vec![entry(1, 0), entry(2, 1_000), entry(3, 300_000)],
            pace_seconds: None,
        };
        assert_eq!(numbers(&Lane::ready(&board, at(599_999), FEW)), [3, 2, 1]);
        assert_eq!(numbers(&Lane::ready(&board, at(600_000), FEW)), [3, 2]);
        for (room, more) in [(FEW, 24), (MANY, 18), (TALL_PREPARING, 15)] {
            let preparing = Lane::preparing(&board, room);
            assert_eq!((preparing.shown.len(), preparing.more, preparing.shown[0].number), (room, more, 1));
        }
    }

    #[test]
    fn a_wall_shows_all_that_it_has_room_for_and_the_others_take_turns() {
        let ready =
            |count| BoardView { preparing: Vec::new(), ready: (1..=count).map(|number| entry(number, 0)).collect(), pace_seconds: None };
        let at = |turn: i64| Timestamp::from_millis(turn * TURN_MILLIS);
        let all = Lane::ready(&ready(9), at(5), MANY);
        assert_eq!((numbers(&all), all.more), (vec![9, 8, 7, 6, 5, 4, 3, 2, 1], 0));
        // The newest stays, and everybody else is called again and again.
        let few = |turn| Lane::ready(&ready(9), at(turn), FEW);
        assert_eq!([few(0), few(1)].each_ref().map(numbers), [vec![9, 8, 7, 6, 5, 4], vec![9, 5, 4, 3, 2, 1]]);
        assert_eq!((few(2), few(0).more), (few(0), 3));
        for (count, room) in [(7, FEW), (30, FEW), (10, TALL_READY), (13, MANY), (40, MANY)] {
            let turns: Vec<_> = (0..count).map(|turn| numbers(&Lane::ready(&ready(count), at(turn), room))).collect();
            assert!(turns.iter().all(|shown| shown.len() == room && shown[0] == count));
            assert!((1..=count).all(|number| turns.iter().any(|shown| shown.contains(&number))), "{count} in {room}");
        }
    }

    #[test]
    fn a_wall_that_stands_has_room_for_more_than_a_tablet() {
        let room = |kind: &str| {
            let room = Room::of(|asked| asked == kind);
            (room.ready, room.preparing)
        };
        assert_eq!([room(WALL), room(TALL), room("")], [(MANY, MANY), (TALL_READY, TALL_PREPARING), (FEW, FEW)]);
    }
}
