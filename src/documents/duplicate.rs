//! Documents that say the same: exactly, by a hash of their words, or nearly, by MinHash and locality-sensitive hashing.
//!
//! MinHash (Broder 1997): the share of permutations under which two sets have the same least element estimates their Jaccard
//! similarity. The sets are the runs of words (shingles) of the texts. Rows of a signature are cut into bands; texts that agree
//! in a whole band are candidates (Indyk and Motwani 1998; Leskovec, Rajaraman and Ullman, chapter 3), and count as duplicates
//! if the estimate of the whole signature reaches the threshold.

use crate::words::{hash_of, hash_of_run, mixed, words};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How duplicates are found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nearness {
    /// Words of a shingle. 5, as in the deduplication of The Pile and of SlimPajama's kin.
    pub shingle: usize,
    /// Permutations: numbers of a signature. The error of an estimate is about 1 / sqrt(permutations).
    pub permutations: usize,
    /// Bands that the signature is cut into, each of `permutations / bands` numbers.
    pub bands: usize,
    /// Similarity from which on two texts are duplicates, 0 to 1.
    pub threshold: f64,
    /// Seed of the permutations.
    pub seed: u64,
}

impl Default for Nearness {
    /// 128 permutations in 16 bands of 8: pairs of similarity 0.8 become candidates with probability 0.95, of 0.5 with 0.06.
    fn default() -> Self {
        Nearness { shingle: 5, permutations: 128, bands: 16, threshold: 0.8, seed: 0 }
    }
}

/// Settings that do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{permutations} permutations cannot be cut into {bands} bands for shingles of {shingle}; take 128, 16 and 5")]
pub struct NearnessError {
    permutations: usize,
    bands: usize,
    shingle: usize,
}

/// What is remembered of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// BLAKE3 of the words in lower case.
    exact: [u8; 32],
    /// The signature; empty of a text without words.
    signature: Vec<u32>,
}

/// A document that says what another said before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Duplicate {
    /// Number of the document that is kept, in the order of [`Duplicates::add`].
    pub of: usize,
    /// The estimated similarity; 1 where all words are the same.
    pub similarity: f64,
}

impl Nearness {
    /// Checks that the settings go together.
    ///
    /// # Errors
    /// Numbers of 0, more than 4096 permutations, or permutations that the bands do not divide.
    pub fn check(&self) -> Result<(), NearnessError> {
        let &Nearness { permutations, bands, shingle, .. } = self;
        let fits = shingle > 0 && bands > 0 && (1..=4096).contains(&permutations) && permutations.is_multiple_of(bands);
        if fits { Ok(()) } else { Err(NearnessError { permutations, bands, shingle }) }
    }

    /// The fingerprint of a text. Texts can be fingerprinted in any order and on any number of threads.
    pub fn fingerprint(&self, text: &str) -> Fingerprint {
        let mut hasher = blake3::Hasher::new();
        let mut hashes = Vec::new();
        for (_, word) in words(text) {
            hasher.update(word.to_lowercase().as_bytes());
            hasher.update(b" ");
            hashes.push(hash_of(word));
        }
        Fingerprint { exact: hasher.finalize().into(), signature: self.signature(&shingles(&hashes, self.shingle)) }
    }

    /// The least hash of the shingles under each permutation: h -> the upper half of a h + b, a odd (multiply-shift, Dietzfelbinger
    /// et al. 1997).
    fn signature(&self, shingles: &[u64]) -> Vec<u32> {
        if shingles.is_empty() {
            return Vec::new();
        }
        let least = |permutation: u64| {
            let a = mixed(self.seed ^ mixed(2 * permutation + 1)) | 1;
            let b = mixed(self.seed ^ mixed(2 * permutation + 2));
            shingles.iter().map(|&hash| (a.wrapping_mul(hash).wrapping_add(b) >> 32) as u32).min().unwrap_or(u32::MAX)
        };
        (0..self.permutations as u64).map(least).collect()
    }

    /// A band of a signature as a key.
    fn keys<'a>(&'a self, print: &'a Fingerprint) -> impl Iterator<Item = (usize, u64)> + 'a {
        let rows = (self.permutations / self.bands).max(1);
        let key =
            |band: &[u32]| band.iter().fold(0x51_7c_c1_b7_27_22_0a_95, |key, &least| mixed(key ^ u64::from(least)));
        print.signature.chunks(rows).map(key).enumerate()
    }
}

/// The shingles of a text, each once; the whole of a text that is shorter than one.
fn shingles(words: &[u64], length: usize) -> Vec<u64> {
    let mut shingles: Vec<u64> = match words.len() {
        0 => Vec::new(),
        short if short < length => vec![hash_of_run(words)],
        _ => words.windows(length.max(1)).map(hash_of_run).collect(),
    };
    shingles.sort_unstable();
    shingles.dedup();
    shingles
}

impl Fingerprint {
    /// Whether both texts have the same words in the same order, case and signs left aside.
    pub fn is_equal(&self, other: &Fingerprint) -> bool {
        self.exact == other.exact
    }

