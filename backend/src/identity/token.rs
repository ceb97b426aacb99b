//! Bearer tokens of devices, programs and staff.

use domain::event::{Actor, TokenIssued, TokenRevoked};
use domain::name;
use domain::view::{Role, TokenView};
use domain::{Fault, Faults, KioskId, MerchantId, StoreId, Timestamp, TokenId, UserId};
use serde::Serialize;
use uuid::Uuid;

use super::rights::{self, Denied, Right};
use super::session::ensure_session_in;
use super::store::{self, Known, Revoked};
use super::{Caller, Identities, IdentityError, Secret};
use crate::db::{DbError, Tx};
use crate::log::{self, NewEvent};
use crate::stores::Stores;

/// What every token begins with, so that a leaked one is recognized for what it is.
pub(super) const PREFIX: &str = "ord_";

/// What a token is to be.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it may do.
    pub role: Role,
    /// Where; `None`: everywhere.
    pub store: Option<StoreId>,
    /// Whose goods, for [`Role::Merchant`].
    pub merchant: Option<MerchantId>,
    /// Which kiosk, for [`Role::Kiosk`].
    pub kiosk: Option<KioskId>,
    /// What people call it; of a staff token the name that others see.
    pub name: String,
}

/// A token as it is kept: without the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenRow {
    pub id: TokenId,
    pub name: String,
    pub role: Role,
    pub store: Option<StoreId>,
    pub merchant: Option<MerchantId>,
    pub kiosk: Option<KioskId>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

impl NewToken {
    /// What is missing, in words for the command line.
    fn check(&self) -> Result<(), IdentityError> {
        let refuse = |why| Err(IdentityError::Token(why));
        match self.role {
            Role::Customer => refuse("shoppers sign in by phone and have no tokens"),
            Role::Barista | Role::Warehouse if self.store.is_none() => refuse("this role works at one store: add --store"),
            Role::Merchant if self.merchant.is_none() => refuse("a merchant's token feeds one merchant's goods: add --merchant"),
            Role::Kiosk if self.kiosk.is_none() => refuse("a kiosk's token is one kiosk's: add --kiosk"),
            _ if self.merchant.is_some() && self.role != Role::Merchant => refuse("--merchant goes with --role merchant"),
            _ if self.kiosk.is_some() && self.role != Role::Kiosk => refuse("--kiosk goes with --role kiosk"),
            _ => Ok(()),
        }
    }
}

/// A new token, and what is kept of it.
pub(super) fn fresh() -> Result<(TokenId, Secret, String), IdentityError> {
    let random = Secret::random().map_err(IdentityError::randomness)?;
    let token = Secret::new(format!("{PREFIX}{}", random.expose()));
    let hash = token.digest();
    Ok((TokenId(Uuid::now_v7()), token, hash))
}

/// Writes a token down. A staff token is a person of its own.
async fn insert_in(
    tx: &mut Tx,
    id: TokenId,
    hash: String,
    new: &NewToken,
    made_by: Option<UserId>,
    by: Actor,
) -> Result<(), IdentityError> {
    let user = if rights::is_staff(new.role) { Some(store::insert_account(tx, &new.name).await?) } else { None };
    store::insert_token(tx, id, hash, new, user, made_by).await?;
    let issued = TokenIssued { token: id, store: new.store.clone(), role: new.role, kiosk: new.kiosk.clone() };
    let event = NewEvent::new(issued, id).by(by);
    log::append_in(tx, NewEvent { source: new.store.clone(), ..event }).await?;
    Ok(())
}

/// Ends the codes that were made by tokens that have just ended, and writes down that these have.
pub(super) async fn revoked_in(tx: &mut Tx, revoked: Vec<Revoked>, by: Actor) -> Result<(), DbError> {
    for Revoked { id, store: at, account } in revoked {
        if let Some(account) = account {
            store::end_codes_of_token(tx, account).await?;
        }
        let event = NewEvent::new(TokenRevoked { token: id, store: at.clone() }, id).by(by);
        log::append_in(tx, NewEvent { source: at, ..event }).await?;
    }
    Ok(())
}

impl Identities {
    /// Makes a token and returns it, this once: only its hash is kept. A staff token is a person of its own.
    pub async fn issue_token(&self, new: NewToken) -> Result<(TokenId, Secret), IdentityError> {
        self.issue_token_by(new, None).await
    }

