//! Live: events become small snapshots on MQTT topics, after commit only.
//!
//! The subscriber marks the topics that an event changes; [`Live::start`]'s tasks read each of them once, however many
//! events changed it meanwhile, and publish it. What is published is the whole view with a `sequence`, so it does not
//! matter what was missed, repeated or overtaken: the newest wins. At the start, and whenever the broker was away, all
//! retained topics are published again. A process that has lost its way to the broker, or whose messages that drops, leaves the
//! subscriber to another one.

mod address;
mod affected;
mod echo;
mod marks;
mod polled;
mod publisher;
mod snapshot;
mod trust;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::topic::Topic;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

pub use self::address::{BrokerAddress, InvalidAddress, again};
pub use self::marks::LiveSubscriber;
pub use self::polled::polled;
use self::publisher::{Link, Publisher};
use self::snapshot::{Ticks, Views};
use crate::catalog::Catalog;
use crate::db::{Db, DbError};
use crate::identity::Owner;
use crate::kiosk::Kiosks;
use crate::ordering::Orders;
use crate::prep::Queue;
use crate::stores::Stores;
use crate::subscriber;

/// Its cursor's name.
const NAME: &str = "live";
/// Wait before the database is asked again.
const AGAIN: Duration = Duration::from_millis(200);
/// How often the subscribers are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// A round of snapshots after which there is no rest.
const SHORT: Duration = Duration::from_millis(4);
/// The longest rest between two rounds of snapshots.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// A broker that is away for so long is not just being started again, and neither is the way to it: a process that reaches it takes
/// over. Whatever is shorter is made up for by what waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether nobody hears a topic now. The one who answers `true` has forgotten what was told on it, and asks
/// [`Live::snapshot`] for whoever subscribes later.
pub type Unheard = Arc<dyn Fn(&Topic) -> bool + Send + Sync>;

/// What is told live. Clones are the same.
#[derive(Clone)]
pub struct Live {
    db: Db,
    views: Views,
    changed: Arc<Changed>,
    /// Whether what changes can be published from here.
    able: watch::Sender<bool>,
}

/// What is to be published.
#[derive(Default)]
struct Changed {
    topics: Mutex<Topics>,
    woken: Notify,
}

#[derive(Default)]
struct Topics {
    named: BTreeSet<Topic>,
    /// All retained topics.
    all: bool,
}

impl Changed {
    fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mark(&self, topics: impl IntoIterator<Item = Topic>) {
        self.topics().named.extend(topics);
        self.woken.notify_one();
    }

    fn put_back(&self, unpublished: Topics) {
        let mut topics = self.topics();
        topics.all |= unpublished.all;
        topics.named.extend(unpublished.named);
    }

    fn mark_all(&self) {
        self.topics().all = true;
        self.woken.notify_one();
    }
}

impl Live {
    pub(crate) fn new(db: Db, stores: Stores, catalog: Catalog, orders: Orders, queue: Queue, kiosks: Kiosks) -> Self {
        let views = Views { stores, catalog, orders, queue, kiosks, ticks: Ticks::default() };
        Self { db, views, changed: Arc::default(), able: watch::Sender::new(true) }
    }

    /// The newest message of a topic; `None` where there is no such thing.
    pub async fn snapshot(&self, topic: &Topic) -> Result<Option<Bytes>, DbError> {
        let (views, topic) = (self.views.clone(), topic.clone());
        self.db.snapshot(|tx| Box::pin(async move { views.message(tx, &topic).await })).await
    }

    /// The topics that are retained, of every store, kiosk and flow.
    pub async fn retained(&self) -> Result<Vec<Topic>, DbError> {
        let mut reader = self.db.reader();
        let of = |id: domain::StoreId| [Topic::Status(id.clone()), Topic::Menu(id.clone()), Topic::Board(id.clone()), Topic::Queue(id)];
        let stores = self.views.stores.list(&mut reader).await?;
        let mut codes = Vec::new();
        for store in &stores {
            codes.extend(self.views.stores.kiosks(&mut reader, &store.id).await?.into_iter().map(Topic::KioskCode));
        }
        let flows = subscriber::progress(&mut reader).await?;
        let flows = flows.iter().map(|progress| Topic::Ops(snapshot::flow_of(progress)));
        Ok(stores.into_iter().flat_map(|store| of(store.id)).chain(codes).chain(flows).collect())
    }

    /// Where the subscriber stands in the log while something waits behind that to be told, whichever process runs it; `None` where
    /// all is told.
    pub async fn waits_at(&self) -> Result<Option<i64>, DbError> {
        subscriber::waits_at(&mut self.db.reader(), NAME, affected::TYPES).await
    }

    /// How far the subscriber has come, whichever process runs it.
    pub async fn position(&self) -> Result<i64, DbError> {
        subscriber::position(&mut self.db.reader(), NAME).await
    }

    /// What was to be told while it came from one position to another one.
    pub async fn changed_between(&self, after: i64, until: i64) -> Result<BTreeSet<Topic>, DbError> {
        marks::changed_between(&mut self.db.reader(), after, until).await
    }

    /// The subscriber, for the runner. It wants [`Live::start`] beside it.
    pub fn subscriber(&self) -> LiveSubscriber {
        LiveSubscriber::new(self.db.clone(), self.changed.clone(), self.able.subscribe())
    }

