//! The shop itself: what it remembers, decides and does. It names neither a page nor a route.
//!
//! The spine, in reading order: the [`clock`], the database ([`db`]), the [`log`] of facts, who follows it
//! ([`subscriber`]), what is to happen later ([`timer`]) or outside ([`job`]), who does it alone ([`lease`]), and the
//! [`runner`] that keeps all of them going. Every context stands on these and only these.
//!
//! The contexts: [`identity`] (who is asking, and what they may do), [`stores`] and [`catalog`] (what is sold, where and
//! for how much), [`inventory`] (what is there of it); [`ordering`] (cart, checkout, order, and the saga that coordinates
//! the others), [`payment`] (what is charged and goes back), [`prep`] (the barista's queue), [`kiosk`] (codes that throttle
//! a rush); [`notify`] sends text messages, [`audit`] tells managers what staff did, [`report`] how a day goes, [`live`] tells what changed over MQTT;
//! [`seed`] fills them for a demo or a bench; [`check`] proves from the database that nothing is lost and nothing is there
//! twice.

pub mod audit;
pub mod backup;
pub mod catalog;
pub mod check;
pub mod clock;
pub mod db;
pub mod idempotency;
pub mod identity;
pub mod inventory;
pub mod job;
pub mod kiosk;
pub mod lease;
pub mod live;
pub mod log;
pub mod notify;
pub mod ordering;
pub mod payment;
pub mod prep;
pub mod refused;
pub mod report;
pub mod runner;
pub mod seed;
pub mod stores;
pub mod subscriber;
pub mod timer;

use std::path::PathBuf;
use std::sync::Arc;

use audit::Audit;
use catalog::{Catalog, PriceWindows};
use clock::Clock;
use db::{Db, DbError};
use domain::Money;
use domain::view::{MeView, WalletBalance};
use idempotency::Keys;
use identity::{Caller, Client, Identities, IdentityError, Secret};
use inventory::Stock;
use kiosk::{AdmissionEnd, Kiosks, Rotation};
use live::Live;
use notify::{Sender, Sms};
use ordering::{BaristaLimit, Carts, CheckoutHold, Checkouts, Orders, Saga, Sagas};
use payment::{CardProvider, CardService, HttpCard, NoCard, Patience, Payments, TopUps, Vault, Wallets};
use prep::{BoardGone, Queue, QueueSubscriber, Tickets};
use report::Reports;
use runner::Runner;
use stores::Stores;

/// What the shop needs to be told.
#[derive(Debug, Clone)]
pub struct BackendSettings {
    /// `sqlite:FILE` or `postgres://…`.
    pub database_url: Secret,
    /// Where images and the like are kept.
    pub data_dir: PathBuf,
    /// The card provider; `None`: nobody is charged, as in commands that only look.
    pub card: Option<CardService>,
    /// What signs cookies, tickets and codes, the first one; empty: what the database keeps.
    pub secrets: Vec<Secret>,
    /// Order limits hold; off for load tests only.
    pub limits: bool,
    /// Browsers come by https: cookies are for https alone.
    pub https: bool,
    /// Where text messages go.
    pub sms: Sms,
    /// Where the shop is found, `http://` or `https://`: what codes carry.
    pub public_url: String,
}

/// The shop, open. Clones are the same shop.
#[derive(Clone)]
pub struct Backend {
    /// The database.
    pub db: Db,
    /// What time it is here.
    pub clock: Clock,
    /// Sessions, tokens, staff.
    pub identities: Identities,
    /// Where is sold, on which terms.
    pub stores: Stores,
    /// What is sold, for how much.
    pub catalog: Catalog,
    /// What is there of it.
    pub stock: Stock,
    /// What shoppers have put aside.
    pub carts: Carts,
    /// What is held for them.
    pub checkouts: Checkouts,
    /// What they have ordered.
    pub orders: Orders,
    /// What is charged, and goes back.
    pub payments: Payments,
    /// What shoppers have paid in advance.
    pub wallets: Wallets,
    /// What cards pay into them.
    pub top_ups: TopUps,
    /// What is under way behind the orders.
    pub sagas: Sagas,
    /// What the bar makes.
    pub queue: Queue,
    /// What shoppers show to have it handed over.
    pub tickets: Tickets,
    /// Codes that let people in.
    pub kiosks: Kiosks,
    /// What staff and devices did.
    pub audit: Audit,
    /// How a day goes.
    pub reports: Reports,
    /// What is told over MQTT.
    pub live: Live,
    /// Requests that may come twice.
    pub keys: Keys,
    /// What is told by text message.
    pub texts: Sender,
}

/// Why the shop did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// This machine cannot speak HTTP to the card provider.
    #[error("the card provider cannot be spoken to: {0}")]
    NoProvider(String),
}

