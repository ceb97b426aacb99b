//! What goes over the wire: the answers of the HTTP API, which are also the `data` of the MQTT topics. Internal rows are
//! other types; these are the contract.
//!
//! Names: over HTTP they come in the caller's language alone; over MQTT, where one message serves everybody, `name` is in
//! the store's first language and `names` beside it has them all ([`Naming`]).

mod made;
mod request;

use serde::{Deserialize, Serialize};

pub use self::request::{
    Address, CheckoutRequest, CollectRequest, FulfilmentRequest, PaymentRequest, PlaceRequest, QuoteRequest, ScanRequest,
};
use crate::{
    AdmissionId, CheckoutId, Currency, Fault, FulfilmentId, KioskId, Locale, Money, OptionId, OrderId, ProductId, Sku, StoreId, Terms,
    Text, Timestamp, UserId,
    event::Actor,
    ordering::{CancelledBy, OrderStatus, PaymentMethod, PaymentStatus},
    prep::{FulfilmentKind, FulfilmentStatus},
    pricing::Explanation,
};

/// In which languages names are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// `name` alone, in this language.
    In(Locale),
    /// `name` in this language and `names` in all.
    All(Locale),
}

impl Naming {
    fn name(self, text: &Text) -> String {
        let (Self::In(locale) | Self::All(locale)) = self;
        text.in_locale(locale).to_owned()
    }

    fn names(self, text: &Text) -> Option<Text> {
        matches!(self, Self::All(_)).then(|| text.clone())
    }
}

/// Declares wire structs: serde and, for the documents, a schema.
macro_rules! wire {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        pub struct $name { $($(#[$field_doc])* pub $field: $ty),* }
    )*};
}

mod me;
mod menu;
mod report;
mod staff;

pub use self::me::{MeView, RoleView, SessionView, TopUpStatus, TopUpView, UserView, WalletBalance, WalletEntry, WalletView};
pub use self::menu::{CategoryView, ImageView, MenuChange, MenuChanges, MenuView, ModifierView, OptionView, ProductView, VariantView};
pub use self::report::{EndedView, HourView, MakingView, QueueToday, SoldView, TodayView, TotalsView};
pub use self::staff::{AuditActor, AuditEntry, KioskView, MemberView, NewMemberView, NewTokenView, PairingView, TokenView};

/// How a store lets people in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// Anyone may order.
    Open,
    /// Only who scanned the kiosk's code.
    Qr,
}

impl Admission {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Qr => "qr",
        }
    }
}

crate::text_enum!(Admission: Open, Qr);

/// Why a store takes no order now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    Closed,
    AtCapacity,
}

/// What somebody may do at a store (or, without a store, everywhere).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Customer,
    Barista,
    Warehouse,
    Manager,
    Operator,
    Merchant,
    Kiosk,
}

impl Role {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Barista => "barista",
            Self::Warehouse => "warehouse",
            Self::Manager => "manager",
            Self::Operator => "operator",
            Self::Merchant => "merchant",
            Self::Kiosk => "kiosk",
        }
    }
}

crate::text_enum!(Role: Customer, Barista, Warehouse, Manager, Operator, Merchant, Kiosk);

