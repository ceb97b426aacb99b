//! A kiosk that is taken out of service, as after a code of it went round, and put back.

use std::time::Duration;

use super::{manager, pier, refused};
use crate::cafe::{Cafe, id, person, settle};
use crate::support::on_both_databases;

on_both_databases! {
    async fn a_kiosk_that_is_put_back_shows_another_code(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (ada, ben, cleo, dan) = (person("Ada", None), person("Ben", None), person("Cleo", None), person("Dan", None));
        let before = cafe.code().await;
        cafe.open_page(&ben, &before.code).await.unwrap();
        shop.hands.advance(Duration::from_millis((before.rotates_at - shop.clock.now()) as u64 + 1_000));
        settle(&running).await;
        let shown = cafe.code().await;
        cafe.open_page(&cleo, &shown.code).await.unwrap();
        let admission = cafe.scan(&ada, &shown.code).await.unwrap();
        cafe.open_page(&ben, &before.code).await.expect("he had opened its page in time");

        let identities = &cafe.backend.identities;
        identities.revoke_kiosk(&manager(), &id("pier"), pier()).await.unwrap();
        assert_eq!(refused(cafe.scan(&cleo, &shown.code).await), ("code_unknown", 404));
        identities.add_kiosk(&manager(), &id("pier"), "pier-1").await.unwrap();
        let after = cafe.code().await;
        assert_ne!(after.code, shown.code);
        assert_eq!((after.scans_left, after.rotates_at), (10, shown.rotates_at), "of the same slot");
        for (who, code) in [(&cleo, &shown.code), (&dan, &shown.code), (&ben, &before.code)] {
            assert_eq!(refused(cafe.open_page(who, code).await), ("code_expired", 410));
            assert_eq!(refused(cafe.scan(who, code).await), ("code_expired", 410));
        }
        // Who was in is still in.
        let kept = cafe.backend.kiosks.admission(&mut cafe.backend.db.reader(), &ada, &id("pier")).await.unwrap();
        assert_eq!(kept, Some(admission));
        cafe.scan(&cleo, &after.code).await.unwrap();
        settle(&running).await;
        running.shutdown().await;
    }
}
