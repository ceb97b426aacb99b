//! Orders and their numbers.

use std::collections::HashMap;

use domain::ordering::{CancelledBy, Change, OrderStatus, State};
use domain::prep::FulfilmentStatus;
use domain::pricing::Quote;
use domain::view::FulfilmentRequest;
use domain::{CheckoutId, OrderId, StoreId, Timestamp};

use super::super::sagas::{SagaRow, Step};
use super::json;
use crate::args;
use crate::db::{DbError, Row, Sql, Tx, ids};
use crate::identity::Owner;

const TOUCH: &str = "update sales_order set version = version + 1, updated_at = $1 where id = $2";

/// An order as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct OrderRow {
    pub id: OrderId,
    pub store: StoreId,
    pub number: i64,
    pub owner: Owner,
    pub checkout: CheckoutId,
    pub fulfilment: FulfilmentRequest,
    pub quote: Quote,
    pub status: OrderStatus,
    pub reason: Option<String>,
    pub cancelled_by: Option<CancelledBy>,
    /// Where the saga is; `None` when it has nothing left to do.
    pub step: Option<Step>,
    pub version: i64,
    pub placed_at: Timestamp,
    pub updated_at: Timestamp,
}

impl OrderRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.get("id")?,
            store: row.get("store")?,
            number: row.get("number")?,
            owner: row.parse("owner")?,
            checkout: row.get("checkout")?,
            fulfilment: row.json("fulfilment")?,
            quote: row.json("quote")?,
            status: row.parse("status")?,
            reason: row.get("reason")?,
            cancelled_by: row.parse_opt("cancelled_by")?,
            step: row.parse_opt("saga_step")?,
            version: row.get("version")?,
            placed_at: row.get("placed_at")?,
            updated_at: row.get("updated_at")?,
        })
    }

    /// What the rules need to know.
    pub(crate) fn state(&self, fulfilments: Vec<FulfilmentStatus>) -> State {
        State { status: self.status, fulfilments }
    }
}

/// The numbers of these orders.
pub(in super::super) async fn numbers(sql: &mut impl Sql, orders: &[OrderId]) -> Result<HashMap<OrderId, i64>, DbError> {
    let text = sql.either(
        "select id, number from sales_order where id in (select value from json_each($1))",
        "select id, number from sales_order where id in (select jsonb_array_elements_text($1::jsonb))",
    );
    let rows = sql.fetch_all(text, args![ids(orders)]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("number")?))).collect()
}

pub(in super::super) async fn order(sql: &mut impl Sql, id: OrderId) -> Result<Option<OrderRow>, DbError> {
    sql.fetch_optional("select * from sales_order where id = $1", args![id]).await?.as_ref().map(OrderRow::from_row).transpose()
}

/// Reads the order under its lock, which lasts until the end of the transaction. SQLite's one writer needs none.
pub(in super::super) async fn lock_order_in(tx: &mut Tx, id: OrderId) -> Result<Option<OrderRow>, DbError> {
    let text = tx.either("select * from sales_order where id = $1", "select * from sales_order where id = $1 for no key update");
    tx.fetch_optional(text, args![id]).await?.as_ref().map(OrderRow::from_row).transpose()
}

/// An order before it has its number.
pub(in super::super) struct NewOrder {
    pub id: OrderId,
    pub store: StoreId,
    /// The day of the store that the number will belong to.
    pub day: String,
    pub owner: Owner,
    pub checkout: CheckoutId,
    pub fulfilment: FulfilmentRequest,
    pub quote: Quote,
    pub step: Step,
    pub placed_at: Timestamp,
}

