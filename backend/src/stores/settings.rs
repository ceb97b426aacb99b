//! The settings of a store that its manager may change, and their limits.

use domain::{
    Fault, Faults, Terms,
    event::SettingChange,
    view::{Admission, StoreSettings},
};
use serde_json::{Map, Value};

/// Settings to be changed; what is not named stays. For a setting that may be null, `Some(None)` takes it away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsPatch {
    pub capacity: Option<Option<i64>>,
    pub admission: Option<Admission>,
    pub order_limit: Option<Option<i64>>,
    pub scans_per_code: Option<i64>,
    pub code_seconds: Option<i64>,
    pub customer_seconds: Option<i64>,
    pub barista_seconds: Option<i64>,
    pub wait_target_seconds: Option<Option<i64>>,
}

impl SettingsPatch {
    /// Reads the body of a `PATCH`, with all its faults at once. Codes: `wrong_type`, `out_of_range`, `unknown_word`,
    /// `unknown_field`.
    pub fn read(body: &Value) -> Result<Self, Faults> {
        let Value::Object(fields) = body else {
            return Err(Faults(vec![Fault::new("", "wrong_type", "Send an object of settings.")]));
        };
        let mut reading = Reading { fields, faults: Vec::new() };
        let patch = Self {
            capacity: reading.nullable("capacity", 1, 1000).ok(),
            admission: reading.admission(),
            order_limit: reading.nullable("order_limit", 1, 100).ok(),
            scans_per_code: reading.number("scans_per_code", 1, 1000),
            code_seconds: reading.number("code_seconds", 30, 3600),
            customer_seconds: reading.number("customer_seconds", 30, 3600),
            barista_seconds: reading.number("barista_seconds", 60, 14_400),
            wait_target_seconds: reading.nullable("wait_target_seconds", 60, 7200).ok(),
        };
        for field in fields.keys().filter(|field| !FIELDS.contains(&field.as_str())) {
            reading.faults.push(Fault::new(pointer(field), "unknown_field", "There is no such setting."));
        }
        if reading.faults.is_empty() { Ok(patch) } else { Err(Faults(reading.faults)) }
    }

    pub(crate) fn apply(&self, to: &StoreSettings) -> StoreSettings {
        StoreSettings {
            capacity: self.capacity.unwrap_or(to.capacity),
            admission: self.admission.unwrap_or(to.admission),
            order_limit: self.order_limit.unwrap_or(to.order_limit),
            scans_per_code: self.scans_per_code.unwrap_or(to.scans_per_code),
            code_seconds: self.code_seconds.unwrap_or(to.code_seconds),
            customer_seconds: self.customer_seconds.unwrap_or(to.customer_seconds),
            barista_seconds: self.barista_seconds.unwrap_or(to.barista_seconds),
            wait_target_seconds: self.wait_target_seconds.unwrap_or(to.wait_target_seconds),
        }
    }
}

const FIELDS: [&str; 8] = [
    "capacity",
    "admission",
    "order_limit",
    "scans_per_code",
    "code_seconds",
    "customer_seconds",
    "barista_seconds",
    "wait_target_seconds",
];

/// The settings that differ, from what to what.
pub(super) fn changed(before: &StoreSettings, after: &StoreSettings) -> Vec<SettingChange> {
    let (before, after) = (texts(before), texts(after));
    let pairs = FIELDS.iter().zip(before.into_iter().zip(after));
    pairs.filter(|(_, (from, to))| from != to).map(|(name, (from, to))| SettingChange { name: (*name).to_owned(), from, to }).collect()
}

/// The values, in the order of [`FIELDS`].
fn texts(settings: &StoreSettings) -> [Option<String>; 8] {
    let some = |number: i64| Some(number.to_string());
    [
        settings.capacity.and_then(some),
        Some(settings.admission.as_str().to_owned()),
        settings.order_limit.and_then(some),
        some(settings.scans_per_code),
        some(settings.code_seconds),
        some(settings.customer_seconds),
        some(settings.barista_seconds),
        settings.wait_target_seconds.and_then(some),
    ]
}

/// RFC 6901: `~` and `/` in a name are escaped.
fn pointer(field: &str) -> String {
    format!("/{}", field.replace('~', "~0").replace('/', "~1"))
}

/// The setting is not named, or not readable.
struct Stays;

