//! Slow hashes of what people can remember or type: made so that who has stolen the database learns little, on threads that
//! answer no requests, and only so many at once that the shop hardly feels them.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::IdentityError;
use super::secret::{hex, random};
use crate::db::DbError;

/// How long somebody waits for their turn before they are asked to come again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whose turn it is. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Hashing(Arc<Semaphore>);

impl Default for Hashing {
    /// Half of the processors, and one at least.
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new((processors / 2).max(1))))
    }
}

impl Hashing {
    /// Runs `work` when it is its turn.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, IdentityError> + Send + 'static,
    ) -> Result<T, IdentityError> {
        let turn = tokio::time::timeout(PATIENCE, self.0.clone().acquire_owned()).await;
        // The semaphore is never closed, so what fails is waiting.
        let Ok(Ok(turn)) = turn else {
            return Err(IdentityError::Database(DbError::Busy("too many people sign in at once".to_owned())));
        };
        let run = move || {
            // Until the end, also where whoever asked has left.
            let _turn = turn;
            work()
        };
        tokio::task::spawn_blocking(run).await.unwrap_or_else(|error| Err(IdentityError::randomness(error)))
    }
}

/// What is kept of a one-time code. 40 bits can be tried out by who has stolen the database, so the hash is slow (Argon2id,
/// 8 MiB); it has one salt for all, because a code is looked up by its hash.
pub(super) fn of_code(code: &str) -> Result<String, IdentityError> {
    let mut hash = [0; 32];
    let params = Params::new(8 * 1024, 2, 1, Some(hash.len())).map_err(IdentityError::randomness)?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(code.as_bytes(), b"orderly staff sign-in code", &mut hash)
        .map_err(IdentityError::randomness)?;
    Ok(hex(&hash))
}

/// What is kept of a password: Argon2id with 19 MiB, two passes and a salt of its own (OWASP, Password Storage Cheat
/// Sheet), in the PHC string format, which names them.
pub(super) fn of_password(password: &str) -> Result<String, IdentityError> {
    let salt = SaltString::encode_b64(&random::<16>().map_err(IdentityError::randomness)?).map_err(IdentityError::randomness)?;
    Ok(Argon2::default().hash_password(password.as_bytes(), &salt).map_err(IdentityError::randomness)?.to_string())
}

/// Whether this is the password. Without a hash it takes as long to say no: nothing tells whether somebody has one.
pub(super) fn is_password(password: &str, hash: Option<&str>) -> Result<bool, IdentityError> {
    let Some(hash) = hash else { return of_password(password).map(|_| false) };
    let parsed =
        PasswordHash::new(hash).map_err(|error| IdentityError::Database(DbError::Defect(format!("a password's hash: {error}"))))?;
    match Argon2::default().verify_password(password.as_bytes(), &parsed) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::Password) => Ok(false),
        Err(error) => Err(IdentityError::randomness(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash_and_by_nothing_else() {
        let hash = of_password("over the counter").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, of_password("over the counter").unwrap(), "each has a salt of its own");
        assert_eq!(is_password("over the counter", Some(&hash)), Ok(true));
        assert_eq!(is_password("Over the counter", Some(&hash)), Ok(false));
        assert_eq!(is_password("over the counter", None), Ok(false));
        assert!(is_password("over the counter", Some("plain")).is_err());
    }

    #[test]
    fn codes_are_found_by_their_hash() {
        assert_eq!(of_code("ABCD0123"), of_code("ABCD0123"));
        assert_ne!(of_code("ABCD0123").unwrap(), of_code("ABCD0124").unwrap());
    }
}
