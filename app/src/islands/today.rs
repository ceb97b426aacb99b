//! The figures of a store's day, which move by themselves while it is that day.

use std::sync::Arc;

use domain::{
    Locale,
    ordering::{CancelledBy, OrderStatus},
    topic::Topic,
    view::{EndedView, StoreView, TodayView},
};
use leptos::prelude::*;

use super::{
    live_line::connection,
    look::{Came, look_again},
    today_charts::{by_hour, sold},
};
use crate::{
    erase::Erase as _,
    live::{self, Connection},
    paths, tab, words as w,
};

/// What the parts of the page share.
pub(super) type Shown = Memo<Arc<TodayView>>;

/// The figures of a day. `today`: as the server has read them.
#[island(lazy)]
pub fn Today(today: TodayView, locale: Locale) -> impl IntoView {
    let (newest, set_newest) = signal(Arc::new(today));
    let old = RwSignal::new(false);
    if newest.with_untracked(|today| today.current) {
        keep_up(newest, set_newest, old);
    }
    let shown: Shown = Memo::new(move |_| newest.get());
    let none = move || shown.with(|today| today.totals.orders == 0 && today.ended.is_empty());
    let nothing = if newest.with_untracked(|today| today.current) { w::today::no_order(locale) } else { w::today::no_order_then(locale) };
    view! {
        <div class="today" data-testid="today">
            <p class="soft" role="status" data-testid="today-old">{move || old.get().then(|| w::today::old(locale))}</p>
            {totals(shown, locale)}
            <p class="notice today__none" hidden=move || !none() data-testid="no-order">{nothing}</p>
            {by_hour(shown, locale)}
            <div class="today__lists">
                {sold("products", [w::today::products(locale), w::today::product(locale), w::today::revenue(locale), w::today::nothing_sold(locale)], shown, |today| &today.products, locale)}
                {sold("options", [w::today::options(locale), w::today::option(locale), w::today::added(locale), w::today::no_option(locale)], shown, |today| &today.options, locale)}
                {ended(shown, locale)}
            </div>
        </div>
    }
    .erase()
}

/// Asks for the figures whenever the store's status is told, which every step of an order does, at most once a second; what is told
/// meanwhile is asked for afterwards; and whenever it is connected anew. The status is far smaller than the queue, and is told for orders that never reach it, too.
fn keep_up(newest: ReadSignal<Arc<TodayView>>, set_newest: WriteSignal<Arc<TodayView>>, old: RwSignal<bool>) {
    let (store, day, version) = newest.with_untracked(|today| (today.store.clone(), today.day.clone(), today.version));
    let later = live::subscribe::<StoreView>(Topic::Status(store.clone()), version);
    let look_again = look_again(move || {
        let (store, day) = (store.to_string(), day.clone());
        async move {
            let came = match look(&store, &day).await {
                Looked::At(today) => {
                    let _ = set_newest.try_set(Arc::new(*today));
                    Came::Seen
                }
                // The page itself knows what day it is.
                Looked::Elsewhere => {
                    tab::go(&paths::today(&store));
                    return Came::Over;
                }
                Looked::Gone => {
                    tab::go(&paths::gone(&paths::today(&store)));
                    return Came::Over;
                }
                Looked::Nowhere => Came::ToNothing,
            };
            let _ = old.try_set(came == Came::ToNothing);
            came
        }
    });
    let connection = connection();
    Effect::new({
        let look_again = look_again.clone();
        move |_| {
            if later.get().is_some() {
                look_again();
            }
        }
    });
    // Who has lost the right to look loses the connection first; what was told meanwhile is not told again.
    Effect::new(move |_| {
        if connection.get() == Connection::Live {
            look_again();
        }
    });
}

/// What came of a look.
enum Looked {
    At(Box<TodayView>),
    /// It is another day now.
    Elsewhere,
    /// Who looks may not any more.
    Gone,
    /// It cannot be had now.
    Nowhere,
}

async fn look(store: &str, day: &str) -> Looked {
    let Ok(reply) = tab::ask(&paths::figures(store), tab::Body::Nothing).await else { return Looked::Nowhere };
    match (reply.status, reply.json::<TodayView>()) {
        (401 | 403, _) => Looked::Gone,
        (200, Ok(today)) if today.day != day => Looked::Elsewhere,
        (200, Ok(today)) => Looked::At(Box::new(today)),
        _ => Looked::Nowhere,
    }
}

/// A text that shows that it has changed.
fn ticking(text: Memo<String>) -> impl IntoView {
    // What the page came with has not changed.
    let first = text.get_untracked();
    let class = move |now: &str| if *now == *first { "num" } else { "num changed" };
    move || text.with(|text| view! { <span class=class(text)>{text.clone()}</span> })
}

