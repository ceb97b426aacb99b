//! The checkout: lines at locked prices, their stock held and a place in the store taken until it ends.

use domain::catalog::Menu;
use domain::event::{Actor, CheckoutBegun, CheckoutExpired, Units};
use domain::pricing::{self, LineRequest, Quote};
use domain::view::{self, CheckoutRequest, CheckoutView, FulfilmentRequest, Naming, QuoteRequest, QuoteView};
use domain::{AdmissionId, CheckoutId, Fault, Faults, Sku, StoreId, Terms};
use serde_json::json;
use uuid::Uuid;

use super::store::{CheckoutRow, CheckoutStatus};
use super::{OrderingError, crowd, daily, limits, store};
use crate::catalog::Catalog;
use crate::db::{DbError, Sql, Tx};
use crate::identity::{Caller, Network, Owner};
use crate::inventory::{Freed, Stock, StockError};
use crate::kiosk::{self, Admission};
use crate::log::{self, NewEvent};
use crate::refused::Refused as _;
use crate::stores::{Holder, StoreRow, Stores};
use crate::timer;

/// How often a shopper's other checkout, begun at the same moment, is replaced.
const TRIES: u32 = 8;

/// Everybody's checkouts.
#[derive(Clone)]
pub struct Checkouts {
    catalog: Catalog,
    /// Whether the stores' order limits, and the one on orders in a row, hold; only load tests lift them.
    pub(super) limits: bool,
}

/// Why a checkout ended without an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Expired,
    GivenUp,
    Replaced,
}

impl Ended {
    const fn reason(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::GivenUp => "given_up",
            Self::Replaced => "replaced",
        }
    }
}

impl Checkouts {
    pub fn new(catalog: Catalog, limits: bool) -> Self {
        Self { catalog, limits }
    }

    /// What a cart costs now; nothing is held. Read in a transaction or snapshot.
    pub async fn quote_in(&self, tx: &mut Tx, request: &QuoteRequest, naming: Naming) -> Result<QuoteView, OrderingError> {
        let store = find_store_in(tx, &request.store).await?;
        let wanted = Wanted {
            lines: &request.lines,
            fulfilment: request.fulfilment.as_ref(),
            coupon_codes: &request.coupon_codes,
            points: request.points,
        };
        let quote = self.price_in(tx, &store, &wanted, Short::IsAFault).await?;
        Ok(QuoteView::of(&quote, naming))
    }

    /// What is in somebody's cart, to begin a checkout of it in this transaction. Who orders from two pages at once orders once: the
    /// second waits here, and finds what the first has left.
    pub async fn lines_of_cart_in(&self, tx: &mut Tx, owner: &Owner, store: &StoreId) -> Result<Vec<LineRequest>, OrderingError> {
        // In the sequence of locks: the store's, the checkout's, what hangs on it.
        Stores.share_in(tx, store).await?;
        store::lock_live_checkout_in(tx, owner, store).await?;
        Ok(store::lock_cart_in(tx, owner, store).await?.into_iter().map(|line| line.request).collect())
    }

