//! Ordering: the cart, the checkout that holds what is in it, the order that comes of it, and the saga that takes the
//! order through its life.
//!
//! Locks are taken in one sequence everywhere: the store's, then the checkout or order, then what hangs on it. Who touches
//! no place and no stock leaves the store out. What every order does, beginning, placing and being paid for, has the store's
//! lock beside others ([`Stores::share_in`](crate::stores::Stores::share_in)) and takes what all of them wait for last: stock by SKU, the store's row, the
//! number. Under the order's lock [`domain::ordering::transition`] decides, and the
//! statement changes the row only from the state it was decided in, so every step happens once, whoever repeats it.

mod adopt;
mod cart;
mod checkout;
mod crowd;
mod daily;
pub(crate) mod day;
mod error;
pub(crate) mod invariants;
mod kept;
mod limits;
mod order;
mod pace;
mod saga;
mod sagas;
mod sales;
mod store;
mod view;

use std::collections::{BTreeSet, HashMap};

use domain::event::{Actor, OrderFulfilled};
use domain::ordering::{Change, Command};
use domain::{OrderId, StoreId};

pub use self::adopt::{adopt_in, forget_in, under_way};
pub use self::cart::{CartLine, Carts};
pub use self::checkout::Checkouts;
pub(crate) use self::daily::{limit_reached, purge_in};
pub use self::error::OrderingError;
pub use self::kept::KeptCheckout;
pub use self::limits::{BaristaLimit, CheckoutHold};
pub use self::order::Orders;
pub use self::saga::Saga;
pub use self::sagas::{SagaRow, Sagas, Step, Waits};
pub(crate) use self::sagas::{confirming_in, started_in, undone_in};
pub(crate) use self::sales::{Sale, Sold, sales, so_far};
pub(crate) use self::store::OrderRow;
use crate::db::{DbError, Sql, Tx};
use crate::identity::{Caller, Denied, Owner};
use crate::log::{self, NewEvent};
use crate::prep::Queue;
use crate::timer;

/// The store that an order belongs to, which never changes; `None` where there is no such order.
pub async fn store_of(sql: &mut impl Sql, order: OrderId) -> Result<Option<StoreId>, DbError> {
    Ok(store::owners(sql, &[order]).await?.into_iter().next().map(|(.., store)| store))
}

/// Whose carts, checkouts and orders are the caller's; devices and programs have none.
pub fn owner_of(caller: &Caller) -> Result<Owner, OrderingError> {
    if caller.is_nobody() {
        return Err(OrderingError::SessionRequired);
    }
    Ok(caller.owner().ok_or(Denied::Forbidden)?)
}

/// The numbers that these orders have at their stores.
pub(crate) async fn numbers(sql: &mut impl Sql, orders: impl Iterator<Item = OrderId>) -> Result<HashMap<OrderId, i64>, DbError> {
    store::numbers(sql, &orders.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()).await
}

/// An order, whoever's it is; `None` where there is no such order.
pub(crate) async fn find(sql: &mut impl Sql, order: OrderId) -> Result<Option<OrderRow>, DbError> {
    store::order(sql, order).await
}

/// Takes the order's lock until the end of the transaction; `None` where there is no such order.
pub(crate) async fn lock_in(tx: &mut Tx, order: OrderId) -> Result<Option<OrderRow>, DbError> {
    store::lock_order_in(tx, order).await
}

/// Something that can be seen of the order has changed: its version grows.
pub async fn touch_in(tx: &mut Tx, order: OrderId) -> Result<(), DbError> {
    store::touch_in(tx, order).await
}

/// As [`touch_in`], for who does not look at it again: at the end of the transaction.
pub(crate) async fn touch_later_in(tx: &mut Tx, order: OrderId) -> Result<(), DbError> {
    store::touch_later_in(tx, order).await
}

/// The bar was in time: its limit is taken back.
pub(crate) async fn limit_met_in(tx: &mut Tx, order: OrderId) -> Result<(), DbError> {
    timer::cancel_in(tx, limits::BARISTA_LIMIT, &order.to_string()).await.map(drop)
}

/// Ends an order whose last fulfilment was handed over; does nothing while another one is under way.
pub(crate) async fn fulfil_in(tx: &mut Tx, id: OrderId, actor: Actor) -> Result<(), OrderingError> {
    let order = lock_in(tx, id).await?.ok_or(OrderingError::NotFound)?;
    let state = order.state(Queue.statuses(tx, id).await?);
    let Ok(changes) = domain::ordering::transition(&state, Command::Fulfil) else { return Ok(()) };
    for change in changes {
        if store::advance_in(tx, &order, &change).await? && change == Change::Fulfilled {
            let event = OrderFulfilled { order: id, store: order.store.clone(), number: order.number };
            log::append_in(tx, NewEvent::new(event, id).at_store(&order.store).by(actor)).await?;
        }
    }
    Ok(())
}
