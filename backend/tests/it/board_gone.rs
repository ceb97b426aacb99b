//! A claim whose board is gone goes back to the queue.

use std::time::Duration;

use backend::identity::Caller;
use backend::prep::PrepError;
use domain::OrderId;
use domain::event::Actor;
use domain::prep::FulfilmentStatus::{self, Making, Queued, Ready};
use domain::view::{JourneyEntry, Role, TicketView};

use crate::cafe::{Cafe, EN, Work, barista, guest, id, person, settle};
use crate::support::{TestDb, on_both_databases, rounds};

/// A gateway looks every two seconds; so often is enough for it to miss nothing.
const LOOK: Duration = Duration::from_secs(5);

impl Cafe {
    /// What a gateway sees for so many seconds: these are connected.
    async fn watch(&self, shop: &TestDb, seconds: u64, connected: &[&Caller]) {
        let connected: Vec<_> = connected.iter().copied().cloned().collect();
        for _ in 0..seconds / LOOK.as_secs() {
            shop.hands.advance(LOOK);
            if let Some(note) = self.backend.identities.look(&connected) {
                self.backend.identities.note(note).await.expect("it is noted");
            }
        }
    }

    /// An order that this barista has claimed.
    async fn claimed(&self, running: &backend::runner::Running, who: &Caller) -> OrderId {
        let order = self.order(&guest(), "tok_ok").await;
        settle(running).await;
        self.work(who, order, Work::Claim).await.expect("it is claimed");
        order
    }

    async fn status(&self, order: OrderId) -> FulfilmentStatus {
        self.view(order).await.fulfilments[0].status
    }

    async fn ticket_of(&self, order: OrderId) -> TicketView {
        let queue = self.backend.queue.view(&mut self.backend.db.reader(), &id("harbor"), EN).await.unwrap();
        let lanes = queue.lanes;
        let mut all = lanes.queued.into_iter().chain(lanes.making).chain(lanes.ready);
        all.find(|ticket| ticket.order == order).expect("it is on the board")
    }

    /// How often it went back by itself, as its journey tells.
    async fn put_back(&self, order: OrderId) -> Vec<JourneyEntry> {
        let journey = self.backend.orders.journey(&mut self.backend.db.reader(), &barista("Anybody"), order).await.unwrap();
        journey.into_iter().filter(|entry| entry.reason.as_deref() == Some("board_gone")).collect()
    }
}

