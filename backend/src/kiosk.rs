//! Kiosks: codes that let in as many people as the bar can serve. A kiosk shows a code for a time; a scan of it, by somebody
//! who is signed in, buys an admission, which holds a place in the store and is good for one order.

mod error;
mod rotation;
mod store;

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use domain::event::{KioskAdmissionEnded, KioskCodeScanned};
use domain::kiosk::{self, GRACE_SECONDS, HIDE_SECONDS, SECOND_TRY_SECONDS};
use domain::live::KioskCodeView;
use domain::view::{AdmissionView, Refusal};
use domain::{AdmissionId, CheckoutId, KioskId, OrderId, StoreId, Timestamp};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde_json::{Value, json};
use uuid::Uuid;

pub use self::error::KioskError;
pub use self::rotation::Rotation;
pub(crate) use self::rotation::{ROTATION, begin_codes_in, end_codes_in};
use crate::db::{DbError, Sql, Tx};
use crate::identity::rights::Right;
use crate::identity::{Caller, Owner};
use crate::log::{self, NewEvent};
use crate::ordering;
use crate::stores::{Holder, StoreRow, Stores};
use crate::subscriber::HandlerError;
use crate::timer::{self, TimerHandler};

/// The timer of an admission, by its id.
pub(crate) const ADMISSION_END: &str = "kiosk.admission_end";

/// All kiosks.
#[derive(Debug, Clone)]
pub struct Kiosks {
    /// Where the shop is found, without a slash at the end: what a code's picture says.
    public_url: Arc<str>,
}

/// A code as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Code {
    text: String,
    kiosk: KioskId,
    ends_at: Timestamp,
    /// How often it may be scanned.
    scans: i64,
    /// How often it has been.
    used: i64,
}

impl Code {
    /// When the kiosk shows another one: at once, where this one is over.
    fn next_at(&self, now: Timestamp) -> Timestamp {
        self.ends_at.max(now)
    }
}

/// A code whose page somebody opened.
#[derive(Debug)]
pub struct Opened {
    /// Where its kiosk stands.
    pub store: StoreId,
    /// Why it would not let them in at this moment, if so.
    pub refused: Option<KioskError>,
    /// When the kiosk shows the next one.
    pub next_at: Timestamp,
}

/// The right to one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    pub id: AdmissionId,
    pub owner: Owner,
    /// What was scanned.
    pub code: String,
    pub kiosk: KioskId,
    pub store: StoreId,
    /// Neither an order came of it, nor is its time over.
    pub is_open: bool,
    pub expires_at: Timestamp,
}

impl Admission {
    fn view(&self) -> AdmissionView {
        AdmissionView { admission: self.id, store: self.store.clone(), expires_at: self.expires_at }
    }
}

impl Kiosks {
    pub fn new(public_url: &str) -> Self {
        Self { public_url: public_url.trim_end_matches('/').into() }
    }

    /// The store that a kiosk stands in, for the kiosk itself and the store's managers; somebody else is refused.
    pub async fn store_for(&self, sql: &mut impl Sql, caller: &Caller, kiosk: &KioskId) -> Result<StoreId, KioskError> {
        if caller.is_nobody() {
            return Err(KioskError::SessionRequired);
        }
        let store = Stores.of_kiosk(sql, kiosk).await?;
        match store {
            Some(store) if caller.is_kiosk(kiosk) || caller.may(Right::KioskCode, &store) => Ok(store),
            // Who sees no codes here is not told which kiosks there are.
            _ => Err(KioskError::Forbidden),
        }
    }

    /// What a kiosk shows; `None` where it has no code at this moment.
    pub async fn shown(&self, sql: &mut impl Sql, kiosk: &KioskId) -> Result<Option<KioskCodeView>, DbError> {
        let now = sql.now();
        store::current(sql, kiosk, now).await?.map(|code| self.view_of(code)).transpose()
    }

    /// What a kiosk shows. Where nobody has made the code of this slot yet, it is made now.
    pub async fn code_in(&self, tx: &mut Tx, caller: &Caller, kiosk: &KioskId) -> Result<KioskCodeView, KioskError> {
        let at = self.store_for(tx, caller, kiosk).await?;
        Stores.lock_in(tx, &at).await?;
        let now = tx.now();
        let code = match store::current(tx, kiosk, now).await? {
            Some(code) => code,
            None => rotation::rotate_in(tx, kiosk).await?.ok_or(KioskError::NotFound)?,
        };
        Ok(self.view_of(code)?)
    }