    /// The same for a manager: for their store, and nothing that would be more than they are.
    pub async fn issue_store_token(&self, caller: &Caller, new: NewToken) -> Result<(TokenId, Secret), IdentityError> {
        let store = new.store.clone().ok_or(Denied::Forbidden)?;
        caller.require(Right::Staff, &store)?;
        Stores.get(&mut self.db.reader(), &store).await?.ok_or(IdentityError::NotFound)?;
        let mut faults: Vec<_> = name::clean(&new.name).err().map(|invalid| invalid.fault("/name")).into_iter().collect();
        if new.role != Role::Kiosk && !rights::is_staff(new.role) {
            faults.push(Fault::new("/role", "unknown_role", "Choose barista, warehouse, manager or kiosk."));
        }
        if let Some(kiosk) = &new.kiosk {
            if Stores.of_kiosk(&mut self.db.reader(), kiosk).await?.as_ref() != Some(&store) {
                faults.push(Fault::new("/kiosk", "unknown_kiosk", "There is no such kiosk at this store."));
            }
        } else if new.role == Role::Kiosk {
            faults.push(Fault::new("/kiosk", "required", "Say which kiosk it is."));
        }
        if !faults.is_empty() {
            return Err(Faults(faults).into());
        }
        self.issue_token_by(new, Some((caller.clone(), store))).await
    }

    /// `by`: whose token it is to be, and of which store; else it is the shop's own.
    async fn issue_token_by(&self, new: NewToken, by: Option<(Caller, StoreId)>) -> Result<(TokenId, Secret), IdentityError> {
        new.check()?;
        let new = NewToken { name: name::clean(&new.name)?, ..new };
        let (id, token, hash) = fresh()?;
        self.db
            .transaction(move |tx| {
                Box::pin(async move {
                    let (mut made_by, mut actor) = (None, Actor::System);
                    if let Some((caller, at)) = by {
                        ensure_session_in(tx, &caller).await?;
                        (made_by, actor) = (caller.user(), caller.actor(&at));
                    }
                    insert_in(tx, id, hash, &new, made_by, actor).await
                })
            })
            .await?;
        Ok((id, token))
    }

    /// A store's tokens that are good, oldest first, for who may see them.
    pub async fn store_tokens(&self, caller: &Caller, at: &StoreId) -> Result<Vec<TokenView>, IdentityError> {
        caller.require(Right::Staff, at)?;
        Ok(store::tokens_of(&mut self.db.reader(), at, self.db.clock().now()).await?)
    }

    /// Makes a token of a store worthless, and what was made by it; whoever is connected by one of these is cut off within seconds.
    pub async fn revoke_store_token(&self, caller: &Caller, at: &StoreId, id: TokenId) -> Result<(), IdentityError> {
        caller.require(Right::Staff, at)?;
        let (at, by, caller) = (at.clone(), caller.actor(at), caller.clone());
        self.db
            .transaction(move |tx| {
                Box::pin(async move {
                    ensure_session_in(tx, &caller).await?;
                    let revoked = store::revoke_at(tx, id, &at).await?;
                    if revoked.is_empty() {
                        return Err(IdentityError::NotFound);
                    }
                    Ok(revoked_in(tx, revoked, by).await?)
                })
            })
            .await
    }

    /// All tokens, revoked ones too, oldest first.
    pub async fn tokens(&self) -> Result<Vec<TokenRow>, DbError> {
        store::tokens(&mut self.db.reader()).await
    }

    /// Makes a token worthless, and what was made by it. `false`: there is no such token, or it was revoked before.
    pub async fn revoke_token(&self, id: TokenId) -> Result<bool, DbError> {
        self.db
            .transaction(move |tx| {
                Box::pin(async move {
                    let revoked = store::revoke(tx, id).await?;
                    let known = !revoked.is_empty();
                    revoked_in(tx, revoked, Actor::System).await?;
                    Ok(known)
                })
            })
            .await
    }

    /// Who shows this token. It is found by its hash, so nothing is compared that time could tell.
    pub async fn caller_by_token(&self, token: &str) -> Result<Caller, DbError> {
        if !token.starts_with(PREFIX) || token.len() > 100 {
            return Ok(Caller::Nobody);
        }
        let hash = Secret::new(token).digest();
        Ok(match store::token(&mut self.db.reader(), hash, self.db.clock().now()).await? {
            Some(Known::Live(caller, _)) => caller,
            Some(Known::Over { .. }) | None => Caller::Nobody,
        })
    }
}
