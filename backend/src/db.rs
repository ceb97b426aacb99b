//! The database: SQLite or PostgreSQL behind one small face. What differs between them stays in this folder.
//!
//! A command is one transaction, [`Db::transaction`]. It awaits only its statements, it runs to its end even when its
//! caller leaves, and its answer, hooks and wake-ups follow the commit. Statements are the same text on both databases:
//! lower case, `$1`, `returning`, `on conflict`, and columns of `bigint`, `text`, `boolean`, `blob`/`bytea`.
//! A unique index has to be called what PostgreSQL would call the constraint, `table_column_key`: SQLite tells only
//! the columns, and [`DbError::Constraint`] carries the same name on both.

mod args;
mod base;
mod copy;
mod error;
mod postgres;
mod row;
mod sqlite;
mod tx;
mod wake;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use sqlx::migrate::{MigrateError, Migrator};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use self::args::ids;
pub use self::args::{Arg, Args, ToArg};
use self::base::Base;
pub(crate) use self::base::renumber_in;
pub(crate) use self::copy::unlock_schema;
pub use self::error::DbError;
use self::postgres::Lent;
pub use self::row::{FromColumn, FromNullable, Row};
use self::tx::{Conn, postgres_row};
pub(crate) use self::tx::{Hold, Savepoint};
pub use self::tx::{Sql, Tx};
pub use self::wake::{Listener, Wake, Wakes};
use crate::clock::Clock;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// What runs in a transaction.
type Command<T, E> = Box<dyn for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send>;

/// The file of a `sqlite:` address; `None` for others, and for one that names none.
pub fn file_of(url: &str) -> Option<PathBuf> {
    url.starts_with("sqlite:").then(|| sqlite::options(url).ok().map(|(_, file)| file))?
}

/// An open database. Clones are the same database.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    engine: Engine,
    clock: Clock,
    base: Base,
    wakes: Wakes,
    closing: CancellationToken,
    /// The task that outlives a command: the writer, or the one that tells other processes.
    worker: Mutex<Option<JoinHandle<()>>>,
}

enum Engine {
    Sqlite { database: sqlite::Sqlite, options: Box<sqlx::sqlite::SqliteConnectOptions> },
    Postgres(postgres::Postgres),
}

impl Db {
    /// Opens `sqlite:FILE` (folder and file are made where missing) or `postgres://…`. The schema is brought up to date
    /// by [`Db::migrate`]; one that is newer than this program is refused here.
    pub async fn open(url: &str, clock: Clock) -> Result<Self, DbError> {
        let (wakes, base) = (Wakes::default(), Base::default());
        let closing = CancellationToken::new();
        let (engine, worker) = if url.starts_with("sqlite:") {
            let (options, file) = sqlite::options(url)?;
            let (database, worker) = sqlite::start(file, clock.clone(), base.clone(), wakes.clone(), closing.clone()).await?;
            (Engine::Sqlite { database, options: Box::new(options) }, worker)
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = postgres::options(url)?;
            let (database, worker) = postgres::Postgres::start(options, wakes.clone(), closing.clone()).await?;
            (Engine::Postgres(database), worker)
        } else {
            return Err(DbError::Unusable("DATABASE_URL must start with sqlite: or postgres:".to_owned()));
        };
        let db = Self(Arc::new(Inner { engine, clock, base, wakes, closing, worker: Mutex::new(Some(worker)) }));
        let taken_up = async {
            db.refuse_newer().await?;
            db.0.base.read(&mut db.reader()).await
        };
        match taken_up.await {
            Ok(()) => Ok(db),
            Err(error) => {
                db.close().await;
                Err(error)
            }
        }
    }

