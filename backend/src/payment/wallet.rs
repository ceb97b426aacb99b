//! Wallets: money that shoppers have paid in advance, as a ledger in double entry.
//!
//! A movement is one row with both its sides, so no half of one can exist. The balance is changed by one conditional
//! update in the same transaction, which is also what keeps two charges at once from spending the same money; the
//! database refuses a balance below zero whatever the program does. A movement is booked once for what it is for: the
//! charge of an order, its refund, a top-up.
//!
//! Lock order: a wallet's row comes after the store, the checkout and the order.

mod error;
mod store;

use domain::event::{Actor, PaymentForfeited};
use domain::view::{Page, WalletEntry, WalletView};
use domain::wallet::EntryKind;
use domain::{Currency, Money, OrderId, StoreId, UserId};

pub use self::error::WalletError;
use crate::check::Breach;
use crate::db::{DbError, Sql, Tx};
use crate::log::{self, NewEvent};
use crate::stores::Stores;

/// Everybody's wallets. One a shopper, in one currency.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wallets;

/// Where one side of a movement is booked that is not the shopper's wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Other<'a> {
    /// What a store has earned.
    Sales(&'a StoreId),
    /// Money between the card provider and us.
    CardClearing,
    /// What the house gives away.
    Gifts,
    /// What is left of accounts that were deleted.
    Forfeited,
}

impl Other<'_> {
    fn account(&self) -> String {
        match self {
            Self::Sales(store) => format!("sales:{store}"),
            Self::CardClearing => "clearing:card".to_owned(),
            Self::Gifts => "gifts".to_owned(),
            Self::Forfeited => "forfeited".to_owned(),
        }
    }
}

impl Wallets {
    /// What is in the wallet; `None` where the shopper has none yet.
    pub async fn view(&self, sql: &mut impl Sql, user: UserId) -> Result<Option<Money>, DbError> {
        store::balance(sql, user).await
    }

    /// Grows with every entry of this wallet: its newest one's number, 0 without any.
    pub async fn version(&self, sql: &mut impl Sql, user: UserId) -> Result<i64, DbError> {
        Ok(store::entries(sql, user, None, 1).await?.first().map_or(0, |(entry, _)| *entry))
    }

    /// The balance with a page of entries, the newest first; `before` is the `next` of the page before. Who has no
    /// wallet yet is shown an empty one. Read it in a snapshot, or the balance may be newer than its entries.
    pub async fn page(&self, sql: &mut impl Sql, user: UserId, before: Option<i64>, limit: i64) -> Result<WalletView, DbError> {
        let balance = match store::balance(sql, user).await? {
            Some(balance) => balance,
            None => Money::zero(house_currency(sql).await?),
        };
        // One more than asked for tells whether there is another page.
        let mut entries = store::entries(sql, user, before, limit + 1).await?;
        let more = entries.len() as i64 > limit;
        entries.truncate(limit.max(0) as usize);
        let next = entries.last().filter(|_| more).map(|(entry, _)| entry.to_string());
        let items: Vec<WalletEntry> = entries.into_iter().map(|(_, entry)| entry).collect();
        Ok(WalletView { balance, entries: Page { items, next } })
    }

    /// Gives a shopper an empty wallet. One that is there stays as it is, in its own currency.
    pub async fn open_in(&self, tx: &mut Tx, user: UserId, currency: Currency) -> Result<(), DbError> {
        store::open_in(tx, user, currency).await
    }

    /// The currency that the shopper's wallet has, or would have.
    pub async fn currency(&self, sql: &mut impl Sql, user: UserId) -> Result<Currency, DbError> {
        match store::balance(sql, user).await? {
            Some(balance) => Ok(balance.currency),
            None => house_currency(sql).await,
        }
    }

    /// Puts money into a wallet, which is opened if need be: a top-up by card, or a gift of the house. Once for a kind and
    /// reference: a second time changes nothing, which `false` tells.
    pub async fn credit_in(&self, tx: &mut Tx, user: UserId, amount: Money, kind: Credit, reference: &str) -> Result<bool, WalletError> {
        self.open_in(tx, user, amount.currency).await?;
        let (kind, from) = match kind {
            Credit::TopUp => (EntryKind::TopUp, Other::CardClearing),
            Credit::Gift => (EntryKind::Gift, Other::Gifts),
        };
        put_in(tx, user, amount, kind, reference, &from, None).await
    }