    /// The estimated Jaccard similarity of the shingles of both texts.
    pub fn similarity(&self, other: &Fingerprint) -> f64 {
        let same = self.signature.iter().zip(&other.signature).filter(|(left, right)| left == right).count();
        same as f64 / self.signature.len().max(other.signature.len()).max(1) as f64
    }
}

/// The texts that are kept so far. A text is a duplicate of the first kept one that is equal, or else of the most similar.
pub struct Duplicates {
    nearness: Nearness,
    exact: HashMap<[u8; 32], usize>,
    bands: Vec<HashMap<u64, Vec<u32>>>,
    kept: Vec<(usize, Fingerprint)>,
    added: usize,
}

impl Duplicates {
    /// Begins with no texts.
    ///
    /// # Errors
    /// Settings that do not go together.
    pub fn new(nearness: Nearness) -> Result<Self, NearnessError> {
        nearness.check()?;
        let bands = vec![HashMap::new(); nearness.bands];
        Ok(Duplicates { nearness, exact: HashMap::new(), bands, kept: Vec::new(), added: 0 })
    }

    /// Adds the next text, unless it is a duplicate of one that is kept. The order of the calls decides, and nothing else.
    pub fn add(&mut self, print: Fingerprint) -> Option<Duplicate> {
        let number = self.added;
        self.added += 1;
        if let Some(&of) = self.exact.get(&print.exact) {
            return Some(Duplicate { of, similarity: 1.0 });
        }
        let nearest = self.nearest(&print);
        if nearest.is_none() {
            self.keep(number, print);
        }
        nearest
    }

    fn nearest(&self, print: &Fingerprint) -> Option<Duplicate> {
        let mut candidates: Vec<u32> =
            self.nearness.keys(print).filter_map(|(band, key)| self.bands[band].get(&key)).flatten().copied().collect();
        candidates.sort_unstable();
        candidates.dedup();
        let mut nearest: Option<Duplicate> = None;
        for candidate in candidates {
            let (of, other) = &self.kept[candidate as usize];
            let similarity = print.similarity(other);
            if similarity >= self.nearness.threshold && nearest.is_none_or(|nearest| similarity > nearest.similarity) {
                nearest = Some(Duplicate { of: *of, similarity });
            }
        }
        nearest
    }

    fn keep(&mut self, number: usize, print: Fingerprint) {
        let place = self.kept.len() as u32;
        for (band, key) in self.nearness.keys(&print) {
            self.bands[band].entry(key).or_default().push(place);
        }
        self.exact.insert(print.exact, number);
        self.kept.push((number, print));
    }

    /// Texts that are kept.
    pub fn kept(&self) -> usize {
        self.kept.len()
    }
}

/// The pairs of texts whose estimated similarity reaches the threshold, as far as they share a band, in order.
///
/// # Errors
/// Settings that do not go together.
pub fn pairs(nearness: &Nearness, prints: &[Fingerprint]) -> Result<Vec<(usize, usize, f64)>, NearnessError> {
    nearness.check()?;
    let mut bands: HashMap<(usize, u64), Vec<usize>> = HashMap::new();
    for (number, print) in prints.iter().enumerate() {
        for key in nearness.keys(print) {
            bands.entry(key).or_default().push(number);
        }
    }
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for members in bands.values() {
        for (at, &right) in members.iter().enumerate() {
            pairs.extend(members[..at].iter().map(|&left| (left, right)));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    let similar = pairs.into_iter().map(|(left, right)| (left, right, prints[left].similarity(&prints[right])));
    Ok(similar.filter(|(_, _, similarity)| *similarity >= nearness.threshold).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_words_are_equal_texts() {
        let nearness = Nearness::default();
        let (one, other) = (nearness.fingerprint("The Rhine, long."), nearness.fingerprint("the rhine\nLONG"));
        assert!(one.is_equal(&other));
        assert_eq!(one.similarity(&other), 1.0);
        assert!(!one.is_equal(&nearness.fingerprint("the rhinelong")));
    }

    #[test]
    fn the_first_is_kept() {
        let nearness = Nearness::default();
        let text: String = (0..200).map(|n| format!("word{n} ")).collect();
        let changed = text.replace("word100 ", "other ");
        let mut duplicates = Duplicates::new(nearness.clone()).unwrap();
        let mut add = |text: &str| duplicates.add(nearness.fingerprint(text));
        assert_eq!(add(&text), None);
        assert_eq!(add("something else altogether is said in these few words"), None);
        assert_eq!(add(&text), Some(Duplicate { of: 0, similarity: 1.0 }));
        let near = add(&changed).unwrap();
        assert!(near.of == 0 && near.similarity > 0.8 && near.similarity < 1.0, "{near:?}");
        assert_eq!(add(""), None);
        assert_eq!(add("?!"), Some(Duplicate { of: 4, similarity: 1.0 }));
        assert_eq!(duplicates.kept(), 3);
    }

    #[test]
    fn settings_that_do_not_go_together_are_refused() {
        for (permutations, bands, shingle) in [(128, 7, 5), (0, 1, 5), (8, 0, 5), (8, 8, 0), (8192, 8, 5)] {
            assert!(Nearness { permutations, bands, shingle, ..Nearness::default() }.check().is_err());
        }
    }
}
