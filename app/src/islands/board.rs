//! The barista's board: three lanes that move by themselves, and buttons that move them.

use std::{collections::BTreeSet, sync::Arc};

use domain::{
    Locale, OrderId, Timestamp, UserId,
    topic::Topic,
    view::{OrderView, Person, Problem, QueueView, StoreView},
};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use serde_json::{Value, json};

use super::{
    board_day, board_doubt as doubt,
    board_focus::{self as focus, Focus, Pressed},
    board_keys as keys,
    board_lane::{Lane, lane},
    board_motion as motion,
    board_said::{self as said, Lost, Trouble, Word},
    board_sound,
    board_tools::{self as tools, Station},
    board_undo::{self as undo, Later, Undo},
    live_line::{LineOf, connection, live_line, offline, refused},
    open_switch::open_switch,
    staff_tabs::StaffTabs,
    ticket_cancel::Folds,
};
use crate::{
    erase::Erase as _,
    live,
    live::Connection,
    paths, pieces,
    tab::{self, awake},
    wire::StoreClock,
    words as w,
};

/// The board as it is shown: what is looked at by many is not copied for each.
pub(crate) type Queue = ReadSignal<Arc<QueueView>>;

/// What stays as it is for as long as the board is there.
pub(crate) struct Place {
    pub store: String,
    /// Who works here: a colleague's claim is not given back without being asked.
    pub me: UserId,
    /// The parts of the bar.
    pub stations: Vec<Station>,
}

/// What has been on the board.
pub(crate) struct Seen {
    /// Only what has just come flashes.
    pub orders: BTreeSet<OrderId>,
    /// The version of the queue that is shown.
    pub version: i64,
}

/// What the tickets share.
#[derive(Clone, Copy)]
pub(crate) struct Bar {
    pub place: StoredValue<Place>,
    pub now: ReadSignal<Timestamp>,
    pub locale: Locale,
    /// Orders whose button is at work, or waits to be.
    pub busy: RwSignal<BTreeSet<OrderId>>,
    pub seen: StoredValue<Seen>,
    /// The queue as it was asked for while nothing comes by itself.
    pub asked: RwSignal<Option<Arc<QueueView>>>,
    /// Nothing can be sent, or would be done: the buttons wait, and say so.
    pub offline: Signal<bool>,
    pub problem: RwSignal<Option<Trouble>>,
    /// What was promised and did not happen, or was called off in somebody's hands, until somebody has read it.
    pub lost: RwSignal<Vec<Lost>>,
    /// Said to screen readers.
    pub said: RwSignal<String>,
    /// What was pressed last, until its ticket has changed or it was refused.
    pressed: RwSignal<Option<Pressed>>,
    /// What is folded out, wherever its ticket is drawn.
    pub folds: StoredValue<Folds>,
    /// Which of the stations works here; `None`: all.
    pub station: RwSignal<Option<usize>>,
    /// What can be taken back: one offer an order, the newest last.
    pub undo: RwSignal<Vec<Undo>>,
    /// What is sent when nobody has taken it back.
    pub later: StoredValue<Later>,
    /// The page is as the server made it, and works without us.
    pub untouched: RwSignal<bool>,
}

impl Bar {
    pub fn store(self) -> String {
        self.place.with_value(|place| place.store.clone())
    }

    /// Whether this is who works here.
    pub fn is_me(self, user: UserId) -> bool {
        self.place.with_value(|place| place.me == user)
    }

    /// Does `verb` to an order. The ticket moves when the news of it comes. `theirs`: it ends a colleague's claim, which is not offered
    /// to be taken back, for that would claim it for who works here.
    pub fn act(self, order: OrderId, number: i64, verb: &'static str, theirs: bool) {
        // The focus goes where the ticket goes.
        self.pressed.set(Some(Pressed::of(order, verb)));
        self.start(order, number, verb, theirs);
    }

