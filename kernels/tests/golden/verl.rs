//! verl's policy losses, aggregation and KL estimators.

use crate::facts::{Columns, Fact, Verdict, deviation, deviation_of_rows, flat, rows};
use longlab_kernels::loss::*;
use longlab_kernels::stream::{Address, Purpose};
use std::num::NonZeroUsize;

/// Ours stop there, the peer's do not.
pub const PAST_BOUND: &str =
    "log-ratios past 20: only the gradients of tokens (of rows, in geo_mean) within are compared";
pub const TOKEN_ADVANTAGES: &str = "advantages differ within a rollout: ours has one, and GMPO clips by its sign";

/// Shares of verl's aggregation; a hole in the mask is no token of the rollout.
pub fn shares(columns: &Columns, normalizer: Normalizer, factor: f64) -> Vec<Vec<f64>> {
    let lengths = columns.lengths();
    let keep: Vec<Vec<bool>> = lengths.iter().map(|&n| vec![true; n]).collect();
    let (zeros, dropped) = (vec![0; lengths.len()], vec![false; lengths.len()]);
    let batch = Rollouts { groups: &zeros, lengths: &lengths, keep: &keep, dropped: &dropped, micro: &zeros };
    let shares = token_shares(&batch, normalizer);
    columns.map(|i, t| if columns.mask[i][t] { factor * shares[i][0] } else { 0.0 })
}

fn constant(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("above 0")
}

/// `agg_loss`: the mode's normaliser, and the factor that a part of a larger batch is scaled by.
fn aggregation(columns: &Columns, mode: &str, info: &dyn Fn(&str) -> Option<f64>) -> Vec<Vec<f64>> {
    let (sequences, tokens) = columns.sizes();
    let scale = info("loss_scale_factor").map_or(columns.width(), |n| n as usize);
    let (normalizer, part) = match mode {
        "token-mean" => (Normalizer::GlobalBatch, info("batch_num_tokens").map_or(1.0, |all| tokens / all)),
        "token-sum" => (Normalizer::TokenSum, 1.0),
        "seq-mean-token-sum" => (Normalizer::SequenceSum(constant(1)), 1.0),
        "seq-mean-token-sum-norm" => (Normalizer::SequenceSum(constant(scale)), 1.0),
        "seq-mean-token-mean" => (Normalizer::SequenceMean, 1.0),
        other => panic!("unknown mode {other}"),
    };
    let part =
        if mode.starts_with("seq") { info("global_batch_size").map_or(1.0, |all| sequences / all) } else { part };
    shares(columns, normalizer, part * info("dp_size").unwrap_or(1.0))
}

/// J and its gradient, one advantage a row.
pub fn by_rows(loss: &dyn PolicyLoss, columns: &Columns, advantages: &[f64], shares: &[Vec<f64>]) -> (f64, Gradient) {
    let groups = vec![0; advantages.len()];
    let batch = Batch::new(&columns.logp, &columns.old, advantages, &groups, shares).expect("a batch");
    let batch = batch.with_entropies(&columns.entropy).expect("entropies");
    let batch = if loss.needs().reference { batch.with_reference(&columns.reference) } else { Ok(batch) };
    evaluate(loss, &batch.expect("a reference")).expect("every column")
}

/// The same where advantages differ from token to token and the loss reads a token by itself (or the batch as a whole):
/// a rollout a token.
fn by_tokens(loss: &dyn PolicyLoss, columns: &Columns, shares: &[Vec<f64>]) -> (f64, Gradient) {
    let lone = |column: &[Vec<f64>]| column.concat().into_iter().map(|x| vec![x]).collect::<Vec<_>>();
    let (logp, old, shares) = (lone(&columns.logp), lone(&columns.old), lone(shares));
    let (advantages, groups) = (columns.advantages.concat(), vec![0; logp.len()]);
    let batch = Batch::new(&logp, &old, &advantages, &groups, &shares).expect("a batch");
    let (objective, gradient) = evaluate(loss, &batch).expect("every column");
    let logp = gradient.logp.concat().chunks(columns.width()).map(<[f64]>::to_vec).collect();
    (objective, Gradient::of_logp(logp))
}