    /// Holds the lines for the caller at today's prices. A live checkout of theirs at this store is replaced: what it held
    /// is free for the new one in the same transaction. `from`: where a guest of the web is, where that is known. An `Err` must end
    /// the transaction.
    pub async fn begin_in(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        from: Option<&Network>,
        request: &CheckoutRequest,
        naming: Naming,
    ) -> Result<CheckoutView, OrderingError> {
        let owner = super::owner_of(caller)?;
        let from = from.filter(|_| caller.is_guest());
        let store = share_store_in(tx, &request.store).await?;
        if !store.open {
            return Err(OrderingError::StoreClosed);
        }
        let now = tx.now();
        let admission = admitted_in(tx, &owner, &store, request.admission.as_deref()).await?;
        let id = CheckoutId(Uuid::now_v7());
        let wanted = Wanted {
            lines: &request.lines,
            fulfilment: Some(&request.fulfilment),
            coupon_codes: &request.coupon_codes,
            points: request.points,
        };
        let mut tries = 0;
        let (checkout, replaced, place_kept, freed) = loop {
            // Before anything is looked at: what the old one holds is there for the new one.
            let old = store::lock_live_checkout_in(tx, &owner, &store.id).await?;
            let (place_kept, freed) = match &old {
                Some(old) => replace_in(tx, caller, old, id, &wanted, admission.as_ref().map(|admission| admission.id)).await?,
                None => (false, Freed::default()),
            };
            let checkout = CheckoutRow {
                id,
                owner,
                store: store.id.clone(),
                status: CheckoutStatus::Live,
                fulfilment: request.fulfilment.clone(),
                quote: self.price_in(tx, &store, &wanted, Short::IsHeld).await?,
                expires_at: admission.as_ref().map_or_else(|| now.plus_seconds(store.settings.customer_seconds), |a| a.expires_at),
                admission: admission.as_ref().map(|admission| admission.id),
            };
            if store::insert_checkout_in(tx, &checkout).await? {
                break (checkout, old.is_some(), place_kept, freed);
            }
            // The same shopper has begun another one at this moment: it is committed now, and gives way.
            tries += 1;
            if tries > TRIES {
                return Err(DbError::Busy("the shopper begins one checkout after the other".to_owned()).into());
            }
        };
        if self.limits {
            daily::may_order_in(tx, &checkout.owner, &store).await?;
        }
        timer::set_in(tx, limits::CHECKOUT_HOLD, &checkout.id.to_string(), checkout.expires_at, json!({})).await?;
        // What others wait for comes last: the stock, then the store's own row.
        let lent = match &admission {
            _ if place_kept => true,
            Some(admission) => kiosk::lend_in(tx, admission, id).await?,
            None => false,
        };
        if !lent && !replaced && store.refusal() == Some(view::Refusal::AtCapacity) {
            // The update at the end would say so, too, but nobody who cannot have a place need wait for stock.
            return Err(OrderingError::AtCapacity);
        }
        hold_in(tx, &checkout, freed).await?;
        if !lent {
            Stores.take_place_in(tx, &store, Holder::Checkout(id), from.map(|from| from.0.as_str())).await?;
        }
        if self.limits
            && let Some(from) = from
        {
            crowd::look_in(tx, &store, from).await?;
        }
        let begun = CheckoutBegun { checkout: checkout.id, store: store.id.clone(), expires_at: checkout.expires_at };
        log::append_in(tx, NewEvent::new(begun, checkout.id).at_store(&store.id).by(caller.actor(&store.id))).await?;
        Ok(view_of(&checkout, naming))
    }

    /// Gives a checkout up: its stock and its place are free again. One that has ended stays ended.
    pub async fn cancel_in(&self, tx: &mut Tx, caller: &Caller, id: CheckoutId) -> Result<(), OrderingError> {
        let checkout = find_in(tx, caller, id).await?;
        Stores.lock_in(tx, &checkout.store).await?;
        let checkout = find_in(tx, caller, id).await?;
        match checkout.status {
            CheckoutStatus::Live => end_in(tx, &checkout, Ended::GivenUp, caller.actor(&checkout.store)).await.map(drop),
            CheckoutStatus::Placed => Err(OrderingError::CheckoutPlaced),
            CheckoutStatus::Ended => Ok(()),
        }
    }

    /// The caller's checkout, while it lives.
    pub async fn get(&self, sql: &mut impl Sql, caller: &Caller, id: CheckoutId, naming: Naming) -> Result<CheckoutView, OrderingError> {
        let checkout = find_in(sql, caller, id).await?;
        match checkout.status {
            CheckoutStatus::Live => Ok(view_of(&checkout, naming)),
            CheckoutStatus::Placed => Err(OrderingError::CheckoutPlaced),
            CheckoutStatus::Ended => Err(OrderingError::CheckoutExpired),
        }
    }

    /// What is held for somebody at a store now; `None`: nothing.
    pub async fn held(&self, sql: &mut impl Sql, owner: &Owner, store: &StoreId, naming: Naming) -> Result<Option<CheckoutView>, DbError> {
        let now = sql.now();
        let live = store::live_checkout(sql, owner, store).await?.filter(|checkout| checkout.expires_at > now);
        Ok(live.map(|checkout| view_of(&checkout, naming)))
    }

