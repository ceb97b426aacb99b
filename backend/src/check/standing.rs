//! What stands still: parked events, dead jobs, timers that nobody fires.

use super::{Breach, Findings, MOST, Progress};
use crate::db::{DbError, Tx};
use crate::ordering::invariants as ordering;
use crate::payment::invariants as payment;
use crate::subscriber::parked;
use crate::{job, kiosk, timer};

/// The services that take an order through its life: nothing of theirs may wait for a person.
const SAGA: [&str; 4] = ["ordering", "payment", "prep", "shipping"];

fn is_of_an_order(name: &str) -> bool {
    name.split('.').next().is_some_and(|service| SAGA.contains(&service))
}

pub(super) async fn look(tx: &mut Tx, progress: &Progress, found: &mut Findings) -> Result<(), DbError> {
    for parked in parked::list(tx).await?.into_iter().filter(|parked| is_of_an_order(&parked.subscriber)) {
        let why = parked.error.unwrap_or_else(|| "waits behind an event that failed".to_owned());
        found.add(Breach::new("sagas.moving", format!("event {} of {} for {}", parked.position, parked.stream, parked.subscriber), why));
    }
    for dead in job::dead(tx).await?.into_iter().filter(|dead| is_of_an_order(&dead.kind)) {
        // Jobs of an order have its id as their key, those of a top-up the top-up's.
        let why = format!("given up after {} attempts: {}; `orderly sagas retry {}` asks again", dead.attempts, dead.error, dead.key);
        found.add(Breach::new("sagas.moving", format!("job {} {}", dead.kind, dead.key), why));
    }
    for saga in ordering::stuck(tx, progress.late).await? {
        let thing = format!("order {} ({} {}, {})", saga.order, saga.store, saga.number, saga.status.as_str());
        found.add(Breach::new(
            "sagas.moving",
            thing,
            format!("its step {} should have been over at {}", saga.step.as_str(), saga.deadline),
        ));
    }
    for (top_up, begun_at) in payment::stuck_top_ups(tx, progress.late).await? {
        found.add(Breach::new("sagas.moving", format!("top-up {top_up}"), format!("has been under way since {begun_at}")));
    }
    // An admission whose end is not noticed keeps its place from everybody else.
    let holds_up = |kind: &str| is_of_an_order(kind) || kind == kiosk::ADMISSION_END;
    for timer in timer::overdue(tx, progress.late, MOST).await?.into_iter().filter(|timer| holds_up(&timer.kind)) {
        let why = format!("was due at {}; {}", timer.due, timer.error.as_deref().unwrap_or("nobody fires it"));
        found.add(Breach::new("sagas.moving", format!("timer {} {}", timer.kind, timer.key), why));
    }
    Ok(())
}
