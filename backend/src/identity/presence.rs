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

/// How often it is written down while nobody comes or goes: a manager looks at minutes, and a wall of screens writes one statement.
const EVERY_MILLIS: i64 = 20_000;
/// Who looks less often than that does not see what happens in between.
const PAUSE_MILLIS: i64 = 10_000;
/// For so long a note of a screen holds: two more may fail to be written. A gateway that ends without a word leaves its screens
/// connected until then.
const HOLDS_SECONDS: i64 = 45;

/// When somebody was there is known for a day.
pub(super) const KEPT_SECONDS: i64 = 24 * 3600;

/// What this process has seen and not written down yet.
#[derive(Debug, Default)]
pub(super) struct Watch {
    watching: Mutex<Watching>,
    /// One note is written at a time: that somebody has gone must not be overtaken by that they are there.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Watching {
    /// When it looked last.
    looked: Option<Timestamp>,
    /// When it noted last.
    noted: Option<Timestamp>,
    /// From when on it has looked without a pause and not noted so.
    since: Timestamp,
    /// Who was connected when it looked last: whoever comes or goes is noted at once.
    there: There,
    /// Screens whose connection has ended, to be noted.
    left: BTreeMap<Uuid, Left>,
    /// Who worked at a bar since the last note, and when they were last connected.
    people: BTreeMap<UserId, Timestamp>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct There {
    screens: BTreeSet<Uuid>,
    people: BTreeSet<UserId>,
}

impl There {
    fn of(connected: &[Caller]) -> Self {
        let mut there = Self::default();
        for caller in connected {
            match caller {
                Caller::Token { role: Role::Kiosk, token, .. } => drop(there.screens.insert(token.0)),
                caller if caller.may_somewhere(Right::Queue) => there.people.extend(caller.user()),
                _ => {}
            }
        }
        there
    }
}

/// A screen whose connection to this process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    /// When it was last connected.
    pub seen_at: Timestamp,
    /// Until when what this process noted of it holds. What holds longer is another's, to whom it is connected.
    pub until: Timestamp,
}

/// Who was there, to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Note {
    pub(super) at: Timestamp,
    pub(super) since: Timestamp,
    /// Tokens of screens that are connected.
    pub(super) screens: Vec<Uuid>,
    /// Until when that holds.
    pub(super) until: Timestamp,
    /// Tokens of screens that were and no longer are.
    pub(super) left: Vec<(Uuid, Left)>,
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
        self.watching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These are connected at `now`. A note, where somebody has come or gone, or it is time for one.
    fn look(&self, connected: &[Caller], now: Timestamp) -> Option<Note> {
        let mut watching = self.lock();
        let between = |from: Timestamp| now.as_millis() - from.as_millis();
        if !watching.looked.is_some_and(|looked| (0..=PAUSE_MILLIS).contains(&between(looked))) {
            watching.since = now;
        }
        let there = There::of(connected);
        watching.people.extend(there.people.iter().map(|user| (*user, now)));
        let before = std::mem::replace(&mut watching.there, there);
        let changed = before != watching.there;
        if let (Some(looked), Some(noted)) = (watching.looked, watching.noted) {
            let left = Left { seen_at: looked, until: noted.plus_seconds(HOLDS_SECONDS) };
            let gone: Vec<_> = before.screens.difference(&watching.there.screens).map(|screen| (*screen, left)).collect();
            watching.left.extend(gone);
        }
        watching.looked = Some(now);
        if !changed && watching.noted.is_some_and(|noted| between(noted).abs() < EVERY_MILLIS) {
            return None;
        }
        watching.noted = Some(now);
        let mut left = std::mem::take(&mut watching.left);
        left.retain(|screen, _| !watching.there.screens.contains(screen));
        Some(Note {
            at: now,
            since: std::mem::replace(&mut watching.since, now),
            screens: watching.there.screens.iter().copied().collect(),
            until: now.plus_seconds(HOLDS_SECONDS),
            left: left.into_iter().collect(),
            people: std::mem::take(&mut watching.people).into_iter().collect(),
        })
    }

    /// A note that could not be written is part of the next one.
    fn put_back(&self, note: &Note) {
        let mut watching = self.lock();
        for (screen, left) in &note.left {
            watching.left.entry(*screen).or_insert(*left);
        }
        for (user, seen_at) in &note.people {
            watching.people.entry(*user).or_insert(*seen_at);
        }
        if watching.since == note.at {
            watching.since = note.since;
        }
    }
}

impl Identities {
    /// These are connected now. There is a note of it, for [`Identities::note`], whenever somebody has come or gone since the
    /// last look, and every twenty seconds. For whoever keeps connections open, and looks at them every few seconds.
    pub fn look(&self, connected: &[Caller]) -> Option<Note> {
        self.watch.look(connected, self.db.clock().now())
    }

    /// Writes down who was there.
    pub async fn note(&self, note: Note) -> Result<(), DbError> {
        let unwritten = Unwritten { watch: &self.watch, note: Some(note.clone()) };
        let _turn = self.watch.writing.lock().await;
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
    fn who_comes_or_goes_is_noted_at_once_and_by_when_they_were_last_there() {
        let watch = Watch::default();
        let (kim, wu) = (person(1, Role::Barista), person(2, Role::Warehouse));
        let user = kim.user().unwrap();
        assert!(watch.look(std::slice::from_ref(&kim), AT(0)).is_some());
        // Who works at no bar is nobody here.
        assert_eq!(watch.look(&[kim.clone(), wu], AT(2)), None);
        let note = watch.look(&[kim.clone(), screen()], AT(4)).unwrap();
        assert_eq!((&note.screens, &note.left, &note.people), (&vec![Uuid::nil()], &vec![], &vec![(user, AT(4))]));
        assert_eq!(watch.look(&[screen(), kim.clone()], AT(6)), None);
        let note = watch.look(&[kim], AT(8)).unwrap();
        let left = vec![(Uuid::nil(), Left { seen_at: AT(6), until: AT(4 + HOLDS_SECONDS) })];
        let people = vec![(user, AT(8))];
        assert_eq!(note, Note { at: AT(8), since: AT(4), screens: vec![], until: AT(8 + HOLDS_SECONDS), left, people });
        let note = watch.look(&[], AT(10)).unwrap();
        assert_eq!((note.at, note.left.len(), note.people.len()), (AT(10), 0, 0), "what was told is not told again");
    }

    #[test]
    fn what_was_not_written_is_written_later() {
        let watch = Watch::default();
        let kim = person(1, Role::Barista);
        assert!(watch.look(&[kim.clone(), screen()], AT(0)).is_some());
        assert_eq!(watch.look(&[kim, screen()], AT(2)), None);
        let note = watch.look(&[], AT(8)).unwrap();
        assert_eq!((note.left.len(), note.people.len()), (1, 1));
        watch.put_back(&note);
        assert_eq!(watch.look(&[], AT(16)), None);
        assert_eq!(watch.look(&[], AT(24)), None);
        let later = watch.look(&[], AT(28)).unwrap();
        assert_eq!(later, Note { at: AT(28), until: AT(28 + HOLDS_SECONDS), ..note });
        // A screen that is there again has not gone.
        watch.put_back(&later);
        assert!(watch.look(&[screen()], AT(30)).unwrap().left.is_empty());
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