    async fn price_in(&self, tx: &mut Tx, store: &StoreRow, wanted: &Wanted<'_>, short: Short) -> Result<Quote, OrderingError> {
        let menu = self.catalog.menu_of_in(tx, store).await?.ok_or(OrderingError::UnknownStore)?;
        let mut quote = pricing::quote(&menu, wanted.lines, tx.now());
        if short == Short::IsHeld && quote.as_ref().is_err_and(|faults| faults.0.iter().any(|fault| fault.code == "unavailable")) {
            // A checkout that gave way has freed units which no menu tells of yet.
            let menu = self.catalog.read_in(tx, &store.id).await?.ok_or(OrderingError::UnknownStore)?;
            quote = pricing::quote(&with_counted(&menu, wanted.lines), wanted.lines, tx.now());
        }
        let faults = wanted.faults(store);
        match quote {
            Ok(quote) if faults.is_empty() => Ok(quote),
            Ok(_) => Err(OrderingError::Invalid(Faults(faults))),
            Err(Faults(wrong)) => Err(OrderingError::Invalid(Faults(wrong.into_iter().chain(faults).collect()))),
        }
    }
}

/// What a line is that asks for more than there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Short {
    /// Not available.
    IsAFault,
    /// For the hold to refuse, which says how many are left.
    IsHeld,
}

/// The menu with those lines' items on it that only lack free units. What is switched off stays so.
fn with_counted(menu: &Menu, lines: &[LineRequest]) -> Menu {
    let mut menu = menu.only(|product| product.variants.iter().any(|v| lines.iter().any(|line| line.sku == v.sku.as_str())));
    menu.variants_mut().for_each(|variant| variant.available |= variant.out_of_stock);
    menu
}

/// Ends the old checkout for the new one, which takes over its place, unless it was that of another admission. Whether it
/// did, and what is free now.
async fn replace_in(
    tx: &mut Tx,
    caller: &Caller,
    old: &CheckoutRow,
    new: CheckoutId,
    wanted: &Wanted<'_>,
    admission: Option<AdmissionId>,
) -> Result<(bool, Freed), OrderingError> {
    // All of it at once: what is freed, and what the new one takes of the same and of other stock.
    let named: Vec<Sku> = wanted.lines.iter().filter_map(|line| line.sku.parse().ok()).collect();
    Stock.lock_in(tx, &old.store, old.quote.lines.iter().map(|line| &line.sku).chain(&named)).await?;
    let takes_over = old.admission == admission;
    let place = takes_over && Stores.rename_place_in(tx, &old.store, Holder::Checkout(old.id), Holder::Checkout(new)).await?;
    let freed = Stock.give_way_in(tx, &old.store, old.id).await?;
    end_in(tx, old, Ended::Replaced, caller.actor(&old.store)).await?;
    Ok((place, freed))
}

/// Holds what the checkout is for, all of it or nothing.
async fn hold_in(tx: &mut Tx, checkout: &CheckoutRow, freed: Freed) -> Result<(), OrderingError> {
    let units: Vec<Units> = checkout.quote.lines.iter().map(|l| Units { sku: l.sku.clone(), quantity: l.quantity }).collect();
    match Stock.hold_in(tx, &checkout.store, checkout.id, checkout.expires_at, &units, freed).await {
        Ok(()) => Ok(()),
        Err(StockError::Unavailable(error)) => Err(error.into()),
        Err(error) => Err(OrderingError::OutOfStock(error.faults())),
    }
}

/// What is asked for besides the store.
struct Wanted<'a> {
    lines: &'a [LineRequest],
    fulfilment: Option<&'a FulfilmentRequest>,
    coupon_codes: &'a [String],
    points: Option<i64>,
}

