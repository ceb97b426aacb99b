//! What staff and devices have done at a store, for its managers.

use backend::identity::{Caller, Right};
use domain::{EventId, Locale, view::AuditEntry};
use leptos::prelude::*;
use serde_json::Value;

use super::{
    super::{
        failure::Failure,
        orders::moment_at,
        seo::{Head, head},
        visit::{Visit, clock, page, param, query},
    },
    frame::{Tab, store_frame},
};
use crate::{islands::StoreTime, paths, wire::StoreClock, words as w};

/// Entries on a page.
const ENTRIES: i64 = 50;

/// `/staff/{store}/audit`
#[component]
pub fn AuditPage() -> impl IntoView {
    let visit = Visit::here();
    let (store, before) = (param("store"), query("before"));
    page(async move { body(visit, store, before).await })
}

async fn body(visit: Visit, store: String, before: Option<String>) -> Result<AnyView, Failure> {
    let locale = visit.locale;
    let row = visit.store(&store).await?;
    let Caller::User { .. } = &visit.caller else { return Err(Failure::SignIn) };
    if !visit.caller.may(Right::Audit, &row.id) {
        return Err(Failure::Forbidden);
    }
    let before: Option<EventId> = before.map(|id| id.parse()).transpose().map_err(|_| Failure::NotFound)?;
    let backend = &visit.backend;
    let page = backend.audit.page(&mut backend.db.reader(), &backend.identities, &visit.caller, &row.id, before, ENTRIES).await?;
    let head = head(&visit, Head { title: w::audit::page_title(locale, row.name.in_locale(locale)), ..Head::default() });
    let times: Vec<_> = page.items.iter().map(|entry| (entry.at, clock(&row.time_zone, entry.at))).collect();
    let rows = page.items.iter().zip(&times).map(|(entry, (_, clock))| line(entry, *clock, locale)).collect_view();
    let list = if page.items.is_empty() {
        view! { <p class="soft">{w::audit::none(locale)}</p> }.into_any()
    } else {
        view! { <ol class="entries" data-testid="audit">{rows}</ol> }.into_any()
    };
    let older = page.next.map(|next| {
        view! { <div class="row"><a class="button button--quiet" href=format!("{}?before={next}", paths::audit(&row.id))>{w::audit::older(locale)}</a></div> }
    });
    let body = view! {
        {head}
        <section class="panel" aria-label=w::staff::audit(locale)>
            <p class="soft">{w::audit::lead(locale)}</p>
            {list}
            <StoreTime times locale/>
            {older}
        </section>
    };
    Ok(store_frame(&visit, &row, Tab::Audit, None, body.into_any()))
}

/// Who did what to whom, and when.
fn line(entry: &AuditEntry, clock: StoreClock, locale: Locale) -> AnyView {
    let did = did(entry, locale);
    let by = if matches!(&*entry.by.kind, "customer" | "guest") {
        w::audit::shopper(locale).to_owned()
    } else if entry.by.name.is_empty() {
        entry.by.id.get(..8).unwrap_or_default().to_owned()
    } else {
        entry.by.name.clone()
    };
    let token = (entry.by.kind == "token").then(|| format!(" ({})", w::audit::token(locale)));
    let order = entry.number.zip(entry.data.get("order").and_then(Value::as_str)).map(|(number, id)| {
        view! { {w::menu::colon(locale)}<a href=paths::order(id)>{w::audit::order(locale, number)}</a> }
    });
    // What nobody did has a sentence of its own.
    let by = if by_command(entry) { w::audit::command_line(locale).to_owned() } else { by };
    let by = (entry.by.kind != "system" || by_command(entry)).then(|| view! { <strong>{by}</strong>{token}" " });
    let details = details(entry, locale).into_iter().map(|text| view! { <small>{text}</small> }).collect_view();
    view! {
        <li class="entry" data-testid="audit-entry">
            <p class="entry__what"><span>{by}{did}{order}</span>{details}</p>
            <p class="entry__amount"><small><time datetime=entry.at.to_string()>{moment_at(entry.at, clock, locale)}</time></small></p>
        </li>
    }
    .into_any()
}

/// Whether somebody did it who has the command line: there nobody signs in.
fn by_command(entry: &AuditEntry) -> bool {
    entry.by.kind == "system"
        && matches!(&*entry.type_name, "staff.added.v1" | "staff.code_made.v1" | "token.issued.v1" | "token.revoked.v1")
}

