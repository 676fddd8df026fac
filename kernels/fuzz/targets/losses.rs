//! Batches of any shape and number to every policy loss: made or refused as documented, and then never a panic.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use longlab_fuzz::numbers::{Number, about, indices, lengths, numbers, rows};
use longlab_kernels::loss::*;
use longlab_kernels::stream::{Address, Purpose};

/// The columns of a batch; most have the shape of the first.
#[derive(Debug)]
struct Columns {
    rows: [Vec<Vec<f64>>; 5],
    shares: Vec<Vec<f64>>,
    advantages: Vec<f64>,
    groups: Vec<usize>,
}

impl<'a> Arbitrary<'a> for Columns {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let (lengths, wild) = (lengths(bytes)?, bytes.ratio(1, 3)?);
        let mut column = |sign: f64, times: f64| -> Result<Vec<Vec<f64>>> {
            let mut column = rows(bytes, &lengths, wild)?;
            // Most batches are to be made: log-probabilities below 0, now and then far below.
            let times = if bytes.ratio(1, 8)? { 1000.0 } else { times };
            if !wild {
                column.iter_mut().flatten().for_each(|value| *value = sign * value.abs() * times);
            }
            Ok(column)
        };
        let rows = [column(-1.0, 0.5)?, column(-1.0, 0.5)?, column(-1.0, 0.5)?, column(1.0, 0.5)?, column(-1.0, 0.5)?];
        let mut shares = column(1.0, 0.125)?;
        shares.iter_mut().flatten().for_each(|share| *share = if *share < 0.25 { 0.0 } else { *share });
        let count = about(bytes, lengths.len())?;
        let advantages = numbers(bytes, count, wild)?;
        let count = about(bytes, lengths.len())?;
        Ok(Columns { rows, shares, advantages, groups: indices(bytes, count)? })
    }
}

#[derive(Arbitrary, Debug)]
struct Input {
    columns: Columns,
    numbers: [Number; 4],
    draw: Option<[u32; 4]>,
    defaults: bool,
    whole: bool,
}

impl Input {
    /// Every loss with these parameters.
    fn losses(&self) -> Vec<Box<dyn PolicyLoss>> {
        let [a, b, c, d] = self.numbers.map(|number| number.0);
        let address = |[seed, step, sample, rollout]: [u32; 4]| {
            Address::new(seed.into(), Purpose::Loss).step(step).sample(sample.into()).rollout(rollout)
        };
        let draw = self.draw.map(address);
        let mut all: Vec<Box<dyn PolicyLoss>> = vec![
            Box::new(Reinforce),
            Box::new(OnPolicy),
            Box::new(PpoClip { low: a, high: b, dual: Some(c) }),
            Box::new(PpoClip::trl(a, b, Some(c))),
            Box::new(Gspo { low: a, high: b, level: GspoLevel::Sequence }),
            Box::new(Gspo { low: a, high: b, level: GspoLevel::Token }),
            Box::new(Gmpo { low: a, high: b }),
            Box::new(Cispo { low: a, high: b }),
            Box::new(Sapo { positive: a, negative: b }),
            Box::new(ClipCov { low: a, high: b, share: c, least: d, most: a, draw }),
            Box::new(KlCov { share: a, coefficient: b }),
            Box::new(Dppo { divergence: Divergence::TotalVariation, low: a, high: b, cut: c }),
            Box::new(Dppo { divergence: Divergence::Kl, low: a, high: b, cut: c }),
            Box::new(Dro { beta: a }),
            Box::new(Vespo { positive: (a, b), negative: (c, d) }),
            Box::new(EntropyBonus { coefficient: a }),
            Box::new(UnbiasedKl { coefficient: a, level: RatioLevel::Token }),
            Box::new(UnbiasedKl { coefficient: a, level: RatioLevel::Sequence }),
            Box::new(Sum::of(OnPolicy).plus(a, KlPenalty::default()).plus(b, EntropyBonus { coefficient: c })),
        ];
        let estimators = [KlEstimator::K1, KlEstimator::K2, KlEstimator::K3, KlEstimator::LowVariance];
        for estimator in estimators.into_iter().chain([KlEstimator::Absolute]) {
            all.push(Box::new(KlPenalty { coefficient: a, estimator, straight_through: self.whole }));
        }
        all
    }

