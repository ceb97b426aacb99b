//! What a backup needs of a database.

use std::path::Path;

use sqlx::migrate::Migrate as _;
use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions as _, Connection as _};

use super::{Db, DbError, Engine, Sql as _, migrate_error};
use crate::args;

impl Db {
    /// Writes a SQLite database, as it is at one moment, into a new file; others may write meanwhile. `false`, and nothing is done, for
    /// PostgreSQL.
    pub(crate) async fn copy_into(&self, file: &Path) -> Result<bool, DbError> {
        let Engine::Sqlite { options, .. } = &self.0.engine else { return Ok(false) };
        let mut conn = options.connect().await?;
        sqlx::query("vacuum into $1").bind(file.to_string_lossy().into_owned()).execute(&mut conn).await?;
        conn.close().await?;
        Ok(true)
    }

    /// Whether there is no table in a PostgreSQL database yet.
    pub(crate) async fn is_blank(&self) -> Result<bool, DbError> {
        let sql = "select count(*) as n from pg_tables where schemaname = any (current_schemas(false))";
        Ok(self.reader().fetch_one(sql, args![]).await?.get::<i64>("n")? == 0)
    }

    /// Keeps everybody else from [`Db::migrate`] on a PostgreSQL database, by the lock that it takes itself, until
    /// [`unlock_schema`] or the end of this process. `None` for SQLite.
    pub(crate) async fn lock_schema(&self) -> Result<Option<PgConnection>, DbError> {
        let Engine::Postgres(database) = &self.0.engine else { return Ok(None) };
        let mut conn = database.aside.acquire().await?.detach();
        conn.lock().await.map_err(migrate_error)?;
        Ok(Some(conn))
    }

    /// Whether what is in a SQLite file is a shop.
    pub(crate) async fn is_shop(&self) -> Result<bool, DbError> {
        let sql = "select count(*) as n from sqlite_master where type = 'table' and name = 'sales_order'";
        Ok(self.reader().fetch_one(sql, args![]).await?.get::<i64>("n")? > 0)
    }

    /// What is damaged in a SQLite file, if anything is.
    pub(crate) async fn damage(&self) -> Result<Option<String>, DbError> {
        let found: String = self.reader().fetch_one("pragma quick_check(1)", args![]).await?.get("quick_check")?;
        Ok((found != "ok").then_some(found))
    }
}

/// Ends what [`Db::lock_schema`] began: the lock is the connection's.
pub(crate) async fn unlock_schema(alone: Option<PgConnection>) -> Result<(), DbError> {
    if let Some(conn) = alone {
        conn.close().await?;
    }
    Ok(())
}
