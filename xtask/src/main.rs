//! Builds what the browser gets and runs what stands beside it: `cargo xtask <command>`.
//!
//! - `workspace`: where things are; debug or release
//! - `toolchain`: the tools a build needs, and how to get a missing one
//! - `front`: the wasm module and its JavaScript
//! - `css`: one style sheet out of many
//! - `site`: the folder the server serves, with hashed names and compressed copies
//! - `server`: the `orderly` binary, built and run
//! - `watch`: rebuild and restart on change
//! - `size`: the budget of the browser code
//! - `journeys`: everything that needs a real browser
//! - `mqtt`: what the MQTT gateway bears
//! - `orders`: how many orders a second
//! - `torture`: everything that can break, broken while people buy; `load`: what it buys with
//! - `stamp`: skips a step whose inputs did not change
mod css;
mod front;
#[cfg(test)]
mod house;
mod journeys;
mod load;
mod mqtt;
mod orders;
mod server;
mod site;
mod size;
mod stamp;
mod toolchain;
mod torture;
mod watch;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use workspace::{Mode, Workspace};

/// So many orders show whether memory grows with them, in about a minute.
const MEMORY_ORDERS: u64 = 20_000;

/// Builds and runs Orderly.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the browser files and the server.
    Build {
        /// Optimised and compressed, as it ships.
        #[arg(long)]
        release: bool,
        /// Only the browser files, not the server.
        #[arg(long)]
        site_only: bool,
    },
    /// Build, then run the server in place of this process.
    Serve {
        #[arg(long)]
        release: bool,
        /// Passed to `orderly`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Build in debug, run, and build and restart again whenever a source file changes.
    Dev {
        /// Passed to `orderly`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Build in release and print the size of the browser code; fails above the budget.
    Size,
    /// Build in release and run the journeys of `end2end` in Chromium.
    Journeys {
        /// Passed to `playwright test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Break a shop of real processes in every way while people buy, then prove that nothing was lost or done twice.
    Torture(torture::Torture),
    /// Build in release and photograph every page into `end2end/shots`.
    Shots {
        /// Passed to `playwright test`, e.g. `-g checkout` for one page.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Build in release and print what the MQTT gateway bears, beside Mosquitto.
    MqttLoad {
        /// Which measurement, and its options: `fanout`, `orders` or `storm`; without it all. `--help` tells more.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Build in release and send the MQTT gateway nonsense.
    MqttFuzz {
        /// How many packets.
        #[arg(long, default_value_t = 10_000_000)]
        packets: u64,
        /// Which: the same ones for the same seed. Without it nobody chooses; it is printed.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Build in release and print how many orders a second it takes; `bench` does so, too.
    Orders {
        /// How long it is measured on each database.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        /// Instead: take so many on SQLite, print how the server's memory grows meanwhile, and fail where it grows too much.
        #[arg(long)]
        count: Option<u64>,
        /// Measure this server instead of building one.
        #[arg(long)]
        binary: Option<std::path::PathBuf>,
        /// Measure on this database alone.
        #[arg(long)]
        database: Option<torture::Database>,
    },
    /// Build in release and print the speed figures.
    Bench {
        /// Passed to `playwright test`, e.g. `-g pages` for one figure.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without the backtrace that `RUST_BACKTRACE` would add: what counts are the lines of the tool that failed, just above.
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let workspace = Workspace::find()?;
    match command {
        Command::Build { release, site_only } => {
            let mode = Mode::of(release);
            site::build(&workspace, mode)?;
            if !site_only {
                server::build(&workspace, mode)?;
            }
            Ok(())
        }
        Command::Serve { release, args } => {
            let mode = Mode::of(release);
            site::build(&workspace, mode)?;
            let binary = server::build(&workspace, mode)?;
            server::replace_process(&workspace, &binary, &args)
        }
        Command::Dev { args } => watch::run(&workspace, &args),
        Command::Size => {
            site::build(&workspace, Mode::Release)?;
            size::report(&workspace)
        }
        Command::Journeys { args } => journeys::run(&workspace, "playwright.config.ts", &args),
        Command::Torture(options) => torture::run(&workspace, &options),
        Command::Shots { args } => journeys::run(&workspace, "shots.config.ts", &args),
        Command::MqttLoad { args } => mqtt::load(&workspace, &args),
        Command::MqttFuzz { packets, seed } => mqtt::fuzz(&workspace, packets, seed),
        Command::Orders { count: Some(count), binary, .. } => orders::memory(&workspace, count, binary),
        Command::Orders { seconds, binary, database, .. } => orders::run(&workspace, seconds, binary, database),
        Command::Bench { args } => {
            let figures = journeys::run(&workspace, "bench.config.ts", &args);
            // Somebody who asks for one figure gets no other.
            if args.is_empty() {
                orders::run(&workspace, 20, None, None)?;
                orders::memory(&workspace, MEMORY_ORDERS, None)?;
            }
            figures
        }
    }
}
