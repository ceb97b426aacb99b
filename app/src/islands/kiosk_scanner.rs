//! The scanner at the counter: a pick-up ticket before its camera, or from a reader that types, hands an order over; what came of
//! it is said by picture, word and sound.

mod camera;
mod outcome;

use std::collections::VecDeque;

use domain::{
    KioskId, Locale,
    live::KioskCodeView,
    topic::Topic,
    view::{CollectRequest, Problem},
};
use leptos::{ev::SubmitEvent, html, prelude::*, task::spawn_local};

pub use self::outcome::Outcome;
use self::{camera::camera, outcome::said};
use super::live_line::{connection, live_line};
use crate::{
    live, paths,
    tab::{self, awake, bell},
    words as w,
};

/// How long what came of a ticket stays, in milliseconds.
const SAID: i32 = 6_000;
/// And at least, where the next one waits.
const SEEN: i32 = 1_500;
/// Tickets that wait while one is being asked for. More than that are no people in a line.
const WAITING: usize = 8;

/// Tickets that were read, the one that is being asked for first. The same one is there once: a reader that was held to it for too
/// long would say of what it has just handed over that it was handed over already.
#[derive(Debug, Default)]
struct Line(VecDeque<String>);

impl Line {
    /// Whether somebody has to begin to ask.
    fn join(&mut self, ticket: &str) -> bool {
        let ticket = ticket.trim();
        if ticket.is_empty() || self.0.len() > WAITING || self.0.iter().any(|other| other.eq_ignore_ascii_case(ticket)) {
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

/// What the parts of the scanner share.
#[derive(Clone, Copy)]
struct Desk {
    kiosk: StoredValue<String>,
    locale: Locale,
    shown: RwSignal<Option<Outcome>>,
    busy: RwSignal<bool>,
    line: StoredValue<Line>,
    /// Grows with each ticket: what an earlier one said is not taken away with a later one's time.
    count: StoredValue<u64>,
}

impl Desk {
    /// Whether its page is still there.
    fn is_there(self) -> bool {
        self.busy.try_get_untracked().is_some()
    }

    /// Hands over the order of a ticket, after those that were read before it.
    fn collect(self, ticket: String) {
        if self.line.try_update_value(|line| line.join(&ticket)) != Some(true) {
            return;
        }
        self.busy.set(true);
        spawn_local(async move {
            let mut ticket = ticket.trim().to_owned();
            loop {
                let outcome = self.ask(ticket).await;
                bell::ring(outcome.told(self.locale).notes);
                self.show(outcome);
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

    fn show(self, outcome: Outcome) {
        let _ = self.count.try_update_value(|count| *count += 1);
        let mine = self.count.try_get_value();
        let _ = self.shown.try_set(Some(outcome));
        spawn_local(async move {
            tab::pause(SAID).await;
            if mine.is_some() && self.count.try_get_value() == mine {
                let _ = self.shown.try_set(None);
            }
        });
    }

    async fn ask(self, ticket: String) -> Outcome {
        let Ok(body) = serde_json::to_string(&CollectRequest { ticket }) else { return Outcome::Away };
        let Some(kiosk) = self.kiosk.try_get_value() else { return Outcome::Away };
        let Ok(reply) = tab::ask(&format!("/api/v1/kiosks/{kiosk}/collect"), tab::Body::Keyed(&body)).await else { return Outcome::Away };
        if reply.ok() {
            return reply.json().map_or(Outcome::Away, |order| Outcome::of(&order, self.locale));
        }
        if reply.status >= 500 {
            return Outcome::Away;
        }
        Outcome::Refused(reply.json::<Problem>().map(|problem| problem.code).unwrap_or_default())
    }
}

/// The scanner of a kiosk. `outcome`: what came of the ticket that a page without scripts has sent.
#[island(lazy)]
pub fn KioskScanner(kiosk: KioskId, store_name: String, outcome: Option<Outcome>, locale: Locale) -> impl IntoView {
    let desk = Desk {
        kiosk: StoredValue::new(kiosk.to_string()),
        locale,
        shown: RwSignal::new(outcome),
        busy: RwSignal::new(false),
        line: StoredValue::new(Line::default()),
        count: StoredValue::new(0),
    };
    awake::stay_awake();
    awake::keep_up(connection());
    // By this connection the managers see that the scanner is there.
    let refused = live::refused();
    let _code = live::subscribe::<KioskCodeView>(Topic::KioskCode(kiosk), 0);
    Effect::new(move |_| {
        if refused.get() {
            desk.shown.set(Some(Outcome::Refused("forbidden".to_owned())));
        }
    });
    let field = NodeRef::<html::Input>::new();
    listen(field);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        bell::arm();
        if let Some(field) = field.get_untracked() {
            let ticket = field.value();
            field.set_value("");
            // Who has pressed the button leaves the field to the next reader.
            let _ = field.focus();
            desk.collect(ticket);
        }
    };
    let tone = move || desk.shown.with(|shown| shown.as_ref().map_or("none", |outcome| outcome.told(locale).tone));
    view! {
        <header class="kiosk__bar"><p class="kiosk__name">{store_name}</p>{live_line(None, locale, false)}</header>
        <main class="scanner" id="main" data-testid="scanner">
            <div role="alert" data-testid="scanned" data-outcome=tone>{move || said(desk.shown.get(), locale)}</div>
            <div class="scanner__side">
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
        </main>
    }
    .into_any()
}

/// A reader that types does so into whatever has the focus: whatever that is, a character belongs into the field. Only a press of
/// a button or a link by its keys stays one.
fn listen(field: NodeRef<html::Input>) {
    Effect::new(move |_| {
        let typed = window_event_listener(leptos::ev::keydown, move |event| {
            let focused = document().active_element().map(|element| element.tag_name());
            let focused = focused.as_deref();
            let presses = event.key() == " " && matches!(focused, Some("BUTTON" | "A"));
            let plain = event.key().chars().count() == 1 && !event.ctrl_key() && !event.meta_key() && !event.alt_key();
            if let (true, false, false, Some(field)) = (plain, presses, focused == Some("INPUT"), field.get_untracked()) {
                let _ = field.focus();
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
        assert!(line.join(" a1\r\n") && !line.join("A1") && !line.join("  ") && !line.join("b2") && !line.join("c3"));
        assert_eq!([line.next(), line.next(), line.next(), line.next()], [Some("b2".to_owned()), Some("c3".to_owned()), None, None]);
        assert!(line.join("a1"), "once it is done it may come again, and is told so");
        for n in 0..2 * WAITING {
            line.join(&n.to_string());
        }
        assert_eq!(line.0.len(), WAITING + 1);
    }
}