    /// Publishes what changes, to this broker, until [`Publishing::shutdown`]. First everything that is retained. Topics of one
    /// order or user, and the queues, are made only where somebody hears them.
    pub fn start(&self, address: BrokerAddress, unheard: Unheard) -> Publishing {
        let (publisher, stop) = (Publisher::default(), CancellationToken::new());
        let (connected, link) = watch::channel(Link::default());
        // Nothing is marked before it can be told: another process may have its way already.
        self.able.send_replace(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(publisher.clone().run(address, connected, self.changed.clone(), stop.clone()));
        tasks.spawn(self.clone().tell_able(link.clone()));
        tasks.spawn(self.clone().publish(publisher, unheard, stop.clone()));
        tasks.spawn(self.clone().watch(link.clone()));
        tasks.spawn(self.clone().look(stop.clone()));
        Publishing { tasks, stop, link }
    }

    /// Publishes everything again whenever the broker comes back: it may have forgotten.
    async fn watch(self, mut link: watch::Receiver<Link>) {
        let mut made = 0;
        while link.wait_for(|link| link.made > made).await.map(|link| made = link.made).is_ok() {
            self.changed.mark_all();
        }
    }

    /// Tells the subscriber whether the broker is there: until it has been away for [`PATIENCE`].
    async fn tell_able(self, mut link: watch::Receiver<Link>) {
        while link.wait_for(|link| link.up).await.is_ok() {
            self.able.send_replace(true);
            if link.wait_for(|link| !link.up).await.is_err() {
                return;
            }
            let is_back = tokio::time::timeout(PATIENCE, link.wait_for(|link| link.up)).await.is_ok();
            if !is_back {
                self.able.send_replace(false);
            }
        }
    }

    /// Looks how the subscribers are doing, which no event tells.
    async fn look(self, stop: CancellationToken) {
        let mut known = BTreeMap::new();
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(looks.tick()).await.is_some() {
            // Not now, then the next time.
            let Ok(all) = subscriber::progress(&mut self.db.reader()).await else { continue };
            for progress in all {
                let (flow, now) = (snapshot::flow_of(&progress), (progress.position, progress.lag, progress.parked));
                if known.insert(flow.clone(), now) != Some(now) {
                    self.changed.mark([Topic::Ops(flow)]);
                }
            }
        }
    }

    async fn publish(self, publisher: Publisher, unheard: Unheard, stop: CancellationToken) {
        loop {
            let begun = Instant::now();
            let topics = std::mem::take(&mut *self.changed.topics());
            if topics.named.is_empty() && !topics.all {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.changed.woken.notified() => continue,
                }
            }
            let pause = match self.publish_all(&publisher, &unheard, topics).await {
                Ok(()) => pause_after(begun.elapsed()),
                Err((error, unpublished)) => {
                    self.changed.put_back(unpublished);
                    tracing::warn!(%error, "snapshots cannot be made now");
                    AGAIN
                }
            };
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    /// Publishes these topics; what is left where the database is away.
    async fn publish_all(&self, publisher: &Publisher, unheard: &Unheard, mut topics: Topics) -> Result<(), (DbError, Topics)> {
        if topics.all {
            match self.retained().await {
                Ok(retained) => {
                    topics.named.extend(retained);
                    topics.all = false;
                }
                Err(error) => return Err((error, topics)),
            }
        }
        // Whoever placed an order may be on another page.
        let orders: Vec<_> =
            topics.named.iter().filter_map(|topic| if let Topic::Order(order) = topic { Some(*order) } else { None }).collect();
        if !orders.is_empty() {
            match self.views.orders.owners_of(&mut self.db.reader(), &orders).await {
                Ok(owners) => topics.named.extend(owners.into_iter().filter_map(|owner| match owner {
                    Owner::User(user) => Some(Topic::User(user)),
                    Owner::Session(_) => None,
                })),
                Err(error) if error.is_transient() => return Err((error, topics)),
                Err(error) => tracing::error!(%error, "whose orders these are cannot be read; their owners' other pages stay as they are"),
            }
        }
        // From the end: one order and its queue come before what everybody sees; last of all what only operators do.
        let mut later = topics.named.split_off(&Topic::Ops(String::new()));
        while let Some(topic) = topics.named.pop_last().or_else(|| later.pop_last()) {
            if topic.on_demand() && unheard(&topic) {
                continue;
            }
            match self.snapshot(&topic).await {
                Ok(Some(payload)) => publisher.put(topic, payload),
                Ok(None) => {}
                Err(error) if error.is_transient() => {
                    topics.named.insert(topic);
                    topics.named.append(&mut later);
                    return Err((error, topics));
                }
                // The others must not wait for one that is broken.
                Err(error) => tracing::error!(%topic, %error, "no snapshot"),
            }
        }
        Ok(())
    }
}

/// The rest after a round that took so long: what is short is told at once, what is long leaves the shop most of the machine
/// and takes up more changes the next time.
fn pause_after(round: Duration) -> Duration {
    if round < SHORT { Duration::ZERO } else { (round * 2).min(LONGEST_PAUSE) }
}

/// What runs since [`Live::start`].
pub struct Publishing {
    tasks: JoinSet<()>,
    stop: CancellationToken,
    link: watch::Receiver<Link>,
}

impl Publishing {
    /// Whether the broker is there (`/readyz`).
    pub fn ready(&self) -> bool {
        self.link.borrow().up
    }

    /// Ends; what has been read is still sent, as far as the broker takes it within two seconds.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a task of live ended badly");
            }
        }
    }
}
