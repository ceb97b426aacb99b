//! Sessions of browsers.

use std::collections::HashMap;

use domain::view::RoleView;
use domain::{SessionId, Timestamp, UserId};
use uuid::Uuid;

use super::browser::BrowserId;
use super::rights::{self, Denied};
use super::sign_in::SHOPPER_SECONDS;
use super::store::{self, Known};
use super::{Caller, Identities, Secret, cookie};
use crate::db::{DbError, Tx};
use crate::refused::{Extra, Refused};

/// How long a guest's cookie is good.
pub const GUEST_SECONDS: i64 = 90 * 24 * 3600;
/// For how long a guest's cookie that was left may still be asked with, by what was on its way when the next one was given.
pub const LEFT_SECONDS: i64 = 120;
/// A session that slides is renewed once a day, not with every request.
const RENEW_SECONDS: i64 = 24 * 3600;

/// A session that was just made, with what the browser is to keep.
#[derive(Debug, Clone)]
pub struct IssuedSession {
    /// Its public id.
    pub session: SessionId,
    /// The value of the cookie [`cookie::NAME`].
    pub cookie: Secret,
    /// How long the cookie is to be kept.
    pub seconds: i64,
    /// The browser that somebody of the staff is known by from now on.
    pub browser: Option<BrowserId>,
}

/// A session to be written down.
#[derive(Debug, Clone)]
pub(super) struct NewSession {
    pub(super) id: SessionId,
    /// How long it lasts from now.
    pub(super) seconds: i64,
    /// It is renewed while it is used.
    pub(super) slides: bool,
    /// What kind of browser it is, for its owner to recognise.
    pub(super) device: Option<String>,
    /// It was begun with a one-time code: its owner may choose a password.
    pub(super) may_set_password: bool,
}

/// Who shows a cookie, and the cookie anew where it was renewed.
#[derive(Debug, Clone)]
pub struct Seen {
    pub caller: Caller,
    /// The session was a guest's, who has left it just now, by signing in or out. What their browser is to keep from now on was told
    /// with that, and may still be on its way: no other answer may tell it anything else.
    pub just_left: bool,
    /// To be set again, so that the browser keeps it for as long as we do.
    pub renewed: Option<IssuedSession>,
}

impl Identities {
    pub(super) fn issue(&self, seconds: i64) -> IssuedSession {
        let session = SessionId(Uuid::now_v7());
        IssuedSession { session, cookie: cookie::seal(&self.keys, session), seconds, browser: None }
    }

    /// A guest who was not here before. Nothing is written: the row comes with the first mutation.
    pub fn new_guest(&self) -> (Caller, IssuedSession) {
        let issued = self.issue(GUEST_SECONDS);
        (Caller::Guest { session: issued.session, fresh: true }, issued)
    }

    /// The `Set-Cookie` header that gives the browser its session.
    pub fn set_cookie(&self, issued: &IssuedSession) -> String {
        cookie::header(issued.cookie.expose(), issued.seconds, self.https)
    }

    /// The `Set-Cookie` header that takes it away.
    pub fn clear_cookie(&self) -> String {
        cookie::header("", 0, self.https)
    }

    /// Who shows this cookie. One that is not ours, has ended or is too old is nobody.
    pub async fn caller_by_cookie(&self, value: &str) -> Result<Caller, DbError> {
        Ok(match self.find(value).await? {
            Known::Live(caller, _) => caller,
            Known::Over { .. } => Caller::Nobody,
        })
    }

    /// As [`Identities::caller_by_cookie`], for a request: a shopper's session is renewed by it, once a day.
    pub async fn seen(&self, value: &str) -> Result<Seen, DbError> {
        let known = self.find(value).await?;
        let now = self.db.clock().now();
        let (caller, slides_until) = match known {
            Known::Live(caller, slides_until) => (caller, slides_until),
            Known::Over { left_at } => {
                let just_left = left_at.is_some_and(|at| now.seconds_since(at) < LEFT_SECONDS);
                return Ok(Seen { caller: Caller::Nobody, just_left, renewed: None });
            }
        };
        let due = slides_until.is_some_and(|until| until.seconds_since(now) <= SHOPPER_SECONDS - RENEW_SECONDS);
        let Some(session) = caller.session().filter(|_| due) else { return Ok(Seen { caller, just_left: false, renewed: None }) };
        let expires_at = now.plus_seconds(SHOPPER_SECONDS);
        let renewed: bool = self.db.transaction(move |tx| Box::pin(store::renew_session(tx, session, expires_at))).await?;
        let cookie = cookie::seal(&self.keys, session);
        let renewed = renewed.then_some(IssuedSession { session, cookie, seconds: SHOPPER_SECONDS, browser: None });
        Ok(Seen { caller, just_left: false, renewed })
    }

    /// What is known about who shows this cookie; one that is not ours is shown by nobody.
    async fn find(&self, value: &str) -> Result<Known, DbError> {
        if super::pairing::is_device(value) {
            return Ok(Known::Live(self.caller_by_device(value).await?, None));
        }
        let Some(session) = cookie::open(&self.keys, value) else { return Ok(Known::Live(Caller::Nobody, None)) };
        let now = self.db.clock().now();
        let known = store::session(&mut self.db.reader(), session, now).await?;
        Ok(known.unwrap_or_else(|| Known::Live(unwritten(session, now), None)))
    }

