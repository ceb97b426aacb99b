//! Orders as their shoppers and the staff see them.

use domain::event::{Actor, OrderCancelled};
use domain::ordering::CancelledBy;
use domain::view::{JourneyEntry, LineView, Naming, OrderView, Page, PaymentView, QuoteView};
use domain::{OrderId, StoreId, Timestamp};

use super::store::{self, OrderRow};
use super::{OrderingError, Orders, limits};
use crate::db::{DbError, Sql};
use crate::identity::{Caller, Owner, Right};
use crate::log::{self, Recorded};
use crate::prep::{Queue, Standing};

impl Orders {
    /// An order, for whoever may see it: that is the caller's to decide.
    pub async fn view(&self, sql: &mut impl Sql, id: OrderId, naming: Naming) -> Result<Option<OrderView>, DbError> {
        match store::order(sql, id).await? {
            Some(order) => Ok(Some(self.view_of(sql, order, naming).await?)),
            None => Ok(None),
        }
    }

    /// An order, for its owner and the store's staff; for everybody else there is none.
    pub async fn view_for(&self, sql: &mut impl Sql, caller: &Caller, id: OrderId, naming: Naming) -> Result<OrderView, OrderingError> {
        let order = find_for(sql, caller, id).await?;
        Ok(self.view_of(sql, order, naming).await?)
    }

    /// A shopper's orders, the newest first; `after` is the last one of the page before.
    pub async fn list(
        &self,
        sql: &mut impl Sql,
        owner: &Owner,
        after: Option<OrderId>,
        limit: i64,
        naming: Naming,
    ) -> Result<Page<OrderView>, DbError> {
        // One more than asked for tells whether there is another page.
        let mut orders = store::orders_of(sql, owner, after, limit + 1).await?;
        let more = orders.len() as i64 > limit;
        orders.truncate(limit.max(0) as usize);
        let next = orders.last().filter(|_| more).map(|order| order.id.to_string());
        let mut items = Vec::with_capacity(orders.len());
        for order in orders {
            items.push(self.view_of(sql, order, naming).await?);
        }
        Ok(Page { items, next })
    }

    /// Everything that happened to an order, in order; for its owner and the store's staff.
    pub async fn journey(&self, sql: &mut impl Sql, caller: &Caller, id: OrderId) -> Result<Vec<JourneyEntry>, OrderingError> {
        let order = find_for(sql, caller, id).await?;
        let events = log::read_stream(sql, &id.to_string()).await?;
        // What a shopper said of it is not in the log.
        let said = order.reason.filter(|_| order.cancelled_by == Some(CancelledBy::Customer));
        Ok(events.into_iter().map(|event| entry(event, said.as_deref())).collect())
    }

    /// Whose an order is and where; `None` where there is no such order.
    pub async fn owner_of(&self, sql: &mut impl Sql, id: OrderId) -> Result<Option<(Owner, StoreId)>, DbError> {
        Ok(store::owners(sql, &[id]).await?.into_iter().next().map(|(_, owner, store)| (owner, store)))
    }

    /// Whose these orders are; nobody's, of those that there are not.
    pub(crate) async fn owners_of(&self, sql: &mut impl Sql, orders: &[OrderId]) -> Result<Vec<Owner>, DbError> {
        Ok(store::owners(sql, orders).await?.into_iter().map(|(_, owner, _)| owner).collect())
    }

    async fn view_of(&self, sql: &mut impl Sql, order: OrderRow, naming: Naming) -> Result<OrderView, DbError> {
        let payment = self.payments.view(sql, order.id).await?.ok_or(DbError::NotFound)?;
        let standing = Queue.standing(sql, order.id, self.clock.now()).await?;
        let ready_by = if standing.is_before_ready() { limits::due_of(sql, &order).await? } else { None };
        let sequence = sql.sequence(order.version);
        Ok(assemble(order, payment, standing, ready_by, sequence, naming))
    }
}

/// An order as its shopper sees it, of what has been read. `ready_by`: the bar's time limit, while it has one. `sequence`: of its version.
pub(super) fn assemble(
    order: OrderRow,
    payment: PaymentView,
    standing: Standing,
    ready_by: Option<Timestamp>,
    sequence: i64,
    naming: Naming,
) -> OrderView {
    let statuses = standing.fulfilments.iter().map(|fulfilment| fulfilment.status).collect();
    let cancellable = order.state(statuses).cancellable_by_owner();
    OrderView {
        id: order.id,
        number: order.number,
        store: order.store,
        status: order.status,
        reason: order.reason,
        cancelled_by: order.cancelled_by,
        lines: order.quote.lines.iter().map(|line| LineView::of(line, naming)).collect(),
        quote: QuoteView::of(&order.quote, naming),
        payment,
        fulfilments: standing.fulfilments,
        queue_position: standing.position,
        estimated_ready_at: standing.estimated_ready_at,
        ready_by,
        cancellable,
        placed_at: order.placed_at,
        updated_at: order.updated_at,
        sequence,
    }
}

async fn find_for(sql: &mut impl Sql, caller: &Caller, id: OrderId) -> Result<OrderRow, OrderingError> {
    let order = store::order(sql, id).await?.ok_or(OrderingError::NotFound)?;
    let theirs = caller.owner() == Some(order.owner) || caller.may(Right::SeeOrder, &order.store);
    if theirs { Ok(order) } else { Err(OrderingError::NotFound) }
}

/// `said`: why its shopper has called the order off.
fn entry(event: Recorded, said: Option<&str>) -> JourneyEntry {
    let written = event.data.get("reason").and_then(|reason| reason.as_str());
    let reason = written.or_else(|| said.filter(|_| event.type_name == OrderCancelled::TYPE)).map(ToOwned::to_owned);
    let kiosk = event.data.get("kiosk").and_then(|kiosk| kiosk.as_str()?.parse().ok());
    let actor: Actor = event.actor;
    JourneyEntry { type_name: event.type_name, at: event.at, actor, reason, kiosk }
}
