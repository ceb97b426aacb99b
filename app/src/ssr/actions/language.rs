//! The language switch.

#![allow(clippy::unused_async, reason = "a server function is async, whether it waits or not")]

use domain::Locale;
use leptos::prelude::*;

use super::{Done, set_cookie, to};

/// A year.
const SECONDS: i64 = 365 * 24 * 3600;

#[server(name = SetLanguage, prefix = "/do", endpoint = "language")]
pub async fn set_language(language: String, #[server(default)] back: String) -> Done<()> {
    if let Ok(locale) = language.parse::<Locale>() {
        set_cookie(&format!("orderly_lang={locale}; Path=/; Max-Age={SECONDS}; SameSite=Lax"));
    }
    to(&back, ())
}
