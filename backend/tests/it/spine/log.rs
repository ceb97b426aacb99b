//! The log: positions are dense, in the order of commits, and no commit is ever passed over.

use std::time::Duration;

use backend::db::DbError;
use backend::log;
use backend::runner::Runner;
use domain::event::{Actor, Event, StoreClosed, StoreOpened};
use futures::future::join_all;
use tokio::sync::oneshot;

use super::probe::{Probe, append, effects, make_effects, opened};
use crate::support::{TestDb, on_both_databases, on_postgres};

on_both_databases! {
    async fn positions_are_dense_whatever_is_rolled_back(shop) {
        let running = Runner::new(shop.db.clone()).start();
        join_all((0..60).map(|n| {
            let db = shop.db.clone();
            async move {
                let result = db.transaction(move |tx| Box::pin(async move {
                    log::append_in(tx, opened(&format!("s{n}"), "harbor")).await?;
                    if n % 3 == 0 { Err(DbError::NotFound) } else { Ok(()) }
                })).await;
                assert_eq!(result.is_err(), n % 3 == 0);
            }
        })).await;
        running.settle().await.unwrap();
        let mut reader = shop.db.reader();
        let events = log::read(&mut reader, 0, &[], 1000).await.unwrap();
        assert_eq!(events.iter().map(|e| e.position).collect::<Vec<_>>(), (1..=40).collect::<Vec<_>>());
        assert_eq!(log::head(&mut reader).await, Ok(40));
        running.shutdown().await;
    }

    async fn an_event_is_read_back_as_it_was_written(shop) {
        let running = Runner::new(shop.db.clone()).start();
        append(&shop.db, &[("cause", "other")]).await;
        running.settle().await.unwrap();
        let mut reader = shop.db.reader();
        let cause = log::read_one(&mut reader, 1).await.unwrap();
        let store: domain::StoreId = "harbor".parse().unwrap();
        let actor = Actor::Staff(domain::UserId(uuid::Uuid::now_v7()));
        let new = log::NewEvent::new(StoreClosed { store: store.clone() }, "harbor").at_store(&store).by(actor).because_of(&cause);
        let id = shop.db.transaction(|tx| Box::pin(async move { log::append_in(tx, new).await })).await.map_err(|e: DbError| e).unwrap();
        running.settle().await.unwrap();
        let event = log::read_stream(&mut reader, "harbor").await.unwrap().remove(0);
        assert_eq!((event.id, event.position, event.at, event.actor), (id, 2, shop.clock.now(), actor));
        assert_eq!((event.source.clone(), event.subject.as_str(), event.causation), (Some(store.clone()), "harbor", Some(cause.id)));
        assert_eq!(event.event(), Ok(Event::from(StoreClosed { store })));
        assert_eq!(event.cloud_event().sequence.to_string(), "00000000000000000002");
        assert_eq!(log::read(&mut reader, 0, &[StoreClosed::TYPE], 10).await.unwrap(), [event]);
        running.shutdown().await;
    }

    /// Whoever asks for a thing's journey right after they changed it finds that change, though nobody gives positions.
    async fn a_journey_has_what_has_no_position_yet(shop) {
        append(&shop.db, &[("first", "cup"), ("elsewhere", "jug")]).await;
        let running = Runner::new(shop.db.clone()).start();
        running.settle().await.unwrap();
        running.shutdown().await;
        append(&shop.db, &[("second", "cup"), ("third", "cup")]).await;
        append(&shop.db, &[("fourth", "cup")]).await;
        let journey = async || log::read_stream(&mut shop.db.reader(), "cup").await.unwrap();
        let subjects = |events: &[log::Recorded]| events.iter().map(|event| event.subject.clone()).collect::<Vec<_>>();
        let early = journey().await;
        assert_eq!(subjects(&early), ["first", "second", "third", "fourth"]);
        let running = Runner::new(shop.db.clone()).start();
        running.settle().await.unwrap();
        running.shutdown().await;
        let late = journey().await;
        assert_eq!(subjects(&late), subjects(&early));
        assert_eq!(late.iter().map(|event| event.position).collect::<Vec<_>>(), [1, 3, 4, 5]);
    }

    async fn the_newest_begin_where_enough_are_left_and_enough_time(shop) {
        let running = Runner::new(shop.db.clone()).start();
        let minute = Duration::from_mins(1);
        assert_eq!(log::before_newest(&mut shop.db.reader(), 0, 2, minute).await, Ok(0), "an empty log");
        for subject in ["1", "2", "3", "4", "5", "6"] {
            append(&shop.db, &[(subject, subject)]).await;
            running.settle().await.unwrap();
            shop.hands.advance(Duration::from_secs(20));
        }
        let before = async |until, count, time| log::before_newest(&mut shop.db.reader(), until, count, time).await.unwrap();
        // 20 s lie between two of them.
        assert_eq!(before(6, 2, minute).await, 2, "four of them, of this minute");
        assert_eq!(before(6, 5, minute).await, 1, "five of them, though the first is older");
        assert_eq!(before(6, 2, Duration::ZERO).await, 4);
        assert_eq!(before(5, 2, Duration::from_secs(40)).await, 2, "counted from that one");
        assert_eq!(before(3, 9, minute).await, 0);
        running.shutdown().await;
    }

    async fn only_a_projection_is_replayed(shop) {
        make_effects(&shop.db).await;
        let (projection, other) = (Probe::new("probe.projection", "projection"), Probe::new("probe.other", "other"));
        let running = Runner::new(shop.db.clone()).subscriber(projection.clone()).subscriber(other.clone()).start();
        append(&shop.db, &[("a", "a"), ("b", "b")]).await;
        running.settle().await.unwrap();
        log::replay(&shop.db, std::sync::Arc::new(projection.clone())).await.unwrap();
        assert!(log::replay(&shop.db, std::sync::Arc::new(other.clone())).await.is_err());
        running.settle().await.unwrap();
        assert_eq!(projection.handled(), ["a", "b", "a", "b"]);
        assert_eq!(other.handled(), ["a", "b"]);
        let names: Vec<_> = effects(&shop.db).await.into_iter().map(|(who, _)| who).collect();
        assert_eq!(names, ["other", "projection", "other", "projection"]);
        running.shutdown().await;
    }
}

