//! The scanner at the counter: a pick-up ticket before its camera, or from a reader that types, hands an order over; what came of
//! it is said by picture, word and sound.

mod camera;
mod fit;
mod held;
mod outcome;
mod wedge;

use std::collections::{BTreeMap, VecDeque};

use domain::{
    KioskId, Locale,
    live::KioskCodeView,
    topic::Topic,
    view::{CollectRequest, Problem},
};
use leptos::{ev::SubmitEvent, html, prelude::*, task::spawn_local};

pub use self::outcome::Outcome;
use self::{camera::camera, held::Held, outcome::said, wedge::Wedge};
use super::live_line::{LineOf, connection, live_line};
use crate::{
    erase::Erase as _,
    live, paths,
    tab::{self, awake, bell},
    wire::StoreClock,
    words as w,
};

/// How long what came of a ticket stays, in milliseconds.
const SAID: i32 = 6_000;
/// And at least, where the next one waits.
const SEEN: i32 = 1_500;
/// Tickets that wait while one is being asked for. More than that are no people in a line.
const WAITING: usize = 8;

/// A ticket as it is printed, however its reader has typed it: what it is told by here, and what is sent.
fn written(typed: &str) -> String {
    typed.trim().to_ascii_uppercase()
}

/// Tickets that were read, the one that is being asked for first. The same one is there once: a reader that was held to it for too
/// long would say of what it has just handed over that it was handed over already.
#[derive(Debug, Default)]
struct Line(VecDeque<String>);

impl Line {
    /// Whether somebody has to begin to ask.
    fn join(&mut self, ticket: &str) -> bool {
        if ticket.is_empty() || self.0.len() > WAITING || self.0.iter().any(|other| other == ticket) {
            return false;
        }
        self.0.push_back(ticket.to_owned());
        self.0.len() == 1
    }

    /// The first one is done: which is next?
    fn next(&mut self) -> Option<String> {
        self.0.pop_front();
        self.0.front().cloned()
    }
}

/// The keys of tickets that were asked for and not answered yet: asked for again under the same one, they get the answer that was
/// lost, with what is to be handed out.
#[derive(Debug, Default)]
struct Wishes(BTreeMap<String, String>);

impl Wishes {
    /// The key of a ticket, and whether it was asked for under it before. `fresh`: the key where it was not.
    fn key(&mut self, ticket: &str, fresh: impl FnOnce() -> String) -> (String, bool) {
        if let Some(key) = self.0.get(ticket) {
            return (key.clone(), true);
        }
        let key = fresh();
        self.0.insert(ticket.to_owned(), key.clone());
        (key, false)
    }

    /// It was answered: held out again, it is another wish.
    fn answered(&mut self, ticket: &str) {
        self.0.remove(ticket);
    }
}

/// What the parts of the scanner share.
#[derive(Clone, Copy)]
struct Desk {
    kiosk: StoredValue<String>,
    locale: Locale,
    shown: RwSignal<Option<Outcome>>,
    /// The ticket that it came of.
    shown_of: StoredValue<String>,
    busy: RwSignal<bool>,
    /// Whether this browser was told that it is no scanner any more: it is none until the page is loaded again.
    revoked: RwSignal<bool>,
    line: StoredValue<Line>,
    wishes: StoredValue<Wishes>,
    /// What is before the camera.
    held: StoredValue<Held>,
    /// Grows with each ticket: what an earlier one said is not taken away with a later one's time.
    count: StoredValue<u64>,
}

impl Desk {
    /// Whether its page is still there, and a scanner.
    fn is_there(self) -> bool {
        self.revoked.try_get_untracked() == Some(false)
    }

    /// Hands over the order of a [written] ticket, after those that were read before it.
    fn collect(self, ticket: String) {
        if self.line.try_update_value(|line| line.join(&ticket)) != Some(true) {
            return;
        }
        self.busy.set(true);
        spawn_local(async move {
            let mut ticket = ticket;
            loop {
                let outcome = self.ask(&ticket).await;
                let _ = self.held.try_update_value(|held| held.told(&ticket, outcome.may_change(), tab::steady()));
                if outcome.is_revoked() {
                    let _ = self.revoked.try_set(true);
                }
                self.show(&ticket, outcome);
                // The page may be gone.
                match self.line.try_update_value(Line::next).flatten() {
                    Some(next) => ticket = next,
                    None => break,
                }
                tab::pause(SEEN).await;
            }
            let _ = self.busy.try_set(false);
        });
    }

