//! What was typed into an order form that was refused, for the form to show again without scripts: a cookie that the next
//! page takes away. An address does not belong into an address bar.

use backend::identity::Owner;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{Fault, StoreId};
use serde::{Deserialize, Serialize};

use super::{super::visit::cookie, set_cookie};
use crate::{paths, wire::AddressFields};

const NAME: &str = "orderly_draft";
const SECONDS: i64 = 300;
/// The longest value. A browser drops a cookie of more than 4,096 bytes with its name and whom it is for (RFC 6265, 6.1).
const LARGEST: usize = 3_800;

/// What was typed, and what was wrong with it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Draft {
    /// Whose it is: whoever sits down at this browser next is shown nothing of it.
    pub owner: String,
    pub address: AddressFields,
    /// What was chosen to pay with, of what the form offers. A card of somebody's own never comes here.
    pub payment: Option<String>,
    pub faults: Vec<Fault>,
    /// The form's key, where nobody knows whether it was done: sent again, it is the same order.
    pub key: Option<String>,
}

impl Draft {
    /// For the owner's next checkout at this store, as much as a browser keeps.
    pub fn leave(self, store: &StoreId) {
        if let Some(value) = self.fitting() {
            set(store, &value, SECONDS);
        }
    }

    /// Nothing for the next page: it was done. The form's own address is told of no draft, so whether there is one is not known.
    pub fn forget(store: &StoreId) {
        set(store, "", 0);
    }

    /// What the owner's last page left, once.
    pub fn take(owner: Option<&Owner>, store: &StoreId) -> Option<Self> {
        let value = cookie(NAME)?;
        Self::forget(store);
        let draft: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(value).ok()?).ok()?;
        owner.is_some_and(|owner| draft.owner == owner.to_string()).then_some(draft)
    }

    /// The cookie's value. Of what does not fit the form's key stays: without it an order could be a second one.
    fn fitting(mut self) -> Option<String> {
        if let Some(whole) = self.value() {
            return Some(whole);
        }
        self.faults.clear();
        self.value().or_else(|| {
            self.address = AddressFields::default();
            self.value()
        })
    }

    fn value(&self) -> Option<String> {
        let value = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).ok()?);
        (value.len() <= LARGEST).then_some(value)
    }
}

/// The store's checkout alone shows what was typed.
fn set(store: &StoreId, value: &str, seconds: i64) {
    let (path, secure) = (paths::checkout(store), super::people::secure());
    set_cookie(&format!("{NAME}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(name: &str, faults: usize) -> Option<Draft> {
        let address = AddressFields { name: name.to_owned(), ..AddressFields::default() };
        let faults = vec![Fault::new("/address/name", "too_long", "This is too long."); faults];
        let draft = Draft { owner: "user:1".to_owned(), address, payment: Some("wallet".to_owned()), faults, key: Some("key".to_owned()) };
        let value = draft.fitting()?;
        assert!(value.len() <= LARGEST, "{}", value.len());
        Some(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(value).unwrap()).unwrap())
    }

    #[test]
    fn what_a_browser_would_drop_is_left_out() {
        let long = "x".repeat(LARGEST);
        for (name, faults, expected) in [("Ada", 1, ("Ada", 1)), ("Ada", 100, ("Ada", 0)), (&*long, 1, ("", 0))] {
            let draft = kept(name, faults).unwrap();
            assert_eq!((&*draft.address.name, draft.faults.len()), expected);
            assert_eq!((draft.key.as_deref(), draft.payment.as_deref()), (Some("key"), Some("wallet")));
        }
    }
}
