//! A new code for each slot.

use async_trait::async_trait;
use domain::event::KioskCodeRotated;
use domain::{KioskId, Timestamp, kiosk};
use serde_json::{Value, json};

use super::{Code, store};
use crate::db::{DbError, Tx};
use crate::identity::secret;
use crate::log::{self, NewEvent};
use crate::prep::Queue;
use crate::stores::{StoreRow, Stores};
use crate::subscriber::HandlerError;
use crate::timer::{self, TimerHandler};

/// The timer of a kiosk, by its id. Whoever makes a kiosk sets it.
pub(crate) const ROTATION: &str = "kiosk.rotation";

/// How long codes that are over are kept: long enough to say that they are.
const KEPT_SECONDS: i64 = 24 * 3600;

/// Makes the next code when one is over.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rotation;

#[async_trait]
impl TimerHandler for Rotation {
    fn kind(&self) -> &'static str {
        ROTATION
    }

    async fn lock_in(&self, tx: &mut Tx, key: &str, _payload: &Value) -> Result<(), HandlerError> {
        let Some(store) = Stores.of_kiosk(tx, &key.parse()?).await? else { return Ok(()) };
        Ok(Stores.lock_in(tx, &store).await?)
    }

    async fn fire_in(&self, tx: &mut Tx, key: &str, _payload: &Value, _due: Timestamp) -> Result<(), HandlerError> {
        let kiosk: KioskId = key.parse()?;
        let now = tx.now();
        match store::current(tx, &kiosk, now).await? {
            // Somebody asked for it before.
            Some(code) => timer::set_in(tx, ROTATION, key, code.ends_at, json!({})).await?,
            None => drop(rotate_in(tx, &kiosk).await?),
        }
        Ok(store::purge_in(tx, now.plus_seconds(-KEPT_SECONDS)).await?)
    }
}

/// A kiosk is in service from now on: it shows codes.
pub(crate) async fn begin_codes_in(tx: &mut Tx, kiosk: &KioskId) -> Result<(), DbError> {
    let now = tx.now();
    timer::set_in(tx, ROTATION, kiosk.as_str(), now, json!({})).await
}

/// A kiosk is out of service: no more codes. Those that there are let nobody in any more, for it is in no store; nor do they when it
/// is put back, which may be at once, after a code of it went where it should not. The caller has the store's lock.
pub(crate) async fn end_codes_in(tx: &mut Tx, kiosk: &KioskId) -> Result<(), DbError> {
    let now = tx.now();
    store::end_codes_in(tx, kiosk, now).await?;
    timer::cancel_in(tx, ROTATION, kiosk.as_str()).await.map(drop)
}

/// Makes the code of this slot; `None` where there is no such kiosk. The caller has the store's lock.
pub(super) async fn rotate_in(tx: &mut Tx, kiosk: &KioskId) -> Result<Option<Code>, DbError> {
    let Some(id) = Stores.of_kiosk(tx, kiosk).await? else { return Ok(None) };
    let Some(store) = Stores.get(tx, &id).await? else { return Ok(None) };
    let ends_at = kiosk::slot_end(tx.now(), store.settings.code_seconds);
    let scans = granted_in(tx, &store).await?;
    let code = loop {
        let code = Code { text: random_code()?, kiosk: kiosk.clone(), ends_at, scans, used: 0 };
        // Another code with the same characters, of the last day, is possible and will not happen twice.
        if store::insert_code_in(tx, &code).await? {
            break code;
        }
    };
    timer::set_in(tx, ROTATION, kiosk.as_str(), ends_at, json!({})).await?;
    let rotated = KioskCodeRotated { kiosk: kiosk.clone(), store: id.clone(), rotates_at: ends_at };
    log::append_in(tx, NewEvent::new(rotated, kiosk).at_store(&id)).await?;
    Ok(Some(code))
}

/// How many scans a new code grants, by how long the store's wait is.
async fn granted_in(tx: &mut Tx, store: &StoreRow) -> Result<i64, DbError> {
    let settings = &store.settings;
    let wait = match settings.wait_target_seconds {
        Some(_) => Queue.wait_seconds(tx, &store.id).await?,
        None => None,
    };
    let free = settings.capacity.map(|capacity| capacity - store.active);
    Ok(kiosk::grants(settings.scans_per_code, settings.wait_target_seconds, wait, free))
}

fn random_code() -> Result<String, DbError> {
    loop {
        let random = secret::random::<24>().map_err(|error| DbError::Unavailable(format!("no randomness: {error}")))?;
        if let Some(code) = kiosk::code_of(&random) {
            return Ok(code);
        }
    }
}
