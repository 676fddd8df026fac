//! Addressed randomness: a draw belongs to a place in the experiment, not to a moment of the run.
//!
//! The [`Address`] fills the 32-byte ChaCha key field by field, so two addresses share a stream only if they are equal.
//! Batch order, job order, parallelism and resume can therefore never change a result.
//!
//! ```
//! use longlab_kernels::stream::{Address, Purpose};
//! let address = Address::new(7, Purpose::Rollout).step(3).sample(41).rollout(2);
//! let mut first = address.stream();
//! let mut again = address.stream();
//! assert_eq!(first.uniform(), again.uniform());
//! assert_eq!(Address::new(7, Purpose::World).stream().below(100), 86);
//! ```

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// What a draw is for. The numbers are part of every result and never change meaning; new purposes take new numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[repr(u32)]
pub enum Purpose {
    /// The facts and documents of a synthetic sample.
    World = 1,
    /// Which samples make up the training pool.
    Pool = 2,
    /// The order in which samples are visited.
    Order = 3,
    /// Tokens of a training rollout.
    Rollout = 4,
    /// Tokens of an evaluation answer.
    Eval = 5,
    /// Initial weights of a model.
    Init = 6,
    /// Contexts and questions of the supervised warm start.
    Warm = 7,
    /// Resampling in the statistics.
    Bootstrap = 8,
    /// Items of a held-out suite.
    Suite = 9,
    /// Thinking traces: wording, order, detours and mistakes.
    Trace = 10,
    /// Pass rates of a base policy, before training.
    Probe = 11,
    /// Everything that only a test draws.
    Test = 12,
    /// Tokens that a loss chooses at random (Clip-Cov).
    Loss = 13,
    /// Which numbers of a tensor DARE drops.
    Merge = 14,
    /// Which steps of a finished job are run again.
    Verify = 15,
    /// Tokens of an answer to a user.
    Answer = 16,
    /// Self-play: tokens of a question and its reference.
    Question = 17,
    /// Self-play: tokens of an answer without documents.
    Grounding = 18,
    /// Self-play: tokens of a verdict.
    Verdict = 19,
    /// Self-play: which documents a question is about, and what of a step is learned from.
    Play = 20,
}

/// Where a draw belongs: 8 + 4 + 4 + 8 + 4 + 4 bytes, exactly a ChaCha key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Seed of the job (or of the data set).
    pub seed: u64,
    /// What the draw is for.
    pub purpose: Purpose,
    /// Training step, or whatever counts in its place.
    pub step: u32,
    /// Index of the sample or item.
    pub sample: u64,
    /// Index of the rollout or answer.
    pub rollout: u32,
    /// Index of the token or turn.
    pub position: u32,
}

impl Address {
    /// The address whose step, sample, rollout and position are 0.
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        Address { seed, purpose, step: 0, sample: 0, rollout: 0, position: 0 }
    }

    /// The same address at another step.
    pub fn step(self, step: u32) -> Self {
        Address { step, ..self }
    }

    /// The same address at another sample.
    pub fn sample(self, sample: u64) -> Self {
        Address { sample, ..self }
    }

    /// The same address at another rollout.
    pub fn rollout(self, rollout: u32) -> Self {
        Address { rollout, ..self }
    }

    /// The same address at another position.
    pub fn position(self, position: u32) -> Self {
        Address { position, ..self }
    }

    /// The ChaCha key: the fields side by side, little-endian. Injective, so no hashing is needed.
    pub fn key(self) -> [u8; 32] {
        let mut key = [0; 32];
        key[0..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..12].copy_from_slice(&(self.purpose as u32).to_le_bytes());
        key[12..16].copy_from_slice(&self.step.to_le_bytes());
        key[16..24].copy_from_slice(&self.sample.to_le_bytes());
        key[24..28].copy_from_slice(&self.rollout.to_le_bytes());
        key[28..32].copy_from_slice(&self.position.to_le_bytes());
        key
    }

    /// The stream of this address, from its beginning.
    pub fn stream(self) -> Stream {
        Stream { generator: ChaCha8Rng::from_seed(self.key()) }
    }
}

/// The draws of one address, in order.
#[derive(Clone, Debug)]
pub struct Stream {
    generator: ChaCha8Rng,
}

