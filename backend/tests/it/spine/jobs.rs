//! Jobs: at least once outside, once in the book.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backend::args;
use backend::db::{Db, DbError, Sql as _, Tx};
use backend::job::{self, Job, JobHandler, JobOutcome};
use backend::runner::Runner;
use backend::subscriber::HandlerError;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::probe::{effects, make_effects};
use crate::support::on_both_databases;

const KIND: &str = "probe.call";

type Answer = Box<dyn Fn(&Job) -> JobOutcome + Send + Sync>;

/// Calls the outside, which remembers each attempt; the end is written into `effect`.
#[derive(Clone)]
struct Caller(Arc<Outside>);

struct Outside {
    attempts: Mutex<Vec<(String, i64)>>,
    answer: Mutex<Answer>,
    /// Where an attempt waits outside: (arrived, go on).
    gate: Option<(Semaphore, Semaphore)>,
}

impl Caller {
    fn new(answer: impl Fn(&Job) -> JobOutcome + Send + Sync + 'static) -> Self {
        Self(Arc::new(Outside { attempts: Mutex::default(), answer: Mutex::new(Box::new(answer)), gate: None }))
    }

    fn gated(answer: impl Fn(&Job) -> JobOutcome + Send + Sync + 'static) -> Self {
        let gate = Some((Semaphore::new(0), Semaphore::new(0)));
        Self(Arc::new(Outside { attempts: Mutex::default(), answer: Mutex::new(Box::new(answer)), gate }))
    }

    fn attempts(&self) -> Vec<(String, i64)> {
        let mut attempts = self.0.attempts.lock().unwrap().clone();
        attempts.sort();
        attempts
    }
}

#[async_trait]
impl JobHandler for Caller {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn max_attempts(&self) -> i64 {
        3
    }

    async fn run(&self, job: &Job) -> JobOutcome {
        self.0.attempts.lock().unwrap().push((job.key.clone(), job.attempt));
        if let Some((arrived, go_on)) = &self.0.gate {
            arrived.add_permits(1);
            go_on.acquire().await.unwrap().forget();
        }
        (*self.0.answer.lock().unwrap())(job)
    }

    async fn done_in(&self, tx: &mut Tx, job: &Job, output: Value) -> Result<(), HandlerError> {
        assert_eq!(output, job.payload);
        tx.execute("insert into effect (who, subject) values ('done', $1)", args![&job.key]).await?;
        Ok(())
    }

    async fn dead_in(&self, tx: &mut Tx, job: &Job, error: &str) -> Result<(), HandlerError> {
        assert_eq!(error, "no");
        tx.execute("insert into effect (who, subject) values ('dead', $1)", args![&job.key]).await?;
        Ok(())
    }
}

async fn enqueue(db: &Db, key: &'static str) -> bool {
    db.transaction(move |tx| Box::pin(async move { job::enqueue_in(tx, KIND, key, json!({ "n": key })).await }))
        .await
        .map_err(|error: DbError| error)
        .unwrap()
}

async fn ends(db: &Db) -> Vec<String> {
    effects(db).await.into_iter().map(|(how, key)| format!("{how} {key}")).collect()
}

fn attempt(key: &str, nth: i64) -> (String, i64) {
    (key.to_owned(), nth)
}

