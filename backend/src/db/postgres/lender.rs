//! Connections to PostgreSQL, lent to one transaction or one statement at a time.
//!
//! sqlx's own pool asks for a sign of life when a connection is taken and again when it comes back, which doubles the round
//! trips of a short transaction and triples those of a single read. Here one that was used a moment ago is trusted: should
//! it be dead after all, whoever begins with it takes another. One that is dropped in the middle of something is closed,
//! and with it whatever it had begun.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Executor as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::db::DbError;

/// How many connections there are at most, and how many of them commands leave to readers: a lock that many commands wait for
/// must not keep anybody from looking.
#[derive(Debug, Clone, Copy)]
pub(in crate::db) struct Places {
    pub most: u32,
    pub for_readers: u32,
}

/// How long somebody waits for one, and for a server that has taken a connection to say something on it.
const WAIT: Duration = Duration::from_secs(5);
/// How long a read may take. The server itself stops what takes longer than its own limit; one that hangs stops nothing.
const READ: Duration = Duration::from_secs(10);
/// How long a statement of a transaction, or its end, may take: more than the server's own limit, which then says why.
const STATEMENT: Duration = Duration::from_secs(35);
/// One that has rested for longer is asked whether it lives.
const TRUSTED: Duration = Duration::from_secs(1);
/// One that nobody has needed for so long is closed.
const IDLE: Duration = Duration::from_mins(10);
/// None grows older: the server's memory of what it has seen grows with it.
const LIFETIME: Duration = Duration::from_mins(30);

/// A connection at rest.
struct Resting {
    conn: PgConnection,
    born: Instant,
    since: Instant,
}

/// Who lends them.
pub(in crate::db) struct Lender {
    options: PgConnectOptions,
    places: Places,
    /// The one that was used last is lent first.
    resting: Mutex<Vec<Resting>>,
    hands: Arc<Semaphore>,
    commands: Arc<Semaphore>,
}

/// A connection that is lent. It comes back by [`Lent::give_back`] and no other way.
pub(in crate::db) struct Lent {
    conn: PgConnection,
    born: Instant,
    /// It was used before, and may have died since.
    used: bool,
    lender: Arc<Lender>,
    _hand: OwnedSemaphorePermit,
    /// Of a command.
    _command: Option<OwnedSemaphorePermit>,
}

impl Lender {
    pub(in crate::db) fn new(options: PgConnectOptions, places: Places) -> Self {
        let so_many = |most: u32| Arc::new(Semaphore::new(most as usize));
        let (hands, commands) = (so_many(places.most), so_many(places.most - places.for_readers));
        Self { options, places, resting: Mutex::default(), hands, commands }
    }

    /// Lends a connection; a new one where none rests.
    pub(in crate::db) async fn lend(self: &Arc<Self>) -> Result<Lent, DbError> {
        let hand = tokio::time::timeout(WAIT, self.hands.clone().acquire_owned()).await;
        let hand = hand.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        while let Some(Resting { mut conn, born, since }) = self.pop() {
            if since.elapsed() < TRUSTED || within(WAIT, conn.ping()).await?.is_ok() {
                return Ok(Lent { conn, born, used: true, lender: self.clone(), _hand: hand, _command: None });
            }
        }
        let conn = tokio::time::timeout(WAIT, PgConnection::connect_with(&self.options)).await;
        let conn = conn.map_err(|_| sqlx::Error::PoolTimedOut)??;
        Ok(Lent { conn, born: Instant::now(), used: false, lender: self.clone(), _hand: hand, _command: None })
    }

    /// Lends a connection in the transaction of a command.
    pub(in crate::db) async fn command(self: &Arc<Self>) -> Result<Lent, DbError> {
        let command = tokio::time::timeout(WAIT, self.commands.clone().acquire_owned()).await;
        let command = command.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let lent = self.begin("begin isolation level read committed").await?;
        Ok(Lent { _command: Some(command), ..lent })
    }

    /// Lends a connection in the transaction of a reader.
    pub(in crate::db) async fn snapshot(self: &Arc<Self>) -> Result<Lent, DbError> {
        self.begin("begin isolation level repeatable read read only").await
    }

    async fn begin(self: &Arc<Self>, how: &'static str) -> Result<Lent, DbError> {
        loop {
            let mut lent = self.lend().await?;
            match within(WAIT, lent.conn.execute(how)).await?.map_err(DbError::from) {
                Ok(_) => return Ok(lent),
                // Nothing was begun.
                Err(DbError::Unavailable(_)) if lent.used => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Runs a statement outside a transaction; again, where the connection has died at rest or on the way.
    pub(in crate::db) async fn read<T, F>(self: &Arc<Self>, read: impl Fn(Lent) -> F) -> Result<T, DbError>
    where
        F: Future<Output = (Lent, Result<T, sqlx::Error>)>,
    {
        loop {
            let (lent, answer) = within(READ, read(self.lend().await?)).await?;
            match answer.map_err(DbError::from) {
                Err(DbError::Unavailable(_)) if lent.used => {}
                Err(error @ DbError::Unavailable(_)) => return Err(error),
                answer => {
                    lent.give_back();
                    return answer;
                }
            }
        }
    }

    /// Waits until all have come back, and closes them.
    pub(in crate::db) async fn close(&self) {
        let all = self.hands.acquire_many(self.places.most).await;
        self.hands.close();
        while let Some(resting) = self.pop() {
            // It ends one way or the other.
            let _ = resting.conn.close().await;
        }
        drop(all);
    }

    fn pop(&self) -> Option<Resting> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// What a server answers, unless it hangs. Whoever is dropped then takes the connection along.
async fn within<A>(time: Duration, answer: impl Future<Output = A>) -> Result<A, DbError> {
    let answered = tokio::time::timeout(time, answer).await;
    answered.map_err(|_| DbError::Unavailable(format!("it says nothing for {} s", time.as_secs())))
}

impl Lent {
    pub(in crate::db) fn conn(&mut self) -> &mut PgConnection {
        &mut self.conn
    }

    /// What the server answers to a statement of a transaction; an error where it hangs.
    pub(in crate::db) async fn answer<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, DbError> {
        within(STATEMENT, answer).await?.map_err(DbError::from)
    }

    /// Ends the transaction with `how`, and gives the connection back.
    pub(in crate::db) async fn end(mut self, how: &'static str) -> Result<(), DbError> {
        Self::answer(self.conn.execute(how)).await?;
        self.give_back();
        Ok(())
    }

    /// It is at rest: no transaction is open, no answer is under way.
    pub(in crate::db) fn give_back(self) {
        let Self { conn, born, lender, _hand, .. } = self;
        let since = Instant::now();
        let mut resting = lender.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|resting| since - resting.since < IDLE);
        if since - born < LIFETIME {
            resting.push(Resting { conn, born, since });
        }
    }
}
