//! The SQL of wallets and their ledger.

pub(super) mod invariants;

use domain::view::WalletEntry;
use domain::wallet::EntryKind;
use domain::{Currency, Money, OrderId, UserId};
use uuid::Uuid;

use crate::args;
use crate::db::{DbError, Row, Sql, Tx};

/// A wallet right after a movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct After {
    balance: i64,
    entry: i64,
}

impl After {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self { balance: row.get("balance")?, entry: row.get("entries")? })
    }
}

pub(super) async fn balance(sql: &mut impl Sql, user: UserId) -> Result<Option<Money>, DbError> {
    let row = sql.fetch_optional("select balance, currency from wallet where account = $1", args![user]).await?;
    row.map(|row| Ok(Money::new(row.get("balance")?, row.parse("currency")?))).transpose()
}

/// The newest entries before one, each with its number in the wallet.
pub(super) async fn entries(sql: &mut impl Sql, user: UserId, before: Option<i64>, limit: i64) -> Result<Vec<(i64, WalletEntry)>, DbError> {
    let text = "select * from ledger_transfer where wallet = $1 and entry < $2 order by entry desc limit $3";
    let rows = sql.fetch_all(text, args![user, before.unwrap_or(i64::MAX), limit]).await?;
    rows.iter().map(|row| Ok((row.get("entry")?, entry_of(row)?))).collect()
}

fn entry_of(row: &Row) -> Result<WalletEntry, DbError> {
    let currency: Currency = row.parse("currency")?;
    let kind: EntryKind = row.parse("kind")?;
    let amount: i64 = row.get("amount")?;
    Ok(WalletEntry {
        id: row.get("id")?,
        at: row.get("at")?,
        kind,
        amount: Money::new(if kind.takes() { -amount } else { amount }, currency),
        order: row.get("order_id")?,
        balance_after: Money::new(row.get("balance_after")?, currency),
    })
}

pub(super) async fn open_in(tx: &mut Tx, user: UserId, currency: Currency) -> Result<(), DbError> {
    let now = tx.now();
    let text = "insert into wallet (account, currency, balance, entries, opened_at) values ($1, $2, 0, 0, $3) \
                on conflict (account) do nothing";
    tx.execute(text, args![user, currency.to_string(), now]).await.map(drop)
}

/// Whether a movement of this kind was booked for this before.
pub(super) async fn is_booked(sql: &mut impl Sql, kind: EntryKind, reference: &str) -> Result<bool, DbError> {
    let text = "select 1 as n from ledger_transfer where kind = $1 and reference = $2";
    Ok(sql.fetch_optional(text, args![kind.as_str(), reference]).await?.is_some())
}

/// Takes money out if there is so much of that currency; `None` where there is not.
pub(super) async fn take_in(tx: &mut Tx, user: UserId, amount: Money) -> Result<Option<After>, DbError> {
    let text = "update wallet set balance = balance - $2, entries = entries + 1 \
                where account = $1 and currency = $3 and balance >= $2 returning balance, entries";
    tx.fetch_optional(text, args![user, amount.amount, amount.currency.to_string()]).await?.as_ref().map(After::from_row).transpose()
}

/// What is in the wallet, which nobody else changes until the end of the transaction; `None` where there is none.
pub(super) async fn lock_in(tx: &mut Tx, user: UserId) -> Result<Option<Money>, DbError> {
    let text = "update wallet set balance = balance where account = $1 returning balance, currency";
    let row = tx.fetch_optional(text, args![user]).await?;
    row.map(|row| Ok(Money::new(row.get("balance")?, row.parse("currency")?))).transpose()
}

/// Puts money in; `None` where there is no wallet of that currency.
pub(super) async fn put_in(tx: &mut Tx, user: UserId, amount: Money) -> Result<Option<After>, DbError> {
    let text = "update wallet set balance = balance + $2, entries = entries + 1 \
                where account = $1 and currency = $3 returning balance, entries";
    tx.fetch_optional(text, args![user, amount.amount, amount.currency.to_string()]).await?.as_ref().map(After::from_row).transpose()
}

/// Writes the movement down. Should another transaction have booked the same in the meantime, the constraint refuses this
/// one, and with it the whole transaction.
#[allow(clippy::too_many_arguments, reason = "the columns of the row, each of another type")]
pub(super) async fn book_in(
    tx: &mut Tx,
    user: UserId,
    kind: EntryKind,
    reference: &str,
    (from, to): (String, String),
    amount: Money,
    order: Option<OrderId>,
    after: After,
) -> Result<(), DbError> {
    let now = tx.now();
    tx.execute(
        "insert into ledger_transfer \
         (id, wallet, entry, balance_after, kind, reference, from_account, to_account, amount, currency, order_id, at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        args![
            Uuid::now_v7(),
            user,
            after.entry,
            after.balance,
            kind.as_str(),
            reference,
            from,
            to,
            amount.amount,
            amount.currency.to_string(),
            order,
            now
        ],
    )
    .await
    .map(drop)
}
