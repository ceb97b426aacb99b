//! What a database can answer instead of rows, in the same words for SQLite and PostgreSQL.

use sqlx::postgres::{PgDatabaseError, PgSeverity};
use sqlx::sqlite::SqliteError;

/// Anything that a statement, a transaction or opening the database can end in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// A constraint refused the change. Names are the same on both databases: `table_column_key` (unique),
    /// `table_pkey`, `foreign_key`, `table_column_not_null`, and a check's own name.
    #[error("refused by the constraint {name}")]
    Constraint {
        /// The constraint.
        name: String,
    },
    /// The database cannot be reached or cannot write; asking again later may work (503).
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Somebody else held what was needed for too long; asking again may work (503).
    #[error("the database is busy: {0}")]
    Busy(String),
    /// The file or server is there, but is not a database that can be used.
    #[error("{0}")]
    Unusable(String),
    /// The schema is of a later release than this program.
    #[error(
        "the database was made by a newer orderly (its schema is version {found}, this program knows {known}); start that release instead"
    )]
    NewerDatabase {
        /// The schema of the database.
        found: i64,
        /// The latest schema of this program.
        known: i64,
    },
    /// A value in the database is not what the program wrote there.
    #[error("column {column}: {reason}")]
    Decode {
        /// The column.
        column: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `fetch_one` found no row.
    #[error("no such row")]
    NotFound,
    /// A statement that the database does not understand, or a command that panicked: a defect of the program.
    #[error("defect: {0}")]
    Defect(String),
}

impl DbError {
    /// Whether the same may work later without anything being repaired in the data or the program.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Busy(_))
    }

    /// The constraint that refused, for matching by name.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Constraint { name } => Some(name),
            _ => None,
        }
    }

    pub(super) fn decode(column: &str, reason: impl std::fmt::Display) -> Self {
        Self::Decode { column: column.to_owned(), reason: reason.to_string() }
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(ref database) => {
                if let Some(postgres) = database.try_downcast_ref::<PgDatabaseError>() {
                    from_postgres(postgres)
                } else if database.try_downcast_ref::<SqliteError>().is_some() {
                    let code = database.code().and_then(|code| code.parse().ok()).unwrap_or_default();
                    from_sqlite(code, database.message())
                } else {
                    Self::Defect(error.to_string())
                }
            }
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::ColumnDecode { index, source } => Self::decode(&index, source),
            sqlx::Error::ColumnNotFound(column) => Self::decode(&column, "not selected"),
            sqlx::Error::Configuration(_) => Self::Unusable(format!("DATABASE_URL: {error}")),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Unavailable(error.to_string()),
            other => Self::Defect(other.to_string()),
        }
    }
}

/// Classes of <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn from_postgres(error: &PgDatabaseError) -> DbError {
    let text = format!("{} ({})", error.message(), error.code());
    match error.code() {
        "3D000" => DbError::Unusable(format!("DATABASE_URL: {}; make it with `createdb`, or name another", error.message())),
        "28000" | "28P01" => DbError::Unusable(format!("DATABASE_URL: {}; name another user, or the right password", error.message())),
        "23503" => DbError::Constraint { name: "foreign_key".to_owned() },
        "23502" => {
            DbError::Constraint { name: format!("{}_{}_not_null", error.table().unwrap_or_default(), error.column().unwrap_or_default()) }
        }
        code if code.starts_with("23") => DbError::Constraint { name: error.constraint().unwrap_or_default().to_owned() },
        // Serialization failure, deadlock, lock not available, cancelled by a time limit.
        "40001" | "40P01" | "55P03" | "57014" => DbError::Busy(text),
        // A server that only follows another one, or was told to change nothing.
        "25006" => DbError::Unavailable(text),
        // One that is closed for maintenance ends who comes; as the error of a statement it is ours.
        "55000" if error.severity() == PgSeverity::Fatal => DbError::Unavailable(text),
        code if ["08", "53", "57", "58"].contains(&&code[..2]) || code == "25P03" => DbError::Unavailable(text),
        _ => DbError::Defect(text),
    }
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(failure, message) => {
                from_sqlite(failure.extended_code, &message.unwrap_or_else(|| failure.to_string()))
            }
            other => Self::Defect(other.to_string()),
        }
    }
}

/// Extended codes of <https://www.sqlite.org/rescode.html>; the low byte is the primary one.
fn from_sqlite(code: i32, message: &str) -> DbError {
    let rest = message.split_once("constraint failed: ").map_or("", |(_, rest)| rest);
    let constraint = |name: String| DbError::Constraint { name };
    match (code, code & 0xff) {
        (787 | 3850, _) => constraint("foreign_key".to_owned()),
        (1299, _) => constraint(format!("{}_not_null", rest.replace('.', "_"))),
        // 1555 is a primary key, 2579 a primary key that is the row id.
        (1555 | 2579, _) => constraint(format!("{}_pkey", rest.split('.').next().unwrap_or_default())),
        // An index over expressions is named, one over columns is told by them.
        (2067, _) => match rest.strip_prefix("index '") {
            Some(index) => constraint(index.trim_end_matches('\'').to_owned()),
            None => constraint(unique_name(rest)),
        },
        // A check, by its own name.
        (_, 19) => constraint(rest.to_owned()),
        (_, 5 | 6) => DbError::Busy(message.to_owned()),
        // Not a database, corrupt: nothing that waiting would repair, but nothing that the caller did either.
        (_, 7 | 8 | 10 | 11 | 13 | 14 | 15 | 23 | 26) => DbError::Unavailable(message.to_owned()),
        _ => DbError::Defect(message.to_owned()),
    }
}

/// `item.store, item.sku` → `item_store_sku_key`, which is what PostgreSQL would have called it.
fn unique_name(columns: &str) -> String {
    let mut name = columns.split('.').next().unwrap_or_default().to_owned();
    for column in columns.split(", ").filter_map(|column| column.split_once('.')) {
        name.push('_');
        name.push_str(column.1);
    }
    name + "_key"
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_unique_constraint_is_named_by_its_columns() {
        assert_eq!(super::unique_name("item.store, item.sku"), "item_store_sku_key");
        assert_eq!(super::unique_name("event.id"), "event_id_key");
    }
}
