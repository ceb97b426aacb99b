//! Many guests of one address.

use std::time::Duration;

use backend::db::Sql as _;
use backend::identity::{Caller, Client, Network};
use backend::ordering::{OrderingError, adopt_in};
use backend::stores::SettingsPatch;
use domain::OrderId;
use domain::view::{CheckoutView, Role};
use serde_json::Value;

use crate::cafe::{Cafe, EN, Work, barista, flat_white, guest, id, person, request, settle};
use crate::small_shop::count;
use crate::support::on_both_databases;

impl Cafe {
    fn network(&self, address: [u8; 4]) -> Network {
        self.backend.identities.network_of(&Client { address: address.into(), device: None, browser: None })
    }

    async fn begin_from(&self, caller: &Caller, from: [u8; 4]) -> CheckoutView {
        let (caller, from) = (caller.clone(), self.network(from));
        let request = request("harbor", &[flat_white(1)]);
        let begun =
            self.tx(move |tx, cafe| Box::pin(async move { cafe.backend.checkouts.begin_in(tx, &caller, Some(&from), &request, EN).await }));
        begun.await.expect("nobody is refused")
    }

    /// Orders one flat white, as a browser does that has just come.
    async fn order_from(&self, caller: &Caller, from: [u8; 4]) -> Result<OrderId, OrderingError> {
        let begun = self.begin_from(caller, from).await;
        self.place(caller, &begun, "tok_ok").await
    }

    /// What the managers are told: how many guests hold how many of the places.
    async fn told(&self) -> Vec<(i64, Option<i64>)> {
        let running = self.run();
        settle(&running).await;
        running.shutdown().await;
        let mo = person("Mo", Some((Role::Manager, "harbor")));
        let (mut sql, backend) = (self.backend.db.reader(), &self.backend);
        let page = backend.audit.page(&mut sql, &backend.identities, &mo, &id("harbor"), None, 50).await.unwrap();
        let crowds = page.items.iter().filter(|entry| entry.type_name == "checkout.crowded.v1");
        crowds.map(|entry| (entry.data["guests"].as_i64().unwrap(), entry.data["places"].as_i64())).collect()
    }
}

const HOUSE: [u8; 4] = [192, 0, 2, 1];
const ELSEWHERE: [u8; 4] = [192, 0, 2, 2];

/// Places of which it is known from where they were taken.
const PLACES: &str = "select count(*) as n from place where network is not null";

on_both_databases! {
    async fn guests_of_one_address_who_hold_half_of_the_places_are_told_of_and_not_refused(shop) {
        let cafe = Cafe::open(&shop).await;
        cafe.settings("harbor", SettingsPatch { capacity: Some(Some(8)), ..SettingsPatch::default() }).await;
        let guests: Vec<_> = (0..6).map(|_| guest()).collect();
        for guest in &guests[..3] {
            cafe.begin_from(guest, HOUSE).await;
            // Who changes their mind is one guest all the same.
            cafe.begin_from(guest, HOUSE).await;
        }
        cafe.begin_from(&guest(), ELSEWHERE).await;
        cafe.begin_from(&person("Ada", None), HOUSE).await;
        assert!(cafe.told().await.is_empty(), "three of one address, one of another, and somebody who is known");
        cafe.begin_from(&guests[3], HOUSE).await;
        assert_eq!(cafe.told().await, [(4, Some(8))]);
        cafe.begin_from(&guests[4], HOUSE).await;
        assert_eq!(cafe.told().await, [(4, Some(8))], "once");

        // What they hold ends with its time, and so does what was known of where they are.
        shop.hands.advance(Duration::from_secs(601));
        assert_eq!(cafe.told().await, [(4, Some(8))]);
        assert_eq!(count(&shop.db, "select count(*) as n from checkout where status = 'live'").await, 0);
        assert_eq!(count(&shop.db, PLACES).await, 0);
        for guest in &guests[..4] {
            cafe.begin_from(guest, HOUSE).await;
        }
        assert_eq!(cafe.told().await, [(4, Some(8)), (4, Some(8))], "and again when it is so again");
    }

    /// A new cookie for each order does not make many people of one.
    async fn a_robot_that_orders_as_one_guest_after_another_is_told_of(shop) {
        let cafe = Cafe::open(&shop).await;
        cafe.settings("harbor", SettingsPatch { capacity: Some(Some(20)), order_limit: Some(Some(1)), ..SettingsPatch::default() }).await;
        for _ in 0..20 {
            cafe.order_from(&guest(), HOUSE).await.unwrap();
        }
        assert_eq!(cafe.told().await, [(10, Some(20))]);
    }

    async fn where_a_guest_was_is_forgotten_when_they_sign_in(shop) {
        let cafe = Cafe::open(&shop).await;
        let (guest, ada) = (guest(), person("Ada", None));
        cafe.order_from(&guest, HOUSE).await.unwrap();
        cafe.begin_from(&guest, HOUSE).await;
        assert_eq!(count(&shop.db, PLACES).await, 2);
        let (from, to) = (guest.owner().unwrap(), ada.owner().unwrap());
        cafe.tx(move |tx, _| Box::pin(async move { adopt_in(tx, &from, &to).await })).await.unwrap();
        assert_eq!((count(&shop.db, PLACES).await, cafe.active("harbor").await), (0, 2));
    }

    async fn a_store_without_a_capacity_tells_of_many_and_refuses_nobody(shop) {
        let cafe = Cafe::open(&shop).await;
        cafe.settings("harbor", SettingsPatch { capacity: Some(None), ..SettingsPatch::default() }).await;
        for _ in 0..22 {
            cafe.order_from(&guest(), HOUSE).await.unwrap();
        }
        assert_eq!(cafe.told().await, [(20, None)]);
    }

    async fn whose_order_is_ready_or_who_has_let_go_holds_nothing(shop) {
        let cafe = Cafe::open(&shop).await;
        cafe.settings("harbor", SettingsPatch { capacity: Some(Some(8)), ..SettingsPatch::default() }).await;
        let mut orders = Vec::new();
        for n in 0..8 {
            let guest = guest();
            let begun = cafe.begin_from(&guest, HOUSE).await;
            // The first two order, all others change their mind: four of them would be many if they still counted.
            if n < 2 {
                orders.push(cafe.place(&guest, &begun, "tok_ok").await.unwrap());
            } else {
                cafe.tx(move |tx, cafe| Box::pin(async move { cafe.backend.checkouts.cancel_in(tx, &guest, begun.id).await })).await.unwrap();
            }
        }
        assert!(cafe.told().await.is_empty());
        assert_eq!(count(&shop.db, PLACES).await, 2);
        let kim = barista("Kim");
        for order in orders {
            for work in [Work::Claim, Work::Ready] {
                cafe.work(&kim, order, work).await.unwrap();
            }
        }
        assert_eq!(count(&shop.db, PLACES).await, 0);
        for _ in 0..3 {
            cafe.begin_from(&guest(), HOUSE).await;
        }
        assert!(cafe.told().await.is_empty(), "three, and no more");
        let told = "select data from event where type like 'checkout.%'";
        let told = cafe.backend.db.reader().fetch_all(told, backend::args![]).await.unwrap();
        let hash = format!("{:?}", cafe.network(HOUSE));
        let hash = hash.split('"').nth(1).expect("a hash");
        assert!(told.len() >= 9 && told.iter().all(|row| !row.json::<Value>("data").unwrap().to_string().contains(hash)), "nor where they are");
    }
}
