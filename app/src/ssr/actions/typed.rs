//! What was typed into a form of the settings, of the stock or at the door that was refused, for the form to show again: a cookie
//! that the next page takes away.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{super::visit::cookie, set_cookie};
use crate::paths;

const NAME: &str = "orderly_typed";
const SECONDS: i64 = 120;
/// What a form of ours has, and a browser takes as a cookie: eight settings, each with what was seen of it.
const FIELDS: usize = 16;
const CHARACTERS: usize = 100;

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Typed {
    /// Which form: `settings`, `stock`, `door`, `member`, `screen` or `token`.
    pub form: String,
    pub values: BTreeMap<String, String>,
}

impl Typed {
    /// What somebody typed, as far as it is of use to them.
    pub fn new<'v>(form: &str, values: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        let kept = |text: &str| text.chars().take(CHARACTERS).collect::<String>();
        Self { form: form.to_owned(), values: values.into_iter().take(FIELDS).map(|(name, text)| (kept(name), kept(text))).collect() }
    }

    /// For the next page of this browser.
    pub fn leave(&self) {
        if let Ok(text) = serde_json::to_vec(self) {
            let (path, value) = (paths::STAFF, URL_SAFE_NO_PAD.encode(text));
            set_cookie(&format!("{NAME}={value}; Path={path}; Max-Age={SECONDS}; HttpOnly; SameSite=Strict{}", super::people::secure()));
        }
    }

    /// What the last form left, once.
    pub fn take() -> Option<Self> {
        let value = cookie(NAME)?;
        set_cookie(&format!("{NAME}=; Path={}; Max-Age=0; HttpOnly; SameSite=Strict{}", paths::STAFF, super::people::secure()));
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(value).ok()?).ok()
    }

    /// What was typed into a field of that form.
    pub fn value(this: Option<&Self>, form: &str, field: &str) -> Option<String> {
        this.filter(|typed| typed.form == form)?.values.get(field).cloned()
    }
}
