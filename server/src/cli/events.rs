//! `orderly events`.

use std::time::Duration;

use anyhow::bail;
use backend::Backend;
use backend::db::Wake;
use backend::live::again;
use backend::log;
use clap::{Args, Subcommand};

use super::{Output, parked};

/// How many events are read at once.
const BATCH: i64 = 256;
/// Between two looks of who follows.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The newest events, oldest of them first.
    Tail(Tail),
    /// Events that a subscriber could not handle, and those of the same stream that wait behind them.
    Parked {
        /// One JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Let a subscriber try a parked stream again, in order.
    Retry {
        /// Its name.
        subscriber: String,
        /// The stream, as `events parked` shows it.
        stream: String,
    },
    /// Give up the first parked event of a stream, for good, and go on with those behind it.
    Drop {
        /// The subscriber's name.
        subscriber: String,
        /// The stream, as `events parked` shows it.
        stream: String,
    },
    /// Let a projection forget what it has built and read the log again from its start.
    Replay {
        /// Its name.
        subscriber: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Tail {
    /// How many.
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(i64).range(0..))]
    lines: i64,
    /// Go on with what happens from now on, until interrupted.
    #[arg(long, short)]
    follow: bool,
    /// One CloudEvent a line.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(backend: &Backend, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Tail(tail) => tail.run(backend).await,
        Command::Parked { json } => parked::list(backend, json).await,
        Command::Retry { subscriber, stream } => parked::retry(backend, &subscriber, &stream).await,
        Command::Drop { subscriber, stream } => parked::drop_first(backend, &subscriber, &stream).await,
        Command::Replay { subscriber } => {
            let runner = backend.runner();
            let Some(found) = runner.subscribers().iter().find(|s| s.name() == subscriber) else {
                let projections: Vec<_> = runner.subscribers().iter().filter(|s| s.projection()).map(|s| s.name()).collect();
                bail!("there is no subscriber '{subscriber}'; what can be replayed: {}", projections.join(", "));
            };
            log::replay(&backend.db, found.clone()).await?;
            Output::stdout().line(&format!("{subscriber} reads the log again from its start"))
        }
    }
}

impl Tail {
    async fn run(self, backend: &Backend) -> anyhow::Result<()> {
        if !self.follow {
            return self.tell(backend).await;
        }
        tokio::select! {
            told = self.tell(backend) => told,
            // Also while the database says nothing.
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    }

    async fn tell(&self, backend: &Backend) -> anyhow::Result<()> {
        let mut output = Output::stdout();
        let mut reader = backend.db.reader();
        // Before the first look, so that nothing is missed between it and the first wait.
        let woken = backend.db.wakes().listen(|wake| matches!(wake, Wake::Event(_)));
        let mut position = (log::head(&mut reader).await? - self.lines).max(0);
        let mut failures = 0;
        loop {
            let pause = loop {
                let events = match log::read(&mut reader, position, &[], BATCH).await {
                    Ok(events) => events,
                    // It comes back, and so do we, to where we were.
                    Err(error) if self.follow && error.is_transient() => {
                        if failures == 0 {
                            eprintln!("orderly: {error}; trying again");
                        }
                        failures += 1;
                        break again(failures - 1);
                    }
                    Err(error) => return Err(error.into()),
                };
                failures = 0;
                for event in &events {
                    position = event.position;
                    if self.json {
                        output.json(&event.cloud_event())?;
                    } else {
                        output.line(&format!("{} {} {} {} {}", event.position, event.at, event.type_name, event.subject, event.actor))?;
                    }
                }
                if (events.len() as i64) < BATCH {
                    break LOOK;
                }
            };
            if !self.follow {
                return Ok(());
            }
            tokio::select! {
                () = woken.woken() => {}
                // What other processes write is not always told.
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}
