//! The contract in machine form: OpenAPI 3.1 and the JSON Schema of every event, generated from the types that travel.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::Path,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use domain::event;
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::problem::AppError;
use crate::state::AppState;

/// What the generated document says of itself.
#[derive(OpenApi)]
#[openapi(
    info(title = "Orderly", description = "A storefront and realtime order tracker.", version = "1.0.0", license(name = "MIT OR Apache-2.0")),
    servers((url = "/api/v1")),
    tags(
        (name = "shop", description = "Stores, menus, checkout"),
        (name = "orders", description = "Orders and their journey"),
        (name = "session", description = "Who one is"),
        (name = "staff", description = "The bar and the back office")
    )
)]
pub struct Document;

/// `/openapi.json` and `/schemas/{type}`.
pub fn router(openapi: utoipa::openapi::OpenApi) -> Router<AppState> {
    let openapi = Arc::new(openapi);
    Router::new().route("/openapi.json", get(async move || Json(&*openapi).into_response())).route("/schemas/{type}", get(schema))
}

/// The JSON Schema (2020-12) of one event type's data.
async fn schema(Path(type_name): Path<String>) -> Result<Response, AppError> {
    let schema = event_schema(&type_name).ok_or_else(|| AppError::not_found("event type"))?;
    let mut response = Json(schema).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/schema+json"));
    Ok(response)
}

/// A schema that stands alone: what it refers to is carried below `$defs`.
pub fn event_schema(type_name: &str) -> Option<Value> {
    let schemas = event::data_schemas();
    let (_, root, nested) = schemas.into_iter().find(|(name, ..)| *name == type_name)?;
    let mut schema = serde_json::to_value(root).ok()?;
    let object = schema.as_object_mut()?;
    let defs: serde_json::Map<String, Value> =
        nested.into_iter().filter_map(|(name, s)| Some((name, serde_json::to_value(s).ok()?))).collect();
    object.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    object.insert("$id".to_owned(), json!(format!("/api/v1/schemas/{type_name}")));
    object.insert("title".to_owned(), json!(type_name));
    if !defs.is_empty() {
        object.insert("$defs".to_owned(), Value::Object(defs));
    }
    relocate(&mut schema);
    Some(schema)
}

/// OpenAPI keeps its schemas below `/components/schemas`; a schema on its own keeps them below `/$defs`.
fn relocate(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value {
                    Value::String(text) if name == "$ref" => *text = text.replace("#/components/schemas/", "#/$defs/"),
                    other => relocate(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(relocate),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_schema_that_stands_alone() {
        for type_name in event::Event::TYPES {
            let schema = event_schema(type_name).unwrap();
            assert_eq!(schema["title"], *type_name);
            let text = schema.to_string();
            assert!(!text.contains("#/components"), "{type_name}: {text}");
            for (at, _) in text.match_indices("#/$defs/") {
                let name: String = text[at + 8..].chars().take_while(|c| *c != '"').collect();
                assert!(schema["$defs"].get(&name).is_some(), "{type_name} refers to {name}");
            }
        }
        assert!(event_schema("no.such.v1").is_none());
    }

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
