//! Staff: added by name, signed in by a one-time code.

use argon2::{Algorithm, Argon2, Params, Version};
use domain::StoreId;
use domain::view::{Person, Role};

use super::secret::{Secret, hex, random};
use super::session::{IssuedSession, NewSession};
use super::{Caller, Identities, IdentityError, rights, store};

/// How long a sign-in code is good: a day.
pub const CODE_SECONDS: i64 = 24 * 3600;
/// How long staff stay signed in: a long shift.
pub const SHIFT_SECONDS: i64 = 12 * 3600;

/// Crockford's base 32: no `I`, `L`, `O`, `U`, which are read for other things.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 8;

pub(super) struct NewCode {
    pub(super) code: Secret,
    pub(super) hash: String,
}

impl NewCode {
    fn make() -> Result<Self, IdentityError> {
        let bytes = random::<LENGTH>().map_err(IdentityError::randomness)?;
        let code: String = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        Ok(Self { hash: slow_hash(&code)?, code: Secret::new(code) })
    }
}

/// What is kept of a code. 40 bits can be tried out by who has stolen the database, so the hash is slow (Argon2id, 8 MiB);
/// it has one salt for all, because a code is looked up by its hash.
fn slow_hash(code: &str) -> Result<String, IdentityError> {
    let mut hash = [0; 32];
    let params = Params::new(8 * 1024, 2, 1, Some(hash.len())).map_err(IdentityError::randomness)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(code.as_bytes(), b"orderly staff sign-in code", &mut hash)
        .map_err(IdentityError::randomness)?;
    Ok(hex(&hash))
}

/// The code as it was given out, however it was typed; `None` for what cannot be one.
fn normalized(typed: &str) -> Option<String> {
    let code: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .take(LENGTH + 1)
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        })
        .collect();
    (code.len() == LENGTH && code.bytes().all(|b| ALPHABET.contains(&b))).then_some(code)
}

impl Identities {
    /// Adds somebody to the staff of a store and returns their one-time sign-in code, good for a day. The same name at the
    /// same store is the same person: they get one more role, or only a new code.
    pub async fn staff_add(&self, at: StoreId, name: String, role: Role) -> Result<(Person, Secret), IdentityError> {
        let name = name.trim().to_owned();
        if name.is_empty() || name.chars().count() > 60 {
            return Err(IdentityError::Name);
        }
        if !rights::is_staff(role) {
            return Err(IdentityError::NotStaff);
        }
        let NewCode { code, hash } = blocking(NewCode::make).await?;
        let kept = NewCode { code: code.clone(), hash };
        let person = self
            .db
            .transaction(move |tx| {
                Box::pin(async move {
                    let id = store::staff_member(tx, &at, &name, role).await?;
                    let expires_at = tx.now().plus_seconds(CODE_SECONDS);
                    store::insert_code(tx, id, &kept, expires_at).await?;
                    Ok::<_, IdentityError>(Person { id, name })
                })
            })
            .await?;
        Ok((person, code))
    }

    /// Signs in by a one-time code, which is spent by it, and answers a new session: the browser's old one is ended if
    /// somebody was signed in by it.
    pub async fn staff_sign_in(&self, before: &Caller, typed: &str) -> Result<IssuedSession, IdentityError> {
        let code = normalized(typed).ok_or(IdentityError::WrongCode)?;
        let hash = blocking(move || slow_hash(&code)).await?;
        let issued = self.issue(SHIFT_SECONDS);
        let session = NewSession { id: issued.session, seconds: SHIFT_SECONDS, slides: false, device: None };
        let old = before.session().filter(|_| !before.is_guest());
        self.db
            .transaction(move |tx| {
                Box::pin(async move {
                    let user = store::spend_code(tx, hash).await?.ok_or(IdentityError::WrongCode)?;
                    store::insert_session(tx, &session, Some(user)).await?;
                    if let Some(old) = old {
                        store::end_session(tx, old).await?;
                    }
                    Ok::<_, IdentityError>(())
                })
            })
            .await?;
        Ok(issued)
    }
}

/// Runs what takes long without waiting for anything, off the threads that answer requests.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, IdentityError> + Send + 'static) -> Result<T, IdentityError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(IdentityError::randomness(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let made = NewCode::make().unwrap();
        assert_eq!(normalized(made.code.expose()).as_deref(), Some(made.code.expose()));
        assert_eq!(normalized(" abcd-o1il ").as_deref(), Some("ABCD0111"));
        for bad in ["", "ABCD012", "ABCD01234", "ABCDU123", "ABCDé123", &"A".repeat(1000)] {
            assert_eq!(normalized(bad), None, "{bad}");
        }
        assert_ne!(slow_hash("ABCD0123").unwrap(), slow_hash("ABCD0124").unwrap());
    }
}