/// Writes an order down, at the end of the transaction, with the next number of its store's day, from 1. On PostgreSQL the number is taken at once, so that those
/// who place together need not wait for each other; one whose order is not kept after all is skipped.
pub(in super::super) async fn number_order_in(tx: &mut Tx, new: NewOrder) -> Result<OrderRow, DbError> {
    const STATUS: OrderStatus = OrderStatus::Created;
    let text = "insert into order_number (store, day, last) values ($1, $2, 1) \
                on conflict (store, day) do update set last = order_number.last + 1 returning last";
    let number: i64 = tx.beside(text, args![&new.store, &new.day]).await?.get("last")?;
    let (owner, fulfilment, quote) = (new.owner.to_string(), json(&new.fulfilment)?, json(&new.quote)?);
    let deadline = new.step.deadline(new.placed_at);
    tx.later(
        "insert into sales_order (store, day, number, id, owner, checkout, fulfilment, quote, status, version, placed_at, updated_at, \
         saga_step, saga_deadline) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $10, $11, $12)",
        args![
            &new.store,
            &new.day,
            number,
            new.id,
            owner,
            new.checkout,
            fulfilment,
            quote,
            STATUS.as_str(),
            new.placed_at,
            new.step.as_str(),
            deadline,
        ],
    )
    .await?;
    Ok(OrderRow {
        id: new.id,
        store: new.store,
        number,
        owner: new.owner,
        checkout: new.checkout,
        fulfilment: new.fulfilment,
        quote: new.quote,
        status: STATUS,
        reason: None,
        cancelled_by: None,
        step: Some(new.step),
        version: 1,
        placed_at: new.placed_at,
        updated_at: new.placed_at,
    })
}

/// Moves an order on from the state it was decided in; false where it has left it.
pub(in super::super) async fn advance_in(tx: &mut Tx, order: &OrderRow, change: &Change) -> Result<bool, DbError> {
    let (status, reason, by, step) = match change {
        Change::Processed => (OrderStatus::Processed, None, None, Some(Step::Start)),
        Change::Rejected { reason } => (OrderStatus::Rejected, Some(reason), None, Some(Step::Undo)),
        Change::Cancelled { by, reason } => (OrderStatus::Cancelled, reason.as_ref(), Some(by.as_str()), Some(Step::Undo)),
        Change::Fulfilled => (OrderStatus::Fulfilled, None, None, None),
    };
    let now = tx.now();
    let moved = tx
        .execute(
            "update sales_order set status = $1, reason = $2, cancelled_by = $3, version = version + 1, updated_at = $4, \
             saga_step = $5, saga_deadline = $6 where id = $7 and status = $8",
            args![
                status.as_str(),
                reason,
                by,
                now,
                step.map(Step::as_str),
                step.map(|step| step.deadline(now)),
                order.id,
                order.status.as_str()
            ],
        )
        .await?;
    Ok(moved == 1)
}

/// Whose these orders are and where, those of them that there are.
pub(in super::super) async fn owners(sql: &mut impl Sql, orders: &[OrderId]) -> Result<Vec<(OrderId, Owner, StoreId)>, DbError> {
    let text = sql.either(
        "select id, owner, store from sales_order where id in (select value from json_each($1))",
        "select id, owner, store from sales_order where id in (select jsonb_array_elements_text($1::jsonb))",
    );
    let rows = sql.fetch_all(text, args![ids(orders)]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.parse("owner")?, row.get("store")?))).collect()
}

/// Where an order comes from.
pub(in super::super) struct Origin {
    pub order: OrderId,
    pub store: StoreId,
    pub checkout: CheckoutId,
}

/// Where these orders come from, those of them that there are. It never changes.
pub(in super::super) async fn origins(sql: &mut impl Sql, orders: &[OrderId]) -> Result<Vec<Origin>, DbError> {
    let text = sql.either(
        "select id, store, checkout from sales_order where id in (select value from json_each($1))",
        "select id, store, checkout from sales_order where id in (select jsonb_array_elements_text($1::jsonb))",
    );
    let rows = sql.fetch_all(text, args![ids(orders)]).await?;
    rows.iter().map(|row| Ok(Origin { order: row.get("id")?, store: row.get("store")?, checkout: row.get("checkout")? })).collect()
}

