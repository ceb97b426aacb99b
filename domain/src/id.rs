//! Ids. Things that are made get a UUIDv7; things that people name get a slug.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::schema::text_schema;

/// The text is not a UUID, or not a slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    #[error("not a UUID")]
    Uuid,
    #[error("not an id of 1 to 64 lower-case letters, digits and hyphens")]
    Slug,
}

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        text_schema!($name, Some("uuid"), None, "0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071");

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // Only the hyphenated form: one thing has one name in URLs, topics and logs.
                if text.len() == 36 { text.parse().map(Self).map_err(|_| InvalidId::Uuid) } else { Err(InvalidId::Uuid) }
            }
        }
    )*};
}

macro_rules! slug_ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        text_schema!($name, None, Some("^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$"), "flat-white");

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                if is_slug(&text) { Ok(Self(text)) } else { Err(InvalidId::Slug) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

/// `a-z`, `0-9` and inner hyphens, 1 to 64 characters: safe in a URL, a topic and a file name as it is.
fn is_slug(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=64).contains(&bytes.len())
        && bytes.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

uuid_ids! {
    /// An order, from `place` on.
    OrderId
    /// A checkout: lines held for a shopper who has not placed yet. Its order, if it comes, gets an id of its own.
    CheckoutId
    /// One line of an order.
    LineId
    /// One hand-over of an order: a pick-up or a parcel.
    FulfilmentId
    /// A browser's or device's session; the cookie's value is a secret, this is not.
    SessionId
    /// A person with an account: shopper or staff.
    UserId
    /// A scan's right to order at a store that admits by QR code.
    AdmissionId
    /// A bearer token's public id; the token itself is a secret.
    TokenId
    /// One charge of a card or wallet.
    PaymentId
    /// One movement of the ledger.
    TransferId
    /// A card's payment into a wallet.
    TopUpId
    /// One event of the log.
    EventId
}

slug_ids! {
    /// A store (shop, café, stand).
    StoreId
    /// A product, the same in every store that lists it.
    ProductId
    /// A stock keeping unit: one variant of a product, what is priced, held and sold.
    Sku
    /// A category of a store's menu.
    CategoryId
    /// A group of options, such as `milk`.
    ModifierId
    /// One option of a modifier group, such as `oat`; unique in a store.
    OptionId
    /// A kiosk: a screen that shows codes, or a pick-up scanner.
    KioskId
    /// Who owns goods and feeds their prices and stock.
    MerchantId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_narrow() {
        for good in ["a", "flat-white-large", "0", &"x".repeat(64)] {
            assert!(good.parse::<Sku>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a b", "a/b", "+", "#", "é", &"x".repeat(65)] {
            assert_eq!(bad.parse::<Sku>(), Err(InvalidId::Slug), "{bad}");
        }
    }

    #[test]
    fn uuids_have_one_spelling() {
        let id = "0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
        assert_eq!(id.parse::<OrderId>().unwrap().to_string(), id);
        assert!(id.replace('-', "").parse::<OrderId>().is_err() && format!("{{{id}}}").parse::<OrderId>().is_err());
    }
}
