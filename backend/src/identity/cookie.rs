//! The values of cookies that we sign: an id and our signature of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{SessionId, Timestamp};
use uuid::Uuid;

use super::secret::{Keys, Secret};

/// The name of the cookie.
pub const NAME: &str = "orderly_session";

const PURPOSE: &str = "session cookie";

/// A `Set-Cookie` header: no script sees it, no other site's form sends it.
pub(super) fn header(value: &str, seconds: i64, https: bool) -> String {
    header_of(NAME, value, seconds, https)
}

pub(super) fn header_of(name: &str, value: &str, seconds: i64, https: bool) -> String {
    let secure = if https { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// What the browser keeps: the id alone is in the log, the signature is what makes it a secret.
pub(super) fn seal(keys: &Keys, session: SessionId) -> Secret {
    seal_for(keys, PURPOSE, session.0)
}

/// The session of a value that we signed; `None` for any other.
pub(super) fn open(keys: &Keys, value: &str) -> Option<SessionId> {
    open_for(keys, PURPOSE, value).map(SessionId)
}

/// The same for an id of another kind: `purpose` keeps the one from being taken for the other.
pub(super) fn seal_for(keys: &Keys, purpose: &str, id: Uuid) -> Secret {
    let id = id.as_bytes();
    let mut bytes = [0; 48];
    bytes[..16].copy_from_slice(id);
    bytes[16..].copy_from_slice(&keys.sign(purpose, id));
    Secret::new(URL_SAFE_NO_PAD.encode(bytes))
}

pub(super) fn open_for(keys: &Keys, purpose: &str, value: &str) -> Option<Uuid> {
    let mut bytes = [0; 48];
    // The length is looked at first: what is decoded never grows with what was sent.
    if value.len() != 64 || URL_SAFE_NO_PAD.decode_slice(value, &mut bytes).ok()? != bytes.len() {
        return None;
    }
    let (id, signature) = bytes.split_at(16);
    keys.verify(purpose, id, signature).then(|| Uuid::from_slice(id).ok()).flatten()
}

/// When the session's id was made, which a UUIDv7 carries.
pub(super) fn made_at(session: SessionId) -> Timestamp {
    let (seconds, nanos) = session.0.get_timestamp().map_or((0, 0), |time| time.to_unix());
    Timestamp::from_millis((seconds as i64).saturating_mul(1000)).plus_millis(i64::from(nanos) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_cookies_open() {
        let keys = Keys::new(&[Secret::new("a")]).unwrap();
        let session = SessionId("0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071".parse().unwrap());
        let value = seal(&keys, session);
        assert_eq!(open(&keys, value.expose()), Some(session));
        assert_eq!(made_at(session).to_string(), "2024-12-11T03:30:10.926Z");
        assert_eq!(open(&Keys::new(&[Secret::new("b")]).unwrap(), value.expose()), None);
        for n in [0, 10, 30, 62] {
            let mut forged = value.expose().as_bytes().to_vec();
            forged[n] = if forged[n] == b'A' { b'B' } else { b'A' };
            assert_eq!(open(&keys, std::str::from_utf8(&forged).unwrap()), None, "{n}");
        }
        for junk in ["", "x", &"=".repeat(64), &"é".repeat(32), &"A".repeat(10_000)] {
            assert_eq!(open(&keys, junk), None);
        }
    }
}
