//! Hard items of an earlier stage come again: difficulty-aware retrospective sampling.
//!
//! QwenLong-L1 (arXiv 2505.17667) keeps hard instances of earlier phases and weighs them by difficulty. Difficulty is read as one over the mean reward of a
//! group; how it weighs, and what happens to items that were never solved, are keys.

use super::pick::asked;
use super::{Candidate, ITEMS};
use crate::dataset::{Record, Split, each};
use crate::error::{Result, SynthesisError};
use crate::files::{Lines, WholeFile};
use crate::funnel::Counts;
use crate::observer::Watch;
use crate::spec::RetrospectiveSpec;
use crate::stages::CHUNK;
use longlab_documents::Hash;
use longlab_kernels::stream::{Address, Purpose};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// Rewards of an item at this stage's limits.
#[derive(Deserialize)]
struct Rewards {
    id: Hash,
    rewards: Vec<f64>,
}

/// What an item was rewarded with: the mean, and how many tries it is of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// Mean reward.
    pub reward: f64,
    /// Tries.
    pub tries: usize,
}

/// The weight of an item: its difficulty, one over the mean reward, to a power. None of an item without any reward, unless those may be drawn: then it
/// weighs as if it had half of one right try.
pub fn weight(mean: Mean, spec: &RetrospectiveSpec) -> Option<f64> {
    let least = 0.5 / mean.tries.max(1) as f64;
    let reward = if mean.reward > 0.0 {
        mean.reward
    } else if spec.unsolved {
        least
    } else {
        return None;
    };
    Some(reward.recip().powf(spec.power))
}

/// The places of `count` of the weights, drawn without repetition, each draw in proportion to what is left (Efraimidis and Spirakis 2006: the greatest of
/// `ln(u) / w`). In the order of the places.
pub fn draw(weights: &[f64], count: usize, seed: u64) -> Vec<usize> {
    let address = Address::new(seed, Purpose::Pool);
    let key = |(at, weight): (usize, &f64)| {
        // In (0, 1]: no logarithm of 0.
        let uniform = 1.0 - address.sample(at as u64).stream().uniform();
        (uniform.ln() / weight, at)
    };
    let mut keys: Vec<(f64, usize)> = weights.iter().enumerate().map(key).collect();
    keys.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    let mut drawn: Vec<usize> = keys.into_iter().take(count).map(|(_, at)| at).collect();
    drawn.sort_unstable();
    drawn
}

/// What the stage works with.
pub struct Retrospecting<'a> {
    /// The settings.
    pub spec: &'a RetrospectiveSpec,
    /// Seed of the draws.
    pub seed: u64,
    /// The tokenizer of this stage.
    pub tokenizer: Option<&'a Hash>,
    /// Longest prompt of this stage, tokens.
    pub most: usize,
}

/// Puts the items of `from` and hard ones of the earlier dataset into `folder`. Counted are the earlier ones; only those that were for training come again.
///
/// # Errors
/// Of the files, or [`SynthesisError::Stopped`].
pub fn retrospect(from: &Path, with: &Retrospecting, folder: &Path, watch: &mut Watch) -> Result<Counts> {
    let mut file = WholeFile::create(&folder.join(ITEMS))?;
    let (mut own, mut questions) = (0, HashSet::new());
    for candidate in Lines::<Candidate>::open(&from.join(ITEMS))? {
        let candidate = candidate?;
        if own % CHUNK == 0 {
            watch.progress(own, 0)?;
        }
        own += 1;
        file.line(&candidate)?;
        questions.insert(asked(&candidate.item));
    }
    let rewards = with.spec.rewards.as_deref().map(rewards).transpose()?;
    let mut counts = Counts::default();
    let mut weights: Vec<f64> = vec![];
    let mut places: BTreeMap<usize, (usize, Mean)> = BTreeMap::new();
    let mut at = 0;
    each(&with.spec.dataset, &mut |_, record| {
        let record = record?;
        match with.weighed(&record, rewards.as_ref(), &questions) {
            Ok((mean, weight)) => {
                places.insert(at, (weights.len(), mean));
                weights.push(weight);
            }
            Err(reason) => counts.drop(reason),
        }
        at += 1;
        Ok(true)
    })?;
    let wanted = (own as f64 * with.spec.share).round() as usize;
    let drawn: HashSet<usize> = draw(&weights, wanted, with.seed).into_iter().collect();
    let mut at = 0;
    each(&with.spec.dataset, &mut |_, record| {
        let record = record?;
        if let Some((place, mean)) = places.get(&at) {
            if drawn.contains(place) {
                counts.keep();
                file.line(&again(record, *mean))?;
            } else {
                counts.drop("not drawn");
            }
        }
        at += 1;
        Ok(true)
    })?;
    file.finish()?;
    if counts.kept < wanted {
        counts.remark(format!("fewer than the {wanted} that `retrospective.share` asks for"));
    }
    Ok(counts)
}

