//! The torture: a shop of real processes is broken in every way that a bad week knows, while many people buy the same few
//! things and ask again until they are answered. Then it is healed, and what is in the database is compared with what
//! everybody was told. `cargo xtask torture --help`.
//!
//! - `house`: the processes, and what keeps them up; `ground`: database, disk and broker under them
//! - `people`: shoppers, and what each of them was told; `purse`: those with a wallet; `bank`: where cards want to be confirmed;
//!   `staff`: who works
//! - `monkey`: who breaks things, by a plan that the seed makes
//! - `verdict`: whether everything that was promised is so; `ledger`: and every cent in the wallets
mod bank;
pub mod ground;
mod house;
mod ledger;
mod monkey;
mod people;
mod purse;
mod staff;
mod verdict;

use crate::{
    server,
    workspace::{Mode, Workspace},
};
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use ground::Ground;
use house::House;
use monkey::Monkey;
use people::People;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

#[derive(Args)]
pub struct Torture {
    /// The same seed makes the same plan of breaking, and the same wishes of the same shoppers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many processes are killed before the shop is left in peace.
    #[arg(long, default_value_t = 300)]
    kills: u32,
    /// What it keeps its books in; PostgreSQL is served by two processes and a broker outside.
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
    /// The longest that it is broken; the kills may be over before.
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
    /// How many people buy at once.
    #[arg(long, default_value_t = 24)]
    shoppers: u64,
    /// The binary as it ships, instead of the debug build.
    #[arg(long)]
    release: bool,
    /// Break this server instead of building one.
    #[arg(long, conflicts_with = "release")]
    binary: Option<PathBuf>,
    /// Where the database and the logs are left for somebody who wants to look.
    #[arg(long)]
    keep: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// How long the shop has to settle everything once it is left in peace.
const QUIET: Duration = Duration::from_mins(2);
/// How long it takes to kill once, with everything else that is broken meanwhile; only to say beforehand how long it takes.
const A_KILL: Duration = Duration::from_secs(2);

pub fn run(workspace: &Workspace, options: &Torture) -> Result<()> {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None if options.release => server::build(workspace, Mode::Release)?,
        None => server::build_as_tests_do(workspace)?,
    };
    let ground = Ground::lay(options.database, options.keep.as_deref())?;
    let house = Arc::new(House::open(binary, &ground)?);
    let words = format!("{}, seed {}", ground.words(), options.seed);
    let minutes = (f64::from(options.kills) * A_KILL.as_secs_f64() / 60.0).min(options.minutes);
    println!("torture: {words}, {} kills: about {:.0} min, and at most 2 more until all is quiet", options.kills, minutes.ceil());
    let people = People::gather(options.seed, options.shoppers, &house)?;
    let begun = Instant::now();
    let mut monkey = Monkey::new(options.seed, house.clone(), ground);
    monkey.rage(options.kills, begun + Duration::from_secs_f64(options.minutes * 60.0))?;
    let raged = begun.elapsed();

    house.heal()?;
    let healed = Instant::now();
    people.stop_beginning();
    let mut told = people.wait_for_answers(healed + QUIET);
    let mut wrong = told.wrong();
    wrong.extend(verdict::settle(&mut told, healed + QUIET));
    wrong.extend(verdict::sagas(&house, healed + QUIET));
    wrong.extend(people.go_home());
    wrong.extend(verdict::compare(&mut told));
    wrong.extend(ledger::compare(&mut told));
    wrong.extend(verdict::charged(&house, &told, healed + QUIET));
    wrong.extend(verdict::check(&house));
    let quiet = healed.elapsed();
    wrong.extend(house.close());
    if monkey.kills() < options.kills / 2 {
        wrong.push(format!(
            "{} kills in {} minutes, of {} that were asked for: too few to prove it",
            monkey.kills(),
            options.minutes,
            options.kills
        ));
    }
    println!("{}", told.answers());
    println!("{}", monkey.words());
    if wrong.is_empty() {
        println!(
            "{words}: {} kills in {:.1} min, {}: 0 lost, 0 charged twice, 0 oversold, 0 stuck; quiet after {} s",
            monkey.kills(),
            raged.as_secs_f64() / 60.0,
            told.words(),
            quiet.as_secs()
        );
        return Ok(());
    }
    for wrong in &wrong {
        println!("WRONG  {wrong}");
    }
    let kept = monkey.keep_ground();
    bail!("{} things are wrong; the database and the logs are in {}", wrong.len(), kept.display());
}
