//! The commands that wait for the writer: those that somebody waits for, and those that have time.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::db::DbError;

/// How long a command that has time waits for a commit that is made anyway.
const PATIENCE: Duration = Duration::from_millis(20);
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
    /// The oldest of those that have time.
    waiting: Option<Patient<T>>,
    /// Whether the group that is under way may still take one along that is not due.
    room: bool,
}

/// A command that has time until then.
struct Patient<T> {
    due: Instant,
    command: T,
}

/// A queue, and its other end.
pub(super) fn queue<T>() -> (Desk<T>, Queue<T>) {
    with(PATIENCE)
}

fn with<T>(patience: Duration) -> (Desk<T>, Queue<T>) {
    let ((now, queue), (passing, patient)) = (mpsc::channel(PLACES), mpsc::channel(PLACES));
    (Desk { now, passing, patience }, Queue { now: queue, passing: patient, waiting: None, room: false })
}

impl<T> Desk<T> {
    /// Brings a command; one in passing is run with the next one that is not, or by itself after a little while.
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

    /// The command that begins the next group; `None` when the queue is closed and empty. Whoever stops waiting for it loses none.
    pub(super) async fn next(&mut self) -> Option<T> {
        self.room = true;
        loop {
            let due = self.waiting.as_ref().map(|patient| patient.due);
            tokio::select! {
                biased;
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => return self.patient(),
                command = self.now.recv() => match command {
                    Some(command) => return Some(command),
                    // It is closed: nothing else comes that could take these along.
                    None => return self.patient(),
                },
                patient = self.passing.recv(), if due.is_none() => self.waiting = patient,
            }
        }
    }

    /// What joins the group that is under way: who has waited long enough, who has no time, and one of the others.
    pub(super) fn join(&mut self) -> Option<T> {
        self.waiting = self.waiting.take().or_else(|| self.passing.try_recv().ok());
        if self.waiting.as_ref().is_some_and(|patient| patient.due <= Instant::now()) {
            return self.patient();
        }
        self.now.try_recv().ok().or_else(|| std::mem::take(&mut self.room).then(|| self.patient()).flatten())
    }

    fn patient(&mut self) -> Option<T> {
        self.waiting.take().or_else(|| self.passing.try_recv().ok()).map(|patient| patient.command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that would join the group.
    fn group<T>(queue: &mut Queue<T>) -> Vec<T> {
        std::iter::from_fn(|| queue.join()).collect()
    }

    const LONG: Duration = Duration::from_hours(1);

    #[tokio::test]
    async fn who_has_time_comes_with_the_next_one() {
        let (desk, mut queue) = with(LONG);
        desk.bring("first", true).await.unwrap();
        desk.bring("second", true).await.unwrap();
        desk.bring("now", false).await.unwrap();
        desk.bring("as well", false).await.unwrap();
        assert_eq!(queue.next().await, Some("now"));
        assert_eq!(group(&mut queue), ["as well", "first"], "one of them in a group");
        desk.bring("later", false).await.unwrap();
        assert_eq!(queue.next().await, Some("later"));
        assert_eq!(group(&mut queue), ["second"]);
    }

    #[tokio::test]
    async fn who_has_waited_long_enough_goes_before_whoever_comes() {
        let (desk, mut queue) = with(Duration::ZERO);
        desk.bring("alone", true).await.unwrap();
        assert_eq!(queue.next().await, Some("alone"));
        desk.bring("now", false).await.unwrap();
        assert_eq!(queue.next().await, Some("now"));
        for (command, in_passing) in [("and now", false), ("one", true), ("two", true)] {
            desk.bring(command, in_passing).await.unwrap();
        }
        assert_eq!(group(&mut queue), ["one", "two", "and now"]);
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
        let left = [queue.next().await, queue.next().await, queue.next().await, queue.next().await];
        assert_eq!(left, [Some("now"), Some("patient"), Some("patient, too"), None]);
    }
}
