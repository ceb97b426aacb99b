//! Everything that is wrong with the shape of a body, at once. Reading it into a type stops at the first fault, and
//! loses the place inside tagged values; the schema that the API publishes of the same type knows all of them.

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use domain::{Fault, Terms};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What is wrong with the shape of a body.
#[derive(Debug, Default)]
pub struct Misshapen {
    /// `required`, `unknown_field` and `invalid_value` with their places, about [`MOST`] of them. Empty where the schema has nothing
    /// against the body, which does not say that it can be read.
    pub faults: Vec<Fault>,
    /// What would have the right shape at the places that have not; `None` for what may not be there.
    stand_ins: Vec<(String, Option<Value>)>,
}

impl Misshapen {
    /// The body with blanks at the places whose shape is wrong, so that the values of the others can be looked at, too.
    pub fn mended(&self, mut body: Value) -> Value {
        for (at, stand_in) in &self.stand_ins {
            let Some((parent, name)) = at.rsplit_once('/') else {
                body = stand_in.clone().unwrap_or_default();
                continue;
            };
            match body.pointer_mut(parent) {
                Some(Value::Object(object)) => {
                    // As `pointer_mut` reads them.
                    let name = name.replace("~1", "/").replace("~0", "~");
                    match stand_in {
                        Some(stand_in) => drop(object.insert(name, stand_in.clone())),
                        None => drop(object.remove(&name)),
                    }
                }
                Some(Value::Array(items)) => {
                    if let Some(item) = name.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                        *item = stand_in.clone().unwrap_or_default();
                    }
                }
                _ => {}
            }
        }
        body
    }

    /// These faults of values beside those of shape, without those that a blank has.
    pub fn and(self, values: impl IntoIterator<Item = Fault>) -> Vec<Fault> {
        let Self { mut faults, stand_ins } = self;
        let blank = |pointer: &str| {
            stand_ins.iter().any(|(at, _)| pointer.strip_prefix(at.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
        };
        faults.extend(values.into_iter().filter(|fault| !blank(&fault.pointer)));
        faults
    }

    fn add(&mut self, fault: Fault, stand_in: impl Into<Option<Value>>) {
        self.stand_ins.push((fault.pointer.clone(), stand_in.into()));
        self.faults.push(fault);
    }

    fn extend(&mut self, other: Self) {
        self.faults.extend(other.faults);
        self.stand_ins.extend(other.stand_ins);
    }
}

/// What is wrong with the shape of a body that is to be a `T`.
pub fn misshapen<T: ToSchema + 'static>(body: &Value) -> Misshapen {
    let (known, schema) = &*schema_of::<T>();
    let mut found = Misshapen::default();
    known.look(body, schema, "", &mut found);
    found
}

/// What a type's schema refers to, and the schema.
type Schema = (Known, Value);

/// The schema of a type, made once: every call of the API looks at it.
fn schema_of<T: ToSchema + 'static>() -> Arc<Schema> {
    static MADE: LazyLock<RwLock<HashMap<TypeId, Arc<Schema>>>> = LazyLock::new(RwLock::default);
    let id = TypeId::of::<T>();
    if let Some(made) = MADE.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
        return made.clone();
    }
    let mut named = Vec::new();
    T::schemas(&mut named);
    let json = |schema| serde_json::to_value(schema).unwrap_or_default();
    let known = Known(named.into_iter().map(|(name, schema)| (name, json(schema))).collect());
    let made = Arc::new((known, json(T::schema())));
    MADE.write().unwrap_or_else(PoisonError::into_inner).insert(id, made.clone());
    made
}

/// As many faults as anybody reads: a body of a megabyte could be wrong in half a million places, each of them a line of
/// the answer.
const MOST: usize = 100;

/// The schemas that others refer to, by name.
struct Known(HashMap<String, Value>);

impl Known {
    fn look(&self, value: &Value, schema: &Value, at: &str, found: &mut Misshapen) {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or_default();
            if let Some(schema) = self.0.get(name) {
                self.look(value, schema, at, found);
            }
            return;
        }
        for part in list(&schema["allOf"]) {
            self.look(value, part, at, found);
        }
        if let Some(choices) = ["oneOf", "anyOf"].iter().find_map(|word| schema[*word].as_array()) {
            return self.choose(value, choices, at, found);
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !types.is_empty() && !types.iter().any(|name| is(value, name)) {
            let kinds = types.iter().map(|&kind| kind.to_owned()).collect();
            let fault = Fault::new(at, "invalid_value", format!("This has to be {}.", words(&types)));
            return found.add(fault.with(Terms { kinds, ..Terms::default() }), self.blank(schema));
        }
        if let Some(choices) = schema["enum"].as_array().filter(|choices| !choices.contains(value)) {
            let choices: Vec<_> = choices.iter().map(|choice| choice.as_str().unwrap_or("null")).collect();
            let fault = Fault::new(at, "invalid_value", format!("Choose one of {}.", choices.join(", ")));
            return found.add(fault.with(Terms::words(choices)), self.blank(schema));
        }
        match value {
            Value::Object(object) => self.fields(object, schema, at, found),
            Value::Array(items) if schema["items"].is_object() => {
                for (index, item) in items.iter().enumerate() {
                    if found.faults.len() >= MOST {
                        break;
                    }
                    self.look(item, &schema["items"], &format!("{at}/{index}"), found);
                }
            }
            _ => {}
        }
    }

