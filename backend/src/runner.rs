//! The runner keeps everything going that happens by itself: sequencer, subscribers, timers and jobs.
//!
//! Each has a task of its own that is woken by commits and looks by itself every few seconds, should a wake-up be lost.
//! Whatever goes wrong in one of them, the database away included, it waits and tries again; none stops another.

mod activity;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) use self::activity::Activity;
use crate::args;
use crate::db::{Db, DbError, Listener, Sql as _, Wake};
use crate::job::worker::{self, Worker};
use crate::job::{self, DeadJob, JobHandler};
use crate::lease::{self, Lease, Lost};
use crate::log::sequencer;
use crate::subscriber::Subscriber;
use crate::subscriber::follower::Follower;
use crate::subscriber::parked::{self, Parked};
use crate::timer::{Ticker, TimerHandler};

/// How often each task looks by itself.
const LOOK: Duration = Duration::from_secs(2);
/// How often one that has no lease asks for it.
const ASK: Duration = Duration::from_secs(1);

/// Everything that is to be kept going; [`Runner::start`] starts it.
pub struct Runner {
    db: Db,
    subscribers: Vec<Arc<dyn Subscriber>>,
    timers: Vec<Arc<dyn TimerHandler>>,
    jobs: Vec<Arc<dyn JobHandler>>,
}

impl Runner {
    /// A runner of nothing yet.
    pub fn new(db: Db) -> Self {
        Self { db, subscribers: Vec::new(), timers: Vec::new(), jobs: Vec::new() }
    }

    /// Adds a subscriber.
    pub fn subscriber(mut self, subscriber: impl Subscriber) -> Self {
        self.subscribers.push(Arc::new(subscriber));
        self
    }

    /// Adds what happens when a kind of timer is due.
    pub fn timer(mut self, handler: impl TimerHandler) -> Self {
        self.timers.push(Arc::new(handler));
        self
    }

    /// Adds what does a kind of jobs.
    pub fn job(mut self, handler: impl JobHandler) -> Self {
        self.jobs.push(Arc::new(handler));
        self
    }

    /// Keeps only what belongs to these services: what stands before the first dot of a name. The sequencer always runs.
    pub fn services(mut self, services: &[String]) -> Self {
        let wanted = |name: &str| services.iter().any(|service| name.split('.').next() == Some(service));
        self.subscribers.retain(|subscriber| wanted(subscriber.name()));
        self.timers.retain(|timer| wanted(timer.kind()));
        self.jobs.retain(|job| wanted(job.kind()));
        self
    }

    /// The subscribers, for `events replay`.
    pub fn subscribers(&self) -> &[Arc<dyn Subscriber>] {
        &self.subscribers
    }

    /// Starts all tasks. It never fails: a database that is away is waited for.
    pub fn start(self) -> Running {
        let names = self.subscribers.iter().map(|s| s.name()).chain(self.timers.iter().map(|t| t.kind()));
        let names: Vec<_> = names.chain(self.jobs.iter().map(|j| j.kind())).collect();
        debug_assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "every name is used once");
        let context = Context { db: self.db, holder: Uuid::now_v7(), stop: CancellationToken::new(), activity: Activity::default() };
        let watched = Watched {
            subscribers: self.subscribers.clone(),
            timers: self.timers.iter().map(|timer| timer.kind()).collect(),
            jobs: self.jobs.iter().map(|job| job.kind()).collect(),
        };
        let mut tasks = JoinSet::new();
        let (db, stop) = (context.db.clone(), context.stop.clone());
        tasks.spawn(async move { db.listen(stop).await });
        tasks.spawn(renew(context.clone()));
        if context.db.is_postgres() {
            tasks.spawn(sequence(context.clone()));
        }
        for subscriber in self.subscribers {
            tasks.spawn(Follower::new(context.clone(), subscriber).run());
        }
        for timer in self.timers {
            tasks.spawn(Ticker::new(context.clone(), timer).run());
        }
        for handler in self.jobs {
            let context = context.clone();
            // From here on, not from when the task runs: whoever waits for quiet knows then that no claim is taken back any more.
            let starting = context.activity.busy();
            tasks.spawn(async move {
                if !context.db.is_postgres() {
                    let mut wait = Wait::default();
                    while let Err(error) = worker::forget_claims(&context, handler.kind()).await {
                        wait.after(&context, handler.kind(), &error.to_string()).await;
                        if context.stop.is_cancelled() {
                            return;
                        }
                    }
                }
                drop(starting);
                Worker::new(context, handler).run().await;
            });
        }
        Running { context, tasks, watched: Arc::new(watched) }
    }
}

