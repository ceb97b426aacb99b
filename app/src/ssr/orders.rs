//! My orders.

use std::collections::BTreeMap;

use backend::db::{DbError, Sql};
use domain::{Locale, OrderId, StoreId, Timestamp, view::OrderView};
use leptos::prelude::*;

use super::{
    failure::Failure,
    frame::{empty, frame},
    seo::{Head, head},
    visit::{Visit, clock, page, query},
};
use crate::{
    islands::{LiveLine, LocalTime, OrderPill, StoreTime, data_status},
    paths,
    pieces::price,
    wire::StoreClock,
    words as w,
};

/// So many on one page.
const PAGE: i64 = 30;

/// `/orders`
#[component]
pub fn Orders() -> impl IntoView {
    let visit = Visit::here();
    let after = query("after");
    page(async move { body(visit, after).await })
}

async fn body(visit: Visit, after: Option<String>) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let after: Option<OrderId> = after.map(|id| id.parse()).transpose().map_err(|_| Failure::NotFound)?;
    let mut sql = visit.backend.db.reader();
    let orders = match visit.owner() {
        Some(owner) => visit.backend.orders.list(&mut sql, &owner, after, PAGE, visit.naming()).await?,
        None => domain::view::Page { items: Vec::new(), next: None },
    };
    let stores = stores(&visit, &mut sql).await?;
    drop(sql);
    let head = head(
        &visit,
        Head { title: w::orders::title(locale).to_owned(), description: w::orders::description(locale).to_owned(), ..Head::default() },
    );
    if orders.items.is_empty() {
        let choose = (paths::HOME.to_owned(), w::orders::choose(locale));
        let main = view! {
            {head}
            <main class="page page--narrow" id="main">{empty(w::orders::none_title(locale), w::orders::none_text(locale), Some(choose))}</main>
        };
        return Ok(frame(&visit, main.into_any()));
    }
    let moving = orders.items.iter().any(|order| !order.status.is_final());
    let items = orders.items.iter().map(|order| row(order, &stores, Told::ByStores { now: visit.now }, locale)).collect_view();
    let times = times(&orders.items, &stores);
    let older = orders.next.as_ref().map(|next| {
        view! { <a class="button button--quiet" href=format!("{}?after={next}", paths::ORDERS)>{w::orders::older(locale)}</a> }
    });
    let main = view! {
        {head}
        <main class="page page--narrow" id="main">
            <div class="stack">
                <h1>{w::orders::title(locale)}</h1>
                {moving.then(|| view! { <LiveLine clock=None locale/> })}
                <ul class="order-list" data-testid="orders">{items}</ul>
                <StoreTime times locale/>
                {older}
            </div>
        </main>
    };
    Ok(frame(&visit, main.into_any()))
}

/// The stores' names and time zones.
pub type Stores = BTreeMap<StoreId, (String, String)>;

pub async fn stores(visit: &Visit, sql: &mut impl Sql) -> Result<Stores, DbError> {
    let rows = visit.backend.stores.list(sql).await?;
    Ok(rows.into_iter().map(|row| (row.id, (row.name.in_locale(visit.locale).to_owned(), row.time_zone))).collect())
}

/// The times that a list of orders shows.
pub fn times(orders: &[OrderView], stores: &Stores) -> Vec<(Timestamp, StoreClock)> {
    orders.iter().map(|order| (order.placed_at, clock(stores.get(&order.store).map_or("", |(_, zone)| zone), order.placed_at))).collect()
}

/// By whose clock a list of orders is told.
#[derive(Debug, Clone, Copy)]
pub enum Told {
    /// By each store's; how the day is called there depends on what time it is.
    ByStores { now: Timestamp },
    /// By the reader's, beside other things that are.
    ByReader,
}

