//! The shop against real databases: one binary, so that it links once and shares one PostgreSQL.

mod spine;
mod support;
