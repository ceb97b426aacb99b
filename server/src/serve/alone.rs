//! Without a broker outside, the one inside is the only one there may be: a second process on the same database would
//! tell its visitors nothing of what happens in the first. On PostgreSQL a lease decides, on SQLite a lock on a file
//! beside the database, which the operating system takes back however the process ends. Processes with a broker outside have
//! a lease each on PostgreSQL, so that none with one inside comes to stand beside them, nor they beside it.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use backend::db::Db;
use backend::lease;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

const INSIDE: &str = "mqtt.broker";
/// The same for each process that has a broker outside, and its number.
const OUTSIDE: &str = "mqtt.outside.";
/// Longer than a lease lasts: a server that was killed leaves one behind.
const PATIENCE: Duration = Duration::from_secs(7);
const ASK: Duration = Duration::from_millis(250);
const RENEW: Duration = Duration::from_millis(1_500);

/// The right to be the only one.
pub enum Alone {
    /// SQLite: as long as the file is open.
    Locked(#[expect(dead_code, reason = "held, not read: the lock ends with it")] File),
    /// PostgreSQL: as long as the lease is renewed.
    Leased(Leased),
}

/// A lease, and the task that renews it.
pub struct Leased {
    db: Db,
    holder: Uuid,
    lost: watch::Receiver<bool>,
    keeper: JoinHandle<()>,
}

impl Alone {
    /// Takes the right to be the only one, or with a broker outside the right to be one of several. An error where another
    /// process has the other right and keeps it.
    pub async fn take(db: &Db, broker_outside: bool) -> anyhow::Result<Option<Self>> {
        Ok(match (db.file(), broker_outside) {
            (Some(_), true) => None,
            (Some(file), false) => Some(Self::Locked(lock(file)?)),
            (None, _) => Some(Self::Leased(Leased::take(db, broker_outside).await?)),
        })
    }

    /// Lets the next one start at once.
    pub async fn give_back(self) {
        let Self::Leased(leased) = self else { return };
        leased.keeper.abort();
        if let Err(error) = lease::release(&leased.db, leased.holder).await {
            tracing::warn!(%error, "the lease was not given back; the next server waits until it ends");
        }
    }
}

fn lock(database: &Path) -> anyhow::Result<File> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let named = || format!("the lock {} cannot be used", Path::new(&path).display());
    let file = File::options().create(true).truncate(false).write(true).open(&path).with_context(named)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "another orderly serves {} already, and without a broker outside there can be one only: stop it, or name another \
             file in DATABASE_URL",
            database.display()
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(named),
    }
}

impl Leased {
    async fn take(db: &Db, broker_outside: bool) -> anyhow::Result<Self> {
        let (holder, begun) = (Uuid::now_v7(), Instant::now());
        let (own, others) = if broker_outside { (format!("{OUTSIDE}{holder}"), INSIDE) } else { (INSIDE.to_owned(), OUTSIDE) };
        let mut told = false;
        // One's own first: of two that start at once, at least one sees the other.
        while lease::acquire(db, own.clone(), holder, false).await?.is_none() || lease::is_held(db, others).await? {
            if begun.elapsed() > PATIENCE {
                lease::release(db, holder).await?;
                bail!(
                    "another orderly serves this database already, and without a broker outside there can be one only: stop it, \
                     or set the same MQTT_URL=mqtt://HOST:PORT for all"
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
        Ok(Self { db: db.clone(), holder, lost, keeper })
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
    let Some(Alone::Leased(leased)) = alone else { return std::future::pending().await };
    let mut lost = leased.lost.clone();
    // The sender goes only after it has told.
    let _ = lost.wait_for(|lost| *lost).await;
    bail!("another orderly has taken over this database while this process was away; it ends")
}
