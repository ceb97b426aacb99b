//! Spending a scan.

use backend::{
    identity::{Client, ensure_session_in},
    kiosk::KioskError,
};
use leptos::prelude::*;

use super::{super::visit::Visit, Done, refusal, to};
use crate::{paths, wire::Refusal};

/// Spends a scan of a kiosk's code, and goes on to the menu. Who sends it twice has one admission.
#[server(name = Scan, prefix = "/do", endpoint = "scan")]
pub async fn scan(#[server(default)] code: String) -> Done<()> {
    match spend(code.clone()).await {
        Ok(store) => to(&paths::store(store), ()),
        Err(refusal) => to(&format!("{}?error={}", paths::scan(&code), refusal.code), ()),
    }
}

async fn spend(code: String) -> Result<domain::StoreId, Refusal> {
    let visit = Visit::here();
    let (backend, caller) = (visit.backend.clone(), visit.caller.clone());
    let client: Client = expect_context();
    if caller.user().is_some() {
        backend.may_try_code(&caller, &client, &code).await.map_err(|error| refusal(&error))?;
    }
    let scanned = visit.backend.db.transaction(move |tx| {
        Box::pin(async move {
            ensure_session_in(tx, &caller).await?;
            backend.kiosks.scan_in(tx, &caller, &code).await
        })
    });
    scanned.await.map(|admission| admission.store).map_err(|error: KioskError| refusal(&error))
}