/// A started runner. Dropping it stops everything at once, in the middle of whatever it does; nothing is lost by that.
pub struct Running {
    context: Context,
    tasks: JoinSet<()>,
    watched: Arc<Watched>,
}

struct Watched {
    subscribers: Vec<Arc<dyn Subscriber>>,
    timers: Vec<&'static str>,
    jobs: Vec<&'static str>,
}

/// What is left when everything is quiet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leftover {
    /// Events that wait for a person.
    pub parked: Vec<Parked>,
    /// Jobs that could not be done.
    pub dead: Vec<DeadJob>,
}

impl Running {
    /// Ends in order: batches are finished, running jobs get 5 s, leases are given back.
    pub async fn shutdown(mut self) {
        self.context.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a task of the runner ended badly");
            }
        }
        if let Err(error) = lease::release(&self.context.db, self.context.holder).await {
            tracing::warn!(%error, "the leases were not given back; others will wait until they end");
        }
    }

    /// Waits until all is quiet: every event handled by every subscriber here, every due timer fired, every ready job run,
    /// and nothing going on. What then is left wants a person. Meant for tests.
    pub async fn settle(&self) -> Result<Leftover, DbError> {
        let mut changes = self.context.activity.changes();
        loop {
            let before = *changes.borrow_and_update();
            let written = self.written().await?;
            // Another process may have gone on while this one looked here and there; then there is more now.
            if before.busy == 0 && self.quiet().await? && *changes.borrow() == before && self.written().await? == written {
                let mut reader = self.context.db.reader();
                return Ok(Leftover { parked: parked::list(&mut reader).await?, dead: job::dead(&mut reader).await? });
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return Ok(Leftover::default()) },
                // Another process may have done it.
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// How many events and jobs there are.
    async fn written(&self) -> Result<(i64, i64), DbError> {
        let counts = "select (select count(*) from event) as events, (select count(*) from job) as jobs";
        let row = self.context.db.reader().fetch_one(counts, args![]).await?;
        Ok((row.get("events")?, row.get("jobs")?))
    }

    async fn quiet(&self) -> Result<bool, DbError> {
        let mut reader = self.context.db.reader();
        let now = self.context.db.clock().now();
        let waiting = reader.either("select 0 as n", "select count(*) as n from event where position is null");
        if reader.fetch_one(waiting, args![]).await?.get::<i64>("n")? > 0 {
            return Ok(false);
        }
        for subscriber in &self.watched.subscribers {
            let row = reader.fetch_optional("select position from cursor where subscriber = $1", args![subscriber.name()]).await?;
            let Some(row) = row else { return Ok(false) };
            if !crate::log::read(&mut reader, row.get("position")?, subscriber.types(), 1).await?.is_empty() {
                return Ok(false);
            }
            let wishes = "select count(*) as n from parked where subscriber = $1 and wish is not null";
            if reader.fetch_one(wishes, args![subscriber.name()]).await?.get::<i64>("n")? > 0 {
                return Ok(false);
            }
        }
        for kind in &self.watched.timers {
            let due = "select count(*) as n from timer where kind = $1 and next_at <= $2";
            if reader.fetch_one(due, args![kind, now]).await?.get::<i64>("n")? > 0 {
                return Ok(false);
            }
        }
        for kind in &self.watched.jobs {
            let ready = "select count(*) as n from job where kind = $1 and status = 'ready' and (next_at <= $2 or claim is not null)";
            if reader.fetch_one(ready, args![kind, now]).await?.get::<i64>("n")? > 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What every task of a runner has.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) db: Db,
    pub(crate) holder: Uuid,
    pub(crate) stop: CancellationToken,
    pub(crate) activity: Activity,
}

impl Context {
    /// Waits for the lease; `None` when the runner stops. On SQLite the newest server is the only one: at its start
    /// (`new`) it takes the lease from whoever had it.
    pub(crate) async fn hold(&self, name: &str, woken: &Listener, new: &mut bool) -> Option<Lease> {
        let mut wait = Wait::default();
        while !self.stop.is_cancelled() {
            let by_force = *new && !self.db.is_postgres();
            match lease::acquire(&self.db, name.to_owned(), self.holder, by_force).await {
                Ok(Some(lease)) => {
                    *new = false;
                    return Some(lease);
                }
                Ok(None) => {
                    tokio::select! {
                        () = self.stop.cancelled() => {}
                        () = woken.woken() => {}
                        () = tokio::time::sleep(ASK) => {}
                    }
                }
                Err(error) => wait.after(self, name, &error.to_string()).await,
            }
        }
        None
    }

    /// Waits until something is to be done: a wake-up, the time, the next look, or the end.
    pub(crate) async fn idle(&self, woken: &Listener, until: Option<Timestamp>) {
        let time = async {
            match until {
                Some(until) => self.db.clock().sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = woken.woken() => {}
            () = time => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// The growing wait after failures: 50 ms to 2 s.
#[derive(Default)]
pub(crate) struct Wait(u32);

impl Wait {
    pub(crate) fn reset(&mut self) {
        self.0 = 0;
    }

    /// Waits, shorter when the runner stops. Says so once, not at every try.
    pub(crate) async fn after(&mut self, context: &Context, who: &str, reason: &str) {
        if self.0 == 0 {
            tracing::warn!(who, reason, "cannot go on; trying again");
        }
        let wait = Duration::from_millis(50 << self.0.min(5)).min(LOOK);
        self.0 += 1;
        tokio::select! {
            () = context.stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Keeps this process's leases.
async fn renew(context: Context) {
    // Two renewals may fail before the lease ends.
    let every = lease::time(context.db.is_postgres()).as_millis() as i64 / 3;
    while !context.stop.is_cancelled() {
        let until = context.db.clock().now().plus_millis(every);
        tokio::select! {
            () = context.stop.cancelled() => {}
            () = context.db.clock().sleep_until(until) => {
                if let Err(error) = lease::renew(&context.db, context.holder).await {
                    tracing::warn!(%error, "the leases were not renewed");
                }
            }
        }
    }
}

/// Gives committed events their positions, while this process has the lease (PostgreSQL).
async fn sequence(context: Context) {
    const NAME: &str = "sequencer";
    let woken = context.db.wakes().listen(|wake| match wake {
        Wake::Append => true,
        Wake::Lease(lease) => lease == NAME,
        _ => false,
    });
    let mut wait = Wait::default();
    let mut new = true;
    while let Some(lease) = context.hold(NAME, &woken, &mut new).await {
        while !context.stop.is_cancelled() {
            let busy = context.activity.busy();
            let round = sequencer::sequence(&context.db, lease.clone()).await;
            drop(busy);
            match round {
                Ok(count) => {
                    wait.reset();
                    if (count as i64) < sequencer::BATCH {
                        context.idle(&woken, None).await;
                    }
                }
                Err(Lost::Lease) => {
                    tracing::info!("another process gives the positions now");
                    break;
                }
                Err(Lost::Database(error)) => wait.after(&context, NAME, &error.to_string()).await,
            }
        }
    }
}
