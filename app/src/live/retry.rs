//! When a lost connection is tried again.

use std::time::Duration;

/// How long to wait before trying again for the `attempt`th time (from 0): about a second at first, twice as long each
/// time, at most 30 s. `random`, from 0 to 1, spreads the browsers that lost the same server at the same moment.
pub(super) fn delay(attempt: u32, random: f64) -> Duration {
    let longest = (1u64 << attempt.min(5)).min(30) as f64;
    let shortest = if attempt == 0 { 0.3 } else { longest / 2.0 };
    Duration::from_secs_f64(shortest + (longest - shortest) * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_quick_and_none_is_longer_than_half_a_minute() {
        assert!(delay(0, 0.0) >= Duration::from_millis(300) && delay(0, 1.0) <= Duration::from_secs(1));
        assert_eq!(delay(3, 1.0), Duration::from_secs(8));
        for attempt in [5, 6, 40, u32::MAX] {
            assert_eq!(delay(attempt, 1.0), Duration::from_secs(30));
            assert_eq!(delay(attempt, 0.0), Duration::from_secs(15));
        }
    }
}
