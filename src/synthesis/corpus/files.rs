//! The files of a corpus folder.

use crate::error::{Result, SynthesisError};
use crate::files::hash_file;
use crate::spec::CorpusSpec;
use longlab_documents::{Hash, Kind};
use rayon::iter::Either;
use rayon::prelude::*;
use std::io;
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

/// Why a file or folder is passed over that cannot be read.
const UNREADABLE: &str = "cannot be read";

/// Lists the files of the corpus, by path. Links are passed over, so that there are no cycles; so is what cannot be read.
///
/// # Errors
/// Where the corpus folder itself cannot be read.
pub fn list(spec: &CorpusSpec) -> Result<Listing> {
    let mut walk = Walk { spec, files: vec![], passed: vec![] };
    walk.folder(&spec.folder, "", 0).map_err(SynthesisError::reading(&spec.folder))?;
    let Walk { mut files, mut passed, .. } = walk;
    files.sort();
    let (files, unreadable) = hashed(files, spec);
    passed.extend(unreadable.into_iter().map(|source| (source, UNREADABLE)));
    passed.sort();
    Ok(Listing { files, passed })
}

/// Files with the hashes of their bytes, and those that cannot be read: they may have gone since they were listed.
fn hashed(files: Vec<(String, PathBuf)>, spec: &CorpusSpec) -> (Vec<SourceFile>, Vec<String>) {
    files.into_par_iter().partition_map(|(source, path)| {
        let kind = spec.rules.iter().find(|rule| rule.path.fits(&source)).map(|rule| rule.kind);
        match hash_file(&path) {
            Ok(hash) => Either::Left(SourceFile { hash, kind, path, source }),
            Err(_) => Either::Right(source),
        }
    })
}

struct Walk<'a> {
    spec: &'a CorpusSpec,
    files: Vec<(String, PathBuf)>,
    passed: Vec<(String, &'static str)>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, below: &str, depth: usize) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
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
                if self.folder(&entry.path(), &source, depth + 1).is_err() {
                    self.passed.push((source, UNREADABLE));
                }
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
            judge: None,
        };
        let gone = vec![("gone.txt".to_string(), folder.path().join("gone.txt"))];
        let (files, unreadable) = hashed(gone, &spec);
        assert_eq!((files.len(), unreadable), (0, vec!["gone.txt".to_string()]));
        let listing = list(&spec).unwrap();
        let files: Vec<(&str, Option<Kind>)> =
            listing.files.iter().map(|file| (file.source.as_str(), file.kind)).collect();
        assert_eq!(files, [("a.txt", None), ("b/two.txt", Some(Kind::General))]);
        assert_eq!(listing.passed, [("b/cycle".into(), "link"), ("c.bin".into(), "skipped by the specification")]);
    }
}
