//! What a load is made of: a client that speaks HTTP, and chance that can be repeated.
pub mod chance;
pub mod http;
