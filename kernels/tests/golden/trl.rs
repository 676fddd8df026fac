//! TRL's GRPO loss, its entropy mask and its adaptive entropy coefficient.

use crate::facts::{Columns, Fact, Verdict, deviation, deviation_of_rows, flat, rows};
use crate::verl::{PAST_BOUND, by_rows, shares};
use longlab_kernels::entropy_control::{AdaptiveBonus, BonusState, top_entropy};
use longlab_kernels::loss::*;
use std::num::NonZeroUsize;

/// The rollout's ratio spreads such a token's KL over all its tokens.
pub const REFUSED: &str = "every rollout has a reference log-probability above 0, which ours refuses";

/// A case's settings, with TRL's defaults where it shows none.
struct Settings<'a> {
    fact: &'a Fact,
    loss: &'a str,
    sequence: bool,
    beta: f64,
}

impl<'a> Settings<'a> {
    fn of(fact: &'a Fact) -> Self {
        let sequence = fact.parameter("importance_sampling_level").as_str() == Some("sequence");
        Settings { fact, loss: fact.text_of("loss_type"), sequence, beta: fact.number("beta", 0.0) }
    }

    fn accumulation(&self) -> f64 {
        let key = if self.fact.text("kind") == "adaptive_entropy" { "" } else { "current_" };
        self.fact.number(&format!("{key}gradient_accumulation_steps"), 1.0)
    }

    /// The share of each token in the policy and KL terms.
    fn shares(&self, columns: &Columns) -> Vec<Vec<f64>> {
        let accumulation = self.accumulation();
        // The rows-with-a-token of our means against all rows of the peer's.
        let rows = columns.sizes().0 / columns.height() as f64;
        let constant = |n: f64| Normalizer::SequenceSum(NonZeroUsize::new(n as usize).expect("above 0"));
        match self.loss {
            "grpo" | "sapo" => shares(columns, Normalizer::SequenceMean, rows / accumulation),
            "bnpo" => shares(columns, Normalizer::GlobalBatch, 1.0 / accumulation),
            "dr_grpo" => {
                shares(columns, constant(self.fact.number("max_completion_length", 512.0)), rows / accumulation)
            }
            "luspo" => shares(columns, constant(1.0), rows / accumulation),
            "cispo" | "dapo" | "vespo" => {
                let items = self.fact.number("num_items_in_batch", f64::NAN).max(1.0);
                let generation = self.fact.number("steps_per_generation", 1.0);
                shares(columns, Normalizer::TokenSum, generation / (items * accumulation))
            }
            other => panic!("unknown loss {other}"),
        }
    }

    fn policy(&self) -> Box<dyn PolicyLoss> {
        let fact = self.fact;
        let low = fact.number("epsilon", 0.2);
        let high = fact.number("epsilon_high", low);
        let delta = fact.parameter("delta").as_f64();
        match self.loss {
            "cispo" => Box::new(Cispo { low: 1.0, high: high - 1.0 }),
            "sapo" => Box::new(Sapo {
                positive: fact.number("sapo_temperature_pos", 1.0),
                negative: fact.number("sapo_temperature_neg", 1.05),
            }),
            "vespo" => Box::new(Vespo::default()),
            _ if self.sequence => {
                assert!(delta.is_none(), "no case has both");
                Box::new(Gspo { low, high, level: GspoLevel::Sequence })
            }
            _ => Box::new(PpoClip::trl(low, high, delta)),
        }
    }

    fn penalty(&self) -> Box<dyn PolicyLoss> {
        let level = if self.sequence { RatioLevel::Sequence } else { RatioLevel::Token };
        if self.fact.flag("use_bias_correction_kl", true) {
            Box::new(UnbiasedKl { coefficient: self.beta, level })
        } else {
            Box::new(KlPenalty { coefficient: self.beta, ..KlPenalty::default() })
        }
    }

    /// Which tokens the entropy mask keeps.
    fn kept(&self, columns: &Columns) -> Option<Vec<Vec<bool>>> {
        let share = self.fact.parameter("top_entropy_quantile").as_f64()?;
        let valid = |i: usize| (0..columns.width()).filter(move |&t| columns.mask[i][t]);
        let entropies: Vec<Vec<f32>> =
            (0..columns.height()).map(|i| valid(i).map(|t| columns.entropy[i][t] as f32).collect()).collect();
        let mut kept = vec![vec![false; columns.width()]; columns.height()];
        for (i, row) in top_entropy(&entropies, share).into_iter().enumerate() {
            valid(i).zip(row).for_each(|(t, keep)| kept[i][t] = keep);
        }
        Some(kept)
    }

