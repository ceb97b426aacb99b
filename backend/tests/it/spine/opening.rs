//! Opening a database: what is refused, and how it is said.

use backend::args;
use backend::clock::Clock;
use backend::db::{Db, DbError, Sql as _};
use futures::future::join_all;

use crate::support::{START, on_both_databases, rounds};

async fn refusal(url: &str) -> String {
    match Db::open(url, Clock::manual(START).0).await {
        Ok(_) => panic!("{url} was opened"),
        Err(error) => error.to_string(),
    }
}

on_both_databases! {
    async fn a_newer_database_is_refused(shop) {
        let sql = "update _sqlx_migrations set version = 9001 where version = (select max(version) from _sqlx_migrations)";
        shop.db.transaction(move |tx| Box::pin(async move { tx.execute(sql, args![]).await })).await.map_err(|e: DbError| e).unwrap();
        assert!(refusal(&shop.url).await.contains("made by a newer orderly"));
        assert!(matches!(shop.db.migrate().await, Err(DbError::NewerDatabase { found: 9001, .. })));
    }

    async fn migrating_again_changes_nothing(shop) {
        let second = shop.second().await;
        let (first, second_time) = tokio::join!(shop.db.migrate(), second.migrate());
        assert_eq!((first, second_time), (Ok(()), Ok(())));
        second.close().await;
    }

    async fn a_closed_database_says_so(shop) {
        shop.db.close().await;
        let result = shop.db.transaction(|_| Box::pin(async { Ok::<_, DbError>(()) })).await;
        assert!(matches!(result, Err(DbError::Unavailable(_))), "{result:?}");
    }
}

#[tokio::test]
async fn what_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    tokio::fs::write(&file, "these are not the bytes of a database, however long one looks at them").await.unwrap();
    let said = refusal(&format!("sqlite:{}", file.display())).await;
    assert!(said.contains("shop.db") && said.contains("not a database"), "{said}");
    let said = refusal(&format!("sqlite:{}", folder.path().display())).await;
    assert!(said.contains("irectory"), "{said}");
    let said = refusal("mysql://somewhere").await;
    assert!(said.contains("DATABASE_URL") && said.contains("postgres:"), "{said}");
    assert!(refusal("sqlite::memory:").await.contains("name a file"));
    let said = refusal("postgres://nobody@localhost/none?host=/nowhere").await;
    assert!(said.contains("not available"), "{said}");
}

#[tokio::test]
async fn folder_and_file_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data/deep/orderly.db");
    let db = Db::open(&format!("sqlite:{}", file.display()), Clock::system()).await.unwrap();
    db.migrate().await.unwrap();
    db.close().await;
    assert!(file.exists());
}

async fn opened(url: &str) -> Result<Db, DbError> {
    let db = Db::open(url, Clock::system()).await?;
    db.migrate().await?;
    Ok(db)
}

/// As when several commands are given in the first moment.
#[tokio::test]
async fn many_that_meet_on_a_new_file_all_get_their_tables() {
    for _ in 0..rounds() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("orderly.db").display());
        for db in join_all((0..8).map(|_| opened(&url))).await {
            let db = db.unwrap();
            assert!(db.reader().base() > 0);
            db.close().await;
        }
    }
}
