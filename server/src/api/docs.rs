//! The contract in machine form: OpenAPI 3.1, AsyncAPI 3 and the JSON Schema of the `data` of every event and live message,
//! generated from the types that travel.

mod asyncapi;
mod schema;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::Value;
use utoipa::OpenApi;

use super::{problem::AppError, query::Path};
use crate::state::AppState;

/// What the generated document says of itself.
#[derive(OpenApi)]
#[openapi(
    info(title = "Orderly", description = "A storefront and realtime order tracker.", version = "1.0.0", license(name = "MIT OR Apache-2.0")),
    servers((url = "/api/v1")),
    tags(
        (name = "shop", description = "Stores, menus, checkout"),
        (name = "orders", description = "Orders and their journey"),
        (name = "wallet", description = "The shopper's wallet"),
        (name = "kiosk", description = "The screens at the store"),
        (name = "webhooks", description = "What payment providers tell"),
        (name = "session", description = "Who one is"),
        (name = "staff", description = "The bar and the back office")
    )
)]
pub struct Document;

/// Where the documents are, relative to the API; they do not describe themselves, and are only read.
pub const PATHS: [&str; 3] = ["/openapi.json", "/asyncapi.json", "/schemas/{type}"];

/// `/openapi.json`, `/asyncapi.json` and `/schemas/{type}`.
pub fn router(openapi: utoipa::openapi::OpenApi) -> Router<AppState> {
    let [whole, messages, types] = PATHS;
    let openapi = Arc::new(openapi);
    Router::new().route(whole, get(async move || Json(&*openapi).into_response())).route(messages, get(live)).route(types, get(schema))
}

/// AsyncAPI 3, with the addresses of this server.
async fn live(State(app): State<AppState>) -> Json<Value> {
    Json(asyncapi::document(&app.public_url, app.gateway.plain()))
}

/// The JSON Schema (2020-12) of the data of one type of event or live message.
async fn schema(Path(type_name): Path<String>) -> Result<Response, AppError> {
    let schema = schema::of_type(&type_name).ok_or_else(|| AppError::not_found("event type"))?;
    let mut response = Json(schema).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/schema+json"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_names_every_call_of_the_contract_that_is_served() {
        let (_, openapi) = crate::api::routes();
        let document = serde_json::to_value(&openapi).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        for path in ["/stores/{store}/menu", "/checkouts/{id}/place", "/orders/{id}/journey", "/staff/orders/{id}/claim"] {
            assert!(document["paths"].get(path).is_some(), "{path}");
        }
    }
}
