//! The demo shop with shoppers, baristas and a card provider that keeps books.

mod provider;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use backend::db::{DbError, Tx};
use backend::identity::{Caller, Secret};
use backend::notify::Sms;
use backend::ordering::OrderingError;
use backend::payment::Patience;
use backend::prep::PrepError;
use backend::runner::Running;
use backend::stores::SettingsPatch;
use backend::{Backend, BackendSettings, seed};
use domain::event::Actor;
use domain::pricing::LineRequest;
use domain::view::{
    Address, CheckoutRequest, CheckoutView, FulfilmentRequest, Naming, OrderView, PaymentRequest, PlaceRequest, Role, RoleView,
};
use domain::{CheckoutId, Locale, OrderId, SessionId, StoreId, UserId};
use uuid::Uuid;

pub use self::provider::Books;
use crate::support::TestDb;

/// English alone.
pub const EN: Naming = Naming::In(Locale::En);

/// An open demo shop.
#[derive(Clone)]
pub struct Cafe {
    pub backend: Backend,
    /// What the card provider was asked for.
    pub books: Arc<Books>,
}

/// What a command in a transaction returns.
type Step<'t, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>;

impl Cafe {
    /// The demo shop in a test's database.
    pub async fn open(shop: &TestDb) -> Self {
        Self::open_with(shop, Patience::default()).await
    }

    /// The demo shop with so much patience for the card provider.
    pub async fn open_with(shop: &TestDb, patience: Patience) -> Self {
        Self::open_as(shop, patience, Sms::Log).await
    }

    /// The demo shop with its text messages in this file.
    pub async fn open_texting(shop: &TestDb, file: &std::path::Path) -> Self {
        Self::open_as(shop, Patience::default(), Sms::File(file.to_owned())).await
    }

    async fn open_as(shop: &TestDb, patience: Patience, sms: Sms) -> Self {
        let settings = BackendSettings {
            database_url: Secret::new(shop.url.clone()),
            data_dir: std::env::temp_dir(),
            card: None,
            secrets: vec![Secret::new("for tests")],
            limits: true,
            https: false,
            sms,
            public_url: "http://shop.example".to_owned(),
        };
        let books = Arc::new(Books::default());
        let backend = Backend::open(settings, shop.clock.clone()).await.expect("the shop opens");
        seed::demo(&backend.db).await.expect("the demo shop is made");
        Self { backend: backend.with_provider(books.clone(), patience), books }
    }

    /// Starts everything that happens by itself.
    pub fn run(&self) -> Running {
        self.backend.runner().start()
    }

    /// A command in a transaction of its own.
    pub async fn tx<T, E>(&self, command: impl for<'t> FnOnce(&'t mut Tx, Cafe) -> Step<'t, T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let cafe = self.clone();
        self.backend.db.transaction(move |tx| command(tx, cafe)).await
    }

    /// Begins a checkout of these lines, for pick-up.
    pub async fn begin(&self, caller: &Caller, store: &str, lines: &[LineRequest]) -> Result<CheckoutView, OrderingError> {
        self.begin_as(caller, request(store, lines)).await
    }

    pub async fn begin_as(&self, caller: &Caller, request: CheckoutRequest) -> Result<CheckoutView, OrderingError> {
        let caller = caller.clone();
        self.tx(move |tx, cafe| Box::pin(async move { cafe.backend.checkouts.begin_in(tx, &caller, None, &request, EN).await })).await
    }

    /// Places a checkout with a card, for the total it has.
    pub async fn place(&self, caller: &Caller, checkout: &CheckoutView, token: &str) -> Result<OrderId, OrderingError> {
        let payment = PaymentRequest::Card { token: token.to_owned() };
        self.place_as(caller, checkout.id, PlaceRequest { payment, expected_total: checkout.quote.total }).await
    }

    pub async fn place_as(&self, caller: &Caller, checkout: CheckoutId, request: PlaceRequest) -> Result<OrderId, OrderingError> {
        let caller = caller.clone();
        self.tx(move |tx, cafe| Box::pin(async move { cafe.backend.orders.place_in(tx, &caller, checkout, &request, EN).await })).await
    }

    /// Orders one flat white at the harbour.
    pub async fn order(&self, caller: &Caller, token: &str) -> OrderId {
        let checkout = self.begin(caller, "harbor", &[flat_white(1)]).await.expect("a checkout begins");
        self.place(caller, &checkout, token).await.expect("an order is placed")
    }

    /// Calls an order off for a caller.
    pub async fn cancel(&self, caller: &Caller, order: OrderId) -> Result<OrderId, OrderingError> {
        let caller = caller.clone();
        self.tx(move |tx, cafe| Box::pin(async move { cafe.backend.orders.cancel_in(tx, &caller, order, None).await })).await
    }

    /// Lets somebody of the staff do something with a ticket.
    pub async fn work(&self, caller: &Caller, order: OrderId, work: Work) -> Result<OrderId, PrepError> {
        let caller = caller.clone();
        self.tx(move |tx, cafe| {
            Box::pin(async move {
                let queue = cafe.backend.queue;
                match work {
                    Work::Claim => queue.claim_in(tx, &caller, order).await,
                    Work::Release => queue.release_in(tx, &caller, order).await,
                    Work::Ready => queue.ready_in(tx, &caller, order).await,
                    Work::Collect => queue.collect_in(tx, &caller, order).await,
                    Work::Recall => queue.recall_in(tx, &caller, order).await,
                }
            })
        })
        .await
    }

    pub async fn view(&self, order: OrderId) -> OrderView {
        let view = self.backend.orders.view(&mut self.backend.db.reader(), order, EN).await;
        view.expect("the database answers").expect("the order is there")
    }

    /// Places taken in a store.
    pub async fn active(&self, store: &str) -> i64 {
        let row = self.backend.stores.get(&mut self.backend.db.reader(), &id(store)).await;
        row.expect("the database answers").expect("the store is there").active
    }

    /// Units that are free and that are held.
    pub async fn stock(&self, store: &str, sku: &str) -> (i64, i64) {
        let level = self.backend.stock.level(&mut self.backend.db.reader(), &id(store), &sku.parse().expect("a SKU")).await;
        let level = level.expect("the database answers").expect("it is counted");
        assert_eq!(level.received + level.adjusted + level.returned - level.sold, level.on_hand, "{level:?}");
        (level.free(), level.held)
    }

    /// Types of the events of an order, without their versions.
    pub async fn journey(&self, caller: &Caller, order: OrderId) -> Vec<String> {
        let journey = self.backend.orders.journey(&mut self.backend.db.reader(), caller, order).await.expect("it may be seen");
        journey.into_iter().map(|entry| entry.type_name.trim_end_matches(".v1").to_owned()).collect()
    }

    /// Sets a store's terms.
    pub async fn settings(&self, store: &str, patch: SettingsPatch) {
        let store = id(store);
        self.tx(move |tx, cafe| Box::pin(async move { cafe.backend.stores.patch_settings_in(tx, &store, &patch, Actor::System).await }))
            .await
            .expect("the settings are changed");
    }
}

