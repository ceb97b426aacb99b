//! The same request key gives the same answer, once.

use std::sync::Arc;
use std::time::Duration;

use backend::args;
use backend::db::Sql as _;
use backend::idempotency::{Answer, CommandError, KeyError, Keys, Outcome, Purge, RequestKey};
use backend::runner::Runner;
use tokio::sync::{Barrier, oneshot};

use crate::support::{TestDb, on_both_databases};

fn key(key: &str) -> RequestKey {
    RequestKey { caller: "session:1".into(), method: "POST".into(), path: "/api/v1/checkouts".into(), key: key.into() }
}

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, body: body.into() }
}

/// A command that leaves a row behind, so that doing it twice shows, and then ends in `result`.
async fn once(shop: &TestDb, keys: &Keys, name: &str, body: &str, result: Result<Answer, CommandError>) -> Result<Outcome, KeyError> {
    let mark = name.to_owned();
    keys.once(&shop.db, key(name), body.to_owned(), move |tx| {
        Box::pin(async move {
            tx.execute("insert into mark (name) values ($1)", args![mark]).await?;
            result
        })
    })
    .await
}

async fn marks(shop: &TestDb) -> i64 {
    shop.db.reader().fetch_one("select count(*) as n from mark", args![]).await.unwrap().get("n").unwrap()
}

async fn with_marks(shop: &TestDb) -> Keys {
    let made: Result<u64, backend::db::DbError> =
        shop.db.transaction(|tx| Box::pin(async move { tx.execute("create table mark (name text not null)", args![]).await })).await;
    made.unwrap();
    Keys::default()
}

on_both_databases! {
    async fn the_first_answer_is_given_again(shop) {
        let keys = with_marks(&shop).await;
        assert_eq!(once(&shop, &keys, "a", "{}", Ok(answer(201, "1"))).await.unwrap(), Outcome::Fresh(answer(201, "1")));
        assert_eq!(once(&shop, &keys, "a", "{}", Ok(answer(201, "2"))).await.unwrap(), Outcome::Replayed(answer(201, "1")));
        assert_eq!(marks(&shop).await, 1);
    }

    async fn another_body_under_the_same_key_is_refused(shop) {
        let keys = with_marks(&shop).await;
        once(&shop, &keys, "a", "{}", Ok(answer(201, "1"))).await.unwrap();
        assert!(matches!(once(&shop, &keys, "a", "{\"x\":1}", Ok(answer(201, "2"))).await, Err(KeyError::Reused)));
        assert_eq!(marks(&shop).await, 1);
    }

    async fn a_kept_refusal_changes_nothing_and_is_given_again(shop) {
        let keys = with_marks(&shop).await;
        let refusal = || Err(CommandError::Kept(answer(409, "short")));
        assert_eq!(once(&shop, &keys, "a", "{}", refusal()).await.unwrap(), Outcome::Fresh(answer(409, "short")));
        assert_eq!(once(&shop, &keys, "a", "{}", Ok(answer(201, "1"))).await.unwrap(), Outcome::Replayed(answer(409, "short")));
        assert_eq!(marks(&shop).await, 0);
    }

    async fn a_forgotten_refusal_may_be_tried_again(shop) {
        let keys = with_marks(&shop).await;
        let refused = once(&shop, &keys, "a", "{}", Err(CommandError::Forgotten(answer(422, "wrong"), None))).await;
        assert!(matches!(refused, Err(KeyError::Forgotten(..))));
        assert_eq!(once(&shop, &keys, "a", "{}", Ok(answer(201, "1"))).await.unwrap(), Outcome::Fresh(answer(201, "1")));
        assert_eq!(marks(&shop).await, 1);
    }

    async fn while_the_first_runs_the_second_is_told_so(shop) {
        let keys = with_marks(&shop).await;
        let (started, has_started) = oneshot::channel();
        let (go_on, may_go_on) = oneshot::channel::<()>();
        let first = tokio::spawn({
            let (db, keys) = (shop.db.clone(), keys.clone());
            async move {
                keys.once(&db, key("a"), "{}".to_owned(), move |_| {
                    Box::pin(async move {
                        let _ = started.send(());
                        let _ = may_go_on.await;
                        Ok(answer(201, "1"))
                    })
                })
                .await
            }
        });
        has_started.await.unwrap();
        assert!(matches!(once(&shop, &keys, "a", "{}", Ok(answer(201, "2"))).await, Err(KeyError::InProgress)));
        // Another process on the same database knows nothing of this one's memory.
        if shop.db.is_postgres() {
            assert!(matches!(once(&shop, &Keys::default(), "a", "{}", Ok(answer(201, "2"))).await, Err(KeyError::InProgress)));
        }
        let (key, waits) = (key("a"), async { go_on.send(()).unwrap() });
        let (heard, ()) = tokio::join!(keys.first(&shop.db, &key, "{}"), waits);
        assert_eq!(heard.unwrap(), Outcome::Replayed(answer(201, "1")));
        assert_eq!(first.await.unwrap().unwrap(), Outcome::Fresh(answer(201, "1")));
        assert_eq!(once(&shop, &keys, "a", "{}", Ok(answer(201, "2"))).await.unwrap(), Outcome::Replayed(answer(201, "1")));
    }

    async fn racing_requests_are_done_once(shop) {
        let keys = with_marks(&shop).await;
        let shop = Arc::new(shop);
        let start = Arc::new(Barrier::new(16));
        let tasks: Vec<_> = (0..16).map(|n| {
            // Half of them in a process of their own, as far as the keys can tell.
            let keys = if n % 2 == 0 { keys.clone() } else { Keys::default() };
            let (shop, start) = (shop.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                once(&shop, &keys, "a", "{}", Ok(answer(201, &n.to_string()))).await
            })
        }).collect();
        let mut fresh = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(Outcome::Fresh(_)) => fresh += 1,
                Ok(Outcome::Replayed(_)) | Err(KeyError::InProgress) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!((fresh, marks(&shop).await), (1, 1));
    }

    async fn after_a_day_the_key_is_free_and_the_row_goes(shop) {
        let keys = with_marks(&shop).await;
        once(&shop, &keys, "a", "{}", Ok(answer(201, "1"))).await.unwrap();
        once(&shop, &keys, "b", "{}", Ok(answer(201, "1"))).await.unwrap();
        shop.hands.advance(Duration::from_secs(24 * 3600 + 1));
        assert_eq!(once(&shop, &keys, "a", "{}", Ok(answer(201, "2"))).await.unwrap(), Outcome::Fresh(answer(201, "2")));
        let running = Runner::new(shop.db.clone()).timer(Purge).start();
        running.settle().await.unwrap();
        running.shutdown().await;
        let left: i64 = shop.db.reader().fetch_one("select count(*) as n from request_key", args![]).await.unwrap().get("n").unwrap();
        assert_eq!(left, 1);
    }
}
