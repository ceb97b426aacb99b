//! Cart and checkout.

use backend::identity::Caller;
use domain::{
    Locale, Money, OrderId, StoreId,
    catalog::Menu,
    ordering::OrderStatus,
    prep::FulfilmentKind,
    pricing::{self, LineRequest},
    view::OrderView,
};
use leptos::prelude::*;
use leptos_meta::Html;
use uuid::Uuid;

use super::{
    actions::{
        checkout::{held_of, open_key},
        draft::Draft,
        order::as_ordered,
    },
    failure::Failure,
    frame::{empty, frame, problem},
    seo::{Head, head},
    visit::{Visit, clock, keep_nothing, page, param, query},
};
use crate::{
    islands::{CartLine, Checkout, headline, next_step},
    paths,
    pieces::{icon, line_name},
    wire::{self, Held, Line, Refusal, things},
    words as w,
};

/// `/s/{store}/checkout`
#[component]
pub fn CheckoutPage() -> impl IntoView {
    let visit = Visit::here();
    let asked = Asked {
        store: param("store"),
        error: query("error"),
        told: query("told").and_then(|told| told.parse().ok()),
        again: query("again").and_then(|order| order.parse().ok()),
    };
    page(async move { body(visit, asked).await })
}

/// What the address says.
struct Asked {
    store: String,
    error: Option<String>,
    /// What the shopper saw it cost, where it no longer does.
    told: Option<i64>,
    /// The order whose lines were put back into the cart.
    again: Option<OrderId>,
}

async fn body(visit: Visit, asked: Asked) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let Asked { store, error, told, again } = asked;
    let row = visit.store(&store).await?;
    let draft = Draft::take(visit.owner().as_ref(), &row.id);
    let lines = visit.cart(&row.id).await?;
    let menu = visit.menu(&row.id).await?;
    let back = match again {
        Some(order) => put_back(&visit, order, &menu, &lines).await,
        None => None,
    };
    let title = format!("{} · {}", w::checkout::title(locale), row.name.in_locale(locale));
    let head = head(&visit, Head { title, description: w::checkout::description(locale).to_owned(), ..Head::default() });
    if lines.is_empty() {
        let ordered = just_ordered(&visit, &row.id).await?;
        // What was refused before that order is over: Back brings the address of then.
        let error = error.filter(|error| ordered.is_none() && error != "no_lines");
        // So does what was put back into the cart before it was ordered.
        let back = back.filter(|_| ordered.as_ref().is_none_or(|order| Some(order.id) == again));
        let way_on = (paths::store(&row.id), w::cart::see_menu(locale));
        let main = view! {
            {head}
            <main class="page page--narrow" id="main">
                {problem(error.as_deref(), locale)}
                {back}
                {ordered.map(|order| placed(&order, locale))}
                {empty(w::cart::empty_title(locale), w::cart::empty_text(locale), Some(way_on))}
            </main>
        };
        return Ok(frame(&visit, main.into_any()));
    }
    let status = visit.backend.stores.view(&mut visit.backend.db.reader(), &row.id, visit.naming()).await?.ok_or(Failure::NotFound)?;
    let requests: Vec<_> = lines.iter().map(|line| line.request.clone()).collect();
    let mut part = pricing::around(&menu, &requests, visit.now);
    let live = match visit.owner() {
        Some(owner) => visit.backend.checkouts.held(&mut visit.backend.db.reader(), &owner, &row.id, visit.naming()).await?,
        None => None,
    };
    if let Some(live) = &live {
        // Of the last units that are held for this visitor there are enough for them.
        let held = |sku| live.quote.lines.iter().any(|line| line.sku == sku);
        part.variants_mut().filter(|variant| held(variant.sku.clone())).for_each(|variant| variant.available |= variant.out_of_stock);
    }
    // What a page of theirs has promised holds on this one, too, whatever has been switched off since.
    let held = live.filter(|_| error.is_none() && row.fulfilment == FulfilmentKind::Pickup);
    let held = held.map(|live| held_of(&live, row.settings.customer_seconds)).filter(|held| is_of(held, &requests));
    // A form is good for one order: what has been sent is not to come again with Back, with its key.
    keep_nothing();
    let draft = draft.unwrap_or_default();
    let key = open_key(&visit, &row.id, draft.key).await;
    let data = wire::CheckoutPage {
        store: status,
        menu: part,
        lines: lines.clone(),
        held,
        ships: row.fulfilment == FulfilmentKind::Ship,
        key: key.unwrap_or_else(|| Uuid::now_v7().to_string()),
        address: draft.address,
        payment: draft.payment,
        wallet: visit.wallet().await?,
        refusal: error.map(|code| Refusal { code, faults: draft.faults }),
        told: told.map(|told| Money::new(told, menu.currency)),
    };
    let main = view! {
        {head}
        <Html {..} data-bars="line"/>
        <main class="page" id="main">
            <a class="back" href=paths::store(&row.id)>{icon("back")}{row.name.in_locale(locale).to_owned()}</a>
            <div class="stack">
                <h1>{w::checkout::title(locale)}</h1>
                {back}
                <div class="live-quiet"><CartLine clock=Some(clock(&row.time_zone, visit.now)) locale/></div>
                <Checkout page=data now=visit.now locale/>
            </div>
        </main>
    };
    Ok(frame(&visit, main.into_any()))
}

