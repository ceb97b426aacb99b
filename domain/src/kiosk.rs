//! The codes that a kiosk shows: when each is good, how it is written, and how many may use it.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What a browser of a kiosk shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Screen {
    /// The code to scan, and the numbers.
    Wall,
    /// Reads pick-up tickets.
    Scanner,
}

impl Screen {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Scanner => "scanner",
        }
    }
}

crate::text_enum!(Screen: Wall, Scanner);

/// What codes are made of: digits and capitals without 0 and O, 1, I and L, and without U, which is read as V.
pub const ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code: 30⁸ codes, of which a kiosk has one at a time.
pub const CODE_LENGTH: usize = 8;
/// So long before its end a code is no longer shown: who scans it then would come too late.
pub const HIDE_SECONDS: i64 = 15;
/// So long after its end a code is still good for who had opened its page before.
pub const GRACE_SECONDS: i64 = 120;
/// What is left of an admission whose order was rejected, at least: time to try another card.
pub const SECOND_TRY_SECONDS: i64 = 120;

/// A code as it is kept: in capitals, without the spaces and hyphens that people type. `None`: no code looks like that.
pub fn normalise(typed: &str) -> Option<String> {
    // Somebody may paste a book.
    let code: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').take(11).map(|c| c.to_ascii_uppercase()).collect();
    let fits = (6..=10).contains(&code.len()) && code.bytes().all(|byte| ALPHABET.contains(&byte));
    fits.then_some(code)
}

/// A code of these random bytes. A byte above the last whole multiple of the alphabet is left out, so that every
/// character is as likely as any other; `None` where too few are left.
pub fn code_of(random: &[u8]) -> Option<String> {
    let fair = u8::MAX - u8::MAX % ALPHABET.len() as u8;
    let mut characters = random.iter().filter(|byte| **byte < fair).map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
    let code: String = characters.by_ref().take(CODE_LENGTH).collect();
    (code.len() == CODE_LENGTH).then_some(code)
}

/// When the slot that `now` is in ends: slots are whole multiples of their length since 1970, so that all kiosks change at once.
pub const fn slot_end(now: Timestamp, seconds: i64) -> Timestamp {
    let length = if seconds < 1 { 1000 } else { seconds * 1000 };
    Timestamp::from_millis((now.as_millis().div_euclid(length) + 1).saturating_mul(length))
}

/// How many scans the next code grants. `scans`: how many the store grants at most; `target_seconds`: the wait that it wants to
/// keep, `None` where it does not mind; `wait_seconds`: the measured one; `free`: places that are left, `None` without limit.
///
/// Up to the target all of them; beyond it as many fewer as the wait is longer, never more than there are places, and none
/// when there is no place left.
pub fn grants(scans: i64, target_seconds: Option<i64>, wait_seconds: Option<i64>, free: Option<i64>) -> i64 {
    let Some(target) = target_seconds else { return scans };
    let free = free.unwrap_or(i64::MAX).max(0);
    let eased = match wait_seconds {
        Some(wait) if wait > target => (scans.saturating_mul(target) / wait).max(1),
        _ => scans,
    };
    eased.min(free)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        assert_eq!(normalise(" 7kqm-2xyz ").as_deref(), Some("7KQM2XYZ"));
        for bad in ["", "7KQM2", "7KQM2XYZ2345", "7KQM2XY0", "7KQM2XYO", "7KQM2XYI", "ÄÖÜ7KQM2", "7KQM2XY/", "𝟕KQM2XYZ"] {
            assert_eq!(normalise(bad), None, "{bad}");
        }
    }

    #[test]
    fn slots_are_aligned() {
        let at = Timestamp::from_millis;
        assert_eq!(slot_end(at(0), 300), at(300_000));
        assert_eq!(slot_end(at(299_999), 300), at(300_000));
        assert_eq!(slot_end(at(300_000), 300), at(600_000));
        assert_eq!(slot_end(at(-1), 300), at(0));
        assert_eq!(slot_end(at(0), 0), at(1000));
    }

    #[test]
    fn a_long_wait_eases_the_rush() {
        assert_eq!(grants(10, None, Some(9_999), Some(0)), 10);
        assert_eq!(grants(10, Some(300), None, None), 10);
        assert_eq!(grants(10, Some(300), Some(300), Some(50)), 10);
        assert_eq!(grants(10, Some(300), Some(600), Some(50)), 5);
        assert_eq!(grants(10, Some(300), Some(99_999), Some(50)), 1);
        assert_eq!(grants(10, Some(300), Some(600), Some(3)), 3);
        assert_eq!(grants(10, Some(300), Some(10), Some(0)), 0);
        assert_eq!(grants(10, Some(300), Some(10), Some(-2)), 0);
    }

    proptest! {
        #[test]
        fn the_longer_the_wait_the_fewer_scans(scans in 1_i64..1000, target in 60_i64..7200, wait in 0_i64..20_000, more in 0_i64..20_000) {
            let (short, long) = (grants(scans, Some(target), Some(wait), None), grants(scans, Some(target), Some(wait + more), None));
            prop_assert!(long <= short && short <= scans && long >= 1);
        }

        #[test]
        fn a_code_is_read_as_it_is_made(random in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some(code) = code_of(&random) {
                prop_assert_eq!(normalise(&code), Some(code));
            }
        }

        #[test]
        fn now_is_in_its_slot(now in -1_000_000_000_000_i64..4_000_000_000_000, seconds in 30_i64..3600) {
            let now = Timestamp::from_millis(now);
            let end = slot_end(now, seconds);
            prop_assert!(end > now && end - now <= seconds * 1000 && end.as_millis() % (seconds * 1000) == 0);
        }
    }
}
