//! An order, for who placed it and for the store's staff.

use std::collections::BTreeMap;

use backend::{identity::Owner, prep::PrepError};
use domain::OrderId;
use leptos::prelude::*;
use uuid::Uuid;

use super::{
    failure::Failure,
    frame::{frame, problem},
    seo::{Head, head},
    visit::{Visit, clock, page, param, query},
};
use crate::{
    islands::{OrderTracker, headline},
    words as w,
};

/// `/orders/{id}`
#[component]
pub fn Order() -> impl IntoView {
    let visit = Visit::here();
    let (order, error) = (param("order"), query("error"));
    page(async move { body(visit, order, error).await })
}

async fn body(visit: Visit, order: String, error: Option<String>) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let id: OrderId = order.parse().map_err(|_| Failure::NotFound)?;
    // Somebody else's order is as if it were not: also for who has not signed in.
    let hidden = |failure| if matches!(failure, Failure::SignIn | Failure::Forbidden) { Failure::NotFound } else { failure };
    let mut sql = visit.backend.db.reader();
    let order = visit.backend.orders.view_for(&mut sql, &visit.caller, id, visit.naming()).await.map_err(|error| hidden(error.into()))?;
    let journey = visit.backend.orders.journey(&mut sql, &visit.caller, id).await?;
    let owner: Option<Owner> = visit.backend.orders.owner_of(&mut sql, id).await?.map(|(owner, _)| owner);
    let own = owner.is_some() && owner == visit.owner();
    if own && let Some((_, query)) = visit.page.split_once('?') {
        // Where their bank has sent them back with something for the card provider.
        visit.backend.payments.order_returned(&visit.backend.db, id, query).await?;
    }
    // Without one it is sent, came to nothing, or was fetched.
    let ticket = match visit.backend.tickets.of(&mut sql, &visit.caller, id).await {
        Ok(ticket) => Some(ticket),
        Err(PrepError::Unavailable(error)) => return Err(error.into()),
        Err(_) => None,
    };
    drop(sql);
    let row = visit.store(order.store.as_str()).await?;
    let menu = visit.menu(&row.id).await?;
    let pictures: BTreeMap<_, _> = order
        .lines
        .iter()
        .filter_map(|line| Some((line.product.to_string(), menu.product(line.product.as_str())?.image.as_ref()?.url.clone())))
        .collect();
    let order_at = order.placed_at;
    let title = w::order::title(locale, headline(&order, locale), order.number);
    let head = head(&visit, Head { title, description: w::order::description(locale).to_owned(), ..Head::default() });
    let main = view! {
        {head}
        <main class="page" id="main">
            {problem(error.as_deref(), locale)}
            <OrderTracker order journey store_name=row.name.in_locale(locale).to_owned() fulfilment=row.fulfilment pictures own ticket key=Uuid::now_v7().to_string() now=visit.now
                clock=clock(&row.time_zone, order_at) locale/>
        </main>
    };
    Ok(frame(&visit, main.into_any()))
}
