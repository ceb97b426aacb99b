//! What goes over the wire: the answers of the HTTP API, which are also the `data` of the MQTT topics. Internal rows are
//! other types; these are the contract.
//!
//! Names: over HTTP they come in the caller's language alone; over MQTT, where one message serves everybody, `name` is in
//! the store's first language and `names` beside it has them all ([`Naming`]).

use serde::{Deserialize, Serialize};

use crate::{
    AdmissionId, CategoryId, CheckoutId, Currency, Fault, FulfilmentId, Locale, ModifierId, Money, OptionId, OrderId, ProductId, SessionId,
    Sku, StoreId, Text, Timestamp, TransferId, UserId,
    catalog::{self, ImageSource, Menu},
    event::Actor,
    ordering::{CancelledBy, OrderStatus, PaymentMethod, PaymentStatus},
    prep::{FulfilmentKind, FulfilmentStatus},
    pricing::{Explanation, LineRequest, Quote, QuoteLine},
    wallet::EntryKind,
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
        /// The log position it was made at, as in the topic's `sequence`.
        sequence: i64,
    }

    /// `GET /stores/{store}/menu`.
    MenuView { store: StoreId, version: i64, categories: Vec<CategoryView> }
    CategoryView { id: CategoryId, name: String, products: Vec<ProductView> }
    ProductView {
        id: ProductId,
        name: String,
        description: String,
        image: Option<ImageView>,
        variants: Vec<VariantView>,
        modifiers: Vec<ModifierView>,
    }
    ImageView { alt: String, width: u32, height: u32, sources: Vec<ImageSource>, url: String }
    VariantView {
        sku: Sku,
        name: String,
        /// In force now.
        price: Money,
        /// The base price.
        list_price: Money,
        available: bool,
    }
    ModifierView { id: ModifierId, name: String, min: u32, max: u32, options: Vec<OptionView> }
    OptionView { id: OptionId, name: String, price: Money, available: bool }

    /// `v1/stores/{store}/menu`: everything that changed since menu version `since`, cumulative. Who is older refetches.
    MenuChanges { version: i64, since: i64, changed: Vec<MenuChange> }
    /// One item (SKU) or option.
    MenuChange {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        sku: Option<Sku>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        option: Option<OptionId>,
        available: bool,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        price: Option<Money>,
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
        /// By the owner.
        cancellable: bool,
        placed_at: Timestamp,
        updated_at: Timestamp,
        /// The order's version: grows with every change.
        sequence: i64,
    }
    PaymentView {
        method: PaymentMethod,
        status: PaymentStatus,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        action_url: Option<String>,
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
    }

    /// `GET /staff/stores/{store}/queue`, and `v1/stores/{store}/queue`.
    QueueView { store: StoreId, version: i64, lanes: LanesView }
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
    }

    /// The answer of `POST /scans`: the right to one order at a store.
    AdmissionView { admission: AdmissionId, store: StoreId, expires_at: Timestamp }

    /// `v1/stores/{store}/board`: numbers only, no names.
    BoardView { preparing: Vec<BoardEntry>, ready: Vec<BoardEntry> }
    BoardEntry { number: i64, since: Timestamp }

    /// `GET /me`.
    MeView { user: Option<UserView>, guest: bool, roles: Vec<RoleView>, wallet: Option<WalletBalance>, points: i64 }
    UserView { id: UserId, name: String, language: Option<Locale> }
    RoleView { role: Role, store: Option<StoreId> }
    WalletBalance { balance: Money }

    /// `GET /wallet`, and the answer of a top-up: the newest entries first.
    WalletView { balance: Money, entries: Page<WalletEntry> }
    WalletEntry {
        id: TransferId,
        at: Timestamp,
        kind: EntryKind,
        /// Negative where it went out of the wallet.
        amount: Money,
        /// The order that was paid or refunded.
        order: Option<OrderId>,
        /// What was in the wallet then.
        balance_after: Money,
    }

    /// A browser in which an account is signed in.
    SessionView {
        id: SessionId,
        /// What kind of browser it is, such as `Firefox · Windows`.
        device: Option<String>,
        created_at: Timestamp,
        /// To the day.
        seen_at: Timestamp,
        expires_at: Timestamp,
        /// The one that asks.
        current: bool,
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

/// Where an order goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FulfilmentRequest {
    Pickup,
    Ship { address: Address },
}

impl FulfilmentRequest {
    pub const fn kind(&self) -> FulfilmentKind {
        match self {
            Self::Pickup => FulfilmentKind::Pickup,
            Self::Ship { .. } => FulfilmentKind::Ship,
        }
    }
}

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Address {
    pub name: String,
    pub line1: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    pub city: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

impl Address {
    /// All faults, with pointers below `at`. Codes: `required`, `too_long`, `unknown_country`.
    pub fn faults(&self, at: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (field, value) in [("name", &self.name), ("line1", &self.line1), ("city", &self.city), ("postal_code", &self.postal_code)] {
            if value.trim().is_empty() {
                faults.push(Fault::new(format!("{at}/{field}"), "required", "Please fill this in."));
            }
        }
        let optional = [("line2", self.line2.as_deref()), ("region", self.region.as_deref())];
        let fields = [("name", &*self.name), ("line1", &*self.line1), ("city", &*self.city), ("postal_code", &*self.postal_code)];
        for (field, value) in fields.into_iter().chain(optional.into_iter().filter_map(|(f, v)| v.map(|v| (f, v)))) {
            if value.chars().count() > 120 {
                faults.push(Fault::new(format!("{at}/{field}"), "too_long", "At most 120 characters."));
            }
            if value.chars().any(char::is_control) {
                faults.push(Fault::new(format!("{at}/{field}"), "control_character", "Only letters, digits and signs."));
            }
        }
        if !crate::country::is_known(&self.country) {
            faults.push(Fault::new(format!("{at}/country"), "unknown_country", "Two capital letters of ISO 3166-1, such as US."));
        }
        faults
    }
}

/// `POST /quotes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QuoteRequest {
    pub store: String,
    pub lines: Vec<LineRequest>,
    #[serde(default)]
    pub fulfilment: Option<FulfilmentRequest>,
    #[serde(default)]
    pub coupon_codes: Vec<String>,
    #[serde(default)]
    pub points: Option<i64>,
}

