//! An order, as it moves.

mod cancel;

use std::collections::BTreeMap;

use domain::{
    Locale, OrderId, StoreId, Timestamp,
    event::Actor,
    ordering::{OrderStatus, PaymentMethod, PaymentStatus},
    prep::FulfilmentKind,
    topic::Topic,
    view::{JourneyEntry, LineView, OrderView, Page, PickupTicketView},
};
use leptos::{
    ev::{Event, SubmitEvent},
    prelude::*,
};

use self::cancel::cancel;
use super::{
    countdown::{Words, countdown},
    live_line::{LineOf, live_line, offline},
    look::{Came, look_again},
    progress::{Step, called_off_because, data_status, headline, is_unsure, next_step, steps, wants_confirmation},
    store_time::store_time,
    waiting::{self, Place},
};
use crate::{
    erase::Erase as _,
    live, paths, pieces,
    tab::{self, awake, js},
    wire::StoreClock,
    words as w,
};

/// Everything about an order on its page. `fulfilment`: how its store hands over. `pictures`: by product. `own`: the reader is who ordered, not the staff. `ticket`: what
/// they show to have it handed over. `key`: of the wish to call it off, should there be one.
#[island(lazy)]
pub fn OrderTracker(
    order: OrderView,
    journey: Vec<JourneyEntry>,
    store_name: String,
    fulfilment: FulfilmentKind,
    pictures: BTreeMap<String, String>,
    own: bool,
    ticket: Option<PickupTicketView>,
    key: String,
    now: Timestamp,
    clock: StoreClock,
    locale: Locale,
) -> impl IntoView {
    let (id, number, store, placed_at) = (order.id, order.number, order.store.clone(), order.placed_at);
    let lines = order.lines.iter().map(|line| line_view(line, &pictures, locale)).collect_view();
    let total = order.quote.total;
    let later = live::subscribe::<OrderView>(Topic::Order(id), order.sequence);
    // The answer to what was pressed here, which may be faster than the news of it, or come where no news do.
    let answered = RwSignal::new(None::<OrderView>);
    let order = Memo::new(move |_| {
        let order = later.get().map_or_else(|| order.clone(), |later| (*later).clone());
        answered.get().filter(|answered| answered.sequence > order.sequence).unwrap_or(order)
    });
    let journey = read_again(journey, order);
    let now = tab::ticking(now);
    let status = Memo::new(move |_| order.with(data_status));
    let ended = Memo::new(move |_| order.with(|order| order.status));
    let place = waiting::place(order, now);
    let key = RwSignal::new(key);
    title(order, place, locale);
    // Who has a ticket fetches it, and wants to know when.
    let bell = ticket.is_some().then(|| waiting::bell(order, locale));
    let ticket = ticket.map(|ticket| pickup(ticket, order, locale));
    let ready = move || if status.get() == "ready" { "assertive" } else { "polite" };
    let (before, after) = w::order::label_around(locale);
    view! {
        <article class="tracker" data-status=move || status.get() data-testid="tracker">
            <section class="tracker__hero">
                <h1 class="stack">
                    <span class="tracker__label">{before}{store_name}{after}</span>
                    <span class="tracker__number" data-testid="order-number"><span class="sr-only">{w::order::number(locale)}" "</span>{number}</span>
                </h1>
                <p class="tracker__status" id="order-status" tabindex="-1" aria-live=ready data-testid="order-status">{move || order.with(|order| headline(order, locale))}</p>
                {move || order.with(|order| called_off_because(order, locale)).map(|why| view! { <p class="tracker__next" data-testid="order-reason">{why}</p> })}
                <p class="tracker__next">{move || order.with(|order| next_step(order, locale))}</p>
                {move || order.with(|order| confirm(order, now, locale))}
                {ticket}
                {move || again(Again { order: id, store: &store, status: ended.get(), own }, locale)}
            </section>
            <div class="stack">
                {live_line(Some(clock), locale, LineOf::Page)}
                {move || order.with(|order| figures(order, place.get(), now, clock, locale))}
                {own.then(|| promised(order, now, locale))}
                {bell}
                <ol class="stages" aria-label=w::order::progress(locale)>
                    {move || {
                        let steps = order.with(|order| journey.with(|journey| steps(order, journey, fulfilment, locale)));
                        steps.into_iter().map(|step| stage(step, clock, locale)).collect_view()
                    }}
                </ol>
                {store_time(vec![(placed_at, clock)], locale)}
                <section class="panel" aria-labelledby="what">
                    <h2 id="what">{w::order::ordered(locale)}</h2>
                    <ul class="lines">{lines}</ul>
                    <dl class="totals"><div class="totals__total"><dt>{w::order::total(locale)}</dt><dd>{pieces::price(total, locale)}</dd></div></dl>
                    <div class="row row--between">
                        <p class="soft">{move || order.with(|order| payment(order, locale))}</p>
                        {move || (own && order.with(|order| order.cancellable)).then(|| cancel(id, key, answered, locale))}
                    </div>
                </section>
                <details class="fold" data-testid="journey">
                    <summary>{w::order::journey(locale)}</summary>
                    <ol class="timeline">
                        {move || {
                            let wallet = order.with(|order| order.payment.method) == PaymentMethod::Wallet;
                            let told = Told { own, wallet, clock, locale };
                            journey.with(|journey| journey.iter().filter_map(|entry| told.happened(entry)).collect_view())
                        }}
                    </ol>
                </details>
            </div>
        </article>
    }
    .erase()
}

