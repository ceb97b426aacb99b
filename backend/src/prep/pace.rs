//! How long things take, from how long they took. All in milliseconds.

use domain::Timestamp;

/// When something will probably be ready: what is being made by the pace since it was begun, what waits after those
/// before it. Never in the past.
pub(super) fn ready_at(pace: i64, started_at: Option<Timestamp>, position: Option<i64>, now: Timestamp) -> Timestamp {
    match (position, started_at) {
        (Some(position), _) => now.plus_millis(pace.saturating_mul(position)),
        (None, Some(started)) => started.plus_millis(pace).max(now),
        (None, None) => now.plus_millis(pace),
    }
}

/// How long a new one would wait behind `unmade` others.
pub(super) fn wait(pace: i64, unmade: i64) -> i64 {
    pace.saturating_mul(unmade.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: fn(i64) -> Timestamp = Timestamp::from_millis;

    #[test]
    fn estimates_follow_the_pace_and_are_never_past() {
        assert_eq!(ready_at(60_000, None, Some(3), T(0)), T(180_000));
        assert_eq!(ready_at(60_000, Some(T(10_000)), None, T(20_000)), T(70_000));
        assert_eq!(ready_at(60_000, Some(T(0)), None, T(90_000)), T(90_000));
        assert_eq!(wait(60_000, 2), 180_000);
    }
}
