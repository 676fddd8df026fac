//! The files of a corpus folder.

use crate::error::{Result, SynthesisError};
use crate::files::hash_file;
use crate::spec::CorpusSpec;
use longlab_documents::{Hash, Kind};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Deepest folder that is looked into.
const DEEPEST: usize = 64;

/// A file of the corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its path below the corpus folder, with `/` between names.
    pub source: String,
    /// The kind that the specification gives it.
    pub kind: Option<Kind>,
    /// Hash of its bytes.
    pub hash: Hash,
}

/// What a corpus folder holds.
pub struct Listing {
    /// Its files, by their path.
    pub files: Vec<SourceFile>,
    /// What was passed over, by reason, with its path.
    pub passed: Vec<(String, &'static str)>,
}

/// Lists the files of the corpus, by path. Links are passed over, so that there are no cycles.
///
/// # Errors
/// Where the folder or a file cannot be read.
pub fn list(spec: &CorpusSpec) -> Result<Listing> {
    let mut walk = Walk { spec, files: vec![], passed: vec![] };
    walk.folder(&spec.folder, "", 0)?;
    let Walk { mut files, mut passed, .. } = walk;
    files.sort();
    passed.sort();
    let hashed = |(source, path): (String, PathBuf)| {
        let rule = spec.rules.iter().find(|rule| rule.path.fits(&source));
        Ok(SourceFile { hash: hash_file(&path)?, kind: rule.map(|rule| rule.kind), path, source })
    };
    Ok(Listing { files: files.into_par_iter().map(hashed).collect::<Result<Vec<_>>>()?, passed })
}

struct Walk<'a> {
    spec: &'a CorpusSpec,
    files: Vec<(String, PathBuf)>,
    passed: Vec<(String, &'static str)>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, below: &str, depth: usize) -> Result<()> {
        let entries = std::fs::read_dir(folder).map_err(SynthesisError::reading(folder))?;
        for entry in entries {
            let entry = entry.map_err(SynthesisError::reading(folder))?;
            let kind = entry.file_type().map_err(SynthesisError::reading(&entry.path()))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let source = if below.is_empty() { name.into_owned() } else { format!("{below}/{name}") };
            if kind.is_symlink() {
                self.passed.push((source, "link"));
            } else if self.spec.skip.iter().any(|pattern| pattern.fits(&source)) {
                self.passed.push((source, "skipped by the specification"));
            } else if kind.is_dir() && depth >= DEEPEST {
                self.passed.push((source, "folder too deep"));
            } else if kind.is_dir() {
                self.folder(&entry.path(), &source, depth + 1)?;
            } else if kind.is_file() {
                self.files.push((source, entry.path()));
            } else {
                self.passed.push((source, "neither file nor folder"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{DuplicateSpec, KindRule, Pattern};

    #[test]
    fn files_come_by_path_and_links_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        for name in ["b/two.txt", "a.txt", "c.bin"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        std::os::unix::fs::symlink(folder.path(), folder.path().join("b/cycle")).unwrap();
        let spec = CorpusSpec {
            folder: folder.path().to_path_buf(),
            rules: vec![KindRule { path: Pattern("b/**".into()), kind: Kind::General }],
            skip: vec![Pattern("*.bin".into())],
            kinds: vec![],
            limits: Default::default(),
            filters: Default::default(),
            duplicates: DuplicateSpec::default(),
        };
        let listing = list(&spec).unwrap();
        let files: Vec<(&str, Option<Kind>)> =
            listing.files.iter().map(|file| (file.source.as_str(), file.kind)).collect();
        assert_eq!(files, [("a.txt", None), ("b/two.txt", Some(Kind::General))]);
        assert_eq!(listing.passed, [("b/cycle".into(), "link"), ("c.bin".into(), "skipped by the specification")]);
    }
}
