//! Checkouts.

use domain::pricing::Quote;
use domain::view::FulfilmentRequest;
use domain::{AdmissionId, CheckoutId, StoreId, Timestamp};

use super::super::kept::KeptCheckout;
use super::json;
use crate::args;
use crate::db::{DbError, Row, Sql, Tx};
use crate::identity::{Network, Owner};

/// A checkout as it is stored.
#[derive(Debug, Clone)]
pub(in super::super) struct CheckoutRow {
    pub id: CheckoutId,
    pub owner: Owner,
    pub store: StoreId,
    pub status: CheckoutStatus,
    pub fulfilment: FulfilmentRequest,
    pub quote: Quote,
    pub expires_at: Timestamp,
    /// Whose place it has, at a store that admits by code.
    pub admission: Option<AdmissionId>,
}

/// Where a checkout is in its short life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum CheckoutStatus {
    /// It holds.
    Live,
    /// It became an order.
    Placed,
    /// It ended in nothing.
    Ended,
}

impl CheckoutStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Placed => "placed",
            Self::Ended => "ended",
        }
    }
}

impl std::str::FromStr for CheckoutStatus {
    type Err = domain::UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Live, Self::Placed, Self::Ended].into_iter().find(|status| status.as_str() == text).ok_or(domain::UnknownWord)
    }
}

fn from_row(row: &Row) -> Result<CheckoutRow, DbError> {
    Ok(CheckoutRow {
        id: row.get("id")?,
        owner: row.parse("owner")?,
        store: row.get("store")?,
        status: row.parse("status")?,
        fulfilment: row.json("fulfilment")?,
        quote: row.json("quote")?,
        expires_at: row.get("expires_at")?,
        admission: row.get("admission")?,
    })
}

pub(in super::super) async fn checkout(sql: &mut impl Sql, id: CheckoutId) -> Result<Option<CheckoutRow>, DbError> {
    sql.fetch_optional("select * from checkout where id = $1", args![id]).await?.as_ref().map(from_row).transpose()
}

/// A shopper's checkouts that are no orders, the newest first.
pub(in super::super) async fn kept_checkouts(sql: &mut impl Sql, owner: &Owner) -> Result<Vec<KeptCheckout>, DbError> {
    let text = "select id, store, begun_at, fulfilment from checkout where owner = $1 and status <> 'placed' order by id desc";
    let kept = |row: &Row| {
        Ok(KeptCheckout {
            id: row.get("id")?,
            store: row.get("store")?,
            begun_at: row.get("begun_at")?,
            fulfilment: row.json("fulfilment")?,
        })
    };
    sql.fetch_all(text, args![owner.to_string()]).await?.iter().map(kept).collect()
}

/// The live checkout of a shopper at a store.
pub(in super::super) async fn live_checkout(sql: &mut impl Sql, owner: &Owner, store: &StoreId) -> Result<Option<CheckoutRow>, DbError> {
    let text = "select * from checkout where owner = $1 and store = $2 and status = 'live'";
    sql.fetch_optional(text, args![owner.to_string(), store]).await?.as_ref().map(from_row).transpose()
}

/// As [`live_checkout`], with its lock: whoever ends it meanwhile is waited for.
pub(in super::super) async fn lock_live_checkout_in(tx: &mut Tx, owner: &Owner, store: &StoreId) -> Result<Option<CheckoutRow>, DbError> {
    let text = tx.either(
        "select * from checkout where owner = $1 and store = $2 and status = 'live'",
        "select * from checkout where owner = $1 and store = $2 and status = 'live' for no key update",
    );
    tx.fetch_optional(text, args![owner.to_string(), store]).await?.as_ref().map(from_row).transpose()
}

/// Writes a live checkout down; false where its owner has another one at this store.
pub(in super::super) async fn insert_checkout_in(tx: &mut Tx, checkout: &CheckoutRow) -> Result<bool, DbError> {
    let now = tx.now();
    let added = tx
        .execute(
            "insert into checkout (id, owner, store, status, fulfilment, quote, begun_at, expires_at, admission) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (owner, store) where status = 'live' do nothing",
            args![
                checkout.id,
                checkout.owner.to_string(),
                &checkout.store,
                checkout.status.as_str(),
                json(&checkout.fulfilment)?,
                json(&checkout.quote)?,
                now,
                checkout.expires_at,
                checkout.admission
            ],
        )
        .await?;
    Ok(added == 1)
}

/// Ends a live checkout, in an order or in nothing; false where it had ended before, or is somebody else's by now.
pub(in super::super) async fn end_checkout_in(tx: &mut Tx, checkout: &CheckoutRow, status: CheckoutStatus) -> Result<bool, DbError> {
    let text = "update checkout set status = $1 where id = $2 and owner = $3 and status = 'live'";
    Ok(tx.execute(text, args![status.as_str(), checkout.id, checkout.owner.to_string()]).await? == 1)
}

/// How many places of a store the guests of a network have, with checkouts and with orders.
pub(in super::super) async fn places_of_network(sql: &mut impl Sql, store: &StoreId, network: &Network) -> Result<i64, DbError> {
    let text = "select count(*) as n from place where store = $1 and network = $2";
    sql.fetch_one(text, args![store, &network.0]).await?.get("n")
}

/// Who was a guest is known from now on, and where they have taken their places is not kept.
pub(in super::super) async fn forget_networks_in(tx: &mut Tx, owner: &Owner) -> Result<(), DbError> {
    let text = "update place set network = null where network is not null and holder in \
                (select id from checkout where owner = $1 and status = 'live' union all \
                select id from sales_order where owner = $1 and status in ('created', 'processed'))";
    tx.execute(text, args![owner.to_string()]).await.map(drop)
}

/// All live checkouts of a shopper, by store.
pub(in super::super) async fn live_checkouts(sql: &mut impl Sql, owner: &Owner) -> Result<Vec<CheckoutRow>, DbError> {
    let text = "select * from checkout where owner = $1 and status = 'live' order by store";
    sql.fetch_all(text, args![owner.to_string()]).await?.iter().map(from_row).collect()
}

/// A live checkout is somebody else's from now on.
pub(in super::super) async fn give_checkout_in(tx: &mut Tx, id: CheckoutId, from: &Owner, to: &Owner) -> Result<(), DbError> {
    let text = "update checkout set owner = $3 where id = $1 and owner = $2 and status = 'live'";
    tx.execute(text, args![id, from.to_string(), to.to_string()]).await.map(drop)
}

/// Checkouts that have ended are somebody else's from now on: whose they were is asked when a request comes again.
pub(in super::super) async fn give_ended_checkouts_in(tx: &mut Tx, from: &Owner, to: &Owner) -> Result<(), DbError> {
    let text = "update checkout set owner = $2 where owner = $1 and status <> 'live'";
    tx.execute(text, args![from.to_string(), to.to_string()]).await.map(drop)
}
