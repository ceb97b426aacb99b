//! Everything that is wrong with the shape of a body, at once. Reading it into a type stops at the first fault, and
//! loses the place inside tagged values; the schema that the API publishes of the same type knows all of them.

use std::collections::HashMap;

use domain::Fault;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The faults of shape of a body that is to be a `T`, with their places: `required` and `invalid_value`, about [`MOST`] of them. Empty where
/// the schema has nothing against it, which does not say that it can be read.
pub fn faults<T: ToSchema>(body: &Value) -> Vec<Fault> {
    let mut named = Vec::new();
    T::schemas(&mut named);
    let json = |schema| serde_json::to_value(schema).unwrap_or_default();
    let known = Known(named.into_iter().map(|(name, schema)| (name, json(schema))).collect());
    let mut faults = Vec::new();
    known.look(body, &json(T::schema()), "", &mut faults);
    faults
}

/// As many faults as anybody reads: a body of a megabyte could be wrong in half a million places, each of them a line of
/// the answer.
const MOST: usize = 100;

/// The schemas that others refer to, by name.
struct Known(HashMap<String, Value>);

impl Known {
    fn look(&self, value: &Value, schema: &Value, at: &str, faults: &mut Vec<Fault>) {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or_default();
            if let Some(schema) = self.0.get(name) {
                self.look(value, schema, at, faults);
            }
            return;
        }
        for part in list(&schema["allOf"]) {
            self.look(value, part, at, faults);
        }
        if let Some(choices) = ["oneOf", "anyOf"].iter().find_map(|word| schema[*word].as_array()) {
            return self.choose(value, choices, at, faults);
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !types.is_empty() && !types.iter().any(|name| is(value, name)) {
            return faults.push(Fault::new(at, "invalid_value", format!("This has to be {}.", words(&types))));
        }
        if let Some(choices) = schema["enum"].as_array().filter(|choices| !choices.contains(value)) {
            let choices: Vec<_> = choices.iter().map(|choice| choice.as_str().unwrap_or("null")).collect();
            return faults.push(Fault::new(at, "invalid_value", format!("Choose one of {}.", choices.join(", "))));
        }
        match value {
            Value::Object(object) => self.fields(object, schema, at, faults),
            Value::Array(items) if schema["items"].is_object() => {
                for (index, item) in items.iter().enumerate() {
                    if faults.len() >= MOST {
                        break;
                    }
                    self.look(item, &schema["items"], &format!("{at}/{index}"), faults);
                }
            }
            _ => {}
        }
    }

    fn fields(&self, object: &Map<String, Value>, schema: &Value, at: &str, faults: &mut Vec<Fault>) {
        for name in list(&schema["required"]).iter().filter_map(Value::as_str) {
            if !object.contains_key(name) {
                faults.push(Fault::new(format!("{at}/{name}"), "required", "This has to be given."));
            }
        }
        let none = Map::new();
        for (name, schema) in schema["properties"].as_object().unwrap_or(&none) {
            if let Some(value) = object.get(name) {
                self.look(value, schema, &format!("{at}/{name}"), faults);
            }
        }
    }

    /// One of several shapes. Where none fits, the one that is meant tells its faults: the one with the least of them.
    fn choose(&self, value: &Value, choices: &[Value], at: &str, faults: &mut Vec<Fault>) {
        let tried = choices.iter().map(|choice| {
            let mut faults = Vec::new();
            self.look(value, choice, at, &mut faults);
            // A wrong tag is the choice that is not meant.
            let tag = faults.iter().any(|fault| fault.code == "invalid_value" && list_of_one(choice, fault, at));
            (tag, faults)
        });
        let Some((wrong_tag, best)) = tried.min_by_key(|(wrong_tag, faults)| (*wrong_tag, faults.len())) else { return };
        if !wrong_tag {
            return faults.extend(best);
        }
        let tags: Vec<_> = choices.iter().flat_map(tags).collect();
        for fault in best.into_iter().filter(|fault| fault.pointer.len() > at.len() && !fault.pointer[at.len() + 1..].contains('/')) {
            if tags.iter().any(|(name, _)| fault.pointer.ends_with(&format!("/{name}"))) {
                let known: Vec<_> = tags.iter().map(|(_, tag)| tag.as_str()).collect();
                return faults.push(Fault::new(fault.pointer, "invalid_value", format!("Choose one of {}.", known.join(", "))));
            }
        }
    }
}

