//! The check: proves from the database alone that nothing is lost and nothing is there twice.
//!
//! Every context says what must be true of its own tables (`store/invariants.rs`) and lends what the others are compared
//! with; what is between them is compared here. All of it is read in one snapshot, page by page, so it can be run beside a
//! busy server: between two commits everything holds, or it is broken.

mod holders;
mod log;
mod orders;
mod standing;

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::Timestamp;
use serde::Serialize;

use crate::db::{Db, DbError, Tx};
use crate::subscriber::{self, parked};
use crate::{inventory, lease, ordering, payment, stores};

/// How many broken things of one check are named; there may be more.
pub(crate) const MOST: i64 = 100;
/// How many things are read at once.
const PAGE: i64 = 500;
/// How late a running server may be with something that is due; `sagas.moving` names it.
const GRACE_SECONDS: i64 = 120;

/// All checks in the order in which they are told: the name, and what it proves.
pub const CHECKS: [(&str, &str); 20] = [
    ("stock.balance", "received + adjusted + returned − sold = on hand, of which no more is held than is there"),
    ("stock.movements", "every level is the sum of its movements"),
    ("stock.holds", "what is held, sold and returned is what the holds say"),
    ("holds.ended", "every hold is sold, released or returned with its order, or still runs for a checkout or an unpaid order"),
    ("places.counted", "as many places are counted as are written down"),
    ("places.held", "every place is somebody's who is under way, and everybody under way has one"),
    ("checkouts.timed", "every live checkout and every open admission ends by its timer"),
    (
        "orders.numbered",
        "numbers of a store's day are there once, up to the last one given; on SQLite all of them, in the order of placing",
    ),
    (
        "orders.paid",
        "what is processed is paid; what was paid for a rejected or cancelled order went back or is on its way; no more went back than was paid",
    ),
    ("ledger.sums", "every movement of money has two sides that sum to zero"),
    ("ledger.wallets", "every wallet holds what its movements come to, and never less than nothing"),
    ("ledger.orders", "what the wallets paid and got back is what their orders say"),
    ("ledger.top_ups", "what cards paid into the wallets is what their top-ups say, once each"),
    ("orders.made", "every order has the fulfilments that its state asks for, and its time limit while the bar works"),
    ("orders.told", "every state has its event, once"),
    ("accounts.empty", "nobody has a name, a phone, a session, a cart or a live checkout by an account that was deleted"),
    ("log.things", "every event, payment and fulfilment has its thing"),
    ("log.positions", "positions are 1, 2, 3 … without gaps"),
    ("log.cursors", "nobody has read further than the log goes"),
    ("sagas.moving", "nothing waits for a person, and nothing is more than two minutes past its deadline"),
];

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// Which of [`CHECKS`] found it.
    #[serde(skip)]
    pub check: &'static str,
    /// What is broken: an order, an item of a store, an event.
    pub thing: String,
    /// How.
    pub why: String,
}

impl Breach {
    pub(crate) fn new(check: &'static str, thing: impl ToString, why: impl ToString) -> Self {
        Self { check, thing: thing.to_string(), why: why.to_string() }
    }
}

/// What one check came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    pub check: &'static str,
    /// What it proves.
    pub says: &'static str,
    pub ok: bool,
    /// At most a hundred of them.
    pub broken: Vec<Breach>,
}

/// Runs all checks on one moment of the database.
pub async fn run(db: &Db) -> Result<Vec<Verdict>, DbError> {
    db.snapshot(|tx| Box::pin(run_in(tx))).await
}

async fn run_in(tx: &mut Tx) -> Result<Vec<Verdict>, DbError> {
    let mut found = Findings::default();
    let progress = Progress::read(tx).await?;
    found.extend(inventory::breaches(tx).await?);
    found.extend(stores::breaches(tx).await?);
    found.extend(ordering::invariants::breaches(tx).await?);
    found.extend(payment::invariants::breaches(tx).await?);
    found.extend(crate::log::invariants::breaches(tx, progress.late).await?);
    orders::walk(tx, &progress, &mut found).await?;
    holders::walk(tx, &mut found).await?;
    log::walk(tx, &mut found).await?;
    standing::look(tx, &progress, &mut found).await?;
    Ok(found.verdicts())
}

/// What has been found, by check.
#[derive(Default)]
struct Findings(BTreeMap<&'static str, Vec<Breach>>);

impl Findings {
    fn add(&mut self, breach: Breach) {
        let broken = self.0.entry(breach.check).or_default();
        if (broken.len() as i64) < MOST {
            broken.push(breach);
        }
    }

    fn extend(&mut self, breaches: impl IntoIterator<Item = Breach>) {
        breaches.into_iter().for_each(|breach| self.add(breach));
    }

    fn verdicts(mut self) -> Vec<Verdict> {
        let verdict = |(check, says)| {
            let broken = self.0.remove(check).unwrap_or_default();
            Verdict { check, says, ok: broken.is_empty(), broken }
        };
        let verdicts = CHECKS.into_iter().map(verdict).collect();
        debug_assert!(self.0.is_empty(), "every breach belongs to one of the checks: {:?}", self.0);
        verdicts
    }
}

/// How far everybody is who follows the log: what they have not come to is not missing.
struct Progress {
    cursors: HashMap<String, i64>,
    parked: HashSet<(String, String)>,
    /// What was due before is late. While no server runs everything waits, and what counts is when the last thing happened.
    late: Timestamp,
}

impl Progress {
    async fn read(tx: &mut Tx) -> Result<Self, DbError> {
        let cursors = subscriber::progress(tx).await?.into_iter().map(|progress| (progress.subscriber, progress.position)).collect();
        let parked = parked::list(tx).await?.into_iter().map(|parked| (parked.subscriber, parked.stream)).collect();
        let alive_at = if lease::any(tx).await? { tx.now() } else { crate::log::invariants::last_at(tx).await? };
        let late = alive_at.plus_seconds(-GRACE_SECONDS);
        Ok(Self { cursors, parked, late })
    }

    /// Whether the subscriber has dealt with the event of a stream at this position.
    fn has_handled(&self, subscriber: &str, stream: &str, position: Option<i64>) -> bool {
        let reached = self.cursors.get(subscriber).copied().unwrap_or_default();
        position.is_some_and(|position| position <= reached) && !self.parked.contains(&(subscriber.to_owned(), stream.to_owned()))
    }
}
