//! The suite for policy losses.

use super::draw::{Columns, each, pick, stream};
use super::{Options, Property, Report, Violation};
use crate::loss::{Batch, Gradient, Laws, PolicyLoss};

/// What a property finds wrong, in words.
type Verdict = Result<(), String>;

/// Puts a loss through every property that applies to it, on random batches that have all columns.
///
/// # Errors
/// The first property that a batch breaks.
pub fn check(loss: &dyn PolicyLoss, options: &Options) -> Result<Report, Violation> {
    let laws = loss.laws();
    let mut suite = Suite { loss, options, laws, slopes: 0, corners: 0 };
    let (mut held, mut exempt) = (Vec::new(), Vec::new());
    for (property, applies) in properties(&laws) {
        if !applies {
            exempt.push(property);
            continue;
        }
        for batch in 0..options.batches {
            suite.test(property, batch).map_err(|detail| Violation {
                name: loss.name().to_string(),
                property,
                seed: options.seed,
                batch,
                detail,
            })?;
        }
        held.push(property);
    }
    Ok(Report { name: loss.name().to_string(), held, exempt, slopes: suite.slopes, corners: suite.corners })
}

/// In the order of the search, with whether the loss claims it.
fn properties(laws: &Laws) -> [(Property, bool); 15] {
    [
        (Property::Shape, true),
        (Property::Deterministic, true),
        (Property::MaskedTokens, true),
        (Property::Surrogate, true),
        (Property::Differences, true),
        (Property::RolloutOrder, true),
        (Property::GroupNames, true),
        (Property::Padding, true),
        (Property::ShareScale, true),
        (Property::Extremes, true),
        (Property::SinglePrecision, true),
        (Property::ZeroAdvantage, laws.silent_without_advantage),
        (Property::AdvantageScale, laws.scales_with_advantage),
        (Property::RatioOne, laws.reinforce_at_ratio_one),
        (Property::ClipSide, laws.clips_at.is_some()),
    ]
}

struct Suite<'a> {
    loss: &'a dyn PolicyLoss,
    options: &'a Options,
    laws: Laws,
    slopes: usize,
    corners: usize,
}

