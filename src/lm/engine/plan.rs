//! What each row reads in a pass.

/// How many tokens each row reads, of those that it has not read yet. A row with one left, which is about to draw, always reads it. The
/// others share `budget` tokens evenly, and what short ones leave goes to the longer: no prompt holds up the drawing rows, nor the short
/// prompts beside it.
pub(super) fn plan(left: &[usize], budget: usize) -> Vec<usize> {
    let mut counts: Vec<usize> = left.iter().map(|&left| left.min(1)).collect();
    let mut prompts: Vec<usize> = (0..left.len()).filter(|&row| left[row] > 1).collect();
    prompts.iter().for_each(|&row| counts[row] = 0);
    prompts.sort_by_key(|&row| left[row]);
    let mut budget = budget.max(1);
    for (at, &row) in prompts.iter().enumerate() {
        let share = budget.div_ceil(prompts.len() - at);
        counts[row] = left[row].min(share);
        budget -= counts[row];
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::plan;
    use proptest::prelude::*;

    #[test]
    fn short_prompts_are_read_whole_and_long_ones_share_the_rest() {
        assert_eq!(plan(&[1, 1000, 0, 20, 1, 1000], 200), [1, 90, 0, 20, 1, 90]);
        assert_eq!(plan(&[1000, 1000, 1000], 2), [1, 1, 0], "the first of equals comes first");
        assert_eq!(plan(&[5], 0), [1], "there is always something to do");
        assert_eq!(plan(&[], 10), [] as [usize; 0]);
    }

    proptest! {
        #[test]
        fn budgets_are_used_and_kept(left in proptest::collection::vec(0usize..300, 0..20), budget in 1usize..300) {
            let counts = plan(&left, budget);
            let prompts: usize = left.iter().filter(|&&left| left > 1).sum();
            let read: usize = counts.iter().zip(&left).filter(|(_, left)| **left > 1).map(|(count, _)| count).sum();
            prop_assert_eq!(read, prompts.min(budget));
            for (count, left) in counts.iter().zip(&left) {
                prop_assert!(count <= left && (*left != 1 || *count == 1));
            }
        }
    }
}