/// The journey, read again whenever the order has changed.
fn read_again(journey: Vec<JourneyEntry>, order: Memo<OrderView>) -> RwSignal<Vec<JourneyEntry>> {
    let journey = RwSignal::new(journey);
    let id = order.with_untracked(|order| order.id);
    let look_again = look_again(move || async move {
        let reply = tab::ask(&format!("/api/v1/orders/{id}/journey"), tab::Body::Nothing).await;
        let page = match reply {
            // Who may not look is not helped by asking again.
            Ok(reply) if matches!(reply.status, 401 | 403 | 404) => return Came::Seen,
            reply => reply.and_then(|reply| reply.json::<Page<JourneyEntry>>()),
        };
        match page {
            Ok(page) => {
                let _ = journey.try_set(page.items);
                Came::Seen
            }
            Err(tab::Unreachable) => Came::ToNothing,
        }
    });
    Effect::new(move |shown: Option<i64>| {
        let sequence = order.with(|order| order.sequence);
        if shown.is_some_and(|shown| shown != sequence) {
            look_again();
        }
        sequence
    });
    journey
}

/// The tab says it too, first of all what is left of it when tabs are many: people look at others while they wait.
fn title(order: Memo<OrderView>, place: Signal<Place>, locale: Locale) {
    Effect::new(move |_| {
        let title = order.with(|order| w::order::title(locale, headline(order, locale), order.number));
        let badge = match (order.with(data_status), place.get().position) {
            ("ready", _) => "\u{2713} ".to_owned(),
            ("queued", Some(position)) => format!("({position}) "),
            _ => String::new(),
        };
        document().set_title(&format!("{badge}{title} · Orderly"));
    });
}

/// The pick-up ticket, once the order is paid and until it ends: folded away until the order is ready, then as large as the phone allows and, whatever the theme, black on
/// white. The screen stays on meanwhile.
fn pickup(ticket: PickupTicketView, order: Memo<OrderView>, locale: Locale) -> impl IntoView {
    let ready = Memo::new(move |_| order.with(|order| data_status(order) == "ready"));
    let over = Memo::new(move |_| order.with(|order| order.status != OrderStatus::Processed));
    let unfolded = RwSignal::new(false);
    awake::awake_while(Signal::derive(move || unfolded.get() && !over.get()));
    let toggled = move |event: Event| unfolded.set(js::get(&event_target(&event), "open").is_truthy());
    // A fold works before the page does.
    let fold = NodeRef::<leptos::html::Details>::new();
    Effect::new(move |_| {
        if let Some(fold) = fold.get() {
            unfolded.set(js::get(&fold, "open").is_truthy());
        }
    });
    view! {
        <details class="pickup" node_ref=fold open=move || ready.get() hidden=move || over.get() on:toggle=toggled data-testid="pickup">
            <summary>{pieces::icon("scan")}{w::order::ticket(locale)}</summary>
            <div class="pickup__picture" role="img" aria-label=w::order::ticket_picture(locale) data-testid="pickup-ticket" data-ticket=ticket.ticket inner_html=ticket.svg></div>
            <p>{w::order::ticket_text(locale)}</p>
        </details>
    }
}

/// An order that may be wanted once more.
struct Again<'a> {
    order: OrderId,
    store: &'a StoreId,
    status: OrderStatus,
    own: bool,
}

