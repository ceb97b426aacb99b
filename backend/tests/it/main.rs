//! The shop against real databases: one binary, so that it links once and shares one PostgreSQL.

mod catalog;
mod idempotency;
mod inventory;
mod seed;
mod small_shop;
mod spine;
mod support;