    /// As [`Bar::act`], by a number and Enter: the focus stays off the buttons, or the next Enter would press one.
    pub fn bump(self, order: OrderId, number: i64, verb: &'static str, theirs: bool) {
        self.pressed.set(None);
        self.start(order, number, verb, theirs);
    }

    fn start(self, order: OrderId, number: i64, verb: &'static str, theirs: bool) {
        // Who goes on with it does not call it off.
        self.folds.update_value(|folds| {
            folds.remove(&order);
        });
        if verb == "collect" {
            self.hold(order, number, verb, json!({}), w::board::going_collect(self.locale));
        } else {
            self.send(order, number, verb, undo::undoing(verb).filter(|_| !theirs), json!({}));
        }
    }

    /// Calls an order off, for a reason if there is one to tell. The focus goes back to the handle of the menu, and on from there.
    pub fn cancel(self, order: OrderId, number: i64, reason: Option<String>) {
        self.pressed.set(None);
        if self.offline_stops() {
            return;
        }
        // Over what is being handed over, it wins.
        undo::forget(self, order);
        self.hold(order, number, "cancel", json!({ "reason": reason }), w::board::going_cancel(self.locale));
    }

    fn hold(self, order: OrderId, number: i64, verb: &'static str, body: Value, done: &str) {
        if !self.offline_stops() && !self.busy_stops(order, number) {
            self.problem.set(None);
            undo::hold(self, order, number, verb, body, done);
        }
    }

    /// Whether a button of this order has been pressed and is not done, or waits to be; who pressed again is told so, and how
    /// it is taken back while it can be.
    fn busy_stops(self, order: OrderId, number: i64) -> bool {
        let stops = self.busy.with_untracked(|busy| busy.contains(&order));
        if stops {
            let held = undo::is_held(self, order);
            self.complain(if held { w::board::held_already(self.locale, number) } else { w::board::sent_already(self.locale, number) });
        }
        stops
    }

    /// Takes back what was done with an order, and takes the focus along.
    pub fn take_back(self, order: OrderId) {
        self.step_back(order, true);
    }

    /// Takes back what was done last, by its key: the focus stays off the buttons, as with [`Bar::bump`].
    pub fn take_back_newest(self) {
        if let Some(order) = self.undo.with_untracked(|offers| offers.last().map(|offer| offer.order)) {
            self.step_back(order, false);
        }
    }

    /// Where it cannot be sent now, it stays on offer. `follows`: the focus goes along.
    fn step_back(self, order: OrderId, follows: bool) {
        let Some(offer) = self.undo.with_untracked(|offers| offers.iter().find(|offer| offer.order == order).cloned()) else { return };
        let pressed = follows.then(|| Pressed::of(order, offer.verb.unwrap_or_default()));
        if let Some(verb) = offer.verb {
            if self.offline_stops() || self.busy_stops(order, offer.number) {
                return;
            }
            self.pressed.set(pressed);
            undo::withdraw(self, order);
            self.send(order, offer.number, verb, None, json!({}));
        } else {
            self.pressed.set(None);
            self.problem.set(None);
            undo::forget(self, order);
            if let Some(pressed) = pressed {
                focus::follow(pressed);
            }
        }
    }

    /// Says what cannot be done.
    pub fn complain(self, text: String) {
        self.problem.set(Some(Trouble { text, away: false }));
    }