    /// Brings the schema up to date. Processes that do so at once wait for each other.
    pub async fn migrate(&self) -> Result<(), DbError> {
        self.refuse_foreign().await?;
        let result = match &self.0.engine {
            Engine::Sqlite { options, .. } => {
                if self.is_current().await? {
                    sqlite::verify(options, &SQLITE).await
                } else {
                    sqlite::migrate(options, sqlite::PATIENCE, &SQLITE, None).await
                }
            }
            Engine::Postgres(database) => POSTGRES.run_direct(None, &mut *database.aside.acquire().await?, false).await,
        };
        result.map_err(|error| match error {
            MigrateError::VersionMissing(found) => DbError::NewerDatabase { found, known: self.known() },
            error => migrate_error(error),
        })?;
        self.0.base.read(&mut self.reader()).await
    }

    /// Nobody's tables get ours beside them.
    async fn refuse_foreign(&self) -> Result<(), DbError> {
        let sql = match self.0.engine {
            Engine::Sqlite { .. } => {
                "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and not exists \
                 (select 1 from sqlite_master where type = 'table' and name = '_sqlx_migrations') limit 1"
            }
            Engine::Postgres(_) => {
                "select cast(tablename as text) as name from pg_tables where schemaname = any (current_schemas(false)) and not exists \
                 (select 1 from pg_tables where tablename = '_sqlx_migrations' and schemaname = any (current_schemas(false))) limit 1"
            }
        };
        match self.reader().fetch_optional(sql, crate::args![]).await? {
            Some(row) => {
                let table: String = row.get("name")?;
                Err(DbError::Unusable(format!("DATABASE_URL: this database has a table {table:?} of something else; name a new one")))
            }
            None => Ok(()),
        }
    }

    async fn refuse_newer(&self) -> Result<(), DbError> {
        let mut reader = self.reader();
        if !base::has_table(&mut reader, "_sqlx_migrations").await? {
            return Ok(());
        }
        let row = reader.fetch_one("select max(version) as version from _sqlx_migrations", crate::args![]).await?;
        match row.get::<Option<i64>>("version")? {
            Some(found) if found > self.known() => Err(DbError::NewerDatabase { found, known: self.known() }),
            _ => Ok(()),
        }
    }

    /// Whether a SQLite database has been migrated as far as this program knows. Commands beside a server that is never done writing must
    /// not wait for their turn to find that out.
    async fn is_current(&self) -> Result<bool, DbError> {
        let mut reader = self.reader();
        if !base::has_table(&mut reader, "_sqlx_migrations").await? {
            return Ok(false);
        }
        let row = reader.fetch_one("select count(*) as n from _sqlx_migrations where success", crate::args![]).await?;
        Ok(usize::try_from(row.get::<i64>("n")?) == Ok(SQLITE.iter().len()))
    }

    /// The latest schema this program knows.
    fn known(&self) -> i64 {
        let migrator = if self.is_postgres() { &POSTGRES } else { &SQLITE };
        migrator.iter().map(|migration| migration.version).max().unwrap_or_default()
    }

    /// The file of a SQLite database; `None` for PostgreSQL.
    pub fn file(&self) -> Option<&Path> {
        match &self.0.engine {
            Engine::Sqlite { database, .. } => Some(database.file()),
            Engine::Postgres(_) => None,
        }
    }

    /// Whether this is PostgreSQL, which several processes may share.
    pub fn is_postgres(&self) -> bool {
        matches!(self.0.engine, Engine::Postgres(_))
    }

    /// The shop's clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Who is woken by commits.
    pub fn wakes(&self) -> &Wakes {
        &self.0.wakes
    }

    /// Runs a command in one transaction: `db.transaction(|tx| Box::pin(async move { … })).await`.
    ///
    /// An `Err` of the command, and any failed statement in it, keeps nothing. On SQLite commands run one after the
    /// other; on PostgreSQL at once, `read committed`: a command locks what it depends on with conditional updates, and a
    /// deadlock ends in [`DbError::Busy`].
    pub async fn transaction<T, E, F>(&self, command: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let command: Command<T, E> = Box::new(command);
        match &self.0.engine {
            Engine::Sqlite { database, .. } => database.transaction(command).await,
            Engine::Postgres(database) => database.transaction(&self.0.clock, self.0.base.get(), command).await,
        }
    }

