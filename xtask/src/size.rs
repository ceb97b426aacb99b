//! The budget of the browser code: what a storefront visitor downloads before anything is interactive.
use crate::{
    site, stamp,
    workspace::{Mode, Workspace},
};
use anyhow::{Result, bail};
use std::{fs, path::Path};

/// Bytes of wasm and JavaScript together, as brotli sends them.
const BUDGET: usize = 220_000;

/// Raw, gzip, brotli.
type Sizes = [usize; 3];

/// Prints the sizes and fails above the budget.
pub fn report(workspace: &Workspace) -> Result<()> {
    let mut storefront = Sizes::default();
    let mut later = Sizes::default();
    println!("{:<36} {:>10} {:>10} {:>10}", "browser code", "raw", "gzip", "brotli");
    for file in stamp::files(&workspace.site(Mode::Release).join("pkg"))? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if !is_code(&file) {
            continue;
        }
        let content = fs::read(&file)?;
        let sizes = [content.len(), site::gzip(&content)?.len(), site::brotli(&content)?.len()];
        // A part that one kind of page fetches when it is opened: the storefront has none of these.
        let sum = if ["split_", "chunk_", "pack_"].iter().any(|later| name.starts_with(later)) {
            &mut later
        } else {
            line(&name, sizes);
            &mut storefront
        };
        for (total, size) in sum.iter_mut().zip(sizes) {
            *total += size;
        }
    }
    line("storefront", storefront);
    line("parts that other pages add", later);
    if storefront[2] > BUDGET {
        bail!("{} bytes of brotli are more than the storefront's budget of {BUDGET}", storefront[2]);
    }
    println!("The storefront is within its budget of {BUDGET} bytes of brotli.");
    Ok(())
}

fn is_code(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ["bin", "js", "wasm"].iter().any(|code| ending == *code))
}

fn line(name: &str, [raw, gzip, brotli]: Sizes) {
    println!("{name:<36} {raw:>10} {gzip:>10} {brotli:>10}");
}
