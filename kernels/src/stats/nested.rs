//! The nested bootstrap: seeds, items, their interaction and the sampling of answers drawn anew, each part by itself and all
//! together.
//!
//! The effects estimated by [`super::decompose`] are drawn with replacement, level by level, scaled so that each level's draws
//! have the variance the method of moments gives it ("reflated" effects: Davison and Hinkley 1997, 3.8; Field and Welsh 2007).
//! Drawing seeds and items whole instead would count the sampling of answers once with each of them (Owen 2007). Answers are
//! drawn within their own cell, so that cells may differ in spread.

use super::components::{Effects, decompose_by};
use super::student::student_quantile;
use super::summary::quantile_sorted;
use super::{Answers, Components, Decomposition, StatsError, normal_cdf};
use crate::stream::{Address, Purpose, Stream};

/// Position in the address, apart from those of the other bootstraps.
const NESTED: u32 = 5;

/// What one level adds to the mean: its spread over resamples where only that level is drawn anew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// Variance over resamples.
    pub variance: f64,
    /// 2.5% quantile of what it adds to the mean.
    pub low: f64,
    /// 97.5% quantile of what it adds to the mean.
    pub high: f64,
}

/// The nested bootstrap of a mean difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nested {
    /// Mean over seeds, items and answers.
    pub mean: f64,
    /// Lower end of the 95% interval over all levels.
    pub low: f64,
    /// Upper end of the 95% interval over all levels.
    pub high: f64,
    /// The luck of training.
    pub seed: Part,
    /// The choice of items.
    pub item: Part,
    /// Items that favour a variant under one seed and not another; holds the sampling too where that is none.
    pub interaction: Part,
    /// The sampling of answers; none with one answer an item.
    pub sampling: Option<Part>,
    /// The same by moments.
    pub decomposition: Decomposition,
}

/// Draws all levels `reps` times.
///
/// The interval is the expanded percentile interval (Hesterberg 2015): its ends are the quantiles Phi(-t) and Phi(t) of the
/// resampled means, t the 97.5% quantile of Student's distribution on the decomposition's degrees of freedom, since
/// percentiles of few seeds are too near to each other. With 2,000 resamples Phi(-t) is met by 5 of them at 4 degrees of
/// freedom and by less than one at 2: have 5 seeds or more, or take [`Decomposition::interval`].
///
/// ```
/// use longlab_kernels::stats::{Answers, nested_bootstrap};
/// // Seeds and answers agree, items do not.
/// let items = |_| (0..10).map(|i| vec![f64::from(i % 2); 4]).collect();
/// let got = nested_bootstrap(&Answers::new((0..5).map(items).collect())?, 2000, 1)?;
/// assert_eq!((got.mean, got.seed.variance), (0.5, 0.0));
/// assert!(got.item.variance > 0.02 && got.low < 0.25 && got.high > 0.75);
/// # Ok::<(), longlab_kernels::stats::StatsError>(())
/// ```
///
/// # Errors
/// As [`super::decompose`], and [`StatsError::NoResamples`].
pub fn nested_bootstrap(data: &Answers, reps: u32, seed: u64) -> Result<Nested, StatsError> {
    if reps == 0 {
        return Err(StatsError::NoResamples);
    }
    let effects = Effects::of(data);
    let decomposition = decompose_by(data, &effects)?;
    let scales = scales(data, &effects, &decomposition.components);
    let mut moves: [Vec<f64>; 4] = Default::default();
    for rep in 0..reps {
        let address = Address::new(seed, Purpose::Bootstrap).step(rep).position(NESTED);
        let level = |number: u32| address.rollout(number).stream();
        moves[0].push(scales[0] * drawn_mean(&effects.seeds, scales[0], &mut level(0)));
        moves[1].push(scales[1] * drawn_mean(&effects.items, scales[1], &mut level(1)));
        moves[2].push(scales[2] * drawn_mean(&effects.cells, scales[2], &mut level(2)));
        moves[3].push(scales[3] * drawn_answers(&effects.answers, data.answers(), &mut level(3)));
    }
    Ok(summary(moves, decomposition, data.answers() > 1))
}