/// The same for a loss of a whole rollout: each token's advantage in turn, where the other tokens of its rollout have a
/// share too small to show.
fn by_token_in_row(loss: &dyn PolicyLoss, columns: &Columns, shares: &[Vec<f64>]) -> (f64, Gradient) {
    let (mut objective, mut logp) = (0.0, columns.map(|_, _| 0.0));
    for i in 0..columns.height() {
        for t in (0..columns.width()).filter(|&t| columns.mask[i][t]) {
            let small = columns.map(|k, u| match (k == i && columns.mask[k][u], u == t) {
                (true, true) => shares[i][t],
                (true, false) => 1e-300,
                (false, _) => 0.0,
            });
            let (j, gradient) = by_rows(loss, columns, &vec![columns.advantages[i][t]; columns.height()], &small);
            objective += j;
            logp[i][t] = gradient.logp[i][t];
        }
    }
    (objective, Gradient::of_logp(logp))
}

pub fn policy_loss(fact: &Fact, facts: &[Fact]) -> Verdict {
    let columns = Columns::of(fact, facts);
    let function = fact.text("function");
    if function == "geo_mean" && fact.text("batch") == "tokens" {
        return Verdict::Excluded(TOKEN_ADVANTAGES);
    }
    let bound = ["clip_cov", "kl_cov", "geo_mean"].contains(&function);
    let bound = bound && (0..columns.height()).any(|i| (0..columns.width()).any(|t| columns.past_bound(i, t)));
    let shares = policy_shares(fact, &columns);
    let loss = match policy(fact, &columns, &shares) {
        Ok(loss) => loss,
        Err(deviation) => return Verdict::Compared(deviation),
    };
    let (objective, gradient) = match function {
        "gspo" => by_token_in_row(loss.as_ref(), &columns, &shares),
        "geo_mean" => by_rows(loss.as_ref(), &columns, &columns.row_advantages, &shares),
        _ => by_tokens(loss.as_ref(), &columns, &shares),
    };
    let theirs = rows(&fact.outputs()["grad_logp"]);
    if bound {
        let near = |i: usize, t: usize| match function {
            "geo_mean" => (0..columns.width()).all(|t| !columns.past_bound(i, t)),
            _ => !columns.past_bound(i, t),
        };
        let of = |rows: &[Vec<f64>]| columns.map(|i, t| if near(i, t) { -rows[i][t] } else { 0.0 }).concat();
        let theirs: Vec<f64> = of(&theirs).iter().map(|x| -x).collect();
        return Verdict::Partly(deviation(&of(&gradient.logp), &theirs), PAST_BOUND);
    }
    let gradient = columns.map(|i, t| -gradient.logp[i][t]);
    let value = deviation(&[-objective], &flat(&fact.outputs()["loss"]));
    Verdict::Compared(value.max(deviation_of_rows(&gradient, &fact.outputs()["grad_logp"])))
}

/// The aggregation, times the rollout weights where they are passed.
fn policy_shares(fact: &Fact, columns: &Columns) -> Vec<Vec<f64>> {
    let info = |key: &str| fact.parameter("batch_info")[key].as_f64();
    let mode = fact.text_of("loss_agg_mode");
    let shares = match fact.text("function") {
        "sapo" => aggregation(columns, "seq-mean-token-mean", &info),
        // A plain mean over rows, fully masked ones too.
        "geo_mean" => {
            let (sequences, _) = columns.sizes();
            shares(columns, Normalizer::SequenceMean, sequences / columns.height() as f64)
        }
        _ => aggregation(columns, mode, &info),
    };
    if !fact.flag("rollout_is_weights", false) {
        return shares;
    }
    if fact.text("function") == "geo_mean" {
        // A rollout's weight is the geometric mean of its tokens' (the peer adds 1e-10 in the logarithm).
        let weight = |i: usize| {
            let valid = || (0..columns.width()).filter(|&t| columns.mask[i][t]);
            let sum: f64 = valid().map(|t| (columns.weights[i][t] + 1e-10).ln()).sum();
            (sum / valid().count().max(1) as f64).exp()
        };
        return columns.map(|i, t| shares[i][t] * weight(i));
    }
    columns.map(|i, t| shares[i][t] * columns.weights[i][t])
}

