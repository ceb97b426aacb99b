//! Staff's passwords: chosen after the first sign-in by a one-time code, and what staff sign in by from then on.

use std::net::IpAddr;

use domain::event::{Actor, StaffPasswordSet};
use domain::fault::has_control;
use domain::name;
use domain::{StoreId, UserId};

use super::browser::BrowserId;
use super::hashing::{is_password, of_password};
use super::rights::{Denied, is_staff};
use super::secret::Keys;
use super::session::{IssuedSession, ensure_session_in};
use super::throttle::{self, Bucket};
use super::{Caller, Client, Identities, IdentityError, store};
use crate::db::{DbError, Tx};
use crate::log::{self, NewEvent};

/// The shortest password, in characters (NIST SP 800-63B, 5.1.1.1).
pub const SHORTEST: usize = 8;
/// The longest one.
pub const LONGEST: usize = 200;

/// What is tried first by whoever guesses (NIST SP 800-63B, 5.1.1.2 wants these refused).
const COMMON: [&str; 36] = [
    "12345678",
    "123456789",
    "1234567890",
    "87654321",
    "password",
    "password1",
    "passw0rd",
    "qwertyui",
    "qwerty123",
    "qwertyuiop",
    "1q2w3e4r",
    "1qaz2wsx",
    "asdfghjk",
    "asdfghjkl",
    "abcd1234",
    "abc12345",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "trustno1",
    "letmein1",
    "welcome1",
    "starwars",
    "whatever",
    "computer",
    "changeme",
    "barista1",
    "coffee12",
    "espresso",
    "cappuccino",
    "orderly1",
    "orderly123",
    "manager1",
];

/// Refuses what would be guessed at once.
fn check(password: &str, name: &str) -> Result<(), IdentityError> {
    let length = password.chars().count();
    let lower = password.to_lowercase();
    let same = lower.chars().next().is_some_and(|first| lower.chars().all(|c| c == first));
    let refuse = |code, detail: &str| Err(IdentityError::invalid("/password", code, detail));
    if length < SHORTEST {
        refuse("password_too_short", "A password has 8 characters at least.")
    } else if length > LONGEST || has_control(password) {
        refuse("password_too_long", "A password has 200 characters at most, and only such as can be typed.")
    } else if same || COMMON.contains(&lower.as_str()) || lower.trim() == name.trim().to_lowercase() {
        refuse("password_too_common", "This is one of the first that others would try. Choose another one.")
    } else {
        Ok(())
    }
}

impl Identities {
    /// Signs somebody of the staff in by their name and password, and answers a new session, as
    /// [`Self::staff_sign_in`] does. A wrong one, a name that there
    /// is not and one without a password look the same and take as long.
    pub async fn staff_sign_in_by_password(
        &self,
        before: &Caller,
        at: &StoreId,
        name: &str,
        password: &str,
        client: &Client,
    ) -> Result<IssuedSession, IdentityError> {
        // What is no name is nobody's, and counts all the same.
        let name = name::clean(name).unwrap_or_else(|_| name.chars().take(name::LONGEST).collect());
        if password.chars().count() > LONGEST {
            return Err(IdentityError::WrongPassword);
        }
        let mut reader = self.db.reader();
        let kept = store::password_by_name(&mut reader, at, &name).await?;
        let known = match (client.browser, &kept) {
            (Some(browser), Some(kept)) => store::knows_browser(&mut reader, browser, kept.user).await?.then_some((browser, kept.user)),
            _ => None,
        };
        drop(reader);
        // Of a person, however their name is written; of a name that nobody has, or the others would be told apart.
        let who = kept.as_ref().map_or_else(|| format!("{at}/{}", name::folded(&name)), |kept| kept.user.to_string());
        let buckets = PasswordTry { address: client.address, who, known };
        throttle::take_all(self, &buckets.all()).await.map_err(of_passwords)?;
        let (typed, hash) = (password.to_owned(), kept.as_ref().map(|kept| (kept.user, kept.hash.clone())));
        let looked_at =
            self.hashing.run(move |memory| is_password(&typed, hash.as_ref().map(|(user, hash)| (*user, &**hash)), memory)).await;
        let right = throttle::unless_busy(self, &buckets.all(), looked_at).await?;
        let Some(kept) = kept.filter(|_| right) else { return Err(IdentityError::WrongPassword) };
        let (issued, session, browser) = self.new_shift(client, false);
        let (before, keys) = (before.clone(), self.keys.clone());
        self.db
            .transaction(move |tx| {
                Box::pin(async move {
                    // It may have been changed or taken away while it was looked at. Whoever does so from now on ends this session.
                    let held = store::hold_account_in(tx, kept.user, None).await?;
                    if held != Some(true) || store::password_of(tx, kept.user).await? != Some(kept.clone()) {
                        return Err(IdentityError::WrongPassword);
                    }
                    buckets.forgive_in(tx, &keys).await?;
                    super::staff::begin_in(tx, &session, kept.user, browser, &before, "password").await
                })
            })
            .await?;
        Ok(issued)
    }

