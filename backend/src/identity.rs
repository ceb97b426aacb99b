//! Identity: who is asking, and what they may do.
//!
//! A [`Caller`] comes out of a cookie ([`session`], [`cookie`]) or a bearer [`token`]; shoppers [`sign_in`] by [`phone`],
//! [`staff`] by one-time codes and a [`password`], which a [`browser`] they have used before may always try; [`pairing`]
//! makes a screen a kiosk and `presence` knows whether it, and who works at the bar, is there; [`account`] is what its owner sees and changes of it; [`rights`] is the one table of who may do
//! what; [`secret`] is what signs and hides; [`purge`] throws away what has had its time.

pub mod account;
pub mod browser;
pub mod caller;
pub mod cookie;
mod hashing;
pub mod pairing;
pub mod password;
pub mod phone;
pub(crate) mod presence;
pub mod purge;
pub mod rights;
pub mod secret;
pub mod session;
pub mod sign_in;
pub mod staff;
mod store;
mod throttle;
pub mod token;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use domain::name::InvalidName;
use domain::view::Person;
use domain::{Fault, Faults, Locale, Money, Terms, UserId};
use uuid::Uuid;

pub(crate) use account::phone_of;
pub use account::{Account, AccountEdit};
pub use browser::BrowserId;
pub use caller::{Caller, Owner};
pub use pairing::Pairing;
pub use phone::Phone;
pub use purge::Purge;
pub use rights::{Denied, Right, Whose};
pub use secret::{Keys, Secret};
pub use session::{IssuedSession, Seen, SessionError, ensure_session_in};
pub use sign_in::shopper_by_phone_in;
pub use staff::{Invited, member_name};
pub use throttle::{Network, network};
pub use token::{NewToken, TokenRow};

use self::hashing::Hashing;
use self::presence::Watch;
use crate::db::{Db, DbError, Sql};
use crate::refused::{Extra, Refused};

