//! Who is there: when a kiosk's screen and the people behind the bar were last connected, as the gateway that they are
//! connected to sees it.
//!
//! How long somebody has been away is counted by a clock that goes only while some gateway looks: while the server is down
//! nobody can be connected, and nobody is to blame.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::view::Role;
use domain::{Timestamp, UserId};
use uuid::Uuid;

use super::{Caller, Identities, Right, store};
use crate::db::{DbError, Sql};

/// How often it is written down: a manager looks at minutes, and a wall of screens writes one statement.
const EVERY_MILLIS: i64 = 20_000;
/// Who looks less often than that does not see what happens in between.
const PAUSE_MILLIS: i64 = 10_000;

/// When somebody was there is known for a day.
pub(super) const KEPT_SECONDS: i64 = 24 * 3600;

/// What this process has seen and not written down yet.
#[derive(Debug, Default)]
pub(super) struct Watch(Mutex<Watching>);

#[derive(Debug, Default)]
struct Watching {
    /// When it looked last.
    looked: Option<Timestamp>,
    /// When it wrote last.
    noted: Option<Timestamp>,
    /// From when on it has looked without a pause and not written so.
    since: Timestamp,
    screens: BTreeSet<Uuid>,
    people: BTreeMap<UserId, Timestamp>,
}

/// Who was there, to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Note {
    pub(super) at: Timestamp,
    pub(super) since: Timestamp,
    /// Tokens of screens.
    pub(super) screens: Vec<Uuid>,
    /// Who works at a bar, and when they were last connected.
    pub(super) people: Vec<(UserId, Timestamp)>,
}

/// For how long somebody has not been connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Away {
    /// When they were last.
    pub seen_at: Timestamp,
    /// Of the time since then, what a gateway has looked.
    pub millis: i64,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Watching> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These are connected at `now`. A note, where it is time for one.
    fn look(&self, connected: &[Caller], now: Timestamp) -> Option<Note> {
        let mut watching = self.lock();
        let between = |from: Timestamp| now.as_millis() - from.as_millis();
        if !watching.looked.is_some_and(|looked| (0..=PAUSE_MILLIS).contains(&between(looked))) {
            watching.since = now;
        }
        watching.looked = Some(now);
        for caller in connected {
            match caller {
                Caller::Token { role: Role::Kiosk, token, .. } => drop(watching.screens.insert(token.0)),
                caller if caller.may_somewhere(Right::Queue) => {
                    watching.people.extend(caller.user().map(|user| (user, now)));
                }
                _ => {}
            }
        }
        if watching.noted.is_some_and(|noted| between(noted).abs() < EVERY_MILLIS) {
            return None;
        }
        watching.noted = Some(now);
        Some(Note {
            at: now,
            since: std::mem::replace(&mut watching.since, now),
            screens: std::mem::take(&mut watching.screens).into_iter().collect(),
            people: std::mem::take(&mut watching.people).into_iter().collect(),
        })
    }

    /// A note that could not be written is part of the next one.
    fn put_back(&self, note: &Note) {
        let mut watching = self.lock();
        watching.screens.extend(&note.screens);
        for (user, seen_at) in &note.people {
            watching.people.entry(*user).or_insert(*seen_at);
        }
        if watching.since == note.at {
            watching.since = note.since;
        }
    }
}

impl Identities {
    /// These are connected now. Every twenty seconds there is a note of it, for [`Identities::note`]. For whoever keeps
    /// connections open, and looks at them every few seconds.
    pub fn look(&self, connected: &[Caller]) -> Option<Note> {
        self.watch.look(connected, self.db.clock().now())
    }

    /// Writes down who was there.
    pub async fn note(&self, note: Note) -> Result<(), DbError> {
        let unwritten = Unwritten { watch: &self.watch, note: Some(note.clone()) };
        self.db.transaction(move |tx| Box::pin(async move { store::note_in(tx, &note).await })).await?;
        unwritten.forget();
        Ok(())
    }
}

/// A note on its way into the database, also where nobody waits for it any longer.
struct Unwritten<'a> {
    watch: &'a Watch,
    note: Option<Note>,
}

impl Unwritten<'_> {
    fn forget(mut self) {
        self.note = None;
    }
}

impl Drop for Unwritten<'_> {
    fn drop(&mut self) {
        if let Some(note) = &self.note {
            self.watch.put_back(note);
        }
    }
}

/// For how long somebody of the bar has not been connected; `None`: they never were, or not for a day.
pub(crate) async fn away(sql: &mut impl Sql, person: UserId) -> Result<Option<Away>, DbError> {
    store::away(sql, person).await
}

#[cfg(test)]
mod tests {
    use domain::view::RoleView;
    use domain::{SessionId, TokenId};

    use super::*;

    const AT: fn(i64) -> Timestamp = |seconds| Timestamp::from_millis(1_000_000 + seconds * 1000);

    fn screen() -> Caller {
        Caller::Token { token: TokenId(Uuid::nil()), role: Role::Kiosk, store: None, merchant: None, kiosk: None, person: None }
    }

    fn person(id: u128, role: Role) -> Caller {
        let roles = vec![RoleView { role, store: Some("harbor".parse().unwrap()) }];
        Caller::User { session: SessionId(Uuid::nil()), user: UserId(Uuid::from_u128(id)), name: "Kim".to_owned(), language: None, roles }
    }

    #[test]
    fn it_is_written_down_every_twenty_seconds_whatever_the_clock_does() {
        let watch = Watch::default();
        let due = [100, 102, 119, 120, 50, 60].map(|now| watch.look(&[screen()], AT(now)).is_some());
        assert_eq!(due, [true, false, false, true, true, false]);
    }

    #[test]
    fn who_has_gone_in_between_is_noted_by_when_they_were_last_there() {
        let watch = Watch::default();
        let (kim, wu) = (person(1, Role::Barista), person(2, Role::Warehouse));
        assert!(watch.look(std::slice::from_ref(&kim), AT(0)).is_some());
        assert_eq!(watch.look(&[kim.clone(), wu, screen()], AT(8)), None);
        assert_eq!(watch.look(&[], AT(16)), None);
        let note = watch.look(&[], AT(24)).unwrap();
        let people = vec![(kim.user().unwrap(), AT(8))];
        assert_eq!(note, Note { at: AT(24), since: AT(0), screens: vec![Uuid::nil()], people });
        // What was not written is written later.
        watch.put_back(&note);
        assert_eq!(watch.look(&[], AT(32)), None);
        assert_eq!(watch.look(&[], AT(40)), None);
        assert_eq!(watch.look(&[], AT(44)), Some(Note { at: AT(44), ..note }));
    }

    #[test]
    fn time_in_which_nobody_looked_is_not_counted() {
        let watch = Watch::default();
        assert!(watch.look(&[], AT(0)).is_some());
        assert_eq!(watch.look(&[], AT(8)), None);
        assert_eq!(watch.look(&[], AT(180)).unwrap().since, AT(180));
        assert_eq!(watch.look(&[], AT(190)), None);
        assert_eq!(watch.look(&[], AT(200)).unwrap().since, AT(180));
    }
}
