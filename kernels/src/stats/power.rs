//! Power: what a comparison over so many seeds, items and answers can find, before it is run.
//!
//! The test is the two-sided one of [`super::Decomposition::interval`]: t = mean / SE on Satterthwaite's degrees of freedom, under
//! an effect D a noncentral t with shift D / SE. The standard error follows from the variance components of a pilot or of a guess:
//! SE^2 = s/S + i/I + si/(S I) + e/(S I K). With one seed the test is that over items of these two models alone (I - 1 degrees of
//! freedom, no seed variance). With no seed variance and many items this is the formula of Miller 2024 (arXiv 2411.00640, section 5),
//! n = (z_alpha/2 + z_beta)^2 (item variance + sampling variance / K) / D^2.

use super::components::Squares;
use super::student::student_quantile;
use super::{Components, StatsError, normal_cdf};

/// Seeds, items and answers beyond which no search goes.
const MOST: usize = 1_000_000;

/// Size of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Design {
    /// Seeds a variant.
    pub seeds: usize,
    /// Items, the same for all seeds.
    pub items: usize,
    /// Answers to each item under each seed.
    pub answers: usize,
}

/// Level and power asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// Two-sided level, strictly between 0 and 1.
    pub alpha: f64,
    /// Chance to find the effect if it is there, above alpha and below 1.
    pub power: f64,
}

impl Default for Demand {
    /// Level 0.05, power 0.8.
    fn default() -> Self {
        Demand { alpha: 0.05, power: 0.8 }
    }
}

impl Design {
    /// Standard error of the mean difference, and the degrees of freedom of its estimate.
    ///
    /// # Errors
    /// [`StatsError::Few`] for no seed, fewer than two items or no answer; [`StatsError::OutOfRange`] for a negative variance or one
    /// that is not finite.
    pub fn standard_error(&self, components: &Components) -> Result<(f64, f64), StatsError> {
        self.check(components)?;
        let parts = components.of_mean(self.seeds, self.items, self.answers);
        let lowest = parts.interaction + parts.sampling.unwrap_or(0.0);
        let items = (self.items - 1) as f64;
        if self.seeds == 1 {
            return Ok(((parts.item + lowest).sqrt(), items));
        }
        let squares = Squares {
            seed: parts.seed + lowest,
            item: parts.item + lowest,
            interaction: lowest,
            freedom: [(self.seeds - 1) as f64, items],
        };
        let (variance, freedom) = squares.variance();
        Ok((variance.sqrt(), freedom))
    }

    fn check(&self, components: &Components) -> Result<(), StatsError> {
        let counts = [("seeds", self.seeds, 1), ("items", self.items, 2), ("answers to an item", self.answers, 1)];
        for (what, got, needed) in counts {
            if got < needed {
                return Err(StatsError::Few { what, got, needed });
            }
        }
        let Components { seed, item, interaction, sampling } = *components;
        let variances =
            [("the seed variance", seed), ("the item variance", item), ("the interaction variance", interaction)];
        for (what, value) in variances.into_iter().chain([("the sampling variance", sampling.unwrap_or(0.0))]) {
            if !(0.0..f64::INFINITY).contains(&value) {
                return Err(StatsError::OutOfRange { what, value, range: "0 or more, and finite" });
            }
        }
        Ok(())
    }
}

impl Demand {
    fn check(&self) -> Result<(), StatsError> {
        let alpha = 0.0 < self.alpha && self.alpha < 1.0;
        if !alpha {
            return Err(StatsError::OutOfRange { what: "alpha", value: self.alpha, range: "strictly between 0 and 1" });
        }
        let power = self.alpha < self.power && self.power < 1.0;
        if !power {
            return Err(StatsError::OutOfRange {
                what: "the power",
                value: self.power,
                range: "above alpha and below 1",
            });
        }
        Ok(())
    }
}

/// Power of the two-sided t test: P(|T| > critical value) for a noncentral t of shift `shift` (effect over standard error).
///
/// By the trapezoid rule over the logarithm of the estimated error, to about 1e-10 for shifts to 500. `freedom` below 1 counts as 1.
///
/// ```
/// use longlab_kernels::stats::two_sided_power;
/// // 34 pairs find half a standard deviation with power 0.8.
/// let power = two_sided_power(0.5 * 34f64.sqrt(), 33.0, 0.05)?;
/// assert!((power - 0.807_778).abs() < 1e-6);
/// # Ok::<(), longlab_kernels::stats::StatsError>(())
/// ```
///
/// # Errors
/// [`StatsError::OutOfRange`] for alpha outside (0, 1), a shift that is NaN, or degrees of freedom that are NaN.
pub fn two_sided_power(shift: f64, freedom: f64, alpha: f64) -> Result<f64, StatsError> {
    Demand { alpha, power: 0.5 + 0.5 * alpha }.check()?;
    for (what, value) in [("the shift", shift), ("the degrees of freedom", freedom)] {
        if value.is_nan() {
            return Err(StatsError::OutOfRange { what, value, range: "a number" });
        }
    }
    let freedom = freedom.clamp(1.0, 1e12);
    Ok(beyond(student_quantile(1.0 - alpha / 2.0, freedom), shift.abs(), freedom))
}

