//! The browser code: cargo for wasm32, wasm-bindgen, and in release Binaryen's optimiser.
use crate::{
    stamp::{Fingerprint, Stamp},
    toolchain,
    workspace::{Mode, OUTPUT_NAME, Workspace},
};
use anyhow::{Context, Result};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};
use wasm_bindgen_cli_support::Bindgen;

/// Exactly what rustc emits by default: with more, old browsers refuse the file.
const WASM_OPT_ARGS: [&str; 7] = [
    "-Oz",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-multivalue",
    "--enable-reference-types",
];

/// The module and the script that loads it, not yet under their hashed names.
pub struct Front {
    pub js: PathBuf,
    pub wasm: PathBuf,
}

impl Front {
    /// The name by which the script refers to the module.
    pub const WASM_NAME: &str = "orderly_bg.wasm";

    fn in_folder(folder: &Path) -> Self {
        Self { js: folder.join(format!("{OUTPUT_NAME}.js")), wasm: folder.join(Self::WASM_NAME) }
    }
}

pub fn build(workspace: &Workspace, mode: Mode) -> Result<Front> {
    toolchain::ensure_wasm_target(workspace)?;
    compile(workspace, mode)?;

    let optimiser = (mode == Mode::Release).then(|| toolchain::wasm_opt(workspace)).flatten();
    let raw = workspace.raw_wasm(mode);
    let mut inputs = Fingerprint::default()
        .with_file(&raw)?
        // This program carries wasm-bindgen: a new one must bind again.
        .with_file(&env::current_exe()?)?;
    if let Some(tool) = &optimiser {
        inputs = inputs.with(tool.as_os_str().as_encoded_bytes());
    }
    let steps = workspace.steps(mode);
    let folder = steps.join("front");
    let front = Front::in_folder(&folder);
    let stamp = Stamp::new(&steps, "front", inputs);
    if stamp.is_fresh(&[&front.js, &front.wasm]) {
        return Ok(front);
    }

    fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
    bind(&raw, &folder, mode)?;
    match (mode, &optimiser) {
        (Mode::Release, Some(tool)) => optimise(tool, &front.wasm)?,
        (Mode::Release, None) => eprintln!(
            "wasm-opt is not installed, so the browser code stays about a tenth larger than it could be: \
             `npm ci --prefix end2end` or `apt-get install binaryen` brings it."
        ),
        (Mode::Debug, _) => {}
    }
    stamp.write()?;
    Ok(front)
}

fn compile(workspace: &Workspace, mode: Mode) -> Result<()> {
    toolchain::run(
        Command::new(toolchain::cargo()).current_dir(&workspace.root).args([
            "build",
            "--package=frontend",
            "--lib",
            "--target",
            toolchain::WASM_TARGET,
            "--profile",
            mode.wasm_profile(),
        ]),
        "install Rust with https://rustup.rs",
    )
}

fn bind(raw: &Path, folder: &Path, mode: Mode) -> Result<()> {
    let debug = mode == Mode::Debug;
    Bindgen::new()
        .input_path(raw)
        .out_name(OUTPUT_NAME)
        .web(true)?
        .typescript(false)
        .keep_debug(false)
        .remove_name_section(!debug)
        .remove_producers_section(!debug)
        .generate(folder)
        .context("wasm-bindgen (its version in xtask/Cargo.toml must equal the one in Cargo.lock)")
}

fn optimise(tool: &Path, wasm: &Path) -> Result<()> {
    let before = fs::metadata(wasm)?.len();
    toolchain::run(
        Command::new(tool).args(WASM_OPT_ARGS).arg(wasm).arg("-o").arg(wasm),
        "`npm ci --prefix end2end` or `apt-get install binaryen`",
    )?;
    eprintln!("   Optimised the wasm module from {before} to {} bytes", fs::metadata(wasm)?.len());
    Ok(())
}