on_both_databases! {
    async fn who_has_had_no_board_for_two_minutes_holds_nothing(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (kim, lee) = (barista("Kim"), barista("Lee"));
        cafe.watch(&shop, 20, &[&kim, &lee]).await;
        let order = cafe.claimed(&running, &kim).await;
        // As long as there is a board, it may take as long as it takes.
        cafe.watch(&shop, 300, &[&kim, &lee]).await;
        settle(&running).await;
        assert_eq!(cafe.status(order).await, Making);
        // For less than two minutes it is no matter.
        cafe.watch(&shop, 115, &[&lee]).await;
        settle(&running).await;
        assert_eq!(cafe.status(order).await, Making);
        cafe.watch(&shop, 20, &[&kim, &lee]).await;
        cafe.watch(&shop, 115, &[&lee]).await;
        settle(&running).await;
        assert_eq!(cafe.status(order).await, Making);
        assert!(matches!(cafe.work(&lee, order, Work::Claim).await, Err(PrepError::AlreadyClaimed(holder)) if Some(&holder) == kim.person().as_ref()));

        let before = cafe.view(order).await.sequence;
        cafe.watch(&shop, 30, &[&lee]).await;
        settle(&running).await;
        let view = cafe.view(order).await;
        assert_eq!((view.fulfilments[0].status, &view.fulfilments[0].claimed_by, view.queue_position), (Queued, &None, Some(1)));
        assert!(view.sequence > before, "its tracker is told");
        assert_eq!(cafe.ticket_of(order).await.left_by, kim.person());
        let told = cafe.put_back(order).await;
        assert_eq!((told.len(), &*told[0].type_name, told[0].actor), (1, "prep.released.v1", Actor::System));
        // Its managers see it, and whose it was.
        let manager = person("Mo", Some((Role::Manager, "harbor")));
        let page = cafe.backend.audit.page(&mut cafe.backend.db.reader(), &cafe.backend.identities, &manager, &id("harbor"), None, 10).await.unwrap();
        assert_eq!((&*page.items[0].type_name, &*page.items[0].by.kind), ("prep.released.v1", "system"));

        // Who takes it next has it for themselves, and nothing is left of it.
        cafe.work(&lee, order, Work::Claim).await.unwrap();
        assert_eq!(cafe.ticket_of(order).await.left_by, None);
        cafe.watch(&shop, 200, &[&lee]).await;
        cafe.work(&lee, order, Work::Ready).await.unwrap();
        cafe.watch(&shop, 200, &[]).await;
        settle(&running).await;
        assert_eq!((cafe.status(order).await, cafe.put_back(order).await.len()), (Ready, 1));
        // What comes back from the counter is held again.
        cafe.work(&lee, order, Work::Recall).await.unwrap();
        cafe.watch(&shop, 110, &[]).await;
        settle(&running).await;
        assert_eq!(cafe.status(order).await, Making);
        cafe.watch(&shop, 40, &[]).await;
        settle(&running).await;
        assert_eq!((cafe.status(order).await, cafe.put_back(order).await.len()), (Queued, 2));
    }

    async fn who_never_had_a_board_keeps_what_they_claimed(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (kim, program) = (barista("Kim"), barista("Program"));
        // There long ago, and not when it was claimed.
        cafe.watch(&shop, 20, &[&kim, &program]).await;
        cafe.watch(&shop, 60, &[&kim]).await;
        let order = cafe.claimed(&running, &program).await;
        for _ in 0..4 {
            cafe.watch(&shop, 120, &[&kim]).await;
            settle(&running).await;
        }
        assert_eq!(cafe.status(order).await, Making);
        // With a board it is a claim like any other.
        cafe.watch(&shop, 20, &[&program]).await;
        cafe.watch(&shop, 160, &[]).await;
        settle(&running).await;
        assert_eq!(cafe.status(order).await, Queued);
    }

    /// Kim has made it within a minute and gone home long before something is found missing; and before it is found once more.
    async fn what_comes_back_from_the_counter_is_not_held_by_who_has_gone_home(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (kim, lee) = (barista("Kim"), barista("Lee"));
        cafe.watch(&shop, 20, &[&kim, &lee]).await;
        let order = cafe.claimed(&running, &kim).await;
        cafe.watch(&shop, 60, &[&kim, &lee]).await;
        cafe.work(&kim, order, Work::Ready).await.unwrap();
        cafe.watch(&shop, 240, &[&lee]).await;
        cafe.work(&lee, order, Work::Recall).await.unwrap();
        cafe.watch(&shop, 60, &[&lee]).await;
        cafe.work(&lee, order, Work::Ready).await.unwrap();
        cafe.watch(&shop, 240, &[&lee]).await;
        cafe.work(&lee, order, Work::Recall).await.unwrap();
        cafe.watch(&shop, 110, &[&lee]).await;
        settle(&running).await;
        assert_eq!(cafe.status(order).await, Making);
        cafe.watch(&shop, 40, &[&lee]).await;
        settle(&running).await;
        assert_eq!((cafe.status(order).await, cafe.ticket_of(order).await.left_by), (Queued, kim.person()));
    }

    async fn a_server_that_is_down_is_not_a_board_that_is_gone(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let kim = barista("Kim");
        cafe.watch(&shop, 20, &[&kim]).await;
        let order = cafe.claimed(&running, &kim).await;
        cafe.watch(&shop, 20, &[&kim]).await;
        drop(running);
        // Nobody looks for five minutes. Then another process does, and sees the board a minute later.
        shop.hands.advance(Duration::from_mins(5));
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        settle(&running).await;
        assert_eq!(cafe.status(order).await, Making);
        cafe.watch(&shop, 60, &[]).await;
        settle(&running).await;
        assert_eq!(cafe.status(order).await, Making);
        cafe.watch(&shop, 20, &[&kim]).await;
        cafe.watch(&shop, 100, &[]).await;
        settle(&running).await;
        assert_eq!(cafe.status(order).await, Making);
        cafe.watch(&shop, 40, &[]).await;
        settle(&running).await;
        assert_eq!(cafe.status(order).await, Queued);
    }

    /// Two processes look at the same time: the clock that counts goes no faster, and a board at either of them is there.
    async fn two_gateways_count_as_one(shop) {
        let cafe = Cafe::open(&shop).await;
        let other = Cafe::open(&shop).await;
        let (running, second) = (cafe.run(), other.run());
        let (kim, lee) = (barista("Kim"), barista("Lee"));
        cafe.watch(&shop, 20, &[&kim]).await;
        let (kims, lees) = (cafe.claimed(&running, &kim).await, cafe.claimed(&running, &lee).await);
        let watch = async |rounds: usize, at_other: &[Caller]| {
            for _ in 0..rounds {
                shop.hands.advance(LOOK);
                for (cafe, connected) in [(&cafe, &[][..]), (&other, at_other)] {
                    if let Some(note) = cafe.backend.identities.look(connected) {
                        cafe.backend.identities.note(note).await.unwrap();
                    }
                }
            }
        };
        watch(16, std::slice::from_ref(&lee)).await;
        settle(&running).await;
        assert_eq!((cafe.status(kims).await, cafe.status(lees).await), (Making, Making), "80 seconds are not twice as many");
        watch(14, std::slice::from_ref(&lee)).await;
        settle(&running).await;
        settle(&second).await;
        assert_eq!((cafe.status(kims).await, cafe.status(lees).await), (Queued, Making));
        assert_eq!(cafe.put_back(kims).await.len(), 1);
    }

    /// Somebody makes it ready in the very moment: it is one or the other, and never both.
    async fn ready_and_gone_at_the_same_moment(shop) {
        let cafe = Cafe::open(&shop).await;
        let other = Cafe::open(&shop).await;
        let (running, second) = (cafe.run(), other.run());
        let (kim, lee) = (barista("Kim"), barista("Lee"));
        for _ in 0..rounds() {
            cafe.watch(&shop, 20, &[&kim, &lee]).await;
            let order = cafe.claimed(&running, &kim).await;
            cafe.watch(&shop, 135, &[&lee]).await;
            shop.hands.advance(LOOK);
            let note = cafe.backend.identities.look(std::slice::from_ref(&lee));
            let noting = async {
                if let Some(note) = note {
                    cafe.backend.identities.note(note).await.unwrap();
                }
            };
            let ((), ready) = tokio::join!(noting, other.work(&lee, order, Work::Ready));
            settle(&running).await;
            settle(&second).await;
            let (status, put_back) = (cafe.status(order).await, cafe.put_back(order).await.len());
            match ready {
                Ok(_) => assert_eq!((status, put_back), (Ready, 0)),
                Err(PrepError::Illegal(_)) => assert_eq!((status, put_back), (Queued, 1)),
                Err(error) => panic!("{error:?}"),
            }
            // Nothing is left for the next round.
            if put_back == 1 {
                cafe.work(&lee, order, Work::Claim).await.unwrap();
                cafe.work(&lee, order, Work::Ready).await.unwrap();
            }
            cafe.work(&lee, order, Work::Collect).await.unwrap();
        }
    }
}
