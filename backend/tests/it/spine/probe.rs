//! A subscriber for tests: it remembers what it was told, and does with each event what the test wants.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backend::args;
use backend::db::{Db, DbError, Sql as _, Tx};
use backend::log::{self, NewEvent, Recorded};
use backend::subscriber::{Able, HandlerError, Subscriber};
use domain::event::StoreOpened;
use tokio::sync::{Semaphore, watch};

/// What to do with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    Handle,
    Refuse,
    Panic,
    /// A statement that the database does not understand.
    Nonsense,
    /// Wait inside the transaction until the test lets it go on.
    WaitInside,
}

type React = Box<dyn Fn(&Recorded) -> Reaction + Send + Sync>;

/// Clones share everything.
#[derive(Clone)]
pub struct Probe(Arc<Inner>);

struct Inner {
    who: &'static str,
    name: &'static str,
    react: Mutex<React>,
    handled: Mutex<Vec<String>>,
    /// One permit for each time a handler has come to its waiting place, and one for each that may go on.
    pub arrived: Semaphore,
    pub go_on: Semaphore,
    hold_after: Mutex<bool>,
    able: watch::Sender<bool>,
    taken_over: Mutex<Vec<i64>>,
}

impl Probe {
    /// A probe that handles everything, and writes `who` into the table `effect`.
    pub fn new(name: &'static str, who: &'static str) -> Self {
        Self(Arc::new(Inner {
            who,
            name,
            react: Mutex::new(Box::new(|_| Reaction::Handle)),
            handled: Mutex::default(),
            arrived: Semaphore::new(0),
            go_on: Semaphore::new(0),
            hold_after: Mutex::new(false),
            able: watch::Sender::new(true),
            taken_over: Mutex::default(),
        }))
    }

    pub fn reacts(&self, react: impl Fn(&Recorded) -> Reaction + Send + Sync + 'static) {
        *self.0.react.lock().unwrap() = Box::new(react);
    }

    /// From now on it waits after each commit.
    pub fn holds_after_commit(&self) {
        *self.0.hold_after.lock().unwrap() = true;
    }

    /// From now on it can do its work, or cannot.
    pub fn is_able(&self, able: bool) {
        self.0.able.send_replace(able);
    }

    /// Where it was taken over.
    pub fn taken_over(&self) -> Vec<i64> {
        self.0.taken_over.lock().unwrap().clone()
    }

    /// Waits until a handler waits.
    pub async fn arrived(&self) {
        self.0.arrived.acquire().await.unwrap().forget();
    }

    pub fn go_on(&self) {
        self.0.go_on.add_permits(1);
    }

    /// The subjects it was told to be handled, in order.
    pub fn handled(&self) -> Vec<String> {
        self.0.handled.lock().unwrap().clone()
    }

    async fn wait(&self) {
        self.0.arrived.add_permits(1);
        self.0.go_on.acquire().await.unwrap().forget();
    }
}

#[async_trait]
impl Subscriber for Probe {
    fn name(&self) -> &'static str {
        self.0.name
    }

    fn types(&self) -> &'static [&'static str] {
        &[StoreOpened::TYPE]
    }

    fn projection(&self) -> bool {
        self.0.name == "probe.projection"
    }

    fn able(&self) -> Able {
        Able::told(self.0.able.subscribe())
    }

    async fn taken_over(&self, position: i64) -> Result<(), DbError> {
        self.0.taken_over.lock().unwrap().push(position);
        Ok(())
    }

    async fn handle_in(&self, tx: &mut Tx, event: &Recorded) -> Result<(), HandlerError> {
        tx.execute("insert into effect (who, subject) values ($1, $2)", args![self.0.who, &event.subject]).await?;
        let reaction = (*self.0.react.lock().unwrap())(event);
        match reaction {
            Reaction::Handle => {}
            Reaction::Refuse => return Err(HandlerError::new("not today")),
            Reaction::Panic => panic!("as the test wants"),
            Reaction::Nonsense => tx.execute("insert into nowhere values (1)", args![]).await.map(drop)?,
            Reaction::WaitInside => self.wait().await,
        }
        Ok(())
    }

    async fn after_commit(&self, events: &[Recorded]) {
        self.0.handled.lock().unwrap().extend(events.iter().map(|event| event.subject.clone()));
        let hold = *self.0.hold_after.lock().unwrap();
        if hold {
            self.wait().await;
        }
    }

    async fn reset_in(&self, tx: &mut Tx) -> Result<(), DbError> {
        tx.execute("delete from effect where who = $1", args![self.0.who]).await.map(drop)
    }
}

/// The table that probes write to.
pub async fn make_effects(db: &Db) {
    db.transaction(|tx| {
        Box::pin(async move { tx.execute("create table effect (who text not null, subject text not null)", args![]).await })
    })
    .await
    .map_err(|error: DbError| error)
    .expect("the table is made");
}

/// Who did it to what, sorted.
pub async fn effects(db: &Db) -> Vec<(String, String)> {
    let rows = db.reader().fetch_all("select who, subject from effect order by subject, who", args![]).await.expect("effects are read");
    rows.iter().map(|row| (row.get("who").unwrap(), row.get("subject").unwrap())).collect()
}

/// An event about `subject` in `stream`.
pub fn opened(subject: &str, stream: &str) -> NewEvent {
    NewEvent::new(StoreOpened { store: "harbor".parse().expect("a slug") }, subject).in_stream(stream)
}

/// Appends events, each in a transaction of its own.
pub async fn append(db: &Db, events: &[(&str, &str)]) {
    for (subject, stream) in events {
        let event = opened(subject, stream);
        db.transaction(|tx| Box::pin(async move { log::append_in(tx, event).await }))
            .await
            .map_err(|error: DbError| error)
            .expect("appended");
    }
}
