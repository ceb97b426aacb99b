//! The shop itself: what it remembers, decides and does. It names neither a page nor a route.
//!
//! The spine, in reading order: the [`clock`], the database ([`db`]), the [`log`] of facts, who follows it
//! ([`subscriber`]), what is to happen later ([`timer`]) or outside ([`job`]), who does it alone ([`lease`]), and the
//! [`runner`] that keeps all of them going. Every context stands on these and only these.
//!
//! The contexts: [`identity`] (who is asking, and what they may do), [`stores`] and [`catalog`] (what is sold, where and
//! for how much), [`inventory`] (what is there of it); [`seed`] fills them for a demo or a bench.

pub mod catalog;
pub mod clock;
pub mod db;
pub mod idempotency;
pub mod identity;
pub mod inventory;
pub mod job;
pub mod lease;
pub mod log;
pub mod refused;
pub mod runner;
pub mod seed;
pub mod stores;
pub mod subscriber;
pub mod timer;

use std::path::PathBuf;

use clock::Clock;
use db::{Db, DbError};
use identity::{Identities, IdentityError, Secret};
use runner::Runner;

/// What the shop needs to be told.
#[derive(Debug, Clone)]
pub struct BackendSettings {
    /// `sqlite:FILE` or `postgres://…`.
    pub database_url: Secret,
    /// Where images and the like are kept.
    pub data_dir: PathBuf,
    /// The card provider; `None`: the test provider inside the process.
    pub pay_url: Option<String>,
    /// What signs cookies, tickets and codes, the first one; empty: what the database keeps.
    pub secrets: Vec<Secret>,
    /// Order limits hold; off for load tests only.
    pub limits: bool,
}

/// The shop, open. Clones are the same shop.
#[derive(Clone)]
pub struct Backend {
    /// The database.
    pub db: Db,
    /// What time it is here.
    pub clock: Clock,
    /// Sessions, tokens, staff.
    pub identities: Identities,
}

/// Why the shop did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl Backend {
    /// Opens the database and brings its schema up to date. Nothing runs by itself yet, see [`Backend::runner`].
    pub async fn open(settings: BackendSettings, clock: Clock) -> Result<Self, OpenError> {
        let db = Db::open(settings.database_url.expose(), clock.clone()).await?;
        db.migrate().await?;
        let identities = Identities::open(db.clone(), &settings.secrets).await?;
        Ok(Self { db, clock, identities })
    }

    /// Everything that happens by itself: subscribers, timers and jobs of all contexts.
    pub fn runner(&self) -> Runner {
        Runner::new(self.db.clone())
    }

    /// Ends: what is queued is run, then the connections are closed.
    pub async fn close(&self) {
        self.db.close().await;
    }
}