/// Begins a transaction that has appended and now stays open until it is let go.
async fn held(shop: &TestDb, subject: &'static str) -> (oneshot::Sender<()>, tokio::task::JoinHandle<Result<(), DbError>>) {
    let (appended, is_appended) = oneshot::channel();
    let (let_go, go) = oneshot::channel();
    let db = shop.db.clone();
    let task = tokio::spawn(async move {
        db.transaction(move |tx| {
            Box::pin(async move {
                log::append_in(tx, opened(subject, subject)).await?;
                appended.send(()).unwrap();
                go.await.unwrap();
                Ok(())
            })
        })
        .await
    });
    is_appended.await.unwrap();
    (let_go, task)
}

#[test]
fn a_late_commit_is_not_skipped() {
    on_postgres(async |shop| {
        make_effects(&shop.db).await;
        let probe = Probe::new("probe.one", "one");
        let running = Runner::new(shop.db.clone()).subscriber(probe.clone()).start();
        let (let_go, long) = held(&shop, "long").await;
        for n in 0..200 {
            let subject = format!("s{n}");
            append(&shop.db, &[(subject.as_str(), "other")]).await;
        }
        running.settle().await.unwrap();
        assert_eq!(probe.handled().len(), 200, "who commits is not held up by who does not");
        let_go.send(()).unwrap();
        long.await.unwrap().unwrap();
        running.settle().await.unwrap();
        assert_eq!(probe.handled().last().unwrap(), "long");
        let last = log::read(&mut shop.db.reader(), 200, &[], 10).await.unwrap();
        assert_eq!((last.len(), last[0].position, last[0].subject.as_str()), (1, 201, "long"));
        running.shutdown().await;
    });
}

#[test]
fn commits_out_of_order_are_all_seen_once_in_the_order_of_commits() {
    on_postgres(async |shop| {
        make_effects(&shop.db).await;
        let probe = Probe::new("probe.one", "one");
        let running = Runner::new(shop.db.clone()).subscriber(probe.clone()).start();
        let subjects = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let mut open = Vec::new();
        for subject in subjects {
            open.push((subject, held(&shop, subject).await));
        }
        let mut order = Vec::new();
        for nth in [5, 0, 3, 4, 0, 2, 1, 0] {
            let (subject, (let_go, task)) = open.remove(nth);
            let_go.send(()).unwrap();
            task.await.unwrap().unwrap();
            running.settle().await.unwrap();
            order.push(subject);
        }
        assert_eq!(probe.handled(), order);
        let events = log::read(&mut shop.db.reader(), 0, &[StoreOpened::TYPE], 100).await.unwrap();
        assert_eq!(events.iter().map(|e| e.position).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
        running.shutdown().await;
    });
}
