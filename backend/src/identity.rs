//! Identity: who is asking, and what they may do.
//!
//! A [`Caller`] comes out of a cookie ([`session`], [`cookie`]) or a bearer [`token`]; [`staff`] sign in by one-time codes;
//! [`rights`] is the one table of who may do what; [`secret`] is what signs and hides.

pub mod caller;
pub mod cookie;
pub mod rights;
pub mod secret;
pub mod session;
pub mod staff;
mod store;
pub mod token;

use domain::UserId;
use domain::view::Person;

pub use caller::{Caller, Owner};
pub use rights::{Right, Whose};
pub use secret::{Keys, Secret};
pub use session::{IssuedSession, ensure_session_in};
pub use token::{NewToken, TokenRow};

use crate::db::{Db, DbError};
use crate::refused::{Extra, Refused};

/// Why something about identities was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The one-time code is wrong, spent or too old.
    #[error("this code is wrong, used or too old")]
    WrongCode,
    /// A person's or token's name.
    #[error("a name has 1 to 60 characters")]
    Name,
    /// A role that is not of the staff.
    #[error("staff are barista, warehouse or manager")]
    NotStaff,
    /// A token that would be of no use.
    #[error("{0}")]
    Token(&'static str),
    /// The database did not take it.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl IdentityError {
    /// The operating system, which gives randomness, memory and threads, did not.
    fn randomness(error: impl std::fmt::Display) -> Self {
        Self::Database(DbError::Unavailable(error.to_string()))
    }
}

impl Refused for IdentityError {
    fn code(&self) -> &'static str {
        match self {
            Self::WrongCode => "wrong_code",
            Self::Name | Self::NotStaff | Self::Token(_) => "invalid_request",
            Self::Database(error) => error.code(),
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::WrongCode => 401,
            Self::Name | Self::NotStaff | Self::Token(_) => 422,
            Self::Database(error) => error.status(),
        }
    }

    fn extra(&self) -> Extra {
        if let Self::Database(error) = self { error.extra() } else { Extra::default() }
    }
}

/// Everybody's sessions, tokens and names.
#[derive(Clone)]
pub struct Identities {
    db: Db,
    keys: Keys,
    /// Cookies are for https alone.
    https: bool,
}

impl Identities {
    /// `secrets` sign the cookies, the first of them; without any the one kept in the database does, which is made here
    /// if need be.
    pub async fn open(db: Db, secrets: &[Secret], https: bool) -> Result<Self, IdentityError> {
        let keys = match Keys::new(secrets) {
            Some(keys) => keys,
            None => Self::kept_keys(&db).await?,
        };
        Ok(Self { db, keys, https })
    }

    async fn kept_keys(db: &Db) -> Result<Keys, IdentityError> {
        let fresh = Secret::random().map_err(IdentityError::randomness)?.expose().to_owned();
        let kept = db.transaction(move |tx| Box::pin(async move { store::keep_secret(tx, "cookies", fresh).await })).await?;
        Keys::new(&[Secret::new(kept)]).ok_or_else(|| IdentityError::randomness("no secret was kept"))
    }

    /// What signs cookies, tickets and codes.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The person with this account.
    pub async fn person(&self, user: UserId) -> Result<Option<Person>, DbError> {
        store::person(&mut self.db.reader(), user).await
    }
}
