//! Secrets, and what is signed with them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use sha2::{Digest as _, Sha256};

/// A text that must not be seen: it prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// 256 random bits of the operating system, as 43 URL-safe characters.
    ///
    /// An error where the operating system has no randomness to give.
    pub fn random() -> Result<Self, rand::rand_core::OsError> {
        Ok(Self(URL_SAFE_NO_PAD.encode(random::<32>()?)))
    }

    /// What is kept of a secret that is looked up: SHA-256, in hexadecimal. Only for secrets of full strength, which
    /// cannot be guessed; short codes go through a slow hash.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(&self.0))
    }
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], rand::rand_core::OsError> {
    let mut bytes = [0; N];
    OsRng.try_fill_bytes(&mut bytes)?;
    Ok(bytes)
}

/// The keys that sign what leaves the house and comes back: the first signs, all verify, so that a key can be replaced
/// without signing anybody out.
#[derive(Clone)]
pub struct Keys(Vec<Hmac<Sha256>>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Keys {
    /// `None` without any secret.
    pub fn new(secrets: &[Secret]) -> Option<Self> {
        // HMAC takes keys of any length (RFC 2104, 2), so this never fails.
        let keys: Vec<_> = secrets.iter().filter_map(|secret| Hmac::new_from_slice(secret.expose().as_bytes()).ok()).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// A key of 256 bits for one purpose from each secret, in their order. Whoever has one learns nothing of the secret.
    pub fn derive(&self, purpose: &str) -> Vec<[u8; 32]> {
        self.0.iter().map(|key| digest_of(key, purpose, b"derived").finalize().into_bytes().into()).collect()
    }

    /// The signature of `message`; `purpose` keeps a signature made for one thing from being used for another.
    pub fn sign(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        // `new` keeps at least one key.
        digest_of(&self.0[0], purpose, message).finalize().into_bytes().into()
    }

    /// The signatures of `message` by all keys, the newest first: what one of them has made is among them.
    pub fn sign_by_each<'k>(&'k self, purpose: &'k str, message: &'k [u8]) -> impl Iterator<Item = [u8; 32]> + 'k {
        self.0.iter().map(move |key| digest_of(key, purpose, message).finalize().into_bytes().into())
    }

    /// Whether one of the keys made this signature; takes the same time wherever they differ.
    pub fn verify(&self, purpose: &str, message: &[u8], signature: &[u8]) -> bool {
        self.0.iter().fold(false, |found, key| digest_of(key, purpose, message).verify_slice(signature).is_ok() | found)
    }
}

fn digest_of(key: &Hmac<Sha256>, purpose: &str, message: &[u8]) -> Hmac<Sha256> {
    // The purpose is ours and has no NUL, so no two pairs run into the same bytes.
    key.clone().chain_update(purpose.as_bytes()).chain_update([0]).chain_update(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_print() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Keys::new(std::slice::from_ref(&secret))), "*** *** Some(***)");
    }

    #[test]
    fn the_first_key_signs_and_all_verify() {
        let (old, new) = (Secret::new("old"), Secret::new("new"));
        let before = Keys::new(std::slice::from_ref(&old)).unwrap();
        let during = Keys::new(&[new.clone(), old]).unwrap();
        let after = Keys::new(&[new]).unwrap();
        let signature = before.sign("cookie", b"id");
        assert!(during.verify("cookie", b"id", &signature) && !after.verify("cookie", b"id", &signature));
        assert!(after.verify("cookie", b"id", &during.sign("cookie", b"id")));
        assert!(!before.verify("ticket", b"id", &signature) && !before.verify("cookie", b"ie", &signature));
        assert!(!before.verify("cookie", b"id", &signature[..31]) && !before.verify("cookie", b"id", b""));
        assert!(Keys::new(&[]).is_none());
    }

    #[test]
    fn random_secrets_differ() {
        let (a, b) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_ne!(a, b);
        assert_eq!((a.expose().len(), a.digest().len()), (43, 64));
    }
}