/// The fulfilments of an order have begun: it can be seen, and what was to be done next at this step is done, at the end of the
/// transaction.
pub(in super::super) async fn pass_step_in(tx: &mut Tx, id: OrderId, step: Step) -> Result<(), DbError> {
    let now = tx.now();
    let text = "update sales_order set version = version + 1, updated_at = $1, \
                saga_deadline = case when saga_step = $2 then null else saga_deadline end, \
                saga_step = case when saga_step = $2 then null else saga_step end where id = $3";
    tx.later(text, args![now, step.as_str(), id]).await
}

pub(in super::super) async fn touch_in(tx: &mut Tx, id: OrderId) -> Result<(), DbError> {
    let now = tx.now();
    tx.execute(TOUCH, args![now, id]).await.map(drop)
}

pub(in super::super) async fn touch_later_in(tx: &mut Tx, id: OrderId) -> Result<(), DbError> {
    let now = tx.now();
    tx.later(TOUCH, args![now, id]).await
}

/// A shopper's orders, the newest first. Ids are UUIDv7, so their order is that of placing.
pub(in super::super) async fn orders_of(
    sql: &mut impl Sql,
    owner: &Owner,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<OrderRow>, DbError> {
    let text = "select * from sales_order where owner = $1 and ($2 is null or id < $2) order by id desc limit $3";
    sql.fetch_all(text, args![owner.to_string(), after, limit]).await?.iter().map(OrderRow::from_row).collect()
}

/// What a shopper's orders are for, with their addresses.
pub(in super::super) async fn fulfilments(sql: &mut impl Sql, owner: &Owner) -> Result<HashMap<OrderId, FulfilmentRequest>, DbError> {
    let rows = sql.fetch_all("select id, fulfilment from sales_order where owner = $1", args![owner.to_string()]).await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.json("fulfilment")?))).collect()
}

/// When a shopper placed their `n`th newest order; `None` where they have not placed so many.
pub(in super::super) async fn nth_newest(sql: &mut impl Sql, owner: &Owner, n: i64) -> Result<Option<Timestamp>, DbError> {
    let text = "select placed_at from sales_order where owner = $1 order by id desc limit 1 offset $2";
    sql.fetch_optional(text, args![owner.to_string(), n - 1]).await?.map(|row| row.get("placed_at")).transpose()
}

/// How many orders of a shopper a store has taken on a day; those that came to nothing do not count.
pub(in super::super) async fn orders_of_day(sql: &mut impl Sql, owner: &Owner, store: &StoreId, day: &str) -> Result<i64, DbError> {
    let text = "select count(*) as n from sales_order where owner = $1 and store = $2 and day = $3 \
                and status not in ('rejected', 'cancelled')";
    sql.fetch_one(text, args![owner.to_string(), store, day]).await?.get("n")
}

/// How many a deleted account of this phone has placed there on that day.
pub(in super::super) async fn orders_before(sql: &mut impl Sql, phone: &str, store: &StoreId, day: &str) -> Result<i64, DbError> {
    let text = "select orders from orders_before where phone = $1 and store = $2 and day = $3";
    sql.fetch_optional(text, args![phone, store, day]).await?.map_or(Ok(0), |row| row.get("orders"))
}

/// Adds the orders that a shopper has placed since then to those of their phone, by store and day.
pub(in super::super) async fn keep_orders_in(
    tx: &mut Tx,
    owner: &Owner,
    phone: &str,
    since: Timestamp,
    kept_until: Timestamp,
) -> Result<(), DbError> {
    let text = "insert into orders_before (phone, store, day, orders, kept_until) \
                select $2, store, day, count(*), $4 from sales_order where owner = $1 and placed_at > $3 \
                and status not in ('rejected', 'cancelled') group by store, day \
                on conflict (phone, store, day) do update set orders = orders_before.orders + excluded.orders, kept_until = excluded.kept_until";
    tx.execute(text, args![owner.to_string(), phone, since, kept_until]).await.map(drop)
}

pub(in super::super) async fn purge_kept_orders_in(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    tx.execute("delete from orders_before where kept_until <= $1", args![now]).await.map(drop)
}

