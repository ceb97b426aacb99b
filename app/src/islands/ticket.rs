//! A ticket on the board.

use domain::{Locale, Timestamp, prep::FulfilmentStatus, view::TicketView};
use leptos::{ev::SubmitEvent, prelude::*};

use super::{board::Bar, ticket_cancel::cancel_fold};
use crate::{erase::Erase as _, paths, pieces, words as w};

/// How old a ticket is, in three steps that colour and word share.
fn age(seconds: i64) -> &'static str {
    match seconds {
        ..120 => "fresh",
        120..300 => "waiting",
        _ => "late",
    }
}

/// What a ticket's age is called in its lane. What stands on the counter is not late: its guest is.
fn age_word(age: &str, status: FulfilmentStatus, locale: Locale) -> &'static str {
    match (age, status) {
        ("fresh", FulfilmentStatus::Queued) => w::board::fresh(locale),
        ("fresh", FulfilmentStatus::Ready) => w::board::ready_fresh(locale),
        ("fresh", _) => w::board::on_time(locale),
        ("waiting", FulfilmentStatus::Ready) => w::board::ready_waiting(locale),
        ("waiting", _) => w::board::waiting(locale),
        (_, FulfilmentStatus::Ready) => w::board::ready_late(locale),
        _ => w::board::late(locale),
    }
}

/// `0:38`, `12:05`, `1:02:05`.
fn clock(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A ticket with its age, what is to be made, and what can be done with it.
pub(super) fn ticket(ticket: &TicketView, bar: Bar) -> AnyView {
    let locale = bar.locale;
    let (order, number) = (ticket.order, ticket.number);
    let queued = ticket.status == FulfilmentStatus::Queued;
    // In the queue and at work it is the shopper's wait that counts; at the counter, how long it stands there.
    let from: Timestamp = if ticket.status == FulfilmentStatus::Ready { ticket.since } else { ticket.placed_at };
    let seconds = Memo::new(move |_| bar.now.get().seconds_since(from));
    let state = Memo::new(move |_| age(seconds.get()));
    let status = ticket.status;
    let word = move || age_word(state.get(), status, locale);
    // What comes back to its lane is drawn again, and is not new.
    let mut unseen = false;
    bar.seen.update_value(|seen| unseen = seen.orders.insert(order));
    let new = queued && unseen;
    let going = move || bar.busy.with(|busy| busy.contains(&order));
    // A colleague's claim is given back by a second press.
    let asked = RwSignal::new(false);
    let colleague = StoredValue::new(ticket.claimed_by.as_ref().filter(|person| !bar.is_me(person.id)).map(|person| person.name.clone()));
    let asks = move |verb: &str| verb == "release" && colleague.with_value(Option::is_some);
    let verb = move |verb: &'static str, label: &'static str, class: &'static str| {
        let submit = move |event: SubmitEvent| {
            event.prevent_default();
            if asks(verb) && !asked.get_untracked() {
                asked.set(true);
            } else {
                asked.set(false);
                bar.act(order, number, verb, asks(verb));
            }
        };
        let label = move || match colleague.get_value() {
            Some(name) if asks(verb) && asked.get() => w::board::release_sure(locale, &name),
            _ => label.to_owned(),
        };
        view! {
            <form method="post" action=paths::form::TICKET on:submit=submit>
                <input type="hidden" name="store" value=bar.store()/>
                <input type="hidden" name="order" value=order.to_string()/>
                <button class=class name="verb" value=verb aria-busy=move || going().to_string()
                    aria-disabled=move || bar.offline.get().then_some("true") aria-describedby=move || bar.offline.get().then_some("live-line")>
                    {label}<span class="sr-only">" "{w::board::order(locale)}" "{number}</span>
                </button>
            </form>
        }
    };
    let actions = match ticket.status {
        FulfilmentStatus::Queued => verb("claim", w::board::claim(locale), "button").erase(),
        FulfilmentStatus::Making => view! {
            {verb("ready", w::board::ready_verb(locale), "button button--go")}
            {verb("release", w::board::release(locale), "button button--quiet")}
        }
        .erase(),
        _ => view! {
            {verb("collect", w::board::collect(locale), "button")}
            {verb("recall", w::board::recall(locale), "button button--quiet")}
        }
        .erase(),
    };
    let lines = ticket
        .lines
        .iter()
        .map(|line| {
            let mut line = line.clone();
            line.localize(locale);
            let options = pieces::line_options(&line);
            let product = line.product.to_string();
            let other = move || bar.with_station(|station| station.is_some_and(|station| !station.makes(&product))).then_some("true");
            view! {
                <li class="ticket__line" data-other=other>
                    <span class="ticket__quantity" data-many=(line.quantity > 1).then_some("true")>{line.quantity}"×"</span>
                    <span class="ticket__name">{pieces::line_name(&line, locale)}</span>
                    {(!options.is_empty()).then(|| view! { <span class="ticket__options">{options}</span> })}
                </li>
            }
        })
        .collect_view();
    let holder =
        ticket.claimed_by.as_ref().map(|person| view! { <p class="ticket__holder">{pieces::icon("person")}{person.name.clone()}</p> });
    let left = ticket.left_by.as_ref().map(|person| {
        view! { <p class="ticket__left" data-testid="left">{pieces::icon("info")}{w::board::left(locale, &person.name)}</p> }
    });
    view! {
        <li class="ticket" id=format!("t-{order}") data-age=move || state.get() data-new=new.then_some("true") data-going=move || going().then_some("true") data-testid="ticket">
            <div class="ticket__head">
                <h3 class="ticket__number" tabindex="-1"><span class="sr-only">{w::board::order(locale)}" "</span>{number}</h3>
                <p class="ticket__age"><time class="num">{move || clock(seconds.get())}</time>{word}</p>
            </div>
            <ul class="ticket__lines">{lines}</ul>
            {holder}
            {left}
            <div class="ticket__actions" data-two=(!queued).then_some("true")>
                {actions}
                {cancel_fold(order, number, bar)}
            </div>
        </li>
    }
    .erase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_turn_at_two_and_five_minutes() {
        assert_eq!([0, 119, 120, 299, 300].map(age), ["fresh", "fresh", "waiting", "waiting", "late"]);
        let words = |status| [0, 120, 300].map(|seconds| age_word(age(seconds), status, Locale::En));
        assert_eq!(words(FulfilmentStatus::Queued), ["new", "waiting", "late"]);
        assert_eq!(words(FulfilmentStatus::Making), ["on time", "waiting", "late"]);
        assert_eq!(words(FulfilmentStatus::Ready), ["just ready", "waiting", "not collected"]);
        assert_eq!([38, 725, 3725].map(clock), ["0:38", "12:05", "1:02:05"]);
    }
}
