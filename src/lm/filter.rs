//! Which tokens may be drawn: temperature, then top-k, top-p and min-p, in the order in which transformers and vLLM document them.

use super::sample::{pick_above, rank};
use std::cmp::Reverse;

/// How the next token is drawn from logits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filters {
    /// Divides the logits; 0 takes the most probable token.
    pub temperature: f64,
    /// Only the so many most probable tokens are drawn from; of equals the first.
    pub top_k: Option<usize>,
    /// Mass of the nucleus of those that is drawn from, in (0, 1].
    pub top_p: f64,
    /// Only tokens of at least this share of the most probable one's probability are drawn from, in [0, 1].
    pub min_p: f64,
}

/// What the distribution of the model, before any filter, says of a drawn token. Nats.
#[derive(Clone, Debug, PartialEq)]
pub struct Odds {
    /// Its log-probability.
    pub logprob: f32,
    /// The most probable tokens at its place and their log-probabilities, most probable first.
    pub top: Vec<(u32, f32)>,
}

impl Filters {
    /// The most probable token.
    pub const GREEDY: Filters = Filters { temperature: 0.0, top_k: None, top_p: 1.0, min_p: 0.0 };

    /// The token for a uniform number in [0, 1); none where the probabilities are not finite.
    ///
    /// ```
    /// use longlab::lm::Filters;
    /// let logits = [1.0, 3.0, 2.0];
    /// let all = Filters { temperature: 1.0, ..Filters::GREEDY };
    /// assert_eq!(all.draw(&logits, 0.05), Some(0)); // probabilities 0.09, 0.67, 0.24
    /// assert_eq!(Filters { top_k: Some(2), ..all }.draw(&logits, 0.05), Some(1));
    /// assert_eq!(Filters { min_p: 0.5, ..all }.draw(&logits, 0.99), Some(1));
    /// assert_eq!(Filters::GREEDY.draw(&logits, 0.99), Some(1));
    /// ```
    pub fn draw(&self, logits: &[f32], uniform: f64) -> Option<usize> {
        let max = largest(logits)?;
        if self.temperature == 0.0 {
            return logits.iter().position(|&y| y == max);
        }
        let power = |&y: &f32| (f64::from(y - max) / self.temperature).exp() as f32;
        let mut powers: Vec<f32> = logits.iter().map(power).collect();
        if let Some(k) = self.top_k.filter(|&k| k < powers.len()) {
            keep_top(&mut powers, k.max(1));
        }
        // The power of the most probable token is 1.
        pick_above(&powers, self.top_p, self.min_p as f32, uniform)
    }

    /// The name and the reason of a number that is out of its range.
    ///
    /// # Errors
    /// Such a number.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let within = |fits: bool, name, range| if fits { Ok(()) } else { Err((name, range)) };
        within(self.temperature.is_finite() && self.temperature >= 0.0, "temperature", "0 or more")?;
        within(self.top_k != Some(0), "top_k", "1 or more")?;
        within(self.top_p > 0.0 && self.top_p <= 1.0, "top_p", "above 0 and at most 1")?;
        within((0.0..=1.0).contains(&self.min_p), "min_p", "0 to 1")
    }
}

impl Odds {
    /// Of a token, with `top` others, from the logits of its place. What is not finite stays so.
    pub fn new(logits: &[f32], token: usize, top: usize) -> Odds {
        let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let sum: f64 = logits.iter().map(|&y| (f64::from(y) - max).exp()).sum();
        let logprob = |index: usize| (f64::from(logits[index]) - max - sum.ln()) as f32;
        // Logits of any sign: their order is that of these keys.
        let key = |index: u32| (Reverse(total_order(logits[index as usize])), index);
        let mut order: Vec<u32> = (0..logits.len() as u32).collect();
        if (1..order.len()).contains(&top) {
            order.select_nth_unstable_by_key(top - 1, |&index| key(index));
        }
        order.truncate(top);
        order.sort_unstable_by_key(|&index| key(index));
        Odds { logprob: logprob(token), top: order.into_iter().map(|index| (index, logprob(index as usize))).collect() }
    }
}

/// The largest logit; none where one is no number or endlessly large.
fn largest(logits: &[f32]) -> Option<f32> {
    // Sixteen side by side: they fit vectors.
    let (mut lanes, mut strange) = ([f32::NEG_INFINITY; 16], [false; 16]);
    let (chunks, rest) = logits.as_chunks::<16>();
    for chunk in chunks.iter().map(<[f32; 16]>::as_slice).chain([rest]) {
        for ((lane, strange), &y) in lanes.iter_mut().zip(&mut strange).zip(chunk) {
            *lane = if y > *lane { y } else { *lane };
            *strange |= y.is_nan();
        }
    }
    let max = lanes.into_iter().fold(f32::NEG_INFINITY, f32::max);
    (max.is_finite() && !strange.contains(&true)).then_some(max)
}

/// Leaves the `k` largest, `k` from 1 to one less than there are.
fn keep_top(powers: &mut [f32], k: usize) {
    let mut keys: Vec<u64> = (0u32..).zip(powers.iter()).map(rank).collect();
    let (_, &mut least, _) = keys.select_nth_unstable_by_key(k - 1, |&key| Reverse(key));
    for (index, power) in (0u32..).zip(powers) {
        if rank((index, power)) < least {
            *power = 0.0;
        }
    }
}

