//! What is said, in the languages of the house: one function a message of `locales/*.json`.

use domain::Locale;

// Made from the message files, for the compiler and not for readers.
#[allow(clippy::useless_format, clippy::match_same_arms)]
mod messages {
    include!(concat!(env!("OUT_DIR"), "/words.rs"));
}
pub use messages::*;

/// The sentence for the code of a refusal.
pub fn refusal(code: &str, locale: Locale) -> &'static str {
    problem::by_name(code, locale).unwrap_or_else(|| problem::unknown(locale))
}

/// What happened, for an event's type such as `prep.ready.v1`. `None`: nothing that a shopper asks for.
pub fn happened(event_type: &str, locale: Locale) -> Option<&'static str> {
    let name = event_type.rsplit_once(".v").map_or(event_type, |(name, _)| name);
    event::by_name(&name.replace('.', "_"), locale)
}