/// Whether it is these lines that are held, one by one.
fn is_of(held: &Held, lines: &[LineRequest]) -> bool {
    held.lines.len() == lines.len() && held.lines.iter().zip(lines).all(|(held, line)| things([held]) == things([line]))
}

/// So many of the newest orders are looked at for one of the store's.
const NEWEST: i64 = 5;

/// For so many seconds an order counts as just placed, whatever has become of it.
const JUST_PLACED: i64 = 600;

/// Where the cart may have gone: the order that the visitor waits for, or has just placed, which may have been from another window.
async fn just_ordered(visit: &Visit, store: &StoreId) -> Result<Option<OrderView>, Failure> {
    // A browser that was never here has none, and is not looked up.
    let Some(owner) = visit.owner().filter(|_| !matches!(visit.caller, Caller::Guest { fresh: true, .. })) else { return Ok(None) };
    let orders = visit.backend.orders.list(&mut visit.backend.db.reader(), &owner, None, NEWEST, visit.naming()).await?;
    let current = |order: &OrderView| !order.status.is_final() || visit.now.seconds_since(order.placed_at) < JUST_PLACED;
    Ok(orders.items.into_iter().find(|order| order.store == *store && current(order)))
}

/// What is said of that order: one that came to nothing is told as on its page, with what was in it one press away from another try.
fn placed(order: &OrderView, locale: Locale) -> AnyView {
    let look = view! { <a href=paths::order(order.id)>{w::cart::see_order(locale)}</a> };
    if matches!(order.status, OrderStatus::Rejected | OrderStatus::Cancelled) {
        let title = w::order::title(locale, headline(order, locale), order.number);
        return view! {
            <div class="notice" data-tone="stop" role="status" data-testid="ordered">
                {icon("alert")}<p class="notice__title">{title}</p>
                <p>{next_step(order, locale)}</p>
                <form class="row" method="post" action=paths::form::ORDER_AGAIN>
                    <input type="hidden" name="order" value=order.id.to_string()/>
                    <button class="button button--quiet" data-testid="order-again">{w::order::again(locale)}</button>
                    {look}
                </form>
            </div>
        }
        .into_any();
    }
    view! {
        <div class="notice" data-tone="go" role="status" data-testid="ordered">
            {icon("check")}<p class="notice__title">{w::cart::ordered(locale, order.number)}</p>
            <p>{look}</p>
        </div>
    }
    .into_any()
}

/// What has become of an order whose lines were put back into the cart: what is not offered any more was left out, and is
/// named. Nothing is said of an order that is not the visitor's.
async fn put_back(visit: &Visit, order: OrderId, menu: &Menu, cart: &[Line]) -> Option<AnyView> {
    let locale = visit.locale;
    let order = visit.backend.orders.view_for(&mut visit.backend.db.reader(), &visit.caller, order, visit.naming()).await.ok()?;
    let one_of = |line: &LineRequest| things([&LineRequest { quantity: 1, ..line.clone() }]);
    let is_there = |line: &LineRequest| cart.iter().any(|there| one_of(&there.request) == one_of(line));
    let is_left_out = |line: &LineRequest| !is_there(line) && !pricing::is_offered(menu, line, visit.now);
    let gone: Vec<_> = order.lines.iter().filter(|line| is_left_out(&as_ordered(line))).collect();
    let title = if gone.len() == order.lines.len() { w::checkout::none_again(locale) } else { w::checkout::again(locale) };
    let gone = gone.into_iter().map(|line| line_name(line, locale)).collect::<Vec<_>>().join(" · ");
    let (tone, sign) = if gone.is_empty() { ("go", "check") } else { ("wait", "alert") };
    let left_out = (!gone.is_empty()).then(|| view! { <p>{w::checkout::left_out(locale, gone)}</p> });
    let view = view! {
        <div class="notice" data-tone=tone role="status" data-testid="put-back">
            {icon(sign)}<p class="notice__title">{title}</p>{left_out}
        </div>
    };
    Some(view.into_any())
}
