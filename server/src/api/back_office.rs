//! What staff and managers change: open and closed, settings, sold out and back, stock, products, prices.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use backend::{
    catalog::ProductEdit,
    identity::{Caller, Right},
    inventory::Adjustment,
    stores::SettingsPatch,
};
use domain::{
    Currency, Fault, Money, OptionId, ProductId, Sku, StoreId, Terms, Text, Timestamp,
    catalog::PriceWindow,
    view::{Problem, ProductView, StoreSettings, StoreView},
};
use serde::{Deserialize, Serialize};

use super::{
    extract::{Body, Keyed, Lang, held},
    problem::AppError,
    query::{Path, id},
};
use crate::{caller::Who, state::AppState};

/// Whether the store takes orders.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusRequest {
    pub open: bool,
}

/// Opens or closes a store.
#[utoipa::path(put, path = "/staff/stores/{store}/status", tag = "staff", request_body = StatusRequest, params(("store" = String, Path)),
    responses((status = 200, body = StoreView), (status = 403, body = Problem, content_type = "application/problem+json")))]
pub async fn set_status(
    State(app): State<AppState>,
    Who(caller): Who,
    lang: Lang,
    Path(store): Path<String>,
    Body(request): Body<StatusRequest>,
) -> Result<Json<StoreView>, AppError> {
    let store: StoreId = id(&store, "store")?;
    caller.require(Right::Store, &store)?;
    let (backend, actor, at) = (app.backend.clone(), caller.actor(&store), store.clone());
    held(&app, caller, move |tx| Box::pin(async move { backend.stores.set_open_in(tx, &at, request.open, actor).await })).await?;
    let view = app.backend.stores.view(&mut app.backend.db.reader(), &store, lang.naming()).await?;
    view.map(Json).ok_or_else(|| AppError::not_found("store"))
}

/// The settings of a store.
#[utoipa::path(get, path = "/staff/stores/{store}/settings", tag = "staff", params(("store" = String, Path)),
    responses((status = 200, body = StoreSettings), (status = 403, body = Problem, content_type = "application/problem+json")))]
pub async fn settings(State(app): State<AppState>, Who(caller): Who, Path(store): Path<String>) -> Result<Json<StoreSettings>, AppError> {
    let store: StoreId = id(&store, "store")?;
    caller.require(Right::Store, &store)?;
    let row = app.backend.stores.get(&mut app.backend.db.reader(), &store).await?;
    row.map(|row| Json(row.settings)).ok_or_else(|| AppError::not_found("store"))
}

/// Changes the settings that are named; the others stay.
#[utoipa::path(patch, path = "/staff/stores/{store}/settings", tag = "staff", request_body = StoreSettings, params(("store" = String, Path)),
    responses((status = 200, body = StoreSettings), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json")))]
pub async fn patch_settings(
    State(app): State<AppState>,
    Who(caller): Who,
    Path(store): Path<String>,
    Body(patch): Body<serde_json::Value>,
) -> Result<Json<StoreSettings>, AppError> {
    let store: StoreId = id(&store, "store")?;
    caller.require(Right::Store, &store)?;
    let patch = SettingsPatch::read(&patch)?;
    let (backend, actor) = (app.backend.clone(), caller.actor(&store));
    let settings =
        held(&app, caller, move |tx| Box::pin(async move { backend.stores.patch_settings_in(tx, &store, &patch, actor).await })).await?;
    Ok(Json(settings))
}

/// Sold out, or back.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Availability {
    pub available: bool,
}

