//! The binary `orderly`: the command line, the settings, HTTP, the MQTT gateway, and the start and stop of everything.
//!
//! In reading order: [`cli`] (what one can ask it to do) and [`config`] (the settings); [`serve`] (a server from start to
//! [`shutdown`]); [`router`], the table of contents of everything that HTTP answers, with what every request goes
//! through: [`observe`], [`security`], [`caller`], [`limits`]; and the answers: [`api`], [`site`] (pages and files),
//! [`health`] and [`metrics`]; the [`mqtt`] gateway; the card provider of demos and tests, [`pay_sim`], and shoppers and baristas
//! for a look at a shop that is alive, [`robot`].

pub mod api;
pub mod caller;
pub mod cli;
pub mod config;
pub mod health;
pub mod limits;
pub mod metrics;
pub mod mqtt;
pub mod observe;
pub mod pay_sim;
pub mod places;
pub mod robot;
pub mod router;
pub mod security;
pub mod serve;
pub mod shutdown;
pub mod site;
pub mod state;