/// `POST /checkouts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CheckoutRequest {
    pub store: String,
    pub lines: Vec<LineRequest>,
    pub fulfilment: FulfilmentRequest,
    #[serde(default)]
    pub admission: Option<String>,
    #[serde(default)]
    pub coupon_codes: Vec<String>,
    #[serde(default)]
    pub points: Option<i64>,
}

/// `POST /scans`: what the kiosk's screen said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ScanRequest {
    /// 6 to 10 characters; spaces, hyphens and small letters do not matter.
    pub code: String,
}

/// What pays: a wallet, or a card by its token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum PaymentRequest {
    Wallet,
    Card { token: String },
}

impl std::fmt::Debug for PaymentRequest {
    /// A card token is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Wallet => "Wallet",
            Self::Card { .. } => "Card(***)",
        })
    }
}

/// `POST /checkouts/{id}/place`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PlaceRequest {
    pub payment: PaymentRequest,
    /// What the shopper saw: another total is refused.
    pub expected_total: Money,
}

impl MenuView {
    /// The menu as it is at `now`, in one language. A variant without a price is not for sale and left out.
    pub fn of(menu: &Menu, locale: Locale, now: Timestamp) -> Self {
        let categories = menu
            .categories
            .iter()
            .map(|c| CategoryView {
                id: c.id.clone(),
                name: c.name.in_locale(locale).to_owned(),
                products: c.products.iter().map(|p| ProductView::of(p, locale, now)).collect(),
            })
            .collect();
        Self { store: menu.store.clone(), version: menu.version, categories }
    }
}

impl ProductView {
    pub fn of(product: &catalog::Product, locale: Locale, now: Timestamp) -> Self {
        let text = |t: &Text| t.in_locale(locale).to_owned();
        let variants = product
            .variants
            .iter()
            .filter_map(|v| {
                let (price, list_price) = (v.price_at(now)?, v.list_price()?);
                Some(VariantView { sku: v.sku.clone(), name: text(&v.name), price, list_price, available: v.available })
            })
            .collect();
        let modifiers = product
            .modifiers
            .iter()
            .map(|g| ModifierView {
                id: g.id.clone(),
                name: text(&g.name),
                min: g.min,
                max: g.max,
                options: g
                    .options
                    .iter()
                    .map(|o| OptionView { id: o.id.clone(), name: text(&o.name), price: o.price, available: o.available })
                    .collect(),
            })
            .collect();
        Self {
            id: product.id.clone(),
            name: text(&product.name),
            description: text(&product.description),
            image: product.image.as_ref().map(|i| ImageView {
                alt: text(&i.alt),
                width: i.width,
                height: i.height,
                sources: i.sources.clone(),
                url: i.url.clone(),
            }),
            variants,
            modifiers,
        }
    }
}

impl LineView {
    pub fn of(line: &QuoteLine, naming: Naming) -> Self {
        Self {
            sku: line.sku.clone(),
            product: line.product.clone(),
            name: naming.name(&line.name),
            names: naming.names(&line.name),
            variant: naming.name(&line.variant),
            variant_names: naming.names(&line.variant),
            options: line
                .options
                .iter()
                .map(|o| LineOptionView { id: o.id.clone(), name: naming.name(&o.name), names: naming.names(&o.name) })
                .collect(),
            quantity: line.quantity,
            unit_price: line.unit_price,
            total: line.total,
        }
    }

    /// The same line in the reader's language, where `names` came with it.
    pub fn localize(&mut self, locale: Locale) {
        let pick = |names: &Option<Text>, name: &mut String| {
            if let Some(text) = names {
                text.in_locale(locale).clone_into(name);
            }
        };
        pick(&self.names, &mut self.name);
        pick(&self.variant_names, &mut self.variant);
        for option in &mut self.options {
            pick(&option.names, &mut option.name);
        }
    }
}

impl QuoteView {
    pub fn of(quote: &Quote, naming: Naming) -> Self {
        Self {
            subtotal: quote.subtotal,
            discounts: quote
                .discounts
                .iter()
                .map(|d| DiscountView {
                    promotion: d.promotion.clone(),
                    name: naming.name(&d.name),
                    amount: d.amount,
                    lines: d.lines.clone(),
                })
                .collect(),
            shipping: quote.shipping,
            tax: quote.tax,
            total: quote.total,
            lines: quote.lines.iter().map(|l| LineView::of(l, naming)).collect(),
            explanations: quote.explanations.clone(),
        }
    }
}

impl OrderView {
    pub fn localize(&mut self, locale: Locale) {
        for line in self.lines.iter_mut().chain(&mut self.quote.lines) {
            line.localize(locale);
        }
    }
}

impl QueueView {
    pub fn localize(&mut self, locale: Locale) {
        let LanesView { queued, making, ready } = &mut self.lanes;
        for line in queued.iter_mut().chain(making).chain(ready).flat_map(|t| &mut t.lines) {
            line.localize(locale);
        }
    }
}

impl StoreView {
    pub fn localize(&mut self, locale: Locale) {
        if let Some(names) = &self.names {
            names.in_locale(locale).clone_into(&mut self.name);
        }
    }
}