fn totals(shown: Shown, locale: Locale) -> AnyView {
    let figure = |id: &'static str, name: &'static str, hint: Option<&'static str>, tell: fn(&TodayView, Locale) -> String| {
        let text = Memo::new(move |_| shown.with(|today| tell(today, locale)));
        view! {
            <div class="day-total">
                <dt>{name}{hint.map(|hint| view! { <small>{hint}</small> })}</dt>
                <dd data-testid=format!("today-{id}")>{ticking(text)}</dd>
            </div>
        }
    };
    view! {
        <section aria-label=w::today::totals(locale)>
            <dl class="day-totals">
                {figure("orders", w::today::orders(locale), None, |today, _| today.totals.orders.to_string())}
                {figure("revenue", w::today::revenue(locale), None, |today, locale| today.totals.revenue.format(locale))}
                {figure("waiting", w::today::waiting(locale), Some(w::today::waiting_hint(locale)), |today, locale| took(today.totals.waiting_seconds, locale))}
                {figure("making", w::today::making(locale), Some(w::today::making_hint(locale)), |today, locale| took(today.totals.making_seconds, locale))}
                {figure("cancelled", w::today::cancelled(locale), None, |today, _| today.totals.cancelled.to_string())}
                {figure("timed-out", w::today::timed_out(locale), None, |today, _| today.totals.timed_out.to_string())}
                {figure("rejected", w::today::rejected(locale), None, |today, _| today.totals.rejected.to_string())}
            </dl>
        </section>
    }
    .erase()
}

/// How long something took; a dash where nothing did.
pub(super) fn took(seconds: Option<i64>, locale: Locale) -> String {
    match seconds {
        None => "–".to_owned(),
        Some(seconds @ ..60) => w::today::seconds(locale, seconds),
        Some(seconds) => w::today::minutes(locale, seconds / 60, format!("{:02}", seconds % 60)),
    }
}

/// What came to nothing, by what and why.
fn ended(shown: Shown, locale: Locale) -> AnyView {
    let ended = Memo::new(move |_| shown.with(|today| today.ended.clone()));
    let rows = move || {
        ended.with(|ended| {
            ended.iter().map(|ended| view! { <tr><th scope="row">{what(ended, locale)}</th><td>{why(ended, locale)}</td><td class="num">{ended.orders}</td></tr> }).collect_view()
        })
    };
    view! {
        <section class="panel" aria-labelledby="ended-title" data-testid="ended">
            <h2 id="ended-title">{w::today::ended(locale)}</h2>
            <p class="soft" hidden=move || !ended.with(Vec::is_empty)>{w::today::nothing_ended(locale)}</p>
            <table class="sums sums--told" hidden=move || ended.with(Vec::is_empty)>
                <thead><tr><th scope="col">{w::today::what(locale)}</th><th scope="col">{w::today::why(locale)}</th><th scope="col" class="num">{w::today::orders(locale)}</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .erase()
}

fn what(ended: &EndedView, locale: Locale) -> &'static str {
    match (ended.status, ended.by, ended.reason.as_deref()) {
        (OrderStatus::Rejected, ..) => w::today::rejected(locale),
        (_, Some(CancelledBy::System), Some("barista_timeout")) => w::today::too_late(locale),
        (_, Some(CancelledBy::Customer), _) => w::today::by_customer(locale),
        (_, Some(CancelledBy::Staff), _) => w::today::by_staff(locale),
        _ => w::today::by_system(locale),
    }
}

/// What somebody wrote as it is, be it one word that could be a program's; a reason of ours in words, and not twice.
fn why(ended: &EndedView, locale: Locale) -> String {
    let said = ended.reason.as_deref().and_then(|reason| match ended.by {
        Some(CancelledBy::Staff | CancelledBy::Customer) => Some(w::spoken(reason, locale)),
        Some(CancelledBy::System) if reason == "barista_timeout" => None,
        Some(CancelledBy::System) | None => w::reason(reason, locale),
    });
    said.unwrap_or_else(|| "–".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_minutes_and_seconds() {
        assert_eq!(
            [None, Some(0), Some(59), Some(60), Some(605)].map(|seconds| took(seconds, Locale::En)),
            ["–", "0 s", "59 s", "1 min 00 s", "10 min 05 s"]
        );
        assert_eq!(took(Some(605), Locale::ZhCn), "10 分 05 秒");
    }

    #[test]
    fn what_came_to_nothing_is_said_once() {
        let ended = |status, by, reason: Option<&str>| EndedView { status, by, reason: reason.map(str::to_owned), orders: 1 };
        let late = ended(OrderStatus::Cancelled, Some(CancelledBy::System), Some("barista_timeout"));
        assert_eq!((what(&late, Locale::En), why(&late, Locale::En)), ("Not made in time", "–".to_owned()));
        let gone = ended(OrderStatus::Cancelled, Some(CancelledBy::Customer), Some("I have to go"));
        assert_eq!((what(&gone, Locale::En), why(&gone, Locale::En)), ("Cancelled by the customer", "I have to go".to_owned()));
        let declined = ended(OrderStatus::Rejected, None, Some("payment_declined"));
        assert_eq!((what(&declined, Locale::En), why(&declined, Locale::En)), ("Not accepted", "the card was declined".to_owned()));
    }

    #[test]
    fn what_somebody_wrote_is_told_and_a_code_of_ours_is_not() {
        let told = |by: Option<CancelledBy>, reason: &str| {
            let status = if by.is_some() { OrderStatus::Cancelled } else { OrderStatus::Rejected };
            why(&EndedView { status, by, reason: Some(reason.to_owned()), orders: 1 }, Locale::En)
        };
        let words = ["spilled", "allergy", "x", "barista_timeout", "machine_down"];
        let said = ["spilled", "allergy", "x", "not made in time", "a machine is out of order"];
        for by in [CancelledBy::Staff, CancelledBy::Customer] {
            assert_eq!(words.map(|word| told(Some(by), word)), said);
        }
        for by in [Some(CancelledBy::System), None] {
            assert_eq!(told(by, "insufficient_score_77"), "–");
        }
    }
}
