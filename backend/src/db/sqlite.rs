//! SQLite: one thread writes, on one connection. Commands that arrive while a commit is on its way to the disk are run
//! in one transaction, a savepoint each, and share the next commit.
//!
//! The statements of a command do not leave that thread: with a connection behind a channel, as sqlx has it, every statement
//! costs two thread switches, and switches were over 40 % of a profile taken while orders came in.

mod connection;
mod migrate;
mod place;
mod readers;

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

pub(super) use self::connection::Connection;
use self::connection::{BUSY, Mode};
pub(super) use self::migrate::{PATIENCE, migrate, verify};
use self::place::Place;
pub(super) use self::readers::{Lent, Readers};
use super::base::Base;
use super::tx::{Conn, Tx};
use super::wake::{Wake, Wakes};
use super::{Command, DbError, Sql as _};
use crate::args;
use crate::clock::Clock;

/// How many commands and how much time one commit may gather.
const GROUP: usize = 256;
const GROUP_TIME: Duration = Duration::from_millis(50);
/// A command that takes longer awaits something other than its statements, and would hold up the whole shop.
const COMMAND_TIME: Duration = Duration::from_secs(10);
/// How often another process's writing is looked for.
const WATCH: Duration = Duration::from_millis(100);

/// The writer's end and the readers.
pub(super) struct Sqlite {
    commands: mpsc::Sender<Box<dyn Work>>,
    pub(super) readers: Readers,
    place: Place,
}

/// The file of a `sqlite:` address.
pub(super) fn options(url: &str) -> Result<(SqliteConnectOptions, PathBuf), DbError> {
    let options: SqliteConnectOptions = url.parse().map_err(|error: sqlx::Error| DbError::Unusable(format!("DATABASE_URL: {error}")))?;
    let file = options.get_filename().to_owned();
    if file.as_os_str().is_empty() || url.contains(":memory:") {
        return Err(DbError::Unusable("DATABASE_URL: name a file, such as sqlite:data/orderly.db".to_owned()));
    }
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY);

    Ok((options, file))
}

/// Opens the file, which is made where it is missing, and starts the writer; it ends when `closing` is cancelled and its
/// queue is empty.
pub(super) async fn start(
    file: PathBuf,
    clock: Clock,
    base: Base,
    wakes: Wakes,
    closing: CancellationToken,
) -> Result<(Sqlite, tokio::task::JoinHandle<()>), DbError> {
    let mut conn = connection::create(file.clone()).await?;
    let place = Place::of(file)?;
    // Now, not when the thread has begun: what another process writes from here on is seen.
    let seen = conn.fetch_optional("pragma data_version", args![])?.map(|row| row.get("data_version")).transpose()?;
    let (commands, queue) = mpsc::channel(1024);
    let writer = Writer { place: place.clone(), conn: Some(conn), queue, clock, base, wakes, closing, seen };
    let runtime = tokio::runtime::Handle::current();
    let worker = tokio::task::spawn_blocking(move || runtime.block_on(writer.run()));
    Ok((Sqlite { commands, readers: Readers::new(place.clone()), place }, worker))
}

impl Sqlite {
    /// The database's file.
    pub(super) fn file(&self) -> &Path {
        self.place.path()
    }

    pub(super) async fn transaction<T, E>(&self, command: Command<T, E>) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let closed = || E::from(DbError::Unavailable("the database is closed".to_owned()));
        self.commands.send(Box::new(Queued { command, answer })).await.map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }
}

/// A queued command, whatever it returns.
trait Work: Send {
    /// Runs it; what is left to do once the group is committed, or not.
    fn run(self: Box<Self>, tx: &mut Tx) -> BoxFuture<'_, Ran>;

    /// It cannot run.
    fn refuse(self: Box<Self>, error: DbError);
}

struct Ran {
    /// Whether its changes are wanted.
    keep: bool,
    answer: Box<dyn FnOnce(Result<(), DbError>) + Send>,
}

struct Queued<T, E> {
    command: Command<T, E>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T: Send + 'static, E: From<DbError> + Send + 'static> Work for Queued<T, E> {
    fn run(self: Box<Self>, tx: &mut Tx) -> BoxFuture<'_, Ran> {
        Box::pin(async move {
            let Self { command, answer } = *self;
            let result = AssertUnwindSafe(tokio::time::timeout(COMMAND_TIME, async { command(tx).await })).catch_unwind().await;
            let result = match result {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => {
                    tx.give_up(DbError::Defect("a command took too long inside its transaction".to_owned()));
                    Err(E::from(DbError::Busy("the command took too long".to_owned())))
                }
                Err(_) => Err(E::from(DbError::Defect("the command panicked".to_owned()))),
            };
            // A command that went on after an error of the database is not kept.
            let result = match (result, &tx.failure) {
                (Ok(_), Some(failure)) => Err(E::from(failure.clone())),
                (result, _) => result,
            };
            let keep = result.is_ok();
            // Who has broken the group is told of it by its own error.
            let broke = tx.broken;
            let answer = move |committed: Result<(), DbError>| {
                let result = match committed {
                    // A refusal, too: it may be for what another command of the group had done, which is gone.
                    Err(error) if !broke => Err(E::from(error)),
                    _ => result,
                };
                // The caller may have left; what it asked for is done all the same.
                let _ = answer.send(result);
            };
            Ran { keep, answer: Box::new(answer) }
        })
    }

