//! Whether the database's path still leads to the file that is open. A file that was removed or moved away can be written as
//! before, but the next start does not find it: what was acknowledged meanwhile would be lost, and nobody told.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::DbError;

/// How long a look counts.
const FRESH: Duration = Duration::from_secs(1);

/// Where the open file is. Clones are the same place.
#[derive(Clone)]
pub(super) struct Place(Arc<Inner>);

struct Inner {
    path: PathBuf,
    opened: Identity,
    last: Mutex<Look>,
}

/// What a file is, whatever its name: its device, and its number there.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

struct Look {
    at: Instant,
    /// What is wrong, if anything is.
    wrong: Option<String>,
}

impl Place {
    /// The place of a file that has just been opened.
    pub(super) fn of(path: PathBuf) -> Result<Self, DbError> {
        let opened = identity(&path).map_err(|error| DbError::Unusable(format!("DATABASE_URL: {}: {error}", path.display())))?;
        Ok(Self(Arc::new(Inner { path, opened, last: Mutex::new(Look { at: Instant::now(), wrong: None }) })))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }

    /// [`DbError::Unavailable`] once the open file is not there any more, and until it is back. Looks at most once a second.
    pub(super) fn holds(&self) -> Result<(), DbError> {
        let mut last = self.last();
        if last.at.elapsed() >= FRESH {
            self.look_again(&mut last);
        }
        answer(&last)
    }

    /// The same by a look of now, for who is about to open what is there.
    pub(super) fn holds_now(&self) -> Result<(), DbError> {
        let mut last = self.last();
        self.look_again(&mut last);
        answer(&last)
    }

    fn last(&self) -> MutexGuard<'_, Look> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks, and says once that the file is gone, and once that it is back.
    fn look_again(&self, last: &mut Look) {
        let file = self.0.path.display();
        let wrong = match identity(&self.0.path) {
            Ok(found) if found == self.0.opened => None,
            Ok(_) => Some("another file is in its place".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        match (&last.wrong, &wrong) {
            (None, Some(wrong)) => tracing::error!(
                "DATABASE_URL: {file} is no longer the file that is open ({wrong}), so nothing is read or written; put it back, or start \
                 anew with what is to be served"
            ),
            (Some(_), None) => tracing::warn!("DATABASE_URL: {file} is back; the shop goes on"),
            _ => {}
        }
        *last = Look { at: Instant::now(), wrong };
    }
}

fn answer(last: &Look) -> Result<(), DbError> {
    last.wrong.as_ref().map_or(Ok(()), |wrong| Err(DbError::Unavailable(format!("its file is not where it was: {wrong}"))))
}

fn identity(path: &Path) -> io::Result<Identity> {
    let found = std::fs::metadata(path)?;
    Ok(Identity { device: found.dev(), inode: found.ino() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_where_it_was_until_it_is_moved_and_again_when_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let (path, aside) = (folder.path().join("orderly.db"), folder.path().join("aside.db"));
        std::fs::write(&path, "one").unwrap();
        let place = Place::of(path.clone()).unwrap();
        assert_eq!((place.holds(), place.holds_now()), (Ok(()), Ok(())));

        std::fs::rename(&path, &aside).unwrap();
        assert!(matches!(place.holds_now(), Err(DbError::Unavailable(_))));
        assert!(place.holds().is_err(), "also without another look");
        std::fs::write(&path, "one").unwrap();
        let said = place.holds_now().unwrap_err().to_string();
        assert!(said.contains("another file"), "{said}");

        std::fs::rename(&aside, &path).unwrap();
        assert_eq!((place.holds_now(), place.holds()), (Ok(()), Ok(())));
    }
}
