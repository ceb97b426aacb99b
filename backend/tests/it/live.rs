//! What is told live to one user, and to operators.

use backend::payment::Credit;
use domain::live::{FlowView, NoticeKind, UserLive};
use domain::topic::Topic;
use domain::view::{PaymentRequest, PlaceRequest};
use domain::{Currency, Money, UserId};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::cafe::{Cafe, Work, barista, flat_white, person, settle};
use crate::support::on_both_databases;

/// The newest message of a topic: its sequence and data.
async fn newest<T: DeserializeOwned>(cafe: &Cafe, topic: &Topic) -> (String, T) {
    let payload = cafe.backend.live.snapshot(topic).await.unwrap().expect("there is such a thing");
    let event: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!((event["type"].as_str(), event["source"].as_str()), (Some(topic.event_type()), Some("/orderly")));
    (event["sequence"].as_str().unwrap().to_owned(), serde_json::from_value(event["data"].clone()).unwrap())
}

on_both_databases! {
    async fn a_user_hears_of_their_wallet_and_of_orders_that_want_them(shop) {
        let cafe = Cafe::open(&shop).await;
        let (ada, kim) = (person("Ada", None), barista("Kim"));
        let user = ada.user().unwrap();
        let topic = Topic::User(user);
        let (first, nothing) = newest::<UserLive>(&cafe, &topic).await;
        assert_eq!(nothing, UserLive { notices: Vec::new(), wallet: None, points: 0 });

        let money = Money::new(3300, Currency::USD);
        cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.wallets.credit_in(tx, user, money, Credit::Gift, "gift").await })).await.unwrap();
        let running = cafe.run();
        let checkout = cafe.begin(&ada, "harbor", &[flat_white(1)]).await.unwrap();
        let by_wallet = PlaceRequest { payment: PaymentRequest::Wallet, expected_total: checkout.quote.total };
        let order = cafe.place_as(&ada, checkout.id, by_wallet).await.unwrap();
        settle(&running).await;
        let (_, paid) = newest::<UserLive>(&cafe, &topic).await;
        assert!(paid.notices.is_empty() && paid.wallet.unwrap().balance.amount == 3300 - 510, "nothing to do yet");

        for work in [Work::Claim, Work::Ready] {
            cafe.work(&kim, order, work).await.unwrap();
        }
        settle(&running).await;
        let (later, ready) = newest::<UserLive>(&cafe, &topic).await;
        assert!(later > first);
        assert_eq!(ready.notices.iter().map(|notice| (notice.order, notice.kind)).collect::<Vec<_>>(), [(order, NoticeKind::Ready)]);
        cafe.work(&kim, order, Work::Collect).await.unwrap();
        settle(&running).await;
        assert_eq!(newest::<UserLive>(&cafe, &topic).await.1.notices[0].kind, NoticeKind::Fulfilled);
        let stranger = Topic::User(UserId(Uuid::now_v7()));
        assert_eq!(newest::<UserLive>(&cafe, &stranger).await.1, nothing);
        running.shutdown().await;
    }

    async fn operators_hear_how_far_each_subscriber_is(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        settle(&running).await;
        let (_, live) = newest::<FlowView>(&cafe, &Topic::Ops("live".to_owned())).await;
        assert_eq!((live.flow.as_str(), live.parked), ("live", 0));
        assert!(live.position > 0);
        // A dot is not for every broker.
        let (_, saga) = newest::<FlowView>(&cafe, &Topic::Ops("ordering-saga".to_owned())).await;
        assert_eq!(saga.flow, "ordering-saga");
        assert_eq!(cafe.backend.live.snapshot(&Topic::Ops("nobody".to_owned())).await.unwrap(), None);
        running.shutdown().await;
    }

    async fn what_waits_to_be_told_is_seen_whoever_is_to_tell_it(shop) {
        let cafe = Cafe::open(&shop).await;
        assert_eq!(cafe.backend.live.waits_at().await.unwrap(), Some(0), "nobody gives positions, and nobody tells");
        // Events get their positions, and nobody reads them.
        let sequencer = cafe.backend.runner().services(&[]).start();
        sequencer.settle().await.unwrap();
        assert_eq!(cafe.backend.live.waits_at().await.unwrap(), Some(0), "it has never run");
        sequencer.shutdown().await;
        let running = cafe.run();
        settle(&running).await;
        running.shutdown().await;
        assert_eq!(cafe.backend.live.waits_at().await.unwrap(), None);

        cafe.order(&person("Ada", None), "tok_ok").await;
        let stands = cafe.backend.live.waits_at().await.unwrap();
        assert!(stands.is_some_and(|position| position > 0), "{stands:?}");
        let sequencer = cafe.backend.runner().services(&[]).start();
        sequencer.settle().await.unwrap();
        assert_eq!(cafe.backend.live.waits_at().await.unwrap(), stands, "it does not move");
        sequencer.shutdown().await;
        let running = cafe.run();
        settle(&running).await;
        assert_eq!(cafe.backend.live.waits_at().await.unwrap(), None);
        running.shutdown().await;
    }
}
