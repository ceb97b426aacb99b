//! What managers and the warehouse change of a store: its terms, and its counts.

use std::collections::BTreeMap;

use backend::{
    idempotency::{Answer, CommandError, KeyError, Outcome, RequestKey},
    identity::{Right, SessionError, ensure_session_in},
    inventory::{Adjustment, StockError},
    refused::Refused,
    stores::{SettingsPatch, StoreError},
};
use domain::{Fault, Faults, Sku, StoreId};
use leptos::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    super::{staff::shown, visit::Visit},
    Done,
    held::held,
    number,
    once::coded,
    refusal,
    staff::require,
    to,
    typed::Typed,
};
use crate::{paths, wire::Refusal};

/// What somebody else has changed since the form was shown.
pub const CHANGED: &str = "settings_changed";

/// Changes a store's terms, all of the form at once or none. `was`: what the form showed; only what differs from it is
/// changed, and nothing where somebody else has changed the same meanwhile.
#[server(name = SetSettings, prefix = "/do", endpoint = "staff/settings")]
pub async fn set_settings(
    #[server(default)] store: String,
    #[server(default)] settings: BTreeMap<String, String>,
    #[server(default)] was: BTreeMap<String, String>,
) -> Done<()> {
    let page = paths::settings(&store);
    let typed = changed(&settings, &was);
    match patch(&store, settings, &was).await {
        Ok(()) => to(&format!("{page}?saved=1"), ()),
        Err(refusal) => {
            typed.leave();
            let fields: Vec<_> = refusal.faults.iter().map(|fault| fault.pointer.trim_start_matches('/')).collect();
            to(&format!("{page}?error={}&fields={}", refusal.code, fields.join(",")), ())
        }
    }
}

/// What was changed in the form, and what it showed there, for the page to tell what somebody else has changed since, whatever the
/// form is refused for. What was left as it was is shown as it is then.
fn changed(settings: &BTreeMap<String, String>, was: &BTreeMap<String, String>) -> Typed {
    let typed: Vec<_> = settings.iter().filter(|(field, text)| differs(was, field, text)).collect();
    let seen: Vec<_> = typed.iter().filter_map(|(field, _)| Some((seen_of(field), was.get(*field)?.trim()))).collect();
    let typed = typed.iter().map(|(field, text)| (field.as_str(), text.as_str()));
    Typed::new("settings", typed.chain(seen.iter().map(|(field, was)| (field.as_str(), *was))))
}

/// The form's field for what it showed of another one.
pub fn seen_of(field: &str) -> String {
    format!("was[{field}]")
}

/// Whether a field is not as the form showed it.
fn differs(was: &BTreeMap<String, String>, field: &str, text: &str) -> bool {
    was.get(field).is_none_or(|was| was.trim() != text.trim())
}

async fn patch(store: &str, mut typed: BTreeMap<String, String>, was: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let visit = Visit::here();
    let store: StoreId = store.parse().map_err(|_| refusal(&StoreError::Unknown))?;
    require(&visit, Right::Store, &store)?;
    typed.retain(|field, text| differs(was, field, text));
    // What was seen of what is to be changed: it has to stand there still.
    let seen: Vec<_> =
        was.iter().filter(|(field, _)| typed.contains_key(*field)).map(|(field, was)| (field.clone(), was.trim().to_owned())).collect();
    let patch = SettingsPatch::read(&Value::Object(values(typed))).map_err(|faults| refusal(&StoreError::Invalid(faults)))?;
    let (stores, actor) = (visit.backend.stores, visit.caller.actor(&store));
    let done = held(&visit, move |tx| {
        Box::pin(async move {
            stores.lock_in(tx, &store).await?;
            let now = shown(&stores.get(tx, &store).await?.ok_or(StoreError::Unknown)?.settings);
            let moved = seen.iter().filter(|(field, was)| now.iter().any(|(name, now)| name == field && now != was));
            let moved: Vec<_> = moved.map(|(field, _)| Fault::new(format!("/{field}"), CHANGED, "Somebody has changed it.")).collect();
            if moved.is_empty() {
                stores.patch_settings_in(tx, &store, &patch, actor).await?;
            }
            Ok::<_, StoreError>(moved)
        })
    });
    let faults = done.await?;
    if faults.is_empty() { Ok(()) } else { Err(Refusal { code: CHANGED.to_owned(), faults }) }
}

/// A form's texts as a `PATCH` has them: numbers, and nothing for an empty field.
fn values(typed: BTreeMap<String, String>) -> Map<String, Value> {
    typed
        .into_iter()
        .map(|(field, text)| {
            let text = text.trim();
            let value = match text.parse::<i64>() {
                _ if text.is_empty() => Value::Null,
                Ok(number) => json!(number),
                Err(_) => json!(text),
            };
            (field, value)
        })
        .collect()
}