/// Why something about identities was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The staff's one-time code is wrong, spent or too old.
    #[error("this code is wrong, used or too old")]
    WrongCode,
    /// Name and password do not belong together, or there are none such.
    #[error("This name and this password do not belong together.")]
    WrongPassword,
    /// Who changes their password has not named the one before, or another one.
    #[error("Your password until now is missing or wrong.")]
    WrongCurrentPassword,
    /// The code of a text message is wrong.
    #[error("This code is wrong.")]
    WrongSignInCode {
        /// How often it may still be tried.
        left: i64,
    },
    /// The code was tried too often, used, replaced by a newer one, or is too old; or none was asked for.
    #[error("This code is used up. Please ask for a new one.")]
    CodeSpent,
    /// Asked more often than anybody needs.
    #[error("Too many requests; please wait a while.")]
    RateLimited {
        /// How many an hour.
        limit: i64,
        /// Seconds until the next one.
        seconds: i64,
    },
    /// Passwords were tried for somebody more often than they would mistype it.
    #[error(
        "Too many passwords were tried for this name. Try again in {} min, or ask a manager for a new one-time code: it works at once.",
        (.seconds + 59) / 60
    )]
    PasswordsLimited {
        /// How many an hour.
        limit: i64,
        /// Seconds until the next one.
        seconds: i64,
    },
    /// More people sign in at once than can be looked at.
    #[error("Very many people are signing in right now. Please try again in a few seconds.")]
    SignInBusy,
    /// Neither cookie nor token.
    #[error("Please open the shop first: there is no session.")]
    SessionRequired,
    /// A guest, or a program, wants what needs an account.
    #[error("Please sign in for this.")]
    SignInRequired,
    /// No such thing of theirs, or of their store's.
    #[error("There is no such thing here.")]
    NotFound,
    /// Without the right at this store.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A manager's own roles, which another one changes.
    #[error("Your own roles are for another manager to change.")]
    OwnRole,
    /// Somebody's roles are others than whoever changes them has seen.
    #[error("Somebody else has changed these roles meanwhile. Look at them again.")]
    RolesChanged,
    /// Kiosks are told apart by their names, in all stores.
    #[error("There is a kiosk of this name already.")]
    KioskExists,
    /// An order may still need what is to be deleted.
    #[error("An order of yours is under way. You can delete your data when it is done.")]
    OrdersUnderWay,
    /// A card may be charged for the wallet of what is to be deleted.
    #[error("A payment into your wallet is under way. You can delete your data when it is done.")]
    TopUpUnderWay,
    /// Money of theirs would be lost with what is to be deleted, and they have not said that it may be.
    #[error("There is {} in your wallet, which would be lost. Spend it first, or send `\"forfeit_wallet\": true`.", .balance.format(Locale::En))]
    WalletNotEmpty {
        /// What is in it.
        balance: Money,
    },
    /// What a store's manager decides about.
    #[error("Your manager keeps this account.")]
    StaffAccount,
    /// What was sent cannot be.
    #[error("Some of this cannot be.")]
    Invalid(#[from] Faults),
    /// A person's or token's name.
    #[error(transparent)]
    Name(#[from] InvalidName),
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
    /// One fault of what was sent.
    fn invalid(pointer: &str, code: &str, detail: &str) -> Self {
        Self::Invalid(Faults(vec![Fault::new(pointer, code, detail)]))
    }

    /// A role, named at `pointer`, that is not of the staff.
    fn not_staff(pointer: impl Into<String>) -> Fault {
        Fault::new(pointer, "unknown_role", "Choose barista, warehouse or manager.").with(Terms::words(["barista", "warehouse", "manager"]))
    }

    /// The operating system, which gives randomness, memory and threads, did not.
    fn randomness(error: impl std::fmt::Display) -> Self {
        Self::Database(DbError::Unavailable(error.to_string()))
    }
}

impl Refused for IdentityError {
    fn code(&self) -> &'static str {
        match self {
            Self::WrongCode | Self::WrongSignInCode { .. } => "wrong_code",
            Self::WrongPassword | Self::WrongCurrentPassword => "wrong_password",
            Self::Denied(denied) => denied.code(),
            Self::OwnRole => "own_role",
            Self::RolesChanged => "roles_changed",
            Self::KioskExists => "kiosk_exists",
            Self::CodeSpent => "code_spent",
            Self::RateLimited { .. } | Self::PasswordsLimited { .. } => "rate_limited",
            Self::SignInBusy => "sign_in_busy",
            Self::SessionRequired => "session_required",
            Self::SignInRequired => "sign_in_required",
            Self::NotFound => "not_found",
            Self::OrdersUnderWay => "orders_under_way",
            Self::TopUpUnderWay => "top_up_under_way",
            Self::WalletNotEmpty { .. } => "wallet_not_empty",
            Self::StaffAccount => "staff_account",
            Self::Name(_) | Self::NotStaff | Self::Token(_) | Self::Invalid(_) => "invalid_request",
            Self::Database(error) => error.code(),
        }
    }

    fn sentence(&self) -> &'static str {
        if matches!(self, Self::WrongCurrentPassword) { "wrong_current_password" } else { self.code() }
    }

    fn status(&self) -> u16 {
        match self {
            Self::WrongCode | Self::WrongPassword | Self::WrongCurrentPassword | Self::WrongSignInCode { .. } | Self::SessionRequired => {
                401
            }
            Self::Denied(denied) => denied.status(),
            Self::SignInRequired => 403,
            Self::NotFound => 404,
            Self::OrdersUnderWay
            | Self::TopUpUnderWay
            | Self::WalletNotEmpty { .. }
            | Self::StaffAccount
            | Self::OwnRole
            | Self::RolesChanged
            | Self::KioskExists => 409,
            Self::CodeSpent => 410,
            Self::Name(_) | Self::NotStaff | Self::Token(_) | Self::Invalid(_) => 422,
            Self::RateLimited { .. } | Self::PasswordsLimited { .. } => 429,
            Self::SignInBusy => 503,
            Self::Database(error) => error.status(),
        }
    }

    fn faults(&self) -> Vec<Fault> {
        match self {
            Self::Invalid(faults) => faults.0.clone(),
            Self::Name(invalid) => vec![invalid.fault("/name")],
            Self::NotStaff => vec![Self::not_staff("/role")],
            _ => Vec::new(),
        }
    }

    fn extra(&self) -> Extra {
        match self {
            Self::WrongCurrentPassword => Extra { terms: Terms::words(["current"]), ..Extra::default() },
            Self::WrongSignInCode { left } => Extra { attempts_left: Some(*left), ..Extra::default() },
            Self::RateLimited { seconds, .. } | Self::PasswordsLimited { seconds, .. } => {
                Extra { retry_after: Some(*seconds), ..Extra::default() }
            }
            Self::SignInBusy => Extra { retry_after: Some(5), ..Extra::default() },
            Self::WalletNotEmpty { balance } => Extra { terms: Terms { money: Some(*balance), ..Terms::default() }, ..Extra::default() },
            Self::Database(error) => error.extra(),
            _ => Extra::default(),
        }
    }
}

