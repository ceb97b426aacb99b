//! Bringing the schema up to date while other processes may be about to do the same.

use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

/// How long another process that migrates is waited for.
pub(in super::super) const PATIENCE: Duration = Duration::from_secs(30);

/// Of a database where nothing is left to be run: whether what has been run is what this program has. Nobody is waited for.
pub(in super::super) async fn verify(options: &SqliteConnectOptions, migrator: &Migrator) -> Result<(), MigrateError> {
    let mut conn = options.connect().await?;
    let result = migrator.run_direct(None, &mut conn, false).await;
    conn.close().await?;
    result
}

/// Runs what is missing, up to `target`, in one transaction that writes from its beginning, for sqlx itself takes no lock on SQLite. Who
/// comes meanwhile waits and finds nothing left to be done, or all of it when this process was killed.
pub(in super::super) async fn migrate(
    options: &SqliteConnectOptions,
    patience: Duration,
    migrator: &Migrator,
    target: Option<i64>,
) -> Result<(), MigrateError> {
    let mut conn = options.clone().busy_timeout(patience).connect().await?;
    let run = async {
        let mut tx = conn.begin_with("begin immediate").await?;
        migrator.run_direct(target, &mut *tx, false).await?;
        tx.commit().await?;
        Ok::<_, MigrateError>(())
    };
    let result = run.await;
    // The reason comes first: a connection whose transaction broke may not close well either.
    let closed = conn.close().await;
    result?;
    Ok(closed?)
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::super::super::{Db, DbError, SQLITE, Sql as _, migrate_error};
    use super::super::connection::{Connection, Mode};
    use super::super::options;
    use super::*;
    use crate::args;
    use crate::clock::Clock;

    #[tokio::test]
    async fn who_migrates_is_waited_for_and_leaves_nothing_half_done() {
        let folder = tempfile::tempdir().unwrap();
        let (options, file) = options(&format!("sqlite:{}", folder.path().join("orderly.db").display())).unwrap();
        let mut other = Connection::open(&file, Mode::Create).unwrap();
        other.execute("begin immediate", args![]).unwrap();
        other.execute("create table secret (name text)", args![]).unwrap();
        let refused = migrate(&options, Duration::from_millis(50), &SQLITE, None).await.unwrap_err();
        let said = migrate_error(refused).to_string();
        assert!(said.contains("another process is migrating"), "{said}");
        // As when it is killed.
        drop(other);
        migrate(&options, PATIENCE, &SQLITE, None).await.unwrap();
        verify(&options, &SQLITE).await.unwrap();
    }

    async fn brought_up_to_date(url: &str) -> Result<Db, DbError> {
        let db = Db::open(url, Clock::system()).await?;
        db.migrate().await?;
        Ok(db)
    }

    #[tokio::test]
    async fn many_bring_an_old_database_up_to_date_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("orderly.db").display());
        let (options, _) = options(&url).unwrap();
        migrate(&options, PATIENCE, &SQLITE, Some(12)).await.unwrap();
        for db in join_all((0..8).map(|_| brought_up_to_date(&url))).await {
            let db = db.unwrap();
            let sql = "select count(*) as n from _sqlx_migrations where success";
            let row = db.reader().fetch_one(sql, args![]).await.unwrap();
            assert_eq!(row.get::<i64>("n"), Ok(SQLITE.iter().len() as i64));
            db.close().await;
        }
    }
}
