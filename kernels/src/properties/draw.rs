//! Random batches, and the same batch changed in one respect.

use crate::loss::{Batch, BatchError};
use crate::stream::{Address, Purpose, Stream};

/// The columns of a batch, owned.
#[derive(Clone, Debug)]
pub struct Columns {
    pub logp: Vec<Vec<f64>>,
    pub old: Vec<Vec<f64>>,
    pub reference: Vec<Vec<f64>>,
    pub entropies: Vec<Vec<f64>>,
    pub shares: Vec<Vec<f64>>,
    pub advantages: Vec<f64>,
    pub groups: Vec<usize>,
}

/// The stream of one random batch.
pub fn stream(seed: u64, batch: u32) -> Stream {
    Address::new(seed, Purpose::Test).step(batch).stream()
}

impl Columns {
    /// 2 to 7 rollouts of 1 to 6 tokens, a fifth of them masked. Log-ratios are tiny, moderate or large, by batch;
    /// advantages are of both signs, and some are 0. The shares of a rollout are equal where it is not masked.
    pub fn random(seed: u64, batch: u32) -> Columns {
        let mut stream = stream(seed, batch);
        let spread = Columns::spread(batch);
        let lengths: Vec<usize> = (0..stream.range(2..=7)).map(|_| stream.range(1..=6)).collect();
        let rows = |of: &mut dyn FnMut() -> f64| -> Vec<Vec<f64>> {
            lengths.iter().map(|&n| (0..n).map(|_| of()).collect()).collect()
        };
        let old = rows(&mut || -5.0 - 3.0 * stream.uniform());
        let logp = moved(&old, || (2.0 * stream.uniform() - 1.0) * spread);
        let reference = moved(&old, || stream.uniform() - 0.5);
        let entropies = rows(&mut || 0.1 + 2.0 * stream.uniform());
        let mut advantages: Vec<f64> = lengths.iter().map(|_| 2.0 * stream.normal()).collect();
        for advantage in &mut advantages {
            if stream.chance(0.1) {
                *advantage = 0.0;
            }
        }
        let groups = lengths.iter().map(|_| stream.below(3)).collect();
        let shares = lengths.iter().map(|&n| {
            let share = 0.1 + stream.uniform();
            (0..n).map(|_| if stream.chance(0.2) { 0.0 } else { share }).collect()
        });
        let shares = shares.collect();
        Columns { logp, old, reference, entropies, shares, advantages, groups }
    }

    /// Largest log-ratio of a random batch: tiny, small, moderate or large.
    pub fn spread(batch: u32) -> f64 {
        [1e-4, 0.1, 0.4, 1.5][batch as usize % 4]
    }

    /// The batch that a loss reads.
    pub fn batch(&self) -> Result<Batch<'_>, BatchError> {
        Batch::new(&self.logp, &self.old, &self.advantages, &self.groups, &self.shares)?
            .with_reference(&self.reference)?
            .with_entropies(&self.entropies)
    }

    /// The same rollouts in another order.
    pub fn permuted(&self, order: &[usize]) -> Columns {
        Columns {
            logp: pick(&self.logp, order),
            old: pick(&self.old, order),
            reference: pick(&self.reference, order),
            entropies: pick(&self.entropies, order),
            shares: pick(&self.shares, order),
            advantages: pick(&self.advantages, order),
            groups: pick(&self.groups, order),
        }
    }

    /// Each column of tokens, with its position: the shares come last.
    pub fn token_columns(&mut self) -> [&mut Vec<Vec<f64>>; 5] {
        [&mut self.logp, &mut self.old, &mut self.reference, &mut self.entropies, &mut self.shares]
    }

    /// Masked tokens hold other things.
    pub fn with_other_masked(&self, holds: f64) -> Columns {
        let mut other = self.clone();
        let masked = |i: usize, t: usize| self.shares[i][t] == 0.0;
        for column in other.token_columns().into_iter().take(4) {
            each(column, |i, t, value| if masked(i, t) { holds } else { value });
        }
        other
    }

    /// `more` padding tokens at the end of each rollout, and one rollout of padding at the end.
    pub fn padded(&self, more: usize) -> Columns {
        let mut other = self.clone();
        for (which, column) in other.token_columns().into_iter().enumerate() {
            let holds = [-1.0, -3.0, -2.0, 1.0, 0.0][which];
            column.iter_mut().for_each(|row| row.extend(vec![holds; more]));
            column.push(vec![holds; more]);
        }
        other.advantages.push(1.5);
        other.groups.push(1);
        other
    }

    /// Every number rounded to f32.
    pub fn rounded(&self) -> Columns {
        let mut other = self.clone();
        let round = |value: f64| f64::from(value as f32);
        for column in other.token_columns() {
            each(column, |_, _, value| round(value));
        }
        other.advantages.iter_mut().for_each(|value| *value = round(*value));
        other
    }

    /// Log-probabilities down to -1e4, in and out of step with each other, and masked positions that hold no number.
    pub fn extreme(seed: u64, batch: u32) -> Columns {
        let mut other = Columns::random(seed, batch).with_other_masked(f64::NEG_INFINITY);
        let mut stream = Address::new(seed, Purpose::Test).step(batch).sample(1).stream();
        let shares = other.shares.clone();
        for column in other.token_columns().into_iter().take(3) {
            each(column, |i, t, value| {
                let extreme = *stream.pick(&[0.0, -1e-300, -1.0, -700.0, -1e4]);
                if shares[i][t] == 0.0 { value } else { extreme }
            });
        }
        other
    }
}

/// Each cell of a column replaced by a function of its place and value.
pub fn each(column: &mut [Vec<f64>], mut of: impl FnMut(usize, usize, f64) -> f64) {
    for (i, row) in column.iter_mut().enumerate() {
        for (t, value) in row.iter_mut().enumerate() {
            *value = of(i, t, *value);
        }
    }
}

/// Chosen entries, in the order given.
pub fn pick<T: Clone>(values: &[T], order: &[usize]) -> Vec<T> {
    order.iter().map(|&i| values[i].clone()).collect()
}

fn moved(rows: &[Vec<f64>], mut by: impl FnMut() -> f64) -> Vec<Vec<f64>> {
    rows.iter().map(|row| row.iter().map(|value| value + by()).collect()).collect()
}