wire! {
    /// `GET /stores/{store}`, and `v1/stores/{store}/status`.
    StoreView {
        id: StoreId,
        name: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        names: Option<Text>,
        currency: Currency,
        /// IANA name.
        time_zone: String,
        open: bool,
        admission: Admission,
        /// Open and below capacity.
        accepting: bool,
        refusal: Option<Refusal>,
        /// Orders that are placed and not ready.
        in_queue: i64,
        /// Orders and checkouts that may be under way at once; null: no limit.
        capacity: Option<i64>,
        /// From the pace of the last hour, by what was made in it and not called off; null: nothing was, so nobody knows.
        estimated_wait_seconds: Option<i64>,
        /// Of the log position it was made at, as in the topic's `sequence`.
        sequence: i64,
    }

    /// An answer of `POST /quotes`, and the quote of a checkout or order.
    QuoteView {
        subtotal: Money,
        discounts: Vec<DiscountView>,
        shipping: Money,
        /// Included in the total.
        tax: Money,
        total: Money,
        lines: Vec<LineView>,
        explanations: Vec<Explanation>,
    }
    DiscountView { promotion: String, name: String, amount: Money, lines: Vec<usize> }
    /// A line of a quote or an order.
    LineView {
        sku: Sku,
        product: ProductId,
        name: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        names: Option<Text>,
        variant: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        variant_names: Option<Text>,
        options: Vec<LineOptionView>,
        quantity: i64,
        unit_price: Money,
        total: Money,
    }
    LineOptionView {
        id: OptionId,
        name: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        names: Option<Text>,
    }

    /// An answer of `POST /checkouts`.
    CheckoutView { id: CheckoutId, expires_at: Timestamp, quote: QuoteView }

    /// `GET /orders/{id}`, and `v1/orders/{id}`.
    OrderView {
        id: OrderId,
        /// Short, unique and increasing per store and store day.
        number: i64,
        store: StoreId,
        status: OrderStatus,
        reason: Option<String>,
        cancelled_by: Option<CancelledBy>,
        lines: Vec<LineView>,
        quote: QuoteView,
        payment: PaymentView,
        fulfilments: Vec<FulfilmentView>,
        /// 1 is next; null when not in the queue. As of the message.
        queue_position: Option<i64>,
        estimated_ready_at: Option<Timestamp>,
        /// While the bar has it, or will: if it is not ready then, it is called off and paid back.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        ready_by: Option<Timestamp>,
        /// By the owner.
        cancellable: bool,
        placed_at: Timestamp,
        updated_at: Timestamp,
        /// Grows with every change, as in the topic's `sequence`.
        sequence: i64,
    }
    /// `GET /orders/{id}/ticket`: what its shopper shows to a kiosk's scanner to have it handed over, once.
    PickupTicketView {
        order: OrderId,
        number: i64,
        /// The order and our signature; nobody else can make one.
        ticket: String,
        /// The same as a QR code.
        svg: String,
    }
    PaymentView {
        method: PaymentMethod,
        status: PaymentStatus,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        action_url: Option<String>,
        /// `action_required`: until when the shopper may confirm it; then it comes to nothing.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        confirm_by: Option<Timestamp>,
    }
    FulfilmentView { id: FulfilmentId, kind: FulfilmentKind, status: FulfilmentStatus, since: Timestamp, claimed_by: Option<Person> }
    /// Somebody of the staff.
    Person { id: UserId, name: String }

    /// One entry of `GET /orders/{id}/journey`.
    JourneyEntry {
        /// Event type, such as `prep.ready.v1`.
        #[serde(rename = "type")]
        type_name: String,
        at: Timestamp,
        actor: Actor,
        reason: Option<String>,
        /// The kiosk where it happened, where it was at one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        kiosk: Option<KioskId>,
    }

    /// `GET /staff/stores/{store}/queue`, and `v1/stores/{store}/queue`.
    QueueView {
        store: StoreId,
        /// Compares with the topic's `sequence`.
        version: i64,
        lanes: LanesView,
        /// The day so far.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        today: Option<QueueToday>,
        /// How long what is made here takes; left out while nothing was made.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        making: Vec<MakingView>,
    }
    LanesView { queued: Vec<TicketView>, making: Vec<TicketView>, ready: Vec<TicketView> }
    TicketView {
        order: OrderId,
        fulfilment: FulfilmentId,
        number: i64,
        status: FulfilmentStatus,
        placed_at: Timestamp,
        /// In this lane since.
        since: Timestamp,
        lines: Vec<LineView>,
        claimed_by: Option<Person>,
        /// Who held it until it went back to the queue because their board was gone.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        left_by: Option<Person>,
    }

    /// The answer of `POST /scans`: the right to one order at a store.
    AdmissionView { admission: AdmissionId, store: StoreId, expires_at: Timestamp }

    /// `v1/stores/{store}/board`: numbers only, no names.
    BoardView {
        /// In the order of placing.
        preparing: Vec<BoardEntry>,
        /// What was put on the counter within the last ten minutes when this was told, the newest last.
        ready: Vec<BoardEntry>,
        /// How long one takes, from claim to ready, by what was made in the last hour; left out where nothing was.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        pace_seconds: Option<i64>,
    }
    BoardEntry {
        number: i64,
        /// What is being prepared: since it was placed. What is ready: since it is on the counter.
        since: Timestamp,
        /// Somebody is at it; left out while nobody is. Who waits counts the others before them.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        making: bool,
    }

    /// `GET`, `PATCH /staff/stores/{store}/settings`.
    StoreSettings {
        /// null: no limit.
        capacity: Option<i64>,
        admission: Admission,
        /// Orders a store day and shopper; null: no limit.
        order_limit: Option<i64>,
        scans_per_code: i64,
        code_seconds: i64,
        customer_seconds: i64,
        barista_seconds: i64,
        /// Makes codes load-aware; null: off.
        wait_target_seconds: Option<i64>,
    }

    /// RFC 9457, with `code`, `errors` and `request_id`.
    Problem {
        #[serde(rename = "type")]
        type_uri: String,
        title: String,
        status: u16,
        detail: String,
        /// Stable snake_case.
        code: String,
        #[serde(default)]
        errors: Vec<Fault>,
        #[serde(default)]
        request_id: String,
        /// What the detail names.
        #[serde(skip_serializing_if = "Terms::is_empty", default)]
        #[cfg_attr(feature = "schema", schema(ignore))]
        terms: Terms,
        /// `already_claimed`: who has it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        claimed_by: Option<Person>,
        /// `total_changed`: what it costs now.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        quote: Option<Box<QuoteView>>,
        /// `wrong_code`: how often it may still be tried.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        attempts_left: Option<i64>,
        /// `action_required`: where the shopper confirms the payment (3-D Secure).
        #[serde(skip_serializing_if = "Option::is_none", default)]
        action_url: Option<String>,
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Cursor of the next page.
    pub next: Option<String>,
}
