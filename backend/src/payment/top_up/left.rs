//! What of top-ups is left to happen, for the operator.

use domain::{Timestamp, TopUpId};
use serde::Serialize;

use super::{TOP_UP, TOP_UP_VOID, TopUps};
use crate::db::{DbError, Sql, Tx};
use crate::job;

/// A top-up of which the card provider is still to be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftTopUp {
    pub top_up: TopUpId,
    /// For what: `charge`, or `void`, where it is over for its shopper and its money is let go of, or goes back.
    pub job: &'static str,
    /// It does not go on by itself.
    pub stuck: bool,
    /// Why its last attempt came to nothing.
    pub error: Option<String>,
    /// When it is tried again; `None` where nobody will.
    pub next_attempt: Option<Timestamp>,
}

impl TopUps {
    /// All of which something is left, the oldest first.
    pub async fn left(&self, sql: &mut impl Sql) -> Result<Vec<LeftTopUp>, DbError> {
        let mut left = Vec::new();
        for (kind, job) in [(TOP_UP, "charge"), (TOP_UP_VOID, "void")] {
            for (key, of_it) in job::left(sql, kind).await? {
                let top_up = key.parse().map_err(|_| DbError::Defect(format!("{key} is no top-up")))?;
                let stuck = of_it.is_given_up();
                left.push(LeftTopUp { top_up, job, stuck, error: of_it.error, next_attempt: of_it.next_at });
            }
        }
        left.sort_by_key(|left| left.top_up);
        Ok(left)
    }

    /// Those that do not go on by themselves.
    pub async fn stuck(&self, sql: &mut impl Sql) -> Result<Vec<LeftTopUp>, DbError> {
        let mut left = self.left(sql).await?;
        left.retain(|left| left.stuck);
        Ok(left)
    }

    /// Asks now for what is left of a top-up, if nobody does: that it is charged, or that its money is let go of, or goes back. False where
    /// nothing is left.
    pub async fn retry_in(&self, tx: &mut Tx, id: TopUpId) -> Result<bool, DbError> {
        let key = id.to_string();
        super::super::store::notice::want_failed_refund_again_in(tx, &key).await?;
        let begun = job::retry_in(tx, TOP_UP_VOID, &key).await? || job::retry_in(tx, TOP_UP, &key).await?;
        Ok(begun || job::is_wanted(tx, TOP_UP_VOID, &key).await? || job::is_wanted(tx, TOP_UP, &key).await?)
    }
}
