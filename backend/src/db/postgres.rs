//! PostgreSQL: plain transactions from a pool, and LISTEN/NOTIFY to wake the other processes.

mod lender;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::lender::Places;
pub(super) use self::lender::{Lender, Lent};
use super::tx::{Conn, Tx};
use super::wake::{Wake, Wakes};
use super::{Command, DbError};
use crate::clock::Clock;

/// Connections of a process for commands and readers. More commands at once make none of them quicker: they wait for each other inside
/// PostgreSQL then, in no order, and not before it, in turn.
const PLACES: Places = Places { most: 18, for_readers: 6 };
/// Those of them all for statements that are not waited for until they are on the disk, and take no time: [`Tx::beside`], and what is told to
/// the other processes.
const BESIDE: Places = Places { most: 3, for_readers: 0 };
const CHANNEL: &str = "orderly";
/// A notification carries at most 8,000 bytes.
const PAYLOAD: usize = 7_000;
/// Statements that a connection remembers: more than there are.
const STATEMENTS: usize = 1_000;

/// Connections, and the way to the other processes.
#[derive(Clone)]
pub(super) struct Postgres {
    pub(super) lender: Arc<Lender>,
    /// For what need not be on the disk before it is answered.
    beside: Arc<Lender>,
    /// For what wants sqlx's own pool: migrations, and hearing the others.
    pub(super) aside: PgPool,
    wakes: Wakes,
    /// To the task that tells the other processes.
    tell: mpsc::UnboundedSender<BTreeSet<Wake>>,
    /// What this process signs its notifications with, so that it does not hear itself.
    process: Uuid,
}

/// A `postgres:` address, with limits on how long anything may stand in others' way: a process that is paused inside a
/// transaction holds its locks for 10 s and no longer.
pub(super) fn options(url: &str) -> Result<PgConnectOptions, DbError> {
    let options: PgConnectOptions = url.parse().map_err(|error| DbError::Unusable(format!("DATABASE_URL: {error}")))?;
    Ok(options
        .application_name("orderly")
        .statement_cache_capacity(STATEMENTS)
        .options([
            ("lock_timeout", "5s"),
            ("statement_timeout", "30s"),
            ("idle_in_transaction_session_timeout", "10s"),
            ("client_min_messages", "warning"),
            // A statement of ours takes less time than compiling it would: twenty times less, where the planner thought otherwise.
            ("jit", "off"),
        ])
        .disable_statement_logging())
}

impl Postgres {
    pub(super) async fn start(
        options: PgConnectOptions,
        wakes: Wakes,
        closing: CancellationToken,
    ) -> Result<(Self, tokio::task::JoinHandle<()>), DbError> {
        let place = format!("{}:{}", options.get_host(), options.get_port());
        let aside = PgPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_secs(5)).connect_lazy_with(options.clone());
        // A statement beside is not waited for until it is on the disk: it gets there before any commit that knows of it.
        let beside = Arc::new(Lender::new(options.clone().options([("synchronous_commit", "off")]), BESIDE));
        let lender = Arc::new(Lender::new(options, PLACES));
        let first = lender.lend().await.map_err(|error| match error {
            DbError::Unavailable(reason) => DbError::Unavailable(format!(
                "nothing answers at {place} ({reason}); start PostgreSQL there, or set DATABASE_URL to where it runs"
            )),
            error => error,
        })?;
        first.give_back();
        let (tell, told) = mpsc::unbounded_channel();
        let process = Uuid::now_v7();
        let teller = tokio::spawn(tell_others(beside.clone(), told, process, closing));
        Ok((Self { lender, beside, aside, wakes, tell, process }, teller))
    }

    /// The command runs in a task of its own, to its end, whether or not its caller stays.
    pub(super) async fn transaction<T, E>(&self, clock: &Clock, base: i64, command: Command<T, E>) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let task = tokio::spawn(self.clone().run(clock.clone(), base, command));
        task.await.unwrap_or_else(|_| Err(E::from(DbError::Unavailable("the process is stopping".to_owned()))))
    }

    async fn run<T, E>(self, clock: Clock, base: i64, command: Command<T, E>) -> Result<T, E>
    where
        E: From<DbError>,
    {
        let conn = self.lender.command().await?;
        let mut tx = Tx::new(Conn::Postgres(conn), clock.now(), base);
        tx.beside = Some(self.beside.clone());
        // The block makes a panic before the first await one of the future, too.
        let result = AssertUnwindSafe(async { command(&mut tx).await }).catch_unwind().await;
        let result = result.unwrap_or_else(|_| Err(E::from(DbError::Defect("the command panicked".to_owned()))));
        let result = match (result, tx.failure().cloned()) {
            (Ok(_), Some(failure)) => Err(E::from(failure)),
            (result, _) => result,
        };
        match result {
            Ok(value) => {
                self.spread(tx.commit_postgres().await?);
                Ok(value)
            }
            Err(error) => {
                tx.roll_back_postgres().await;
                Err(error)
            }
        }
    }

    /// Wakes this process at once and the others soon.
    fn spread(&self, wakes: BTreeSet<Wake>) {
        self.wakes.wake(&wakes);
        if !wakes.is_empty() {
            // The task ends before the pool does; nobody listens for our wake-ups then.
            let _ = self.tell.send(wakes);
        }
    }

    pub(super) async fn close(&self) {
        self.lender.close().await;
        self.beside.close().await;
        self.aside.close().await;
    }

    /// Hears what other processes committed, until `stop`.
    pub(super) async fn listen(self, stop: CancellationToken) {
        let hear = async {
            loop {
                if let Err(error) = self.hear().await {
                    tracing::warn!(%error, "not listening to the other processes; trying again");
                }
                // What was said meanwhile is lost.
                self.wakes.wake(&[Wake::All].into());
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        stop.run_until_cancelled(hear).await;
    }

    async fn hear(&self) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.aside).await?;
        listener.listen(CHANNEL).await?;
        self.wakes.wake(&[Wake::All].into());
        while let Some(heard) = listener.try_recv().await? {
            let mut lines = heard.payload().lines();
            if lines.next() != Some(self.process.to_string().as_str()) {
                self.wakes.wake(&lines.map(Wake::from_line).collect());
            }
        }
        Ok(())
    }
}

/// Tells the other processes what was committed. Not inside the transactions: PostgreSQL lets commits that notify go
/// one at a time. What it is about is on the disk by then; the telling itself need not be. What cannot be told is dropped; they look by
/// themselves, only later.
async fn tell_others(lender: Arc<Lender>, mut told: mpsc::UnboundedReceiver<BTreeSet<Wake>>, process: Uuid, closing: CancellationToken) {
    loop {
        let first = tokio::select! {
            first = told.recv() => first,
            () = closing.cancelled() => {
                told.close();
                told.try_recv().ok()
            }
        };
        let Some(mut wakes) = first else { break };
        while let Ok(more) = told.try_recv() {
            wakes.extend(more);
        }
        let mut payload = process.to_string();
        for wake in &wakes {
            payload.push('\n');
            payload.push_str(&wake.to_line());
        }
        if payload.len() > PAYLOAD {
            payload = format!("{process}\n{}", Wake::All.to_line());
        }
        let tell = async |mut lent: Lent| {
            let told = sqlx::query("select pg_notify($1, $2)").bind(CHANNEL).bind(&payload).execute(lent.conn()).await;
            (lent, told)
        };
        if let Err(error) = lender.read(tell).await {
            tracing::debug!(%error, "the other processes were not told");
        }
    }
}