/// P(|T| > critical): the mean of Phi(shift - critical s) + Phi(-shift - critical s) over s, s^2 a chi-square over its freedom.
fn beyond(critical: f64, shift: f64, freedom: f64) -> f64 {
    // s exceeds 9 with probability below 1e-18 at any degrees of freedom from 1 on.
    if shift > 9.0 * (critical + 1.0) {
        return 1.0;
    }
    let at = |s: f64| normal_cdf(shift - critical * s) + normal_cdf(-shift - critical * s);
    // u = ln s has the density exp(freedom (u - e^(2u) / 2)) but for a constant; its peak is at 0.
    let log_density = |u: f64| freedom * (u - 0.5 * (2.0 * u).exp_m1());
    let step = 0.1f64.min(0.25 / freedom.sqrt()).min(0.5 / (1.0 + shift)).max(1e-3 / freedom.sqrt());
    let (mut weight, mut sum) = (1.0, at(1.0));
    for direction in [-step, step] {
        for k in 1.. {
            let u = direction * f64::from(k);
            let density = log_density(u);
            if density < -40.0 {
                break;
            }
            weight += density.exp();
            sum += density.exp() * at(u.exp());
        }
    }
    (sum / weight).min(1.0)
}

/// Power to find `effect` with a design.
///
/// # Errors
/// As [`Design::standard_error`] and [`two_sided_power`].
pub fn power(effect: f64, components: &Components, design: Design, alpha: f64) -> Result<f64, StatsError> {
    let (error, freedom) = design.standard_error(components)?;
    let shift = if effect == 0.0 { 0.0 } else { effect / error };
    two_sided_power(shift, freedom, alpha)
}

/// The smallest effect (above 0) a design finds with the power asked for.
///
/// ```
/// use longlab_kernels::stats::{Components, Demand, Design, minimum_detectable_effect};
/// // Only seeds vary, by 1 point: five pairs find 1.68 points, ten find 1.
/// let seeds = Components { seed: 1.0, item: 0.0, interaction: 0.0, sampling: Some(0.0) };
/// let at = |seeds_run| Design { seeds: seeds_run, items: 100, answers: 1 };
/// let five = minimum_detectable_effect(&seeds, at(5), Demand::default())?;
/// let ten = minimum_detectable_effect(&seeds, at(10), Demand::default())?;
/// assert!((five - 1.682_2).abs() < 1e-3 && (ten - 0.996_1).abs() < 1e-3);
/// # Ok::<(), longlab_kernels::stats::StatsError>(())
/// ```
///
/// # Errors
/// As [`Design::standard_error`]; [`StatsError::OutOfRange`] for a demand that cannot be met.
pub fn minimum_detectable_effect(components: &Components, design: Design, demand: Demand) -> Result<f64, StatsError> {
    demand.check()?;
    let (error, freedom) = design.standard_error(components)?;
    detectable(error, freedom, demand)
}

/// The same from a standard error and its degrees of freedom, such as those of a finished comparison: the effect it would have
/// found with the power asked for.
///
/// # Errors
/// [`StatsError::OutOfRange`] for a negative standard error, one that is not finite, or a demand that cannot be met.
pub fn detectable(error: f64, freedom: f64, demand: Demand) -> Result<f64, StatsError> {
    demand.check()?;
    if !(0.0..f64::INFINITY).contains(&error) {
        return Err(StatsError::OutOfRange {
            what: "the standard error",
            value: error,
            range: "0 or more, and finite",
        });
    }
    if freedom.is_nan() {
        return Err(StatsError::OutOfRange { what: "the degrees of freedom", value: freedom, range: "a number" });
    }
    let freedom = freedom.clamp(1.0, 1e12);
    let critical = student_quantile(1.0 - demand.alpha / 2.0, freedom);
    let (mut low, mut high) = (0.0, 1.0);
    while beyond(critical, high, freedom) < demand.power {
        (low, high) = (high, 2.0 * high);
    }
    while high - low > 1e-12 * high {
        let middle = 0.5 * (low + high);
        if beyond(critical, middle, freedom) < demand.power { low = middle } else { high = middle }
    }
    Ok(0.5 * (low + high) * error)
}

/// Seeds (at least 2) needed to find `effect`; none if a million are not enough, because the items limit it.
///
/// # Errors
/// As [`power`], and [`StatsError::OutOfRange`] for a demand that cannot be met.
pub fn seeds_needed(
    effect: f64,
    components: &Components,
    items: usize,
    answers: usize,
    demand: Demand,
) -> Result<Option<usize>, StatsError> {
    needed(effect, components, demand, |seeds| Design { seeds, items, answers })
}

