//! Whether the shop answers. While it does not, nothing is published, and a connection that stands would look live to whoever
//! has it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A shop that answers nothing for so long is away. One question that fails, however long it took, says little.
const AWAY: Duration = Duration::from_secs(5);

/// What the last questions came to.
#[derive(Default)]
pub(super) struct Outage(Mutex<State>);

#[derive(Default)]
struct State {
    /// When the first of those failed that failed in a row.
    since: Option<Instant>,
    away: bool,
}

/// What a question that failed says of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed {
    /// It is the first in a row.
    pub(super) first: bool,
    /// The shop is away by now.
    pub(super) away: bool,
}

/// Something that is tried again and again, and told of when it begins to fail and when it is over, not at every try.
#[derive(Default)]
pub(super) struct Trouble(bool);

impl Trouble {
    /// It has failed; whether that is new.
    pub(super) fn begins(&mut self) -> bool {
        !std::mem::replace(&mut self.0, true)
    }

    /// It has not; whether it had until now.
    pub(super) fn ends(&mut self) -> bool {
        std::mem::take(&mut self.0)
    }
}

impl Outage {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A question has failed.
    pub(super) fn failed(&self, at: Instant) -> Failed {
        let mut state = self.state();
        let first = state.since.is_none();
        let since = *state.since.get_or_insert(at);
        state.away |= at.duration_since(since) >= AWAY;
        Failed { first, away: state.away }
    }

    /// A question was answered; whether those before it failed.
    pub(super) fn answered(&self) -> bool {
        std::mem::take(&mut *self.state()).since.is_some()
    }

    pub(super) fn is_away(&self) -> bool {
        self.state().away
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_is_away_when_it_has_answered_nothing_for_long_enough() {
        let (outage, start) = (Outage::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let failed = |seconds| {
            let failed = outage.failed(after(seconds));
            (failed.first, failed.away)
        };
        assert_eq!(failed(60), (true, false), "one that took a minute");
        assert_eq!(failed(64), (false, false));
        assert!(outage.answered() && !outage.answered());
        assert_eq!(failed(66), (true, false), "it answered in between");
        assert_eq!(failed(71), (false, true));
        assert!(outage.is_away());
        assert_eq!(failed(72), (false, true), "until it answers");
        assert!(outage.answered() && !outage.is_away() && !outage.answered());
    }

    #[test]
    fn trouble_is_told_of_when_it_begins_and_when_it_is_over() {
        let mut trouble = Trouble::default();
        assert!(!trouble.ends(), "there was none");
        assert_eq!(
            [trouble.begins(), trouble.begins(), trouble.ends(), trouble.ends(), trouble.begins()],
            [true, false, true, false, true]
        );
    }
}
