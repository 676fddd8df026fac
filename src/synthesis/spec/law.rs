//! Laws: how long prompts are to be, and where in them the evidence stands.

use super::SpecError;
use super::check::demand;
use longlab_kernels::stream::Stream;
use serde::{Deserialize, Serialize};

/// Figure 3 of QwenLong-L1.5: samples by thousands of input tokens, for QwenLong-L1.5 and QwenLong-L1. Recovered from the figure's path coordinates.
const FIGURE_3: &str = include_str!("../../../experiments/paper/figures/fig3_input_length_histogram.csv");

/// A bin of lengths: from so many tokens, up to so many, with how many samples.
pub type Bin = (usize, usize, usize);

/// Figure 3's histogram of QwenLong-L1.5's training set: 20 bins of 6,000 tokens, 14,174 samples.
pub fn figure_3() -> Vec<Bin> {
    let number = |field: Option<&str>| field.and_then(|text| text.trim().parse::<usize>().ok());
    let bin = |line: &str| {
        let mut fields = line.split(',');
        let (start, end, count) = (number(fields.next())?, number(fields.next())?, number(fields.next())?);
        Some((start * 1_000, end * 1_000, count))
    };
    FIGURE_3.lines().skip(1).filter_map(bin).collect()
}

/// How long prompts are to be, tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "law", rename_all = "snake_case", deny_unknown_fields)]
pub enum Length {
    /// After the histogram of Figure 3, every length times `scale`; evenly within a bin.
    Figure3 {
        /// What lengths are multiplied by, for models of smaller windows.
        #[serde(default = "one")]
        scale: f64,
    },
    /// Evenly between two lengths.
    Uniform {
        /// The shortest.
        low: usize,
        /// The longest.
        high: usize,
    },
    /// Bins with weights; evenly within a bin.
    Bins {
        /// Borders, one more than bins, rising.
        edges: Vec<usize>,
        /// Weights; they need not add up to 1.
        weights: Vec<f64>,
    },
}

fn one() -> f64 {
    1.0
}

impl Default for Length {
    fn default() -> Self {
        Length::Figure3 { scale: 1.0 }
    }
}

impl Length {
    pub(super) fn check(&self) -> Result<(), SpecError> {
        let (fit, mend) = match self {
            Length::Figure3 { scale } => (*scale > 0.0 && *scale <= 1_000.0, "use a `scale` above 0 and up to 1,000"),
            Length::Uniform { low, high } => (0 < *low && low <= high, "give `low` and `high`, in this order"),
            Length::Bins { edges, weights } => (
                edges.len() == weights.len() + 1
                    && edges.is_sorted()
                    && weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0)
                    && weights.iter().sum::<f64>() > 0.0,
                "give rising `edges`, one more than `weights`, and weights that are not all 0",
            ),
        };
        demand(fit, "context.length", self, mend)
    }

    /// Draws a length.
    pub fn draw(&self, stream: &mut Stream) -> usize {
        match self {
            Length::Figure3 { scale } => {
                let bins = figure_3();
                let weights: Vec<f64> = bins.iter().map(|bin| bin.2 as f64).collect();
                let (start, end, _) = bins[weighted(&weights, stream)];
                ((start + stream.below(end - start) + 1) as f64 * scale).ceil() as usize
            }
            Length::Uniform { low, high } => stream.range(*low..=*high),
            Length::Bins { edges, weights } => {
                let bin = weighted(weights, stream);
                stream.range(edges[bin]..=edges[bin + 1])
            }
        }
    }
}

/// An index drawn by weight. Weights are not negative and not all zero.
pub fn weighted(weights: &[f64], stream: &mut Stream) -> usize {
    let mut left = stream.uniform() * weights.iter().sum::<f64>();
    let passed = |weight: &&f64| {
        left -= **weight;
        left >= 0.0
    };
    let index = weights.iter().take_while(passed).count();
    // Rounding may leave a rest beyond the last weight; it belongs to the last that is not zero.
    let last = weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0);
    index.min(last)
}

/// Where in a context the evidence stands: the share of the irrelevant text that comes before each passage with evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// Each passage anywhere, by itself.
    Uniform,
    /// At equal distances.
    Even,
    /// Next to each other, anywhere.
    Together,
    /// In the first tenth.
    Front,
    /// In the middle tenth.
    Middle,
    /// In the last tenth.
    Back,
}

impl Spread {
    /// Places for so many passages, rising, each in [0, 1].
    pub fn places(self, count: usize, stream: &mut Stream) -> Vec<f64> {
        let anywhere = stream.uniform();
        let mut places: Vec<f64> = (0..count)
            .map(|at| match self {
                Spread::Uniform => stream.uniform(),
                Spread::Even => (at as f64 + 1.0) / (count as f64 + 1.0),
                Spread::Together => anywhere,
                Spread::Front => stream.uniform() * 0.1,
                Spread::Middle => 0.45 + stream.uniform() * 0.1,
                Spread::Back => 0.9 + stream.uniform() * 0.1,
            })
            .collect();
        places.sort_by(f64::total_cmp);
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longlab_kernels::stream::{Address, Purpose};

    fn stream(position: u32) -> Stream {
        Address::new(1, Purpose::Test).position(position).stream()
    }

    #[test]
    fn figure_3_has_its_bins_and_samples() {
        let bins = figure_3();
        assert_eq!((bins.len(), bins[0], bins[19]), (20, (0, 6_000, 2296), (114_000, 120_000, 69)));
        assert_eq!(bins.iter().map(|bin| bin.2).sum::<usize>(), 14_174);
    }

    #[test]
    fn drawn_lengths_follow_the_figure() {
        let mut stream = stream(0);
        let law = Length::default();
        let drawn: Vec<usize> = (0..20_000).map(|_| law.draw(&mut stream)).collect();
        let below = |limit: usize| drawn.iter().filter(|length| **length <= limit).count() as f64 / 20_000.0;
        // Cumulative shares of the figure; six standard deviations are 0.021.
        assert!((below(24_000) - 0.535).abs() < 0.021 && (below(60_000) - 0.795).abs() < 0.021);
        assert!(drawn.iter().all(|length| (1..=120_000).contains(length)));
    }

    #[test]
    fn weights_of_zero_are_never_drawn() {
        let mut stream = stream(1);
        assert!((0..500).all(|_| weighted(&[0.0, 1.0, 0.0, 2.0, 0.0], &mut stream) % 2 == 1));
    }

    #[test]
    fn places_rise_and_keep_their_law() {
        for spread in [Spread::Uniform, Spread::Even, Spread::Together, Spread::Front, Spread::Middle, Spread::Back] {
            let places = spread.places(9, &mut stream(2));
            assert!(places.is_sorted() && places.iter().all(|place| (0.0..=1.0).contains(place)));
        }
        assert!(Spread::Front.places(9, &mut stream(3)).iter().all(|place| *place <= 0.1));
        assert_eq!(Spread::Even.places(3, &mut stream(4)), [0.25, 0.5, 0.75]);
    }
}
