//! How often one may ask: a bucket a session and a wider one an address, since a café's guests share one; and how many guests
//! may come new to an address, or whoever throws their cookie away would have a fresh bucket for each request.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::{HeaderName, StatusCode, header};
use backend::identity::network;
use domain::SessionId;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::api::problem::AppError;

/// Requests a second, and how many at once after a quiet time.
const SESSION: (NonZeroU32, NonZeroU32) = (NonZeroU32::new(20).unwrap(), NonZeroU32::new(100).unwrap());
const ADDRESS: (NonZeroU32, NonZeroU32) = (NonZeroU32::new(300).unwrap(), NonZeroU32::new(1_500).unwrap());

/// Guests who are here for the first time and change something, of one address: more at once than a full house behind one
/// router has, and then as many a second as come in through a door.
const NEWCOMERS: (NonZeroU32, NonZeroU32) = (NonZeroU32::new(2).unwrap(), NonZeroU32::new(1_000).unwrap());
/// Guests of one address who are here for the first time, open a code's page and are remembered by it. Whoever is not remembered
/// loses little, so there are fewer at once.
const CODE_PAGES: (NonZeroU32, NonZeroU32) = (NonZeroU32::new(2).unwrap(), NonZeroU32::new(200).unwrap());
/// For so long a guest counts once, whatever becomes of what they ask, and an address is told of once.
const ONCE: Duration = Duration::from_mins(10);

/// The buckets of all callers, in this process.
pub struct Limits {
    sessions: DefaultKeyedRateLimiter<SessionId>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    newcomers: DefaultKeyedRateLimiter<IpAddr>,
    code_pages: DefaultKeyedRateLimiter<IpAddr>,
    /// Newcomers that were counted.
    met: DefaultKeyedRateLimiter<SessionId>,
    /// Addresses that were told of.
    told: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl Default for Limits {
    fn default() -> Self {
        let quota = |(rate, burst)| Quota::per_second(rate).allow_burst(burst);
        // A period that is not nothing makes a quota.
        let once = Quota::with_period(ONCE).unwrap_or(Quota::per_hour(NonZeroU32::MIN));
        Self {
            sessions: RateLimiter::keyed(quota(SESSION)),
            addresses: RateLimiter::keyed(quota(ADDRESS)),
            newcomers: RateLimiter::keyed(quota(NEWCOMERS)),
            code_pages: RateLimiter::keyed(quota(CODE_PAGES)),
            met: RateLimiter::keyed(once),
            told: RateLimiter::keyed(once),
            clock: DefaultClock::default(),
        }
    }
}

impl Limits {
    /// Takes one from the session's bucket, or answers 429.
    pub fn session(&self, session: SessionId) -> Result<(), AppError> {
        self.take(&self.sessions, &session, SESSION.1)
    }

    /// Takes one from the address's bucket, or answers 429. An IPv6 address counts with its whole /64.
    pub fn address(&self, address: IpAddr) -> Result<(), AppError> {
        self.take(&self.addresses, &network(address), ADDRESS.1)
    }

    /// Counts a guest whom we do not know yet and who is about to change something, once; answers 429 where too many of them come
    /// from one address. Whoever is let in is known from then on.
    pub fn newcomer(&self, session: SessionId, address: IpAddr) -> Result<(), AppError> {
        if self.met.check_key(&session).is_err() {
            return Ok(());
        }
        let network = network(address);
        let taken = self.take(&self.newcomers, &network, NEWCOMERS.1);
        if taken.is_err() && self.told.check_key(&network).is_ok() {
            tracing::warn!(%network, "one address makes new guests faster than people come; they are slowed");
        }
        taken
    }

    /// Whether a guest whom we do not know yet is remembered by the code's page that they open; not where too many of them come
    /// from one address. It is a bucket of its own: whoever guesses codes takes nobody's place at the counter.
    pub fn remembers_at_code(&self, address: IpAddr) -> bool {
        self.code_pages.check_key(&network(address)).is_ok()
    }

    fn take<K: Hash + Eq + Clone>(&self, buckets: &DefaultKeyedRateLimiter<K>, key: &K, burst: NonZeroU32) -> Result<(), AppError> {
        let Err(refused) = buckets.check_key(key) else { return Ok(()) };
        let seconds = refused.wait_time_from(self.clock.now()).as_secs_f64().ceil().max(1.0) as i64;
        let mut error = AppError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many requests; please wait a moment.")
            .with_header(HeaderName::from_static("ratelimit-limit"), burst.get().to_string())
            .with_header(HeaderName::from_static("ratelimit-remaining"), "0")
            .with_header(HeaderName::from_static("ratelimit-reset"), seconds.to_string())
            .with_header(header::RETRY_AFTER, seconds.to_string());
        error.extra.retry_after = Some(seconds);
        Err(error)
    }

    /// Forgets whoever has a full bucket again. To be called now and then, or the buckets grow for ever.
    pub fn forget(&self) {
        self.sessions.retain_recent();
        self.sessions.shrink_to_fit();
        self.met.retain_recent();
        self.met.shrink_to_fit();
        for addresses in [&self.addresses, &self.newcomers, &self.code_pages, &self.told] {
            addresses.retain_recent();
            addresses.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_refused_with_a_time() {
        let limits = Limits::default();
        let session = SessionId(uuid::Uuid::from_u128(1));
        let passed = (0..300).take_while(|_| limits.session(session).is_ok()).count();
        assert!((100..=200).contains(&passed), "{passed}");
        let refused = limits.session(session).unwrap_err();
        assert_eq!((refused.status, refused.code, refused.extra.retry_after), (StatusCode::TOO_MANY_REQUESTS, "rate_limited", Some(1)));
        assert!(limits.session(SessionId(uuid::Uuid::from_u128(2))).is_ok());
    }

    #[test]
    fn guests_without_end_from_one_address_are_slowed_and_others_are_not() {
        let limits = Limits::default();
        let (robot, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let guest = |n: u128| SessionId(uuid::Uuid::from_u128(n));
        assert!((0..5_000).all(|_| limits.newcomer(guest(1), robot).is_ok()), "one who comes again is one");
        let passed = (2..5_000).take_while(|n| limits.newcomer(guest(*n), robot).is_ok()).count();
        assert!((999..1_100).contains(&passed), "{passed}");
        let refused = limits.newcomer(guest(6_000), robot).unwrap_err();
        assert_eq!((refused.status, refused.code, refused.extra.retry_after), (StatusCode::TOO_MANY_REQUESTS, "rate_limited", Some(1)));
        assert!(limits.newcomer(guest(1), robot).is_ok(), "whoever was here before stays");
        assert!(limits.newcomer(guest(7_000), other).is_ok());
    }

    #[test]
    fn codes_pages_without_end_take_no_newcomer_s_place() {
        let limits = Limits::default();
        let (robot, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let remembered = (0..5_000).take_while(|_| limits.remembers_at_code(robot)).count();
        assert!((200..300).contains(&remembered), "{remembered}");
        assert!(limits.remembers_at_code(other));
        assert!(limits.newcomer(SessionId(uuid::Uuid::from_u128(1)), robot).is_ok());
    }

    #[test]
    fn a_network_of_version_6_is_one_address() {
        let limits = Limits::default();
        let passed =
            (0..5_000_u128).take_while(|n| limits.address(IpAddr::V6((0x2001_0db8_0000_0001_u128 << 64 | n).into())).is_ok()).count();
        assert!((1_500..5_000).contains(&passed), "{passed}");
        assert!(limits.address(IpAddr::V6((0x2001_0db8_0000_0002_u128 << 64).into())).is_ok());
    }
}