impl Wanted<'_> {
    /// What is wrong besides the lines.
    fn faults(&self, store: &StoreRow) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.fulfilment.is_some_and(|f| f.kind() != store.fulfilment) {
            let detail = format!("This store offers {} only.", store.fulfilment);
            faults.push(Fault::new("/fulfilment/kind", "fulfilment_not_offered", detail).with(Terms::words([store.fulfilment])));
        }
        if let Some(FulfilmentRequest::Ship { address }) = self.fulfilment {
            faults.extend(address.faults("/fulfilment/address"));
        }
        for (at, _) in self.coupon_codes.iter().enumerate() {
            faults.push(Fault::new(format!("/coupon_codes/{at}"), "unknown_coupon", "There is no such coupon."));
        }
        if self.points.is_some_and(|points| points != 0) {
            faults.push(Fault::new("/points", "insufficient_points", "You have no points to pay with."));
        }
        faults
    }
}

/// Ends a live checkout in nothing, once: its stock and its place are free, its timer is taken back. False where it had
/// ended before. The caller has the store's lock.
pub(super) async fn end_in(tx: &mut Tx, checkout: &CheckoutRow, ended: Ended, actor: Actor) -> Result<bool, OrderingError> {
    if !store::end_checkout_in(tx, checkout, CheckoutStatus::Ended).await? {
        return Ok(false);
    }
    timer::cancel_in(tx, limits::CHECKOUT_HOLD, &checkout.id.to_string()).await?;
    let returned = match checkout.admission {
        // Whoever was let in stays so as long as their time lasts.
        Some(admission) if ended != Ended::Expired => kiosk::return_in(tx, admission, checkout.id).await?,
        _ => false,
    };
    if !returned {
        Stores.give_place_back_in(tx, &checkout.store, Holder::Checkout(checkout.id)).await?;
    }
    Stock.release_in(tx, &checkout.store, checkout.id).await?;
    let reason = ended.reason().to_owned();
    let event = CheckoutExpired { checkout: checkout.id, store: checkout.store.clone(), reason };
    log::append_in(tx, NewEvent::new(event, checkout.id).at_store(&checkout.store).by(actor)).await?;
    Ok(true)
}

/// The admission that a checkout is for. A store that is open to all needs none, and minds none that is over.
async fn admitted_in(tx: &mut Tx, owner: &Owner, store: &StoreRow, named: Option<&str>) -> Result<Option<Admission>, OrderingError> {
    let needed = store.settings.admission == view::Admission::Qr;
    let found = match named.and_then(|id| id.parse().ok()) {
        Some(id) => kiosk::admission(tx, id).await?.filter(|found| found.owner == *owner && found.store == store.id),
        None => None,
    };
    match found {
        Some(admission) if admission.is_open && admission.expires_at > tx.now() => Ok(Some(admission)),
        Some(_) if needed => Err(OrderingError::AdmissionExpired),
        None if needed => Err(OrderingError::AdmissionRequired),
        _ => Ok(None),
    }
}

/// The caller's own checkout, in whatever state.
pub(super) async fn find_in(sql: &mut impl Sql, caller: &Caller, id: CheckoutId) -> Result<CheckoutRow, OrderingError> {
    let owner = super::owner_of(caller)?;
    let checkout = store::checkout(sql, id).await?.filter(|checkout| checkout.owner == owner);
    checkout.ok_or(OrderingError::NotFound)
}

async fn find_store_in(tx: &mut Tx, id: &str) -> Result<StoreRow, OrderingError> {
    let id: StoreId = id.parse().map_err(|_| OrderingError::UnknownStore)?;
    Stores.get(tx, &id).await?.ok_or(OrderingError::UnknownStore)
}

/// The store with its lock, beside others, read under it.
async fn share_store_in(tx: &mut Tx, id: &str) -> Result<StoreRow, OrderingError> {
    let id: StoreId = id.parse().map_err(|_| OrderingError::UnknownStore)?;
    Stores.share_in(tx, &id).await?;
    Stores.get(tx, &id).await?.ok_or(OrderingError::UnknownStore)
}

fn view_of(checkout: &CheckoutRow, naming: Naming) -> CheckoutView {
    CheckoutView { id: checkout.id, expires_at: checkout.expires_at, quote: QuoteView::of(&checkout.quote, naming) }
}
