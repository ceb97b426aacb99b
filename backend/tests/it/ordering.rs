//! Carts, checkouts, orders: from the first line to the last hand-over.

mod cart;
mod checkout;
mod life;
mod numbers;
mod random;
mod resume;
