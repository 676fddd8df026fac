//! Which item gets which of the lengths that the law gives.

use crate::spec::Length;
use longlab_kernels::stream::Stream;

/// A length for each item, given how long it is without irrelevant text. As many lengths as items are drawn from the law, and dealt out so that each item
/// fits into its own where that can be: longest first, each gets one at random of those that it fits into, and where none is left the longest.
pub fn assign(law: &Length, most: usize, bases: &[usize], stream: &mut Stream) -> Vec<usize> {
    let mut lengths: Vec<usize> = bases.iter().map(|_| law.draw(stream).min(most)).collect();
    lengths.sort_unstable();
    let mut order: Vec<usize> = (0..bases.len()).collect();
    order.sort_by_key(|item| (std::cmp::Reverse(bases[*item]), *item));
    let mut assigned = vec![0; bases.len()];
    let mut fitting: Vec<usize> = vec![];
    for item in order {
        while lengths.last().is_some_and(|length| *length >= bases[item]) {
            fitting.extend(lengths.pop());
        }
        assigned[item] = match fitting.len() {
            // None is long enough: the longest that is left.
            0 => lengths.pop().unwrap_or(most),
            count => fitting.swap_remove(stream.below(count)),
        };
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;
    use longlab_kernels::stream::{Address, Purpose};

    #[test]
    fn items_get_lengths_that_they_fit_into_and_all_are_dealt() {
        let mut stream = Address::new(3, Purpose::Test).stream();
        let law = Length::Uniform { low: 100, high: 1_000 };
        let bases: Vec<usize> = (0..200).map(|at| 5 * at / 2).collect();
        let assigned = assign(&law, 900, &bases, &mut stream);
        assert!(assigned.iter().all(|length| (100..=900).contains(length)));
        let short = bases.iter().zip(&assigned).filter(|(base, length)| base > length).count();
        assert_eq!(short, 0);
        let mean = assigned.iter().sum::<usize>() as f64 / 200.0;
        assert!((mean - 544.0).abs() < 70.0, "{mean}");
    }

    #[test]
    fn an_item_that_fits_nowhere_gets_the_longest() {
        let mut stream = Address::new(4, Purpose::Test).stream();
        let law = Length::Uniform { low: 10, high: 20 };
        assert!(assign(&law, 20, &[50, 5], &mut stream).iter().all(|length| (10..=20).contains(length)));
    }
}
