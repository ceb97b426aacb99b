//! The ground that tests stand on: an empty shop on SQLite and on PostgreSQL, with a clock that the test moves.

mod cluster;

use std::future::Future;
use std::time::Duration;

use backend::clock::{Clock, Hands};
use backend::db::Db;
use domain::Timestamp;

pub use cluster::Cluster;

/// No test may take longer: one that waits for what never comes fails instead of hanging. The longest takes a minute on two busy
/// cores.
const LIMIT: Duration = Duration::from_mins(4);

/// How often a race is run: `ORDERLY_RACES`, which `make races` sets to 50, else twice.
pub fn rounds() -> u32 {
    std::env::var("ORDERLY_RACES").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(2)
}

/// When every test begins: 2026-11-22T08:00:00Z.
pub const START: Timestamp = Timestamp::from_millis(1_795_334_400_000);

/// A migrated database of the test's own.
pub struct TestDb {
    /// The database.
    pub db: Db,
    /// Its address, for a second process.
    pub url: String,
    /// Its clock.
    pub clock: Clock,
    /// What moves the clock.
    pub hands: Hands,
}

impl TestDb {
    /// Opens and migrates the database at `url`, at [`START`].
    pub async fn open(url: String) -> Self {
        let (clock, hands) = Clock::manual(START);
        let db = Db::open(&url, clock.clone()).await.expect("the database opens");
        db.migrate().await.expect("the schema is made");
        Self { db, url, clock, hands }
    }

    /// The same database as another process sees it: with connections of its own.
    pub async fn second(&self) -> Db {
        Db::open(&self.url, self.clock.clone()).await.expect("the database opens again")
    }
}

/// Runs `test` on a new SQLite file.
pub fn on_sqlite<F: Future<Output = ()>>(test: impl FnOnce(TestDb) -> F) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite:{}", folder.path().join("orderly.db").display());
    run(url, test);
}

/// Runs `test` on a new database of the shared PostgreSQL.
pub fn on_postgres<F: Future<Output = ()>>(test: impl FnOnce(TestDb) -> F) {
    let url = Cluster::shared().new_database();
    run(url, test);
}

fn run<F: Future<Output = ()>>(url: String, test: impl FnOnce(TestDb) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let test_db = TestDb::open(url).await;
        let db = test_db.db.clone();
        tokio::time::timeout(LIMIT * rounds().div_ceil(5), test(test_db)).await.expect("the test ends in time");
        db.close().await;
    });
}

/// Writes the same test once for both databases: `on_both_databases! { async fn name(shop) { … } }`, where `shop` is a
/// [`TestDb`]. They run as `name::on_sqlite` and `name::on_postgres`.
macro_rules! on_both_databases {
    ($($(#[$meta:meta])* async fn $name:ident($shop:ident) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "a test may need nothing from around it")]
            use super::*;

            async fn test($shop: $crate::support::TestDb) $body

            #[test]
            fn on_sqlite() {
                $crate::support::on_sqlite(test);
            }

            #[test]
            fn on_postgres() {
                $crate::support::on_postgres(test);
            }
        }
    )*};
}
pub(crate) use on_both_databases;