/// Switches an item (SKU) to sold out, or back.
#[utoipa::path(put, path = "/staff/stores/{store}/items/{sku}", tag = "staff", request_body = Availability,
    params(("store" = String, Path), ("sku" = String, Path)),
    responses((status = 200, body = Availability), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn set_item(
    State(app): State<AppState>,
    Who(caller): Who,
    Path((store, sku)): Path<(String, String)>,
    Body(request): Body<Availability>,
) -> Result<Json<Availability>, AppError> {
    let store: StoreId = id(&store, "store")?;
    caller.require(Right::Switch, &store)?;
    let sku: Sku = id(&sku, "item")?;
    let (backend, actor, available) = (app.backend.clone(), caller.actor(&store), request.available);
    let switch = held(&app, caller, move |tx| {
        Box::pin(async move { backend.catalog.set_item_available_in(tx, &store, &sku, available, actor).await })
    });
    switch.await?;
    Ok(Json(request))
}

/// Switches an option to sold out, or back, in every product that has it.
#[utoipa::path(put, path = "/staff/stores/{store}/options/{id}", tag = "staff", request_body = Availability,
    params(("store" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = Availability), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn set_option(
    State(app): State<AppState>,
    Who(caller): Who,
    Path((store, option)): Path<(String, String)>,
    Body(request): Body<Availability>,
) -> Result<Json<Availability>, AppError> {
    let store: StoreId = id(&store, "store")?;
    caller.require(Right::Switch, &store)?;
    let option: OptionId = id(&option, "option")?;
    let (backend, actor, available) = (app.backend.clone(), caller.actor(&store), request.available);
    let switch = held(&app, caller, move |tx| {
        Box::pin(async move { backend.catalog.set_option_available_in(tx, &store, &option, available, actor).await })
    });
    switch.await?;
    Ok(Json(request))
}

/// A count, a delivery, a loss: either by how much, or to how many.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StockAdjustment {
    pub store: String,
    pub sku: String,
    #[serde(default)]
    pub delta: Option<i64>,
    #[serde(default)]
    pub on_hand: Option<i64>,
    /// 1 to 200 characters.
    pub reason: String,
}

/// The stock of a SKU after an adjustment.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StockView {
    pub store: StoreId,
    pub sku: Sku,
    pub on_hand: i64,
    pub held: i64,
    pub available: i64,
}

/// Adjusts the stock of a SKU; never below what is held.
#[utoipa::path(post, path = "/staff/stock-adjustments", tag = "staff", request_body = StockAdjustment,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 200, body = StockView), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json")))]
pub async fn adjust_stock(State(app): State<AppState>, keyed: Keyed<StockAdjustment>) -> Result<Response, AppError> {
    let backend = app.backend.clone();
    keyed
        .run(&app, move |tx, caller, request| {
            Box::pin(async move {
                let mut faults = Vec::new();
                let store: Option<StoreId> = request.store.parse().ok();
                let sku: Option<Sku> = request.sku.parse().ok();
                if store.is_none() {
                    faults.push(Fault::new("/store", "unknown_store", "There is no such store."));
                }
                if sku.is_none() {
                    faults.push(Fault::new("/sku", "unknown_sku", "This store has no such item."));
                }
                let change = match (request.delta, request.on_hand) {
                    (Some(delta), None) => Some(Adjustment::Delta(delta)),
                    (None, Some(count)) => Some(Adjustment::OnHand(count)),
                    (given, _) => {
                        let (code, detail) = match given {
                            Some(_) => ("not_both", "Give delta or on_hand, not both."),
                            None => ("required", "Give either delta or on_hand."),
                        };
                        faults.push(Fault::new("/delta", code, detail).with(Terms::words(["delta", "on_hand"])));
                        None
                    }
                };
                let (Some(store), Some(sku), Some(change), true) = (store, sku, change, faults.is_empty()) else {
                    return Err(AppError::invalid(faults));
                };
                caller.require(Right::Stock, &store)?;
                let level = backend.stock.adjust_in(tx, &store, &sku, change, &request.reason, caller.actor(&store)).await?;
                let view = StockView { store, sku, on_hand: level.on_hand, held: level.held, available: level.free() };
                Ok((StatusCode::OK, view))
            })
        })
        .await
}

/// A product's texts, in both languages.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductTexts {
    pub name: Text,
    pub description: Text,
}

/// Whose product is edited: a product is shared by the stores that list it.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AtStore {
    /// A store that lists the product and that the caller manages; may be left out when only one lists it.
    pub store: Option<String>,
}

