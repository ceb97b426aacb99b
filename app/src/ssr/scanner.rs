//! The scanner of a kiosk, where shoppers hold out their pick-up tickets.

use domain::{KioskId, OrderId, kiosk::Screen};
use leptos::prelude::*;

use super::{
    failure::Failure,
    frame::skip,
    kiosk::{door, keep},
    seo::{Head, head},
    visit::{Visit, clock, page, param, query},
};
use crate::{
    islands::{KioskScanner, Outcome},
    words as w,
};

/// `/kiosk/{kiosk}/scan`
#[component]
pub fn ScannerPage() -> impl IntoView {
    let visit = Visit::here();
    let asked = (param("kiosk"), query("error"), query("said"), query("order"));
    page(async move { body(visit, asked).await })
}

async fn body(
    visit: Visit,
    (typed, error, said, order): (String, Option<String>, Option<String>, Option<String>),
) -> Result<AnyView, Failure> {
    let kiosk: KioskId = typed.parse().map_err(|_| Failure::NotFound)?;
    let store = visit.backend.stores.of_kiosk(&mut visit.backend.db.reader(), &kiosk).await?;
    // Handing over is for the kiosk alone; whoever is none is not told whether there is such a screen.
    let Some(store) = store.filter(|_| visit.caller.is_kiosk(&kiosk)) else { return Ok(door(&visit, &kiosk, Some("scan"), error)) };
    keep(&visit, Screen::Scanner).await?;
    let locale = visit.locale;
    let row = visit.store(store.as_str()).await?;
    let outcome = match (said, order.and_then(|order| order.parse::<OrderId>().ok())) {
        (Some(code), _) => Some(Outcome::Refused(code)),
        (None, Some(id)) => {
            let view = visit.backend.orders.view(&mut visit.backend.db.reader(), id, visit.naming()).await?;
            // Somebody may have typed the address: other stores' orders are not shown.
            view.filter(|order| order.store == store).map(|order| Outcome::of(&order, locale))
        }
        (None, None) => None,
    };
    let name = row.name.in_locale(locale).to_owned();
    let head = head(&visit, Head { title: format!("{} · {name} · {kiosk}", w::scanner::title(locale)), ..Head::default() });
    let view = view! {
        {head}
        {skip(locale)}
        <div class="kiosk"><KioskScanner kiosk store_name=name outcome clock=clock(&row.time_zone, visit.now) locale/></div>
    };
    Ok(view.into_any())
}
