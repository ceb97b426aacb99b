//! SUBSCRIBE and UNSUBSCRIBE.

use backend::identity::{Caller, Whose, rights};
use domain::StoreId;
use domain::topic::{Filter, Topic};

use super::super::client::Subscription;
use super::super::codec::{self, Reason, RetainHandling, SubscribeReasonCode, Wish};
use super::super::reach::{Reach, reach};
use super::super::transport::Transport;
use super::{End, Session};

impl<T: Transport> Session<T> {
    pub(super) async fn subscribe(&mut self, id: u16, wishes: Vec<Wish>) -> Result<(), End> {
        let mut codes = Vec::with_capacity(wishes.len());
        for wish in wishes {
            codes.push(match self.subscribe_one(wish).await? {
                Ok(qos) => codec::granted(qos),
                Err(code) => code,
            });
        }
        let version = self.version;
        // What is retained waits with the client and follows.
        self.answer_because(|in_words| version.subscribed(id, codes.clone(), in_words)).await
    }

    /// Grants or refuses one filter. A shop that cannot answer ends the connection: the client comes again.
    async fn subscribe_one(&mut self, wish: Wish) -> Result<Result<u8, SubscribeReasonCode>, End> {
        if wish.filter.starts_with("$share/") {
            return Ok(Err(SubscribeReasonCode::SharedSubscriptionsNotSupported));
        }
        let Ok(filter) = wish.filter.parse::<Filter>() else { return Ok(Err(SubscribeReasonCode::TopicFilterInvalid)) };
        let Some(Reach { decisive: topics, everywhere, keys }) = reach(&filter) else { return Ok(Err(SubscribeReasonCode::NotAuthorized)) };
        // Before the shop is asked: it costs nobody else anything.
        let known = self.client.has(&filter);
        if !known && self.client.is_full() {
            return Ok(Err(SubscribeReasonCode::QuotaExceeded));
        }
        let caller = self.client.caller();
        // Who has not even a cookie owns nothing: the shop need not be asked whose something is.
        let nobody = matches!(caller, Caller::Nobody);
        if nobody && topics.iter().any(|topic| matches!(topic, Topic::Order(_) | Topic::KioskCode(_)))
            || !everywhere.iter().all(|right| caller.may_everywhere(*right))
        {
            return Ok(Err(SubscribeReasonCode::NotAuthorized));
        }
        let mut grounds: Vec<(Topic, Option<Whose>)> = Vec::with_capacity(topics.len());
        for topic in topics {
            let whose = match topic {
                Topic::Order(_) | Topic::KioskCode(_) => {
                    self.may_ask()?;
                    ask(self.gateway.house.whose(&topic)).await?
                }
                _ => None,
            };
            if !rights::may_subscribe(&caller, &topic, whose.as_ref()) {
                return Ok(Err(SubscribeReasonCode::NotAuthorized));
            }
            // A store that there is not looks like somebody else's.
            if let Some(store) = store_of(&topic)
                && !ask(self.gateway.stores.has(store, &*self.gateway.house)).await?
            {
                return Ok(Err(SubscribeReasonCode::NotAuthorized));
            }
            grounds.push((topic, whose));
        }
        let retained = match wish.retain_handling {
            RetainHandling::OnEverySubscribe => true,
            RetainHandling::OnNewSubscribe => !known,
            RetainHandling::Never => false,
        };
        let mut named: Vec<_> = grounds.iter().map(|(topic, _)| topic.clone()).collect();
        // Whose it is and how it is are one question.
        let counted: Vec<_> = grounds.iter().filter(|(_, whose)| whose.is_some()).map(|(topic, _)| topic.clone()).collect();
        let qos = wish.qos.min(1);
        let retain_as_published = wish.retain_as_published;
        let subscription =
            Subscription { filter: filter.clone(), qos, retain_as_published, retained, grounds, everywhere, keys: keys.clone() };
        if self.client.subscribe(subscription).is_none() {
            return Ok(Err(SubscribeReasonCode::QuotaExceeded));
        }
        self.gateway.broker.subscribe(&filter, &keys, &self.client, retained);
        if !self.client.has(&filter) {
            // The caller lost the right between these two: the broker must not list what nothing else knows of.
            self.gateway.broker.unsubscribe(&keys, &self.client);
            return Ok(Err(SubscribeReasonCode::NotAuthorized));
        }
        if retained && keys.iter().any(|key| key.topic().is_none()) {
            // What a wildcard matches, only the shop knows. Whoever may have the filter may hear all of it.
            let all = ask(self.gateway.stores.retained(&*self.gateway.house)).await?;
            named.extend(all.iter().filter(|topic| filter.matches(&topic.to_string())).cloned());
        }
        // The shop itself is asked for what no broker keeps: topics of one order or user, and those that nobody heard yet; and for
        // everything while a broker outside is away, or nobody publishes to it, for what was kept before grows old meanwhile.
        for topic in named.iter().filter(|topic| retained && !(self.gateway.is_told() && self.gateway.broker.keeps(topic))) {
            if !counted.contains(topic) {
                self.may_ask()?;
            }
            // Read after the client is listed: what happens in between comes as a message with a greater sequence.
            if let Some(payload) = ask(self.gateway.house.snapshot(topic)).await?
                && let Err(error) = self.gateway.broker.answer(topic, payload, &self.client)
            {
                tracing::error!(%topic, %error, "the shop's snapshot");
            }
        }
        Ok(Ok(qos))
    }

    /// Counts a question to the shop; an address that has none left comes again.
    fn may_ask(&self) -> Result<(), End> {
        match self.from {
            Some(from) if !self.gateway.questions.take(from) => Err(End::Ours(Reason::ServerBusy)),
            _ => Ok(()),
        }
    }

    pub(super) async fn unsubscribe(&mut self, id: u16, filters: &[String]) -> Result<(), End> {
        let (were, keys) = self.client.unsubscribe(filters);
        self.gateway.broker.unsubscribe(&keys, &self.client);
        self.answer(self.version.unsubscribed(id, &were)).await
    }
}

/// The store that the topic is of.
fn store_of(topic: &Topic) -> Option<&StoreId> {
    match topic {
        Topic::Status(store) | Topic::Menu(store) | Topic::Board(store) | Topic::Queue(store) => Some(store),
        Topic::KioskCode(_) | Topic::Order(_) | Topic::User(_) | Topic::Ops(_) => None,
    }
}

/// What the shop answers; the connection ends where it cannot.
async fn ask<A>(answer: impl Future<Output = Result<A, backend::db::DbError>>) -> Result<A, End> {
    answer.await.map_err(|error| {
        tracing::warn!(%error, "a subscription cannot be decided now");
        End::Ours(Reason::ServerBusy)
    })
}
