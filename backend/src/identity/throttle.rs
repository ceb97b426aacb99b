//! How often somebody may ask, over an hour or a minute: buckets in the database, so that neither a restart nor a second process
//! fills them. They let a burst of the whole limit through and then one at a time, evenly (GCRA, ITU-T I.371). That is up to twice the
//! limit in the first hour, so sign-in codes, each of which is three guesses, are counted one by one.

use std::net::IpAddr;

use domain::{SessionId, UserId};

use super::browser::BrowserId;
use super::caller::Caller;
use super::secret::{Keys, hex};
use super::{Client, Identities, IdentityError, store};
use crate::db::{DbError, Sql, Tx};

const HOUR_MILLIS: i64 = 3_600_000;
const MINUTE_MILLIS: i64 = 60_000;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bucket<'a> {
    /// Sign-in codes for a phone, by its hash.
    CodesForPhone(&'a str),
    /// Sign-in codes asked for from an address.
    CodesFromAddress(IpAddr),
    /// Tries of codes from an address: three for each code it may ask for.
    TriesFromAddress(IpAddr),
    /// One-time codes of staff tried from an address.
    StaffCodesFromAddress(IpAddr),
    /// Codes that pair a screen tried from an address.
    PairingCodesFromAddress(IpAddr),
    /// Passwords tried from an address, for whomever, by browsers that are not [`known`](super::browser).
    PasswordsFromAddress(IpAddr),
    /// The same for one of the staff, or for a store and name that nobody has.
    PasswordsFromAddressFor(IpAddr, &'a str),
    /// The same from all addresses together: what a guesser with many of them is left with.
    PasswordsFor(&'a str),
    /// Passwords tried for one of the staff by a browser that they have signed in by before.
    PasswordsOfBrowser(BrowserId, UserId),
    /// Passwords named to choose another one, by somebody who has signed in.
    PasswordsToChange(UserId),
    /// Codes of no kiosk that a session tried.
    WrongScansOfSession(SessionId),
    /// Codes of no kiosk that came from an address.
    WrongScansFromAddress(IpAddr),
}

impl Bucket<'_> {
    /// How many, in how many milliseconds.
    const fn limit(self) -> (i64, i64) {
        match self {
            Self::CodesForPhone(_) => (5, HOUR_MILLIS),
            Self::CodesFromAddress(_) => (60, HOUR_MILLIS),
            Self::TriesFromAddress(_) => (180, HOUR_MILLIS),
            Self::StaffCodesFromAddress(_) | Self::PairingCodesFromAddress(_) | Self::PasswordsFromAddress(_) => (120, HOUR_MILLIS),
            Self::PasswordsFromAddressFor(..) | Self::PasswordsOfBrowser(..) | Self::PasswordsToChange(_) => (10, HOUR_MILLIS),
            Self::PasswordsFor(_) => (30, HOUR_MILLIS),
            Self::WrongScansOfSession(_) => (10, MINUTE_MILLIS),
            Self::WrongScansFromAddress(_) => (60, MINUTE_MILLIS),
        }
    }

    /// What the bucket is called: neither an address nor a name that somebody typed is kept.
    fn key(self, keys: &Keys) -> String {
        let of_name = |who: &str| hex(&keys.sign("staff name", who.as_bytes()));
        let of_address = |address| hashed(keys, address);
        match self {
            Self::CodesForPhone(hash) => format!("codes/phone/{hash}"),
            Self::CodesFromAddress(address) => format!("codes/address/{}", of_address(address)),
            Self::TriesFromAddress(address) => format!("tries/address/{}", of_address(address)),
            Self::StaffCodesFromAddress(address) => format!("staff/code/{}", of_address(address)),
            Self::PairingCodesFromAddress(address) => format!("pairing/code/{}", of_address(address)),
            Self::PasswordsFromAddress(address) => format!("staff/address/{}", of_address(address)),
            Self::PasswordsFromAddressFor(address, who) => format!("staff/address/{}/{}", of_address(address), of_name(who)),
            Self::PasswordsFor(who) => format!("staff/password/{}", of_name(who)),
            Self::PasswordsOfBrowser(browser, user) => format!("staff/browser/{browser}/{user}"),
            Self::PasswordsToChange(user) => format!("staff/change/{user}"),
            Self::WrongScansOfSession(session) => format!("scans/session/{session}"),
            Self::WrongScansFromAddress(address) => format!("scans/address/{}", of_address(address)),
        }
    }
}

/// A network without saying which.
fn hashed(keys: &Keys, address: IpAddr) -> String {
    hex(&keys.sign("address", network(address).to_string().as_bytes()))
}

impl Identities {
    /// From where a request comes, to tell one network from another by.
    pub fn network_of(&self, client: &Client) -> Network {
        Network(hashed(&self.keys, client.address))
    }

    /// Refuses a session that has tried too many codes that no kiosk shows. Its address is not asked: whoever scans right is
    /// not shut out by a neighbour who guesses.
    pub async fn may_scan(&self, caller: &Caller) -> Result<(), IdentityError> {
        match caller.session() {
            Some(session) if self.limits => look(&mut self.db.reader(), &self.keys, Bucket::WrongScansOfSession(session)).await,
            _ => Ok(()),
        }
    }

    /// Whether an address has tried so many codes that no kiosk shows that its guests, who cost nothing to make, are told
    /// nothing about any code.
    pub async fn is_guessed_from(&self, client: &Client) -> Result<bool, IdentityError> {
        if !self.limits {
            return Ok(false);
        }
        match look(&mut self.db.reader(), &self.keys, Bucket::WrongScansFromAddress(client.address)).await {
            Err(IdentityError::RateLimited { .. }) => Ok(true),
            looked => looked.map(|()| false),
        }
    }

    /// Counts a code that no kiosk shows, of the session and of the address. Refuses where it is one too many; what the session
    /// has tried counts also where its address is the reason.
    pub async fn scanned_wrong(&self, caller: &Caller, client: &Client) -> Result<(), IdentityError> {
        if !self.limits {
            return Ok(());
        }
        let of_session = caller.session().map(Bucket::WrongScansOfSession);
        let (keys, address) = (self.keys.clone(), Bucket::WrongScansFromAddress(client.address));
        let counted = self.db.transaction(move |tx| {
            Box::pin(async move {
                for bucket in of_session.into_iter().chain([address]) {
                    match take_in(tx, &keys, bucket).await {
                        Err(refused @ IdentityError::RateLimited { .. }) => return Ok(Err(refused)),
                        taken => taken?,
                    }
                }
                Ok::<_, IdentityError>(Ok(()))
            })
        });
        counted.await?
    }
}

/// From where somebody comes, as far as it is kept: a keyed hash of the [`network`] of their address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network(pub(crate) String);

/// Who an address counts as: an IPv6 address is its whole /64, which one subscriber has.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Takes one out of the bucket, in one conditional statement, or refuses.
pub(super) async fn take_in(tx: &mut Tx, keys: &Keys, bucket: Bucket<'_>) -> Result<(), IdentityError> {
    take_key_in(tx, bucket.limit(), &bucket.key(keys)).await
}

/// Counts one of at most so many in any window, or refuses: for what must not come faster for having been quiet before.
pub(super) async fn count_in(tx: &mut Tx, keys: &Keys, bucket: Bucket<'_>) -> Result<(), IdentityError> {
    let ((limit, window), key) = (bucket.limit(), bucket.key(keys));
    let now = tx.now();
    // Who asks at the same time waits here, and counts what this one has written.
    store::lock_requests_in(tx, &key, now.plus_millis(window)).await?;
    if let Some(at) = store::nth_newest_request(tx, &key, limit).await? {
        let left = at.as_millis() + window - now.as_millis();
        if left > 0 {
            return Err(IdentityError::RateLimited { limit, seconds: left / 1000 + 1 });
        }
    }
    Ok(store::count_request_in(tx, &key, now).await?)
}

async fn take_key_in(tx: &mut Tx, (limit, window): (i64, i64), key: &str) -> Result<(), IdentityError> {
    let every = window / limit;
    if store::throttle_in(tx, key, every, every * (limit - 1)).await? {
        return Ok(());
    }
    let millis = wait(tx, (limit, window), key).await?.unwrap_or_default();
    Err(IdentityError::RateLimited { limit, seconds: millis / 1000 + 1 })
}

/// Takes one out of each of these buckets, or none at all and refuses: tries that come at once wait for each other here. To be
/// called before what was typed is looked at.
pub(super) async fn take_all(identities: &Identities, buckets: &[Bucket<'_>]) -> Result<(), IdentityError> {
    if !identities.limits {
        return Ok(());
    }
    let buckets = keyed(identities, buckets);
    let take = async move |tx: &mut Tx| {
        for (limit, key) in buckets {
            take_key_in(tx, limit, &key).await?;
        }
        Ok::<_, IdentityError>(())
    };
    identities.db.transaction(move |tx| Box::pin(take(tx))).await
}

/// What came of looking at what was typed, for which [`take_all`] took one out of each of these buckets. Where it was not looked at,
/// since too many wait for that, each gets it back: whoever comes when it is busy has not guessed.
pub(super) async fn unless_busy<T>(
    identities: &Identities,
    buckets: &[Bucket<'_>],
    looked_at: Result<T, IdentityError>,
) -> Result<T, IdentityError> {
    if identities.limits && matches!(looked_at, Err(IdentityError::SignInBusy)) {
        let buckets = keyed(identities, buckets);
        let give_back = async move |tx: &mut Tx| {
            for ((limit, window), key) in buckets {
                store::give_back_in(tx, &key, window / limit).await?;
            }
            Ok::<_, IdentityError>(())
        };
        identities.db.transaction(move |tx| Box::pin(give_back(tx))).await?;
    }
    looked_at
}

/// The limits of these buckets, and what they are called.
fn keyed(identities: &Identities, buckets: &[Bucket<'_>]) -> Vec<((i64, i64), String)> {
    buckets.iter().map(|bucket| (bucket.limit(), bucket.key(&identities.keys))).collect()
}

/// Puts one back: what was taken for it was no guess.
pub(super) async fn give_back_in(tx: &mut Tx, keys: &Keys, bucket: Bucket<'_>) -> Result<(), DbError> {
    let (limit, window) = bucket.limit();
    store::give_back_in(tx, &bucket.key(keys), window / limit).await
}

/// Fills the bucket again: what was taken was no guess.
pub(super) async fn forgive_in(tx: &mut Tx, keys: &Keys, bucket: Bucket<'_>) -> Result<(), DbError> {
    store::unthrottle_in(tx, &bucket.key(keys)).await
}

/// Refuses where the bucket is empty, and takes nothing.
pub(super) async fn look(sql: &mut impl Sql, keys: &Keys, bucket: Bucket<'_>) -> Result<(), IdentityError> {
    match wait(sql, bucket.limit(), &bucket.key(keys)).await? {
        Some(millis) => Err(IdentityError::RateLimited { limit: bucket.limit().0, seconds: millis / 1000 + 1 }),
        None => Ok(()),
    }
}

/// Milliseconds until the bucket has one again; `None`: it has.
async fn wait(sql: &mut impl Sql, (limit, window): (i64, i64), key: &str) -> Result<Option<i64>, DbError> {
    let burst = window / limit * (limit - 1);
    let free_at = store::throttled_until(sql, key).await?;
    let millis = free_at.map_or(0, |at| at.as_millis() - burst - sql.now().as_millis());
    Ok((millis > 0).then_some(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_version_6_is_one_address() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
        assert_ne!(of("192.0.2.7"), of("192.0.2.8"));
    }
}
