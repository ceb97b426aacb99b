//! Screens that are a kiosk: paired by a one-time code, known from then on by a token that their browser keeps as its
//! cookie, until the kiosk or the token is revoked.

use domain::event::{Actor, KioskAdded, KioskPaired, KioskPairingBegun, KioskRevoked};
use domain::kiosk::Screen;
use domain::view::{KioskView, Role};
use domain::{KioskId, StoreId, Timestamp};

use super::hashing::of_code;
use super::rights::Right;
use super::secret::Secret;
use super::session::ensure_session_in;
use super::staff::{NewCode, normalized};
use super::throttle::{self, Bucket};
use super::token::{self, NewToken, PREFIX};
use super::{Caller, Client, Identities, IdentityError, cookie, store};
use crate::db::{DbError, Tx};
use crate::kiosk;
use crate::log::{self, NewEvent};
use crate::stores::{StoreError, Stores};

/// How long a pairing code is good: long enough to walk to the screen.
pub const PAIRING_SECONDS: i64 = 15 * 60;
/// How long a screen's browser keeps its cookie, from when it last loaded its page: as long as browsers keep any.
const DEVICE_SECONDS: i64 = 400 * 24 * 3600;

/// A one-time code that makes a screen a kiosk, which is told this once.
#[derive(Debug, Clone)]
pub struct Pairing {
    pub kiosk: KioskId,
    pub code: Secret,
    /// Until when the code is good.
    pub expires_at: Timestamp,
}

/// Whether a session cookie's value is a token's and not a session's.
pub(super) fn is_device(cookie: &str) -> bool {
    cookie.starts_with(PREFIX)
}

impl Identities {
    /// The kiosks of a store and their screens, for who may see them.
    pub async fn kiosks(&self, caller: &Caller, at: &StoreId) -> Result<Vec<KioskView>, IdentityError> {
        caller.require(Right::Staff, at)?;
        let mut sql = self.db.reader();
        let now = self.db.clock().now();
        let codes = store::pairing_codes(&mut sql, at, now).await?;
        let devices = store::devices(&mut sql, at, now).await?;
        let kiosks = Stores.kiosks(&mut sql, at).await?;
        let view = |id: KioskId| KioskView {
            devices: devices.iter().filter(|device| device.kiosk.as_ref() == Some(&id)).cloned().collect(),
            pairing_until: codes.get(&id).copied(),
            id,
        };
        Ok(kiosks.into_iter().map(view).collect())
    }

    /// Adds a kiosk to a store, or puts one back into service, and answers the code that pairs a screen with it.
    pub async fn add_kiosk(&self, caller: &Caller, at: &StoreId, id: &str) -> Result<Pairing, IdentityError> {
        caller.require(Right::Staff, at)?;
        let Ok(kiosk) = id.trim().parse::<KioskId>() else {
            let detail = "1 to 64 small letters, digits and hyphens, such as window-1.";
            return Err(IdentityError::invalid("/id", "invalid_id", detail));
        };
        self.pair_with(caller, at, kiosk, true).await
    }

    /// Makes a new pairing code for a kiosk of a store; the one before is worth nothing from now on.
    pub async fn pairing_code(&self, caller: &Caller, at: &StoreId, kiosk: KioskId) -> Result<Pairing, IdentityError> {
        caller.require(Right::Staff, at)?;
        self.pair_with(caller, at, kiosk, false).await
    }

    async fn pair_with(&self, caller: &Caller, at: &StoreId, kiosk: KioskId, added: bool) -> Result<Pairing, IdentityError> {
        let made = self.hashing.run(NewCode::make).await?;
        let (at, by, made_by, caller) = (at.clone(), caller.actor(at), caller.user(), caller.clone());
        self.db
            .transaction(move |tx| {
                Box::pin(async move {
                    ensure_session_in(tx, &caller).await?;
                    lock_in(tx, &at).await?;
                    if added {
                        add_in(tx, &at, &kiosk).await?;
                    } else if Stores.of_kiosk(tx, &kiosk).await?.as_ref() != Some(&at) {
                        return Err(IdentityError::NotFound);
                    }
                    let expires_at = tx.now().plus_seconds(PAIRING_SECONDS);
                    store::insert_pairing_code(tx, &kiosk, &made, expires_at, made_by).await?;
                    let event = if added {
                        NewEvent::new(KioskAdded { kiosk: kiosk.clone(), store: at.clone() }, &kiosk)
                    } else {
                        NewEvent::new(KioskPairingBegun { kiosk: kiosk.clone(), store: at.clone() }, &kiosk)
                    };
                    log::append_in(tx, event.at_store(&at).by(by)).await?;
                    Ok(Pairing { kiosk, code: made.code, expires_at })
                })
            })
            .await
    }