struct Reading<'a> {
    fields: &'a Map<String, Value>,
    faults: Vec<Fault>,
}

impl Reading<'_> {
    fn number(&mut self, field: &str, least: i64, most: i64) -> Option<i64> {
        let value = self.fields.get(field)?;
        // A number beyond 64 bits is out of range like any other; a fraction or a text is no whole number.
        if !(value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)) {
            self.faults.push(
                Fault::new(pointer(field), "wrong_type", format!("A whole number from {least} to {most}."))
                    .with(Terms::between(least, most)),
            );
            return None;
        }
        // JSON has one kind of number: 20.0 is 20. What is beyond 64 bits stops at their end, which is out of range.
        let number = value.as_i64().or_else(|| value.as_f64().map(|n| n as i64)).filter(|n| (least..=most).contains(n));
        if number.is_none() {
            self.faults
                .push(Fault::new(pointer(field), "out_of_range", format!("Choose {least} to {most}.")).with(Terms::between(least, most)));
        }
        number
    }

    fn nullable(&mut self, field: &str, least: i64, most: i64) -> Result<Option<i64>, Stays> {
        match self.fields.get(field) {
            Some(Value::Null) => Ok(None),
            _ => self.number(field, least, most).map(Some).ok_or(Stays),
        }
    }

    fn admission(&mut self) -> Option<Admission> {
        let value = self.fields.get("admission")?;
        let known = value.as_str().and_then(|word| word.parse().ok());
        if known.is_none() {
            let code = if value.is_string() { "unknown_word" } else { "wrong_type" };
            self.faults.push(Fault::new("/admission", code, "Choose open or qr.").with(Terms::words(["open", "qr"])));
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stores::DEFAULT_SETTINGS;

    #[test]
    fn every_fault_is_named_at_once() {
        let body = json!({
            "capacity": 0, "admission": "closed", "order_limit": 101, "scans_per_code": null, "code_seconds": "30",
            "customer_seconds": 29, "barista_seconds": 59.5, "wait_target_seconds": 9_223_372_036_854_775_808_u64, "colour/x": 1,
        });
        let Err(Faults(faults)) = SettingsPatch::read(&body) else { panic!("accepted") };
        let found: Vec<_> = faults.iter().map(|f| (f.pointer.as_str(), f.code.as_str())).collect();
        let expected = [
            ("/capacity", "out_of_range"),
            ("/admission", "unknown_word"),
            ("/order_limit", "out_of_range"),
            ("/scans_per_code", "wrong_type"),
            ("/code_seconds", "wrong_type"),
            ("/customer_seconds", "out_of_range"),
            ("/barista_seconds", "wrong_type"),
            ("/wait_target_seconds", "out_of_range"),
            ("/colour~1x", "unknown_field"),
        ];
        assert_eq!(found, expected);
        assert!(SettingsPatch::read(&json!([])).is_err());
    }

    #[test]
    fn null_takes_a_limit_away_and_silence_keeps_it() {
        let limited = StoreSettings { capacity: Some(20), order_limit: Some(3), ..DEFAULT_SETTINGS };
        let patch = SettingsPatch::read(&json!({"capacity": null, "code_seconds": 60, "admission": "open"})).unwrap();
        let after = patch.apply(&limited);
        assert_eq!(after, StoreSettings { capacity: None, code_seconds: 60, ..limited.clone() });
        let change = |name: &str, from: Option<&str>, to: Option<&str>| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            SettingChange { name: name.to_owned(), from: owned(from), to: owned(to) }
        };
        assert_eq!(changed(&limited, &after), [change("capacity", Some("20"), None), change("code_seconds", Some("300"), Some("60"))]);
    }

    #[test]
    fn the_limits_themselves_are_allowed() {
        for body in [
            json!({"capacity": 1, "order_limit": 1, "scans_per_code": 1, "code_seconds": 30, "customer_seconds": 30, "barista_seconds": 60, "wait_target_seconds": 60}),
            json!({"capacity": 1000.0, "order_limit": 100, "scans_per_code": 1000, "code_seconds": 3600, "customer_seconds": 3600, "barista_seconds": 14400, "wait_target_seconds": 7200}),
        ] {
            assert!(SettingsPatch::read(&body).is_ok(), "{body}");
        }
    }
}
