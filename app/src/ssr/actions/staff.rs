//! Behind the bar: signing in and out, tickets, switches.

use backend::{
    catalog::CatalogError,
    identity::{Client, IdentityError, Right},
    prep::PrepError,
    refused::Refused as _,
    stores::StoreError,
};
use domain::{OptionId, OrderId, Sku, StoreId};
use leptos::prelude::*;

use super::{super::visit::Visit, Done, held::held, refusal, set_cookie, to, typed::Typed};
use crate::{
    paths,
    wire::{Refusal, SwitchAnswer},
};

/// Signs in by a one-time code, or by store, name and password. Afterwards the browser is at `back`, or at the staff's home.
#[server(name = SignIn, prefix = "/do", endpoint = "staff/sign-in")]
pub async fn sign_in(
    #[server(default)] code: String,
    #[server(default)] store: String,
    #[server(default)] name: String,
    #[server(default)] password: String,
    #[server(default)] back: String,
) -> Done<()> {
    let visit = Visit::here();
    let (identities, client) = (&visit.backend.identities, expect_context::<Client>());
    let by_name = code.trim().is_empty() && !password.is_empty();
    let signed_in = match store.parse::<StoreId>() {
        Ok(store) if by_name => identities.staff_sign_in_by_password(&visit.caller, &store, &name, &password, &client).await,
        Err(_) if by_name => Err(IdentityError::WrongPassword),
        _ => identities.staff_sign_in(&visit.caller, &code, &client).await,
    };
    let back = if back == paths::STAFF || back.starts_with("/staff/") { &*back } else { paths::STAFF };
    match signed_in {
        Ok(issued) => {
            set_cookie(&identities.set_cookie(&issued));
            if let Some(known) = identities.set_browser(&issued) {
                set_cookie(&known);
            }
            to(back, ())
        }
        Err(error) => {
            let page = back.split('?').next().unwrap_or(paths::STAFF);
            if by_name {
                // Never the password.
                Typed::new("door", [("store", &*store), ("name", &*name)]).leave();
            }
            let code = match (&error, error.extra().retry_after) {
                (IdentityError::PasswordsLimited { .. }, Some(seconds)) => format!("passwords_limited&wait={seconds}"),
                (IdentityError::RateLimited { .. }, Some(seconds)) => format!("codes_limited&wait={seconds}"),
                _ => refusal(&error).code,
            };
            // The door says it at its form; what other forms of the page were refused is not its own.
            to(&format!("{page}?error={code}&by={}", if by_name { "name" } else { "code" }), ())
        }
    }
}

#[server(name = SignOut, prefix = "/do", endpoint = "staff/sign-out")]
pub async fn sign_out() -> Done<()> {
    let visit = Visit::here();
    match visit.backend.identities.sign_out(&visit.caller).await {
        Ok(()) => {
            set_cookie(&visit.backend.identities.clear_cookie());
            to(paths::STAFF, ())
        }
        Err(error) => to(&format!("{}?error={}", paths::STAFF, refusal(&error).code), ()),
    }
}

/// Moves a ticket, for boards without scripts.
#[server(name = MoveTicket, prefix = "/do", endpoint = "staff/ticket")]
pub async fn move_ticket(
    #[server(default)] store: String,
    #[server(default)] order: String,
    #[server(default)] verb: String,
    #[server(default)] reason: String,
) -> Done<()> {
    match act(&order, &verb, reason).await {
        Ok(()) => to(&paths::queue(&store), ()),
        Err(refusal) => {
            // The page names who has it.
            let order = order.parse::<OrderId>().map(|order| format!("&order={order}")).unwrap_or_default();
            to(&format!("{}?error={}{order}", paths::queue(&store), refusal.code), ())
        }
    }
}

