//! The SQL of fulfilments.

pub(super) mod invariants;
mod made;

use domain::prep::{FulfilmentKind, FulfilmentStatus, State};
use domain::pricing::QuoteLine;
use domain::view::{BoardEntry, Person};
use domain::{FulfilmentId, OrderId, StoreId, Timestamp, UserId};

pub(super) use self::made::{correct_last_in, keep_last_in, last_in, made, times};
use crate::args;
use crate::db::{DbError, Row, Sql, Tx};

/// A fulfilment as it is stored.
#[derive(Debug, Clone)]
pub(super) struct TicketRow {
    pub id: FulfilmentId,
    pub order: OrderId,
    pub store: StoreId,
    pub kind: FulfilmentKind,
    pub status: FulfilmentStatus,
    pub number: i64,
    pub lines: Vec<QuoteLine>,
    pub placed_at: Timestamp,
    pub since: Timestamp,
    pub claimed_by: Option<Person>,
    /// Who held it until their board was gone.
    pub left_by: Option<Person>,
    pub started_at: Option<Timestamp>,
    pub made_at: Option<Timestamp>,
}

impl TicketRow {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let person = |id: Option<UserId>, name: Option<String>| Some(Person { id: id?, name: name? });
        Ok(Self {
            id: row.get("id")?,
            order: row.get("order_id")?,
            store: row.get("store")?,
            kind: row.parse("kind")?,
            status: row.parse("status")?,
            number: row.get("number")?,
            lines: row.json("lines")?,
            placed_at: row.get("placed_at")?,
            since: row.get("since")?,
            claimed_by: person(row.get("claimed_by")?, row.get("claimed_name")?),
            left_by: person(row.get("left_by")?, row.get("left_name")?),
            started_at: row.get("started_at")?,
            made_at: row.get("made_at")?,
        })
    }

    /// What the rules need to know.
    pub(super) fn state(&self) -> State {
        State { kind: self.kind, status: self.status, claimed_by: self.claimed_by.as_ref().map(|person| person.id) }
    }
}

/// Adds a fulfilment; false where the order has one of this kind.
pub(super) async fn insert_in(tx: &mut Tx, ticket: &TicketRow) -> Result<bool, DbError> {
    let lines = serde_json::to_string(&ticket.lines).map_err(|error| DbError::Defect(error.to_string()))?;
    let added = tx
        .execute(
            "insert into fulfilment (id, order_id, store, kind, status, number, lines, placed_at, since) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (order_id, kind) do nothing",
            args![
                ticket.id,
                ticket.order,
                &ticket.store,
                ticket.kind.as_str(),
                ticket.status.as_str(),
                ticket.number,
                lines,
                ticket.placed_at,
                ticket.since
            ],
        )
        .await?;
    Ok(added == 1)
}

/// All fulfilments of an order.
pub(super) async fn of_order(sql: &mut impl Sql, order: OrderId) -> Result<Vec<TicketRow>, DbError> {
    let rows = sql.fetch_all("select * from fulfilment where order_id = $1 order by id", args![order]).await?;
    rows.iter().map(TicketRow::from_row).collect()
}

/// What stands in the lanes of a store, in the order of placing.
pub(super) async fn active(sql: &mut impl Sql, store: &StoreId) -> Result<Vec<TicketRow>, DbError> {
    let text = "select * from fulfilment where store = $1 and status in ('queued', 'making', 'ready') order by placed_at, number";
    sql.fetch_all(text, args![store]).await?.iter().map(TicketRow::from_row).collect()
}

/// The numbers in one lane of what is being prepared, those that were placed first, at most so many; each since it was placed, for
/// whoever waits has waited since then, also where somebody claimed it and let go of it again.
pub(super) async fn numbers(sql: &mut impl Sql, store: &StoreId, lane: FulfilmentStatus, most: i64) -> Result<Vec<BoardEntry>, DbError> {
    // The lanes are named again because their index holds nothing else, and the planner must see that.
    let text = "select number, placed_at from fulfilment where store = $1 and status = $2 \
                and status in ('queued', 'making', 'ready') order by placed_at, number limit $3";
    let rows = sql.fetch_all(text, args![store, lane.as_str(), most]).await?;
    let making = lane == FulfilmentStatus::Making;
    let entry = |row: &Row| Ok(BoardEntry { number: row.get("number")?, since: row.get("placed_at")?, making });
    rows.iter().map(entry).collect()
}

