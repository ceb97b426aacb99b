//! The `orderly` binary: built, and run.
use crate::{
    toolchain,
    workspace::{Mode, Workspace},
};
use anyhow::{Result, bail};
use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

/// Builds it as `cargo test` does, with the features that the tests' own dependencies bring: where the tests are built, so
/// is this. (That a bench is built with it, the smallest of what needs them, is what tells cargo.)
pub fn build_as_tests_do(workspace: &Workspace) -> Result<PathBuf> {
    toolchain::run(
        toolchain::cargo().current_dir(&workspace.root).args(["build", "--bin=orderly", "--bench=mqtt_load"]),
        "install Rust with https://rustup.rs",
    )?;
    Ok(workspace.binary(Mode::Debug))
}

pub fn build(workspace: &Workspace, mode: Mode) -> Result<PathBuf> {
    toolchain::run(
        toolchain::cargo().current_dir(&workspace.root).args(["build", "--package=server", "--profile", mode.server_profile()]),
        "install Rust with https://rustup.rs",
    )?;
    Ok(workspace.binary(mode))
}

pub fn command(workspace: &Workspace, binary: &Path, args: &[String]) -> Command {
    let mut command = Command::new(binary);
    command.current_dir(&workspace.root).args(args);
    command
}

/// Becomes the server, so that signals reach it and its exit code is this program's. Returns only on failure.
pub fn replace_process(workspace: &Workspace, binary: &Path, args: &[String]) -> Result<()> {
    let error = command(workspace, binary, args).exec();
    bail!("{} did not start: {error}", binary.display())
}
