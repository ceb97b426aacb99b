//! Where things are, in debug and in release.
use crate::toolchain;
use anyhow::{Context, Result};
use serde_json::Value;
use std::{
    env,
    path::{Path, PathBuf},
};

/// The name all browser files begin with; `LEPTOS_OUTPUT_NAME` in `.cargo/config.toml` says the same to Leptos.
pub const OUTPUT_NAME: &str = "orderly";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Debug,
    Release,
}

impl Mode {
    pub fn of(release: bool) -> Self {
        if release { Self::Release } else { Self::Debug }
    }

    /// Cargo's profile for the server.
    pub fn server_profile(self) -> &'static str {
        match self {
            Self::Debug => "dev",
            Self::Release => "release",
        }
    }

    /// Cargo's profile for the browser.
    pub fn wasm_profile(self) -> &'static str {
        match self {
            Self::Debug => "dev",
            Self::Release => "wasm-release",
        }
    }

    /// The folder cargo gives the server's profile.
    fn server_folder(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
        }
    }

    /// The folder cargo gives the browser's profile.
    fn wasm_folder(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "wasm-release",
        }
    }
}

pub struct Workspace {
    pub root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Asks cargo, which knows about `CARGO_TARGET_DIR` and every configuration file.
    pub fn find() -> Result<Self> {
        // Where cargo runs us from, not where we were compiled: clones may share one target folder.
        let clone = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
        let output = toolchain::cargo()
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .current_dir(clone)
            .output()
            .context("cargo metadata did not start")?;
        let metadata: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)))?;
        let path = |key: &str| metadata[key].as_str().map(PathBuf::from).with_context(|| format!("cargo metadata names no {key}"));
        Ok(Self { root: path("workspace_root")?, target: path("target_directory")? })
    }

    pub fn in_root(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// The folder of the server binary; Leptos looks for `hash.txt` here.
    pub fn binary_folder(&self, mode: Mode) -> PathBuf {
        self.target.join(mode.server_folder())
    }

    pub fn binary(&self, mode: Mode) -> PathBuf {
        self.binary_folder(mode).join("orderly")
    }

    /// What the server serves: `site` beside the binary is its default.
    pub fn site(&self, mode: Mode) -> PathBuf {
        self.binary_folder(mode).join("site")
    }

    /// The browser code as cargo leaves it.
    pub fn raw_wasm(&self, mode: Mode) -> PathBuf {
        self.target.join(toolchain::WASM_TARGET).join(mode.wasm_folder()).join("frontend.wasm")
    }

    /// Results between the steps of one mode.
    pub fn steps(&self, mode: Mode) -> PathBuf {
        self.target.join("xtask").join(mode.server_folder())
    }

    /// Compressed copies by content, so that nothing is compressed twice.
    pub fn compressed(&self) -> PathBuf {
        self.target.join("xtask/compressed")
    }
}
