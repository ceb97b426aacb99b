//! The scanner at the counter: a pick-up ticket before its camera, or from a reader that types, hands an order over; what came of
//! it is said by picture, word and sound.

use domain::{
    KioskId, Locale,
    live::KioskCodeView,
    topic::Topic,
    view::{CollectRequest, OrderView, Problem},
};
use leptos::{ev::SubmitEvent, html, prelude::*, task::spawn_local};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsCast as _;

use super::live_line::{alive, connection, live_line};
use crate::{
    live, paths, pieces,
    tab::{self, awake, bell, eye},
    words as w,
};

/// How long what came of a ticket stays, in milliseconds.
const SAID: i32 = 6_000;
/// The camera looks this often.
const LOOK: i32 = 150;
/// So long the same code before the camera is the same ticket, which somebody has not taken away yet.
const STILL: f64 = 8_000.0;

/// What came of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Handed over: the order's number, and what to hand out.
    Handed { number: i64, lines: Vec<(i64, String)> },
    /// The code of the refusal.
    Refused(String),
    /// Nobody could be asked.
    Away,
}

impl Outcome {
    /// `go`, `wait` or `stop`.
    fn tone(&self) -> &'static str {
        match self {
            Self::Handed { .. } => "go",
            Self::Refused(code) if code == "not_ready" => "wait",
            Self::Refused(_) | Self::Away => "stop",
        }
    }

    fn icon(&self) -> &'static str {
        match self.tone() {
            "go" => "check",
            "wait" => "clock",
            _ => "close",
        }
    }

    fn title(&self, locale: Locale) -> &'static str {
        match self {
            Self::Handed { .. } => w::scanner::handed(locale),
            Self::Away => w::scanner::away(locale),
            Self::Refused(code) => match &**code {
                "not_ready" => w::scanner::not_ready(locale),
                "already_collected" => w::scanner::already_collected(locale),
                "ticket_unknown" => w::scanner::ticket_unknown(locale),
                "forbidden" | "session_required" | "sign_in_required" => w::kiosk::revoked_title(locale),
                _ => w::scanner::failed(locale),
            },
        }
    }

    fn text(&self, locale: Locale) -> &'static str {
        match self {
            Self::Handed { .. } => w::scanner::handed_text(locale),
            Self::Away => w::scanner::away_text(locale),
            Self::Refused(code) => match &**code {
                "not_ready" => w::scanner::not_ready_text(locale),
                "already_collected" => w::scanner::already_collected_text(locale),
                "ticket_unknown" => w::scanner::ticket_unknown_text(locale),
                "forbidden" | "session_required" | "sign_in_required" => w::kiosk::revoked_text(locale),
                _ => w::scanner::failed_text(locale),
            },
        }
    }

    /// Up for yes, twice the same for later, down for no: told apart without looking.
    fn notes(&self) -> &'static [f64] {
        match self.tone() {
            "go" => &[659.0, 880.0],
            "wait" => &[523.0, 523.0],
            _ => &[330.0, 220.0],
        }
    }

    /// What a kiosk was answered.
    pub fn of(order: &OrderView, locale: Locale) -> Self {
        let line = |line: &domain::view::LineView| {
            let options = pieces::line_options(line);
            let name = pieces::line_name(line, locale);
            (line.quantity, if options.is_empty() { name } else { format!("{name} ({options})") })
        };
        Self::Handed { number: order.number, lines: order.lines.iter().map(line).collect() }
    }
}

/// What the parts of the scanner share.
#[derive(Clone, Copy)]
struct Desk {
    kiosk: StoredValue<String>,
    locale: Locale,
    shown: RwSignal<Option<Outcome>>,
    busy: RwSignal<bool>,
    /// Grows with each ticket: what an earlier one said is not taken away with a later one's time.
    count: StoredValue<u64>,
}

impl Desk {
    /// Hands over the order of a ticket. One at a time: who holds theirs out meanwhile is read again.
    fn collect(self, ticket: String) {
        if self.busy.get_untracked() || ticket.trim().is_empty() {
            return;
        }
        self.busy.set(true);
        spawn_local(async move {
            let outcome = self.ask(ticket).await;
            bell::ring(outcome.notes());
            self.count.update_value(|count| *count += 1);
            let mine = self.count.get_value();
            // The page may be gone.
            let _ = self.shown.try_set(Some(outcome));
            let _ = self.busy.try_set(false);
            tab::pause(SAID).await;
            if self.count.try_get_value() == Some(mine) {
                let _ = self.shown.try_set(None);
            }
        });
    }