    /// Sends it now. `back`: what takes it back, where that is to be offered.
    pub fn send(self, order: OrderId, number: i64, verb: &'static str, back: Option<&'static str>, body: Value) {
        if self.offline_stops() || self.busy_stops(order, number) {
            return;
        }
        self.busy.update(|busy| {
            busy.insert(order);
        });
        self.problem.set(None);
        // What was promised and does not happen is said by the order's number, and stays until it was read.
        let promised = undo::undoing(verb).is_none();
        undo::let_go(self, order, promised || verb == "release");
        let shown = self.seen.with_value(|seen| seen.version);
        spawn_local(async move {
            let reply = tab::ask(&format!("/api/v1/staff/orders/{order}/{verb}"), tab::Body::Keyed(&body.to_string())).await;
            // A server or a proxy that failed may have done it all the same: that is no answer.
            let failed = |reply: &tab::Reply| reply.status >= 500 && (promised || reply.json::<Problem>().is_err());
            let answer = reply.ok().filter(|reply| !failed(reply));
            let away = answer.is_none();
            let done = answer.as_ref().is_some_and(tab::Reply::ok);
            let asks = !done || live::connection().get_untracked() != Connection::Live;
            if !done {
                undo::let_go(self, order, false);
                // The board may be gone.
                let _ = self.pressed.try_update(|pressed| *pressed = pressed.take().filter(|pressed| !pressed.is_of(order)));
            }
            let mut trouble = None;
            match answer {
                None => doubt::begin(self, order, number, verb),
                Some(reply) if done => {
                    if let Ok(view) = reply.json::<OrderView>() {
                        self.tell_done(order, number, &view, back);
                    }
                }
                Some(reply) if promised => said::lose(self, order, number, verb, self.refusal(&reply), Word::Last),
                Some(reply) => trouble = Some(Trouble { text: self.refusal(&reply), away: false }),
            }
            self.problem.set(trouble);
            let free = move || {
                self.busy.update(|busy| {
                    busy.remove(&order);
                });
            };
            // Who is not answered need not wait until the queue is not answered, either, before they press again.
            if away {
                free();
            }
            if asks {
                self.ask_again().await;
            }
            if !away {
                free();
            }
            if !asks {
                self.ask_without_news(shown).await;
            }
        });
    }

    /// Says to screen readers what has become of an order, and returns it.
    pub fn tell(self, number: i64, view: &OrderView) -> &'static str {
        let done = w::orders::by_name(super::progress::data_status(view), self.locale).unwrap_or_default();
        self.said.set(format!("{} {number}: {done}", w::board::order(self.locale)));
        done
    }

    /// The same, and offers what takes it back.
    fn tell_done(self, order: OrderId, number: i64, view: &OrderView, back: Option<&'static str>) {
        let done = self.tell(number, view);
        said::found(self, order);
        match back {
            Some(verb) => undo::offer(self, view, verb, done),
            None => undo::withdraw(self, order),
        }
    }

    /// Whether nothing can be sent now; who pressed is told so.
    fn offline_stops(self) -> bool {
        let stops = self.offline.get_untracked();
        if stops {
            self.pressed.set(None);
            self.problem.set(Some(Trouble { text: self.hindrance().to_owned(), away: true }));
        }
        stops
    }

    /// Why nothing can be sent, where that is so.
    fn hindrance(self) -> &'static str {
        if live::refused().with_untracked(Option::is_some) { w::board::refused(self.locale) } else { w::board::offline(self.locale) }
    }

    /// Why something was refused, in words.
    pub fn refusal(self, reply: &tab::Reply) -> String {
        let problem = reply.json::<Problem>().ok();
        let holder =
            problem.as_ref().and_then(|problem| problem.claimed_by.as_ref()).map(|person| w::board::taken(self.locale, &person.name));
        // What is wrong with what was typed says more than that something is.
        let code = problem.as_ref().map_or("", |problem| match &*problem.errors {
            [only] if problem.code == "invalid_request" => &*only.code,
            _ => &*problem.code,
        });
        holder.unwrap_or_else(|| w::refusal_at_work(code, self.locale).to_owned())
    }
}