impl Suite<'_> {
    fn test(&mut self, property: Property, batch: u32) -> Verdict {
        let seed = self.options.seed;
        let b = Columns::random(seed, batch);
        match property {
            Property::Shape => self.shape(&b),
            Property::Deterministic => self.same(&b, &b, &Change::EXACT),
            Property::MaskedTokens => self.masked(&b),
            Property::Surrogate => self.surrogate(&b),
            Property::Differences => self.differences(&b),
            Property::RolloutOrder => self.order(&b, seed, batch),
            Property::GroupNames => {
                let groups = b.groups.iter().map(|group| 70 - 3 * group).collect();
                self.same(&b, &Columns { groups, ..b.clone() }, &Change::ROUNDING)
            }
            Property::Padding => (1..=3).try_for_each(|more| self.same(&b, &b.padded(more), &Change::ROUNDING)),
            Property::ShareScale => {
                let mut other = b.clone();
                each(&mut other.shares, |_, _, share| 3.5 * share);
                self.same(&b, &other, &Change { factor: 3.5, ..Change::ROUNDING })
            }
            Property::Extremes => self.finite(&Columns::extreme(seed, batch)),
            // Not where log-ratios are as small as the rounding: a corner at ratio 1 would be crossed.
            Property::SinglePrecision if Columns::spread(batch) < 0.1 => Ok(()),
            Property::SinglePrecision => {
                self.same(&b, &b.rounded(), &Change { tolerance: self.options.single_precision, ..Change::ROUNDING })
            }
            Property::ZeroAdvantage => {
                let advantages = vec![0.0; b.advantages.len()];
                silent(&self.gradient(&Columns { advantages, ..b })?)
            }
            Property::AdvantageScale => {
                let advantages = b.advantages.iter().map(|advantage| 2.5 * advantage).collect();
                self.same(&b, &Columns { advantages, ..b.clone() }, &Change { factor: 2.5, ..Change::ROUNDING })
            }
            Property::RatioOne => self.ratio_one(b),
            Property::ClipSide => self.clip_side(&b, self.laws.clips_at.unwrap_or(1.0)),
            // The rest are properties of controls.
            _ => Ok(()),
        }
    }

    fn gradient(&self, columns: &Columns) -> Result<Gradient, String> {
        Ok(self.loss.gradient(&valid(columns)?))
    }

    fn shape(&self, columns: &Columns) -> Verdict {
        let gradient = self.gradient(columns)?;
        let lengths = |rows: &[Vec<f64>]| rows.iter().map(Vec::len).collect::<Vec<_>>();
        let expected = lengths(&columns.logp);
        for (part, rows) in [("logp", &gradient.logp), ("entropy", &gradient.entropy)] {
            if lengths(rows) != expected {
                return Err(format!("{part} rows have {:?} tokens, the batch has {expected:?}", lengths(rows)));
            }
        }
        Ok(())
    }

    fn masked(&self, columns: &Columns) -> Verdict {
        let gradient = self.gradient(columns)?;
        for (i, t, slope) in cells(&gradient.logp).chain(cells(&gradient.entropy)) {
            if columns.shares[i][t] == 0.0 && slope != 0.0 {
                return Err(format!("masked token {t} of rollout {i} has slope {slope}"));
            }
        }
        [-0.5, f64::NEG_INFINITY, f64::NAN]
            .into_iter()
            .try_for_each(|holds| self.same(columns, &columns.with_other_masked(holds), &Change::ROUNDING))
    }

    fn surrogate(&self, columns: &Columns) -> Verdict {
        let batch = valid(columns)?;
        let (surrogate, objective) = (self.loss.surrogate(&batch, &batch), self.loss.objective(&batch));
        close(surrogate, objective, 1e-12).map_err(|by| format!("surrogate {surrogate} and objective {objective} {by}"))
    }

    /// Central differences in each log-probability and entropy that counts. Where the left and right slopes disagree
    /// the objective has a corner and there is nothing to compare with.
    fn differences(&mut self, columns: &Columns) -> Verdict {
        let at = valid(columns)?;
        let gradient = self.loss.gradient(&at);
        let (step, middle) = (self.options.step, self.loss.surrogate(&at, &at));
        let mut total = (0, 0);
        for (entropy, i, t) in places(&at) {
            let moved = |by: f64| -> Result<f64, String> {
                let mut x = columns.clone();
                let column = if entropy { &mut x.entropies } else { &mut x.logp };
                column[i][t] += by;
                Ok(self.loss.surrogate(&at, &valid(&x)?))
            };
            let (up, down) = (moved(step)?, moved(-step)?);
            let (right, left) = ((up - middle) / step, (middle - down) / step);
            let slope = if entropy { gradient.entropy[i][t] } else { gradient.logp[i][t] };
            total.0 += 1;
            if (right - left).abs() > 1e-3 * (1.0 + right.abs() + left.abs()) {
                total.1 += 1;
                continue;
            }
            let difference = (up - down) / (2.0 * step);
            close(slope, difference, self.options.tolerance).map_err(|by| {
                let of = if entropy { "entropy" } else { "log-probability" };
                format!("slope {slope} and difference {difference} in the {of} of token {t} of rollout {i} {by}")
            })?;
        }
        if total.1 > total.0 / 2 {
            return Err(format!("{} of {} places are corners or jumps of the objective", total.1, total.0));
        }
        self.slopes += total.0 - total.1;
        self.corners += total.1;
        Ok(())
    }

    fn order(&self, columns: &Columns, seed: u64, batch: u32) -> Verdict {
        let mut order: Vec<usize> = (0..columns.logp.len()).collect();
        stream(seed, batch).shuffle(&mut order);
        order.rotate_left(1);
        self.compare(columns, &columns.permuted(&order), &Change::ROUNDING, &order)
    }

    fn finite(&self, columns: &Columns) -> Verdict {
        let batch = valid(columns)?;
        let objective = self.loss.objective(&batch);
        if !objective.is_finite() {
            return Err(format!("J is {objective}"));
        }
        let gradient = self.loss.gradient(&batch);
        match cells(&gradient.logp).chain(cells(&gradient.entropy)).find(|(_, _, slope)| !slope.is_finite()) {
            Some((i, t, slope)) => Err(format!("slope of token {t} of rollout {i} is {slope}")),
            None => Ok(()),
        }
    }

    fn ratio_one(&self, columns: Columns) -> Verdict {
        let columns = Columns { logp: columns.old.clone(), ..columns };
        let gradient = self.gradient(&columns)?;
        for (i, t, slope) in cells(&gradient.logp) {
            let expected = columns.shares[i][t] * columns.advantages[i];
            close(slope, expected, 1e-9).map_err(|by| {
                format!("slope {slope} of token {t} of rollout {i} and share * advantage {expected} {by}")
            })?;
        }
        Ok(())
    }

    fn clip_side(&self, columns: &Columns, distance: f64) -> Verdict {
        let moved = |by: f64| {
            let mut other = columns.clone();
            each(&mut other.logp, |i, t, _| columns.old[i][t] + by * columns.advantages[i].signum());
            other
        };
        silent(&self.gradient(&moved(distance))?).map_err(|detail| format!("past the clip, {detail}"))?;
        let gradient = self.gradient(&moved(-distance))?;
        let mut alive = false;
        for (i, t, slope) in cells(&gradient.logp) {
            if slope * columns.advantages[i] < 0.0 {
                let advantage = columns.advantages[i];
                return Err(format!("slope {slope} of token {t} of rollout {i} against its advantage {advantage}"));
            }
            alive |= slope != 0.0;
        }
        let expected = cells(&columns.shares).any(|(i, _, share)| share * columns.advantages[i] != 0.0);
        if expected && !alive { Err("no gradient on the side where the clip must not act".into()) } else { Ok(()) }
    }

    fn same(&self, one: &Columns, other: &Columns, change: &Change) -> Verdict {
        let order: Vec<usize> = (0..one.logp.len()).collect();
        self.compare(one, other, change, &order)
    }

    /// J of `other` is that of `one` times a factor, and so is each slope of `one` in the order given. Rows and tokens
    /// that only `other` has are padding and have none.
    fn compare(&self, one: &Columns, other: &Columns, change: &Change, order: &[usize]) -> Verdict {
        let (before, after) = (valid(one)?, valid(other)?);
        let Change { factor, tolerance } = *change;
        let (was, is) = (factor * self.loss.objective(&before), self.loss.objective(&after));
        close(is, was, tolerance).map_err(|by| format!("J {is} and the expected {was} {by}"))?;
        let (before, after) = (self.loss.gradient(&before), self.loss.gradient(&after));
        for (was, is) in [(&before.logp, &after.logp), (&before.entropy, &after.entropy)] {
            let was = pick(was, order);
            for (i, t, slope) in cells(is) {
                let expected = factor * was.get(i).and_then(|row| row.get(t)).copied().unwrap_or(0.0);
                close(slope, expected, tolerance).map_err(|by| {
                    format!("slope {slope} of token {t} of rollout {i} and the expected {expected} {by}")
                })?;
            }
        }
        Ok(())
    }
}