fn summary(moves: [Vec<f64>; 4], decomposition: Decomposition, answers: bool) -> Nested {
    let sum = |rep: usize| decomposition.mean + moves.iter().map(|level| level[rep]).sum::<f64>();
    let mut means: Vec<f64> = (0..moves[0].len()).map(sum).collect();
    means.sort_unstable_by(f64::total_cmp);
    let tail = normal_cdf(-student_quantile(0.975, decomposition.freedom));
    let [seed, item, interaction, sampling] = moves.map(part);
    Nested {
        mean: decomposition.mean,
        low: quantile(&means, tail),
        high: quantile(&means, 1.0 - tail),
        seed,
        item,
        interaction,
        sampling: answers.then_some(sampling),
        decomposition,
    }
}

fn part(mut moves: Vec<f64>) -> Part {
    moves.sort_unstable_by(f64::total_cmp);
    // The mean of the draws is 0 by design.
    let variance = moves.iter().map(|x| x * x).sum::<f64>() / moves.len() as f64;
    Part { variance, low: quantile(&moves, 0.025), high: quantile(&moves, 0.975) }
}

fn quantile(sorted: &[f64], q: f64) -> f64 {
    quantile_sorted(sorted, q).expect("at least one resample was drawn")
}

/// What to multiply each level's effects by, so that they have the variance of the components.
fn scales(data: &Answers, effects: &Effects, components: &Components) -> [f64; 4] {
    let scale = |component: f64, effects: &[f64]| {
        let own = effects.iter().map(|x| x * x).sum::<f64>() / effects.len() as f64;
        if component > 0.0 && own > 0.0 { (component / own).sqrt() } else { 0.0 }
    };
    let answers = data.answers() as f64;
    [
        scale(components.seed, &effects.seeds),
        scale(components.item, &effects.items),
        scale(components.interaction, &effects.cells),
        if answers > 1.0 { (answers / (answers - 1.0)).sqrt() } else { 0.0 },
    ]
}

/// Mean of as many draws as there are effects; nothing is drawn for a level that does not vary.
fn drawn_mean(effects: &[f64], scale: f64, stream: &mut Stream) -> f64 {
    if scale == 0.0 {
        return 0.0;
    }
    (0..effects.len()).map(|_| effects[stream.below(effects.len())]).sum::<f64>() / effects.len() as f64
}

/// The same, each answer from its own cell.
fn drawn_answers(answers: &[f64], in_cell: usize, stream: &mut Stream) -> f64 {
    if in_cell < 2 {
        return 0.0;
    }
    let cell = |cell: &[f64]| -> f64 { (0..in_cell).map(|_| cell[stream.below(in_cell)]).sum() };
    answers.chunks(in_cell).map(cell).sum::<f64>() / answers.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_the_variance_of_the_moments() {
        let mut stream = Address::new(5, Purpose::Test).stream();
        let seeds: Vec<f64> = (0..6).map(|_| stream.normal()).collect();
        let items: Vec<f64> = (0..20).map(|_| 2.0 * stream.normal()).collect();
        let cell = |s: &f64, i: &f64, stream: &mut Stream| (0..3).map(|_| s + i + stream.normal()).collect();
        let table = seeds.iter().map(|s| items.iter().map(|i| cell(s, i, &mut stream)).collect()).collect();
        let got = nested_bootstrap(&Answers::new(table).expect("a full table"), 20_000, 1).expect("resamples");
        let moments = got.decomposition.parts;
        let sampling = got.sampling.expect("three answers").variance;
        let pairs = [(got.seed.variance, moments.seed), (got.item.variance, moments.item)];
        let both =
            [(sampling, moments.sampling.expect("three answers")), (got.interaction.variance, moments.interaction)];
        for (drawn, by_moments) in pairs.into_iter().chain(both) {
            // A variance of 20,000 draws has a relative error of about 1%.
            assert!((drawn - by_moments).abs() <= 0.05 * by_moments, "{drawn} {by_moments}");
        }
    }

    #[test]
    fn no_resamples_and_one_answer() {
        let data = Answers::new(vec![vec![vec![1.0], vec![0.0]], vec![vec![0.5], vec![0.7]]]).expect("a full table");
        assert_eq!(nested_bootstrap(&data, 0, 1), Err(StatsError::NoResamples));
        assert_eq!(nested_bootstrap(&data, 10, 1).expect("resamples").sampling, None);
    }
}
