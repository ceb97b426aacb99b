//! How often somebody may ask, over an hour: buckets in the database, so that neither a restart nor a second process
//! fills them. They let a burst of the whole limit through and then one at a time, evenly (GCRA, ITU-T I.371).

use std::net::IpAddr;

use super::secret::{Keys, hex};
use super::{IdentityError, store};
use crate::db::Tx;

const HOUR_MILLIS: i64 = 3_600_000;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bucket<'a> {
    /// Sign-in codes for a phone, by its hash.
    CodesForPhone(&'a str),
    /// Sign-in codes asked for from an address.
    CodesFromAddress(IpAddr),
    /// Tries of codes from an address: three for each code it may ask for.
    TriesFromAddress(IpAddr),
}

impl Bucket<'_> {
    /// How many an hour.
    const fn limit(self) -> i64 {
        match self {
            Self::CodesForPhone(_) => 5,
            Self::CodesFromAddress(_) => 60,
            Self::TriesFromAddress(_) => 180,
        }
    }

    /// What the bucket is called: no address is kept.
    fn key(self, keys: &Keys) -> String {
        let of_address = |address| hex(&keys.sign("address", network(address).to_string().as_bytes()));
        match self {
            Self::CodesForPhone(hash) => format!("codes/phone/{hash}"),
            Self::CodesFromAddress(address) => format!("codes/address/{}", of_address(address)),
            Self::TriesFromAddress(address) => format!("tries/address/{}", of_address(address)),
        }
    }
}

/// Who an address counts as: an IPv6 address is its whole /64, which one subscriber has.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Takes one out of the bucket, in one conditional statement, or refuses.
pub(super) async fn take_in(tx: &mut Tx, keys: &Keys, bucket: Bucket<'_>) -> Result<(), IdentityError> {
    let (limit, key, now) = (bucket.limit(), bucket.key(keys), tx.now());
    let every = HOUR_MILLIS / limit;
    let burst = every * (limit - 1);
    if store::throttle_in(tx, &key, every, burst).await? {
        return Ok(());
    }
    let free_at = store::throttled_until_in(tx, &key).await?;
    let millis = free_at.map_or(0, |at| at.as_millis() - burst - now.as_millis());
    Err(IdentityError::RateLimited { limit, seconds: millis.max(0) / 1000 + 1 })
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