/// What a change of the batch should do to J and its gradient.
struct Change {
    factor: f64,
    tolerance: f64,
}

impl Change {
    const EXACT: Change = Change { factor: 1.0, tolerance: 0.0 };
    const ROUNDING: Change = Change { factor: 1.0, tolerance: 1e-9 };
}

fn valid(columns: &Columns) -> Result<Batch<'_>, String> {
    columns.batch().map_err(|error| error.to_string())
}

/// Within a tolerance relative to 1 + |expected|; never so for NaN.
fn close(got: f64, expected: f64, tolerance: f64) -> Result<(), String> {
    let distance = (got - expected).abs();
    if distance <= tolerance * (1.0 + expected.abs()) { Ok(()) } else { Err(format!("differ by {distance:e}")) }
}

fn silent(gradient: &Gradient) -> Verdict {
    match cells(&gradient.logp).chain(cells(&gradient.entropy)).find(|(_, _, slope)| *slope != 0.0) {
        Some((i, t, slope)) => Err(format!("token {t} of rollout {i} has slope {slope}")),
        None => Ok(()),
    }
}

fn cells(rows: &[Vec<f64>]) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
    rows.iter().enumerate().flat_map(|(i, row)| row.iter().enumerate().map(move |(t, &value)| (i, t, value)))
}

/// Each log-probability and each entropy that counts.
fn places<'a>(batch: &'a Batch) -> impl Iterator<Item = (bool, usize, usize)> + 'a {
    [false, true]
        .into_iter()
        .flat_map(|entropy| batch.tokens().map(move |token| (entropy, token.rollout, token.position)))
}
