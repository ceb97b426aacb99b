//! The CloudEvents envelope that facts and live snapshots travel in.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Actor;
use crate::{EventId, StoreId, Timestamp, schema::text_schema};

/// A CloudEvents 1.0 envelope in structured JSON, with the extensions `sequence`, `actor` and `causationid`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CloudEvent<T> {
    /// Always `1.0`.
    pub specversion: String,
    pub id: EventId,
    /// `/stores/{store}`, or `/orderly` where there is no store.
    pub source: String,
    #[serde(rename = "type")]
    pub type_name: String,
    /// The id of the thing that it is about.
    pub subject: String,
    pub time: Timestamp,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// CloudEvents' own `sequence` extension: 20 digits, compared as text.
    pub sequence: Sequence,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub actor: Option<Actor>,
    /// The event that led to this one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub causationid: Option<EventId>,
    pub data: T,
}

impl<T> CloudEvent<T> {
    /// The envelope of a fact or of a live snapshot, without actor and cause.
    pub fn new(
        id: EventId,
        store: Option<&StoreId>,
        type_name: &str,
        subject: impl Into<String>,
        time: Timestamp,
        sequence: i64,
        data: T,
    ) -> Self {
        Self {
            specversion: "1.0".to_owned(),
            id,
            source: store.map_or_else(|| "/orderly".to_owned(), |s| format!("/stores/{s}")),
            type_name: type_name.to_owned(),
            subject: subject.into(),
            time,
            datacontenttype: "application/json".to_owned(),
            sequence: Sequence(sequence),
            actor: None,
            causationid: None,
            data,
        }
    }
}

/// A position or version, written as 20 digits so that text order is number order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sequence(pub i64);

text_schema!(Sequence, None, Some("^[0-9]{20}$"), "00000000000000000042");

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}", self.0)
    }
}

impl TryFrom<String> for Sequence {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl From<Sequence> for String {
    fn from(sequence: Sequence) -> Self {
        sequence.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_sort_as_text() {
        assert!(Sequence(9).to_string() < Sequence(10).to_string());
        assert_eq!(Sequence(42).to_string().len(), 20);
    }
}
