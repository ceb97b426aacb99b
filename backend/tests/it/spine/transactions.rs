//! Commands: kept or not, alone or in a group.

use backend::args;
use backend::db::{Db, DbError, Sql as _};
use futures::future::join_all;
use tokio::sync::oneshot;

use crate::support::{on_both_databases, on_postgres};

#[derive(Debug, PartialEq, thiserror::Error)]
enum Refusal {
    #[error("no")]
    No,
    #[error(transparent)]
    Db(#[from] DbError),
}

async fn table(db: &Db) {
    let sql = "create table thing (name text not null constraint thing_pkey primary key)";
    db.transaction(move |tx| Box::pin(async move { tx.execute(sql, args![]).await })).await.map_err(|error: DbError| error).unwrap();
}

async fn names(db: &Db) -> Vec<String> {
    let rows = db.reader().fetch_all("select name from thing order by name", args![]).await.unwrap();
    rows.iter().map(|row| row.get("name").unwrap()).collect()
}

async fn add(db: &Db, name: String) -> Result<u64, DbError> {
    db.transaction(|tx| Box::pin(async move { tx.execute("insert into thing (name) values ($1)", args![name]).await })).await
}

on_both_databases! {
    async fn an_error_of_the_command_keeps_nothing(shop) {
        table(&shop.db).await;
        let refused = shop.db.transaction(|tx| Box::pin(async move {
            tx.execute("insert into thing (name) values ('a')", args![]).await?;
            Err::<(), _>(Refusal::No)
        })).await;
        assert_eq!(refused, Err(Refusal::No));
        assert!(names(&shop.db).await.is_empty());
    }

    async fn going_on_after_a_failed_statement_keeps_nothing(shop) {
        table(&shop.db).await;
        add(&shop.db, "a".to_owned()).await.unwrap();
        let taken = DbError::Constraint { name: "thing_pkey".to_owned() };
        let result = shop.db.transaction(|tx| Box::pin(async move {
            tx.execute("insert into thing (name) values ('b')", args![]).await?;
            let first = tx.execute("insert into thing (name) values ('a')", args![]).await;
            let second = tx.execute("insert into thing (name) values ('c')", args![]).await;
            assert_eq!(first, second);
            Ok(())
        })).await;
        assert_eq!(result, Err(taken));
        assert_eq!(names(&shop.db).await, ["a"]);
    }

    async fn one_bad_command_does_not_harm_its_neighbours(shop) {
        table(&shop.db).await;
        add(&shop.db, "taken".to_owned()).await.unwrap();
        let commands = (0..100).map(|n| {
            let db = shop.db.clone();
            async move {
                match n % 4 {
                    0 => add(&db, "taken".to_owned()).await,
                    1 if n % 8 == 1 => db.transaction(|_| panic!("as the test wants")).await,
                    1 => db.transaction(|_| Box::pin(async { panic!("as the test wants") })).await,
                    _ => add(&db, format!("thing {n:02}")).await,
                }
            }
        });
        let results = join_all(commands).await;
        for (n, result) in results.iter().enumerate() {
            match n % 4 {
                0 => assert_eq!(result.as_ref().unwrap_err().constraint(), Some("thing_pkey")),
                1 => assert!(matches!(result, Err(DbError::Defect(_))), "{result:?}"),
                _ => assert_eq!(*result, Ok(1)),
            }
        }
        assert_eq!(names(&shop.db).await.len(), 51);
    }

    async fn a_command_runs_to_its_end_when_its_caller_leaves(shop) {
        table(&shop.db).await;
        let (sender, committed) = oneshot::channel();
        {
            let command = shop.db.transaction(|tx| Box::pin(async move {
                tx.execute("insert into thing (name) values ('a')", args![]).await?;
                tx.after_commit(move || sender.send(()).unwrap());
                Ok::<_, DbError>(())
            }));
            futures::pin_mut!(command);
            assert!(futures::poll!(command).is_pending());
        }
        committed.await.unwrap();
        assert_eq!(names(&shop.db).await, ["a"]);
    }

    async fn hooks_of_a_refused_command_do_not_run(shop) {
        let (sender, mut ran) = oneshot::channel::<()>();
        let refused = shop.db.transaction(|tx| Box::pin(async move {
            tx.after_commit(move || sender.send(()).unwrap());
            Err::<(), _>(Refusal::No)
        })).await;
        assert_eq!(refused, Err(Refusal::No));
        assert_eq!(ran.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }

    async fn a_snapshot_sees_one_moment_and_cannot_write(shop) {
        table(&shop.db).await;
        let (db, count) = (shop.db.clone(), "select count(*) as n from thing");
        let (before, after) = shop.db.snapshot(|tx| Box::pin(async move {
            let before: i64 = tx.fetch_one(count, args![]).await?.get("n")?;
            add(&db, "a".to_owned()).await?;
            Ok::<_, DbError>((before, tx.fetch_one(count, args![]).await?.get::<i64>("n")?))
        })).await.unwrap();
        assert_eq!((before, after), (0, 0));
        let written = shop.db.snapshot(|tx| Box::pin(async move {
            tx.execute("insert into thing (name) values ('b')", args![]).await
        })).await;
        assert!(written.is_err());
        assert_eq!(names(&shop.db).await, ["a"]);
    }

    async fn every_type_is_read_back_as_it_was_written(shop) {
        let sql = "create table kept (number bigint, flag boolean, words text, raw bytea, at bigint, id text)";
        shop.db.transaction(move |tx| Box::pin(async move { tx.execute(sql, args![]).await })).await.map_err(|e: DbError| e).unwrap();
        let id = uuid::Uuid::now_v7();
        let now = shop.clock.now();
        shop.db.transaction(move |tx| Box::pin(async move {
            let full = args![i64::MIN, true, "wörter", vec![0_u8, 255], now, id];
            tx.execute("insert into kept values ($1, $2, $3, $4, $5, $6)", full).await?;
            let empty = args![None::<i64>, None::<bool>, None::<&str>, None::<Vec<u8>>, None::<domain::Timestamp>, None::<uuid::Uuid>];
            tx.execute("insert into kept values ($1, $2, $3, $4, $5, $6)", empty).await
        })).await.map_err(|e: DbError| e).unwrap();
        let rows = shop.db.reader().fetch_all("select kept.*, 7 as seven from kept order by number is null", args![]).await.unwrap();
        let (full, empty) = (&rows[0], &rows[1]);
        assert_eq!(full.get("number"), Ok(i64::MIN));
        assert_eq!(full.get("flag"), Ok(true));
        assert_eq!(full.get("words"), Ok("wörter".to_owned()));
        assert_eq!(full.get("raw"), Ok(vec![0_u8, 255]));
        assert_eq!(full.get("at"), Ok(now));
        assert_eq!(full.get("id"), Ok(id));
        assert_eq!(full.get("seven"), Ok(7_i64));
        assert_eq!(empty.get::<Option<bool>>("flag"), Ok(None));
        assert_eq!(empty.get::<Option<String>>("words"), Ok(None));
        assert!(matches!(empty.get::<i64>("number"), Err(DbError::Decode { .. })));
        assert!(matches!(full.get::<i64>("nothing"), Err(DbError::Decode { .. })));
        assert!(matches!(full.get::<u32>("number"), Err(DbError::Decode { .. })));
    }

    async fn constraints_have_the_same_names_on_both(shop) {
        for sql in [
            "create table parent (id text not null primary key)",
            "create table child (id text not null primary key, parent text not null references parent, \
             a bigint, b bigint, constraint child_a_positive check (a > 0))",
            "create unique index child_a_b_key on child (a, b)",
            "insert into parent (id) values ('p')",
            "insert into child (id, parent, a, b) values ('c', 'p', 1, 1)",
        ] {
            shop.db.transaction(move |tx| Box::pin(async move { tx.execute(sql, args![]).await })).await.map_err(|e: DbError| e).unwrap();
        }
        for (sql, name) in [
            ("insert into child (id, parent, a, b) values ('c', 'p', 2, 2)", "child_pkey"),
            ("insert into child (id, parent, a, b) values ('d', 'p', 1, 1)", "child_a_b_key"),
            ("insert into child (id, parent, a, b) values ('d', 'p', 0, 2)", "child_a_positive"),
            ("insert into child (id, parent, a, b) values ('d', 'q', 2, 2)", "foreign_key"),
            ("insert into child (id, a, b) values ('d', 2, 2)", "child_parent_not_null"),
            ("delete from parent", "foreign_key"),
        ] {
            let result = shop.db.transaction(move |tx| Box::pin(async move { tx.execute(sql, args![]).await })).await;
            assert_eq!(result, Err(DbError::Constraint { name: name.to_owned() }), "{sql}");
        }
    }
}

#[test]
fn a_lock_that_many_commands_wait_for_keeps_nobody_from_reading() {
    on_postgres(async |shop| {
        table(&shop.db).await;
        add(&shop.db, "a".to_owned()).await.unwrap();
        let touch = "update thing set name = name";
        let (locked, has_lock) = oneshot::channel();
        let (let_go, gone) = oneshot::channel::<()>();
        let db = shop.db.clone();
        let first = tokio::spawn(async move {
            db.transaction(move |tx| {
                Box::pin(async move {
                    tx.execute(touch, args![]).await?;
                    locked.send(()).unwrap();
                    gone.await.map_err(|_| DbError::NotFound)
                })
            })
            .await
        });
        has_lock.await.unwrap();
        let waiting: Vec<_> = (0..60)
            .map(|_| {
                let db = shop.db.clone();
                tokio::spawn(async move { db.transaction(move |tx| Box::pin(async move { tx.execute(touch, args![]).await })).await })
            })
            .collect();
        // This is a read, too: it would wait in vain were every connection with them.
        let sql = "select count(*) as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
        while shop.db.reader().fetch_one(sql, args![]).await.unwrap().get::<i64>("n").unwrap() < 10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(names(&shop.db).await, ["a"]);
        let_go.send(()).unwrap();
        first.await.unwrap().unwrap();
        for done in join_all(waiting).await {
            let done: Result<u64, DbError> = done.unwrap();
            assert_eq!(done, Ok(1));
        }
    });
}
