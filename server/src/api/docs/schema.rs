//! JSON Schemas that stand alone, of events and of live messages.

use domain::event::{self, DataSchema};
use domain::live;
use serde_json::{Map, Value, json};

/// Every type that has a schema.
pub(super) fn all() -> Vec<DataSchema> {
    let mut all = event::data_schemas();
    all.extend(live::data_schemas());
    all
}

/// The schema of one type's data: what it refers to is carried below `$defs`.
pub(super) fn of_type(type_name: &str) -> Option<Value> {
    let (_, root, nested) = all().into_iter().find(|(name, ..)| *name == type_name)?;
    let mut schema = serde_json::to_value(root).ok()?;
    let object = schema.as_object_mut()?;
    let defs: Map<String, Value> = nested.into_iter().filter_map(|(name, s)| Some((name, serde_json::to_value(s).ok()?))).collect();
    object.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    object.insert("$id".to_owned(), json!(format!("/api/v1/schemas/{type_name}")));
    object.insert("title".to_owned(), json!(type_name));
    let of_the_type = object.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("The `data` of a CloudEvent of type `{type_name}`, without the envelope around it. {of_the_type}");
    object.insert("description".to_owned(), json!(description.trim_end()));
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
    fn every_type_has_a_schema_that_stands_alone() {
        let live = live::data_schemas();
        for type_name in event::Event::TYPES.iter().copied().chain(live.iter().map(|(name, ..)| *name)) {
            let schema = of_type(type_name).unwrap();
            assert_eq!(schema["title"], *type_name);
            let description = schema["description"].as_str().unwrap();
            assert!(description.starts_with(&format!("The `data` of a CloudEvent of type `{type_name}`")), "{description}");
            let text = schema.to_string();
            assert!(!text.contains("#/components"), "{type_name}: {text}");
            for (at, _) in text.match_indices("#/$defs/") {
                let name: String = text[at + 8..].chars().take_while(|c| *c != '"').collect();
                assert!(schema["$defs"].get(&name).is_some(), "{type_name} refers to {name}");
            }
        }
        assert!(of_type("no.such.v1").is_none());
    }
}
