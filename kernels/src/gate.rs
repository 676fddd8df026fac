//! What removes gradient: negative-gradient clipping (Eq. 8, Eq. 9) and adaptive entropy control, AEPO (Eq. 11).
//!
//! ```
//! use longlab_kernels::gate::{Latch, Level, Side, Threshold, clip_negatives};
//! let entropies = [vec![0.1, 0.9], vec![0.2, 0.8]];
//! let keep = clip_negatives(&[1.0, -1.0], &entropies, Level::Token, Side::High, Threshold::Absolute(0.5));
//! assert_eq!(keep, [[true, true], [true, false]]);
//!
//! let mut latch = Latch::default();
//! let phases: Vec<bool> = [0.15, 0.27, 0.20, 0.13, 0.20].iter().map(|&h| latch.step(h, 0.14, 0.26)).collect();
//! assert_eq!(phases, [false, true, true, false, false]);
//! ```

use crate::stats::quantile;

/// What negative-gradient clipping looks at (`P_tok` of Eq. 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Level {
    /// No clipping.
    #[default]
    None,
    /// Each token by its own entropy H(t|i).
    Token,
    /// Whole rollouts by their mean token entropy.
    Sequence,
}

/// Which side of the threshold loses its gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Side {
    /// Entropy strictly above the threshold (Eq. 9 as printed).
    #[default]
    High,
    /// Entropy strictly below it (the paper's low-entropy variants).
    Low,
}

/// The threshold tau of Eq. 9. The paper gives no value.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Threshold {
    /// A quantile (0 to 1) of the batch's negatives: of their tokens, or of their sequence means.
    Quantile(f64),
    /// Nats.
    Absolute(f64),
}

/// How token entropies become the entropy of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum EntropyMeasure {
    /// Mean over sequences of their token means (Eq. 11).
    #[default]
    SequenceMean,
    /// Mean over all tokens (what verl logs with `token-mean`).
    TokenMean,
}

/// How AEPO decides whether negatives are removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum AepoMode {
    /// Never.
    #[default]
    Off,
    /// On above the high bound until below the low one (the paper's text, confirmed in Qwen-Doc issue 16).
    Latch,
    /// Whenever low < H < high, with no memory (the first published code).
    Band,
}

impl AepoMode {
    /// Whether negatives are removed at this step. The latch follows the entropy only in mode [`AepoMode::Latch`].
    pub fn step(self, latch: &mut Latch, entropy: f64, low: f64, high: f64) -> bool {
        match self {
            AepoMode::Off => false,
            AepoMode::Latch => latch.step(entropy, low, high),
            AepoMode::Band => low < entropy && entropy < high,
        }
    }
}

/// The bit that AEPO keeps between steps; it starts off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Latch {
    /// True while negatives are removed.
    pub on: bool,
}

impl Latch {
    /// Two-threshold rule on the batch entropy of Eq. 11: on above `high`, off below `low`, otherwise as it was.
    pub fn step(&mut self, entropy: f64, low: f64, high: f64) -> bool {
        if entropy > high {
            self.on = true;
        } else if entropy < low {
            self.on = false;
        }
        self.on
    }
}

/// Entropy of a batch in nats, from the entropies of the tokens of each rollout. Rollouts without tokens do not count;
/// a batch without tokens has entropy 0.
pub fn batch_entropy(entropies: &[Vec<f32>], measure: EntropyMeasure) -> f64 {
    match measure {
        EntropyMeasure::SequenceMean => mean(entropies.iter().filter_map(|tokens| sequence_entropy(tokens))),
        EntropyMeasure::TokenMean => mean(entropies.iter().flatten().map(|&h| f64::from(h))),
    }
}

/// Which tokens keep their gradient (the indicator I(i,t) of Eq. 9, per rollout and token). Only rollouts with a negative
/// advantage can lose any; the threshold is compared strictly, so a token exactly on it keeps its gradient.
///
/// # Panics
/// If `advantages` and `entropies` differ in length.
pub fn clip_negatives(
    advantages: &[f64],
    entropies: &[Vec<f32>],
    level: Level,
    side: Side,
    threshold: Threshold,
) -> Vec<Vec<bool>> {
    assert_eq!(advantages.len(), entropies.len(), "one row of entropies a rollout");
    let tau = match threshold {
        Threshold::Absolute(nats) => Some(nats),
        Threshold::Quantile(q) => quantile(&negatives(advantages, entropies, level), q),
    };
    let clipped = |entropy: f64| match (tau, side) {
        (None, _) => false,
        (Some(tau), Side::High) => entropy > tau,
        (Some(tau), Side::Low) => entropy < tau,
    };
    let row = |(&advantage, tokens): (&f64, &Vec<f32>)| -> Vec<bool> {
        match level {
            Level::Token if advantage < 0.0 => tokens.iter().map(|&h| !clipped(f64::from(h))).collect(),
            Level::Sequence if advantage < 0.0 => {
                vec![!sequence_entropy(tokens).is_some_and(clipped); tokens.len()]
            }
            _ => vec![true; tokens.len()],
        }
    };
    advantages.iter().zip(entropies).map(row).collect()
}

