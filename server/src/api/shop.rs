//! Stores, menus, products: what anyone may read.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::view::{MenuView, Page, Problem, ProductView, StoreView};
use serde::Deserialize;

use super::{
    extract::Lang,
    problem::AppError,
    query::{Paging, Params, Part, Path, id},
};
use crate::state::AppState;

/// All stores.
#[utoipa::path(get, path = "/stores", tag = "shop", params(Part), responses((status = 200, body = Page<StoreView>)))]
pub async fn stores(State(app): State<AppState>, lang: Lang, Params(part): Params<Part>) -> Result<Json<Page<StoreView>>, AppError> {
    let stores = app.backend.stores.views(&mut app.backend.db.reader(), lang.naming()).await?;
    part.of(stores, |_, store| store.id.to_string()).map(Json)
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
    /// Store whose prices and availability are shown; all stores unless given.
    pub store: Option<String>,
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
pub async fn products(
    State(app): State<AppState>,
    lang: Lang,
    Params(search): Params<Search>,
) -> Result<Json<Page<ProductView>>, AppError> {
    let limit = Paging { cursor: None, limit: search.limit }.limit()?;
    let store = search.store.as_deref().map(|store| id(store, "store")).transpose()?;
    let category = search.category.as_deref().map(|category| id(category, "category")).transpose()?;
    let search = backend::catalog::Search { store, category, q: search.q, cursor: search.cursor, limit: limit as usize };
    Ok(Json(app.backend.catalog.search(&search, lang.0).await?))
}

/// Whose prices.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AtStore {
    /// The first that lists it unless given.
    pub store: Option<String>,
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
    let store = at.store.as_deref().map(|store| id(store, "store")).transpose()?;
    let found = app.backend.catalog.product(&product, store.as_ref(), lang.0).await?;
    found.map(Json).ok_or_else(|| AppError::not_found("product"))
}
