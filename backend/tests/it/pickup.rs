//! Pick-up tickets: one order, handed over once, at a kiosk of its store.

use backend::identity::{Caller, Keys, Secret};
use backend::prep::{PrepError, Tickets};
use backend::refused::Refused;
use domain::ordering::OrderStatus;
use domain::view::{Address, FulfilmentRequest, Role};
use domain::{KioskId, OrderId, TokenId};
use uuid::Uuid;

use crate::cafe::{Cafe, Work, barista, guest, id, line, person, request, settle};
use crate::support::{on_both_databases, rounds};

fn kiosk_id(name: &str) -> KioskId {
    name.parse().expect("a kiosk's id")
}

/// The screen of this kiosk.
fn screen(name: &str, store: &str) -> Caller {
    Caller::Token {
        token: TokenId(Uuid::now_v7()),
        role: Role::Kiosk,
        store: Some(id(store)),
        merchant: None,
        kiosk: Some(kiosk_id(name)),
        person: None,
    }
}

impl Cafe {
    /// A kiosk at the harbour's counter.
    async fn counter(&self, name: &str) -> Caller {
        let manager = person("Mo", Some((Role::Manager, "harbor")));
        self.backend.identities.add_kiosk(&manager, &id("harbor"), name).await.expect("a kiosk is added");
        screen(name, "harbor")
    }

    async fn ticket(&self, caller: &Caller, order: OrderId) -> Result<String, PrepError> {
        self.backend.tickets.of(&mut self.backend.db.reader(), caller, order).await.map(|ticket| ticket.ticket)
    }

    async fn collect(&self, caller: &Caller, kiosk: &str, ticket: &str) -> Result<OrderId, PrepError> {
        self.collect_as(self.backend.tickets.clone(), caller, kiosk, ticket).await
    }

    async fn collect_as(&self, tickets: Tickets, caller: &Caller, kiosk: &str, ticket: &str) -> Result<OrderId, PrepError> {
        let (caller, kiosk, ticket) = (caller.clone(), kiosk_id(kiosk), ticket.to_owned());
        self.tx(move |tx, cafe| {
            Box::pin(async move { cafe.backend.queue.collect_by_ticket_in(tx, &tickets, &caller, &kiosk, &ticket).await })
        })
        .await
    }
}

fn refused<T: std::fmt::Debug>(result: Result<T, PrepError>) -> (&'static str, u16) {
    let error = result.expect_err("it is refused");
    (error.code(), error.status())
}

