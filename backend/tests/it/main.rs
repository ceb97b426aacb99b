//! The shop against real databases: one binary, so that it links once and shares one PostgreSQL.

mod board_gone;
mod cafe;
mod catalog;
mod check;
mod garbage;
mod idempotency;
mod identity;
mod inventory;
mod kiosk;
mod live;
mod model;
mod ordering;
mod payment;
mod pickup;
mod prep;
mod races;
mod refund;
mod report;
mod seed;
mod sign_in;
mod small_shop;
mod spine;
mod staff;
mod support;
mod top_up;
mod wallet;
