//! What people see.
//!
//! In reading order: what is said ([`words`]), where everything is ([`paths`]), what crosses the wire inside the app
//! ([`wire`]), shared markup ([`pieces`]), what only a browser has ([`tab`]) and what comes by itself ([`live`]), then the
//! interactive [`islands`]. Pages, forms and everything that asks the shop live in `ssr` and exist on the server alone.

// The type of a page is as deep as its markup; release builds look through all of it.
#![recursion_limit = "512"]

pub mod erase;
pub mod islands;
pub mod live;
pub mod paths;
pub mod pieces;
pub mod tab;
pub mod wire;
pub mod words;

#[cfg(feature = "ssr")]
pub mod ssr;