/// Changes the texts of a product.
#[utoipa::path(put, path = "/staff/products/{id}", tag = "staff", request_body = ProductTexts, params(("id" = String, Path)),
    responses((status = 200, body = ProductView), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json")))]
pub async fn edit_product(
    State(app): State<AppState>,
    Who(caller): Who,
    lang: Lang,
    Path(product): Path<String>,
    Body(texts): Body<ProductTexts>,
) -> Result<Json<ProductView>, AppError> {
    let product: ProductId = id(&product, "product")?;
    let store = managed_store(&app, &caller, &product).await?;
    let edit = ProductEdit { name: texts.name, description: texts.description };
    let (backend, actor, edited) = (app.backend.clone(), caller.actor(&store), product.clone());
    held(&app, caller, move |tx| Box::pin(async move { backend.catalog.edit_product_in(tx, &edited, &edit, actor).await })).await?;
    let menu = app.backend.catalog.menu(&store).await?.ok_or_else(|| AppError::not_found("product"))?;
    let product = menu.product(product.as_str()).ok_or_else(|| AppError::not_found("product"))?;
    Ok(Json(ProductView::of(product, lang.0, app.backend.clock.now())))
}

/// A store that lists the product and that the caller manages. Every store that lists it must be managed by the caller:
/// the product is theirs together.
async fn managed_store(app: &AppState, caller: &Caller, product: &ProductId) -> Result<StoreId, AppError> {
    let stores = app.backend.catalog.stores_of(&mut app.backend.db.reader(), product).await?;
    let first = stores.first().cloned().ok_or_else(|| AppError::not_found("product"))?;
    for store in &stores {
        caller.require(Right::Store, store)?;
    }
    Ok(first)
}

/// Money, or its minor units alone, in the store's currency.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Amount {
    Minor(i64),
    Money(Money),
}

impl Amount {
    const fn in_currency(self, currency: Currency) -> Money {
        match self {
            Self::Minor(amount) => Money::new(amount, currency),
            Self::Money(money) => money,
        }
    }
}

/// A price and when it holds; without `from` and `until` it is the base price.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceRequest {
    pub amount: Amount,
    #[serde(default)]
    pub from: Option<Timestamp>,
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// Sets the prices of a SKU at the store that sells it: all of them, in place of those before. Where none is without `from` and `until`, the
/// one there is stays: an item is taken off sale by its switch, not by losing its price.
#[utoipa::path(put, path = "/staff/products/{id}/variants/{sku}/prices", tag = "staff", request_body = Vec<PriceRequest>,
    params(("id" = String, Path), ("sku" = String, Path), AtStore),
    responses((status = 200, body = ProductView), (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json")))]
pub async fn set_prices(
    State(app): State<AppState>,
    Who(caller): Who,
    lang: Lang,
    Path((product, sku)): Path<(String, String)>,
    super::query::Params(at): super::query::Params<AtStore>,
    Body(request): Body<Vec<PriceRequest>>,
) -> Result<Json<ProductView>, AppError> {
    let product: ProductId = id(&product, "product")?;
    let sku: Sku = id(&sku, "item")?;
    let store = match at.store {
        Some(store) => {
            let store = id(&store, "store")?;
            caller.require(Right::Store, &store)?;
            store
        }
        None => managed_store(&app, &caller, &product).await?,
    };
    let menu = app.backend.catalog.menu(&store).await?.ok_or_else(|| AppError::not_found("store"))?;
    let listed = menu.variant(sku.as_str()).is_some_and(|(p, _)| p.id == product);
    if !listed {
        return Err(AppError::not_found("item"));
    }
    let windows: Vec<PriceWindow> =
        request.into_iter().map(|p| PriceWindow { amount: p.amount.in_currency(menu.currency), from: p.from, until: p.until }).collect();
    let (backend, actor, at) = (app.backend.clone(), caller.actor(&store), store.clone());
    held(&app, caller, move |tx| Box::pin(async move { backend.catalog.set_prices_in(tx, &at, &sku, windows, actor).await })).await?;
    let menu = app.backend.catalog.menu(&store).await?.ok_or_else(|| AppError::not_found("store"))?;
    let product = menu.product(product.as_str()).ok_or_else(|| AppError::not_found("product"))?;
    Ok(Json(ProductView::of(product, lang.0, app.backend.clock.now())))
}
