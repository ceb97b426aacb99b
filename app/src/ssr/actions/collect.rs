//! Handing an order over by its ticket, for scanners without scripts.

use backend::prep::PrepError;
use domain::{KioskId, OrderId};
use leptos::prelude::*;

use super::{super::visit::Visit, Done, held::held, refusal, to};
use crate::{paths, wire::Refusal};

/// Hands over the order of a ticket; the scanner's page says what came of it.
#[server(name = CollectTicket, prefix = "/do", endpoint = "kiosk/collect")]
pub async fn collect_ticket(#[server(default)] kiosk: String, #[server(default)] ticket: String) -> Done<()> {
    let page = paths::scanner(&kiosk);
    match collect(kiosk, ticket).await {
        Ok(order) => to(&format!("{page}?order={order}"), ()),
        Err(refusal) => to(&format!("{page}?said={}", refusal.code), ()),
    }
}

async fn collect(kiosk: String, ticket: String) -> Result<OrderId, Refusal> {
    let visit = Visit::here();
    let kiosk: KioskId = kiosk.parse().map_err(|_| refusal(&PrepError::Forbidden))?;
    let (backend, caller) = (visit.backend.clone(), visit.caller.clone());
    let handed = held(&visit, move |tx| {
        Box::pin(async move { backend.queue.collect_by_ticket_in(tx, &backend.tickets, &caller, &kiosk, &ticket).await })
    });
    handed.await
}
