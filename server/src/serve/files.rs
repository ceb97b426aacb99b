//! How many files may be open. Every connection is one, and a shell commonly allows 1,024 where the system allows many more.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::http::Manners;
use crate::mqtt;

/// Database, pages, files that are sent.
const OTHERS: u64 = 1_000;

/// Allows this process as many as the system lets it; says so where that is less than the connections it would take.
pub fn allow() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let allowed = match setrlimit(Resource::Nofile, most) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "the number of open files stays as it is");
            limit.current
        }
    };
    let wanted = (mqtt::Limits::default().connections + Manners::default().connections) as u64 + OTHERS;
    if let Some(allowed) = allowed.filter(|allowed| *allowed < wanted) {
        tracing::warn!(allowed, wanted, "fewer open files than connections may come; raise the hard limit (ulimit -Hn)");
    }
}
