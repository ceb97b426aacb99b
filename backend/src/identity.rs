//! Identity: who is asking, and what they may do.
//!
//! A [`Caller`] comes out of a cookie or a bearer token; [`rights`] is the one table of who may do what; [`secret`] is what
//! signs and hides.

pub mod caller;
pub mod cookie;
pub mod rights;
pub mod secret;

pub use caller::{Caller, Owner};
pub use rights::{Right, Whose};
pub use secret::{Keys, Secret};
