//! Moves a thread from processor to processor while it works.
//!
//! When a processor runs out of work, Linux fetches threads for it that wait for a busy one. A thread of the idle class gives way at
//! once to whoever comes, but it is work that does not run out: as long as a hash is made, nothing is fetched, and a request waits in
//! the queue of one processor while the other would be free for it. So a hash stays on none for longer than a moment, and what it
//! leaves has run out of work.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_setaffinity};

/// How long a thread stays where it is: a small part of what a request takes, and long beside what a move costs.
const EVERY: Duration = Duration::from_micros(250);

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Resting,
    Moving,
    Over,
}

/// What moves a thread, as long as this lives.
pub(super) struct Mover {
    shared: Arc<(Mutex<State>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Mover {
    /// One for the calling thread, with the priority that it has now; `None` where it may run on one processor only.
    ///
    /// # Errors
    ///
    /// Where the system tells no processors, or gives no thread.
    pub(super) fn of_this_thread() -> io::Result<Option<Self>> {
        let allowed = sched_getaffinity(None)?;
        let processors: Vec<_> = (0..CpuSet::MAX_CPU).filter(|processor| allowed.is_set(*processor)).collect();
        if processors.len() < 2 {
            return Ok(None);
        }
        let (moved, shared) = (gettid(), Arc::new((Mutex::new(State::Resting), Condvar::new())));
        let work = {
            let shared = shared.clone();
            move || keep_moving(moved, &processors, &shared)
        };
        let thread = thread::Builder::new().name("hashing-mover".to_owned()).spawn(work)?;
        Ok(Some(Self { shared, thread: Some(thread) }))
    }

    /// Moves the thread until what this returns is dropped.
    pub(super) fn keep_moving(&self) -> Moving<'_> {
        self.set(State::Moving);
        Moving(self)
    }

    fn set(&self, state: State) {
        *self.shared.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
        self.shared.1.notify_one();
    }
}

impl Drop for Mover {
    fn drop(&mut self) {
        self.set(State::Over);
        // Until it has ended, it may move whoever gets the same number next.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// While this lives the thread is moved.
pub(super) struct Moving<'m>(&'m Mover);

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        self.0.set(State::Resting);
    }
}

fn keep_moving(moved: Pid, processors: &[usize], (state, news): &(Mutex<State>, Condvar)) {
    for processor in processors.iter().cycle() {
        let waiting = state.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = news.wait_while(waiting, |state| *state == State::Resting).unwrap_or_else(PoisonError::into_inner);
        let waited = news.wait_timeout_while(waiting, EVERY, |state| *state == State::Moving);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Resting => {}
            State::Moving => {
                let mut there = CpuSet::new();
                there.set(*processor);
                // A processor that was taken away meanwhile is left out.
                let _ = sched_setaffinity(Some(moved), &there);
            }
            State::Over => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::thread::sched_getcpu;

    use super::*;

    #[test]
    fn a_thread_does_not_stay_where_it_is() {
        let allowed = sched_getaffinity(None).unwrap();
        let Some(mover) = Mover::of_this_thread().unwrap() else {
            assert_eq!(allowed.count(), 1, "there is nowhere to go");
            return;
        };
        let stay = || {
            let mut here = CpuSet::new();
            here.set(sched_getcpu());
            sched_setaffinity(None, &here).unwrap();
            sched_getcpu()
        };
        let moving = mover.keep_moving();
        for _ in 0..3 {
            // Nobody else moves who may be there only.
            let here = stay();
            while sched_getcpu() == here {
                thread::yield_now();
            }
        }
        drop(moving);
        drop(mover);
        sched_setaffinity(None, &allowed).unwrap();
    }
}
