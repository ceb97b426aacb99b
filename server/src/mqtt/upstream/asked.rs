//! What a broker outside was asked for over one connection, and what it said to that.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use backend::live::again;
use rumqttc::{AsyncClient, QoS, SubscribeFilter, SubscribeReasonCode};
use tokio::time::Instant;

use super::super::Inner;

/// Filters in one SUBSCRIBE.
const BATCH: usize = 200;
/// A broker that does not grant a filter for so long, however often it is asked, does not want to: a cluster of NATS that
/// elects its leaders takes 4 to 9 s.
const WANTS_NOT: Duration = Duration::from_secs(30);

/// What was asked for.
#[derive(Default)]
pub(super) struct Asked {
    filters: HashSet<String>,
    /// SUBSCRIBE packets that the client has not sent yet, in order; it sends them so.
    given: VecDeque<Vec<String>>,
    /// Sent, by packet id, and not acknowledged.
    sent: HashMap<u16, Vec<String>>,
    /// Something could not be asked for yet.
    pub(super) behind: bool,
    refused: Refused,
}

/// What the broker did not grant: without the right it never does, but one that has just lost a part of itself soon does.
#[derive(Default)]
struct Refused {
    /// By filter, since when.
    since: HashMap<String, Instant>,
    /// Answers with a refusal, since all was granted.
    times: u32,
    /// When they are asked for again.
    at: Option<Instant>,
    /// It was said that they are refused for good.
    told: bool,
}

/// Something that people should know.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The first refusal, which may pass.
    Waits,
    /// This filter is refused for good, as far as one can tell.
    Refuses(String),
    /// Whatever was refused is granted, or has no listener any more.
    Grants,
}

impl Asked {
    /// Asks for what has listeners now, and gives up what has none.
    pub(super) fn turn(&mut self, gateway: &Inner, client: &AsyncClient) {
        self.behind = false;
        let mut new = Vec::new();
        for (filter, is_heard) in gateway.broker.turned() {
            if is_heard {
                if !self.filters.contains(&filter) {
                    new.push(filter);
                }
                continue;
            }
            self.refused.since.remove(&filter);
            if self.filters.contains(&filter) {
                if client.try_unsubscribe(&filter).is_ok() {
                    self.filters.remove(&filter);
                } else {
                    self.later(gateway, [filter]);
                }
            }
        }
        for filters in new.chunks(BATCH) {
            let wishes = filters.iter().map(|filter| SubscribeFilter::new(filter.clone(), QoS::AtMostOnce));
            if client.try_subscribe_many(wishes).is_ok() {
                self.given(filters);
            } else {
                self.later(gateway, filters.iter().cloned());
            }
        }
    }

    fn given(&mut self, filters: &[String]) {
        self.filters.extend(filters.iter().cloned());
        self.given.push_back(filters.to_vec());
    }

    /// The client has no room: as soon as it has sent something, it has.
    fn later(&mut self, gateway: &Inner, filters: impl IntoIterator<Item = String>) {
        self.behind = true;
        gateway.broker.turn_again(filters);
    }

    /// The client has sent the next SUBSCRIBE, with this id.
    pub(super) fn sent(&mut self, id: u16) {
        if let Some(filters) = self.given.pop_front() {
            self.sent.insert(id, filters);
        }
    }

    /// The broker has answered a SUBSCRIBE: the filters that it granted, and what people should know of it.
    pub(super) fn acknowledged(&mut self, id: u16, codes: &[SubscribeReasonCode], now: Instant) -> (Vec<String>, Option<News>) {
        let asked = self.sent.remove(&id).unwrap_or_default();
        // What an answer leaves out is not granted.
        let codes = codes.iter().chain(std::iter::repeat(&SubscribeReasonCode::Failure));
        let (granted, refused): (Vec<_>, Vec<_>) =
            asked.into_iter().zip(codes).partition(|(_, code)| **code != SubscribeReasonCode::Failure);
        let granted: Vec<_> = granted.into_iter().map(|(filter, _)| filter).collect();
        for filter in &granted {
            self.refused.since.remove(filter);
        }
        let refused: Vec<_> = refused.into_iter().map(|(filter, _)| filter).collect();
        for filter in &refused {
            self.filters.remove(filter);
        }
        let news = if refused.is_empty() { self.refused.no_more() } else { self.refused.more(refused, now) };
        (granted, news)
    }

