//! Bearer tokens of devices, programs and staff.

use domain::view::Role;
use domain::{KioskId, MerchantId, StoreId, Timestamp, TokenId};
use serde::Serialize;
use uuid::Uuid;

use super::store::{self, Known};
use super::{Caller, Identities, IdentityError, Secret, rights};
use crate::db::DbError;

/// What every token begins with, so that a leaked one is recognized for what it is.
const PREFIX: &str = "ord_";

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
            _ if self.name.trim().is_empty() || self.name.chars().count() > 60 => Err(IdentityError::Name),
            _ => Ok(()),
        }
    }
}

impl Identities {
    /// Makes a token and returns it, this once: only its hash is kept. A staff token is a person of its own.
    pub async fn issue_token(&self, new: NewToken) -> Result<(TokenId, Secret), IdentityError> {
        new.check()?;
        let random = Secret::random().map_err(IdentityError::randomness)?;
        let token = Secret::new(format!("{PREFIX}{}", random.expose()));
        let (id, hash) = (TokenId(Uuid::now_v7()), token.digest());
        self.db
            .transaction(move |tx| {
                Box::pin(async move {
                    let user = if rights::is_staff(new.role) { Some(store::insert_account(tx, new.name.trim()).await?) } else { None };
                    store::insert_token(tx, id, hash, &new, user).await?;
                    Ok::<_, IdentityError>(())
                })
            })
            .await?;
        Ok((id, token))
    }

    /// All tokens, revoked ones too, oldest first.
    pub async fn tokens(&self) -> Result<Vec<TokenRow>, DbError> {
        store::tokens(&mut self.db.reader()).await
    }

    /// Makes a token worthless. `false`: there is no such token, or it was revoked before.
    pub async fn revoke_token(&self, id: TokenId) -> Result<bool, DbError> {
        self.db.transaction(move |tx| Box::pin(store::revoke(tx, id))).await
    }

    /// Who shows this token. It is found by its hash, so nothing is compared that time could tell.
    pub async fn caller_by_token(&self, token: &str) -> Result<Caller, DbError> {
        if !token.starts_with(PREFIX) || token.len() > 100 {
            return Ok(Caller::Nobody);
        }
        let hash = Secret::new(token).digest();
        Ok(match store::token(&mut self.db.reader(), hash, self.db.clock().now()).await? {
            Some(Known::Live(caller, _)) => caller,
            Some(Known::Over) | None => Caller::Nobody,
        })
    }
}
