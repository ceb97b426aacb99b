//! One connected client as everybody else sees it: who it is, what it subscribed to, and what waits for it.
//!
//! What waits is at most the newest message of each topic, so that a client that reads slowly costs no more than one that
//! reads quickly.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use backend::identity::rights::{self, Right};
use backend::identity::{Caller, Whose};
use domain::topic::{Filter, Topic};
use tokio::sync::Notify;

use super::codec::Reason;
use super::message::Message;

/// The subscriptions that one connection may hold.
const MOST: usize = 100;

#[derive(Debug)]
pub(super) struct Client {
    pub id: u64,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    caller: Caller,
    subscriptions: Vec<Subscription>,
    lanes: HashMap<Arc<str>, Lane>,
    /// Topics with something waiting, in the order they got it.
    waiting: VecDeque<Arc<str>>,
    closing: Option<Reason>,
}

/// A granted filter.
#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub filter: Filter,
    pub qos: u8,
    pub retain_as_published: bool,
    /// What is retained was asked for when it was made.
    pub retained: bool,
    /// The topics whose rights granted it, and whose they are.
    pub grounds: Vec<(Topic, Option<Whose>)>,
    /// The rights in every store that did.
    pub everywhere: Vec<Right>,
    /// What the broker lists it by: see [`super::reach`]. Two subscriptions may share one.
    pub keys: Vec<Filter>,
}

/// One topic of this client.
#[derive(Debug)]
struct Lane {
    /// The newest sequence that was put here.
    newest: i64,
    /// Waits to be sent; with the retain flag, where it answers a subscription.
    message: Option<(Arc<Message>, bool)>,
}

/// What is to be sent next.
#[derive(Debug)]
pub(super) struct Delivery {
    pub message: Arc<Message>,
    pub retain: bool,
    pub qos: u8,
}

