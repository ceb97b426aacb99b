//! What happened: the facts of the log, and the CloudEvents envelope they travel in.
//!
//! A type's data only grows by optional fields; a breaking change is a `.v2` beside `.v1`. No secret, token, phone number
//! or address stands in an event.

mod actor;
mod envelope;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    actor::{Actor, InvalidActor},
    envelope::{CloudEvent, Sequence},
};
use crate::{
    AdmissionId, CheckoutId, FulfilmentId, KioskId, Money, OptionId, OrderId, PaymentId, ProductId, Sku, StoreId, Timestamp, TokenId,
    TopUpId, UserId, ordering::CancelledBy, prep::FulfilmentKind, view::Role,
};

/// Declares the events: one struct of data each, the [`Event`] enum over them, their type names and their schemas.
macro_rules! events {
    ($($(#[$doc:meta])* $name:ident $type:literal { $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)? })*) => {
        /// One fact, with its data.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Event {
            $($(#[$doc])* $name($name),)*
        }

        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
            #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
            pub struct $name { $($(#[$field_doc])* pub $field: $ty),* }

            impl $name {
                /// The CloudEvents `type`.
                pub const TYPE: &'static str = $type;
            }

            impl From<$name> for Event {
                fn from(data: $name) -> Self {
                    Self::$name(data)
                }
            }
        )*

        impl Event {
            /// Every type there is.
            pub const TYPES: &'static [&'static str] = &[$($type),*];

            /// The CloudEvents `type`, such as `order.created.v1`.
            pub const fn type_name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $type,)*
                }
            }

            /// The CloudEvents `data`.
            pub fn data(&self) -> Result<Value, serde_json::Error> {
                match self {
                    $(Self::$name(data) => serde_json::to_value(data),)*
                }
            }

            /// Reads an event back from its type and data.
            pub fn read(type_name: &str, data: Value) -> Result<Self, UnreadableEvent> {
                match type_name {
                    $($type => serde_json::from_value(data).map(Self::$name).map_err(|e| UnreadableEvent::Data(e.to_string())),)*
                    _ => Err(UnreadableEvent::Type(type_name.to_owned())),
                }
            }
        }

        /// The JSON Schema (2020-12) of every type's data, by type name, each with the schemas that it refers to.
        #[cfg(feature = "schema")]
        pub fn data_schemas() -> Vec<DataSchema> {
            vec![$({
                let mut nested = Vec::new();
                <$name as utoipa::ToSchema>::schemas(&mut nested);
                ($type, <$name as utoipa::PartialSchema>::schema(), nested)
            }),*]
        }
    };
}

/// Type name, schema of the data, and the schemas it refers to by name.
#[cfg(feature = "schema")]
pub type DataSchema =
    (&'static str, utoipa::openapi::RefOr<utoipa::openapi::Schema>, Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>);

/// The stored event is not one this program can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableEvent {
    #[error("unknown event type {0}")]
    Type(String),
    #[error("unreadable event data: {0}")]
    Data(String),
}

/// Units of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Units {
    pub sku: Sku,
    /// At least 1.
    pub quantity: i64,
}

/// What a setting was and is, as it is written: null takes a limit away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SettingChange {
    pub name: String,
    pub from: Option<String>,
    pub to: Option<String>,
}