/// The way on from an order that is over: what came to nothing is one press away from another try. A plain form, which is
/// stopped only where nothing can be sent.
fn again(Again { order, store, status, own }: Again<'_>, locale: Locale) -> Option<AnyView> {
    let failed = matches!(status, OrderStatus::Rejected | OrderStatus::Cancelled);
    if !failed && status != OrderStatus::Fulfilled {
        return None;
    }
    let menu = view! { <a class="button button--plain" href=paths::store(store)>{w::order::to_menu(locale)}</a> };
    if !own {
        return Some(menu.erase());
    }
    let (busy, offline) = (tab::busy(), offline());
    let submit = move |event: SubmitEvent| {
        if busy.get_untracked() || offline.get_untracked() {
            event.prevent_default();
        } else {
            busy.set(true);
        }
    };
    let sentence = move || {
        offline.get().then(|| {
            view! { <p class="field-error" id="again-problem" role="status">{pieces::icon("alert")}{w::order::again_offline(locale)}</p> }
        })
    };
    let view = view! {
        <form class="stack" method="post" action=paths::form::ORDER_AGAIN on:submit=submit>
            <input type="hidden" name="order" value=order.to_string()/>
            <div class="row tracker__again">
                <button class=if failed { "button button--tall" } else { "button button--quiet" } aria-busy=move || busy.get().to_string()
                    aria-disabled=move || offline.get().then_some("true") aria-describedby=move || offline.get().then_some("again-problem")
                    data-testid="order-again">
                    {w::order::again(locale)}
                </button>
                {menu}
            </div>
            {sentence}
        </form>
    };
    Some(view.erase())
}

/// The way to the bank, while the payment waits for it, and for how long it does.
fn confirm(order: &OrderView, now: ReadSignal<Timestamp>, locale: Locale) -> Option<impl IntoView + use<>> {
    let url = wants_confirmation(order)?.to_owned();
    let (by, from) = (order.payment.confirm_by, order.placed_at);
    let words = Words { around: w::order::confirm_left_around(locale), over: w::order::confirm_over(locale) };
    Some(view! {
        {countdown(move || by.map(|by| (by - now.get(), by - from)), words, "confirm-by")}
        <a class="button button--tall" href=url rel="noreferrer" data-testid="confirm-payment">{w::order::confirm_go(locale)}{pieces::icon("forward")}</a>
    })
}

/// Until when the bar has promised what is paid: then it is called off, and the money comes back.
fn promised(order: Memo<OrderView>, now: ReadSignal<Timestamp>, locale: Locale) -> impl IntoView {
    let left = move || {
        order.with(|order| {
            let by = order.ready_by.filter(|_| order.status == OrderStatus::Processed)?;
            Some((by - now.get(), by - order.placed_at))
        })
    };
    countdown(left, Words { around: w::order::ready_left_around(locale), over: w::order::ready_over(locale) }, "ready-by")
}

/// Place in the queue and when it will be ready, while that is open.
fn figures(
    order: &OrderView,
    place: Place,
    now: ReadSignal<Timestamp>,
    clock: StoreClock,
    locale: Locale,
) -> Option<impl IntoView + use<>> {
    let open = matches!(data_status(order), "created" | "processed" | "queued" | "making");
    let position = place.position.filter(|_| open).map(|position| {
        let place = if position == 1 { w::order::next_in_line(locale).to_owned() } else { position.to_string() };
        view! { <div class="figure"><dt>{w::order::place_in_queue(locale)}</dt><dd><span class="changed">{place}</span></dd></div> }
    });
    let ready = place.ready_at.filter(|_| open).map(|at| {
        // Who has others before them is not next, however quick the last ones were.
        let next = place.position.is_none_or(|position| position <= 1);
        let left = move || match at - now.get() {
            millis if millis < 30_000 && next => w::order::any_moment(locale).to_owned(),
            millis => w::order::in_about(locale, pieces::wait(millis / 1000, locale)),
        };
        view! {
            <div class="figure"><dt>{w::order::ready_at(locale)}</dt>
                <dd><time datetime=at.to_string()>{clock.hour(at, locale)}</time><small>{left}</small></dd></div>
        }
    });
    (position.is_some() || ready.is_some()).then(|| view! { <dl class="figures">{position}{ready}</dl> })
}