/// What staff do with a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Claim,
    Release,
    Ready,
    Collect,
    Recall,
}

/// Waits until all is quiet; whatever then waits for a person fails the test.
pub async fn settle(running: &Running) {
    let left = running.settle().await.expect("the database answers");
    assert!(left.parked.is_empty() && left.dead.is_empty(), "{left:?}");
}

pub fn id(store: &str) -> StoreId {
    store.parse().expect("a store's id")
}

/// A browser without an account.
pub fn guest() -> Caller {
    Caller::Guest { session: SessionId(Uuid::now_v7()), fresh: false }
}

/// Somebody who works at a store, or, without a role, a signed-in shopper.
pub fn person(name: &str, role: Option<(Role, &str)>) -> Caller {
    Caller::User {
        session: SessionId(Uuid::now_v7()),
        user: UserId(Uuid::now_v7()),
        name: name.to_owned(),
        language: None,
        roles: role.map(|(role, store)| RoleView { role, store: Some(id(store)) }).into_iter().collect(),
    }
}

/// A barista at the harbour.
pub fn barista(name: &str) -> Caller {
    person(name, Some((Role::Barista, "harbor")))
}

pub fn line(sku: &str, quantity: i64, options: &[&str]) -> LineRequest {
    LineRequest { sku: sku.to_owned(), quantity, options: options.iter().map(|option| (*option).to_owned()).collect() }
}

/// Made to order, 5.10 each.
pub fn flat_white(quantity: i64) -> LineRequest {
    line("flat-white-regular", quantity, &["oat"])
}

/// Counted: twelve there are.
pub fn croissant(quantity: i64) -> LineRequest {
    line("butter-croissant", quantity, &[])
}

/// By post, to Ada.
pub fn ship() -> FulfilmentRequest {
    let address = Address {
        name: "Ada".to_owned(),
        line1: "1 Quay".to_owned(),
        line2: None,
        city: "Oakland".to_owned(),
        region: None,
        postal_code: "94607".to_owned(),
        country: "US".to_owned(),
    };
    FulfilmentRequest::Ship { address }
}

/// One plush unicorn, which costs 1700 and of which there are four.
pub fn plush() -> CheckoutRequest {
    CheckoutRequest { fulfilment: ship(), ..request("unicorn", &[line("unicorn-plush", 1, &[])]) }
}

/// A checkout of these lines, for pick-up.
pub fn request(store: &str, lines: &[LineRequest]) -> CheckoutRequest {
    CheckoutRequest {
        store: store.to_owned(),
        lines: lines.to_vec(),
        fulfilment: FulfilmentRequest::Pickup,
        admission: None,
        coupon_codes: Vec::new(),
        points: None,
    }
}