    /// Pays an order. A wallet that is short, or in another currency, or not there is [`WalletError::Short`], and nothing
    /// is changed. Paid before: nothing is changed, either.
    pub async fn charge_in(&self, tx: &mut Tx, user: UserId, store: &StoreId, order: OrderId, amount: Money) -> Result<(), WalletError> {
        let reference = order.to_string();
        if amount.amount == 0 || store::is_booked(tx, EntryKind::Charge, &reference).await? {
            return Ok(());
        }
        positive(amount)?;
        let Some(after) = store::take_in(tx, user, amount).await? else { return Err(WalletError::Short) };
        let sides = (wallet_account(user), Other::Sales(store).account());
        store::book_in(tx, user, EntryKind::Charge, &reference, sides, amount, Some(order), after).await?;
        Ok(())
    }

    /// Gives back what an order cost, or a part of it, once for the refund's own key: `false` where that was done before.
    pub(crate) async fn refund_in(
        &self,
        tx: &mut Tx,
        user: UserId,
        store: &StoreId,
        order: OrderId,
        key: &str,
        amount: Money,
    ) -> Result<bool, WalletError> {
        if amount.amount == 0 {
            return Ok(false);
        }
        put_in(tx, user, amount, EntryKind::Refund, key, &Other::Sales(store), Some(order)).await
    }

    /// Empties the wallet of an account that is being deleted, if its owner lets that much go; else answers what is in it, and
    /// nothing is changed. It is the last lock of the transaction.
    pub(crate) async fn forfeit_in(&self, tx: &mut Tx, user: UserId, allowed: Forfeit) -> Result<Result<(), Money>, DbError> {
        let left = match store::lock_in(tx, user).await? {
            Some(left) if left.amount > 0 => left,
            _ => return Ok(Ok(())),
        };
        if !allowed.covers(left.amount) {
            return Ok(Err(left));
        }
        let Some(after) = store::take_in(tx, user, left).await? else { return Ok(Err(left)) };
        let sides = (wallet_account(user), Other::Forfeited.account());
        store::book_in(tx, user, EntryKind::Forfeit, &user.to_string(), sides, left, None, after).await?;
        log::append_in(tx, NewEvent::new(PaymentForfeited { user, amount: left }, user).by(Actor::Customer(user))).await?;
        Ok(Ok(()))
    }
}

/// What is not as it must be with the wallets, for the check.
pub(crate) async fn breaches(sql: &mut impl Sql) -> Result<Vec<Breach>, DbError> {
    let mut found = store::invariants::unbalanced(sql).await?;
    found.extend(store::invariants::misremembered(sql).await?);
    found.extend(store::invariants::one_sided(sql).await?);
    found.extend(store::invariants::booked_otherwise(sql).await?);
    found.extend(store::invariants::topped_up_otherwise(sql).await?);
    Ok(found)
}

/// How much of a wallet somebody lets go with their account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forfeit {
    /// Nothing: a wallet with money in it keeps its account.
    Nothing,
    /// What they were shown, in minor units: not a cent of what has come since.
    Exactly(i64),
    /// Whatever is in it.
    All,
}

impl Forfeit {
    const fn covers(self, amount: i64) -> bool {
        match self {
            Self::Nothing => false,
            Self::Exactly(seen) => seen == amount,
            Self::All => true,
        }
    }
}

/// What puts money into a wallet from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credit {
    /// A card was charged for it.
    TopUp,
    /// The house gives it, such as the demo shopper's first money.
    Gift,
}

async fn put_in(
    tx: &mut Tx,
    user: UserId,
    amount: Money,
    kind: EntryKind,
    reference: &str,
    from: &Other<'_>,
    order: Option<OrderId>,
) -> Result<bool, WalletError> {
    positive(amount)?;
    if store::is_booked(tx, kind, reference).await? {
        return Ok(false);
    }
    let after = store::put_in(tx, user, amount).await?.ok_or(WalletError::OtherCurrency)?;
    store::book_in(tx, user, kind, reference, (from.account(), wallet_account(user)), amount, order, after).await?;
    Ok(true)
}

fn positive(amount: Money) -> Result<(), WalletError> {
    if amount.amount > 0 { Ok(()) } else { Err(WalletError::NotPositive) }
}

fn wallet_account(user: UserId) -> String {
    format!("wallet:{user}")
}

/// What a new wallet is kept in: the currency of the first store.
async fn house_currency(sql: &mut impl Sql) -> Result<Currency, DbError> {
    Ok(Stores.list(sql).await?.first().map_or(Currency::USD, |store| store.currency))
}
