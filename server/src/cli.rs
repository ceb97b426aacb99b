//! The command line. Answers go to standard output and nothing else does, so that `TOKEN=$(orderly token issue …)` works;
//! whatever else is to be said goes to standard error.

mod backup;
mod check;
mod events;
mod output;
mod parked;
mod pay_sim;
mod robot;
mod sagas;
mod staff;
mod token;

use std::io::IsTerminal as _;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use backend::Backend;
use backend::clock::Clock;
use clap::{Parser, Subcommand};
use domain::StoreId;
use domain::view::Role;

pub use self::output::Output;
use crate::config::{InvalidSetting, LogFormat, Settings};
use crate::serve;

/// Orderly: a storefront and realtime order tracker for cafés, shops and warehouses.
#[derive(Debug, Parser)]
#[command(name = "orderly", version, about, after_help = "Settings are environment variables; see README.md.")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open the shop: HTTP, MQTT and everything that happens by itself (the default).
    Serve,
    /// Fill the database with a shop.
    Seed {
        #[command(subcommand)]
        shop: Shop,
    },
    /// Bring the database's schema up to date.
    Migrate,
    /// Bearer tokens of devices, programs and staff.
    Token {
        #[command(subcommand)]
        command: token::Command,
    },
    /// The people who work in a store.
    Staff {
        #[command(subcommand)]
        command: staff::Command,
    },
    /// Prove from the database that nothing is lost and nothing is there twice: stock, money, places, numbers, the log.
    /// Can be run beside a server. Exit 1, with what is broken, where anything is.
    Check {
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Write the whole shop, as it is at one moment, into a new file. Can be run beside a server.
    Backup {
        /// Where to; it must not be there yet.
        file: PathBuf,
    },
    /// Make the shop of a backup, where `DATABASE_URL` names a database that is new or empty. Stop the servers of that address first.
    Restore {
        /// What `orderly backup` wrote, of the same kind of database.
        file: PathBuf,
    },
    /// Orders that are on their way from one step to the next, and those that are stuck.
    Sagas {
        #[command(subcommand)]
        command: sagas::Command,
    },
    /// The card provider for demos and tests, alone.
    PaySim(pay_sim::PaySim),
    /// Simulated shoppers and baristas at a running shop, over its public HTTP API: a shop that is alive, to look at.
    Robot(robot::Robot),
    /// The log of everything that happened.
    Events {
        #[command(subcommand)]
        command: events::Command,
    },
}

#[derive(Debug, Subcommand)]
enum Shop {
    /// The demo shop: a café, a coffee stand and a web shop. Doing it twice changes nothing.
    Demo,
    /// The store `bench`, for measuring.
    Bench {
        /// How many products it sells.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        products: u32,
    },
}

/// Runs the program: 0 when it did what it was asked for, 2 for a wrong command line or setting, 1 for anything else.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let settings = match Settings::from_env() {
        Ok(settings) => settings,
        Err(error) => return fail(&error.into()),
    };
    log_by(&settings);
    // One thread a core: the work is waiting, and each thread costs memory.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => {
            // What has not ended by then waits for something that does not come, and ends with the process: a task that is just running
            // while its runtime is taken down panics.
            ManuallyDrop::new(runtime).block_on(execute(cli.command.unwrap_or(Command::Serve), settings))
        }
        Err(error) => Err(anyhow::Error::new(error).context("the program cannot start")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// One line, without a backtrace.
fn fail(error: &anyhow::Error) -> ExitCode {
    // Who read our output has left, as `head` does: nothing is wrong.
    if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    let line = format!("{error:#}").replace('\n', " ");
    eprintln!("orderly: {line}");
    ExitCode::from(if error.is::<InvalidSetting>() { 2 } else { 1 })
}

async fn execute(command: Command, settings: Settings) -> anyhow::Result<()> {
    match command {
        Command::Serve => return serve::run(settings).await,
        Command::PaySim(command) => return pay_sim::run(&settings, command).await,
        Command::Robot(command) => return robot::run(&settings, command).await,
        Command::Restore { file } => return backup::restore(&settings, &file).await,
        Command::Migrate => {
            let backend = open(&settings).await?;
            backend.close().await;
            return Output::stdout().line("the database is up to date");
        }
        _ => {}
    }
    if !matches!(command, Command::Seed { .. }) {
        settings.database_is_there()?;
    }
    let backend = open(&settings).await?;
    let result = match command {
        Command::Serve | Command::Migrate | Command::PaySim(_) | Command::Robot(_) | Command::Restore { .. } => Ok(()),
        Command::Seed { shop } => seed(&backend, shop).await,
        Command::Token { command } => token::run(&backend, command).await,
        Command::Staff { command } => staff::run(&backend, command).await,
        Command::Backup { file } => backup::save(&backend, &settings, &file).await,
        Command::Check { json } => check::run(&backend, json).await,
        Command::Sagas { command } => sagas::run(&backend, command).await,
        Command::Events { command } => events::run(&backend, command).await,
    };
    backend.close().await;
    result
}

async fn open(settings: &Settings) -> anyhow::Result<Backend> {
    Ok(Backend::open(settings.backend(None, None), Clock::system()).await?)
}

async fn seed(backend: &Backend, shop: Shop) -> anyhow::Result<()> {
    let done = match shop {
        Shop::Demo => {
            backend::seed::demo(&backend.db).await?;
            "the demo shop is there: harbor, pier, unicorn".to_owned()
        }
        Shop::Bench { products } => {
            backend::seed::bench(&backend.db, products).await?;
            format!("the store bench sells {products} products")
        }
    };
    Output::stdout().line(&done)
}

/// The store of that name, or an error that names those there are.
async fn store(backend: &Backend, text: &str) -> anyhow::Result<StoreId> {
    let id: StoreId = text.parse().with_context(|| format!("--store '{text}'"))?;
    let stores = backend.stores.list(&mut backend.db.reader()).await?;
    if stores.iter().any(|store| store.id == id) {
        return Ok(id);
    }
    let known: Vec<_> = stores.iter().map(|store| store.id.as_str()).collect();
    match known.as_slice() {
        [] => anyhow::bail!("there is no store yet; make some with `orderly seed demo`"),
        known => anyhow::bail!("there is no store '{id}'; there are {}", known.join(", ")),
    }
}

/// A role, or the ones that there are.
fn role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|_| "there are barista, warehouse, manager, operator, merchant and kiosk".to_owned())
}

/// Logs go to standard error.
fn log_by(settings: &Settings) {
    // `read` has looked at the filter already.
    let filter = tracing_subscriber::EnvFilter::new(&settings.log_filter);
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().flatten_event(true).init(),
    }
}
