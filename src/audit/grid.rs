//! Can a cell be a share of its items? (GRIM: Brown and Heathers, "The GRIM test", 2017, for means of whole numbers.)
//!
//! A share of `T` answers is `k/T`. Printed with `d` decimals on a scale to `F` it is one of `T + 1` values, the whole number next
//! to, or cut off from, `k F 10^d / T`. With `T` at or above `F 10^d` every value is some share and nothing can be said.

use super::{Metric, Place, Printed, Table};
use serde::{Serialize, Serializer};

/// The most items that are tried as left out of a denominator.
pub(crate) const MOST_LEFT_OUT: u64 = 1_000;

/// Ways of bringing a number to its digits. Half up and half even differ in ties alone, such as 497/800 = 62.125%.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// To the nearest, ties up.
    pub half_up: bool,
    /// To the nearest, ties to the even digit (as C and Python print).
    pub half_even: bool,
    /// Digits cut off.
    pub cut: bool,
}

impl Ways {
    /// Some way gives the printed number.
    pub fn any(self) -> bool {
        self.half_up || self.half_even || self.cut
    }

    /// All ways give the printed number.
    pub fn all(self) -> bool {
        self.half_up && self.half_even && self.cut
    }

    fn or(self, other: Self) -> Self {
        Self {
            half_up: self.half_up || other.half_up,
            half_even: self.half_even || other.half_even,
            cut: self.cut || other.cut,
        }
    }

    /// The ways in which `numerator / denominator` is printed as `units`.
    pub fn of(numerator: i128, denominator: i128, units: i128) -> Self {
        let (low, rest) = (numerator.div_euclid(denominator), numerator.rem_euclid(denominator));
        let up = low + i128::from(2 * rest >= denominator);
        let even = if 2 * rest == denominator { low + low.rem_euclid(2) } else { up };
        Self { half_up: up == units, half_even: even == units, cut: low == units }
    }
}

impl Serialize for Ways {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = [(self.half_up, "half_up"), (self.half_even, "half_even"), (self.cut, "cut_off")];
        serializer.collect_seq(names.iter().filter(|(yes, _)| *yes).map(|(_, name)| name))
    }
}

/// What a cell can be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Fit {
    /// A share: of these counts of right answers, in these ways.
    Share {
        /// Fewest right answers.
        least: u64,
        /// Most right answers.
        most: u64,
        /// Ways to the printed digits.
        ways: Ways,
    },
    /// No share of the stated answers.
    None {
        /// The next share below and above, as count and as printed to the nearest.
        near: Vec<(u64, Printed)>,
        /// The largest smaller number of answers that it can be a share of.
        fewer: Option<Fewer>,
    },
    /// Every number of so many digits is a share of so many answers.
    Free,
}

/// A share of fewer answers than stated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fewer {
    /// Right answers.
    pub right: u64,
    /// Answers.
    pub of: u64,
    /// How likely some number of answers between this one and the stated one fits a cell of chance digits.
    pub chance: f64,
}

/// A cell with what it can be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GridCell {
    /// Position of the row.
    pub row: usize,
    /// Position of the column.
    pub column: usize,
    /// Where it stands in the file.
    pub place: Place,
    /// The number as printed.
    pub printed: Printed,
    /// The stated number of answers.
    pub trials: u64,
    /// What it can be.
    pub fit: Fit,
}

/// What a printed number can be as a share of `trials` on a scale to `full`.
///
/// ```
/// use longlab::audit::grid::{Fit, fit};
/// use longlab::audit::Printed;
/// let cell = |text| Printed::parse(text).unwrap();
/// // 66.25 is 530 of 800; 66.26 is nothing of 800.
/// assert!(matches!(fit(cell("66.25"), 800, 100), Fit::Share { least: 530, most: 530, ways } if ways.all()));
/// let Fit::None { near, .. } = fit(cell("66.26"), 800, 100) else { panic!() };
/// assert_eq!(near.iter().map(|(k, share)| format!("{k}: {share}")).collect::<Vec<_>>(), ["530: 66.25", "531: 66.38"]);
/// // 246/320 = 76.875%: printed 76.87 it was cut off.
/// assert!(matches!(fit(cell("76.87"), 320, 100), Fit::Share { ways, .. } if ways.cut && !ways.half_up && !ways.half_even));
/// ```
pub fn fit(printed: Printed, trials: u64, full: u64) -> Fit {
    let scale = i128::from(full) * 10i128.pow(printed.decimals);
    if i128::from(trials) >= scale {
        return Fit::Free;
    }
    match counts(printed, trials, full) {
        Some((least, most, ways)) => Fit::Share { least, most, ways },
        None => Fit::None { near: near(printed, trials, scale), fewer: fewer(printed, trials, full) },
    }
}

