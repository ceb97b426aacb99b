//! The tools a build needs: found, added where that is easy, or named with the way to install them.
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::{
    env,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The cargo that runs this program, without what it has told this program about itself: build scripts that ask for such
/// things (ring's does) would be run again, and everything above them built again, whenever somebody else calls cargo.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| text.starts_with(start)) {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// Runs a command to its end; a failure names it, and `hint` says how to get it when it is not there.
pub fn run(command: &mut Command, hint: &str) -> Result<()> {
    let status = command.status().map_err(|error| not_started(command, hint, &error))?;
    if !status.success() {
        bail!("{} failed: {status}", shown(command));
    }
    Ok(())
}

fn not_started(command: &Command, hint: &str, error: &std::io::Error) -> anyhow::Error {
    let name = Path::new(command.get_program()).display();
    if error.kind() == ErrorKind::NotFound {
        anyhow::anyhow!("{name} is not installed: {hint}")
    } else {
        anyhow::anyhow!("{name} did not start: {error}")
    }
}

/// A command as somebody would type it.
pub fn shown(command: &Command) -> String {
    std::iter::once(command.get_program()).chain(command.get_args()).map(|part| part.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Adds Rust's standard library for the browser when the toolchain lacks it.
pub fn ensure_wasm_target(workspace: &Workspace) -> Result<()> {
    if has_wasm_target()? {
        return Ok(());
    }
    eprintln!("The Rust target {WASM_TARGET} is missing; the browser code needs it. Adding it with rustup.");
    run(
        Command::new("rustup").args(["target", "add", WASM_TARGET]).current_dir(&workspace.root),
        "install Rust with https://rustup.rs, or your distribution's standard library for wasm32 \
         (Debian: libstd-rust-dev-wasm32)",
    )
}

fn has_wasm_target() -> Result<bool> {
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--print", "target-libdir", "--target", WASM_TARGET])
        .output()
        .context("rustc did not start: install Rust with https://rustup.rs")?;
    let folder = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && Path::new(folder.trim()).is_dir())
}

/// Binaryen's optimiser: `WASM_OPT`, else the npm package of `end2end`, else the one on `PATH`.
pub fn wasm_opt(workspace: &Workspace) -> Option<PathBuf> {
    if let Some(chosen) = env::var_os("WASM_OPT") {
        return Some(chosen.into());
    }
    let from_npm = workspace.in_root("end2end/node_modules/.bin/wasm-opt");
    if from_npm.exists() {
        return Some(from_npm);
    }
    on_path("wasm-opt")
}

pub fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|file| file.is_file())
}
