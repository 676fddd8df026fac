//! Near duplicates against datasketch, rankings against bm25s; `tests/goldens/make.py` made the files.

use longlab_documents::{Index, Nearness, Weights, pairs, words};
use serde::Deserialize;
use std::collections::HashSet;

#[derive(Deserialize)]
struct Near {
    texts: Vec<String>,
    pairs: Vec<Pair>,
    settings: Settings,
}

#[derive(Deserialize)]
struct Settings {
    shingle: usize,
    permutations: usize,
    bands: usize,
    threshold: f64,
}

#[derive(Deserialize)]
struct Pair {
    left: usize,
    right: usize,
    exact: f64,
    estimate: f64,
    found: bool,
}

#[derive(Deserialize)]
struct Rankings {
    k1: f64,
    b: f64,
    passages: Vec<String>,
    queries: Vec<String>,
    scores: Vec<Vec<f64>>,
}

fn near() -> (Near, Nearness) {
    let near: Near = serde_json::from_str(include_str!("../goldens/duplicates.json")).unwrap();
    let Settings { shingle, permutations, bands, threshold } = near.settings;
    (near, Nearness { shingle, permutations, bands, threshold, seed: 0 })
}

fn shingles(text: &str, length: usize) -> HashSet<Vec<&str>> {
    let words: Vec<&str> = words(text).map(|(_, word)| word).collect();
    words.windows(length).map(<[&str]>::to_vec).collect()
}

#[test]
fn estimates_are_as_good_as_those_of_datasketch() {
    let (near, nearness) = near();
    let prints: Vec<_> = near.texts.iter().map(|text| nearness.fingerprint(text)).collect();
    let (mut ours, mut theirs, mut bias) = (0.0, 0.0, 0.0);
    for pair in &near.pairs {
        let (left, right) =
            (shingles(&near.texts[pair.left], nearness.shingle), shingles(&near.texts[pair.right], nearness.shingle));
        let exact = left.intersection(&right).count() as f64 / left.union(&right).count() as f64;
        assert!((exact - pair.exact).abs() < 1e-12, "the shingles are not those of the golden");
        let estimate = prints[pair.left].similarity(&prints[pair.right]);
        // 4.5 standard errors: one of 100,000 estimates lies outside.
        let error = (exact * (1.0 - exact) / nearness.permutations as f64).sqrt();
        assert!((estimate - exact).abs() <= 4.5 * error + 1e-12, "{estimate} for {exact}");
        ours += (estimate - exact).powi(2);
        theirs += (pair.estimate - exact).powi(2);
        bias += estimate - exact;
    }
    let count = near.pairs.len() as f64;
    let (ours, theirs, bias) = ((ours / count).sqrt(), (theirs / count).sqrt(), bias / count);
    assert!(ours < 1.5 * theirs && bias.abs() < 0.02, "error {ours} against {theirs}, bias {bias}");
}

#[test]
fn estimates_are_right_on_average_over_seeds() {
    let (near, nearness) = near();
    let pair = near.pairs.iter().find(|pair| (0.5..0.8).contains(&pair.exact)).unwrap();
    let seeds = 200;
    let estimate = |seed: u64| {
        let nearness = Nearness { seed, permutations: 64, ..nearness.clone() };
        let print = |number: usize| nearness.fingerprint(&near.texts[number]);
        print(pair.left).similarity(&print(pair.right))
    };
    let mean = (0..seeds).map(estimate).sum::<f64>() / seeds as f64;
    let error = (pair.exact * (1.0 - pair.exact) / (64.0 * seeds as f64)).sqrt();
    assert!((mean - pair.exact).abs() < 4.0 * error, "{mean} for {}", pair.exact);
}

#[test]
fn the_pairs_at_the_threshold_are_those_of_datasketch() {
    let (near, nearness) = near();
    let prints: Vec<_> = near.texts.iter().map(|text| nearness.fingerprint(text)).collect();
    let found: HashSet<(usize, usize)> =
        pairs(&nearness, &prints).unwrap().into_iter().map(|(left, right, _)| (left, right)).collect();
    let theirs: HashSet<(usize, usize)> =
        near.pairs.iter().filter(|pair| pair.found).map(|pair| (pair.left, pair.right)).collect();
    // Hash functions differ, so pairs near the threshold may fall on either side; clear ones may not.
    for pair in &near.pairs {
        let key = (pair.left, pair.right);
        if pair.exact >= 0.9 {
            assert!(found.contains(&key) && theirs.contains(&key), "{key:?} of {}", pair.exact);
        }
        if pair.exact <= 0.68 {
            assert!(!found.contains(&key) && !theirs.contains(&key), "{key:?} of {}", pair.exact);
        }
    }
    let (both, either) = (found.intersection(&theirs).count(), found.union(&theirs).count());
    assert!(10 * both >= 7 * either, "{both} of {either} pairs are found by both");
}

#[test]
fn threads_change_no_fingerprint() {
    use rayon::prelude::*;
    let (near, nearness) = near();
    let one: Vec<_> = near.texts.iter().map(|text| nearness.fingerprint(text)).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    let many: Vec<_> = pool.install(|| near.texts.par_iter().map(|text| nearness.fingerprint(text)).collect());
    assert_eq!(one, many);
}

#[test]
fn scores_are_those_of_bm25s() {
    let golden: Rankings = serde_json::from_str(include_str!("../goldens/rankings.json")).unwrap();
    let mut index = Index::new(Weights { k1: golden.k1, b: golden.b, plurals: false });
    index.extend(&golden.passages);
    let mut compared = 0;
    for (query, scores) in golden.queries.iter().zip(&golden.scores) {
        let hits = index.search(query, golden.passages.len());
        assert_eq!(hits.len(), scores.iter().filter(|score| **score > 0.0).count());
        for hit in hits {
            // Lucene's form leaves out the factor k1 + 1, which is the same for all; bm25s works in f32.
            let theirs = scores[hit.passage] * (golden.k1 + 1.0);
            assert!((hit.score - theirs).abs() < 2e-5 * theirs.max(1.0), "{} against {theirs}", hit.score);
            compared += 1;
        }
    }
    assert!(compared > 100);
}
