//! Carts, checkouts, orders: from the first line to the last hand-over.

mod cart;
mod checkout;
mod crowd;
mod deaths;
mod life;
mod numbers;
mod pace;
pub(crate) mod random;
mod resume;