    async fn ask(self, ticket: String) -> Outcome {
        let Ok(body) = serde_json::to_string(&CollectRequest { ticket }) else { return Outcome::Away };
        let path = format!("/api/v1/kiosks/{}/collect", self.kiosk.get_value());
        let Ok(reply) = tab::ask(&path, tab::Body::Keyed(&body)).await else { return Outcome::Away };
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
            desk.collect(ticket);
        }
    };
    let result = move || {
        desk.shown.get().map_or_else(
            || {
                view! {
                    <div class="scanner__said" data-tone="none">
                        <p class="kiosk__sign" aria-hidden="true">{pieces::icon("scan")}</p>
                        <h1>{w::scanner::ready(locale)}</h1>
                        <p class="lead">{w::scanner::ready_text(locale)}</p>
                    </div>
                }
                .into_any()
            },
            |outcome| said(outcome, locale),
        )
    };
    view! {
        <header class="kiosk__bar"><p class="kiosk__name">{store_name}</p>{live_line(None, locale, false)}</header>
        <main class="scanner" id="main" data-testid="scanner">
            <div role="alert" data-testid="scanned" data-outcome=move || desk.shown.with(|shown| shown.as_ref().map_or("none", Outcome::tone))>{result}</div>
            <div class="scanner__side">
                {camera(desk)}
                <form class="field" method="post" action=paths::form::COLLECT on:submit=submit>
                    <input type="hidden" name="kiosk" value=desk.kiosk.get_value()/>
                    <label for="ticket">{w::scanner::field(locale)}</label>
                    <input class="input" id="ticket" name="ticket" node_ref=field autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="200"
                        aria-describedby="ticket-hint"/>
                    <p class="field__hint" id="ticket-hint">{w::scanner::field_hint(locale)}</p>
                    <button class="button button--quiet button--tall" aria-busy=move || desk.busy.get().to_string()>{w::scanner::go(locale)}</button>
                </form>
            </div>
        </main>
    }
    .into_any()
}

fn said(outcome: Outcome, locale: Locale) -> AnyView {
    let (tone, icon, title, text) = (outcome.tone(), outcome.icon(), outcome.title(locale), outcome.text(locale));
    let handed = if let Outcome::Handed { number, lines } = outcome {
        let lines =
            lines.into_iter().map(|(quantity, name)| view! { <li><span class="num">{quantity}" × "</span>{name}</li> }).collect_view();
        Some(view! { <p class="scanner__number num" data-testid="scanned-number">{number}</p><ul class="scanner__lines">{lines}</ul> })
    } else {
        None
    };
    view! {
        <div class="scanner__said" data-tone=tone>
            <p class="kiosk__sign" aria-hidden="true">{pieces::icon(icon)}</p>
            <h1>{title}</h1>
            {handed}
            <p class="lead">{text}</p>
        </div>
    }
    .into_any()
}

/// A reader that types does so into whatever has the focus: where nothing takes letters, the field does.
fn listen(field: NodeRef<html::Input>) {
    Effect::new(move |_| {
        let typed = window_event_listener(leptos::ev::keydown, move |event| {
            let elsewhere = document().active_element().is_none_or(|element| !matches!(&*element.tag_name(), "INPUT" | "BUTTON" | "A"));
            let plain = event.key().chars().count() == 1 && !event.ctrl_key() && !event.meta_key() && !event.alt_key();
            if let (true, true, Some(field)) = (elsewhere, plain, field.get_untracked()) {
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

/// The camera: opened by a press, as browsers want it.
fn camera(desk: Desk) -> AnyView {
    let locale = desk.locale;
    let alive = alive();
    let video = NodeRef::<html::Video>::new();
    let (on, set_on) = signal(false);
    let blind = RwSignal::new(None::<eye::Blind>);
    let open = move |_| {
        bell::arm();
        let Some(video) = video.get_untracked() else { return };
        if on.get_untracked() {
            return;
        }
        set_on.set(true);
        blind.set(None);
        spawn_local(async move {
            match eye::Eye::open(video.unchecked_into()).await {
                Ok(eye) => watch(eye, desk, on).await,
                Err(why) => {
                    let _ = blind.try_set(Some(why));
                    let _ = set_on.try_set(false);
                }
            }
        });
    };
    let sentence = move || {
        blind.get().map(|why| {
            let text = if why == eye::Blind::Refused { w::scanner::camera_refused(locale) } else { w::scanner::camera_none(locale) };
            view! { <p class="field-error" role="status" data-testid="camera-problem">{pieces::icon("alert")}{text}</p> }
        })
    };
    view! {
        <div class="scanner__camera" hidden=move || !alive.get()>
            <video class="scanner__video" node_ref=video muted=true playsinline="true" hidden=move || !on.get() aria-label=w::scanner::camera_sees(locale) data-testid="camera"></video>
            <button class="button button--tall" type="button" hidden=move || on.get() on:click=open data-testid="open-camera">
                {pieces::icon("scan")}{w::scanner::camera_open(locale)}
            </button>
            {sentence}
        </div>
    }
    .into_any()
}

/// Looks until the page is left. A code that stays before the camera is read once.
async fn watch(eye: eye::Eye, desk: Desk, on: ReadSignal<bool>) {
    let (mut last, mut seen) = (String::new(), 0.0);
    while on.try_get_untracked() == Some(true) {
        if let Some(code) = eye.look().await {
            let now = js_sys::Date::now();
            if last == code && now - seen < STILL {
                seen = now;
            } else if desk.busy.try_get_untracked() == Some(false) {
                desk.collect(code.clone());
                (last, seen) = (code, now);
            }
        }
        tab::pause(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_later_and_no_look_and_sound_different() {
        let refused = |code: &str| Outcome::Refused(code.to_owned());
        let outcomes = [Outcome::Handed { number: 7, lines: Vec::new() }, refused("not_ready"), refused("already_collected")];
        let told = outcomes.each_ref().map(|outcome| (outcome.tone(), outcome.icon()));
        assert_eq!(told, [("go", "check"), ("wait", "clock"), ("stop", "close")]);
        let titles =
            [refused("ticket_unknown"), refused("forbidden"), refused("x"), Outcome::Away].map(|outcome| outcome.title(Locale::En));
        assert_eq!(titles.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    }
}
