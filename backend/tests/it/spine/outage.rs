//! The database goes away and returns: callers are told, nothing is parked, and all goes on by itself.

use backend::args;
use backend::db::{DbError, Sql as _};
use backend::runner::Runner;
use futures::future::join_all;

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
