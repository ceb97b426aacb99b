//! What the MQTT gateway bears: load and nonsense, both against the release build.
use crate::{toolchain, workspace::Workspace};
use anyhow::{Context as _, Result};
use std::hash::{BuildHasher as _, RandomState};

const HOW_TO_INSTALL: &str = "install Rust with https://rustup.rs";

/// Runs the load generator, `server/benches/mqtt_load`.
pub fn load(workspace: &Workspace, args: &[String]) -> Result<()> {
    let cargo = ["bench", "--package=server", "--bench=mqtt_load", "--"];
    toolchain::run(toolchain::cargo().current_dir(&workspace.root).args(cargo).args(args), HOW_TO_INSTALL)
}

/// Runs the fuzz harness, `server/tests/mqtt/fuzz.rs`, with so many packets: those of this seed, or of one that nobody chose.
pub fn fuzz(workspace: &Workspace, packets: u64, seed: Option<u64>) -> Result<()> {
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(packets));
    println!("seed {seed}");
    let cargo = ["test", "--release", "--package=server", "--test=mqtt", "fuzz", "--", "--nocapture"];
    let mut command = toolchain::cargo();
    command.current_dir(&workspace.root).args(cargo).env("FUZZ_PACKETS", packets.to_string()).env("FUZZ_SEED", seed.to_string());
    toolchain::run(&mut command, HOW_TO_INSTALL)
        .with_context(|| format!("the same again: cargo xtask mqtt-fuzz --packets {packets} --seed {seed}"))
}