events! {
    /// The store takes orders again.
    StoreOpened "store.opened.v1" { store: StoreId }
    /// The store takes no more orders.
    StoreClosed "store.closed.v1" { store: StoreId }
    /// The store's settings were changed; the names of those that were, and from what to what.
    StoreSettingsChanged "store.settings_changed.v1" { store: StoreId, changed: Vec<String>, #[serde(default)] changes: Vec<SettingChange> }
    /// Somebody works at the store from now on, or has one role more there.
    StaffAdded "staff.added.v1" { store: StoreId, user: UserId, role: Role }
    /// Somebody was given a new one-time code.
    StaffCodeMade "staff.code_made.v1" { store: StoreId, user: UserId }
    /// What somebody is at the store from now on.
    StaffRolesChanged "staff.roles_changed.v1" { store: StoreId, user: UserId, roles: Vec<Role> }
    /// Somebody does not work at the store any more.
    StaffRevoked "staff.revoked.v1" { store: StoreId, user: UserId }
    /// Somebody of the staff signed in, by `code` or `password`.
    StaffSignedIn "staff.signed_in.v1" { store: StoreId, user: UserId, by: String }
    /// Somebody of the staff chose a password.
    StaffPasswordSet "staff.password_set.v1" { store: StoreId, user: UserId }
    /// A kiosk was added, or is back in service.
    KioskAdded "kiosk.added.v1" { kiosk: KioskId, store: StoreId }
    /// A kiosk was given a new pairing code.
    KioskPairingBegun "kiosk.pairing_begun.v1" { kiosk: KioskId, store: StoreId }
    /// A screen was made a kiosk.
    KioskPaired "kiosk.paired.v1" { kiosk: KioskId, store: StoreId, token: TokenId }
    /// A kiosk is out of service; its screens see nothing any more.
    KioskRevoked "kiosk.revoked.v1" { kiosk: KioskId, store: StoreId }
    /// A shopper orders far more than one person needs, and has to wait.
    ShopperSlowed "shopper.slowed.v1" { store: StoreId, orders: i64, seconds: i64 }
    /// A token was made.
    TokenIssued "token.issued.v1" { token: TokenId, store: Option<StoreId>, role: Role, kiosk: Option<KioskId> }
    /// A token is worth nothing any more.
    TokenRevoked "token.revoked.v1" { token: TokenId, store: Option<StoreId> }
    /// An item (SKU) or an option was switched to sold out, or back.
    MenuItemAvailabilityChanged "menu.item_availability_changed.v1" { store: StoreId, sku: Option<Sku>, option: Option<OptionId>, available: bool, version: i64 }
    /// The price in force of a SKU at a store changed.
    PriceChanged "price.changed.v1" { store: StoreId, sku: Sku, price: Money, version: i64 }
    /// A product's texts, picture or place changed.
    ProductChanged "product.changed.v1" { product: ProductId, stores: Vec<StoreId> }
    /// A kiosk shows a new code.
    KioskCodeRotated "kiosk.code_rotated.v1" { kiosk: KioskId, store: StoreId, rotates_at: Timestamp }
    /// A scan was spent on an admission.
    KioskCodeScanned "kiosk.code_scanned.v1" { kiosk: KioskId, store: StoreId, admission: AdmissionId, scans_left: i64 }
    /// An admission ended without an order; its place is free again.
    KioskAdmissionEnded "kiosk.admission_ended.v1" { kiosk: KioskId, store: StoreId, admission: AdmissionId }
    /// Units were put aside for a checkout.
    StockHeld "stock.held.v1" { store: StoreId, checkout: CheckoutId, units: Vec<Units> }
    /// Held units are free again.
    StockReleased "stock.released.v1" { store: StoreId, checkout: CheckoutId, units: Vec<Units> }
    /// Held units left the stock with an order.
    StockSold "stock.sold.v1" { store: StoreId, order: OrderId, units: Vec<Units> }
    /// Somebody counted, received, returned or wrote off units.
    StockAdjusted "stock.adjusted.v1" { store: StoreId, sku: Sku, delta: i64, on_hand: i64, reason: String }
    /// The free units of a SKU crossed zero.
    StockAvailabilityChanged "stock.availability_changed.v1" { store: StoreId, sku: Sku, available: bool, version: i64 }
    /// Lines are held for a shopper.
    CheckoutBegun "checkout.begun.v1" { checkout: CheckoutId, store: StoreId, expires_at: Timestamp }
    /// A checkout ended without an order: its time was over, it was given up, or replaced.
    CheckoutExpired "checkout.expired.v1" { checkout: CheckoutId, store: StoreId, reason: String }
    /// Guests of one address have so many of a store's places, with checkouts and with orders; of how many, where its capacity is set.
    CheckoutCrowded "checkout.crowded.v1" { store: StoreId, guests: i64, places: Option<i64> }
    /// An order was placed; its payment begins.
    OrderCreated "order.created.v1" { order: OrderId, store: StoreId, number: i64, total: Money, checkout: CheckoutId }
    /// The order is paid and its fulfilments begin.
    OrderProcessed "order.processed.v1" { order: OrderId, store: StoreId, number: i64 }
    /// The order was refused.
    OrderRejected "order.rejected.v1" { order: OrderId, store: StoreId, number: i64, reason: String }
    /// The order was called off; why, where it was not its shopper, whose own words stand in the order alone.
    OrderCancelled "order.cancelled.v1" { order: OrderId, store: StoreId, number: i64, by: CancelledBy, reason: Option<String> }
    /// Everything of the order was handed over.
    OrderFulfilled "order.fulfilled.v1" { order: OrderId, store: StoreId, number: i64 }
    /// The bank wants the shopper to confirm; where, their order says.
    PaymentActionRequired "payment.action_required.v1" { payment: PaymentId, order: OrderId }
    /// The money is ours.
    PaymentCaptured "payment.captured.v1" { payment: PaymentId, order: OrderId, amount: Money }
    /// The provider refused, or did not answer in time.
    PaymentDeclined "payment.declined.v1" { payment: PaymentId, order: OrderId, reason: String }
    /// It is sure now that what was given up without an answer takes no money.
    PaymentVoided "payment.voided.v1" { payment: PaymentId, order: OrderId }
    /// The money went back.
    PaymentRefunded "payment.refunded.v1" { payment: PaymentId, order: OrderId, amount: Money }
    /// A card has paid into a wallet.
    PaymentToppedUp "payment.topped_up.v1" { top_up: TopUpId, user: UserId, amount: Money }
    /// Money was left behind in a wallet whose account its owner has deleted.
    PaymentForfeited "payment.forfeited.v1" { user: UserId, amount: Money }
    /// A pick-up entered the queue.
    PrepQueued "prep.queued.v1" { order: OrderId, fulfilment: FulfilmentId, store: StoreId }
    /// A barista took it.
    PrepClaimed "prep.claimed.v1" { order: OrderId, fulfilment: FulfilmentId, store: StoreId, by: UserId }
    /// It went back to the queue.
    PrepReleased "prep.released.v1" {
        order: OrderId,
        fulfilment: FulfilmentId,
        store: StoreId,
        /// Why, where nobody did it: `board_gone`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Who held it, where nobody did it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held_by: Option<UserId>,
    }
    /// It stands at the counter.
    PrepReady "prep.ready.v1" { order: OrderId, fulfilment: FulfilmentId, store: StoreId }
    /// It came back from the counter.
    PrepRecalled "prep.recalled.v1" { order: OrderId, fulfilment: FulfilmentId, store: StoreId }
    /// The shopper has it.
    PrepCollected "prep.collected.v1" {
        order: OrderId,
        fulfilment: FulfilmentId,
        store: StoreId,
        /// The kiosk whose scanner read the ticket; without one somebody of the staff did it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kiosk: Option<KioskId>,
    }
    /// The bar was too late.
    PrepTimedOut "prep.timed_out.v1" { order: OrderId, fulfilment: FulfilmentId, store: StoreId }
    /// A parcel waits to be packed.
    ShipmentPrepared "shipment.prepared.v1" { order: OrderId, fulfilment: FulfilmentId, store: StoreId }
    /// Somebody packs it.
    ShipmentPacking "shipment.packing.v1" { order: OrderId, fulfilment: FulfilmentId, store: StoreId, by: UserId }
    /// It is packed.
    ShipmentProcessed "shipment.processed.v1" { order: OrderId, fulfilment: FulfilmentId, store: StoreId }
    /// The carrier has it.
    ShipmentShipped "shipment.shipped.v1" { order: OrderId, fulfilment: FulfilmentId, store: StoreId }
    /// It will not be sent.
    ShipmentFailed "shipment.failed.v1" { order: OrderId, fulfilment: FulfilmentId, store: StoreId, kind: FulfilmentKind, reason: String }
    /// Points were earned.
    PointsAwarded "loyalty.points_awarded.v1" { user: UserId, points: i64, order: Option<OrderId> }
    /// Points paid for something.
    PointsRedeemed "loyalty.points_redeemed.v1" { user: UserId, points: i64, order: Option<OrderId> }
    /// Points ran out of time.
    PointsExpired "loyalty.points_expired.v1" { user: UserId, points: i64, order: Option<OrderId> }
    /// An earlier movement of points was taken back.
    PointsReversed "loyalty.points_reversed.v1" { user: UserId, points: i64, order: Option<OrderId> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_back_as_it_was_written() {
        let event = Event::from(StoreOpened { store: "harbor".parse().unwrap() });
        assert_eq!(event.type_name(), "store.opened.v1");
        assert_eq!(Event::read(event.type_name(), event.data().unwrap()), Ok(event));
        assert!(matches!(Event::read("no.such.v1", Value::Null), Err(UnreadableEvent::Type(_))));
        assert!(matches!(Event::read("store.opened.v1", Value::Null), Err(UnreadableEvent::Data(_))));
    }

    #[test]
    fn types_are_unique_and_versioned() {
        let mut types = Event::TYPES.to_vec();
        types.sort_unstable();
        types.dedup();
        assert_eq!(types.len(), Event::TYPES.len());
        assert!(types.iter().all(|t| t.split('.').count() == 3 && t.split('.').next_back() == Some("v1")));
    }
}