/// Fewest and most right answers that can be printed so, and the ways. `None` too where the digits say next to nothing about the
/// count: more than ten counts for each number.
pub(crate) fn counts(printed: Printed, trials: u64, full: u64) -> Option<(u64, u64, Ways)> {
    let (units, trials) = (i128::from(printed.units), i128::from(trials));
    let scale = i128::from(full) * 10i128.pow(printed.decimals);
    if trials > 10 * scale {
        return None;
    }
    // k with units - 1 <= k scale / trials <= units + 1: a few, for trials below the scale.
    let (from, to) = ((units - 1) * trials / scale, (units + 1) * trials / scale + 1);
    let fits = (from.max(0)..=to.min(trials)).map(|k| (k, Ways::of(k * scale, trials, units)));
    let fits: Vec<(i128, Ways)> = fits.filter(|(_, ways)| ways.any()).collect();
    let (first, last) = (fits.first()?, fits.last()?);
    let ways = fits.iter().fold(Ways::default(), |all, (_, ways)| all.or(*ways));
    Some((u64::try_from(first.0).ok()?, u64::try_from(last.0).ok()?, ways))
}

fn near(printed: Printed, trials: u64, scale: i128) -> Vec<(u64, Printed)> {
    let below = (i128::from(printed.units) * i128::from(trials)).div_euclid(scale);
    let counts = [below, below + 1].into_iter().filter_map(|k| u64::try_from(k).ok()).filter(|k| *k <= trials);
    let share = |k: u64| {
        let units = (2 * i128::from(k) * scale + i128::from(trials)) / (2 * i128::from(trials));
        Printed { units: i64::try_from(units).unwrap_or(i64::MAX), decimals: printed.decimals, signed: false }
    };
    counts.map(|k| (k, share(k))).collect()
}

/// The largest smaller denominator, at most a tenth smaller.
fn fewer(printed: Printed, trials: u64, full: u64) -> Option<Fewer> {
    let scale = full as f64 * 10f64.powi(printed.decimals as i32);
    let least = trials - (trials / 10).min(MOST_LEFT_OUT);
    let of = (least.max(1)..trials).rev().find(|of| counts(printed, *of, full).is_some())?;
    let (right, ..) = counts(printed, of, full)?;
    let miss: f64 = (of..trials).map(|of| 1.0 - hit_rate(of, scale)).product();
    Some(Fewer { right, of, chance: 1.0 - miss })
}

/// The part of all printable numbers that are shares of `trials`, cut off or to the nearest: at most two for each count.
fn hit_rate(trials: u64, scale: f64) -> f64 {
    // Half of the shares, those with a rest above one half, are printed in two ways.
    (1.5 * (trials as f64 + 1.0) / (scale + 1.0)).min(1.0)
}

/// Checks each cell of a share that is no printed difference.
pub fn check(table: &Table, metrics: &[Option<Metric>], full: u64) -> Vec<GridCell> {
    let mut cells = Vec::new();
    for row in table.data_rows() {
        for column in table.data_columns() {
            let trials = metrics[column].and_then(Metric::trials);
            let (Some(trials), Some(cell)) = (trials, table.cell(row, column)) else { continue };
            let fit = fit(cell.printed, trials, full);
            cells.push(GridCell { row, column, place: cell.place, printed: cell.printed, trials, fit });
        }
    }
    cells
}

/// How well a column fits its number of answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnFit {
    /// Position of the column.
    pub column: usize,
    /// The stated number of answers.
    pub trials: u64,
    /// Cells that can be shares of it.
    pub fit: usize,
    /// Cells that could fail to be.
    pub cells: usize,
    /// How likely so many fit if their last digits were chance; `None` where nothing could fail.
    pub chance: Option<f64>,
    /// The fewest answers an item, up to 64, at which all cells fit, if chance would do that in less than one case of a hundred.
    pub samples: Option<u64>,
}