    fn fields(&self, object: &Map<String, Value>, schema: &Value, at: &str, found: &mut Misshapen) {
        for name in list(&schema["required"]).iter().filter_map(Value::as_str) {
            if !object.contains_key(name) {
                let blank = self.blank(&schema["properties"][name]);
                found.add(Fault::new(format!("{at}/{name}"), "required", "This has to be given."), blank);
            }
        }
        let none = Map::new();
        let properties = schema["properties"].as_object().unwrap_or(&none);
        for (name, schema) in properties {
            if let Some(value) = object.get(name) {
                self.look(value, schema, &format!("{at}/{name}"), found);
            }
        }
        if schema["additionalProperties"] == false {
            for name in object.keys().filter(|name| !properties.contains_key(*name)).take(MOST) {
                let known: Vec<_> = properties.keys().map(String::as_str).collect();
                let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                let fault = Fault::new(at, "unknown_field", format!("There is no such field; there are {}.", known.join(", ")));
                found.add(fault.with(Terms::words(known)), None);
            }
        }
    }

    /// One of several shapes. Where none fits, the one that is meant tells its faults: the one with the least of them.
    fn choose(&self, value: &Value, choices: &[Value], at: &str, found: &mut Misshapen) {
        let tried = choices.iter().map(|choice| {
            let mut found = Misshapen::default();
            self.look(value, choice, at, &mut found);
            // A wrong tag is the choice that is not meant.
            let tag = found.faults.iter().any(|fault| fault.code == "invalid_value" && list_of_one(choice, fault, at));
            (tag, found)
        });
        let Some((wrong_tag, best)) = tried.min_by_key(|(wrong_tag, found)| (*wrong_tag, found.faults.len())) else { return };
        if !wrong_tag {
            return found.extend(best);
        }
        let tags: Vec<_> = choices.iter().flat_map(tags).collect();
        for fault in best.faults.into_iter().filter(|fault| fault.pointer.len() > at.len() && !fault.pointer[at.len() + 1..].contains('/'))
        {
            if tags.iter().any(|(name, _)| fault.pointer.ends_with(&format!("/{name}"))) {
                let known: Vec<_> = tags.iter().map(|(_, tag)| tag.as_str()).collect();
                let detail = format!("Choose one of {}.", known.join(", "));
                found.faults.push(Fault::new(fault.pointer, "invalid_value", detail).with(Terms::words(known)));
                // Which of them was meant nobody knows, so the whole of it is blank.
                found.stand_ins.push((at.to_owned(), choices.first().map(|choice| self.blank(choice))));
                return;
            }
        }
    }

    /// Something that has the shape and says nothing.
    fn blank(&self, schema: &Value) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or_default();
            return self.0.get(name).map(|schema| self.blank(schema)).unwrap_or_default();
        }
        if let Some(choice) = ["oneOf", "anyOf"].iter().find_map(|word| list(&schema[*word]).first()) {
            return self.blank(choice);
        }
        if let Some(first) = list(&schema["enum"]).first() {
            return first.clone();
        }
        let mut object = Map::new();
        for part in list(&schema["allOf"]) {
            if let Value::Object(fields) = self.blank(part) {
                object.extend(fields);
            }
        }
        match schema["type"].as_str().or_else(|| list(&schema["type"]).first()?.as_str()) {
            Some("string") => Value::from(""),
            Some("integer" | "number") => Value::from(0),
            Some("boolean") => Value::from(false),
            Some("array") => Value::Array(Vec::new()),
            Some("object") => {
                for name in list(&schema["required"]).iter().filter_map(Value::as_str) {
                    object.insert(name.to_owned(), self.blank(&schema["properties"][name]));
                }
                Value::Object(object)
            }
            _ if !object.is_empty() => Value::Object(object),
            _ => Value::Null,
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

    fn places<T: ToSchema + 'static>(body: &Value) -> Vec<(String, String)> {
        let mut places: Vec<_> = misshapen::<T>(body).faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect();
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

    #[test]
    fn values_are_told_beside_shapes_but_no_blanks() {
        let lines = json!([{"sku": 7, "quantity": 0, "a/b": 1}, {"sku": "nope"}]);
        let body = json!({"store": "harbor", "lines": lines, "fulfilment": {"kind": "fly"}, "colour": "red"});
        let found = misshapen::<CheckoutRequest>(&body);
        let mended = found.mended(body);
        let request: CheckoutRequest = serde_json::from_value(mended).unwrap();
        assert_eq!((request.lines[0].sku.as_str(), request.lines[1].sku.as_str()), ("", "nope"));
        let value = |at: &str| Fault::new(at, "a_value", "…");
        let all = found.and(["/lines/0/sku", "/lines/0/quantity", "/lines/1/quantity", "/lines/1/sku", "/fulfilment/address"].map(value));
        let mut places: Vec<_> = all.iter().map(|fault| (fault.pointer.as_str(), fault.code.as_str())).collect();
        places.sort_unstable();
        let expected = [
            ("/colour", "unknown_field"),
            ("/fulfilment/kind", "invalid_value"),
            ("/lines/0/a~1b", "unknown_field"),
            ("/lines/0/quantity", "a_value"),
            ("/lines/0/sku", "invalid_value"),
            ("/lines/1/quantity", "required"),
            ("/lines/1/sku", "a_value"),
        ];
        assert_eq!(places, expected);
    }
}
