//! Sold out, and back: a switch for everything on the menu. Each is a plain form; alive it moves at once, and when a colleague
//! moves it.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Locale, StoreId, view::MenuChange};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use serde::{Deserialize, Serialize};

use super::live_line::{LineOf, live_line, offline};
use crate::{
    erase::Erase as _,
    live, paths, pieces, tab,
    wire::{StoreClock, SwitchAnswer},
    words as w,
};

/// Items of a category, or options of a group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SwitchGroup {
    pub id: String,
    pub name: String,
    pub rows: Vec<SwitchRow>,
}

/// An item (SKU) or an option.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SwitchRow {
    pub id: String,
    pub is_option: bool,
    pub name: String,
    pub state: SwitchState,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchState {
    pub on: bool,
    /// It is counted, and none is left: sold out, however it is switched.
    pub none_left: bool,
}

impl SwitchState {
    pub const fn new(available: bool, out_of_stock: bool) -> Self {
        Self { on: available || out_of_stock, none_left: out_of_stock }
    }

    const fn is_sold_out(self) -> bool {
        !self.on || self.none_left
    }
}

/// Whether it is an option, and its id: a SKU and an option may have the same one.
type Key = (bool, String);

fn key_of(change: &MenuChange) -> Option<Key> {
    let sku = change.sku.as_ref().map(|sku| (false, sku.to_string()));
    sku.or_else(|| change.option.as_ref().map(|option| (true, option.to_string())))
}

/// What the switches share.
#[derive(Clone, Copy)]
struct Bar {
    store: StoredValue<String>,
    states: Memo<BTreeMap<Key, SwitchState>>,
    /// The version of the menu that is shown.
    version: Memo<i64>,
    /// What was done from here and not told yet, and the version that was shown then.
    done: RwSignal<BTreeMap<Key, (bool, i64)>>,
    busy: RwSignal<BTreeSet<Key>>,
    /// Part of a name that is looked for.
    name: RwSignal<String>,
    /// Only what is sold out.
    only: RwSignal<bool>,
    /// Moved since that was asked for: these stay where they are.
    moved: RwSignal<BTreeSet<Key>>,
    offline: Signal<bool>,
    problem: RwSignal<Option<&'static str>>,
    said: RwSignal<String>,
    locale: Locale,
}

impl Bar {
    fn state(self, key: &Key) -> Option<SwitchState> {
        self.states.with(|states| states.get(key).copied())
    }

    fn shows(self, key: &Key, words: &str) -> bool {
        let named = self.name.with(|name| words.contains(name.trim().to_lowercase().as_str()));
        let wanted = !self.only.get() || self.moved.with(|moved| moved.contains(key));
        named && (wanted || self.state(key).is_some_and(SwitchState::is_sold_out))
    }

    fn word(self, state: SwitchState) -> &'static str {
        match state {
            SwitchState { on: false, .. } => w::staff::sold_out(self.locale),
            SwitchState { none_left: true, .. } => w::switches::none(self.locale),
            _ => w::staff::on_sale(self.locale),
        }
    }

    /// Switches it over, once at a time.
    fn press(self, key: Key, name: String) {
        let Some(state) = untrack(|| self.state(&key)).filter(|_| !self.busy.with_untracked(|busy| busy.contains(&key))) else { return };
        if self.offline.get_untracked() {
            self.problem.set(Some(w::board::offline(self.locale)));
            return;
        }
        let (on, version) = (!state.on, self.version.get_untracked());
        self.problem.set(None);
        self.busy.update(|busy| {
            busy.insert(key.clone());
        });
        self.moved.update(|moved| {
            moved.insert(key.clone());
        });
        spawn_local(async move {
            let field = if key.0 { "option" } else { "sku" };
            let fields = format!("store={}&{field}={}&available={on}", self.store.get_value(), key.1);
            let reply = tab::ask(paths::form::ITEM, tab::Body::Form(&fields)).await;
            match reply.and_then(|reply| reply.answer()) {
                Ok(SwitchAnswer::Done) => {
                    self.said.set(format!("{name}{}{}", w::menu::colon(self.locale), self.word(SwitchState { on, ..state })));
                    self.done.update(|done| {
                        done.insert(key.clone(), (on, version));
                    });
                }
                Ok(SwitchAnswer::Refused(refusal)) if refusal.code == "session_required" => {
                    return tab::go(&paths::gone(&paths::menu(self.store.get_value())));
                }
                Ok(SwitchAnswer::Refused(refusal)) => self.problem.set(Some(w::refusal_at_work(&refusal.code, self.locale))),
                Err(tab::Unreachable) => self.problem.set(Some(w::board::unreachable(self.locale))),
            }
            self.busy.update(|busy| {
                busy.remove(&key);
            });
        });
    }
}

