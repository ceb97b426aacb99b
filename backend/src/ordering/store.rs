//! The SQL of carts, checkouts and orders.

mod cart;
mod checkout;
pub(super) mod invariants;
mod order;
mod sales;

pub(super) use self::cart::{
    add_line_in, add_to_line_in, adopt_line_in, cart, lines_in_cart, lock_cart_in, remove_line_in, set_quantity_in, take_cart_in,
    take_line_in, take_out_later_in,
};
pub(super) use self::checkout::{
    CheckoutRow, CheckoutStatus, checkout, end_checkout_in, forget_networks_in, give_checkout_in, give_ended_checkouts_in,
    insert_checkout_in, kept_checkouts, live_checkout, live_checkouts, lock_live_checkout_in, places_of_network,
};
pub(crate) use self::order::OrderRow;
pub(super) use self::order::{
    NewOrder, advance_in, end_step_in, forget_addresses_in, forget_reasons_in, fulfilments, give_orders_in, keep_orders_in, lock_order_in,
    nth_newest, number_order_in, numbers, order, orders_before, orders_of, orders_of_day, origins, owners, pass_step_in,
    purge_kept_orders_in, sagas, step_in, touch_in, touch_later_in, turn_step_in, under_way,
};
pub(super) use self::sales::{sales, so_far};

use crate::db::DbError;

/// A value of the domain as JSON text.
fn json(value: &impl serde::Serialize) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::Defect(error.to_string()))
}