    /// Ends the caller's session: its cookie is worth nothing from now on.
    pub async fn sign_out(&self, caller: &Caller) -> Result<(), DbError> {
        let Some(session) = caller.session() else { return Ok(()) };
        let user = if let Caller::User { user, .. } = caller { Some(*user) } else { None };
        let ended = self.db.transaction(move |tx| {
            Box::pin(async move {
                if let Some(user) = user {
                    store::lock_account_in(tx, user).await?;
                }
                store::end_session(tx, session).await
            })
        });
        ended.await
    }

    /// Who these callers are now, in the same order; `None` for those whose session or token has ended. For whoever
    /// keeps a connection open; one statement for all of them.
    pub async fn recheck(&self, callers: &[Caller]) -> Result<Vec<Option<Caller>>, DbError> {
        let id = |caller: &Caller| match caller {
            Caller::Token { token, .. } => Some(token.0),
            other => other.session().map(|session| session.0),
        };
        let ids: Vec<_> = callers.iter().filter_map(id).collect();
        let now = self.db.clock().now();
        let known = if ids.is_empty() { HashMap::default() } else { store::all(&mut self.db.reader(), ids, now).await? };
        Ok(callers
            .iter()
            .map(|caller| match (id(caller).and_then(|id| known.get(&id)), caller) {
                (Some(Known::Live(now, _)), _) => Some(now.clone()),
                (None, Caller::Nobody) => Some(Caller::Nobody),
                (None, Caller::Guest { session, .. }) => Some(unwritten(*session, now)).filter(|caller| !caller.is_nobody()),
                (Some(Known::Over { .. }) | None, _) => None,
            })
            .collect())
    }
}

/// A guest without a row, as long as the cookie's own age allows.
fn unwritten(session: SessionId, now: Timestamp) -> Caller {
    let too_old = cookie::made_at(session).plus_seconds(GUEST_SECONDS) <= now;
    if too_old { Caller::Nobody } else { Caller::Guest { session, fresh: true } }
}

/// Why nothing may be written for a caller.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Their session or token is over, or their account is gone, since they were looked at.
    #[error("Please open the shop first: there is no session.")]
    Over,
    /// They are less than they were when they were looked at.
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Unavailable(#[from] DbError),
}

impl Refused for SessionError {
    fn code(&self) -> &'static str {
        match self {
            Self::Over => "session_required",
            Self::Denied(denied) => denied.code(),
            Self::Unavailable(error) => error.code(),
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::Over => 401,
            Self::Denied(denied) => denied.status(),
            Self::Unavailable(error) => error.status(),
        }
    }

    fn extra(&self) -> Extra {
        match self {
            Self::Over | Self::Denied(_) => Extra::default(),
            Self::Unavailable(error) => error.extra(),
        }
    }
}

/// Comes first in the transaction of whatever a caller does: who they were when they were looked at they still are, and stay until its
/// end. Whoever ends their session, takes their roles or deletes their account waits for that, and who comes later is refused.
///
/// A guest's first mutation writes their row: what is written for a session that is over is nobody's. Who signs in takes it along. Of
/// those with an account the account is held before it, and before any store: it outlives its sessions. A token is held where it could
/// make others; a kiosk's cuts no keys.
pub async fn ensure_session_in(tx: &mut Tx, caller: &Caller) -> Result<(), SessionError> {
    match caller {
        Caller::Nobody => Ok(()),
        Caller::Guest { session, fresh } => ensure_guest_in(tx, *session, *fresh).await,
        Caller::User { session, user, roles, .. } => ensure_user_in(tx, *session, *user, roles).await,
        Caller::Token { token, role, .. } => {
            let ended = store::has_token_ended_in(tx, *token, rights::is_staff(*role)).await?;
            if ended { Err(SessionError::Over) } else { Ok(()) }
        }
    }
}

async fn ensure_guest_in(tx: &mut Tx, session: SessionId, fresh: bool) -> Result<(), SessionError> {
    if fresh {
        let seconds = cookie::made_at(session).plus_seconds(GUEST_SECONDS).seconds_since(tx.now());
        let new = NewSession { id: session, seconds, slides: false, device: None, may_set_password: false };
        if store::insert_session(tx, &new, None).await? {
            return Ok(());
        }
    }
    if store::hold_session_in(tx, session).await? { Ok(()) } else { Err(SessionError::Over) }
}

async fn ensure_user_in(tx: &mut Tx, session: SessionId, user: UserId, roles: &[RoleView]) -> Result<(), SessionError> {
    match store::hold_account_in(tx, user, Some(session)).await? {
        Some(false) => return Err(SessionError::Over),
        // What was never written was not deleted, and nobody has taken a role from it.
        None => return Ok(()),
        Some(true) if roles.is_empty() => return Ok(()),
        Some(true) => {}
    }
    // In a statement of its own: one that waited for the account would still see what was there before.
    let now = store::all_roles(tx, user).await?;
    if roles.iter().all(|held| now.contains(held)) {
        Ok(())
    } else if now.is_empty() {
        // With the last role every session ended.
        Err(SessionError::Over)
    } else {
        Err(Denied::Forbidden.into())
    }
}
