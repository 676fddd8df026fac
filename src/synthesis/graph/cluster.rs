//! Which spellings are one entity, beyond equal keys: short forms that a document explains, imports that name a file of the corpus, and names
//! that differ in one word by a letter or so. Deterministic, near linear in the number of names.

use super::name::parts;
use crate::spec::ClusterSpec;
use longlab_kernels::similarity::ratio;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Numbers that are joined into sets; each set goes by the member it was told to keep.
pub(super) struct Union {
    parent: Vec<u32>,
}

impl Union {
    /// Every number by itself.
    pub(super) fn new(length: usize) -> Union {
        Union { parent: (0..length as u32).collect() }
    }

    /// The number that the set of `at` goes by.
    pub(super) fn root(&mut self, mut at: u32) -> u32 {
        while self.parent[at as usize] != at {
            let above = self.parent[at as usize];
            self.parent[at as usize] = self.parent[above as usize];
            at = above;
        }
        at
    }

    /// Joins two sets; the joint one goes by what that of `kept` went by. False where they were one already.
    pub(super) fn join(&mut self, kept: u32, other: u32) -> bool {
        let (kept, other) = (self.root(kept), self.root(other));
        self.parent[other as usize] = kept;
        kept != other
    }
}

/// Short forms with the name they stand for: those that stand for one name in the whole corpus.
pub(super) fn short_forms(pairs: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut longs: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for &(long, short) in pairs {
        longs.entry(short).or_default().insert(long);
    }
    let single = |(short, longs): (u32, BTreeSet<u32>)| match longs.len() {
        1 => longs.first().map(|&long| (long, short)),
        _ => None,
    };
    longs.into_iter().filter_map(single).collect()
}

/// The files of a corpus by the ends of their paths. A dotted name means the one file whose path ends in its parts. A name of one part
/// means a package or a file at the top only, since it may as well be a module that is not in the corpus.
pub(super) struct Files {
    by_ending: HashMap<String, Option<u32>>,
}

impl Files {
    /// Those among the keys of entities.
    pub(super) fn of<'a>(keys: impl Iterator<Item = (u32, &'a str)>) -> Files {
        let mut by_ending: HashMap<String, Option<u32>> = HashMap::new();
        for (id, path) in keys.filter_map(|(id, key)| Some((id, key.strip_prefix("file:")?))) {
            let parts = parts(path);
            let package = path.contains("/__init__.") || path.ends_with("/mod.rs") || path.ends_with("/index.js");
            for start in 0..parts.len() {
                let ending = &parts[start..];
                if ending.len() > 1 || package || start == 0 {
                    let known = by_ending.entry(ending.join(".")).or_insert(Some(id));
                    *known = known.filter(|&known| known == id);
                }
            }
        }
        Files { by_ending }
    }

    /// The file that a dotted name means.
    pub(super) fn file(&self, dotted: &str) -> Option<u32> {
        self.by_ending.get(dotted).copied().flatten()
    }
}

/// Imports of modules with the file they name.
pub(super) fn imported_files<'a>(keys: impl Iterator<Item = (u32, &'a str)>, files: &Files) -> Vec<(u32, u32)> {
    let imports = keys.filter_map(|(id, key)| Some((id, key.strip_prefix("import:")?)));
    imports.filter_map(|(id, dotted)| Some((files.file(dotted)?, id))).collect()
}

/// Pairs of names that are all but the same: as many words, all equal but one, and that one, of `shortest_word` letters or more and without digits,
/// with the same first letter and a ratio of at least `similarity`. `words` is the fewest words of a name that is looked at.
pub(super) fn alike<'a>(
    names: impl Iterator<Item = (u32, &'a str)>,
    words: usize,
    spec: &ClusterSpec,
) -> Vec<(u32, u32)> {
    let mut blocks: BTreeMap<u64, Vec<(u32, &str)>> = BTreeMap::new();
    for (id, name) in names {
        let parts: Vec<&str> = name.split(' ').collect();
        if !(words..=8).contains(&parts.len()) || !name.chars().all(|c| c.is_alphanumeric() || " -'’".contains(c)) {
            continue;
        }
        for at in (0..parts.len()).filter(|&at| may_differ(parts[at], spec.shortest_word)) {
            blocks.entry(signature(&parts, at)).or_default().push((id, parts[at]));
        }
    }
    let blocks = blocks.into_values().filter(|block| (2..=spec.largest_block).contains(&block.len()));
    let mut pairs = BTreeSet::new();
    for block in blocks {
        for (at, (first, a)) in block.iter().enumerate() {
            let others =
                block[at + 1..].iter().filter(|(other, b)| other != first && a != b && ratio(a, b) >= spec.similarity);
            pairs.extend(others.map(|(other, _)| (*first.min(other), *first.max(other))));
        }
    }
    pairs.into_iter().collect()
}

fn may_differ(word: &str, shortest: usize) -> bool {
    word.chars().count() >= shortest && word.chars().all(char::is_alphabetic)
}

/// What two alike names share: all words but one, its place, and its first letter.
fn signature(parts: &[&str], left_out: usize) -> u64 {
    let mut rest: Vec<&str> = parts.to_vec();
    let first = parts[left_out].chars().next().map_or(0, char::len_utf8);
    rest[left_out] = &parts[left_out][..first];
    let hash = blake3::hash(format!("{left_out} {}", rest.join(" ")).as_bytes());
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("a hash has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_goes_by_what_it_keeps() {
        let mut union = Union::new(4);
        assert!(union.join(2, 0) && union.join(3, 0) && !union.join(0, 2));
        assert_eq!([0, 1, 2, 3].map(|at| union.root(at)), [3, 1, 3, 3]);
    }

    #[test]
    fn a_short_form_of_two_names_is_none() {
        assert_eq!(short_forms(&[(1, 9), (1, 9), (2, 8), (3, 8)]), [(1, 9)]);
    }

    #[test]
    fn imports_find_their_file() {
        let keys = [
            "file:src/pkg/core.py",
            "file:src/pkg/__init__.py",
            "file:src/other/json.py",
            "file:src/other/core.py",
            "import:pkg.core",
            "import:pkg",
            "import:json",
            "import:pkg.core.Thing",
            "import:core",
            "import:src.other.core",
        ];
        let keys = keys.iter().enumerate().map(|(at, key)| (at as u32, *key));
        let files = Files::of(keys.clone());
        assert_eq!(imported_files(keys, &files), [(0, 4), (1, 5), (3, 9)]);
    }

    #[test]
    fn names_alike_differ_by_a_letter_of_one_word() {
        let names = [
            "university of colour",
            "university of color",
            "universty of color",
            "north country",
            "south country",
            "plan 12",
            "plan 13",
            "type alpha",
            "type alpine",
            "singleword",
            "singlewords",
        ];
        let pairs = alike(names.iter().enumerate().map(|(at, name)| (at as u32, *name)), 2, &ClusterSpec::default());
        assert_eq!(pairs, [(0, 1), (1, 2)]);
    }

    #[test]
    fn a_block_of_a_hundred_thousand_names_is_left_alone() {
        let names: Vec<String> = (0..100_000u32)
            .map(|i| format!("entry b{}", i.to_string().bytes().map(|b| (b + 49) as char).collect::<String>()))
            .collect();
        assert!(
            alike(names.iter().enumerate().map(|(at, name)| (at as u32, name.as_str())), 2, &ClusterSpec::default())
                .is_empty()
        );
    }
}