on_both_databases! {
    async fn a_ticket_hands_its_order_over_once(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let counter = cafe.counter("counter-1").await;
        let (ada, kim) = (guest(), barista("Kim"));
        let order = cafe.order(&ada, "tok_ok").await;
        let ticket = cafe.ticket(&ada, order).await.unwrap();
        let shown = cafe.backend.tickets.of(&mut cafe.backend.db.reader(), &ada, order).await.unwrap();
        assert!(shown.svg.contains("<svg") && shown.number == cafe.view(order).await.number);

        // Not paid, in the queue, being made: not ready, and nothing changes.
        assert_eq!(refused(cafe.collect(&counter, "counter-1", &ticket).await), ("not_ready", 409));
        settle(&running).await;
        for work in [None, Some(Work::Claim)] {
            if let Some(work) = work {
                cafe.work(&kim, order, work).await.unwrap();
            }
            let before = cafe.view(order).await;
            assert_eq!(refused(cafe.collect(&counter, "counter-1", &ticket).await), ("not_ready", 409));
            assert_eq!(cafe.view(order).await, before);
        }
        cafe.work(&kim, order, Work::Ready).await.unwrap();
        // Back from the counter it is not ready again.
        cafe.work(&kim, order, Work::Recall).await.unwrap();
        assert_eq!(refused(cafe.collect(&counter, "counter-1", &ticket).await), ("not_ready", 409));
        cafe.work(&kim, order, Work::Ready).await.unwrap();

        assert_eq!(cafe.collect(&counter, "counter-1", &ticket).await.unwrap(), order);
        assert_eq!(cafe.view(order).await.status, OrderStatus::Fulfilled);
        assert_eq!(refused(cafe.collect(&counter, "counter-1", &ticket).await), ("already_collected", 410));
        assert_eq!(refused(cafe.ticket(&ada, order).await), ("already_collected", 410));
        settle(&running).await;

        // Everything that is told of it names the kiosk.
        let journey = cafe.backend.orders.journey(&mut cafe.backend.db.reader(), &ada, order).await.unwrap();
        let handed = journey.iter().find(|entry| entry.type_name == "prep.collected.v1").unwrap();
        assert_eq!(handed.kiosk, Some(kiosk_id("counter-1")));
        assert!(journey.iter().filter(|entry| entry.type_name != "prep.collected.v1").all(|entry| entry.kiosk.is_none()));
        let manager = person("Mo", Some((Role::Manager, "harbor")));
        let backend = &cafe.backend;
        let audit = backend.audit.page(&mut backend.db.reader(), &backend.identities, &manager, &id("harbor"), None, 10).await.unwrap();
        let entry = audit.items.iter().find(|entry| entry.type_name == "prep.collected.v1").unwrap();
        assert_eq!((entry.data["kiosk"].as_str(), entry.by.kind.as_str()), (Some("counter-1"), "token"));
        running.shutdown().await;
    }

    async fn what_is_collected_by_hand_is_gone_for_the_scanner(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let counter = cafe.counter("counter-1").await;
        let (ada, kim) = (guest(), barista("Kim"));
        let order = cafe.order(&ada, "tok_ok").await;
        settle(&running).await;
        let ticket = cafe.ticket(&ada, order).await.unwrap();
        for work in [Work::Claim, Work::Ready, Work::Collect] {
            cafe.work(&kim, order, work).await.unwrap();
        }
        assert_eq!(refused(cafe.collect(&counter, "counter-1", &ticket).await), ("already_collected", 410));
        let journey = cafe.backend.orders.journey(&mut cafe.backend.db.reader(), &ada, order).await.unwrap();
        assert!(journey.iter().all(|entry| entry.kiosk.is_none()));
        running.shutdown().await;
    }

    async fn strangers_tickets_are_unknown(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let counter = cafe.counter("counter-1").await;
        let (ada, kim) = (guest(), barista("Kim"));
        let order = cafe.order(&ada, "tok_ok").await;
        settle(&running).await;
        for work in [Work::Claim, Work::Ready] {
            cafe.work(&kim, order, work).await.unwrap();
        }
        let ticket = cafe.ticket(&ada, order).await.unwrap();

        // Another store's screen, another's name, nobody, a guest, staff.
        let pier = screen("pier-1", "pier");
        assert_eq!(refused(cafe.collect(&pier, "pier-1", &ticket).await), ("other_store", 404));
        assert_eq!(refused(cafe.collect(&pier, "counter-1", &ticket).await), ("forbidden", 403));
        assert_eq!(refused(cafe.collect(&screen("nowhere", "harbor"), "nowhere", &ticket).await), ("forbidden", 403));
        assert_eq!(refused(cafe.collect(&Caller::Nobody, "counter-1", &ticket).await), ("sign_in_required", 401));
        for who in [ada.clone(), kim.clone(), person("Mo", Some((Role::Manager, "harbor")))] {
            assert_eq!(refused(cafe.collect(&who, "counter-1", &ticket).await), ("forbidden", 403));
        }
        // Forged, of no order, no ticket at all, signed by who is not us.
        let forged = format!("{}{}", ticket[..95].to_owned(), if ticket.ends_with('0') { '1' } else { '0' });
        let strangers = Tickets::new(&Keys::new(&[Secret::new("another shop's")]).unwrap());
        for bad in [&*forged, "", "0", "'; drop table fulfilment; --", &"F".repeat(96)] {
            assert_eq!(refused(cafe.collect(&counter, "counter-1", bad).await), ("ticket_unknown", 404), "{bad}");
        }
        assert_eq!(refused(cafe.collect_as(strangers, &counter, "counter-1", &ticket).await), ("ticket_unknown", 404));
        assert_eq!(cafe.view(order).await.status, OrderStatus::Processed);
        // While a secret is replaced both are believed, and afterwards the new one alone.
        let during = Tickets::new(&Keys::new(&[Secret::new("next"), Secret::new("for tests")]).unwrap());
        let after = Tickets::new(&Keys::new(&[Secret::new("next")]).unwrap());
        let new = during.of(&mut cafe.backend.db.reader(), &ada, order).await.unwrap().ticket;
        assert_ne!(new, ticket);
        assert_eq!(refused(cafe.collect_as(after.clone(), &counter, "counter-1", &ticket).await), ("ticket_unknown", 404));
        assert_eq!(cafe.collect_as(during, &counter, "counter-1", &ticket).await.unwrap(), order);
        assert_eq!(refused(cafe.collect_as(after, &counter, "counter-1", &new).await), ("already_collected", 410));

        // A ticket is its shopper's alone.
        let other = cafe.order(&ada, "tok_ok").await;
        for who in [guest(), kim, person("Mo", Some((Role::Manager, "harbor"))), counter, Caller::Nobody] {
            assert_eq!(refused(cafe.ticket(&who, other).await), ("not_found", 404), "{who:?}");
        }
        assert_eq!(refused(cafe.ticket(&ada, OrderId(Uuid::now_v7())).await), ("not_found", 404));
        running.shutdown().await;
    }

    async fn what_ended_or_is_sent_has_none(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let counter = cafe.counter("counter-1").await;
        let ada = guest();
        let order = cafe.order(&ada, "tok_ok").await;
        settle(&running).await;
        let ticket = cafe.ticket(&ada, order).await.unwrap();
        cafe.cancel(&ada, order).await.unwrap();
        assert_eq!(refused(cafe.collect(&counter, "counter-1", &ticket).await), ("order_cancelled", 410));
        assert_eq!(refused(cafe.ticket(&ada, order).await), ("no_ticket", 409));

        let declined = cafe.order(&ada, "tok_declined").await;
        let early = cafe.ticket(&ada, declined).await.unwrap();
        settle(&running).await;
        assert_eq!(refused(cafe.collect(&counter, "counter-1", &early).await), ("order_rejected", 410));

        let mut parcel = request("unicorn", &[line("unicorn-plush", 1, &[])]);
        let address = Address {
            name: "Ada".to_owned(), line1: "1 Pier".to_owned(), line2: None, city: "Oslo".to_owned(), region: None,
            postal_code: "0150".to_owned(), country: "NO".to_owned(),
        };
        parcel.fulfilment = FulfilmentRequest::Ship { address };
        let checkout = cafe.begin_as(&ada, parcel).await.unwrap();
        let sent = cafe.place(&ada, &checkout, "tok_ok").await.unwrap();
        settle(&running).await;
        assert_eq!(refused(cafe.ticket(&ada, sent).await), ("no_ticket", 409));
        running.shutdown().await;
    }

    /// One is handed over, the other is told that it was.
    async fn two_kiosks_read_the_same_ticket(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let (left, right) = (cafe.counter("counter-1").await, cafe.counter("counter-2").await);
        let kim = barista("Kim");
        for round in 1..=rounds() * 5 {
            let ada = guest();
            let order = cafe.order(&ada, "tok_ok").await;
            settle(&running).await;
            for work in [Work::Claim, Work::Ready] {
                cafe.work(&kim, order, work).await.unwrap();
            }
            let ticket = cafe.ticket(&ada, order).await.unwrap();
            let (one, other) = tokio::join!(cafe.collect(&left, "counter-1", &ticket), cafe.collect(&right, "counter-2", &ticket));
            let told: Vec<_> = [one, other].into_iter().map(|result| result.map_err(|error| error.status())).collect();
            assert!(told == [Ok(order), Err(410)] || told == [Err(410), Ok(order)], "round {round}: {told:?}");
            settle(&running).await;
            let handed = cafe.journey(&ada, order).await.into_iter().filter(|kind| kind == "prep.collected").count();
            assert_eq!(handed, 1, "round {round}");
        }
        running.shutdown().await;
    }
}
