//! The SQL of what providers tell.

use domain::{OrderId, PaymentId};

use super::super::provider::Outcome;
use super::super::webhook::Told;
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

/// How long what was told is needed, in seconds: longer than a refund is tried.
const TOLD_SECONDS: i64 = 30 * 24 * 3600;

/// Remembers how a step ended. What has failed stays so.
pub(in super::super) async fn tell_in(tx: &mut Tx, payment: &str, outcome: Outcome) -> Result<(), DbError> {
    let step = match outcome {
        Outcome::Authorized | Outcome::Declined => "authorization",
        Outcome::Captured | Outcome::CaptureFailed => "capture",
        Outcome::Voided => "void",
        Outcome::Refunded | Outcome::RefundFailed => "refund",
    };
    remember_in(tx, payment, step, outcome.as_str(), outcome.is_failure()).await
}

/// A refund that was told to have failed is wanted again, which is another one: what was told of the last says nothing of it.
pub(in super::super) async fn want_failed_refund_again_in(tx: &mut Tx, payment: &str) -> Result<(), DbError> {
    let text = "delete from payment_told where payment = $1 and step = 'refund' and outcome = $2";
    if tx.execute(text, args![payment, Outcome::RefundFailed.as_str()]).await? == 0 {
        return Ok(());
    }
    let text = "insert into payment_refund_failed (payment, times) values ($1, 1) \
                on conflict (payment) do update set times = payment_refund_failed.times + 1";
    tx.execute(text, args![payment]).await.map(drop)
}

/// Remembers what the bank gave the shopper on their way back; the newest counts.
pub(in super::super) async fn returned_in(tx: &mut Tx, payment: &str, answer: &str) -> Result<(), DbError> {
    remember_in(tx, payment, "return", answer, true).await
}

async fn remember_in(tx: &mut Tx, payment: &str, step: &str, outcome: &str, anyway: bool) -> Result<(), DbError> {
    let now = tx.now();
    tx.execute("delete from payment_told where told_at < $1", args![now.plus_seconds(-TOLD_SECONDS)]).await?;
    let text = if anyway {
        "insert into payment_told (payment, step, outcome, told_at) values ($1, $2, $3, $4) \
         on conflict (payment, step) do update set outcome = excluded.outcome, told_at = excluded.told_at"
    } else {
        "insert into payment_told (payment, step, outcome, told_at) values ($1, $2, $3, $4) on conflict (payment, step) do nothing"
    };
    tx.execute(text, args![payment, step, outcome, now]).await.map(drop)
}

/// What was told of a payment.
pub(in super::super) async fn told(sql: &mut impl Sql, payment: &str) -> Result<Told, DbError> {
    let mut told = Told::default();
    let text = "select step, outcome, 0 as times from payment_told where payment = $1 \
                union all select 'refunds_failed', '', times from payment_refund_failed where payment = $1";
    for row in sql.fetch_all(text, args![payment]).await? {
        match row.get::<String>("step")?.as_str() {
            "authorization" => told.authorization = Some(row.parse("outcome")?),
            "capture" => told.capture = Some(row.parse("outcome")?),
            "void" => told.void = Some(row.parse("outcome")?),
            "refund" => told.refund = Some(row.parse("outcome")?),
            "refunds_failed" => told.refunds_failed = row.get("times")?,
            _ => told.answer = Some(row.get("outcome")?),
        }
    }
    Ok(told)
}

/// The order that a payment is for.
pub(in super::super) async fn order_of(sql: &mut impl Sql, payment: PaymentId) -> Result<Option<OrderId>, DbError> {
    let row = sql.fetch_optional("select order_id from payment where id = $1", args![payment]).await?;
    row.map(|row| row.get("order_id")).transpose()
}
