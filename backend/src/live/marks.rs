//! The subscriber: it marks what events change, and, where it is taken over, what whoever had it may not have published.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::topic::Topic;
use tokio::sync::watch;

use super::{Changed, NAME, affected};
use crate::db::{Db, DbError, Sql, Tx};
use crate::log::{self, Recorded};
use crate::subscriber::{Able, HandlerError, Subscriber};

/// Events that a process may have left unpublished when it ended: more than one batch. So many are read at once.
const RECENT: i64 = 512;
/// What a process has marked for so long is published, or it has given the subscriber up: a broker that froze is
/// noticed 12 s after the next message, one that drops what it acknowledges after 25 s, and then it has 5 s to come back.
const UNTOLD: Duration = Duration::from_mins(1);

/// What the events after one position of the log and up to another one change.
pub(super) async fn changed_between(sql: &mut impl Sql, mut after: i64, until: i64) -> Result<BTreeSet<Topic>, DbError> {
    let mut changed = BTreeSet::new();
    while after < until {
        let events = log::read(sql, after, affected::TYPES, RECENT).await?;
        let Some(last) = events.last() else { break };
        after = last.position;
        // What cannot be read is parked where it was handled, and no matter of this.
        let readable = events.iter().filter(|event| event.position <= until).filter_map(|event| event.event().ok());
        changed.extend(readable.flat_map(affected::affected));
    }
    Ok(changed)
}

/// Marks what events change.
pub struct LiveSubscriber {
    db: Db,
    changed: Arc<Changed>,
    able: watch::Receiver<bool>,
}

impl LiveSubscriber {
    pub(super) fn new(db: Db, changed: Arc<Changed>, able: watch::Receiver<bool>) -> Self {
        Self { db, changed, able }
    }
}

#[async_trait]
impl Subscriber for LiveSubscriber {
    fn name(&self) -> &'static str {
        NAME
    }

    fn types(&self) -> &'static [&'static str] {
        affected::TYPES
    }

    /// What is told anew is only what is true now.
    fn projection(&self) -> bool {
        true
    }

    /// Without the broker nothing that is marked is told: others, who reach it, must not find the cursor moved on.
    fn able(&self) -> Able {
        Able::told(self.able.clone())
    }

    /// The process that had it before may have ended, or lost its way to the broker, with topics marked and not published: everything
    /// that is retained is marked again, and what the newest events changed.
    async fn taken_over(&self, position: i64) -> Result<(), DbError> {
        let mut reader = self.db.reader();
        let after = log::before_newest(&mut reader, position, RECENT, UNTOLD).await?;
        self.changed.mark(changed_between(&mut reader, after, position).await?);
        self.changed.mark_all();
        Ok(())
    }

    /// What an event tells is committed, or it would not be here; marking a topic twice does no harm, and not at all is
    /// made up for by the next who takes over. So this need not wait for the cursor's own commit.
    async fn handle_in(&self, _tx: &mut Tx, event: &Recorded) -> Result<(), HandlerError> {
        self.changed.mark(affected::affected(event.event()?));
        Ok(())
    }
}
