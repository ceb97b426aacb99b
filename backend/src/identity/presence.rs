//! Whether a screen is alive: when its kiosk was last connected, as the gateway that it is connected to sees it.

use std::sync::atomic::{AtomicI64, Ordering};

use domain::Timestamp;
use domain::view::Role;
use uuid::Uuid;

use super::{Caller, Identities, store};
use crate::db::DbError;

/// How often it is written down: a manager looks at minutes, and a wall of screens writes one statement.
const EVERY_SECONDS: i64 = 20;

/// When it was last written down by this process.
#[derive(Debug, Default)]
pub(super) struct LastNote(AtomicI64);

impl LastNote {
    /// Whether it is time again; whoever is told so writes it down.
    fn is_due(&self, now: Timestamp) -> bool {
        let due = |last: i64| (last == 0 || (now.as_millis() - last).abs() >= EVERY_SECONDS * 1000).then(|| now.as_millis());
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
    }
}

impl Identities {
    /// These are connected now: the screens among them are noted as seen, every twenty seconds. For whoever keeps connections open.
    pub async fn note_devices(&self, connected: &[Caller]) -> Result<(), DbError> {
        let screen = |caller: &Caller| match caller {
            Caller::Token { role: Role::Kiosk, token, .. } => Some(token.0),
            _ => None,
        };
        let screens: Vec<Uuid> = connected.iter().filter_map(screen).collect();
        if screens.is_empty() || !self.noted.is_due(self.db.clock().now()) {
            return Ok(());
        }
        self.db.transaction(move |tx| Box::pin(async move { store::note_seen(tx, &screens).await })).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_down_every_twenty_seconds_whatever_the_clock_does() {
        let (noted, at) = (LastNote::default(), Timestamp::from_millis);
        let due = [100_000, 102_000, 119_999, 120_000, 50_000, 60_000].map(|now| noted.is_due(at(now)));
        assert_eq!(due, [true, false, false, true, true, false]);
    }
}
