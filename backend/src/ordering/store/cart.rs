//! Lines of carts.

use domain::pricing::{LineRequest, MAX_QUANTITY};
use domain::{LineId, StoreId, Timestamp};
use uuid::Uuid;

use super::json;
use crate::args;
use crate::db::{DbError, Row, Sql, Tx};
use crate::identity::Owner;
use crate::ordering::CartLine;

fn from_row(row: &Row) -> Result<CartLine, DbError> {
    let request = LineRequest { sku: row.get("sku")?, quantity: row.get("quantity")?, options: row.json("options")? };
    Ok(CartLine { id: row.get("id")?, request })
}

pub(in super::super) async fn cart(sql: &mut impl Sql, owner: &Owner, store: &StoreId) -> Result<Vec<CartLine>, DbError> {
    let text = "select * from cart_line where owner = $1 and store = $2 order by added_at, id";
    sql.fetch_all(text, args![owner.to_string(), store]).await?.iter().map(from_row).collect()
}

/// The lines, which are theirs alone until the end of the transaction: whoever orders them meanwhile is waited for, and has taken them.
pub(in super::super) async fn lock_cart_in(tx: &mut Tx, owner: &Owner, store: &StoreId) -> Result<Vec<CartLine>, DbError> {
    let text = tx.either(
        "select * from cart_line where owner = $1 and store = $2 order by added_at, id",
        "select * from cart_line where owner = $1 and store = $2 order by added_at, id for update",
    );
    tx.fetch_all(text, args![owner.to_string(), store]).await?.iter().map(from_row).collect()
}

/// Adds to the line that has this item with these options; `None` where there is none, or it would become too many.
pub(in super::super) async fn add_to_line_in(
    tx: &mut Tx,
    owner: &Owner,
    store: &StoreId,
    line: &LineRequest,
) -> Result<Option<LineId>, DbError> {
    let text = "update cart_line set quantity = quantity + $1 \
                where owner = $2 and store = $3 and sku = $4 and options = $5 and quantity + $1 <= $6 returning id";
    let options = json(&line.options)?;
    let row = tx.fetch_optional(text, args![line.quantity, owner.to_string(), store, &line.sku, options, MAX_QUANTITY]).await?;
    row.map(|row| row.get("id")).transpose()
}

/// How many lines there are, and how many of this item with these options, where one of them has it.
pub(in super::super) async fn lines_in_cart(
    sql: &mut impl Sql,
    owner: &Owner,
    store: &StoreId,
    line: &LineRequest,
) -> Result<(i64, Option<i64>), DbError> {
    let lines = cart(sql, owner, store).await?;
    let same = lines.iter().find(|l| l.request.sku == line.sku && l.request.options == line.options);
    Ok((lines.len() as i64, same.map(|same| same.request.quantity)))
}

/// Adds a line; where the same one was added meanwhile, to that.
pub(in super::super) async fn add_line_in(tx: &mut Tx, owner: &Owner, store: &StoreId, line: &LineRequest) -> Result<LineId, DbError> {
    let now = tx.now();
    let row = tx
        .fetch_one(
            "insert into cart_line (id, owner, store, sku, options, quantity, added_at) values ($1, $2, $3, $4, $5, $6, $7) \
             on conflict (owner, store, sku, options) do update set quantity = case \
               when cart_line.quantity + excluded.quantity > $8 then $8 else cart_line.quantity + excluded.quantity end \
             returning id",
            args![LineId(Uuid::now_v7()), owner.to_string(), store, &line.sku, json(&line.options)?, line.quantity, now, MAX_QUANTITY],
        )
        .await?;
    row.get("id")
}

pub(in super::super) async fn set_quantity_in(
    tx: &mut Tx,
    owner: &Owner,
    store: &StoreId,
    line: LineId,
    quantity: i64,
) -> Result<bool, DbError> {
    let text = "update cart_line set quantity = $1 where id = $2 and owner = $3 and store = $4";
    Ok(tx.execute(text, args![quantity, line, owner.to_string(), store]).await? == 1)
}

pub(in super::super) async fn remove_line_in(tx: &mut Tx, owner: &Owner, store: &StoreId, line: LineId) -> Result<bool, DbError> {
    let text = "delete from cart_line where id = $1 and owner = $2 and store = $3";
    Ok(tx.execute(text, args![line, owner.to_string(), store]).await? == 1)
}

/// Takes so many of an item with these options out, or what there is of it, at the end of the transaction.
pub(in super::super) async fn take_out_later_in(tx: &mut Tx, owner: &Owner, store: &StoreId, line: &LineRequest) -> Result<(), DbError> {
    // Each row meets one of the two.
    let less =
        "update cart_line set quantity = quantity - $1 where owner = $2 and store = $3 and sku = $4 and options = $5 and quantity > $1";
    let none = "delete from cart_line where quantity <= $1 and owner = $2 and store = $3 and sku = $4 and options = $5";
    let options = json(&line.options)?;
    for text in [less, none] {
        tx.later(text, args![line.quantity, owner.to_string(), store, &line.sku, &options]).await?;
    }
    Ok(())
}

/// A line that has been taken out of a cart, with all that it was.
pub(in super::super) struct TakenLine {
    store: StoreId,
    line: CartLine,
    added_at: Timestamp,
}

impl TakenLine {
    pub(in super::super) const fn quantity(&self) -> i64 {
        self.line.request.quantity
    }

    /// Another item, where the line stood.
    pub(in super::super) fn become_line(mut self, request: LineRequest) -> Self {
        self.line.request = request;
        self
    }
}

/// Takes a line out of a cart; `None` where it is not there.
pub(in super::super) async fn take_line_in(
    tx: &mut Tx,
    owner: &Owner,
    store: &StoreId,
    line: LineId,
) -> Result<Option<TakenLine>, DbError> {
    let text = "delete from cart_line where id = $1 and owner = $2 and store = $3 returning *";
    tx.fetch_optional(text, args![line, owner.to_string(), store]).await?.as_ref().map(taken).transpose()
}

fn taken(row: &Row) -> Result<TakenLine, DbError> {
    Ok(TakenLine { store: row.get("store")?, line: from_row(row)?, added_at: row.get("added_at")? })
}

/// Empties all carts of a shopper and answers what was in them, the oldest first.
pub(in super::super) async fn take_cart_in(tx: &mut Tx, owner: &Owner) -> Result<Vec<TakenLine>, DbError> {
    let rows = tx.fetch_all("delete from cart_line where owner = $1 returning *", args![owner.to_string()]).await?;
    let mut lines = rows.iter().map(taken).collect::<Result<Vec<_>, DbError>>()?;
    // Whoever else fills the same cart takes its lines in the same order.
    lines.sort_by_key(|taken| (taken.added_at, taken.line.id));
    Ok(lines)
}

/// Puts such a line into another shopper's cart, as it was; the same item with the same options adds up, to at most 99.
pub(in super::super) async fn adopt_line_in(tx: &mut Tx, owner: &Owner, taken: TakenLine) -> Result<(), DbError> {
    let TakenLine { store, line: CartLine { id, request }, added_at } = taken;
    tx.execute(
        "insert into cart_line (id, owner, store, sku, options, quantity, added_at) values ($1, $2, $3, $4, $5, $6, $7) \
         on conflict (owner, store, sku, options) do update set quantity = case \
           when cart_line.quantity + excluded.quantity > $8 then $8 else cart_line.quantity + excluded.quantity end",
        args![id, owner.to_string(), store, &request.sku, json(&request.options)?, request.quantity, added_at, MAX_QUANTITY],
    )
    .await
    .map(drop)
}
