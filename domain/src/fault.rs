//! What is wrong with a request: every fault at once, each with the place it is at.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Money, Text, name};

/// One fault of a request (RFC 9457's `errors` member).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Fault {
    /// RFC 6901 pointer into the body, such as `/lines/0/quantity`; empty for the whole body.
    pub pointer: String,
    /// Stable snake_case.
    pub code: String,
    /// A sentence that says what to do.
    pub detail: String,
    /// How many are left, where the fault is `out_of_stock`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub available: Option<i64>,
    /// What the sentence names. Boxed: most name nothing, and every answer would carry its size.
    #[serde(skip_serializing_if = "Terms::is_empty", default)]
    #[cfg_attr(feature = "schema", schema(ignore))]
    pub terms: Box<Terms>,
}

/// What an English sentence names, for whoever says it in another language. It goes with the sentence as far as the edge, and not
/// beyond.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub least: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub most: Option<i64>,
    /// How many there are already.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub there: Option<i64>,
    /// Something of the shop's own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<Text>,
    /// A sum, which each language writes in its own way.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub money: Option<Money>,
    /// JSON's types, such as `integer`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub kinds: Vec<String>,
    /// What somebody else says of it, in English.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Words of the API, such as what may be chosen.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub words: Vec<String>,
}

impl Terms {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub fn between(least: i64, most: i64) -> Self {
        Self { least: Some(least), most: Some(most), ..Self::default() }
    }

    pub fn at_most(most: i64) -> Self {
        Self { most: Some(most), ..Self::default() }
    }

    pub fn reason(reason: impl ToString) -> Self {
        Self { reason: Some(reason.to_string()), ..Self::default() }
    }

    pub fn words<W: ToString>(words: impl IntoIterator<Item = W>) -> Self {
        Self { words: words.into_iter().map(|word| word.to_string()).collect(), ..Self::default() }
    }
}

impl Fault {
    pub fn new(pointer: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.to_owned(), detail: detail.into(), available: None, terms: Box::default() }
    }

    /// The same with what its sentence names.
    pub fn with(self, terms: Terms) -> Self {
        Self { terms: Box::new(terms), ..self }
    }

    /// That of a line which other people read, if it has a character that may stand in no name either ([`name::hidden_in`]).
    pub fn hidden_in(line: &str, pointer: impl Into<String>) -> Option<Self> {
        let sign = format!("U+{:04X}", u32::from(name::hidden_in(line)?));
        let detail =
            format!("{sign} has no place here: it cannot be seen, or changes how the rest is read. Type the text instead of pasting it.");
        Some(Self::new(pointer, "control_character", detail).with(Terms::words([sign])))
    }

    pub fn out_of_stock(line: usize, available: i64) -> Self {
        let detail = match available {
            0 => "None are left.".to_owned(),
            1 => "Only 1 is left.".to_owned(),
            n => format!("Only {n} are left."),
        };
        Self { available: Some(available), ..Self::new(format!("/lines/{line}"), "out_of_stock", detail) }
    }
}

/// Whether a text has characters that nobody types and that not every database keeps, such as NUL.
pub fn has_control(text: &str) -> bool {
    text.chars().any(|c| c.is_control() && c != '\n' && c != '\t')
}

/// At least one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.0.iter().enumerate() {
            let gap = if n == 0 { "" } else { "; " };
            write!(f, "{gap}{}: {}", fault.pointer, fault.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