/// Integers that sort as floats do.
fn total_order(x: f32) -> i32 {
    let bits = x.to_bits() as i32;
    bits ^ ((bits >> 31) as u32 >> 1) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The tokens that may be drawn and their probabilities, by the plain reading of each filter's definition.
    fn reference(logits: &[f32], filters: &Filters) -> Vec<(usize, f64)> {
        let weight = |y: f32| (f64::from(y) / filters.temperature).exp();
        let mut tokens: Vec<(usize, f64)> = logits.iter().map(|&y| weight(y)).enumerate().collect();
        tokens.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        tokens.truncate(filters.top_k.unwrap_or(usize::MAX));
        let total: f64 = tokens.iter().map(|token| token.1).sum();
        let mut before = 0.0;
        tokens.retain(|token| {
            let kept = before < filters.top_p * total;
            before += token.1;
            kept
        });
        let least = tokens[0].1 * filters.min_p;
        tokens.retain(|token| token.1 >= least);
        let total: f64 = tokens.iter().map(|token| token.1).sum();
        tokens.iter().map(|token| (token.0, token.1 / total)).collect()
    }

    fn any_filters() -> impl Strategy<Value = Filters> {
        (
            0.3..3.0,
            proptest::option::of(1usize..12),
            prop_oneof![Just(1.0), 0.05..1.0],
            prop_oneof![Just(0.0), 0.0..1.0],
        )
            .prop_map(|(temperature, top_k, top_p, min_p)| Filters { temperature, top_k, top_p, min_p })
    }

    proptest! {
        #[test]
        fn draws_have_the_frequencies_of_the_definitions(logits in proptest::collection::vec(-4.0f32..4.0, 1..12), filters in any_filters()) {
            let expected = reference(&logits, &filters);
            // The cumulated masses must stay off the borders that rounding to f32 may move.
            let weights: Vec<f64> = logits.iter().map(|&y| (f64::from(y) / filters.temperature).exp()).collect();
            let top = weights.iter().copied().fold(0.0, f64::max);
            prop_assume!(weights.iter().all(|w| (w / top - filters.min_p).abs() > 1e-4));
            let (mut mass, whole) = (0.0, reference(&logits, &Filters { top_p: 1.0, min_p: 0.0, ..filters }));
            prop_assume!(whole.iter().all(|(_, p)| { mass += p; (mass - filters.top_p).abs() > 1e-4 || filters.top_p == 1.0 }));
            let draws = 2_000;
            let mut counts = vec![0.0; logits.len()];
            for draw in 0..draws {
                counts[filters.draw(&logits, (f64::from(draw) + 0.5) / f64::from(draws)).unwrap()] += 1.0 / f64::from(draws);
            }
            for (token, p) in expected {
                // Evenly spread uniform numbers miss a share by one at each of its two ends.
                prop_assert!((counts[token] - p).abs() < 1.5 / f64::from(draws), "token {token}: {} for {p}", counts[token]);
                counts[token] = 0.0;
            }
            prop_assert!(counts.iter().all(|&count| count == 0.0), "drawn though filtered out: {counts:?}");
        }

        #[test]
        fn log_probabilities_are_those_of_the_softmax(logits in proptest::collection::vec(-30.0f32..30.0, 1..40), top in 0usize..45) {
            let odds = Odds::new(&logits, 0, top);
            let sum: f64 = logits.iter().map(|&y| f64::from(y).exp()).sum();
            let expected = |index: usize| f64::from(logits[index]) - sum.ln();
            prop_assert!((f64::from(odds.logprob) - expected(0)).abs() < 1e-5);
            let mut order: Vec<usize> = (0..logits.len()).collect();
            order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
            order.truncate(top);
            prop_assert_eq!(odds.top.iter().map(|(token, _)| *token as usize).collect::<Vec<_>>(), order);
            for (token, logprob) in odds.top {
                prop_assert!((f64::from(logprob) - expected(token as usize)).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn what_is_no_number_is_never_drawn_from() {
        let filters = Filters { temperature: 1.0, ..Filters::GREEDY };
        for logits in [[1.0, f32::NAN], [f32::INFINITY, 0.0], [f32::NEG_INFINITY; 2]] {
            assert_eq!(filters.draw(&logits, 0.5), None, "{logits:?}");
            assert_eq!(Filters::GREEDY.draw(&logits, 0.5), None, "{logits:?}");
        }
        for at in [0, 15, 16, 36] {
            let mut many: Vec<f32> = (0..37u8).map(f32::from).collect();
            assert_eq!(Filters::GREEDY.draw(&many, 0.5), Some(36));
            many[at] = 99.0;
            assert_eq!(Filters::GREEDY.draw(&many, 0.5), Some(at));
            many[at] = f32::NAN;
            assert_eq!(Filters::GREEDY.draw(&many, 0.5), None, "{at}");
        }
        assert_eq!(filters.draw(&[f32::NEG_INFINITY, -5.0], 0.0), Some(1), "an impossible token is no fault");
        assert_eq!(Filters { temperature: 1e-300, ..filters }.draw(&[1.0, 2.0], 0.99), Some(1));
        assert!(Odds::new(&[1.0, f32::NAN], 0, 1).logprob.is_nan());
    }

    #[test]
    fn of_equals_the_first_are_kept() {
        let filters = Filters { temperature: 1.0, top_k: Some(2), ..Filters::GREEDY };
        let drawn: Vec<_> = (0..4).map(|draw| filters.draw(&[0.5; 4], f64::from(draw) / 4.0).unwrap()).collect();
        assert_eq!(drawn, [0, 0, 1, 1]);
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        let filters = Filters { temperature: 1.0, top_k: None, top_p: 1.0, min_p: 0.0 };
        assert_eq!(filters.check(), Ok(()));
        for (wrong, name) in [
            (Filters { temperature: f64::NAN, ..filters }, "temperature"),
            (Filters { top_k: Some(0), ..filters }, "top_k"),
            (Filters { top_p: 0.0, ..filters }, "top_p"),
            (Filters { min_p: 1.1, ..filters }, "min_p"),
        ] {
            assert_eq!(wrong.check().unwrap_err().0, name);
        }
    }
}
