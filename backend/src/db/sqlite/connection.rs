//! One connection to a SQLite file. Its calls do not wait for another thread: a statement takes microseconds, which is
//! less than handing it over would.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{ErrorCode, OpenFlags, Statement};

use super::super::args::{Arg, Args};
use super::super::row::SqliteRow;
use super::super::{DbError, Row};

/// How long another process (the command line) is waited for.
pub(super) const BUSY: Duration = Duration::from_secs(5);
/// How soon what SQLite itself does not wait for is tried again.
const AGAIN: Duration = Duration::from_millis(10);
/// Statements that stay prepared.
const PREPARED: usize = 512;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Writes, and makes the file where it is missing.
    Create,
    /// Writes.
    Write,
    /// Reads only.
    Read,
}

/// An open connection.
pub(in super::super) struct Connection {
    conn: rusqlite::Connection,
    /// The columns of each statement's answer, shared by its rows.
    columns: HashMap<&'static str, Arc<[String]>>,
}

impl Connection {
    pub(super) fn open(file: &Path, mode: Mode) -> Result<Self, DbError> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, mode == Mode::Create);
        let conn = rusqlite::Connection::open_with_flags(file, flags)?;
        conn.busy_timeout(BUSY)?;
        conn.set_prepared_statement_cache_capacity(PREPARED);
        if mode == Mode::Read {
            conn.pragma_update(None, "query_only", true)?;
        } else {
            keep_log(&conn)?;
        }
        conn.pragma_update(None, "synchronous", "full")?;
        conn.pragma_update(None, "foreign_keys", true)?;
        Ok(Self { conn, columns: HashMap::new() })
    }

    /// Runs a statement and says how many rows it changed.
    pub(in super::super) fn execute(&mut self, sql: &'static str, args: Args) -> Result<u64, DbError> {
        {
            let mut statement = self.conn.prepare_cached(sql)?;
            bind(&mut statement, args)?;
            let mut rows = statement.raw_query();
            while rows.next()?.is_some() {}
        }
        Ok(self.conn.changes())
    }

    /// The first row of the answer. The statement is run to its end: what it changes, it changes for all rows.
    pub(in super::super) fn fetch_optional(&mut self, sql: &'static str, args: Args) -> Result<Option<Row>, DbError> {
        Ok(self.fetch_all(sql, args)?.into_iter().next())
    }

    /// All rows of the answer.
    pub(in super::super) fn fetch_all(&mut self, sql: &'static str, args: Args) -> Result<Vec<Row>, DbError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        bind(&mut statement, args)?;
        let width = statement.column_count();
        let columns = match self.columns.get(sql) {
            Some(known) if known.len() == width => known.clone(),
            _ => {
                let names: Arc<[String]> = statement.column_names().into_iter().map(ToOwned::to_owned).collect();
                self.columns.insert(sql, names.clone());
                names
            }
        };
        let mut answer = Vec::new();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let values = (0..width).map(|index| row.get(index)).collect::<Result<Vec<Value>, _>>()?;
            answer.push(Row::from(SqliteRow::new(columns.clone(), values)));
        }
        Ok(answer)
    }

    /// Whether a transaction is open.
    pub(super) fn in_transaction(&self) -> bool {
        !self.conn.is_autocommit()
    }
}

/// Has the file keep a log instead of a journal. Of several that begin on a new file all but one are told at once that it is locked, for
/// SQLite does not wait with who has begun to read; so they begin again.
fn keep_log(conn: &rusqlite::Connection) -> Result<(), rusqlite::Error> {
    let begun = Instant::now();
    loop {
        match conn.pragma_update(None, "journal_mode", "wal") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && begun.elapsed() < BUSY => std::thread::sleep(AGAIN),
            done => return done,
        }
    }
}

/// Binds `$1`, `$2` … by their numbers; SQLite itself would number them as they first appear.
fn bind(statement: &mut Statement<'_>, Args(mut args): Args) -> Result<(), DbError> {
    for index in 1..=statement.parameter_count() {
        let number: Option<usize> = statement.parameter_name(index).and_then(|name| name.strip_prefix('$')?.parse().ok());
        let arg = number.and_then(|number| args.get_mut(number.checked_sub(1)?));
        let Some(arg) = arg else {
            return Err(DbError::Defect(format!("parameter {index} of a statement has no argument")));
        };
        // A number that stands twice in the text is one parameter, so each argument is taken once.
        statement.raw_bind_parameter(index, value(std::mem::replace(arg, Arg::Int(None))))?;
    }
    Ok(())
}

fn value(arg: Arg) -> Value {
    match arg {
        Arg::Int(value) => value.map_or(Value::Null, Value::Integer),
        Arg::Bool(value) => value.map_or(Value::Null, |value| Value::Integer(value.into())),
        Arg::Text(value) => value.map_or(Value::Null, Value::Text),
        Arg::Bytes(value) => value.map_or(Value::Null, Value::Blob),
    }
}

/// Opens the connection that writes, making the folder and the file where they are missing.
pub(super) async fn create(file: PathBuf) -> Result<Connection, DbError> {
    let named = file.clone();
    let unusable = |why: &dyn std::fmt::Display| {
        DbError::Unusable(format!(
            "DATABASE_URL: {} cannot be used ({why}); name a file that is an Orderly database, or none yet",
            named.display()
        ))
    };
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        tokio::fs::create_dir_all(folder).await.map_err(|error| unusable(&error))?;
    }
    // SQLite would say "unable to open database file" whatever the reason is.
    if let Err(error) = tokio::fs::OpenOptions::new().read(true).append(true).create(true).open(&file).await {
        return Err(unusable(&error));
    }
    let opened = tokio::task::spawn_blocking(move || {
        let mut conn = Connection::open(&file, Mode::Create)?;
        conn.execute("select count(*) from sqlite_master", Args::default())?;
        Ok::<_, DbError>(conn)
    });
    match opened.await {
        Ok(Err(DbError::Busy(_))) => {
            let held =
                format!("another process keeps {} to itself, maybe to make or to migrate it; try again when that is done", named.display());
            Err(DbError::Busy(held))
        }
        Ok(opened) => opened.map_err(|error| unusable(&error)),
        Err(error) => Err(unusable(&error)),
    }
}