    /// Says what came of a ticket. One that is held there until it is ready is told so once, and not each time that it is tried.
    fn show(self, ticket: &str, outcome: Outcome) {
        let _ = self.count.try_update_value(|count| *count += 1);
        let mine = self.count.try_get_value();
        let same = self.shown_of.try_update_value(|of| std::mem::replace(of, ticket.to_owned()) == ticket) == Some(true);
        let is_shown = same && self.shown.try_with_untracked(|shown| shown.as_ref() == Some(&outcome)) == Some(true);
        if !(is_shown && outcome.may_change()) {
            bell::ring(outcome.told(self.locale).notes);
            let _ = self.shown.try_set(Some(outcome));
        }
        spawn_local(async move {
            tab::pause(SAID).await;
            if mine.is_some() && self.count.try_get_value() == mine {
                let _ = self.shown.try_set(None);
            }
        });
    }

    /// Asks until there is an answer of now. What was lost on its way is asked for under the same key.
    async fn ask(self, ticket: &str) -> Outcome {
        loop {
            // Nobody looks where the page is gone.
            let wish = self.wishes.try_update_value(|wishes| wishes.key(ticket, tab::new_key));
            let Some((key, before)) = wish else { return Outcome::Away };
            let outcome = self.send(ticket, &key).await;
            if outcome == Outcome::Away {
                return outcome;
            }
            let _ = self.wishes.try_update_value(|wishes| wishes.answered(ticket));
            // What it was told then, and nobody has heard, may not be so any more.
            if !(before && outcome.may_change()) {
                return outcome;
            }
        }
    }

    async fn send(self, ticket: &str, key: &str) -> Outcome {
        let Ok(json) = serde_json::to_string(&CollectRequest { ticket: ticket.to_owned() }) else { return Outcome::Away };
        let Some(kiosk) = self.kiosk.try_get_value() else { return Outcome::Away };
        let wish = tab::Body::Wish { key, json: &json };
        let Ok(reply) = tab::ask(&format!("/api/v1/kiosks/{kiosk}/collect"), wish).await else { return Outcome::Away };
        if reply.ok() {
            return reply.json().map_or(Outcome::Away, |order| Outcome::of(&order, self.locale));
        }
        // What is no answer of the shop's, or none yet: the first request under this key may still run.
        let Ok(problem) = reply.json::<Problem>() else { return Outcome::Away };
        if reply.status >= 500 || reply.status == 429 || problem.code == "request_in_progress" {
            return Outcome::Away;
        }
        Outcome::Refused(problem.code)
    }
}

/// The scanner of a kiosk. `outcome`: what came of the ticket that a page without scripts has sent; `clock`: the store's.
#[island(lazy)]
pub fn KioskScanner(kiosk: KioskId, store_name: String, outcome: Option<Outcome>, clock: StoreClock, locale: Locale) -> impl IntoView {
    let desk = Desk {
        kiosk: StoredValue::new(kiosk.to_string()),
        locale,
        shown: RwSignal::new(outcome),
        shown_of: StoredValue::new(String::new()),
        busy: RwSignal::new(false),
        revoked: RwSignal::new(false),
        line: StoredValue::new(Line::default()),
        wishes: StoredValue::new(Wishes::default()),
        held: StoredValue::new(Held::default()),
        count: StoredValue::new(0),
    };
    awake::stay_awake();
    awake::keep_up(connection());
    // By this connection the managers see that the scanner is there.
    let refused = live::refused();
    let _code = live::subscribe::<KioskCodeView>(Topic::KioskCode(kiosk), 0);
    Effect::new(move |_| {
        if refused.get().is_some() {
            desk.revoked.set(true);
        }
    });
    let field = NodeRef::<html::Input>::new();
    let hand_over = move || {
        if let Some(field) = field.get_untracked() {
            let ticket = written(&field.value());
            field.set_value("");
            // Who has pressed the button leaves the field to the next reader.
            let _ = field.focus();
            desk.collect(ticket);
        }
    };
    listen(field, hand_over);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        bell::arm();
        hand_over();
    };
    // That one is none stays there, whatever came of the last ticket.
    let tells = move || if desk.revoked.get() { Some(Outcome::revoked()) } else { desk.shown.get() };
    let tone = move || tells().map_or("none", |outcome| outcome.told(locale).tone);
    view! {
        <header class="kiosk__bar"><p class="kiosk__name">{store_name}</p>{live_line(Some(clock), locale, LineOf::Page)}</header>
        <main class="scanner" id="main" data-testid="scanner">
            <div role="alert" data-testid="scanned" data-outcome=tone>{move || said(tells(), locale)}</div>
            <div class="scanner__side" hidden=move || desk.revoked.get()>
                {camera(desk)}
                <form class="field" method="post" action=paths::form::COLLECT on:submit=submit>
                    <input type="hidden" name="kiosk" value=desk.kiosk.get_value()/>
                    <label for="ticket">{w::scanner::field(locale)}</label>
                    // A ticket is read and not typed: no keyboard of the screen's comes up over it.
                    <input class="input" id="ticket" name="ticket" node_ref=field autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="200"
                        inputmode="none" aria-describedby="ticket-hint"/>
                    <p class="field__hint" id="ticket-hint">{w::scanner::field_hint(locale)}</p>
                    <button class="button button--quiet button--tall" aria-busy=move || desk.busy.get().to_string()>{w::scanner::go(locale)}</button>
                </form>
            </div>
            // The same page, which asks for the code of a pairing by then.
            <div class="scanner__side" hidden=move || !desk.revoked.get()>
                <a class="button button--tall" href=paths::scanner(desk.kiosk.get_value()) data-testid="pair-again">{w::scanner::pair_again(locale)}</a>
            </div>
        </main>
    }
    .erase()
}

