//! Whether anything is going on, for those who wait until nothing is.

use std::sync::Arc;

use tokio::sync::watch;

/// How many tasks are at work, and how often that changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) busy: usize,
    ended: u64,
}

/// Counts the tasks at work.
#[derive(Clone)]
pub(crate) struct Activity(Arc<watch::Sender<State>>);

/// While it lives, somebody is at work.
pub(crate) struct Busy(Activity);

impl Default for Activity {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(State::default())))
    }
}

impl Activity {
    pub(crate) fn busy(&self) -> Busy {
        self.0.send_modify(|state| state.busy += 1);
        Busy(self.clone())
    }

    pub(crate) fn changes(&self) -> watch::Receiver<State> {
        self.0.subscribe()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.send_modify(|state| {
            state.busy -= 1;
            state.ended += 1;
        });
    }
}
