//! Whether a kiosk's screen is there, as its manager sees it: at once, and by whichever gateway it is connected to.

use std::time::Duration;

use backend::identity::{Caller, NewToken};
use domain::Timestamp;
use domain::view::Role;

use crate::cafe::{Cafe, id, person};
use crate::support::{TestDb, on_both_databases};

/// A gateway looks every two seconds.
const LOOK: Duration = Duration::from_secs(2);

impl Cafe {
    /// A screen of `pier-1`.
    async fn screen(&self) -> Caller {
        let kiosk = Some("pier-1".parse().expect("a kiosk's id"));
        let new = NewToken { role: Role::Kiosk, store: Some(id("pier")), merchant: None, kiosk, name: "Wall".to_owned() };
        let (_, token) = self.backend.identities.issue_token(new).await.expect("a token");
        self.backend.identities.caller_by_token(token.expose()).await.expect("who it is")
    }

    /// What this gateway sees now is noted, where there is something to note; whether there was.
    async fn sees(&self, connected: &[Caller]) -> bool {
        let Some(note) = self.backend.identities.look(connected) else { return false };
        self.backend.identities.note(note).await.expect("it is noted");
        true
    }

    /// Whether the screen is connected, and when it was last.
    async fn noted(&self) -> (bool, Option<Timestamp>) {
        let pat = person("Pat", Some((Role::Manager, "pier")));
        let kiosks = self.backend.identities.kiosks(&pat, &id("pier")).await.expect("its manager sees it");
        let device = &kiosks[0].devices[0];
        (device.connected, device.seen_at)
    }
}

fn later(shop: &TestDb) -> Timestamp {
    shop.hands.advance(LOOK);
    shop.clock.now()
}

on_both_databases! {
    async fn a_screen_that_comes_or_goes_is_seen_with_the_next_look(shop) {
        let cafe = Cafe::open(&shop).await;
        let screen = [cafe.screen().await];
        assert!(cafe.sees(&[]).await);
        assert_eq!(cafe.noted().await, (false, None));
        let came = later(&shop);
        assert!(cafe.sees(&screen).await);
        assert_eq!(cafe.noted().await, (true, Some(came)));
        // While nothing changes it is noted now and then; it stays connected in between.
        let mut seen = came;
        let mut notes = 0;
        for _ in 0..60 {
            seen = later(&shop);
            notes += usize::from(cafe.sees(&screen).await);
            assert_eq!(cafe.noted().await, (true, Some(seen)));
        }
        assert_eq!(notes, 6);
        later(&shop);
        assert!(cafe.sees(&[]).await);
        assert_eq!(cafe.noted().await, (false, Some(seen)));
        assert!(!cafe.sees(&[]).await, "it has gone once");
        let back = later(&shop);
        assert!(cafe.sees(&screen).await);
        assert_eq!(cafe.noted().await, (true, Some(back)));
    }

    async fn a_gateway_that_ends_without_a_word_has_its_screens_for_a_while(shop) {
        let cafe = Cafe::open(&shop).await;
        let screen = [cafe.screen().await];
        let came = later(&shop);
        assert!(cafe.sees(&screen).await);
        // The next process knows nothing of who was connected to the one before.
        let next = Cafe::open(&shop).await;
        shop.hands.advance(Duration::from_secs(44));
        next.sees(&[]).await;
        assert!(next.noted().await.0);
        shop.hands.advance(Duration::from_secs(1));
        next.sees(&[]).await;
        assert_eq!(next.noted().await, (false, Some(came.plus_seconds(45))));
    }

    async fn two_gateways_say_nothing_of_each_others_screens(shop) {
        let one = Cafe::open(&shop).await;
        let other = Cafe::open(&shop).await;
        let screen = [one.screen().await];
        // It goes over from one to the other; whichever looks first, it is there.
        for round in 0..4 {
            let (had, has) = if round % 2 == 0 { (&one, &other) } else { (&other, &one) };
            for _ in 0..30 {
                later(&shop);
                had.sees(&screen).await;
                has.sees(&[]).await;
                assert!(one.noted().await.0, "round {round}: the other one never had it, or no longer has");
            }
            later(&shop);
            if round < 2 {
                had.sees(&[]).await;
                has.sees(&screen).await;
            } else {
                has.sees(&screen).await;
                had.sees(&[]).await;
            }
            assert!(one.noted().await.0, "round {round}: it is with the other one");
        }
        // After the last round it is with the first.
        let last = shop.clock.now();
        later(&shop);
        other.sees(&[]).await;
        assert!(one.noted().await.0);
        one.sees(&[]).await;
        assert_eq!(one.noted().await, (false, Some(last)));
    }
}
