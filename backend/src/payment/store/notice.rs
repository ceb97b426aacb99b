//! The SQL of what providers tell.

use domain::{OrderId, PaymentId};

use crate::args;
use crate::db::{DbError, Sql, Tx};

/// How long an event is remembered, in seconds.
const KEPT_SECONDS: i64 = 7 * 24 * 3600;

/// Remembers an event; false where it was heard before. What is older than any repetition is forgotten.
pub(in super::super) async fn hear_in(tx: &mut Tx, provider: &str, event: &str) -> Result<bool, DbError> {
    let now = tx.now();
    tx.execute("delete from payment_notice where heard_at < $1", args![now.plus_seconds(-KEPT_SECONDS)]).await?;
    let text = "insert into payment_notice (provider, event, heard_at) values ($1, $2, $3) on conflict (provider, event) do nothing";
    Ok(tx.execute(text, args![provider, event, now]).await? == 1)
}

/// The order that a payment is for.
pub(in super::super) async fn order_of(sql: &mut impl Sql, payment: PaymentId) -> Result<Option<OrderId>, DbError> {
    let row = sql.fetch_optional("select order_id from payment where id = $1", args![payment]).await?;
    row.map(|row| row.get("order_id")).transpose()
}
