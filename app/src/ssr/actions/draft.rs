//! What was typed into an order form that was refused, for the form to show again without scripts: a cookie that the next
//! page takes away. An address does not belong into an address bar.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Fault;
use http::{HeaderValue, header};
use leptos_axum::ResponseOptions;
use serde::{Deserialize, Serialize};

use crate::wire::AddressFields;

const NAME: &str = "orderly_draft";
const GONE: &str = "orderly_draft=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax";

/// What was typed, and what was wrong with it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Draft {
    pub address: AddressFields,
    pub faults: Vec<Fault>,
    /// The form's key, where nobody knows whether it was done: sent again, it is the same order.
    pub key: Option<String>,
}

impl Draft {
    /// For the next page of this browser.
    pub fn leave(&self) {
        if let Ok(text) = serde_json::to_vec(self) {
            super::set_cookie(&format!("{NAME}={}; Path=/; Max-Age=300; HttpOnly; SameSite=Lax", URL_SAFE_NO_PAD.encode(text)));
        }
    }

    /// Nothing for the next page: it was done.
    pub fn forget() {
        if super::super::visit::cookie(NAME).is_some() {
            super::set_cookie(GONE);
        }
    }

    /// What the last page left, once.
    pub fn take(response: Option<&ResponseOptions>) -> Option<Self> {
        let value = super::super::visit::cookie(NAME)?;
        if let Some(response) = response {
            response.append_header(header::SET_COOKIE, HeaderValue::from_static(GONE));
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(value).ok()?).ok()
    }
}
