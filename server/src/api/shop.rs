//! Stores, menus, products: what anyone may read.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::view::{MenuView, Page, Problem, ProductView, StoreView};
use serde::Deserialize;

use super::{
    extract::Lang,
    problem::AppError,
    query::{Paging, Params, id},
};
use crate::state::AppState;

/// All stores.
#[utoipa::path(get, path = "/stores", tag = "shop", responses((status = 200, body = Page<StoreView>)))]
pub async fn stores(State(app): State<AppState>, lang: Lang) -> Result<Json<Page<StoreView>>, AppError> {
    let mut sql = app.backend.db.reader();
    let mut items = Vec::new();
    for store in app.backend.stores.list(&mut sql).await? {
        items.extend(app.backend.stores.view(&mut sql, &store.id, lang.naming()).await?);
    }
    Ok(Json(Page { items, next: None }))
}

/// One store: open, accepting, how long it takes.
#[utoipa::path(get, path = "/stores/{store}", tag = "shop", params(("store" = String, Path)),
    responses((status = 200, body = StoreView), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn store(State(app): State<AppState>, lang: Lang, Path(store): Path<String>) -> Result<Json<StoreView>, AppError> {
    let store = id(&store, "store")?;
    let view = app.backend.stores.view(&mut app.backend.db.reader(), &store, lang.naming()).await?;
    view.map(Json).ok_or_else(|| AppError::not_found("store"))
}

/// The menu as it is now. `ETag` changes with its version, language and the prices in force.
#[utoipa::path(get, path = "/stores/{store}/menu", tag = "shop", params(("store" = String, Path)),
    responses((status = 200, body = MenuView), (status = 304, description = "unchanged"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn menu(State(app): State<AppState>, lang: Lang, Path(store): Path<String>, headers: HeaderMap) -> Result<Response, AppError> {
    let store = id(&store, "store")?;
    let menu = app.backend.catalog.menu(&store).await?.ok_or_else(|| AppError::not_found("store"))?;
    let etag = format!("\"{}-{}\"", menu.version, lang.0);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let unchanged = known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag);
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(MenuView::of(&menu, lang.0, app.backend.clock.now())).into_response()
    };
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// Which products.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Store whose prices and availability are shown.
    pub store: String,
    pub category: Option<String>,
    /// Words that the name or description contains.
    pub q: Option<String>,
    pub cursor: Option<String>,
    /// 1 to 200; 50 unless given.
    pub limit: Option<i64>,
}

/// Products of a store, by category and words.
#[utoipa::path(get, path = "/products", tag = "shop", params(Search),
    responses((status = 200, body = Page<ProductView>), (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn products(State(app): State<AppState>, lang: Lang, Params(search): Params<Search>) -> Result<Json<Page<ProductView>>, AppError> {
    let limit = Paging { cursor: None, limit: search.limit }.limit()?;
    let store = id(&search.store, "store")?;
    let menu = app.backend.catalog.menu(&store).await?.ok_or_else(|| AppError::not_found("store"))?;
    let page = backend::catalog::search(
        &menu,
        &backend::catalog::Search { category: search.category, words: search.q, cursor: search.cursor, limit },
    );
    let now = app.backend.clock.now();
    Ok(Json(Page { items: page.items.iter().map(|p| ProductView::of(p, lang.0, now)).collect(), next: page.next }))
}

/// Whose prices.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AtStore {
    pub store: String,
}

/// One product at a store.
#[utoipa::path(get, path = "/products/{id}", tag = "shop", params(("id" = String, Path), AtStore),
    responses((status = 200, body = ProductView), (status = 404, body = Problem, content_type = "application/problem+json")))]
pub async fn product(
    State(app): State<AppState>,
    lang: Lang,
    Path(product): Path<String>,
    Params(at): Params<AtStore>,
) -> Result<Json<ProductView>, AppError> {
    let store = id(&at.store, "store")?;
    let menu = app.backend.catalog.menu(&store).await?.ok_or_else(|| AppError::not_found("store"))?;
    let product = menu.product(&product).ok_or_else(|| AppError::not_found("product"))?;
    Ok(Json(ProductView::of(product, lang.0, app.backend.clock.now())))
}
