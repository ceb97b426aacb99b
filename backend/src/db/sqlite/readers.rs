//! The connections that read: lent one at a time, opened when all are out, at most [`READERS`].

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::DbError;
use super::super::args::Args;
use super::connection::{BUSY, Connection, Mode};
use super::place::Place;

/// As many reads at once as have ever helped: each runs on the thread that asks.
const READERS: usize = 16;

/// The pool. Clones are the same pool.
#[derive(Clone)]
pub(in super::super) struct Readers {
    place: Place,
    free: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

/// A connection out of the pool; it goes back when it is dropped, outside any transaction.
pub(in super::super) struct Lent {
    /// `None` only while it is dropped.
    conn: Option<Connection>,
    free: Arc<Mutex<Vec<Connection>>>,
    _permit: OwnedSemaphorePermit,
}

impl Readers {
    pub(super) fn new(place: Place) -> Self {
        Self { place, free: Arc::default(), permits: Arc::new(Semaphore::new(READERS)) }
    }

    pub(in super::super) async fn lend(&self) -> Result<Lent, DbError> {
        let closed = |_| DbError::Unavailable("the database is closed".to_owned());
        let permit = match tokio::time::timeout(BUSY, self.permits.clone().acquire_owned()).await {
            Ok(permit) => permit.map_err(closed)?,
            Err(_) => return Err(DbError::Unavailable("all connections of the database are busy".to_owned())),
        };
        // What is read of a file that is gone is of yesterday, and who asks for our readiness asks here.
        self.place.holds()?;
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = if let Some(conn) = free {
            conn
        } else {
            self.place.holds_now()?;
            Connection::open(self.place.path(), Mode::Read)?
        };
        Ok(Lent { conn: Some(conn), free: self.free.clone(), _permit: permit })
    }

    /// A connection in a transaction, which sees one moment.
    pub(in super::super) async fn begin(&self) -> Result<Lent, DbError> {
        let mut lent = self.lend().await?;
        lent.execute("begin", Args::default())?;
        Ok(lent)
    }

    /// Nothing is lent any more.
    pub(in super::super) fn close(&self) {
        self.permits.close();
        self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mut conn) = self.conn.take() else { return };
        // One that does not end its transaction, or has failed in a way not known well enough, is not lent again.
        if conn.in_transaction() && conn.execute("rollback", Args::default()).is_err() {
            return;
        }
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
    }
}

impl Deref for Lent {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match &self.conn {
            Some(conn) => conn,
            None => unreachable!("lent until dropped"),
        }
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Connection {
        match &mut self.conn {
            Some(conn) => conn,
            None => unreachable!("lent until dropped"),
        }
    }
}