impl From<SessionError> for IdentityError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Over => Self::SessionRequired,
            SessionError::Denied(denied) => Self::Denied(denied),
            SessionError::Unavailable(error) => Self::Database(error),
        }
    }
}

/// From where somebody signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Their address, through the proxies that are trusted to say so.
    pub address: IpAddr,
    /// What kind of browser on what kind of machine, as [`Client::device_of`] reads it.
    pub device: Option<String>,
    /// The browser, where somebody of the staff has signed in by it before.
    pub browser: Option<BrowserId>,
}

impl Client {
    /// `Firefox · Windows`: what a `User-Agent` says, as far as its owner would recognise it. Nothing of it but these
    /// words is kept.
    pub fn device_of(user_agent: &str) -> Option<String> {
        let first = |words: &[(&str, &'static str)]| words.iter().find(|(sign, _)| user_agent.contains(sign)).map(|(_, name)| *name);
        // Each says it is also those after it.
        let browser = first(&[
            ("Edg", "Edge"),
            ("OPR/", "Opera"),
            ("SamsungBrowser", "Samsung Internet"),
            ("MicroMessenger", "WeChat"),
            ("Firefox", "Firefox"),
            ("FxiOS", "Firefox"),
            ("Chrome", "Chrome"),
            ("CriOS", "Chrome"),
            ("Safari", "Safari"),
        ]);
        let machine = first(&[
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Android", "Android"),
            ("Windows", "Windows"),
            ("Macintosh", "Mac"),
            ("CrOS", "ChromeOS"),
            ("Linux", "Linux"),
        ]);
        match (browser, machine) {
            (Some(browser), Some(machine)) => Some(format!("{browser} · {machine}")),
            (one, other) => one.or(other).map(str::to_owned),
        }
    }
}

/// Everybody's sessions, tokens and names.
#[derive(Clone)]
pub struct Identities {
    db: Db,
    keys: Keys,
    /// Cookies are for https alone.
    https: bool,
    /// Signing in is throttled; not so under load tests.
    limits: bool,
    /// Whose turn it is to have a password or code hashed.
    hashing: Hashing,
    /// Who is connected to this process.
    watch: Arc<Watch>,
}

impl Identities {
    /// `secrets` sign the cookies, the first of them; without any the one kept in the database does, which is made here
    /// if need be.
    pub async fn open(db: Db, secrets: &[Secret], https: bool, limits: bool) -> Result<Self, IdentityError> {
        let keys = match Keys::new(secrets) {
            Some(keys) => keys,
            None => Self::kept_keys(&db).await?,
        };
        Ok(Self { db, keys, https, limits, hashing: Hashing::default(), watch: Arc::default() })
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

    /// What people and tokens are called.
    pub(crate) async fn names(&self, sql: &mut impl Sql, ids: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, String>, DbError> {
        store::names(sql, ids).await
    }

    /// The person with this account.
    pub async fn person(&self, user: UserId) -> Result<Option<Person>, DbError> {
        store::person(&mut self.db.reader(), user).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_said_in_two_words() {
        let android = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36";
        let phone =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/604.1";
        assert_eq!(Client::device_of(android).as_deref(), Some("Chrome · Android"));
        assert_eq!(Client::device_of(phone).as_deref(), Some("Safari · iPhone"));
        assert_eq!(Client::device_of("curl/8.0 <script>"), None);
    }
}
