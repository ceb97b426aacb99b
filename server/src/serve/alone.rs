//! Without a broker outside, the one inside is the only one there may be: a second process on the same PostgreSQL would
//! tell its visitors nothing of what happens in the first.

use std::time::{Duration, Instant};

use anyhow::bail;
use backend::db::Db;
use backend::lease;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

const LEASE: &str = "mqtt.broker";
/// Longer than a lease lasts: a server that was killed leaves one behind.
const PATIENCE: Duration = Duration::from_secs(7);
const ASK: Duration = Duration::from_millis(250);
const RENEW: Duration = Duration::from_millis(1_500);

/// The right to be the only one.
pub struct Alone {
    db: Db,
    holder: Uuid,
    lost: watch::Receiver<bool>,
    keeper: JoinHandle<()>,
}

impl Alone {
    /// Takes the right where it matters: on PostgreSQL, without a broker outside. An error where another process has it and
    /// keeps it.
    pub async fn take(db: &Db, broker_outside: bool) -> anyhow::Result<Option<Self>> {
        if broker_outside || !db.is_postgres() {
            return Ok(None);
        }
        let (holder, begun) = (Uuid::now_v7(), Instant::now());
        let mut told = false;
        while lease::acquire(db, LEASE.to_owned(), holder, false).await?.is_none() {
            if begun.elapsed() > PATIENCE {
                bail!(
                    "another orderly serves this database already, and without a broker outside there can be one only: stop it, \
                     or set MQTT_URL=mqtt://HOST:PORT for both"
                );
            }
            if !told {
                tracing::info!("another orderly serves this database, or has not ended properly; waiting for its lease to end");
                told = true;
            }
            tokio::time::sleep(ASK).await;
        }
        let (lose, lost) = watch::channel(false);
        let keeper = tokio::spawn(keep(db.clone(), holder, lose));
        Ok(Some(Self { db: db.clone(), holder, lost, keeper }))
    }

    /// Lets the next one start at once.
    pub async fn give_back(self) {
        self.keeper.abort();
        if let Err(error) = lease::release(&self.db, self.holder).await {
            tracing::warn!(%error, "the lease was not given back; the next server waits until it ends");
        }
    }
}

async fn keep(db: Db, holder: Uuid, lose: watch::Sender<bool>) {
    loop {
        tokio::time::sleep(RENEW).await;
        match lease::renew(&db, holder).await {
            Ok(0) => {
                lose.send_replace(true);
                return;
            }
            Ok(_) => {}
            // The database is away: nobody else gets the lease from it either.
            Err(error) => tracing::warn!(%error, "the broker's lease was not renewed"),
        }
    }
}

/// Resolves, with an error, when another process has taken over.
pub async fn lost(alone: Option<&Alone>) -> anyhow::Result<()> {
    let Some(alone) = alone else { return std::future::pending().await };
    let mut lost = alone.lost.clone();
    // The sender goes only after it has told.
    let _ = lost.wait_for(|lost| *lost).await;
    bail!("another orderly has taken over this database while this process was away; it ends")
}
