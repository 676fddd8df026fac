//! verl's outcome advantages and TRL's group scoring.

use crate::facts::{Fact, Verdict, deviation, deviation_from_largest, numbers, rows};
use longlab_kernels::advantage::{Options, Scale, Single, advantages};
use longlab_kernels::baselines::{Whitening, gpg, opo, pass_at_k, returns};
use serde_json::Value;

pub const ONE_DIGIT: &str = "rewards 1e-6 apart in f32, which holds one digit of their difference";

pub fn advantage(fact: &Fact) -> Verdict {
    if fact.single() && fact.text("name") == "nearly equal" {
        return Verdict::Excluded(ONE_DIGIT);
    }
    match fact.text("function") {
        "grpo_advantages" => trl(fact),
        "masked_whiten" => whitened(fact),
        _ => verl(fact),
    }
}

/// Advantages are differences from a mean.
fn measured(fact: &Fact, ours: &[f64], theirs: &[f64]) -> Verdict {
    Verdict::Compared(if fact.single() { deviation_from_largest(ours, theirs) } else { deviation(ours, theirs) })
}

fn verl(fact: &Fact) -> Verdict {
    let read = |key: &str| numbers(fact.input(key));
    let rewards: Vec<f64> = read("rewards").into_iter().map(|reward| fact.rounded(reward)).collect();
    let whole = |key: &str| -> Vec<usize> { read(key).into_iter().map(|x| x as usize).collect() };
    let (groups, lengths) = (whole("index"), whole("lengths"));
    let by_group = |options: &Options| advantages(&rewards, &groups, &vec![0; rewards.len()], options);
    let by_deviation = fact.flag("norm_adv_by_std_in_grpo", true);
    let lone = Options { single: Single::Reward, ..Options::default() };
    let plain = Options { scale: Scale::None, ..lone };
    let ours = match fact.text("function") {
        "compute_grpo_outcome_advantage" => by_group(if by_deviation { &lone } else { &plain }),
        "compute_rloo_outcome_advantage" => by_group(&Options { single: Single::Reward, ..Options::rloo() }),
        "compute_rloo_vectorized_outcome_advantage" => by_group(&Options::rloo()),
        "compute_opo_outcome_advantage" => opo(&rewards, &groups, &lengths),
        "compute_gpg_outcome_advantage" => gpg(&rewards, &groups),
        "compute_grpo_passk_outcome_advantage" => pass_at_k(&rewards, &groups, by_deviation.then_some(1e-6)),
        "compute_reinforce_plus_plus_baseline_outcome_advantage" => {
            let tokens = by_group(&plain).into_iter().zip(&lengths).map(|(a, &n)| vec![a; n]).collect();
            batch_whitened(fact, tokens).into_iter().map(|row| row[0]).collect()
        }
        "compute_reinforce_plus_plus_outcome_advantage" => {
            let gamma = fact.number("gamma", 1.0);
            let tokens = rewards.iter().zip(&lengths).map(|(&reward, &n)| returns(reward, n, gamma)).collect();
            let width = lengths.iter().max().expect("rows");
            let padded = batch_whitened(fact, tokens).into_iter().map(|mut row| {
                row.resize(*width, 0.0);
                row
            });
            return measured(fact, &padded.collect::<Vec<_>>().concat(), &rows(&fact.outputs()["advantages"]).concat());
        }
        other => panic!("unknown estimator {other}"),
    };
    measured(fact, &ours, &numbers(&fact.outputs()["row_advantages"]))
}

/// verl's whitening; what it adds to counts is lost in f32.
fn whitening(fact: &Fact) -> Whitening {
    let count = if fact.single() { 0.0 } else { Whitening::verl().count };
    Whitening { count, shift_mean: fact.flag("shift_mean", true), ..Whitening::verl() }
}

/// Rows of tokens, whitened over all of them.
fn batch_whitened(fact: &Fact, tokens: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let mut white = whitening(fact).of(&tokens.concat()).into_iter();
    tokens.iter().map(|row| white.by_ref().take(row.len()).collect()).collect()
}

fn whitened(fact: &Fact) -> Verdict {
    let mask = rows(fact.input("mask")).concat();
    let values = rows(fact.input("advantages")).concat();
    let valid: Vec<f64> = values.iter().zip(&mask).filter(|(_, m)| **m == 1.0).map(|(x, _)| fact.rounded(*x)).collect();
    let mut white = whitening(fact).of(&valid).into_iter();
    let ours: Vec<f64> = mask.iter().map(|&m| if m == 1.0 { white.next().expect("as many") } else { 0.0 }).collect();
    measured(fact, &ours, &rows(&fact.outputs()["advantages_times_mask"]).concat())
}

/// [`advantages`] of the rollouts that have a score; none for the others.
fn scored(scores: &[Option<f64>], groups: &[usize], options: &Options) -> Vec<Option<f64>> {
    let (rewards, kept): (Vec<f64>, Vec<usize>) =
        scores.iter().zip(groups).filter_map(|(s, &g)| Some(((*s)?, g))).unzip();
    let mut ours = advantages(&rewards, &kept, &vec![0; rewards.len()], options).into_iter();
    scores.iter().map(|score| score.and_then(|_| ours.next())).collect()
}

/// The weighted sum over reward functions; none if no function gave a score.
fn summed(table: &[Vec<Option<f64>>], weights: &[f64]) -> Vec<Option<f64>> {
    let sum = |row: &Vec<Option<f64>>| {
        let terms: Vec<f64> = row.iter().zip(weights).filter_map(|(score, weight)| Some((*score)? * weight)).collect();
        (!terms.is_empty()).then(|| terms.iter().sum())
    };
    table.iter().map(sum).collect()
}

fn trl(fact: &Fact) -> Verdict {
    let table: Vec<Vec<Option<f64>>> = fact
        .input("rewards")
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| {
            row.as_array().expect("scores").iter().map(|score| score.as_f64().map(|x| fact.rounded(x))).collect()
        })
        .collect();
    let generations = fact.number("num_generations", f64::NAN) as usize;
    let groups: Vec<usize> = (0..table.len()).map(|i| i / generations).collect();
    let weights = numbers(fact.parameter("reward_weights"));
    let scale = match fact.text_of("scale_rewards") {
        "group" => Scale::Group,
        "batch" => Scale::Batch,
        _ => Scale::None,
    };
    let options = Options { scale, epsilon: 1e-4, ..Options::default() };
    let ours = if fact.parameter("multi_objective_aggregation") == &Value::from("normalize_then_sum") {
        // Each function by itself within groups, then the weighted sum over the batch as one group.
        let column = |k: usize| table.iter().map(|row| row[k]).collect::<Vec<_>>();
        let columns: Vec<Vec<Option<f64>>> = (0..weights.len())
            .map(|k| scored(&column(k), &groups, &Options { scale: Scale::Group, ..options }))
            .collect();
        let rows: Vec<Vec<Option<f64>>> =
            (0..table.len()).map(|i| columns.iter().map(|column| column[i]).collect()).collect();
        scored(&summed(&rows, &weights), &vec![0; table.len()], &Options { scale: Scale::Group, ..options })
    } else {
        scored(&summed(&table, &weights), &groups, &options)
    };
    let ours: Vec<f64> = ours.into_iter().map(|advantage| advantage.unwrap_or(0.0)).collect();
    measured(fact, &ours, &numbers(&fact.outputs()["row_advantages"]))
}