    fn view_of(&self, code: Code) -> Result<KioskCodeView, DbError> {
        let url = format!("{}/scan/{}", self.public_url, code.text);
        let svg = picture(&url).map_err(|error| DbError::Defect(format!("the picture of {url}: {error}")))?;
        Ok(KioskCodeView {
            url,
            svg,
            scans: code.scans,
            scans_left: code.scans - code.used,
            rotates_at: code.ends_at,
            hide_at: code.ends_at.plus_seconds(-HIDE_SECONDS),
            code: code.text,
        })
    }

    /// Whether this is a code that a kiosk shows, or has shown lately.
    pub async fn is_code(&self, sql: &mut impl Sql, typed: &str) -> Result<bool, DbError> {
        let Some(code) = kiosk::normalise(typed) else { return Ok(false) };
        Ok(store::code(sql, &code).await?.is_some())
    }

    /// Somebody opened the page of a code. That spends nothing; while it is good, it is remembered, also where it lets nobody in
    /// at this moment.
    pub async fn opened_in(&self, tx: &mut Tx, caller: &Caller, typed: &str) -> Result<Opened, KioskError> {
        let owner = caller.owner().ok_or(KioskError::SessionRequired)?;
        let code = find_in(tx, typed).await?;
        let store = Stores.of_kiosk(tx, &code.kiosk).await?.ok_or(KioskError::CodeUnknown)?;
        let now = tx.now();
        store::remember_in(tx, &owner, &code.text, now).await?;
        let refused = match would_let_in(tx, &owner, &code, &store).await {
            Err(KioskError::Unavailable(error)) => return Err(error.into()),
            looked => looked.err(),
        };
        Ok(Opened { store, refused, next_at: code.next_at(now) })
    }

    /// As [`Kiosks::opened_in`], for who must not be told whether this is a code.
    pub async fn opened_unseen_in(&self, tx: &mut Tx, caller: &Caller, typed: &str) -> Result<(), KioskError> {
        let owner = caller.owner().ok_or(KioskError::SessionRequired)?;
        let code = kiosk::normalise(typed).ok_or(KioskError::CodeUnknown)?;
        let now = tx.now();
        Ok(store::remember_in(tx, &owner, &code, now).await?)
    }

    /// Spends a scan on an admission for the caller. Who has scanned this code before gets the same admission. An `Err` must end
    /// the transaction, and then nothing was spent.
    pub async fn scan_in(&self, tx: &mut Tx, caller: &Caller, typed: &str) -> Result<AdmissionView, KioskError> {
        if caller.is_nobody() {
            return Err(KioskError::SessionRequired);
        }
        let refused = if caller.is_guest() { KioskError::SignInRequired } else { KioskError::Forbidden };
        let owner = Owner::User(caller.user().ok_or(refused)?);
        let code = find_in(tx, typed).await?;
        let id = Stores.of_kiosk(tx, &code.kiosk).await?.ok_or(KioskError::CodeUnknown)?;
        Stores.lock_in(tx, &id).await?;
        if let Some(admission) = store::admission_of_code(tx, &owner, &code.text).await? {
            return Ok(admission.view());
        }
        let store = Stores.get(tx, &id).await?.ok_or(KioskError::CodeUnknown)?;
        lets_in(tx, &owner, &code, &store).await?;
        let now = tx.now();
        let next = code.next_at(now);
        let used = store::spend_in(tx, &code.text).await?.ok_or_else(|| KioskError::exhausted(now, next))?;
        let admission = Admission {
            id: AdmissionId(Uuid::now_v7()),
            owner,
            code: code.text,
            kiosk: code.kiosk,
            store: id,
            is_open: true,
            expires_at: now.plus_seconds(store.settings.customer_seconds),
        };
        // An admission that is not being used yet gives its place to the new one: nobody waits in two places.
        for older in store::open(tx, &admission.owner, &admission.store).await? {
            let moved = Stores.rename_place_in(tx, &admission.store, Holder::Admission(older.id), Holder::Admission(admission.id)).await?;
            if moved {
                end_in(tx, &older).await?;
                break;
            }
        }
        Stores.take_place_in(tx, &store, Holder::Admission(admission.id), None).await?;
        store::insert_admission_in(tx, &admission).await?;
        timer::set_in(tx, ADMISSION_END, &admission.id.to_string(), admission.expires_at, json!({})).await?;
        let scanned = KioskCodeScanned {
            kiosk: admission.kiosk.clone(),
            store: admission.store.clone(),
            admission: admission.id,
            scans_left: code.scans - used,
        };
        log::append_in(tx, NewEvent::new(scanned, admission.id).at_store(&admission.store).by(caller.actor(&admission.store))).await?;
        Ok(admission.view())
    }