/// A reader that types does so into whatever has the focus: whatever that is, a character belongs into the field, where it begins
/// anew after a pause. Only a press of a button or a link by its keys stays one. `hand_over`: what stands in the field is a ticket.
fn listen(field: NodeRef<html::Input>, hand_over: impl Fn() + Copy + 'static) {
    let wedge = StoredValue::new(Wedge::default());
    Effect::new(move |_| {
        let typed = window_event_listener(leptos::ev::keydown, move |event| {
            let Some(field) = field.get_untracked() else { return };
            let focused = document().active_element().map(|element| element.tag_name());
            let focused = focused.as_deref();
            let (key, now) = (event.key(), event.time_stamp());
            let presses = key == " " && matches!(focused, Some("BUTTON" | "A"));
            let held = event.ctrl_key() || event.meta_key() || event.alt_key();
            if key.chars().count() == 1 && !held && !presses {
                if wedge.try_update_value(|wedge| wedge.begins(now)) == Some(true) {
                    field.set_value("");
                }
                if focused != Some("INPUT") {
                    let _ = field.focus();
                }
            } else if key == "Tab" && !held && !event.shift_key() && focused == Some("INPUT") {
                let typed = field.value();
                if wedge.try_with_value(|wedge| wedge.ends(&typed, now)) == Some(true) {
                    // The focus stays for the next ticket.
                    event.prevent_default();
                    hand_over();
                }
            }
        });
        let touched = window_event_listener(leptos::ev::pointerdown, |_| bell::arm());
        on_cleanup(move || {
            typed.remove();
            touched.remove();
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_wait_their_turn_and_the_same_one_waits_once() {
        let mut line = Line::default();
        let mut join = |typed: &str| line.join(&written(typed));
        assert!(join(" a1\r\n") && !join("A1") && !join("  ") && !join("b2") && !join("c3"));
        assert_eq!([line.next(), line.next(), line.next(), line.next()], [Some("B2".to_owned()), Some("C3".to_owned()), None, None]);
        assert!(line.join("A1"), "once it is done it may come again, and is told so");
        for n in 0..2 * WAITING {
            line.join(&n.to_string());
        }
        assert_eq!(line.0.len(), WAITING + 1);
    }

    #[test]
    fn a_ticket_has_one_key_until_it_is_answered() {
        let mut wishes = Wishes::default();
        let mut made = 0;
        let mut key = |wishes: &mut Wishes, ticket: &str| {
            wishes.key(ticket, || {
                made += 1;
                made.to_string()
            })
        };
        assert_eq!(key(&mut wishes, "A"), ("1".to_owned(), false));
        assert_eq!(key(&mut wishes, "B"), ("2".to_owned(), false), "each its own");
        assert_eq!(key(&mut wishes, "A"), ("1".to_owned(), true), "its answer was lost");
        wishes.answered("A");
        assert_eq!(key(&mut wishes, "A"), ("3".to_owned(), false));
        assert_eq!(key(&mut wishes, "B"), ("2".to_owned(), true));
    }
}
