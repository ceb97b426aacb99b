//! The broker in memory: who hears what, and the newest message of each store topic for who comes later.
//!
//! What is published enters here alone, whether it comes from our own publisher or from a broker outside. Which filters
//! have anybody who listens is noted, for [`super::upstream`] asks a broker outside for these alone.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use domain::topic::{Filter, Topic};
use prometheus_client::metrics::counter::Counter;
use tokio::sync::Notify;

use super::client::Client;
use super::message::{Message, NotLive};

/// The broker in memory.
#[derive(Debug, Default)]
pub struct Broker {
    state: Mutex<State>,
    /// Messages that a newer one replaced before their reader took them.
    replaced: Counter<u64, AtomicU64>,
    /// Some filter has its first listener, or lost its last one.
    turned: Notify,
}

#[derive(Debug, Default)]
struct State {
    retained: HashMap<Arc<str>, Arc<Message>>,
    /// By topic, then by client.
    exact: HashMap<String, HashMap<u64, Arc<Client>>>,
    /// By filter with wildcards, of which there are as many as kinds of topics (see [`super::reach`]), then by client.
    wild: HashMap<String, (Filter, HashMap<u64, Arc<Client>>)>,
    /// With a broker outside: filters that have got their first listener, or lost their last one, since it was asked.
    turned: Option<HashSet<String>>,
}

/// How a message comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coming {
    /// It was published just now.
    News,
    /// A broker outside kept it, and tells it because we asked.
    Kept,
}

