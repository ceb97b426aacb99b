//! Spending a scan.

use backend::{
    identity::{Client, ensure_session_in},
    kiosk::KioskError,
};
use domain::StoreId;
use leptos::prelude::*;

use super::{super::visit::Visit, Done, refusal, to};
use crate::{paths, wire::Refusal};

/// Spends a scan of a kiosk's code, and goes on to the menu. Who sends it twice has one admission; where that is over, the code's
/// page says so.
#[server(name = Scan, prefix = "/do", endpoint = "scan")]
pub async fn scan(#[server(default)] code: String) -> Done<()> {
    match spend(code.clone()).await {
        Ok(Some(store)) => to(&paths::store(store), ()),
        Ok(None) => to(&paths::scan(&code), ()),
        Err(refusal) => to(&format!("{}?error={}", paths::scan(&code), refusal.code), ()),
    }
}

/// Where they are in now; `None`: they had been before.
async fn spend(code: String) -> Result<Option<StoreId>, Refusal> {
    let visit = Visit::here();
    let (backend, caller) = (visit.backend.clone(), visit.caller.clone());
    let client: Client = expect_context();
    if caller.user().is_some() {
        backend.may_try_code(&caller, &client, &code).await.map_err(|error| refusal(&error))?;
    }
    let scanned = visit.backend.db.transaction(move |tx| {
        Box::pin(async move {
            ensure_session_in(tx, &caller).await?;
            let store = backend.kiosks.scan_in(tx, &caller, &code).await?.store;
            let is_in = backend.kiosks.admission(tx, &caller, &store).await?.is_some();
            Ok(is_in.then_some(store))
        })
    });
    scanned.await.map_err(|error: KioskError| refusal(&error))
}