    /// Every loss with sound parameters.
    fn sound(&self) -> Vec<Box<dyn PolicyLoss>> {
        let share = 0.3;
        vec![
            Box::new(Reinforce),
            Box::new(PpoClip::verl()),
            Box::new(Gspo::default()),
            Box::new(Gspo::token()),
            Box::new(Gmpo::default()),
            Box::new(Cispo::default()),
            Box::new(Sapo::default()),
            Box::new(ClipCov { share, least: 0.0, ..ClipCov::default() }),
            Box::new(KlCov { share, coefficient: 1.0 }),
            Box::new(Dppo::default()),
            Box::new(Dppo { divergence: Divergence::Kl, ..Dppo::default() }),
            Box::new(Dro { beta: 0.5 }),
            Box::new(Vespo::default()),
            Box::new(EntropyBonus { coefficient: 0.1 }),
            Box::new(UnbiasedKl { coefficient: 0.1, level: RatioLevel::Token }),
            Box::new(UnbiasedKl { coefficient: 0.1, level: RatioLevel::Sequence }),
            Box::new(KlPenalty::default()),
        ]
    }
}

/// Whether `rows` have the shape of `shares`, and all that counts is fine.
fn fits(rows: &[Vec<f64>], shares: &[Vec<f64>], fine: impl Fn(f64) -> bool) -> bool {
    let row = |(row, shares): (&Vec<f64>, &Vec<f64>)| {
        row.len() == shares.len() && row.iter().zip(shares).all(|(&value, &share)| share == 0.0 || fine(value))
    };
    rows.len() == shares.len() && rows.iter().zip(shares).all(row)
}

fn check(loss: &dyn PolicyLoss, batch: &Batch, finite: bool) {
    let (needs, name) = (loss.needs(), loss.name());
    let missing = (needs.reference && batch.reference().is_none()) || (needs.entropies && batch.entropies().is_none());
    let result = evaluate(loss, batch);
    assert_eq!(result.is_err(), missing, "{name}");
    loss.surrogate(batch, batch);
    let gradient = result.map_or_else(|_| loss.gradient(batch), |(_, gradient)| gradient);
    for column in [&gradient.logp, &gradient.entropy] {
        assert!(fits(column, batch.shares(), |slope| !finite || slope.is_finite()), "{name}: {column:?}");
        let cells = column.iter().flatten().zip(batch.shares().iter().flatten());
        assert!(cells.into_iter().all(|(&slope, &share)| share != 0.0 || slope == 0.0), "{name}: a masked token");
    }
    let (objective, again) = (loss.objective(batch), loss.surrogate(batch, batch));
    assert!(!finite || objective.is_finite(), "{name}: {objective}");
    let size = batch.sum(|token| token.share * (1.0 + token.advantage.abs()));
    assert!(!finite || (objective - again).abs() <= 1e-4 * size, "{name}: {objective} {again}");
}

fuzz_target!(|input: Input| {
    let Columns { rows: [logp, old, reference, entropies, moved], shares, advantages, groups } = &input.columns;
    let counts = advantages.len() == logp.len() && groups.len() == logp.len();
    let probability = |value: f64| value.is_finite() && value <= LOGP_TOLERANCE;
    let weights = shares.iter().flatten().all(|&share| share.is_finite() && share >= 0.0);
    let good = |rows: &[Vec<f64>]| fits(rows, shares, probability);
    let sound = counts && weights && advantages.iter().all(|a| a.is_finite()) && good(logp) && good(old);
    let made = Batch::new(logp, old, advantages, groups, shares);
    assert_eq!(made.is_ok(), sound, "{made:?}");
    let Ok(mut batch) = made else { return };
    assert_eq!(batch.with_logp(moved).is_ok(), good(moved));
    let (with_reference, with_entropies) = (batch.with_reference(reference), batch.with_entropies(entropies));
    assert_eq!(with_reference.is_ok(), good(reference));
    let entropy = |value: f64| value.is_finite() && value >= -LOGP_TOLERANCE;
    assert_eq!(with_entropies.is_ok(), fits(entropies, shares, entropy));
    if input.whole {
        let Ok(whole) = with_reference.and_then(|batch| batch.with_entropies(entropies)) else { return };
        batch = whole;
    }
    let within = |value: &f64| value.abs() <= 1e4;
    let columns = [logp, old, reference, entropies, shares];
    let finite = columns.into_iter().flatten().flatten().chain(advantages).all(within) && input.whole;
    if input.defaults {
        input.sound().iter().for_each(|loss| check(loss.as_ref(), &batch, finite));
    } else {
        input.losses().iter().for_each(|loss| check(loss.as_ref(), &batch, false));
    }
});
