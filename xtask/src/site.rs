//! The folder the server serves: `pkg/` under hashed names, `public/` as it is, compressed copies in release.
//!
//! New files are there before `hash.txt` names them, and old ones leave last, so a server that runs meanwhile
//! never points at nothing.
use crate::{
    css, front,
    stamp::{self, Fingerprint},
    workspace::{Mode, OUTPUT_NAME, Workspace},
};
use anyhow::{Context, Result};
use flate2::{Compression, write::GzEncoder};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// File name endings worth compressing; pictures and fonts are compressed already.
const COMPRESSIBLE: [&str; 10] = ["bin", "css", "html", "ico", "js", "json", "svg", "txt", "wasm", "webmanifest"];
/// Below this a compressed copy saves no packet.
const SMALLEST_COMPRESSED: usize = 512;

/// Every file of the site by its path below the site's folder.
type Files = BTreeMap<PathBuf, Vec<u8>>;

pub fn build(workspace: &Workspace, mode: Mode) -> Result<()> {
    let front = front::build(workspace, mode)?;
    let css = read(&css::build(workspace, mode)?)?;
    let css_hash = Fingerprint::of(&css);
    let hashes = format!("js: {hash}\nwasm: {hash}\ncss: {css_hash}\n", hash = front.hash);

    let mut files = public(workspace)?;
    let pkg = Path::new("pkg");
    files.insert(pkg.join(format!("{OUTPUT_NAME}.{css_hash}.css")), css);
    for file in &front.files {
        files.insert(pkg.join(file.file_name().unwrap_or_default()), read(file)?);
    }
    if mode == Mode::Release {
        add_compressed(&mut files, &workspace.compressed())?;
    }

    let site = workspace.site(mode);
    for (path, content) in &files {
        write_when_changed(&site.join(path), content)?;
    }
    write_when_changed(&workspace.binary_folder(mode).join("hash.txt"), hashes.as_bytes())?;
    remove_others(&site, &files)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{}", path.display()))
}

fn public(workspace: &Workspace) -> Result<Files> {
    let folder = workspace.in_root("public");
    stamp::files(&folder)?.into_iter().map(|file| Ok((file.strip_prefix(&folder)?.to_owned(), read(&file)?))).collect()
}

fn add_compressed(files: &mut Files, cache: &Path) -> Result<()> {
    let mut copies = Files::new();
    for (path, content) in files.iter() {
        let compressible = path.extension().is_some_and(|ending| COMPRESSIBLE.iter().any(|known| ending == *known));
        if !compressible || content.len() < SMALLEST_COMPRESSED {
            continue;
        }
        for (ending, compress) in [("br", brotli as fn(&[u8]) -> Result<Vec<u8>>), ("gz", gzip)] {
            let copy = cached(&cache.join(format!("{}.{ending}", Fingerprint::of(content))), || compress(content))?;
            let mut name = path.clone().into_os_string();
            name.push(format!(".{ending}"));
            copies.insert(name.into(), copy);
        }
    }
    files.extend(copies);
    Ok(())
}

fn cached(file: &Path, make: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
    if let Ok(content) = fs::read(file) {
        return Ok(content);
    }
    let content = make()?;
    write_when_changed(file, &content)?;
    Ok(content)
}

pub fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, size_hint: content.len(), ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*content, &mut compressed, &parameters)?;
    Ok(compressed)
}

pub fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

/// Writes beside and renames, so that nobody reads half a file.
fn write_when_changed(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let half = path.with_added_extension("half");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&half, content))
        .and_then(|()| fs::rename(&half, path))
        .with_context(|| format!("{}", path.display()))
}

fn remove_others(site: &Path, files: &Files) -> Result<()> {
    let wanted: BTreeSet<PathBuf> = files.keys().map(|path| site.join(path)).collect();
    for file in stamp::files(site)? {
        if !wanted.contains(&file) {
            fs::remove_file(&file).with_context(|| format!("{}", file.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn compressed_copies_unpack_to_the_original() {
        let cache = tempfile::tempdir().unwrap();
        let text = "flat white ".repeat(100).into_bytes();
        let mut files =
            Files::from([("menu.txt".into(), text.clone()), ("tiny.txt".into(), b"tea".to_vec()), ("cup.avif".into(), text.clone())]);
        add_compressed(&mut files, cache.path()).unwrap();

        let names: Vec<_> = files.keys().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(names, ["cup.avif", "menu.txt", "menu.txt.br", "menu.txt.gz", "tiny.txt"]);
        let mut unpacked = Vec::new();
        brotli::BrotliDecompress(&mut &*files[Path::new("menu.txt.br")], &mut unpacked).unwrap();
        assert_eq!(unpacked, text);
        unpacked.clear();
        flate2::read::GzDecoder::new(&*files[Path::new("menu.txt.gz")]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);
    }

    #[test]
    fn what_is_no_longer_made_leaves_the_site() {
        let site = tempfile::tempdir().unwrap();
        write_when_changed(&site.path().join("pkg/old.js"), b"old").unwrap();
        write_when_changed(&site.path().join("pkg/new.js"), b"new").unwrap();
        remove_others(site.path(), &Files::from([("pkg/new.js".into(), b"new".to_vec())])).unwrap();
        assert_eq!(stamp::files(site.path()).unwrap(), [site.path().join("pkg/new.js")]);
    }
}
