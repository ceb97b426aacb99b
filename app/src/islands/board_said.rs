//! What the board says without being asked: what did not work, what was promised and did not happen, and what came back.

use std::collections::BTreeSet;

use domain::{
    Locale, OrderId, UserId,
    event::Actor,
    ordering::{CancelledBy, OrderStatus},
    prep::FulfilmentStatus,
    view::{JourneyEntry, OrderView, Page, Person, TicketView},
};
use leptos::{ev::MouseEvent, prelude::*};

use super::{
    board::{Bar, Queue},
    board_focus as focus,
    progress::called_off_because,
};
use crate::{
    erase::Erase as _,
    pieces,
    tab::{self, Body, js},
    words as w,
};

/// What did not work.
#[derive(Clone)]
pub struct Trouble {
    pub text: String,
    /// The server could not be reached: that is over when the connection is back.
    pub away: bool,
}

/// What was promised and did not happen, a cup that is not handed over or an order that is not called off; of what it is not known whether
/// it happened; or what was called off or given back in somebody's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    order: OrderId,
    /// What happened or did not, with the order's number.
    what: String,
    why: String,
    word: Word,
}

/// What is still to come of an order, whose number and verb these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Nothing: it was the last word.
    Last,
    /// Whether it was done is not known, and is asked for.
    Doubt(&'static str),
    /// It was not done; it may be after all when its ticket goes.
    SoFar(i64, &'static str),
}

/// Says that `verb` did not happen: it stays until somebody has read it, or the order moves after all.
pub fn lose(bar: Bar, order: OrderId, number: i64, verb: &str, why: String, word: Word) {
    let what = match verb {
        "cancel" => w::board::not_cancelled(bar.locale, number),
        "collect" => w::board::not_collected(bar.locale, number),
        _ => w::board::not_moved(bar.locale, number),
    };
    put(bar, Lost { order, what, why, word });
}

/// Says that it is not known whether `verb` happened.
pub fn doubt(bar: Bar, order: OrderId, number: i64, verb: &'static str) {
    let what = match verb {
        "cancel" => w::board::doubt_cancelled(bar.locale, number),
        "collect" => w::board::doubt_collected(bar.locale, number),
        _ => w::board::doubt_moved(bar.locale, number),
    };
    put(bar, Lost { order, what, why: w::board::no_answer(bar.locale).to_owned(), word: Word::Doubt(verb) });
}

/// Whether it is said that this is not known. The board may be gone.
pub fn is_in_doubt(bar: Bar, order: OrderId, verb: &'static str) -> bool {
    let is = |lost: &Lost| lost.order == order && lost.word == Word::Doubt(verb);
    bar.lost.try_with_untracked(|lost| lost.iter().any(is)) == Some(true)
}

/// Orders, with number and verb, that were not done so far and are not `here` any more: what became of them is to be asked for, once.
pub fn gone(bar: Bar, here: impl Fn(OrderId) -> bool) -> Vec<(OrderId, i64, &'static str)> {
    let gone = |lost: &Lost| match lost.word {
        Word::SoFar(number, verb) if !here(lost.order) => Some((lost.order, number, verb)),
        _ => None,
    };
    let found: Vec<_> = bar.lost.with_untracked(|lost| lost.iter().filter_map(gone).collect());
    if !found.is_empty() {
        bar.lost.update(|lost| {
            for lost in lost.iter_mut().filter(|lost| gone(lost).is_some()) {
                lost.word = Word::Last;
            }
        });
    }
    found
}

/// Says `what` became of an order, the last word of it, until somebody has read it. `why` may be nothing.
pub fn keep(bar: Bar, order: OrderId, what: String, why: String) {
    put(bar, Lost { order, what, why, word: Word::Last });
}

fn put(bar: Bar, new: Lost) {
    bar.lost.update(|lost| {
        lost.retain(|lost| lost.order != new.order);
        lost.push(new);
    });
}

/// What was lost of an order is done after all, or is not wanted any more.
pub fn found(bar: Bar, order: OrderId) {
    if bar.lost.with_untracked(|lost| lost.iter().any(|lost| lost.order == order)) {
        bar.lost.update(|lost| lost.retain(|lost| lost.order != order));
    }
}

/// What did not work and what did not happen, each until it is closed, the newest first; all at once where there are several.
pub fn view(bar: Bar) -> impl IntoView {
    let problem = move || {
        bar.problem.get().map(|trouble| {
            let close = move |by_key| closing(by_key, || bar.problem.set(None));
            alert("board-problem", w::board::failed(bar.locale).to_owned(), trouble.text, close, bar.locale)
        })
    };
    let lost = move |lost: Lost| {
        let order = lost.order;
        alert("board-lost", lost.what, lost.why, move |by_key| closing(by_key, || found(bar, order)), bar.locale)
    };
    let several = Memo::new(move |_| alerts(bar) > 1);
    let all = move |event: MouseEvent| {
        closing(is_by_key(&event), || {
            bar.problem.set(None);
            bar.lost.set(Vec::new());
        });
    };
    let newest_first = move || bar.lost.get().into_iter().rev().collect::<Vec<_>>();
    view! {
        <div class="toasts__alerts" data-several=move || several.get().then_some("true") data-testid="board-alerts">
            {problem}
            <For each=newest_first key=|lost| (lost.order, lost.what.clone(), lost.why.clone()) children=lost/>
        </div>
        {move || several.get().then(|| view! { <button class="button toasts__all" on:click=all>{w::board::dismiss_all(bar.locale)}</button> })}
    }
}

/// How much is said that stays until it is closed.
fn alerts(bar: Bar) -> usize {
    bar.lost.with(Vec::len) + usize::from(bar.problem.with(Option::is_some))
}

/// Closes what was said last.
pub fn close_newest(bar: Bar) {
    closing(true, || {
        if bar.problem.with_untracked(Option::is_some) {
            bar.problem.set(None);
        } else if bar.lost.with_untracked(|lost| !lost.is_empty()) {
            bar.lost.update(|lost| {
                lost.pop();
            });
        }
    });
}

/// Whether a button was pressed by a key: what a pointer presses is counted.
fn is_by_key(event: &MouseEvent) -> bool {
    js::get(event, "detail").is_falsy()
}

/// Closes something. Who does so by a key from where it is said goes on at what is said next, and then at the lane of what is made.
fn closing(by_key: bool, close: impl FnOnce()) {
    let inside = document().active_element().is_some_and(|element| element.closest(".toasts").is_ok_and(|toasts| toasts.is_some()));
    close();
    if !by_key || !inside {
        return;
    }
    request_animation_frame(|| {
        let next = || document().query_selector(".toasts__alerts .button, #l-making").ok().flatten();
        if let Some(next) = focus::is_lost().then(next).flatten() {
            focus::focus(&next, true);
        }
    });
}

/// Tells the style sheet how many rows what is said has about, the most being four: what is scrolled to keeps clear of it.
pub fn keep_clear(bar: Bar) {
    let alerts = alerts(bar);
    let rows = (alerts + bar.undo.with(Vec::len) + usize::from(alerts > 0)).min(4);
    if let Some(root) = document().document_element() {
        // An attribute that cannot be set is one that nobody looks at.
        let _ = root.set_attribute("data-rows", &rows.to_string());
    }
}

fn alert(id: &'static str, title: String, text: String, close: impl Fn(bool) + Clone + Send + 'static, locale: Locale) -> AnyView {
    view! {
        <div class="notice toast" data-tone="stop" role="alert" data-testid=id>
            {pieces::icon("alert")}
            <p class="notice__title">{title}</p>
            {(!text.is_empty()).then(|| view! { <p>{text}</p> })}
            <button class="button button--plain" on:click=move |event| close(is_by_key(&event))>{w::board::dismiss(locale)}</button>
        </div>
    }
    .erase()
}

/// What came back because its board was gone is said, too.
pub fn tell_left(bar: Bar, queue: Queue) {
    Effect::new(move |known: Option<BTreeSet<OrderId>>| {
        queue.with(|queue| {
            let left: Vec<_> = queue.lanes.queued.iter().filter_map(|ticket| Some((ticket, ticket.left_by.as_ref()?))).collect();
            if let Some(said) = known.and_then(|known| left_said(&left, &known, bar.locale)) {
                bar.said.set(said);
            }
            left.into_iter().map(|(ticket, _)| ticket.order).collect()
        })
    });
}

/// Which orders are back that were not `known` to be, and whose board was away; `None` where there are none.
fn left_said(left: &[(&TicketView, &Person)], known: &BTreeSet<OrderId>, locale: Locale) -> Option<String> {
    let new = left.iter().filter(|(ticket, _)| !known.contains(&ticket.order));
    let said: Vec<_> = new.map(|(ticket, person)| w::board::left_said(locale, &person.name, ticket.number)).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// Who was the last to do something to an order, where that can be had.
async fn who_did(event: &str, order: OrderId) -> Option<Actor> {
    let reply = tab::ask(&format!("/api/v1/orders/{order}/journey"), Body::Nothing).await.ok()?;
    let journey = reply.json::<Page<JourneyEntry>>().ok()?;
    journey.items.iter().rev().find(|entry| entry.type_name == event).map(|entry| entry.actor)
}

/// Whether it was who works here, at another board of theirs.
fn is_mine(actor: Option<Actor>, me: UserId) -> bool {
    actor == Some(Actor::Staff(me))
}

/// What who works here had in hand is on the board and not theirs any more, and was not given back from here. Where a colleague gave it
/// back that is said, or two make the same drink; a board that was away is named by its ticket.
pub async fn tell_given_back(bar: Bar, me: UserId, order: OrderId, number: i64) {
    let actor = who_did("prep.released.v1", order).await;
    if !is_mine(actor, me) && actor.is_some_and(|actor| actor != Actor::System) {
        keep(bar, order, w::board::given_back(bar.locale, number), String::new());
    }
}

/// What who works here had in hand is gone, and not by what was sent from here. Where it was called off that is said, and why, or they
/// go on with a drink that is paid back.
pub async fn tell_called_off(bar: Bar, me: UserId, order: OrderId, number: i64, was: FulfilmentStatus) {
    let reply = tab::ask(&format!("/api/v1/orders/{order}"), Body::Nothing).await;
    let Ok(view) = reply.and_then(|reply| reply.json::<OrderView>()) else { return };
    if view.status != OrderStatus::Cancelled || is_mine(who_did("order.cancelled.v1", order).await, me) {
        return;
    }
    let what = match was {
        FulfilmentStatus::Ready => w::board::called_off_ready(bar.locale, number),
        _ => w::board::called_off_making(bar.locale, number),
    };
    let late = view.reason.as_deref().filter(|_| view.cancelled_by == Some(CancelledBy::System));
    let late = late.and_then(|why| w::reason(why, bar.locale)).map(|why| w::order::because(bar.locale, why));
    keep(bar, order, what, called_off_because(&view, bar.locale).or(late).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::board_tools::tests::queue, *};

    #[test]
    fn what_comes_back_is_named_by_its_number_and_who_left_by_their_name() {
        let kim: Person = serde_json::from_value(json!({"id": "0193b3c4-5d6e-7f80-9a1b-000000000001", "name": "Kim"})).unwrap();
        let lanes = queue().lanes;
        let said = |locale| left_said(&[(&lanes.queued[0], &kim)], &BTreeSet::new(), locale);
        assert_eq!(said(Locale::En).as_deref(), Some("Order 3 is back in the queue: the board of Kim was away."));
        assert_eq!(said(Locale::ZhCn).as_deref(), Some("3 号单已退回队列：Kim的看板离线。"));
    }

    #[test]
    fn each_that_comes_back_is_said_once_wherever_it_stands() {
        let person =
            |name: &str| -> Person { serde_json::from_value(json!({"id": "0193b3c4-5d6e-7f80-9a1b-000000000001", "name": name})).unwrap() };
        let (kim, robin) = (person("Kim"), person("Robin"));
        let lanes = queue().lanes;
        let (first, second, third) = (&lanes.ready[0], &lanes.making[0], &lanes.queued[0]);
        let left = [(first, &robin), (second, &kim), (third, &kim)];
        let said = |known: &[&TicketView]| left_said(&left, &known.iter().map(|ticket| ticket.order).collect(), Locale::En);
        let back = |number: i64, name: &str| format!("Order {number} is back in the queue: the board of {name} was away.");
        assert_eq!(said(&[second, third]), Some(back(1, "Robin")), "the others were back before");
        assert_eq!(said(&[second]), Some(format!("{} {}", back(1, "Robin"), back(3, "Kim"))));
        assert_eq!(said(&[first, second, third]), None);
    }

    #[test]
    fn what_one_does_at_another_board_of_theirs_is_no_news() {
        let user = |n: u8| -> UserId { format!("0193b3c4-5d6e-7f80-9a1b-00000000000{n}").parse().unwrap() };
        let mine = |actor| is_mine(actor, user(1));
        assert_eq!(
            [Some(Actor::Staff(user(1))), Some(Actor::Staff(user(2))), Some(Actor::System), None].map(mine),
            [true, false, false, false]
        );
    }
}