on_both_databases! {
    async fn a_job_is_run_and_ends_once_with_two_processes(shop) {
        make_effects(&shop.db).await;
        let caller = Caller::new(|job| JobOutcome::Done(job.payload.clone()));
        let second = shop.second().await;
        let first_runner = Runner::new(shop.db.clone()).job(caller.clone()).start();
        let second_runner = Runner::new(second.clone()).job(caller.clone()).start();
        // On SQLite a process that starts takes what is claimed for its own: both have started before there is any.
        first_runner.settle().await.unwrap();
        second_runner.settle().await.unwrap();
        for key in ["a", "b", "c", "d", "e", "f"] {
            assert!(enqueue(&shop.db, key).await);
        }
        assert!(!enqueue(&second, "a").await, "one job a key");
        first_runner.settle().await.unwrap();
        second_runner.settle().await.unwrap();
        assert_eq!(ends(&shop.db).await, ["done a", "done b", "done c", "done d", "done e", "done f"]);
        assert!(!enqueue(&second, "a").await, "also when it is done");
        first_runner.settle().await.unwrap();
        assert_eq!(caller.attempts().len(), 6);
        first_runner.shutdown().await;
        second_runner.shutdown().await;
        second.close().await;
    }

    async fn a_failing_job_is_put_off_and_dies_in_the_end(shop) {
        make_effects(&shop.db).await;
        let caller = Caller::new(|job| match (job.key.as_str(), job.attempt) {
            ("second", 2) => JobOutcome::Done(job.payload.clone()),
            ("never", _) => JobOutcome::Dead("no".to_owned()),
            _ => JobOutcome::retry("no"),
        });
        let running = Runner::new(shop.db.clone()).job(caller.clone()).start();
        for key in ["always", "never", "second"] {
            enqueue(&shop.db, key).await;
        }
        running.settle().await.unwrap();
        assert_eq!(caller.attempts(), [attempt("always", 1), attempt("never", 1), attempt("second", 1)]);
        shop.hands.advance(Duration::from_millis(999));
        running.settle().await.unwrap();
        assert_eq!(caller.attempts().len(), 3, "not before its time");
        shop.hands.advance(Duration::from_millis(1));
        running.settle().await.unwrap();
        assert_eq!(ends(&shop.db).await, ["dead never", "done second"]);
        shop.hands.advance(Duration::from_secs(2));
        let left = running.settle().await.unwrap().dead;
        assert_eq!(ends(&shop.db).await, ["dead always", "dead never", "done second"]);
        let dead: Vec<_> = left.iter().map(|job| (job.key.as_str(), job.error.as_str(), job.attempts)).collect();
        assert_eq!(dead, [("always", "no", 3), ("never", "no", 1)]);

        *caller.0.answer.lock().unwrap() = Box::new(|job| JobOutcome::Done(job.payload.clone()));
        let retry = |key: &'static str| shop.db.transaction(move |tx| Box::pin(job::retry_in(tx, KIND, key)));
        assert!(retry("always").await.unwrap());
        assert!(!retry("second").await.unwrap());
        running.settle().await.unwrap();
        assert_eq!(ends(&shop.db).await, ["dead always", "done always", "dead never", "done second"]);
        running.shutdown().await;
    }

    async fn a_job_of_a_killed_process_is_run_again_and_ends_once(shop) {
        make_effects(&shop.db).await;
        let killed = Caller::gated(|job| JobOutcome::Done(job.payload.clone()));
        let running = Runner::new(shop.db.clone()).job(killed.clone()).start();
        enqueue(&shop.db, "a").await;
        killed.0.gate.as_ref().unwrap().0.acquire().await.unwrap().forget();
        drop(running);

        let caller = Caller::new(|job| JobOutcome::Done(job.payload.clone()));
        shop.hands.advance(Duration::from_secs(11));
        let running = Runner::new(shop.db.clone()).job(caller.clone()).start();
        running.settle().await.unwrap();
        assert_eq!((killed.attempts(), caller.attempts()), (vec![attempt("a", 1)], vec![attempt("a", 2)]));
        assert_eq!(ends(&shop.db).await, ["done a"]);
        running.shutdown().await;
    }

    async fn an_attempt_that_lost_its_claim_ends_nothing(shop) {
        make_effects(&shop.db).await;
        let slow = Caller::gated(|job| JobOutcome::Done(job.payload.clone()));
        let running = Runner::new(shop.db.clone()).job(slow.clone()).start();
        enqueue(&shop.db, "a").await;
        slow.0.gate.as_ref().unwrap().0.acquire().await.unwrap().forget();
        let steal = "update job set claim = 'another', next_at = next_at + 3600000 where key = 'a'";
        shop.db.transaction(move |tx| Box::pin(async move { tx.execute(steal, args![]).await })).await.map_err(|e: DbError| e).unwrap();
        slow.0.gate.as_ref().unwrap().1.add_permits(1);
        running.shutdown().await;
        assert!(ends(&shop.db).await.is_empty());
        let row = shop.db.reader().fetch_one("select status, claim from job", args![]).await.unwrap();
        assert_eq!((row.get("status"), row.get("claim")), (Ok("ready".to_owned()), Ok("another".to_owned())));
    }
}
