//! The SQL of top-ups.

use domain::{Money, Timestamp, TopUpId, UserId};

use super::super::CONFIRM_SECONDS;
use super::super::top_up::Confirmation;
use crate::args;
use crate::db::{DbError, Row, Sql, Tx};

/// A top-up as it is stored.
#[derive(Debug, Clone)]
pub(in super::super) struct TopUpRow {
    pub id: TopUpId,
    pub user: UserId,
    pub fingerprint: String,
    pub amount: Money,
    pub status: String,
    /// Encrypted.
    pub token: Option<String>,
    pub reference: Option<String>,
    /// Where the shopper confirms it, while that is waited for.
    pub action_url: Option<String>,
    pub reason: Option<String>,
    pub begun_at: Timestamp,
}

impl TopUpRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.get("id")?,
            user: row.get("account")?,
            fingerprint: row.get("fingerprint")?,
            amount: Money::new(row.get("amount")?, row.parse("currency")?),
            status: row.get("status")?,
            token: row.get("token")?,
            reference: row.get("reference")?,
            action_url: row.get("action_url")?,
            reason: row.get("reason")?,
            begun_at: row.get("begun_at")?,
        })
    }
}

pub(in super::super) async fn find(sql: &mut impl Sql, id: TopUpId) -> Result<Option<TopUpRow>, DbError> {
    sql.fetch_optional("select * from top_up where id = $1", args![id]).await?.as_ref().map(TopUpRow::from_row).transpose()
}

pub(in super::super) async fn find_by_request(sql: &mut impl Sql, request: &str) -> Result<Option<TopUpRow>, DbError> {
    sql.fetch_optional("select * from top_up where request = $1", args![request]).await?.as_ref().map(TopUpRow::from_row).transpose()
}

/// False where the same request has one.
pub(in super::super) async fn insert_in(
    tx: &mut Tx,
    id: TopUpId,
    user: UserId,
    request: &str,
    fingerprint: &str,
    amount: Money,
    token: &str,
) -> Result<bool, DbError> {
    let now = tx.now();
    let text = "insert into top_up (id, account, request, fingerprint, amount, currency, status, token, begun_at) \
                values ($1, $2, $3, $4, $5, $6, 'pending', $7, $8) on conflict (request) do nothing";
    let added = tx.execute(text, args![id, user, request, fingerprint, amount.amount, amount.currency.to_string(), token, now]).await?;
    Ok(added == 1)
}

/// The provider knows of it, by this name; where the shopper has to confirm, at this address.
pub(in super::super) async fn known_in(tx: &mut Tx, id: TopUpId, reference: &str, action_url: Option<&str>) -> Result<(), DbError> {
    let text = "update top_up set reference = $1, action_url = coalesce($2, action_url) where id = $3 and status = 'pending'";
    tx.execute(text, args![reference, action_url, id]).await.map(drop)
}

/// A shopper's top-ups that wait for their confirmation.
pub(in super::super) async fn confirming(sql: &mut impl Sql, user: UserId) -> Result<Vec<TopUpId>, DbError> {
    let text = "select id from top_up where account = $1 and status = 'pending' and action_url is not null order by id";
    sql.fetch_all(text, args![user]).await?.iter().map(|row| row.get("id")).collect()
}

/// Whether a card may still be charged for this shopper.
pub(in super::super) async fn under_way(sql: &mut impl Sql, user: UserId) -> Result<bool, DbError> {
    let text = "select 1 as n from top_up where account = $1 and status = 'pending' limit 1";
    Ok(sql.fetch_optional(text, args![user]).await?.is_some())
}

/// Which of a shopper's, and over how much, wait for nobody but the provider, the oldest first.
pub(in super::super) async fn undecided(sql: &mut impl Sql, user: UserId) -> Result<Vec<(TopUpId, Money)>, DbError> {
    let text = "select id, amount, currency from top_up where account = $1 and status = 'pending' and action_url is null order by id";
    let rows = sql.fetch_all(text, args![user]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, Money::new(row.get("amount")?, row.parse("currency")?)))).collect()
}

/// What of a shopper's waits for their confirmation, the oldest first.
pub(in super::super) async fn confirmations(sql: &mut impl Sql, user: UserId) -> Result<Vec<Confirmation>, DbError> {
    let text = "select amount, currency, action_url, begun_at from top_up \
                where account = $1 and status = 'pending' and action_url is not null order by id";
    let rows = sql.fetch_all(text, args![user]).await?;
    let read = |row: &Row| {
        let (amount, begun_at) = (Money::new(row.get("amount")?, row.parse("currency")?), row.get::<Timestamp>("begun_at")?);
        Ok(Confirmation { amount, url: row.get("action_url")?, begun_at, confirm_by: begun_at.plus_seconds(CONFIRM_SECONDS) })
    };
    rows.iter().map(read).collect()
}

/// Ends it; false where it had ended before. The token goes with it.
pub(in super::super) async fn settle_in(
    tx: &mut Tx,
    id: TopUpId,
    status: &str,
    reference: Option<&str>,
    reason: Option<&str>,
) -> Result<bool, DbError> {
    let now = tx.now();
    let text = "update top_up set status = $1, reference = coalesce($2, reference), reason = $3, token = null, action_url = null, ended_at = $4 \
                where id = $5 and status = 'pending'";
    Ok(tx.execute(text, args![status, reference, reason, now, id]).await? == 1)
}
