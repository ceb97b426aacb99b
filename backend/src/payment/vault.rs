//! Where card tokens wait for their charge: encrypted, each bound to its payment.
//!
//! XChaCha20-Poly1305 with random nonces of 192 bits, which never repeat by chance. The keys are derived from the secrets
//! that sign cookies: the first encrypts, all are tried, so a secret can be replaced while payments run.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, AeadCore as _, OsRng, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};

use super::provider::CardToken;
use crate::db::DbError;
use crate::identity::Keys;

const PURPOSE: &str = "card tokens";
const NONCE: usize = 24;

/// Encrypts and decrypts card tokens.
#[derive(Clone)]
pub struct Vault(Vec<XChaCha20Poly1305>);

impl Vault {
    pub fn new(keys: &Keys) -> Self {
        Self(keys.derive(PURPOSE).iter().map(|key| XChaCha20Poly1305::new(key.into())).collect())
    }

    /// The token, encrypted for `purpose`: the id of its payment. Elsewhere it cannot be read.
    pub(super) fn seal(&self, token: &CardToken, purpose: &str) -> Result<String, DbError> {
        let defect = || DbError::Defect("a card token could not be encrypted".to_owned());
        let cipher = self.0.first().ok_or_else(defect)?;
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let payload = Payload { msg: token.reveal().as_bytes(), aad: purpose.as_bytes() };
        let sealed = cipher.encrypt(&nonce, payload).map_err(|_| defect())?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// The token that was encrypted for `purpose`; `None` where none of the keys fits.
    pub(super) fn open(&self, sealed: &str, purpose: &str) -> Option<CardToken> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE)?;
        let open =
            |cipher: &XChaCha20Poly1305| cipher.decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: purpose.as_bytes() }).ok();
        String::from_utf8(self.0.iter().find_map(open)?).ok().map(CardToken::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Secret;

    fn vault(secrets: &[&str]) -> Vault {
        let secrets: Vec<_> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        Vault::new(&Keys::new(&secrets).unwrap())
    }

    #[test]
    fn a_token_is_read_for_its_payment_alone_and_with_any_of_the_keys() {
        let token = CardToken::new("tok_ok");
        let sealed = vault(&["old"]).seal(&token, "payment 1").unwrap();
        assert!(!sealed.contains("tok_ok"));
        assert_ne!(sealed, vault(&["old"]).seal(&token, "payment 1").unwrap());
        assert_eq!(vault(&["new", "old"]).open(&sealed, "payment 1"), Some(token));
        assert_eq!(vault(&["new", "old"]).open(&sealed, "payment 2"), None);
        assert_eq!(vault(&["new"]).open(&sealed, "payment 1"), None);
        for broken in ["", "AAAA", &sealed[1..], &sealed[..sealed.len() - 2]] {
            assert_eq!(vault(&["old"]).open(broken, "payment 1"), None, "{broken}");
        }
    }
}
