//! The budget of the browser code: what a storefront visitor downloads before anything is interactive.
use crate::{
    site, stamp,
    workspace::{Mode, Workspace},
};
use anyhow::{Result, bail};
use std::{fs, path::Path};

/// Bytes of wasm and JavaScript together, as brotli sends them.
const BUDGET: usize = 220_000;

/// How files begin that one kind of page fetches when it is opened: the storefront has none of these.
const LATER: [&str; 3] = ["split_", "chunk_", "pack_"];

/// Raw, gzip, brotli.
type Sizes = [usize; 3];

/// Prints the sizes, those of what does not count too, and fails above the budget.
pub fn report(workspace: &Workspace) -> Result<()> {
    let mut storefront = Sizes::default();
    let mut later = Vec::new();
    println!("{:<36} {:>10} {:>10} {:>10}", "browser code", "raw", "gzip", "brotli");
    for file in stamp::files(&workspace.site(Mode::Release).join("pkg"))? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if !is_code(&file) {
            continue;
        }
        let content = fs::read(&file)?;
        let sizes = [content.len(), site::gzip(&content)?.len(), site::brotli(&content)?.len()];
        if LATER.iter().any(|begins| name.starts_with(begins)) {
            later.push((name.into_owned(), sizes));
        } else {
            line(&name, sizes);
            add(&mut storefront, sizes);
        }
    }
    line("storefront", storefront);
    let mut left_out = Sizes::default();
    for (_, sizes) in &later {
        add(&mut left_out, *sizes);
    }
    line(&format!("left out, {} parts of other pages", later.len()), left_out);
    for (name, sizes) in later {
        line(&format!("  {name}"), sizes);
    }
    if storefront[2] > BUDGET {
        bail!("{} bytes of brotli are more than the storefront's budget of {BUDGET}", storefront[2]);
    }
    println!("The storefront is within its budget of {BUDGET} bytes of brotli.");
    Ok(())
}

fn add(sum: &mut Sizes, sizes: Sizes) {
    for (total, size) in sum.iter_mut().zip(sizes) {
        *total += size;
    }
}

fn is_code(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ["bin", "js", "wasm"].iter().any(|code| ending == *code))
}

fn line(name: &str, [raw, gzip, brotli]: Sizes) {
    println!("{name:<36} {raw:>10} {gzip:>10} {brotli:>10}");
}
