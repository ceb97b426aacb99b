//! Whoever could not order is not let in: nothing of theirs is spent or held for nothing.

use std::time::Duration;

use backend::stores::SettingsPatch;

use super::refused;
use crate::cafe::{Cafe, id, person, settle};
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
}
