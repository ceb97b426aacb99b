//! What has had its time: codes that are too old, full buckets, sessions that are over.

use async_trait::async_trait;
use domain::Timestamp;
use serde_json::Value;

use super::session::GUEST_SECONDS;
use super::store;
use crate::db::Tx;
use crate::ordering;
use crate::subscriber::HandlerError;
use crate::timer::{self, TimerHandler};

const PURGE: &str = "identity.purge";
const EVERY_SECONDS: i64 = 3600;

/// Throws it away, every hour. Its timer is set by the migration that makes the tables, and then by itself.
pub struct Purge;

#[async_trait]
impl TimerHandler for Purge {
    fn kind(&self) -> &'static str {
        PURGE
    }

    async fn fire_in(&self, tx: &mut Tx, key: &str, payload: &Value, _due: Timestamp) -> Result<(), HandlerError> {
        let now = tx.now();
        // A session's row outlives its end for as long as its cookie could still pass for a guest's who has none.
        store::purge_in(tx, now.plus_seconds(-GUEST_SECONDS)).await?;
        ordering::purge_in(tx).await?;
        timer::set_in(tx, PURGE, key, now.plus_seconds(EVERY_SECONDS), payload.clone()).await?;
        Ok(())
    }
}
