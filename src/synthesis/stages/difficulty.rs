//! Bins of difficulty, and the same number from each where that is asked for.

use super::{Candidate, ITEMS};
use crate::error::Result;
use crate::files::{Lines, WholeFile};
use crate::funnel::Counts;
use crate::item::Engine;
use crate::observer::Watch;
use crate::spec::DifficultySpec;
use longlab_kernels::stream::{Address, Purpose};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// Puts the items of `from` into bins, into `folder`.
///
/// # Errors
/// Of the files, or [`SynthesisError::Stopped`](crate::SynthesisError::Stopped).
pub fn difficulty(from: &Path, spec: &DifficultySpec, seed: u64, folder: &Path, watch: &mut Watch) -> Result<Counts> {
    watch.progress(0, 0)?;
    let from = from.join(ITEMS);
    let measures = Lines::<Candidate>::open(&from)?.map(|line| Ok(measure(&line?))).collect::<Result<Vec<_>>>()?;
    let bins = bins(&measures, spec.bins);
    let left_out = if spec.balanced { surplus(&measures, &bins, seed) } else { HashSet::new() };
    let mut file = WholeFile::create(&folder.join(ITEMS))?;
    let mut counts = Counts::default();
    for (at, candidate) in Lines::<Candidate>::open(&from)?.enumerate() {
        let candidate = candidate?;
        let name = format!("{} bin {}", candidate.item.engine.name(), bins[at]);
        if left_out.contains(&at) {
            counts.drop("more than the smallest bin has");
            continue;
        }
        counts.keep();
        counts.remark(name);
        file.line(&Candidate { bin: Some(bins[at]), ..candidate })?;
    }
    file.finish()?;
    Ok(counts)
}

/// How hard an item is: with tries of a model the share of wrong answers in thousandths, else its engine's own measure. Measures of
/// different kinds and engines are not compared.
fn measure(candidate: &Candidate) -> (Engine, bool, usize) {
    match candidate.rate {
        Some((right, tries)) => (candidate.item.engine, true, 1_000 - 1_000 * right / tries.max(1)),
        None => (candidate.item.engine, false, candidate.item.difficulty),
    }
}

/// Bins of equal numbers as far as equal measures allow: what is equally hard lies in one bin.
fn bins(measures: &[(Engine, bool, usize)], count: usize) -> Vec<usize> {
    let mut sorted: BTreeMap<(Engine, bool), Vec<usize>> = BTreeMap::new();
    measures.iter().for_each(|(engine, asked, measure)| sorted.entry((*engine, *asked)).or_default().push(*measure));
    sorted.values_mut().for_each(|measures| measures.sort_unstable());
    let bin = |(engine, asked, measure): &(Engine, bool, usize)| {
        let own = &sorted[&(*engine, *asked)];
        let below = own.partition_point(|other| other < measure);
        below * count / own.len()
    };
    measures.iter().map(bin).collect()
}

/// Which items are too many, at random, for every bin of an engine to have as many as its smallest.
fn surplus(measures: &[(Engine, bool, usize)], bins: &[usize], seed: u64) -> HashSet<usize> {
    let mut members: BTreeMap<Engine, BTreeMap<usize, Vec<usize>>> = BTreeMap::new();
    for (at, (engine, ..)) in measures.iter().enumerate() {
        members.entry(*engine).or_default().entry(bins[at]).or_default().push(at);
    }
    let mut left_out = HashSet::new();
    for (engine, bins) in members {
        let fewest = bins.values().map(Vec::len).min().unwrap_or(0);
        for (bin, mut members) in bins {
            let address = Address::new(seed, Purpose::Order).rollout(engine as u32).position(bin as u32 + 1);
            address.stream().shuffle(&mut members);
            left_out.extend(&members[fewest..]);
        }
    }
    left_out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equally_hard_lies_in_one_bin() {
        let measures: Vec<_> = [4, 2, 2, 8, 2, 9].into_iter().map(|hard| (Engine::Table, false, hard)).collect();
        assert_eq!(bins(&measures, 3), [1, 0, 0, 2, 0, 2]);
    }

    #[test]
    fn engines_are_binned_apart_and_balanced() {
        let mut measures: Vec<_> = (0..9).map(|hard| (Engine::Table, false, hard)).collect();
        measures.extend((0..4).map(|hard| (Engine::Dialogue, false, 100 * hard / 2 * 2)));
        let bins = bins(&measures, 2);
        assert_eq!(bins, [0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1]);
        let left_out = surplus(&measures, &bins, 1);
        assert!(left_out.len() == 1 && left_out.iter().all(|at| bins[*at] == 0 && *at < 9));
    }
}
