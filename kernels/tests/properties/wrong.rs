//! Losses that are wrong on purpose, one mistake each. The suite rejects every one of them, by the property named.

use longlab_kernels::loss::*;
use longlab_kernels::properties::{Options, Property, check};
use std::cell::Cell;

type Objective = Box<dyn Fn(&Batch) -> f64>;
type Rows = Box<dyn Fn(&Batch) -> Vec<Vec<f64>>>;
/// The surrogate `at` a batch, as a function of another.
type Surrogate = fn(&Batch, &Batch) -> f64;

struct Wrong {
    objective: Objective,
    logp: Rows,
    entropy: Option<Rows>,
    surrogate: Option<Surrogate>,
    laws: Laws,
}

impl PolicyLoss for Wrong {
    fn name(&self) -> &'static str {
        "wrong"
    }

    fn objective(&self, batch: &Batch) -> f64 {
        (self.objective)(batch)
    }

    fn gradient(&self, batch: &Batch) -> Gradient {
        let entropy = self.entropy.as_ref().map_or_else(|| batch.zeros(), |rows| rows(batch));
        Gradient { logp: (self.logp)(batch), entropy }
    }

    fn surrogate(&self, at: &Batch, x: &Batch) -> f64 {
        self.surrogate.map_or_else(|| self.objective(x), |surrogate| surrogate(at, x))
    }

    fn laws(&self) -> Laws {
        self.laws
    }
}

fn wrong(objective: impl Fn(&Batch) -> f64 + 'static, logp: impl Fn(&Batch) -> Vec<Vec<f64>> + 'static) -> Wrong {
    let (objective, logp) = (Box::new(objective), Box::new(logp));
    Wrong { objective, logp, entropy: None, surrogate: None, laws: Laws::default() }
}

/// A loss whose objective and gradient are sums over tokens of share * f and share * df/dlogp.
fn of_tokens(f: fn(&Token) -> f64, slope: fn(&Token) -> f64) -> Wrong {
    wrong(move |b| b.sum(|t| t.share * f(t)), move |b| b.map(|t| t.share * slope(t)))
}

/// Eq. 4 with something else in place of the advantage, by rollout.
fn with_advantages(other: fn(&Batch) -> Vec<f64>) -> Wrong {
    wrong(
        move |b| {
            let a = other(b);
            b.sum(|t| t.share * a[t.rollout] * t.ratio())
        },
        move |b| {
            let a = other(b);
            b.map(|t| t.share * a[t.rollout] * t.slope())
        },
    )
}

/// Eq. 4 with every share multiplied by a number of the batch.
fn scaled(by: fn(&Batch) -> f64) -> Wrong {
    wrong(move |b| by(b) * OnPolicy.objective(b), move |b| b.map(|t| by(b) * t.share * t.advantage * t.slope()))
}

fn clipping(loss: Wrong) -> Wrong {
    Wrong { laws: Laws { clips_at: Some(1.0), ..Laws::default() }, ..loss }
}

fn clamp(ratio: f64) -> f64 {
    ratio.clamp(0.8, 1.2)
}

/// Everything that is in the rows, masked or not.
fn everything(rows: &[Vec<f64>]) -> f64 {
    rows.iter().flatten().sum()
}