/// Corrects a count: adds, takes away, or says how many there are. `key` was made with the page: sent twice, it is booked
/// once.
#[server(name = AdjustStock, prefix = "/do", endpoint = "staff/stock")]
pub async fn adjust_stock(
    #[server(default)] store: String,
    #[server(default)] sku: String,
    #[server(default)] key: String,
    #[server(default)] how: String,
    #[server(default)] units: String,
    #[server(default)] reason: String,
) -> Done<()> {
    let page = paths::stock(&store);
    let typed = Typed::new("stock", [("how", &*how), ("units", &*units), ("reason", &*reason)]);
    match book(&store, &sku, key, &how, number(&units), reason).await {
        Ok((done, sku)) => to(&format!("{page}?{done}={sku}#count-{sku}"), ()),
        Err(refusal) => {
            // Said at the item, where what was typed stands.
            let item = sku.parse::<Sku>().map(|sku| format!("&item={sku}#count-{sku}")).unwrap_or_default();
            typed.leave();
            to(&format!("{page}?error={}{item}", refusal.code), ())
        }
    }
}

/// What the page says of it, and of which item: a form that was booked before books nothing, and does not say that it did.
async fn book(store: &str, sku: &str, key: String, how: &str, units: i64, reason: String) -> Result<(&'static str, Sku), Refusal> {
    let visit = Visit::here();
    let invalid = |pointer: &str, code: &str| refusal(&StockError::Invalid(Faults(vec![Fault::new(pointer, code, "This cannot be.")])));
    let store: StoreId = store.parse().map_err(|_| invalid("/store", "unknown_store"))?;
    let sku: Sku = sku.parse().map_err(|_| invalid("/sku", "unknown_sku"))?;
    require(&visit, Right::Stock, &store)?;
    let change = match (how, units) {
        ("add", 1..) => Adjustment::Delta(units),
        ("remove", 1..) => Adjustment::Delta(-units),
        ("count", 0..) => Adjustment::OnHand(units),
        _ => return Err(invalid("/units", "units_out_of_range")),
    };
    let caller = visit.caller.key().unwrap_or_default();
    let request = RequestKey { caller, method: "POST".to_owned(), path: format!("{}?sku={store}/{sku}", paths::form::STOCK), key };
    let (stock, actor, item, caller) = (visit.backend.stock, visit.caller.actor(&store), sku.clone(), visit.caller.clone());
    let fingerprint = format!("{change:?} {reason}");
    let once = visit.backend.keys.once(&visit.backend.db, request, fingerprint, move |tx| {
        Box::pin(async move {
            match ensure_session_in(tx, &caller).await {
                Ok(()) => {}
                Err(SessionError::Unavailable(error)) => return Err(CommandError::Database(error)),
                Err(error) => return Err(forgotten(&error)),
            }
            match stock.adjust_in(tx, &store, &item, change, &reason, actor).await {
                Ok(_) => Ok(Answer { status: 200, body: String::new() }),
                Err(StockError::Unavailable(error)) => Err(CommandError::Database(error)),
                // What is held may be collected: the same form may work in a moment.
                Err(error) => Err(forgotten(&error)),
            }
        })
    });
    match once.await {
        Ok(Outcome::Fresh(_)) => Ok(("saved", sku)),
        Ok(Outcome::Replayed(_)) => Ok(("saved_before", sku)),
        Err(KeyError::Forgotten(answer, _)) => Err(serde_json::from_str(&answer.body).unwrap_or_default()),
        // What is said of an order's form leads to the orders, where there is nothing to be seen of this.
        Err(KeyError::Reused) => Err(coded("stock_sent_before")),
        Err(KeyError::InProgress) => Err(coded("stock_in_progress")),
        Err(error) => Err(refusal(&error)),
    }
}

/// A refusal that is not kept under the form's key.
fn forgotten(error: &impl Refused) -> CommandError {
    let body = serde_json::to_string(&refusal(error)).unwrap_or_default();
    CommandError::Forgotten(Answer { status: error.status(), body }, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_the_api_would_be_told() {
        let typed = [("capacity", " 20 "), ("order_limit", ""), ("code_seconds", "soon"), ("admission", "qr")];
        let values = values(typed.map(|(field, text)| (field.to_owned(), text.to_owned())).into());
        assert_eq!(Value::Object(values), json!({"admission": "qr", "capacity": 20, "code_seconds": "soon", "order_limit": null}));
    }
}
