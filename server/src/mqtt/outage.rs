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

impl Outage {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A question has failed; whether the shop is away by now.
    pub(super) fn failed(&self, at: Instant) -> bool {
        let mut state = self.state();
        let since = *state.since.get_or_insert(at);
        state.away |= at.duration_since(since) >= AWAY;
        state.away
    }

    /// A question was answered; whether the shop was away until now.
    pub(super) fn answered(&self) -> bool {
        std::mem::take(&mut *self.state()).away
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
        assert!(!outage.failed(after(60)), "one that took a minute");
        assert!(!outage.failed(after(64)) && !outage.answered());
        assert!(!outage.failed(after(66)), "it answered in between");
        assert!(outage.failed(after(71)) && outage.is_away());
        assert!(outage.failed(after(72)), "until it answers");
        assert!(outage.answered() && !outage.is_away() && !outage.answered());
    }
}
