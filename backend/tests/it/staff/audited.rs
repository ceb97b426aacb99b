//! Whatever staff and devices do at a store is told to its managers.

use std::collections::BTreeSet;

use backend::catalog::ProductEdit;
use backend::db::DbError;
use backend::identity::NewToken;
use backend::inventory::Adjustment;
use backend::stores::SettingsPatch;
use domain::catalog::PriceWindow;
use domain::event::Event;
use domain::view::Role;
use domain::{Currency, Money, Sku, Text};

use super::{GOOD, by_code, from, harbor, manager};
use crate::cafe::{Cafe, Work, guest, person, settle};
use crate::support::on_both_databases;

/// What shoppers do and what comes by itself. A type that is neither here nor among what the test does fails it: whoever adds one
/// says which it is.
const NOT_BY_STAFF: &[&str] = &[
    "shopper.slowed.v1",
    "kiosk.code_rotated.v1",
    "kiosk.code_scanned.v1",
    "kiosk.admission_ended.v1",
    "stock.held.v1",
    "stock.released.v1",
    "stock.sold.v1",
    "stock.availability_changed.v1",
    "checkout.begun.v1",
    "checkout.expired.v1",
    "checkout.crowded.v1",
    "order.created.v1",
    "order.processed.v1",
    "order.rejected.v1",
    "payment.action_required.v1",
    "payment.captured.v1",
    "payment.declined.v1",
    "payment.voided.v1",
    "payment.refunded.v1",
    "payment.topped_up.v1",
    "payment.forfeited.v1",
    "prep.queued.v1",
    "prep.timed_out.v1",
    "shipment.prepared.v1",
    "shipment.packing.v1",
    "shipment.processed.v1",
    "shipment.shipped.v1",
    "shipment.failed.v1",
    "loyalty.points_awarded.v1",
    "loyalty.points_redeemed.v1",
    "loyalty.points_expired.v1",
    "loyalty.points_reversed.v1",
];

on_both_databases! {
    async fn everything_that_staff_do_is_told_to_their_managers(shop) {
        let cafe = Cafe::open(&shop).await;
        let running = cafe.run();
        let identities = &cafe.backend.identities;
        let mo = manager(&cafe).await;

        let kim = identities.add_member(&mo, harbor(), "Kim".to_owned(), Role::Barista).await.unwrap();
        let user = kim.person.id;
        let barista = by_code(&cafe, kim.code.expose()).await;
        identities.set_password(&barista, None, GOOD.to_owned()).await.unwrap();
        identities.set_roles(&mo, &harbor(), user, vec![Role::Barista, Role::Warehouse]).await.unwrap();
        identities.invite_again(&mo, &harbor(), user).await.unwrap();

        let kiosk = identities.add_kiosk(&mo, &harbor(), "window-1").await.unwrap().kiosk;
        let pairing = identities.pairing_code(&mo, &harbor(), kiosk.clone()).await.unwrap();
        identities.pair(pairing.code.expose(), &from(1)).await.unwrap();
        identities.revoke_kiosk(&mo, &harbor(), kiosk).await.unwrap();
        let till = NewToken { role: Role::Barista, store: Some(harbor()), merchant: None, kiosk: None, name: "Till".to_owned() };
        let (token, _) = identities.issue_store_token(&mo, till).await.unwrap();
        identities.revoke_store_token(&mo, &harbor(), token).await.unwrap();

        let order = cafe.order(&guest(), "tok_ok").await;
        settle(&running).await;
        for work in [Work::Claim, Work::Release, Work::Claim, Work::Ready, Work::Recall, Work::Ready, Work::Collect] {
            cafe.work(&barista, order, work).await.unwrap();
        }
        let called_off = cafe.order(&guest(), "tok_ok").await;
        settle(&running).await;
        cafe.cancel(&mo, called_off).await.unwrap();

        let by = mo.actor(&harbor());
        let changed = cafe.tx(move |tx, cafe| {
            Box::pin(async move {
                let (at, croissant): (_, Sku) = (harbor(), "butter-croissant".parse().unwrap());
                let (stores, stock, catalog) = (cafe.backend.stores, cafe.backend.stock, &cafe.backend.catalog);
                stores.set_open_in(tx, &at, false, by).await.unwrap();
                stores.set_open_in(tx, &at, true, by).await.unwrap();
                let patch = SettingsPatch { capacity: Some(None), ..SettingsPatch::default() };
                stores.patch_settings_in(tx, &at, &patch, by).await.unwrap();
                stock.adjust_in(tx, &at, &croissant, Adjustment::Delta(3), "received", by).await.unwrap();
                catalog.set_item_available_in(tx, &at, &croissant, false, by).await.unwrap();
                let price = PriceWindow::base(Money::new(999, Currency::USD));
                catalog.set_prices_in(tx, &at, &croissant, vec![price], by).await.unwrap();
                let edit = ProductEdit { name: Text::new("Flatter white", "更白的白咖啡"), description: Text::new("New.", "新。") };
                catalog.edit_product_in(tx, &"flat-white".parse().unwrap(), &edit, by).await.unwrap();
                Ok::<_, DbError>(())
            })
        });
        changed.await.unwrap();
        identities.set_roles(&mo, &harbor(), user, Vec::new()).await.unwrap();
        settle(&running).await;

        let entries = cafe.audit(&mo, "harbor").await;
        let told: BTreeSet<&str> = entries.iter().map(|entry| entry.type_name.as_str()).collect();
        let missing: Vec<_> = Event::TYPES.iter().copied().filter(|of| !NOT_BY_STAFF.contains(of) && !told.contains(of)).collect();
        assert!(missing.is_empty(), "nobody is told of {missing:?}");
        assert!(NOT_BY_STAFF.iter().all(|of| Event::TYPES.contains(of)));
        let ids: Vec<_> = entries.iter().map(|entry| entry.id.to_string()).collect();
        assert!(ids.is_sorted_by(|newer, older| newer > older), "the newest first, each once: {ids:?}");

        for type_name in ["token.issued.v1", "token.revoked.v1"] {
            let token = entries.iter().find(|entry| entry.type_name == type_name).unwrap();
            assert_eq!((token.whom.as_deref(), &*token.by.name), (Some("Till"), "Mo"), "{type_name}");
        }
        let paired = entries.iter().find(|entry| entry.type_name == "kiosk.paired.v1").unwrap();
        assert_eq!((paired.whom.as_deref(), &*paired.by.name), (None, "Safari · iPad"), "the screen did it");

        // A product's texts are told where it is listed, page by page, and nowhere else.
        let mut pages = Vec::new();
        let mut before = None;
        loop {
            let page = cafe.backend.audit.page(&mut cafe.backend.db.reader(), identities, &mo, &harbor(), before, 3).await.unwrap();
            pages.extend(page.items);
            match page.next {
                Some(next) => before = Some(next.parse().unwrap()),
                None => break,
            }
        }
        assert_eq!(pages, entries);
        let product = entries.iter().find(|entry| entry.type_name == "product.changed.v1").unwrap();
        let stores: Vec<_> = product.data["stores"].as_array().unwrap().iter().map(|store| store.as_str().unwrap()).collect();
        for store in ["harbor", "pier", "unicorn"] {
            let entries = cafe.audit(&person("Pat", Some((Role::Manager, store))), store).await;
            let here = entries.iter().filter(|entry| entry.type_name == "product.changed.v1").count();
            assert_eq!(here, usize::from(stores.contains(&store)), "{store}");
        }
        running.shutdown().await;
    }
}