/// Sets where an order's saga is and until when that step should be over.
pub(in super::super) async fn step_in(tx: &mut Tx, id: OrderId, step: Option<Step>, deadline: Option<Timestamp>) -> Result<(), DbError> {
    let text = "update sales_order set saga_step = $1, saga_deadline = $2 where id = $3";
    tx.execute(text, args![step.map(Step::as_str), deadline, id]).await.map(drop)
}

/// The saga of an order that stands at one step goes on to another one; one that stands elsewhere stays there.
pub(in super::super) async fn turn_step_in(tx: &mut Tx, id: OrderId, from: Step, to: Step, deadline: Timestamp) -> Result<(), DbError> {
    let text = "update sales_order set saga_step = $1, saga_deadline = $2 where id = $3 and saga_step = $4";
    tx.execute(text, args![to.as_str(), deadline, id, from.as_str()]).await.map(drop)
}

/// Ends the saga of an order that stands at this step; false where it stands elsewhere.
pub(in super::super) async fn end_step_in(tx: &mut Tx, id: OrderId, step: Step) -> Result<bool, DbError> {
    let text = "update sales_order set saga_step = null, saga_deadline = null where id = $1 and saga_step = $2";
    Ok(tx.execute(text, args![id, step.as_str()]).await? == 1)
}

/// Sagas that have something left to do, the most urgent first; those alone whose time is over by `late`, where it is given.
pub(in super::super) async fn sagas(sql: &mut impl Sql, late: Option<Timestamp>) -> Result<Vec<SagaRow>, DbError> {
    let text = "select id, store, number, status, saga_step, saga_deadline, updated_at from sales_order \
                where saga_step is not null and ($1 is null or saga_deadline < $1) order by saga_deadline, id";
    let rows = sql.fetch_all(text, args![late]).await?;
    rows.iter()
        .map(|row| {
            Ok(SagaRow {
                order: row.get("id")?,
                store: row.get("store")?,
                number: row.get("number")?,
                status: row.parse("status")?,
                step: row.parse("saga_step")?,
                deadline: row.get("saga_deadline")?,
                since: row.get("updated_at")?,
            })
        })
        .collect()
}

/// All orders of a shopper are somebody else's from now on.
pub(in super::super) async fn give_orders_in(tx: &mut Tx, from: &Owner, to: &Owner) -> Result<(), DbError> {
    let text = "update sales_order set owner = $2 where owner = $1";
    tx.execute(text, args![from.to_string(), to.to_string()]).await.map(drop)
}

/// Whether a shopper has an order that is not done yet.
pub(in super::super) async fn under_way(sql: &mut impl Sql, owner: &Owner) -> Result<bool, DbError> {
    let text = "select id from sales_order where owner = $1 and status in ('created', 'processed') limit 1";
    Ok(sql.fetch_optional(text, args![owner.to_string()]).await?.is_some())
}

/// Takes the addresses out of a shopper's orders and checkouts.
pub(in super::super) async fn forget_addresses_in(tx: &mut Tx, owner: &Owner, instead: &FulfilmentRequest) -> Result<(), DbError> {
    let (owner, instead) = (owner.to_string(), json(instead)?);
    // What is no pick-up has an address.
    let pickup = json(&FulfilmentRequest::Pickup)?;
    let text = "update sales_order set fulfilment = $2 where owner = $1 and fulfilment <> $3";
    tx.execute(text, args![&owner, &instead, &pickup]).await?;
    let text = "update checkout set fulfilment = $2 where owner = $1 and fulfilment <> $3";
    tx.execute(text, args![owner, instead, pickup]).await.map(drop)
}

/// Takes out why a shopper called their orders off, in their own words. What the staff and the shop say of one stays.
pub(in super::super) async fn forget_reasons_in(tx: &mut Tx, owner: &Owner) -> Result<(), DbError> {
    let text = "update sales_order set reason = null where owner = $1 and cancelled_by = 'customer' and reason is not null";
    tx.execute(text, args![owner.to_string()]).await.map(drop)
}
