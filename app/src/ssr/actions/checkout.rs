//! Holding a cart, and ordering it.
#![expect(clippy::too_many_arguments, reason = "the fields of a form are its function's arguments")]

use backend::{
    db::Tx,
    idempotency::{self, RequestKey},
    identity::{Caller, Client, Network, ensure_session_in},
    ordering::{OrderingError, owner_of},
    stores::StoreRow,
};
use domain::{
    CheckoutId, Currency, Faults, Money, OrderId, StoreId,
    prep::FulfilmentKind,
    pricing::{LineRequest, no_lines},
    view::{Address, Admission, CheckoutRequest, CheckoutView, FulfilmentRequest, PaymentRequest, PlaceRequest},
};
use leptos::prelude::*;

use super::{
    super::visit::Visit,
    Done,
    draft::Draft,
    is_for_a_page, number,
    once::{coded, form_key, once},
    refusal, to,
};
use crate::{
    paths,
    wire::{AddressFields, Held, HoldAnswer, PlaceAnswer, Refusal, Sums, WALLET, is_offered, things},
};

/// Holds what is in the cart, for who looks at the checkout with scripts.
#[server(name = Hold, prefix = "/do", endpoint = "checkout/hold")]
pub async fn hold(#[server(default)] store: String) -> Done<HoldAnswer> {
    let page = paths::checkout(&store);
    match hold_cart(&store).await {
        Ok(answer) => to(&page, answer),
        Err(refusal) => to(&format!("{page}?error={}", refusal.code), HoldAnswer::Refused(refusal.said(Visit::here().locale))),
    }
}

async fn hold_cart(store: &str) -> Result<HoldAnswer, Refusal> {
    let visit = Visit::here();
    let store: StoreId = store.parse().map_err(|_| refusal(&OrderingError::UnknownStore))?;
    visit.backend.checkouts.may_begin(&visit.backend.db, &visit.caller, store.as_str()).await.map_err(|error| refusal(&error))?;
    let cart = Cart { visit: visit.clone(), from: from(&visit), store, address: AddressFields::default() };
    let held = visit.backend.db.transaction(move |tx| {
        Box::pin(async move {
            ensure_session_in(tx, &cart.visit.caller).await?;
            cart.begin_in(tx, "").await
        })
    });
    let held: CheckoutView = held.await.map_err(|error: OrderingError| refusal(&error))?;
    Ok(HoldAnswer::Held(held_of(&held, held.expires_at.seconds_since(visit.now))))
}

/// A live checkout as a page is told of it, which holds for so long in all.
pub fn held_of(live: &CheckoutView, seconds: i64) -> Held {
    let quote = &live.quote;
    let sums = Sums { lines: quote.lines.iter().map(|line| line.total).collect(), subtotal: quote.subtotal, total: quote.total };
    Held { checkout: live.id.to_string(), expires_at: live.expires_at, seconds, sums, lines: lines_of(live) }
}

/// What a checkout is of, as it was asked for.
fn lines_of(checkout: &CheckoutView) -> Vec<LineRequest> {
    let lines = checkout.quote.lines.iter().map(|line| LineRequest {
        sku: line.sku.to_string(),
        quantity: line.quantity,
        options: line.options.iter().map(|option| option.id.to_string()).collect(),
    });
    lines.collect()
}

/// An error where other things are to be ordered than were shown ([`things`]), or none, whatever else is in the way: the cart was
/// ordered or emptied on another page then. A page of the version before does not say what it shows.
fn as_shown(shown: &str, lines: &[LineRequest]) -> Result<(), OrderingError> {
    if lines.is_empty() {
        return Err(OrderingError::Invalid(Faults(vec![no_lines()])));
    }
    if shown.is_empty() || things(lines) == shown { Ok(()) } else { Err(OrderingError::CartChanged) }
}

/// Where the visitor is.
fn from(visit: &Visit) -> Network {
    visit.backend.identities.network_of(&expect_context::<Client>())
}

/// A visitor's cart on its way to the till.
struct Cart {
    visit: Visit,
    from: Network,
    store: StoreId,
    address: AddressFields,
}

