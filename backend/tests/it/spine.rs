//! The spine: transactions, log, subscribers, timers, jobs, leases, and what happens when the database goes away.

mod probe;

mod jobs;
mod leases;
mod log;
mod opening;
mod outage;
mod speed;
mod subscribers;
mod timers;
mod transactions;
