//! What an account's owner sees and changes of it: name, language, sessions, and its end.

use domain::name::{self, InvalidName};
use domain::view::SessionView;
use domain::{Locale, SessionId, Timestamp, UserId};

use super::session::ensure_session_in;
use super::{Caller, Identities, IdentityError, Owner, store};
use crate::db::{DbError, Sql, Tx};
use crate::payment::Forfeit;
use crate::{idempotency, ordering, payment};

/// An account as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub user: UserId,
    /// Empty until they have said it.
    pub name: String,
    /// `None`: as the browser asks.
    pub language: Option<Locale>,
    pub created_at: Timestamp,
    /// The last two digits of the phone that they sign in by; staff have none.
    pub phone_ending: Option<String>,
}

/// What is to change of an account; `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountEdit {
    /// At most 60 characters; empty takes it away.
    pub name: Option<String>,
    /// `Some(None)`: as the browser asks.
    pub language: Option<Option<Locale>>,
}

impl AccountEdit {
    /// The name as it is kept; `None` where it stays.
    pub fn kept_name(&self) -> Result<Option<String>, InvalidName> {
        match self.name.as_deref().map(name::clean) {
            None => Ok(None),
            Some(Err(InvalidName::Empty)) => Ok(Some(String::new())),
            Some(name) => name.map(Some),
        }
    }
}

impl Identities {
    /// The account; `None` where there is none (any more).
    pub async fn account(&self, sql: &mut impl Sql, user: UserId) -> Result<Option<Account>, DbError> {
        store::account(sql, user).await
    }

    /// Changes what the owner may change. Staff keep the name that their manager gave them.
    pub async fn edit_account(&self, caller: &Caller, edit: AccountEdit) -> Result<(), IdentityError> {
        let user = of_session(caller)?;
        let name = edit.kept_name()?;
        if name.is_some() && is_staff(caller) {
            return Err(IdentityError::StaffAccount);
        }
        let caller = caller.clone();
        self.db
            .transaction(move |tx| {
                Box::pin(async move {
                    // For itself alone, and first: two edits that held it beside each other would wait for each other.
                    store::lock_account_in(tx, user).await?;
                    ensure_session_in(tx, &caller).await?;
                    if let Some(name) = name {
                        store::rename_account(tx, user, &name).await?;
                    }
                    if let Some(language) = edit.language {
                        store::set_language(tx, user, language).await?;
                    }
                    Ok::<_, IdentityError>(())
                })
            })
            .await
    }

    /// The live sessions of the caller's account, the newest first.
    pub async fn sessions(&self, caller: &Caller) -> Result<Vec<SessionView>, IdentityError> {
        let user = of_session(caller)?;
        Ok(store::sessions_of(&mut self.db.reader(), user, caller.session(), self.db.clock().now()).await?)
    }

    /// Ends one session of the caller's account, also the caller's own.
    pub async fn end_session(&self, caller: &Caller, session: SessionId) -> Result<(), IdentityError> {
        let user = of_session(caller)?;
        let ended = self.db.transaction(move |tx| {
            Box::pin(async move {
                store::lock_account_in(tx, user).await?;
                store::end_session_of(tx, user, Some(session)).await
            })
        });
        let ended = ended.await;
        match ended {
            Ok(0) => Err(IdentityError::NotFound),
            Ok(_) => Ok(()),
            Err(error) => Err(IdentityError::Database(error)),
        }
    }

    /// Ends all sessions of the caller's account, the caller's own with them.
    pub async fn sign_out_everywhere(&self, caller: &Caller) -> Result<(), IdentityError> {
        let user = of_session(caller)?;
        let ended = self.db.transaction(move |tx| {
            Box::pin(async move {
                // Whoever is about to sign in has a session that ends as well.
                store::lock_account_in(tx, user).await?;
                store::end_session_of(tx, user, None).await
            })
        });
        Ok(ended.await.map(drop)?)
    }

    /// Takes everything personal out of the caller's account: its phone, name, addresses, carts and sessions. Orders and
    /// ledger stay, as bookkeeping of nobody. Refused while an order is under way, which may still need the address, or a
    /// top-up, whose money would come to a wallet that nobody can open any more; and while there is more money in the wallet than
    /// they let go.
    pub async fn delete_account(&self, caller: &Caller, forfeit: Forfeit) -> Result<(), IdentityError> {
        let user = of_session(caller)?;
        if is_staff(caller) {
            return Err(IdentityError::StaffAccount);
        }
        let (owner, caller) = (Owner::User(user), caller.clone());
        self.db
            .transaction(move |tx| {
                Box::pin(async move {
                    // Who signs in by the phone's code spends it, and then holds the account.
                    store::end_sign_in_codes_of(tx, user).await?;
                    // The account before all else: whatever is done for it is waited for, or comes too late. Two deletions wait for each
                    // other here, and the second one finds it done.
                    if store::lock_account_in(tx, user).await? {
                        return Ok(());
                    }
                    ensure_session_in(tx, &caller).await?;
                    let phone = store::empty_account(tx, user).await?;
                    if ordering::under_way(tx, &owner).await? {
                        return Err(IdentityError::OrdersUnderWay);
                    }
                    if payment::top_up_under_way(tx, user).await? {
                        return Err(IdentityError::TopUpUnderWay);
                    }
                    ordering::forget_in(tx, &owner, phone.as_deref())
                        .await
                        .map_err(|error| IdentityError::Database(error.into_database()))?;
                    idempotency::forget_in(tx, &owner.to_string()).await?;
                    store::end_session_of(tx, user, None).await?;
                    payment::Wallets.forfeit_in(tx, user, forfeit).await?.map_err(|balance| IdentityError::WalletNotEmpty { balance })?;
                    // Waiting for a store or for the wallet may have been waiting for an order that was just placed.
                    if ordering::under_way(tx, &owner).await? { Err(IdentityError::OrdersUnderWay) } else { Ok(()) }
                })
            })
            .await
    }
}

/// The hash of the phone that somebody signs in by; staff, and who is deleted, have none.
pub(crate) async fn phone_of(sql: &mut impl Sql, user: UserId) -> Result<Option<String>, DbError> {
    store::phone_of(sql, user).await
}

/// What the check wants to know of deleted accounts after this one, by id: whether there is nothing of their owner in them.
pub(crate) async fn deleted_after(sql: &mut impl Sql, after: Option<UserId>, limit: i64) -> Result<Vec<(UserId, bool)>, DbError> {
    store::deleted_after(sql, after, limit).await
}

/// Whether the account was deleted. What is not of ours, and what was never written, was not.
pub(crate) async fn is_deleted(sql: &mut impl Sql, user: UserId) -> Result<bool, DbError> {
    store::is_deleted(sql, user).await
}

/// The same, and it stays so until the end of the transaction: its deletion waits.
pub(crate) async fn is_deleted_in(tx: &mut Tx, user: UserId) -> Result<bool, DbError> {
    store::lock_account_in(tx, user).await
}

/// The account of somebody who has signed in with a browser; a token is nobody's to change an account with.
fn of_session(caller: &Caller) -> Result<UserId, IdentityError> {
    match caller {
        Caller::User { user, .. } => Ok(*user),
        Caller::Nobody => Err(IdentityError::SessionRequired),
        Caller::Guest { .. } | Caller::Token { .. } => Err(IdentityError::SignInRequired),
    }
}

fn is_staff(caller: &Caller) -> bool {
    caller.roles().iter().any(|held| super::rights::is_staff(held.role))
}
