//! What is asked for.

use serde::{Deserialize, Serialize};

use crate::{Fault, Money, Terms, prep::FulfilmentKind, pricing::LineRequest};

/// Where an order goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FulfilmentRequest {
    Pickup,
    Ship { address: Address },
}

impl FulfilmentRequest {
    pub const fn kind(&self) -> FulfilmentKind {
        match self {
            Self::Pickup => FulfilmentKind::Pickup,
            Self::Ship { .. } => FulfilmentKind::Ship,
        }
    }
}

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Address {
    pub name: String,
    pub line1: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    pub city: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

impl Address {
    /// All faults, with pointers below `at`. Codes: `required`, `too_long`, `control_character`, `unknown_country`.
    pub fn faults(&self, at: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (field, value) in [("name", &self.name), ("line1", &self.line1), ("city", &self.city), ("postal_code", &self.postal_code)] {
            if value.trim().is_empty() {
                faults.push(Fault::new(format!("{at}/{field}"), "required", "Please fill this in."));
            }
        }
        let optional = [("line2", self.line2.as_deref()), ("region", self.region.as_deref())];
        let fields = [("name", &*self.name), ("line1", &*self.line1), ("city", &*self.city), ("postal_code", &*self.postal_code)];
        for (field, value) in fields.into_iter().chain(optional.into_iter().filter_map(|(f, v)| v.map(|v| (f, v)))) {
            if value.chars().count() > 120 {
                faults.push(Fault::new(format!("{at}/{field}"), "too_long", "At most 120 characters.").with(Terms::at_most(120)));
            }
            faults.extend(Fault::hidden_in(value, format!("{at}/{field}")));
        }
        if !crate::country::is_known(&self.country) {
            faults.push(Fault::new(format!("{at}/country"), "unknown_country", "Two capital letters of ISO 3166-1, such as US."));
        }
        faults
    }
}

/// `POST /quotes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QuoteRequest {
    pub store: String,
    pub lines: Vec<LineRequest>,
    #[serde(default)]
    pub fulfilment: Option<FulfilmentRequest>,
    #[serde(default)]
    pub coupon_codes: Vec<String>,
    #[serde(default)]
    pub points: Option<i64>,
}

/// `POST /checkouts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CheckoutRequest {
    pub store: String,
    pub lines: Vec<LineRequest>,
    pub fulfilment: FulfilmentRequest,
    #[serde(default)]
    pub admission: Option<String>,
    #[serde(default)]
    pub coupon_codes: Vec<String>,
    #[serde(default)]
    pub points: Option<i64>,
}

/// `POST /scans`: what the kiosk's screen said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ScanRequest {
    /// 6 to 10 characters; spaces, hyphens and small letters do not matter.
    pub code: String,
}

/// What pays: a wallet, or a card by its token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum PaymentRequest {
    Wallet,
    Card { token: String },
}

impl std::fmt::Debug for PaymentRequest {
    /// A card token is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Wallet => "Wallet",
            Self::Card { .. } => "Card(***)",
        })
    }
}

/// `POST /checkouts/{id}/place`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PlaceRequest {
    pub payment: PaymentRequest,
    /// What the shopper saw: another total is refused.
    pub expected_total: Money,
}

/// `POST /kiosks/{kiosk}/collect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CollectRequest {
    /// What the scanner read.
    pub ticket: String,
}