    /// All admissions of somebody that are kept, the newest first, for them to take along.
    pub async fn kept_admissions(&self, sql: &mut impl Sql, owner: &Owner) -> Result<Vec<AdmissionView>, DbError> {
        Ok(store::admissions_of(sql, owner).await?.iter().map(Admission::view).collect())
    }

    /// The caller's open admission at a store, the one that lasts longest.
    pub async fn admission(&self, sql: &mut impl Sql, caller: &Caller, store: &StoreId) -> Result<Option<AdmissionView>, DbError> {
        let Some(owner) = caller.owner() else { return Ok(None) };
        let now = sql.now();
        let open = store::open(sql, &owner, store).await?;
        Ok(open.into_iter().find(|admission| admission.expires_at > now).map(|admission| admission.view()))
    }
}

/// An admission by its id, whoever's it is.
pub(crate) async fn admission(sql: &mut impl Sql, id: AdmissionId) -> Result<Option<Admission>, DbError> {
    store::admission(sql, id).await
}

/// Gives the admission's place to its checkout; false where it has none: another checkout of its has it.
pub(crate) async fn lend_in(tx: &mut Tx, admission: &Admission, checkout: CheckoutId) -> Result<bool, DbError> {
    Stores.rename_place_in(tx, &admission.store, Holder::Admission(admission.id), Holder::Checkout(checkout)).await
}

/// Its checkout was given up: the place is the admission's again, while it is good. False where it is not.
pub(crate) async fn return_in(tx: &mut Tx, id: AdmissionId, checkout: CheckoutId) -> Result<bool, DbError> {
    let now = tx.now();
    let Some(admission) = store::admission(tx, id).await?.filter(|admission| admission.is_open && admission.expires_at > now) else {
        return Ok(false);
    };
    Stores.rename_place_in(tx, &admission.store, Holder::Checkout(checkout), Holder::Admission(id)).await
}

/// An order came of it. The place is the order's.
pub(crate) async fn use_in(tx: &mut Tx, id: AdmissionId) -> Result<(), DbError> {
    let Some(admission) = store::admission(tx, id).await? else { return Ok(()) };
    timer::cancel_in(tx, ADMISSION_END, &id.to_string()).await?;
    store::move_in(tx, id, "open", "used", admission.expires_at).await.map(drop)
}

/// Its order was rejected: it is good again, with the order's place, for two minutes at least. False where there is none.
pub(crate) async fn give_again_in(tx: &mut Tx, id: AdmissionId, order: OrderId) -> Result<bool, DbError> {
    let Some(admission) = store::admission(tx, id).await? else { return Ok(false) };
    let expires_at = admission.expires_at.max(tx.now().plus_seconds(SECOND_TRY_SECONDS));
    if !store::move_in(tx, id, "used", "open", expires_at).await? {
        return Ok(false);
    }
    // An order that is being paid has its place.
    Stores.rename_place_in(tx, &admission.store, Holder::Order(order), Holder::Admission(id)).await?;
    timer::set_in(tx, ADMISSION_END, &id.to_string(), expires_at, json!({})).await?;
    Ok(true)
}

/// Pages that a guest has opened are remembered for the account that they sign in to.
pub(crate) async fn adopt_in(tx: &mut Tx, from: &Owner, to: &Owner) -> Result<(), DbError> {
    store::adopt_in(tx, from, to).await
}

/// Somebody's account is emptied: their admissions end.
pub(crate) async fn forget_in(tx: &mut Tx, owner: &Owner) -> Result<(), DbError> {
    for admission in store::open_everywhere(tx, owner).await? {
        Stores.lock_in(tx, &admission.store).await.map_err(|error| DbError::Defect(error.to_string()))?;
        finish_in(tx, &admission).await?;
    }
    Ok(())
}

/// Open admissions after this one, in order, and when each ends, for the check.
pub(crate) async fn open_after(sql: &mut impl Sql, after: &str, limit: i64) -> Result<Vec<(AdmissionId, Timestamp)>, DbError> {
    store::open_after(sql, after, limit).await
}

/// Which of these admissions are open, for the check.
pub(crate) async fn open_named(sql: &mut impl Sql, admissions: &[String]) -> Result<HashSet<String>, DbError> {
    store::open_named(sql, admissions).await
}