/// The board of a store. `stations`: the parts of its bar; `switches`: who looks may open and close the store.
#[island(lazy)]
pub fn Board(
    store: StoreView,
    queue: QueueView,
    stations: Vec<Station>,
    person: Person,
    switches: bool,
    tabs: StaffTabs,
    now: Timestamp,
    clock: StoreClock,
    locale: Locale,
) -> impl IntoView {
    let (connection, away, refused) = (connection(), offline(), refused());
    let bar = Bar {
        place: StoredValue::new(Place { store: store.id.to_string(), me: person.id, stations }),
        now: tab::ticking(now),
        locale,
        busy: RwSignal::new(BTreeSet::new()),
        seen: StoredValue::new(Seen { orders: queue.lanes.tickets().map(|ticket| ticket.order).collect(), version: queue.version }),
        asked: RwSignal::new(None),
        offline: Signal::derive(move || away.get() || refused.with(Option::is_some)),
        problem: RwSignal::new(None),
        lost: RwSignal::new(Vec::new()),
        said: RwSignal::new(String::new()),
        pressed: RwSignal::new(None),
        folds: StoredValue::new(Folds::new()),
        station: RwSignal::new(None),
        undo: RwSignal::new(Vec::new()),
        later: StoredValue::new(Later::default()),
        untouched: RwSignal::new(true),
    };
    awake::stay_awake();
    awake::keep_up(connection);
    let later = live::subscribe::<QueueView>(Topic::Queue(store.id.clone()), queue.version);
    let (queue, show) = signal(Arc::new(queue));
    Effect::new(move |_| {
        let newer = |view: &Arc<QueueView>| queue.with_untracked(|shown| view.version > shown.version);
        let newest = match (later.get().filter(newer), bar.asked.get().filter(newer)) {
            (Some(live), Some(asked)) if asked.version > live.version => asked,
            (Some(live), _) => live,
            (None, Some(asked)) => asked,
            (None, None) => return,
        };
        // What is seen now is where it comes from.
        let (scene, focus) =
            queue.with_untracked(|shown| (motion::Scene::before(shown, &newest), Focus::before(shown, &newest, bar.pressed, person.id)));
        bar.seen.update_value(|seen| seen.version = newest.version);
        show.set(newest);
        scene.play(focus);
    });
    Effect::new(move |_| bar.untouched.set(false));
    Effect::new(move |_| said::keep_clear(bar));
    said::tell_left(bar, queue);
    undo::look_after(queue, bar);
    tools::keep_station(bar);
    let (overview, keys, sound) = (tools::overview(queue, bar), keys::keys(queue, bar), board_sound::sound(queue, bar));
    Effect::new(move |_| {
        let back = connection.get() == Connection::Live && !bar.offline.get();
        if back && bar.problem.with_untracked(|problem| problem.as_ref().is_some_and(|problem| problem.away)) {
            bar.problem.set(None);
        }
    });
    // The switch is a plain form, which would leave the page for one of the browser's.
    let stop = move |event: SubmitEvent| {
        if bar.offline_stops() {
            event.prevent_default();
        }
    };
    let status = live::subscribe::<StoreView>(Topic::Status(store.id.clone()), store.sequence);
    let open = Signal::derive(move || status.get().map_or(store.open, |store| store.open));
    let id = store.id.to_string();
    let lanes: [(_, _, Lane); 3] = [
        ("l-queued", w::board::queued(locale), |lanes| &lanes.queued),
        ("l-making", w::board::making(locale), |lanes| &lanes.making),
        ("l-ready", w::board::ready(locale), |lanes| &lanes.ready),
    ];
    let lanes = lanes.map(|(id, name, of)| lane(id, name, queue, of, bar)).collect_view();
    view! {
        <header class="staff-bar">
            <div class="staff-bar__title"><h1>{store.name}</h1>{live_line(Some(clock), locale, LineOf::Board)}</div>
            {tabs.view(&id, &paths::queue(&id), locale)}
            <div class="staff-bar__tools" on:submit=stop>
                {switches.then(|| open_switch(id.clone(), paths::queue(&id), open, locale))}
                <span class="row staff-bar__person">{pieces::icon("person")}<span>{person.name}</span></span>
            </div>
        </header>
        <div class="toasts">{said::view(bar)}{undo::undo_view(bar)}</div>
        <p class="sr-only" role="status">{bar.said}</p>
        {keys}
        <section class="board-top" aria-label=w::board::shown(locale)>
            {overview}
            <div class="board-top__tools">{board_day::view(queue, locale)}{sound}{keys::help(locale)}</div>
        </section>
        <main class="board" id="main">{lanes}</main>
    }
    .erase()
}
