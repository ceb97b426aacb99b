//! Rows, read by column name into what the domain speaks.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use domain::Timestamp;
use rusqlite::types::Value;
use sqlx::postgres::PgRow;
use sqlx::{Column as _, Row as _, TypeInfo as _, ValueRef as _};
use uuid::Uuid;

use super::DbError;

/// One row of an answer.
#[derive(Debug)]
pub struct Row(pub(super) Inner);

#[derive(Debug)]
pub(super) enum Inner {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// A row of SQLite, which has been read already. Rows of one answer share the names of its columns.
#[derive(Debug)]
pub(super) struct SqliteRow {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

impl SqliteRow {
    pub(super) fn new(columns: Arc<[String]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    fn value(&self, column: &str) -> Result<&Value, DbError> {
        let index = self.columns.iter().position(|name| name == column);
        index.and_then(|index| self.values.get(index)).ok_or_else(|| DbError::decode(column, "not selected"))
    }

    /// The value as `T`, which `read` knows how to take; null is `None`.
    fn get<T>(&self, column: &str, read: impl FnOnce(&Value) -> Option<T>) -> Result<Option<T>, DbError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            value => read(value).map(Some).ok_or_else(|| DbError::decode(column, format_args!("is {:?}", value.data_type()))),
        }
    }
}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Self {
        Self(Inner::Sqlite(row))
    }
}

/// What a column can be read as.
pub trait FromColumn: Sized {
    /// The value, or `None` where the column is null.
    fn from_column(row: &Row, column: &str) -> Result<Option<Self>, DbError>;
}

/// [`Row::get`]'s answer: a type that refuses null, or an `Option` that takes it.
pub trait FromNullable: Sized {
    /// The value of the column.
    fn from_nullable(row: &Row, column: &str) -> Result<Self, DbError>;
}

impl<T: FromColumn> FromNullable for T {
    fn from_nullable(row: &Row, column: &str) -> Result<Self, DbError> {
        T::from_column(row, column)?.ok_or_else(|| DbError::decode(column, "is null"))
    }
}

impl<T: FromColumn> FromNullable for Option<T> {
    fn from_nullable(row: &Row, column: &str) -> Result<Self, DbError> {
        T::from_column(row, column)
    }
}

impl Row {
    /// The column as `T`: `i64`, `i32`, `u32`, `bool`, `String`, `Vec<u8>`, `Timestamp`, `Uuid`, an id, or an `Option` of one.
    pub fn get<T: FromNullable>(&self, column: &str) -> Result<T, DbError> {
        T::from_nullable(self, column)
    }

    /// A text column read by the type's own `FromStr`.
    pub fn parse<T>(&self, column: &str) -> Result<T, DbError>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.parse_opt(column)?.ok_or_else(|| DbError::decode(column, "is null"))
    }

    /// As [`Row::parse`], `None` where the column is null.
    pub fn parse_opt<T>(&self, column: &str) -> Result<Option<T>, DbError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text: Option<String> = self.get(column)?;
        text.map(|text| text.parse().map_err(|error| DbError::decode(column, error))).transpose()
    }

    /// A text column holding JSON.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, DbError> {
        let text: String = self.get(column)?;
        serde_json::from_str(&text).map_err(|error| DbError::decode(column, error))
    }

    /// As [`Row::json`], `None` where the column is null.
    pub fn json_opt<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<Option<T>, DbError> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| serde_json::from_str(&text).map_err(|error| DbError::decode(column, error))).transpose()
    }

    /// Whether the answer has such a column.
    pub fn has(&self, column: &str) -> bool {
        match &self.0 {
            Inner::Sqlite(row) => row.columns.iter().any(|name| name == column),
            Inner::Postgres(row) => row.columns().iter().any(|c| c.name() == column),
        }
    }
}

macro_rules! from_column {
    ($($type:ty: $pattern:pat => $value:expr;)*) => {$(
        impl FromColumn for $type {
            fn from_column(row: &Row, column: &str) -> Result<Option<Self>, DbError> {
                match &row.0 {
                    Inner::Sqlite(row) => row.get(column, |value| if let $pattern = value { $value } else { None }),
                    Inner::Postgres(row) => Ok(row.try_get(column)?),
                }
            }
        }
    )*};
}

from_column! {
    bool: Value::Integer(value) => Some(*value != 0);
    String: Value::Text(value) => Some(value.clone());
    Vec<u8>: Value::Blob(value) => Some(value.clone());
}

impl FromColumn for i64 {
    /// PostgreSQL's narrower integers are taken too: an expression such as `1` has one of them.
    fn from_column(row: &Row, column: &str) -> Result<Option<Self>, DbError> {
        Ok(match &row.0 {
            Inner::Sqlite(row) => row.get(column, |value| if let Value::Integer(value) = value { Some(*value) } else { None })?,
            Inner::Postgres(row) => match row.try_get_raw(column)?.type_info().name() {
                "INT4" => row.try_get::<Option<i32>, _>(column)?.map(i64::from),
                "INT2" => row.try_get::<Option<i16>, _>(column)?.map(i64::from),
                _ => row.try_get(column)?,
            },
        })
    }
}

macro_rules! narrowed {
    ($($type:ty)*) => {$(
        impl FromColumn for $type {
            fn from_column(row: &Row, column: &str) -> Result<Option<Self>, DbError> {
                let wide = i64::from_column(row, column)?;
                wide.map(|wide| wide.try_into().map_err(|error| DbError::decode(column, error))).transpose()
            }
        }
    )*};
}

narrowed! { i32 u32 }

impl FromColumn for Timestamp {
    fn from_column(row: &Row, column: &str) -> Result<Option<Self>, DbError> {
        Ok(i64::from_column(row, column)?.map(Self::from_millis))
    }
}

impl FromColumn for Uuid {
    fn from_column(row: &Row, column: &str) -> Result<Option<Self>, DbError> {
        row.parse_opt(column)
    }
}
