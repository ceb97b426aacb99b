//! Everything that needs a real browser: journeys, photographs and the bench. All live in `end2end`, all are run by
//! Playwright, and all against the release build, since that is what ships.
use crate::{
    server, site, toolchain,
    workspace::{Mode, Workspace},
};
use anyhow::{Result, bail};
use std::process::Command;

/// Builds what ships and runs the tests of one Playwright configuration of `end2end` against it.
pub fn run(workspace: &Workspace, config: &str, args: &[String]) -> Result<()> {
    let folder = workspace.in_root("end2end");
    if !folder.join("node_modules").is_dir() {
        bail!("the packages of end2end are not installed: run `npm ci --prefix end2end`");
    }
    site::build(workspace, Mode::Release)?;
    let binary = server::build(workspace, Mode::Release)?;
    toolchain::run(
        Command::new("node")
            .current_dir(folder)
            .args(["node_modules/@playwright/test/cli.js", "test", "--config", config])
            .args(args)
            .env("ORDERLY_BIN", binary),
        "install Node 20 or newer: https://nodejs.org/en/download",
    )
}
