//! Where everything is: the addresses of the pages and of the forms.

use std::fmt::Display;

pub const HOME: &str = "/";
pub const ORDERS: &str = "/orders";
pub const STAFF: &str = "/staff";

/// A store's menu.
pub fn store(store: impl Display) -> String {
    format!("/s/{store}")
}

/// A product with its options.
pub fn product(store: impl Display, product: impl Display) -> String {
    format!("/s/{store}/p/{product}")
}

/// Cart and checkout.
pub fn checkout(store: impl Display) -> String {
    format!("/s/{store}/checkout")
}

/// An order's tracker.
pub fn order(id: impl Display) -> String {
    format!("/orders/{id}")
}

/// The barista's board.
pub fn queue(store: impl Display) -> String {
    format!("/staff/{store}/queue")
}

/// Where forms are posted to: the server functions of the same names.
pub mod form {
    pub const LANGUAGE: &str = "/do/language";
    pub const CART_ADD: &str = "/do/cart/add";
    pub const CART_SET: &str = "/do/cart/set";
    pub const HOLD: &str = "/do/checkout/hold";
    pub const PLACE: &str = "/do/checkout/place";
    pub const ORDER_CANCEL: &str = "/do/order/cancel";
    pub const STAFF_SIGN_IN: &str = "/do/staff/sign-in";
    pub const STAFF_SIGN_OUT: &str = "/do/staff/sign-out";
    pub const TICKET: &str = "/do/staff/ticket";
    pub const ITEM: &str = "/do/staff/item";
    pub const OPEN: &str = "/do/staff/open";
}
