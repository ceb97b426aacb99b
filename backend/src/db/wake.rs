//! Wake-ups: what says "there is something to do" after a commit. They carry no truth: whoever is woken reads the
//! database, and one that is lost only costs the time until the next slow look.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use domain::Timestamp;
use tokio::sync::Notify;

/// What there may be to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// Anything: another process wrote, or wake-ups may have been lost.
    All,
    /// Events were committed that have no position yet (PostgreSQL).
    Append,
    /// Events of this type can be read.
    Event(String),
    /// A timer of this kind was set, for this time.
    Timer(String, Timestamp),
    /// A job of this kind is ready.
    Job(String),
    /// This lease was given back.
    Lease(String),
}

impl Wake {
    /// One line of a notification.
    pub(super) fn to_line(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Append => "append".to_owned(),
            Self::Event(name) => format!("event {name}"),
            Self::Timer(name, due) => format!("due {} {name}", due.as_millis()),
            Self::Job(name) => format!("job {name}"),
            Self::Lease(name) => format!("lease {name}"),
        }
    }

    /// A line that is not known wakes everybody: a newer process may be talking.
    pub(super) fn from_line(line: &str) -> Self {
        let (what, name) = line.split_once(' ').unwrap_or((line, ""));
        match what {
            "append" => Self::Append,
            "event" => Self::Event(name.to_owned()),
            "due" => match name.split_once(' ').map(|(due, name)| (due.parse(), name)) {
                Some((Ok(due), name)) => Self::Timer(name.to_owned(), Timestamp::from_millis(due)),
                _ => Self::All,
            },
            "job" => Self::Job(name.to_owned()),
            "lease" => Self::Lease(name.to_owned()),
            _ => Self::All,
        }
    }
}

/// Whether a listener wants to be woken by this.
type Interest = Box<dyn Fn(&Wake) -> bool + Send + Sync>;

/// One who is interested, as long as it lives.
type Sleeper = (Interest, Weak<Notify>);

/// Everybody in this process who can be woken.
#[derive(Clone, Default)]
pub struct Wakes(Arc<Mutex<Vec<Sleeper>>>);

/// One who is woken. A wake-up that comes while nobody waits is kept, and ends the next wait at once.
#[derive(Debug)]
pub struct Listener(Arc<Notify>);

impl Wakes {
    /// A listener for the wake-ups that `interest` accepts, and for [`Wake::All`].
    pub fn listen(&self, interest: impl Fn(&Wake) -> bool + Send + Sync + 'static) -> Listener {
        let notify = Arc::new(Notify::new());
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|(_, listener)| listener.strong_count() > 0);
        listeners.push((Box::new(interest), Arc::downgrade(&notify)));
        Listener(notify)
    }

    /// Wakes whoever is interested in one of `wakes`.
    pub fn wake(&self, wakes: &BTreeSet<Wake>) {
        if wakes.is_empty() {
            return;
        }
        for (interest, listener) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if wakes.iter().any(|wake| *wake == Wake::All || interest(wake))
                && let Some(listener) = listener.upgrade()
            {
                listener.notify_one();
            }
        }
    }
}

impl Listener {
    /// Waits for the next wake-up.
    pub async fn woken(&self) {
        self.0.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_to_another_process_is_heard_as_it_was() {
        let due = Timestamp::from_millis(1_795_000_000_123);
        let name = || "prep.board gone".to_owned();
        for wake in [Wake::All, Wake::Append, Wake::Event(name()), Wake::Timer(name(), due), Wake::Job(name()), Wake::Lease(name())] {
            assert_eq!(Wake::from_line(&wake.to_line()), wake);
        }
        for line in ["", "due", "due soon prep", "due 12", "a word of the next version"] {
            assert_eq!(Wake::from_line(line), Wake::All, "{line:?}");
        }
    }
}
