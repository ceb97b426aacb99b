//! The commands that wait for the writer: those that somebody waits for, and those that have time.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::db::DbError;

/// How long a command that has time waits for others: to be run, and then for a commit that is made anyway.
pub(super) const SOON: Duration = Duration::from_millis(20);
/// How many of a kind may wait before whoever brings the next one waits, too.
const PLACES: usize = 1024;

/// Where commands are brought.
pub(super) struct Desk<T> {
    now: mpsc::Sender<T>,
    passing: mpsc::Sender<Patient<T>>,
    patience: Duration,
}

/// Where the writer takes them.
pub(super) struct Queue<T> {
    now: mpsc::Receiver<T>,
    passing: mpsc::Receiver<Patient<T>>,
    /// The oldest of those that have time, if it has been looked at.
    waiting: Option<Patient<T>>,
}

/// What is run next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<T> {
    /// Somebody waits for it.
    Now(T),
    /// It has time.
    Patient(T),
}

/// A command that has time until then.
struct Patient<T> {
    due: Instant,
    command: T,
}

/// A queue, and its other end.
pub(super) fn queue<T>() -> (Desk<T>, Queue<T>) {
    with(SOON)
}

fn with<T>(patience: Duration) -> (Desk<T>, Queue<T>) {
    let ((now, queue), (passing, patient)) = (mpsc::channel(PLACES), mpsc::channel(PLACES));
    (Desk { now, passing, patience }, Queue { now: queue, passing: patient, waiting: None })
}

impl<T> Next<T> {
    pub(super) fn command(self) -> T {
        match self {
            Self::Now(command) | Self::Patient(command) => command,
        }
    }
}

impl<T> Desk<T> {
    /// Brings a command; one in passing is run while nobody waits, and shares the commit of whoever comes next, where somebody comes soon.
    pub(super) async fn bring(&self, command: T, in_passing: bool) -> Result<(), DbError> {
        let brought = if in_passing {
            self.passing.send(Patient { due: Instant::now() + self.patience, command }).await.is_ok()
        } else {
            self.now.send(command).await.is_ok()
        };
        if brought { Ok(()) } else { Err(closed()) }
    }
}

/// The answer of a queue that takes no more.
pub(super) fn closed() -> DbError {
    DbError::Unavailable("the database is closed".to_owned())
}

impl<T> Queue<T> {
    pub(super) fn close(&mut self) {
        self.now.close();
        self.passing.close();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.now.is_closed()
    }

    /// What begins the next group; `None` when the queue is closed and empty. Whoever stops waiting for it loses nothing.
    pub(super) async fn next(&mut self) -> Option<Next<T>> {
        if let Ok(command) = self.now.try_recv() {
            return Some(Next::Now(command));
        }
        if let Some(patient) = self.patient() {
            return Some(patient);
        }
        tokio::select! {
            biased;
            Some(command) = self.now.recv() => Some(Next::Now(command)),
            Some(patient) = self.passing.recv() => Some(Next::Patient(patient.command)),
            else => None,
        }
    }

    /// What joins a group that somebody waits for: who has waited long enough, and who has no time.
    pub(super) fn join(&mut self) -> Option<Next<T>> {
        self.waiting = self.waiting.take().or_else(|| self.passing.try_recv().ok());
        if self.waiting.as_ref().is_some_and(|patient| patient.due <= Instant::now()) {
            return self.patient();
        }
        self.now.try_recv().ok().map(Next::Now)
    }

    /// What joins a group that nobody waits for, until then.
    pub(super) async fn company(&mut self, until: Instant) -> Option<Next<T>> {
        tokio::time::timeout_at(until, self.next()).await.ok().flatten()
    }

    fn patient(&mut self) -> Option<Next<T>> {
        self.waiting.take().or_else(|| self.passing.try_recv().ok()).map(|patient| Next::Patient(patient.command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that would join the group.
    fn group<T>(queue: &mut Queue<T>) -> Vec<Next<T>> {
        std::iter::from_fn(|| queue.join()).collect()
    }

    const LONG: Duration = Duration::from_hours(1);

    #[tokio::test]
    async fn who_has_time_is_run_while_nobody_waits() {
        let (desk, mut queue) = with(LONG);
        for (command, in_passing) in [("first", true), ("now", false), ("second", true), ("as well", false)] {
            desk.bring(command, in_passing).await.unwrap();
        }
        assert_eq!(queue.next().await, Some(Next::Now("now")));
        assert_eq!(group(&mut queue), [Next::Now("as well")]);
        let soon = Instant::now() + LONG;
        assert_eq!(queue.next().await, Some(Next::Patient("first")));
        assert_eq!(queue.company(soon).await, Some(Next::Patient("second")));
        desk.bring("later", false).await.unwrap();
        assert_eq!(queue.company(soon).await, Some(Next::Now("later")));
        assert_eq!(queue.company(Instant::now()).await, None, "nobody comes any more");
    }

    #[tokio::test]
    async fn who_has_waited_long_enough_goes_before_whoever_comes() {
        let (desk, mut queue) = with(Duration::ZERO);
        for (command, in_passing) in [("now", false), ("and now", false), ("one", true), ("two", true)] {
            desk.bring(command, in_passing).await.unwrap();
        }
        assert_eq!(queue.next().await, Some(Next::Now("now")));
        assert_eq!(group(&mut queue), [Next::Patient("one"), Next::Patient("two"), Next::Now("and now")]);
    }

    #[tokio::test]
    async fn a_queue_that_is_closed_is_emptied() {
        let (desk, mut queue) = with(LONG);
        for (command, in_passing) in [("patient", true), ("now", false), ("patient, too", true)] {
            desk.bring(command, in_passing).await.unwrap();
        }
        queue.close();
        for in_passing in [true, false] {
            assert!(desk.bring("late", in_passing).await.is_err());
        }
        let left = [queue.next().await, queue.next().await, queue.company(Instant::now() + LONG).await, queue.next().await];
        assert_eq!(left, [Some(Next::Now("now")), Some(Next::Patient("patient")), Some(Next::Patient("patient, too")), None]);
    }
}