    /// The shares of the policy term: silenced tokens and rows, and the sampler's ratios.
    fn policy_shares(&self, columns: &Columns, base: &[Vec<f64>], kept: Option<&[Vec<bool>]>) -> Vec<Vec<f64>> {
        let weighed = self.fact.flag("importance_sampling_ratio", false) && self.loss != "vespo";
        let threshold = self.fact.parameter("off_policy_mask_threshold").as_f64();
        let stale = |i: usize| {
            let valid = || (0..columns.width()).filter(|&t| columns.mask[i][t]);
            let moved: f64 = valid().map(|t| columns.old[i][t] - columns.logp[i][t]).sum();
            let mean = moved / valid().count().max(1) as f64;
            columns.row_advantages[i] < 0.0 && threshold.is_some_and(|most| mean > most)
        };
        // A rollout's ratio is over all its tokens, those that the entropy mask silences too: they keep a share too
        // small to show.
        let silenced = if self.loss == "vespo" { 1e-300 } else { 0.0 };
        columns.map(|i, t| {
            let kept = kept.is_none_or(|kept| kept[i][t]);
            let weight = if weighed { columns.weights[i][t] } else { 1.0 };
            match (columns.mask[i][t], kept && !stale(i)) {
                (false, _) => 0.0,
                (true, true) => base[i][t] * weight,
                (true, false) => silenced,
            }
        })
    }

    /// The columns as a loss of tokens must read them to compute the peer's of rollouts.
    fn columns(&self, columns: &Columns) -> Columns {
        let mut columns = columns.clone();
        let valid = |i: usize, t: &usize| columns.mask[i][*t];
        let width = columns.width();
        if self.sequence && ["cispo", "sapo"].contains(&self.loss) {
            // At the level of rollouts each token's ratio is the rollout's geometric mean: move log pi_old so that it
            // is.
            let mean = |i: usize| {
                let moved = (0..width).filter(|t| valid(i, t)).map(|t| columns.logp[i][t] - columns.old[i][t]);
                moved.sum::<f64>() / (0..width).filter(|t| valid(i, t)).count().max(1) as f64
            };
            columns.old = columns.map(|i, t| columns.logp[i][t] - mean(i));
        }
        if self.loss == "vespo" && self.fact.flag("importance_sampling_ratio", false) {
            // The sampler's ratios, of padding too, join the product.
            for i in 0..columns.height() {
                let log: f64 = columns.weights[i].iter().map(|weight| weight.ln()).sum();
                if let Some(first) = (0..width).find(|&t| columns.mask[i][t]) {
                    columns.old[i][first] -= log;
                }
            }
        }
        columns
    }
}

/// The mean entropy over the kept tokens, as shares.
fn entropy_shares(columns: &Columns, kept: Option<&[Vec<bool>]>) -> Vec<Vec<f64>> {
    let kept = columns.map(|i, t| f64::from(columns.mask[i][t] && kept.is_none_or(|kept| kept[i][t])));
    let count = kept.iter().flatten().sum::<f64>().max(1.0);
    columns.map(|i, t| kept[i][t] / count)
}

pub fn grpo_loss(fact: &Fact, facts: &[Fact]) -> Verdict {
    let (mut columns, settings) = (Columns::of(fact, facts), Settings::of(fact));
    let refused = columns.reference.clone();
    let refused = |i: usize, t: usize| refused[i][t] > 0.0 && settings.beta != 0.0;
    columns.reference = columns.map(|i, t| if refused(i, t) { columns.logp[i][t] } else { columns.reference[i][t] });
    if settings.sequence
        && settings.beta != 0.0
        && (0..columns.height()).all(|i| (0..columns.width()).any(|t| refused(i, t)))
    {
        return Verdict::Excluded(REFUSED);
    }
    let kept = settings.kept(&columns);
    if let Some(kept) = &kept {
        let ours = columns.map(|i, t| f64::from(kept[i][t])).concat();
        assert_eq!(ours, flat(&fact.outputs()["entropy_mask"]), "{}", fact.name());
    }
    let base = settings.shares(&columns);
    let policy = settings.policy_shares(&columns, &base, kept.as_deref());
    let read = settings.columns(&columns);
    let (mut objective, mut gradient) = by_rows(settings.policy().as_ref(), &read, &columns.row_advantages, &policy);
    let mut add = |(j, other): (f64, Gradient)| {
        objective += j;
        gradient.logp = columns.map(|i, t| gradient.logp[i][t] + other.logp[i][t]);
        gradient.entropy = columns.map(|i, t| gradient.entropy[i][t] + other.entropy[i][t]);
    };
    if settings.beta != 0.0 {
        add(by_rows(settings.penalty().as_ref(), &columns, &columns.row_advantages, &base));
    }
    let coefficient = fact.number("entropy_coef", 0.0) / settings.accumulation();
    if coefficient != 0.0 {
        let shares = entropy_shares(&columns, kept.as_deref());
        add(by_rows(&EntropyBonus { coefficient }, &columns, &columns.row_advantages, &shares));
    }
    compare(fact, &columns, objective, &gradient, &|i, t| near(&settings, &columns, i, t) && !refused(i, t))
}

