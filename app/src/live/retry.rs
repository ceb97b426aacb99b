//! When a lost connection is tried again.

use std::time::Duration;

use domain::Timestamp;

/// A connection that stood for so long, in milliseconds, was one, whatever was refused over it.
const STOOD: i64 = 10_000;

/// The tries in a row that came to nothing: so did one that a server accepted only to drop it.
#[derive(Default)]
pub(super) struct Tries {
    failed: u32,
    accepted: Option<Timestamp>,
}

impl Tries {
    /// The server has said yes.
    pub(super) fn accepted(&mut self, now: Timestamp) {
        self.accepted = Some(now);
    }

    /// What failed before counts no longer: the server gave what it was asked for, or somebody is there who does not want to wait.
    pub(super) fn forget(&mut self) {
        self.failed = 0;
    }

    /// The connection is gone, or could not be made: how long to wait before it is tried again. `random` is that of [`delay`].
    pub(super) fn wait(&mut self, now: Timestamp, random: f64) -> Duration {
        if self.accepted.take().is_some_and(|accepted| now - accepted >= STOOD) {
            self.failed = 0;
        }
        let wait = delay(self.failed, random);
        self.failed += 1;
        wait
    }
}

/// How long to wait before trying again for the `attempt`th time (from 0): one to two seconds at first, twice as long each
/// time, at most 30 s. `random`, from 0 to 1, spreads the browsers that lost the same server at the same moment.
fn delay(attempt: u32, random: f64) -> Duration {
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

    #[test]
    fn who_accepts_only_to_drop_is_tried_ever_more_seldom() {
        let mut tries = Tries::default();
        let waited = [0, 60_000, 120_000, 180_000, 240_000].map(|then| {
            tries.accepted(Timestamp::from_millis(then));
            wait(&mut tries, then + 50)
        });
        assert_eq!(waited, [1, 2, 4, 8, 15]);
    }

    #[test]
    fn a_connection_that_stood_or_gave_what_it_was_asked_for_is_soon_made_again() {
        let mut tries = Tries::default();
        assert_eq!([0, 1, 2].map(|now| wait(&mut tries, now)), [1, 2, 4]);
        tries.accepted(Timestamp::from_millis(0));
        assert_eq!(wait(&mut tries, 9_999), 8, "it did not stand");
        tries.accepted(Timestamp::from_millis(0));
        assert_eq!(wait(&mut tries, 10_000), 1, "it stood");
        assert_eq!(wait(&mut tries, 60_000), 2, "that was once");
        tries.forget();
        assert_eq!(wait(&mut tries, 60_000), 1);
    }

    /// Whole seconds until the next try, at the least.
    fn wait(tries: &mut Tries, now: i64) -> u64 {
        tries.wait(Timestamp::from_millis(now), 0.0).as_secs()
    }
}
