//! A transaction in progress, and the statements that run in one.

mod at_once;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use domain::Timestamp;
use futures::future::BoxFuture;
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use self::at_once::at_once;
use super::args::{Arg, Args};
use super::base::STEP;
use super::postgres::{Lender, Lent as Postgresql};
use super::row::Inner;
use super::sqlite::{Connection, Lent};
use super::{DbError, Row, Wake};

/// Something that statements run on: a transaction, or the readers' pool. The text is the same for both databases.
pub trait Sql: Send {
    /// Whether this is PostgreSQL.
    fn is_postgres(&self) -> bool;

    /// What time it is: of a transaction when it began, else now.
    fn now(&self) -> Timestamp;

    /// What this shop's numbers start from, in unix seconds: greater after every restore.
    fn base(&self) -> i64;

    /// The `sequence` under which the outside is told of the state of a thing that the database counts as `number`, such as a position
    /// of the log or the version of a row. A restored shop counts on from less, and its sequences are greater all the same.
    fn sequence(&self, number: i64) -> i64 {
        self.base() * STEP + number
    }

    /// Which of two texts the database understands, for the few statements that cannot be the same.
    fn either(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        if self.is_postgres() { postgres } else { sqlite }
    }

    /// Runs a statement and says how many rows it changed.
    fn execute(&mut self, sql: &'static str, args: Args) -> BoxFuture<'_, Result<u64, DbError>>;

    /// The row, or `None`; more than one row is not an error, the first is taken.
    fn fetch_optional(&mut self, sql: &'static str, args: Args) -> BoxFuture<'_, Result<Option<Row>, DbError>>;

    /// All rows.
    fn fetch_all(&mut self, sql: &'static str, args: Args) -> BoxFuture<'_, Result<Vec<Row>, DbError>>;

    /// The row; [`DbError::NotFound`] where there is none.
    fn fetch_one(&mut self, sql: &'static str, args: Args) -> BoxFuture<'_, Result<Row, DbError>> {
        let row = self.fetch_optional(sql, args);
        Box::pin(async move { row.await?.ok_or(DbError::NotFound) })
    }
}

/// What a transaction runs on.
pub(super) enum Conn {
    /// SQLite's one connection that writes.
    Writer(Connection),
    /// One of SQLite's that read.
    Reader(Lent),
    /// In a transaction of PostgreSQL.
    Postgres(Postgresql),
}

/// How a transaction has a lock of the shop's own: beside others who have it so, or alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    Shared,
    Alone,
}

type Hook = Box<dyn FnOnce() + Send>;

/// Statements that are put off and run at once, at most: more of them make texts that no other transaction has.
const AT_ONCE: usize = 12;

/// A transaction in progress.
///
/// After a statement has failed the transaction is over: later statements answer the same error, and nothing is kept,
/// whatever the command returns. (PostgreSQL works like this; SQLite is made to.) Where a conflict is expected, say so
/// in the statement: `on conflict … do nothing`, `update … where`.
pub struct Tx {
    pub(super) conn: Conn,
    now: Timestamp,
    base: i64,
    pub(super) failure: Option<DbError>,
    /// The failure cannot be undone by going back to a savepoint.
    pub(super) broken: bool,
    pub(super) wakes: Vec<Wake>,
    pub(super) hooks: Vec<Hook>,
    /// Who lends connections for [`Tx::beside`], on PostgreSQL.
    pub(super) beside: Option<Arc<Lender>>,
    /// Locks of the shop's own, by name.
    locks: Vec<(String, Hold)>,
    /// Statements that are put off until the end, on PostgreSQL.
    last: Vec<(&'static str, Args)>,
}

/// A place in a transaction that one can go back to.
pub(crate) struct Savepoint {
    wakes: usize,
    hooks: usize,
    locks: usize,
    last: usize,
}

impl Tx {
    pub(super) fn new(conn: Conn, now: Timestamp, base: i64) -> Self {
        Self {
            conn,
            now,
            base,
            failure: None,
            broken: false,
            wakes: Vec::new(),
            hooks: Vec::new(),
            beside: None,
            locks: Vec::new(),
            last: Vec::new(),
        }
    }

    /// The time of everything that this transaction does, fixed at its start.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Another command of a group begins.
    pub(super) fn start_at(&mut self, now: Timestamp) {
        self.now = now;
        self.locks.clear();
    }

    /// Wakes, after the commit, whoever waits for this.
    pub fn wake(&mut self, wake: Wake) {
        self.wakes.push(wake);
    }

    /// Runs `hook` after the commit and before the command's answer; never when the transaction is not kept. It must be
    /// quick and must not wait: it stands in everybody's way.
    pub fn after_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    /// How this transaction has a lock that was noted by [`Tx::note_lock`].
    pub(crate) fn lock_held(&self, name: &str) -> Option<Hold> {
        self.locks.iter().find(|(held, _)| held == name).map(|(_, hold)| *hold)
    }

    /// Remembers a lock that lasts until the end of this transaction.
    pub(crate) fn note_lock(&mut self, name: &str, hold: Hold) {
        self.locks.push((name.to_owned(), hold));
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Runs a statement that answers one row. On PostgreSQL it is committed at once and by itself, so that nobody who wants the
    /// same row waits for this transaction; it stays though the transaction is not kept, and where a connection breaks it may
    /// have run twice. On SQLite, where commands run one after the other, it is part of the transaction.
    pub(crate) async fn beside(&mut self, sql: &'static str, args: Args) -> Result<Row, DbError> {
        let Some(lender) = self.beside.clone() else { return self.fetch_one(sql, args).await };
        self.check()?;
        let run = async |mut lent: Postgresql| {
            let row = postgres(sql, args.clone()).fetch_one(lent.conn()).await;
            (lent, row)
        };
        let row = lender.read(run).await.map(postgres_row);
        self.note(row)
    }

    /// The error that ended this transaction, if one did.
    pub fn failure(&self) -> Option<&DbError> {
        self.failure.as_ref()
    }

    /// Marks a place to go back to. Savepoints nest; each ends in [`Tx::keep`] or [`Tx::undo`].
    pub(crate) async fn savepoint(&mut self) -> Result<Savepoint, DbError> {
        self.execute("savepoint step", Args::default()).await?;
        Ok(Savepoint { wakes: self.wakes.len(), hooks: self.hooks.len(), locks: self.locks.len(), last: self.last.len() })
    }

    /// Keeps what was done since the savepoint.
    pub(crate) async fn keep(&mut self, _savepoint: Savepoint) -> Result<(), DbError> {
        self.execute("release savepoint step", Args::default()).await.map(drop)
    }

    /// Undoes what was done since the savepoint, and its failure. An error means that the whole transaction is lost.
    pub(crate) async fn undo(&mut self, savepoint: Savepoint) -> Result<(), DbError> {
        if self.broken {
            return Err(self.failure.clone().unwrap_or(DbError::NotFound));
        }
        self.failure = None;
        self.wakes.truncate(savepoint.wakes);
        self.hooks.truncate(savepoint.hooks);
        // The database lets go of what was locked since.
        self.locks.truncate(savepoint.locks);
        self.last.truncate(savepoint.last);
        self.execute("rollback to savepoint step", Args::default()).await?;
        self.execute("release savepoint step", Args::default()).await.map(drop)
    }

    /// Ends what follows a commit: hooks are run, and the wake-ups are handed over to be spread.
    pub(super) fn committed(&mut self) -> BTreeSet<Wake> {
        run_hooks(std::mem::take(&mut self.hooks));
        self.wakes.drain(..).collect()
    }

    /// Ends the transaction from outside: nothing of it, and of its group, is kept.
    pub(super) fn give_up(&mut self, error: DbError) {
        self.failure.get_or_insert(error);
        self.broken = true;
    }

    /// Runs a statement whose outcome nobody needs to know. On PostgreSQL it is run right before the commit, together with the others:
    /// what costs there is the way to the server and back, once for each statement. So it may touch no row that another one of this
    /// transaction touches, and this transaction does not read what it writes. Savepoints undo it like everything else.
    pub(crate) async fn later(&mut self, sql: &'static str, args: Args) -> Result<(), DbError> {
        if self.is_postgres() {
            self.check()?;
            self.last.push((sql, args));
            return Ok(());
        }
        self.execute(sql, args).await.map(drop)
    }

    /// Runs what was put off, several at once, in the order in which it came.
    async fn run_last(&mut self) -> Result<(), DbError> {
        let mut last = std::mem::take(&mut self.last).into_iter().peekable();
        while last.peek().is_some() {
            let some: Vec<_> = last.by_ref().take(AT_ONCE).collect();
            self.check()?;
            let result = match &mut self.conn {
                Conn::Postgres(conn) => Postgresql::answer(at_once(some).execute(conn.conn())).await.map(drop),
                Conn::Writer(_) | Conn::Reader(_) => Err(DbError::Defect("only PostgreSQL puts statements off".to_owned())),
            };
            self.note(result)?;
        }
        Ok(())
    }

    /// Commits a PostgreSQL transaction.
    pub(super) async fn commit_postgres(mut self) -> Result<BTreeSet<Wake>, DbError> {
        if let Err(error) = self.run_last().await {
            self.roll_back_postgres().await;
            return Err(error);
        }
        let wakes = self.wakes.drain(..).collect();
        let hooks = std::mem::take(&mut self.hooks);
        if let Conn::Postgres(conn) = self.conn {
            conn.end("commit").await?;
        }
        run_hooks(hooks);
        Ok(wakes)
    }

    /// Gives the locks back before the caller is answered.
    pub(super) async fn roll_back_postgres(self) {
        // A server that hangs is not waited for again: it undoes what was begun when the connection goes.
        if let Conn::Postgres(conn) = self.conn
            && !matches!(self.failure, Some(DbError::Unavailable(_)))
            && let Err(error) = conn.end("rollback").await
        {
            // The connection is gone, and with it everything the transaction did.
            tracing::debug!(%error, "nothing left to roll back");
        }
    }

    /// Remembers a failed statement. On SQLite only a constraint leaves the connection as it was; what else has
    /// happened is not known well enough to go on.
    fn note<T>(&mut self, result: Result<T, DbError>) -> Result<T, DbError> {
        result.inspect_err(|error| {
            if *error != DbError::NotFound {
                let harmless = error.constraint().is_some() || (self.is_postgres() && !error.is_transient());
                self.broken |= !harmless;
                self.failure.get_or_insert_with(|| error.clone());
            }
        })
    }

    fn check(&self) -> Result<(), DbError> {
        self.failure.clone().map_or(Ok(()), Err)
    }
}

/// The commit stands whatever the hooks do.
fn run_hooks(hooks: Vec<Hook>) {
    for hook in hooks {
        if std::panic::catch_unwind(AssertUnwindSafe(hook)).is_err() {
            tracing::error!("a hook panicked after its commit");
        }
    }
}

/// Runs a query on whichever connection this is.
macro_rules! on_conn {
    ($self:ident, $sql:ident, $args:ident, $method:ident, $postgres:expr) => {
        Box::pin(async move {
            $self.check()?;
            let result = match &mut $self.conn {
                Conn::Writer(conn) => conn.$method($sql, $args),
                Conn::Reader(conn) => conn.$method($sql, $args),
                Conn::Postgres(conn) => {
                    let answer = postgres($sql, $args).$method(conn.conn());
                    Postgresql::answer(answer).await.map($postgres)
                }
            };
            $self.note(result)
        })
    };
}

impl Sql for Tx {
    fn is_postgres(&self) -> bool {
        matches!(self.conn, Conn::Postgres(_))
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn base(&self) -> i64 {
        self.base
    }

    fn execute(&mut self, sql: &'static str, args: Args) -> BoxFuture<'_, Result<u64, DbError>> {
        on_conn!(self, sql, args, execute, |done| done.rows_affected())
    }

    fn fetch_optional(&mut self, sql: &'static str, args: Args) -> BoxFuture<'_, Result<Option<Row>, DbError>> {
        on_conn!(self, sql, args, fetch_optional, |row| row.map(postgres_row))
    }

    fn fetch_all(&mut self, sql: &'static str, args: Args) -> BoxFuture<'_, Result<Vec<Row>, DbError>> {
        on_conn!(self, sql, args, fetch_all, |rows| rows.into_iter().map(postgres_row).collect())
    }
}

pub(super) fn postgres_row(row: sqlx::postgres::PgRow) -> Row {
    Row(Inner::Postgres(row))
}

pub(super) fn postgres(sql: &'static str, args: Args) -> Query<'static, Postgres, PgArguments> {
    bind(sqlx::query(sql), args)
}

fn bind(query: Query<'static, Postgres, PgArguments>, args: Args) -> Query<'static, Postgres, PgArguments> {
    args.0.into_iter().fold(query, |query, arg| match arg {
        Arg::Int(value) => query.bind(value),
        Arg::Bool(value) => query.bind(value),
        Arg::Text(value) => query.bind(value),
        Arg::Bytes(value) => query.bind(value),
    })
}
