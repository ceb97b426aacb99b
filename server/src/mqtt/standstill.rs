//! Whether somebody publishes what happens. A broker outside that is there does not tell: where no process runs `live`, or none
//! that does reaches it, all that it has kept grows old, and a connection that stands would look live to whoever has it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A publisher that does not move for so long, though something waits, is not to be relied on.
const STILL: Duration = Duration::from_secs(5);
/// Nobody has taken its place: another process does so about five seconds after one has died, ten where the machine is busy.
const LEFT: Duration = Duration::from_secs(15);

/// How the publisher was found at the last looks.
#[derive(Default)]
pub(super) struct Standstill(Mutex<Option<Stand>>);

/// Where it stands, and when it was found there first and last.
#[derive(Clone, Copy)]
struct Stand {
    position: i64,
    first: Instant,
    last: Instant,
}

impl Standstill {
    fn stand(&self) -> MutexGuard<'_, Option<Stand>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It waits at this position; `None`: nothing waits, or nobody knows.
    pub(super) fn seen(&self, waits_at: Option<i64>, now: Instant) {
        let mut stand = self.stand();
        let before = *stand;
        *stand = waits_at.map(|position| {
            let first = before.filter(|before| before.position == position).map_or(now, |before| before.first);
            Stand { position, first, last: now }
        });
    }

    /// Whether it stands still, so that the shop is asked in its place.
    pub(super) fn is_now(&self) -> bool {
        self.time() >= STILL
    }

    /// Whether it has stood still for longer than another process needs to take over.
    pub(super) fn is_long(&self) -> bool {
        self.time() >= LEFT
    }

    /// Up to the last look: where nobody has looked, nothing is known.
    fn time(&self) -> Duration {
        self.stand().map_or(Duration::ZERO, |stand| stand.last - stand.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publisher_stands_still_where_something_waits_and_it_does_not_move() {
        let (standstill, start) = (Standstill::default(), Instant::now());
        let seen = |waits_at, seconds| {
            standstill.seen(waits_at, start + Duration::from_secs(seconds));
            (standstill.is_now(), standstill.is_long())
        };
        assert_eq!(seen(None, 0), (false, false));
        assert_eq!(seen(Some(7), 60), (false, false), "it had nothing to do");
        assert_eq!(seen(Some(7), 64), (false, false));
        assert_eq!(seen(Some(9), 66), (false, false), "it has moved");
        assert_eq!(seen(Some(9), 71), (true, false));
        assert_eq!(seen(Some(9), 80), (true, false), "another one may be about to take over");
        assert_eq!(seen(Some(9), 81), (true, true));
        assert_eq!(seen(None, 82), (false, false), "it has told everything");
        assert_eq!(seen(Some(9), 83), (false, false));
    }
}