impl Client {
    pub(super) fn new(id: u64, caller: Caller) -> Arc<Self> {
        let state = State { caller, subscriptions: Vec::new(), lanes: HashMap::new(), waiting: VecDeque::new(), closing: None };
        Arc::new(Self { id, state: Mutex::new(state), changed: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn caller(&self) -> Caller {
        self.state().caller.clone()
    }

    /// Takes a subscription, in place of one with the same filter; whether it is new, or `None` where there are too many.
    pub(super) fn subscribe(&self, subscription: Subscription) -> Option<bool> {
        let mut state = self.state();
        let State { subscriptions, lanes, .. } = &mut *state;
        let old = subscriptions.iter().position(|old| old.filter == subscription.filter);
        if old.is_none() && subscriptions.len() == MOST {
            return None;
        }
        if subscription.retained {
            // What is retained is sent again for the same filter, though it is not newer (3.8.4).
            lanes.iter_mut().filter(|(topic, _)| subscription.filter.matches(topic)).for_each(|(_, lane)| lane.newest = i64::MIN);
        }
        if let Some(old) = old {
            subscriptions[old] = subscription;
        } else {
            subscriptions.push(subscription);
        }
        Some(old.is_none())
    }

    /// Whether there is a subscription with this filter.
    pub(super) fn has(&self, filter: &Filter) -> bool {
        self.state().subscriptions.iter().any(|subscription| subscription.filter == *filter)
    }

    /// Whether another filter is one too many.
    pub(super) fn is_full(&self) -> bool {
        self.state().subscriptions.len() >= MOST
    }

    /// Whether a subscription is listed by this.
    pub(super) fn holds(&self, key: &Filter) -> bool {
        self.state().subscriptions.iter().any(|subscription| subscription.keys.contains(key))
    }

    /// Drops subscriptions; of each whether it was there, and what those that were are listed by.
    pub(super) fn unsubscribe(&self, filters: &[String]) -> (Vec<bool>, Vec<Filter>) {
        let mut state = self.state();
        let mut gone = Vec::new();
        let mut drop_one = |filter: &String| {
            let at = state.subscriptions.iter().position(|subscription| subscription.filter.as_str() == filter);
            at.map(|at| gone.push(state.subscriptions.remove(at))).is_some()
        };
        let were = filters.iter().map(&mut drop_one).collect();
        (were, state.forget(&gone))
    }

    /// Drops all of them; what they are listed by.
    pub(super) fn unsubscribe_all(&self) -> Vec<Filter> {
        let mut state = self.state();
        let gone = std::mem::take(&mut state.subscriptions);
        state.forget(&gone)
    }

    /// Is somebody else from now on, as far as roles go; what the subscriptions that this takes away are listed by.
    pub(super) fn become_caller(&self, caller: Caller) -> Vec<Filter> {
        let mut state = self.state();
        let may = |subscription: &Subscription| {
            subscription.everywhere.iter().all(|right| caller.may_everywhere(*right))
                && subscription.grounds.iter().all(|(topic, whose)| rights::may_subscribe(&caller, topic, whose.as_ref()))
        };
        let (kept, lost): (Vec<_>, Vec<_>) = std::mem::take(&mut state.subscriptions).into_iter().partition(may);
        state.subscriptions = kept;
        state.caller = caller;
        state.forget(&lost)
    }

    /// Puts a message in, in place of an older one of its topic; whether there was one that the client never saw.
    /// `answer`: it is not news, but what whoever subscribes is told first.
    pub(super) fn offer(&self, message: &Arc<Message>, answer: bool) -> bool {
        let mut state = self.state();
        let Some(wanted) = state.wanted(&message.topic) else { return false };
        if state.closing.is_some() || (answer && !wanted.retained) {
            return false;
        }
        let lane = state.lanes.entry(message.topic.clone()).or_insert(Lane { newest: i64::MIN, message: None });
        // Who has heard of the topic already gets it as news (3.3.1-12).
        let retained = answer && lane.newest == i64::MIN;
        if message.sequence <= lane.newest {
            // Something newer overtook the answer to a subscription, and is the answer now.
            if let Some((_, answers)) = &mut lane.message {
                *answers |= answer;
            }
            return false;
        }
        lane.newest = message.sequence;
        let answered = lane.message.as_ref().map(|(_, answers)| *answers);
        lane.message = Some((message.clone(), retained || answered == Some(true)));
        if answered.is_none() {
            state.waiting.push_back(message.topic.clone());
        }
        drop(state);
        self.changed.notify_one();
        answered.is_some()
    }

    /// What is to be sent next. Without `acknowledged` only what needs no acknowledgement: too many are outstanding.
    pub(super) fn take(&self, acknowledged: bool) -> Option<Delivery> {
        let mut state = self.state();
        let mut n = 0;
        while let Some(topic) = state.waiting.get(n).cloned() {
            let Some(Wanted { qos, retain_as_published, .. }) = state.wanted(&topic) else {
                state.waiting.remove(n);
                continue;
            };
            if qos > 0 && !acknowledged {
                n += 1;
                continue;
            }
            state.waiting.remove(n);
            if let Some((message, retained)) = state.lanes.get_mut(&topic).and_then(|lane| lane.message.take()) {
                let kept = retain_as_published && topic.parse::<Topic>().is_ok_and(|topic| topic.retained());
                return Some(Delivery { message, retain: retained || kept, qos });
            }
        }
        None
    }

    /// Whether something waits.
    pub(super) fn is_waiting(&self) -> bool {
        !self.state().waiting.is_empty()
    }

    /// Ends the connection, as soon as its session hears of it.
    pub(super) fn close(&self, reason: Reason) {
        self.state().closing.get_or_insert(reason);
        self.changed.notify_one();
    }

    pub(super) fn closing(&self) -> Option<Reason> {
        self.state().closing
    }

    /// Waits for the next [`offer`](Self::offer) or [`close`](Self::close). Safe to drop.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// How a topic is wanted, by all filters that match it.
struct Wanted {
    qos: u8,
    /// With the flag that it was published with.
    retain_as_published: bool,
    /// What is retained, too.
    retained: bool,
}

impl State {
    fn wanted(&self, topic: &str) -> Option<Wanted> {
        let matching = self.subscriptions.iter().filter(|s| s.filter.as_str() == topic || s.filter.matches(topic));
        matching.fold(None, |wanted: Option<Wanted>, s| {
            let before = wanted.unwrap_or(Wanted { qos: 0, retain_as_published: false, retained: false });
            Some(Wanted {
                qos: before.qos.max(s.qos),
                retain_as_published: before.retain_as_published || s.retain_as_published,
                retained: before.retained || s.retained,
            })
        })
    }

    /// These subscriptions are no more: what they alone matched is forgotten. What they are listed by. Once for all that go
    /// together, and only over what they matched: a stranger asks for it as often as they like.
    fn forget(&mut self, gone: &[Subscription]) -> Vec<Filter> {
        if gone.is_empty() {
            return Vec::new();
        }
        let mut lanes = std::mem::take(&mut self.lanes);
        lanes.retain(|topic, _| !gone.iter().any(|subscription| subscription.filter.matches(topic)) || self.wanted(topic).is_some());
        self.lanes = lanes;
        let lanes = &self.lanes;
        self.waiting.retain(|topic| lanes.contains_key(topic));
        gone.iter().flat_map(|subscription| subscription.keys.iter().cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn message(topic: &str, sequence: i64) -> Arc<Message> {
        let payload = Bytes::from(format!(r#"{{"sequence":"{sequence:020}"}}"#));
        Arc::new(Message::new(topic, payload).unwrap())
    }

    fn subscription(filter: &str, qos: u8) -> Subscription {
        let filter: Filter = filter.parse().unwrap();
        Subscription {
            keys: vec![filter.clone()],
            filter,
            qos,
            retain_as_published: false,
            retained: true,
            grounds: Vec::new(),
            everywhere: Vec::new(),
        }
    }

    fn taken(client: &Client, acknowledged: bool) -> Vec<(String, i64)> {
        std::iter::from_fn(|| client.take(acknowledged)).map(|d| (d.message.topic.to_string(), d.message.sequence)).collect()
    }

    #[test]
    fn only_the_newest_of_each_topic_waits() {
        let client = Client::new(1, Caller::Nobody);
        client.subscribe(subscription("a/#", 0));
        for n in 1..=1000 {
            client.offer(&message("a/x", n), false);
            client.offer(&message("a/y", n), false);
            client.offer(&message("b", n), false);
        }
        client.offer(&message("a/x", 999), false);
        assert_eq!(taken(&client, true), [("a/x".to_owned(), 1000), ("a/y".to_owned(), 1000)]);
        client.offer(&message("a/x", 1000), true);
        assert_eq!(taken(&client, true), [], "what was sent is not sent again");
    }

    #[test]
    fn a_subscription_made_again_is_answered_again() {
        let client = Client::new(1, Caller::Nobody);
        assert_eq!(client.subscribe(subscription("a", 0)), Some(true));
        client.offer(&message("a", 5), true);
        assert_eq!(taken(&client, true).len(), 1);
        assert_eq!(client.subscribe(subscription("a", 0)), Some(false));
        client.offer(&message("a", 5), true);
        assert_eq!(taken(&client, true).len(), 1);
    }

    #[test]
    fn the_first_message_answers_the_subscription_whatever_overtakes_it() {
        for order in [[(5, true), (6, false)], [(6, false), (5, true)]] {
            let client = Client::new(1, Caller::Nobody);
            client.subscribe(subscription("a", 0));
            for (sequence, retained) in order {
                client.offer(&message("a", sequence), retained);
            }
            let first = client.take(true).unwrap();
            assert_eq!((first.message.sequence, first.retain), (6, true), "{order:?}");
            client.offer(&message("a", 7), false);
            assert!(!client.take(true).unwrap().retain);
        }
    }

    #[test]
    fn what_is_retained_is_an_answer_only_to_those_who_asked() {
        let client = Client::new(1, Caller::Nobody);
        client.subscribe(Subscription { retained: false, ..subscription("a", 0) });
        client.offer(&message("a", 5), true);
        assert!(client.take(true).is_none());
        client.offer(&message("a", 5), false);
        assert!(!client.take(true).unwrap().retain);
        client.subscribe(subscription("b", 0));
        client.offer(&message("b", 1), false);
        client.take(true);
        client.offer(&message("b", 2), true);
        assert!(!client.take(true).unwrap().retain, "news to who has heard of it before, such as after a broker's loss");
    }

    #[test]
    fn what_a_slow_reader_never_saw_is_counted() {
        let client = Client::new(1, Caller::Nobody);
        client.subscribe(subscription("a", 0));
        assert_eq!([1, 2, 2, 3].map(|n| client.offer(&message("a", n), false)), [false, true, false, true]);
        client.take(true);
        assert!(!client.offer(&message("a", 4), false));
    }

    #[test]
    fn what_must_be_acknowledged_waits_and_does_not_hold_up_the_rest() {
        let client = Client::new(1, Caller::Nobody);
        client.subscribe(subscription("slow", 1));
        client.subscribe(subscription("quick", 0));
        client.offer(&message("slow", 1), false);
        client.offer(&message("quick", 1), false);
        client.offer(&message("slow", 2), false);
        assert_eq!(taken(&client, false), [("quick".to_owned(), 1)]);
        assert_eq!(taken(&client, true), [("slow".to_owned(), 2)]);
    }

    #[test]
    fn what_is_no_longer_wanted_no_longer_waits() {
        let client = Client::new(1, Caller::Nobody);
        client.subscribe(subscription("a", 0));
        client.offer(&message("a", 1), false);
        client.subscribe(subscription("b", 0));
        client.offer(&message("b", 1), false);
        let (were, keys) = client.unsubscribe(&["a", "a", "c"].map(str::to_owned));
        assert_eq!((were, keys), (vec![true, false, false], vec!["a".parse().unwrap()]));
        assert_eq!(taken(&client, true), [("b".to_owned(), 1)]);
        assert_eq!(client.unsubscribe_all(), ["b".parse().unwrap()]);
        for n in 0..MOST {
            assert_eq!(client.subscribe(subscription(&format!("t/{n}"), 0)), Some(true));
        }
        assert_eq!(client.subscribe(subscription("one/more", 0)), None);
    }

    #[test]
    fn a_lost_role_takes_its_subscriptions_along() {
        let client = Client::new(1, Caller::Nobody);
        let store: domain::StoreId = "harbor".parse().unwrap();
        for topic in [Topic::Queue(store.clone()), Topic::Board(store)] {
            let grounds = vec![(topic.clone(), None)];
            let filter = Filter::from(&topic);
            let keys = vec![filter.clone()];
            let everywhere = Vec::new();
            client.subscribe(Subscription { filter, qos: 0, retain_as_published: false, retained: true, grounds, everywhere, keys });
        }
        assert_eq!(client.become_caller(Caller::Nobody), ["v1/stores/harbor/queue".parse().unwrap()]);
        client.offer(&message("v1/stores/harbor/queue", 1), false);
        client.offer(&message("v1/stores/harbor/board", 1), false);
        assert_eq!(taken(&client, true), [("v1/stores/harbor/board".to_owned(), 1)]);
    }
}
