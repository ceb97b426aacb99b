//! A claim whose board is gone, seen by a real gateway in front of a real shop; the clock is the test's.

use std::sync::Arc;
use std::time::Duration;

use backend::clock::{Clock, Hands};
use backend::identity::{Caller, NewToken, Secret, shopper_by_phone_in};
use backend::notify::Sms;
use backend::ordering::OrderingError;
use backend::prep::PrepError;
use backend::{Backend, BackendSettings, seed};
use domain::prep::FulfilmentStatus;
use domain::pricing::LineRequest;
use domain::view::{CheckoutRequest, FulfilmentRequest, Naming, PaymentRequest, PlaceRequest, Role};
use domain::{Locale, OrderId, SessionId, Timestamp};
use server::mqtt::{Counters, Gateway, Limits};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::stage::{Raw, connect, soon, subscribe};

const EN: Naming = Naming::In(Locale::En);
const START: Timestamp = Timestamp::from_millis(1_795_334_400_000);
const LOOK: Duration = Duration::from_secs(5);

struct Bar {
    backend: Backend,
    gateway: Gateway,
    hands: Hands,
}

impl Bar {
    /// Looks who is connected, five seconds later.
    async fn look(&self) {
        self.hands.advance(LOOK);
        self.gateway.recheck().await;
    }

    async fn status(&self, order: OrderId) -> FulfilmentStatus {
        let view = self.backend.orders.view(&mut self.backend.db.reader(), order, EN).await.unwrap().unwrap();
        view.fulfilments.first().map_or(FulfilmentStatus::Failed, |fulfilment| fulfilment.status)
    }

    /// A flat white, paid from the wallet of the demo's shopper.
    async fn order(&self) -> OrderId {
        let backend = self.backend.clone();
        let placed: Result<OrderId, OrderingError> = self
            .backend
            .db
            .transaction(move |tx| {
                Box::pin(async move {
                    let user = shopper_by_phone_in(tx, &"+15550100001".parse().unwrap()).await?;
                    let ada =
                        Caller::User { session: SessionId(Uuid::now_v7()), user, name: String::new(), language: None, roles: Vec::new() };
                    let line = LineRequest { sku: "flat-white-regular".to_owned(), quantity: 1, options: vec!["oat".to_owned()] };
                    let request = CheckoutRequest {
                        store: "harbor".to_owned(),
                        lines: vec![line],
                        fulfilment: FulfilmentRequest::Pickup,
                        admission: None,
                        coupon_codes: Vec::new(),
                        points: None,
                    };
                    let checkout = backend.checkouts.begin_in(tx, &ada, None, &request, EN).await?;
                    let place = PlaceRequest { payment: PaymentRequest::Wallet, expected_total: checkout.quote.total };
                    backend.orders.place_in(tx, &ada, checkout.id, &place, EN).await
                })
            })
            .await;
        placed.unwrap()
    }
}

#[tokio::test]
async fn a_claim_outlives_its_connection_by_two_minutes() {
    let folder = tempfile::tempdir().unwrap();
    let (clock, hands) = Clock::manual(START);
    let settings = BackendSettings {
        database_url: Secret::new(format!("sqlite:{}", folder.path().join("orderly.db").display())),
        data_dir: folder.path().to_owned(),
        card: None,
        secrets: vec![Secret::new("for tests")],
        limits: true,
        https: false,
        sms: Sms::Log,
        public_url: "http://shop.example".to_owned(),
    };
    let backend = Backend::open(settings, clock).await.unwrap();
    seed::demo(&backend.db).await.unwrap();
    let running = backend.runner().start();
    let gateway = Gateway::new(Arc::new(backend.clone()), Limits::default(), Counters::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = listener.local_addr().unwrap();
    gateway.listen(listener);
    let bar = Bar { backend: backend.clone(), gateway, hands };

    let new = NewToken { role: Role::Barista, store: Some("harbor".parse().unwrap()), merchant: None, kiosk: None, name: "Kim".to_owned() };
    let (_, token) = backend.identities.issue_token(new).await.unwrap();
    let kim = backend.identities.caller_by_token(token.expose()).await.unwrap();
    let mut board = Raw(TcpStream::connect(plain).await.unwrap());
    board.send(&connect(5, 0, Some(token.expose()))).await;
    board.send(&subscribe(5, &[("v1/stores/harbor/queue", 0)])).await;
    assert_eq!(board.packet().await[3], 0);

    let order = bar.order().await;
    running.settle().await.unwrap();
    let claim = backend.clone();
    let claimed: Result<OrderId, PrepError> =
        backend.db.transaction(move |tx| Box::pin(async move { claim.queue.claim_in(tx, &kim, order).await })).await;
    claimed.unwrap();
    for _ in 0..40 {
        bar.look().await;
    }
    running.settle().await.unwrap();
    assert_eq!(bar.status(order).await, FulfilmentStatus::Making);

    drop(board);
    soon("the end of the connection", async {
        while bar.gateway.connections() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut away = Duration::ZERO;
    soon("the release", async {
        while bar.status(order).await == FulfilmentStatus::Making {
            bar.look().await;
            away += LOOK;
            running.settle().await.unwrap();
        }
    })
    .await;
    assert_eq!(bar.status(order).await, FulfilmentStatus::Queued);
    assert!(away >= Duration::from_mins(2), "{away:?}");
    bar.gateway.shutdown().await;
    drop(running);
    backend.close().await;
}
