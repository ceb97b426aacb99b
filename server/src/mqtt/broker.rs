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

    /// Tells a message to everybody who subscribed to its topic, and keeps it where the topic is a retained one. In place of what is
    /// older than what is kept the latter is told, to whoever does not know it: publishers may overtake each other.
    pub fn publish(&self, topic: &str, payload: Bytes) -> Result<(), NotLive> {
        self.tell(topic, payload, Coming::News)
    }

    pub(super) fn tell(&self, topic: &str, payload: Bytes, coming: Coming) -> Result<(), NotLive> {
        let known: Topic = topic.parse().map_err(|_| NotLive)?;
        let mut message = Arc::new(Message::new(topic, payload)?);
        let hearers: Vec<_> = {
            let mut state = self.state();
            let newer = state.retained.get(topic).filter(|kept| kept.sequence > message.sequence).cloned();
            if let Some(newer) = newer {
                if coming == Coming::Kept {
                    return Ok(());
                }
                // It may be one client's answer, of which the others have not heard.
                message = newer;
            } else if known.retained() {
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
mod tests;