    fn refuse(self: Box<Self>, error: DbError) {
        let _ = self.answer.send(Err(E::from(error)));
    }
}

struct Writer {
    place: Place,
    /// `None` after an error: the next group opens a new one.
    conn: Option<Connection>,
    queue: mpsc::Receiver<Box<dyn Work>>,
    clock: Clock,
    base: Base,
    wakes: Wakes,
    closing: CancellationToken,
    /// The database's `data_version`, which changes when another connection writes.
    seen: Option<i64>,
}

impl Writer {
    async fn run(mut self) {
        let mut watch = tokio::time::interval(WATCH);
        watch.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let closing = self.closing.clone();
            let first = tokio::select! {
                biased;
                () = closing.cancelled(), if !self.queue.is_closed() => {
                    self.queue.close();
                    continue;
                }
                _ = watch.tick() => {
                    self.look_for_others();
                    continue;
                }
                command = self.queue.recv() => command,
            };
            match first {
                Some(first) => self.group(first).await,
                None => break,
            }
        }
    }

    /// Runs one group of commands and commits it.
    async fn group(&mut self, first: Box<dyn Work>) {
        // What it would write would be gone at the next start. The connection stays, for the file may come back.
        if let Err(error) = self.place.holds() {
            first.refuse(error);
            return;
        }
        let started = Instant::now();
        let mut tx = match self.begin() {
            Ok(tx) => tx,
            Err(error) => {
                tracing::error!(%error, "the database does not start a transaction");
                first.refuse(error);
                return;
            }
        };
        let mut done = Vec::new();
        let mut next = Some(first);
        while let Some(command) = next.take() {
            tx.start_at(self.clock.now());
            match tx.savepoint().await {
                Ok(savepoint) => {
                    let ran = command.run(&mut tx).await;
                    // An error here breaks the transaction, which is looked at below.
                    let _ = if ran.keep { tx.keep(savepoint).await } else { tx.undo(savepoint).await };
                    done.push(ran);
                }
                Err(error) => command.refuse(error),
            }
            if tx.failure.is_none() && done.len() < GROUP && started.elapsed() < GROUP_TIME {
                next = self.queue.try_recv().ok();
            }
        }
        match self.commit(tx).await {
            Ok(wakes) => {
                self.wakes.wake(&wakes);
                for ran in done {
                    (ran.answer)(Ok(()));
                }
            }
            Err(error) => {
                tracing::error!(%error, commands = done.len(), "a group of commands was discarded");
                let error = DbError::Unavailable(error.to_string());
                for ran in done {
                    (ran.answer)(Err(error.clone()));
                }
            }
        }
    }

    fn begin(&mut self) -> Result<Tx, DbError> {
        let mut conn = if let Some(conn) = self.conn.take() {
            conn
        } else {
            self.seen = None;
            self.wakes.wake(&[Wake::All].into());
            // The file must not be made anew here, nor may it be another: an empty shop is not what was lost.
            self.place.holds_now()?;
            Connection::open(self.place.path(), Mode::Write)?
        };
        conn.execute("begin immediate", args![])?;
        Ok(Tx::new(Conn::Writer(conn), self.clock.now(), self.base.get()))
    }

    /// Commits, and keeps the connection only when all went well.
    async fn commit(&mut self, mut tx: Tx) -> Result<std::collections::BTreeSet<Wake>, DbError> {
        if let Some(failure) = tx.failure.take() {
            return Err(failure);
        }
        tx.execute("commit", args![]).await?;
        let wakes = tx.committed();
        if let Conn::Writer(conn) = tx.conn {
            self.conn = Some(conn);
        }
        Ok(wakes)
    }

    /// Wakes everybody when another process has written (`pragma data_version` does not change by our own commits).
    fn look_for_others(&mut self) {
        let Some(conn) = &mut self.conn else { return };
        let version = conn.fetch_optional("pragma data_version", args![]);
        match version.and_then(|row| row.ok_or(DbError::NotFound)?.get::<i64>("data_version")) {
            Ok(version) => {
                if self.seen.replace(version).is_some_and(|seen| seen != version) {
                    self.wakes.wake(&[Wake::All].into());
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the database does not answer");
                self.conn = None;
            }
        }
    }
}