impl Cart {
    /// Begins a checkout of what is in the cart, where that is what was shown.
    async fn begin_in(&self, tx: &mut Tx, shown: &str) -> Result<CheckoutView, OrderingError> {
        let Visit { backend, caller, .. } = &self.visit;
        let store = backend.stores.get(tx, &self.store).await?.ok_or(OrderingError::UnknownStore)?;
        let admission = match store.settings.admission {
            Admission::Qr => backend.kiosks.admission(tx, caller, &self.store).await?,
            Admission::Open => None,
        };
        let lines = backend.checkouts.lines_of_cart_in(tx, &owner_of(caller)?, &self.store).await?;
        as_shown(shown, &lines)?;
        let request = CheckoutRequest {
            store: self.store.to_string(),
            lines,
            fulfilment: self.fulfilment(&store),
            admission: admission.map(|admission| admission.admission.to_string()),
            coupon_codes: Vec::new(),
            points: None,
        };
        backend.checkouts.begin_in(tx, caller, Some(&self.from), &request, self.visit.naming()).await
    }

    fn fulfilment(&self, store: &StoreRow) -> FulfilmentRequest {
        if store.fulfilment == FulfilmentKind::Pickup {
            return FulfilmentRequest::Pickup;
        }
        let typed = |text: &String| text.trim().to_owned();
        let optional = |text: &String| Some(typed(text)).filter(|text| !text.is_empty());
        let address = &self.address;
        FulfilmentRequest::Ship {
            address: Address {
                name: typed(&address.name),
                line1: typed(&address.line1),
                line2: optional(&address.line2),
                city: typed(&address.city),
                region: optional(&address.region),
                postal_code: typed(&address.postal_code),
                country: typed(&address.country).to_ascii_uppercase(),
            },
        }
    }

    /// Places the held checkout, or what is in the cart where nothing is held any more: prices and stock are checked again
    /// then. What is ordered and its total have to be what the shopper saw.
    async fn place_in(&self, tx: &mut Tx, held: Option<CheckoutId>, shown: &str, request: &PlaceRequest) -> Result<OrderId, OrderingError> {
        let Visit { backend, caller, .. } = &self.visit;
        ensure_session_in(tx, caller).await?;
        let live = match held {
            Some(id) => backend.checkouts.get(tx, caller, id, self.visit.naming()).await.ok().filter(|held| held.expires_at > tx.now()),
            None => None,
        };
        let checkout = match live {
            Some(held) => {
                as_shown(shown, &lines_of(&held))?;
                held.id
            }
            None => self.begin_in(tx, shown).await?.id,
        };
        backend.orders.place_in(tx, caller, checkout, request, self.visit.naming()).await
    }
}

/// Orders what is in the cart. `key` was made with the page: sent twice, it is one order. `shown`: what the page shows that is to be
/// ordered.
#[server(name = Place, prefix = "/do", endpoint = "checkout/place")]
pub async fn place(
    #[server(default)] store: String,
    #[server(default)] key: String,
    #[server(default)] checkout: String,
    #[server(default)] shown: String,
    #[server(default)] expected_total: String,
    #[server(default)] currency: String,
    #[server(default)] payment: String,
    #[server(default)] address: AddressFields,
) -> Done<PlaceAnswer> {
    let order = Order {
        checkout: checkout.parse().ok(),
        key: key.clone(),
        shown,
        expected_total: number(&expected_total),
        currency,
        payment: payment.clone(),
        address: address.clone(),
    };
    let at = store.parse::<StoreId>().ok();
    match order.place(&store).await {
        Ok(order) => {
            at.iter().for_each(Draft::forget);
            let page = paths::order(order);
            to(&page, PlaceAnswer::Placed { page: page.clone() })
        }
        Err(refusal) => {
            let visit = Visit::here();
            let refusal = refusal.said(visit.locale);
            if let Some((owner, at)) = visit.owner().zip(at) {
                let key = Some(key).filter(|_| refusal.is_open());
                // Where nothing was chosen, nothing is.
                let payment = Some(payment).filter(|payment| payment.is_empty() || is_offered(payment));
                draft(owner.to_string(), address, payment, &refusal, key).leave(&at);
            }
            let (told, place) = match &*refusal.code {
                // The page says what has become of the total that was sent.
                "total_changed" => (format!("&told={}", number(&expected_total)), format!("#{}", paths::notice::TOTAL_CHANGED)),
                "store_closed" => (String::new(), format!("#{}", paths::notice::STORE_CLOSED)),
                _ => Default::default(),
            };
            to(&format!("{}?error={}{told}{place}", paths::checkout(&store), refusal.code), PlaceAnswer::Refused(refusal))
        }
    }
}