fn stage(step: Step, clock: StoreClock, locale: Locale) -> AnyView {
    let icon = match step.state {
        "done" => Some(pieces::icon("check")),
        "failed" => Some(pieces::icon("close")),
        _ => None,
    };
    view! {
        <li class="stage" data-state=step.state aria-current=(step.state == "current").then_some("step")>
            {icon}<span>{step.name}<span class="sr-only">{w::menu::comma(locale)}{step.word}</span></span>
            {step.at.map(|at| view! { <time datetime=at.to_string()>{clock.hour(at, locale)}</time> })}
        </li>
    }
    .erase()
}

fn line_view(line: &LineView, pictures: &BTreeMap<String, String>, locale: Locale) -> AnyView {
    let picture = match pictures.get(line.product.as_str()) {
        Some(url) => view! { <img class="line__picture" src=url.clone() width="400" height="300" alt="" loading="lazy"/> }.erase(),
        None => view! { <span class="line__picture"></span> }.erase(),
    };
    view! {
        <li class="line">
            {picture}
            <div><p class="line__name"><span class="num">{line.quantity}" × "</span>{pieces::line_name(line, locale)}</p>
                <p class="line__options">{pieces::line_options(line)}</p></div>
            <p class="line__price">{pieces::price(line.total, locale)}</p>
        </li>
    }
    .erase()
}

fn payment(order: &OrderView, locale: Locale) -> &'static str {
    match (order.payment.status, order.payment.method) {
        _ if is_unsure(order) => w::order::pay_unsure(locale),
        // It is declined in a moment, and says so then as a whole.
        (PaymentStatus::Declined, _) if order.status == OrderStatus::Created => w::order::pay_pending(locale),
        (PaymentStatus::Pending | PaymentStatus::ActionRequired, _) => w::order::pay_pending(locale),
        (PaymentStatus::Declined | PaymentStatus::Voided, _) => w::order::pay_declined(locale),
        (PaymentStatus::Refunded | PaymentStatus::PartiallyRefunded, PaymentMethod::Card) => w::order::pay_refunded(locale),
        (PaymentStatus::Refunded | PaymentStatus::PartiallyRefunded, PaymentMethod::Wallet) => w::order::pay_refunded_wallet(locale),
        (PaymentStatus::Captured, PaymentMethod::Card) => w::order::paid_card(locale),
        (PaymentStatus::Captured, PaymentMethod::Wallet) => w::order::paid_wallet(locale),
    }
}

/// How the journey is told: to whom, and what the order was paid with.
#[derive(Clone, Copy)]
struct Told {
    own: bool,
    wallet: bool,
    clock: StoreClock,
    locale: Locale,
}

impl Told {
    /// What happened, when, by whom and why; `None` for what nobody asks for.
    fn happened(self, entry: &JourneyEntry) -> Option<AnyView> {
        let Self { own, wallet, clock, locale } = self;
        let of_wallet = if wallet { w::happened_by_wallet(&entry.type_name, locale) } else { None };
        // No bank has said no: we have stopped asking it, for it took too long or the order had ended.
        let unasked = matches!(entry.reason.as_deref(), Some("payment_timeout" | "order_ended"));
        let given_up = entry.type_name == "payment.declined.v1" && unasked;
        let of_no_answer = given_up.then(|| w::event::payment_given_up(locale));
        let what = of_wallet.or(of_no_answer).or_else(|| w::happened(&entry.type_name, locale))?;
        let who = match entry.actor {
            Actor::Customer(_) | Actor::Guest(_) if own => w::order::by_you(locale),
            Actor::Customer(_) | Actor::Guest(_) => w::order::by_shopper(locale),
            Actor::Staff(_) | Actor::Token(_) => w::order::by_staff(locale),
            Actor::System => w::order::by_system(locale),
        };
        let who = entry.kiosk.as_ref().map_or_else(|| who.to_owned(), |kiosk| w::order::by_kiosk(locale, kiosk));
        let said = entry.type_name == "order.cancelled.v1" && entry.actor != Actor::System;
        let why = entry.reason.as_deref().and_then(|reason| if said { Some(w::spoken(reason, locale)) } else { w::reason(reason, locale) });
        let at = entry.at;
        let view = view! {
            <li data-type=entry.type_name.clone()>
                <time datetime=at.to_string()>{clock.hour(at, locale)}</time><span>{what}</span>
                <small>{who}{why.map(|why| view! { {w::menu::colon(locale)}<q class="timeline__why">{why}</q> })}</small>
            </li>
        };
        Some(view.erase())
    }
}
