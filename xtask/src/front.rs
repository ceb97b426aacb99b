//! The browser code: cargo for wasm32, the split into parts that pages load when they need them, wasm-bindgen, and in
//! release Binaryen's optimiser.
//!
//! Every part carries the same fingerprint in its name. They name each other, so a name of its own for each would have
//! to be computed from names that depend on it.
use crate::{
    stamp::{self, Fingerprint, Stamp},
    toolchain,
    workspace::{Mode, OUTPUT_NAME, Workspace},
};
use anyhow::{Context, Result, anyhow};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};
use wasm_bindgen_cli_support::Bindgen;

mod again;
mod pack;

/// Exactly what rustc emits by default: with more, old browsers refuse the file. What tools wrote about themselves is left out: a
/// page fetches a hundred parts, and each says it again.
const WASM_OPT_ARGS: [&str; 9] = [
    "-Oz",
    "--strip-producers",
    "--strip-target-features",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-multivalue",
    "--enable-reference-types",
];

/// All files of the browser code under their final names.
pub struct Front {
    /// What `hash.txt` says about the script and the module.
    pub hash: String,
    pub files: Vec<PathBuf>,
}

pub fn build(workspace: &Workspace, mode: Mode) -> Result<Front> {
    toolchain::ensure_wasm_target(workspace)?;
    compile(workspace, mode)?;

    let optimiser = (mode == Mode::Release).then(|| toolchain::wasm_opt(workspace)).flatten();
    let raw = workspace.raw_wasm(mode);
    let mut inputs = Fingerprint::default()
        .with_file(&raw)?
        // This program carries the tools: a new one must do its work again.
        .with_file(&env::current_exe()?)?;
    if let Some(tool) = &optimiser {
        inputs = inputs.with(tool.as_os_str().as_encoded_bytes());
    }
    let hash = inputs.clone().finish();
    let steps = workspace.steps(mode);
    let folder = steps.join("front");
    let stamp = Stamp::new(&steps, "front", inputs);
    if !stamp.is_fresh(&[&script(&folder, &hash)]) {
        make(&raw, &folder, &hash, mode, optimiser.as_deref())?;
        stamp.write()?;
    }
    Ok(Front { hash, files: stamp::files(&folder)? })
}

fn script(folder: &Path, hash: &str) -> PathBuf {
    folder.join(format!("{OUTPUT_NAME}.{hash}.js"))
}

/// The script that fetches the parts.
fn loader(folder: &Path, hash: &str) -> PathBuf {
    folder.join(format!("__wasm_split.{hash}.js"))
}

fn compile(workspace: &Workspace, mode: Mode) -> Result<()> {
    let mut cargo = toolchain::cargo();
    cargo
        .current_dir(&workspace.root)
        .args(["rustc", "--package=frontend", "--lib", "--crate-type=cdylib"])
        .args(["--target", toolchain::WASM_TARGET, "--profile", mode.wasm_profile()])
        // The split follows the relocations to see which function needs which.
        .args(["--", "-Clink-args=--emit-relocs"]);
    toolchain::run(&mut cargo, "install Rust with https://rustup.rs")
}

fn make(raw: &Path, folder: &Path, hash: &str, mode: Mode, optimiser: Option<&Path>) -> Result<()> {
    let in_folder = || format!("{}", folder.display());
    let whole = folder.with_extension("main.wasm");
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(in_folder)?;
    }
    fs::create_dir_all(folder).with_context(in_folder)?;
    split(raw, &whole, folder, hash)?;
    bind(&whole, folder, hash, mode)?;
    match (mode, optimiser) {
        (Mode::Release, Some(tool)) => optimise(tool, folder)?,
        (Mode::Release, None) => eprintln!(
            "wasm-opt is not installed, so the browser code stays larger than it could be: \
             `npm ci --prefix end2end` or `apt-get install binaryen` brings it."
        ),
        (Mode::Debug, _) => {}
    }
    // After the optimiser, which needs every part as a module of its own. In debug the loader fetches them in words of its own, which
    // name the part that fails; nobody waits for them there.
    let loader = loader(folder, hash);
    if mode == Mode::Release {
        pack::pack(folder, &loader, hash)?;
    }
    again::ask_again(&loader)
}

