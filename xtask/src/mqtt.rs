//! What the MQTT gateway bears: load and nonsense, both against the release build.
use crate::{toolchain, workspace::Workspace};
use anyhow::Result;

const HOW_TO_INSTALL: &str = "install Rust with https://rustup.rs";

/// Runs the load generator, `server/benches/mqtt_load`.
pub fn load(workspace: &Workspace, args: &[String]) -> Result<()> {
    let cargo = ["bench", "--package=server", "--bench=mqtt_load", "--"];
    toolchain::run(toolchain::cargo().current_dir(&workspace.root).args(cargo).args(args), HOW_TO_INSTALL)
}

/// Runs the fuzz harness, `server/tests/mqtt/fuzz.rs`, with so many packets.
pub fn fuzz(workspace: &Workspace, packets: u64) -> Result<()> {
    let cargo = ["test", "--release", "--package=server", "--test=mqtt", "fuzz", "--", "--nocapture"];
    let mut command = toolchain::cargo();
    toolchain::run(command.current_dir(&workspace.root).args(cargo).env("FUZZ_PACKETS", packets.to_string()), HOW_TO_INSTALL)
}
