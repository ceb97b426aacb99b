//! The real binary, started, asked, killed: one test binary, so that it links once and shares one PostgreSQL.

mod command_line;
mod contract;
mod frame;
mod live;
mod process;
mod support;
