//! Who orders far more than one person needs.

use std::time::Duration;

use backend::ordering::OrderingError;
use backend::refused::Refused as _;
use backend::stores::SettingsPatch;
use domain::view::Role;

use crate::cafe::{Cafe, guest, id, person, settle};
use crate::support::on_both_databases;

on_both_databases! {
    async fn mass_ordering_is_slowed_and_told_to_managers(shop) {
        let cafe = Cafe::open(&shop).await;
        cafe.settings("harbor", SettingsPatch { capacity: Some(None), ..SettingsPatch::default() }).await;
        let (checkouts, db) = (cafe.backend.checkouts.clone(), cafe.backend.db.clone());
        let (robot, ada) = (guest(), guest());
        let may = async |who, store: &str| checkouts.may_begin(&db, who, store).await;
        for n in 0..30 {
            may(&robot, "harbor").await.unwrap();
            cafe.order(&robot, "tok_ok").await;
            shop.hands.advance(Duration::from_secs(u64::from(n == 0)));
        }
        // The first of them is a second older than the others.
        for _ in 0..3 {
            let refused = may(&robot, "harbor").await.unwrap_err();
            assert!(matches!(refused, OrderingError::TooManyOrders { seconds: 599 }), "{refused}");
            assert_eq!((refused.status(), refused.code(), refused.extra().retry_after), (429, "rate_limited", Some(599)));
        }
        assert!(may(&robot, "pier").await.is_err(), "in all stores together");
        may(&ada, "harbor").await.unwrap();

        // The managers are told once, and not who it is.
        let running = cafe.run();
        settle(&running).await;
        running.shutdown().await;
        let mo = person("Mo", Some((Role::Manager, "harbor")));
        let mut sql = db.reader();
        let told = cafe.backend.audit.page(&mut sql, &cafe.backend.identities, &mo, &id("harbor"), None, 50).await.unwrap().items;
        let told: Vec<_> = told.iter().map(|entry| (entry.type_name.as_str(), entry.by.kind.as_str(), entry.by.name.as_str())).collect();
        assert_eq!(told, [("shopper.slowed.v1", "guest", "")]);
        drop(sql);

        shop.hands.advance(Duration::from_secs(599));
        may(&robot, "harbor").await.unwrap();
        cafe.order(&robot, "tok_ok").await;
        assert!(may(&robot, "harbor").await.is_err(), "one for each that is old enough");
    }
}