/// What was done, as the rest of a sentence that begins with who did it.
fn did(entry: &AuditEntry, locale: Locale) -> String {
    let text = |name: &str| entry.data.get(name).and_then(Value::as_str);
    let whom = entry.whom.as_deref().unwrap_or_else(|| w::audit::somebody(locale));
    let token = entry.whom.as_deref().unwrap_or(&entry.subject);
    let screen = text("kiosk").unwrap_or_default();
    let item = text("sku").or_else(|| text("option")).unwrap_or_default();
    let available = entry.data.get("available").and_then(Value::as_bool);
    let short = entry.type_name.rsplit_once(".v").map_or(&*entry.type_name, |(name, _)| name);
    match (short, available) {
        ("staff.added", _) => w::did::staff_added(locale, whom),
        ("staff.code_made", _) => w::did::staff_code_made(locale, whom),
        ("staff.roles_changed", _) => w::did::staff_roles_changed(locale, whom),
        ("staff.revoked", _) => w::did::staff_revoked(locale, whom),
        ("kiosk.added", _) => w::did::kiosk_added(locale, screen),
        ("kiosk.pairing_begun", _) => w::did::kiosk_pairing_begun(locale, screen),
        ("kiosk.paired", _) => w::did::kiosk_paired(locale, screen),
        ("kiosk.revoked", _) => w::did::kiosk_revoked(locale, screen),
        ("token.issued", _) => w::did::token_issued(locale, token),
        ("token.revoked", _) => w::did::token_revoked(locale, token),
        ("prep.released", _) if entry.by.kind == "system" => w::did::prep_put_back(locale, whom),
        ("checkout.crowded", _) => {
            let number = |name: &str| entry.data.get(name).and_then(Value::as_i64);
            let guests = number("guests").unwrap_or_default();
            match number("places") {
                Some(places) => w::did::checkout_crowded(locale, guests, places),
                None => w::did::checkout_crowded_endless(locale, guests),
            }
        }
        ("stock.adjusted", _) => w::did::stock_adjusted(locale, item),
        ("menu.item_availability_changed", Some(false)) => w::did::menu_item_sold_out(locale, item),
        ("menu.item_availability_changed", Some(true)) => w::did::menu_item_back(locale, item),
        _ => w::did::by_name(&short.replace('.', "_"), locale).map_or_else(|| short.to_owned(), str::to_owned),
    }
}

/// What else the event says that a manager would ask for.
fn details(entry: &AuditEntry, locale: Locale) -> Vec<String> {
    let text = |name: &str| entry.data.get(name).and_then(Value::as_str).map(str::to_owned);
    let number = |name: &str| entry.data.get(name).and_then(Value::as_i64);
    let role = |role: &str| role.parse().map_or_else(|_| role.to_owned(), |role| super::role_name(role, locale).to_owned());
    let mut details: Vec<_> = text("product").into_iter().collect();
    for change in entry.data.get("changes").and_then(Value::as_array).into_iter().flatten() {
        let value = |side: &str| match (change.get(side).and_then(Value::as_str), change.get("name").and_then(Value::as_str)) {
            (None, _) => w::audit::unlimited(locale).to_owned(),
            (Some(word), Some("admission")) => w::settings::by_name(&format!("admission_{word}"), locale).unwrap_or(word).to_owned(),
            (Some(number), _) => number.to_owned(),
        };
        let name = change.get("name").and_then(Value::as_str).unwrap_or_default();
        let label = if name == "wait_target_seconds" { "wait_target" } else { name };
        let label = w::settings::by_name(label, locale).unwrap_or(name);
        details.push(w::audit::change(locale, value("from"), label, value("to")));
    }
    if !matches!(&*entry.type_name, "stock.adjusted.v1" | "menu.item_availability_changed.v1") {
        details.extend(text("sku").or_else(|| text("option")));
    }
    if let (Some(delta), Some(on_hand)) = (number("delta"), number("on_hand")) {
        let sign = if delta > 0 { "+" } else { "" };
        details.push(w::audit::units(locale, format!("{sign}{delta}"), on_hand));
    }
    details.extend(text("role").map(|word| role(&word)));
    let roles: Vec<_> =
        entry.data.get("roles").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(role).collect();
    if !roles.is_empty() {
        details.push(roles.join(w::staff::roles_and(locale)));
    }
    // A screen is named in the sentence, of a token beside it.
    details.extend(text("kiosk").filter(|_| !entry.type_name.starts_with("kiosk.")));
    details.extend(text("reason").and_then(|reason| {
        let said = || match &*entry.type_name {
            "order.cancelled.v1" => Some(w::spoken(&reason, locale)),
            // In words of their own.
            "stock.adjusted.v1" => Some(reason.clone()),
            _ => w::reason(&reason, locale),
        };
        // Its sentence has said so.
        let told = reason == "board_gone";
        w::stock::by_name(&format!("reason_{reason}"), locale).map(str::to_owned).or_else(said).filter(|_| !told)
    }));
    details
}