/// Whether the fault is about the property that tells one choice from the others: one with a single possible value.
fn list_of_one(choice: &Value, fault: &Fault, at: &str) -> bool {
    tags(choice).iter().any(|(name, _)| fault.pointer == format!("{at}/{name}"))
}

/// The properties of a choice that have a single possible value, with it.
fn tags(choice: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for part in std::iter::once(choice).chain(list(&choice["allOf"])) {
        for (name, schema) in part["properties"].as_object().into_iter().flatten() {
            if let [Value::String(only)] = list(&schema["enum"]) {
                found.push((name.clone(), only.clone()));
            }
        }
    }
    found
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        _ => true,
    }
}

fn words(types: &[&str]) -> String {
    let word = |name: &&str| {
        match *name {
            "object" => "an object",
            "array" => "a list",
            "string" => "a text",
            "boolean" => "true or false",
            "integer" => "a whole number",
            "number" => "a number",
            other => other,
        }
        .to_owned()
    };
    types.iter().map(word).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use domain::view::{CheckoutRequest, PlaceRequest, QuoteRequest};
    use serde_json::json;

    use super::*;

    fn places<T: ToSchema>(body: &Value) -> Vec<(String, String)> {
        let mut places: Vec<_> = faults::<T>(body).into_iter().map(|fault| (fault.pointer, fault.code)).collect();
        places.sort();
        places
    }

    fn owned(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(pointer, code)| ((*pointer).to_owned(), (*code).to_owned())).collect()
    }

    #[test]
    fn what_can_be_read_has_no_fault() {
        let line = json!({"sku": "flat-white-regular", "quantity": 1, "options": ["oat"]});
        let address = json!({"name": "Kim", "line1": "1 Pier", "city": "Oslo", "postal_code": "0150", "country": "NO"});
        for fulfilment in [json!({"kind": "pickup"}), json!({"kind": "ship", "address": address})] {
            let body = json!({"store": "harbor", "lines": [line], "fulfilment": fulfilment, "coupon_codes": [], "points": 0});
            assert_eq!(places::<CheckoutRequest>(&body), [], "{body}");
        }
        for payment in [json!({"method": "wallet"}), json!({"method": "card", "token": "tok_ok"})] {
            let body = json!({"payment": payment, "expected_total": {"amount": 1, "currency": "USD"}});
            assert_eq!(places::<PlaceRequest>(&body), [], "{body}");
        }
    }

    #[test]
    fn all_faults_are_told_with_their_places() {
        let body = json!({"store": 5, "lines": [{"quantity": 1}, {"sku": "a", "quantity": "x"}, 7]});
        let expected = [
            ("/lines/0/sku", "required"),
            ("/lines/1/quantity", "invalid_value"),
            ("/lines/2", "invalid_value"),
            ("/store", "invalid_value"),
        ];
        assert_eq!(places::<QuoteRequest>(&body), owned(&expected));
        assert_eq!(places::<QuoteRequest>(&json!({"store": "harbor", "lines": {}})), owned(&[("/lines", "invalid_value")]));
        assert_eq!(places::<QuoteRequest>(&json!([])), owned(&[("", "invalid_value")]));
    }

    #[test]
    fn a_body_that_is_wrong_everywhere_is_told_so_a_hundred_times() {
        let body = json!({"store": "harbor", "lines": vec![7; 5_000]});
        assert_eq!(places::<QuoteRequest>(&body).len(), MOST);
    }

    #[test]
    fn the_choice_that_is_meant_tells_its_faults() {
        let ship = json!({"store": "unicorn", "lines": [], "fulfilment": {"kind": "ship", "address": {"name": "", "country": 1}}});
        let at = |name: &str| format!("/fulfilment/address/{name}");
        let found = places::<CheckoutRequest>(&ship);
        for (name, code) in [("city", "required"), ("country", "invalid_value"), ("line1", "required"), ("postal_code", "required")] {
            assert!(found.contains(&(at(name), code.to_owned())), "{name}: {found:?}");
        }
        let fly = json!({"store": "harbor", "lines": [], "fulfilment": {"kind": "fly"}});
        assert_eq!(places::<CheckoutRequest>(&fly), owned(&[("/fulfilment/kind", "invalid_value")]));
    }
}
