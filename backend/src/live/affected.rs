//! Which topics an event changes.

use domain::event::{
    CheckoutBegun, CheckoutExpired, Event, KioskAdded, KioskAdmissionEnded, KioskCodeRotated, KioskCodeScanned, KioskPaired,
    KioskPairingBegun, KioskRevoked, MenuItemAvailabilityChanged, OrderCancelled, OrderCreated, OrderFulfilled, OrderProcessed,
    OrderRejected, PaymentActionRequired, PaymentCaptured, PaymentDeclined, PaymentRefunded, PaymentToppedUp, PaymentVoided, PrepClaimed,
    PrepCollected, PrepQueued, PrepReady, PrepRecalled, PrepReleased, PrepTimedOut, PriceChanged, ProductChanged, ShipmentFailed,
    ShipmentPacking, ShipmentPrepared, ShipmentProcessed, ShipmentShipped, StaffAdded, StaffCodeMade, StaffPasswordSet, StaffRevoked,
    StaffRolesChanged, StaffSignedIn, StockAvailabilityChanged, StoreClosed, StoreOpened, StoreSettingsChanged, TokenIssued, TokenRevoked,
};
use domain::topic::Topic;

/// The types that change any.
pub(super) const TYPES: &[&str] = &[
    StoreOpened::TYPE,
    StoreClosed::TYPE,
    StoreSettingsChanged::TYPE,
    MenuItemAvailabilityChanged::TYPE,
    PriceChanged::TYPE,
    ProductChanged::TYPE,
    StockAvailabilityChanged::TYPE,
    KioskCodeRotated::TYPE,
    KioskCodeScanned::TYPE,
    KioskAdmissionEnded::TYPE,
    CheckoutBegun::TYPE,
    CheckoutExpired::TYPE,
    OrderCreated::TYPE,
    OrderProcessed::TYPE,
    OrderRejected::TYPE,
    OrderCancelled::TYPE,
    OrderFulfilled::TYPE,
    PaymentActionRequired::TYPE,
    PaymentCaptured::TYPE,
    PaymentDeclined::TYPE,
    PaymentVoided::TYPE,
    PaymentRefunded::TYPE,
    PaymentToppedUp::TYPE,
    PrepQueued::TYPE,
    PrepClaimed::TYPE,
    PrepReleased::TYPE,
    PrepReady::TYPE,
    PrepRecalled::TYPE,
    PrepCollected::TYPE,
    PrepTimedOut::TYPE,
    ShipmentPrepared::TYPE,
    ShipmentPacking::TYPE,
    ShipmentProcessed::TYPE,
    ShipmentShipped::TYPE,
    ShipmentFailed::TYPE,
    StaffAdded::TYPE,
    StaffCodeMade::TYPE,
    StaffRolesChanged::TYPE,
    StaffRevoked::TYPE,
    StaffSignedIn::TYPE,
    StaffPasswordSet::TYPE,
    KioskAdded::TYPE,
    KioskPairingBegun::TYPE,
    KioskPaired::TYPE,
    KioskRevoked::TYPE,
    TokenIssued::TYPE,
    TokenRevoked::TYPE,
];

