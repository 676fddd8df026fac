//! Bins of difficulty, and the same number from each where that is asked for.

use super::{Candidate, ITEMS};
use crate::error::Result;
use crate::files::{Lines, WholeFile};
use crate::funnel::Counts;
use crate::item::Engine;
use crate::observer::Watch;
use crate::spec::{BinsOf, DifficultySpec};
use longlab_kernels::stream::{Address, Purpose};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Puts the items of `from` into bins, into `folder`.
///
/// # Errors
/// Of the files, or [`SynthesisError::Stopped`](crate::SynthesisError::Stopped).
pub fn difficulty(from: &Path, spec: &DifficultySpec, seed: u64, folder: &Path, watch: &mut Watch) -> Result<Counts> {
    watch.progress(0, 0)?;
    let from = from.join(ITEMS);
    let measures = Lines::<Candidate>::open(&from)?.map(|line| Ok(measure(&line?))).collect::<Result<Vec<_>>>()?;
    let measures: Vec<Option<Measure>> =
        measures.into_iter().map(|own| own.filter(|own| !own.is_easier(spec))).collect();
    let bins = bins(&measures, spec);
    let left_out = surplus(&measures, &bins, spec, seed);
    let mut file = WholeFile::create(&folder.join(ITEMS))?;
    let mut counts = Counts::default();
    for (at, candidate) in Lines::<Candidate>::open(&from)?.enumerate() {
        let candidate = candidate?;
        let Some(bin) = bins[at] else {
            counts.drop("answered more often than `difficulty.easiest`");
            continue;
        };
        if let Some(reason) = left_out.get(&at) {
            counts.drop(*reason);
            continue;
        }
        counts.keep();
        counts.remark(format!("{} bin {bin}", candidate.item.engine.name()));
        file.line(&Candidate { bin: Some(bin), ..candidate })?;
    }
    file.finish()?;
    Ok(counts)
}

/// How hard an item is. Measures of different kinds and engines are not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Measure {
    engine: Engine,
    /// Whether a model was asked: then the share of wrong answers in thousandths, else the engine's own measure.
    asked: bool,
    hard: usize,
}

impl Measure {
    fn is_easier(&self, spec: &DifficultySpec) -> bool {
        self.asked && (self.hard as f64) < 1_000.0 * (1.0 - spec.easiest) - 0.5
    }
}

fn measure(candidate: &Candidate) -> Option<Measure> {
    let engine = candidate.item.engine;
    Some(match candidate.rate {
        Some((right, tries)) => Measure { engine, asked: true, hard: 1_000 - 1_000 * right / tries.max(1) },
        None => Measure { engine, asked: false, hard: candidate.item.difficulty },
    })
}

/// The bin of each item that is left: of equal numbers as far as equal measures allow, since what is equally hard lies in one bin; or of equal widths.
fn bins(measures: &[Option<Measure>], spec: &DifficultySpec) -> Vec<Option<usize>> {
    let mut sorted: BTreeMap<(Engine, bool), Vec<usize>> = BTreeMap::new();
    measures.iter().flatten().for_each(|own| sorted.entry((own.engine, own.asked)).or_default().push(own.hard));
    sorted.values_mut().for_each(|measures| measures.sort_unstable());
    let bin = |own: &Measure| {
        let all = &sorted[&(own.engine, own.asked)];
        match spec.bins_of {
            BinsOf::Counts => all.partition_point(|other| *other < own.hard) * spec.bins / all.len(),
            BinsOf::Widths => {
                let (low, high) = if own.asked { (0, 1_000) } else { (all[0], all[all.len() - 1]) };
                ((own.hard - low) * spec.bins / (high - low).max(1)).min(spec.bins - 1)
            }
        }
    };
    measures.iter().map(|own| own.as_ref().map(bin)).collect()
}