fn table() -> Vec<(&'static str, Wrong, Property)> {
    let previous = Cell::new(1.0);
    vec![
        (
            "sign of J and gradient",
            of_tokens(|t| -t.advantage * t.ratio(), |t| -t.advantage * t.slope()),
            Property::RatioOne,
        ),
        (
            "sign of the gradient",
            of_tokens(|t| t.advantage * t.ratio(), |t| -t.advantage * t.slope()),
            Property::Differences,
        ),
        (
            "missing mask: masked tokens have a gradient",
            wrong(
                |b| OnPolicy.objective(b),
                |b| b.logp().iter().zip(b.advantages()).map(|(row, a)| vec![*a; row.len()]).collect(),
            ),
            Property::MaskedTokens,
        ),
        (
            "missing mask: J reads masked tokens",
            wrong(|b| OnPolicy.objective(b) + everything(b.old()), |b| OnPolicy.gradient(b).logp),
            Property::MaskedTokens,
        ),
        (
            "wrong denominator: divided by the tokens once more",
            scaled(|b| 1.0 / b.tokens().count().max(1) as f64),
            Property::RatioOne,
        ),
        (
            "wrong denominator: by the padded length",
            scaled(|b| 1.0 / b.logp().iter().map(Vec::len).max().unwrap_or(1) as f64),
            Property::Padding,
        ),
        (
            "wrong denominator: normalised by the sum of shares",
            scaled(|b| 1.0 / b.sum(|t| t.share).max(1e-9)),
            Property::ShareScale,
        ),
        (
            "off by one: log pi_old of the next token",
            wrong(|b| b.sum(|t| shifted(b, t).0), |b| b.map(|t| shifted(b, t).1)),
            Property::RatioOne,
        ),
        (
            "ratio not detached: CISPO with a gradient through its weight",
            Wrong {
                surrogate: Some(|at, x| Cispo::default().surrogate(at, x)),
                ..wrong(
                    |b| Cispo::default().objective(b),
                    |b| b.map(|t| t.share * t.advantage * t.ratio() * (1.0 + t.logp)),
                )
            },
            Property::Differences,
        ),
        (
            "frozen at the wrong place: the surrogate is not the objective",
            Wrong {
                surrogate: Some(|_, x| x.sum(|t| t.share * t.advantage * t.logp)),
                ..wrong(|b| OnPolicy.objective(b), |b| OnPolicy.gradient(b).logp)
            },
            Property::Surrogate,
        ),
        (
            "min and max swapped",
            clipping(of_tokens(
                |t| (t.ratio() * t.advantage).max(clamp(t.ratio()) * t.advantage),
                |t| {
                    let (open, shut) = (t.ratio() * t.advantage, clamp(t.ratio()) * t.advantage);
                    if open >= shut { t.advantage * t.slope() } else { 0.0 }
                },
            )),
            Property::ClipSide,
        ),
        (
            "clip on both sides, whatever the advantage",
            clipping(of_tokens(
                |t| clamp(t.ratio()) * t.advantage,
                |t| if clamp(t.ratio()) == t.ratio() { t.advantage * t.slope() } else { 0.0 },
            )),
            Property::ClipSide,
        ),
        (
            "no clip where one is claimed",
            clipping(of_tokens(|t| t.advantage * t.ratio(), |t| t.advantage * t.slope())),
            Property::ClipSide,
        ),
        (
            "clipped J with the gradient of the open one",
            of_tokens(|t| (t.ratio() * t.advantage).min(clamp(t.ratio()) * t.advantage), |t| t.advantage * t.slope()),
            Property::Differences,
        ),
        (
            "advantage of the neighbour rollout",
            with_advantages(|b| {
                let a = b.advantages();
                (0..a.len()).map(|i| a[(i + 1) % a.len()]).collect()
            }),
            Property::RolloutOrder,
        ),
        (
            "depends on row order: the first rollout counts twice",
            with_advantages(|b| {
                b.advantages().iter().enumerate().map(|(i, a)| if i == 0 { 2.0 * a } else { *a }).collect()
            }),
            Property::RolloutOrder,
        ),
        (
            "depends on the names of groups",
            with_advantages(|b| b.advantages().iter().zip(b.groups()).map(|(a, &g)| a * (1.0 + g as f64)).collect()),
            Property::GroupNames,
        ),
        (
            "depends on padding: a baseline over all rollouts, padding too",
            with_advantages(|b| {
                let mean = b.advantages().iter().sum::<f64>() / b.advantages().len() as f64;
                b.advantages().iter().map(|a| a - mean).collect()
            }),
            Property::Padding,
        ),
        ("gradient forgets the ratio", of_tokens(|t| t.advantage * t.ratio(), |t| t.advantage), Property::Differences),
        (
            "gradient of the entropy dropped",
            Wrong { laws: Laws::TERM, ..of_tokens(|t| 0.1 * t.entropy + t.advantage * t.logp, |t| t.advantage) },
            Property::Differences,
        ),
        (
            "entropy gradient at masked tokens",
            Wrong {
                entropy: Some(Box::new(|b| b.logp().iter().map(|row| vec![0.1; row.len()]).collect())),
                laws: Laws::TERM,
                ..of_tokens(|t| 0.1 * t.entropy, |_| 0.0)
            },
            Property::MaskedTokens,
        ),
        (
            "infinite at the extreme: the ratio is not bounded",
            of_tokens(|t| t.advantage * (t.logp - t.old).exp(), |t| t.advantage * (t.logp - t.old).exp()),
            Property::Extremes,
        ),
        (
            "NaN at the extreme: probabilities divided",
            of_tokens(|t| t.advantage * t.logp.exp() / t.old.exp(), |t| t.advantage * t.logp.exp() / t.old.exp()),
            Property::Extremes,
        ),
        (
            "steps: a log-probability rounded to five decimals",
            of_tokens(
                |t| t.advantage * ((t.logp * 1e5).round() / 1e5 - t.old).clamp(-9.0, 9.0).exp(),
                |t| t.advantage * t.slope(),
            ),
            Property::Differences,
        ),
        (
            "unstable in f32: steep in the log-ratio",
            Wrong {
                laws: Laws::TERM,
                ..of_tokens(|t| (1e3 * t.log_ratio()).sin() / 1e3, |t| (1e3 * t.log_ratio()).cos() * t.log_slope())
            },
            Property::SinglePrecision,
        ),
        (
            "a gradient without advantage",
            of_tokens(|t| (t.advantage + 0.1) * t.ratio(), |t| (t.advantage + 0.1) * t.slope()),
            Property::ZeroAdvantage,
        ),
        (
            "advantages squashed",
            of_tokens(|t| t.advantage.tanh() * t.ratio(), |t| t.advantage.tanh() * t.slope()),
            Property::AdvantageScale,
        ),
        (
            "rows of the padded length",
            wrong(
                |b| OnPolicy.objective(b),
                |b| {
                    let mut rows = OnPolicy.gradient(b).logp;
                    rows.iter_mut().for_each(|row| row.push(0.0));
                    rows
                },
            ),
            Property::Shape,
        ),
        (
            "a moving baseline inside the loss",
            wrong(
                move |b| {
                    previous.set(previous.get() * 1.5);
                    previous.get() * OnPolicy.objective(b)
                },
                |b| OnPolicy.gradient(b).logp,
            ),
            Property::Deterministic,
        ),
    ]
}

/// share * A * exp(logp_t - old_(t+1)), and the same again: it is its own derivative.
fn shifted(b: &Batch, t: &Token) -> (f64, f64) {
    let next = b.rollout(t.rollout).find(|other| other.position > t.position).map_or(t.old, |other| other.old);
    let value = t.share * t.advantage * (t.logp - next).clamp(-20.0, 20.0).exp();
    (value, if (t.logp - next).abs() <= 20.0 { value } else { 0.0 })
}

#[test]
fn every_wrong_loss_is_rejected_by_the_property_it_breaks() {
    for seed in 0..3 {
        let mut wrongly = Vec::new();
        for (mistake, loss, property) in table() {
            match check(&loss, &Options { seed, ..Options::default() }) {
                Err(violation) if violation.property == property => {
                    assert!(violation.to_string().contains(&format!("wrong breaks {property}")), "{violation}");
                }
                other => wrongly.push(format!("{mistake} ({property}): {other:?}")),
            }
        }
        assert!(wrongly.is_empty(), "seed {seed}:\n{}", wrongly.join("\n"));
    }
}