/// Whether ours and the peer's are the same function at a token: a loss of rollouts needs all its tokens near.
fn near(settings: &Settings, columns: &Columns, i: usize, t: usize) -> bool {
    let bounds_sum = settings.loss == "vespo";
    bounds_sum || settings.sequence || !columns.past_bound(i, t)
}

fn compare(
    fact: &Fact,
    columns: &Columns,
    objective: f64,
    gradient: &Gradient,
    near: &dyn Fn(usize, usize) -> bool,
) -> Verdict {
    let theirs = rows(&fact.outputs()["grad_logp"]);
    if !(0..columns.height()).all(|i| (0..columns.width()).all(|t| !columns.mask[i][t] || near(i, t))) {
        let ours = columns.map(|i, t| if near(i, t) { -gradient.logp[i][t] } else { 0.0 });
        let theirs = columns.map(|i, t| if near(i, t) { theirs[i][t] } else { 0.0 });
        return Verdict::Partly(deviation(&ours.concat(), &theirs.concat()), PAST_BOUND);
    }
    let value = deviation(&[-objective], &flat(&fact.outputs()["loss"]));
    let slopes = deviation_of_rows(&columns.map(|i, t| -gradient.logp[i][t]), &fact.outputs()["grad_logp"]);
    let entropy = match &fact.outputs()["grad_entropy"] {
        serde_json::Value::Null => 0.0,
        theirs => deviation_of_rows(&columns.map(|i, t| -gradient.entropy[i][t]), theirs),
    };
    Verdict::Compared(value.max(slopes).max(entropy))
}

pub fn adaptive_entropy(fact: &Fact, facts: &[Fact]) -> Verdict {
    let (plain, settings) = (Columns::of(fact, facts), Settings::of(fact));
    let rule = AdaptiveBonus {
        target: fact.number("entropy_target", f64::NAN),
        step: fact.number("entropy_coef_delta", f64::NAN),
        least: fact.number("entropy_coef_min", f64::NAN),
        most: fact.number("entropy_coef_max", f64::NAN),
    };
    let mut state = BonusState { coefficient: fact.number("entropy_coef", f64::NAN), entropy: None };
    let (mut window, mut worst) = ((0.0, 0.0), 0.0f64);
    for step in fact.outputs()["steps"].as_array().expect("steps") {
        let number = |key: &str| step[key].as_f64().expect("a number");
        let scale = number("entropy_scale");
        let columns = Columns { entropy: plain.map(|i, t| plain.entropy[i][t] * scale), ..plain.clone() };
        let kept = settings.kept(&columns);
        let base = settings.shares(&columns);
        let shares = settings.policy_shares(&columns, &base, kept.as_deref());
        let (policy, _) = by_rows(settings.policy().as_ref(), &columns, &columns.row_advantages, &shares);
        let bonus = EntropyBonus { coefficient: rule.applied(state) / settings.accumulation() };
        let shares = entropy_shares(&columns, kept.as_deref());
        let (entropy, gradient) = by_rows(&bonus, &columns, &columns.row_advantages, &shares);
        let counted = shares.iter().flatten().filter(|&&share| share > 0.0).count() as f64;
        let (mean, _) = by_rows(&EntropyBonus { coefficient: 1.0 }, &columns, &columns.row_advantages, &shares);
        window = (window.0 + mean * counted, window.1 + counted);
        let (mut ours, mut theirs) = (vec![], vec![]);
        ours.push(-policy - entropy);
        theirs.push(number("loss"));
        worst = worst.max(deviation(&ours, &theirs));
        worst = worst.max(deviation(&[-gradient.entropy.concat().iter().sum::<f64>()], &[number("grad_entropy_sum")]));
        if step["sync_gradients"] == true {
            state = rule.next(state, window.0 / window.1);
            worst = worst.max(deviation(&[window.0 / window.1], &[number("window_entropy")]));
            window = (0.0, 0.0);
        }
        worst = worst.max(deviation(&[state.coefficient], &[number("entropy_coef_after")]));
    }
    Verdict::Compared(worst)
}