/// The numbers that were put on the counter after `after`, the newest first.
pub(super) async fn called(sql: &mut impl Sql, store: &StoreId, after: Timestamp, most: i64) -> Result<Vec<BoardEntry>, DbError> {
    let text = "select number, since from fulfilment where store = $1 and status = 'ready' and since > $2 \
                and status in ('queued', 'making', 'ready') order by since desc, number desc limit $3";
    let rows = sql.fetch_all(text, args![store, after, most]).await?;
    rows.iter().map(|row| Ok(BoardEntry { number: row.get("number")?, since: row.get("since")?, making: false })).collect()
}

/// How many wait before this one.
pub(super) async fn ahead(sql: &mut impl Sql, ticket: &TicketRow) -> Result<i64, DbError> {
    let text = "select count(*) as n from fulfilment where store = $1 and status = 'queued' \
                and (placed_at < $2 or (placed_at = $2 and number < $3))";
    sql.fetch_one(text, args![&ticket.store, ticket.placed_at, ticket.number]).await?.get("n")
}

/// How many are not made yet, and how many of these are being made.
pub(super) async fn unmade(sql: &mut impl Sql, store: &StoreId) -> Result<(i64, i64), DbError> {
    let text = "select count(*) as unmade, count(case when status = 'making' then 1 end) as making from fulfilment \
                where store = $1 and status in ('queued', 'making')";
    let row = sql.fetch_one(text, args![store]).await?;
    Ok((row.get("unmade")?, row.get("making")?))
}

/// The mean milliseconds from claim to ready of those that were made since then and not called off.
pub(super) async fn pace(sql: &mut impl Sql, store: &StoreId, since: Timestamp) -> Result<Option<i64>, DbError> {
    let text = "select cast(avg(made_at - started_at) as bigint) as pace from fulfilment \
                where store = $1 and made_at > $2 and status in ('ready', 'collected')";
    sql.fetch_one(text, args![store, since]).await?.get("pace")
}

/// Moves a ticket from the state it was decided in; false where it has left it.
pub(super) async fn move_in(tx: &mut Tx, from: FulfilmentStatus, to: &TicketRow) -> Result<bool, DbError> {
    let (holder, name) = to.claimed_by.clone().map(|person| (person.id, person.name)).unzip();
    let moved = tx
        .execute(
            "update fulfilment set status = $1, since = $2, claimed_by = $3, claimed_name = $4, started_at = $5, made_at = $6, \
             left_by = null, left_name = null where id = $7 and status = $8",
            args![to.status.as_str(), to.since, holder, name, to.started_at, to.made_at, to.id, from.as_str()],
        )
        .await?;
    Ok(moved == 1)
}

/// Puts a claimed ticket back into the queue, where the very claim still holds, and keeps whose it was.
pub(super) async fn put_back_in(tx: &mut Tx, ticket: &TicketRow, holder: &Person) -> Result<bool, DbError> {
    let now = tx.now();
    let moved = tx
        .execute(
            "update fulfilment set status = 'queued', since = $1, claimed_by = null, claimed_name = null, started_at = null, \
             left_by = $2, left_name = $3 where id = $4 and status = 'making' and claimed_by = $2 and started_at = $5",
            args![now, holder.id, &holder.name, ticket.id, ticket.started_at],
        )
        .await?;
    Ok(moved == 1)
}

/// Fails what is not handed over, and says what that was.
pub(super) async fn fail_in(tx: &mut Tx, order: OrderId, reason: &str) -> Result<Vec<TicketRow>, DbError> {
    let now = tx.now();
    let text = "update fulfilment set status = 'failed', reason = $1, since = $2 \
                where order_id = $3 and status not in ('collected', 'shipped', 'failed') returning *";
    tx.fetch_all(text, args![reason, now, order]).await?.iter().map(TicketRow::from_row).collect()
}
