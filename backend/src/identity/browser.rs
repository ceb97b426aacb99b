//! Browsers that somebody of the staff has signed in by. Whoever knows a store and a name can guess at a password, and guesses
//! are slowed; but a browser that has been let in before is slowed by its own guesses alone, so that no stranger can keep
//! a barista from their shift (OWASP, Slow Down Online Guessing Attacks with Device Cookies).

use std::fmt;

use uuid::Uuid;

use super::session::IssuedSession;
use super::{Identities, cookie};

/// The name of its cookie.
pub const NAME: &str = "orderly_browser";
/// How long a browser is known after somebody has signed in by it: half a year.
pub(super) const KNOWN_SECONDS: i64 = 180 * 24 * 3600;

const PURPOSE: &str = "known browser";

/// A browser, by a cookie that we signed. Nothing is allowed to it; it is only not a stranger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrowserId(pub(super) Uuid);

impl BrowserId {
    pub(super) fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for BrowserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Identities {
    /// The browser that shows this cookie; `None` where it is not ours.
    pub fn browser(&self, value: &str) -> Option<BrowserId> {
        cookie::open_for(&self.keys, PURPOSE, value).map(BrowserId)
    }

    /// The `Set-Cookie` header that keeps a browser known, beside [`Identities::set_cookie`]'s; `None` for whoever is not
    /// of the staff.
    pub fn set_browser(&self, issued: &IssuedSession) -> Option<String> {
        let value = cookie::seal_for(&self.keys, PURPOSE, issued.browser?.0);
        Some(cookie::header_of(NAME, value.expose(), KNOWN_SECONDS, self.https))
    }
}
