//! The SQL of payments.

pub(super) mod invariants;
pub(super) mod notice;
pub(super) mod top_up;

use domain::ordering::{PaymentMethod, PaymentStatus};
use domain::{Money, OrderId, PaymentId, Timestamp};

use crate::args;
use crate::db::{DbError, Row, Sql, Tx};

/// A payment as it is stored.
#[derive(Debug, Clone)]
pub(super) struct PaymentRow {
    pub id: PaymentId,
    pub order: OrderId,
    pub method: PaymentMethod,
    pub status: PaymentStatus,
    pub amount: Money,
    /// What of it went back.
    pub refunded: Money,
    /// Encrypted.
    pub token: Option<String>,
    pub reference: Option<String>,
    pub action_url: Option<String>,
    pub unwanted: bool,
    /// Since when the provider is known to know of it.
    pub known_at: Option<Timestamp>,
}

impl PaymentRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let currency = row.parse("currency")?;
        Ok(Self {
            id: row.get("id")?,
            order: row.get("order_id")?,
            method: row.parse("method")?,
            status: row.parse("status")?,
            amount: Money::new(row.get("amount")?, currency),
            refunded: Money::new(row.get("refunded")?, currency),
            token: row.get("token")?,
            reference: row.get("reference")?,
            action_url: row.get("action_url")?,
            unwanted: row.get("unwanted")?,
            known_at: row.get("known_at")?,
        })
    }
}

/// Writes a payment down, at the end of the transaction.
pub(super) async fn insert_in(
    tx: &mut Tx,
    id: PaymentId,
    order: OrderId,
    method: PaymentMethod,
    status: PaymentStatus,
    amount: Money,
    token: Option<&str>,
) -> Result<(), DbError> {
    let now = tx.now();
    tx.later(
        "insert into payment (id, order_id, method, status, amount, currency, token, unwanted, updated_at) \
         values ($1, $2, $3, $4, $5, $6, $7, false, $8)",
        args![id, order, method.as_str(), status.as_str(), amount.amount, amount.currency.to_string(), token, now],
    )
    .await
}

pub(super) async fn find(sql: &mut impl Sql, order: OrderId) -> Result<Option<PaymentRow>, DbError> {
    let row = sql.fetch_optional("select * from payment where order_id = $1", args![order]).await?;
    row.as_ref().map(PaymentRow::from_row).transpose()
}

pub(super) async fn mark_unwanted_in(tx: &mut Tx, order: OrderId) -> Result<(), DbError> {
    let sql = "update payment set unwanted = true where order_id = $1 and unwanted = false";
    tx.execute(sql, args![order]).await.map(drop)
}

/// Ends the charge of an order: which payment it is, and of how much. `None` where it had ended before. The token goes with it.
pub(super) async fn settle_in(
    tx: &mut Tx,
    order: OrderId,
    status: PaymentStatus,
    reference: Option<&str>,
) -> Result<Option<(PaymentId, Money)>, DbError> {
    let now = tx.now();
    let sql = "update payment set status = $1, reference = coalesce($2, reference), token = null, action_url = null, updated_at = $3 \
               where order_id = $4 and status in ('pending', 'action_required') returning id, amount, currency";
    let row = tx.fetch_optional(sql, args![status.as_str(), reference, now, order]).await?;
    row.map(|row| Ok((row.get("id")?, Money::new(row.get("amount")?, row.parse("currency")?)))).transpose()
}

/// What was given up had been captured: which payment it is, and of how much. `None` where that was known.
pub(super) async fn captured_late_in(tx: &mut Tx, order: OrderId, reference: &str) -> Result<Option<(PaymentId, Money)>, DbError> {
    let now = tx.now();
    let sql = "update payment set status = 'captured', reference = $1, updated_at = $2 \
               where order_id = $3 and status = 'voided' returning id, amount, currency";
    let row = tx.fetch_optional(sql, args![reference, now, order]).await?;
    row.map(|row| Ok((row.get("id")?, Money::new(row.get("amount")?, row.parse("currency")?)))).transpose()
}

/// The provider knows of it, by this name.
pub(super) async fn known_in(tx: &mut Tx, order: OrderId, reference: &str) -> Result<(), DbError> {
    let now = tx.now();
    let sql = "update payment set reference = $1, known_at = coalesce(known_at, $2), updated_at = $2 \
               where order_id = $3 and status in ('pending', 'action_required')";
    tx.execute(sql, args![reference, now, order]).await.map(drop)
}

/// The shopper has to confirm: which payment it is. `None` where that was known, the charge has ended, or nobody wants it any more.
pub(super) async fn action_required_in(tx: &mut Tx, order: OrderId, url: &str) -> Result<Option<PaymentId>, DbError> {
    let now = tx.now();
    let sql = "update payment set status = 'action_required', action_url = $1, updated_at = $2 \
               where order_id = $3 and status = 'pending' and unwanted = false returning id";
    tx.fetch_optional(sql, args![url, now, order]).await?.map(|row| row.get("id")).transpose()
}

/// Writes a refund down; false where one of this key is.
pub(super) async fn note_refund_in(tx: &mut Tx, key: &str, payment: PaymentId, amount: Money) -> Result<bool, DbError> {
    let now = tx.now();
    let sql = "insert into payment_refund (key, payment, amount, at) values ($1, $2, $3, $4) on conflict (key) do nothing";
    Ok(tx.execute(sql, args![key, payment, amount.amount, now]).await? == 1)
}

/// So much more of what was captured went back: how the payment stands then. `None` where so much is not left, or nothing was
/// captured.
pub(super) async fn refunded_in(tx: &mut Tx, id: PaymentId, amount: Money) -> Result<Option<PaymentStatus>, DbError> {
    let now = tx.now();
    let sql = "update payment set refunded = refunded + $1, updated_at = $2, \
               status = case when refunded + $1 = amount then 'refunded' else 'partially_refunded' end \
               where id = $3 and currency = $4 and status in ('captured', 'partially_refunded') and $1 <= amount - refunded returning status";
    let row = tx.fetch_optional(sql, args![amount.amount, now, id, amount.currency.to_string()]).await?;
    row.map(|row| row.parse("status")).transpose()
}
