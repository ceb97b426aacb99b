//! Fingerprints: a step whose inputs are what they were last time is not done again.
use anyhow::{Context, Result};
use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// Sixteen hexadecimal digits that change with what was fed in. Not cryptographic: it names files and
/// recognises changes, nobody attacks it.
#[derive(Clone, Default)]
pub struct Fingerprint(DefaultHasher);

impl Fingerprint {
    pub fn of(bytes: &[u8]) -> String {
        Self::default().with(bytes).finish()
    }

    pub fn with(mut self, part: &[u8]) -> Self {
        part.hash(&mut self.0);
        self
    }

    /// Path, length and time of change: cheap, and enough for what cargo writes only when it changed.
    pub fn with_file(self, path: &Path) -> Result<Self> {
        let data = fs::metadata(path).with_context(|| format!("{}", path.display()))?;
        let changed = data.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(self.with(path.as_os_str().as_encoded_bytes()).with(&data.len().to_le_bytes()).with(&changed.as_nanos().to_le_bytes()))
    }

    /// Every file below a folder, or the one file; nothing when it does not exist.
    pub fn with_tree(mut self, path: &Path) -> Result<Self> {
        for file in files(path)? {
            self = self.with_file(&file)?;
        }
        Ok(self)
    }

    pub fn finish(self) -> String {
        format!("{:016x}", self.0.finish())
    }
}

/// All files below `path` in a fixed order; `path` itself when it is a file, none when it is missing.
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if !path.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).with_context(|| format!("{}", path.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The memory of one step: the fingerprint of the inputs its results were made from.
pub struct Stamp {
    file: PathBuf,
    fingerprint: String,
}

impl Stamp {
    pub fn new(folder: &Path, step: &str, fingerprint: Fingerprint) -> Self {
        Self { file: folder.join(format!("{step}.stamp")), fingerprint: fingerprint.finish() }
    }

    /// Whether `outputs` are there and were made from the same inputs.
    pub fn is_fresh(&self, outputs: &[&Path]) -> bool {
        outputs.iter().all(|path| path.exists()) && fs::read_to_string(&self.file).is_ok_and(|last| last == self.fingerprint)
    }

    /// Remembers that the step was done.
    pub fn write(&self) -> Result<()> {
        fs::write(&self.file, &self.fingerprint).with_context(|| format!("{}", self.file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_input_makes_a_step_stale() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("input");
        fs::write(&input, "one").unwrap();
        let stamp = |root: &Path| Stamp::new(root, "step", Fingerprint::default().with_tree(&input).unwrap());

        assert!(!stamp(folder.path()).is_fresh(&[]));
        stamp(folder.path()).write().unwrap();
        assert!(stamp(folder.path()).is_fresh(&[]));
        assert!(!stamp(folder.path()).is_fresh(&[&folder.path().join("missing output")]));
        fs::write(&input, "one and two").unwrap();
        assert!(!stamp(folder.path()).is_fresh(&[]));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let one = Fingerprint::default().with(b"ab").with(b"c").finish();
        let other = Fingerprint::default().with(b"a").with(b"bc").finish();
        assert_ne!(one, other);
    }
}
