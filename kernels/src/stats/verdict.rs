//! The rule by which a measured difference speaks to a published claim: reproduced, not resolved, or contradicted.
//!
//! # The rule
//!
//! Let d be the measured difference (better - worse, turned so that the claim says d > 0), with its 95% interval [low, high], p
//! its Holm-adjusted p over all claims of the experiment, MDE the smallest effect this design finds with 80% power at level 0.05,
//! and D > 0 the published size in the same unit, where it is comparable. In this order:
//!
//! | # | if | verdict |
//! |---|---|---|
//! | 1 | only one seed was run | not resolved: one seed |
//! | 2 | low > 0 and p <= 0.05 | **reproduced**; size: as published if low <= D <= high, smaller if D > high, larger if D < low |
//! | 3 | high < 0 and p <= 0.05 | **contradicted**: the effect is there, and of the other sign |
//! | 4 | low > 0 or high < 0 | not resolved: Holm's adjustment takes it away |
//! | 5 | high < D and MDE <= D | **contradicted**: an effect as large as published would have been found, and is excluded |
//! | 6 | MDE > D | not resolved: too few seeds or items for an effect of the published size |
//! | 7 | else | not resolved: both no effect and the claimed one fit |
//!
//! Rules 5 and 6 need D; a claim of a sign alone goes from 4 to 7. A claim of no difference, |d| <= m, is reproduced if the whole
//! interval lies within [-m, m], contradicted if it lies wholly outside and p <= 0.05, and else not resolved (6 where MDE > m).
//! So a difference that is not significant is never a reproduction, and absence of evidence is a contradiction only where the
//! design had the power to find what was published.

use super::{Difference, StatsError};
use std::cmp::Ordering;

/// Level of the rule.
const ALPHA: f64 = 0.05;

/// What was published, in the unit of the measured difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Claimed {
    /// The first is better; the size was not given or is not comparable.
    Above,
    /// The first is worse; the size was not given or is not comparable.
    Below,
    /// A difference of this sign and size, not 0.
    By(f64),
    /// No difference larger than this, which is above 0.
    Same {
        /// Largest difference that counts as none.
        within: f64,
    },
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// The paired difference with its 95% interval; its own p is not used.
    pub difference: Difference,
    /// p after [`super::holm`] over all claims of the experiment.
    pub holm: f64,
    /// Smallest effect the design finds with 80% power at level 0.05 ([`super::minimum_detectable_effect`]).
    pub minimum_detectable: f64,
}

/// What the measurement says to the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The effect is there, with the published sign (or none, as claimed).
    Reproduced(Size),
    /// The data do not decide.
    NotResolved(Unresolved),
    /// The data speak against the claim.
    Contradicted(Contradiction),
}

/// The measured size beside the published one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// The interval holds the published size, or the claim is one of no difference.
    AsPublished,
    /// The whole interval lies nearer to 0.
    Smaller,
    /// The whole interval lies further from 0.
    Larger,
    /// No size was published.
    Unknown,
}

/// Why the data do not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// One seed: the luck of training is not measured.
    OneSeed,
    /// The interval excludes 0, but not after Holm's adjustment.
    AdjustedAway,
    /// The design finds an effect of the published size in less than 80% of cases.
    Underpowered,
    /// Both no effect and the claimed one fit the data.
    Both,
}

/// How the data speak against the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// An effect of the other sign, or an effect where none was claimed.
    OtherWay,
    /// No effect was found, and one of the published size is excluded.
    Absent,
}

impl Verdict {
    /// As written in reports: `reproduced`, `not resolved` or `contradicted`.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Reproduced(_) => "reproduced",
            Verdict::NotResolved(_) => "not resolved",
            Verdict::Contradicted(_) => "contradicted",
        }
    }

    /// The reason in a few words.
    pub fn reason(self) -> &'static str {
        match self {
            Verdict::Reproduced(Size::AsPublished) => "size as published",
            Verdict::Reproduced(Size::Smaller) => "smaller than published",
            Verdict::Reproduced(Size::Larger) => "larger than published",
            Verdict::Reproduced(Size::Unknown) => "the sign; no comparable size published",
            Verdict::NotResolved(Unresolved::OneSeed) => "one seed",
            Verdict::NotResolved(Unresolved::AdjustedAway) => "not after Holm's adjustment",
            Verdict::NotResolved(Unresolved::Underpowered) => "too few seeds or items for the published size",
            Verdict::NotResolved(Unresolved::Both) => "no effect and the claimed one both fit",
            Verdict::Contradicted(Contradiction::OtherWay) => "an effect that was not claimed",
            Verdict::Contradicted(Contradiction::Absent) => "an effect of the published size would have been found",
        }
    }
}