async fn find_in(tx: &mut Tx, typed: &str) -> Result<Code, KioskError> {
    let code = kiosk::normalise(typed).ok_or(KioskError::CodeUnknown)?;
    store::code(tx, &code).await?.ok_or(KioskError::CodeUnknown)
}

/// Refuses where neither slot nor grace is left, the store is closed, they may not order there any more today, for whom the place
/// would be held for nothing, or the code was made when there was none.
async fn lets_in(tx: &mut Tx, owner: &Owner, code: &Code, store: &StoreRow) -> Result<(), KioskError> {
    let now = tx.now();
    if now >= code.ends_at && !is_in_grace(tx, owner, code).await? {
        return Err(KioskError::CodeExpired);
    }
    if !store.open {
        return Err(KioskError::StoreClosed);
    }
    if ordering::limit_reached(tx, owner, store).await? {
        return Err(KioskError::OrderLimitReached);
    }
    // Nobody has used it up: it grants no scan, and what helps is not to wait for a place but the next one.
    if code.scans == 0 { Err(KioskError::grants_none(now, code.next_at(now))) } else { Ok(()) }
}

/// Whether a scan would let somebody in at this moment. Only a look: the scan itself decides again.
async fn would_let_in(tx: &mut Tx, owner: &Owner, code: &Code, store: &StoreId) -> Result<(), KioskError> {
    let now = tx.now();
    let store = Stores.get(tx, store).await?.ok_or(KioskError::CodeUnknown)?;
    if let Some(had) = store::admission_of_code(tx, owner, &code.text).await? {
        if !had.is_open || had.expires_at <= now {
            return Err(KioskError::CodeUsed);
        }
        return if store.open { Ok(()) } else { Err(KioskError::StoreClosed) };
    }
    lets_in(tx, owner, code, &store).await?;
    if code.used >= code.scans {
        return Err(KioskError::exhausted(now, code.next_at(now)));
    }
    // Who is in already brings their place along.
    if store.refusal() == Some(Refusal::AtCapacity) && store::open(tx, owner, &store.id).await?.is_empty() {
        return Err(KioskError::AtCapacity);
    }
    Ok(())
}

/// Whether somebody had opened the page of a code that is just over.
async fn is_in_grace(tx: &mut Tx, owner: &Owner, code: &Code) -> Result<bool, DbError> {
    Ok(tx.now() < code.ends_at.plus_seconds(GRACE_SECONDS) && store::remembers(tx, owner, &code.text).await?)
}

/// Ends an admission whose place is gone already, or somebody else's.
async fn end_in(tx: &mut Tx, admission: &Admission) -> Result<bool, DbError> {
    timer::cancel_in(tx, ADMISSION_END, &admission.id.to_string()).await?;
    store::move_in(tx, admission.id, "open", "ended", admission.expires_at).await
}

/// Ends an admission whose time is over. A place that it still holds is free.
#[derive(Debug, Clone, Copy, Default)]
pub struct AdmissionEnd;

#[async_trait]
impl TimerHandler for AdmissionEnd {
    fn kind(&self) -> &'static str {
        ADMISSION_END
    }

    async fn lock_in(&self, tx: &mut Tx, key: &str, _payload: &Value) -> Result<(), HandlerError> {
        let Some(admission) = store::admission(tx, key.parse()?).await? else { return Ok(()) };
        Ok(Stores.lock_in(tx, &admission.store).await?)
    }

    async fn fire_in(&self, tx: &mut Tx, key: &str, _payload: &Value, _due: Timestamp) -> Result<(), HandlerError> {
        let Some(admission) = store::admission(tx, key.parse()?).await? else { return Ok(()) };
        Ok(finish_in(tx, &admission).await?)
    }
}

/// Ends an admission, once; a place that it still holds is free. The caller has the store's lock.
async fn finish_in(tx: &mut Tx, admission: &Admission) -> Result<(), DbError> {
    if end_in(tx, admission).await? {
        let Admission { id, kiosk, store, .. } = admission;
        Stores.give_place_back_in(tx, store, Holder::Admission(*id)).await?;
        let ended = KioskAdmissionEnded { kiosk: kiosk.clone(), store: store.clone(), admission: *id };
        log::append_in(tx, NewEvent::new(ended, *id).at_store(store)).await?;
    }
    Ok(())
}

/// The picture of a link or a ticket: black on white, whatever the page around it looks like, with the quiet zone that scanners want.
pub(crate) fn picture(text: &str) -> Result<String, qrcode::types::QrError> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
    Ok(code.render().min_dimensions(256, 256).dark_color(svg::Color("#000")).light_color(svg::Color("#fff")).build())
}
