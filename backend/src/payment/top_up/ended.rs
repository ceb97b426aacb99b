//! How top-ups ended, and which have not, for those who ask: by the request, on their wallet's page, or back from their bank.

use std::time::Duration;

use domain::{Money, TopUpId, UserId};

use super::{MOVED, TOP_UP, TopUpEnd, TopUps, digest, store};
use crate::db::{DbError, Sql, Wake};
use crate::idempotency::RequestKey;
use crate::job;

/// A top-up as its shopper finds it who looks for its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    pub amount: Money,
    /// How it ended, if it has.
    pub end: Option<TopUpEnd>,
    /// It waits for its shopper, at their bank.
    pub confirm: bool,
}

/// How long their page waits for the bank's word, which travels by another way than they do.
const WAIT: Duration = Duration::from_secs(2);
/// What another process wrote is not always told.
const LOOK: Duration = Duration::from_millis(100);

impl TopUps {
    /// The top-up of this request, and how it ended, if it has; `None` where it was never wanted.
    pub async fn of_request(&self, sql: &mut impl Sql, key: &RequestKey) -> Result<Option<(TopUpId, Option<TopUpEnd>)>, DbError> {
        Ok(store::find_by_request(sql, &digest(key)).await?.map(|row| (row.id, row.end())))
    }

    /// Which of a shopper's top-ups, and over how much, have no answer yet, the oldest first; without those that wait for the shopper.
    pub async fn undecided(&self, sql: &mut impl Sql, user: UserId) -> Result<Vec<(TopUpId, Money)>, DbError> {
        store::undecided(sql, user).await
    }

    /// A top-up whose shopper looks for its end, as back from their bank, which is waited for a moment; `None` where they have no such
    /// top-up.
    pub async fn returned(&self, user: UserId, id: TopUpId) -> Result<Option<Looked>, DbError> {
        // Before the first look, so that no end is missed between it and the wait.
        let woken = self.db.wakes().listen(|wake| matches!(wake, Wake::Job(kind) if kind == MOVED));
        let Some(mut row) = store::find(&mut self.db.reader(), id).await?.filter(|row| row.user == user) else { return Ok(None) };
        if row.end().is_none() && row.reference.is_some() {
            // The provider's notice may be late, or lost: it is asked now. One that has never answered is asked only so often.
            let key = id.to_string();
            self.db.transaction(move |tx| Box::pin(async move { job::hurry_in(tx, TOP_UP, &key).await })).await?;
        }
        let end = async {
            while row.end().is_none() {
                tokio::select! {
                    () = woken.woken() => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
                if let Some(now) = store::find(&mut self.db.reader(), id).await? {
                    row = now;
                }
            }
            Ok::<_, DbError>(())
        };
        if let Ok(ended) = tokio::time::timeout(WAIT, end).await {
            ended?;
        }
        Ok(Some(Looked { amount: row.amount, end: row.end(), confirm: row.action_url.is_some() }))
    }
}