/// The switches of a store. `version`: of the menu they were made from; `name` and `only`: what was looked for.
#[island(lazy)]
pub fn MenuSwitches(
    store: StoreId,
    version: i64,
    groups: Vec<SwitchGroup>,
    name: String,
    only: bool,
    clock: StoreClock,
    locale: Locale,
) -> impl IntoView {
    let changes = live::menu_changes(&store, version);
    let shown = Memo::new(move |_| changes.get().map_or(version, |changes| changes.version));
    let done = RwSignal::new(BTreeMap::<Key, (bool, i64)>::new());
    let rows = groups.iter().flat_map(|group| &group.rows);
    let first: BTreeMap<Key, SwitchState> = rows.map(|row| ((row.is_option, row.id.clone()), row.state)).collect();
    let states = Memo::new(move |_| {
        let mut states = first.clone();
        let mut put = |key: Key, change: &dyn Fn(SwitchState) -> SwitchState| {
            if let Some(state) = states.get_mut(&key) {
                *state = change(*state);
            }
        };
        for change in changes.get().iter().flat_map(|changes| &changes.changed) {
            if let Some(key) = key_of(change) {
                put(key, &|_| SwitchState::new(change.available, change.out_of_stock));
            }
        }
        // What is told later knows of it.
        for (key, (on, _)) in done.get().into_iter().filter(|(_, (_, then))| *then == shown.get()) {
            put(key, &|state| SwitchState { on, ..state });
        }
        states
    });
    let bar = Bar {
        store: StoredValue::new(store.to_string()),
        states,
        version: shown,
        done,
        busy: RwSignal::new(BTreeSet::new()),
        name: RwSignal::new(name),
        only: RwSignal::new(only),
        moved: RwSignal::new(BTreeSet::new()),
        offline: offline(),
        problem: RwSignal::new(None),
        said: RwSignal::new(String::new()),
        locale,
    };
    let all: Vec<(Key, String)> = groups.iter().flat_map(|group| group.rows.iter().map(|row| words_of(group, row))).collect();
    let none = Memo::new(move |_| all.iter().all(|(key, words)| !bar.shows(key, words)));
    let nothing = move || {
        let text = if bar.name.with(String::is_empty) { w::switches::nothing_gone(locale) } else { w::switches::nothing(locale) };
        none.get().then(|| view! { <p class="soft" data-testid="no-switch">{text}</p> })
    };
    let links = groups.iter().map(|group| view! { <li><a href=format!("#{}", group.id)>{group.name.clone()}</a></li> }).collect_view();
    let groups = groups.into_iter().map(|group| section(group, bar)).collect_view();
    view! {
        {live_line(Some(clock), locale, LineOf::Page)}
        {find(bar)}
        <nav class="menu-nav" aria-label=w::switches::groups(locale)><ul>{links}</ul></nav>
        {move || bar.problem.get().map(|text| problem(text, bar))}
        <p class="sr-only" role="status">{bar.said}</p>
        <div role="status">{nothing}</div>
        {groups}
    }
    .erase()
}

/// What it is found by: its own name, and that of what it is a part of.
fn words_of(group: &SwitchGroup, row: &SwitchRow) -> (Key, String) {
    ((row.is_option, row.id.clone()), format!("{}\n{}", row.name, group.name).to_lowercase())
}