/// The entropies that a quantile threshold is taken over.
fn negatives(advantages: &[f64], entropies: &[Vec<f32>], level: Level) -> Vec<f64> {
    let rows = advantages.iter().zip(entropies).filter(|(advantage, _)| **advantage < 0.0);
    match level {
        Level::None => Vec::new(),
        Level::Token => rows.flat_map(|(_, tokens)| tokens).map(|&h| f64::from(h)).collect(),
        Level::Sequence => rows.filter_map(|(_, tokens)| sequence_entropy(tokens)).collect(),
    }
}

/// Mean token entropy of one rollout; none if it has no tokens.
fn sequence_entropy(tokens: &[f32]) -> Option<f64> {
    (!tokens.is_empty()).then(|| mean(tokens.iter().map(|&h| f64::from(h))))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0u64), |(sum, count), v| (sum + v, count + 1));
    if count == 0 { 0.0 } else { sum / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entropies() -> Vec<Vec<f32>> {
        vec![vec![0.5, 1.5], vec![0.25, 0.75, 0.5], vec![2.0], vec![1.0, 0.0]]
    }

    const ADVANTAGES: [f64; 4] = [1.0, -1.0, -0.5, 0.0];

    #[test]
    fn token_quantile_is_over_the_negatives_tokens() {
        // Negatives hold 0.25 0.5 0.75 2.0, median 0.625.
        let keep = clip_negatives(&ADVANTAGES, &entropies(), Level::Token, Side::High, Threshold::Quantile(0.5));
        assert_eq!(keep, [vec![true; 2], vec![true, false, true], vec![false], vec![true; 2]]);
        let keep = clip_negatives(&ADVANTAGES, &entropies(), Level::Token, Side::Low, Threshold::Quantile(0.5));
        assert_eq!(keep, [vec![true; 2], vec![false, true, false], vec![true], vec![true; 2]]);
    }

    #[test]
    fn sequence_level_takes_whole_rollouts() {
        let keep = clip_negatives(&ADVANTAGES, &entropies(), Level::Sequence, Side::High, Threshold::Quantile(0.5));
        assert_eq!(keep, [vec![true; 2], vec![true; 3], vec![false], vec![true; 2]]);
        let keep = clip_negatives(&ADVANTAGES, &entropies(), Level::Sequence, Side::Low, Threshold::Absolute(0.6));
        assert_eq!(keep, [vec![true; 2], vec![false; 3], vec![true], vec![true; 2]]);
    }

    #[test]
    fn no_level_and_no_negatives_keep_everything() {
        let keep = clip_negatives(&ADVANTAGES, &entropies(), Level::None, Side::High, Threshold::Absolute(0.0));
        assert!(keep.iter().flatten().all(|&k| k));
        let keep = clip_negatives(&[1.0; 4], &entropies(), Level::Token, Side::High, Threshold::Quantile(0.0));
        assert!(keep.iter().flatten().all(|&k| k));
    }

    #[test]
    fn the_two_measures_weigh_length_differently() {
        let batch = vec![vec![1.0], vec![0.0, 0.0, 0.0], vec![]];
        assert_eq!(batch_entropy(&batch, EntropyMeasure::SequenceMean), 0.5);
        assert_eq!(batch_entropy(&batch, EntropyMeasure::TokenMean), 0.25);
        assert_eq!(batch_entropy(&[], EntropyMeasure::SequenceMean), 0.0);
    }

    #[test]
    fn band_forgets_and_latch_remembers() {
        let mut latch = Latch::default();
        let path = [0.2, 0.3, 0.2, 0.1, 0.2];
        let run = |mode: AepoMode, latch: &mut Latch| path.map(|h| mode.step(latch, h, 0.15, 0.25));
        assert_eq!(run(AepoMode::Latch, &mut latch), [false, true, true, false, false]);
        assert_eq!(run(AepoMode::Band, &mut latch), [true, false, true, false, true]);
        assert_eq!(run(AepoMode::Off, &mut latch), [false; 5]);
    }
}
