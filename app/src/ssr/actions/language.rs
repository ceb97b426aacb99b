//! The language switch.

use backend::identity::{AccountEdit, Caller};
use domain::Locale;
use leptos::prelude::*;

use super::{super::visit::Visit, Done, people::secure, set_cookie, to};

/// A year.
pub(super) const SECONDS: i64 = 365 * 24 * 3600;

#[server(name = SetLanguage, prefix = "/do", endpoint = "language")]
pub async fn set_language(#[server(default)] language: String, #[server(default)] back: String) -> Done<()> {
    if let Ok(locale) = language.parse::<Locale>() {
        // Who is signed in keeps it wherever they sign in next.
        let visit = Visit::here();
        if let Caller::User { language: kept, .. } = &visit.caller
            && *kept != Some(locale)
        {
            let edit = AccountEdit { name: None, language: Some(Some(locale)) };
            if let Err(error) = visit.backend.identities.edit_account(&visit.caller, edit).await {
                // The cookie alone does for this browser.
                tracing::warn!(%error, "the account's language stays as it was");
            }
        }
        set_cookie(&format!("orderly_lang={locale}; Path=/; Max-Age={SECONDS}; SameSite=Lax{}", secure()));
    }
    to(&back, ())
}