impl Stream {
    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// Uniform in [0, 1), a multiple of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in 0..n without bias.
    ///
    /// # Panics
    /// If `n` is 0: there is nothing to draw.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "below(0): there is nothing to draw from");
        self.below_u64(n as u64) as usize
    }

    /// Multiply-shift with rejection (Lemire 2019): unbiased, and rarely more than one draw.
    fn below_u64(&mut self, n: u64) -> u64 {
        let reject = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.bits()) * u128::from(n);
            if product as u64 >= reject {
                return (product >> 64) as u64;
            }
        }
    }

    /// One element, each as likely as the others.
    ///
    /// # Panics
    /// If `items` is empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        assert!(!items.is_empty(), "pick from an empty slice");
        &items[self.below(items.len())]
    }

    /// True with probability `p` (never for `p` <= 0, always for `p` >= 1).
    pub fn chance(&mut self, p: f64) -> bool {
        self.uniform() < p
    }

    /// Uniform integer in `bounds`, both ends included.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn range<T: Integer>(&mut self, bounds: RangeInclusive<T>) -> T {
        let (low, high) = (bounds.start().wide(), bounds.end().wide());
        assert!(low <= high, "range({low}..={high}) is empty");
        let span = (high - low) as u64;
        let offset = if span == u64::MAX { self.bits() } else { self.below_u64(span + 1) };
        T::narrow(low + i128::from(offset))
    }

    /// Fisher-Yates: every order is as likely as the others.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Standard normal by Box-Muller; always two uniforms, so later draws do not depend on this one's value.
    pub fn normal(&mut self) -> f64 {
        // 1 - u lies in (0, 1]: the logarithm stays finite.
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// `k` different numbers of 0..n in the order drawn; every ordered choice is as likely as the others.
    /// Memory grows with `k` alone.
    ///
    /// # Panics
    /// If `k` is greater than `n`.
    pub fn choose_distinct(&mut self, n: usize, k: usize) -> Vec<usize> {
        assert!(k <= n, "cannot choose {k} distinct numbers out of {n}");
        // The first k swaps of a shuffle of 0..n, of which only what has moved is held.
        let mut moved: BTreeMap<usize, usize> = BTreeMap::new();
        let choose = |place: usize| {
            let other = place + self.below(n - place);
            let [here, there] = [place, other].map(|at| moved.get(&at).copied().unwrap_or(at));
            moved.insert(other, here);
            there
        };
        (0..k).map(choose).collect()
    }
}

/// Integers that [`Stream::range`] can draw.
pub trait Integer: Copy {
    /// The value, wide enough for all of them.
    fn wide(self) -> i128;
    /// The value back; `wide` must lie in the range of the type.
    fn narrow(wide: i128) -> Self;
}

macro_rules! integers {
    ($($name:ty),*) => {$(
        impl Integer for $name {
            fn wide(self) -> i128 { self as i128 }
            fn narrow(wide: i128) -> Self { wide as $name }
        }
    )*};
}
integers!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

#[cfg(test)]
mod tests {
    use super::*;

    fn test_stream(position: u32) -> Stream {
        Address::new(1, Purpose::Test).position(position).stream()
    }

    #[test]
    fn first_values_never_change() {
        let address = Address { seed: 1, purpose: Purpose::Rollout, step: 2, sample: 3, rollout: 4, position: 5 };
        let mut stream = address.stream();
        let bits: Vec<u64> = (0..4).map(|_| stream.bits()).collect();
        // Computed apart by tests/golden/chacha.py.
        assert_eq!(bits, [2495344231802704437, 5344652195187794686, 11213293876467735340, 17120492804119816432]);
        let mut stream = address.stream();
        assert_eq!(stream.uniform(), 0.13527288186098319);
        assert_eq!(stream.below(1000), 289);
        assert_eq!(stream.choose_distinct(10, 4), [6, 9, 8, 4]);
        assert!((stream.normal() + 1.2382243002602271).abs() < 1e-14);
    }

    #[test]
    fn key_fields_do_not_overlap() {
        let address = Address {
            seed: 0x0807060504030201,
            purpose: Purpose::Test,
            step: 0x100f0e0d,
            sample: 0x1817161514131211,
            rollout: 0x1c1b1a19,
            position: 0x201f1e1d,
        };
        let mut expected: Vec<u8> = (1..=32).collect();
        expected[8..12].copy_from_slice(&[12, 0, 0, 0]);
        assert_eq!(address.key().to_vec(), expected);
    }

    #[test]
    fn below_covers_evenly() {
        let mut stream = test_stream(0);
        let mut counts = [0u32; 7];
        for _ in 0..70_000 {
            counts[stream.below(7)] += 1;
        }
        // Six standard deviations of a binomial count around 10,000.
        assert!(counts.iter().all(|&c| (9_444..=10_556).contains(&c)), "{counts:?}");
    }

    #[test]
    fn range_reaches_both_ends_and_the_extremes() {
        let mut stream = test_stream(1);
        let drawn: Vec<i32> = (0..200).map(|_| stream.range(-1..=1)).collect();
        assert!([-1, 0, 1].iter().all(|v| drawn.contains(v)) && drawn.iter().all(|v| v.abs() <= 1));
        assert_eq!(stream.range(9usize..=9), 9);
        let wide: Vec<i64> = (0..64).map(|_| stream.range(i64::MIN..=i64::MAX)).collect();
        assert!(wide.iter().any(|&v| v < 0) && wide.iter().any(|&v| v > 0));
    }

    #[test]
    fn normal_has_unit_moments() {
        let mut stream = test_stream(2);
        let draws: Vec<f64> = (0..40_000).map(|_| stream.normal()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let square = draws.iter().map(|x| x * x).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.03 && (square - 1.0).abs() < 0.05, "{mean} {square}");
    }

    #[test]
    fn shuffle_and_choice_keep_the_members() {
        let mut stream = test_stream(3);
        let mut items: Vec<usize> = (0..50).collect();
        stream.shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
        let mut chosen = stream.choose_distinct(50, 50);
        chosen.sort_unstable();
        assert_eq!(chosen, items);
    }

    #[test]
    fn chance_keeps_its_ends() {
        let mut stream = test_stream(4);
        assert!((0..100).all(|_| !stream.chance(0.0) && stream.chance(1.0)));
    }
}