/// Counts fits by column.
pub fn columns(metrics: &[Option<Metric>], grid: &[GridCell], full: u64) -> Vec<ColumnFit> {
    let mut fits = Vec::new();
    for (column, metric) in metrics.iter().enumerate() {
        let own: Vec<&GridCell> = grid.iter().filter(|cell| cell.column == column && cell.fit != Fit::Free).collect();
        let (Some(Metric::Share { items, samples }), Some(first)) = (*metric, own.first()) else { continue };
        let fit = own.iter().filter(|cell| matches!(cell.fit, Fit::Share { .. })).count();
        let scale = full as f64 * 10f64.powi(first.printed.decimals as i32);
        let trials = items * samples;
        let chance = Some(at_least(fit, own.len(), hit_rate(trials, scale)));
        let samples = samples_that_fit(&own, items, full);
        fits.push(ColumnFit { column, trials, fit, cells: own.len(), chance, samples });
    }
    fits
}

fn samples_that_fit(cells: &[&GridCell], items: u64, full: u64) -> Option<u64> {
    (1..=64).find(|samples| {
        let trials = items * samples;
        let scale = |cell: &GridCell| full as f64 * 10f64.powi(cell.printed.decimals as i32);
        let chance: f64 = cells.iter().map(|cell| hit_rate(trials, scale(cell))).product();
        // Each number of answers tried is another chance.
        chance * (*samples as f64) < 0.01
            && cells.iter().all(|cell| matches!(fit(cell.printed, trials, full), Fit::Share { .. }))
    })
}

/// The chance of `successes` or more in `trials` of chance `p` each.
fn at_least(successes: usize, trials: usize, p: f64) -> f64 {
    let mut chances = vec![1.0];
    for _ in 0..trials {
        let mut next = vec![0.0; chances.len() + 1];
        for (count, chance) in chances.iter().enumerate() {
            next[count] += chance * (1.0 - p);
            next[count + 1] += chance * p;
        }
        chances = next;
    }
    chances[successes..].iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tie_tells_the_ways_apart() {
        // 497/800 = 62.125
        let ways = |units| Ways::of(497 * 10_000, 800, units);
        assert_eq!(ways(6212), Ways { half_up: false, half_even: true, cut: true });
        assert_eq!(ways(6213), Ways { half_up: true, half_even: false, cut: false });
    }

    #[test]
    fn the_tail_of_chances() {
        assert!((at_least(1, 2, 0.5) - 0.75).abs() < 1e-12);
        assert!((at_least(0, 5, 0.3) - 1.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn every_share_is_found_again(trials in 1u64..5_000, part in 0.0f64..=1.0, decimals in 0u32..5, way in 0usize..3) {
            let right = (part * trials as f64) as u64;
            let scale = 100 * 10i128.pow(decimals);
            let (low, rest) = (i128::from(right) * scale / i128::from(trials), i128::from(right) * scale % i128::from(trials));
            let tie_or_above = i128::from(2 * rest >= i128::from(trials));
            let units = [low, low + tie_or_above, low + if 2 * rest == i128::from(trials) { low % 2 } else { tie_or_above }];
            let printed = Printed { units: units[way] as i64, decimals, signed: false };
            match fit(printed, trials, 100) {
                Fit::Share { least, most, ways } => {
                    prop_assert!(least <= right && right <= most);
                    let given = [ways.cut, ways.half_up, ways.half_even];
                    prop_assert!(given[way]);
                }
                Fit::Free => prop_assert!(i128::from(trials) >= scale),
                Fit::None { .. } => prop_assert!(false, "{printed} is {right}/{trials}"),
            }
        }

        #[test]
        fn what_fits_no_share_has_none(trials in 1u64..300, units in 0i64..=10_000) {
            let printed = Printed { units, decimals: 2, signed: false };
            if matches!(fit(printed, trials, 100), Fit::None { .. }) {
                let all = (0..=trials).map(|k| k as f64 / trials as f64 * 100.0);
                let nearest = all.map(|share| (share - printed.value()).abs()).fold(f64::MAX, f64::min);
                prop_assert!(nearest > 0.005 - 1e-9, "{printed} of {trials}: {nearest}");
            }
        }
    }
}