/// Applies the rule at the top of the file.
///
/// ```
/// use longlab_kernels::stats::{Claimed, Contradiction, Difference, Measured, Size, Unresolved, Verdict, verdict};
/// let measured = |low: f64, high: f64, holm| {
///     let difference = Difference { mean: (low + high) / 2.0, low, high, p: holm, evaluation_only: false };
///     Measured { difference, holm, minimum_detectable: 2.0 }
/// };
/// assert_eq!(verdict(Claimed::By(1.9), &measured(0.4, 2.1, 0.01))?, Verdict::Reproduced(Size::AsPublished));
/// assert_eq!(verdict(Claimed::By(3.0), &measured(-0.9, 1.1, 0.8))?, Verdict::Contradicted(Contradiction::Absent));
/// assert_eq!(verdict(Claimed::By(1.5), &measured(-0.9, 1.1, 0.8))?, Verdict::NotResolved(Unresolved::Underpowered));
/// assert_eq!(verdict(Claimed::Below, &measured(0.4, 2.1, 0.01))?, Verdict::Contradicted(Contradiction::OtherWay));
/// # Ok::<(), longlab_kernels::stats::StatsError>(())
/// ```
///
/// # Errors
/// [`StatsError::OutOfRange`] for a published size of 0 or a margin not above 0, an interval whose ends are swapped, a p outside
/// 0..=1, a negative MDE, or anything that is NaN. An MDE may be infinite.
pub fn verdict(claimed: Claimed, measured: &Measured) -> Result<Verdict, StatsError> {
    check(claimed, measured)?;
    if measured.difference.evaluation_only {
        return Ok(Verdict::NotResolved(Unresolved::OneSeed));
    }
    let Difference { low, high, .. } = measured.difference;
    Ok(match claimed {
        Claimed::Same { within } => same(within, low, high, measured),
        Claimed::Above => effect(None, low, high, measured),
        Claimed::Below => effect(None, -high, -low, measured),
        Claimed::By(size) if size > 0.0 => effect(Some(size), low, high, measured),
        Claimed::By(size) => effect(Some(-size), -high, -low, measured),
    })
}

/// The rule for a claim of d > 0.
fn effect(published: Option<f64>, low: f64, high: f64, measured: &Measured) -> Verdict {
    let significant = measured.holm <= ALPHA;
    let underpowered = published.is_some_and(|size| measured.minimum_detectable > size);
    match (low > 0.0, high < 0.0) {
        (true, _) if significant => {
            Verdict::Reproduced(published.map_or(Size::Unknown, |size| compared(size, low, high)))
        }
        (_, true) if significant => Verdict::Contradicted(Contradiction::OtherWay),
        (true, _) | (_, true) => Verdict::NotResolved(Unresolved::AdjustedAway),
        _ if underpowered => Verdict::NotResolved(Unresolved::Underpowered),
        _ if published.is_some_and(|size| high < size) => Verdict::Contradicted(Contradiction::Absent),
        _ => Verdict::NotResolved(Unresolved::Both),
    }
}

fn compared(size: f64, low: f64, high: f64) -> Size {
    match (size > high, size < low) {
        (true, _) => Size::Smaller,
        (_, true) => Size::Larger,
        _ => Size::AsPublished,
    }
}

/// The rule for a claim of no difference.
fn same(within: f64, low: f64, high: f64, measured: &Measured) -> Verdict {
    let outside = low > within || high < -within;
    match (-within <= low && high <= within, outside) {
        (true, _) => Verdict::Reproduced(Size::AsPublished),
        (_, true) if measured.holm <= ALPHA => Verdict::Contradicted(Contradiction::OtherWay),
        (_, true) => Verdict::NotResolved(Unresolved::AdjustedAway),
        _ if measured.minimum_detectable > within => Verdict::NotResolved(Unresolved::Underpowered),
        _ => Verdict::NotResolved(Unresolved::Both),
    }
}

