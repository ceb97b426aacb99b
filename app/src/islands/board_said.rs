//! What the board says without being asked: what did not work, what was promised and did not happen, and what came back.

use std::collections::BTreeSet;

use domain::{
    Locale, OrderId,
    view::{Person, TicketView},
};
use leptos::prelude::*;

use super::board::{Bar, Queue};
use crate::{pieces, words as w};

/// What did not work.
#[derive(Clone)]
pub struct Trouble {
    pub text: String,
    /// The server could not be reached: that is over when the connection is back.
    pub away: bool,
}

/// What was promised and did not happen, a cup that is not handed over or an order that is not called off; or what was called off in
/// somebody's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    order: OrderId,
    /// What happened or did not, with the order's number.
    what: String,
    why: String,
}

/// Says that `verb`, which was promised, did not happen: it stays until somebody has read it, or the order moves after all.
pub fn lose(bar: Bar, order: OrderId, number: i64, verb: &str, why: String) {
    let what = if verb == "cancel" { w::board::not_cancelled(bar.locale, number) } else { w::board::not_collected(bar.locale, number) };
    keep(bar, order, what, why);
}

/// Says `what` became of an order, the last word of it, until somebody has read it. `why` may be nothing.
pub fn keep(bar: Bar, order: OrderId, what: String, why: String) {
    bar.lost.update(|lost| {
        lost.retain(|lost| lost.order != order);
        lost.push(Lost { order, what, why });
    });
}

/// What was lost of an order is done after all, or is not wanted any more.
pub fn found(bar: Bar, order: OrderId) {
    if bar.lost.with_untracked(|lost| lost.iter().any(|lost| lost.order == order)) {
        bar.lost.update(|lost| lost.retain(|lost| lost.order != order));
    }
}

/// What did not work and what did not happen, each until it is closed.
pub fn view(bar: Bar) -> impl IntoView {
    let problem = move || {
        bar.problem.get().map(|trouble| {
            let close = move || bar.problem.set(None);
            alert("board-problem", w::board::failed(bar.locale).to_owned(), trouble.text, close, bar.locale)
        })
    };
    view! {
        {problem}
        <For each=move || bar.lost.get() key=|lost| (lost.order, lost.what.clone(), lost.why.clone())
            children=move |lost: Lost| alert("board-lost", lost.what, lost.why, move || found(bar, lost.order), bar.locale)/>
    }
}

/// Tells the style sheet how many rows what is said has about, the most being four: what is scrolled to keeps clear of it.
pub fn keep_clear(bar: Bar) {
    let alerts = bar.lost.with(Vec::len) + usize::from(bar.problem.with(Option::is_some));
    let rows = (alerts + bar.undo.with(Vec::len) + usize::from(alerts > 0)).min(4);
    if let Some(root) = document().document_element() {
        // An attribute that cannot be set is one that nobody looks at.
        let _ = root.set_attribute("data-rows", &rows.to_string());
    }
}

fn alert(id: &'static str, title: String, text: String, close: impl Fn() + Clone + Send + 'static, locale: Locale) -> AnyView {
    view! {
        <div class="notice toast" data-tone="stop" role="alert" data-testid=id>
            {pieces::icon("alert")}
            <p class="notice__title">{title}</p>
            {(!text.is_empty()).then(|| view! { <p>{text}</p> })}
            <button class="button button--plain" on:click=move |_| close()>{w::board::dismiss(locale)}</button>
        </div>
    }
    .into_any()
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
}