    /// Chooses the caller's password. Who came in by a one-time code may do so once without more; later the one before has to
    /// be named. All their other sessions end.
    pub async fn set_password(&self, caller: &Caller, current: Option<String>, new: String) -> Result<(), IdentityError> {
        let Caller::User { session, user, name, roles, .. } = caller else {
            let signed_out = caller.is_nobody() || caller.is_guest();
            return Err(if signed_out { Denied::SignedOut } else { Denied::Forbidden }.into());
        };
        if !roles.iter().any(|held| is_staff(held.role)) {
            return Err(Denied::Forbidden.into());
        }
        check(&new, name)?;
        let (session, user, caller) = (*session, *user, caller.clone());
        let kept = store::password_of(&mut self.db.reader(), user).await?.map(|kept| kept.hash);
        let named = match (current.filter(|current| !current.is_empty()), &kept) {
            (Some(current), Some(hash)) => {
                let bucket = Bucket::PasswordsToChange(user);
                throttle::take_all(self, &[bucket]).await.map_err(of_passwords)?;
                let hash = hash.clone();
                let looked_at = self.hashing.run(move |memory| is_password(&current, Some((user, &hash)), memory)).await;
                if !throttle::unless_busy(self, &[bucket], looked_at).await? {
                    return Err(IdentityError::WrongCurrentPassword);
                }
                true
            }
            _ => false,
        };
        let made = self.hashing.run(move |memory| of_password(&new, memory)).await;
        // Where it is not made, that the one before was named is no guess.
        let taken = named.then_some(Bucket::PasswordsToChange(user));
        let hash = throttle::unless_busy(self, taken.as_slice(), made).await?;
        self.db
            .transaction(move |tx| {
                Box::pin(async move {
                    // Alone, and first: whoever signs in by the password of before has a session that ends, or comes too late.
                    store::lock_account_in(tx, user).await?;
                    ensure_session_in(tx, &caller).await?;
                    let allowed = store::allow_password(tx, session).await?;
                    if !(named || allowed) {
                        return Err(IdentityError::WrongCurrentPassword);
                    }
                    if !store::set_password(tx, user, &hash, kept.as_deref()).await? {
                        return Err(IdentityError::WrongCurrentPassword);
                    }
                    store::end_other_sessions_of(tx, user, session).await?;
                    for at in store::stores_of_staff(tx, user).await? {
                        let event = NewEvent::new(StaffPasswordSet { store: at.clone(), user }, user);
                        log::append_in(tx, event.at_store(&at).by(Actor::Staff(user))).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Whether the caller, who is of the staff, has yet to choose a password.
    pub async fn wants_password(&self, user: UserId) -> Result<bool, IdentityError> {
        Ok(store::password_of(&mut self.db.reader(), user).await?.is_none())
    }

    /// Whether anybody of the staff has a password; until then a one-time code is the only way in.
    pub async fn has_passwords(&self) -> Result<bool, IdentityError> {
        Ok(store::has_passwords(&mut self.db.reader()).await?)
    }
}

/// One try of a password: what it is counted against.
struct PasswordTry {
    address: IpAddr,
    /// Whose, or the store and the name that nobody has.
    who: String,
    /// The browser that they have signed in by before.
    known: Option<(BrowserId, UserId)>,
}

impl PasswordTry {
    fn all(&self) -> Vec<Bucket<'_>> {
        match self.known {
            // Whatever strangers do, at this address or elsewhere.
            Some((browser, user)) => vec![Bucket::PasswordsOfBrowser(browser, user)],
            None => vec![
                Bucket::PasswordsFromAddress(self.address),
                Bucket::PasswordsFromAddressFor(self.address, &self.who),
                Bucket::PasswordsFor(&self.who),
            ],
        }
    }

    /// It was the right one. What others have guessed at the same name stays counted.
    async fn forgive_in(&self, tx: &mut Tx, keys: &Keys) -> Result<(), DbError> {
        for bucket in self.all() {
            match bucket {
                Bucket::PasswordsFromAddressFor(..) | Bucket::PasswordsOfBrowser(..) => throttle::forgive_in(tx, keys, bucket).await?,
                bucket => throttle::give_back_in(tx, keys, bucket).await?,
            }
        }
        Ok(())
    }
}

/// The refusal of a limit, with the way round it.
fn of_passwords(error: IdentityError) -> IdentityError {
    match error {
        IdentityError::RateLimited { limit, seconds } => IdentityError::PasswordsLimited { limit, seconds },
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refused::Refused as _;

    #[test]
    fn what_is_guessed_first_is_refused() {
        let code = |password: &str| check(password, "Kim Lee").map_err(|error| error.faults()[0].code.clone());
        for short in ["", "1234567", "日本語日本語"] {
            assert_eq!(code(short), Err("password_too_short".to_owned()), "{short}");
        }
        for common in ["Password", "ESPRESSO", "aaaaaaaa", "        ", "Kim Lee ", "一一一一一一一一"] {
            assert_eq!(code(common), Err("password_too_common".to_owned()), "{common}");
        }
        for long in ["x".repeat(100) + &"y".repeat(101), "tab\u{8}tab tab".to_owned()] {
            assert_eq!(code(&long), Err("password_too_long".to_owned()), "{long:?}");
        }
        for good in ["over the counter", "手冲咖啡真好喝呀", "pa55ing-by"] {
            assert_eq!(code(good), Ok(()), "{good}");
        }
    }
}
