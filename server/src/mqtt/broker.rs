//! The broker in memory: who hears what, and the newest message of each store topic for who comes later.
//!
//! What is published enters here alone, whether it comes from our own publisher or from a broker outside.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use domain::topic::{Filter, Topic};

use super::client::Client;
use super::message::{Message, NotLive};

/// The broker in memory.
#[derive(Debug, Default)]
pub struct Broker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    retained: HashMap<Arc<str>, Arc<Message>>,
    /// By filter without wildcards, then by client.
    exact: HashMap<String, HashMap<u64, Arc<Client>>>,
    /// By filter with wildcards, which few have, then by client.
    wild: HashMap<String, (Filter, HashMap<u64, Arc<Client>>)>,
}

impl Broker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells a message to everybody who subscribed to its topic, and keeps it where the topic is a retained one. What is
    /// older than what is kept is not told: publishers may overtake each other.
    pub fn publish(&self, topic: &str, payload: Bytes) -> Result<(), NotLive> {
        let known: Topic = topic.parse().map_err(|_| NotLive)?;
        let message = Arc::new(Message::new(topic, payload)?);
        let hearers: Vec<_> = {
            let mut state = self.state();
            if known.retained() {
                if state.retained.get(topic).is_some_and(|kept| kept.sequence > message.sequence) {
                    return Ok(());
                }
                state.retained.insert(message.topic.clone(), message.clone());
            }
            let exact = state.exact.get(topic).into_iter().flat_map(HashMap::values);
            let wild = state.wild.values().filter(|(filter, _)| filter.matches(topic)).flat_map(|(_, clients)| clients.values());
            exact.chain(wild).cloned().collect()
        };
        for client in hearers {
            client.offer(&message, false);
        }
        Ok(())
    }

    /// From now on the client hears what the filter matches; first, where wanted, what is retained of it.
    pub(super) fn subscribe(&self, filter: &Filter, client: &Arc<Client>, retained: bool) {
        let mut state = self.state();
        if filter.topic().is_some() {
            state.exact.entry(filter.as_str().to_owned()).or_default().insert(client.id, client.clone());
        } else {
            let (_, clients) = state.wild.entry(filter.as_str().to_owned()).or_insert_with(|| (filter.clone(), HashMap::new()));
            clients.insert(client.id, client.clone());
        }
        if !retained {
            return;
        }
        if filter.topic().is_some() {
            if let Some(message) = state.retained.get(filter.as_str()) {
                client.offer(message, true);
            }
        } else {
            for message in state.retained.values().filter(|message| filter.matches(&message.topic)) {
                client.offer(message, true);
            }
        }
    }

    /// The client no longer hears what the filters match.
    pub(super) fn unsubscribe(&self, filters: &[Filter], client: &Client) {
        let mut state = self.state();
        for filter in filters {
            let key = filter.as_str();
            if let Some(clients) = state.exact.get_mut(key) {
                clients.remove(&client.id);
                if clients.is_empty() {
                    state.exact.remove(key);
                }
            } else if let Some((_, clients)) = state.wild.get_mut(key) {
                clients.remove(&client.id);
                if clients.is_empty() {
                    state.wild.remove(key);
                }
            }
        }
    }

    /// Topics that are not retained and that somebody listens to: what was published on them while a broker outside
    /// was away is known to nobody but the shop.
    pub(super) fn unretained(&self) -> Vec<Topic> {
        self.state().exact.keys().filter_map(|topic| topic.parse::<Topic>().ok()).filter(|topic| !topic.retained()).collect()
    }

    #[cfg(test)]
    fn is_deserted(&self) -> bool {
        let state = self.state();
        state.exact.is_empty() && state.wild.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use backend::identity::Caller;

    use super::*;
    use crate::mqtt::client::Subscription;

    fn payload(sequence: i64) -> Bytes {
        Bytes::from(format!(r#"{{"sequence":"{sequence:020}"}}"#))
    }

    fn hear(broker: &Broker, client: &Arc<Client>, filter: &str) {
        let filter: Filter = filter.parse().unwrap();
        client.subscribe(Subscription { filter: filter.clone(), qos: 0, retain_as_published: false, grounds: Vec::new() });
        broker.subscribe(&filter, client, true);
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
        assert_eq!(broker.unretained(), [order.parse().unwrap()]);
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
        broker.unsubscribe(&client.filters(), &client);
        assert!(broker.is_deserted());
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let broker = Broker::default();
        assert_eq!(broker.publish("somewhere/else", payload(1)), Err(NotLive));
        assert_eq!(broker.publish("v1/stores/harbor/status", Bytes::from_static(b"{}")), Err(NotLive));
    }
}