    /// Several reads of one moment, which see no commit in between. Writing in it fails.
    pub async fn snapshot<T, E, F>(&self, read: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send,
        E: From<DbError>,
    {
        let conn = match &self.0.engine {
            Engine::Sqlite { database, .. } => Conn::Reader(database.readers.begin().await?),
            Engine::Postgres(database) => Conn::Postgres(database.lender.snapshot().await?),
        };
        let mut tx = Tx::new(conn, self.0.clock.now(), self.0.base.get());
        let answer = read(&mut tx).await;
        tx.roll_back_postgres().await;
        answer
    }

    /// Reads outside a transaction: each statement sees the newest commit.
    pub fn reader(&self) -> Reader {
        Reader(self.clone())
    }

    /// Wakes this process by what the others commit, until `stop` (PostgreSQL; on SQLite the writer watches by itself).
    pub(crate) async fn listen(&self, stop: CancellationToken) {
        match &self.0.engine {
            Engine::Sqlite { .. } => stop.cancelled().await,
            Engine::Postgres(database) => database.clone().listen(stop).await,
        }
    }

    /// Ends: what is queued is run, what was committed is told, then the connections are closed.
    pub async fn close(&self) {
        self.0.closing.cancel();
        let worker = self.0.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker
            && let Err(error) = worker.await
        {
            tracing::error!(%error, "the database's task ended badly");
        }
        match &self.0.engine {
            Engine::Sqlite { database, .. } => database.readers.close(),
            Engine::Postgres(database) => database.close().await,
        }
    }
}

fn migrate_error(error: MigrateError) -> DbError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => match error.into() {
            DbError::Busy(_) => DbError::Busy("another process is migrating or restoring it; try again when that is done".to_owned()),
            error => error,
        },
        error => DbError::Unusable(format!("the database's schema does not fit this program: {error}")),
    }
}

/// Reads outside a transaction.
#[derive(Clone)]
pub struct Reader(Db);

impl Sql for Reader {
    fn is_postgres(&self) -> bool {
        self.0.is_postgres()
    }

    fn now(&self) -> domain::Timestamp {
        self.0.0.clock.now()
    }

    fn base(&self) -> i64 {
        self.0.0.base.get()
    }

    fn execute(&mut self, _sql: &'static str, _args: Args) -> BoxFuture<'_, Result<u64, DbError>> {
        Box::pin(async { Err(DbError::Defect("a reader does not write".to_owned())) })
    }

    fn fetch_optional(&mut self, sql: &'static str, args: Args) -> BoxFuture<'_, Result<Option<Row>, DbError>> {
        Box::pin(async move {
            Ok(match &self.0.0.engine {
                Engine::Sqlite { database, .. } => database.readers.lend().await?.fetch_optional(sql, args)?,
                Engine::Postgres(database) => {
                    let read = async |mut lent: Lent| {
                        let row = tx::postgres(sql, args.clone()).fetch_optional(lent.conn()).await;
                        (lent, row)
                    };
                    database.lender.read(read).await?.map(postgres_row)
                }
            })
        })
    }

    fn fetch_all(&mut self, sql: &'static str, args: Args) -> BoxFuture<'_, Result<Vec<Row>, DbError>> {
        Box::pin(async move {
            Ok(match &self.0.0.engine {
                Engine::Sqlite { database, .. } => database.readers.lend().await?.fetch_all(sql, args)?,
                Engine::Postgres(database) => {
                    let read = async |mut lent: Lent| {
                        let rows = tx::postgres(sql, args.clone()).fetch_all(lent.conn()).await;
                        (lent, rows)
                    };
                    database.lender.read(read).await?.into_iter().map(postgres_row).collect()
                }
            })
        })
    }
}