/// The topics whose snapshot an event changes.
pub(super) fn affected(event: Event) -> Vec<Topic> {
    use Event as E;
    match event {
        // Whoever begins, gives up or is admitted takes or leaves a place. People and screens are listed on the settings page:
        // whoever has it open looks again when the status is told, which names none of them.
        E::StoreOpened(StoreOpened { store })
        | E::StoreClosed(StoreClosed { store })
        | E::StoreSettingsChanged(StoreSettingsChanged { store, .. })
        | E::KioskAdmissionEnded(KioskAdmissionEnded { store, .. })
        | E::CheckoutBegun(CheckoutBegun { store, .. })
        | E::CheckoutExpired(CheckoutExpired { store, .. })
        | E::StaffAdded(StaffAdded { store, .. })
        | E::StaffCodeMade(StaffCodeMade { store, .. })
        | E::StaffRolesChanged(StaffRolesChanged { store, .. })
        | E::StaffRevoked(StaffRevoked { store, .. })
        | E::StaffSignedIn(StaffSignedIn { store, .. })
        | E::StaffPasswordSet(StaffPasswordSet { store, .. })
        | E::KioskAdded(KioskAdded { store, .. })
        | E::KioskPairingBegun(KioskPairingBegun { store, .. })
        | E::KioskPaired(KioskPaired { store, .. })
        | E::KioskRevoked(KioskRevoked { store, .. }) => vec![Topic::Status(store)],

        E::KioskCodeScanned(KioskCodeScanned { kiosk, store, .. }) => vec![Topic::KioskCode(kiosk), Topic::Status(store)],
        E::KioskCodeRotated(KioskCodeRotated { kiosk, .. }) => vec![Topic::KioskCode(kiosk)],

        E::MenuItemAvailabilityChanged(MenuItemAvailabilityChanged { store, .. })
        | E::PriceChanged(PriceChanged { store, .. })
        | E::StockAvailabilityChanged(StockAvailabilityChanged { store, .. }) => vec![Topic::Menu(store)],
        E::ProductChanged(ProductChanged { stores, .. }) => stores.into_iter().map(Topic::Menu).collect(),

        E::OrderCreated(OrderCreated { order, store, .. })
        | E::OrderProcessed(OrderProcessed { order, store, .. })
        | E::OrderRejected(OrderRejected { order, store, .. })
        | E::OrderFulfilled(OrderFulfilled { order, store, .. }) => vec![Topic::Order(order), Topic::Status(store)],
        E::OrderCancelled(OrderCancelled { order, store, .. })
        | E::PrepQueued(PrepQueued { order, store, .. })
        | E::PrepClaimed(PrepClaimed { order, store, .. })
        | E::PrepReleased(PrepReleased { order, store, .. })
        | E::PrepReady(PrepReady { order, store, .. })
        | E::PrepRecalled(PrepRecalled { order, store, .. })
        | E::PrepCollected(PrepCollected { order, store, .. })
        | E::PrepTimedOut(PrepTimedOut { order, store, .. }) => {
            vec![Topic::Order(order), Topic::Queue(store.clone()), Topic::Board(store.clone()), Topic::Status(store)]
        }

        E::PaymentActionRequired(PaymentActionRequired { order, .. })
        | E::PaymentCaptured(PaymentCaptured { order, .. })
        | E::PaymentDeclined(PaymentDeclined { order, .. })
        | E::PaymentVoided(PaymentVoided { order, .. })
        | E::PaymentRefunded(PaymentRefunded { order, .. })
        | E::ShipmentPrepared(ShipmentPrepared { order, .. })
        | E::ShipmentPacking(ShipmentPacking { order, .. })
        | E::ShipmentProcessed(ShipmentProcessed { order, .. })
        | E::ShipmentShipped(ShipmentShipped { order, .. })
        | E::ShipmentFailed(ShipmentFailed { order, .. }) => vec![Topic::Order(order)],

        E::PaymentToppedUp(PaymentToppedUp { user, .. }) => vec![Topic::User(user)],

        E::TokenIssued(TokenIssued { store, .. }) | E::TokenRevoked(TokenRevoked { store, .. }) => {
            store.into_iter().map(Topic::Status).collect()
        }

        // Inside the shop, or not shown live yet. Whoever loses a right loses their topics by the gateway's own look.
        E::ShopperSlowed(_)
        | E::CheckoutCrowded(_)
        | E::PaymentForfeited(_)
        | E::StockHeld(_)
        | E::StockReleased(_)
        | E::StockSold(_)
        | E::StockAdjusted(_)
        | E::PointsAwarded(_)
        | E::PointsRedeemed(_)
        | E::PointsExpired(_)
        | E::PointsReversed(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use domain::{FulfilmentId, OrderId, PaymentId, StoreId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_ready_drink_moves_every_screen_concerned() {
        let (order, store) = (OrderId(Uuid::from_u128(1)), "harbor".parse::<StoreId>().unwrap());
        let ready = PrepReady { order, fulfilment: FulfilmentId(Uuid::from_u128(2)), store: store.clone() };
        let topics = affected(ready.into());
        assert_eq!(topics, [Topic::Order(order), Topic::Queue(store.clone()), Topic::Board(store.clone()), Topic::Status(store)]);
    }

    #[test]
    fn whoever_was_told_that_nothing_is_sure_hears_when_it_is() {
        let order = OrderId(Uuid::from_u128(1));
        assert!(TYPES.contains(&PaymentVoided::TYPE));
        assert_eq!(affected(PaymentVoided { payment: PaymentId(Uuid::from_u128(2)), order }.into()), [Topic::Order(order)]);
    }

    #[test]
    fn every_type_is_one_of_the_log_and_named_once() {
        let mut types = TYPES.to_vec();
        types.sort_unstable();
        types.dedup();
        assert_eq!(types.len(), TYPES.len());
        assert!(types.iter().all(|name| Event::TYPES.contains(name)));
    }
}
