//! When a lost connection is tried again.

use std::time::Duration;

/// How long to wait before trying again for the `attempt`th time (from 0): one to two seconds at first, twice as long each
/// time, at most 30 s. `random`, from 0 to 1, spreads the browsers that lost the same server at the same moment.
pub(super) fn delay(attempt: u32, random: f64) -> Duration {
    let longest = (2u64 << attempt.min(4)).min(30) as f64;
    let shortest = longest / 2.0;
    Duration::from_secs_f64(shortest + (longest - shortest) * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_quick_and_none_is_longer_than_half_a_minute() {
        assert_eq!((delay(0, 0.0), delay(0, 1.0)), (Duration::from_secs(1), Duration::from_secs(2)));
        assert_eq!(delay(2, 1.0), Duration::from_secs(8));
        for attempt in [4, 6, 40, u32::MAX] {
            assert_eq!(delay(attempt, 1.0), Duration::from_secs(30));
            assert_eq!(delay(attempt, 0.0), Duration::from_secs(15));
        }
    }
}
