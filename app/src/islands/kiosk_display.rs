//! What a kiosk's screen shows: the code to scan, for how long and for how many; or why there is none.

use domain::{
    KioskId, Locale, Timestamp,
    live::KioskCodeView,
    topic::Topic,
    view::{BoardView, Refusal, StoreView},
};
use leptos::prelude::*;

use super::{
    kiosk_board,
    live_line::{LineOf, connection, live_line},
    store_status::newest,
};
use crate::{
    erase::Erase as _,
    live, paths, pieces,
    tab::{self, awake},
    wire::StoreClock,
    words as w,
};

/// What there is to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A code that lets people in.
    Scan,
    /// The code is over or about to be: who scans it now comes too late.
    Changing,
    /// Everybody that it lets in is in.
    Exhausted,
    /// The bar is slower than it wants to be, so this code lets nobody in.
    Busy,
    /// Every place at the bar is taken: the same code lets people in as soon as one is free.
    Full,
    Closed,
    /// This screen may no longer see it.
    Revoked,
}

impl State {
    const fn of(store: &StoreView, code: &KioskCodeView, now: Timestamp) -> Self {
        if !store.open {
            Self::Closed
        } else if code.scans == 0 {
            Self::Busy
        } else if matches!(store.refusal, Some(Refusal::AtCapacity)) {
            Self::Full
        } else if now.as_millis() >= code.hide_at.as_millis() {
            // Only now: what comes next lets nobody in while there is no place.
            Self::Changing
        } else if code.scans_left == 0 {
            Self::Exhausted
        } else {
            Self::Scan
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Changing => "changing",
            Self::Exhausted => "exhausted",
            Self::Busy | Self::Full => "busy",
            Self::Closed => "closed",
            Self::Revoked => "revoked",
        }
    }
}

/// A code, and what its ring is the whole of, in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Whole {
    code: String,
    seconds: i64,
}

impl Whole {
    /// The ring of a code that is shown now. One that was there when the page was made is shown for `usual`; of one that has just
    /// come it is all the time that it has, for how long codes are shown may have been set otherwise meanwhile.
    fn of(code: &KioskCodeView, before: Option<&Self>, usual: i64, now: Timestamp) -> Self {
        let seconds = match before {
            None => usual,
            Some(before) if before.code == code.code => before.seconds,
            Some(_) => (code.hide_at - now) / 1000,
        };
        Self { code: code.code.clone(), seconds: seconds.max(1) }
    }
}