/// Items (at least 2) needed to find `effect`; none if a million are not enough, because the seeds limit it.
///
/// # Errors
/// As [`seeds_needed`].
pub fn items_needed(
    effect: f64,
    components: &Components,
    seeds: usize,
    answers: usize,
    demand: Demand,
) -> Result<Option<usize>, StatsError> {
    needed(effect, components, demand, |items| Design { seeds, items, answers })
}

/// The smallest count from 2 on that has the power; power grows with each count.
fn needed(
    effect: f64,
    components: &Components,
    demand: Demand,
    design: impl Fn(usize) -> Design,
) -> Result<Option<usize>, StatsError> {
    demand.check()?;
    let enough = |count| Ok(power(effect, components, design(count), demand.alpha)? >= demand.power);
    let (mut low, mut high) = (1, 2);
    while !enough(high)? {
        if high >= MOST {
            return Ok(None);
        }
        (low, high) = (high, (2 * high).min(MOST));
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(middle)? { high = middle } else { low = middle }
    }
    Ok(Some(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEDS: Components = Components { seed: 1.0, item: 0.0, interaction: 0.0, sampling: Some(0.0) };

    #[test]
    fn no_effect_is_found_at_the_level() {
        for freedom in [1.0, 2.5, 30.0, 1e9] {
            let power = two_sided_power(0.0, freedom, 0.05).expect("in range");
            assert!((power - 0.05).abs() < 1e-9, "{freedom} {power}");
        }
        assert_eq!(two_sided_power(f64::INFINITY, 3.0, 0.05), Ok(1.0));
    }

    /// The probability that |Z + shift| s exceeds the critical value, integrated over the chi distribution of s by scipy's quad; its critical
    /// value, by scipy.stats.t, is good to 2e-11.
    #[test]
    fn powers_by_integration() {
        for (effect, n, alpha, power) in [
            (0.5, 200.0, 0.05, 0.999_999_807_956_263),
            (0.5, 200.0, 0.01, 0.999_995_412_300_598_9),
            (0.2, 200.0, 0.01, 0.590_571_018_095_527_6),
        ] {
            let ours = two_sided_power(effect * f64::sqrt(n), n - 1.0, alpha).expect("in range");
            assert!((ours - power).abs() < 1e-10, "{effect} {n} {alpha}: {ours}");
        }
        for (n, effect) in [(10.0, 0.996_001_371_474_216_4), (40.0, 0.454_256_939_683_569)] {
            let ours = detectable(1.0 / f64::sqrt(n), n - 1.0, Demand::default()).expect("in range");
            assert!((ours / effect - 1.0).abs() < 1e-9, "{n}: {ours}");
        }
    }

    #[test]
    fn what_is_needed_is_the_least_that_does() {
        let demand = Demand::default();
        let seeds = seeds_needed(0.9, &SEEDS, 50, 1, demand).expect("in range").expect("reachable");
        let at = |seeds| power(0.9, &SEEDS, Design { seeds, items: 50, answers: 1 }, 0.05).expect("in range");
        assert!(at(seeds) >= 0.8 && at(seeds - 1) < 0.8, "{seeds}");
        let items = Components { seed: 0.0, item: 1.0, ..SEEDS };
        assert_eq!(seeds_needed(0.1, &items, 10, 1, demand), Ok(None));
        let many = items_needed(0.1, &items, 1, 1, demand).expect("in range").expect("reachable");
        // (1.960 + 0.842)^2 / 0.1^2 = 785, and 2 more for the estimated variance.
        assert!((785..=788).contains(&many), "{many}");
    }

    #[test]
    fn the_effect_found_has_the_power() {
        let components = Components { seed: 0.5, item: 3.0, interaction: 1.0, sampling: Some(4.0) };
        let design = Design { seeds: 5, items: 60, answers: 4 };
        let effect = minimum_detectable_effect(&components, design, Demand::default()).expect("in range");
        assert!((power(effect, &components, design, 0.05).expect("in range") - 0.8).abs() < 1e-9);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let bad = |alpha, power| Demand { alpha, power }.check().is_err();
        assert!(bad(0.0, 0.8) && bad(0.05, 1.0) && bad(0.9, 0.8) && bad(f64::NAN, 0.8) && bad(0.05, f64::NAN));
        let design = |seeds, items, answers| Design { seeds, items, answers }.standard_error(&SEEDS).is_err();
        assert!(design(0, 2, 1) && design(2, 1, 1) && design(2, 2, 0) && !design(2, 2, 1));
        assert!(
            power(1.0, &Components { item: -1.0, ..SEEDS }, Design { seeds: 2, items: 2, answers: 1 }, 0.05).is_err()
        );
    }
}
