//! What time it is. Everything in the shop that reads a clock reads this one, so that a test can move it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::Timestamp;
use tokio::sync::watch;

/// The longest the system clock is trusted to run straight: a machine that slept, or whose clock was set, is noticed
/// after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// A clock: the system's, or one that a test moves by its [`Hands`]. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(watch::Receiver<Timestamp>),
}

/// What moves a manual clock.
#[derive(Debug)]
pub struct Hands(watch::Sender<Timestamp>);

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until its hands are moved. It stands still when they are dropped.
    pub fn manual(start: Timestamp) -> (Self, Hands) {
        let (sender, receiver) = watch::channel(start);
        (Self(Source::Manual(receiver)), Hands(sender))
    }

    /// Now, in whole milliseconds UTC.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::from_millis(since.as_millis() as i64)
            }
            Source::Manual(time) => *time.borrow(),
        }
    }

    /// Waits until this clock shows at least `due`. Safe to drop at any moment.
    pub async fn sleep_until(&self, due: Timestamp) {
        match &self.0 {
            Source::System => loop {
                let left = due.as_millis().saturating_sub(self.now().as_millis());
                if left <= 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(left as u64).min(LOOK_AGAIN)).await;
            },
            Source::Manual(time) => {
                let mut time = time.clone();
                if time.wait_for(|now| *now >= due).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}

impl Hands {
    /// Moves the clock on, and wakes who waited for a time that has come.
    pub fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now = now.plus_millis(by.as_millis() as i64));
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, to: Timestamp) {
        self.0.send_replace(to);
    }
}