    /// When it is time for [`Asked::ask_again`].
    pub(super) fn again_at(&self) -> Option<Instant> {
        self.refused.at
    }

    /// Asks for what was refused, as far as somebody still listens to it.
    pub(super) fn ask_again(&mut self, gateway: &Inner, client: &AsyncClient) {
        self.refused.at = None;
        gateway.broker.turn_again(self.refused.since.keys().cloned());
        self.turn(gateway, client);
    }
}

impl Refused {
    /// An answer refused these.
    fn more(&mut self, filters: Vec<String>, now: Instant) -> Option<News> {
        let first = self.times == 0;
        self.at.get_or_insert_with(|| now + again(self.times));
        self.times += 1;
        let mut for_good = None;
        for filter in filters {
            let since = *self.since.entry(filter.clone()).or_insert(now);
            if now.saturating_duration_since(since) >= WANTS_NOT {
                for_good = Some(filter);
            }
        }
        match for_good.filter(|_| !self.told) {
            Some(filter) => {
                self.told = true;
                Some(News::Refuses(filter))
            }
            None => first.then_some(News::Waits),
        }
    }

    /// An answer refused nothing: that is the end of it, where none of what was refused is still wanted.
    fn no_more(&mut self) -> Option<News> {
        if !self.since.is_empty() || self.times == 0 {
            return None;
        }
        *self = Self::default();
        Some(News::Grants)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YES: SubscribeReasonCode = SubscribeReasonCode::Success(QoS::AtMostOnce);
    const NO: SubscribeReasonCode = SubscribeReasonCode::Failure;

    /// Asks for filters in one SUBSCRIBE, and is answered so.
    fn answered(asked: &mut Asked, filters: &[&str], codes: &[SubscribeReasonCode], now: Instant) -> Option<News> {
        asked.given(&filters.iter().map(|&filter| filter.to_owned()).collect::<Vec<_>>());
        asked.sent(7);
        asked.acknowledged(7, codes, now).1
    }

    #[test]
    fn a_refusal_that_passes_is_no_error() {
        let (mut asked, begun) = (Asked::default(), Instant::now());
        let seconds = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(answered(&mut asked, &["a", "b"], &[YES, NO], begun), Some(News::Waits));
        for n in 1..30 {
            assert_eq!(answered(&mut asked, &["b"], &[NO], seconds(n)), None, "{n} s");
        }
        assert_eq!(answered(&mut asked, &["b"], &[YES], seconds(29)), Some(News::Grants));
        assert!(asked.refused.since.is_empty() && asked.refused.times == 0 && asked.again_at().is_none());
        // Later on it begins anew.
        assert_eq!(answered(&mut asked, &["b"], &[NO], seconds(100)), Some(News::Waits));
    }

    #[test]
    fn one_that_does_not_is_told_once() {
        let (mut asked, begun) = (Asked::default(), Instant::now());
        let seconds = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(answered(&mut asked, &["a"], &[NO], begun), Some(News::Waits));
        // What is refused for the first time, or granted meanwhile, says nothing of it; an answer without codes is none.
        assert_eq!(answered(&mut asked, &["b"], &[], seconds(31)), None);
        assert_eq!(answered(&mut asked, &["c"], &[YES], seconds(31)), None);
        assert_eq!(answered(&mut asked, &["a"], &[NO], seconds(31)), Some(News::Refuses("a".to_owned())));
        assert_eq!(answered(&mut asked, &["a", "b"], &[NO, NO], seconds(90)), None);
        assert_eq!(answered(&mut asked, &["a"], &[YES], seconds(91)), None, "one of two");
        assert_eq!(answered(&mut asked, &["b"], &[YES], seconds(92)), Some(News::Grants));
    }

    #[test]
    fn what_was_never_asked_for_was_not_refused() {
        let mut asked = Asked::default();
        assert_eq!(asked.acknowledged(9, &[NO, NO], Instant::now()), (Vec::new(), None));
    }
}
