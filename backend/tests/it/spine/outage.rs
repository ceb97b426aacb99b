//! The database goes away and returns: callers are told, nothing is parked, and all goes on by itself.

use backend::args;
use backend::db::{Db, DbError, Sql as _};
use backend::idempotency::{Answer, CommandError, KeyError, Keys, Outcome, RequestKey};
use backend::runner::Runner;
use futures::future::{BoxFuture, join_all};
use tokio::sync::oneshot;

use super::probe::{Probe, append, effects, make_effects, opened};
use crate::support::{Cluster, TestDb, on_sqlite};

#[test]
fn postgres_stops_and_starts() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut cluster = Cluster::start();
    runtime.block_on(async {
        let shop = TestDb::open(cluster.new_database()).await;
        make_effects(&shop.db).await;
        let probe = Probe::new("probe.one", "one");
        let running = Runner::new(shop.db.clone()).subscriber(probe.clone()).start();
        append(&shop.db, &[("before", "a")]).await;
        running.settle().await.unwrap();

        cluster.pause();
        let away = shop.db.transaction(|tx| Box::pin(async move { backend::log::append_in(tx, opened("lost", "a")).await })).await;
        assert!(matches!(away, Err(DbError::Unavailable(_))), "{away:?}");
        let read = shop.db.reader().fetch_all("select * from effect", args![]).await;
        assert!(matches!(read, Err(DbError::Unavailable(_))), "{read:?}");

        cluster.resume();
        append(&shop.db, &[("after", "a")]).await;
        assert_eq!(running.settle().await.unwrap().parked, []);
        assert_eq!(probe.handled(), ["before", "after"]);
        running.shutdown().await;
        shop.db.close().await;
    });
}

#[test]
fn sqlite_discards_the_group_and_the_connection_and_goes_on() {
    on_sqlite(async |shop| {
        make_effects(&shop.db).await;
        let probe = Probe::new("probe.one", "one");
        let running = Runner::new(shop.db.clone()).subscriber(probe.clone()).start();
        let results = join_all((0..40).map(|n| {
            let db = shop.db.clone();
            async move {
                db.transaction(move |tx| {
                    Box::pin(async move {
                        backend::log::append_in(tx, opened(&format!("s{n}"), &format!("s{n}"))).await?;
                        if n == 20 { tx.execute("this is no statement", args![]).await.map(drop) } else { Ok(()) }
                    })
                })
                .await
            }
        }))
        .await;
        assert!(matches!(results[20], Err(DbError::Defect(_))), "{:?}", results[20]);
        let refused = results.iter().filter(|result| matches!(result, Err(DbError::Unavailable(_)))).count();
        assert!(refused < 39, "the groups before and after it are kept");
        append(&shop.db, &[("after", "after")]).await;
        assert_eq!(running.settle().await.unwrap().parked, []);
        let kept = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(kept + refused, 39);
        assert_eq!(effects(&shop.db).await.len(), kept + 1, "who was told no left nothing");
        running.shutdown().await;
    });
}

#[test]
fn sqlite_refuses_nobody_for_what_is_discarded() {
    on_sqlite(async |shop| {
        let keys = Keys::default();
        let made: Result<u64, DbError> = shop.db.transaction(|tx| Box::pin(async move { tx.execute(UNITS, args![]).await })).await;
        made.unwrap();
        for n in 0_u32.. {
            one_is_free(&shop.db).await;
            let (mut second, mut broken) = (buy(&shop.db, &keys, n.to_string()), nonsense(&shop.db));
            let (queue, queued) = oneshot::channel();
            let first = shop.db.transaction(move |tx| {
                Box::pin(async move {
                    let taken = tx.execute(TAKE, args![]).await?;
                    // The others stand in the queue before this one ends, so that one group has all three.
                    assert!(futures::poll!(second.as_mut()).is_pending());
                    assert!(futures::poll!(broken.as_mut()).is_pending());
                    let _ = queue.send((second, broken));
                    Ok::<_, DbError>(taken)
                })
            });
            let first = first.await;
            let (second, broken) = queued.await.unwrap();
            let (second, broken) = tokio::join!(second, broken);
            assert!(matches!(broken, Err(DbError::Defect(_))), "{broken:?}");
            // Else the machine took so long that the first one was a group of its own: once more.
            if let Err(first) = first {
                assert!(matches!(first, DbError::Unavailable(_)), "{first:?}");
                assert!(matches!(second, Err(KeyError::Database(DbError::Unavailable(_)))), "{second:?}");
                let again = buy(&shop.db, &keys, n.to_string()).await.unwrap();
                assert_eq!(again, Outcome::Fresh(bought()), "the unit is free, and no refusal was kept");
                return;
            }
        }
    });
}

const UNITS: &str = "create table unit (free bigint not null)";
/// Takes a unit, if one is free.
const TAKE: &str = "update unit set free = free - 1 where free > 0";

async fn one_is_free(db: &Db) {
    let done: Result<u64, DbError> = db
        .transaction(|tx| {
            Box::pin(async move {
                tx.execute("delete from unit", args![]).await?;
                tx.execute("insert into unit (free) values (1)", args![]).await
            })
        })
        .await;
    done.unwrap();
}

fn bought() -> Answer {
    Answer { status: 201, body: String::new() }
}

/// Takes a unit under a key, or is refused.
fn buy(db: &Db, keys: &Keys, key: String) -> BoxFuture<'static, Result<Outcome, KeyError>> {
    let (db, keys) = (db.clone(), keys.clone());
    let key = RequestKey { caller: "session:1".to_owned(), method: "POST".to_owned(), path: "/units".to_owned(), key };
    Box::pin(async move {
        keys.once(&db, key, String::new(), |tx| {
            Box::pin(async move {
                match tx.execute(TAKE, args![]).await? {
                    0 => Err(CommandError::Kept(Answer { status: 409, body: "out_of_stock".to_owned() })),
                    _ => Ok(bought()),
                }
            })
        })
        .await
    })
}

fn nonsense(db: &Db) -> BoxFuture<'static, Result<u64, DbError>> {
    let db = db.clone();
    Box::pin(async move { db.transaction(|tx| Box::pin(async move { tx.execute("this is no statement", args![]).await })).await })
}