/// Which items are too many, at random: for every bin of an engine to have as many as its smallest, or no more than the quota.
fn surplus(
    measures: &[Option<Measure>],
    bins: &[Option<usize>],
    spec: &DifficultySpec,
    seed: u64,
) -> HashMap<usize, &'static str> {
    let mut members: BTreeMap<Engine, BTreeMap<usize, Vec<usize>>> = BTreeMap::new();
    for (at, (own, bin)) in measures.iter().zip(bins).enumerate() {
        if let (Some(own), Some(bin)) = (own, bin) {
            members.entry(own.engine).or_default().entry(*bin).or_default().push(at);
        }
    }
    let quota = spec.quota.unwrap_or(usize::MAX);
    let mut left_out = HashMap::new();
    for (engine, bins) in members {
        let fewest = bins.values().map(Vec::len).min().filter(|_| spec.balanced).unwrap_or(usize::MAX);
        let reason = if fewest <= quota { "more than the smallest bin has" } else { "more than `difficulty.quota`" };
        for (bin, mut members) in bins {
            let address = Address::new(seed, Purpose::Order).rollout(engine as u32).position(bin as u32 + 1);
            address.stream().shuffle(&mut members);
            left_out.extend(members.iter().skip(fewest.min(quota)).map(|at| (*at, reason)));
        }
    }
    left_out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(engine: Engine, hard: impl IntoIterator<Item = usize>) -> Vec<Option<Measure>> {
        hard.into_iter().map(|hard| Some(Measure { engine, asked: false, hard })).collect()
    }

    fn rated(hard: &[usize]) -> Vec<Option<Measure>> {
        hard.iter().map(|hard| Some(Measure { engine: Engine::Table, asked: true, hard: *hard })).collect()
    }

    fn of(bins: usize) -> DifficultySpec {
        DifficultySpec { bins, ..DifficultySpec::default() }
    }

    fn binned(measures: &[Option<Measure>], spec: &DifficultySpec) -> Vec<usize> {
        bins(measures, spec).into_iter().map(Option::unwrap).collect()
    }

    #[test]
    fn what_is_equally_hard_lies_in_one_bin() {
        assert_eq!(binned(&plain(Engine::Table, [4, 2, 2, 8, 2, 9]), &of(3)), [1, 0, 0, 2, 0, 2]);
    }

    #[test]
    fn bins_of_equal_widths_are_those_of_pass_at_k() {
        let spec = DifficultySpec { bins_of: BinsOf::Widths, ..of(4) };
        assert_eq!(binned(&rated(&[0, 249, 250, 500, 750, 1_000]), &spec), [0, 0, 1, 2, 3, 3]);
        // Without a model the widths are between the least and the greatest; one measure alone is one bin.
        assert_eq!(binned(&plain(Engine::Graph, [2, 3, 4, 10]), &spec), [0, 0, 1, 3]);
        assert_eq!(binned(&plain(Engine::Graph, [7, 7]), &spec), [0, 0]);
    }

    #[test]
    fn engines_are_binned_apart_and_balanced() {
        let mut measures = plain(Engine::Table, 0..9);
        measures.extend(plain(Engine::Dialogue, (0..4).map(|hard| 100 * hard / 2 * 2)));
        let bins = bins(&measures, &of(2));
        let places: Vec<usize> = bins.iter().map(|bin| bin.unwrap()).collect();
        assert_eq!(places, [0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1]);
        let balanced = DifficultySpec { balanced: true, ..of(2) };
        let left_out = surplus(&measures, &bins, &balanced, 1);
        assert!(left_out.len() == 1 && left_out.keys().all(|at| places[*at] == 0 && *at < 9));
        let quota = DifficultySpec { quota: Some(3), balanced: true, ..of(2) };
        let left_out = surplus(&measures, &bins, &quota, 1);
        assert!(left_out.len() == 3 && left_out.values().all(|reason| reason.contains("quota")), "{left_out:?}");
        assert!(surplus(&measures, &bins, &of(2), 1).is_empty());
    }

    #[test]
    fn what_is_too_easy_has_no_bin() {
        let easier = |easiest, hard| {
            let spec = DifficultySpec { easiest, ..of(3) };
            Measure { engine: Engine::Table, asked: true, hard }.is_easier(&spec)
        };
        assert!(!easier(1.0, 0) && easier(0.99, 0) && !easier(0.75, 250) && easier(0.75, 125));
        assert!(
            !Measure { engine: Engine::Table, asked: false, hard: 0 }
                .is_easier(&DifficultySpec { easiest: 0.0, ..of(3) })
        );
        assert_eq!(bins(&[None, rated(&[500])[0]], &of(3)), [None, Some(0)]);
    }
}