async fn act(order: &str, verb: &str, reason: String) -> Result<(), Refusal> {
    let visit = Visit::here();
    let order: OrderId = order.parse().map_err(|_| refusal(&PrepError::NotFound))?;
    let (queue, orders, caller) = (visit.backend.queue, visit.backend.orders.clone(), visit.caller.clone());
    let moved = match verb {
        "claim" => held(&visit, move |tx| Box::pin(async move { queue.claim_in(tx, &caller, order).await })).await,
        "release" => held(&visit, move |tx| Box::pin(async move { queue.release_in(tx, &caller, order).await })).await,
        "ready" => held(&visit, move |tx| Box::pin(async move { queue.ready_in(tx, &caller, order).await })).await,
        "collect" => held(&visit, move |tx| Box::pin(async move { queue.collect_in(tx, &caller, order).await })).await,
        "recall" => held(&visit, move |tx| Box::pin(async move { queue.recall_in(tx, &caller, order).await })).await,
        "cancel" => {
            let cancelled =
                held(&visit, move |tx| Box::pin(async move { orders.cancel_as_staff_in(tx, &caller, order, Some(reason)).await })).await;
            return cancelled.map(drop).map_err(|refused| match refused {
                // Names and addresses are shorter.
                Refusal { code, faults } if code == "too_long" => Refusal { code: "reason_too_long".to_owned(), faults },
                other => other,
            });
        }
        _ => Err(refusal(&PrepError::NotFound)),
    };
    moved.map(drop)
}

/// Sold out, or back: an item (SKU) or an option.
#[server(name = SwitchItem, prefix = "/do", endpoint = "staff/item")]
pub async fn switch_item(
    #[server(default)] store: String,
    #[server(default)] sku: String,
    #[server(default)] option: String,
    #[server(default)] available: String,
    #[server(default)] q: String,
    #[server(default)] only: String,
) -> Done<SwitchAnswer> {
    // The page shows what it showed: what was looked for.
    let page = paths::menu_found(&store, &q, !only.is_empty());
    match switch(&store, &sku, &option, available == "true").await {
        Ok(place) => to(&format!("{page}#{place}"), SwitchAnswer::Done),
        Err(refusal) => {
            let more = if page.contains('?') { '&' } else { '?' };
            to(&format!("{page}{more}error={}", refusal.code), SwitchAnswer::Refused(refusal))
        }
    }
}

async fn switch(store: &str, sku: &str, option: &str, available: bool) -> Result<String, Refusal> {
    let visit = Visit::here();
    let store: StoreId = store.parse().map_err(|_| refusal(&CatalogError::Unknown))?;
    require(&visit, Right::Switch, &store)?;
    let place = format!(
        "{store}-{}{}",
        sku.parse::<Sku>().map(String::from).unwrap_or_default(),
        option.parse::<OptionId>().map(String::from).unwrap_or_default()
    );
    let (catalog, actor) = (visit.backend.catalog.clone(), visit.caller.actor(&store));
    let switched = match (sku.parse::<Sku>(), option.parse::<OptionId>()) {
        (Ok(sku), _) => {
            held(&visit, move |tx| Box::pin(async move { catalog.set_item_available_in(tx, &store, &sku, available, actor).await })).await
        }
        (_, Ok(option)) => {
            held(&visit, move |tx| Box::pin(async move { catalog.set_option_available_in(tx, &store, &option, available, actor).await }))
                .await
        }
        _ => Err(refusal(&CatalogError::Unknown)),
    };
    switched.map(|_| place)
}

/// Opens or closes a store.
#[server(name = OpenStore, prefix = "/do", endpoint = "staff/open")]
pub async fn open_store(#[server(default)] store: String, #[server(default)] open: String, #[server(default)] back: String) -> Done<()> {
    let page = if back.starts_with(paths::STAFF) { &*back } else { paths::STAFF };
    match set_open(&store, open == "true").await {
        Ok(()) => to(page, ()),
        Err(refusal) => to(&format!("{page}?error={}", refusal.code), ()),
    }
}

async fn set_open(store: &str, open: bool) -> Result<(), Refusal> {
    let visit = Visit::here();
    let store: StoreId = store.parse().map_err(|_| refusal(&StoreError::Unknown))?;
    require(&visit, Right::Store, &store)?;
    let (stores, actor) = (visit.backend.stores, visit.caller.actor(&store));
    held(&visit, move |tx| Box::pin(async move { stores.set_open_in(tx, &store, open, actor).await })).await.map(drop)
}

pub(super) fn require(visit: &Visit, right: Right, store: &StoreId) -> Result<(), Refusal> {
    visit.caller.require(right, store).map_err(|denied| refusal(&denied))
}
