//! Leases: a process that was paused past its lease changes nothing when it comes back.

use std::time::Duration;

use backend::args;
use backend::clock::Clock;
use backend::db::{Db, DbError, Sql as _};
use backend::lease::{self, Lost};
use backend::runner::Runner;
use uuid::Uuid;

use super::probe::{Probe, Reaction, append, effects, make_effects};
use crate::support::{START, on_both_databases, on_postgres};

/// Waits until nobody has the probe.
async fn until_free(db: &Db) {
    let held = "select count(*) as n from lease where name = 'subscriber/probe.one' and expires_at > 0";
    while db.reader().fetch_one(held, args![]).await.unwrap().get::<i64>("n").unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

on_both_databases! {
    async fn a_lease_changes_hands_when_it_ends_and_its_old_epoch_is_fenced(shop) {
        make_effects(&shop.db).await;
        let (paused, next) = (Uuid::now_v7(), Uuid::now_v7());
        let name = || "work".to_owned();
        let old = lease::acquire(&shop.db, name(), paused, false).await.unwrap().unwrap();
        assert_eq!(lease::acquire(&shop.db, name(), next, false).await, Ok(None));
        let time = lease::time(shop.db.is_postgres());
        let moment = Duration::from_millis(1);
        let almost = time.saturating_sub(moment);
        shop.hands.advance(almost);
        assert_eq!(lease::renew(&shop.db, paused).await, Ok(1));
        shop.hands.advance(almost);
        assert_eq!(lease::acquire(&shop.db, name(), next, false).await, Ok(None), "it was renewed");
        shop.hands.advance(moment);
        assert!(lease::acquire(&shop.db, name(), next, false).await.unwrap().is_some());
        assert_eq!(lease::renew(&shop.db, paused).await, Ok(0), "it cannot come back");

        let late = shop.db.transaction(|tx| Box::pin(async move {
            tx.execute("insert into effect (who, subject) values ('paused', 'x')", args![]).await?;
            lease::fence_in(tx, &old).await
        })).await;
        assert_eq!(late, Err(Lost::Lease));
        assert!(effects(&shop.db).await.is_empty());

        lease::release(&shop.db, next).await.unwrap();
        assert!(lease::acquire(&shop.db, name(), paused, false).await.unwrap().is_some(), "given back, it is free at once");
    }

    async fn a_subscriber_paused_past_its_lease_changes_nothing(shop) {
        make_effects(&shop.db).await;
        let (paused, next) = (Probe::new("probe.one", "paused"), Probe::new("probe.one", "next"));
        paused.holds_after_commit();
        let paused_runner = Runner::new(shop.db.clone()).subscriber(paused.clone()).start();
        append(&shop.db, &[("a", "a")]).await;
        paused.arrived().await;

        // The other process's clock is far ahead: to it the lease has ended long ago.
        let (ahead, _hands) = Clock::manual(START.plus_seconds(3600));
        let other = Db::open(&shop.url, ahead).await.unwrap();
        let next_runner = Runner::new(other.clone()).subscriber(next.clone()).start();
        append(&shop.db, &[("b", "b")]).await;
        next_runner.settle().await.unwrap();
        append(&shop.db, &[("c", "c")]).await;
        paused.go_on();
        next_runner.settle().await.unwrap();
        paused_runner.shutdown().await;
        let effects = effects(&shop.db).await;
        let who: Vec<_> = effects.iter().map(|(who, subject)| (who.as_str(), subject.as_str())).collect();
        assert_eq!(who, [("paused", "a"), ("next", "b"), ("next", "c")]);
        next_runner.shutdown().await;
        other.close().await;
    }

    async fn a_subscriber_that_is_not_able_is_left_to_another_process(shop) {
        make_effects(&shop.db).await;
        let (near, far) = (Probe::new("probe.one", "near"), Probe::new("probe.one", "far"));
        far.is_able(false);
        let second = shop.second().await;
        let near_runner = Runner::new(shop.db.clone()).subscriber(near.clone()).start();
        let far_runner = Runner::new(second.clone()).subscriber(far.clone()).start();
        append(&shop.db, &[("a", "a")]).await;
        near_runner.settle().await.unwrap();
        assert_eq!(near.handled(), ["a"], "on SQLite, too, where the newest server takes what it can do");

        // The clock stands still: nothing ends by itself.
        near.is_able(false);
        until_free(&shop.db).await;
        append(&shop.db, &[("b", "b")]).await;
        assert_eq!(near.handled(), ["a"]);
        far.is_able(true);
        far_runner.settle().await.unwrap();
        assert_eq!(far.handled(), ["b"]);

        far.is_able(false);
        until_free(&shop.db).await;
        append(&shop.db, &[("c", "c")]).await;
        near.is_able(true);
        near_runner.settle().await.unwrap();
        assert_eq!((near.handled(), far.handled()), (vec!["a".to_owned(), "c".to_owned()], vec!["b".to_owned()]));
        assert_eq!((near.taken_over(), far.taken_over()), (vec![0, 2], vec![1]));
        near_runner.shutdown().await;
        far_runner.shutdown().await;
        second.close().await;
    }
}

#[test]
fn a_handler_paused_past_its_lease_is_undone() {
    on_postgres(async |shop| {
        make_effects(&shop.db).await;
        let (paused, next) = (Probe::new("probe.one", "paused"), Probe::new("probe.one", "next"));
        paused.reacts(|_| Reaction::WaitInside);
        let paused_runner = Runner::new(shop.db.clone()).subscriber(paused.clone()).start();
        append(&shop.db, &[("a", "a")]).await;
        paused.arrived().await;

        let (ahead, _hands) = Clock::manual(START.plus_seconds(3600));
        let other = Db::open(&shop.url, ahead).await.unwrap();
        let next_runner = Runner::new(other.clone()).subscriber(next.clone()).start();
        next_runner.settle().await.unwrap();
        assert_eq!(next.handled(), ["a"]);
        paused.go_on();
        paused_runner.shutdown().await;
        assert_eq!(effects(&shop.db).await, [("next".to_owned(), "a".to_owned())]);
        assert!(paused.handled().is_empty());
        next_runner.shutdown().await;
        other.close().await;
    });
}

#[test]
fn positions_are_given_by_one_process_at_a_time() {
    on_postgres(async |shop| {
        let (ahead, _hands) = Clock::manual(START.plus_seconds(3600));
        let other = Db::open(&shop.url, ahead).await.unwrap();
        let (first, second) = (Runner::new(shop.db.clone()).start(), Runner::new(other.clone()).start());
        let writers = (0..8).map(|writer| {
            let db = if writer % 2 == 0 { shop.db.clone() } else { other.clone() };
            async move {
                for n in 0..25 {
                    let subject = format!("{writer} {n}");
                    append(&db, &[(subject.as_str(), "s")]).await;
                }
            }
        });
        futures::future::join_all(writers).await;
        second.settle().await.unwrap();
        let row = shop
            .db
            .reader()
            .fetch_one("select count(*) as n, max(position) as head, max(entry) as entry from event", args![])
            .await
            .unwrap();
        assert_eq!((row.get("n"), row.get("head"), row.get("entry")), (Ok(200), Ok(200), Ok(200_i64)));
        first.shutdown().await;
        second.shutdown().await;
        other.close().await;
    });
}

#[test]
fn a_deadlock_is_answered_as_busy() {
    on_postgres(async |shop| {
        make_effects(&shop.db).await;
        for subject in ["a", "b"] {
            let sql = "insert into effect (who, subject) values ('x', $1)";
            shop.db
                .transaction(move |tx| Box::pin(async move { tx.execute(sql, args![subject]).await }))
                .await
                .map_err(|e: DbError| e)
                .unwrap();
        }
        let both = std::sync::Arc::new(tokio::sync::Barrier::new(2));
        let lock = |first: &'static str, second: &'static str| {
            let both = both.clone();
            shop.db.transaction(move |tx| {
                Box::pin(async move {
                    let sql = "update effect set who = 'y' where subject = $1";
                    tx.execute(sql, args![first]).await?;
                    both.wait().await;
                    tx.execute(sql, args![second]).await
                })
            })
        };
        let (one, other): (Result<u64, DbError>, _) = tokio::join!(lock("a", "b"), lock("b", "a"));
        let (lost, kept) = if one.is_err() { (one, other) } else { (other, one) };
        assert!(matches!(lost, Err(DbError::Busy(_))), "{lost:?}");
        assert_eq!(kept, Ok(1));
    });
}
