//! Okapi BM25 (Robertson and Zaragoza 2009, The Probabilistic Relevance Framework, 3.4) over passages.
//!
//! score(q, d) = sum over the words t of q of idf(t) · f (k1 + 1) / (f + k1 (1 - b + b |d| / mean |d|)), f the count of t in d and
//! |d| the words of d. idf(t) = ln(1 + (N - n + 1/2) / (n + 1/2)) with n of N passages holding t: the form of Lucene, which is never
//! negative (the book's own, without the 1, is so for words in more than half of the passages).

use crate::words::words;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

/// How passages are weighed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// How soon further mentions of a word count less. Lucene and Elasticsearch take 1.2; the book advises 1.2 to 2.
    pub k1: f64,
    /// How much long passages are held back, 0 to 1. Lucene and Elasticsearch take 0.75; the book advises 0.5 to 0.8.
    pub b: f64,
    /// Whether an English plural counts as its singular: `-ies` as `-y`, else a last `-s` that is no `-ss`, `-us` or `-is` falls.
    pub plurals: bool,
}

impl Default for Weights {
    fn default() -> Self {
        Weights { k1: 1.2, b: 0.75, plurals: false }
    }
}

/// A passage that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Its number, in the order in which passages were added, from 0.
    pub passage: usize,
    /// Its score, above 0.
    pub score: f64,
}

/// Passages by their words. Memory is linear in the number of different words of each passage.
///
/// ```
/// use longlab_documents::{Index, Weights};
/// let mut index = Index::new(Weights::default());
/// index.extend(&["the Rhine is a river", "a bridge over the Rhine", "the moon"]);
/// let hits = index.search("Rhine bridge", 2);
/// assert_eq!(hits.iter().map(|hit| hit.passage).collect::<Vec<_>>(), [1, 0]);
/// ```
#[derive(Clone, Debug)]
pub struct Index {
    weights: Weights,
    /// For each word the passages that hold it and how often, by number.
    postings: HashMap<Box<str>, Vec<(u32, u32)>>,
    lengths: Vec<u32>,
    total: u64,
}

impl Index {
    /// An index without passages.
    pub fn new(weights: Weights) -> Self {
        Index { weights, postings: HashMap::new(), lengths: Vec::new(), total: 0 }
    }

    /// Passages that were added.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Adds passages, counted in parallel; their numbers follow those before.
    pub fn extend<T: AsRef<str> + Sync>(&mut self, passages: &[T]) {
        for passages in passages.chunks(4096) {
            let counted: Vec<_> = passages.par_iter().map(|passage| self.counts(passage.as_ref())).collect();
            counted.into_iter().for_each(|counts| self.add(counts));
        }
    }

    fn counts(&self, passage: &str) -> BTreeMap<String, u32> {
        let mut counts = BTreeMap::new();
        for word in terms(passage, self.weights.plurals) {
            *counts.entry(word).or_default() += 1;
        }
        counts
    }

    fn add(&mut self, counts: BTreeMap<String, u32>) {
        let number = self.lengths.len() as u32;
        let length = counts.values().sum::<u32>();
        for (word, count) in counts {
            self.postings.entry(word.into_boxed_str()).or_default().push((number, count));
        }
        self.lengths.push(length);
        self.total += u64::from(length);
    }

    /// The `most` best passages for a query, best first; of equal scores the one that was added first. Passages without any of the
    /// words are not among them. A word that stands twice in the query counts twice.
    pub fn search(&self, query: &str, most: usize) -> Vec<Hit> {
        let mut scores = vec![0.0; self.len()];
        for word in terms(query, self.weights.plurals) {
            let Some(postings) = self.postings.get(word.as_str()) else { continue };
            let idf = self.idf(postings.len());
            for &(passage, count) in postings {
                scores[passage as usize] += idf * self.saturation(passage, count);
            }
        }
        // Every word adds more than nothing.
        let found = scores.into_iter().enumerate().filter(|(_, score)| *score > 0.0);
        let mut hits: Vec<Hit> = found.map(|(passage, score)| Hit { passage, score }).collect();
        let best_first = |left: &Hit, right: &Hit| -> Ordering {
            right.score.total_cmp(&left.score).then(left.passage.cmp(&right.passage))
        };
        if hits.len() > most && most > 0 {
            hits.select_nth_unstable_by(most - 1, best_first);
        }
        hits.truncate(most);
        hits.sort_by(best_first);
        hits
    }

    fn idf(&self, holding: usize) -> f64 {
        let (all, holding) = (self.len() as f64, holding as f64);
        (1.0 + (all - holding + 0.5) / (holding + 0.5)).ln()
    }

    fn saturation(&self, passage: u32, count: u32) -> f64 {
        let Weights { k1, b, .. } = self.weights;
        let mean = self.total as f64 / self.len() as f64;
        let (count, length) = (f64::from(count), f64::from(self.lengths[passage as usize]));
        count * (k1 + 1.0) / (count + k1 * (1.0 - b + b * length / mean))
    }
}

/// Words as the index knows them.
fn terms(text: &str, plurals: bool) -> impl Iterator<Item = String> + '_ {
    words(text).map(move |(_, word)| {
        let mut word = word.to_lowercase();
        if plurals {
            make_singular(&mut word);
        }
        word
    })
}

fn make_singular(word: &mut String) {
    if word.len() > 4 && word.ends_with("ies") {
        word.truncate(word.len() - 3);
        word.push('y');
    } else if word.len() > 3 && word.ends_with('s') && !["ss", "us", "is"].iter().any(|end| word.ends_with(end)) {
        word.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_formula() {
        let mut index = Index::new(Weights::default());
        index.extend(&["a b", "a a c", "d"]);
        // N = 3, mean length 2; `a` in two passages.
        let idf = (1.0f64 + 1.5 / 2.5).ln();
        let hits = index.search("A", 5);
        let expected = [(1, idf * 2.0 * 2.2 / (2.0 + 1.2 * (0.25 + 0.75 * 1.5))), (0, idf * 2.2 / 2.2)];
        assert_eq!(hits.len(), 2);
        for (hit, (passage, score)) in hits.iter().zip(expected) {
            assert!(hit.passage == passage && (hit.score - score).abs() < 1e-12, "{hit:?}");
        }
        assert!(index.search("unknown", 5).is_empty() && index.search("a", 0).is_empty());
        assert!(Index::new(Weights::default()).search("a", 3).is_empty());
    }

    #[test]
    fn ties_go_to_the_first() {
        let mut index = Index::new(Weights::default());
        index.extend(&vec!["same words"; 100]);
        let found: Vec<usize> = index.search("words", 7).iter().map(|hit| hit.passage).collect();
        assert_eq!(found, [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn plurals_count_as_singulars_where_asked() {
        let singular = |word: &str| terms(word, true).next().unwrap();
        let known = ["Rivers", "cities", "glass", "bus", "basis", "gas"].map(singular);
        assert_eq!(known, ["river", "city", "glass", "bus", "basis", "gas"]);
        assert_eq!(terms("Rivers", false).next().unwrap(), "rivers");
    }
}