impl Broker {
    pub(super) fn new(replaced: Counter<u64, AtomicU64>) -> Self {
        Self { replaced, ..Self::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells a message to everybody who subscribed to its topic, and keeps it where the topic is a retained one. What is
    /// older than what is kept is not told: publishers may overtake each other.
    pub fn publish(&self, topic: &str, payload: Bytes) -> Result<(), NotLive> {
        self.tell(topic, payload, Coming::News)
    }

    pub(super) fn tell(&self, topic: &str, payload: Bytes, coming: Coming) -> Result<(), NotLive> {
        let known: Topic = topic.parse().map_err(|_| NotLive)?;
        let message = Arc::new(Message::new(topic, payload)?);
        let hearers: Vec<_> = {
            let mut state = self.state();
            if known.retained() {
                if state.retained.get(topic).is_some_and(|kept| kept.sequence > message.sequence) {
                    return Ok(());
                }
                // What nobody here listens to any more may be old before somebody does again: with a broker outside any topic,
                // else those that are not told meanwhile.
                if (state.turned.is_none() && !known.on_demand()) || state.is_heard(topic) {
                    state.retained.insert(message.topic.clone(), message.clone());
                } else {
                    state.retained.remove(topic);
                }
            }
            let exact = state.exact.get(topic).into_iter().flat_map(HashMap::values);
            let wild = state.wild.values().filter(|(filter, _)| filter.matches(topic)).flat_map(|(_, clients)| clients.values());
            exact.chain(wild).cloned().collect()
        };
        let replaced = hearers.iter().filter(|client| client.offer(&message, coming == Coming::Kept)).count();
        self.replaced.inc_by(replaced as u64);
        Ok(())
    }

    /// Answers one client's subscription with a message that the shop has made just now, or with a newer one, and keeps it
    /// where its topic is a retained one.
    pub(super) fn answer(&self, topic: &Topic, payload: Bytes, client: &Client) -> Result<(), NotLive> {
        let mut message = Arc::new(Message::new(&topic.to_string(), payload)?);
        if topic.retained() {
            let mut state = self.state();
            let kept = state.retained.entry(message.topic.clone()).or_insert_with(|| message.clone());
            if kept.sequence < message.sequence {
                *kept = message;
            }
            message = kept.clone();
        }
        client.offer(&message, true);
        Ok(())
    }

    /// Whether nobody hears the topic. What is kept of it is forgotten then: it is about to be older than the shop.
    pub(super) fn forgets(&self, topic: &Topic) -> bool {
        let (topic, mut state) = (topic.to_string(), self.state());
        let unheard = !state.is_heard(&topic);
        if unheard {
            state.retained.remove(topic.as_str());
        }
        unheard
    }

    /// Whether a message of the topic is kept.
    pub(super) fn keeps(&self, topic: &Topic) -> bool {
        self.state().retained.contains_key(topic.to_string().as_str())
    }

    /// From now on the client hears what the filter matches, listed by these keys; first, where wanted, what is kept of it.
    pub(super) fn subscribe(&self, filter: &Filter, keys: &[Filter], client: &Arc<Client>, retained: bool) {
        let mut state = self.state();
        for key in keys {
            let name = key.as_str();
            let clients = if key.topic().is_some() {
                state.exact.entry(name.to_owned()).or_default()
            } else {
                &mut state.wild.entry(name.to_owned()).or_insert_with(|| (key.clone(), HashMap::new())).1
            };
            let nobody = clients.is_empty();
            clients.insert(client.id, client.clone());
            if nobody {
                state.turn(name, &self.turned);
            }
        }
        if !retained {
            return;
        }
        if filter.topic().is_some() {
            if let Some(message) = state.retained.get(filter.as_str()) {
                client.offer(message, true);
            }
            return;
        }
        for message in state.retained.values().filter(|message| filter.matches(&message.topic)) {
            client.offer(message, true);
        }
    }

    /// The client no longer hears what is listed by these keys, but for those that it still holds by another subscription.
    pub(super) fn unsubscribe(&self, keys: &[Filter], client: &Client) {
        if keys.is_empty() {
            return;
        }
        let mut state = self.state();
        let mut unheard = false;
        for key in keys.iter().filter(|key| !client.holds(key)) {
            let key = key.as_str();
            let left = if let Some(clients) = state.exact.get_mut(key) {
                clients.remove(&client.id);
                clients.is_empty()
            } else if let Some((_, clients)) = state.wild.get_mut(key) {
                clients.remove(&client.id);
                clients.is_empty()
            } else {
                false
            };
            if left {
                state.exact.remove(key);
                state.wild.remove(key);
                state.turn(key, &self.turned);
                unheard = true;
            }
        }
        if unheard && state.turned.is_some() {
            // What nobody follows any more is old before somebody comes.
            let retained = std::mem::take(&mut state.retained);
            state.retained = retained.into_iter().filter(|(topic, _)| state.is_heard(topic)).collect();
        }
    }

    /// From now on it is noted which filters are listened to, for a broker outside; all that are, are noted already.
    pub(super) fn ask_outside(&self) {
        let mut state = self.state();
        let all = state.exact.keys().chain(state.wild.keys()).cloned().collect();
        state.turned = Some(all);
        self.turned.notify_one();
    }

    /// The filters that turned since they were asked for last, and whether somebody listens to each now.
    pub(super) fn turned(&self) -> Vec<(String, bool)> {
        let mut state = self.state();
        let turned = state.turned.as_mut().map(std::mem::take).unwrap_or_default();
        let is_heard = |key: &str| state.exact.contains_key(key) || state.wild.contains_key(key);
        turned.into_iter().map(|key| (is_heard(&key), key)).map(|(is_heard, key)| (key, is_heard)).collect()
    }

    /// These were not asked for after all. Nobody is woken by that.
    pub(super) fn turn_again(&self, filters: impl IntoIterator<Item = String>) {
        if let Some(turned) = &mut self.state().turned {
            turned.extend(filters);
        }
    }

    /// Everything that somebody listens to.
    pub(super) fn listened_to(&self) -> Vec<Filter> {
        let state = self.state();
        let exact = state.exact.keys().filter_map(|key| key.parse().ok());
        exact.chain(state.wild.values().map(|(filter, _)| filter.clone())).collect()
    }

    /// Waits until a filter turns. Safe to drop.
    pub(super) async fn turning(&self) {
        self.turned.notified().await;
    }

    /// Whether nobody listens to anything.
    pub fn is_deserted(&self) -> bool {
        let state = self.state();
        state.exact.is_empty() && state.wild.is_empty()
    }
}

impl State {
    fn is_heard(&self, topic: &str) -> bool {
        self.exact.contains_key(topic) || self.wild.values().any(|(filter, _)| filter.matches(topic))
    }

    /// A filter got its first listener, or lost its last one.
    fn turn(&mut self, key: &str, notify: &Notify) {
        let Some(turned) = &mut self.turned else { return };
        turned.insert(key.to_owned());
        notify.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use backend::identity::Caller;

    use super::*;
    use crate::mqtt::client::Subscription;
    use crate::mqtt::reach::reach;

    fn payload(sequence: i64) -> Bytes {
        Bytes::from(format!(r#"{{"sequence":"{sequence:020}"}}"#))
    }

    fn hear(broker: &Broker, client: &Arc<Client>, filter: &str) {
        let filter: Filter = filter.parse().unwrap();
        let keys = reach(&filter).unwrap().keys;
        let subscription = Subscription {
            filter: filter.clone(),
            qos: 0,
            retain_as_published: false,
            retained: true,
            grounds: Vec::new(),
            everywhere: Vec::new(),
            keys: keys.clone(),
        };
        client.subscribe(subscription);
        broker.subscribe(&filter, &keys, client, true);
    }

    fn leave(broker: &Broker, client: &Client) {
        broker.unsubscribe(&client.unsubscribe_all(), client);
    }

    fn heard(client: &Client) -> Vec<(String, i64, bool)> {
        std::iter::from_fn(|| client.take(true)).map(|d| (d.message.topic.to_string(), d.message.sequence, d.retain)).collect()
    }

    #[test]
    fn the_newest_is_kept_for_who_comes_later() {
        let broker = Broker::default();
        let status = "v1/stores/harbor/status";
        for sequence in [1, 3, 2] {
            broker.publish(status, payload(sequence)).unwrap();
        }
        let client = Client::new(1, Caller::Nobody);
        hear(&broker, &client, "v1/stores/+/status");
        assert_eq!(heard(&client), [(status.to_owned(), 3, true)]);
        broker.publish(status, payload(4)).unwrap();
        assert_eq!(heard(&client), [(status.to_owned(), 4, false)]);
    }

    #[test]
    fn topics_of_one_order_are_not_kept() {
        let broker = Broker::default();
        let order = "v1/orders/0193b3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
        broker.publish(order, payload(1)).unwrap();
        let client = Client::new(1, Caller::Nobody);
        hear(&broker, &client, order);
        assert_eq!(heard(&client), []);
        broker.publish(order, payload(2)).unwrap();
        assert_eq!(heard(&client).len(), 1);
    }

    #[test]
    fn who_left_leaves_nothing_behind() {
        let broker = Broker::default();
        let client = Client::new(1, Caller::Nobody);
        hear(&broker, &client, "v1/stores/harbor/board");
        hear(&broker, &client, "v1/stores/+/board");
        broker.publish("v1/stores/harbor/board", payload(1)).unwrap();
        assert_eq!(heard(&client).len(), 1, "two filters, one message");
        leave(&broker, &client);
        assert!(broker.is_deserted());
    }

    #[test]
    fn a_stranger_s_spellings_are_listed_as_everybody_s() {
        let (broker, stranger) = (Broker::default(), Client::new(1, Caller::Nobody));
        broker.ask_outside();
        for filter in ["v1/stores/+/status", "+/stores/+/status", "v1/+/+/status/#", "+/+/+/status"] {
            hear(&broker, &stranger, filter);
        }
        for n in 0..50 {
            hear(&broker, &stranger, &format!("v1/+/s{n}/status"));
        }
        assert_eq!(broker.turned().len(), 51, "a broker outside hears of each name, and once of all");
        {
            let state = broker.state();
            assert_eq!((state.wild.len(), state.exact.len()), (1, 50), "what every message is held against does not grow");
        }
        let drop_two = |filters: [&str; 2]| broker.unsubscribe(&stranger.unsubscribe(&filters.map(str::to_owned)).1, &stranger);
        drop_two(["v1/stores/+/status", "+/+/+/status"]);
        broker.publish("v1/stores/harbor/status", payload(1)).unwrap();
        assert_eq!(heard(&stranger).len(), 1, "two of its filters still match");
        drop_two(["+/stores/+/status", "v1/+/+/status/#"]);
        broker.publish("v1/stores/harbor/status", payload(2)).unwrap();
        assert_eq!((heard(&stranger).len(), broker.turned().len()), (0, 1));
        leave(&broker, &stranger);
        assert!(broker.is_deserted());
    }

    #[test]
    fn a_broker_outside_is_asked_for_what_somebody_listens_to() {
        let (broker, one, two) = (Broker::default(), Client::new(1, Caller::Nobody), Client::new(2, Caller::Nobody));
        let (board, status) = ("v1/stores/harbor/board", "v1/stores/+/status");
        hear(&broker, &one, board);
        assert_eq!(broker.turned(), [], "nobody asks");
        broker.ask_outside();
        assert_eq!(broker.turned(), [(board.to_owned(), true)]);
        hear(&broker, &two, board);
        hear(&broker, &two, status);
        assert_eq!(broker.turned(), [(status.to_owned(), true)]);
        leave(&broker, &one);
        assert_eq!(broker.turned(), [], "one is left");
        broker.publish(board, payload(3)).unwrap();
        leave(&broker, &two);
        let mut turned = broker.turned();
        turned.sort();
        assert_eq!(turned, [(status.to_owned(), false), (board.to_owned(), false)]);
        // What nobody follows may be old: whoever comes next is not told it.
        let three = Client::new(3, Caller::Nobody);
        hear(&broker, &three, board);
        assert_eq!(heard(&three), []);
    }

    #[test]
    fn what_nobody_hears_is_forgotten() {
        let (broker, client) = (Broker::default(), Client::new(1, Caller::Nobody));
        let (name, topic) = ("v1/stores/harbor/queue", "v1/stores/harbor/queue".parse().unwrap());
        hear(&broker, &client, "v1/stores/harbor/+");
        broker.publish(name, payload(1)).unwrap();
        assert!(!broker.forgets(&topic) && broker.keeps(&topic));
        assert_eq!(heard(&client), [(name.to_owned(), 1, false)]);
        leave(&broker, &client);
        assert!(broker.keeps(&topic), "nothing has happened since");
        // Neither one that was on its way when the last listener left nor the one before it is the newest for the next.
        broker.publish(name, payload(2)).unwrap();
        assert!(!broker.keeps(&topic));
        assert!(broker.forgets(&topic));
    }

    #[test]
    fn an_answer_is_the_newest_there_is() {
        let (broker, client) = (Broker::default(), Client::new(1, Caller::Nobody));
        let board = "v1/stores/harbor/board";
        hear(&broker, &client, board);
        assert!(!broker.keeps(&board.parse().unwrap()));
        broker.publish(board, payload(7)).unwrap();
        broker.answer(&board.parse().unwrap(), payload(6), &client).unwrap();
        assert_eq!(heard(&client), [(board.to_owned(), 7, true)]);
        broker.answer(&board.parse().unwrap(), payload(8), &client).unwrap();
        broker.tell(board, payload(7), Coming::Kept).unwrap();
        assert_eq!(heard(&client), [(board.to_owned(), 8, false)], "news, and what an older broker kept is not told over it");
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let broker = Broker::default();
        assert_eq!(broker.publish("somewhere/else", payload(1)), Err(NotLive));
        assert_eq!(broker.publish("v1/stores/harbor/status", Bytes::from_static(b"{}")), Err(NotLive));
    }
}
