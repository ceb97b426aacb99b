//! Whoever could not order is not let in: nothing of theirs is spent or held for nothing.

use std::time::Duration;

use backend::refused::Refused as _;
use backend::stores::SettingsPatch;
use domain::view::Role;

use super::refused;
use crate::cafe::{Cafe, Work, id, person, settle};
use crate::support::on_both_databases;

on_both_databases! {
    async fn who_has_had_todays_orders_spends_no_scan(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        cafe.pier(SettingsPatch { order_limit: Some(Some(1)), ..SettingsPatch::default() }).await;
        let ada = person("Ada", None);
        let first = cafe.code().await.code;
        let admission = cafe.scan(&ada, &first).await.unwrap();
        let checkout = cafe.lemonade(&ada, &admission).await.unwrap();
        cafe.place(&ada, &checkout, "tok_ok").await.unwrap();
        shop.hands.advance(Duration::from_mins(5));
        settle(&running).await;

        let shown = cafe.code().await;
        assert_ne!(shown.code, first);
        let before = (shown.scans_left, cafe.active("pier").await);
        assert_eq!(refused(cafe.open_page(&ada, &shown.code).await), ("order_limit_reached", 429));
        assert_eq!(refused(cafe.scan(&ada, &shown.code).await), ("order_limit_reached", 429));
        assert_eq!((cafe.code().await.scans_left, cafe.active("pier").await), before);
        let kept = cafe.backend.kiosks.admission(&mut cafe.backend.db.reader(), &ada, &id("pier")).await.unwrap();
        assert_eq!(kept, None);
        // It is hers alone: others come in.
        let ben = person("Ben", None);
        cafe.open_page(&ben, &shown.code).await.unwrap();
        cafe.scan(&ben, &shown.code).await.unwrap();
        running.shutdown().await;
    }

    /// Where a wait is aimed at, a code that is made while every place is taken grants no scan.
    async fn a_code_that_grants_no_scan_is_not_used_up(shop) {
        let cafe = Cafe::open(&shop).await;
        cafe.pier(SettingsPatch { wait_target_seconds: Some(Some(60)), capacity: Some(Some(1)), ..SettingsPatch::default() }).await;
        // Only now: the first code is made by the settings of that moment.
        let running = cafe.run();
        let (ada, ben) = (person("Ada", None), person("Ben", None));
        let admission = cafe.scan(&ada, &cafe.code().await.code).await.unwrap();
        let checkout = cafe.lemonade(&ada, &admission).await.unwrap();
        let order = cafe.place(&ada, &checkout, "tok_ok").await.unwrap();
        settle(&running).await;
        shop.hands.advance(Duration::from_mins(5));
        settle(&running).await;

        let shown = cafe.code().await;
        assert_eq!((shown.scans, cafe.active("pier").await), (0, 1));
        let (page, scan) = (cafe.open_page(&ben, &shown.code).await.unwrap_err(), cafe.scan(&ben, &shown.code).await.unwrap_err());
        let next = (shown.rotates_at - shop.clock.now() + 999) / 1000;
        assert_ne!(next, 10, "else it says nothing of which of the two it is");
        for refusal in [page, scan] {
            assert_eq!((refusal.code(), refusal.status(), refusal.extra().retry_after), ("store_at_capacity", 503, Some(next)));
            assert_eq!(refusal.sentence(), "code_without_places");
        }
        // It lets nobody in later, either; the next one does.
        let kim = person("Kim", Some((Role::Barista, "pier")));
        cafe.work(&kim, order, Work::Claim).await.unwrap();
        cafe.work(&kim, order, Work::Ready).await.unwrap();
        assert_eq!(refused(cafe.scan(&ben, &shown.code).await), ("store_at_capacity", 503));
        assert_eq!((cafe.code().await.scans_left, cafe.active("pier").await), (0, 0));
        shop.hands.advance(Duration::from_mins(5));
        settle(&running).await;
        cafe.scan(&ben, &cafe.code().await.code).await.unwrap();
        running.shutdown().await;
    }
}
