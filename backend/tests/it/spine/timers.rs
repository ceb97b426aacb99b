//! Timers: at their time, once, whatever stops in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use backend::args;
use backend::clock::Clock;
use backend::db::{Db, DbError, Sql as _, Tx};
use backend::runner::Runner;
use backend::subscriber::HandlerError;
use backend::timer::{self, TimerHandler};
use domain::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::probe::{effects, make_effects};
use crate::support::{START, on_both_databases, on_postgres};

const KIND: &str = "probe.alarm";

/// Writes its key into `effect`.
struct Alarm {
    who: &'static str,
    fails: Arc<AtomicBool>,
    /// Where it waits inside the transaction: (arrived, go on).
    gate: Option<Arc<(Semaphore, Semaphore)>>,
}

impl Alarm {
    fn new(who: &'static str) -> Self {
        Self { who, fails: Arc::default(), gate: None }
    }
}

#[async_trait]
impl TimerHandler for Alarm {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn fire_in(&self, tx: &mut Tx, key: &str, payload: &Value, due: Timestamp) -> Result<(), HandlerError> {
        assert!(due <= tx.now());
        assert_eq!(payload["for"], key);
        tx.execute("insert into effect (who, subject) values ($1, $2)", args![self.who, key]).await?;
        if let Some(gate) = &self.gate {
            gate.0.add_permits(1);
            gate.1.acquire().await?.forget();
        }
        if self.fails.load(Ordering::Relaxed) { Err(HandlerError::new("not today")) } else { Ok(()) }
    }
}

async fn set(db: &Db, key: &'static str, due: Timestamp) {
    db.transaction(move |tx| Box::pin(async move { timer::set_in(tx, KIND, key, due, json!({ "for": key })).await }))
        .await
        .map_err(|error: DbError| error)
        .unwrap();
}

async fn fired(db: &Db) -> Vec<String> {
    effects(db).await.into_iter().map(|(_, key)| key).collect()
}

on_both_databases! {
    async fn a_timer_fires_once_with_two_processes(shop) {
        make_effects(&shop.db).await;
        let second = shop.second().await;
        let first_runner = Runner::new(shop.db.clone()).timer(Alarm::new("first")).start();
        let second_runner = Runner::new(second.clone()).timer(Alarm::new("second")).start();
        set(&shop.db, "a", START.plus_seconds(10)).await;
        set(&second, "b", START.plus_seconds(10)).await;
        set(&shop.db, "later", START.plus_seconds(100)).await;
        first_runner.settle().await.unwrap();
        assert!(fired(&shop.db).await.is_empty(), "not before its time");
        shop.hands.advance(Duration::from_secs(10));
        first_runner.settle().await.unwrap();
        second_runner.settle().await.unwrap();
        assert_eq!(fired(&shop.db).await, ["a", "b"]);
        first_runner.shutdown().await;
        second_runner.shutdown().await;
        second.close().await;
    }

    async fn a_timer_survives_a_restart(shop) {
        make_effects(&shop.db).await;
        let running = Runner::new(shop.db.clone()).timer(Alarm::new("first")).start();
        set(&shop.db, "a", START.plus_seconds(10)).await;
        running.settle().await.unwrap();
        running.shutdown().await;
        shop.db.close().await;
        shop.hands.advance(Duration::from_hours(1));
        let again = shop.second().await;
        let running = Runner::new(again.clone()).timer(Alarm::new("second")).start();
        running.settle().await.unwrap();
        assert_eq!(effects(&again).await, [("second".to_owned(), "a".to_owned())]);
        running.shutdown().await;
        again.close().await;
    }

    async fn a_timer_is_taken_back_and_set_anew(shop) {
        make_effects(&shop.db).await;
        let running = Runner::new(shop.db.clone()).timer(Alarm::new("first")).start();
        set(&shop.db, "cancelled", START.plus_seconds(10)).await;
        set(&shop.db, "moved", START.plus_seconds(10)).await;
        set(&shop.db, "moved", START.plus_seconds(60)).await;
        let cancel = || shop.db.transaction(|tx| Box::pin(async move { timer::cancel_in(tx, KIND, "cancelled").await }));
        assert_eq!((cancel().await, cancel().await), (Ok::<_, DbError>(true), Ok(false)));
        shop.hands.advance(Duration::from_secs(10));
        running.settle().await.unwrap();
        assert!(fired(&shop.db).await.is_empty());
        shop.hands.advance(Duration::from_secs(50));
        running.settle().await.unwrap();
        assert_eq!(fired(&shop.db).await, ["moved"]);
        running.shutdown().await;
    }

    async fn a_failing_timer_is_tried_again_and_stops_no_other(shop) {
        make_effects(&shop.db).await;
        let alarm = Alarm::new("first");
        let fails = alarm.fails.clone();
        fails.store(true, Ordering::Relaxed);
        let running = Runner::new(shop.db.clone()).timer(alarm).start();
        set(&shop.db, "a", START).await;
        running.settle().await.unwrap();
        assert!(fired(&shop.db).await.is_empty(), "nothing of the attempt is left");
        fails.store(false, Ordering::Relaxed);
        set(&shop.db, "b", START).await;
        running.settle().await.unwrap();
        assert_eq!(fired(&shop.db).await, ["b"]);
        shop.hands.advance(Duration::from_secs(2));
        running.settle().await.unwrap();
        assert_eq!(fired(&shop.db).await, ["a", "b"]);
        running.shutdown().await;
    }
}

#[test]
fn a_timer_paused_past_its_lease_fires_elsewhere_and_only_there() {
    on_postgres(async |shop| {
        make_effects(&shop.db).await;
        let gate = Arc::new((Semaphore::new(0), Semaphore::new(0)));
        let paused = Alarm { gate: Some(gate.clone()), ..Alarm::new("paused") };
        let paused_runner = Runner::new(shop.db.clone()).timer(paused).start();
        set(&shop.db, "a", START).await;
        gate.0.acquire().await.unwrap().forget();

        let (ahead, _hands) = Clock::manual(START.plus_seconds(3600));
        let other = Db::open(&shop.url, ahead).await.unwrap();
        let next_runner = Runner::new(other.clone()).timer(Alarm::new("next")).start();
        // The other process has the lease, and waits for the row that the paused one has removed but not committed.
        let waiting = "select count(*) as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        while shop.db.reader().fetch_one(waiting, args![]).await.unwrap().get::<i64>("n") == Ok(0) {
            tokio::task::yield_now().await;
        }
        gate.1.add_permits(1);
        next_runner.settle().await.unwrap();
        paused_runner.shutdown().await;
        assert_eq!(effects(&shop.db).await, [("next".to_owned(), "a".to_owned())]);
        next_runner.shutdown().await;
        other.close().await;
    });
}