/// A name to look for, and only what is sold out: a form of its own where nothing is alive.
fn find(bar: Bar) -> AnyView {
    let locale = bar.locale;
    let count = Memo::new(move |_| bar.states.with(|states| states.values().filter(|state| state.is_sold_out()).count()));
    view! {
        <form class="switch-find" method="get" role="search" on:submit=|event: SubmitEvent| event.prevent_default()>
            <input class="input input--large" type="search" name="q" maxlength="80" autocomplete="off" value=bar.name.get_untracked()
                aria-label=w::switches::find(locale) placeholder=w::switches::find(locale) on:input=move |event| {
                    bar.moved.update(BTreeSet::clear);
                    bar.name.set(event_target_value(&event));
                }/>
            <label class="tick switch-find__only">
                <input type="checkbox" name="only" value="sold_out" checked=bar.only.get_untracked() on:change=move |event| {
                    bar.moved.update(BTreeSet::clear);
                    bar.only.set(event_target_checked(&event));
                }/>
                <span data-testid="sold-out-count">{move || w::switches::only(locale, count.get())}</span>
            </label>
            <button class="button button--quiet without-scripts">{w::switches::show(locale)}</button>
        </form>
    }
    .erase()
}

fn section(group: SwitchGroup, bar: Bar) -> AnyView {
    let all: Vec<_> = group.rows.iter().map(|row| words_of(&group, row)).collect();
    let hidden = Memo::new(move |_| all.iter().all(|(key, words)| !bar.shows(key, words)));
    let rows = group.rows.iter().map(|row| switch(row.clone(), words_of(&group, row), bar)).collect_view();
    let title = format!("{}-title", group.id);
    view! {
        <section class="switch-group" id=group.id aria-labelledby=title.clone() hidden=move || hidden.get()>
            <h2 id=title.clone()>{group.name}</h2>
            <ul class="switches">{rows}</ul>
        </section>
    }
    .erase()
}

fn switch(row: SwitchRow, (key, words): (Key, String), bar: Bar) -> AnyView {
    let locale = bar.locale;
    let place = format!("{}-{}", bar.store.get_value(), row.id);
    let (shown, busy) = (key.clone(), key.clone());
    let hidden = Memo::new(move |_| !bar.shows(&shown, &words));
    let state = Memo::new({
        let key = key.clone();
        move |_| bar.state(&key).unwrap_or(row.state)
    });
    let busy = Memo::new(move |_| bar.busy.with(|all| all.contains(&busy)));
    let none_left = move || state.get().none_left.then(|| view! { <small>{w::switches::none_left(locale)}</small> });
    let (field, name) = (if row.is_option { "option" } else { "sku" }, row.name.clone());
    let press = move |event: SubmitEvent| {
        event.prevent_default();
        bar.press(key.clone(), name.clone());
    };
    view! {
        <li id=place hidden=move || hidden.get()>
            <form method="post" action=paths::form::ITEM on:submit=press>
                <input type="hidden" name="store" value=bar.store.get_value()/>
                <input type="hidden" name=field value=row.id/>
                <input type="hidden" name="q" value=bar.name/>
                <input type="hidden" name="only" value=move || if bar.only.get() { "sold_out" } else { "" }/>
                <button class="switch switch--row" role="switch" name="available" value=move || (!state.get().on).to_string()
                    aria-checked=move || state.get().on.to_string() aria-busy=move || busy.get().to_string()
                    data-left=move || state.get().none_left.then_some("none") data-testid="switch">
                    <span class="switch__name">{row.name}{none_left}</span>
                    <span class="switch__word">{move || bar.word(state.get())}</span>
                </button>
            </form>
        </li>
    }
    .erase()
}

fn problem(text: &'static str, bar: Bar) -> AnyView {
    view! {
        <div class="notice toast" data-tone="stop" role="alert" data-testid="switch-problem">
            {pieces::icon("alert")}
            <p class="notice__title">{w::board::failed(bar.locale)}</p>
            <p>{text}</p>
            <button class="button button--plain" on:click=move |_| bar.problem.set(None)>{w::board::dismiss(bar.locale)}</button>
        </div>
    }
    .erase()
}