/// An order in a list.
pub fn row(order: &OrderView, stores: &Stores, told: Told, locale: Locale) -> AnyView {
    let (store, zone) = stores.get(&order.store).cloned().unwrap_or_else(|| (order.store.to_string(), String::new()));
    let what = order
        .lines
        .iter()
        .map(|line| if line.quantity > 1 { format!("{}\u{a0}×\u{a0}{}", line.quantity, line.name) } else { line.name.clone() })
        .collect::<Vec<_>>()
        .join(w::menu::comma(locale));
    let status = data_status(order);
    let pill = if order.status.is_final() {
        let tone = if matches!(status, "cancelled" | "rejected" | "failed") { "stop" } else { "" };
        view! { <span class="pill" data-tone=tone>{w::orders::by_name(status, locale).unwrap_or_default()}</span> }.into_any()
    } else {
        view! { <OrderPill order=order.id status=status.to_owned() sequence=order.sequence locale/> }.into_any()
    };
    let at = order.placed_at;
    let when = match told {
        Told::ByStores { now } => view! { <time datetime=at.to_string()>{day(at, now, clock(&zone, at), locale)}</time> }.into_any(),
        Told::ByReader => view! { <LocalTime at text=moment(at, locale) locale/> }.into_any(),
    };
    view! {
        <li class="order-row">
            <span class="order-row__number num" aria-hidden="true">{order.number}</span>
            <p class="order-row__store"><a href=paths::order(order.id)>{store}<span class="sr-only">{w::menu::comma(locale)}{w::board::order(locale)}" "{order.number}</span></a></p>
            {pill}
            <p class="order-row__what">{when}" · "{what}</p>
            <p class="order-row__total">{price(order.quote.total, locale)}</p>
        </li>
    }
    .into_any()
}

/// `Today, 10:36 AM`, else the day in the store's time.
pub fn day(at: Timestamp, now: Timestamp, clock: StoreClock, locale: Locale) -> String {
    let local = |at: Timestamp| at.plus_seconds(i64::from(clock.offset_minutes) * 60).to_string();
    let (then, today) = (local(at), local(now));
    match (then.get(..10), today.get(..10)) {
        (Some(then), Some(today)) if then == today => w::orders::today(locale, clock.hour(at, locale)),
        (Some(then), _) => date(then, locale),
        _ => String::new(),
    }
}

/// `Nov 22, 10:36 AM UTC`: a moment that is of no store, for who has no scripts to read it by their own clock.
pub fn moment(at: Timestamp, locale: Locale) -> String {
    format!("{} UTC", moment_at(at, StoreClock::default(), locale))
}

/// `Nov 22, 10:36 AM`, by a store's clocks.
pub fn moment_at(at: Timestamp, clock: StoreClock, locale: Locale) -> String {
    w::orders::moment(locale, date_at(at, clock, locale), clock.hour(at, locale))
}

/// The day of it by a store's clock.
pub fn date_at(at: Timestamp, clock: StoreClock, locale: Locale) -> String {
    let text = at.plus_seconds(i64::from(clock.offset_minutes) * 60).to_string();
    date(text.get(..10).unwrap_or_default(), locale)
}

/// `Nov 22`, of `2026-11-22`.
pub fn date(day: &str, locale: Locale) -> String {
    let (Some(month), Some(day)) = (day.get(5..7), day.get(8..10)) else { return String::new() };
    let month = w::orders::by_name(&format!("month_{month}"), locale).unwrap_or_default();
    w::orders::date(locale, day.trim_start_matches('0'), month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_the_stores_and_days_too() {
        let (at, now): (Timestamp, Timestamp) = ("2026-11-22T07:05:00.000Z".parse().unwrap(), "2026-11-22T09:00:00.000Z".parse().unwrap());
        let west = StoreClock { offset_minutes: -480 };
        assert_eq!(day(at, now, StoreClock::default(), Locale::En), "Today, 7:05\u{a0}AM");
        assert_eq!(day(at, now, west, Locale::ZhCn), "11月21日");
        assert_eq!(day(at, at, west, Locale::En), "Today, 11:05\u{a0}PM");
        assert_eq!([Locale::En, Locale::ZhCn].map(|locale| moment(at, locale)), ["Nov 22, 7:05\u{a0}AM UTC", "11月22日 07:05 UTC"]);
    }
}
