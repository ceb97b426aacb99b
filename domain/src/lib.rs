//! The language everybody in Orderly speaks: pure values and rules. No IO, no clock, no randomness; `now` and ids are
//! arguments. Compiles for the server and for the browser, so both run the same rules.
//!
//! In reading order: the small values ([`time`], [`money`], [`text`], [`name`], [`id`]), what is sold ([`catalog`]) and for how much
//! ([`pricing`]), the life of an order ([`ordering`]) and of its fulfilments ([`prep`]), what happened ([`event`]),
//! what a [`wallet`] is told of, the codes of a [`kiosk`], where all of it is told ([`topic`], [`live`]), how it is shown ([`view`]) and what is said when something is wrong ([`fault`]).

pub mod catalog;
pub mod country;
pub mod event;
pub mod fault;
pub mod id;
pub mod kiosk;
pub mod live;
pub mod money;
pub mod name;
pub mod ordering;
pub mod prep;
pub mod pricing;
mod schema;
pub mod text;
pub mod time;
pub mod topic;
pub mod view;
pub mod wallet;
pub mod web;

pub use fault::{Fault, Faults, Terms};
pub use id::*;
pub use money::{Currency, Money};
pub use text::{Locale, Text};
pub use time::Timestamp;

/// `Display` and `FromStr` for an enum that has `as_str`, from one list of its values.
macro_rules! text_enum {
    ($name:ident: $($value:ident),+) => {
        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$value),+];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownWord;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownWord> {
                Self::ALL.iter().copied().find(|v| v.as_str() == text).ok_or($crate::UnknownWord)
            }
        }
    };
}
pub(crate) use text_enum;

/// The text is not one of the words expected here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of the known words")]
pub struct UnknownWord;