/// `4:05`
fn minutes(seconds: i64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// The screen. `seconds`: how long the first code is shown; `now`: when the page was made; `clock`: the store's.
#[island(lazy)]
pub fn KioskDisplay(
    kiosk: KioskId,
    store: StoreView,
    code: KioskCodeView,
    board: BoardView,
    seconds: i64,
    now: Timestamp,
    clock: StoreClock,
    locale: Locale,
) -> impl IntoView {
    let now = tab::ticking(now);
    awake::stay_awake();
    awake::keep_up(connection());
    let board = kiosk_board::board(store.id.clone(), board, now, locale);
    let refused = live::refused();
    let name = store.name.clone();
    let store = newest(store);
    // The same page, which asks for the code of a pairing once this screen is none.
    let itself = paths::kiosk(&kiosk);
    // What is retained is at least as new as the page.
    let later = live::subscribe::<KioskCodeView>(Topic::KioskCode(kiosk), 0);
    let code = Memo::new(move |_| later.get().map_or_else(|| code.clone(), |later| (*later).clone()));
    let state = Memo::new(move |_| {
        if refused.get().is_some() {
            return State::Revoked;
        }
        code.with(|code| State::of(&store.get(), code, now.get()))
    });
    // Until the code is taken off the screen, and until the next one comes.
    let shown_for = Memo::new(move |_| code.with(|code| (code.hide_at - now.get()).max(0) / 1000));
    let next_in = Memo::new(move |_| code.with(|code| (code.rotates_at - now.get()).max(0) / 1000));
    let left = Memo::new(move |_| code.with(|code| code.scans_left));
    let picture = Memo::new(move |_| code.with(|code| (code.svg.clone(), code.url.clone())));
    let whole = Memo::new(move |before: Option<&Whole>| code.with(|code| Whole::of(code, before, seconds, now.get_untracked())));
    let ring = move || {
        let left = if state.get() == State::Scan { shown_for.get() } else { next_in.get() };
        let whole = whole.with(|whole| whole.seconds);
        format!("--left: {:.4}", left.clamp(0, whole) as f64 / whole as f64)
    };
    let time = move || {
        view! {
            <div class="kiosk__time">
                <span class="kiosk__ring" aria-hidden="true" style=ring></span>
                <p>{move || w::kiosk::next_in(locale, minutes(next_in.get()))}</p>
            </div>
        }
    };
    let body = move || match state.get() {
        State::Scan => {
            let (svg, url) = picture.get();
            let address = url.split_once("://").map_or_else(|| url.clone(), |(_, rest)| rest.to_owned());
            view! {
                <div class="kiosk__code"><div class="kiosk__picture" role="img" aria-label=w::kiosk::picture(locale) data-testid="kiosk-code" data-url=url inner_html=svg></div></div>
                <div class="kiosk__side">
                    <h1>{w::kiosk::scan(locale)}</h1>
                    <p class="lead">{w::kiosk::scan_text(locale)}</p>
                    <div class="kiosk__facts">
                        <p class="kiosk__left" data-testid="kiosk-left"><strong class="num">{move || w::kiosk::left(locale, left.get())}</strong></p>
                        {time()}
                    </div>
                    <p class="soft kiosk__url">{w::kiosk::or_type(locale)}" "<span class="num">{address}</span></p>
                </div>
            }
            .erase()
        }
        other => {
            let next = move || minutes(next_in.get());
            let (title, text) = match other {
                State::Exhausted => (w::kiosk::exhausted_title(locale), Signal::derive(move || w::kiosk::exhausted_text(locale, next()))),
                State::Busy => (w::kiosk::busy_title(locale), Signal::derive(move || w::kiosk::busy_text(locale, next()))),
                State::Full => (w::kiosk::busy_title(locale), Signal::stored(w::kiosk::full_text(locale).to_owned())),
                State::Closed => (w::kiosk::closed_title(locale), Signal::stored(w::kiosk::closed_text(locale).to_owned())),
                State::Revoked => (w::kiosk::revoked_title(locale), Signal::stored(w::kiosk::revoked_text(locale).to_owned())),
                State::Scan | State::Changing => (w::kiosk::changing(locale), Signal::stored(w::kiosk::changing_text(locale).to_owned())),
            };
            // A shop that is closed or full, and a screen that is none, wait for no code.
            let waits = !matches!(other, State::Closed | State::Full | State::Revoked);
            let again = (other == State::Revoked).then(|| {
                view! { <a class="button button--tall" href=itself.clone() data-testid="pair-again">{w::scanner::pair_again(locale)}</a> }
            });
            let icon = match other {
                State::Closed => "store",
                State::Revoked => "alert",
                State::Busy | State::Full => "queue",
                _ => "clock",
            };
            view! {
                <div class="kiosk__code kiosk__word">
                    <p class="kiosk__sign" aria-hidden="true">{pieces::icon(icon)}</p>
                    <h1>{title}</h1>
                    <p class="lead">{text}</p>
                    {again}
                </div>
                {waits.then(|| view! { <div class="kiosk__side">{time()}</div> })}
            }
            .erase()
        }
    };
    view! {
        <header class="kiosk__bar"><p class="kiosk__name">{name}</p>{live_line(Some(clock), locale, LineOf::Page)}</header>
        <main class="kiosk__main" id="main" data-testid="kiosk" data-state=move || state.get().word()>
            <div class="kiosk__stage">{body}{board}</div>
        </main>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use domain::view::Admission;

    use super::*;

    #[test]
    fn a_screen_says_why_nobody_is_let_in() {
        let at = Timestamp::from_millis;
        let mut store = StoreView {
            id: "pier".parse().unwrap(),
            name: "Pier".to_owned(),
            names: None,
            currency: domain::Currency::USD,
            time_zone: "UTC".to_owned(),
            open: true,
            admission: Admission::Qr,
            accepting: true,
            refusal: None,
            in_queue: 0,
            capacity: Some(20),
            estimated_wait_seconds: None,
            sequence: 1,
        };
        let mut code = KioskCodeView {
            code: "7KQM2XYZ".to_owned(),
            url: "http://x/scan/7KQM2XYZ".to_owned(),
            svg: "<svg/>".to_owned(),
            scans: 10,
            scans_left: 10,
            rotates_at: at(300_000),
            hide_at: at(285_000),
        };
        assert_eq!(State::of(&store, &code, at(284_999)), State::Scan);
        assert_eq!(State::of(&store, &code, at(285_000)), State::Changing, "hidden for the last 15 seconds");
        code.scans_left = 0;
        assert_eq!(State::of(&store, &code, at(0)), State::Exhausted);
        code.scans = 0;
        assert_eq!(State::of(&store, &code, at(0)), State::Busy, "the bar is slower than it wants to be");
        assert_eq!(State::of(&store, &code, at(290_000)), State::Busy, "a code that may let nobody in is not announced");
        (code.scans, code.scans_left, store.refusal) = (10, 5, Some(Refusal::AtCapacity));
        assert_eq!(State::of(&store, &code, at(0)), State::Full, "until a place is free");
        assert_eq!(State::of(&store, &code, at(290_000)), State::Full, "the next one is no place");
        store.open = false;
        assert_eq!(State::of(&store, &code, at(0)), State::Closed);
        assert_eq!(minutes(245), "4:05");
    }

    #[test]
    fn a_ring_is_full_when_its_code_comes_however_long_that_is_shown() {
        let at = Timestamp::from_millis;
        let code = |code: &str, hide_at: i64| KioskCodeView {
            code: code.to_owned(),
            url: String::new(),
            svg: String::new(),
            scans: 10,
            scans_left: 10,
            rotates_at: at(hide_at + 15_000),
            hide_at: at(hide_at),
        };
        let first = Whole::of(&code("A", 45_000), None, 45, at(30_000));
        assert_eq!(first.seconds, 45, "the page came in the middle of it");
        assert_eq!(Whole::of(&code("A", 45_000), Some(&first), 45, at(40_000)), first, "somebody has scanned it");
        let longer = Whole::of(&code("B", 645_000), Some(&first), 45, at(60_000));
        assert_eq!(longer.seconds, 585);
        assert_eq!(Whole::of(&code("C", 705_000), Some(&longer), 45, at(660_000)).seconds, 45);
        assert_eq!(Whole::of(&code("D", 705_000), Some(&longer), 45, at(705_000)).seconds, 1, "one that is over divides by no zero");
    }
}
