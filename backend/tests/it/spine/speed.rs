//! Measurements, not tests: `cargo test -p backend --release --test it speed -- --ignored --nocapture --test-threads 1`.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use backend::args;
use backend::db::{Db, DbError, Sql as _, Tx};
use backend::log::Recorded;
use backend::runner::Runner;
use backend::subscriber::{HandlerError, Subscriber};
use domain::event::StoreOpened;
use futures::future::join_all;
use tokio::sync::mpsc;

use super::probe::{append, make_effects};
use crate::support::{self, TestDb};

/// Says when it was told.
struct Stopwatch(mpsc::UnboundedSender<Instant>);

#[async_trait]
impl Subscriber for Stopwatch {
    fn name(&self) -> &'static str {
        "probe.stopwatch"
    }

    fn types(&self) -> &'static [&'static str] {
        &[StoreOpened::TYPE]
    }

    async fn handle_in(&self, _tx: &mut Tx, _event: &Recorded) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn after_commit(&self, _events: &[Recorded]) {
        self.0.send(Instant::now()).unwrap();
    }
}

async fn insert(db: &Db, who: String) -> Result<u64, DbError> {
    let sql = "insert into effect (who, subject) values ($1, 'x')";
    db.transaction(move |tx| Box::pin(async move { tx.execute(sql, args![who]).await })).await
}

async fn measure(shop: TestDb) {
    make_effects(&shop.db).await;
    let start = Instant::now();
    for round in 0..50 {
        let results = join_all((0..64).map(|n| insert(&shop.db, format!("{round} {n}")))).await;
        assert!(results.iter().all(Result::is_ok));
    }
    println!("{:.0} commands/s by 64 callers", 3200.0 / start.elapsed().as_secs_f64());
    let start = Instant::now();
    for n in 0..500 {
        insert(&shop.db, format!("alone {n}")).await.unwrap();
    }
    println!("{:.2} ms a command by one caller", start.elapsed().as_secs_f64() * 2.0);

    let (told, mut times) = mpsc::unbounded_channel();
    let running = Runner::new(shop.db.clone()).subscriber(Stopwatch(told)).start();
    running.settle().await.unwrap();
    let mut took: Vec<Duration> = Vec::new();
    for n in 0..300 {
        let subject = format!("{n}");
        append(&shop.db, &[(subject.as_str(), subject.as_str())]).await;
        let committed = Instant::now();
        took.push(times.recv().await.unwrap().saturating_duration_since(committed));
    }
    took.sort();
    println!("from a commit to its subscriber: median {:?}, 99th percentile {:?}", took[150], took[297]);
    running.shutdown().await;
}

#[test]
#[ignore = "a measurement"]
fn on_sqlite() {
    support::on_sqlite(measure);
}

#[test]
#[ignore = "a measurement"]
fn on_postgres() {
    support::on_postgres(measure);
}
