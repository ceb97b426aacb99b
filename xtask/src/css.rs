//! One style sheet out of `style/main.css` and everything it imports.
use crate::{
    stamp::{Fingerprint, Stamp},
    workspace::{Mode, Workspace},
};
use anyhow::{Context, Result, anyhow};
use lightningcss::{
    bundler::{Bundler, FileProvider},
    stylesheet::{MinifyOptions, ParserOptions, PrinterOptions},
};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Bundles the style sheets when one of them changed; the file it returns is not yet under its hashed name.
pub fn build(workspace: &Workspace, mode: Mode) -> Result<PathBuf> {
    let steps = workspace.steps(mode);
    fs::create_dir_all(&steps).with_context(|| format!("{}", steps.display()))?;
    let output = steps.join("main.css");
    let folder = workspace.in_root("style");
    let inputs = Fingerprint::default().with_tree(&folder)?.with_file(&env::current_exe()?)?;
    let stamp = Stamp::new(&steps, "css", inputs);
    if !stamp.is_fresh(&[&output]) {
        let text = bundle(&folder.join("main.css"), mode == Mode::Release)?;
        fs::write(&output, text).with_context(|| format!("{}", output.display()))?;
        stamp.write()?;
    }
    Ok(output)
}

/// Resolves every `@import`, in its layer and its media query, and drops what a browser does not need.
fn bundle(entry: &Path, minify: bool) -> Result<String> {
    let provider = FileProvider::new();
    let mut sheet = Bundler::new(&provider, None, ParserOptions::default()).bundle(entry).map_err(|error| anyhow!("{error}"))?;
    if minify {
        sheet.minify(MinifyOptions::default()).map_err(|error| anyhow!("{error}"))?;
    }
    let printed = sheet.to_css(PrinterOptions { minify, ..PrinterOptions::default() }).map_err(|error| anyhow!("{error}"))?;
    Ok(printed.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn imports_keep_their_order_and_layer() {
        let folder = folder(&[
            ("main.css", "@layer base, page;\n@import './a.css' layer(base);\n@import './b.css' layer(page);"),
            ("a.css", "/* why */ p { margin: 0px; }"),
            ("b.css", "p { color: var(--ink); & b { color: oklch(0.5 0.1 40); } }"),
        ]);
        let text = bundle(&folder.path().join("main.css"), true).unwrap();
        assert!(text.starts_with("@layer base,page;") || text.starts_with("@layer base{"), "{text}");
        assert!(text.contains("p{margin:0}"), "{text}");
        assert!(text.find("margin").unwrap() < text.find("oklch").unwrap(), "{text}");
        assert!(!text.contains("@import") && !text.contains("/*"), "{text}");
    }

    #[test]
    fn a_missing_import_is_named() {
        let folder = folder(&[("main.css", "@import './gone.css';")]);
        let error = bundle(&folder.path().join("main.css"), true).unwrap_err();
        assert!(error.to_string().contains("main.css") || error.to_string().contains("gone.css"), "{error}");
    }
}