fn check(claimed: Claimed, measured: &Measured) -> Result<(), StatsError> {
    let Measured { difference, holm, minimum_detectable } = *measured;
    let refuse = |what, value, range| Err(StatsError::OutOfRange { what, value, range });
    match claimed {
        Claimed::By(size) if !size.is_finite() || size == 0.0 => {
            return refuse("the published size", size, "finite and not 0; a claim of no difference has a margin");
        }
        Claimed::Same { within } if !(f64::MIN_POSITIVE..f64::INFINITY).contains(&within) => {
            return refuse("the margin of no difference", within, "above 0, and finite");
        }
        _ => {}
    }
    if difference.low.partial_cmp(&difference.high).is_none_or(Ordering::is_gt) {
        return refuse("the lower end of the interval", difference.low, "at most the upper end");
    }
    if !(0.0..=1.0).contains(&holm) {
        return refuse("the adjusted p", holm, "from 0 to 1");
    }
    if !(0.0..=f64::INFINITY).contains(&minimum_detectable) {
        return refuse("the minimum detectable effect", minimum_detectable, "0 or more");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(low: f64, high: f64, holm: f64, minimum_detectable: f64) -> Measured {
        let difference = Difference { mean: 0.5 * (low + high), low, high, p: holm, evaluation_only: false };
        Measured { difference, holm, minimum_detectable }
    }

    fn says(claimed: Claimed, measured: Measured) -> Verdict {
        verdict(claimed, &measured).expect("in range")
    }

    #[test]
    fn every_row_of_the_rule() {
        let by = Claimed::By(2.0);
        let one_seed = Difference { evaluation_only: true, ..measured(1.0, 3.0, 0.001, 1.0).difference };
        let one_seed = Measured { difference: one_seed, ..measured(1.0, 3.0, 0.001, 1.0) };
        assert_eq!(says(by, one_seed), Verdict::NotResolved(Unresolved::OneSeed));
        assert_eq!(says(by, measured(1.0, 3.0, 0.05, 9.0)), Verdict::Reproduced(Size::AsPublished));
        assert_eq!(says(by, measured(1.0, 1.9, 0.01, 1.0)), Verdict::Reproduced(Size::Smaller));
        assert_eq!(says(by, measured(2.1, 3.0, 0.01, 1.0)), Verdict::Reproduced(Size::Larger));
        assert_eq!(says(Claimed::Above, measured(2.1, 3.0, 0.01, 1.0)), Verdict::Reproduced(Size::Unknown));
        assert_eq!(says(by, measured(-3.0, -0.1, 0.01, 9.0)), Verdict::Contradicted(Contradiction::OtherWay));
        assert_eq!(says(by, measured(1.0, 3.0, 0.06, 1.0)), Verdict::NotResolved(Unresolved::AdjustedAway));
        assert_eq!(says(by, measured(-3.0, -1.0, 0.06, 1.0)), Verdict::NotResolved(Unresolved::AdjustedAway));
        assert_eq!(says(by, measured(-1.0, 1.9, 0.5, 2.0)), Verdict::Contradicted(Contradiction::Absent));
        assert_eq!(says(by, measured(-1.0, 1.9, 0.5, 2.1)), Verdict::NotResolved(Unresolved::Underpowered));
        assert_eq!(says(by, measured(-1.0, 2.0, 0.5, 1.0)), Verdict::NotResolved(Unresolved::Both));
        assert_eq!(says(Claimed::Above, measured(-1.0, 0.1, 0.5, 1.0)), Verdict::NotResolved(Unresolved::Both));
    }

    #[test]
    fn claims_of_no_difference() {
        let same = Claimed::Same { within: 1.0 };
        assert_eq!(says(same, measured(-0.5, 1.0, 0.5, 0.3)), Verdict::Reproduced(Size::AsPublished));
        assert_eq!(says(same, measured(0.1, 0.9, 0.01, 0.3)), Verdict::Reproduced(Size::AsPublished));
        assert_eq!(says(same, measured(1.1, 1.9, 0.01, 0.3)), Verdict::Contradicted(Contradiction::OtherWay));
        assert_eq!(says(same, measured(-1.9, -1.1, 0.2, 0.3)), Verdict::NotResolved(Unresolved::AdjustedAway));
        assert_eq!(says(same, measured(-2.0, 2.0, 0.9, 3.0)), Verdict::NotResolved(Unresolved::Underpowered));
        assert_eq!(says(same, measured(0.5, 1.2, 0.01, 0.4)), Verdict::NotResolved(Unresolved::Both));
    }

    #[test]
    fn nonsense_is_refused() {
        let fine = measured(0.0, 1.0, 0.5, 1.0);
        let refused = |claimed, measured| verdict(claimed, &measured).is_err();
        assert!(refused(Claimed::By(0.0), fine) && refused(Claimed::By(f64::NAN), fine));
        assert!(refused(Claimed::Same { within: 0.0 }, fine) && refused(Claimed::Same { within: f64::NAN }, fine));
        assert!(refused(Claimed::Above, measured(1.0, 0.0, 0.5, 1.0)));
        assert!(refused(Claimed::Above, measured(f64::NAN, 0.0, 0.5, 1.0)));
        assert!(refused(Claimed::Above, measured(0.0, 1.0, 1.1, 1.0)));
        assert!(refused(Claimed::Above, measured(0.0, 1.0, 0.5, f64::NAN)));
        assert!(!refused(Claimed::Above, measured(0.0, 1.0, 0.5, f64::INFINITY)));
    }
}
