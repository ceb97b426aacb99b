//! Everything that needs a real browser: journeys, photographs and the bench, all in `end2end`, all against the
//! release build, since that is what ships.
use crate::{
    server, site, toolchain,
    workspace::{Mode, Workspace},
};
use anyhow::{Result, bail};
use std::process::Command;

const NODE_HINT: &str = "install Node 20 or newer, then run `npm ci --prefix end2end`";

pub fn test(workspace: &Workspace, args: &[String]) -> Result<()> {
    let mut command = node(workspace, "node_modules/@playwright/test/cli.js")?;
    command.arg("test").args(args);
    toolchain::run(&mut command, NODE_HINT)
}

pub fn shots(workspace: &Workspace) -> Result<()> {
    let mut command = node(workspace, "node_modules/@playwright/test/cli.js")?;
    command.args(["test", "--config=shots.config.ts"]);
    toolchain::run(&mut command, NODE_HINT)
}

pub fn bench(workspace: &Workspace, args: &[String]) -> Result<()> {
    let mut command = node(workspace, "bench/main.mjs")?;
    command.args(args);
    toolchain::run(&mut command, NODE_HINT)
}

/// Builds what ships and prepares `node <script>` in `end2end`, with `ORDERLY_BIN` naming the server.
fn node(workspace: &Workspace, script: &str) -> Result<Command> {
    let folder = workspace.in_root("end2end");
    if !folder.join("node_modules").is_dir() {
        bail!("the packages of end2end are not installed: run `npm ci --prefix end2end`");
    }
    site::build(workspace, Mode::Release)?;
    let binary = server::build(workspace, Mode::Release)?;
    let mut command = Command::new("node");
    command.current_dir(folder).arg(script).env("ORDERLY_BIN", binary).env("ORDERLY_SITE", workspace.site(Mode::Release));
    Ok(command)
}