/// Our loss. An error is a deviation that is final: Clip-Cov's selection is not the peer's.
fn policy(fact: &Fact, columns: &Columns, shares: &[Vec<f64>]) -> Result<Box<dyn PolicyLoss>, f64> {
    // A clip of null falls back on `clip_ratio`; one that is not given is 0.2.
    let clip = |key: &str| match fact.0["parameters"].get(key) {
        Some(value) => value.as_f64().unwrap_or_else(|| fact.number("clip_ratio", 0.2)),
        None => 0.2,
    };
    let (low, high) = (clip("clip_ratio_low"), clip("clip_ratio_high"));
    let cut = fact.number("clip_ratio_c", 3.0);
    let own = |key: &str, default: f64| fact.parameter("policy_loss")[key].as_f64().unwrap_or(default);
    Ok(match fact.text("function") {
        "vanilla" => Box::new(PpoClip { low, high, dual: Some(cut) }),
        "dppo_tv" => Box::new(Dppo { divergence: Divergence::TotalVariation, low, high, cut }),
        "dppo_kl" => Box::new(Dppo { divergence: Divergence::Kl, low, high, cut }),
        "gspo" => Box::new(Gspo { low, high, level: GspoLevel::Token }),
        "sapo" => Box::new(Sapo { positive: fact.number("tau_pos", 1.0), negative: fact.number("tau_neg", 1.05) }),
        "gpg" => Box::new(Reinforce),
        "geo_mean" => Box::new(Gmpo { low, high }),
        "dro" => Box::new(Dro { beta: own("dro_beta", f64::NAN) }),
        "cispo" => Box::new(Cispo { low, high }),
        "kl_cov" => {
            let loss = KlCov { share: own("kl_cov_ratio", 2e-4), coefficient: own("ppo_kl_coef", 0.1) };
            if selection(columns, shares, |batch| loss.selected(batch)) != chosen(fact, columns) {
                return Err(f64::INFINITY);
            }
            Box::new(loss)
        }
        "clip_cov" => {
            let (share, least) = (own("clip_cov_ratio", 2e-4), own("clip_cov_lb", 1.0));
            let loss = ClipCov { low, high, share, least, most: own("clip_cov_ub", 5.0), draw: None };
            Box::new(same_draw(loss, columns, shares, &chosen(fact, columns)).ok_or(f64::INFINITY)?)
        }
        other => panic!("unknown loss {other}"),
    })
}

/// The tokens that the peer chose, as a flat mask.
fn chosen(fact: &Fact, columns: &Columns) -> Vec<bool> {
    let mut chosen = vec![false; columns.height() * columns.width()];
    for place in rows(&serde_json::json!(fact.outputs()["selected"])) {
        chosen[place[0] as usize * columns.width() + place[1] as usize] = true;
    }
    chosen
}

fn selection(columns: &Columns, shares: &[Vec<f64>], of: impl Fn(&Batch) -> Vec<Vec<bool>>) -> Vec<bool> {
    let lone = |column: &[Vec<f64>]| column.concat().into_iter().map(|x| vec![x]).collect::<Vec<_>>();
    let (logp, old, shares) = (lone(&columns.logp), lone(&columns.old), lone(shares));
    let (advantages, groups) = (columns.advantages.concat(), vec![0; logp.len()]);
    of(&Batch::new(&logp, &old, &advantages, &groups, &shares).expect("a batch")).concat()
}

