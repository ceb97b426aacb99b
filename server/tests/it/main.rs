//! The real binary, started, asked, killed: one test binary, so that it links once and shares one PostgreSQL.

mod brokers;
mod command_line;
mod contract;
mod forms;
mod frame;
mod interop;
mod kiosk;
mod live;
mod pages;
mod payment;
mod pickup;
mod process;
mod rights;
mod robot;
mod robots;
mod security;
mod settings;
mod sign_in;
mod staff;
mod support;
mod switches;
mod today;
mod top_up;
