//! How long things take, from how long they took. All in milliseconds.

use domain::Timestamp;
use domain::prep::turns;

/// What was made before says nothing about now.
const MEMORY_SECONDS: i64 = 3600;

/// The pace is that of what was made since then.
pub(super) fn since(now: Timestamp) -> Timestamp {
    now.plus_seconds(-MEMORY_SECONDS)
}

/// When something will probably be ready: what is being made by the pace since it was begun, what waits after those
/// before it, which `hands` make at once. Never in the past.
pub(super) fn ready_at(pace: i64, hands: i64, started_at: Option<Timestamp>, position: Option<i64>, now: Timestamp) -> Timestamp {
    match (position, started_at) {
        (Some(position), _) => now.plus_millis(pace.saturating_mul(turns(position, hands))),
        (None, Some(started)) => started.plus_millis(pace).max(now),
        (None, None) => now.plus_millis(pace),
    }
}

/// How long a new one would wait behind `unmade` others, of which `hands` are being made at once.
pub(super) fn wait(pace: i64, unmade: i64, hands: i64) -> i64 {
    pace.saturating_mul(turns(unmade.saturating_add(1), hands))
}

/// Whole seconds, the last one begun counted: nothing is ready in no time.
pub(super) fn in_seconds(millis: i64) -> i64 {
    millis.saturating_add(999) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: fn(i64) -> Timestamp = Timestamp::from_millis;

    #[test]
    fn estimates_follow_the_pace_and_are_never_past() {
        assert_eq!(ready_at(60_000, 1, None, Some(3), T(0)), T(180_000));
        assert_eq!(ready_at(60_000, 0, None, Some(3), T(0)), T(180_000));
        assert_eq!(ready_at(60_000, 2, None, Some(3), T(0)), T(120_000));
        assert_eq!(ready_at(60_000, 1, Some(T(10_000)), None, T(20_000)), T(70_000));
        assert_eq!(ready_at(60_000, 1, Some(T(0)), None, T(90_000)), T(90_000));
        assert_eq!((wait(60_000, 2, 1), wait(60_000, 2, 0), wait(60_000, 5, 3)), (180_000, 180_000, 120_000));
        assert_eq!((wait(i64::MAX, 2, 1), in_seconds(i64::MAX)), (i64::MAX, i64::MAX / 1000));
    }

    #[test]
    fn seconds_are_begun_ones() {
        assert_eq!([0, 1, 1000, 1001].map(in_seconds), [0, 1, 1, 2]);
    }
}
