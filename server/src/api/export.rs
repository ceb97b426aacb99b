//! Everything that is kept about somebody, for them to take along.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use backend::{identity::Caller, ordering::KeptCheckout};
use domain::{
    CheckoutId, Locale, OrderId, StoreId, Timestamp,
    pricing::LineRequest,
    view::{AdmissionView, FulfilmentRequest, MeView, OrderView, Problem, SessionView, WalletEntry},
};
use serde::Serialize;

use super::{extract::Lang, problem::AppError};
use crate::{caller::Who, state::AppState};

/// Orders, or movements, of one read.
const PAGE: i64 = 200;

/// Everything that is kept about an account. Of its phone that is a fingerprint, by
/// which we know it again, and the last two digits.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Export {
    exported_at: Timestamp,
    me: MeView,
    account: AccountExport,
    sessions: Vec<SessionView>,
    carts: Vec<CartExport>,
    /// What moved in the wallet, the newest first.
    wallet: Vec<WalletEntry>,
    /// The newest first.
    orders: Vec<OrderExport>,
    /// What was begun and is no order, the newest first.
    checkouts: Vec<CheckoutExport>,
    /// What kiosks' codes were scanned for, the newest first.
    admissions: Vec<AdmissionView>,
}

/// An order, and how it was to come to its shopper: with the address, which nobody else is shown.
#[derive(Serialize, utoipa::ToSchema)]
struct OrderExport {
    #[serde(flatten)]
    order: OrderView,
    fulfilment: Option<FulfilmentRequest>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct CheckoutExport {
    id: CheckoutId,
    store: StoreId,
    begun_at: Timestamp,
    fulfilment: FulfilmentRequest,
}

#[derive(Serialize, utoipa::ToSchema)]
struct AccountExport {
    name: String,
    language: Option<Locale>,
    created_at: Timestamp,
    phone_ending: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct CartExport {
    store: StoreId,
    lines: Vec<LineRequest>,
}

/// Everything that is kept about the caller's account, as a file.
#[utoipa::path(get, path = "/me/export", tag = "session",
    responses((status = 200, body = Export), (status = 403, body = Problem, content_type = "application/problem+json")))]
pub async fn export(State(app): State<AppState>, Who(caller): Who, lang: Lang) -> Result<Response, AppError> {
    let backend = &app.backend;
    let sessions = backend.identities.sessions(&caller).await?;
    let Caller::User { user, .. } = &caller else { return Err(AppError::forbidden()) };
    let owner = caller.owner().ok_or_else(AppError::session_required)?;
    let me = backend.me(&caller).await?;
    let mut sql = backend.db.reader();
    let account = backend.identities.account(&mut sql, *user).await?.ok_or_else(|| AppError::not_found("account"))?;
    let mut carts = Vec::new();
    for store in backend.stores.list(&mut sql).await? {
        let lines: Vec<_> = backend.carts.get(&mut sql, &owner, &store.id).await?.into_iter().map(|line| line.request).collect();
        if !lines.is_empty() {
            carts.push(CartExport { store: store.id, lines });
        }
    }
    let mut wallet: Vec<WalletEntry> = Vec::new();
    let mut before: Option<i64> = None;
    loop {
        let page = backend.wallets.page(&mut sql, *user, before, PAGE).await?;
        wallet.extend(page.entries.items);
        before = page.entries.next.and_then(|next| next.parse().ok());
        if before.is_none() {
            break;
        }
    }
    let mut orders: Vec<OrderView> = Vec::new();
    loop {
        let after: Option<OrderId> = orders.last().map(|order| order.id);
        let page = backend.orders.list(&mut sql, &owner, after, PAGE, lang.naming()).await?;
        orders.extend(page.items);
        if page.next.is_none() {
            break;
        }
    }
    let mut fulfilments = backend.orders.fulfilments(&mut sql, &owner).await?;
    let orders = orders.into_iter().map(|order| OrderExport { fulfilment: fulfilments.remove(&order.id), order }).collect();
    let checkouts = backend.orders.kept_checkouts(&mut sql, &owner).await?;
    let checkouts = checkouts
        .into_iter()
        .map(|KeptCheckout { id, store, begun_at, fulfilment }| CheckoutExport { id, store, begun_at, fulfilment })
        .collect();
    let admissions = backend.kiosks.kept_admissions(&mut sql, &owner).await?;
    let account = AccountExport {
        name: account.name,
        language: account.language,
        created_at: account.created_at,
        phone_ending: account.phone_ending,
    };
    let export = Export { exported_at: backend.clock.now(), me, account, sessions, carts, wallet, orders, checkouts, admissions };
    Ok(([(header::CONTENT_DISPOSITION, "attachment; filename=\"orderly.json\"")], Json(export)).into_response())
}