/// Ours at an address that draws what the peer drew: torch's generator is not ours, but what can be drawn is the same.
fn same_draw(loss: ClipCov, columns: &Columns, shares: &[Vec<f64>], chosen: &[bool]) -> Option<ClipCov> {
    let candidates = selection(columns, shares, |batch| ClipCov { share: 1.0, ..loss }.selected(batch));
    let subset = chosen.iter().zip(&candidates).all(|(&chosen, &candidate)| candidate || !chosen);
    let at = |step| ClipCov { draw: Some(Address::new(0, Purpose::Test).step(step)), ..loss };
    let same = |loss: &ClipCov| selection(columns, shares, |batch| loss.selected(batch)) == chosen;
    if subset { (0..200_000).map(at).find(same) } else { None }
}

pub fn aggregated(fact: &Fact, facts: &[Fact]) -> Verdict {
    let columns = Columns::of(fact, facts);
    let info = |key: &str| fact.parameter(key).as_f64();
    let shares = aggregation(&columns, fact.text_of("loss_agg_mode"), &info);
    let none = vec![0.0; columns.height()];
    let (value, gradient) = by_rows(&EntropyBonus { coefficient: 1.0 }, &columns, &none, &shares);
    let value = deviation(&[value], &flat(&fact.outputs()["loss"]));
    Verdict::Compared(value.max(deviation_of_rows(&gradient.entropy, &fact.outputs()["grad_entropy"])))
}

pub fn kl(fact: &Fact, facts: &[Fact]) -> Verdict {
    let columns = Columns::of(fact, facts);
    let mode = fact.text_of("kl_penalty");
    let estimator = match mode.trim_end_matches('+') {
        "kl" | "k1" => KlEstimator::K1,
        "abs" => KlEstimator::Absolute,
        "mse" | "k2" => KlEstimator::K2,
        "low_var_kl" | "k3" => KlEstimator::LowVariance,
        other => panic!("unknown estimator {other}"),
    };
    let at = |estimator: KlEstimator, i: usize, t: usize| estimator.at(columns.logp[i][t], columns.reference[i][t]);
    let straight_through = mode.ends_with('+');
    let through = if straight_through { KlEstimator::K2 } else { estimator };
    let (values, slopes) = (columns.map(|i, t| at(estimator, i, t).0), columns.map(|i, t| at(through, i, t).1));
    // The penalty's gradient is the estimator's slope, wherever the numbers are log-probabilities.
    let loss = KlPenalty { coefficient: -1.0, estimator, straight_through };
    let shares = columns.map(|i, t| f64::from(columns.logp[i][t] <= 0.0 && columns.reference[i][t] <= 0.0));
    let (_, gradient) = by_rows(&loss, &columns, &vec![0.0; columns.height()], &shares);
    assert_eq!(gradient.logp, columns.map(|i, t| shares[i][t] * slopes[i][t]), "{}", fact.name());
    if fact.single() && estimator == KlEstimator::LowVariance {
        // exp(x) - x - 1 of a small x has an absolute error of f32's 6e-8, however small it is itself.
        let theirs = |key: &str| flat(&fact.outputs()[key]);
        let beside_one = |ours: &[Vec<f64>], theirs: &[f64]| {
            let gap =
                ours.concat().iter().zip(theirs).map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0, f64::max);
            assert!(gap.is_finite() && ours.concat().len() == theirs.len());
            gap
        };
        return Verdict::Compared(
            beside_one(&values, &theirs("kl")).max(beside_one(&slopes, &theirs("grad_logp_of_sum"))),
        );
    }
    let value = deviation_of_rows(&values, &fact.outputs()["kl"]);
    Verdict::Compared(value.max(deviation_of_rows(&slopes, &fact.outputs()["grad_logp_of_sum"])))
}
