//! Whether a broker outside tells here what others publish there. A node of a cluster that is cut off from the others answers pings, and
//! tells nothing; and what went by over such a cut is not told later. So what the publisher has told is compared with what has come.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backend::db::DbError;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::super::Inner;
use super::super::outage::Trouble;
use super::{MEANWHILE, read_shop};

/// A connection over which nothing comes for so long, though something was published, is of no use.
const PATIENCE: Duration = Duration::from_secs(10);
/// A message may come a look before the look that finds the publisher past its event, and up to two later.
const LOOKS: u64 = 3;

/// What has come from a broker outside of late.
#[derive(Default)]
pub(in super::super) struct Heard {
    recent: Mutex<Recent>,
    cut_off: Notify,
}

#[derive(Default)]
struct Recent {
    look: u64,
    /// The look before which each topic was heard last.
    topics: HashMap<String, u64>,
    /// When anything was.
    last: Option<Instant>,
}

impl Heard {
    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something has come that was published just now.
    pub(super) fn note(&self, topic: &str, now: Instant) {
        let mut recent = self.recent();
        let look = recent.look;
        recent.last = Some(now);
        if let Some(before) = recent.topics.get_mut(topic) {
            *before = look;
        } else {
            recent.topics.insert(topic.to_owned(), look);
        }
    }

    /// Waits until the connection is found to be of no use. Safe to drop.
    pub(super) async fn cut_off(&self) {
        self.cut_off.notified().await;
    }

    /// The next look has come: what was heard long before it is forgotten.
    fn turn(&self) {
        let mut recent = self.recent();
        recent.look += 1;
        let oldest = recent.look.saturating_sub(LOOKS);
        recent.topics.retain(|_, look| *look >= oldest);
    }

    fn has(&self, topic: &str) -> bool {
        self.recent().topics.contains_key(topic)
    }

    fn last(&self) -> Option<Instant> {
        self.recent().last
    }
}

/// One connection, as the looks find it.
#[derive(Default)]
struct Way {
    /// How far the publisher had come at the last two looks.
    told: VecDeque<i64>,
    /// Since when nothing has come, though something should have.
    missing: Option<Instant>,
}

/// Looks again and again whether what was published has come. While it has not, the shop is read; where nothing at all comes the
/// connection is given up for the next node.
pub(super) async fn look_after(gateway: Arc<Inner>) {
    let (mut up, mut unseen) = (gateway.upstream.subscribe(), Trouble::default());
    // For as long as the gateway. Over a new connection everything is read anyway.
    while up.wait_for(|up| *up).await.is_ok() {
        // The first look is at once: what is told after that is looked for, and what was told before is read when a filter is granted.
        let (mut way, mut pause) = (Way::default(), Duration::ZERO);
        while tokio::time::timeout(pause, up.changed()).await.is_err() {
            let begun = Instant::now();
            match way.look(&gateway).await {
                Ok(is_cut_off) => {
                    if unseen.ends() {
                        tracing::warn!("whether everything comes that is published can be seen again");
                    }
                    if is_cut_off {
                        gateway.heard.cut_off.notify_one();
                        // It ends now, or has by itself.
                        pause = Duration::MAX;
                        continue;
                    }
                }
                Err(error) if unseen.begins() => tracing::warn!(%error, "whether everything comes that is published cannot be seen now"),
                Err(_) => {}
            }
            // What is long to read leaves the shop most of the machine.
            pause = MEANWHILE.max(begun.elapsed() * 2);
        }
    }
}

impl Way {
    /// Whether the connection is of no use.
    async fn look(&mut self, gateway: &Inner) -> Result<bool, DbError> {
        let now = gateway.house.told().await?;
        gateway.heard.turn();
        self.told.push_back(now);
        if self.told.len() <= 2 {
            return Ok(false);
        }
        // What was told before the last look has had its time.
        let Some(after) = self.told.pop_front() else { return Ok(false) };
        let until = self.told.front().copied().unwrap_or(after);
        if !has_missed(gateway, after, until).await? {
            return Ok(false);
        }
        let is_cut_off = self.misses(Instant::now(), gateway.heard.last());
        read_shop(gateway).await?;
        Ok(is_cut_off)
    }

    /// Something did not come. `heard`: when anything came last.
    fn misses(&mut self, now: Instant, heard: Option<Instant>) -> bool {
        if self.missing.is_none_or(|since| heard.is_some_and(|heard| heard > since)) {
            self.missing = Some(now);
        }
        self.missing.is_some_and(|since| now - since >= PATIENCE)
    }
}

/// Whether anything that somebody here listens to, and that was to be told while the publisher came so far, has not come.
async fn has_missed(gateway: &Inner, after: i64, until: i64) -> Result<bool, DbError> {
    let filters = gateway.broker.listened_to();
    if until <= after || filters.is_empty() {
        return Ok(false);
    }
    for topic in gateway.house.changed_between(after, until).await? {
        let name = topic.to_string();
        let is_heard = filters.iter().any(|filter| filter.matches(&name));
        // What there is not was not published, and what is broken could not be.
        if is_heard && !gateway.heard.has(&name) {
            match gateway.house.snapshot(&topic).await {
                Ok(Some(_)) => return Ok(true),
                Err(error) if error.is_transient() => return Err(error),
                Ok(None) | Err(_) => {}
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_of_no_use_where_nothing_comes_though_something_should() {
        let (mut way, start) = (Way::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!way.misses(at(0), None));
        assert!(!way.misses(at(8), None));
        assert!(!way.misses(at(11), Some(at(9))), "something else came");
        assert!(!way.misses(at(18), Some(at(9))));
        assert!(way.misses(at(21), Some(at(9))));
    }

    #[test]
    fn what_was_heard_is_known_for_some_looks() {
        let heard = Heard::default();
        heard.turn();
        heard.note("v1/stores/harbor/status", Instant::now());
        for _ in 0..LOOKS {
            heard.turn();
            assert!(heard.has("v1/stores/harbor/status") && !heard.has("v1/stores/pier/status"));
        }
        heard.turn();
        assert!(!heard.has("v1/stores/harbor/status"));
    }
}
