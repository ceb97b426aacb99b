//! The threads that make hashes: as many as have something to do, each with the memory that it makes them in.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::Memory;
#[cfg(target_os = "linux")]
use super::mover::Mover;

/// How long a thread waits for the next hash. To ask the system for a thread and 19 MiB and give both back for every hash holds up the
/// other threads of the process each time, those that sell too.
const KEPT: Duration = Duration::from_secs(10);
/// How far behind the others: a ninth of their share of a processor where all are busy, and all of it where one is idle.
#[cfg(target_os = "linux")]
pub(super) const NICE: i32 = 10;

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// Whom a thread lets go first.
#[derive(Debug, Clone, Copy)]
pub(super) enum Manners {
    /// Everybody: it runs where nothing else would, and stops at once for whoever comes. Being nice is not enough for that: who is
    /// nice is not interrupted before some milliseconds are over, and those are what a request takes.
    Last,
    /// The others, but it comes to its share.
    Behind,
}

impl Manners {
    /// Of the calling thread alone, which cannot take it back. Where it is not allowed, or there is no such thing, it is only less
    /// polite.
    #[cfg(target_os = "linux")]
    fn take(self) {
        use thread_priority::{
            NormalThreadSchedulePolicy::Idle, ThreadPriority, ThreadSchedulePolicy::Normal, set_thread_priority_and_policy,
            thread_native_id,
        };
        let _ = match self {
            Self::Last => set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, Normal(Idle)).is_ok(),
            // On Linux this is the thread's (setpriority(2), "C library/kernel differences").
            Self::Behind => rustix::process::setpriority_process(None, NICE).is_ok(),
        };
    }

    #[cfg(not(target_os = "linux"))]
    fn take(self) {}

    /// Where nothing else runs, nothing stays for long. Without it the thread is only less polite.
    #[cfg(target_os = "linux")]
    fn mover(self) -> Option<Mover> {
        match self {
            Self::Last => Mover::of_this_thread().ok().flatten(),
            Self::Behind => None,
        }
    }
}

/// Threads of the same manners. Clones are the same.
#[derive(Clone)]
pub(super) struct Workers {
    manners: Manners,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Threads that wait for a job.
    waiting: usize,
}

impl Workers {
    pub(super) fn new(manners: Manners) -> Self {
        Self { manners, shared: Arc::default() }
    }

    /// Gives the job to a thread that waits for one, or to a new one; an error where there can be none.
    pub(super) fn start(&self, job: Job) -> io::Result<()> {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.jobs.push_back(job);
        if state.waiting >= state.jobs.len() {
            self.shared.news.notify_one();
            return Ok(());
        }
        let (manners, shared) = (self.manners, self.shared.clone());
        let work = move || {
            // Before it gives way: who moves it has to come at once.
            #[cfg(target_os = "linux")]
            let mover = manners.mover();
            manners.take();
            let mut memory = Memory::new();
            while let Some(job) = shared.next(KEPT) {
                #[cfg(target_os = "linux")]
                let _moving = mover.as_ref().map(Mover::keep_moving);
                job(&mut memory);
            }
        };
        // Still under the lock, or another thread might have taken the job that is taken back here.
        thread::Builder::new().name("hashing".to_owned()).spawn(work).map(drop).inspect_err(|_| drop(state.jobs.pop_back()))
    }
}

impl Shared {
    /// The next job; `None` where there was none for so long.
    fn next(&self, patience: Duration) -> Option<Job> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting += 1;
        let waited = self.news.wait_timeout_while(state, patience, |state| state.jobs.is_empty());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state.jobs.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// The thread that does the job.
    fn done_by(workers: &Workers) -> thread::ThreadId {
        let (tell, told) = mpsc::channel();
        workers.start(Box::new(move |_| tell.send(thread::current().id()).unwrap())).unwrap();
        told.recv().unwrap()
    }

    /// Returns when so many threads wait.
    fn settled(workers: &Workers, waiting: usize) {
        while workers.shared.state.lock().unwrap().waiting != waiting {
            thread::yield_now();
        }
    }

    #[test]
    fn a_thread_that_waits_takes_the_next_job() {
        let workers = Workers::new(Manners::Behind);
        let first = done_by(&workers);
        settled(&workers, 1);
        assert_eq!(done_by(&workers), first);
        settled(&workers, 1);

        // While it works, another one comes.
        let ((go, wait), (begin, begun)) = (mpsc::channel::<()>(), mpsc::channel::<()>());
        let job = move |_: &mut Memory| {
            begin.send(()).unwrap();
            wait.recv().unwrap();
        };
        workers.start(Box::new(job)).unwrap();
        begun.recv().unwrap();
        assert_ne!(done_by(&workers), first);
        go.send(()).unwrap();
        settled(&workers, 2);
        assert!(workers.shared.next(Duration::ZERO).is_none(), "nobody waits for ever");
    }

    #[test]
    fn a_job_that_ends_badly_takes_nobody_with_it() {
        let workers = Workers::new(Manners::Behind);
        let (tell, told) = mpsc::channel::<()>();
        let job = move |_: &mut Memory| {
            let _tell = tell;
            panic!("out of memory");
        };
        workers.start(Box::new(job)).unwrap();
        told.recv().unwrap_err();
        done_by(&workers);
    }
}
