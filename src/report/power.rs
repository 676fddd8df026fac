//! Before anything is run: how many seeds and items a claim needs, from variances that were measured or stated.

use super::analysis::{grid, measures};
use super::error::ReportError;
use super::estimate::refused;
use super::input::{Claim, Input, Row, SUITES, SeedRun};
use super::spread;
use super::verdict;
use longlab_kernels::stats::{Components, Demand, Design, items_needed, minimum_detectable_effect, seeds_needed};

/// Standard deviations of a paired difference in points: between seeds, and between the items of a seed (sampled answers among them).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deviations {
    /// Between seeds, of the mean over all items.
    pub seed: f64,
    /// Between items, of the mean over seeds: what more seeds do not make smaller.
    pub item: f64,
    /// Between items of one seed, beyond that: the answers sampled.
    pub within: f64,
}

impl Deviations {
    fn components(self) -> Components {
        Components {
            seed: self.seed.powi(2),
            item: self.item.powi(2),
            interaction: self.within.powi(2),
            sampling: None,
        }
    }

    fn of(components: &Components) -> Deviations {
        let within = components.interaction + components.sampling.unwrap_or(0.0);
        let [seed, item, within] = [components.seed, components.item, within].map(|variance| 100.0 * variance.sqrt());
        Deviations { seed, item, within }
    }
}

/// What a claim on scores needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Needed {
    /// The claim.
    pub text: String,
    /// Its measure.
    pub measure: String,
    /// The effect that shall be found, points.
    pub effect: f64,
    /// Whether the effect is the published one.
    pub published: bool,
    /// The deviations that were assumed.
    pub deviations: Deviations,
    /// Seeds and items of the spec: all items of the measure.
    pub design: (usize, usize),
    /// Smallest effect the spec finds with 80% power at level 0.05, points; none with one seed.
    pub detectable: Option<f64>,
    /// Seeds needed with these items; none if a million are not enough.
    pub seeds: Option<usize>,
    /// Items needed with these seeds; none if a million are not enough.
    pub items: Option<usize>,
}

/// Mean deviations over all pairs with the first variant that have two finished seeds; none without such a pair.
///
/// # Errors
/// Seeds that met different items.
pub fn measured_deviations(input: &Input, measure: &str) -> Result<Option<Deviations>, ReportError> {
    let Some((first, others)) = input.rows.split_first() else { return Ok(None) };
    let mut found = Vec::new();
    for other in others {
        found.extend(
            between(other, first, measure)?.map(|components| [components.seed, components.item, within(&components)]),
        );
    }
    let mean = |at: usize| found.iter().map(|parts| parts[at]).sum::<f64>() / found.len() as f64;
    let components = Components { seed: mean(0), item: mean(1), interaction: mean(2), sampling: None };
    Ok((!found.is_empty()).then(|| Deviations::of(&components)))
}

fn within(components: &Components) -> f64 {
    components.interaction + components.sampling.unwrap_or(0.0)
}

fn between(left: &Row, right: &Row, measure: &str) -> Result<Option<Components>, ReportError> {
    let pairs = verdict::common(left, right);
    let (a, b): (Vec<&SeedRun>, Vec<&SeedRun>) = pairs.into_iter().unzip();
    let of = format!("{} against {}", left.variant, right.variant);
    let found = spread::decomposition(&grid(left, &a, "main", measure)?, &grid(right, &b, "main", measure)?, &of)?;
    // Variants that never parted say nothing about the variance of those that do.
    Ok(found.filter(|found| found.variance > 0.0).map(|found| found.components))
}

/// What each claim on scores needs. `assumed` are the deviations for claims whose own variants have not been measured under two seeds;
/// `effect` the size to be found, in points, where it is not the published one; `items` the items a suite.
///
/// # Errors
/// Seeds that met different items, or an effect that is not above 0.
pub fn power(
    input: &Input,
    assumed: Option<Deviations>,
    effect: Option<f64>,
    items: usize,
) -> Result<Vec<Needed>, ReportError> {
    let mut needed = Vec::new();
    for claim in &input.claims {
        let Some(measure) = measures().find(|name| *name == claim.measure) else { continue };
        let judged = verdict::one(input, claim, verdict::published(input)?.as_ref())?;
        let published = judged.published.filter(|size| *size > 0.0 && effect.is_none());
        let row = |name: &str| input.rows.iter().find(|row| row.variant == name);
        let own = match (row(&claim.better), row(&claim.worse)) {
            (Some(better), Some(worse)) => {
                between(better, worse, measure)?.map(|components| Deviations::of(&components))
            }
            _ => None,
        };
        let Some(deviations) = own.or(assumed) else { continue };
        let effect = published.or(effect).unwrap_or(1.0);
        needed.push(one(input, claim, deviations, (effect, published.is_some()), items)?);
    }
    Ok(needed)
}

fn one(
    input: &Input,
    claim: &Claim,
    deviations: Deviations,
    (effect, published): (f64, bool),
    items: usize,
) -> Result<Needed, ReportError> {
    let components = deviations.components();
    let seeds = input.rows.iter().map(|row| row.seeds.len()).max().unwrap_or(0);
    let items = if claim.measure == "avg" { items * SUITES.len() } else { items };
    let demand = Demand::default();
    let refuse = |error| refused(&format!("claim \"{}\"", claim.text), &error);
    let design = Design { seeds, items, answers: 1 };
    let detectable = (seeds > 1).then(|| minimum_detectable_effect(&components, design, demand)).transpose();
    Ok(Needed {
        text: claim.text.clone(),
        measure: claim.measure.clone(),
        effect,
        published,
        deviations,
        design: (seeds, items),
        detectable: detectable.map_err(refuse)?,
        seeds: seeds_needed(effect, &components, items, 1, demand).map_err(refuse)?,
        items: items_needed(effect, &components, seeds.max(2), 1, demand).map_err(refuse)?,
    })
}
