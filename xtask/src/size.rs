//! The budget of the browser code: what a storefront visitor downloads before anything is interactive.
use crate::{
    site, stamp,
    workspace::{Mode, Workspace},
};
use anyhow::{Result, bail};
use std::{fs, path::Path};

/// Bytes of wasm and JavaScript together, as brotli sends them.
const BUDGET: usize = 220_000;

/// Prints the sizes and fails above the budget.
pub fn report(workspace: &Workspace) -> Result<()> {
    println!("{:<36} {:>10} {:>10} {:>10}", "browser code", "raw", "gzip", "brotli");
    let mut sum = [0; 3];
    for file in stamp::files(&workspace.site(Mode::Release).join("pkg"))? {
        if !is_code(&file) {
            continue;
        }
        let content = fs::read(&file)?;
        let sizes = [content.len(), site::gzip(&content)?.len(), site::brotli(&content)?.len()];
        line(&file.file_name().unwrap_or_default().to_string_lossy(), sizes);
        for (total, size) in sum.iter_mut().zip(sizes) {
            *total += size;
        }
    }
    line("together", sum);
    if sum[2] > BUDGET {
        bail!("{} bytes of brotli are more than the budget of {BUDGET}", sum[2]);
    }
    println!("within the budget of {BUDGET} bytes of brotli");
    Ok(())
}

fn is_code(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "wasm" || ending == "js")
}

fn line(name: &str, [raw, gzip, brotli]: [usize; 3]) {
    println!("{name:<36} {raw:>10} {gzip:>10} {brotli:>10}");
}
