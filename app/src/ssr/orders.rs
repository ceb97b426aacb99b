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
    islands::{LiveLine, OrderPill, data_status},
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
    let items = orders.items.iter().map(|order| row(order, &stores, visit.now, locale)).collect_view();
    let older = orders.next.as_ref().map(|next| {
        view! { <a class="button button--quiet" href=format!("{}?after={next}", paths::ORDERS)>{w::orders::older(locale)}</a> }
    });
    let main = view! {
        {head}
        <main class="page page--narrow" id="main">
            <div class="stack">
                <h1>{w::orders::title(locale)}</h1>
                {moving.then(|| view! { <LiveLine locale/> })}
                <ul class="order-list" data-testid="orders">{items}</ul>
                {older}
            </div>
        </main>
    };
    Ok(frame(&visit, main.into_any()))
}

/// The stores' names and clocks.
pub type Stores = BTreeMap<StoreId, (String, StoreClock)>;

pub async fn stores(visit: &Visit, sql: &mut impl Sql) -> Result<Stores, DbError> {
    let rows = visit.backend.stores.list(sql).await?;
    let named = rows.into_iter().map(|row| (row.id, (row.name.in_locale(visit.locale).to_owned(), clock(&row.time_zone, visit.now))));
    Ok(named.collect())
}

/// An order in a list.
pub fn row(order: &OrderView, stores: &Stores, now: Timestamp, locale: Locale) -> AnyView {
    let (store, clock) = stores.get(&order.store).cloned().unwrap_or_else(|| (order.store.to_string(), StoreClock::default()));
    let what = order
        .lines
        .iter()
        .map(|line| if line.quantity > 1 { format!("{} × {}", line.quantity, line.name) } else { line.name.clone() })
        .collect::<Vec<_>>()
        .join(", ");
    let status = data_status(order);
    let pill = if order.status.is_final() {
        let tone = if matches!(status, "cancelled" | "rejected" | "failed") { "stop" } else { "" };
        view! { <span class="pill" data-tone=tone>{w::orders::by_name(status, locale).unwrap_or_default()}</span> }.into_any()
    } else {
        view! { <OrderPill order=order.id status=status.to_owned() sequence=order.sequence locale/> }.into_any()
    };
    view! {
        <li class="order-row">
            <span class="order-row__number num" aria-hidden="true">{order.number}</span>
            <p class="order-row__store"><a href=paths::order(order.id)>{store}<span class="sr-only">", "{w::board::order(locale)}" "{order.number}</span></a></p>
            {pill}
            <p class="order-row__what">{day(order.placed_at, now, clock, locale)}" · "{what}</p>
            <p class="order-row__total">{price(order.quote.total, locale)}</p>
        </li>
    }
    .into_any()
}

/// `Today, 10:36`, else the day in the store's time.
pub fn day(at: Timestamp, now: Timestamp, clock: StoreClock, locale: Locale) -> String {
    let local = |at: Timestamp| at.plus_seconds(i64::from(clock.offset_minutes) * 60).to_string();
    let (then, today) = (local(at), local(now));
    match (then.get(..10), today.get(..10)) {
        (Some(then), Some(today)) if then == today => w::orders::today(locale, clock.hour(at)),
        (Some(then), _) => {
            let month = w::orders::by_name(&format!("month_{}", &then[5..7]), locale).unwrap_or_default();
            w::orders::date(locale, then[8..10].trim_start_matches('0'), month)
        }
        _ => String::new(),
    }
}