impl Retrospecting<'_> {
    fn weighed(
        &self,
        record: &Record,
        rewards: Option<&HashMap<Hash, Mean>>,
        questions: &HashSet<Hash>,
    ) -> std::result::Result<(Mean, f64), &'static str> {
        let Record { item, placed } = record;
        let own = || placed.rate.map(|(right, tries)| Mean { reward: right as f64 / tries.max(1) as f64, tries });
        let mean = rewards.map_or_else(own, |rewards| rewards.get(&item.id).copied());
        if placed.split == Split::Test {
            Err("was set aside for testing")
        } else if questions.contains(&asked(item)) {
            Err("its question is one of this stage too")
        } else if item.certificate.tokenizer.as_ref() != self.tokenizer {
            Err("its tokens were counted by another tokenizer")
        } else if item.certificate.tokens > self.most {
            Err("is longer than `context.most`")
        } else {
            let mean = mean.ok_or("its reward is not known")?;
            weight(mean, self.spec).map(|weight| (mean, weight)).ok_or("was never solved")
        }
    }
}

/// An item that comes again. What it was put to was at the limits of the earlier stage; its reward is what it was drawn by.
fn again(record: Record, mean: Mean) -> Candidate {
    let Record { mut item, placed } = record;
    crate::extend::bare(&mut item);
    let rate = Some(((mean.reward * mean.tries as f64).round() as usize, mean.tries));
    Candidate { item, target: placed.target, rate, tried: vec![], bin: Some(placed.bin) }
}

fn rewards(path: &Path) -> Result<HashMap<Hash, Mean>> {
    let mut all: HashMap<Hash, Vec<f64>> = HashMap::new();
    for (number, line) in Lines::<Rewards>::open(path)?.enumerate() {
        let Rewards { id, rewards } = line?;
        if rewards.is_empty() || rewards.iter().any(|reward| !(0.0..=1.0).contains(reward)) {
            let reason = "`rewards` is a list of one number or more in 0..1".into();
            return Err(SynthesisError::Torn { path: path.to_path_buf(), line: number + 1, reason });
        }
        all.entry(id).or_default().extend(rewards);
    }
    let mean = |own: &Vec<f64>| Mean { reward: own.iter().sum::<f64>() / own.len() as f64, tries: own.len() };
    Ok(all.iter().map(|(id, own)| (id.clone(), mean(own))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(power: f64, unsolved: bool) -> RetrospectiveSpec {
        RetrospectiveSpec { dataset: "x".into(), rewards: None, share: 0.5, power, unsolved }
    }

    #[test]
    fn difficulty_is_one_over_the_mean_reward() {
        let mean = |reward| Mean { reward, tries: 8 };
        assert_eq!(weight(mean(0.25), &spec(1.0, false)), Some(4.0));
        assert_eq!(weight(mean(0.25), &spec(2.0, false)), Some(16.0));
        assert_eq!(weight(mean(0.25), &spec(0.0, false)), Some(1.0));
        assert_eq!(weight(mean(0.0), &spec(1.0, false)), None);
        assert_eq!(weight(mean(0.0), &spec(1.0, true)), Some(16.0));
    }

    #[test]
    fn draws_follow_the_weights_and_never_repeat() {
        let weights = [1.0, 4.0, 1.0, 2.0];
        let mut first = [0usize; 4];
        for seed in 0..4_000 {
            first[draw(&weights, 1, seed)[0]] += 1;
        }
        for (count, weight) in first.iter().zip(weights) {
            // Five standard deviations of a binomial count.
            let mean = 4_000.0 * weight / 8.0;
            assert!((*count as f64 - mean).abs() < 5.0 * (mean * (1.0 - weight / 8.0)).sqrt(), "{first:?}");
        }
        assert_eq!(draw(&weights, 4, 1), [0, 1, 2, 3]);
        assert_eq!(draw(&weights, 9, 1), [0, 1, 2, 3]);
        assert_eq!(draw(&weights, 2, 7), draw(&weights, 2, 7));
        assert!(draw(&[], 3, 1).is_empty());
    }

    #[test]
    fn rewards_out_of_range_are_named_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rewards.jsonl");
        std::fs::write(&path, "{\"id\":\"a\",\"rewards\":[0,1]}\n{\"id\":\"a\",\"rewards\":[1.0]}\n").unwrap();
        assert_eq!(rewards(&path).unwrap()[&Hash("a".into())], Mean { reward: 2.0 / 3.0, tries: 3 });
        std::fs::write(&path, "{\"id\":\"a\",\"rewards\":[1]}\n{\"id\":\"b\",\"rewards\":[1.5]}\n").unwrap();
        assert!(rewards(&path).unwrap_err().to_string().contains("line 2"));
    }
}