    /// Makes the browser that has typed this code the kiosk that it is for: which one, and the `Set-Cookie` header that it
    /// is known by from now on.
    pub async fn pair(&self, typed: &str, client: &Client) -> Result<(KioskId, String), IdentityError> {
        let bucket = Bucket::PairingCodesFromAddress(client.address);
        throttle::take_all(self, &[bucket]).await?;
        let code = normalized(typed).ok_or(IdentityError::WrongCode)?;
        let looked_at = self.hashing.run(move |memory| of_code(&code, memory)).await;
        let hash = throttle::unless_busy(self, &[bucket], looked_at).await?;
        let (id, secret, digest) = token::fresh()?;
        let name = client.device.clone().unwrap_or_else(|| "Screen".to_owned());
        let keys = self.keys.clone();
        let kiosk = self
            .db
            .transaction(move |tx| {
                Box::pin(async move {
                    let kiosk = store::spend_pairing_code(tx, hash).await?.ok_or(IdentityError::WrongCode)?;
                    let at = Stores.of_kiosk(tx, &kiosk).await?.ok_or(IdentityError::WrongCode)?;
                    let new = NewToken { role: Role::Kiosk, store: Some(at.clone()), merchant: None, kiosk: Some(kiosk.clone()), name };
                    store::insert_token(tx, id, digest, &new, None, None).await?;
                    throttle::give_back_in(tx, &keys, bucket).await?;
                    let paired = KioskPaired { kiosk: kiosk.clone(), store: at.clone(), token: id };
                    log::append_in(tx, NewEvent::new(paired, &kiosk).at_store(&at).by(Actor::Token(id))).await?;
                    Ok::<_, IdentityError>(kiosk)
                })
            })
            .await?;
        Ok((kiosk, self.keep_device(secret.expose())))
    }

    /// The `Set-Cookie` header that keeps a screen's cookie for as long again.
    pub fn keep_device(&self, token: &str) -> String {
        cookie::header(token, DEVICE_SECONDS, self.https)
    }

    /// A kiosk's browser has opened this page of it. It is written down where that is news, so that its managers know which one is
    /// the wall and which the scanner; anybody else is passed over.
    pub async fn note_screen(&self, caller: &Caller, screen: Screen) -> Result<(), DbError> {
        let Caller::Token { role: Role::Kiosk, token, .. } = caller else { return Ok(()) };
        let token = *token;
        if store::shows(&mut self.db.reader(), token, screen).await? {
            return Ok(());
        }
        self.db.transaction(move |tx| Box::pin(async move { store::note_screen(tx, token, screen).await })).await
    }

    /// Takes a kiosk of a store out of service: its screens see nothing any more, its codes let nobody in.
    pub async fn revoke_kiosk(&self, caller: &Caller, at: &StoreId, kiosk: KioskId) -> Result<(), IdentityError> {
        caller.require(Right::Staff, at)?;
        let (at, by, caller) = (at.clone(), caller.actor(at), caller.clone());
        self.db
            .transaction(move |tx| {
                Box::pin(async move {
                    ensure_session_in(tx, &caller).await?;
                    lock_in(tx, &at).await?;
                    if !Stores.retire_kiosk_in(tx, &at, &kiosk).await? {
                        return Err(IdentityError::NotFound);
                    }
                    kiosk::end_codes_in(tx, &kiosk).await?;
                    store::forget_pairing(tx, &kiosk).await?;
                    store::revoke_devices(tx, &kiosk).await?;
                    let event = NewEvent::new(KioskRevoked { kiosk: kiosk.clone(), store: at.clone() }, &kiosk);
                    log::append_in(tx, event.at_store(&at).by(by)).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Which screen shows this cookie. Any other token belongs into a program and not into a browser.
    pub(super) async fn caller_by_device(&self, value: &str) -> Result<Caller, DbError> {
        let caller = self.caller_by_token(value).await?;
        Ok(if matches!(caller, Caller::Token { role: Role::Kiosk, .. }) { caller } else { Caller::Nobody })
    }
}

pub(super) async fn lock_in(tx: &mut Tx, at: &StoreId) -> Result<(), IdentityError> {
    Stores.lock_in(tx, at).await.map_err(|error| match error {
        StoreError::Unknown => IdentityError::NotFound,
        error => IdentityError::Database(error.into_db()),
    })
}

async fn add_in(tx: &mut Tx, at: &StoreId, kiosk: &KioskId) -> Result<(), IdentityError> {
    if !Stores.add_kiosk_in(tx, at, kiosk).await? {
        return Err(IdentityError::KioskExists);
    }
    Ok(kiosk::begin_codes_in(tx, kiosk).await?)
}