/// Takes what only a lazy island needs out of the module, and writes the script that fetches it.
fn split(raw: &Path, main: &Path, folder: &Path, hash: &str) -> Result<()> {
    let input = fs::read(raw).with_context(|| format!("{}", raw.display()))?;
    let loader = loader(folder, hash);
    let link_name = format!("./__wasm_split.{hash}.js");
    let script = format!("./{OUTPUT_NAME}.{hash}.js");
    let mut options = wasm_split_cli_support::Options::new(&input);
    options.output_dir = folder;
    options.main_out_path = main;
    options.link_name = &link_name;
    options.main_module = &script;
    let parts = wasm_split_cli_support::transform(options).map_err(|error| anyhow!("splitting the browser code: {error:#}"))?;

    let mut text = fs::read_to_string(&loader).with_context(|| format!("{}", loader.display()))?;
    for part in parts.split_modules {
        let Some(name) = part.file_stem().and_then(|name| name.to_str()) else { continue };
        let hashed = format!("{name}.{hash}.wasm");
        text = text.replace(&format!("\"./{name}.wasm\""), &format!("\"./{hashed}\""));
        fs::rename(&part, folder.join(hashed)).with_context(|| format!("{}", part.display()))?;
    }
    fs::write(&loader, text).with_context(|| format!("{}", loader.display()))
}

fn bind(main: &Path, folder: &Path, hash: &str, mode: Mode) -> Result<()> {
    let release = mode == Mode::Release;
    Bindgen::new()
        .input_path(main)
        .out_name(OUTPUT_NAME)
        .web(true)?
        .typescript(false)
        .keep_debug(false)
        // The parts find what they share under the linker's names.
        .keep_lld_exports(true)
        .demangle(false)
        .remove_name_section(release)
        .remove_producers_section(release)
        .generate(folder)
        .context("wasm-bindgen (its version in xtask/Cargo.toml must equal the one in Cargo.lock)")?;

    let wasm = format!("{OUTPUT_NAME}.{hash}.wasm");
    let unhashed = folder.join(format!("{OUTPUT_NAME}_bg.wasm"));
    fs::rename(&unhashed, folder.join(&wasm)).with_context(|| format!("{}", unhashed.display()))?;
    let unhashed = folder.join(format!("{OUTPUT_NAME}.js"));
    // The script names the module it loads when nobody tells it one.
    let text =
        fs::read_to_string(&unhashed).with_context(|| format!("{}", unhashed.display()))?.replace(&format!("{OUTPUT_NAME}_bg.wasm"), &wasm);
    fs::remove_file(&unhashed)?;
    let script = script(folder, hash);
    fs::write(&script, text).with_context(|| format!("{}", script.display()))
}

fn optimise(tool: &Path, folder: &Path) -> Result<()> {
    let mut modules = Vec::new();
    for file in stamp::files(folder)?.into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "wasm")) {
        modules.push((fs::metadata(&file)?.len(), file));
    }
    // The longest first, so that no core waits at the end for another.
    modules.sort_by(|one, other| other.cmp(one));
    let before: u64 = modules.iter().map(|(size, _)| size).sum();
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        while let Some((_, wasm)) = modules.get(next.fetch_add(1, Ordering::Relaxed)) {
            toolchain::run(
                Command::new(tool).args(WASM_OPT_ARGS).arg(wasm).arg("-o").arg(wasm),
                "`npm ci --prefix end2end` or `apt-get install binaryen`",
            )?;
        }
        Ok(())
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| anyhow!("optimising the browser code: a thread died"))?)
    })?;
    let after = modules.iter().map(|(_, wasm)| Ok(fs::metadata(wasm)?.len())).sum::<Result<u64>>()?;
    eprintln!("   Optimised the browser code from {before} to {after} bytes");
    Ok(())
}
