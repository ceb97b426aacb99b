//! The shop itself: what it remembers, decides and does. It names neither a page nor a route.
//!
//! The spine, in reading order: the [`clock`], the database ([`db`]), the [`log`] of facts, who follows it
//! ([`subscriber`]), what is to happen later ([`timer`]) or outside ([`job`]), who does it alone ([`lease`]), and the
//! [`runner`] that keeps all of them going. Every context stands on these and only these.
//!
//! The contexts: [`identity`] (who is asking, and what they may do).

pub mod clock;
pub mod db;
pub mod idempotency;
pub mod identity;
pub mod job;
pub mod lease;
pub mod log;
pub mod refused;
pub mod runner;
pub mod subscriber;
pub mod timer;