/// What a refused form leaves for the page that follows. A script shows the refusal on the page where it was typed, and only the key
/// would be missed where that page is loaded again; but for a cart that another page has changed, which it loads by itself.
fn draft(owner: String, address: AddressFields, payment: Option<String>, refusal: &Refusal, key: Option<String>) -> Draft {
    if is_for_a_page() || refusal.code == "cart_changed" {
        Draft { owner, address, payment, faults: refusal.faults.clone(), key }
    } else {
        Draft { owner, key, ..Draft::default() }
    }
}

/// The order form as it was sent.
struct Order {
    checkout: Option<CheckoutId>,
    key: String,
    shown: String,
    expected_total: i64,
    currency: String,
    /// [`WALLET`], or the card's token.
    payment: String,
    address: AddressFields,
}

impl Order {
    /// Tells one form from another, without keeping what was typed: with another card or the wallet it is another form. What was
    /// held stays out of it, for a form that is sent again may have lost it.
    fn fingerprint(&self) -> String {
        let Self { shown, expected_total, currency, payment, address, .. } = self;
        idempotency::fingerprint(format!("{expected_total} {currency} {payment:?} {address:?}{shown}").as_bytes())
    }

    async fn place(self, store: &str) -> Result<OrderId, Refusal> {
        let visit = Visit::here();
        let store: StoreId = store.parse().map_err(|_| refusal(&OrderingError::UnknownStore))?;
        let key = request_key(&visit.caller, &store, &self.key)?;
        let fingerprint = self.fingerprint();
        let currency: Currency = self.currency.parse().map_err(|_| coded("currency_mismatch"))?;
        if self.payment.is_empty() || !self.payment.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(coded("payment_missing"));
        }
        let payment = if self.payment == WALLET { PaymentRequest::Wallet } else { PaymentRequest::Card { token: self.payment } };
        let request = PlaceRequest { payment, expected_total: Money::new(self.expected_total, currency) };
        let may = visit.backend.checkouts.may_begin(&visit.backend.db, &visit.caller, store.as_str()).await;
        if let Err(refused) = may
            && !matches!(visit.backend.keys.kept(&visit.backend.db, &key, &fingerprint).await, Ok(Some(_)))
        {
            return Err(refusal(&refused));
        }
        let cart = Cart { visit: visit.clone(), from: from(&visit), store, address: self.address };
        let placed = once(&visit, key, fingerprint, move |tx| {
            Box::pin(async move { cart.place_in(tx, self.checkout, &self.shown, &request).await.map(|order| order.to_string()) })
        });
        placed.await?.parse().map_err(|_| coded("internal"))
    }
}

/// The key of a form of which nobody knew whether it was done, if it was not: whatever is in the cart now, it is not that order.
pub async fn open_key(visit: &Visit, store: &StoreId, key: Option<String>) -> Option<String> {
    let key = key?;
    let kept = visit.backend.keys.kept(&visit.backend.db, &request_key(&visit.caller, store, &key).ok()?, "").await;
    kept.is_ok_and(|answer| answer.is_none()).then_some(key)
}

/// The caller's key for this form, one for each store.
fn request_key(caller: &Caller, store: &StoreId, key: &str) -> Result<RequestKey, Refusal> {
    form_key(caller, format!("{}?store={store}", paths::form::PLACE), key)
}
