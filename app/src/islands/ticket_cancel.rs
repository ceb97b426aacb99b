//! What a ticket has folded away: calling its order off, and why.

use std::collections::BTreeMap;

use domain::OrderId;
use leptos::{
    ev::{KeyboardEvent, SubmitEvent},
    html::Details,
    prelude::*,
};
use wasm_bindgen::JsCast as _;

use super::{board::Bar, board_focus as focus};
use crate::{erase::Erase as _, paths, pieces, words as w};

/// A sentence, and what the server takes.
const REASON_LENGTH: usize = 200;

/// What is folded out, by its order: the order's number, and what was typed there.
pub type Folds = BTreeMap<OrderId, (i64, String)>;

/// Escape closes what is folded out, and nothing else; the focus stays at its handle.
pub(super) fn fold(event: KeyboardEvent) {
    let details = event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let Some(details) = details.filter(|details| event.key() == "Escape" && details.has_attribute("open")) else { return };
    event.prevent_default();
    close(&details, true);
}

/// Closes what is folded out; the focus, which would be lost with it, goes to its handle.
fn close(details: &web_sys::Element, by_keyboard: bool) {
    let _ = details.remove_attribute("open");
    if let Ok(Some(handle)) = details.query_selector("summary") {
        focus::focus(&handle, by_keyboard);
    }
}

/// What is typed in a menu's field, where it is there.
fn typed(around: &web_sys::Element) -> Option<String> {
    let field = around.query_selector("input[name=reason]").ok().flatten()?;
    Some(field.dyn_into::<web_sys::HtmlInputElement>().ok()?.value())
}

/// What was pressed or typed in a form that calls an order off.
fn reason_of(event: &SubmitEvent) -> Option<String> {
    let pressed = event.submitter().and_then(|button| button.get_attribute("value"));
    let form = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    form.and_then(|form| typed(&form)).or(pressed).map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty())
}

/// Closes the fold that a form is in.
fn close_around(event: &SubmitEvent) {
    let form = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    if let Some(details) = form.and_then(|form| form.closest("details").ok().flatten()) {
        close(&details, focus::by_keyboard());
    }
}

/// The handle, and behind it what is drawn when it is first opened: browsers look at every field of a page whenever a form comes
/// to it, folded away or not, which takes seconds where each ticket has one. Until we are here, the page has them all.
pub(super) fn cancel_fold(order: OrderId, number: i64, bar: Bar) -> AnyView {
    // It may have been folded out where the ticket was drawn before.
    let open = bar.folds.with_value(|folds| folds.contains_key(&order));
    let opened = RwSignal::new(open);
    let details = NodeRef::<Details>::new();
    let look = move || {
        let shown = details.with_untracked(|details| details.as_ref().map(|details| details.open().then(|| typed(details))));
        match shown {
            Some(Some(typed)) => {
                bar.folds.update_value(|folds| {
                    folds.insert(order, (number, typed.unwrap_or_default()));
                });
                if !opened.get_untracked() {
                    opened.set(true);
                }
            }
            Some(None) => bar.folds.update_value(|folds| {
                folds.remove(&order);
            }),
            None => {}
        }
    };
    // Somebody may have opened it before we were here.
    details.on_load(move |_| look());
    let menu = move || (bar.untouched.get() || opened.get()).then(|| menu(order, number, bar));
    view! {
        <details class="ticket__more" open=open node_ref=details on:toggle=move |_| look() on:input=move |_| look() on:keydown=fold>
            <summary>{pieces::icon("more")}<span class="sr-only">{w::board::more(bar.locale)}" "{w::board::order(bar.locale)}" "{number}</span></summary>
            <div class="ticket__menu">{menu}</div>
        </details>
    }
    .erase()
}

/// The usual reasons are one press each; any other is typed, or left out.
fn menu(order: OrderId, number: i64, bar: Bar) -> AnyView {
    let locale = bar.locale;
    let (because, field) = (format!("because-{order}"), format!("reason-{order}"));
    let kept = bar.folds.with_value(|folds| folds.get(&order).map(|(_, typed)| typed.clone())).filter(|typed| !typed.is_empty());
    let usual = [
        ("out_of_stock", w::board::why_out_of_stock(locale)),
        ("shopper_asked", w::board::why_shopper_asked(locale)),
        ("mistake", w::board::why_mistake(locale)),
        ("machine_down", w::board::why_machine_down(locale)),
    ];
    let waits = move || bar.offline.get().then_some("true");
    let why = move || bar.offline.get().then_some("live-line");
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        bar.cancel(order, number, reason_of(&event));
        close_around(&event);
    };
    let fields = move || {
        view! {
            <input type="hidden" name="store" value=bar.store()/>
            <input type="hidden" name="order" value=order.to_string()/>
            <input type="hidden" name="verb" value="cancel"/>
        }
    };
    let usual = usual.map(|(reason, label)| {
        view! { <button class="button button--danger" name="reason" value=reason aria-disabled=waits aria-describedby=why>{label}</button> }
    });
    view! {
        <p class="ticket__because" id=because.clone()>{w::board::because(locale)}</p>
        <form class="ticket__reasons" method="post" action=paths::form::TICKET aria-labelledby=because on:submit=submit>
            {fields()}{usual.collect_view()}
        </form>
        <form class="ticket__other" method="post" action=paths::form::TICKET on:submit=submit>
            {fields()}
            <label for=field.clone()>{w::board::other(locale)}</label>
            <input class="input" id=field name="reason" value=kept maxlength=REASON_LENGTH autocomplete="off"/>
            <button class="button button--danger" aria-disabled=waits aria-describedby=why>
                {w::board::cancel(locale)}<span class="sr-only">" "{w::board::order(locale)}" "{number}</span>
            </button>
        </form>
    }
    .erase()
}
