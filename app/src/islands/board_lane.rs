//! A lane of the board. What is looked at whenever anything changes is which tickets are drawn, not what is on them.

use domain::{
    OrderId, Timestamp, UserId,
    prep::FulfilmentStatus,
    view::{LanesView, TicketView},
};
use leptos::prelude::*;

use super::{
    board::{Bar, Queue},
    ticket::ticket,
};
use crate::{erase::Erase as _, words as w};

/// One lane of the board.
pub type Lane = fn(&LanesView) -> &Vec<TicketView>;

/// What of a ticket is drawn once: where one of these is another, so is the ticket.
pub type Drawn = (OrderId, FulfilmentStatus, Timestamp, Option<UserId>);

pub fn drawn(ticket: &TicketView) -> Drawn {
    (ticket.order, ticket.status, ticket.since, ticket.claimed_by.as_ref().map(|person| person.id))
}

/// A lane with its tickets, those of the station that is chosen.
pub fn lane(id: &'static str, name: &'static str, queue: Queue, of: Lane, bar: Bar) -> AnyView {
    let locale = bar.locale;
    let tickets = Memo::new(move |_| {
        queue.with(|queue| {
            bar.with_station(|station| {
                let here = of(&queue.lanes).iter().filter(|ticket| station.is_none_or(|station| station.has(ticket)));
                here.map(drawn).collect::<Vec<_>>()
            })
        })
    });
    let each = move |this: Drawn| {
        queue.with_untracked(|queue| of(&queue.lanes).iter().find(|ticket| drawn(ticket) == this).map(|found| ticket(found, bar)))
    };
    let count = Memo::new(move |_| tickets.with(Vec::len));
    view! {
        <section class="lane" aria-labelledby=id data-testid=id>
            <div class="lane__head">
                <h2 id=id tabindex="-1">{name}</h2>
                <span class="lane__count"><span aria-hidden="true">{count}</span><span class="sr-only">{move || w::board::tickets(locale, count.get() as i64)}</span></span>
            </div>
            <ul class="lane__tickets" hidden=move || count.get() == 0>
                <For each=move || tickets.get() key=|drawn| *drawn children=each/>
            </ul>
            {move || (count.get() == 0).then(|| view! { <p class="lane__empty">{w::board::empty(locale)}</p> })}
        </section>
    }
    .erase()
}
