//! The shop against real databases: one binary, so that it links once and shares one PostgreSQL.

mod idempotency;
mod spine;
mod support;