impl Backend {
    /// Opens the database and brings its schema up to date. Nothing runs by itself yet, see [`Backend::runner`].
    pub async fn open(settings: BackendSettings, clock: Clock) -> Result<Self, OpenError> {
        let db = Db::open(settings.database_url.expose(), clock.clone()).await?;
        db.migrate().await?;
        let identities = Identities::open(db.clone(), &settings.secrets, settings.https, settings.limits).await?;
        let catalog = Catalog::new(db.clone());
        let carts = Carts::new(catalog.clone());
        let checkouts = Checkouts::new(catalog.clone(), settings.limits);
        let provider: Arc<dyn CardProvider> = match settings.card {
            Some(service) => {
                let card = HttpCard::new(service, identities.keys()).map_err(|error| OpenError::NoProvider(error.to_string()))?;
                Arc::new(card)
            }
            None => Arc::new(NoCard),
        };
        let payments = Payments::new(provider, Patience::default(), Vault::new(identities.keys()));
        let orders = Orders::new(payments.clone(), carts.clone(), clock.clone(), settings.limits);
        let sagas = Sagas::new(payments.clone());
        let top_ups = TopUps::new(db.clone(), payments.clone());
        let kiosks = Kiosks::new(&settings.public_url);
        let live = Live::new(db.clone(), Stores, catalog.clone(), orders.clone(), Queue, kiosks.clone());
        let tickets = Tickets::new(identities.keys());
        Ok(Self {
            db,
            clock,
            identities,
            stores: Stores,
            catalog,
            stock: Stock,
            carts,
            checkouts,
            orders,
            payments,
            wallets: Wallets,
            top_ups,
            sagas,
            queue: Queue,
            tickets,
            kiosks,
            audit: Audit,
            reports: Reports,
            live,
            keys: Keys::default(),
            texts: Sender::new(settings.sms),
        })
    }

    /// The same shop with another card provider.
    pub fn with_provider(self, provider: Arc<dyn CardProvider>, patience: Patience) -> Self {
        let payments = self.payments.at(provider, patience);
        let orders = Orders::new(payments.clone(), self.carts.clone(), self.clock.clone(), self.orders.limits);
        let live = Live::new(self.db.clone(), self.stores, self.catalog.clone(), orders.clone(), self.queue, self.kiosks.clone());
        let top_ups = TopUps::new(self.db.clone(), payments.clone());
        Self { orders, sagas: Sagas::new(payments.clone()), top_ups, payments, live, ..self }
    }

    /// Everything that happens by itself: subscribers, timers and jobs of all contexts.
    pub fn runner(&self) -> Runner {
        let runner = Runner::new(self.db.clone())
            .subscriber(Saga::new(self.orders.clone()))
            .subscriber(QueueSubscriber)
            .subscriber(self.live.subscriber())
            .timer(idempotency::Purge)
            .timer(identity::Purge)
            .job(self.identities.code_sender(self.texts.clone()))
            .timer(PriceWindows)
            .timer(Rotation)
            .timer(AdmissionEnd)
            .timer(BoardGone)
            .timer(CheckoutHold)
            .timer(BaristaLimit::new(self.orders.clone()));
        self.payments.jobs(runner, &self.db)
    }

    /// `GET /me`: who somebody is, and what they have.
    pub async fn me(&self, caller: &Caller) -> Result<MeView, DbError> {
        let mut me = caller.me();
        if let Caller::User { user, .. } = caller {
            let mut sql = self.db.reader();
            let balance = match self.wallets.view(&mut sql, *user).await? {
                Some(balance) => balance,
                None => Money::zero(self.wallets.currency(&mut sql, *user).await?),
            };
            me.wallet = Some(WalletBalance { balance });
        }
        Ok(me)
    }

    /// Looks at a typed code before it is scanned: refuses who has tried too many that no kiosk shows, whatever theirs is now,
    /// and counts one that is none. A right one is taken wherever it comes from, also from an address where others guess.
    pub async fn may_try_code(&self, caller: &Caller, client: &Client, typed: &str) -> Result<(), IdentityError> {
        self.identities.may_scan(caller).await?;
        if self.kiosks.is_code(&mut self.db.reader(), typed).await? {
            return Ok(());
        }
        self.identities.scanned_wrong(caller, client).await
    }

    /// The same before the page of a code is shown; false: it may be shown, but must not tell whether the code is one. That
    /// is so for guests of an address where codes are guessed: they can have a new session for each guess.
    pub async fn may_see_code(&self, caller: &Caller, client: &Client, typed: &str) -> Result<bool, IdentityError> {
        let may_be_one = domain::kiosk::normalise(typed).is_some();
        if caller.is_guest() && may_be_one && self.identities.is_guessed_from(client).await? {
            self.identities.may_scan(caller).await?;
            return Ok(false);
        }
        self.may_try_code(caller, client, typed).await.map(|()| true)
    }

    /// Ends: what is queued is run, then the connections are closed.
    pub async fn close(&self) {
        self.db.close().await;
    }
}
