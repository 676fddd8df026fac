//! The difflib ratio.

use longlab_kernels::similarity::ratio;
use proptest::prelude::*;

proptest! {
    #[test]
    fn within_zero_and_one_and_one_only_for_equal_texts(a in "[ab é雨]{0,30}", b in "[ab é雨]{0,30}") {
        let (got, back) = (ratio(&a, &b), ratio(&b, &a));
        for value in [got, back] {
            prop_assert!((0.0..=1.0).contains(&value));
            prop_assert_eq!(value == 1.0, a == b);
        }
    }

    #[test]
    fn zero_exactly_without_a_common_character(a in "[abc]{1,20}", b in "[cde]{1,20}") {
        prop_assert_eq!(ratio(&a, &b) == 0.0, !(a.contains('c') && b.contains('c')));
    }

    #[test]
    fn a_text_is_equal_to_itself_at_any_length(a in "[ab é]{0,260}") {
        prop_assert_eq!(ratio(&a, &a), 1.0);
    }

    #[test]
    fn bounded_by_the_characters_in_common(a in "[abcd]{0,40}", b in "[abcd]{0,40}") {
        // CPython's quick_ratio: matched characters cannot exceed the common multiset.
        let count = |text: &str, c: char| text.chars().filter(|&x| x == c).count();
        let common: usize = "abcd".chars().map(|c| count(&a, c).min(count(&b, c))).sum();
        let total = a.len() + b.len();
        let bound = if total == 0 { 1.0 } else { 2.0 * common as f64 / total as f64 };
        prop_assert!(ratio(&a, &b) <= bound);
    }

    #[test]
    fn a_prefix_scores_by_its_length(a in "[a-z]{1,80}", cut in 0.0..=1.0f64) {
        let kept = (cut * a.len() as f64) as usize;
        prop_assert_eq!(ratio(&a[..kept], &a), 2.0 * kept as f64 / (kept + a.len()) as f64);
    }
}
